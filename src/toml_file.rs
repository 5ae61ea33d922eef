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

use std::borrow::Cow;
use std::cell::RefCell;
use std::fs;
use std::io::{self, Read};
use std::ops::{Range, RangeInclusive};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::sync::Arc;

use nix::libc::O_NONBLOCK;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

use crate::diagnostic::{Diagnostic, Label, Level, Source, Span, codes};

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

    /// Whether an error (not only warnings) was told.
    #[must_use]
    pub fn failed(&self) -> bool {
        self.found.borrow().iter().any(|fault| fault.level == Level::Error)
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

/// A table, asked key by key. A key of the wrong type or value is told and read as absent.
pub struct Table<'a> {
    faults: &'a Faults,
    /// Its dotted name, empty for the whole file.
    name: String,
    span: Span,
    entries: &'a DeTable<'a>,
    /// The keys asked for so far: what else stands in the table is unknown.
    asked: RefCell<Vec<&'static str>>,
}

impl<'a> Table<'a> {
    fn new(faults: &'a Faults, name: String, span: Span, entries: &'a DeTable<'a>) -> Self {
        Self { faults, name, span, entries, asked: RefCell::default() }
    }

    /// Where faults go.
    #[must_use]
    pub fn faults(&self) -> &'a Faults {
        self.faults
    }

    /// Its place: that of its header.
    #[must_use]
    pub fn span(&self) -> Span {
        self.span
    }

    /// `key` with the table's name in front, as the reader would look for it.
    #[must_use]
    pub fn path(&self, key: &str) -> String {
        if self.name.is_empty() { key.to_owned() } else { format!("{}.{key}", self.name) }
    }

    /// Whether `key` is there, of whatever type; marks it as known.
    #[must_use]
    pub fn has(&self, key: &'static str) -> bool {
        self.get(key).is_some()
    }

    /// Whether the value of `key` is a string.
    #[must_use]
    pub fn is_text(&self, key: &'static str) -> bool {
        matches!(self.get(key).map(Spanned::get_ref), Some(DeValue::String(_)))
    }

    /// Marks `key` as known, whatever it holds.
    pub fn known(&self, key: &'static str) {
        self.asked.borrow_mut().push(key);
        #[cfg(test)]
        self.faults.asked.borrow_mut().push(self.path(key));
    }

    /// Where the value of `key` stands.
    #[must_use]
    pub fn place(&self, key: &'static str) -> Option<Span> {
        self.get(key).map(|value| span(value.span()))
    }

    /// Whether `key` holds an empty array or table, or is absent.
    #[must_use]
    pub fn is_empty(&self, key: &'static str) -> bool {
        match self.get(key).map(Spanned::get_ref) {
            None => true,
            Some(DeValue::Array(items)) => items.is_empty(),
            Some(DeValue::Table(entries)) => entries.is_empty(),
            Some(_) => false,
        }
    }

    fn get(&self, key: &'static str) -> Option<&'a Spanned<DeValue<'a>>> {
        self.known(key);
        self.entries.get(key)
    }

    /// The string of `key`.
    #[must_use]
    pub fn text(&self, key: &'static str) -> Option<Placed<Cow<'a, str>>> {
        let value = self.get(key)?;
        match value.get_ref() {
            DeValue::String(text) => Some(Placed { value: text.clone(), span: span(value.span()) }),
            other => self.wrong_type(&self.path(key), "a string", other, value),
        }
    }

    /// The string of `key`, which must be there and not blank.
    #[must_use]
    pub fn required_text(&self, key: &'static str) -> Option<Placed<Cow<'a, str>>> {
        if !self.entries.contains_key(key) {
            self.known(key);
            self.missing(key);
            return None;
        }
        let text = self.text(key)?;
        if text.value.trim().is_empty() {
            self.faults.value(format!("`{}` is empty", self.path(key)), text.span, "write its text");
            return None;
        }
        Some(text)
    }

    /// Tells that `key` is missing.
    pub fn missing(&self, key: &str) {
        let title = format!("`{}` is missing", self.path(key));
        self.faults.tell(self.faults.codes.missing, Level::Error, title, self.span);
    }

    /// The integer of `key`, within `range`.
    #[must_use]
    pub fn integer(&self, key: &'static str, range: RangeInclusive<i64>) -> Option<Placed<i64>> {
        let value = self.get(key)?;
        let DeValue::Integer(digits) = value.get_ref() else {
            return self.wrong_type(&self.path(key), "an integer", value.get_ref(), value);
        };
        let place = span(value.span());
        match i64::from_str_radix(digits.as_str(), digits.radix()).ok().filter(|n| range.contains(n)) {
            Some(value) => Some(Placed { value, span: place }),
            None => {
                let (least, most) = range.into_inner();
                let title = format!("`{}` is out of range", self.path(key));
                let help = match most {
                    i64::MAX => format!("write a number from {least}"),
                    _ => format!("write a number from {least} to {most}"),
                };
                self.faults.value(title, place, help);
                None
            }
        }
    }

    /// The truth value of `key`.
    #[must_use]
    pub fn boolean(&self, key: &'static str) -> Option<Placed<bool>> {
        let value = self.get(key)?;
        match value.get_ref() {
            DeValue::Boolean(truth) => Some(Placed { value: *truth, span: span(value.span()) }),
            other => self.wrong_type(&self.path(key), "true or false", other, value),
        }
    }

    /// The strings of the array `key`, empty when absent; one string alone stands for a list of one.
    #[must_use]
    pub fn texts(&self, key: &'static str) -> Vec<Placed<Cow<'a, str>>> {
        let Some(value) = self.get(key) else { return Vec::new() };
        match value.get_ref() {
            DeValue::String(text) => vec![Placed { value: text.clone(), span: span(value.span()) }],
            DeValue::Array(items) => {
                let texts = items.iter().map(|item| match item.get_ref() {
                    DeValue::String(text) => Some(Placed { value: text.clone(), span: span(item.span()) }),
                    other => {
                        self.wrong_type(&format!("an item of `{}`", self.path(key)), "a string", other, item)
                    }
                });
                texts.collect::<Vec<_>>().into_iter().flatten().collect()
            }
            other => self.wrong_type(&self.path(key), "a list of strings", other, value).unwrap_or_default(),
        }
    }

    /// The table `key`.
    #[must_use]
    pub fn table(&self, key: &'static str) -> Option<Table<'a>> {
        let value = self.get(key)?;
        match value.get_ref() {
            DeValue::Table(entries) => {
                Some(Table::new(self.faults, self.path(key), span(value.span()), entries))
            }
            other => self.wrong_type(&self.path(key), "a table", other, value),
        }
    }

    /// The tables of the array `key`, empty when absent; one table alone stands for a list of one.
    #[must_use]
    pub fn tables(&self, key: &'static str) -> Vec<Table<'a>> {
        let Some(value) = self.get(key) else { return Vec::new() };
        let child = |entries, place| Table::new(self.faults, self.path(key), place, entries);
        match value.get_ref() {
            DeValue::Table(entries) => vec![child(entries, span(value.span()))],
            DeValue::Array(items) => {
                let tables = items.iter().map(|item| match item.get_ref() {
                    DeValue::Table(entries) => Some(child(entries, span(item.span()))),
                    other => {
                        self.wrong_type(&format!("an item of `{}`", self.path(key)), "a table", other, item)
                    }
                });
                tables.collect::<Vec<_>>().into_iter().flatten().collect()
            }
            other => self.wrong_type(&self.path(key), "a list of tables", other, value).unwrap_or_default(),
        }
    }

    /// The value of `key` as JSON; dates as text.
    #[must_use]
    pub fn json(&self, key: &'static str) -> Option<Placed<serde_json::Value>> {
        let value = self.get(key)?;
        Some(Placed { value: json(value.get_ref()), span: span(value.span()) })
    }

    fn wrong_type<T>(
        &self,
        what: &str,
        want: &str,
        found: &DeValue<'_>,
        at: &Spanned<DeValue<'_>>,
    ) -> Option<T> {
        let what = if what.starts_with("an item") { what.to_owned() } else { format!("`{what}`") };
        let found = match found {
            DeValue::Integer(_) => "an integer",
            DeValue::Array(_) => "a list",
            DeValue::Boolean(_) => "a boolean",
            DeValue::Datetime(_) => "a date",
            DeValue::String(_) => "a string",
            DeValue::Float(_) => "a float",
            DeValue::Table(_) => "a table",
        };
        let title = format!("{what} must be {want}, not {found}");
        self.faults.tell(self.faults.codes.wrong_type, Level::Error, title, span(at.span()));
        None
    }

    /// All its strings, by their keys, where the keys are the site's own; instead of [`Table::done`].
    #[must_use]
    pub fn into_texts(self) -> Vec<(Placed<String>, Placed<Cow<'a, str>>)> {
        let entries = self.entries.iter().filter_map(|(key, value)| match value.get_ref() {
            DeValue::String(text) => {
                let name = Placed { value: key.get_ref().to_string(), span: span(key.span()) };
                Some((name, Placed { value: text.clone(), span: span(value.span()) }))
            }
            other => self.wrong_type(&self.path(key.get_ref()), "a string", other, value),
        });
        entries.collect()
    }

    /// Tells every key that was not asked for; call it when the table has been read.
    pub fn done(self) {
        let asked = self.asked.borrow();
        for key in self.entries.keys() {
            let name = key.get_ref().as_ref();
            if asked.contains(&name) {
                continue;
            }
            let title = format!("there is no key `{}`", self.path(name));
            let help = nearest(name, &asked).map(|near| format!("did you mean `{near}`?"));
            let code = self.faults.codes.unknown;
            self.faults.add(code, self.faults.unknown, title, span(key.span()), "", help);
        }
    }
}

fn json(value: &DeValue<'_>) -> serde_json::Value {
    use serde_json::Value;
    match value {
        DeValue::String(text) => Value::from(text.as_ref()),
        DeValue::Integer(number) => {
            i64::from_str_radix(number.as_str(), number.radix()).map_or(Value::Null, Value::from)
        }
        DeValue::Float(number) => number.as_str().parse::<f64>().map_or(Value::Null, Value::from),
        DeValue::Boolean(truth) => Value::from(*truth),
        DeValue::Datetime(date) => Value::from(date.to_string()),
        DeValue::Array(items) => items.iter().map(|item| json(item.get_ref())).collect(),
        DeValue::Table(entries) => {
            let entry = |(key, value): (&Spanned<Cow<'_, str>>, &Spanned<DeValue<'_>>)| {
                (key.get_ref().to_string(), json(value.get_ref()))
            };
            Value::Object(entries.iter().map(entry).collect())
        }
    }
}

/// The name most like `word`, if one is like it at all: at most a third of the letters differ.
#[must_use]
pub fn nearest<'n>(word: &str, names: &[&'n str]) -> Option<&'n str> {
    let near = names.iter().map(|name| (strsim::damerau_levenshtein(word, name), *name)).min()?;
    (near.0 * 3 <= word.chars().count().max(3)).then_some(near.1)
}
