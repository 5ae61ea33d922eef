//! Secrets in an event, an ECS document.

use std::borrow::Cow;

use serde_json::{Map, Value};

use super::{Masker, Place, without_overlap};

/// Keys under which arguments stand joined together.
const LINES: [&str; 2] = ["command_line", "title"];

/// The arguments of a process before and after.
struct Arguments {
    plain: Vec<String>,
    masked: Vec<String>,
}

impl Masker {
    /// Replaces the secrets in all texts of an event: in the arguments of the process and of those it comes
    /// from, in what was made of them, and in what a message holds. Says whether there were any.
    pub fn event(&self, event: &mut Map<String, Value>) -> bool {
        let arguments =
            event.get("process").and_then(Value::as_object).and_then(|own| self.arguments_of(own));
        let data =
            event.get_mut("auditd").and_then(|auditd| auditd.get_mut("data")).and_then(Value::as_object_mut);
        let in_data = data.is_some_and(|data| self.data(data, arguments.as_ref()));
        self.object(event) | in_data
    }

    fn object(&self, object: &mut Map<String, Value>) -> bool {
        let mut found = self.process(object);
        for value in object.values_mut() {
            found |= self.value(value);
        }
        found
    }

    fn value(&self, value: &mut Value) -> bool {
        match value {
            Value::Object(object) => self.object(object),
            Value::Array(list) => list.iter_mut().fold(false, |found, value| found | self.value(value)),
            Value::String(text) => self.look(text).map(|masked| *text = masked).is_some(),
            _ => false,
        }
    }

    /// A text that is no command line, without the secrets that are ones by their look; none when there is none.
    pub(crate) fn look(&self, text: &str) -> Option<String> {
        if !self.may_hold(text.as_bytes()) {
            return None;
        }
        let found = self.looks.find(text).into_iter().map(|bytes| Place { word: 0, bytes }).collect();
        let found = without_overlap(found).into_iter().map(|place| place.bytes);
        match self.replace(text, found) {
            Cow::Owned(masked) => Some(masked),
            Cow::Borrowed(_) => None,
        }
    }

    /// `args`, where there is a secret among them.
    fn arguments_of(&self, process: &Map<String, Value>) -> Option<Arguments> {
        let args = process.get("args")?.as_array()?;
        let plain: Vec<String> = args.iter().map(|arg| arg.as_str().unwrap_or_default().to_owned()).collect();
        let masked = self.may_hold(plain.join("\0").as_bytes()).then(|| self.arguments(&plain))??;
        Some(Arguments { plain, masked })
    }

    /// A command line without its secrets; none when there is none.
    fn line(&self, text: &str) -> Option<String> {
        self.may_hold(text.as_bytes()).then(|| self.text(text))?
    }

    /// What has arguments, and what was joined of them, which is masked as they are.
    fn process(&self, process: &mut Map<String, Value>) -> bool {
        let arguments = self.arguments_of(process);
        let mut found = arguments.is_some();
        for key in LINES {
            let Some(line) = process.get_mut(key) else { continue };
            let Some(text) = line.as_str() else { continue };
            let masked =
                arguments.as_ref().and_then(|arguments| arguments.joined(text)).or_else(|| self.line(text));
            if let Some(masked) = masked {
                *line = masked.into();
                found = true;
            }
        }
        if let Some(arguments) = arguments {
            process.insert("args".to_owned(), arguments.masked.into());
        }
        found
    }

    /// `auditd.data`: the command that sudo reports, what was typed, and arguments as the bytes that they were.
    fn data(&self, data: &mut Map<String, Value>, arguments: Option<&Arguments>) -> bool {
        let mut found = false;
        for (key, value) in data {
            let masked = match hex_argument(key) {
                Some(at) => arguments.and_then(|arguments| arguments.instead_of(at)).map(str::to_owned),
                None if is_line(key.as_bytes()) => value.as_str().and_then(|text| self.line(text)),
                None => None,
            };
            if let Some(masked) = masked {
                *value = masked.into();
                found = true;
            }
        }
        found
    }

    /// Whether [`Masker::event`] would find a secret in this value of `auditd.data`, be it no argument.
    pub(crate) fn finds_in_data(&self, key: &[u8], value: &[u8]) -> bool {
        if !self.may_hold(value) {
            return false;
        }
        let text = String::from_utf8_lossy(value);
        if is_line(key) { self.text(&text).is_some() } else { self.look(&text).is_some() }
    }
}

/// Keys of `auditd.data` under which a command line stands.
fn is_line(key: &[u8]) -> bool {
    matches!(key, b"cmd" | b"proctitle" | b"data")
}

impl Arguments {
    /// The argument at `at`, if that was masked.
    fn instead_of(&self, at: usize) -> Option<&str> {
        let (plain, masked) = (self.plain.get(at)?, self.masked.get(at)?);
        (plain != masked).then_some(masked)
    }

    /// The line that the arguments joined by blanks begin with or are, with the masked ones in their place: a
    /// title may be cut.
    fn joined(&self, line: &str) -> Option<String> {
        let mut rest = line;
        let mut out = String::with_capacity(line.len());
        for (at, (plain, masked)) in self.plain.iter().zip(&self.masked).enumerate() {
            if at > 0 {
                match rest.strip_prefix(' ') {
                    Some(more) => rest = more,
                    None => return rest.is_empty().then_some(out),
                }
                out.push(' ');
            }
            match rest.strip_prefix(plain.as_str()) {
                Some(more) => {
                    out.push_str(masked);
                    rest = more;
                }
                // The line ends within this argument; half a secret is one too.
                None if plain.starts_with(rest) => {
                    out.push_str(if plain == masked { rest } else { masked });
                    return Some(out);
                }
                None => return None,
            }
        }
        rest.is_empty().then_some(out)
    }
}

/// The N of `aN_hex`, the bytes of an argument that is not UTF-8.
fn hex_argument(key: &str) -> Option<usize> {
    key.strip_prefix('a')?.strip_suffix("_hex")?.parse().ok()
}
