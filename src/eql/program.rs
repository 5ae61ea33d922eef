//! A compiled query.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::diagnostic::{Diagnostic, Source};
use crate::event::{Document, FieldId, Schema};

use super::ast::{Body, Category, End, EventFilter, Query};
use super::check::{check, pipe_count};
use super::compile::Compiler;
use super::eval::{Blocked, Cond};
use super::fault::Fault;
use super::parser::parse_condition;
use super::requirement::{Needs, Requirement};
use super::{sample, sequence};

/// How queries are compiled.
#[derive(Clone, Debug)]
pub struct Options {
    /// The field that `process where …` asks for `process`.
    pub category_field: String,
}

impl Default for Options {
    fn default() -> Self {
        Options { category_field: "event.category".to_owned() }
    }
}

/// The kinds of query.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Asks each event by itself.
    Event,
    /// Asks for events in an order of time.
    Sequence,
    /// Asks for events in any order.
    Sample,
}

/// A compiled query.
#[derive(Debug)]
pub struct Program {
    plan: Plan,
    stages: Box<[Stage]>,
    pipes: Box<[(End, u64)]>,
    fields: Box<[FieldId]>,
    warnings: Vec<Diagnostic>,
    /// How often a stage took an event under some of its join keys only.
    cut_keys: AtomicU64,
}

/// How the stages belong together.
#[derive(Debug)]
enum Plan {
    Event,
    Sequence(sequence::Plan),
    Sample(sample::Plan),
}

/// One event that a query asks for.
#[derive(Debug)]
pub(crate) struct Stage {
    pub(crate) condition: Cond,
    needs: Needs,
}

impl Stage {
    fn requirements(&self) -> Option<&[Requirement]> {
        match &self.needs {
            Needs::Never => None,
            Needs::All(requirements) => Some(requirements),
        }
    }
}

/// Reads `source.text` into a syntax tree, which prints as the same query in one spelling.
///
/// # Errors
/// Every fault of syntax, each with its place.
pub fn parse(source: &Arc<Source>) -> Result<Query, Vec<Diagnostic>> {
    super::parser::parse(&source.text).map_err(|faults| diagnostics(&faults, source))
}

impl Program {
    /// Parses, checks and compiles `source.text`.
    ///
    /// # Errors
    /// Every fault of the query, each with its place.
    pub fn compile(source: &Arc<Source>, schema: &dyn Schema) -> Result<Self, Vec<Diagnostic>> {
        Self::compile_with(source, schema, &Options::default())
    }

    /// The same with options.
    ///
    /// # Errors
    /// Every fault of the query, each with its place.
    pub fn compile_with(
        source: &Arc<Source>,
        schema: &dyn Schema,
        options: &Options,
    ) -> Result<Self, Vec<Diagnostic>> {
        let query = parse(source)?;
        Self::of(&query, source, schema, options)
    }

    /// Compiles a condition alone, without category and `where`: what an exception or an added
    /// condition holds. It is an event query of any category.
    ///
    /// # Errors
    /// Every fault of the condition, each with its place.
    pub fn compile_condition(source: &Arc<Source>, schema: &dyn Schema) -> Result<Self, Vec<Diagnostic>> {
        let condition = parse_condition(&source.text).map_err(|faults| diagnostics(&faults, source))?;
        let category = Category { name: None, span: condition.span };
        let query = Query { body: Body::Event(EventFilter { category, condition }), pipes: Vec::new() };
        Self::of(&query, source, schema, &Options::default())
    }

    fn of(
        query: &Query,
        source: &Arc<Source>,
        schema: &dyn Schema,
        options: &Options,
    ) -> Result<Self, Vec<Diagnostic>> {
        let faults = check(query, schema, &options.category_field);
        if !faults.is_empty() {
            return Err(diagnostics(&faults, source));
        }
        let mut compiler = Compiler::new(schema, &options.category_field);
        let (filters, plan) = match &query.body {
            Body::Event(filter) => (vec![filter], Plan::Event),
            Body::Sequence(sequence) => {
                let items = sequence.items.iter().chain(&sequence.until);
                (items.map(|item| &item.filter).collect(), Plan::Sequence(compiler.sequence(sequence)))
            }
            Body::Sample(sample) => {
                let filters = sample.items.iter().map(|item| &item.filter).collect();
                (filters, Plan::Sample(compiler.sample(sample)))
            }
        };
        let mut stages = Vec::new();
        for filter in filters {
            let lowered = compiler.filter(filter);
            stages.push(Stage { condition: lowered.cond, needs: lowered.needs });
        }
        if !compiler.faults.is_empty() {
            return Err(diagnostics(&compiler.faults, source));
        }
        let pipes = query.pipes.iter().map(|pipe| (pipe.end, pipe_count(&pipe.count).unwrap_or(0)));
        Ok(Program {
            plan,
            stages: stages.into(),
            pipes: pipes.collect(),
            fields: compiler.fields.into_iter().collect(),
            warnings: diagnostics(&compiler.warnings, source),
            cut_keys: AtomicU64::new(0),
        })
    }

    /// Whether an event query matches `event`; of other queries, whether any of their stages does.
    #[must_use]
    pub fn matches<D: Document + ?Sized>(&self, event: &D) -> bool {
        self.stages.iter().any(|stage| stage.condition.holds(event))
    }

    /// What kind of query it is.
    #[must_use]
    pub fn kind(&self) -> Kind {
        match self.plan {
            Plan::Event => Kind::Event,
            Plan::Sequence(_) => Kind::Sequence,
            Plan::Sample(_) => Kind::Sample,
        }
    }

    /// The longest time from the first event of a sequence to its last, in milliseconds.
    #[must_use]
    pub fn maxspan(&self) -> Option<i64> {
        self.sequence()?.maxspan
    }

    /// What the pipes keep of all that a query finds, in order: which end, and how many.
    #[must_use]
    pub fn pipes(&self) -> &[(End, u64)] {
        &self.pipes
    }

    pub(crate) fn stages(&self) -> &[Stage] {
        &self.stages
    }

    pub(crate) fn sequence(&self) -> Option<&sequence::Plan> {
        match &self.plan {
            Plan::Sequence(plan) => Some(plan),
            _ => None,
        }
    }

    pub(crate) fn sample(&self) -> Option<&sample::Plan> {
        match &self.plan {
            Plan::Sample(plan) => Some(plan),
            _ => None,
        }
    }

    /// Of a sequence with `until`: the number of that stage, the last one.
    #[must_use]
    pub fn until(&self) -> Option<usize> {
        self.sequence()?.until
    }

    /// The fields that it asks for, in order of their ids.
    #[must_use]
    pub fn fields(&self) -> &[FieldId] {
        &self.fields
    }

    /// What must be true of an event for each stage to match it: one entry a stage, each a list of
    /// which all must hold; `None` for a stage that matches nothing. An event query has one stage; the
    /// stages of sequences and samples are their items in the order of the query, those that must be
    /// missing among them, and at the end that of `until`.
    #[must_use]
    pub fn requirements(&self) -> Vec<Option<&[Requirement]>> {
        self.stages.iter().map(Stage::requirements).collect()
    }

    /// Why each stage can match no event, where the fields that `filled` refuses never have a value;
    /// `None` for a stage that may match. An event query has one stage.
    #[must_use]
    pub fn blocked(&self, filled: &dyn Fn(FieldId) -> bool) -> Vec<Option<Blocked>> {
        self.stages.iter().map(|stage| stage.condition.blocked(true, filled)).collect()
    }

    /// How often, since it was compiled, a comparison was false for an event of more combinations of
    /// values than are tried (65,536), and might have been true.
    #[must_use]
    pub fn cut_comparisons(&self) -> u64 {
        self.stages.iter().map(|stage| stage.condition.cut()).sum()
    }

    /// How often, since it was compiled, a stage matched an event that has more join keys than are
    /// followed (1,024).
    #[must_use]
    pub fn cut_keys(&self) -> u64 {
        self.cut_keys.load(Ordering::Relaxed)
    }

    pub(crate) fn note_cut_keys(&self) {
        self.cut_keys.fetch_add(1, Ordering::Relaxed);
    }

    /// What can be used and hardly means what it says.
    #[must_use]
    pub fn warnings(&self) -> &[Diagnostic] {
        &self.warnings
    }
}

fn diagnostics(faults: &[Fault], source: &Arc<Source>) -> Vec<Diagnostic> {
    faults.iter().map(|fault| fault.diagnostic(source)).collect()
}
