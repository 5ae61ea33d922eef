//! Documents as lines of JSON: their fields, known from a mapping or guessed from the values.
//!
//! Names with dots and objects within objects are one: `{"process.pid": 1}` is `{"process": {"pid": 1}}`.
//! A list is many values; null, an empty list and a list of nulls are no value. A field that a mapping
//! does not name gets the type that ECS gives its name, if all its values fit that, else the type that
//! they have: whole numbers, numbers, truth values, dates (as Elasticsearch detects them), else text.

use std::collections::{BTreeMap, HashMap};
use std::net::IpAddr;

use bumpalo::Bump;
use serde_json::{Map, Value as Json};

use super::date;
use super::document::{Order, Value};
use super::held::Held;
use super::mapping::{Mapped, Mapping};
use super::schema::{FieldId, FieldType, Live, Schema, nearest};

/// Collects what the documents hold, to guess the types of their fields.
#[derive(Debug, Default)]
pub struct Survey {
    seen: BTreeMap<String, Seen>,
}

/// What is known of the values of one field.
#[derive(Clone, Copy, Debug)]
struct Seen {
    longs: bool,
    doubles: bool,
    truths: bool,
    texts: bool,
    /// All of them fit the type that ECS gives the name.
    fits_ecs: bool,
    /// All of them are dates, as text or as numbers.
    dates: bool,
    /// All texts are dates by the rule of detection.
    detected_dates: bool,
}

impl Survey {
    /// Takes the values of one document into account.
    pub fn add(&mut self, document: &Map<String, Json>) {
        walk(document, &mut String::new(), &mut |path, value| {
            if value.is_null() {
                return;
            }
            let seen = match self.seen.get_mut(path) {
                Some(seen) => seen,
                None => self.seen.entry(path.to_owned()).or_insert(Seen::NOTHING),
            };
            seen.add(path, value);
        });
    }

    /// The fields, by the mapping first. `timestamp` names the field of the documents' times: a date, if
    /// its values can be read as such.
    #[must_use]
    pub fn fields(&self, mapping: &Mapping, timestamp: &str) -> Fields {
        let mut fields = Fields::default();
        for (name, mapped) in &mapping.fields {
            match &mapped.kind {
                Ok(kind) => fields.add(name, *kind, false, mapped.clone()),
                Err(why) => {
                    fields.unusable.insert(name.clone(), why.clone());
                }
            }
        }
        for (name, seen) in &self.seen {
            let known = fields.index.contains_key(name) || fields.unusable.contains_key(name);
            if known || mapping.is_closed(name) {
                continue;
            }
            let (kind, guessed) = seen.kind(name, name == timestamp);
            let path = name.clone();
            let plain = Mapped { kind: Ok(kind), format: None, null_value: None, constant: None, path };
            fields.add(name, kind, guessed, plain);
        }
        fields
    }
}

impl Seen {
    const NOTHING: Seen = Seen {
        longs: false,
        doubles: false,
        truths: false,
        texts: false,
        fits_ecs: true,
        dates: true,
        detected_dates: true,
    };

    fn add(&mut self, path: &str, value: &Json) {
        match value {
            Json::Bool(_) => self.truths = true,
            Json::Number(number) if number.is_i64() => self.longs = true,
            Json::Number(_) => self.doubles = true,
            Json::String(text) => {
                self.texts = true;
                self.detected_dates &= text.len() >= 10 && date::iso(text).is_some();
            }
            _ => {}
        }
        self.dates &= fits(FieldType::Date, value);
        self.fits_ecs &= ecs_type(path).is_some_and(|kind| fits(kind, value));
    }

    /// The type, and whether it is a guess from texts.
    fn kind(&self, name: &str, timestamp: bool) -> (FieldType, bool) {
        if timestamp && self.dates {
            return (FieldType::Date, false);
        }
        if let Some(kind) = ecs_type(name).filter(|_| self.fits_ecs) {
            return (kind, false);
        }
        match (self.texts, self.truths, self.longs || self.doubles) {
            (true, false, false) if self.detected_dates => (FieldType::Date, true),
            (false, true, false) => (FieldType::Boolean, false),
            (false, false, true) if self.doubles => (FieldType::Double, false),
            (false, false, true) => (FieldType::Long, false),
            _ => (FieldType::Keyword, true),
        }
    }
}

/// The type of this name in ECS; none for text, which is more often a keyword in documents.
fn ecs_type(name: &str) -> Option<FieldType> {
    Live.resolve(name).map(|(_, kind)| kind).filter(|kind| *kind != FieldType::Text)
}

fn fits(kind: FieldType, value: &Json) -> bool {
    match kind {
        FieldType::Keyword | FieldType::Wildcard | FieldType::ConstantKeyword | FieldType::Text => true,
        FieldType::Version => value.is_string(),
        FieldType::Boolean => truth(value).is_some(),
        FieldType::Long => match value {
            Json::Number(number) => number.is_i64(),
            Json::String(text) => text.parse::<i64>().is_ok(),
            _ => false,
        },
        FieldType::Double => double(value).is_some(),
        FieldType::Date => date_of(value, None).is_some(),
        FieldType::Ip => address(value).is_some(),
    }
}

/// The fields of documents.
#[derive(Debug, Default)]
pub struct Fields {
    fields: Vec<Field>,
    index: HashMap<String, FieldId>,
    unusable: HashMap<String, String>,
    /// By the place of their values in the documents.
    by_path: HashMap<String, Vec<FieldId>>,
}

#[derive(Debug)]
struct Field {
    name: String,
    kind: FieldType,
    guessed: bool,
    format: Option<String>,
    null_value: Option<Json>,
    constant: Option<Json>,
}

impl Fields {
    fn add(&mut self, name: &str, kind: FieldType, guessed: bool, mapped: Mapped) {
        // A document of more fields than fit is no document of events.
        let Ok(number) = u16::try_from(self.fields.len()) else { return };
        let id = FieldId(number);
        self.index.insert(name.to_owned(), id);
        self.by_path.entry(mapped.path).or_default().push(id);
        self.fields.push(Field {
            name: name.to_owned(),
            kind,
            guessed,
            format: mapped.format,
            null_value: mapped.null_value,
            constant: mapped.constant,
        });
    }

    /// Reads the `wanted` fields of a document into `arena`. A value that its field's type cannot hold
    /// is left out, as Elasticsearch leaves out malformed ones.
    #[must_use]
    pub fn read<'a>(&self, document: &Map<String, Json>, wanted: &[FieldId], arena: &'a Bump) -> Held<'a> {
        let mut values: BTreeMap<FieldId, bumpalo::collections::Vec<'a, Value<'a>>> = BTreeMap::new();
        let mut put = |id: FieldId, value: &Json| {
            let Some(field) = self.fields.get(usize::from(id.0)) else { return };
            let value = if value.is_null() { field.null_value.as_ref() } else { Some(value) };
            if let Some(value) = value.and_then(|value| field.value(value, arena)) {
                values.entry(id).or_insert_with(|| bumpalo::collections::Vec::new_in(arena)).push(value);
            }
        };
        walk(document, &mut String::new(), &mut |path, value| {
            for id in self.by_path.get(path).into_iter().flatten().filter(|id| wanted.contains(id)) {
                put(*id, value);
            }
        });
        for id in wanted {
            let constant = self.fields.get(usize::from(id.0)).and_then(|field| field.constant.as_ref());
            if let Some(constant) = constant {
                put(*id, constant);
            }
        }
        let values = values.into_iter().map(|(id, values)| (id, values.into_bump_slice() as &[_])).collect();
        // Until it is given a place in time it comes last.
        Held::new(values, Order { millis: i64::MAX, tiebreaker: 0 })
    }
}

impl Schema for Fields {
    fn resolve(&self, name: &str) -> Option<(FieldId, FieldType)> {
        let id = *self.index.get(name)?;
        Some((id, self.fields.get(usize::from(id.0))?.kind))
    }

    fn nearest(&self, name: &str) -> Vec<String> {
        nearest(self.fields.iter().map(|field| field.name.as_str()), name)
    }

    fn name(&self, field: FieldId) -> &str {
        self.fields.get(usize::from(field.0)).map_or("", |field| field.name.as_str())
    }

    fn unusable(&self, name: &str) -> Option<&str> {
        self.unusable.get(name).map(String::as_str)
    }

    fn guessed(&self, field: FieldId) -> bool {
        self.fields.get(usize::from(field.0)).is_some_and(|field| field.guessed)
    }
}

/// Calls `leaf` for every scalar with the dotted path at which it stands.
pub(super) fn walk(object: &Map<String, Json>, path: &mut String, leaf: &mut impl FnMut(&str, &Json)) {
    for (name, value) in object {
        let length = path.len();
        path.push_str(name);
        walk_value(value, path, leaf);
        path.truncate(length);
    }
}

fn walk_value(value: &Json, path: &mut String, leaf: &mut impl FnMut(&str, &Json)) {
    match value {
        Json::Object(object) => {
            // An empty name is one, too: `{"": {"user": 1}}` says nothing of `user`.
            path.push('.');
            walk(object, path, leaf);
            path.pop();
        }
        Json::Array(list) => list.iter().for_each(|value| walk_value(value, path, leaf)),
        scalar => leaf(path, scalar),
    }
}

impl Field {
    fn value<'a>(&self, value: &Json, arena: &'a Bump) -> Option<Value<'a>> {
        read_value(self.kind, value, self.format.as_deref(), arena)
    }
}

/// `value` as a field of type `kind` has it; none for one that the type cannot hold.
pub(super) fn read_value<'a>(
    kind: FieldType,
    value: &Json,
    format: Option<&str>,
    arena: &'a Bump,
) -> Option<Value<'a>> {
    Some(match kind {
        FieldType::Keyword
        | FieldType::Wildcard
        | FieldType::ConstantKeyword
        | FieldType::Text
        | FieldType::Version => Value::Text(text(value, arena)?),
        FieldType::Long => Value::Long(long(value)?),
        FieldType::Double => Value::Double(double(value)?),
        FieldType::Boolean => Value::Bool(truth(value)?),
        FieldType::Date => Value::Date(date_of(value, format)?),
        FieldType::Ip => Value::Ip(address(value)?),
    })
}

fn text<'a>(value: &Json, arena: &'a Bump) -> Option<&'a [u8]> {
    Some(match value {
        Json::String(text) => arena.alloc_slice_copy(text.as_bytes()),
        Json::Number(number) => arena.alloc_str(&number.to_string()).as_bytes(),
        Json::Bool(truth) => arena.alloc_str(if *truth { "true" } else { "false" }).as_bytes(),
        _ => return None,
    })
}

fn long(value: &Json) -> Option<i64> {
    match value {
        Json::Number(number) => number.as_i64().or_else(|| number.as_f64().and_then(whole)),
        Json::String(text) => text.parse().ok().or_else(|| double(value).and_then(whole)),
        _ => None,
    }
}

/// Without its fraction, as Elasticsearch coerces it; none where there is no such whole number.
fn whole(number: f64) -> Option<i64> {
    // 2⁶³ is the first that is too large.
    const BOUND: f64 = 9_223_372_036_854_775_808.0;
    (-BOUND..BOUND).contains(&number).then_some(number as i64)
}

fn double(value: &Json) -> Option<f64> {
    match value {
        Json::Number(number) => number.as_f64(),
        Json::String(text) if text.bytes().all(|b| b.is_ascii_digit() || b"+-.eE".contains(&b)) => {
            text.parse().ok()
        }
        _ => None,
    }
}

fn truth(value: &Json) -> Option<bool> {
    match value {
        Json::Bool(truth) => Some(*truth),
        Json::String(text) if text == "true" => Some(true),
        Json::String(text) if text == "false" || text.is_empty() => Some(false),
        _ => None,
    }
}

/// How dates are tried to be read that do not fit their field's format: documents of several indices,
/// each with its own, may lie in one file.
const OTHER_FORMATS: &str =
    "strict_date_optional_time||epoch_millis||dd-MM-yyyy||yyyy/MM/dd HH:mm:ss||yyyy/MM/dd||dd/MM/yyyy";

fn date_of(value: &Json, format: Option<&str>) -> Option<i64> {
    let read = |text: &str, format: &str| date::by_format(text, format).map(|(first, _)| first);
    match value {
        Json::Number(number) => {
            let by_format = format.and_then(|format| read(&number.to_string(), format));
            by_format.or_else(|| number.as_i64()).or_else(|| number.as_f64().and_then(whole))
        }
        Json::String(text) => {
            format.and_then(|format| read(text, format)).or_else(|| read(text, OTHER_FORMATS))
        }
        _ => None,
    }
}

fn address(value: &Json) -> Option<IpAddr> {
    value.as_str()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::Document as _;

    fn object(text: &str) -> Map<String, Json> {
        serde_json::from_str(text).unwrap()
    }

    fn fields(lines: &[&str], mapping: &str) -> Fields {
        let mut survey = Survey::default();
        lines.iter().for_each(|line| survey.add(&object(line)));
        survey.fields(&Mapping::parse(mapping).unwrap(), "@timestamp")
    }

    const OPEN: &str = r#"{"properties":{}}"#;

    #[test]
    fn an_empty_name_is_part_of_the_path() {
        let fields = fields(&[r#"{"":{"process":{"pid":1}},"a":{"":{"b":2}}}"#], OPEN);
        assert_eq!(fields.resolve("process.pid"), None);
        assert!(fields.resolve(".process.pid").is_some() && fields.resolve("a..b").is_some());
    }

    #[test]
    fn types_are_guessed() {
        let fields = fields(
            &[
                r#"{"@timestamp":"12","a":{"b":1},"c":[1,2.5],"d":true,"e":["x",1],"f":null,"g":[],"h":"2020-01-01"}"#,
                r#"{"a.b":[2,3],"source":{"ip":"::1"},"process":{"name":7},"user":{"id":0},"i":[{"j":"k"}]}"#,
            ],
            OPEN,
        );
        let kind = |name: &str| fields.resolve(name).map(|(_, kind)| kind);
        for (name, expected) in [
            ("@timestamp", Some(FieldType::Date)),
            ("a.b", Some(FieldType::Long)),
            ("c", Some(FieldType::Double)),
            ("d", Some(FieldType::Boolean)),
            ("e", Some(FieldType::Keyword)),
            ("f", None),
            ("g", None),
            ("h", Some(FieldType::Date)),
            ("source.ip", Some(FieldType::Ip)),
            ("process.name", Some(FieldType::Keyword)),
            ("user.id", Some(FieldType::Keyword)),
            ("i.j", Some(FieldType::Keyword)),
        ] {
            assert_eq!(kind(name), expected, "{name}");
        }
    }

    #[test]
    fn values_by_type() {
        let mapping = r#"{"properties":{"n":{"type":"keyword","null_value":"NULL"},
            "d":{"type":"date","format":"dd-MM-yyyy"},"t":{"type":"text","fields":{"raw":{"type":"keyword"}}},
            "c":{"type":"constant_keyword","value":"x"},"l":{"type":"long"}}}"#;
        let fields = fields(&[], mapping);
        let id = |name: &str| fields.resolve(name).unwrap().0;
        let wanted = ["n", "d", "t", "t.raw", "c", "l"].map(id);
        let arena = Bump::new();
        let line = object(
            r#"{"n":[null,"a"],"d":"02-01-1970","t":"y","l":["7",null,"seven",8.9,"5.7",1e30,18446744073709551615]}"#,
        );
        let document = fields.read(&line, &wanted, &arena);
        let values = |name: &str| document.values(id(name)).as_slice().to_vec();
        assert_eq!(values("n"), [Value::Text(b"NULL"), Value::Text(b"a")]);
        assert_eq!(values("d"), [Value::Date(86_400_000)]);
        assert_eq!(values("t"), values("t.raw"));
        assert_eq!(values("c"), [Value::Text(b"x")]);
        assert_eq!(values("l"), [Value::Long(7), Value::Long(8), Value::Long(5)]);
    }

    #[test]
    fn a_closed_mapping_knows_no_other_field() {
        let fields = fields(&[r#"{"a":1}"#], r#"{"dynamic":"strict","properties":{"b":{"type":"long"}}}"#);
        assert!(fields.resolve("a").is_none() && fields.resolve("b").is_some());
    }
}
