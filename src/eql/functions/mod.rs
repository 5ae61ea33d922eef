//! The functions: one file each, with what it does, examples that run as tests, and its code; and one
//! line each in [`FUNCTIONS`].

mod add;
mod between;
mod cidr_match;
mod concat;
mod divide;
mod ends_with;
mod index_of;
mod length;
mod modulo;
mod multiply;
mod number;
mod starts_with;
mod string;
mod string_contains;
mod substring;
mod subtract;

use std::borrow::Cow;
use std::ops::Range;

use super::text::Case;
use super::value::Val;

pub(crate) use cidr_match::{Network, address_of, network};
pub(crate) use string::write_text;

/// A function of the language.
#[derive(Debug)]
pub struct Function {
    /// Its name as documented; any case is understood.
    pub name: &'static str,
    /// How it is called.
    pub usage: &'static str,
    /// What it does.
    pub doc: &'static str,
    /// What it takes.
    pub parameters: &'static [Parameter],
    /// Whether the last parameter may be given more than once.
    pub variadic: bool,
    /// Whether there is a form with `~`, that ignores case.
    pub insensitive: bool,
    /// The type of what it gives.
    pub result: Kind,
    /// Expressions and what they come to.
    pub examples: &'static [(&'static str, &'static str)],
    pub(crate) call: Body,
}

/// The code of a function: arguments to result. Optional arguments that are not there are null; the
/// arguments of parameters that do not take null never are.
type Body = for<'a> fn(&[Val<'a>], Case) -> Val<'a>;

/// A parameter.
#[derive(Clone, Copy, Debug)]
pub struct Parameter {
    /// Its name in the documentation.
    pub name: &'static str,
    /// What may be given.
    pub kind: Kind,
    /// Whether it may be left out.
    pub optional: bool,
    /// Whether null may be given, as if it were left out; else null makes the result null.
    pub nullable: bool,
    /// Whether only a constant may be given.
    pub constant: bool,
}

/// The types that parameters and results have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Any type.
    Any,
    /// True or false.
    Bool,
    /// Text.
    Text,
    /// A whole number.
    Long,
    /// Any number.
    Number,
    /// An address, or text that is one.
    Ip,
}

impl Parameter {
    const fn new(name: &'static str, kind: Kind) -> Self {
        Parameter { name, kind, optional: false, nullable: false, constant: false }
    }

    const fn optional(self) -> Self {
        Parameter { optional: true, nullable: true, ..self }
    }

    const fn nullable(self) -> Self {
        Parameter { nullable: true, ..self }
    }

    const fn constant(self) -> Self {
        Parameter { constant: true, ..self }
    }
}

/// Every function, by name.
pub const FUNCTIONS: &[&Function] = &[
    &add::ADD,
    &between::BETWEEN,
    &cidr_match::CIDR_MATCH,
    &concat::CONCAT,
    &divide::DIVIDE,
    &ends_with::ENDS_WITH,
    &index_of::INDEX_OF,
    &length::LENGTH,
    &modulo::MODULO,
    &multiply::MULTIPLY,
    &number::NUMBER,
    &starts_with::STARTS_WITH,
    &string::STRING,
    &string_contains::STRING_CONTAINS,
    &substring::SUBSTRING,
    &subtract::SUBTRACT,
];

/// Functions that Elasticsearch or its predecessor once had, and what is written now.
pub(crate) const GONE: &[(&str, &str)] = &[
    ("arraycontains", "a condition on a field asks all its values: field == \"x\""),
    ("arraycount", "the values of a field cannot be counted"),
    ("arraysearch", "a condition on a field asks all its values: field : \"x*\""),
    ("match", "write field regex \"…\""),
    ("matchlite", "write field regex \"…\""),
    ("safe", "a missing field never fails; mark one that may be unknown with ?"),
    ("wildcard", "write field : (\"a*\", \"b*\")"),
];

/// The function called `name`, in any case.
#[must_use]
pub fn lookup(name: &str) -> Option<&'static Function> {
    FUNCTIONS.iter().copied().find(|function| function.name.eq_ignore_ascii_case(name))
}

impl Function {
    /// How few arguments it takes.
    #[must_use]
    pub fn least(&self) -> usize {
        self.parameters.iter().filter(|parameter| !parameter.optional).count()
    }

    /// The parameter that takes argument `index`.
    #[must_use]
    pub fn parameter(&self, index: usize) -> Option<&Parameter> {
        let last = self.parameters.len().checked_sub(1)?;
        self.parameters.get(if self.variadic { index.min(last) } else { index })
    }

    /// Calls it: null where a null does not belong makes the result null.
    pub(crate) fn apply<'a>(&self, arguments: &[Val<'a>], case: Case) -> Val<'a> {
        for (index, argument) in arguments.iter().enumerate() {
            if *argument == Val::Null && !self.parameter(index).is_some_and(|parameter| parameter.nullable) {
                return Val::Null;
            }
        }
        (self.call)(arguments, case)
    }
}

/// Part of a text, borrowed where the text is.
fn slice<'a>(text: &Cow<'a, [u8]>, range: Range<usize>) -> Val<'a> {
    match text {
        Cow::Borrowed(bytes) => Val::Text(Cow::Borrowed(bytes.get(range).unwrap_or_default())),
        Cow::Owned(bytes) => Val::text(bytes.get(range).unwrap_or_default()),
    }
}

#[cfg(test)]
mod tests {
    use super::FUNCTIONS;

    #[test]
    fn the_table_is_in_order_and_every_function_has_examples() {
        assert!(FUNCTIONS.windows(2).all(|pair| pair[0].name.to_lowercase() < pair[1].name.to_lowercase()));
        assert!(FUNCTIONS.iter().all(|function| function.examples.len() > 1 && !function.doc.is_empty()));
    }

    #[test]
    fn examples_hold() {
        for (expression, result) in FUNCTIONS.iter().flat_map(|function| function.examples) {
            assert_eq!(crate::eql::tests::constant(expression), *result, "{expression}");
        }
    }
}
