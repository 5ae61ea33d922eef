//! `modulo(a, b)`

use super::super::ast::Arithmetic;
use super::super::value::arithmetic;
use super::{Function, Kind, Parameter};

pub(super) const MODULO: Function = Function {
    name: "modulo",
    usage: "modulo(a, b)",
    doc: "The remainder, as `a % b`, with the sign of a.",
    parameters: &[Parameter::new("a", Kind::Number), Parameter::new("b", Kind::Number)],
    variadic: false,
    insensitive: false,
    result: Kind::Number,
    examples: &[("modulo(10, 6)", "4"), ("modulo(10, -6)", "4"), ("modulo(-10, -6)", "-4")],
    call: |arguments, _| match arguments {
        [a, b] => arithmetic(Arithmetic::Modulo, a, b),
        _ => super::Val::Null,
    },
};
