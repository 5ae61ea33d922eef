//! How a fault in a rule, a query or a setting is told: a code, a sentence in the reader's words, the
//! place with a caret under it, and what to write instead.
//!
//! The rooms make [`Diagnostic`]s out of their own small error types; only `render` knows how they
//! are drawn.

use std::path::PathBuf;
use std::sync::Arc;

pub mod codes;
mod render;

pub use render::render;

/// Bytes `start..end` of a source text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Default)]
pub struct Span {
    /// First byte.
    pub start: u32,
    /// One past the last byte.
    pub end: u32,
}

/// How bad it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Level {
    /// Told, and gone on.
    Warning,
    /// The thing it stands in cannot be used.
    Error,
}

/// A text that faults are shown in.
#[derive(Debug)]
pub struct Source {
    /// The file, or a name such as `<query>`.
    pub name: PathBuf,
    /// Its whole text.
    pub text: String,
}

/// A labelled place.
#[derive(Clone, Debug)]
pub struct Label {
    /// Where.
    pub span: Span,
    /// Few words under the caret; may be empty.
    pub text: String,
}

/// One fault.
#[derive(Clone, Debug)]
pub struct Diagnostic {
    /// Stable number: syntax 1xx, schema 2xx, type 3xx, sequence 4xx, rule file 5xx, config 6xx.
    pub code: u16,
    /// How bad.
    pub level: Level,
    /// What is wrong, in the reader's words.
    pub title: String,
    /// The text it is in; none where a file could not be read at all.
    pub source: Option<Arc<Source>>,
    /// The place of the fault.
    pub primary: Option<Label>,
    /// Other places that explain it.
    pub context: Vec<Label>,
    /// What to write instead, or to do.
    pub help: Option<String>,
}
