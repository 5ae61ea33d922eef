//! Documents out of what people keep them in: a document a line, search and EQL answers, bulk requests,
//! exports of hits, lists, and pretty-printed ones.
//!
//! Recognised by content, a JSON value at a time; a value may span lines. The shapes are those of
//! Elasticsearch's search, EQL and bulk APIs and of the es-archiver.

use std::fmt;

use serde_json::{Map, Value as Json};

/// The longest JSON value that is taken, in bytes.
const LONGEST: usize = 16 << 20;

/// A document, and the name of its index where that is told.
pub type Emit<'e> = &'e mut dyn FnMut(Map<String, Json>, Option<&str>);

/// Takes lines, gives documents.
#[derive(Debug, Default)]
pub struct Unwrapper {
    pending: Vec<u8>,
    lines: usize,
    depth: i64,
    in_text: bool,
    escaped: bool,
    /// The index that a bulk request's action line names for the document after it.
    action: Option<Option<String>>,
}

/// What is wrong with what was read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Broken {
    /// Not JSON, cut, too deep, or no object; the line or lines of it are passed over.
    NotJson,
    /// More than 16 MiB.
    TooLong,
}

impl fmt::Display for Broken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NotJson => "a broken document: no JSON object, cut, or nested too deep; passed over",
            Self::TooLong => "a JSON value of more than 16 MiB; passed over",
        })
    }
}

impl Unwrapper {
    /// Whether a value has begun and not ended.
    #[must_use]
    pub fn is_in_a_value(&self) -> bool {
        !self.pending.is_empty()
    }

    /// Whether a line can be (a part of) JSON: begins one, or goes on with one that was begun.
    #[must_use]
    pub fn wants(&self, line: &[u8]) -> bool {
        !self.pending.is_empty() || matches!(without_mark(line).first(), Some(b'{' | b'['))
    }

    /// Takes a line.
    ///
    /// # Errors
    /// A value that began here or before was broken; the next line begins anew.
    pub fn line(&mut self, line: &[u8], emit: Emit<'_>) -> Result<(), Broken> {
        let line = without_mark(line);
        // A cut line of NDJSON: what follows begins a document of its own.
        if self.lines == 1 && self.pending.len() > 2 && line.starts_with(b"{\"") {
            self.reset();
            let rest = self.line(line, emit);
            return rest.and(Err(Broken::NotJson));
        }
        if self.pending.len() + line.len() > LONGEST {
            self.reset();
            return Err(Broken::TooLong);
        }
        self.pending.extend_from_slice(line);
        self.pending.push(b'\n');
        self.lines += 1;
        self.scan(line);
        if self.depth > 0 {
            return Ok(());
        }
        let text = std::mem::take(&mut self.pending);
        self.reset();
        let value = serde_json::from_slice::<Json>(&text).map_err(|_| Broken::NotJson)?;
        self.value(value, None, emit)
    }

    /// The input has ended.
    ///
    /// # Errors
    /// In the middle of a value.
    pub fn end(&mut self) -> Result<(), Broken> {
        let whole = self.pending.is_empty();
        self.reset();
        self.action = None;
        if whole { Ok(()) } else { Err(Broken::NotJson) }
    }

    fn reset(&mut self) {
        *self = Self { action: self.action.take(), ..Self::default() };
    }

    fn scan(&mut self, line: &[u8]) {
        for byte in line {
            match byte {
                _ if self.escaped => self.escaped = false,
                b'\\' if self.in_text => self.escaped = true,
                b'"' => self.in_text = !self.in_text,
                b'{' | b'[' if !self.in_text => self.depth += 1,
                b'}' | b']' if !self.in_text => self.depth -= 1,
                _ => {}
            }
        }
    }

    fn value(&mut self, value: Json, index: Option<&str>, emit: Emit<'_>) -> Result<(), Broken> {
        let mut object = match value {
            Json::Array(list) => return list.into_iter().try_for_each(|one| self.value(one, index, emit)),
            Json::Object(object) => object,
            _ => return Err(Broken::NotJson),
        };
        if let Some(index) = self.action.take() {
            // An update's document stands one deeper.
            let inner = object.get_mut("doc").map(Json::take);
            emit(if let Some(Json::Object(doc)) = inner { doc } else { object }, index.as_deref());
            return Ok(());
        }
        if let Some((action, index)) = action(&object) {
            self.action = (action != "delete").then_some(index);
            return Ok(());
        }
        if let Some(Json::Object(hits)) = object.get_mut("hits") {
            for list in ["hits", "events"] {
                if let Some(list) = hits.get_mut(list).map(Json::take).filter(Json::is_array) {
                    self.value(list, index, emit)?;
                }
            }
            let sequences = hits.get_mut("sequences").map(Json::take);
            if let Some(Json::Array(sequences)) = sequences {
                for mut sequence in sequences {
                    if let Some(events) = sequence.get_mut("events").map(Json::take) {
                        self.value(events, index, emit)?;
                    }
                }
            }
            return Ok(());
        }
        if let Some(Json::Object(saved)) = object.get_mut("value")
            && let Some(Json::Object(source)) = saved.get_mut("source").map(Json::take)
        {
            emit(source, saved.get("index").and_then(Json::as_str));
            return Ok(());
        }
        let hit = object.contains_key("_index") || object.contains_key("_source");
        let inner = ["_source", "fields"]
            .into_iter()
            .find(|key| hit && object.get(*key).is_some_and(Json::is_object));
        match inner.and_then(|key| object.get_mut(key)).map(Json::take) {
            Some(Json::Object(source)) => emit(source, object.get("_index").and_then(Json::as_str).or(index)),
            // A missing event of a sequence.
            _ if object.get("missing") == Some(&Json::Bool(true)) => {}
            _ => emit(object, index),
        }
        Ok(())
    }
}

/// The action and the index of a bulk request's action line.
fn action(object: &Map<String, Json>) -> Option<(&str, Option<String>)> {
    let (name, what) = object.iter().next().filter(|_| object.len() == 1)?;
    let what = what.as_object()?;
    let known = ["create", "index", "update", "delete"].contains(&name.as_str());
    let keys = |key: &String| {
        key.starts_with('_')
            || ["routing", "pipeline", "require_alias", "dynamic_templates"].contains(&key.as_str())
    };
    let index = what.get("_index").and_then(Json::as_str).map(str::to_owned);
    (known && what.keys().all(keys)).then_some((name, index))
}

/// Without the byte order mark and blanks around it.
fn without_mark(line: &[u8]) -> &[u8] {
    line.strip_prefix(b"\xef\xbb\xbf").unwrap_or(line).trim_ascii_end()
}

/// The index that a document belongs to: as it is told (of a data stream's backing index the stream), else
/// by `data_stream`, dataset, module and agent. None for our own documents, which count as live events.
#[must_use]
pub fn index_of(document: &Map<String, Json>, told: Option<&str>) -> Option<String> {
    let text = |path: &str| first(document, path);
    if is_own(document) {
        return None;
    }
    if let Some(told) = told {
        let Some(backing) = told.strip_prefix(".ds-") else { return Some(told.to_owned()) };
        // .ds-STREAM-DATE-GENERATION
        return Some(backing.rsplitn(3, '-').nth(2).unwrap_or(backing).to_owned());
    }
    let dataset = text("data_stream.dataset").or_else(|| text("event.dataset"));
    let alert = text("event.kind").is_some_and(|kind| kind == "signal" || kind == "alert");
    if alert || text("kibana.alert.uuid").is_some() {
        return Some(format!(".alerts-{}", dataset.unwrap_or_default()));
    }
    if let Some(dataset) = text("data_stream.dataset") {
        let [kind, space] = [("type", "logs"), ("namespace", "default")]
            .map(|(key, other)| text(&format!("data_stream.{key}")).unwrap_or_else(|| other.to_owned()));
        return Some(format!("{kind}-{dataset}-{space}"));
    }
    if text("event.module").as_deref() == Some("endgame") || document.contains_key("endgame") {
        return Some("endgame-".to_owned());
    }
    let beat = ["agent.type", "@metadata.beat", "beat.type"].iter().find_map(|path| text(path));
    if beat.as_deref() == Some("auditbeat") {
        return Some("auditbeat-".to_owned());
    }
    Some(dataset.map_or_else(String::new, |dataset| format!("logs-{dataset}-default")))
}

/// Whether this program wrote it: its module says so, or it has no collector and an id that ends with the
/// kernel's serial, as `auditward events` gives it.
fn is_own(document: &Map<String, Json>) -> bool {
    match first(document, "event.module").as_deref() {
        Some("auditward") => true,
        Some("auditd") if !document.contains_key("agent") => {
            let [id, serial] = ["event.id", "event.sequence"].map(|path| first(document, path));
            let serial = serial.map(|serial| format!(":{serial}"));
            id.zip(serial).is_some_and(|(id, serial)| id.contains('/') && id.ends_with(&serial))
        }
        _ => false,
    }
}

/// Whether an index name fits one of a rule's patterns; those that begin with `-` take away. A rule
/// that names none is for all but indices that begin with a dot, which hold alerts.
#[must_use]
pub fn fits(patterns: &[String], index: &str) -> bool {
    let fits = |pattern: &str| wild(pattern.as_bytes(), index.as_bytes());
    if patterns.is_empty() {
        return !index.starts_with('.');
    }
    patterns.iter().any(|pattern| !pattern.starts_with('-') && fits(pattern))
        && !patterns.iter().filter_map(|pattern| pattern.strip_prefix('-')).any(fits)
}

/// `*` is any text; index names have no other wildcard.
fn wild(pattern: &[u8], text: &[u8]) -> bool {
    let (mut p, mut t, mut back) = (0, 0, None);
    while t < text.len() {
        match pattern.get(p) {
            Some(b'*') => {
                back = Some((p + 1, t));
                p += 1;
            }
            Some(byte) if text.get(t) == Some(byte) => (p, t) = (p + 1, t + 1),
            _ => match &mut back {
                Some((after, from)) => {
                    *from += 1;
                    (p, t) = (*after, *from);
                }
                None => return false,
            },
        }
    }
    pattern.get(p..).is_some_and(|rest| rest.iter().all(|byte| *byte == b'*'))
}

/// The first text at `path`, nested or dotted.
#[must_use]
pub fn first(document: &Map<String, Json>, path: &str) -> Option<String> {
    for (key, value) in document {
        let rest = match path.strip_prefix(key.as_str()) {
            Some("") => None,
            Some(rest) if rest.starts_with('.') => rest.get(1..),
            _ => continue,
        };
        let value = match value {
            Json::Array(list) => list.first().unwrap_or(&Json::Null),
            value => value,
        };
        let found = match (rest, value) {
            (None, Json::String(text)) => Some(text.clone()),
            (None, Json::Number(number)) => Some(number.to_string()),
            (Some(rest), Json::Object(inner)) => first(inner, rest),
            _ => None,
        };
        if found.is_some() {
            return found;
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> (Vec<String>, usize) {
        let (mut unwrapper, mut documents, mut broken) = (Unwrapper::default(), Vec::new(), 0);
        for line in text.lines().filter(|line| !line.trim().is_empty()) {
            let mut emit = |document: Map<String, Json>, index: Option<&str>| {
                documents.push(format!(
                    "{}@{}",
                    first(&document, "n").unwrap_or_default(),
                    index.unwrap_or("")
                ));
            };
            broken += usize::from(unwrapper.line(line.as_bytes(), &mut emit).is_err());
        }
        broken += usize::from(unwrapper.end().is_err());
        (documents, broken)
    }

    #[test]
    fn each_form_gives_its_documents() {
        for (text, expected) in [
            ("{\"n\":1}\n{\"n\":2}", vec!["1@", "2@"]),
            ("\u{feff}{\"n\":1}\r\n\r\n{\"n\":2}\r\n", vec!["1@", "2@"]),
            ("[\n{\"n\":1},\n{\"n\":2}\n]", vec!["1@", "2@"]),
            ("{\n \"n\": 1\n}\n{\n \"n\": 2\n}", vec!["1@", "2@"]),
            (
                "{\"hits\":{\"hits\":[{\"_index\":\"i\",\"_source\":{\"n\":1},\"fields\":{\"n\":[1]}}]}}",
                vec!["1@i"],
            ),
            ("{\"hits\":{\"hits\":[{\"_index\":\"i\",\"fields\":{\"n\":[1]}}]}}", vec!["1@i"]),
            ("{\"hits\":{\"events\":[{\"_index\":\"i\",\"_source\":{\"n\":1}}]}}", vec!["1@i"]),
            (
                "{\"hits\":{\"sequences\":[{\"events\":[{\"_source\":{\"n\":1}},{\"_source\":{\"n\":2}}]}]}}",
                vec!["1@", "2@"],
            ),
            (
                "{\"create\":{\"_index\":\"i\"}}\n{\"n\":1}\n{\"delete\":{\"_id\":\"x\"}}\n{\"index\":{}}\n{\"n\":2}",
                vec!["1@i", "2@"],
            ),
            ("{\"type\":\"doc\",\"value\":{\"index\":\"i\",\"source\":{\"n\":1}}}", vec!["1@i"]),
        ] {
            let expected: Vec<String> = expected.into_iter().map(str::to_owned).collect();
            assert_eq!(read(text), (expected, 0), "{text}");
        }
    }

    #[test]
    fn what_is_broken_is_counted_and_the_rest_goes_on() {
        let deep = format!("{}{}", "[".repeat(5_000), "]".repeat(5_000));
        for broken in ["{\"n\":1,\"a\":\"cut", "{\"n\":}", "[7]", "{\"a\":1}}", &deep] {
            let (documents, count) = read(&format!("{{\"n\":1}}\n{broken}\n{{\"n\":2}}"));
            assert_eq!((documents, count), (vec!["1@".to_owned(), "2@".to_owned()], 1), "{broken:.40}");
        }
    }

    #[test]
    fn the_index_of_a_document() {
        let index = |text: &str, told| index_of(&serde_json::from_str(text).unwrap(), told);
        let stream = Some(".ds-logs-auditd_manager.auditd-default-2026.09.01-000004");
        assert_eq!(index("{}", stream).as_deref(), Some("logs-auditd_manager.auditd-default"));
        assert_eq!(index(r#"{"event.module":"auditward"}"#, stream), None);
        assert_eq!(index(r#"{"agent":{"type":"auditbeat"}}"#, None).as_deref(), Some("auditbeat-"));
        assert_eq!(
            index(r#"{"data_stream":{"dataset":"d","namespace":["n"]}}"#, None).as_deref(),
            Some("logs-d-n")
        );
        let own = r#"{"event":{"module":"auditd","sequence":7,"id":"h/1.002:7"}}"#;
        assert_eq!(index(own, None), None);
        assert_eq!(
            index(r#"{"event":{"module":"auditd","sequence":7,"id":"7"}}"#, None).as_deref(),
            Some("")
        );
        assert!(fits(&[], "x-1") && !fits(&[], ".alerts-x"));
        let patterns = ["auditbeat-*", "-auditbeat-8*"].map(str::to_owned);
        assert!(
            fits(&patterns, "auditbeat-9.0") && !fits(&patterns, "auditbeat-8.1") && !fits(&patterns, "x")
        );
    }
}
