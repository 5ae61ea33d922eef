//! The Event Query Language: lexer, parser, syntax tree, checks against a schema, compiled form and
//! evaluation. Pure: no input or output, no clock; of the rest of the house it knows only
//! `event::schema` and `event::document`.

use crate::diagnostic::{Diagnostic, Source};
use crate::event::{Document, Schema};
use std::sync::Arc;

/// A compiled query.
#[derive(Debug)]
pub struct Program {}

impl Program {
    /// Parses, checks and compiles `source.text`.
    ///
    /// # Errors
    /// Every fault of the query, each with its place.
    pub fn compile(_source: &Arc<Source>, _schema: &dyn Schema) -> Result<Self, Vec<Diagnostic>> {
        todo!("eql helper")
    }

    /// Whether an event query matches `event`.
    #[must_use]
    pub fn matches<D: Document + ?Sized>(&self, _event: &D) -> bool {
        todo!("eql helper")
    }
}
