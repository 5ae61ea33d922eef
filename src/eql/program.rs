//! A compiled query.

use std::sync::Arc;

use crate::diagnostic::{Diagnostic, Source, Span};
use crate::event::{Document, FieldId, Schema};

use super::ast::{Body, Category, EventFilter, Query};
use super::check::check;
use super::compile::Compiler;
use super::eval::{Blocked, Cond};
use super::fault::{Fault, What};
use super::parser::parse_condition;
use super::requirement::{Needs, Requirement};

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
    kind: Kind,
    stages: Box<[Stage]>,
    fields: Box<[FieldId]>,
    warnings: Vec<Diagnostic>,
}

/// One event that a query asks for.
#[derive(Debug)]
struct Stage {
    condition: Cond,
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
        let (kind, filters) = match &query.body {
            Body::Event(filter) => (Kind::Event, vec![filter]),
            Body::Sequence(sequence) => {
                let span = sequence.span;
                return Err(diagnostics(&[not_yet(span, "sequence")], source));
            }
            Body::Sample(sample) => return Err(diagnostics(&[not_yet(sample.span, "sample")], source)),
        };
        let mut stages = Vec::new();
        for filter in filters {
            let lowered = compiler.filter(filter);
            stages.push(Stage { condition: lowered.cond, needs: lowered.needs });
        }
        if !compiler.faults.is_empty() {
            return Err(diagnostics(&compiler.faults, source));
        }
        Ok(Program {
            kind,
            stages: stages.into(),
            fields: compiler.fields.into_iter().collect(),
            warnings: diagnostics(&compiler.warnings, source),
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
        self.kind
    }

    /// The fields that it asks for, in order of their ids.
    #[must_use]
    pub fn fields(&self) -> &[FieldId] {
        &self.fields
    }

    /// What must be true of an event for each stage to match it: one entry a stage, each a list of
    /// which all must hold; `None` for a stage that matches nothing. An event query has one stage.
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

    /// What can be used and hardly means what it says.
    #[must_use]
    pub fn warnings(&self) -> &[Diagnostic] {
        &self.warnings
    }
}

fn not_yet(span: Span, what: &'static str) -> Fault {
    Fault::new(span, What::Expected { wanted: "an event query", found: format!("a {what}") })
}

fn diagnostics(faults: &[Fault], source: &Arc<Source>) -> Vec<Diagnostic> {
    faults.iter().map(|fault| fault.diagnostic(source)).collect()
}
