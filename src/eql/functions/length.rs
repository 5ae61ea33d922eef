//! `length(text)`

use super::super::text::units;
use super::super::value::Val;
use super::{Function, Kind, Parameter};

pub(super) const LENGTH: Function = Function {
    name: "length",
    usage: "length(text)",
    doc: "The length of the text in UTF-16 code units: characters outside the basic plane count twice. \
          Of a field with many values each is asked, they are not counted.",
    parameters: &[Parameter::new("text", Kind::Text)],
    variadic: false,
    insensitive: false,
    result: Kind::Long,
    examples: &[
        (r#"length("explorer.exe")"#, "12"),
        (r#"length("")"#, "0"),
        (r#"length("a\u{1f4a9}")"#, "3"),
        ("length(null)", "null"),
    ],
    call: |arguments, _| match arguments {
        [Val::Text(text)] => Val::Long(i64::try_from(units(text)).unwrap_or(i64::MAX)),
        _ => Val::Null,
    },
};
