//! What was lost or not understood on the way in, and the blind spots that it makes.

use std::time::Instant;

use jiff::Timestamp;

use super::intake::{Intake, counted};
use super::status::{BlindSpot, Lost};
use crate::audit::netlink::Socket;
use crate::detect::JoinCounts;
use crate::rule::Rule;

/// Rules named in a sentence on what they do not see; the rest is counted.
const NAMED: usize = 5;

/// The first of `names` that a sentence has room for, and how many more there are.
pub(super) fn named<'r>(names: impl ExactSizeIterator<Item = &'r str>) -> (Vec<&'r str>, usize) {
    let more = names.len().saturating_sub(NAMED);
    (names.take(NAMED).collect(), more)
}

/// What was lost so far, by place and reason.
pub(super) fn lost(socket: &mut Socket, intake: &Intake, joined: &JoinCounts, kernel: u64) -> Lost {
    let (received, summary) = (socket.counters(), intake.summary());
    let reassembly = &summary.reassembly;
    Lost {
        socket_records: socket.drops().unwrap_or(received.overruns),
        kernel_records: kernel,
        malformed: received.malformed,
        foreign: received.foreign,
        truncated: received.truncated,
        lone_ends: reassembly.lone_ends,
        incomplete: reassembly.incomplete,
        evicted: reassembly.evicted,
        timed_out: reassembly.timed_out,
        oversize: reassembly.oversize,
        late: reassembly.late,
        duplicates: reassembly.duplicates,
        sequences_evicted: joined.evicted,
        sequences_late: joined.late,
        sequences_cut: joined.cut,
        sequences_rewound: joined.rewound,
        comparisons_cut: joined.comparisons_cut,
    }
}

/// The counts of a detector after those of its predecessors.
pub(super) fn sum(before: &JoinCounts, now: &JoinCounts) -> JoinCounts {
    JoinCounts {
        late: before.late + now.late,
        evicted: before.evicted + now.evicted,
        cut: before.cut + now.cut,
        rewound: before.rewound + now.rewound,
        booted: before.booted + now.booted,
        comparisons_cut: before.comparisons_cut + now.comparisons_cut,
        ..*now
    }
}

/// The sentence on what was lost between `before` and `now`; none when nothing was that blinds a rule.
pub(super) fn since(now: &Lost, before: &Lost) -> Option<String> {
    let grown = [
        (
            now.socket_records.saturating_sub(before.socket_records),
            "records lost, the receive buffer was full",
        ),
        (
            now.kernel_records.saturating_sub(before.kernel_records),
            "records lost in the kernel, before any reader",
        ),
        (now.malformed.saturating_sub(before.malformed), "datagrams that are no audit record"),
        (now.truncated.saturating_sub(before.truncated), "records cut by the receive buffer's slot"),
        (now.evicted.saturating_sub(before.evicted), "events ended early, too many were open"),
        (now.oversize.saturating_sub(before.oversize), "records cut, their event was too large"),
        (
            now.sequences_evicted.saturating_sub(before.sequences_evicted),
            "partial sequences given up, too many were held",
        ),
        (
            now.sequences_late.saturating_sub(before.sequences_late),
            "events too late for their place in a sequence",
        ),
        (
            now.sequences_cut.saturating_sub(before.sequences_cut),
            "events with more join keys than are followed",
        ),
        (
            now.comparisons_cut.saturating_sub(before.comparisons_cut),
            "comparisons with more combinations of values than are tried",
        ),
        (
            now.sequences_rewound.saturating_sub(before.sequences_rewound),
            "steps of the clock back, seen by sequences",
        ),
    ];
    let told: Vec<_> = grown.iter().filter(|(n, _)| *n > 0).map(|(n, what)| format!("{n} {what}")).collect();
    (!told.is_empty()).then(|| format!("blind spot: {}", told.join("; ")))
}

/// Follows a blind spot from its first loss to the first look that finds no more.
#[derive(Debug, Default)]
pub(super) struct Spots {
    open: Option<Open>,
    last: Option<BlindSpot>,
}

#[derive(Debug)]
struct Open {
    from: Timestamp,
    began: Instant,
    records: u64,
}

impl Spots {
    /// One look: `lost` records since the one before, which was at `before`. The sentence when a spot is
    /// over: how long it was and which rules could not see everything.
    pub(super) fn look(
        &mut self,
        lost: u64,
        before: (Timestamp, Instant),
        now: (Timestamp, Instant),
        rules: &[std::sync::Arc<Rule>],
    ) -> Option<String> {
        if lost > 0 {
            let (from, began) = before;
            let open = self.open.get_or_insert(Open { from, began, records: 0 });
            open.records += lost;
            self.last = Some(BlindSpot {
                from: stamp(open.from),
                to: stamp(now.0),
                records: open.records,
                rules: rules.len(),
            });
            return None;
        }
        let open = self.open.take()?;
        let blind = before.1.saturating_duration_since(open.began);
        let (mut names, more) = named(rules.iter().map(|rule| rule.name.as_str()));
        let others = format!("{more} more");
        if more > 0 {
            names.push(&others);
        }
        Some(format!(
            "blind spot over: {} lost between {} and {} ({:.1} s at most); {} could not see everything: {}",
            counted(open.records, "record"),
            stamp(open.from),
            stamp(before.0),
            blind.as_secs_f64(),
            counted(rules.len() as u64, "rule"),
            names.join(", ")
        ))
    }

    /// The last spot, over or not.
    pub(super) fn last(&self) -> Option<&BlindSpot> {
        self.last.as_ref()
    }
}

/// RFC 3339 in UTC, with milliseconds.
pub(super) fn stamp(time: Timestamp) -> String {
    time.strftime("%Y-%m-%dT%H:%M:%S.%3fZ").to_string()
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::event::schema::Live;
    use crate::rule::load;

    #[test]
    fn a_spot_lasts_from_the_look_before_its_first_loss_to_the_look_after_its_last() {
        let mut rules = load::embedded(&Live).rules;
        rules.retain(|rule| rule.id == "linux_backdoor_user_creation");
        let start = (Timestamp::from_second(1_790_000_000).expect("a time"), Instant::now());
        let at = |n: u64| (start.0 + Duration::from_secs(n), start.1 + Duration::from_secs(n));
        let mut spots = Spots::default();
        assert_eq!(spots.look(0, at(0), at(1), &rules), None);
        assert_eq!(spots.look(7, at(1), at(2), &rules), None);
        assert_eq!(spots.look(5, at(2), at(3), &rules), None);
        let told = spots.look(0, at(3), at(4), &rules).expect("over");
        assert!(
            told.starts_with(
                "blind spot over: 12 records lost between 2026-09-21T14:13:21.000Z and \
                 2026-09-21T14:13:23.000Z (2.0 s at most); 1 rule could not see everything: Potential Linux"
            ),
            "{told}"
        );
        assert_eq!(spots.look(0, at(4), at(5), &rules), None);
        assert_eq!(spots.last().map(|spot| (spot.records, spot.rules)), Some((12, 1)));
    }

    #[test]
    fn only_what_blinds_is_told() {
        let before = Lost::default();
        assert_eq!(since(&Lost { late: 3, timed_out: 2, ..before }, &before), None);
        let text = since(&Lost { socket_records: 3, oversize: 1, ..before }, &before).expect("told");
        assert_eq!(
            text,
            "blind spot: 3 records lost, the receive buffer was full; 1 records cut, their event was too large"
        );
    }
}
