//! `endsWith(source, end)`

use super::super::text::{Case, ends_with};
use super::super::value::Val;
use super::{Function, Kind, Parameter};

pub(super) const ENDS_WITH: Function = Function {
    name: "endsWith",
    usage: "endsWith(source, end)",
    doc: "Whether the text ends with `end`. Every text ends with \"\".",
    parameters: &[Parameter::new("source", Kind::Text), Parameter::new("end", Kind::Text)],
    variadic: false,
    insensitive: true,
    result: Kind::Bool,
    examples: &[
        (r#"endsWith("regsvr32.exe", ".exe")"#, "true"),
        (r#"endsWith("regsvr32.exe", ".EXE")"#, "false"),
        (r#"endsWith~("regsvr32.exe", ".EXE")"#, "true"),
        (r#"endsWith("", "")"#, "true"),
        (r#"endsWith(null, "a")"#, "null"),
    ],
    call: |arguments, case: Case| match arguments {
        [Val::Text(source), Val::Text(end)] => Val::Bool(ends_with(source, end, case)),
        _ => Val::Null,
    },
};
