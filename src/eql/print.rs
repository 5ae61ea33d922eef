//! A syntax tree to text: the same query in one spelling. What is printed parses to the same tree.

use std::fmt::{self, Display, Formatter, Write};

use super::ast::{Body, Category, End, EventFilter, Expr, ExprKind, Item, Key, Literal, Name, Query, Sign};
use super::lexer::plain_identifier;

impl Display for Query {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match &self.body {
            Body::Event(filter) => write!(f, "{filter}")?,
            Body::Sequence(sequence) => {
                f.write_str("sequence")?;
                keys(f, &sequence.by)?;
                if let Some(maxspan) = sequence.maxspan {
                    write!(f, " with maxspan={}{}", maxspan.count, maxspan.unit.text())?;
                }
                items(f, &sequence.items)?;
                if let Some(until) = &sequence.until {
                    f.write_str("\nuntil ")?;
                    item(f, until)?;
                }
            }
            Body::Sample(sample) => {
                f.write_str("sample")?;
                keys(f, &sample.by)?;
                items(f, &sample.items)?;
            }
        }
        for pipe in &self.pipes {
            let end = match pipe.end {
                End::Head => "head",
                End::Tail => "tail",
            };
            write!(f, "\n| {end} {}", pipe.count)?;
        }
        Ok(())
    }
}

fn items(f: &mut Formatter<'_>, items: &[Item]) -> fmt::Result {
    for each in items {
        f.write_str("\n  ")?;
        item(f, each)?;
    }
    Ok(())
}

fn item(f: &mut Formatter<'_>, item: &Item) -> fmt::Result {
    let open = if item.missing { "![" } else { "[" };
    write!(f, "{open}{}]", item.filter)?;
    keys(f, &item.by)?;
    match item.runs {
        Some(runs) => write!(f, " with runs={runs}"),
        None => Ok(()),
    }
}

fn keys(f: &mut Formatter<'_>, keys: &[Key]) -> fmt::Result {
    for (i, key) in keys.iter().enumerate() {
        f.write_str(if i == 0 { " by " } else { ", " })?;
        write!(f, "{}", key.name)?;
    }
    Ok(())
}

impl Display for EventFilter {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write!(f, "{} where {}", self.category, self.condition)
    }
}

impl Display for Category {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match &self.name {
            None => f.write_str("any"),
            Some(name) if plain_identifier(name) => f.write_str(name),
            Some(name) => text(f, name),
        }
    }
}

impl Display for Name {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        if self.optional {
            f.write_char('?')?;
        }
        if self.path.split('.').all(plain_identifier) {
            f.write_str(&self.path)
        } else {
            write!(f, "`{}`", self.path.replace('`', "``"))
        }
    }
}

impl Display for Literal {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Literal::Null => f.write_str("null"),
            Literal::Bool(value) => write!(f, "{value}"),
            Literal::Long(value) => write!(f, "{value}"),
            // The debug form always has a point or an exponent, so it is read as a decimal again;
            // a number too large for a double is written as one that is.
            Literal::Double(value) if value.is_finite() => write!(f, "{value:?}"),
            Literal::Double(_) => f.write_str("1e999"),
            Literal::Text(value) => text(f, value),
        }
    }
}

fn text(f: &mut Formatter<'_>, value: &str) -> fmt::Result {
    f.write_char('"')?;
    for c in value.chars() {
        match c {
            '"' => f.write_str("\\\"")?,
            '\\' => f.write_str("\\\\")?,
            '\n' => f.write_str("\\n")?,
            '\r' => f.write_str("\\r")?,
            '\t' => f.write_str("\\t")?,
            c if c.is_control() && c != '\0' => write!(f, "\\u{:04x}", u32::from(c))?,
            c => f.write_char(c)?,
        }
    }
    f.write_char('"')
}

/// How tightly an expression binds; one that binds less than its place demands stands in brackets.
#[derive(Clone, Copy, PartialEq, PartialOrd)]
enum Binding {
    Or,
    And,
    Not,
    Compare,
    Sum,
    Product,
    Sign,
    Predicate,
    Primary,
}

fn binding(kind: &ExprKind) -> Binding {
    use super::ast::Arithmetic::{Add, Subtract};
    match kind {
        ExprKind::Or(_) => Binding::Or,
        ExprKind::And(_) => Binding::And,
        ExprKind::Not(_) => Binding::Not,
        ExprKind::Compare(..) => Binding::Compare,
        ExprKind::Arithmetic(Add | Subtract, ..) => Binding::Sum,
        ExprKind::Arithmetic(..) => Binding::Product,
        ExprKind::Unary(..) => Binding::Sign,
        ExprKind::In(_) | ExprKind::Match(_) => Binding::Predicate,
        _ => Binding::Primary,
    }
}

fn within(f: &mut Formatter<'_>, expr: &Expr, least: Binding) -> fmt::Result {
    if binding(&expr.kind) < least { write!(f, "({expr})") } else { write!(f, "{expr}") }
}

fn list(f: &mut Formatter<'_>, elements: &[Expr]) -> fmt::Result {
    for (i, element) in elements.iter().enumerate() {
        f.write_str(if i == 0 { "" } else { ", " })?;
        write!(f, "{element}")?;
    }
    Ok(())
}

fn chain(f: &mut Formatter<'_>, operands: &[Expr], word: &str, least: Binding) -> fmt::Result {
    for (i, operand) in operands.iter().enumerate() {
        f.write_str(if i == 0 { "" } else { word })?;
        within(f, operand, least)?;
    }
    Ok(())
}

impl Display for Expr {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match &self.kind {
            ExprKind::Literal(literal) => write!(f, "{literal}"),
            ExprKind::Field(name) => write!(f, "{name}"),
            ExprKind::Call(call) => {
                write!(f, "{}{}(", call.name, if call.insensitive { "~" } else { "" })?;
                list(f, &call.arguments)?;
                f.write_char(')')
            }
            ExprKind::Unary(sign, inner) => {
                f.write_char(if *sign == Sign::Minus { '-' } else { '+' })?;
                within(f, inner, Binding::Sign)
            }
            ExprKind::Arithmetic(operator, left, right) => {
                let own = binding(&self.kind);
                within(f, left, own)?;
                write!(f, " {} ", operator.text())?;
                within(f, right, if own == Binding::Sum { Binding::Product } else { Binding::Sign })
            }
            ExprKind::Compare(operator, left, right) => {
                within(f, left, Binding::Sum)?;
                write!(f, " {} ", operator.text())?;
                within(f, right, Binding::Sum)
            }
            ExprKind::In(membership) => {
                within(f, &membership.value, Binding::Primary)?;
                let not = if membership.negated { " not" } else { "" };
                write!(f, "{not} in{} (", if membership.insensitive { "~" } else { "" })?;
                list(f, &membership.list)?;
                f.write_char(')')
            }
            ExprKind::Match(matching) => {
                within(f, &matching.value, Binding::Primary)?;
                write!(f, " {} ", matching.operator.text())?;
                if let [only] = matching.patterns.as_slice() {
                    return write!(f, "{only}");
                }
                f.write_char('(')?;
                list(f, &matching.patterns)?;
                f.write_char(')')
            }
            ExprKind::Not(inner) => {
                f.write_str("not ")?;
                within(f, inner, Binding::Not)
            }
            ExprKind::And(operands) => chain(f, operands, " and ", Binding::Not),
            ExprKind::Or(operands) => chain(f, operands, " or ", Binding::And),
            ExprKind::Unreadable => f.write_str("<unreadable>"),
        }
    }
}
