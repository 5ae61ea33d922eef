//! A quick look that tells most texts to be without secrets.

use std::sync::Arc;

use aho_corasick::{AhoCorasick, AhoCorasickKind, MatchKind};

use super::options::Program;

/// Words without which no look and no name finds anything, in any case of letters. Those of `looks` and of
/// `assignments`, as short as they can be.
#[rustfmt::skip]
const WORDS: [&str; 56] = [
    "$1$", "$2", "$5$", "$6$", "$7$", "$y$", "$gy$", "$md5$", "$sha1$", "$argon2", "eyj", "ghp_", "gho_",
    "ghu_", "ghs_", "ghr_", "github_pat_", "glpat-", "xox", "npm_", "k_live_", "aiza", "hvb.", "hvs.", "hvr.",
    "sk-", "private key", "://", "bearer", "basic", "pwd", "secret", "token", "credential", "apikey",
    "api-key", "api_key", "api.key", "accesskey", "accountkey", "authkey", "-key", "_key", "password",
    "passphrase", "passwort", "-pass", "_pass", ".pass", "pass=", "pass:", "passwd=", "chpasswd", "newusers",
    "--stdin", "sudo",
];

/// Names end with one of these, with any of `-`, `_`, `.` in them: `.key` is of `spring.access.key`.
const KEY: &str = ".key";

#[derive(Clone, Debug)]
pub(super) struct Suspects(Option<Arc<AhoCorasick>>);

impl Suspects {
    /// For what is known, and the site's own names.
    pub(super) fn of(names: &[String]) -> Self {
        let mut words: Vec<String> = WORDS.iter().map(|word| (*word).to_owned()).collect();
        words.push(KEY.to_owned());
        // Something follows a program that is told a secret: in a line, among arguments, in JSON.
        words.extend(Program::names().flat_map(|name| [" ", "\0", "\""].map(|end| [name, end].concat())));
        for name in names {
            for between in ["-", "_", "."] {
                words.push(name.replace('-', between));
            }
        }
        let searcher = AhoCorasick::builder()
            .ascii_case_insensitive(true)
            .match_kind(MatchKind::Standard)
            .kind(Some(AhoCorasickKind::DFA))
            .build(words);
        Self(searcher.ok().map(Arc::new))
    }

    /// Every text.
    pub(super) fn all() -> Self {
        Self(None)
    }

    pub(super) fn may_hold(&self, text: &[u8]) -> bool {
        self.0.as_ref().is_none_or(|searcher| searcher.is_match(text))
    }
}
