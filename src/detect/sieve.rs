//! Which events rules can have to do with at all, asked beside the engine.

use std::sync::Arc;

use super::engine::Engine;
use super::index::Index;
use super::kept::Keep;
use crate::event::Document;
use crate::rule::Rule;

/// Says of an event whether any stage of any rule takes it: one that none does changes nothing in an [`Engine`] but
/// what time it is there. Each thread has its own.
#[derive(Debug)]
pub struct Sieve {
    /// The rule of each stage, by the numbers of the index.
    rules: Vec<Arc<Rule>>,
    index: Index,
}

impl Engine {
    /// A sieve for the rules that are run.
    #[must_use]
    pub fn sieve(&self) -> Sieve {
        let stages = |rule: &Arc<Rule>| std::iter::repeat_n(Arc::clone(rule), rule.program.stages().len());
        let conditions =
            self.rules().iter().flat_map(|rule| rule.program.stages()).map(|stage| &stage.condition);
        Sieve { rules: self.rules().iter().flat_map(stages).collect(), index: Index::new(conditions) }
    }
}

impl Sieve {
    /// Whether a rule takes it.
    pub fn takes<D: Document + Keep + ?Sized>(&mut self, event: &D) -> bool {
        let Self { rules, index } = self;
        let mut found = false;
        index.ask(event, |number, holds| {
            found |= holds && rules.get(number).is_some_and(|rule| !event.is_outside(rule));
        });
        found
    }
}
