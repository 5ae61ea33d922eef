//! The first half of the path, the same live and in replay: records in, events in ECS terms out.

use std::fmt;

use bumpalo::Bump;

use crate::audit::reassembler::{Counters, Limits, Reassembler};
use crate::audit::{AuditEvent, LastStamp, Record};
use crate::event::{self, AuditDocument, Host, Mapper, ancestry};

/// Reassembler, mapping and the memory that they reuse from event to event.
#[derive(Debug)]
pub struct Intake {
    reassembler: Reassembler,
    mapping: Mapping,
    last: LastStamp,
    malformed: u64,
}

#[derive(Debug)]
struct Mapping {
    mapper: Mapper,
    arena: Bump,
}

/// Memory of one event that is kept for the next; an event that needed more gives the rest back.
const ARENA: usize = 1 << 20;

impl Mapping {
    fn map(&mut self, event: &AuditEvent<'_>, emit: &mut dyn FnMut(&AuditDocument<'_>)) {
        if let Some(document) = self.mapper.map(event, &self.arena) {
            emit(&document);
        }
        self.arena.reset();
        if self.arena.allocated_bytes() > ARENA {
            self.arena = Bump::new();
        }
    }
}

impl Intake {
    /// An intake without open events.
    #[must_use]
    pub fn new(limits: Limits, mapper: Mapper) -> Self {
        let mapping = Mapping { mapper, arena: Bump::new() };
        Self { reassembler: Reassembler::new(limits), mapping, last: LastStamp::default(), malformed: 0 }
    }

    /// For a recording: everything comes from the records alone.
    #[must_use]
    pub fn for_replay() -> Self {
        Self::for_replay_within(Limits::default(), ancestry::Limits::default())
    }

    /// The same with bounds of its own.
    #[must_use]
    pub fn for_replay_within(limits: Limits, processes: ancestry::Limits) -> Self {
        let options = event::Options { limits: processes, ..event::Options::replay() };
        Self::new(limits, Mapper::new(Host::recorded(None), &options))
    }

    /// Takes one line of a log: a record, a line of the process snapshot, or neither (counted).
    pub fn line(&mut self, line: &[u8], now: u64, emit: &mut dyn FnMut(&AuditDocument<'_>)) {
        match Record::from_log_line_after(line, &mut self.last) {
            Ok(record) => self.record(&record, now, emit),
            Err(_) if line.iter().all(u8::is_ascii_whitespace) => {}
            Err(_) => {
                // What a snapshot tells is told to the events behind it.
                self.give_out(emit);
                self.malformed += u64::from(!self.mapping.mapper.absorb(line));
            }
        }
    }

    /// See [`Reassembler::hold_back`].
    pub fn hold_back(&mut self, within: Option<u64>, emit: &mut dyn FnMut(&AuditDocument<'_>)) {
        let Self { reassembler, mapping, .. } = self;
        reassembler.hold_back(within, &mut |event| mapping.map(event, emit));
    }

    /// Gives out what is held back.
    pub fn give_out(&mut self, emit: &mut dyn FnMut(&AuditDocument<'_>)) {
        let Self { reassembler, mapping, .. } = self;
        reassembler.give_out(&mut |event| mapping.map(event, emit));
    }

    /// Takes one record; `now` in milliseconds of a monotonic clock.
    pub fn record(&mut self, record: &Record<'_>, now: u64, emit: &mut dyn FnMut(&AuditDocument<'_>)) {
        let Self { reassembler, mapping, .. } = self;
        reassembler.push(record, now, &mut |event| mapping.map(event, emit));
    }

    /// Ends the events whose time is up.
    pub fn expire(&mut self, now: u64, emit: &mut dyn FnMut(&AuditDocument<'_>)) {
        let Self { reassembler, mapping, .. } = self;
        reassembler.expire(now, &mut |event| mapping.map(event, emit));
    }

    /// Ends all open events: the input has ended.
    pub fn finish(&mut self, emit: &mut dyn FnMut(&AuditDocument<'_>)) {
        let Self { reassembler, mapping, .. } = self;
        reassembler.finish(&mut |event| mapping.map(event, emit));
    }

    /// When [`Intake::expire`] has something to do next.
    #[must_use]
    pub fn next_deadline(&self) -> Option<u64> {
        self.reassembler.next_deadline()
    }

    /// The mapping, for what the process table knows and has counted.
    #[must_use]
    pub fn mapper(&self) -> &Mapper {
        &self.mapping.mapper
    }

    /// What was taken in, given out and lost so far.
    #[must_use]
    pub fn summary(&self) -> Summary {
        Summary { malformed: self.malformed, reassembly: self.reassembler.counters.clone() }
    }
}

/// Counts of an [`Intake`], as one sentence: what is zero is left out, but for records and events.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Summary {
    /// Lines or datagrams that are no record.
    pub malformed: u64,
    /// The reassembler's.
    pub reassembly: Counters,
}

impl fmt::Display for Summary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let c = &self.reassembly;
        write!(f, "{}, {}", counted(c.records, "record"), counted(c.events, "event"))?;
        let rest = [
            (c.incomplete, "incomplete event"),
            (c.timed_out, "event ended by the timer"),
            (c.evicted, "event ended early by a bound"),
            (c.duplicates, "duplicate record"),
            (c.late, "late record"),
            (c.oversize, "record cut at the bound of an event"),
            (self.malformed, "line that is no audit record"),
        ];
        for (count, what) in rest.into_iter().filter(|(count, _)| *count > 0) {
            write!(f, ", {}", counted(count, what))?;
        }
        Ok(())
    }
}

/// `1 event`, `2 events ended by the timer`: the first noun of `what` takes the plural.
#[must_use]
pub fn counted(count: u64, what: &str) -> String {
    const NOUNS: [&str; 12] = [
        "event",
        "record",
        "line",
        "alert",
        "rule",
        "file",
        "message",
        "time",
        "account",
        "group",
        "question",
        "comparison",
    ];
    let first = NOUNS.iter().filter_map(|noun| Some(what.find(noun)? + noun.len())).min();
    match first.map(|end| what.split_at(end)) {
        Some((noun, rest)) if count != 1 => {
            format!("{count} {noun}s{}", rest.replace("that is no audit record", "that are no audit records"))
        }
        _ => format!("{count} {what}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_noun_takes_the_plural() {
        assert_eq!(counted(1, "event ended by the timer"), "1 event ended by the timer");
        assert_eq!(counted(0, "alert"), "0 alerts");
        assert_eq!(counted(23, "account"), "23 accounts");
        assert_eq!(counted(2, "late record"), "2 late records");
        assert_eq!(counted(3, "line that is no audit record"), "3 lines that are no audit records");
    }
}
