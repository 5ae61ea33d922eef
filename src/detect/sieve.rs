//! What events are to rules, asked beside the engine: on another thread, or of another's.

use std::sync::Arc;

use super::engine::{Engine, Unit};
use super::index::Index;
use super::kept::Keep;
use super::waiting::RuleHits;
use crate::eql::Hits;
use crate::event::Document;
use crate::rule::Rule;

/// Asks of an event what an [`Engine`] would ask: what is left to be done there has to do with what came before. Each
/// thread has its own.
#[derive(Debug)]
pub struct Sieve {
    rules: Vec<Arc<Rule>>,
    units: Vec<Unit>,
    index: Index,
}

/// What an event is to the rules of an engine.
#[derive(Debug, Default)]
pub struct Sifted {
    /// The rules that it makes true by itself, by their places among those that are run.
    pub alone: Vec<usize>,
    /// What it fits of rules that join events, by the engine's numbers.
    pub(super) joined: RuleHits,
}

impl Sifted {
    /// Whether no rule has to do with it: it changes nothing in an engine but what time it is there.
    #[must_use]
    pub fn is_idle(&self) -> bool {
        self.alone.is_empty() && self.joined.is_empty()
    }
}

impl Engine {
    /// A sieve for the rules that are run.
    #[must_use]
    pub fn sieve(&self) -> Sieve {
        let conditions =
            self.rules().iter().flat_map(|rule| rule.program.stages()).map(|stage| &stage.condition);
        Sieve { rules: self.rules().to_vec(), units: self.units.clone(), index: Index::new(conditions) }
    }
}

impl Sieve {
    /// Asks the rules about `event`, all at once: none rests.
    pub fn ask<D: Document + Keep + ?Sized>(&mut self, event: &D) -> Sifted {
        let Self { rules, units, index } = self;
        let mut sifted = Sifted::default();
        index.ask(event, |number, holds| {
            let Some(Unit { rule, stage, joined, .. }) = units.get(number).copied().filter(|_| holds) else {
                return;
            };
            let (place, stage) = (rule as usize, stage as usize);
            let Some(rule) = rules.get(place).filter(|rule| !event.is_outside(rule)) else { return };
            let Some(joined) = joined.map(|joined| joined as usize) else { return sifted.alone.push(place) };
            // The stages of a rule follow one another.
            match sifted.joined.last_mut().filter(|(last, _)| *last == joined) {
                Some((_, hits)) => hits.fits(&rule.program, stage, event),
                None => {
                    let mut first = Hits::default();
                    first.fits(&rule.program, stage, event);
                    if !first.is_empty() {
                        sifted.joined.push((joined, first));
                    }
                }
            }
        });
        sifted
    }
}
