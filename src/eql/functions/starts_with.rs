//! `startsWith(source, start)`

use super::super::text::{Case, starts_with};
use super::super::value::Val;
use super::{Function, Kind, Parameter};

pub(super) const STARTS_WITH: Function = Function {
    name: "startsWith",
    usage: "startsWith(source, start)",
    doc: "Whether the text begins with `start`. Every text begins with \"\".",
    parameters: &[Parameter::new("source", Kind::Text), Parameter::new("start", Kind::Text)],
    variadic: false,
    insensitive: true,
    result: Kind::Bool,
    examples: &[
        (r#"startsWith("regsvr32.exe", "regsvr32")"#, "true"),
        (r#"startsWith("regsvr32.exe", "Regsvr32")"#, "false"),
        (r#"startsWith~("regsvr32.exe", "Regsvr32")"#, "true"),
        (r#"startsWith("regsvr32.exe", "")"#, "true"),
        (r#"startsWith("regsvr32.exe", null)"#, "null"),
    ],
    call: |arguments, case: Case| match arguments {
        [Val::Text(source), Val::Text(start)] => Val::Bool(starts_with(source, start, case).is_some()),
        _ => Val::Null,
    },
};
