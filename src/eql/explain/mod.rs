//! Why a query does or does not match an event: the truth of each clause, with the values it saw.
//!
//! This walks the syntax tree itself and knows nothing of the compiled form; it is slow, plain, and what
//! the compiled form is tested against.

mod walk;

use std::sync::Arc;

use crate::diagnostic::{Diagnostic, Source, Span};
use crate::event::{Document, FieldId, Schema};

use super::ast::{Body, EventFilter, Expr, ExprKind};
use super::check::check;
use super::fault::Fault;
use super::program::{Options, parse};

use walk::Walker;

/// One stage of a query over one event.
#[derive(Clone, Debug, PartialEq)]
pub struct Explained {
    /// Whether the stage matches.
    pub truth: bool,
    /// Where its category stands, and whether the event is of it.
    pub category: (Span, bool),
    /// Its condition.
    pub condition: Clause,
}

/// One clause of a condition.
#[derive(Clone, Debug, PartialEq)]
pub struct Clause {
    /// Where it stands.
    pub span: Span,
    /// Whether it holds.
    pub truth: bool,
    /// What it consists of.
    pub parts: Parts,
}

/// What a clause consists of.
#[derive(Clone, Debug, PartialEq)]
pub enum Parts {
    /// `and`
    All(Vec<Clause>),
    /// `or`
    Any(Vec<Clause>),
    /// `not`
    Not(Box<Clause>),
    /// A comparison or the like, with the fields that it asks for and their values as text.
    Leaf(Vec<(FieldId, Vec<String>)>),
}

/// Explains each stage of the query in `source` (items in the order of the query, then `until`) over
/// `document`.
///
/// # Errors
/// Every fault of the query, each with its place.
pub fn explain<D: Document + ?Sized>(
    source: &Arc<Source>,
    schema: &dyn Schema,
    options: &Options,
    document: &D,
) -> Result<Vec<Explained>, Vec<Diagnostic>> {
    let query = parse(source)?;
    let faults = check(&query, schema, &options.category_field);
    if !faults.is_empty() {
        return Err(faults.iter().map(|fault: &Fault| fault.diagnostic(source)).collect());
    }
    let walker = Walker { schema, document };
    let filters: Vec<&EventFilter> = match &query.body {
        Body::Event(filter) => vec![filter],
        Body::Sequence(sequence) => {
            sequence.items.iter().chain(&sequence.until).map(|item| &item.filter).collect()
        }
        Body::Sample(sample) => sample.items.iter().map(|item| &item.filter).collect(),
    };
    Ok(filters.into_iter().map(|filter| stage(&walker, filter, &options.category_field)).collect())
}

fn stage<D: Document + ?Sized>(walker: &Walker<'_, D>, filter: &EventFilter, category: &str) -> Explained {
    let of_category = filter.category.name.as_ref().is_none_or(|name| walker.has_text(category, name));
    let condition = clause(walker, &filter.condition);
    Explained {
        truth: of_category && condition.truth,
        category: (filter.category.span, of_category),
        condition,
    }
}

fn clause<D: Document + ?Sized>(walker: &Walker<'_, D>, expr: &Expr) -> Clause {
    let truth = walker.truth(expr);
    let parts = match &expr.kind {
        ExprKind::And(operands) => Parts::All(operands.iter().map(|e| clause(walker, e)).collect()),
        ExprKind::Or(operands) => Parts::Any(operands.iter().map(|e| clause(walker, e)).collect()),
        ExprKind::Not(inner) => Parts::Not(Box::new(clause(walker, inner))),
        _ => Parts::Leaf(walker.values(expr)),
    };
    Clause { span: expr.span, truth, parts }
}
