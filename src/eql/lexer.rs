//! Text to tokens, each with its place. Faults are collected and reading goes on behind them.

use crate::diagnostic::Span;

use super::fault::{Fault, What};

/// A token.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Token {
    pub(crate) kind: TokenKind,
    pub(crate) span: Span,
}

/// What a token is. Strings and names carry their text with escapes resolved.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum TokenKind {
    Identifier(String),
    /// `name~`
    TildeIdentifier(String),
    /// `` `name` ``
    Quoted(String),
    Text(String),
    Integer(String),
    Decimal(String),
    Keyword(Keyword),
    /// An operator or bracket, as written.
    Punctuation(&'static str),
    /// Something that could not be read; its fault is told already.
    Unreadable,
    End,
}

/// The words of the language.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Keyword {
    And,
    Any,
    By,
    False,
    In,
    InInsensitive,
    Join,
    Like,
    LikeInsensitive,
    MaxSpan,
    Not,
    Null,
    Of,
    Or,
    Regex,
    RegexInsensitive,
    Sample,
    Sequence,
    True,
    Until,
    Where,
    With,
}

/// Each word once.
const KEYWORDS: &[(&str, Keyword)] = &[
    ("and", Keyword::And),
    ("any", Keyword::Any),
    ("by", Keyword::By),
    ("false", Keyword::False),
    ("in", Keyword::In),
    ("in~", Keyword::InInsensitive),
    ("join", Keyword::Join),
    ("like", Keyword::Like),
    ("like~", Keyword::LikeInsensitive),
    ("maxspan", Keyword::MaxSpan),
    ("not", Keyword::Not),
    ("null", Keyword::Null),
    ("of", Keyword::Of),
    ("or", Keyword::Or),
    ("regex", Keyword::Regex),
    ("regex~", Keyword::RegexInsensitive),
    ("sample", Keyword::Sample),
    ("sequence", Keyword::Sequence),
    ("true", Keyword::True),
    ("until", Keyword::Until),
    ("where", Keyword::Where),
    ("with", Keyword::With),
];

impl Keyword {
    /// The keyword written `text`.
    pub(crate) fn of(text: &str) -> Option<Self> {
        KEYWORDS.iter().find(|(word, _)| *word == text).map(|(_, keyword)| *keyword)
    }

    /// As written.
    pub(crate) fn text(self) -> &'static str {
        KEYWORDS.iter().find(|(_, keyword)| *keyword == self).map_or("", |(word, _)| word)
    }
}

/// The operator or bracket that `text` begins with, the longest there is.
fn punctuation(text: &str) -> Option<&'static str> {
    Some(match text.as_bytes() {
        [b'=', b'=', ..] => "==",
        [b'!', b'=', ..] => "!=",
        [b'<', b'=', ..] => "<=",
        [b'>', b'=', ..] => ">=",
        [b'!', b'[', ..] => "![",
        [b'<', ..] => "<",
        [b'>', ..] => ">",
        [b'=', ..] => "=",
        [b':', ..] => ":",
        [b'?', ..] => "?",
        [b'(', ..] => "(",
        [b')', ..] => ")",
        [b'[', ..] => "[",
        [b']', ..] => "]",
        [b',', ..] => ",",
        [b'.', ..] => ".",
        [b'|', ..] => "|",
        [b'+', ..] => "+",
        [b'-', ..] => "-",
        [b'*', ..] => "*",
        [b'/', ..] => "/",
        [b'%', ..] => "%",
        _ => return None,
    })
}

/// The tokens of `text`, ended by [`TokenKind::End`], and the faults among them.
pub(crate) fn tokens(text: &str) -> (Vec<Token>, Vec<Fault>) {
    // Few have more tokens than this, and the room is given back soon.
    let tokens = Vec::with_capacity(text.len() / 4);
    let mut lexer = Lexer { text, at: 0, tokens, faults: Vec::new() };
    while lexer.blank() {
        lexer.token();
    }
    lexer.push(lexer.at, TokenKind::End);
    (lexer.tokens, lexer.faults)
}

/// Whether `text` can stand as a name without backquotes.
pub(crate) fn plain_identifier(text: &str) -> bool {
    let mut chars = text.chars();
    chars.next().is_some_and(identifier_start) && chars.all(identifier_part) && Keyword::of(text).is_none()
}

fn identifier_start(c: char) -> bool {
    c.is_ascii_alphabetic() || c == '_' || c == '@'
}

fn identifier_part(c: char) -> bool {
    c.is_ascii_alphanumeric() || c == '_'
}

struct Lexer<'a> {
    text: &'a str,
    at: usize,
    tokens: Vec<Token>,
    faults: Vec<Fault>,
}

impl<'a> Lexer<'a> {
    fn rest(&self) -> &'a str {
        self.text.get(self.at..).unwrap_or_default()
    }

    fn peek(&self) -> Option<char> {
        self.rest().chars().next()
    }

    fn span(&self, start: usize) -> Span {
        // The parser refuses texts of more than MAX_LENGTH bytes before they come here.
        Span { start: start as u32, end: self.at as u32 }
    }

    fn push(&mut self, start: usize, kind: TokenKind) {
        let span = self.span(start);
        self.tokens.push(Token { kind, span });
    }

    fn fault(&mut self, start: usize, what: What) {
        let span = self.span(start);
        self.faults.push(Fault::new(span, what));
    }

    /// Skips white space and comments; false at the end.
    fn blank(&mut self) -> bool {
        loop {
            let rest = self.rest();
            match rest.chars().next() {
                None => return false,
                Some('/') if rest.starts_with("//") => {
                    self.at += rest.find(['\n', '\r']).unwrap_or(rest.len());
                }
                Some('/') if rest.starts_with("/*") => self.comment(),
                Some(c) if c.is_whitespace() || c == '\u{feff}' => self.at += c.len_utf8(),
                Some(_) => return true,
            }
        }
    }

    /// `/* … */`, nested.
    fn comment(&mut self) {
        let start = self.at;
        let mut depth = 0_usize;
        loop {
            let rest = self.rest();
            if rest.starts_with("/*") {
                depth += 1;
                self.at += 2;
            } else if rest.starts_with("*/") {
                depth -= 1;
                self.at += 2;
            } else if let Some(c) = rest.chars().next() {
                self.at += c.len_utf8();
            } else {
                let end = self.at;
                self.at = start + 2;
                self.fault(start, What::UnterminatedComment);
                self.at = end;
                return;
            }
            if depth == 0 {
                return;
            }
        }
    }

    fn token(&mut self) {
        let start = self.at;
        let rest = self.rest();
        let Some(c) = rest.chars().next() else { return };
        match c {
            '"' => self.string(),
            '\'' => self.old_string(),
            '?' if rest.starts_with("?\"") || rest.starts_with("?'") => {
                self.at += 1;
                self.old_string_behind_mark(start);
            }
            '`' => self.backquoted(),
            c if identifier_start(c) => self.word(),
            c if c.is_ascii_digit() => self.number(),
            '.' if rest[1..].starts_with(|c: char| c.is_ascii_digit()) => self.number(),
            _ => match punctuation(rest) {
                Some(punctuation) => {
                    self.at += punctuation.len();
                    self.push(start, TokenKind::Punctuation(punctuation));
                }
                None => {
                    self.at += c.len_utf8();
                    self.fault(start, What::Character(c));
                    self.push(start, TokenKind::Unreadable);
                }
            },
        }
    }

    fn word(&mut self) {
        let start = self.at;
        self.at += 1;
        self.skip_while(|byte| identifier_part(byte.into()));
        let text = &self.text[start..self.at];
        if self.rest().starts_with('~') {
            self.at += 1;
            let kind = match Keyword::of(&self.text[start..self.at]) {
                Some(keyword) => TokenKind::Keyword(keyword),
                None => TokenKind::TildeIdentifier(text.to_owned()),
            };
            return self.push(start, kind);
        }
        let kind = match Keyword::of(text) {
            Some(keyword) => TokenKind::Keyword(keyword),
            None => TokenKind::Identifier(text.to_owned()),
        };
        self.push(start, kind);
    }

    /// Goes on behind the ASCII characters that are `wanted`.
    fn skip_while(&mut self, wanted: impl Fn(u8) -> bool) {
        let rest = self.rest();
        self.at += rest.bytes().position(|byte| !(byte.is_ascii() && wanted(byte))).unwrap_or(rest.len());
    }

    fn number(&mut self) {
        let start = self.at;
        self.skip_while(|byte| byte.is_ascii_digit());
        let mut decimal = false;
        if self.rest().starts_with('.') {
            decimal = true;
            self.at += 1;
            self.skip_while(|byte| byte.is_ascii_digit());
        }
        let exponent = self.rest().strip_prefix(['e', 'E']).map(|r| r.strip_prefix(['+', '-']).unwrap_or(r));
        if let Some(digits) = exponent.filter(|r| r.starts_with(|c: char| c.is_ascii_digit())) {
            decimal = true;
            self.at = self.text.len() - digits.len();
            self.skip_while(|byte| byte.is_ascii_digit());
        }
        let text = self.text[start..self.at].to_owned();
        self.push(start, if decimal { TokenKind::Decimal(text) } else { TokenKind::Integer(text) });
    }

    fn backquoted(&mut self) {
        let start = self.at;
        self.at += 1;
        let mut name = String::new();
        loop {
            let rest = self.rest();
            if rest.starts_with("``") {
                name.push('`');
                self.at += 2;
            } else if rest.starts_with('`') {
                self.at += 1;
                if name.is_empty() {
                    break;
                }
                return self.push(start, TokenKind::Quoted(name));
            } else if let Some(c) = rest.chars().next().filter(|c| !matches!(c, '\n' | '\r')) {
                name.push(c);
                self.at += c.len_utf8();
            } else {
                break;
            }
        }
        self.fault(start, What::Backquotes);
        self.push(start, TokenKind::Unreadable);
    }

    fn string(&mut self) {
        let start = self.at;
        if self.rest().starts_with("\"\"\"") {
            return self.raw_string();
        }
        self.at += 1;
        let mut text = String::new();
        loop {
            let rest = self.rest();
            let plain = rest.bytes().position(|byte| matches!(byte, b'"' | b'\\' | b'\n' | b'\r'));
            let (plain, behind) = rest.split_at(plain.unwrap_or(rest.len()));
            text.push_str(plain);
            self.at += plain.len();
            match behind.bytes().next() {
                Some(b'"') => {
                    self.at += 1;
                    return self.push(start, TokenKind::Text(text));
                }
                Some(b'\\') => self.escape(&mut text),
                _ => break,
            }
        }
        self.fault(start, What::UnterminatedString { raw: false });
        self.push(start, TokenKind::Unreadable);
    }

    /// `"""…"""`: the text ends at the last of up to five quotes in a row, less three.
    fn raw_string(&mut self) {
        let start = self.at;
        self.at += 3;
        let rest = self.rest();
        let line = &rest[..rest.find(['\n', '\r']).unwrap_or(rest.len())];
        let Some(mut end) = line.find("\"\"\"") else {
            self.at += line.len();
            self.fault(start, What::UnterminatedString { raw: true });
            return self.push(start, TokenKind::Unreadable);
        };
        for _ in 0..2 {
            if line[end + 3..].starts_with('"') {
                end += 1;
            }
        }
        self.at += end + 3;
        self.push(start, TokenKind::Text(line[..end].to_owned()));
    }

    /// `'…'`
    fn old_string(&mut self) {
        self.old_string_behind_mark(self.at);
    }

    /// `'…'` or `"…"` here, behind what began at `start`: told, and read as the string that was meant.
    fn old_string_behind_mark(&mut self, start: usize) {
        let rest = self.rest();
        let quote = if rest.starts_with("\"\"\"") { "\"\"\"" } else { &rest[..1] };
        let line = &rest[..rest.find(['\n', '\r']).unwrap_or(rest.len())];
        let body = &line[quote.len()..];
        let end = closing(body, quote);
        let text = body[..end].to_owned();
        self.at += (quote.len() + end + quote.len()).min(line.len());
        self.fault(start, What::OldString(text.clone()));
        self.push(start, TokenKind::Text(text));
    }

    /// At a backslash in a string.
    fn escape(&mut self, text: &mut String) {
        let start = self.at;
        self.at += 1;
        let Some(c) = self.peek() else { return };
        let simple = match c {
            'b' => '\u{8}',
            't' => '\t',
            'n' => '\n',
            'f' => '\u{c}',
            'r' => '\r',
            '"' | '\'' | '\\' => c,
            'u' => {
                self.at += 1;
                return self.unicode_escape(start, text);
            }
            _ => {
                if !matches!(c, '\n' | '\r') {
                    self.at += c.len_utf8();
                }
                return self.fault(start, What::Escape);
            }
        };
        self.at += 1;
        text.push(simple);
    }

    /// Behind `\u`: four digits, or two to eight in braces.
    fn unicode_escape(&mut self, start: usize, text: &mut String) {
        let rest = self.rest();
        let hex = |s: &str| s.find(|c: char| !c.is_ascii_hexdigit()).unwrap_or(s.len());
        let (digits, length) = match rest.strip_prefix('{') {
            Some(inner) => {
                let n = hex(inner);
                let closed = inner[n..].starts_with('}');
                let fits = closed && (2..=8).contains(&n);
                (fits.then(|| &inner[..n]), n + 1 + usize::from(closed))
            }
            None => {
                let n = hex(rest).min(4);
                ((n == 4).then(|| &rest[..n]), n)
            }
        };
        self.at += length;
        let code = digits.and_then(|d| u32::from_str_radix(d, 16).ok()).filter(|code| *code != 0);
        match code.and_then(char::from_u32) {
            Some(c) => text.push(c),
            None => self.fault(start, What::EscapeCode),
        }
    }
}

/// Where the closing `quote` of an old string stands; a backslash hides the character behind it.
fn closing(body: &str, quote: &str) -> usize {
    let mut chars = body.char_indices();
    while let Some((at, c)) = chars.next() {
        if body[at..].starts_with(quote) {
            return at;
        }
        if c == '\\' {
            chars.next();
        }
    }
    body.len()
}
