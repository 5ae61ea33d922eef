//! What one event is to a sequence or sample: the stages that it fits, and its join keys under each.
//!
//! Asked of an event once, when it comes; the machines need no more of it, so an event can wait for its
//! place in time without being kept itself.

use crate::event::Document;

use super::key::Keys;
use super::program::Program;

/// See the module.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Hits {
    /// Ascending; each with at least one key.
    stages: Vec<(usize, Vec<Box<[u8]>>)>,
    /// Whether there were more combinations of key values than are followed.
    cut: bool,
}

impl Hits {
    /// Asks every stage of `program`.
    #[must_use]
    pub fn of<D: Document + ?Sized>(program: &Program, document: &D) -> Self {
        let mut hits = Self::default();
        for stage in 0..program.stages().len() {
            hits.ask(program, stage, document);
        }
        hits
    }

    /// Asks one stage, by its number in [`Program::requirements`]; stages are asked in ascending order.
    /// Nothing is allocated unless the event fits.
    pub fn ask<D: Document + ?Sized>(&mut self, program: &Program, stage: usize, document: &D) {
        if program.stages().get(stage).is_some_and(|stage| stage.condition.holds(document)) {
            self.fits(program, stage, document);
        }
    }

    /// [`Hits::ask`] where it is known that the stage's condition holds.
    pub(crate) fn fits<D: Document + ?Sized>(&mut self, program: &Program, stage: usize, document: &D) {
        let (fields, any) = match (program.sequence(), program.sample()) {
            (Some(plan), _) => (plan.keys.get(stage), plan.until == Some(stage)),
            (None, Some(plan)) => (plan.keys.get(stage), false),
            (None, None) => return,
        };
        let mut keys = Keys::default();
        keys.of(document, fields.map_or(&[], |fields| fields), any);
        let found: Vec<Box<[u8]>> = keys.iter().map(Box::from).collect();
        if keys.cut() {
            self.cut = true;
            program.note_cut_keys();
        }
        if !found.is_empty() {
            self.stages.push((stage, found));
        }
    }

    /// Whether it fits no stage, or lacks the keys of those that it fits.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.stages.is_empty()
    }

    /// Whether the event has more combinations of key values than are followed.
    #[must_use]
    pub fn cut(&self) -> bool {
        self.cut
    }

    /// The keys under `stage`; none where the event does not fit it.
    pub(super) fn keys(&self, stage: usize) -> &[Box<[u8]>] {
        match self.stages.binary_search_by_key(&stage, |(known, _)| *known) {
            Ok(at) => self.stages.get(at).map_or(&[], |(_, keys)| keys),
            Err(_) => &[],
        }
    }
}
