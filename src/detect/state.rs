//! What sequences and samples hold, as bytes that outlive the process.
//!
//! Two lines of JSON: a header with the version of the format and the SHA-256 of the second line, and
//! the state, in which each event stands once and is named by its number. A state belongs to the text of
//! its query: of a rule that was changed, nothing is taken up.

use std::collections::HashMap;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::Engine;
use super::joined::State;
use super::kept::{Evidence, Kept, Source};
use crate::eql::{Samples, SavedSamples, SavedSequences, Sequences};
use crate::event::AuditDocument;
use crate::rule::Rule;
use crate::shares::Holder;

/// The version of the format.
const VERSION: u32 = 1;

/// The most bytes of a state that are written or read.
pub const MOST_BYTES: usize = 64 << 20;

#[derive(Debug, Serialize, Deserialize)]
struct Header {
    auditward_state: u32,
    sha256: String,
}

#[derive(Debug, Serialize, Deserialize)]
struct Body {
    /// Everything before this was matched.
    watermark: i64,
    events: Vec<SavedEvent>,
    rules: Vec<SavedRule>,
}

/// An [`Evidence`].
#[derive(Debug, Serialize, Deserialize)]
struct SavedEvent {
    millis: u64,
    serial: u64,
    host: Box<str>,
    /// The login user; `u32::MAX` where there is none.
    #[serde(default = "nobody")]
    auid: u32,
    /// The source event as JSON.
    source: Box<str>,
}

impl SavedEvent {
    fn of(evidence: &Evidence, write: &dyn Fn(&AuditDocument<'_>) -> String) -> Self {
        let source = match &evidence.source {
            Source::Text(text) => (**text).into(),
            Source::Event(event) => event.with_document(write).unwrap_or_default().into(),
            Source::Unwanted => "{}".into(),
        };
        let host = evidence.host_id().into();
        let Evidence { millis, serial, holder, .. } = *evidence;
        let auid = if let Holder::Login(auid) = holder { auid } else { nobody() };
        Self { millis, serial, host, auid, source }
    }

    fn evidence(self) -> Evidence {
        let Self { millis, serial, host, auid, source } = self;
        let (holder, source) = (Holder::of(Some(auid)), Source::Text(source.into()));
        Evidence { millis, serial, host: Some(host), holder, source }
    }
}

/// `auid` where nobody has logged in.
fn nobody() -> u32 {
    u32::MAX
}

#[derive(Debug, Serialize, Deserialize)]
struct SavedRule {
    /// `rule_id`
    rule: String,
    /// SHA-256 of the query's text.
    query: String,
    state: SavedState,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
enum SavedState {
    Sequence(SavedSequences),
    Sample(SavedSamples),
}

/// What was taken up of a saved state.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Resumed {
    /// Rules that go on where they stopped.
    pub rules: usize,
    /// Partial sequences that they hold.
    pub partials: u64,
    /// Rules of the state that are gone, or whose query is another now.
    pub changed: usize,
}

/// Why a saved state is not taken up.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum StateError {
    /// It was written by another version of the program.
    #[error("it is of format {0}, this program reads format {VERSION}")]
    Version(u32),
    /// It is not as it was written.
    #[error("it is damaged ({0})")]
    Damaged(String),
    /// It is too large.
    #[error("it has {0} bytes, the most is {MOST_BYTES}")]
    TooLarge(usize),
}

fn damaged(why: impl std::fmt::Display) -> StateError {
    StateError::Damaged(why.to_string())
}

fn hex(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}

impl Engine {
    /// What sequences and samples hold, for [`Engine::resume`] of a later run. Call
    /// [`Engine::finish`] before, so that nothing waits for its place. `write` gives the text of an event,
    /// which [`crate::alert::source_text()`] does.
    ///
    /// # Errors
    /// It would be too large.
    pub fn save(&self, write: &dyn Fn(&AuditDocument<'_>) -> String) -> Result<Vec<u8>, StateError> {
        let mut events = Vec::new();
        let mut numbers: HashMap<usize, u32> = HashMap::new();
        let mut number = |kept: &Kept| {
            *numbers.entry(kept.address()).or_insert_with(|| {
                events.push(SavedEvent::of(kept, write));
                u32::try_from(events.len() - 1).unwrap_or(u32::MAX)
            })
        };
        let mut rules = Vec::new();
        for (rule, state) in &self.hosts.own.rules {
            let (held, state) = match state {
                State::Sequence(all) => (!all.is_empty(), SavedState::Sequence(all.save(&mut number))),
                State::Sample(all) => (all.held() > 0, SavedState::Sample(all.save(&mut number))),
            };
            if held {
                rules.push(SavedRule { rule: rule.uuid.clone(), query: query_hash(rule), state });
            }
        }
        let body = Body { watermark: self.hosts.own.watermark(), events, rules };
        let body = serde_json::to_vec(&body).map_err(damaged)?;
        let header = Header { auditward_state: VERSION, sha256: hex(&body) };
        let mut bytes = serde_json::to_vec(&header).map_err(damaged)?;
        bytes.push(b'\n');
        bytes.extend(body);
        bytes.push(b'\n');
        if bytes.len() > MOST_BYTES { Err(StateError::TooLarge(bytes.len())) } else { Ok(bytes) }
    }

    /// Goes on with what [`Engine::save`] of an earlier run gave, as far as the rules are the same. The
    /// bounds of this run hold.
    ///
    /// # Errors
    /// The state is damaged or of another version; then nothing of it is taken up.
    pub fn resume(&mut self, bytes: &[u8]) -> Result<Resumed, StateError> {
        if bytes.len() > MOST_BYTES {
            return Err(StateError::TooLarge(bytes.len()));
        }
        let newline = bytes.iter().position(|byte| *byte == b'\n').ok_or_else(|| damaged("no header"))?;
        let (header, body) = bytes.split_at(newline);
        let header: Header = serde_json::from_slice(header).map_err(|_| damaged("no header"))?;
        if header.auditward_state != VERSION {
            return Err(StateError::Version(header.auditward_state));
        }
        let body = body.strip_prefix(b"\n").and_then(|body| body.strip_suffix(b"\n"));
        let body =
            body.filter(|body| hex(body) == header.sha256).ok_or_else(|| damaged("its sum differs"))?;
        let body: Body = serde_json::from_slice(body).map_err(damaged)?;
        let meter = self.hosts.own.meter.clone();
        let events = body.events.into_iter().map(|event| Kept::new(event.evidence(), &meter));
        let events: Vec<Kept> = events.collect();
        let mut event = |number: u32| events.get(usize::try_from(number).ok()?).cloned();
        let mut resumed = Resumed::default();
        let mut states = Vec::new();
        for saved in &body.rules {
            let same = |rule: &Rule| rule.uuid == saved.rule && query_hash(rule) == saved.query;
            let Some(number) = self.hosts.own.rules.iter().position(|(rule, _)| same(rule)) else {
                resumed.changed += 1;
                continue;
            };
            let Some((rule, _)) = self.hosts.own.rules.get(number) else { continue };
            let state = match &saved.state {
                SavedState::Sequence(all) => {
                    let limits = self.hosts.own.limits.of_one();
                    Sequences::restore(&rule.program, limits, all, &mut event)
                        .map(|sequences| State::Sequence(sequences.shared_by(Kept::holder)))
                }
                SavedState::Sample(all) => {
                    let look_back = super::joined::look_back(&rule.from);
                    let samples = Samples::new(rule.program.requirements().len(), Some(look_back));
                    let mut samples = samples.shared_by(Kept::holder);
                    samples.restore(&rule.program, all, &mut event).then_some(State::Sample(samples))
                }
            };
            let state = state.ok_or_else(|| damaged(format!("the state of rule {}", saved.rule)))?;
            states.push((number, state));
        }
        resumed.rules = states.len();
        states.into_iter().for_each(|(number, state)| self.hosts.own.resume(number, state));
        drop(events);
        self.hosts.own.go_on_from(body.watermark);
        resumed.partials = self.join_counts().held;
        Ok(resumed)
    }
}

fn query_hash(rule: &Rule) -> String {
    hex(rule.query.as_bytes())
}
