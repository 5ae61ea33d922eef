//! `multiply(a, b)`

use super::super::ast::Arithmetic;
use super::super::value::arithmetic;
use super::{Function, Kind, Parameter};

pub(super) const MULTIPLY: Function = Function {
    name: "multiply",
    usage: "multiply(a, b)",
    doc: "The product, as `a * b`.",
    parameters: &[Parameter::new("a", Kind::Number), Parameter::new("b", Kind::Number)],
    variadic: false,
    insensitive: false,
    result: Kind::Number,
    examples: &[("multiply(2, 2)", "4"), ("multiply(0.25, 2)", "0.5")],
    call: |arguments, _| match arguments {
        [a, b] => arithmetic(Arithmetic::Multiply, a, b),
        _ => super::Val::Null,
    },
};
