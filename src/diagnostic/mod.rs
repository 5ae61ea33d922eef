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

impl Diagnostic {
    /// The file and, where the fault has a place in it, its line (from 1).
    #[must_use]
    pub fn file_and_line(&self) -> Option<(&std::path::Path, Option<usize>)> {
        let source = self.source.as_deref()?;
        let before = self.primary.as_ref().and_then(|label| source.text.get(..label.span.start as usize));
        Some((&source.name, before.map(|text| text.matches('\n').count() + 1)))
    }

    /// The fault as one sentence, `FILE:LINE: TITLE`; control characters in it are not escaped.
    #[must_use]
    pub fn one_line(&self) -> String {
        match self.file_and_line() {
            Some((file, Some(line))) => format!("{}:{line}: {}", file.display(), self.title),
            Some((file, None)) => format!("{}: {}", file.display(), self.title),
            None => self.title.clone(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fault_on_one_line() {
        let source = Arc::new(Source { name: "x.toml".into(), text: "a\nb\ncd\n".into() });
        let mut fault = Diagnostic {
            code: 506,
            level: Level::Error,
            title: "no".into(),
            source: Some(source),
            primary: Some(Label { span: Span { start: 5, end: 6 }, text: String::new() }),
            context: Vec::new(),
            help: None,
        };
        assert_eq!(fault.one_line(), "x.toml:3: no");
        fault.primary = None;
        assert_eq!(fault.one_line(), "x.toml: no");
        fault.source = None;
        assert_eq!(fault.one_line(), "no");
    }
}
