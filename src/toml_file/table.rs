//! A table of a TOML file.

use std::borrow::Cow;
use std::cell::RefCell;
use std::ops::RangeInclusive;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::{Faults, Placed, nearest, span};
use crate::diagnostic::{Level, Span};

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
    pub(super) fn new(faults: &'a Faults, name: String, span: Span, entries: &'a DeTable<'a>) -> Self {
        // Of most tables some twice as many keys are asked for as are there.
        let asked = RefCell::new(Vec::with_capacity(entries.len() * 2));
        Self { faults, name, span, entries, asked }
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
        self.text_of(key, value)
    }

    fn text_of(&self, key: &str, value: &'a Spanned<DeValue<'a>>) -> Option<Placed<Cow<'a, str>>> {
        match value.get_ref() {
            DeValue::String(text) => Some(Placed { value: text.clone(), span: span(value.span()) }),
            other => self.wrong_type(&self.path(key), "a string", other, value),
        }
    }

    /// The string of `key`, which must be there and not blank.
    #[must_use]
    pub fn required_text(&self, key: &'static str) -> Option<Placed<Cow<'a, str>>> {
        let Some(value) = self.get(key) else {
            self.missing(key);
            return None;
        };
        let text = self.text_of(key, value)?;
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
