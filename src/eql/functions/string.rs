//! `string(value)`

use std::borrow::Cow;
use std::io::Write;

use jiff::Timestamp;

use super::super::text::Case;
use super::super::value::Val;
use super::{Function, Kind, Parameter};

pub(super) const STRING: Function = Function {
    name: "string",
    usage: "string(value)",
    doc: "The value as text.",
    parameters: &[Parameter::new("value", Kind::Any)],
    variadic: false,
    insensitive: false,
    result: Kind::Text,
    examples: &[
        ("string(42)", r#""42""#),
        ("string(42.5)", r#""42.5""#),
        ("string(1e10)", r#""1.0E10""#),
        ("string(true)", r#""true""#),
        ("string(\"hello\")", r#""hello""#),
        ("string(null)", "null"),
    ],
    call: string,
};

fn string<'a>(arguments: &[Val<'a>], _: Case) -> Val<'a> {
    match arguments {
        [Val::Text(text)] => Val::Text(Cow::clone(text)),
        [value] => {
            let mut text = Vec::new();
            write_text(value, &mut text);
            Val::text(text)
        }
        _ => Val::Null,
    }
}

/// Writes a value as `string` and `concat` show it. Null writes nothing.
pub(crate) fn write_text(value: &Val<'_>, out: &mut Vec<u8>) {
    // Writing to a vector does not fail.
    let _ = match value {
        Val::Null => Ok(()),
        Val::Bool(truth) => write!(out, "{truth}"),
        Val::Long(number) => write!(out, "{number}"),
        Val::Double(number) => write_double(*number, out),
        Val::Text(text) => out.write_all(text),
        Val::Date(millis) => match Timestamp::from_millisecond(*millis) {
            Ok(time) => write!(out, "{time:.3}"),
            Err(_) => write!(out, "{millis}"),
        },
        // An IPv4 address may be written as IPv6 (RFC 4291, 2.5.5.2): it is the same.
        Val::Ip(address) => write!(out, "{}", address.to_canonical()),
    };
}

/// A double as Java writes it: with a point always, and with an exponent outside 10⁻³ to 10⁷.
fn write_double(number: f64, out: &mut Vec<u8>) -> std::io::Result<()> {
    let size = number.abs();
    if number.is_nan() {
        write!(out, "NaN")
    } else if number.is_infinite() {
        write!(out, "{}Infinity", if number < 0.0 { "-" } else { "" })
    } else if number == 0.0 || (1e-3..1e7).contains(&size) {
        write!(out, "{number:?}")
    } else {
        let text = format!("{number:e}");
        let (digits, exponent) = text.split_once('e').unwrap_or((&text, "0"));
        write!(out, "{digits}{}E{exponent}", if digits.contains('.') { "" } else { ".0" })
    }
}
