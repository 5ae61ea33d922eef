//! The one line of an alert.
//!
//! First a sentence for people, up to the first `; time=` outside of double quotes, then `key=value` for
//! machines, in the words of audit records (`auid`, `ses`, `exe`, `a0`…):
//!
//! ```text
//! MEDIUM Potential Linux Backdoor User Account Creation: usermod -u 0 -o bob, account bob (from
//! arguments), by login user alice (1000) in session 3 as root (0) on web1; time=2026-09-21T14:15:00.181Z
//! pid=4711 exe=/usr/sbin/usermod auid=1000 ses=3 uid=0 ppid=4700 parents="bash(4700) < sshd(880)"
//! cwd=/root tty=pts0 host=web1 event=1790000100.181:581 alert=… rule=… argc=5 a0=usermod a1=-u …
//! ```
//!
//! Values are written as [`crate::clean`] says: what a process chose can neither end its quotes nor
//! the line. The order is the order of worth, since receivers cut.

use std::borrow::Cow;
use std::cell::Cell;

use super::telling::Telling;
use crate::clean;
use crate::rule::Severity;

mod facts;
mod sentence;
#[cfg(test)]
mod tests;

pub(crate) use facts::facts;
pub(super) use sentence::headline;
pub(crate) use sentence::{login_id, sentence, session};

use facts::{Pairs, each_further, each_of_event, each_of_rule, write_args};
use sentence::{COMMAND_IN_SENTENCE, write_head, write_sentence};

/// Value lengths tried, one after the other, until the line fits.
const SHORTER: [usize; 5] = [1024, 512, 256, 128, LEAST];
/// Values are not made shorter: ids, stamps and paths that people know by heart stay whole.
const LEAST: usize = 64;

/// The most bytes of memory that wait for the next line.
const KEPT: usize = 16 << 10;

thread_local! {
    /// Memory to write a line in: how long it gets is not known before.
    static LINE: Cell<String> = const { Cell::new(String::new()) };
}

/// The whole line, in no more memory than it takes.
pub(super) fn line(severity: Severity, document: &dyn Telling) -> String {
    let mut line = LINE.take();
    write_line(&mut line, severity, document);
    let whole = line.as_str().to_owned();
    if line.capacity() <= KEPT {
        line.clear();
        LINE.set(line);
    }
    whole
}

fn write_line(line: &mut String, severity: Severity, document: &dyn Telling) {
    write_sentence(line, severity, document, COMMAND_IN_SENTENCE);
    let mut keys = Pairs { out: line, max: usize::MAX, started: false };
    each_of_event(document, &mut |key, value| keys.put(key, &value));
    match document.in_line() {
        // The time stands before them.
        Some(rule) => keys.out.push_str(&rule.pairs),
        None => each_of_rule(document, &mut |key, value| keys.put(key, &value)),
    }
    each_further(document, &mut |key, value| keys.put(key, &value));
    write_args(&mut keys, &document.args(), usize::MAX);
}

/// What stands in the line of each alert of a rule: the beginning of the sentence, and the pairs.
pub(super) fn of_rule(severity: Severity, rule: &dyn Telling) -> (String, String) {
    let (mut head, mut pairs) = (String::new(), String::new());
    write_head(&mut head, severity, rule);
    let mut keys = Pairs { out: &mut pairs, max: usize::MAX, started: true };
    each_of_rule(rule, &mut |key, value| keys.put(key, &value));
    (head, pairs)
}

/// The line in at most `limit` bytes; see [`super::Alert::line_within`].
pub(crate) fn line_within(severity: Severity, document: &dyn Telling, limit: usize) -> String {
    let args = document.args();
    let facts = facts(document);
    let sentence = sentence(severity, document, COMMAND_IN_SENTENCE);
    for max in SHORTER {
        let mut line = sentence.clone();
        let mut keys = Pairs { out: &mut line, max, started: false };
        for (n, (key, value)) in facts.iter().enumerate() {
            keys.put(key, value);
            if n == 0 {
                keys.put("truncated", "yes");
            }
        }
        let room = limit.saturating_sub(keys.out.len());
        if write_args(&mut keys, &args, room) {
            return line;
        }
    }
    least_line(sentence, &facts, limit)
}

/// Where not everything fits: the sentence, then whole pairs in the order of worth, as many as fit.
fn least_line(sentence: String, facts: &[(&'static str, Cow<'_, str>)], limit: usize) -> String {
    let mut line = sentence;
    let mut keys = Pairs { out: &mut line, max: LEAST, started: false };
    for (n, (key, value)) in facts.iter().enumerate() {
        let before = keys.out.len();
        keys.put(key, value);
        if n == 0 {
            keys.put("truncated", "yes");
        }
        if keys.out.len() > limit {
            keys.out.truncate(before);
            if n == 0 {
                break;
            }
        }
    }
    if line.len() > limit {
        let end = if limit < 3 { "" } else { "..." };
        let kept = clean::cut(&line, limit.saturating_sub(end.len())).len();
        line.truncate(kept);
        line.push_str(end);
    }
    line
}
