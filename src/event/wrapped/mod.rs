//! Documents out of what people keep them in: a document a line, search and EQL answers, bulk requests,
//! exports of hits, lists, pretty-printed ones, and dumps of Kafka topics.
//!
//! Recognised by content, a JSON value at a time; a value may span lines ([`Cutter`]). The shapes are those of
//! Elasticsearch's search, EQL and bulk APIs, of the es-archiver, and of kcat's `-J`.

mod cut;

use std::fmt;

use serde_json::{Map, Value as Json};

pub use cut::{Cutter, Piece};

/// A document's text, and the name of its index where that is told.
pub type Emit<'e> = &'e mut dyn FnMut(&str, Option<&str>);

/// Top-level keys of what may be a wrapping; a document may have them too.
pub const WRAPPINGS: [&str; 11] = [
    "_index",
    "_source",
    "hits",
    "responses",
    "response",
    "value",
    "payload",
    "missing",
    "index",
    "create",
    "update",
];

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

/// Takes the documents out of a JSON value: it may be one, or hold any number.
///
/// # Errors
/// It is not JSON, or (a part of it) no object.
pub fn unwrap(text: &[u8], action_line: Option<&[u8]>, emit: Emit<'_>) -> Result<(), Broken> {
    let parse = |text| serde_json::from_slice::<Json>(text).ok();
    // Behind a Kafka key that is JSON itself.
    let value = parse(text).or_else(|| parse(cut::behind_last_tab(text)?)).ok_or(Broken::NotJson)?;
    let Some(line) = action_line else { return take(value, None, emit) };
    let Json::Object(mut object) = value else { return Err(Broken::NotJson) };
    let action_line: Map<String, Json> = serde_json::from_slice(line).unwrap_or_default();
    let index = action(&action_line).and_then(|(_, index)| index);
    // An update's document stands one deeper.
    let inner = object.get_mut("doc").map(Json::take);
    let document = if let Some(Json::Object(inner)) = inner { inner } else { object };
    give(&document, index.as_deref(), emit);
    Ok(())
}

fn give(document: &Map<String, Json>, index: Option<&str>, emit: Emit<'_>) {
    // What was parsed can be written.
    emit(&serde_json::to_string(document).unwrap_or_default(), index);
}

fn take(value: Json, index: Option<&str>, emit: Emit<'_>) -> Result<(), Broken> {
    let mut object = match value {
        Json::Array(list) => return list.into_iter().try_for_each(|one| take(one, index, emit)),
        Json::Object(object) => object,
        _ => return Err(Broken::NotJson),
    };
    if let Some(Json::Object(hits)) = object.get_mut("hits") {
        return answer(hits, index, emit);
    }
    for key in ["responses", "response"] {
        if object.get(key).is_some_and(|inner| inner.is_array() || inner.get("hits").is_some())
            && let Some(inner) = object.get_mut(key).map(Json::take)
        {
            return take(inner, index, emit);
        }
    }
    if let Some(Json::Object(saved)) = object.get_mut("value")
        && let Some(Json::Object(source)) = saved.get_mut("source").map(Json::take)
    {
        give(&source, saved.get("index").and_then(Json::as_str), emit);
        return Ok(());
    }
    if ["topic", "partition", "offset", "payload"].iter().all(|key| object.contains_key(*key)) {
        return match object.get_mut("payload").map(Json::take) {
            Some(Json::String(text)) => unwrap(text.as_bytes(), None, emit),
            // What deletes a key.
            Some(Json::Null) | None => Ok(()),
            Some(payload) => take(payload, index, emit),
        };
    }
    let hit = object.contains_key("_index") || object.contains_key("_source");
    let inner =
        ["_source", "fields"].into_iter().find(|key| hit && object.get(*key).is_some_and(Json::is_object));
    match inner.and_then(|key| object.get_mut(key)).map(Json::take) {
        Some(Json::Object(source)) => {
            give(&source, object.get("_index").and_then(Json::as_str).or(index), emit)
        }
        // A missing event of a sequence.
        _ if object.get("missing") == Some(&Json::Bool(true)) => {}
        _ => give(&object, index, emit),
    }
    Ok(())
}

/// What an answer found: hits of a search, events or sequences of EQL.
fn answer(hits: &mut Map<String, Json>, index: Option<&str>, emit: Emit<'_>) -> Result<(), Broken> {
    for list in ["hits", "events"] {
        if let Some(list) = hits.get_mut(list).map(Json::take).filter(Json::is_array) {
            take(list, index, emit)?;
        }
    }
    let Some(Json::Array(sequences)) = hits.get_mut("sequences").map(Json::take) else { return Ok(()) };
    for mut sequence in sequences {
        if let Some(events) = sequence.get_mut("events").map(Json::take) {
            take(events, index, emit)?;
        }
    }
    Ok(())
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

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> (Vec<String>, usize) {
        let (mut cutter, mut documents, mut broken) = (Cutter::default(), Vec::new(), 0);
        let mut take = |piece: Piece<'_>| {
            let read = piece.text.and_then(|text| {
                unwrap(text, piece.action, &mut |document, index| {
                    let document: Json = serde_json::from_str(document).unwrap();
                    documents.push(format!("{}@{}", document["n"], index.unwrap_or("")));
                })
            });
            broken += usize::from(read.is_err());
        };
        for line in text.lines().filter(|line| !line.trim().is_empty()) {
            assert!(cutter.line(line.as_bytes(), &mut take), "{line}");
        }
        cutter.end(&mut take);
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
            ("{\"responses\":[{\"hits\":{\"hits\":[{\"_source\":{\"n\":1}}]}}]}", vec!["1@"]),
            ("{\"response\":{\"hits\":{\"hits\":[{\"_source\":{\"n\":1}}]}}}", vec!["1@"]),
            ("{\"hits\":{\"hits\":[{\"_index\":\"i\",\"fields\":{\"n\":1}}]}}", vec!["1@i"]),
            ("{\"hits\":{\"events\":[{\"_index\":\"i\",\"_source\":{\"n\":1}}]}}", vec!["1@i"]),
            (
                "{\"hits\":{\"sequences\":[{\"events\":[{\"_source\":{\"n\":1}},{\"_source\":{\"n\":2}}]}]}}",
                vec!["1@", "2@"],
            ),
            (
                "{\"create\":{\"_index\":\"i\"}}\n{\"n\":1}\n{\"delete\":{\"_id\":\"x\"}}\n{\"index\":{}}\n{\"n\":2}",
                vec!["1@i", "2@"],
            ),
            ("{\"update\":{\"_index\":\"i\"}}\n{\"doc\":{\"n\":1}}", vec!["1@i"]),
            ("{\"type\":\"doc\",\"value\":{\"index\":\"i\",\"source\":{\"n\":1}}}", vec!["1@i"]),
            (
                "{\"topic\":\"t\",\"partition\":0,\"offset\":7,\"key\":null,\"payload\":\"{\\\"n\\\":1}\"}",
                vec!["1@"],
            ),
            ("{\"topic\":\"t\",\"partition\":0,\"offset\":8,\"payload\":null}", vec![]),
            ("CreateTime:7\tNO_HEADERS\t{\"k\":1}\t{\"n\":1}\n{\"k\":1}\t{\"n\":2}", vec!["1@", "2@"]),
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
}
