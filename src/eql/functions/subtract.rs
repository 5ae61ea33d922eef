//! `subtract(a, b)`

use super::super::ast::Arithmetic;
use super::super::value::arithmetic;
use super::{Function, Kind, Parameter};

pub(super) const SUBTRACT: Function = Function {
    name: "subtract",
    usage: "subtract(a, b)",
    doc: "The difference, as `a - b`.",
    parameters: &[Parameter::new("a", Kind::Number), Parameter::new("b", Kind::Number)],
    variadic: false,
    insensitive: false,
    result: Kind::Number,
    examples: &[("subtract(10, 2)", "8"), ("subtract(-2, -2.5)", "0.5")],
    call: |arguments, _| match arguments {
        [a, b] => arithmetic(Arithmetic::Subtract, a, b),
        _ => super::Val::Null,
    },
};
