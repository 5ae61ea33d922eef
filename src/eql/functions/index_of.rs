//! `indexOf(source, part[, start])`

use super::super::text::{Case, byte_of_unit, find, units};
use super::super::value::Val;
use super::{Function, Kind, Parameter};

pub(super) const INDEX_OF: Function = Function {
    name: "indexOf",
    usage: "indexOf(source, part[, start])",
    doc: "Where `part` first stands in the text, at `start` or behind it, counted from 0; null where it \
          does not. A negative start is 0.",
    parameters: &[
        Parameter::new("source", Kind::Text),
        Parameter::new("part", Kind::Text),
        Parameter::new("start", Kind::Long).optional(),
    ],
    variadic: false,
    insensitive: true,
    result: Kind::Long,
    examples: &[
        (r#"indexOf("subdomain.example.com", ".")"#, "9"),
        (r#"indexOf("subdomain.example.com", ".", 10)"#, "17"),
        (r#"indexOf("subdomain.example.com", ".", -6)"#, "9"),
        (r#"indexOf("subdomain.example.com", "D")"#, "null"),
        (r#"indexOf~("subdomain.example.com", "D")"#, "3"),
        (r#"indexOf("subdomain.example.com", "", 9)"#, "9"),
    ],
    call: index_of,
};

fn index_of<'a>(arguments: &[Val<'a>], case: Case) -> Val<'a> {
    let [Val::Text(source), Val::Text(part), rest @ ..] = arguments else { return Val::Null };
    let start = match rest {
        [Val::Long(start)] => usize::try_from(*start).unwrap_or(if *start < 0 { 0 } else { usize::MAX }),
        _ => 0,
    };
    let from = byte_of_unit(source, start);
    match find(source, part, from, case) {
        Some((at, _)) => Val::Long(i64::try_from(units(&source[..at])).unwrap_or(i64::MAX)),
        None => Val::Null,
    }
}
