//! What must be true of every event that a condition can match: the ground for indexing rules and for
//! deriving kernel rules. Always a superset: a requirement may let through what the condition refuses,
//! never the other way round.

use crate::event::{FieldId, schema};

/// Some value of `field` is taken by one of `any_of`. What is derived from it goes by names: so `file.path` stands for
/// `file.Ext.original.path` too, since a rename has two, and `process.name` for the program's own, which a script that it
/// runs does not have.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Requirement {
    /// The field.
    pub field: FieldId,
    /// The literals, of which one takes a value of the field; at least one.
    pub any_of: Vec<Literal>,
}

/// A literal and how it takes a value.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Literal {
    /// The text.
    pub bytes: Vec<u8>,
    /// Whether the case of ASCII letters makes no difference.
    pub insensitive: bool,
    /// Where in the value it stands.
    pub place: Place,
}

/// Where in a value a literal stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Place {
    /// It is the whole value.
    Whole,
    /// It begins the value.
    Start,
    /// It ends the value.
    End,
    /// It is somewhere in the value.
    Inside,
    /// It takes the value as a pattern with `*` and `?`.
    Pattern,
}

impl Literal {
    /// Whether it takes `value`.
    #[must_use]
    pub fn takes(&self, value: &[u8]) -> bool {
        use super::pattern::{Pattern, PatternSet};
        let bytes = self.bytes.clone();
        let pattern = match self.place {
            Place::Whole => Pattern::Exact(bytes),
            Place::Start => Pattern::Prefix(bytes),
            Place::End => Pattern::Suffix(bytes),
            Place::Inside => Pattern::Contains(bytes),
            Place::Pattern => Pattern::wildcard(&bytes),
        };
        PatternSet::new([pattern], self.insensitive).is_match(value)
    }
}

impl Literal {
    /// The name of the program whose path ends so, wherever it lies: of `*/usermod`.
    fn program(&self) -> Option<Self> {
        let name = self.bytes.strip_prefix(b"/").filter(|_| self.place == Place::End)?;
        let whole = !name.is_empty() && !name.contains(&b'/');
        whole.then(|| Self { bytes: name.to_vec(), place: Place::Whole, ..self.clone() })
    }
}

/// What is known of a condition.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Needs {
    /// It matches nothing.
    Never,
    /// All of these hold of whatever it matches; none where nothing is known.
    All(Vec<Requirement>),
}

impl Needs {
    /// Nothing is known.
    pub(crate) const NOTHING: Needs = Needs::All(Vec::new());

    pub(crate) fn one(mut field: FieldId, mut any_of: Vec<Literal>) -> Self {
        if field == schema::field::FILE_EXT_ORIGINAL_PATH {
            field = schema::field::FILE_PATH;
        }
        if field == schema::field::PROCESS_EXECUTABLE
            && let Some(names) = any_of.iter().map(Literal::program).collect()
        {
            (field, any_of) = (schema::field::PROCESS_NAME, names);
        }
        Needs::All(vec![Requirement { field, any_of }])
    }

    /// Both conditions hold.
    pub(crate) fn and(self, other: Self) -> Self {
        match (self, other) {
            (Needs::Never, _) | (_, Needs::Never) => Needs::Never,
            (Needs::All(mut left), Needs::All(right)) => {
                for requirement in right {
                    if !left.contains(&requirement) {
                        left.push(requirement);
                    }
                }
                Needs::All(left)
            }
        }
    }

    /// One of the conditions holds: what both need, with the literals of either.
    pub(crate) fn or(self, other: Self) -> Self {
        let (mut left, mut right) = match (self, other) {
            (Needs::Never, other) | (other, Needs::Never) => return other,
            (Needs::All(left), Needs::All(right)) => (left, right),
        };
        let fields: Vec<FieldId> = left.iter().map(|l| l.field).collect();
        let mut both: Vec<Requirement> = Vec::new();
        for field in fields {
            if both.iter().any(|known| known.field == field) {
                continue;
            }
            let shortest = |of: &mut [Requirement]| {
                let same = of.iter_mut().filter(|r| r.field == field);
                same.min_by_key(|r| r.any_of.len()).map(|r| std::mem::take(&mut r.any_of))
            };
            if let (Some(mut any_of), Some(more)) = (shortest(&mut left), shortest(&mut right)) {
                any_of.extend(more);
                any_of.sort_unstable();
                any_of.dedup();
                both.push(Requirement { field, any_of });
            }
        }
        Needs::All(both)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn need(field: u16, texts: &[&str]) -> Needs {
        let literal = |text: &&str| Literal {
            bytes: text.as_bytes().to_vec(),
            insensitive: false,
            place: Place::Whole,
        };
        Needs::one(FieldId(field), texts.iter().map(literal).collect())
    }

    #[test]
    fn or_keeps_what_both_need() {
        let left = need(1, &["a"]).and(need(2, &["x"]));
        let right = need(1, &["b", "a"]);
        assert_eq!(left.clone().or(right), need(1, &["a", "b"]));
        assert_eq!(left.clone().or(Needs::NOTHING), Needs::NOTHING);
        assert_eq!(left.clone().or(Needs::Never), left);
        assert_eq!(left.and(Needs::Never), Needs::Never);
    }

    #[test]
    fn two_names_of_one_thing_are_one_field() {
        use schema::field;
        let of = |field: FieldId, texts: &[&str], place| {
            let literal =
                |text: &&str| Literal { bytes: text.as_bytes().to_vec(), insensitive: false, place };
            Needs::one(field, texts.iter().map(literal).collect())
        };
        let name = of(field::PROCESS_NAME, &["usermod", "useradd"], Place::Whole);
        assert_eq!(of(field::PROCESS_EXECUTABLE, &["/usermod", "/useradd"], Place::End), name);
        // These lie somewhere, or may be called more than that.
        for (texts, place) in [
            (&["/usermod", "/sbin/useradd"][..], Place::End),
            (&["usermod"], Place::End),
            (&["/"], Place::End),
            (&["/usermod"], Place::Whole),
        ] {
            let Needs::All(needs) = of(field::PROCESS_EXECUTABLE, texts, place) else {
                panic!("it can match")
            };
            assert_eq!(needs[0].field, field::PROCESS_EXECUTABLE, "{texts:?}");
        }
        let path = of(field::FILE_PATH, &["/etc/passwd"], Place::Whole);
        assert_eq!(of(field::FILE_EXT_ORIGINAL_PATH, &["/etc/passwd"], Place::Whole), path);
    }

    #[test]
    fn of_several_needs_on_one_field_the_shortest_is_widened() {
        let left = need(1, &["a", "b"]).and(need(1, &["c"]));
        assert_eq!(left.or(need(1, &["d"])), need(1, &["c", "d"]));
    }
}
