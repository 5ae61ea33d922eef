//! What the line of an alert is made of: a document, or as much of it as the line tells.

use std::borrow::Cow;

use serde_json::{Map, Value};

use super::read;

/// See the module. Names are dotted (`process.parent.pid`).
pub(crate) trait Telling {
    /// The text of a single value, of a list the first; empty text counts as absent.
    fn text(&self, path: &str) -> Option<Cow<'_, str>>;

    /// The values of a list with commas between; none where there is none.
    fn joined(&self, path: &str) -> Option<Cow<'_, str>>;

    /// The arguments of the process, as exact bytes.
    fn args(&self) -> Vec<Cow<'_, [u8]>>;

    /// The line of parents, nearest first, as far as it is known.
    fn parents(&self) -> Cow<'_, [Parent<'_>]>;

    /// The objects of a list.
    fn objects(&self, path: &str) -> Vec<&Map<String, Value>>;

    /// The texts of a list.
    fn texts(&self, path: &str) -> Vec<&str>;
}

/// A parent, as the line tells it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Parent<'a> {
    /// Its name, or else its program.
    pub(crate) name: Option<Cow<'a, str>>,
    pub(crate) pid: Option<Cow<'a, str>>,
}

impl Telling for Map<String, Value> {
    fn text(&self, path: &str) -> Option<Cow<'_, str>> {
        read::text(self, path)
    }

    fn joined(&self, path: &str) -> Option<Cow<'_, str>> {
        match read::get(self, path)? {
            Value::Array(list) if list.is_empty() => None,
            Value::Array(list) => {
                Some(Cow::Owned(list.iter().filter_map(read::scalar).collect::<Vec<_>>().join(",")))
            }
            one => read::scalar(one),
        }
    }

    fn args(&self) -> Vec<Cow<'_, [u8]>> {
        read::args(self)
    }

    fn parents(&self) -> Cow<'_, [Parent<'_>]> {
        let known = read::get(self, "auditward.ancestors").and_then(Value::as_array);
        let parent = read::get(self, "process.parent").filter(|p| p.is_object());
        let chain: Vec<&Value> = match known {
            Some(list) if !list.is_empty() => list.iter().collect(),
            _ => parent.into_iter().collect(),
        };
        let parent = |process: &Map<String, Value>| Parent {
            name: process.text("name").or_else(|| process.text("executable")).map(own),
            pid: process.text("pid").map(own),
        };
        Cow::Owned(chain.into_iter().filter_map(Value::as_object).map(parent).collect())
    }

    fn objects(&self, path: &str) -> Vec<&Map<String, Value>> {
        let list = read::get(self, path).and_then(Value::as_array);
        list.into_iter().flatten().filter_map(Value::as_object).collect()
    }

    fn texts(&self, path: &str) -> Vec<&str> {
        let list = read::get(self, path).and_then(Value::as_array);
        list.into_iter().flatten().filter_map(Value::as_str).collect()
    }
}

fn own(text: Cow<'_, str>) -> Cow<'static, str> {
    Cow::Owned(text.into_owned())
}
