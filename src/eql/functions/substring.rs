//! `substring(source, start[, end])`

use super::super::text::{Case, byte_of_unit, units};
use super::super::value::Val;
use super::{Function, Kind, Parameter};

pub(super) const SUBSTRING: Function = Function {
    name: "substring",
    usage: "substring(source, start[, end])",
    doc: "The text from position `start` to before `end`, counted from 0, or from the end where they are \
          negative. What lies outside the text is cut off.",
    parameters: &[
        Parameter::new("source", Kind::Text),
        Parameter::new("start", Kind::Long).nullable(),
        Parameter::new("end", Kind::Long).optional(),
    ],
    variadic: false,
    insensitive: false,
    result: Kind::Text,
    examples: &[
        (r#"substring("start regsvr32.exe", 6)"#, r#""regsvr32.exe""#),
        (r#"substring("start regsvr32.exe", 0, 5)"#, r#""start""#),
        (r#"substring("start regsvr32.exe", -4)"#, r#"".exe""#),
        (r#"substring("start regsvr32.exe", -4, -1)"#, r#"".ex""#),
        (r#"substring("start regsvr32.exe", 3, 2)"#, r#""""#),
        (r#"substring("start", null, null)"#, r#""start""#),
        ("substring(null, 1)", "null"),
    ],
    call: substring,
};

fn substring<'a>(arguments: &[Val<'a>], _: Case) -> Val<'a> {
    let [Val::Text(source), bounds @ ..] = arguments else { return Val::Null };
    let length = i64::try_from(units(source)).unwrap_or(i64::MAX);
    let bound = |index: usize, missing: i64| match bounds.get(index) {
        Some(Val::Long(n)) if *n < 0 => n.saturating_add(length).max(0),
        Some(Val::Long(n)) => (*n).min(length),
        _ => missing,
    };
    let byte = |unit: i64| byte_of_unit(source, usize::try_from(unit).unwrap_or(0));
    let (start, end) = (byte(bound(0, 0)), byte(bound(1, length)));
    super::slice(source, start..end.max(start))
}
