//! A query answered in the plainest way: the truth of each stage by walking the syntax tree, then the
//! rules of sequences and samples as docs/eql.md has them, over the whole list of events and with nothing
//! thrown away early.

use std::cmp::Ordering;
use std::collections::BTreeMap;
use std::sync::Arc;

use auditward::diagnostic::Source;
use auditward::eql::ast::{Body, End, ExprKind, Item, Key, Literal, Query, Sample, Sequence};
use auditward::eql::explain::explain;
use auditward::eql::{Options, parse};
use auditward::event::document::Order;
use auditward::event::{Document, Schema, Value};

/// Values of a join key.
pub(crate) type Keys = Vec<Option<String>>;

/// A hit: positions of events (none: missing), and the join key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Hit {
    pub(crate) events: Vec<Option<usize>>,
    pub(crate) keys: Keys,
}

/// What the walk of the tree says of one event.
struct Seen {
    order: Order,
    /// By stage: whether it matches, and under which keys.
    stages: Vec<(bool, Vec<Keys>)>,
}

/// The hits of a query that compiles. Of a sample only one hit for each key.
pub(crate) fn answer<D: Document>(
    source: &Arc<Source>,
    schema: &dyn Schema,
    options: &Options,
    documents: &[D],
    size: Option<usize>,
) -> Vec<Hit> {
    let query = parse(source).unwrap();
    let mut order: Vec<usize> = (0..documents.len()).collect();
    order.sort_by_key(|at| documents[*at].order());
    let seen: Vec<Seen> =
        order.iter().map(|at| look(&query, source, schema, options, &documents[*at])).collect();
    let mut hits = match &query.body {
        Body::Event(_) => {
            let matching = (0..seen.len()).filter(|at| seen[*at].stages[0].0);
            matching.map(|at| Hit { events: vec![Some(at)], keys: Vec::new() }).collect()
        }
        Body::Sequence(sequence) => sequences(sequence, &seen),
        Body::Sample(sample) => samples(sample, &seen),
    };
    for hit in &mut hits {
        hit.events.iter_mut().flatten().for_each(|at| *at = order[*at]);
    }
    let usual = if matches!(query.body, Body::Sample(_)) { End::Head } else { End::Tail };
    let first = query.pipes.first().map_or(usual, |pipe| pipe.end);
    if let Some(size) = size {
        keep(&mut hits, first, size);
    }
    for pipe in &query.pipes {
        let ExprKind::Literal(Literal::Long(count)) = pipe.count.kind else { panic!("a plain number") };
        keep(&mut hits, pipe.end, usize::try_from(count).unwrap());
    }
    hits
}

fn keep(hits: &mut Vec<Hit>, end: End, count: usize) {
    let surplus = hits.len().saturating_sub(count);
    match end {
        End::Head => hits.truncate(count),
        End::Tail => *hits = hits.split_off(surplus),
    }
}

fn look<D: Document>(
    query: &Query,
    source: &Arc<Source>,
    schema: &dyn Schema,
    options: &Options,
    document: &D,
) -> Seen {
    let truths = explain(source, schema, options, document).unwrap();
    let (by, items): (&[Key], Vec<&Item>) = match &query.body {
        Body::Event(_) => (&[], Vec::new()),
        Body::Sequence(sequence) => (&sequence.by, sequence.items.iter().chain(&sequence.until).collect()),
        Body::Sample(sample) => (&sample.by, sample.items.iter().collect()),
    };
    let until = matches!(&query.body, Body::Sequence(sequence) if sequence.until.is_some());
    let mut stages: Vec<(bool, Vec<Keys>)> = Vec::new();
    for (number, truth) in truths.iter().enumerate() {
        let keys = items.get(number).map_or(vec![Vec::new()], |item| {
            let any = until && number + 1 == items.len();
            keys_of(by.iter().chain(&item.by), any, schema, document)
        });
        stages.push((truth.truth, keys));
    }
    Seen { order: document.order(), stages }
}

/// Every combination of values, each once; none if a field that is not optional is missing.
fn keys_of<'k, D: Document>(
    fields: impl Iterator<Item = &'k Key>,
    null_too: bool,
    schema: &dyn Schema,
    document: &D,
) -> Vec<Keys> {
    let mut all: Vec<Keys> = vec![Vec::new()];
    for key in fields {
        let field = schema.resolve(&key.name.path).map(|(field, _)| field);
        let values: Vec<Option<String>> = match field.map(|field| document.values(field)) {
            Some(values) if !values.as_slice().is_empty() => {
                values.as_slice().iter().map(|value| Some(text(value))).collect()
            }
            _ if key.name.optional || null_too => vec![None],
            _ => return Vec::new(),
        };
        let longer = |known: &Keys| {
            values.iter().map(|v| [&known[..], std::slice::from_ref(v)].concat()).collect::<Vec<_>>()
        };
        all = all.iter().flat_map(longer).collect();
    }
    all.sort();
    all.dedup();
    all
}

/// As `auditward eql` shows it in a key.
fn text(value: &Value<'_>) -> String {
    match value {
        Value::Text(text) => String::from_utf8_lossy(text).into_owned(),
        Value::Long(number) | Value::Date(number) => number.to_string(),
        // There is one zero.
        Value::Double(number) => (number + 0.0).to_string(),
        Value::Bool(truth) => truth.to_string(),
        Value::Ip(address) => address.to_string(),
    }
}

fn sequences(sequence: &Sequence, seen: &[Seen]) -> Vec<Hit> {
    let positive: Vec<usize> = (0..sequence.items.len())
        .filter(|item| !sequence.items[*item].missing)
        .flat_map(|item| std::iter::repeat_n(item, sequence.items[item].runs.unwrap_or(1).into()))
        .collect();
    let mut groups: Vec<&Keys> =
        seen.iter().flat_map(|event| &event.stages).flat_map(|(_, keys)| keys).collect();
    groups.sort();
    groups.dedup();
    let mut found: Vec<(Order, Hit)> = Vec::new();
    for keys in groups {
        let fits = |at: usize, stage: usize| {
            let (truth, of) = &seen[at].stages[stage];
            *truth && of.contains(keys)
        };
        for events in complete(sequence, seen, &positive, &fits) {
            if whole(sequence, seen, &positive, &events, &fits) {
                let last = seen[*events.last().unwrap()].order;
                let mut rest = events.into_iter();
                let shape = sequence
                    .items
                    .iter()
                    .flat_map(|item| std::iter::repeat_n(item.missing, item.runs.unwrap_or(1).into()));
                let events = shape.map(|missing| if missing { None } else { rest.next() }).collect();
                found.push((last, Hit { events, keys: keys.clone() }));
            }
        }
    }
    found.sort_by_key(|(last, _)| *last);
    found.into_iter().map(|(_, hit)| hit).collect()
}

/// The sequences of one key, as if no event had to be missing.
fn complete(
    sequence: &Sequence,
    seen: &[Seen],
    positive: &[usize],
    fits: &dyn Fn(usize, usize) -> bool,
) -> Vec<Vec<usize>> {
    let maxspan = sequence.maxspan.map_or(i64::MAX, |span| span.millis());
    // By item: what waits there, oldest first.
    let mut waiting: Vec<Vec<Vec<usize>>> = vec![Vec::new(); positive.len()];
    let mut found = Vec::new();
    for (at, event) in seen.iter().enumerate() {
        // From the last item to the first, so that no event follows itself.
        for (item, stage) in positive.iter().enumerate().rev() {
            if !fits(at, *stage) {
                continue;
            }
            let mut events = Vec::new();
            if item > 0 {
                let earlier = |partial: &Vec<usize>| seen[*partial.last().unwrap()].order < event.order;
                let Some(newest) = waiting[item - 1].iter().rposition(earlier) else { continue };
                events = waiting[item - 1].drain(..=newest).next_back().unwrap();
                let (first, last) = (seen[events[0]].order, seen[*events.last().unwrap()].order);
                let ended = sequence.until.is_some() && {
                    let mut until = (0..seen.len()).filter(|u| fits(*u, sequence.items.len()));
                    until.any(|u| (last..event.order).contains(&seen[u].order))
                };
                if event.order.millis - first.millis > maxspan || ended {
                    continue;
                }
            }
            events.push(at);
            if item + 1 == positive.len() { found.push(events) } else { waiting[item].push(events) }
        }
    }
    found
}

/// Whether what must be missing is.
fn whole(
    sequence: &Sequence,
    seen: &[Seen],
    positive: &[usize],
    events: &[usize],
    fits: &dyn Fn(usize, usize) -> bool,
) -> bool {
    let time = |at: usize| seen[at].order.millis;
    let (first, last) = (time(events[0]), time(*events.last().unwrap()));
    let span = sequence.maxspan.map_or(i64::MAX, |span| span.millis());
    let (mut before, mut behind): (Option<i64>, Option<i64>) = (None, None);
    let (mut leads, mut trails) = (false, false);
    for (stage, _) in sequence.items.iter().enumerate().filter(|(_, item)| item.missing) {
        let hits = (0..seen.len()).filter(|at| fits(*at, stage)).map(time);
        let next = positive.iter().position(|item| *item > stage);
        match next {
            Some(0) => {
                leads = true;
                before = before.max(hits.filter(|hit| *hit < first).max());
            }
            None => {
                trails = true;
                let hit = hits.filter(|hit| *hit > last).min();
                behind = [behind, hit].into_iter().flatten().min();
            }
            Some(next) => {
                let (from, to) = (time(events[next - 1]), time(events[next]));
                if hits.into_iter().any(|hit| from < hit && hit < to) {
                    return false;
                }
            }
        }
    }
    match (leads, trails) {
        (true, false) => before.is_none_or(|hit| last - hit > span),
        (false, true) => behind.is_none_or(|hit| hit - first > span),
        _ => match (before, behind) {
            (Some(before), Some(behind)) => behind - before > span,
            _ => true,
        },
    }
}

/// One set of distinct events for each key that has one.
fn samples(sample: &Sample, seen: &[Seen]) -> Vec<Hit> {
    let mut groups: BTreeMap<&Keys, Vec<Vec<usize>>> = BTreeMap::new();
    for (at, event) in seen.iter().enumerate() {
        for (item, (_, keys)) in event.stages.iter().enumerate().filter(|(_, (truth, _))| *truth) {
            for keys in keys {
                groups.entry(keys).or_insert_with(|| vec![Vec::new(); sample.items.len()])[item].push(at);
            }
        }
    }
    let set = |candidates: &[Vec<usize>]| {
        let mut sets: Vec<Vec<usize>> = vec![Vec::new()];
        for events in candidates {
            let longer = |set: &Vec<usize>| {
                let free = events.iter().filter(|event| !set.contains(event));
                free.map(|event| [&set[..], &[*event]].concat()).collect::<Vec<_>>()
            };
            sets = sets.iter().flat_map(longer).collect();
        }
        sets.into_iter().next()
    };
    let found = groups.into_iter().filter_map(|(keys, candidates)| {
        let events = set(&candidates)?.into_iter().map(Some).collect();
        Some(Hit { events, keys: keys.clone() })
    });
    let mut found: Vec<Hit> = found.collect();
    found.sort_by(|a, b| compare(&a.keys, &b.keys));
    found
}

/// Null first, numbers as numbers.
fn compare(a: &Keys, b: &Keys) -> Ordering {
    let number = |text: &Option<String>| text.as_ref().and_then(|text| text.parse::<f64>().ok());
    let orders = a.iter().zip(b).map(|(a, b)| match (number(a), number(b)) {
        (Some(a), Some(b)) => a.total_cmp(&b),
        _ => a.cmp(b),
    });
    orders.fold(Ordering::Equal, Ordering::then)
}
