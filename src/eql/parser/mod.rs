//! Tokens to a syntax tree, by recursive descent over the grammar in the parent module's page.
//!
//! Everything that can be found wrong is told at once: where an operand or an item cannot be read,
//! its fault is noted and reading goes on at the next word that can follow it.

mod expression;
mod items;

use crate::diagnostic::Span;

use super::ast::{Body, Category, End, EventFilter, Expr, ExprKind, Pipe, Query};
use super::fault::{Fault, What};
use super::lexer::{Keyword, Token, TokenKind, tokens};

/// The longest query that is read, in bytes.
pub(crate) const MAX_LENGTH: usize = 1 << 20;
/// The deepest nesting of brackets, calls, signs and `not`.
pub(crate) const MAX_DEPTH: usize = 100;
/// How many faults are told of one query.
const MAX_FAULTS: usize = 20;

/// Reads a whole query. A tree comes back only without faults of syntax.
pub(crate) fn parse(text: &str) -> Result<Query, Vec<Fault>> {
    with_parser(text, Parser::query)
}

/// Reads a condition alone, as an exception or an added condition has it.
pub(crate) fn parse_condition(text: &str) -> Result<Expr, Vec<Fault>> {
    with_parser(text, |parser| {
        let condition = parser.expression()?;
        parser.end_of_text("`and`, `or` or the end of the condition")?;
        Ok(condition)
    })
}

fn with_parser<T>(text: &str, read: impl FnOnce(&mut Parser) -> Parsed<T>) -> Result<T, Vec<Fault>> {
    if text.len() > MAX_LENGTH {
        let start = Span { start: 0, end: 0 };
        return Err(vec![Fault::new(start, What::TooLong(MAX_LENGTH))]);
    }
    let (tokens, faults) = tokens(text);
    let mut parser = Parser { tokens, at: 0, depth: 0, faults };
    let read = read(&mut parser);
    let mut faults = parser.faults;
    match read {
        Ok(read) if faults.is_empty() => Ok(read),
        _ => {
            faults.sort_by_key(|fault| (fault.span.start, fault.span.end));
            faults.dedup();
            faults.truncate(MAX_FAULTS);
            Err(faults)
        }
    }
}

/// Reading stopped; the fault is noted already.
pub(crate) struct Stop;

type Parsed<T> = Result<T, Stop>;

pub(crate) struct Parser {
    tokens: Vec<Token>,
    at: usize,
    depth: usize,
    faults: Vec<Fault>,
}

impl Parser {
    // The list of tokens always ends in `End`, which is never passed.

    fn token(&self) -> &Token {
        &self.tokens[self.at.min(self.tokens.len() - 1)]
    }

    fn kind(&self) -> &TokenKind {
        &self.token().kind
    }

    fn ahead(&self, n: usize) -> &TokenKind {
        &self.tokens[(self.at + n).min(self.tokens.len() - 1)].kind
    }

    fn span(&self) -> Span {
        self.token().span
    }

    /// From `start` to the end of the last token taken.
    fn since(&self, start: Span) -> Span {
        let end = self.at.checked_sub(1).map_or(start.end, |last| self.tokens[last].span.end);
        Span { start: start.start, end: end.max(start.start) }
    }

    fn take(&mut self) -> Token {
        let token = self.token().clone();
        if token.kind != TokenKind::End {
            self.at += 1;
        }
        token
    }

    /// The text of the token here, which is taken next: nobody reads it again.
    fn take_text(&mut self) -> String {
        let last = self.tokens.len() - 1;
        match &mut self.tokens[self.at.min(last)].kind {
            TokenKind::Identifier(text) | TokenKind::Quoted(text) | TokenKind::Text(text) => {
                std::mem::take(text)
            }
            _ => String::new(),
        }
    }

    fn is(&self, punctuation: &str) -> bool {
        matches!(self.kind(), TokenKind::Punctuation(p) if *p == punctuation)
    }

    fn is_keyword(&self, keyword: Keyword) -> bool {
        *self.kind() == TokenKind::Keyword(keyword)
    }

    fn accept(&mut self, punctuation: &str) -> bool {
        let found = self.is(punctuation);
        self.at += usize::from(found);
        found
    }

    fn accept_keyword(&mut self, keyword: Keyword) -> bool {
        let found = self.is_keyword(keyword);
        self.at += usize::from(found);
        found
    }

    fn expect(&mut self, punctuation: &'static str, wanted: &'static str) -> Parsed<()> {
        if self.accept(punctuation) { Ok(()) } else { Err(self.expected(wanted)) }
    }

    /// Notes that `wanted` does not stand here.
    fn expected(&mut self, wanted: &'static str) -> Stop {
        let Token { kind, span } = self.token().clone();
        match kind {
            // Told by the lexer.
            TokenKind::Unreadable => {}
            TokenKind::Identifier(word)
                if word.chars().all(|c| c.is_ascii_uppercase())
                    && Keyword::of(&word.to_ascii_lowercase()).is_some() =>
            {
                self.fault(span, What::UpperCaseKeyword(word));
            }
            TokenKind::Punctuation("=") => self.fault(span, What::SingleEquals),
            kind => self.fault(span, What::Expected { wanted, found: describe(&kind) }),
        }
        Stop
    }

    fn fault(&mut self, span: Span, what: What) {
        self.faults.push(Fault::new(span, what));
    }

    /// Goes on to the next token that can follow an operand or an item, past brackets in between.
    fn skip_to_next(&mut self) {
        let mut open = 0_usize;
        loop {
            match self.kind() {
                TokenKind::End => return,
                TokenKind::Keyword(Keyword::And | Keyword::Or | Keyword::Until) if open == 0 => return,
                TokenKind::Punctuation("(" | "[" | "![") => open += 1,
                TokenKind::Punctuation(")" | "]") if open == 0 => return,
                TokenKind::Punctuation(")" | "]") => open -= 1,
                TokenKind::Punctuation("|") if open == 0 => return,
                _ => {}
            }
            self.at += 1;
        }
    }

    fn query(&mut self) -> Parsed<Query> {
        let body = match self.kind() {
            TokenKind::Keyword(Keyword::Sequence) if !self.category_follows() => {
                Body::Sequence(self.sequence()?)
            }
            TokenKind::Keyword(Keyword::Sample) if !self.category_follows() => Body::Sample(self.sample()?),
            TokenKind::Keyword(Keyword::Join) => {
                let span = self.span();
                self.fault(span, What::Join);
                return Err(Stop);
            }
            _ => Body::Event(self.event_filter()?),
        };
        let mut pipes = Vec::new();
        while self.accept("|") {
            pipes.push(self.pipe()?);
        }
        self.end_of_text("a pipe `|` or the end of the query")?;
        Ok(Query { body, pipes })
    }

    /// `sequence where …`: a keyword where a category was meant.
    fn category_follows(&self) -> bool {
        *self.ahead(1) == TokenKind::Keyword(Keyword::Where)
    }

    fn end_of_text(&mut self, wanted: &'static str) -> Parsed<()> {
        if *self.kind() == TokenKind::End { Ok(()) } else { Err(self.expected(wanted)) }
    }

    /// `category where condition`
    fn event_filter(&mut self) -> Parsed<EventFilter> {
        let category = self.category()?;
        if !self.accept_keyword(Keyword::Where) {
            return Err(self.expected("`where`"));
        }
        let condition = self.expression()?;
        Ok(EventFilter { category, condition })
    }

    fn category(&mut self) -> Parsed<Category> {
        let span = self.span();
        let name = match self.kind().clone() {
            TokenKind::Keyword(Keyword::Any) => None,
            TokenKind::Identifier(name) | TokenKind::Text(name) => Some(name),
            TokenKind::Keyword(word) if self.category_follows() => {
                self.fault(span, What::KeywordAsName(word.text().to_owned()));
                None
            }
            TokenKind::Quoted(_) | TokenKind::Punctuation("?") => {
                self.fault(span, What::Category);
                if self.is("?") {
                    self.at += 1;
                }
                None
            }
            _ => return Err(self.expected("an event category, `any`, `sequence` or `sample`")),
        };
        self.at += 1;
        Ok(Category { name, span })
    }

    /// Behind `|`.
    fn pipe(&mut self) -> Parsed<Pipe> {
        let start = self.span();
        let end = match self.kind().clone() {
            TokenKind::Identifier(name) => match name.as_str() {
                "head" => End::Head,
                "tail" => End::Tail,
                _ => {
                    let once_known =
                        matches!(name.as_str(), "count" | "filter" | "sort" | "unique" | "unique_count");
                    self.fault(start, What::Pipe { name, once_known });
                    return Err(Stop);
                }
            },
            _ => return Err(self.expected("`head` or `tail`")),
        };
        self.at += 1;
        if matches!(self.kind(), TokenKind::End | TokenKind::Punctuation("|")) {
            self.fault(start, What::PipeArgument("one whole number"));
            return Ok(Pipe { end, count: Expr { kind: ExprKind::Unreadable, span: start } });
        }
        let count = self.expression()?;
        while self.accept(",") {
            let more = self.expression()?;
            self.fault(more.span, What::PipeArgument("one argument only"));
        }
        Ok(Pipe { end, count })
    }

    /// One level deeper, as long as that is allowed.
    fn deeper<T>(&mut self, read: impl FnOnce(&mut Self) -> Parsed<T>) -> Parsed<T> {
        if self.depth >= MAX_DEPTH {
            let span = self.span();
            self.fault(span, What::TooDeep(MAX_DEPTH));
            // Whatever follows is as deep; reading on would tell it again and again.
            self.at = self.tokens.len() - 1;
            return Err(Stop);
        }
        self.depth += 1;
        let read = read(self);
        self.depth -= 1;
        read
    }
}

/// What a token is called in "found …".
fn describe(kind: &TokenKind) -> String {
    match kind {
        TokenKind::Identifier(name) => format!("`{name}`"),
        TokenKind::TildeIdentifier(name) => format!("`{name}~`"),
        TokenKind::Quoted(name) => format!("the field `{name}`"),
        TokenKind::Text(_) => "a string".to_owned(),
        TokenKind::Integer(text) | TokenKind::Decimal(text) => format!("the number {text}"),
        TokenKind::Keyword(word) => format!("`{}`", word.text()),
        TokenKind::Punctuation(text) => format!("`{text}`"),
        TokenKind::Unreadable => "something unreadable".to_owned(),
        TokenKind::End => "the end of the text".to_owned(),
    }
}
