//! `number(text[, base])`

use super::super::text::Case;
use super::super::value::Val;
use super::{Function, Kind, Parameter};

pub(super) const NUMBER: Function = Function {
    name: "number",
    usage: "number(text[, base])",
    doc: "The number that the text spells: decimal, or hexadecimal behind 0x; in another base only whole \
          numbers. null where it spells none (Elasticsearch gives up the query there).",
    parameters: &[Parameter::new("text", Kind::Text), Parameter::new("base", Kind::Long).optional()],
    variadic: false,
    insensitive: false,
    result: Kind::Number,
    examples: &[
        (r#"number("1337")"#, "1337"),
        (r#"number("42.5")"#, "42.5"),
        (r#"number("-3.14", 10)"#, "-3.14"),
        (r#"number("0xdeadbeef")"#, "3735928559"),
        (r#"number("deadbeef", 16)"#, "3735928559"),
        (r#"number("052403", 8)"#, "21763"),
        (r#"number(" 12 ")"#, "12"),
        (r#"number("beef")"#, "null"),
    ],
    call: number,
};

fn number<'a>(arguments: &[Val<'a>], _: Case) -> Val<'a> {
    let [Val::Text(text), rest @ ..] = arguments else { return Val::Null };
    let Ok(text) = std::str::from_utf8(text) else { return Val::Null };
    let base = match rest {
        [Val::Long(base)] => Some(*base),
        _ => None,
    };
    parse(text, base).unwrap_or(Val::Null)
}

fn parse(text: &str, base: Option<i64>) -> Option<Val<'static>> {
    let hex = text.strip_prefix("0x").filter(|_| matches!(base, None | Some(16)));
    let (digits, base) = match hex {
        Some(digits) => (digits, 16),
        None => (text, base.unwrap_or(10)),
    };
    let base = u32::try_from(base).ok().filter(|base| (2..=36).contains(base))?;
    if let Ok(whole) = i64::from_str_radix(digits, base) {
        return Some(Val::Long(whole));
    }
    // As Java reads a double: blanks around it do not count.
    let digits = digits.trim_matches(|c| c <= ' ');
    // Rust also reads "inf", "nan" and "infinity"; those are no numbers here.
    let spelt = base == 10 && digits.bytes().all(|b| b.is_ascii_digit() || b".eE+-".contains(&b));
    spelt.then(|| digits.parse().ok().map(Val::Double)).flatten()
}
