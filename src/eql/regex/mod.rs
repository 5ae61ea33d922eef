//! Regular expressions, always over the whole text and in linear time.
//!
//! On fields they are Lucene's dialect ([`lucene`]), on the results of functions Java's, of which the
//! part that regex-syntax knows is understood (no look-around, no back-references). What has a
//! complement or an intersection in it becomes an automaton of our own ([`derivative`]); all else goes
//! to regex-automata. A list of patterns is one expression.

mod derivative;
mod lucene;

use std::borrow::Cow;

use regex_automata::{Anchored, Input, meta};
use regex_syntax::hir::{Hir, Look};

use super::text::chars;

use derivative::Automaton;

/// The most memory of one compiled expression, in bytes.
const SIZE_LIMIT: usize = 4 << 20;

/// Where an expression was written, which decides how it is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Dialect {
    /// On a field.
    Lucene,
    /// On anything else.
    Java,
}

/// A compiled list of expressions.
#[derive(Debug)]
pub(crate) struct Regex {
    engines: Box<[Engine]>,
}

#[derive(Debug)]
enum Engine {
    Plain(Box<meta::Regex>),
    Algebra(Box<Automaton>),
}

impl Regex {
    /// Compiles `patterns`; `insensitive` ignores the case of ASCII letters.
    ///
    /// # Errors
    /// The index of the pattern that cannot be used, and why.
    pub(crate) fn new(
        patterns: &[&str],
        dialect: Dialect,
        insensitive: bool,
    ) -> Result<Self, (usize, String)> {
        let mut engines = Vec::new();
        let mut plain = Vec::new();
        for (index, pattern) in patterns.iter().enumerate() {
            match dialect {
                Dialect::Java => plain.push(java(pattern, insensitive).map_err(|why| (index, why))?),
                Dialect::Lucene => {
                    let node = lucene::parse(pattern, insensitive).map_err(|why| (index, why))?;
                    match node.to_hir() {
                        Some(hir) => plain.push(hir),
                        None => {
                            let automaton = Automaton::new(&node).map_err(|why| (index, why.to_owned()))?;
                            engines.push(Engine::Algebra(Box::new(automaton)));
                        }
                    }
                }
            }
        }
        if !plain.is_empty() {
            engines.push(Engine::Plain(Box::new(build(plain).map_err(|why| (0, why))?)));
        }
        Ok(Regex { engines: engines.into() })
    }

    /// Whether any of the expressions takes the whole of `text`.
    pub(crate) fn is_match(&self, text: &[u8]) -> bool {
        // Bytes that are no characters are U+FFFD, as they are in a document.
        let text = match std::str::from_utf8(text) {
            Ok(text) => Cow::Borrowed(text),
            Err(_) => Cow::Owned(chars(text).collect::<String>()),
        };
        self.engines.iter().any(|engine| match engine {
            Engine::Plain(regex) => regex.is_match(Input::new(text.as_bytes()).anchored(Anchored::Yes)),
            Engine::Algebra(automaton) => automaton.is_match(&text),
        })
    }
}

fn build(alternatives: Vec<Hir>) -> Result<meta::Regex, String> {
    let whole =
        Hir::concat(vec![Hir::look(Look::Start), Hir::alternation(alternatives), Hir::look(Look::End)]);
    let config =
        meta::Config::new().nfa_size_limit(Some(SIZE_LIMIT)).onepass_size_limit(Some(SIZE_LIMIT / 4));
    meta::Builder::new().configure(config).build_from_hir(&whole).map_err(|error| match error.size_limit() {
        Some(_) => "it is too large".to_owned(),
        None => error.to_string(),
    })
}

fn java(pattern: &str, insensitive: bool) -> Result<Hir, String> {
    let mut parser = regex_syntax::ParserBuilder::new().case_insensitive(insensitive).build();
    parser.parse(pattern).map_err(|error| match error {
        regex_syntax::Error::Parse(error) => error.kind().to_string(),
        regex_syntax::Error::Translate(error) => error.kind().to_string(),
        other => other.to_string(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn matches(pattern: &str, text: &str) -> bool {
        Regex::new(&[pattern], Dialect::Lucene, false).unwrap().is_match(text.as_bytes())
    }

    #[test]
    fn lucene_as_documented() {
        assert!(matches("user(add|mod)", "usermod") && !matches("user", "usermod"));
        assert!(matches("ab.*", "ab\n") && matches("a^b$", "a^b$"));
        assert!(matches(".*?net1[ ]+local.*?", "x net1   localgroup"));
        assert!(matches("a{2,3}[^b-d\\]]x+", "aaexx") && !matches("a{2}", "aaa"));
        assert!(matches("\\d+\\.\\w\\s", "12.x ") && !matches("\\D", "1"));
        assert!(matches("\"a.b*\"c", "a.b*c") && !matches("\"a.b\"", "axb"));
        assert!(matches("()", "") && matches("a|()", ""));
        assert!(matches("@", "anything\n") && !matches("a#", "a"));
        assert!(matches("*a", "*a"));
    }

    #[test]
    fn lucene_intervals() {
        for (pattern, yes, no) in [
            ("<1-10>", &["1", "10", "007", "0010"][..], &["0", "11", "a", ""][..]),
            ("x<01-12>", &["x01", "x12"], &["x1", "x13", "x012"]),
            ("<95-1203>", &["95", "99", "100", "999", "1203", "000999"], &["94", "1204", "9999"]),
            ("<7-7>", &["7"], &["8", "07"]),
        ] {
            assert!(yes.iter().all(|text| matches(pattern, text)), "{pattern}");
            assert!(!no.iter().any(|text| matches(pattern, text)), "{pattern}");
        }
    }

    #[test]
    fn lucene_algebra() {
        assert!(matches("~(foo)", "fo") && !matches("~(foo)", "foo") && matches("~foo", "xoo"));
        assert!(matches("a~(.*b.*)c", "axxc") && !matches("a~(.*b.*)c", "axbxc"));
        assert!(matches(".*a.*&.*b.*", "xbxa") && !matches(".*a.*&.*b.*", "xbxb"));
        assert!(matches("(@&~(@lost@))", "found") && !matches("@&~(@lost@)", "is lost here"));
        assert!(matches("~(<1-5>)", "6") && !matches("~(<1-5>)", "3"));
    }

    #[test]
    fn bytes_that_are_no_characters_count_one() {
        let regex = Regex::new(&["a.b"], Dialect::Lucene, false).unwrap();
        assert!(
            regex.is_match(b"a\xffb") && !regex.is_match(b"a\xff\xffb") && regex.is_match("aéb".as_bytes())
        );
    }

    #[test]
    fn case_and_lists() {
        let regex = Regex::new(&["us[ef]R.*", "~(a)&.", "x"], Dialect::Lucene, true).unwrap();
        assert!(regex.is_match(b"USERMOD") && regex.is_match(b"b") && !regex.is_match(b"A"));
        let range = Regex::new(&["us[e-f]r"], Dialect::Lucene, true).unwrap();
        assert!(range.is_match(b"USeR") && !range.is_match(b"USER"), "a range is of its own characters");
        assert!(Regex::new(&["a", "(b"], Dialect::Lucene, false).unwrap_err().0 == 1);
        for wrong in
            ["(a", "[a", "a{", "a{3,2}", "<a-b>", "<1-", "\"a", "a|", "\\", "\\q", "a&", "a{1000}{1000}"]
        {
            assert!(Regex::new(&[wrong], Dialect::Lucene, false).is_err(), "{wrong}");
        }
    }

    #[test]
    fn java_on_results() {
        let regex = Regex::new(&["(?:ab)+?\\d"], Dialect::Java, false).unwrap();
        assert!(regex.is_match(b"abab7") && !regex.is_match(b"abab77"));
        assert!(Regex::new(&["(?=a)"], Dialect::Java, false).is_err());
    }
}
