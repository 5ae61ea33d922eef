//! Lucene's syntax of regular expressions, with all its optional operators on, to a tree.
//!
//! ```text
//! union     = intersect ["|" union]
//! intersect = concat ["&" intersect]
//! concat    = repeat {repeat}
//! repeat    = complement {"?" | "*" | "+" | "{" n ["," [m]] "}"}
//! complement= "~" complement | simple
//! simple    = "[" ["^"] {class} "]" | "." | "#" | "@" | '"' text '"' | "(" [union] ")" | "<" n "-" m ">" | char
//! ```
//!
//! `#` is the empty language, `@` any text, `<n-m>` a decimal number in a range; `^` and `$` are
//! ordinary. An operator where an operand must stand is an ordinary character, as Lucene has it.

use regex_syntax::hir::{Class, ClassUnicode, ClassUnicodeRange, Hir, Repetition};

/// A regular expression. Built by the functions below only, which keep it in a normal form.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) enum Node {
    /// No text at all.
    Never,
    /// The empty text.
    Empty,
    /// One character of these ranges, in order, not touching.
    Class(Vec<(char, char)>),
    /// One behind the other; at least two, none of them `Concat`, `Empty`, `Never`.
    Concat(Vec<Node>),
    /// Any of them; at least two, none of them `Union`, in order.
    Union(Vec<Node>),
    /// All of them; at least two, none of them `Intersect`, in order.
    Intersect(Vec<Node>),
    /// Every text that it does not take.
    Not(Box<Node>),
    /// At least so often, at most so often.
    Repeat(Box<Node>, u32, Option<u32>),
}

/// How deep brackets may nest.
const MAX_DEPTH: usize = 100;
/// The largest count in braces.
const MAX_COUNT: u32 = 1000;

impl Node {
    fn any_char() -> Node {
        Node::Class(vec![('\0', char::MAX)])
    }

    pub(super) fn any_text() -> Node {
        Node::Repeat(Box::new(Node::any_char()), 0, None)
    }

    pub(super) fn concat(parts: impl IntoIterator<Item = Node>) -> Node {
        let mut flat = Vec::new();
        for part in parts {
            match part {
                Node::Never => return Node::Never,
                Node::Empty => {}
                Node::Concat(inner) => flat.extend(inner),
                other => flat.push(other),
            }
        }
        match flat.len() {
            0 => Node::Empty,
            1 => flat.remove(0),
            _ => Node::Concat(flat),
        }
    }

    pub(super) fn union(parts: impl IntoIterator<Item = Node>) -> Node {
        let mut flat = Vec::new();
        for part in parts {
            match part {
                Node::Never => {}
                Node::Union(inner) => flat.extend(inner),
                other => flat.push(other),
            }
        }
        if flat.contains(&Node::any_text()) {
            return Node::any_text();
        }
        flat.sort();
        flat.dedup();
        match flat.len() {
            0 => Node::Never,
            1 => flat.remove(0),
            _ => Node::Union(flat),
        }
    }

    pub(super) fn intersect(parts: impl IntoIterator<Item = Node>) -> Node {
        let mut flat = Vec::new();
        for part in parts {
            match part {
                Node::Never => return Node::Never,
                Node::Intersect(inner) => flat.extend(inner),
                other => flat.push(other),
            }
        }
        flat.sort();
        flat.dedup();
        if flat.len() > 1 {
            flat.retain(|node| *node != Node::any_text());
        }
        match flat.len() {
            0 => Node::any_text(),
            1 => flat.remove(0),
            _ => Node::Intersect(flat),
        }
    }

    pub(super) fn not(inner: Node) -> Node {
        match inner {
            Node::Not(inner) => *inner,
            Node::Never => Node::any_text(),
            inner if inner == Node::any_text() => Node::Never,
            inner => Node::Not(Box::new(inner)),
        }
    }

    pub(super) fn repeat(inner: Node, min: u32, max: Option<u32>) -> Node {
        match (&inner, min, max) {
            (_, _, Some(0)) | (Node::Empty, ..) | (Node::Never, 0, _) => Node::Empty,
            (Node::Never, ..) => Node::Never,
            (_, 1, Some(1)) => inner,
            (Node::Repeat(_, 0, None), 0 | 1, None) => inner,
            _ => Node::Repeat(Box::new(inner), min, max),
        }
    }

    /// As regex-syntax has it; none if it has a complement or an intersection.
    pub(super) fn to_hir(&self) -> Option<Hir> {
        Some(match self {
            Node::Never => Hir::fail(),
            Node::Empty => Hir::empty(),
            Node::Class(ranges) => {
                let ranges = ranges.iter().map(|(first, last)| ClassUnicodeRange::new(*first, *last));
                Hir::class(Class::Unicode(ClassUnicode::new(ranges)))
            }
            Node::Concat(parts) => Hir::concat(parts.iter().map(Node::to_hir).collect::<Option<_>>()?),
            Node::Union(parts) => Hir::alternation(parts.iter().map(Node::to_hir).collect::<Option<_>>()?),
            Node::Repeat(inner, min, max) => {
                let sub = Box::new(inner.to_hir()?);
                Hir::repetition(Repetition { min: *min, max: *max, greedy: true, sub })
            }
            Node::Intersect(_) | Node::Not(_) => return None,
        })
    }
}

/// Reads a pattern; with `insensitive`, ASCII letters stand for both cases.
pub(super) fn parse(pattern: &str, insensitive: bool) -> Result<Node, String> {
    if pattern.is_empty() {
        return Ok(Node::Empty);
    }
    let mut parser = Parser { chars: pattern.chars().collect(), at: 0, depth: 0, insensitive };
    let node = parser.union()?;
    if parser.at < parser.chars.len() {
        return Err(format!("`{}` without its opening", parser.chars[parser.at]));
    }
    Ok(node)
}

struct Parser {
    chars: Vec<char>,
    at: usize,
    depth: usize,
    insensitive: bool,
}

impl Parser {
    fn peek(&self) -> Option<char> {
        self.chars.get(self.at).copied()
    }

    fn accept(&mut self, c: char) -> bool {
        let found = self.peek() == Some(c);
        self.at += usize::from(found);
        found
    }

    fn next(&mut self) -> Result<char, String> {
        let c = self.peek().ok_or("it ends too early")?;
        self.at += 1;
        Ok(c)
    }

    fn union(&mut self) -> Result<Node, String> {
        self.depth += 1;
        if self.depth > MAX_DEPTH {
            return Err("brackets nest too deeply".to_owned());
        }
        let mut parts = vec![self.intersect()?];
        while self.accept('|') {
            parts.push(self.intersect()?);
        }
        self.depth -= 1;
        Ok(Node::union(parts))
    }

    fn intersect(&mut self) -> Result<Node, String> {
        let mut parts = vec![self.concat()?];
        while self.accept('&') {
            parts.push(self.concat()?);
        }
        Ok(Node::intersect(parts))
    }

    fn concat(&mut self) -> Result<Node, String> {
        let mut parts = vec![self.repeat()?];
        while self.peek().is_some_and(|c| !matches!(c, ')' | '|' | '&')) {
            parts.push(self.repeat()?);
        }
        Ok(Node::concat(parts))
    }

    fn repeat(&mut self) -> Result<Node, String> {
        let mut node = self.complement()?;
        loop {
            let (min, max) = match self.peek() {
                Some('?') => (0, Some(1)),
                Some('*') => (0, None),
                Some('+') => (1, None),
                Some('{') => {
                    self.at += 1;
                    let min = self.count()?;
                    let max = if self.accept(',') {
                        if self.peek() == Some('}') { None } else { Some(self.count()?) }
                    } else {
                        Some(min)
                    };
                    if self.peek() != Some('}') {
                        return Err("`{` without `}`".to_owned());
                    }
                    (min, max)
                }
                _ => return Ok(node),
            };
            self.at += 1;
            if max.is_some_and(|max| max < min) {
                return Err(format!("{{{min},{}}} is empty", max.unwrap_or(0)));
            }
            node = Node::repeat(node, min, max);
        }
    }

    /// A number in braces.
    fn count(&mut self) -> Result<u32, String> {
        let digits = self.digits();
        let count = digits.parse().map_err(|_| "a number was expected behind `{` or `,`")?;
        if count > MAX_COUNT { Err(format!("{count} repetitions are too many")) } else { Ok(count) }
    }

    fn digits(&mut self) -> String {
        let start = self.at;
        while self.peek().is_some_and(|c| c.is_ascii_digit()) {
            self.at += 1;
        }
        self.chars[start..self.at].iter().collect()
    }

    fn complement(&mut self) -> Result<Node, String> {
        let start = self.at;
        while self.accept('~') {}
        let odd = (self.at - start) % 2 == 1;
        let node = self.simple()?;
        Ok(if odd { Node::not(node) } else { node })
    }

    fn simple(&mut self) -> Result<Node, String> {
        if let Some(class) = self.predefined()? {
            return Ok(Node::Class(class));
        }
        match self.next()? {
            '[' => self.class(),
            '.' => Ok(Node::any_char()),
            '#' => Ok(Node::Never),
            '@' => Ok(Node::any_text()),
            '"' => {
                let mut text = Vec::new();
                loop {
                    match self.next().map_err(|_| "`\"` without its end")? {
                        '"' => return Ok(Node::concat(text)),
                        c => text.push(self.character(c)),
                    }
                }
            }
            '(' if self.accept(')') => Ok(Node::Empty),
            '(' => {
                let node = self.union()?;
                if self.accept(')') { Ok(node) } else { Err("`(` without `)`".to_owned()) }
            }
            '<' => self.interval(),
            '\\' => {
                let c = self.escaped()?;
                Ok(self.character(c))
            }
            c => Ok(self.character(c)),
        }
    }

    /// Behind a backslash: the character it stands for.
    fn escaped(&mut self) -> Result<char, String> {
        let c = self.next()?;
        if c.is_ascii_alphabetic() { Err(format!("there is no `\\{c}`")) } else { Ok(c) }
    }

    fn character(&self, c: char) -> Node {
        Node::Class(self.folded(vec![(c, c)]))
    }

    /// `\d` and its sisters, if one of them stands here.
    fn predefined(&mut self) -> Result<Option<Vec<(char, char)>>, String> {
        if self.peek() != Some('\\') {
            return Ok(None);
        }
        let digit = vec![('0', '9')];
        let word = vec![('0', '9'), ('A', 'Z'), ('_', '_'), ('a', 'z')];
        let space = vec![('\t', '\n'), ('\r', '\r'), (' ', ' ')];
        let class = match self.chars.get(self.at + 1) {
            Some('d') => digit,
            Some('D') => inverted(digit),
            Some('w') => word,
            Some('W') => inverted(word),
            Some('s') => space,
            Some('S') => inverted(space),
            _ => return Ok(None),
        };
        self.at += 2;
        Ok(Some(class))
    }

    /// Behind `[`.
    fn class(&mut self) -> Result<Node, String> {
        let negated = self.accept('^');
        let mut ranges = Vec::new();
        loop {
            if let Some(class) = self.predefined()? {
                ranges.extend(class);
            } else {
                let first = self.class_character()?;
                if self.accept('-') {
                    let last = self.class_character()?;
                    if last < first {
                        return Err(format!("{first}-{last} is empty"));
                    }
                    // A range is of just these characters, also where case is ignored (Lucene's `RegExp.java`,
                    // REGEXP_CHAR_RANGE; apache/lucene#14378).
                    ranges.push((first, last));
                } else {
                    ranges.extend(self.folded(vec![(first, first)]));
                }
            }
            if self.accept(']') {
                break;
            }
            if self.peek().is_none() {
                return Err("`[` without `]`".to_owned());
            }
        }
        Ok(Node::Class(if negated { inverted(ranges) } else { in_order(&ranges) }))
    }

    fn class_character(&mut self) -> Result<char, String> {
        match self.next().map_err(|_| "`[` without `]`")? {
            '\\' => self.escaped(),
            c => Ok(c),
        }
    }

    /// In order, without overlaps, and in both cases where case is ignored.
    fn folded(&self, mut ranges: Vec<(char, char)>) -> Vec<(char, char)> {
        if self.insensitive {
            for (first, last) in ranges.clone() {
                let mut fold = |from: char, to: char, turn: fn(&char) -> char| {
                    let (low, high) = (first.max(from), last.min(to));
                    if low <= high {
                        ranges.push((turn(&low), turn(&high)));
                    }
                };
                fold('a', 'z', char::to_ascii_uppercase);
                fold('A', 'Z', char::to_ascii_lowercase);
            }
        }
        in_order(&ranges)
    }

    /// Behind `<`.
    fn interval(&mut self) -> Result<Node, String> {
        let low = self.digits();
        let dash = self.accept('-');
        let high = self.digits();
        if !self.accept('>') || !dash || low.is_empty() || high.is_empty() {
            return Err("`<` begins a range of numbers such as <1-10>".to_owned());
        }
        let width = if low.len() == high.len() { low.len() } else { 0 };
        let number = |text: &str| text.parse::<u32>().map_err(|_| format!("{text} is too large"));
        let (low, high) = (number(&low)?, number(&high)?);
        Ok(numbers(low.min(high), low.max(high), width))
    }
}

/// In order, without overlaps.
fn in_order(ranges: &[(char, char)]) -> Vec<(char, char)> {
    let class = ClassUnicode::new(ranges.iter().map(|(f, l)| ClassUnicodeRange::new(*f, *l)));
    class.iter().map(|range| (range.start(), range.end())).collect()
}

fn inverted(ranges: Vec<(char, char)>) -> Vec<(char, char)> {
    let mut class = ClassUnicode::new(ranges.iter().map(|(f, l)| ClassUnicodeRange::new(*f, *l)));
    class.negate();
    class.iter().map(|range| (range.start(), range.end())).collect()
}

/// The decimal numbers from `low` to `high`, with `width` digits, or (0) with any number of leading zeros.
fn numbers(low: u32, high: u32, width: usize) -> Node {
    let zeros = |count| Node::repeat(Node::Class(vec![('0', '0')]), count, Some(count));
    let mut parts = Vec::new();
    let mut start = low;
    // One length after the other, so that both bounds have the same number of digits.
    loop {
        let digits = start.to_string().len();
        let end = high.min(u32::try_from(10_u64.pow(digits as u32) - 1).unwrap_or(u32::MAX));
        let lead = width.saturating_sub(digits) as u32;
        let part = same_length(start.to_string().as_bytes(), end.to_string().as_bytes());
        parts.push(Node::concat([zeros(lead), part]));
        match end.checked_add(1).filter(|next| *next <= high) {
            Some(next) => start = next,
            None => break,
        }
    }
    let any_zeros = Node::repeat(Node::Class(vec![('0', '0')]), 0, None);
    let union = Node::union(parts);
    if width == 0 { Node::concat([any_zeros, union]) } else { union }
}

/// The numbers between two of the same number of digits.
fn same_length(low: &[u8], high: &[u8]) -> Node {
    let class = |from: u8, to: u8| Node::Class(vec![(char::from(from), char::from(to))]);
    let (Some((l, low)), Some((h, high))) = (low.split_first(), high.split_first()) else {
        return Node::Empty;
    };
    let rest = low.len();
    let count = rest as u32;
    if l == h {
        return Node::concat([class(*l, *l), same_length(low, high)]);
    }
    let mut parts = vec![
        Node::concat([class(*l, *l), same_length(low, &vec![b'9'; rest])]),
        Node::concat([class(*h, *h), same_length(&vec![b'0'; rest], high)]),
    ];
    if l + 1 < *h {
        let free = Node::repeat(class(b'0', b'9'), count, Some(count));
        parts.push(Node::concat([class(l + 1, h - 1), free]));
    }
    Node::union(parts)
}
