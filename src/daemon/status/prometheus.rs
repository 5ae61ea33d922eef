//! The report in Prometheus's text exposition format, version 0.0.4.

use std::fmt::Write as _;

use super::{AccountFile, Accounts, Events, Probe, Report, Store};

/// A metric.
#[derive(Clone, Copy, Debug)]
pub struct Metric {
    /// Its name.
    pub name: &'static str,
    /// `counter` or `gauge`.
    pub kind: &'static str,
    /// What it says.
    pub help: &'static str,
}

const fn metric(name: &'static str, kind: &'static str, help: &'static str) -> Metric {
    Metric { name, kind, help }
}

/// All metrics, in the order in which they are written.
pub const METRICS: [Metric; 43] = [
    metric("auditward_info", "gauge", "Always 1; version and hash of the rule set as labels."),
    metric("auditward_start_time_seconds", "gauge", "When the daemon began to watch, since the Unix epoch."),
    metric("auditward_records_total", "counter", "Audit records received."),
    metric("auditward_events_total", "counter", "Events put together."),
    metric("auditward_alerts_total", "counter", "Alerts made."),
    metric("auditward_excepted_total", "counter", "Matches that an exception took."),
    metric("auditward_cases_total", "counter", "Matches and alerts of cases, by what became of them."),
    metric("auditward_kept_back_total", "counter", "Alerts that were stored and not sent, by reason."),
    metric("auditward_lost_total", "counter", "What was lost on the way in, by place and reason."),
    metric("auditward_rules", "gauge", "Rules by state: live (partly ones too), partly, not_live."),
    metric("auditward_rule_matches_total", "counter", "Matches of a rule that no exception took."),
    metric("auditward_rule_faults", "gauge", "Faults in files of the rule set and the configuration."),
    metric("auditward_destination_sent_total", "counter", "Alerts that a destination has taken."),
    metric(
        "auditward_destination_lost_total",
        "counter",
        "Alerts that found no room in a destination's queue nor in the store.",
    ),
    metric("auditward_destination_refused_total", "counter", "Alerts that a destination can never take."),
    metric(
        "auditward_destination_rolled_up_total",
        "counter",
        "Alerts beyond a destination's limit a minute, told as a number.",
    ),
    metric("auditward_destination_waiting", "gauge", "Messages that wait for a destination."),
    metric(
        "auditward_destination_lag_seconds",
        "gauge",
        "How long the message that waits longest has waited.",
    ),
    metric("auditward_destination_stored", "gauge", "Alerts that wait for a destination in the store alone."),
    metric("auditward_triage_total", "counter", "Alerts by what was gathered about them on this host."),
    metric("auditward_events_total", "counter", "Events by what became of them for the file of events."),
    metric(
        "auditward_events_waiting_bytes",
        "gauge",
        "Bytes of events that wait to be written to their file.",
    ),
    metric("auditward_events_writable", "gauge", "1 while events can be written to their file, else 0."),
    metric("auditward_store_rows", "gauge", "Alerts in the store."),
    metric("auditward_store_bytes", "gauge", "Bytes of the store's file and its log."),
    metric("auditward_store_alerts_total", "counter", "Alerts by what became of them in the store."),
    metric("auditward_store_writable", "gauge", "1 while alerts can be stored, else 0."),
    metric("auditward_delivery_seconds", "gauge", "From receipt to delivery, by quantile, since the start."),
    metric(
        "auditward_memory_bytes",
        "gauge",
        "Memory of the daemon by kind: anonymous, resident, peak, processes.",
    ),
    metric("auditward_receive_buffer_bytes", "gauge", "The receive buffer that the kernel granted."),
    metric(
        "auditward_canary_age_seconds",
        "gauge",
        "Seconds since the last canary that was seen was executed.",
    ),
    metric("auditward_canary_way_seconds", "gauge", "From the last canary's execution to its match."),
    metric("auditward_canary_missed_total", "counter", "Canaries that were not seen."),
    metric("auditward_probe_up", "gauge", "1 while the probe answers, else 0."),
    metric("auditward_probe_questions_total", "counter", "Questions to the probe, by outcome."),
    metric("auditward_accounts", "gauge", "Entries of the account files: accounts, groups, uid_0."),
    metric("auditward_accounts_watched", "gauge", "1 while inotify tells of changes, else 0."),
    metric("auditward_accounts_writers", "gauge", "Programs that may have written an account file."),
    metric("auditward_accounts_malformed", "gauge", "Lines of the account files that are passed over."),
    metric("auditward_account_file_reads_total", "counter", "Reads of an account file."),
    metric(
        "auditward_account_file_read_seconds",
        "gauge",
        "Last read of an account file, since the Unix epoch.",
    ),
    metric("auditward_account_file_differences_total", "counter", "Differences found in an account file."),
    metric("auditward_account_file_faults_total", "counter", "Reads of an account file that failed."),
];

/// The text; times as Prometheus wants them, in seconds.
#[must_use]
pub fn prometheus(report: &Report) -> String {
    let mut out = String::new();
    for metric in &METRICS {
        let samples = samples(report, metric.name);
        if samples.is_empty() {
            continue;
        }
        let _ =
            writeln!(out, "# HELP {} {}\n# TYPE {} {}", metric.name, metric.help, metric.name, metric.kind);
        for (labels, value) in samples {
            let _ = writeln!(out, "{}{labels} {value}", metric.name);
        }
    }
    out
}

type Samples = Vec<(String, f64)>;

fn samples(report: &Report, name: &str) -> Samples {
    let Report { totals, rules, memory, canary, .. } = report;
    let one = |value: f64| vec![(String::new(), value)];
    match name {
        "auditward_info" => {
            vec![(labels(&[("version", &report.version), ("rules", &rules.hash)]), 1.0)]
        }
        "auditward_start_time_seconds" => seconds(&report.up_since).map(one).unwrap_or_default(),
        "auditward_records_total" => one(totals.records as f64),
        "auditward_events_total" => one(totals.events as f64),
        "auditward_alerts_total" => one(totals.alerts as f64),
        "auditward_excepted_total" => one(totals.excepted as f64),
        "auditward_cases_total" => [
            ("joined", totals.joined),
            ("raised", totals.raised),
            ("hurried", totals.hurried),
            ("forgotten", totals.forgotten),
        ]
        .map(|(what, count)| (labels(&[("what", what)]), count as f64))
        .to_vec(),
        "auditward_kept_back_total" => [
            ("building_block", totals.building_blocks),
            ("alert_suppression", totals.suppressed),
            ("max_signals", totals.capped),
        ]
        .map(|(reason, count)| (labels(&[("reason", reason)]), count as f64))
        .to_vec(),
        "auditward_probe_up" => one(f64::from(u8::from(report.probe.answers))),
        "auditward_probe_questions_total" => {
            let Probe { answered, away, slow, .. } = report.probe;
            [("answered", answered), ("away", away), ("slow", slow)]
                .map(|(outcome, count)| (labels(&[("outcome", outcome)]), count as f64))
                .to_vec()
        }
        "auditward_triage_total" => {
            let super::Triage { whole, captured, without } = report.triage;
            [("whole", whole), ("captured", captured), ("without", without)]
                .map(|(what, count)| (labels(&[("what", what)]), count as f64))
                .to_vec()
        }
        "auditward_lost_total" => lost(report),
        "auditward_rules" => vec![
            (labels(&[("state", "live")]), rules.live as f64),
            (labels(&[("state", "partly")]), rules.partly.len() as f64),
            (labels(&[("state", "not_live")]), rules.not_live.len() as f64),
        ],
        "auditward_rule_matches_total" => {
            let of = |rule: &super::Matched| (labels(&[("rule", &rule.id)]), rule.matches as f64);
            rules.matched.iter().map(of).collect()
        }
        "auditward_rule_faults" => one(rules.faults.len() as f64),
        "auditward_memory_bytes" => vec![
            (labels(&[("kind", "anonymous")]), memory.anonymous as f64),
            (labels(&[("kind", "resident")]), memory.resident as f64),
            (labels(&[("kind", "peak")]), memory.peak as f64),
            (labels(&[("kind", "processes")]), memory.process_bytes as f64),
        ],
        "auditward_receive_buffer_bytes" => one(report.receive_buffer.granted as f64),
        "auditward_canary_age_seconds" => canary.age_seconds.map(|age| one(age as f64)).unwrap_or_default(),
        "auditward_canary_way_seconds" => {
            canary.way_millis.map(|way| one(way as f64 / 1000.0)).unwrap_or_default()
        }
        "auditward_canary_missed_total" => one(canary.missed as f64),
        "auditward_delivery_seconds" => delivery(report),
        name if name.starts_with("auditward_events_") => {
            report.events.as_ref().map_or_else(Vec::new, |one| events(one, name))
        }
        name if name.starts_with("auditward_store_") => {
            report.store.as_ref().map_or_else(Vec::new, |one| store(one, name))
        }
        name if name.starts_with("auditward_account") => {
            report.accounts.as_ref().map_or_else(Vec::new, |one| accounts(one, name))
        }
        name => destinations(report, name),
    }
}

fn lost(report: &Report) -> Samples {
    let lost = &report.lost;
    [
        ("socket", "full", lost.socket_records),
        ("kernel", "backlog", lost.kernel_records),
        ("socket", "malformed", lost.malformed),
        ("socket", "foreign", lost.foreign),
        ("socket", "truncated", lost.truncated),
        ("reassembly", "lone_end", lost.lone_ends),
        ("reassembly", "incomplete", lost.incomplete),
        ("reassembly", "evicted", lost.evicted),
        ("reassembly", "timed_out", lost.timed_out),
        ("reassembly", "oversize", lost.oversize),
        ("reassembly", "late", lost.late),
        ("reassembly", "duplicate", lost.duplicates),
        ("sequences", "evicted", lost.sequences_evicted),
        ("sequences", "late", lost.sequences_late),
        ("sequences", "cut", lost.sequences_cut),
        ("sequences", "rewound", lost.sequences_rewound),
        ("comparisons", "cut", lost.comparisons_cut),
    ]
    .into_iter()
    .map(|(place, reason, count)| (labels(&[("place", place), ("reason", reason)]), count as f64))
    .collect()
}

fn accounts(accounts: &Accounts, name: &str) -> Samples {
    let one = |value: f64| vec![(String::new(), value)];
    match name {
        "auditward_accounts" => {
            let Accounts { accounts, groups, uid_0, .. } = *accounts;
            [("account", accounts), ("group", groups), ("uid_0", uid_0)]
                .map(|(kind, count)| (labels(&[("kind", kind)]), count as f64))
                .to_vec()
        }
        "auditward_accounts_watched" => one(f64::from(u8::from(accounts.watched))),
        "auditward_accounts_writers" => one(accounts.writers as f64),
        "auditward_accounts_malformed" => one(accounts.malformed as f64),
        name => {
            let value = |file: &AccountFile| match name {
                "auditward_account_file_reads_total" => Some(file.reads as f64),
                "auditward_account_file_read_seconds" => seconds(file.read_at.as_deref()?),
                "auditward_account_file_differences_total" => Some(file.differences as f64),
                "auditward_account_file_faults_total" => Some(file.faults as f64),
                _ => None,
            };
            let all = accounts.files.iter();
            all.filter_map(|file| Some((labels(&[("file", &file.file)]), value(file)?))).collect()
        }
    }
}

/// RFC 3339 in whole seconds since the Unix epoch.
fn seconds(time: &str) -> Option<f64> {
    Some(time.parse::<jiff::Timestamp>().ok()?.as_second() as f64)
}

fn store(store: &Store, name: &str) -> Samples {
    let one = |value: f64| vec![(String::new(), value)];
    match name {
        "auditward_store_rows" => one(store.rows as f64),
        "auditward_store_bytes" => one(store.bytes as f64),
        "auditward_store_writable" => one(f64::from(u8::from(store.trouble.is_none()))),
        "auditward_store_alerts_total" => [
            ("stored", store.stored),
            ("unstored", store.unstored),
            ("early", store.early),
            ("deleted", store.deleted),
        ]
        .map(|(what, count)| (labels(&[("what", what)]), count as f64))
        .to_vec(),
        _ => Vec::new(),
    }
}

fn events(events: &Events, name: &str) -> Samples {
    let one = |value: f64| vec![(String::new(), value)];
    match name {
        "auditward_events_waiting_bytes" => one(events.waiting_bytes as f64),
        "auditward_events_writable" => one(f64::from(u8::from(events.trouble.is_none()))),
        "auditward_events_total" => [("written", events.written), ("left_out", events.left_out)]
            .map(|(what, count)| (labels(&[("what", what)]), count as f64))
            .to_vec(),
        _ => Vec::new(),
    }
}

fn delivery(report: &Report) -> Samples {
    let Some(delivery) = &report.delivery else { return Vec::new() };
    [("0.5", delivery.p50_micros), ("0.99", delivery.p99_micros), ("1", delivery.max_micros)]
        .into_iter()
        .map(|(quantile, micros)| (labels(&[("quantile", quantile)]), micros as f64 / 1e6))
        .collect()
}

fn destinations(report: &Report, name: &str) -> Samples {
    let value = |one: &super::Destination| match name {
        "auditward_destination_sent_total" => Some(one.sent as f64),
        "auditward_destination_lost_total" => Some(one.lost as f64),
        "auditward_destination_refused_total" => Some(one.refused as f64),
        "auditward_destination_rolled_up_total" => Some(one.rolled_up as f64),
        "auditward_destination_waiting" => Some(one.waiting as f64),
        "auditward_destination_stored" => Some(one.stored as f64),
        "auditward_destination_lag_seconds" => Some(one.lag_seconds),
        _ => None,
    };
    let all = report.destinations.iter();
    all.filter_map(|one| Some((labels(&[("destination", &one.name)]), value(one)?))).collect()
}

/// `{a="b",c="d"}`, escaped as the format asks for.
fn labels(pairs: &[(&str, &str)]) -> String {
    let pairs = pairs.iter().map(|(key, value)| {
        let value = value.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n");
        format!("{key}=\"{value}\"")
    });
    format!("{{{}}}", pairs.collect::<Vec<_>>().join(","))
}

#[cfg(test)]
mod tests {
    use super::super::{Canary, Delivery, Destination, Matched, Rules};
    use super::*;

    /// Everything that can be there.
    fn whole() -> Report {
        Report {
            up_since: "2026-11-25T20:00:00Z".to_owned(),
            destinations: vec![Destination {
                name: "a\"\\b\n".to_owned(),
                sent: 3,
                ..Destination::default()
            }],
            store: Some(Store::default()),
            events: Some(Events::default()),
            rules: Rules {
                matched: vec![Matched { id: "some_rule".to_owned(), matches: 7, ..Matched::default() }],
                ..Rules::default()
            },
            delivery: Some(Delivery { count: 1, p50_micros: 1_500, p99_micros: 2_000, max_micros: 2_000 }),
            canary: Canary { age_seconds: Some(4), way_millis: Some(7), ..Canary::default() },
            accounts: Some(Accounts {
                accounts: 30,
                files: vec![AccountFile {
                    file: "/etc/passwd".to_owned(),
                    reads: 5,
                    read_at: Some("2026-11-25T20:00:01Z".to_owned()),
                    differences: 2,
                    faults: 1,
                }],
                ..Accounts::default()
            }),
            ..Report::default()
        }
    }

    #[test]
    fn every_metric_has_samples_and_every_line_is_well_formed() {
        let text = prometheus(&whole());
        for metric in &METRICS {
            assert!(
                text.contains(&format!("# TYPE {} {}\n{}", metric.name, metric.kind, metric.name)),
                "{text}"
            );
            assert_eq!(metric.kind == "counter", metric.name.ends_with("_total"), "{}", metric.name);
        }
        for line in text.lines().filter(|line| !line.starts_with('#')) {
            let (name, value) = line.rsplit_once(' ').expect("a value");
            assert!(value.parse::<f64>().is_ok(), "{line}");
            assert!(name.starts_with("auditward_"), "{line}");
        }
        assert!(text.contains("auditward_delivery_seconds{quantile=\"0.5\"} 0.0015\n"), "{text}");
        assert!(
            text.contains("auditward_destination_sent_total{destination=\"a\\\"\\\\b\\n\"} 3\n"),
            "{text}"
        );
        assert!(text.contains("auditward_rule_matches_total{rule=\"some_rule\"} 7\n"), "{text}");
        assert!(text.contains("auditward_start_time_seconds 1795636800\n"), "{text}");
        for line in [
            "auditward_accounts{kind=\"account\"} 30\n",
            "auditward_account_file_reads_total{file=\"/etc/passwd\"} 5\n",
            "auditward_account_file_read_seconds{file=\"/etc/passwd\"} 1795636801\n",
            "auditward_account_file_differences_total{file=\"/etc/passwd\"} 2\n",
            "auditward_account_file_faults_total{file=\"/etc/passwd\"} 1\n",
        ] {
            assert!(text.contains(line), "{line}: {text}");
        }
    }

    #[test]
    fn what_is_not_known_is_left_out() {
        let text = prometheus(&Report::default());
        for name in ["canary_age", "delivery", "account"] {
            assert!(!text.contains(name), "{text}");
        }
    }
}
