//! `divide(a, b)`

use super::super::ast::Arithmetic;
use super::super::value::arithmetic;
use super::{Function, Kind, Parameter};

pub(super) const DIVIDE: Function = Function {
    name: "divide",
    usage: "divide(a, b)",
    doc: "The quotient, as `a / b`: of two whole numbers it is whole, cut toward zero.",
    parameters: &[Parameter::new("a", Kind::Number), Parameter::new("b", Kind::Number)],
    variadic: false,
    insensitive: false,
    result: Kind::Number,
    examples: &[
        ("divide(7, 3)", "2"),
        ("divide(-7, 3)", "-2"),
        ("divide(7, 2.0)", "3.5"),
        ("divide(7, 0)", "null"),
    ],
    call: |arguments, _| match arguments {
        [a, b] => arithmetic(Arithmetic::Divide, a, b),
        _ => super::Val::Null,
    },
};
