//! Names and types: everything that can be known wrong before an event is seen.

use crate::diagnostic::Span;
use crate::event::schema::nearest;
use crate::event::{FieldType, Schema};

use super::ast::{
    Body, Call, Comparison, EventFilter, Expr, ExprKind, Item, Key, Literal, Match, Membership, Name, Query,
};
use super::fault::{Fault, What};
use super::fold::{Folded, fold};
use super::functions::{FUNCTIONS, Function, GONE, Kind, Parameter, lookup};
use super::functions::{address_of, network};
use super::value::Val;

/// The types of expressions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Type {
    /// Not known, for a fault that is told already; goes with everything.
    Unknown,
    Null,
    Bool,
    Text,
    Long,
    Double,
    Date,
    Ip,
    Version,
}

impl Type {
    /// What a field of this type gives.
    pub(crate) fn of(field_type: FieldType) -> Self {
        match field_type {
            FieldType::Keyword | FieldType::Wildcard | FieldType::ConstantKeyword | FieldType::Text => {
                Type::Text
            }
            FieldType::Long => Type::Long,
            FieldType::Double => Type::Double,
            FieldType::Boolean => Type::Bool,
            FieldType::Date => Type::Date,
            FieldType::Ip => Type::Ip,
            FieldType::Version => Type::Version,
        }
    }

    fn text(self) -> &'static str {
        match self {
            Type::Unknown => "of unknown type",
            Type::Null => "null",
            Type::Bool => "a truth value",
            Type::Text => "text",
            Type::Long => "a whole number",
            Type::Double => "a number",
            Type::Date => "a date",
            Type::Ip => "an address",
            Type::Version => "a version",
        }
    }

    fn number(self) -> bool {
        matches!(self, Type::Long | Type::Double)
    }

    /// Whether values of the two can be equal.
    fn goes_with(self, other: Type) -> bool {
        let open = |t| matches!(t, Type::Unknown | Type::Null);
        self == other || open(self) || open(other) || self.number() && other.number()
    }
}

/// Checks a whole query against `schema`; `category` is the name of the field of event categories.
pub(crate) fn check(query: &Query, schema: &dyn Schema, category: &str) -> Vec<Fault> {
    let mut checker = Checker { schema, category, faults: Vec::new() };
    match &query.body {
        Body::Event(filter) => checker.filter(filter),
        Body::Sequence(sequence) => {
            let items: Vec<&Item> = sequence.items.iter().chain(&sequence.until).collect();
            checker.items(&sequence.by, &items);
        }
        Body::Sample(sample) => checker.items(&sample.by, &sample.items.iter().collect::<Vec<_>>()),
    }
    for pipe in &query.pipes {
        checker.pipe(&pipe.count);
    }
    checker.faults
}

/// The number behind `head` or `tail`.
pub(crate) fn pipe_count(count: &Expr) -> Option<u64> {
    match fold(count) {
        Folded::Constant(Val::Long(count)) => u64::try_from(count).ok(),
        _ => None,
    }
}

struct Checker<'a> {
    schema: &'a dyn Schema,
    category: &'a str,
    faults: Vec<Fault>,
}

impl Checker<'_> {
    fn fault(&mut self, span: Span, what: What) {
        self.faults.push(Fault::new(span, what));
    }

    fn filter(&mut self, filter: &EventFilter) {
        if filter.category.name.is_some() && self.schema.resolve(self.category).is_none() {
            self.fault(filter.category.span, What::NoCategoryField(self.category.to_owned()));
        }
        self.condition(&filter.condition);
    }

    fn condition(&mut self, condition: &Expr) {
        self.boolean(condition, "a condition");
    }

    /// `expr` must be true or false; a chain of `and` and `or` is gone through by its operands.
    fn boolean(&mut self, expr: &Expr, what: &'static str) {
        let found = self.expr(expr);
        if !matches!(found, Type::Bool | Type::Null | Type::Unknown) {
            self.fault(expr.span, What::NotBoolean { what, found: found.text() });
        }
    }

    fn items(&mut self, shared: &[Key], items: &[&Item]) {
        let mut first: Option<Vec<(Type, Span)>> = None;
        for key in shared {
            self.name(&key.name, key.span);
        }
        for item in items {
            self.filter(&item.filter);
            let keys: Vec<(Type, Span)> =
                item.by.iter().map(|key| (self.name(&key.name, key.span), key.span)).collect();
            let Some(first) = &first else {
                first = Some(keys);
                continue;
            };
            for ((here, span), (there, first)) in keys.iter().zip(first) {
                if !here.goes_with(*there) {
                    let what = What::KeyTypes { here: here.text(), there: there.text(), first: *first };
                    self.faults.push(Fault::new(*span, what));
                }
            }
        }
    }

    fn pipe(&mut self, count: &Expr) {
        if count.kind != ExprKind::Unreadable && pipe_count(count).is_none() {
            self.fault(count.span, What::PipeArgument("one whole number, 0 or more"));
        }
    }

    /// The type of a field; faults if there is none, or none that can be used.
    fn name(&mut self, name: &Name, span: Span) -> Type {
        let path = name.path.as_str();
        match self.schema.resolve(path) {
            Some((_, FieldType::Text)) => {
                let why = "a text field is split into words; only one with a keyword sub-field can be asked";
                self.fault(span, What::UnusableField { name: path.to_owned(), why: why.to_owned() });
                Type::Unknown
            }
            Some((_, field_type)) => Type::of(field_type),
            None => {
                if let Some(why) = self.schema.unusable(path) {
                    self.fault(span, What::UnusableField { name: path.to_owned(), why: why.to_owned() });
                    return Type::Unknown;
                }
                if name.optional {
                    return Type::Null;
                }
                let near = self.schema.nearest(path);
                self.fault(span, What::UnknownField { name: path.to_owned(), near, optional_helps: true });
                Type::Unknown
            }
        }
    }

    fn expr(&mut self, expr: &Expr) -> Type {
        match &expr.kind {
            ExprKind::Unreadable => Type::Unknown,
            ExprKind::Literal(literal) => match literal {
                Literal::Null => Type::Null,
                Literal::Bool(_) => Type::Bool,
                Literal::Long(_) => Type::Long,
                Literal::Double(_) => Type::Double,
                Literal::Text(_) => Type::Text,
            },
            ExprKind::Field(name) => self.name(name, expr.span),
            ExprKind::Call(call) => self.call(call, expr.span),
            ExprKind::Unary(_, inner) => self.number(inner, "what has a sign"),
            ExprKind::Arithmetic(_, left, right) => {
                let (left, right) = (self.number(left, "a side"), self.number(right, "a side"));
                if left == Type::Double || right == Type::Double { Type::Double } else { left }
            }
            ExprKind::Compare(operator, left, right) => {
                self.comparison(*operator, left, right, expr.span);
                Type::Bool
            }
            ExprKind::In(membership) => {
                self.membership(membership);
                Type::Bool
            }
            ExprKind::Match(matching) => {
                self.matching(matching);
                Type::Bool
            }
            ExprKind::Not(inner) => {
                self.boolean(inner, "what `not` turns");
                Type::Bool
            }
            ExprKind::And(operands) => {
                operands.iter().for_each(|operand| self.boolean(operand, "a side of `and`"));
                Type::Bool
            }
            ExprKind::Or(operands) => {
                operands.iter().for_each(|operand| self.boolean(operand, "a side of `or`"));
                Type::Bool
            }
        }
    }

    fn number(&mut self, expr: &Expr, what: &'static str) -> Type {
        let found = self.expr(expr);
        if found.number() || matches!(found, Type::Null | Type::Unknown) {
            return found;
        }
        let what = What::WrongType {
            what: format!("{what} of arithmetic"),
            wanted: "a number",
            found: found.text(),
            help: None,
        };
        self.fault(expr.span, what);
        Type::Unknown
    }

    fn comparison(&mut self, operator: Comparison, left: &Expr, right: &Expr, span: Span) {
        let types = [self.expr(left), self.expr(right)];
        if has_field(left, self.schema) && has_field(right, self.schema) {
            return self.fault(span, What::FieldToField);
        }
        let ordered = !matches!(operator, Comparison::Equal | Comparison::NotEqual);
        for (found, side) in types.into_iter().zip([left, right]) {
            if ordered && found == Type::Bool {
                let what = "what is compared by size".to_owned();
                let wanted = "a number, text, a date, an address or a version";
                let found = found.text();
                self.fault(side.span, What::WrongType { what, wanted, found, help: None });
            }
        }
    }

    fn membership(&mut self, membership: &Membership) {
        let wanted = self.expr(&membership.value);
        if membership.insensitive && !matches!(wanted, Type::Text | Type::Null | Type::Unknown) {
            let what = "the left side of `in~`".to_owned();
            let help = Some("write `in`");
            let found = wanted.text();
            self.fault(membership.value.span, What::WrongType { what, wanted: "text", found, help });
        }
        for element in &membership.list {
            let found = self.expr(element);
            if has_field(element, self.schema) {
                self.fault(element.span, What::FieldToField);
            } else if !listed_with(wanted, found) {
                let help = (wanted == Type::Text && found.number()).then_some("put the number in quotes");
                let what = What::MixedList { wanted: wanted.text(), found: found.text(), help };
                self.fault(element.span, what);
            }
        }
    }

    fn matching(&mut self, matching: &Match) {
        let operator = matching.operator;
        let found = self.expr(&matching.value);
        if !matches!(found, Type::Text | Type::Null | Type::Unknown) {
            let help = match found {
                Type::Ip => Some("use == for one address, cidrMatch for a network"),
                Type::Long | Type::Double => Some("use == for numbers"),
                _ => None,
            };
            let what = format!("the left side of `{}`", operator.text());
            let found = found.text();
            self.fault(matching.value.span, What::WrongType { what, wanted: "text", found, help });
        }
        for pattern in &matching.patterns {
            let found = self.expr(pattern);
            if !matches!(found, Type::Text | Type::Unknown) {
                let what = format!("the right side of `{}`", operator.text());
                let help = found.number().then_some("use == for numbers");
                let found = found.text();
                self.fault(pattern.span, What::WrongType { what, wanted: "text", found, help });
            }
        }
    }

    fn call(&mut self, call: &Call, span: Span) -> Type {
        let Some(function) = lookup(&call.name) else {
            call.arguments.iter().for_each(|argument| {
                self.expr(argument);
            });
            let lower = call.name.to_ascii_lowercase();
            let instead = GONE.iter().find(|(name, _)| *name == lower).map(|(_, instead)| *instead);
            let near = nearest(FUNCTIONS.iter().map(|function| function.name), &call.name);
            self.fault(call.name_span, What::UnknownFunction { name: call.name.clone(), near, instead });
            return Type::Unknown;
        };
        if call.insensitive && !function.insensitive {
            self.fault(call.name_span, What::NoInsensitiveForm(function.name));
        }
        let found = call.arguments.len();
        if found < function.least() || found > function.parameters.len() && !function.variadic {
            let what = What::ArgumentCount { function: function.name, usage: function.usage, found };
            self.fault(span, what);
        }
        let mut types = Vec::new();
        for (index, argument) in call.arguments.iter().enumerate() {
            let found = self.expr(argument);
            types.push(found);
            if let Some(parameter) = function.parameter(index) {
                self.argument(function, parameter, argument, found);
            }
        }
        match function.result {
            Kind::Any => Type::Unknown,
            Kind::Bool => Type::Bool,
            Kind::Text => Type::Text,
            Kind::Long => Type::Long,
            Kind::Ip => Type::Ip,
            // Whole numbers give whole numbers; the text of `number` may spell either.
            Kind::Number if types.iter().all(|t| *t == Type::Long) => Type::Long,
            Kind::Number => Type::Double,
        }
    }

    fn argument(&mut self, function: &Function, parameter: &Parameter, argument: &Expr, found: Type) {
        let field = has_field(argument, self.schema);
        if parameter.constant && field {
            let what = format!("the {} of {}", parameter.name, function.name);
            return self.fault(argument.span, What::NotConstant(what));
        }
        let plain_field = match &argument.kind {
            ExprKind::Field(name) => self.schema.resolve(&name.path).map(|(id, _)| id),
            _ => None,
        };
        let (fits, wanted) = match parameter.kind {
            Kind::Any => (true, "anything"),
            Kind::Bool => (found == Type::Bool, "a truth value"),
            Kind::Text => (found == Type::Text, "text"),
            Kind::Long => (found == Type::Long, "a whole number"),
            Kind::Number => (found.number(), "a number"),
            // A text field holds no addresses, unless its type is a guess.
            Kind::Ip => {
                let text = found == Type::Text && plain_field.is_none_or(|id| self.schema.guessed(id));
                (found == Type::Ip || text, "an address")
            }
        };
        let open = matches!(found, Type::Null | Type::Unknown);
        if !fits && !open {
            let what = format!("the {} of {}", parameter.name, function.name);
            let found = found.text();
            return self.fault(argument.span, What::WrongType { what, wanted, found, help: None });
        }
        self.constant_argument(function, parameter, argument);
    }

    /// What can be seen of an argument that is a constant.
    fn constant_argument(&mut self, function: &Function, parameter: &Parameter, argument: &Expr) {
        let Folded::Constant(Val::Text(text)) = fold(argument) else { return };
        let shown = || format!("\"{}\"", String::from_utf8_lossy(&text));
        if function.name == "cidrMatch" && parameter.constant && network(&text).is_none() {
            self.fault(argument.span, What::Network(shown()));
        }
        if parameter.kind == Kind::Ip && address_of(&Val::Text(text.clone())).is_none() {
            let (wanted, found) = ("an address such as \"10.0.0.1\"", "another text");
            let what = format!("the {} of {}", parameter.name, function.name);
            self.fault(argument.span, What::WrongType { what, wanted, found, help: None });
        }
    }
}

/// Whether an element of this type may stand in a list in which a value of type `wanted` is sought.
fn listed_with(wanted: Type, found: Type) -> bool {
    wanted.goes_with(found)
        || matches!(wanted, Type::Date | Type::Ip | Type::Version | Type::Bool) && found == Type::Text
        || wanted == Type::Date && found.number()
}

/// Whether a field that exists is asked for anywhere in `expr`.
pub(crate) fn has_field(expr: &Expr, schema: &dyn Schema) -> bool {
    match &expr.kind {
        ExprKind::Literal(_) | ExprKind::Unreadable => false,
        ExprKind::Field(name) => !name.optional || schema.resolve(&name.path).is_some(),
        ExprKind::Call(call) => call.arguments.iter().any(|e| has_field(e, schema)),
        ExprKind::Unary(_, inner) | ExprKind::Not(inner) => has_field(inner, schema),
        ExprKind::Arithmetic(_, left, right) | ExprKind::Compare(_, left, right) => {
            has_field(left, schema) || has_field(right, schema)
        }
        ExprKind::In(membership) => {
            has_field(&membership.value, schema) || membership.list.iter().any(|e| has_field(e, schema))
        }
        ExprKind::Match(matching) => has_field(&matching.value, schema),
        ExprKind::And(operands) | ExprKind::Or(operands) => operands.iter().any(|e| has_field(e, schema)),
    }
}
