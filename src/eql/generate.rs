//! Queries and events out of bytes, for property tests and fuzzing: every byte is a choice, and no more
//! bytes is the simplest choice everywhere.

use std::collections::BTreeMap;

use crate::diagnostic::Span;
use crate::event::document::Order;
use crate::event::{Document, FieldId, FieldType, Schema, Value, Values};

use super::ast::{
    Arithmetic, Body, Call, Category, Comparison, End, EventFilter, Expr, ExprKind, Item, Key, Literal,
    Match, MatchOperator, MaxSpan, Membership, Name, Pipe, Query, Sample, Sequence, Sign, TimeUnit,
};

/// Bytes, taken one after the other.
#[derive(Debug)]
pub struct Choices<'a>(pub &'a [u8]);

/// The fields that generated queries name.
#[derive(Debug)]
pub struct Fields;

const FIELDS: &[(&str, FieldType)] = &[
    ("event.category", FieldType::Keyword),
    ("name", FieldType::Keyword),
    ("args", FieldType::Wildcard),
    ("pid", FieldType::Long),
    ("load", FieldType::Double),
    ("ok", FieldType::Boolean),
    ("time", FieldType::Date),
    ("ip", FieldType::Ip),
    ("version", FieldType::Version),
];

const TEXTS: &[&str] = &["a", "", "A", "ab", "usermod", "aB*", "?b", "é", "*", "b\\n", "1.2", "\"", "😀x"];
const DATES: &[&str] = &["2020-01-01", "1970-01-01T00:00:01Z", "5", "soon"];
const ADDRESSES: &[&str] = &["10.0.0.1", "::1", "10.0.0.0/8", "nowhere"];
const VERSIONS: &[&str] = &["1.2", "1.10", "1.2-a", "bad"];
const PATTERNS: &[&str] = &["a*", "a", "*b", "*a*", "?", "*", "a?b*", "**", "", "É*", "??"];
const REGEXES: &[&str] = &["a.*", "a", "[a-c]+", "~(a)", "a|b", "a&.*", "<1-9>", ".", "\\\\w", "("];

impl Choices<'_> {
    fn pick(&mut self, among: usize) -> usize {
        match self.0.split_first() {
            Some((byte, rest)) => {
                self.0 = rest;
                usize::from(*byte) % among
            }
            None => 0,
        }
    }

    fn of<T: Copy>(&mut self, among: &[T]) -> T {
        among[self.pick(among.len())]
    }

    /// A query.
    pub fn query(&mut self) -> Query {
        let body = match self.pick(4) {
            0 | 1 => Body::Event(self.filter()),
            2 => Body::Sequence(self.sequence()),
            _ => Body::Sample(self.sample()),
        };
        let pipes = (0..self.pick(3)).map(|_| Pipe {
            end: if self.pick(2) == 0 { End::Head } else { End::Tail },
            count: literal(Literal::Long(3)),
        });
        Query { pipes: pipes.collect(), body }
    }

    fn filter(&mut self) -> EventFilter {
        let name = [None, Some("process"), Some("my-category"), Some("any")][self.pick(4)].map(str::to_owned);
        EventFilter { category: Category { name, span: NOWHERE }, condition: self.condition(4) }
    }

    fn keys(&mut self, count: usize) -> Vec<Key> {
        let key = |choices: &mut Self| Key { name: choices.name(&[FieldType::Keyword]), span: NOWHERE };
        (0..count).map(|_| key(self)).collect()
    }

    fn sequence(&mut self) -> Sequence {
        let shared = self.pick(2);
        let own = self.pick(2);
        let with_maxspan = self.pick(3) > 0;
        let maxspan = with_maxspan.then(|| MaxSpan { count: 2, unit: self.of(&TimeUnit::ALL) });
        let count = 2 + self.pick(2);
        let items = (0..count).map(|i| self.item(own, i > 0 && with_maxspan)).collect();
        let until = (self.pick(3) == 1).then(|| Item { runs: None, missing: false, ..self.item(own, false) });
        Sequence { by: self.keys(shared), maxspan, items, until, span: NOWHERE }
    }

    fn item(&mut self, keys: usize, may_be_missing: bool) -> Item {
        let missing = may_be_missing && self.pick(4) == 1;
        let runs = [None, None, Some(2)][self.pick(3)];
        Item { filter: self.filter(), missing, by: self.keys(keys), runs, span: NOWHERE }
    }

    fn sample(&mut self) -> Sample {
        let count = 2 + self.pick(2);
        let items = (0..count).map(|_| Item { runs: None, ..self.item(0, false) }).collect();
        Sample { by: self.keys(1), items, span: NOWHERE }
    }

    fn name(&mut self, types: &[FieldType]) -> Name {
        let fitting: Vec<&str> =
            FIELDS.iter().filter(|(_, kind)| types.contains(kind)).map(|(name, _)| *name).collect();
        match self.pick(12) {
            10 => Name { path: "no.such field".to_owned(), optional: true },
            11 => Name { path: self.of(&fitting).to_owned(), optional: true },
            _ => Name { path: self.of(&fitting).to_owned(), optional: false },
        }
    }

    fn field(&mut self, types: &[FieldType]) -> Expr {
        expr(ExprKind::Field(self.name(types)))
    }

    /// A condition of at most this depth.
    pub fn condition(&mut self, depth: usize) -> Expr {
        let inner = depth.saturating_sub(1);
        let choices = if depth == 0 { 7 } else { 12 };
        match self.pick(choices) {
            0 => self.comparison(inner),
            1 => self.comparison(inner),
            2 => self.matching(inner),
            3 => self.membership(inner),
            4 => self.field(&[FieldType::Boolean]),
            5 => literal(Literal::Bool(self.pick(2) == 0)),
            6 => self.boolean_call(inner),
            7 => expr(ExprKind::Not(Box::new(self.condition(inner)))),
            8 | 9 => expr(ExprKind::And(self.conditions(inner))),
            10 => expr(ExprKind::Or(self.conditions(inner))),
            _ => {
                let truth = [Literal::Bool(true), Literal::Bool(false), Literal::Null][self.pick(3)].clone();
                let condition = self.condition(inner);
                expr(ExprKind::Compare(self.equality(), Box::new(literal(truth)), Box::new(condition)))
            }
        }
    }

    fn conditions(&mut self, depth: usize) -> Vec<Expr> {
        let count = 2 + self.pick(2);
        (0..count).map(|_| self.condition(depth)).collect()
    }

    fn equality(&mut self) -> Comparison {
        self.of(&[Comparison::Equal, Comparison::NotEqual])
    }

    fn comparison(&mut self, depth: usize) -> Expr {
        let operator = self.of(&[
            Comparison::Equal,
            Comparison::NotEqual,
            Comparison::Less,
            Comparison::LessOrEqual,
            Comparison::Greater,
            Comparison::GreaterOrEqual,
        ]);
        let (left, right) = match self.pick(7) {
            0 => (self.text(depth), literal(Literal::Text(self.of(TEXTS).to_owned()))),
            1 => (self.number(depth), self.number(0)),
            2 => (self.text(depth), literal(Literal::Null)),
            3 => (self.field(&[FieldType::Date]), literal(Literal::Text(self.of(DATES).to_owned()))),
            4 => (self.field(&[FieldType::Ip]), literal(Literal::Text(self.of(ADDRESSES).to_owned()))),
            5 => (self.field(&[FieldType::Version]), literal(Literal::Text(self.of(VERSIONS).to_owned()))),
            _ => (self.number(depth), literal(Literal::Text(self.of(&["1", "2.5", "x"]).to_owned()))),
        };
        let (left, right) = if self.pick(4) == 3 { (right, left) } else { (left, right) };
        expr(ExprKind::Compare(operator, Box::new(left), Box::new(right)))
    }

    fn matching(&mut self, depth: usize) -> Expr {
        let operator = self.of(&[
            MatchOperator::Colon,
            MatchOperator::Like,
            MatchOperator::LikeInsensitive,
            MatchOperator::Regex,
            MatchOperator::RegexInsensitive,
        ]);
        let pool = if operator.regex() { REGEXES } else { PATTERNS };
        let count = 1 + self.pick(6);
        let patterns = (0..count).map(|_| literal(Literal::Text(self.of(pool).to_owned()))).collect();
        let value = Box::new(self.text(depth));
        expr(ExprKind::Match(Match { operator, value, patterns }))
    }

    fn membership(&mut self, depth: usize) -> Expr {
        let count = 1 + self.pick(6);
        let negated = self.pick(2) == 1;
        let in_texts = |value: Expr, insensitive: bool, texts: Vec<&str>| {
            let list = texts.into_iter().map(|text| literal(Literal::Text(text.to_owned()))).collect();
            expr(ExprKind::In(Membership { value: Box::new(value), negated, insensitive, list }))
        };
        match self.pick(6) {
            0 | 1 => {
                let texts = (0..count).map(|_| self.of(TEXTS)).collect();
                let insensitive = self.pick(2) == 1;
                in_texts(self.text(depth), insensitive, texts)
            }
            2 => {
                let texts = (0..count).map(|_| self.of(ADDRESSES)).collect();
                in_texts(self.field(&[FieldType::Ip]), false, texts)
            }
            3 => {
                let texts = (0..count).map(|_| self.of(DATES)).collect();
                in_texts(self.field(&[FieldType::Date]), false, texts)
            }
            4 => {
                let texts = (0..count).map(|_| self.of(VERSIONS)).collect();
                in_texts(self.field(&[FieldType::Version]), false, texts)
            }
            _ => {
                let list = (0..count).map(|_| self.constant_number()).collect();
                let value = Box::new(self.number(depth));
                expr(ExprKind::In(Membership { value, negated, insensitive: false, list }))
            }
        }
    }

    fn constant_number(&mut self) -> Expr {
        let number = match self.pick(6) {
            0 => Literal::Long(1),
            1 => Literal::Double(2.5),
            2 => Literal::Long(0),
            3 => Literal::Long(i64::MAX),
            4 => Literal::Double(1e300),
            _ => Literal::Double(1.0),
        };
        literal(number)
    }

    fn number(&mut self, depth: usize) -> Expr {
        let inner = depth.saturating_sub(1);
        match self.pick(if depth == 0 { 4 } else { 10 }) {
            0 => self.field(&[FieldType::Long]),
            1 => self.constant_number(),
            2 => self.field(&[FieldType::Double]),
            3 => expr(ExprKind::Unary(self.of(&[Sign::Minus, Sign::Plus]), Box::new(self.constant_number()))),
            4 | 5 => {
                let operator = self.of(&[
                    Arithmetic::Add,
                    Arithmetic::Subtract,
                    Arithmetic::Multiply,
                    Arithmetic::Divide,
                    Arithmetic::Modulo,
                ]);
                let (left, right) = (self.number(inner), self.number(inner));
                expr(ExprKind::Arithmetic(operator, Box::new(left), Box::new(right)))
            }
            6 => call("length", false, vec![self.text(inner)]),
            7 => call("number", false, vec![self.text(inner)]),
            8 => {
                let name = self.of(&["add", "subtract", "multiply", "divide", "modulo"]);
                call(name, false, vec![self.number(inner), self.number(inner)])
            }
            _ => call("indexOf", self.pick(2) == 1, vec![self.text(inner), self.text(0)]),
        }
    }

    fn text(&mut self, depth: usize) -> Expr {
        let inner = depth.saturating_sub(1);
        match self.pick(if depth == 0 { 3 } else { 8 }) {
            0 => self.field(&[FieldType::Keyword]),
            1 => self.field(&[FieldType::Wildcard]),
            2 => literal(Literal::Text(self.of(TEXTS).to_owned())),
            3 => call("string", false, vec![self.any(inner)]),
            4 => call("concat", false, vec![self.any(inner), self.any(inner)]),
            5 => {
                let bounds = vec![self.text(inner), self.constant_long(), self.constant_long()];
                call("substring", false, bounds)
            }
            6 => {
                let arguments = vec![self.text(inner), self.text(0), self.text(0)];
                call("between", self.pick(2) == 1, arguments)
            }
            _ => literal(Literal::Null),
        }
    }

    fn constant_long(&mut self) -> Expr {
        let number = literal(Literal::Long([0, 1, 2, 50][self.pick(4)]));
        if self.pick(2) == 0 { number } else { expr(ExprKind::Unary(Sign::Minus, Box::new(number))) }
    }

    fn any(&mut self, depth: usize) -> Expr {
        match self.pick(4) {
            0 => self.text(depth),
            1 => self.number(depth),
            2 => self.condition(depth),
            _ => self.field(&[FieldType::Boolean, FieldType::Date, FieldType::Ip, FieldType::Version]),
        }
    }

    fn boolean_call(&mut self, depth: usize) -> Expr {
        if self.pick(4) == 3 {
            let networks = ["10.0.0.0/8", "::/64", "10.0.0.1"];
            let network = literal(Literal::Text(self.of(&networks).to_owned()));
            return call("cidrMatch", false, vec![self.field(&[FieldType::Ip]), network]);
        }
        let name = self.of(&["startsWith", "endsWith", "stringContains"]);
        let insensitive = self.pick(2) == 1;
        call(name, insensitive, vec![self.text(depth), self.text(0)])
    }

    /// An event with some of the fields, each with any number of values.
    pub fn event(&mut self) -> Event {
        let texts: [&'static [u8]; 12] = [
            b"a",
            b"",
            b"A",
            b"usermod",
            b"ab",
            b"process",
            b"aXb\n",
            b"\xff\xc3",
            "é".as_bytes(),
            "😀x".as_bytes(),
            b"1.2",
            b"*",
        ];
        let mut values = BTreeMap::new();
        for (number, (_, kind)) in FIELDS.iter().enumerate() {
            let of_field: Vec<Value<'static>> = (0..self.pick(4))
                .map(|_| match kind {
                    FieldType::Long => Value::Long([1, 0, -3, 5, i64::MAX][self.pick(5)]),
                    FieldType::Double => Value::Double([2.5, 1.0, -0.5, 1e18][self.pick(4)]),
                    FieldType::Boolean => Value::Bool(self.pick(2) == 0),
                    FieldType::Date => Value::Date([5, 1_500, 1_577_836_800_000][self.pick(3)]),
                    FieldType::Ip => {
                        Value::Ip([[10, 0, 0, 1].into(), std::net::Ipv6Addr::LOCALHOST.into()][self.pick(2)])
                    }
                    _ => Value::Text(self.of(&texts)),
                })
                .collect();
            values.insert(FieldId(number as u16), of_field);
        }
        Event(values)
    }
}

const NOWHERE: Span = Span { start: 0, end: 0 };

fn expr(kind: ExprKind) -> Expr {
    Expr { kind, span: NOWHERE }
}

fn literal(literal: Literal) -> Expr {
    expr(ExprKind::Literal(literal))
}

fn call(name: &str, insensitive: bool, arguments: Vec<Expr>) -> Expr {
    expr(ExprKind::Call(Call { name: name.to_owned(), name_span: NOWHERE, insensitive, arguments }))
}

impl Schema for Fields {
    fn resolve(&self, name: &str) -> Option<(FieldId, FieldType)> {
        let at = FIELDS.iter().position(|(known, _)| *known == name)?;
        Some((FieldId(at as u16), FIELDS[at].1))
    }

    fn nearest(&self, _name: &str) -> Vec<String> {
        Vec::new()
    }

    fn name(&self, field: FieldId) -> &str {
        FIELDS[usize::from(field.0)].0
    }
}

/// A generated event.
#[derive(Debug)]
pub struct Event(BTreeMap<FieldId, Vec<Value<'static>>>);

impl Document for Event {
    fn values(&self, field: FieldId) -> Values<'_> {
        match self.0.get(&field).map(Vec::as_slice) {
            None | Some([]) => Values::None,
            Some([one]) => Values::One(*one),
            Some(many) => Values::Many(many),
        }
    }

    fn order(&self) -> Order {
        Order { millis: 0, tiebreaker: 0 }
    }
}

/// `query` without the places of its parts.
pub fn without_places(query: &mut Query) {
    match &mut query.body {
        Body::Event(filter) => strip_filter(filter),
        Body::Sequence(sequence) => {
            sequence.span = NOWHERE;
            strip_keys(&mut sequence.by);
            sequence.items.iter_mut().chain(&mut sequence.until).for_each(strip_item);
        }
        Body::Sample(sample) => {
            sample.span = NOWHERE;
            strip_keys(&mut sample.by);
            sample.items.iter_mut().for_each(strip_item);
        }
    }
    query.pipes.iter_mut().for_each(|pipe| strip(&mut pipe.count));
}

fn strip_item(item: &mut Item) {
    item.span = NOWHERE;
    strip_keys(&mut item.by);
    strip_filter(&mut item.filter);
}

fn strip_keys(keys: &mut [Key]) {
    keys.iter_mut().for_each(|key| key.span = NOWHERE);
}

fn strip_filter(filter: &mut EventFilter) {
    filter.category.span = NOWHERE;
    strip(&mut filter.condition);
}

fn strip(expr: &mut Expr) {
    expr.span = NOWHERE;
    match &mut expr.kind {
        ExprKind::Literal(_) | ExprKind::Field(_) | ExprKind::Unreadable => {}
        ExprKind::Call(call) => {
            call.name_span = NOWHERE;
            call.arguments.iter_mut().for_each(strip);
        }
        ExprKind::Unary(_, inner) | ExprKind::Not(inner) => strip(inner),
        ExprKind::Arithmetic(_, left, right) | ExprKind::Compare(_, left, right) => {
            strip(left);
            strip(right);
        }
        ExprKind::In(membership) => {
            strip(&mut membership.value);
            membership.list.iter_mut().for_each(strip);
        }
        ExprKind::Match(matching) => {
            strip(&mut matching.value);
            matching.patterns.iter_mut().for_each(strip);
        }
        ExprKind::And(operands) | ExprKind::Or(operands) => operands.iter_mut().for_each(strip),
    }
}
