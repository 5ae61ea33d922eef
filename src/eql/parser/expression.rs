//! Conditions: from `or`, which binds least, to literals and names.

use crate::diagnostic::Span;

use super::super::ast::{
    Arithmetic, Call, Comparison, Expr, ExprKind, Literal, Match, MatchOperator, Membership, Name, Sign,
};
use super::super::fault::What;
use super::super::lexer::{Keyword, TokenKind};
use super::{MAX_DEPTH, Parsed, Parser, Stop};

impl Parser {
    /// A whole condition.
    pub(super) fn expression(&mut self) -> Parsed<Expr> {
        self.deeper(|parser| {
            if let Some(element) = parser.literal_element() {
                return Ok(element);
            }
            parser.chain(Keyword::Or, ExprKind::Or, |parser| {
                parser.chain(Keyword::And, ExprKind::And, Parser::operand)
            })
        })
    }

    /// A literal alone between brackets and commas, as lists are made of: nothing else can become of it.
    fn literal_element(&mut self) -> Option<Expr> {
        if !matches!(self.ahead(1), TokenKind::Punctuation("," | ")")) {
            return None;
        }
        let span = self.span();
        self.literal().map(|literal| Expr { kind: ExprKind::Literal(literal), span })
    }

    /// `a or b or …`, or one operand alone.
    fn chain(
        &mut self,
        word: Keyword,
        make: fn(Vec<Expr>) -> ExprKind,
        operand: fn(&mut Self) -> Parsed<Expr>,
    ) -> Parsed<Expr> {
        let start = self.span();
        let first = operand(self)?;
        if !self.is_keyword(word) {
            return Ok(first);
        }
        let mut operands = vec![first];
        while self.accept_keyword(word) {
            operands.push(operand(self)?);
        }
        Ok(Expr { kind: make(operands), span: self.since(start) })
    }

    /// An operand of `and`: where it cannot be read, the next one still is.
    fn operand(&mut self) -> Parsed<Expr> {
        let start = self.span();
        match self.negation() {
            Ok(expr) => Ok(expr),
            Err(Stop) => {
                self.skip_to_next();
                if *self.kind() == TokenKind::End {
                    return Err(Stop);
                }
                Ok(Expr { kind: ExprKind::Unreadable, span: self.since(start) })
            }
        }
    }

    fn negation(&mut self) -> Parsed<Expr> {
        let start = self.span();
        if !self.accept_keyword(Keyword::Not) {
            return self.comparison();
        }
        let inner = self.deeper(Parser::negation)?;
        Ok(Expr { kind: ExprKind::Not(Box::new(inner)), span: self.since(start) })
    }

    fn comparison(&mut self) -> Parsed<Expr> {
        let start = self.span();
        let left = self.sum()?;
        let Some(operator) = self.comparison_operator() else {
            self.told_better()?;
            return Ok(left);
        };
        self.at += 1;
        let right = self.sum()?;
        if self.comparison_operator().is_some() {
            let span = self.span();
            self.fault(span, What::Chained);
            return Err(Stop);
        }
        let kind = ExprKind::Compare(operator, Box::new(left), Box::new(right));
        self.told_better()?;
        Ok(Expr { kind, span: self.since(start) })
    }

    /// Faults behind an operand for which there is something better to say than "expected `and`".
    fn told_better(&mut self) -> Parsed<()> {
        let span = self.span();
        let what = match self.kind() {
            TokenKind::Punctuation("=") => What::SingleEquals,
            TokenKind::Punctuation("[") => What::ArrayIndex,
            TokenKind::Keyword(Keyword::Not) => match self.ahead(1) {
                TokenKind::Punctuation(":") => What::MisplacedNot(":"),
                TokenKind::Keyword(
                    word @ (Keyword::Like
                    | Keyword::LikeInsensitive
                    | Keyword::Regex
                    | Keyword::RegexInsensitive),
                ) => What::MisplacedNot(word.text()),
                _ => return Ok(()),
            },
            _ => return Ok(()),
        };
        self.fault(span, what);
        Err(Stop)
    }

    fn comparison_operator(&self) -> Option<Comparison> {
        let TokenKind::Punctuation(text) = self.kind() else { return None };
        Some(match *text {
            "==" => Comparison::Equal,
            "!=" => Comparison::NotEqual,
            "<" => Comparison::Less,
            "<=" => Comparison::LessOrEqual,
            ">" => Comparison::Greater,
            ">=" => Comparison::GreaterOrEqual,
            _ => return None,
        })
    }

    /// `a + b - c`
    fn sum(&mut self) -> Parsed<Expr> {
        self.left_associative(Parser::product, |text| match text {
            "+" => Some(Arithmetic::Add),
            "-" => Some(Arithmetic::Subtract),
            _ => None,
        })
    }

    /// `a * b / c % d`
    fn product(&mut self) -> Parsed<Expr> {
        self.left_associative(Parser::signed, |text| match text {
            "*" => Some(Arithmetic::Multiply),
            "/" => Some(Arithmetic::Divide),
            "%" => Some(Arithmetic::Modulo),
            _ => None,
        })
    }

    fn left_associative(
        &mut self,
        operand: fn(&mut Self) -> Parsed<Expr>,
        operator: fn(&str) -> Option<Arithmetic>,
    ) -> Parsed<Expr> {
        let start = self.span();
        let mut left = operand(self)?;
        let mut length = 0;
        while let TokenKind::Punctuation(text) = self.kind() {
            let Some(operator) = operator(text) else { break };
            length += 1;
            if self.depth + length > MAX_DEPTH {
                let span = self.span();
                self.fault(span, What::TooDeep(MAX_DEPTH));
                return Err(Stop);
            }
            self.at += 1;
            let right = operand(self)?;
            let kind = ExprKind::Arithmetic(operator, Box::new(left), Box::new(right));
            left = Expr { kind, span: self.since(start) };
        }
        Ok(left)
    }

    /// `-x`, `+x`
    fn signed(&mut self) -> Parsed<Expr> {
        let start = self.span();
        let sign = match self.kind() {
            TokenKind::Punctuation("-") => Sign::Minus,
            TokenKind::Punctuation("+") => Sign::Plus,
            _ => return self.predicate(),
        };
        self.at += 1;
        let inner = self.deeper(Parser::signed)?;
        Ok(Expr { kind: ExprKind::Unary(sign, Box::new(inner)), span: self.since(start) })
    }

    /// A primary expression and what may directly follow it: `in (…)`, `: "…"` and their sisters.
    fn predicate(&mut self) -> Parsed<Expr> {
        let start = self.span();
        let value = self.primary()?;
        let negated = self.is_keyword(Keyword::Not)
            && matches!(self.ahead(1), TokenKind::Keyword(Keyword::In | Keyword::InInsensitive));
        self.at += usize::from(negated);
        let operator = match self.kind() {
            TokenKind::Keyword(word @ (Keyword::In | Keyword::InInsensitive)) => {
                let insensitive = *word == Keyword::InInsensitive;
                self.at += 1;
                let list = self.bracketed("a list in brackets", Parser::expression)?;
                let value = Box::new(value);
                let kind = ExprKind::In(Membership { value, negated, insensitive, list });
                return Ok(Expr { kind, span: self.since(start) });
            }
            TokenKind::Punctuation(":") => MatchOperator::Colon,
            TokenKind::Keyword(Keyword::Like) => MatchOperator::Like,
            TokenKind::Keyword(Keyword::LikeInsensitive) => MatchOperator::LikeInsensitive,
            TokenKind::Keyword(Keyword::Regex) => MatchOperator::Regex,
            TokenKind::Keyword(Keyword::RegexInsensitive) => MatchOperator::RegexInsensitive,
            _ => return Ok(value),
        };
        self.at += 1;
        let patterns = self.patterns(operator, &value)?;
        let kind = ExprKind::Match(Match { operator, value: Box::new(value), patterns });
        Ok(Expr { kind, span: self.since(start) })
    }

    /// The right side of `:` and its sisters.
    fn patterns(&mut self, operator: MatchOperator, value: &Expr) -> Parsed<Vec<Expr>> {
        if self.is("(") {
            let list = self.bracketed("a list of strings", Parser::expression)?;
            let odd = list.iter().find(|e| !matches!(e.kind, ExprKind::Literal(_) | ExprKind::Unreadable));
            return match odd {
                Some(odd) => {
                    self.fault(odd.span, What::PatternNotLiteral(operator.text()));
                    Err(Stop)
                }
                None => Ok(list),
            };
        }
        // `field:method()`; behind a word such as `like` that is a call where a pattern must stand.
        if operator == MatchOperator::Colon
            && let (TokenKind::Identifier(method), TokenKind::Punctuation("("), ExprKind::Field(field)) =
                (self.kind(), self.ahead(1), &value.kind)
        {
            let what = What::MethodSyntax { field: field.path.clone(), method: method.clone() };
            let span = self.span();
            self.fault(span, what);
            return Err(Stop);
        }
        let span = self.span();
        match self.literal() {
            Some(literal) => Ok(vec![Expr { kind: ExprKind::Literal(literal), span }]),
            None if *self.kind() == TokenKind::Unreadable => Err(Stop),
            None => {
                self.fault(span, What::PatternNotLiteral(operator.text()));
                Err(Stop)
            }
        }
    }

    /// `(a, b, …)`, at least one.
    fn bracketed(
        &mut self,
        wanted: &'static str,
        element: fn(&mut Self) -> Parsed<Expr>,
    ) -> Parsed<Vec<Expr>> {
        let start = self.span();
        self.expect("(", wanted)?;
        if self.accept(")") {
            let span = self.since(start);
            self.fault(span, What::EmptyList);
            return Ok(Vec::new());
        }
        let mut list = vec![element(self)?];
        while self.accept(",") {
            list.push(element(self)?);
        }
        self.expect(")", "`,` or `)`")?;
        Ok(list)
    }

    fn literal(&mut self) -> Option<Literal> {
        let literal = match self.kind() {
            TokenKind::Keyword(Keyword::Null) => Literal::Null,
            TokenKind::Keyword(Keyword::True) => Literal::Bool(true),
            TokenKind::Keyword(Keyword::False) => Literal::Bool(false),
            TokenKind::Text(_) => Literal::Text(self.take_text()),
            TokenKind::Integer(digits) => match digits.parse() {
                Ok(number) => Literal::Long(number),
                Err(_) => Literal::Double(digits.parse().unwrap_or(f64::INFINITY)),
            },
            TokenKind::Decimal(digits) => Literal::Double(digits.parse().unwrap_or(f64::INFINITY)),
            _ => return None,
        };
        self.at += 1;
        Some(literal)
    }

    fn primary(&mut self) -> Parsed<Expr> {
        let start = self.span();
        if let Some(literal) = self.literal() {
            return Ok(Expr { kind: ExprKind::Literal(literal), span: start });
        }
        match self.kind() {
            TokenKind::Punctuation("(") => {
                self.at += 1;
                let inner = self.expression()?;
                self.expect(")", "`)`")?;
                Ok(inner)
            }
            TokenKind::Identifier(_) if matches!(self.ahead(1), TokenKind::Punctuation("(")) => {
                self.call(start, false)
            }
            TokenKind::TildeIdentifier(_) => self.call(start, true),
            TokenKind::Identifier(word) if *self.ahead(1) == TokenKind::Keyword(Keyword::Of) => {
                let what = What::ProcessRelationship(word.clone());
                self.fault(start, what);
                Err(Stop)
            }
            _ => {
                let name = self.name("a condition or a value")?;
                Ok(Expr { kind: ExprKind::Field(name), span: self.since(start) })
            }
        }
    }

    fn call(&mut self, start: Span, insensitive: bool) -> Parsed<Expr> {
        let token = self.take();
        let (TokenKind::Identifier(name) | TokenKind::TildeIdentifier(name)) = token.kind else {
            return Err(self.expected("a function"));
        };
        self.expect("(", "`(`")?;
        let mut arguments = Vec::new();
        if !self.accept(")") {
            arguments.push(self.expression()?);
            while self.accept(",") {
                arguments.push(self.expression()?);
            }
            self.expect(")", "`,` or `)`")?;
        }
        let kind = ExprKind::Call(Call { name, name_span: token.span, insensitive, arguments });
        Ok(Expr { kind, span: self.since(start) })
    }

    /// `a.b.c`, each part with or without backquotes, `?` in front where the field may be unknown.
    pub(super) fn name(&mut self, wanted: &'static str) -> Parsed<Name> {
        let optional = self.accept("?");
        let mut path = self.name_part(wanted)?;
        loop {
            if self.is("[") && matches!(self.ahead(1), TokenKind::Integer(_)) {
                let span = self.span();
                self.fault(span, What::ArrayIndex);
                return Err(Stop);
            }
            if !self.accept(".") {
                return Ok(Name { path, optional });
            }
            path.push('.');
            path.push_str(&self.name_part("the next part of the name")?);
        }
    }

    fn name_part(&mut self, wanted: &'static str) -> Parsed<String> {
        let part = match self.kind() {
            TokenKind::Identifier(_) | TokenKind::Quoted(_) => self.take_text(),
            TokenKind::Keyword(word) if follows_a_name(self.ahead(1)) => {
                let what = What::KeywordAsName(word.text().to_owned());
                let span = self.span();
                self.fault(span, what);
                return Err(Stop);
            }
            _ => return Err(self.expected(wanted)),
        };
        self.at += 1;
        Ok(part)
    }
}

/// Whether `next` is an operator, so that the keyword before it must have been meant as a name.
fn follows_a_name(next: &TokenKind) -> bool {
    matches!(
        next,
        TokenKind::Punctuation("." | "==" | "!=" | "<" | "<=" | ">" | ">=" | ":")
            | TokenKind::Keyword(
                Keyword::Like | Keyword::LikeInsensitive | Keyword::Regex | Keyword::RegexInsensitive
            )
    )
}
