//! A query over a finite set of events: everything it finds, in order, cut by size and pipes.

use crate::event::Document;
use crate::event::document::Order;

use super::ast::End;
use super::hits::Hits;
use super::program::{Kind, Program};
use super::sample::Samples;
use super::sequence::{Found, Limits, Sequences};

/// What bounds the answer.
#[derive(Clone, Copy, Debug)]
pub struct Bounds {
    /// The most results, taken before the first pipe: from the end that it names, without pipes from
    /// the latest. None: all.
    pub size: Option<usize>,
    /// The most sets that a sample gives for one key.
    pub samples_per_key: usize,
}

impl Default for Bounds {
    fn default() -> Self {
        Bounds { size: None, samples_per_key: 1 }
    }
}

/// Everything that `program` finds in `documents`, by their positions. Documents are put in order of
/// [`Document::order`], equal ones staying as they are. Results of event queries are in that order,
/// sequences in the order of their last events, samples in the order of their keys.
#[must_use]
pub fn answer<D: Document>(program: &Program, documents: &[D], bounds: Bounds) -> Vec<Found<usize>> {
    let mut sorted: Vec<usize> = (0..documents.len()).collect();
    sorted.sort_by_key(|index| documents[*index].order());
    let mut found = match program.kind() {
        Kind::Event => events(program, documents, &sorted),
        Kind::Sequence => sequences(program, documents, &sorted),
        Kind::Sample => {
            let mut samples = Samples::new(usize::MAX, None);
            for index in &sorted {
                let document = &documents[*index];
                samples.add(program, &Hits::of(program, document), document.order(), index);
            }
            samples.all(bounds.samples_per_key)
        }
    };
    let size_end = match (program.pipes().first(), program.kind()) {
        (Some((end, _)), _) => *end,
        (None, Kind::Sample) => End::Head,
        (None, _) => End::Tail,
    };
    if let Some(size) = bounds.size {
        keep(&mut found, size_end, size);
    }
    for (end, count) in program.pipes() {
        keep(&mut found, *end, usize::try_from(*count).unwrap_or(usize::MAX));
    }
    found
}

fn events<D: Document>(program: &Program, documents: &[D], sorted: &[usize]) -> Vec<Found<usize>> {
    let hits = sorted.iter().filter(|index| program.matches(&documents[**index]));
    let found = hits.map(|index| Found {
        events: vec![Some(*index)],
        key: super::key::JoinKey::from(&[][..]),
        last: documents[*index].order(),
    });
    found.collect()
}

fn sequences<D: Document>(program: &Program, documents: &[D], sorted: &[usize]) -> Vec<Found<usize>> {
    let mut sequences = Sequences::new(Limits::NONE);
    let mut found = Vec::new();
    for index in sorted {
        sequences.push(program, &documents[*index], index, &mut found);
    }
    sequences.finish(program, &mut found);
    // What waited for a missing event was found later than its last event.
    let place = |found: &Found<usize>| -> Order { found.last };
    found.sort_by_key(place);
    found
}

fn keep<T>(list: &mut Vec<T>, end: End, count: usize) {
    match end {
        End::Head => list.truncate(count),
        End::Tail => {
            let surplus = list.len().saturating_sub(count);
            list.drain(..surplus);
        }
    }
}
