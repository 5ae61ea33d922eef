//! Values that are secrets by their look, wherever they stand.

use std::ops::Range;
use std::sync::{Arc, LazyLock};

use regex_automata::meta::{BuildError, Regex};
use regex_automata::util::syntax;
use thiserror::Error;

/// The group of a pattern that is the secret, where it is not all of it.
const GROUP: &str = "secret";

/// Their forms: crypt(5) and its variants, JSON Web Tokens (RFC 7519), the tokens of GitHub, GitLab, Slack, npm,
/// Stripe, Google, Vault and those of `sk-…`, private keys (RFC 7468), credentials in URLs (RFC 3986, 3.2.1) and
/// headers (RFC 6750, 7617), and names with their value in connection strings, forms and JSON.
const KNOWN: [&str; 8] = [
    r"\$(?:1|2[abxy]?|5|6|7|y|gy|md5|sha1|argon2id?|argon2d)\$[./A-Za-z0-9$,=+-]{8,}",
    r"\beyJ[A-Za-z0-9_-]{8,}\.eyJ[A-Za-z0-9_-]{8,}(?:\.[A-Za-z0-9_-]*)?",
    r"\b(?:gh[pousr]_[A-Za-z0-9]{20,}|github_pat_[A-Za-z0-9_]{20,}|glpat-[A-Za-z0-9_-]{20,}|xox[abeprs]-[A-Za-z0-9-]{10,}|npm_[A-Za-z0-9]{30,}|[rs]k_live_[A-Za-z0-9]{16,}|AIza[A-Za-z0-9_-]{35}|hv[bsr]\.[A-Za-z0-9_-]{20,}|sk-[A-Za-z0-9_-]{20,})",
    r"-----BEGIN [A-Z ]*PRIVATE KEY-----(?s:.*?)(?:-----END [A-Z ]*PRIVATE KEY-----|\z)",
    r"(?i)\b[a-z][a-z0-9+.-]*://[^/\s:@]*:(?<secret>[^@/\s]+)@",
    r"(?i)\b(?:bearer|basic)\s+(?<secret>[A-Za-z0-9+/._~-]{8,}=*)",
    r#"(?i)(?:password|passwd|passphrase|secret|token|api[-_]?key|access[-_]?key|account[-_]?key)["']?=["']?(?<secret>[^\s"'&,;=][^\s"'&,;]*)"#,
    r#"(?i)["'](?:[a-z0-9_-]*(?:password|passphrase|secret|token|api[-_]?key|access[-_]?key))["']\s*:\s*["'](?<secret>[^"']+)["']"#,
];

/// A pattern of the site's that cannot be used.
#[derive(Debug, Error)]
#[error("secret pattern {}: {reason}", place + 1)]
pub struct PatternError {
    /// Its place in the list, from 0.
    pub place: usize,
    /// What is wrong with it.
    pub reason: String,
}

/// What is looked for.
#[derive(Clone, Debug)]
pub(super) struct Looks {
    known: Option<&'static Regex>,
    own: Vec<Arc<Regex>>,
}

impl Looks {
    pub(super) fn known() -> Self {
        static ALL: LazyLock<Option<Regex>> = LazyLock::new(|| build(&KNOWN).ok());
        Self { known: ALL.as_ref(), own: Vec::new() }
    }

    pub(super) fn with(mut self, patterns: &[String]) -> Result<Self, PatternError> {
        for (place, pattern) in patterns.iter().enumerate() {
            let refused = |reason| PatternError { place, reason };
            let regex = build(&[pattern]).map_err(|error| refused(reason_of(&error)))?;
            if regex.is_match("") {
                return Err(refused("it matches the empty text, so it would be found everywhere".to_owned()));
            }
            self.own.push(Arc::new(regex));
        }
        Ok(self)
    }

    /// Where in `text` they are.
    pub(super) fn find(&self, text: &str) -> Vec<Range<usize>> {
        let own = self.own.iter().map(AsRef::as_ref);
        self.known.into_iter().chain(own).flat_map(|regex| secrets(regex, text)).collect()
    }
}

fn build(patterns: &[impl AsRef<str>]) -> Result<Regex, Box<BuildError>> {
    // Letters of other scripts are bytes to it, all alike.
    Regex::builder()
        .configure(Regex::config().utf8_empty(true))
        .syntax(syntax::Config::new().unicode(false).utf8(false))
        .build_many(patterns)
        .map_err(Box::new)
}

/// The engine's own words for what is wrong, in one line.
fn reason_of(error: &BuildError) -> String {
    let reason = error.syntax_error().map_or_else(|| error.to_string(), ToString::to_string);
    reason.lines().map(str::trim).filter(|line| !line.is_empty()).collect::<Vec<_>>().join(" ")
}

fn secrets(regex: &Regex, text: &str) -> Vec<Range<usize>> {
    regex
        .captures_iter(text)
        .filter_map(|found| {
            let span = found.get_group_by_name(GROUP).or(found.get_match().map(|whole| whole.span()))?;
            let secret = text.get(span.range()).unwrap_or_default();
            // A token stands for a secret already.
            if secret.starts_with(super::MARK) {
                return None;
            }
            Some(whole_characters(text, span.range()))
        })
        .collect()
}

/// The range and what of its first and last character stands outside of it.
fn whole_characters(text: &str, range: Range<usize>) -> Range<usize> {
    let start = (0..=range.start).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0);
    let end = (range.end..=text.len()).find(|at| text.is_char_boundary(*at)).unwrap_or(text.len());
    start..end
}
