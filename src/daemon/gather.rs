//! The report of a running daemon, gathered between two batches of records.

use std::time::{Duration, Instant};

use jiff::Timestamp;

use super::exported::Exported;
use super::losses::stamp;
use super::path::watching;
use super::sight::Seen;
use super::status::{
    Auditing, Delivery, Destination, Hindered, Matched, Memory, ReceiveBuffer, Report, Rules, Store, Totals,
};
use super::watch::Watch;
use crate::event::schema::field;
use crate::output::{Counters, Delays};
use crate::store::Figures;

impl Watch {
    /// How things stand now.
    pub(super) fn report(&mut self) -> Report {
        let (now, time) = (Instant::now(), Timestamp::now());
        let totals = self.totals();
        let lost = self.lost();
        let (told, seen) = self.life.start.probe.auditing_and_rules();
        let rules = self.rules(seen.as_ref());
        let Self { socket, second, life, .. } = self;
        let (outputs, mapper) = (&second.path.outputs, second.intake.mapper());
        let buffer = socket.buffer();
        Report {
            version: env!("CARGO_PKG_VERSION").to_owned(),
            pid: std::process::id(),
            host: mapper.host().name.clone().unwrap_or_default(),
            time: stamp(time),
            up_since: stamp(life.up_since),
            up_seconds: now.saturating_duration_since(life.up).as_secs(),
            per_second: life.rates.per_second(now, &totals),
            totals,
            lost,
            blind_spot: life.spots.last().cloned(),
            rules,
            destinations: outputs.counters().into_iter().map(destination).collect(),
            store: outputs.store().map(store),
            triage: second.path.triage.status(),
            events: second.path.exported.as_ref().map(Exported::status),
            delivery: delivery(&outputs.delays()),
            memory: Memory {
                processes: mapper.table().len(),
                process_bytes: mapper.table().bytes(),
                ..memory(&std::fs::read_to_string("/proc/self/status").unwrap_or_default())
            },
            receive_buffer: ReceiveBuffer { asked: buffer.asked, granted: buffer.granted },
            auditing: auditing(life.start.seen.as_ref(), told),
            probe: life.start.probe.status(),
            accounts: second.path.accounts.report(),
            canary: life.canary.status(time),
        }
    }

    /// Counts since the start.
    pub(super) fn totals(&self) -> Totals {
        let (reassembly, path) = (self.second.intake.summary().reassembly, &self.second.path);
        let excepted: u64 = path.detector.excepted().map(|(_, applied)| applied.taken()).sum();
        let cases = path.detector.case_counts();
        Totals {
            records: reassembly.records,
            events: reassembly.events,
            alerts: path.alerts,
            excepted: self.life.excepted_before + excepted,
            joined: cases.joined,
            raised: cases.raised,
            hurried: cases.hurried,
            forgotten: cases.forgotten,
            building_blocks: path.building_blocks,
            suppressed: path.suppressor.counts().suppressed,
            capped: path.suppressor.counts().capped,
        }
    }

    /// The rules that run, without the canary's.
    pub(super) fn live(&self) -> usize {
        watching(&self.second.path.detector).len()
    }

    /// With the kernel's rules as the probe saw them last.
    fn rules(&self, seen: Option<&Seen>) -> Rules {
        let (detector, life) = (&self.second.path.detector, &self.life);
        let engine = detector.engine();
        let hindered = |rule: &crate::rule::Rule, reason: String| Hindered {
            id: rule.id.clone(),
            name: rule.name.clone(),
            reason,
        };
        let probe = life.start.probe.status();
        let (seen, trouble) = (seen.or(life.start.seen.as_ref()), probe.trouble.as_ref());
        let partly = engine.rules().iter().filter_map(|rule| {
            let dead = rule.dead_stages();
            let reasons = dead.iter().map(|(stage, why)| format!("stage {stage}: {why}"));
            let unrecorded = seen.and_then(|seen| seen.hinders(rule));
            let unread = trouble.filter(|_| rule.program.fields().contains(&field::PROCESS_ENV_VARS));
            let unread = unread.map(|why| format!("process.env_vars cannot be read: {why}"));
            let reasons: Vec<String> = reasons.chain(unrecorded).chain(unread).collect();
            (!reasons.is_empty()).then(|| hindered(rule, reasons.join("; ")))
        });
        let mut matched: Vec<Matched> = watching(detector)
            .iter()
            .map(|rule| (rule, detector.matches(rule)))
            .filter(|(_, matches)| *matches > 0)
            .map(|(rule, matches)| Matched { id: rule.id.clone(), name: rule.name.clone(), matches })
            .collect();
        matched.sort_by(|a, b| b.matches.cmp(&a.matches).then_with(|| a.name.cmp(&b.name)));
        let not_live = engine.not_live().iter().map(|dead| hindered(&dead.rule, dead.reason.clone()));
        Rules {
            live: self.live(),
            partly: partly.collect(),
            not_live: not_live.collect(),
            matched,
            faults: life.start.faults.clone(),
            hash: life.start.set.hash.clone(),
            read_at: stamp(life.read_at),
            files: life.start.set.files.clone(),
        }
    }
}

/// What the kernel said of auditing: at the start, and what the probe was told since.
fn auditing(seen: Option<&Seen>, told: Option<Auditing>) -> Option<Auditing> {
    let missing = seen.map(|seen| seen.missing.len());
    let at_start = seen.map(|seen| Auditing {
        asked_at: stamp(seen.asked_at),
        enabled: seen.status.enabled,
        lost: seen.status.lost,
        backlog_limit: seen.status.backlog_limit,
        missing_rules: missing,
    });
    told.map(|told| Auditing { missing_rules: told.missing_rules.or(missing), ..told }).or(at_start)
}

fn destination(counters: Counters) -> Destination {
    let lag = counters.lag.unwrap_or_default();
    Destination {
        name: counters.name,
        sent: counters.sent,
        waiting: counters.waiting,
        stored: counters.stored,
        lag_seconds: (lag.as_secs_f64() * 1000.0).round() / 1000.0,
        lost: counters.lost,
        refused: counters.refused,
        lost_notices: counters.lost_notices,
        rolled_up: counters.rolled_up,
        trouble: counters.trouble,
    }
}

fn store(figures: Figures) -> Store {
    Store {
        rows: figures.rows,
        bytes: figures.bytes,
        stored: figures.stored,
        unstored: figures.unstored,
        early: figures.early,
        deleted: figures.deleted,
        set_aside: figures.set_aside,
        unwritten: figures.waiting,
        trouble: figures.trouble,
    }
}

fn delivery(delays: &Delays) -> Option<Delivery> {
    let micros = |at: Option<Duration>| Some(u64::try_from(at?.as_micros()).unwrap_or(u64::MAX));
    Some(Delivery {
        count: delays.count(),
        p50_micros: micros(delays.at(0.5))?,
        p99_micros: micros(delays.at(0.99))?,
        max_micros: micros(delays.at(1.0))?,
    })
}

/// The lines of /proc/self/status (proc_pid_status(5)), which are in KiB.
fn memory(status: &str) -> Memory {
    let field = |name: &str| {
        let line = status.lines().find_map(|line| line.strip_prefix(name))?;
        line.split_whitespace().next()?.parse::<u64>().ok()
    };
    let bytes = |name| field(name).unwrap_or(0) << 10;
    Memory {
        anonymous: bytes("RssAnon:"),
        resident: bytes("VmRSS:"),
        peak: bytes("VmHWM:"),
        ..Memory::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_is_read_from_the_kernels_words() {
        let text = "Name:\tx\nVmHWM:\t    4096 kB\nVmRSS:\t    2048 kB\nRssAnon:\t     512 kB\n";
        let read = memory(text);
        assert_eq!((read.peak, read.resident, read.anonymous), (4 << 20, 2 << 20, 512 << 10));
        assert_eq!(memory(""), Memory::default());
        let own = memory(&std::fs::read_to_string("/proc/self/status").expect("/proc"));
        assert!(own.anonymous > 0 && own.resident >= own.anonymous, "{own:?}");
    }
}
