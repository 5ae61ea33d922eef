//! `stringContains(source, part)`

use super::super::text::{Case, find};
use super::super::value::Val;
use super::{Function, Kind, Parameter};

pub(super) const STRING_CONTAINS: Function = Function {
    name: "stringContains",
    usage: "stringContains(source, part)",
    doc: "Whether `part` stands somewhere in the text; false where either is empty.",
    parameters: &[Parameter::new("source", Kind::Text), Parameter::new("part", Kind::Text)],
    variadic: false,
    insensitive: true,
    result: Kind::Bool,
    examples: &[
        (r#"stringContains("start regsvr32.exe", "regsvr32")"#, "true"),
        (r#"stringContains("start regsvr32.exe", "Regsvr32")"#, "false"),
        (r#"stringContains~("start regsvr32.exe", "Regsvr32")"#, "true"),
        (r#"stringContains("start regsvr32.exe", "")"#, "false"),
        (r#"stringContains(null, "a")"#, "null"),
    ],
    call: |arguments, case: Case| match arguments {
        [Val::Text(source), Val::Text(part)] => {
            Val::Bool(!source.is_empty() && !part.is_empty() && find(source, part, 0, case).is_some())
        }
        _ => Val::Null,
    },
};
