//! `concat(value, …)`

use super::super::text::Case;
use super::super::value::Val;
use super::string::write_text;
use super::{Function, Kind, Parameter};

pub(super) const CONCAT: Function = Function {
    name: "concat",
    usage: "concat(value, …)",
    doc: "The values as text, one behind the other.",
    parameters: &[Parameter::new("value", Kind::Any)],
    variadic: true,
    insensitive: false,
    result: Kind::Text,
    examples: &[
        (r#"concat("regsvr32.exe", " ", 42.5, true)"#, r#""regsvr32.exe 42.5true""#),
        (r#"concat("a", null)"#, "null"),
    ],
    call: concat,
};

fn concat<'a>(arguments: &[Val<'a>], _: Case) -> Val<'a> {
    let mut text = Vec::new();
    for argument in arguments {
        write_text(argument, &mut text);
    }
    Val::text(text)
}
