//! The engine: each event goes to the rules that it can match, and to no other.

use std::sync::Arc;

use super::index::{Index, Need, RuleSet};
use crate::eql::Kind;
use crate::event::schema::field;
use crate::event::{Document, FieldId};
use crate::rule::Rule;

/// Rules over a stream of events.
///
/// An event that matches no rule costs a few look-ups and no memory; matches are handed out at once, in
/// the order of the rules.
#[derive(Debug)]
pub struct Engine {
    rules: Vec<Arc<Rule>>,
    counts: Vec<Counts>,
    index: Index,
    not_live: Vec<NotLive>,
    events: u64,
    candidates: RuleSet,
    scratch: RuleSet,
}

/// What became of the events at one rule.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Events that its whole condition was asked about.
    pub asked: u64,
    /// Events (of sequences: rows of events) that matched.
    pub matched: u64,
}

/// A rule that is loaded and can match nothing here.
#[derive(Clone, Debug)]
pub struct NotLive {
    /// The rule.
    pub rule: Arc<Rule>,
    /// Why, in the administrator's words.
    pub reason: String,
}

/// A rule has matched.
#[derive(Debug)]
pub struct Match<'m, D: ?Sized> {
    /// The rule.
    pub rule: &'m Arc<Rule>,
    /// The events that made it true, in order; the last is the one that was processed.
    pub events: &'m [&'m D],
}

/// The fields that tell rules apart best and cost an event least: asked first.
const FIRST: [FieldId; 4] =
    [field::PROCESS_NAME, field::EVENT_CATEGORY, field::EVENT_TYPE, field::EVENT_ACTION];

/// The fields that are put together out of others when asked for.
const LAST: [FieldId; 2] = [field::PROCESS_COMMAND_LINE, field::PROCESS_PARENT_COMMAND_LINE];

impl Engine {
    /// An engine for `rules`; those that can match nothing here are set aside, with the reason.
    #[must_use]
    pub fn new(rules: Vec<Arc<Rule>>) -> Self {
        let (mut live, mut not_live) = (Vec::new(), Vec::new());
        for rule in rules {
            match why_not_live(&rule) {
                Some(reason) => not_live.push(NotLive { rule, reason }),
                None => live.push(rule),
            }
        }
        let needs: Vec<Vec<Need>> = live.iter().map(|rule| needs(rule)).collect();
        Self {
            counts: vec![Counts::default(); live.len()],
            index: Index::new(&needs, &FIRST, &LAST),
            rules: live,
            not_live,
            events: 0,
            candidates: RuleSet::default(),
            scratch: RuleSet::default(),
        }
    }

    /// Asks the rules about `event`; `matched` is called for each that it makes true.
    pub fn process<D: Document + ?Sized>(&mut self, event: &D, mut matched: impl FnMut(&Match<'_, D>)) {
        self.events += 1;
        self.index.candidates(event, &mut self.candidates, &mut self.scratch);
        for number in self.candidates.iter() {
            let (Some(rule), Some(counts)) = (self.rules.get(number), self.counts.get_mut(number)) else {
                continue;
            };
            counts.asked += 1;
            if rule.program.matches(event) {
                counts.matched += 1;
                matched(&Match { rule, events: &[event] });
            }
        }
    }

    /// The rules that are run.
    #[must_use]
    pub fn rules(&self) -> &[Arc<Rule>] {
        &self.rules
    }

    /// The rules that are loaded and can match nothing here.
    #[must_use]
    pub fn not_live(&self) -> &[NotLive] {
        &self.not_live
    }

    /// Events processed.
    #[must_use]
    pub fn events(&self) -> u64 {
        self.events
    }

    /// Each rule that is run, with its counts.
    pub fn counts(&self) -> impl Iterator<Item = (&Arc<Rule>, Counts)> {
        self.rules.iter().zip(self.counts.iter().copied())
    }
}

/// Why a rule is not run; none for one that is.
fn why_not_live(rule: &Rule) -> Option<String> {
    match rule.program.kind() {
        Kind::Event => rule.not_live.clone(),
        Kind::Sequence => Some("sequences are not run yet".to_owned()),
        Kind::Sample => Some("samples are not run yet".to_owned()),
    }
}

/// What an event must have for `rule`'s condition to be worth asking.
fn needs(rule: &Rule) -> Vec<Need> {
    let stages = rule.program.requirements();
    let [stage] = stages.as_slice() else { return Vec::new() };
    match stage {
        Some(requirements) => requirements
            .iter()
            .map(|requirement| Need { field: requirement.field, any_of: requirement.any_of.clone() })
            .collect(),
        None => vec![Need { field: field::EVENT_CATEGORY, any_of: Vec::new() }],
    }
}
