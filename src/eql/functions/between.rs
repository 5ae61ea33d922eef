//! `between(source, left, right[, greedy])`

use super::super::text::{Case, find, find_last};
use super::super::value::Val;
use super::{Function, Kind, Parameter};

pub(super) const BETWEEN: Function = Function {
    name: "between",
    usage: "between(source, left, right[, greedy])",
    doc: "The text between the first `left` and the first `right` behind it, or with greedy the last. \
          \"\" where either is not found; the whole text where any of the three is empty.",
    parameters: &[
        Parameter::new("source", Kind::Text),
        Parameter::new("left", Kind::Text),
        Parameter::new("right", Kind::Text),
        Parameter::new("greedy", Kind::Bool).optional(),
    ],
    variadic: false,
    insensitive: true,
    result: Kind::Text,
    examples: &[
        (r#"between("welcome to the planet", "welcome", "planet")"#, r#"" to the ""#),
        (r#"between("welcome to event query language", " ", " ", true)"#, r#""to event query""#),
        (r#"between("welcome to the planet", "goodbye", "planet")"#, r#""""#),
        (r#"between("welcome", "", "e")"#, r#""welcome""#),
        (r#"between~("System Idle Process", "s", "e")"#, r#""yst""#),
        (r#"between(null, "a", "b")"#, "null"),
    ],
    call: between,
};

fn between<'a>(arguments: &[Val<'a>], case: Case) -> Val<'a> {
    let [Val::Text(source), Val::Text(left), Val::Text(right), rest @ ..] = arguments else {
        return Val::Null;
    };
    if source.is_empty() || left.is_empty() || right.is_empty() {
        return Val::Text(source.clone());
    }
    let greedy = rest.first() == Some(&Val::Bool(true));
    let range = find(source, left, 0, case).and_then(|(_, start)| {
        let end = if greedy {
            find_last(source, right, start, case)
        } else {
            find(source, right, start, case).map(|(end, _)| end)
        };
        Some(start..end?)
    });
    super::slice(source, range.unwrap_or(0..0))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::borrow::Cow;

    #[test]
    fn what_is_borrowed_stays_borrowed() {
        let text = |s: &'static str| Val::Text(Cow::Borrowed(s.as_bytes()));
        let found = between(&[text("a<b>c"), text("<"), text(">")], Case::Sensitive);
        assert!(matches!(found, Val::Text(Cow::Borrowed(b"b"))));
    }
}
