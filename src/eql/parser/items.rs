//! Sequences and samples: their keys, options and items.

use crate::diagnostic::Span;

use super::super::ast::{Item, Key, MaxSpan, Sample, Sequence, TimeUnit};
use super::super::fault::What;
use super::super::lexer::{Keyword, TokenKind};
use super::{Parsed, Parser, Stop};

const MAX_RUNS: u8 = 100;

impl Parser {
    /// At `sequence`.
    pub(super) fn sequence(&mut self) -> Parsed<Sequence> {
        let span = self.take().span;
        let mut by = self.keys()?;
        let maxspan = self.maxspan()?;
        if self.is_keyword(Keyword::By) {
            let here = self.span();
            self.fault(here, What::ByAfterWith);
            by = self.keys()?;
        }
        let mut items = Vec::new();
        while self.is("[") || self.is("![") {
            items.push(self.item(true)?);
        }
        let until = if self.accept_keyword(Keyword::Until) { Some(self.item(false)?) } else { None };
        let sequence = Sequence { by, maxspan, items, until, span };
        self.check_sequence(&sequence);
        Ok(sequence)
    }

    fn check_sequence(&mut self, sequence: &Sequence) {
        let runs: usize = sequence.items.iter().map(|item| usize::from(item.runs.unwrap_or(1))).sum();
        if sequence.items.is_empty() {
            let _: Stop = self.expected("`[`");
        } else if runs < 2 {
            self.fault(sequence.span, What::TooFewItems("sequence"));
        }
        self.check_key_counts(sequence.items.iter().chain(&sequence.until));
        let missing = sequence.items.iter().find(|item| item.missing);
        if let (Some(missing), None) = (missing, sequence.maxspan) {
            self.fault(missing.span, What::MissingWithoutMaxSpan);
        }
        if !sequence.items.is_empty() && sequence.items.iter().all(|item| item.missing) {
            self.fault(sequence.span, What::OnlyMissing);
        }
        if let Some(until) = sequence.until.as_ref().filter(|until| until.missing) {
            self.fault(until.span, What::Expected { wanted: "`[`", found: "`![`".to_owned() });
        }
    }

    /// At `sample`.
    pub(super) fn sample(&mut self) -> Parsed<Sample> {
        let span = self.take().span;
        let by = self.keys()?;
        if self.is_keyword(Keyword::With) {
            let here = self.span();
            self.fault(here, What::SampleClause("with"));
            return Err(Stop);
        }
        let mut items = Vec::new();
        while self.is("[") || self.is("![") {
            let item = self.item(false)?;
            if item.missing {
                self.fault(item.span, What::SampleClause("![…]"));
            }
            if self.is_keyword(Keyword::With) {
                let here = self.span();
                self.fault(here, What::SampleClause("with runs"));
                self.runs()?;
            }
            items.push(item);
        }
        if self.is_keyword(Keyword::Until) {
            let here = self.span();
            self.fault(here, What::SampleClause("until"));
            return Err(Stop);
        }
        let sample = Sample { by, items, span };
        self.check_sample(&sample);
        Ok(sample)
    }

    fn check_sample(&mut self, sample: &Sample) {
        if sample.items.is_empty() {
            let _: Stop = self.expected("`[`");
        } else if sample.items.len() < 2 {
            self.fault(sample.span, What::TooFewItems("sample"));
        } else if sample.by.is_empty() && sample.items.iter().all(|item| item.by.is_empty()) {
            self.fault(sample.span, What::SampleWithoutKeys);
        }
        self.check_key_counts(sample.items.iter());
    }

    /// Every item has as many keys as the first.
    fn check_key_counts<'a>(&mut self, items: impl Iterator<Item = &'a Item>) {
        let mut wanted: Option<(usize, Span)> = None;
        for item in items {
            let found = item.by.len();
            let (wanted, first) = *wanted.get_or_insert((found, item.span));
            if found != wanted {
                self.fault(item.span, What::KeyCount { wanted, found, first });
            }
        }
    }

    /// `by key, key`, if it is there.
    fn keys(&mut self) -> Parsed<Vec<Key>> {
        let mut keys = Vec::new();
        if !self.accept_keyword(Keyword::By) {
            return Ok(keys);
        }
        loop {
            keys.push(self.key()?);
            if !self.accept(",") {
                return Ok(keys);
            }
        }
    }

    fn key(&mut self) -> Parsed<Key> {
        let start = self.span();
        let call = matches!(self.kind(), TokenKind::TildeIdentifier(_))
            || matches!(self.kind(), TokenKind::Identifier(_))
                && matches!(self.ahead(1), TokenKind::Punctuation("("));
        let literal = matches!(
            self.kind(),
            TokenKind::Text(_)
                | TokenKind::Integer(_)
                | TokenKind::Decimal(_)
                | TokenKind::Punctuation("(" | "-")
        );
        if call || literal {
            self.fault(start, What::KeyNotField);
            return Err(Stop);
        }
        let name = self.name("the name of a field")?;
        let span = self.since(start);
        if let TokenKind::Punctuation("+" | "-" | "*" | "/" | "%") = self.kind() {
            self.fault(span, What::KeyNotField);
            return Err(Stop);
        }
        Ok(Key { name, span })
    }

    /// `with maxspan=30s`, if it is there.
    fn maxspan(&mut self) -> Parsed<Option<MaxSpan>> {
        if !self.accept_keyword(Keyword::With) {
            return Ok(None);
        }
        if let TokenKind::Identifier(name) = self.kind().clone() {
            let span = self.span();
            self.fault(span, What::UnknownOption { name, wanted: "maxspan" });
            return Err(Stop);
        }
        if !self.accept_keyword(Keyword::MaxSpan) {
            return Err(self.expected("`maxspan`"));
        }
        self.expect("=", "`=`")?;
        let start = self.span();
        let count = match self.kind() {
            TokenKind::Integer(digits) => digits.parse::<u64>().ok(),
            TokenKind::Decimal(_) => None,
            _ => return Err(self.expected("a time such as 30s")),
        };
        self.at += 1;
        let unit = self.time_unit();
        let span = self.since(start);
        match (count, unit) {
            (None, _) => self.fault(span, What::MaxSpan("a whole number with a unit")),
            (Some(_), None) => self.fault(span, What::MaxSpan("a number with a unit of time")),
            (Some(0), Some(_)) => self.fault(span, What::MaxSpan("more than nothing")),
            (Some(count), Some(unit)) => return Ok(Some(MaxSpan { count, unit })),
        }
        // Told; a stand-in keeps what follows from being told too.
        Ok(Some(MaxSpan { count: 1, unit: TimeUnit::Milliseconds }))
    }

    fn time_unit(&mut self) -> Option<TimeUnit> {
        let TokenKind::Identifier(name) = self.kind().clone() else { return None };
        self.at += 1;
        TimeUnit::ALL.into_iter().find(|unit| unit.text() == name)
    }

    /// `[…] by … with runs=…`, or `![…]`.
    fn item(&mut self, may_run: bool) -> Parsed<Item> {
        let start = self.span();
        let missing = self.is("![");
        if !missing && !self.is("[") {
            return Err(self.expected("`[`"));
        }
        self.at += 1;
        let filter = self.event_filter()?;
        self.expect("]", "`and`, `or` or `]`")?;
        let span = self.since(start);
        let by = self.keys()?;
        let runs = if may_run && self.is_keyword(Keyword::With) { Some(self.runs()?) } else { None };
        Ok(Item { filter, missing, by, runs, span })
    }

    /// At `with runs=3`.
    fn runs(&mut self) -> Parsed<u8> {
        self.at += 1;
        let span = self.span();
        match self.kind().clone() {
            TokenKind::Identifier(name) if name == "runs" => self.at += 1,
            TokenKind::Identifier(name) => {
                self.fault(span, What::UnknownOption { name, wanted: "runs" });
                return Err(Stop);
            }
            TokenKind::Keyword(Keyword::MaxSpan) => {
                self.fault(span, What::UnknownOption { name: "maxspan".to_owned(), wanted: "runs" });
                return Err(Stop);
            }
            _ => return Err(self.expected("`runs`")),
        }
        self.expect("=", "`=`")?;
        let span = self.span();
        let runs = match self.kind() {
            TokenKind::Integer(digits) => digits.parse().ok().filter(|n| (1..=MAX_RUNS).contains(n)),
            TokenKind::Decimal(_) | TokenKind::Punctuation("-") => None,
            _ => return Err(self.expected("a whole number from 1 to 100")),
        };
        self.at += 1;
        if runs.is_none() {
            self.fault(span, What::Runs);
        }
        Ok(runs.unwrap_or(1))
    }
}
