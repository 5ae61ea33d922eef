//! Secrets in what processes are started with, and what stands in their place in every output.
//!
//! A password on a command line is in the audit log already; an alert must not carry it further, to mailboxes
//! and to tickets. Rules see the plain text; what is written or sent has passed a [`Masker`]. It knows options
//! that take a secret, for the programs that have them (`options`), names that say of their value that it is
//! one (`assignments`), and values that are by their look (`looks`); a site adds its own.
//!
//! A secret becomes a token under a key of this host: equal secrets have equal tokens, so that an analyst
//! sees that one password was used on ten machines' accounts, and nobody without the key can try words.
//!
//! What no mask can know is a secret that looks like any word, given to a program that nobody told it of.

use std::borrow::Cow;
use std::ops::Range;
use std::sync::{Arc, PoisonError, RwLock};

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

mod assignments;
mod document;
mod key;
mod looks;
mod options;
mod suspect;
mod words;

pub use key::{Key, KeyError};
pub use looks::PatternError;

/// Where in which word a secret stands.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Place {
    word: usize,
    bytes: Range<usize>,
}

/// Whether the value of a setting or a variable of this name may be a secret.
pub(crate) fn may_name_a_secret(name: &str) -> bool {
    assignments::may_be_secret(name)
}

/// The file of the key, in the daemon's state directory.
pub const KEY_FILE: &str = "secret.key";

/// How a token begins.
const MARK: &str = "{secret:";

/// How deep a command line within an argument within a command line is looked into (`sh -c "su -c '…'"`).
const DEPTH: usize = 3;

/// Finds secrets and writes tokens instead.
#[derive(Clone, Debug)]
pub struct Masker {
    key: Key,
    looks: looks::Looks,
    suspects: suspect::Suspects,
    /// Names of options and of variables that the site added, without dashes in front.
    names: Vec<String>,
}

impl Masker {
    /// With what is known of secrets everywhere.
    #[must_use]
    pub fn new(key: Key) -> Self {
        Self { key, looks: looks::Looks::known(), suspects: suspect::Suspects::of(&[]), names: Vec::new() }
    }

    /// And with the site's own: `names` of options or variables whose value is a secret (with or without
    /// dashes in front), `patterns` as regular expressions; a group named `secret` is the secret in what
    /// matches, else all of it is.
    ///
    /// # Errors
    /// A pattern is no regular expression, or matches the empty text; its place in the list is told.
    pub fn with(self, names: &[String], patterns: &[String]) -> Result<Self, PatternError> {
        let plain = |name: &String| assignments::plain_name(name.trim_start_matches('-'));
        let names: Vec<String> = names.iter().map(plain).collect();
        let looks = self.looks.with(patterns)?;
        // What a pattern of the site's begins with is not known.
        let suspects =
            if patterns.is_empty() { suspect::Suspects::of(&names) } else { suspect::Suspects::all() };
        Ok(Self { looks, suspects, names, ..self })
    }

    /// Whether a text, or arguments with NUL between them, may hold a secret: a quick look, which no secret that
    /// would be found passes.
    #[must_use]
    pub fn may_hold(&self, text: &[u8]) -> bool {
        self.suspects.may_hold(text)
    }

    /// The key that its tokens are made under.
    #[must_use]
    pub fn key(&self) -> Key {
        self.key.clone()
    }

    /// The token of a secret.
    #[must_use]
    pub fn token(&self, secret: &str) -> String {
        let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(self.key.bytes()) else {
            return format!("{MARK}}}");
        };
        mac.update(secret.as_bytes());
        let mut token = MARK.to_owned();
        for byte in mac.finalize().into_bytes().iter().take(6) {
            token.push_str(&format!("{byte:02x}"));
        }
        token.push('}');
        token
    }

    /// The arguments of one program, each secret replaced; none when there is none.
    #[must_use]
    pub fn arguments<S: AsRef<str>>(&self, arguments: &[S]) -> Option<Vec<String>> {
        let words: Vec<&str> = arguments.iter().map(AsRef::as_ref).collect();
        let places = self.places(&words, DEPTH);
        if places.is_empty() {
            return None;
        }
        let mut places = places.as_slice();
        let masked = words.iter().enumerate().map(|(at, word)| {
            let own = places.partition_point(|place| place.word <= at);
            let (own, rest) = places.split_at(own);
            places = rest;
            self.replace(word, own.iter().map(|place| place.bytes.clone()))
        });
        Some(masked.map(Cow::into_owned).collect())
    }

    /// A command line, or any other text that may hold one; none when there is no secret in it.
    #[must_use]
    pub fn text(&self, line: &str) -> Option<String> {
        let places = self.places_in(line, DEPTH);
        (!places.is_empty()).then(|| self.replace(line, places.into_iter()).into_owned())
    }

    fn replace<'t>(&self, text: &'t str, secrets: impl Iterator<Item = Range<usize>>) -> Cow<'t, str> {
        let mut out = String::new();
        let mut from = 0;
        for secret in secrets {
            let (Some(before), Some(plain)) = (text.get(from..secret.start), text.get(secret.clone())) else {
                continue;
            };
            out.push_str(before);
            out.push_str(&self.token(plain));
            from = secret.end;
        }
        if from == 0 {
            return Cow::Borrowed(text);
        }
        out.push_str(text.get(from..).unwrap_or_default());
        Cow::Owned(out)
    }

    /// Where the secrets are, in order, none within another.
    fn places(&self, words: &[&str], depth: usize) -> Vec<Place> {
        let mut found = Vec::new();
        let mut program = None;
        for (at, word) in words.iter().enumerate() {
            let place = |bytes| Place { word: at, bytes };
            let next = words.get(at + 1).copied();
            // What follows `sudo`, `env`, `timeout 5` is a program too; a name of one that is no program does no harm.
            program = options::Program::named(word).or(program);
            if let Some(program) = program {
                program.find(words, at, &mut found);
            }
            match assignments::find(word, next, program.is_some_and(options::Program::asks), &self.names) {
                Some(assignments::Value::Here(bytes)) => found.push(place(bytes)),
                Some(assignments::Value::Next) => {
                    found.push(Place { word: at + 1, bytes: 0..next.map_or(0, str::len) });
                }
                None => {}
            }
            if self.may_hold(word.as_bytes()) {
                found.extend(self.looks.find(word).into_iter().map(place));
            }
            if depth > 0 && word.contains(char::is_whitespace) {
                found.extend(self.places_in(word, depth - 1).into_iter().map(place));
            }
        }
        // A token stands for a secret already.
        found.retain(|place| {
            let secret = words.get(place.word).and_then(|word| word.get(place.bytes.clone()));
            secret.is_some_and(|secret| !secret.starts_with(MARK))
        });
        without_overlap(found)
    }

    fn places_in(&self, line: &str, depth: usize) -> Vec<Range<usize>> {
        let spans = words::split(line);
        let words: Vec<&str> = spans.iter().map(|span| line.get(span.clone()).unwrap_or_default()).collect();
        let in_words = self.places(&words, depth).into_iter().filter_map(|place| {
            let start = spans.get(place.word)?.start;
            Some(start + place.bytes.start..start + place.bytes.end)
        });
        // Some stand across words: "Bearer …", a private key.
        let found = in_words.chain(self.looks.find(line)).map(|bytes| Place { word: 0, bytes }).collect();
        without_overlap(found).into_iter().map(|place| place.bytes).collect()
    }
}

/// In order; of two that overlap, both as one. Empty ones are none.
fn without_overlap(mut found: Vec<Place>) -> Vec<Place> {
    found.retain(|place| !place.bytes.is_empty());
    found.sort_by(|a, b| (a.word, a.bytes.start, b.bytes.end).cmp(&(b.word, b.bytes.start, a.bytes.end)));
    found.dedup_by(|next, kept| {
        let overlap = next.word == kept.word && next.bytes.start < kept.bytes.end;
        if overlap {
            kept.bytes.end = kept.bytes.end.max(next.bytes.end);
        }
        overlap
    });
    found
}

/// What the outputs of this process do.
#[derive(Debug)]
enum Policy {
    /// Nobody said: secrets are masked, with a key for this run.
    Unset,
    Keep,
    Mask(Arc<Masker>),
}

static POLICY: RwLock<Policy> = RwLock::new(Policy::Unset);

/// From now on outputs mask secrets with `masker`.
pub fn mask_with(masker: Masker) {
    *POLICY.write().unwrap_or_else(PoisonError::into_inner) = Policy::Mask(Arc::new(masker));
}

/// From now on outputs show secrets as they are.
pub fn keep() {
    *POLICY.write().unwrap_or_else(PoisonError::into_inner) = Policy::Keep;
}

/// What outputs mask secrets with; none where they are to be shown. It is one for the whole process, so that
/// no way out can have been forgotten.
#[must_use]
pub fn masker() -> Option<Arc<Masker>> {
    match &*POLICY.read().unwrap_or_else(PoisonError::into_inner) {
        Policy::Keep => return None,
        Policy::Mask(masker) => return Some(Arc::clone(masker)),
        Policy::Unset => {}
    }
    let mut policy = POLICY.write().unwrap_or_else(PoisonError::into_inner);
    if let Policy::Mask(masker) = &*policy {
        return Some(Arc::clone(masker));
    }
    let masker = Arc::new(Masker::new(Key::random().unwrap_or_else(|_| Key::of_time())));
    *policy = Policy::Mask(Arc::clone(&masker));
    Some(masker)
}

#[cfg(test)]
mod tests;
