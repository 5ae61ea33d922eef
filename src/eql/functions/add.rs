//! `add(a, b)`

use super::super::ast::Arithmetic;
use super::super::value::arithmetic;
use super::{Function, Kind, Parameter};

pub(super) const ADD: Function = Function {
    name: "add",
    usage: "add(a, b)",
    doc: "The sum, as `a + b`.",
    parameters: &[Parameter::new("a", Kind::Number), Parameter::new("b", Kind::Number)],
    variadic: false,
    insensitive: false,
    result: Kind::Number,
    examples: &[("add(4, 5)", "9"), ("add(4, 0.5)", "4.5"), ("add(null, 4)", "null")],
    call: |arguments, _| match arguments {
        [a, b] => arithmetic(Arithmetic::Add, a, b),
        _ => super::Val::Null,
    },
};
