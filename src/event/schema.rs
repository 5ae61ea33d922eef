//! The one list of fields: name, type, one or many, where it comes from, who could have written it.

/// A field of a schema, resolved once when a rule is compiled.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct FieldId(pub u16);

/// Field types, as Elasticsearch's mappings name them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum FieldType {
    /// Exact text.
    Keyword,
    /// Exact text, indexed for wildcards.
    Wildcard,
    /// The same text in all documents.
    ConstantKeyword,
    /// Analysed text (usable with a keyword sub-field only).
    Text,
    /// 64-bit integer (and the smaller ones).
    Long,
    /// Floating point.
    Double,
    /// Truth value.
    Boolean,
    /// Date, milliseconds.
    Date,
    /// IPv4 or IPv6 address.
    Ip,
    /// Software version.
    Version,
}

/// A set of fields that queries are checked and compiled against.
pub trait Schema {
    /// The field of this exact name.
    fn resolve(&self, name: &str) -> Option<(FieldId, FieldType)>;

    /// The field names nearest to `name`, best first, for "did you mean".
    fn nearest(&self, name: &str) -> Vec<String>;

    /// The name of a field of this schema.
    fn name(&self, field: FieldId) -> &str;
}
