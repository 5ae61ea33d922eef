//! An event as one line for a reader: when, what, by whom, with what outcome.

use std::io::Write;
use std::sync::LazyLock;

use bumpalo::Bump;

use super::audit_document::AuditDocument;
use super::document::{Document, Value, Values};
use super::schema::{FieldId, field, row};
use super::secrets::Secrets;
use super::skim::Skim;
use crate::clean;
use crate::secret::Masker;

/// The fields of the line after time and action, in order; those without a value are left out.
const SHOWN: [FieldId; 16] = [
    field::EVENT_OUTCOME,
    field::HOST_NAME,
    field::USER_ID,
    field::USER_AUDIT_ID,
    field::AUDITD_SESSION,
    field::PROCESS_PID,
    field::PROCESS_PARENT_PID,
    field::PROCESS_NAME,
    field::PROCESS_EXECUTABLE,
    field::PROCESS_ARGS,
    field::PROCESS_WORKING_DIRECTORY,
    field::FILE_PATH,
    field::DESTINATION_IP,
    field::DESTINATION_PORT,
    field::USER_TARGET_NAME,
    field::USER_TARGET_ID,
];

/// Writes lines, one after the other into one buffer, without secrets, as the process's [`crate::secret`] policy
/// says.
#[derive(Debug, Default)]
pub struct Writer {
    buffer: Vec<u8>,
    secrets: Secrets,
}

impl Writer {
    /// The line of an event, without its end; it stands until the next is written.
    pub fn write(&mut self, document: &AuditDocument<'_>) -> &[u8] {
        let masker = self.secrets.of(document);
        self.buffer.clear();
        let stamp = document.event.stamp;
        let millis = i64::try_from(stamp.millis).unwrap_or(i64::MAX);
        let shown = |id| document.shown(id);
        write(millis, Some(stamp.serial), &shown, masker.as_deref(), &mut self.buffer);
        &self.buffer
    }

    /// The line of a document in JSON, which has no secrets; empty if it is none.
    pub fn write_document(&mut self, document: &str) -> &[u8] {
        static SHOWN_OF: LazyLock<Skim> =
            LazyLock::new(|| Skim::of(SHOWN.into_iter().chain([field::EVENT_CATEGORY])));
        self.buffer.clear();
        let arena = Bump::new();
        if let Ok(found) = SHOWN_OF.read(document, &arena) {
            let held = found.held(0);
            // An action as it is written, not all producers' words for it.
            let action = found.text_at(field::EVENT_ACTION);
            let shown = |id| if id == field::EVENT_ACTION { Values::Many(&action) } else { held.values(id) };
            write(held.order().millis, found.serial(), &shown, None, &mut self.buffer);
        }
        &self.buffer
    }
}

/// Writes the line, without its end: time, `category/type`, the action, then `key=value` by ECS name.
/// What came from outside is escaped, see [`clean`].
///
/// `masker`: what masks the secrets in it, if it may hold any.
fn write<'d>(
    millis: i64,
    serial: Option<u64>,
    shown: &dyn Fn(FieldId) -> Values<'d>,
    masker: Option<&Masker>,
    out: &mut Vec<u8>,
) {
    // Writing to a vector cannot fail.
    let _ = match jiff::Timestamp::from_millisecond(millis) {
        Ok(time) => write!(out, "{time:.3}"),
        Err(_) => write!(out, "{millis}"),
    };
    let _ = match serial {
        Some(serial) => write!(out, ":{serial} "),
        None => write!(out, " "),
    };
    let mut line = String::new();
    for (id, between) in [(field::EVENT_CATEGORY, "/"), (field::EVENT_TYPE, " "), (field::EVENT_ACTION, "")] {
        push_list(&mut line, shown(id), ",");
        line.push_str(between);
    }
    for id in SHOWN {
        let values = shown(id);
        if let (Some(row), true) = (row(id), values != Values::None) {
            line.push(' ');
            line.push_str(row.name);
            line.push('=');
            match masker.filter(|_| id == field::PROCESS_ARGS).and_then(|masker| masked(masker, values)) {
                Some(words) => push_words(&mut line, &words),
                None => push_list(&mut line, values, " "),
            }
        }
    }
    out.extend_from_slice(line.as_bytes());
}

/// Arguments without the secrets among them; none when there is none.
fn masked(masker: &Masker, values: Values<'_>) -> Option<Vec<String>> {
    let word = |value: &Value<'_>| match value {
        Value::Text(text) => String::from_utf8_lossy(text).into_owned(),
        _ => String::new(),
    };
    masker.arguments(&values.as_slice().iter().map(word).collect::<Vec<_>>())
}

fn push_words(line: &mut String, words: &[String]) {
    for (place, word) in words.iter().enumerate() {
        if place > 0 {
            line.push(' ');
        }
        clean::push_value(line, word.as_bytes());
    }
}

fn push_list(line: &mut String, values: Values<'_>, between: &str) {
    for (place, value) in values.as_slice().iter().enumerate() {
        if place > 0 {
            line.push_str(between);
        }
        match value {
            Value::Text(bytes) => clean::push_value(line, bytes),
            Value::Long(number) | Value::Date(number) => line.push_str(&number.to_string()),
            Value::Double(number) => line.push_str(&number.to_string()),
            Value::Bool(truth) => line.push_str(if *truth { "true" } else { "false" }),
            Value::Ip(address) => line.push_str(&address.to_string()),
        }
    }
}
