//! The syntax tree of a query: what was written, each part with its place, no names resolved yet.

use crate::diagnostic::Span;

/// A whole query.
#[derive(Clone, Debug, PartialEq)]
pub struct Query {
    /// What is looked for.
    pub body: Body,
    /// What is kept of it, in order.
    pub pipes: Vec<Pipe>,
}

/// The three kinds of query.
#[derive(Clone, Debug, PartialEq)]
pub enum Body {
    /// `category where condition`
    Event(EventFilter),
    /// `sequence …`
    Sequence(Sequence),
    /// `sample …`
    Sample(Sample),
}

/// `category where condition`
#[derive(Clone, Debug, PartialEq)]
pub struct EventFilter {
    /// What stands before `where`.
    pub category: Category,
    /// What stands behind it.
    pub condition: Expr,
}

/// What stands before `where`.
#[derive(Clone, Debug, PartialEq)]
pub struct Category {
    /// The name; none for `any`.
    pub name: Option<String>,
    /// Where.
    pub span: Span,
}

/// `sequence by … with maxspan=… [..] [..] until [..]`
#[derive(Clone, Debug, PartialEq)]
pub struct Sequence {
    /// The keys that all items share.
    pub by: Vec<Key>,
    /// The longest time from the first event to the last.
    pub maxspan: Option<MaxSpan>,
    /// The items in order.
    pub items: Vec<Item>,
    /// What ends a sequence that is not complete.
    pub until: Option<Item>,
    /// The word `sequence`.
    pub span: Span,
}

/// `sample by … [..] [..]`
#[derive(Clone, Debug, PartialEq)]
pub struct Sample {
    /// The keys that all items share.
    pub by: Vec<Key>,
    /// The items, in no order of time.
    pub items: Vec<Item>,
    /// The word `sample`.
    pub span: Span,
}

/// `[category where condition] by key, … with runs=3`
#[derive(Clone, Debug, PartialEq)]
pub struct Item {
    /// What stands in the brackets.
    pub filter: EventFilter,
    /// `![…]`: no such event.
    pub missing: bool,
    /// The item's own keys.
    pub by: Vec<Key>,
    /// How often in a row; none where it is not said.
    pub runs: Option<u8>,
    /// The brackets and what they hold.
    pub span: Span,
}

/// A join key.
#[derive(Clone, Debug, PartialEq)]
pub struct Key {
    /// The field.
    pub name: Name,
    /// Where.
    pub span: Span,
}

/// `maxspan=30s`
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct MaxSpan {
    /// The number as it stands.
    pub count: u64,
    /// Its unit.
    pub unit: TimeUnit,
}

impl MaxSpan {
    /// In milliseconds, at most [`i64::MAX`].
    #[must_use]
    pub fn millis(self) -> i64 {
        let millis = self.count.saturating_mul(self.unit.millis());
        i64::try_from(millis).unwrap_or(i64::MAX)
    }
}

/// The units of `maxspan`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TimeUnit {
    /// `ms`
    Milliseconds,
    /// `s`
    Seconds,
    /// `m`
    Minutes,
    /// `h`
    Hours,
    /// `d`
    Days,
}

impl TimeUnit {
    /// All of them.
    pub const ALL: [TimeUnit; 5] =
        [TimeUnit::Milliseconds, TimeUnit::Seconds, TimeUnit::Minutes, TimeUnit::Hours, TimeUnit::Days];

    /// As written.
    #[must_use]
    pub fn text(self) -> &'static str {
        match self {
            TimeUnit::Milliseconds => "ms",
            TimeUnit::Seconds => "s",
            TimeUnit::Minutes => "m",
            TimeUnit::Hours => "h",
            TimeUnit::Days => "d",
        }
    }

    fn millis(self) -> u64 {
        match self {
            TimeUnit::Milliseconds => 1,
            TimeUnit::Seconds => 1_000,
            TimeUnit::Minutes => 60_000,
            TimeUnit::Hours => 3_600_000,
            TimeUnit::Days => 86_400_000,
        }
    }
}

/// `| head 5`
#[derive(Clone, Debug, PartialEq)]
pub struct Pipe {
    /// Which end is kept.
    pub end: End,
    /// How many, as written: an expression without fields.
    pub count: Expr,
}

/// An end of the results.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// `head`: the earliest.
    Head,
    /// `tail`: the latest.
    Tail,
}

/// The name of a field.
#[derive(Clone, Debug, PartialEq)]
pub struct Name {
    /// The path, its parts joined with dots, without backquotes.
    pub path: String,
    /// `?name`: null where there is no such field.
    pub optional: bool,
}

/// An expression and its place.
#[derive(Clone, Debug, PartialEq)]
pub struct Expr {
    /// What it is.
    pub kind: ExprKind,
    /// Where.
    pub span: Span,
}

impl Expr {
    /// The expressions that it is made of, from left to right.
    pub fn parts(&self) -> impl Iterator<Item = &Expr> {
        let (first, rest): ([Option<&Expr>; 2], &[Expr]) = match &self.kind {
            ExprKind::Literal(_) | ExprKind::Field(_) | ExprKind::Unreadable => ([None, None], &[]),
            ExprKind::Call(call) => ([None, None], &call.arguments),
            ExprKind::Unary(_, inner) | ExprKind::Not(inner) => ([Some(inner), None], &[]),
            ExprKind::Arithmetic(_, left, right) | ExprKind::Compare(_, left, right) => {
                ([Some(left), Some(right)], &[])
            }
            ExprKind::In(membership) => ([Some(&membership.value), None], &membership.list),
            ExprKind::Match(matching) => ([Some(&matching.value), None], &matching.patterns),
            ExprKind::And(operands) | ExprKind::Or(operands) => ([None, None], operands),
        };
        first.into_iter().flatten().chain(rest)
    }
}

/// The expressions. Brackets are not kept: the tree itself says what binds to what.
#[derive(Clone, Debug, PartialEq)]
pub enum ExprKind {
    /// A literal.
    Literal(Literal),
    /// A field.
    Field(Name),
    /// `name(…)`
    Call(Call),
    /// `-x`, `+x`
    Unary(Sign, Box<Expr>),
    /// `a + b` and the like.
    Arithmetic(Arithmetic, Box<Expr>, Box<Expr>),
    /// `a == b` and the like.
    Compare(Comparison, Box<Expr>, Box<Expr>),
    /// `x in (…)` and the like.
    In(Membership),
    /// `x : "…"` and the like.
    Match(Match),
    /// `not x`
    Not(Box<Expr>),
    /// `a and b and …`: a chain without brackets, at least two.
    And(Vec<Expr>),
    /// `a or b or …`: a chain without brackets, at least two.
    Or(Vec<Expr>),
    /// What could not be read; its fault is told elsewhere.
    Unreadable,
}

/// A literal.
#[derive(Clone, Debug, PartialEq)]
pub enum Literal {
    /// `null`
    Null,
    /// `true`, `false`
    Bool(bool),
    /// A whole number; never negative, the sign is an operator.
    Long(i64),
    /// Another number.
    Double(f64),
    /// A string, its escapes resolved.
    Text(String),
}

/// `name(arguments)`, `name~(arguments)`
#[derive(Clone, Debug, PartialEq)]
pub struct Call {
    /// The name as written, without `~`.
    pub name: String,
    /// Where the name stands, `~` included.
    pub name_span: Span,
    /// `~`: without regard to case.
    pub insensitive: bool,
    /// The arguments.
    pub arguments: Vec<Expr>,
}

/// `value in (list)` and its three sisters.
#[derive(Clone, Debug, PartialEq)]
pub struct Membership {
    /// What is looked for.
    pub value: Box<Expr>,
    /// `not in`
    pub negated: bool,
    /// `in~`
    pub insensitive: bool,
    /// Where it is looked for.
    pub list: Vec<Expr>,
}

/// `value : "…"`, `value like ("…", "…")` and the like.
#[derive(Clone, Debug, PartialEq)]
pub struct Match {
    /// Which of the five.
    pub operator: MatchOperator,
    /// The left side.
    pub value: Box<Expr>,
    /// The right side: literals only, at least one.
    pub patterns: Vec<Expr>,
}

/// The operators that match text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MatchOperator {
    /// `:`
    Colon,
    /// `like`
    Like,
    /// `like~`
    LikeInsensitive,
    /// `regex`
    Regex,
    /// `regex~`
    RegexInsensitive,
}

impl MatchOperator {
    /// As written.
    #[must_use]
    pub fn text(self) -> &'static str {
        match self {
            MatchOperator::Colon => ":",
            MatchOperator::Like => "like",
            MatchOperator::LikeInsensitive => "like~",
            MatchOperator::Regex => "regex",
            MatchOperator::RegexInsensitive => "regex~",
        }
    }

    /// Whether case makes no difference.
    #[must_use]
    pub fn insensitive(self) -> bool {
        matches!(
            self,
            MatchOperator::Colon | MatchOperator::LikeInsensitive | MatchOperator::RegexInsensitive
        )
    }

    /// Whether the right side is a regular expression.
    #[must_use]
    pub fn regex(self) -> bool {
        matches!(self, MatchOperator::Regex | MatchOperator::RegexInsensitive)
    }
}

/// The sign before an expression.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sign {
    /// `-`
    Minus,
    /// `+`
    Plus,
}

/// The operators of arithmetic.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Arithmetic {
    /// `+`
    Add,
    /// `-`
    Subtract,
    /// `*`
    Multiply,
    /// `/`
    Divide,
    /// `%`
    Modulo,
}

impl Arithmetic {
    /// As written.
    #[must_use]
    pub fn text(self) -> &'static str {
        match self {
            Arithmetic::Add => "+",
            Arithmetic::Subtract => "-",
            Arithmetic::Multiply => "*",
            Arithmetic::Divide => "/",
            Arithmetic::Modulo => "%",
        }
    }
}

/// The comparisons.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Comparison {
    /// `==`
    Equal,
    /// `!=`, which is `not ==`
    NotEqual,
    /// `<`
    Less,
    /// `<=`
    LessOrEqual,
    /// `>`
    Greater,
    /// `>=`
    GreaterOrEqual,
}

impl Comparison {
    /// As written.
    #[must_use]
    pub fn text(self) -> &'static str {
        match self {
            Comparison::Equal => "==",
            Comparison::NotEqual => "!=",
            Comparison::Less => "<",
            Comparison::LessOrEqual => "<=",
            Comparison::Greater => ">",
            Comparison::GreaterOrEqual => ">=",
        }
    }

    /// The one that holds with the sides exchanged.
    #[must_use]
    pub fn flipped(self) -> Self {
        match self {
            Comparison::Less => Comparison::Greater,
            Comparison::LessOrEqual => Comparison::GreaterOrEqual,
            Comparison::Greater => Comparison::Less,
            Comparison::GreaterOrEqual => Comparison::LessOrEqual,
            same => same,
        }
    }
}
