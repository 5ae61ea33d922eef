//! An Elasticsearch mapping: which types the fields of documents have.
//!
//! Read as `GET index/_mapping` gives it (`{"index": {"mappings": {…}}, …}`), or `{"mappings": {…}}`, or
//! the inner object alone; see
//! <https://www.elastic.co/guide/en/elasticsearch/reference/current/mapping.html>. Of a field are read
//! `type`, `properties`, `fields` (sub-fields), `format`, `null_value`, `path` (of an alias) and `value`
//! (of a constant_keyword).

use std::collections::BTreeMap;

use serde_json::{Map, Value as Json};

use super::date;
use super::schema::FieldType;

/// The fields of a mapping.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Mapping {
    /// By dotted name.
    pub fields: BTreeMap<String, Mapped>,
    /// Of objects that say so, the whole mapping among them under an empty name, whether a field that is not in the
    /// mapping is unknown there: `"dynamic": "strict"` or `false`, or `"enabled": false`.
    closed: BTreeMap<String, bool>,
}

/// One field of a mapping.
#[derive(Clone, Debug, PartialEq)]
pub struct Mapped {
    /// Its type, or why conditions cannot use it.
    pub kind: Result<FieldType, String>,
    /// How its dates are written.
    pub format: Option<String>,
    /// What a null in a document stands for.
    pub null_value: Option<Json>,
    /// The value that every document has.
    pub constant: Option<Json>,
    /// Where its values stand in the documents: its own name, but for sub-fields and aliases.
    pub path: String,
}

/// Why a mapping cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum MappingError {
    /// The text is not JSON.
    #[error("the mapping is not JSON: {0}")]
    Json(String),
    /// The JSON holds no mapping.
    #[error("no mapping: expected an object with \"properties\", \"mappings\", or indices with \"mappings\"")]
    Shape,
}

impl Mapping {
    /// Reads a mapping.
    ///
    /// # Errors
    /// The text is not JSON, or not of a shape in which mappings come.
    pub fn parse(text: &str) -> Result<Self, MappingError> {
        let json: Json = serde_json::from_str(text).map_err(|error| MappingError::Json(error.to_string()))?;
        let root = json.as_object().ok_or(MappingError::Shape)?;
        let mut mapping = Mapping::default();
        for part in roots(root).ok_or(MappingError::Shape)? {
            mapping.note_dynamic("", part);
            let properties = part.get("properties").and_then(Json::as_object);
            mapping.properties("", properties, None);
        }
        mapping.follow_aliases();
        Ok(mapping)
    }

    /// Whether a field of this name that is not in the mapping is unknown: as the nearest object above it says, or
    /// the whole mapping.
    #[must_use]
    pub fn is_closed(&self, name: &str) -> bool {
        let above = std::iter::successors(Some(name), |name| name.rsplit_once('.').map(|(object, _)| object));
        above.skip(1).chain([""]).find_map(|object| self.closed.get(object)).copied().unwrap_or(false)
    }

    fn note_dynamic(&mut self, object: &str, definition: &Map<String, Json>) {
        let closed = match definition.get("dynamic") {
            _ if definition.get("enabled") == Some(&Json::Bool(false)) => true,
            Some(Json::Bool(open)) => !open,
            Some(Json::String(word)) => matches!(word.as_str(), "strict" | "false"),
            _ => return,
        };
        // Of several indices the strictest counts.
        *self.closed.entry(object.to_owned()).or_default() |= closed;
    }

    fn properties(&mut self, prefix: &str, properties: Option<&Map<String, Json>>, unusable: Option<&str>) {
        for (name, definition) in properties.into_iter().flatten() {
            let name = if prefix.is_empty() { name.clone() } else { format!("{prefix}.{name}") };
            let Some(definition) = definition.as_object() else { continue };
            let written = definition.get("type").and_then(Json::as_str);
            let inner = definition.get("properties").and_then(Json::as_object);
            let nested = (written == Some("nested")).then_some("it lies in a nested object");
            self.note_dynamic(&name, definition);
            self.properties(&name, inner, unusable.or(nested));
            let Some(written) = written.filter(|written| !matches!(*written, "object" | "nested")) else {
                continue;
            };
            let sub_fields = definition.get("fields").and_then(Json::as_object);
            let mut kind = kind(written, definition);
            let format = definition.get("format").and_then(Json::as_str);
            if let Some(unknown) =
                format.filter(|_| kind == Ok(FieldType::Date)).and_then(date::unknown_format)
            {
                kind = Err(format!("dates of the format {unknown} are not read"));
            }
            if kind == Ok(FieldType::Text) && sub_fields.into_iter().flatten().any(|(_, sub)| is_keyword(sub))
            {
                // What compares with it compares with its keyword sub-field.
                kind = Ok(FieldType::Keyword);
            }
            if let Some(why) = unusable {
                kind = Err(why.to_owned());
            }
            for (sub, definition) in sub_fields.into_iter().flatten() {
                let Some(definition) = definition.as_object() else { continue };
                let written = definition.get("type").and_then(Json::as_str).unwrap_or("keyword");
                let field = mapped(self::kind(written, definition), definition, name.clone());
                self.insert(format!("{name}.{sub}"), field);
            }
            let field = mapped(kind, definition, name.clone());
            self.insert(name, field);
        }
    }

    /// Where indices disagree only a query that names the field cannot be answered; whole texts are of one family.
    fn insert(&mut self, name: String, mut field: Mapped) {
        if let Some(known) = self.fields.get(&name).filter(|known| known.kind != field.kind) {
            let is_text = |kind: &Result<FieldType, String>| {
                matches!(kind, Ok(FieldType::Keyword | FieldType::Wildcard | FieldType::ConstantKeyword))
            };
            field.kind = if is_text(&known.kind) && is_text(&field.kind) {
                field.constant = None;
                Ok(FieldType::Keyword)
            } else {
                Err("the indices map it in different ways".to_owned())
            };
        }
        self.fields.insert(name, field);
    }

    /// An alias has the type of the field that its path names.
    fn follow_aliases(&mut self) {
        let targets: Vec<(String, Mapped)> = self
            .fields
            .iter()
            .filter(|(name, field)| field.kind.is_err() && field.path != **name)
            .filter_map(|(name, field)| Some((name.clone(), self.fields.get(&field.path)?.clone())))
            .collect();
        self.fields.extend(targets);
    }
}

/// The objects that hold `properties`.
fn roots(root: &Map<String, Json>) -> Option<Vec<&Map<String, Json>>> {
    if let Some(mappings) = root.get("mappings") {
        return Some(vec![mappings.as_object()?]);
    }
    if root.contains_key("properties") || root.contains_key("dynamic") {
        return Some(vec![root]);
    }
    let indices = root.values().map(|index| index.get("mappings")?.as_object());
    indices.collect::<Option<Vec<_>>>().filter(|roots| !roots.is_empty())
}

fn mapped(kind: Result<FieldType, String>, definition: &Map<String, Json>, path: String) -> Mapped {
    let text = |key: &str| definition.get(key).and_then(Json::as_str).map(str::to_owned);
    let alias = definition.get("type").and_then(Json::as_str) == Some("alias");
    Mapped {
        kind,
        format: text("format"),
        null_value: definition.get("null_value").cloned(),
        constant: definition.get("value").filter(|_| is_constant(definition)).cloned(),
        path: text("path").filter(|_| alias).unwrap_or(path),
    }
}

fn is_constant(definition: &Map<String, Json>) -> bool {
    definition.get("type").and_then(Json::as_str) == Some("constant_keyword")
}

fn is_keyword(definition: &Json) -> bool {
    matches!(definition.get("type").and_then(Json::as_str), Some("keyword" | "wildcard" | "constant_keyword"))
}

/// A type by its name in a mapping.
fn kind(written: &str, definition: &Map<String, Json>) -> Result<FieldType, String> {
    let scaled = || definition.get("scaling_factor").is_some();
    Ok(match written {
        "keyword" | "flattened" => FieldType::Keyword,
        "wildcard" => FieldType::Wildcard,
        "constant_keyword" => FieldType::ConstantKeyword,
        "text" | "match_only_text" => FieldType::Text,
        "long" | "integer" | "short" | "byte" | "unsigned_long" => FieldType::Long,
        "double" | "float" | "half_float" => FieldType::Double,
        "scaled_float" if scaled() => FieldType::Double,
        "boolean" => FieldType::Boolean,
        "date" | "date_nanos" => FieldType::Date,
        "ip" => FieldType::Ip,
        "version" => FieldType::Version,
        other => return Err(format!("fields of type {other} cannot be compared")),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Mapping {
        Mapping::parse(text).unwrap()
    }

    #[test]
    fn the_three_shapes() {
        let inner = r#"{"properties":{"a":{"properties":{"b":{"type":"long"}}},"c.d":{"type":"ip"}}}"#;
        let expected = parse(inner);
        assert_eq!(expected.fields["a.b"].kind, Ok(FieldType::Long));
        assert_eq!(expected.fields["c.d"].kind, Ok(FieldType::Ip));
        assert_eq!(parse(&format!(r#"{{"mappings":{inner}}}"#)), expected);
        assert_eq!(
            parse(&format!(r#"{{"i-1":{{"mappings":{inner}}},"i-2":{{"mappings":{inner}}}}}"#)),
            expected
        );
        for wrong in ["[]", "{}", "{\"a\":1}", "x"] {
            assert!(Mapping::parse(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn text_is_usable_by_its_keyword() {
        let mapping = parse(
            r#"{"properties":{"a":{"type":"text","fields":{"raw":{"type":"keyword"}}},"b":{"type":"text"}}}"#,
        );
        assert_eq!(mapping.fields["a"].kind, Ok(FieldType::Keyword));
        assert_eq!(mapping.fields["a.raw"].path, "a");
        assert_eq!(mapping.fields["b"].kind, Ok(FieldType::Text));
    }

    #[test]
    fn what_is_of_no_use_says_why() {
        let mapping = parse(
            r#"{"dynamic":"strict","properties":{
                "n":{"type":"nested","properties":{"x":{"type":"long"}}},
                "g":{"type":"geo_point"},
                "l":{"type":"alias","path":"n.y"},
                "k":{"type":"alias","path":"d"},
                "d":{"type":"date","format":"epoch_second","null_value":0}}}"#,
        );
        assert!(mapping.is_closed("x"));
        assert_eq!(mapping.fields["n.x"].kind, Err("it lies in a nested object".to_owned()));
        assert!(mapping.fields["g"].kind.is_err() && mapping.fields["l"].kind.is_err());
        assert_eq!(mapping.fields["k"], mapping.fields["d"]);
        assert_eq!(mapping.fields["d"].format.as_deref(), Some("epoch_second"));
    }

    #[test]
    fn indices_that_disagree_cost_that_field_only() {
        let mapping = parse(
            r#"{"a":{"mappings":{"properties":{"x":{"type":"long"},"t":{"type":"keyword"},"y":{"type":"ip"}}}},
                "b":{"mappings":{"properties":{"x":{"type":"keyword"},"t":{"type":"wildcard"},"y":{"type":"ip"}}}}}"#,
        );
        assert_eq!(mapping.fields["x"].kind, Err("the indices map it in different ways".to_owned()));
        assert_eq!(mapping.fields["t"].kind, Ok(FieldType::Keyword));
        assert_eq!(mapping.fields["y"].kind, Ok(FieldType::Ip));
    }

    #[test]
    fn each_object_says_for_itself_what_is_unknown() {
        let mapping = parse(
            r#"{"properties":{"lab":{"dynamic":"strict","properties":{"open":{"dynamic":true,"properties":{}}}},
                "off":{"type":"object","enabled":false}}}"#,
        );
        for (name, closed) in [
            ("x", false),
            ("lab", false),
            ("lab.x", true),
            ("lab.deep.x", true),
            ("lab.open.x", false),
            ("off.x", true),
        ] {
            assert_eq!(mapping.is_closed(name), closed, "{name}");
        }
        let strict = parse(r#"{"dynamic":"strict","properties":{"lab":{"dynamic":true,"properties":{}}}}"#);
        assert!(strict.is_closed("x") && !strict.is_closed("lab.x"));
    }

    #[test]
    fn a_date_that_would_be_lost_is_refused_where_it_is_named() {
        let mapping = parse(r#"{"properties":{"d":{"type":"date","format":"epoch_millis||MMM d, yyyy"}}}"#);
        assert_eq!(mapping.fields["d"].kind, Err("dates of the format MMM d, yyyy are not read".to_owned()));
    }
}
