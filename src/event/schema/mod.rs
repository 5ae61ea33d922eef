//! The one list of fields: name, type, one or many, where it comes from, who could have written it.
//!
//! Names and types follow ECS 8 (<https://www.elastic.co/guide/en/ecs/current/ecs-field-reference.html>)
//! and, below `auditd.`, the documents of Elastic's auditd integration. The rows are in
//! `table`: a new field is one row there and one arm in `from_audit`. docs/fields.md is made from them.

use std::cmp::Ordering;
use std::collections::HashMap;
use std::sync::LazyLock;

use foldhash::fast::FixedState;

pub(crate) mod table;

pub use table::{ROWS, field};

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

impl FieldType {
    /// The type's name in an Elasticsearch mapping.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Keyword => "keyword",
            Self::Wildcard => "wildcard",
            Self::ConstantKeyword => "constant_keyword",
            Self::Text => "text",
            Self::Long => "long",
            Self::Double => "double",
            Self::Boolean => "boolean",
            Self::Date => "date",
            Self::Ip => "ip",
            Self::Version => "version",
        }
    }
}

/// A set of fields that queries are checked and compiled against.
pub trait Schema {
    /// The field of this exact name.
    fn resolve(&self, name: &str) -> Option<(FieldId, FieldType)>;

    /// The field names nearest to `name`, best first, for "did you mean".
    fn nearest(&self, name: &str) -> Vec<String>;

    /// The name of a field of this schema.
    fn name(&self, field: FieldId) -> &str;

    /// Why a field that [`Schema::resolve`] does not give is known and yet of no use to conditions.
    fn unusable(&self, name: &str) -> Option<&str> {
        let _ = name;
        None
    }

    /// Whether events can ever have a value in `field`; a condition that needs one else never matches.
    fn filled(&self, field: FieldId) -> bool {
        let _ = field;
        true
    }

    /// Whether the field's type is a guess from its values, which may be text and look like another type.
    fn guessed(&self, field: FieldId) -> bool {
        let _ = field;
        false
    }
}

/// Whether a field holds at most one value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cardinality {
    /// At most one value.
    One,
    /// Any number of values.
    Many,
}

/// Who could have written a field's value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Trust {
    /// The kernel, from what it knows itself.
    Kernel,
    /// A process, which may lie: arguments, names, paths, the text of user messages.
    Process,
    /// This program, from the other two.
    Derived,
}

/// Which part of the mapping answers for a field: one file of `from_audit` each.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Family {
    /// No source on this host: the field is known, so that rules compile, and always missing.
    Absent,
    /// `@timestamp`, `event.*`, `tags`, `data_stream.*`.
    Event,
    /// `host.*`.
    Host,
    /// `process.*` of the process itself, `container.id`.
    Process,
    /// `process.parent.*`.
    Parent,
    /// `auditward.ancestors.*`: the whole line of parents.
    Ancestors,
    /// `process.entry_leader.*`.
    EntryLeader,
    /// `process.session_leader.*`.
    SessionLeader,
    /// `process.group_leader.*`.
    GroupLeader,
    /// `user.*`, `group.*`.
    User,
    /// `file.*`.
    File,
    /// `source.*`, `destination.*`, `network.*`, `auditd.data.socket.*`.
    Network,
    /// `auditd.*` but for data and paths.
    Auditd,
    /// `auditd.data.*`: the fields of the records under their own names.
    Data,
    /// `auditd.paths.*`: the PATH records under their own names.
    Paths,
    /// `auditward.account.*`: what the account files say; no record does.
    Account,
}

/// Whether a field stands in the exported document.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Face {
    /// In matching and in the exported document.
    Shown,
    /// In matching, and in an event that is exported by itself: an alert has its own.
    Exported,
    /// In matching only: another producer's place for a value that is shown elsewhere.
    Matched,
}

/// One row of the table.
#[derive(Clone, Copy, Debug)]
pub struct Row {
    /// The ECS name, dotted.
    pub name: &'static str,
    /// Its type.
    pub kind: FieldType,
    /// One value or many.
    pub cardinality: Cardinality,
    /// Who could have written it.
    pub trust: Trust,
    /// Which part of the mapping answers.
    pub family: Family,
    /// Whether it is exported.
    pub face: Face,
    /// The record fields it is taken from; empty where this host has no source.
    pub source: &'static str,
    /// What it means.
    pub doc: &'static str,
}

impl Row {
    /// Whether an audit event can ever fill this field; a rule that rests on others is not live.
    #[must_use]
    pub fn has_source(&self) -> bool {
        self.family != Family::Absent
    }
}

/// The order of the table: part by part, so that the fields of one object stand together.
#[must_use]
pub fn cmp_names(a: &str, b: &str) -> Ordering {
    a.split('.').cmp(b.split('.'))
}

/// The row of a field; `None` for an id that is not of this schema.
#[must_use]
pub fn row(field: FieldId) -> Option<&'static Row> {
    ROWS.get(usize::from(field.0))
}

/// The schema of live events and recordings.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Live;

impl Schema for Live {
    fn resolve(&self, name: &str) -> Option<(FieldId, FieldType)> {
        // It holds the schema's own names alone, so nobody can fill one slot from outside.
        static PLACES: LazyLock<HashMap<&str, usize, FixedState>> =
            LazyLock::new(|| ROWS.iter().enumerate().map(|(at, row)| (row.name, at)).collect());
        let at = *PLACES.get(name)?;
        let kind = ROWS.get(at)?.kind;
        Some((FieldId(u16::try_from(at).ok()?), kind))
    }

    fn nearest(&self, name: &str) -> Vec<String> {
        nearest(ROWS.iter().map(|r| r.name), name)
    }

    fn name(&self, field: FieldId) -> &str {
        row(field).map_or("", |r| r.name)
    }

    fn filled(&self, field: FieldId) -> bool {
        row(field).is_some_and(Row::has_source)
    }
}

/// Most names that "did you mean" offers.
const OFFERED: usize = 3;

/// The names nearest to `name`, best first: a misspelling (at most a third of its letters), or the same
/// last part in another object.
pub fn nearest<'n>(names: impl Iterator<Item = &'n str>, name: &str) -> Vec<String> {
    let lower = name.to_ascii_lowercase();
    let limit = (name.chars().count() / 3).clamp(1, 6);
    let last = |n: &str| n.rsplit('.').next().map(str::to_owned);
    let mut found: Vec<(usize, &str)> = names
        .filter_map(|n| {
            let distance = strsim::damerau_levenshtein(&lower, &n.to_ascii_lowercase());
            let related = last(n) == last(&lower);
            (distance <= limit || related).then_some((distance, n))
        })
        .collect();
    found.sort_unstable();
    found.into_iter().take(OFFERED).map(|(_, n)| n.to_owned()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_are_sorted_part_by_part_and_unique() {
        for pair in ROWS.windows(2) {
            assert_eq!(cmp_names(pair[0].name, pair[1].name), Ordering::Less, "{}", pair[1].name);
        }
    }

    #[test]
    fn no_field_is_also_an_object() {
        for pair in ROWS.windows(2) {
            assert!(!pair[1].name.starts_with(&format!("{}.", pair[0].name)), "{}", pair[0].name);
        }
    }

    #[test]
    fn every_row_is_documented_and_those_with_a_family_name_their_source() {
        for r in ROWS {
            assert!(r.doc.trim().len() > 3, "{}: no doc", r.name);
            assert_eq!(r.has_source(), !r.source.is_empty(), "{}", r.name);
            assert!(r.has_source() || r.face == Face::Matched, "{} is shown without a source", r.name);
        }
    }

    #[test]
    fn names_resolve_to_their_own_row() {
        for (i, r) in ROWS.iter().enumerate() {
            let (id, kind) = Live.resolve(r.name).expect(r.name);
            assert_eq!((usize::from(id.0), kind), (i, r.kind));
            assert_eq!(Live.name(id), r.name);
        }
        assert_eq!(Live.resolve("process.name").map(|f| f.0), Some(field::PROCESS_NAME));
        assert_eq!(Live.resolve("process"), None);
        assert_eq!(Live.resolve("Process.Name"), None);
    }

    #[test]
    fn did_you_mean() {
        assert_eq!(Live.nearest("process.naem")[0], "process.name");
        assert_eq!(Live.nearest("process.command_lines")[0], "process.command_line");
        assert_eq!(Live.nearest("user.Id")[0], "user.id");
        assert!(Live.nearest("parent.executable").contains(&"process.parent.executable".to_owned()));
        assert!(Live.nearest("zzzz").is_empty());
    }
}
