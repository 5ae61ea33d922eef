//! Values of several tables: numbers in a range, sizes, paths, words out of a list.

use std::borrow::Cow;
use std::ops::RangeInclusive;
use std::path::PathBuf;

use crate::toml_file::{self, Placed, Table};

pub(super) fn path(table: &Table<'_>, key: &'static str) -> Option<PathBuf> {
    table.text(key).and_then(|text| absolute(table, key, &text))
}

pub(super) fn absolute(table: &Table<'_>, key: &str, text: &Placed<Cow<'_, str>>) -> Option<PathBuf> {
    if !text.value.starts_with('/') {
        let title = format!("`{}` is no absolute path", table.path(key));
        table.faults().value(
            title,
            text.span,
            "write it from / on: the daemon runs in no directory of yours",
        );
        return None;
    }
    Some(PathBuf::from(text.value.as_ref()))
}

pub(super) fn count(table: &Table<'_>, key: &'static str, range: RangeInclusive<i64>) -> Option<usize> {
    table.integer(key, range).and_then(|count| usize::try_from(count.value).ok())
}

pub(super) fn narrow(table: &Table<'_>, key: &'static str, range: RangeInclusive<i64>) -> Option<u32> {
    table.integer(key, range).and_then(|number| u32::try_from(number.value).ok())
}

/// Bytes, as a number or as a text such as `64M` (binary multiples).
pub(super) fn size(table: &Table<'_>, key: &'static str, range: RangeInclusive<i64>) -> Option<usize> {
    if !table.is_text(key) {
        return count(table, key, range);
    }
    let text = table.text(key)?;
    let bytes = bytes(&text.value).filter(|bytes| range.contains(bytes));
    if bytes.is_none() {
        let (least, most) = range.into_inner();
        let help =
            format!("write a number of bytes from {least} to {most}, or with K, M or G, such as \"64M\"");
        table.faults().value(format!("`{}` is no such size", table.path(key)), text.span, help);
    }
    usize::try_from(bytes?).ok()
}

pub(super) fn bytes(text: &str) -> Option<i64> {
    let (digits, shift) = match text.as_bytes().last()? {
        b'K' => (text.get(..text.len() - 1)?, 10),
        b'M' => (text.get(..text.len() - 1)?, 20),
        b'G' => (text.get(..text.len() - 1)?, 30),
        _ => (text, 0),
    };
    digits.parse::<i64>().ok().filter(|count| *count >= 0)?.checked_mul(1 << shift)
}

pub(super) fn word<T: Copy>(table: &Table<'_>, key: &'static str, words: &[(&str, T)]) -> Option<T> {
    let text = table.text(key)?;
    let found = words.iter().find(|(word, _)| *word == text.value);
    if found.is_none() {
        let known: Vec<&str> = words.iter().map(|(word, _)| *word).collect();
        let help = match toml_file::nearest(&text.value, &known) {
            Some(near) => format!("did you mean `{near}`?"),
            None => format!("write {}", known.join(" or ")),
        };
        table.faults().value(format!("`{}` cannot be this", table.path(key)), text.span, help);
    }
    found.map(|(_, value)| *value)
}
