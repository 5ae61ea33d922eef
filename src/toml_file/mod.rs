//! A TOML file read key by key, so that every fault in it is told at once and with its place.
//!
//! Rule files and the configuration are read with it. Deserializing through serde would stop at the
//! first fault and knows no place for an unknown key; [`toml::de::DeTable`] keeps the place of every
//! key and value and goes on after a syntax error.
//!
//! ```
//! use auditward::diagnostic::{Level, Source};
//! use auditward::toml_file::{Codes, Faults};
//!
//! let text = "retries = \"many\"\nretrys = 3\n".to_owned();
//! let faults = Faults::new(Source { name: "x.toml".into(), text }.into(), Codes::CONFIG, Level::Error);
//! let tree = faults.parse().expect("it is TOML");
//! let root = faults.root(&tree);
//! assert!(root.integer("retries", 0..=9).is_none());
//! root.done();
//! let titles: Vec<_> = faults.finish().into_iter().map(|fault| fault.title).collect();
//! assert_eq!(titles, ["`retries` must be an integer, not a string", "there is no key `retrys`"]);
//! ```

mod table;

use std::cell::RefCell;
use std::fs;
use std::io::{self, Read};
use std::ops::Range;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::sync::Arc;

use nix::libc::O_NONBLOCK;
use toml::Spanned;
use toml::de::DeTable;

use crate::diagnostic::{Diagnostic, Label, Level, Source, Span, codes};

pub use table::Table;

/// The largest file that is read, in bytes. Elastic's largest Linux rule has 17 KB.
pub const MAX_BYTES: u64 = 1 << 20;

/// The numbers of the faults that every kind of file can have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Codes {
    /// The file cannot be read, or is too large.
    pub unreadable: u16,
    /// It is no TOML.
    pub syntax: u16,
    /// A value is of another type than its key asks for.
    pub wrong_type: u16,
    /// A key that must be there is not.
    pub missing: u16,
    /// A key that nobody reads.
    pub unknown: u16,
    /// A value of the right type that makes no sense.
    pub value: u16,
}

impl Codes {
    /// Those of rule files.
    pub const RULE: Self = Self {
        unreadable: codes::RULE_UNREADABLE,
        syntax: codes::RULE_NOT_TOML,
        wrong_type: codes::RULE_WRONG_TYPE,
        missing: codes::RULE_MISSING_KEY,
        unknown: codes::RULE_UNKNOWN_KEY,
        value: codes::RULE_BAD_VALUE,
    };

    /// Those of the configuration.
    pub const CONFIG: Self = Self {
        unreadable: codes::CONFIG_UNREADABLE,
        syntax: codes::CONFIG_NOT_TOML,
        wrong_type: codes::CONFIG_WRONG_TYPE,
        missing: codes::CONFIG_MISSING_KEY,
        unknown: codes::CONFIG_UNKNOWN_KEY,
        value: codes::CONFIG_BAD_VALUE,
    };
}

/// Reads `path` into a [`Source`]: at most [`MAX_BYTES`] of UTF-8, without a byte order mark.
///
/// # Errors
/// One fault that names the file: absent, forbidden, no plain file (a directory, a FIFO, which would
/// block), too large (all coded [`Codes::unreadable`]); or not UTF-8, which is [`Codes::syntax`].
pub fn read(path: &Path, codes: Codes) -> Result<Arc<Source>, Box<Diagnostic>> {
    read_within(path, codes, MAX_BYTES)
}

/// [`read`] with another bound than [`MAX_BYTES`].
///
/// # Errors
/// As [`read`].
pub fn read_within(path: &Path, codes: Codes, most: u64) -> Result<Arc<Source>, Box<Diagnostic>> {
    let bytes = read_bounded(path, most).map_err(|error| unreadable(path, &error, codes))?;
    let bytes = match bytes.strip_prefix(b"\xef\xbb\xbf") {
        Some(marked) => marked.to_vec(),
        None => bytes,
    };
    match String::from_utf8(bytes) {
        Ok(text) => Ok(Arc::new(Source { name: path.to_owned(), text })),
        Err(error) => Err(not_utf8(path, error.as_bytes(), error.utf8_error().valid_up_to(), codes)),
    }
}

fn read_bounded(path: &Path, most: u64) -> io::Result<Vec<u8>> {
    // O_NONBLOCK: a FIFO put into a rules directory must not hold up the start.
    let file = fs::OpenOptions::new().read(true).custom_flags(O_NONBLOCK).open(path)?;
    let metadata = file.metadata()?;
    if metadata.is_dir() {
        return Err(io::Error::new(io::ErrorKind::IsADirectory, "is a directory"));
    }
    if !metadata.is_file() {
        return Err(io::Error::other("is not a plain file"));
    }
    let expected = usize::try_from(metadata.len().min(most)).unwrap_or(0);
    let mut bytes = Vec::with_capacity(expected + 1);
    file.take(most + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > most {
        let title = format!("is larger than {} MiB", most >> 20);
        return Err(io::Error::new(io::ErrorKind::FileTooLarge, title));
    }
    Ok(bytes)
}

/// The fault that `path` cannot be read because of `error`.
#[must_use]
pub fn unreadable(path: &Path, error: &io::Error, codes: Codes) -> Box<Diagnostic> {
    Box::new(Diagnostic {
        code: codes.unreadable,
        level: Level::Error,
        title: format!("cannot read {}: {error}", path.display()),
        source: None,
        primary: None,
        context: Vec::new(),
        help: None,
    })
}

fn not_utf8(path: &Path, bytes: &[u8], at: usize, codes: Codes) -> Box<Diagnostic> {
    let text = String::from_utf8_lossy(bytes).into_owned();
    Box::new(Diagnostic {
        code: codes.syntax,
        level: Level::Error,
        title: format!("not TOML: byte {at} of the file is not UTF-8"),
        primary: Some(Label {
            span: span(at..at + char::REPLACEMENT_CHARACTER.len_utf8()),
            text: "not UTF-8".to_owned(),
        }),
        source: Some(Arc::new(Source { name: path.to_owned(), text })),
        context: Vec::new(),
        help: Some("save the file as UTF-8".to_owned()),
    })
}

/// Offsets fit in u32, since no file is larger than [`MAX_BYTES`]; a text given directly is cut there.
pub(crate) fn span(range: Range<usize>) -> Span {
    let narrow = |offset| u32::try_from(offset).unwrap_or(u32::MAX);
    Span { start: narrow(range.start), end: narrow(range.end) }
}

/// A value and its place in the file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Placed<T> {
    /// The value.
    pub value: T,
    /// Where it stands; of a string with its quotes.
    pub span: Span,
}

/// A text, and the faults found in it so far.
pub struct Faults {
    source: Arc<Source>,
    codes: Codes,
    unknown: Level,
    found: RefCell<Vec<Diagnostic>>,
    /// Every key asked for, with its path: tests compare it with the documented ones.
    #[cfg(test)]
    asked: RefCell<Vec<String>>,
}

/// What a text says as TOML.
pub struct Tree<'a>(Spanned<DeTable<'a>>);

impl Faults {
    /// Nothing found yet; `unknown` is how bad a key is that nobody reads.
    #[must_use]
    pub fn new(source: Arc<Source>, codes: Codes, unknown: Level) -> Self {
        Self {
            source,
            codes,
            unknown,
            found: RefCell::default(),
            #[cfg(test)]
            asked: RefCell::default(),
        }
    }

    /// The text as TOML; none when it is not, every syntax error then told. (What the parser guesses
    /// behind an error is not worth a judgement.)
    pub fn parse(&self) -> Option<Tree<'_>> {
        let (tree, errors) = DeTable::parse_recoverable(&self.source.text);
        for error in &errors {
            let place = span(error.span().unwrap_or(0..0));
            self.tell(self.codes.syntax, Level::Error, format!("not TOML: {}", error.message()), place);
        }
        errors.is_empty().then_some(Tree(tree))
    }

    /// The table that the whole file is.
    #[must_use]
    pub fn root<'a>(&'a self, tree: &'a Tree<'a>) -> Table<'a> {
        Table::new(self, String::new(), Span::default(), tree.0.get_ref())
    }

    /// The text that the places belong to.
    #[must_use]
    pub fn source(&self) -> &Arc<Source> {
        &self.source
    }

    /// The numbers in use.
    #[must_use]
    pub fn codes(&self) -> Codes {
        self.codes
    }

    /// Adds a fault at `place`.
    pub fn tell(&self, code: u16, level: Level, title: impl Into<String>, place: Span) {
        self.add(code, level, title.into(), place, "", None);
    }

    /// Adds the error that the value at `place` makes no sense, with what to write instead.
    pub fn value(&self, title: impl Into<String>, place: Span, help: impl Into<String>) {
        self.add(self.codes.value, Level::Error, title.into(), place, "", Some(help.into()));
    }

    /// Adds a fault with a label under its caret and a help line.
    pub fn add(
        &self,
        code: u16,
        level: Level,
        title: String,
        place: Span,
        label: &str,
        help: Option<String>,
    ) {
        self.push(Diagnostic {
            code,
            level,
            title,
            source: Some(Arc::clone(&self.source)),
            primary: Some(Label { span: place, text: label.to_owned() }),
            context: Vec::new(),
            help,
        });
    }

    /// Adds a fault made elsewhere.
    pub fn push(&self, fault: Diagnostic) {
        self.found.borrow_mut().push(fault);
    }

    /// How many errors (not warnings) were told.
    #[must_use]
    pub fn errors(&self) -> usize {
        self.found.borrow().iter().filter(|fault| fault.level == Level::Error).count()
    }

    #[cfg(test)]
    pub(crate) fn asked(&self) -> Vec<String> {
        self.asked.borrow().clone()
    }

    /// All faults, in the order of their places.
    #[must_use]
    pub fn finish(self) -> Vec<Diagnostic> {
        let mut found = self.found.into_inner();
        found.sort_by_key(|fault| fault.primary.as_ref().map_or(0, |label| label.span.start));
        found
    }
}

/// The name most like `word`, if one is like it at all: at most a third of the letters differ.
#[must_use]
pub fn nearest<'n>(word: &str, names: &[&'n str]) -> Option<&'n str> {
    let near = names.iter().map(|name| (strsim::damerau_levenshtein(word, name), *name)).min()?;
    (near.0 * 3 <= word.chars().count().max(3)).then_some(near.1)
}
