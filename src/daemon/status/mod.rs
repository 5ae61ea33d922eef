//! What the daemon says of itself: one report, in three forms.
//!
//! docs/status.md tells each field and metric; a test holds the page against what is here.

mod prometheus;
mod rates;
mod text;
pub mod textfile;

pub use prometheus::{METRICS, prometheus};
pub use rates::Rates;
pub use text::text;

use serde::{Deserialize, Serialize};

/// The state of a running daemon, at one moment between two batches of records.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Report {
    /// The daemon's version.
    pub version: String,
    /// Its process id.
    pub pid: u32,
    /// `host.name`.
    pub host: String,
    /// When this was said, RFC 3339 in UTC.
    pub time: String,
    /// Since when it watches, RFC 3339 in UTC.
    pub up_since: String,
    /// The same in seconds until now.
    pub up_seconds: u64,
    /// Counts since the start.
    pub totals: Totals,
    /// The same a second, over the last minute at most.
    pub per_second: PerSecond,
    /// What was lost on the way in, by place and reason, since the start.
    pub lost: Lost,
    /// The last time that records were lost; none if none were.
    pub blind_spot: Option<BlindSpot>,
    /// The rules.
    pub rules: Rules,
    /// Where alerts go.
    pub destinations: Vec<Destination>,
    /// The store of alerts; none where they are not stored.
    pub store: Option<Store>,
    /// What was gathered about alerts on this host.
    pub triage: Triage,
    /// The file of events; none where none is written.
    pub events: Option<Events>,
    /// From receipt of an event's last record to delivery of its alert; none before the first.
    pub delivery: Option<Delivery>,
    /// The daemon's memory.
    pub memory: Memory,
    /// The kernel's buffer for records that were not read yet, in bytes: asked for and granted.
    pub receive_buffer: ReceiveBuffer,
    /// What the kernel's audit system said last; none where it could not be asked.
    pub auditing: Option<Auditing>,
    /// The account files; none before they were read.
    pub accounts: Option<Accounts>,
    /// The process that reads what the daemon may not.
    pub probe: Probe,
    /// The last canary that was seen.
    pub canary: Canary,
}

/// See [`Report::totals`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Totals {
    /// Audit records received.
    pub records: u64,
    /// Events put together out of them.
    pub events: u64,
    /// Alerts made.
    pub alerts: u64,
    /// Matches that an exception took.
    pub excepted: u64,
    /// Matches that became part of the alert of another rule on the same act.
    pub joined: u64,
    /// Alerts that raised the rank of one before.
    pub raised: u64,
    /// Alerts that left before their time of waiting was over, since too many waited.
    pub hurried: u64,
    /// Cases no longer remembered, since there were too many: what still came of them is an alert of its own.
    pub forgotten: u64,
    /// Alerts of building blocks: stored, sent to nobody.
    pub building_blocks: u64,
    /// Alerts that a rule's `alert_suppression` kept back, told as a number.
    pub suppressed: u64,
    /// Alerts that a rule's `max_signals` kept back, told as a number.
    pub capped: u64,
}

/// See [`Report::per_second`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct PerSecond {
    /// The seconds that this is the mean of.
    pub over: f64,
    /// Records.
    pub records: f64,
    /// Events.
    pub events: f64,
    /// Alerts.
    pub alerts: f64,
}

/// See [`Report::lost`]. What found no room behind detection stands with its destination.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Lost {
    /// Records for which the receive buffer had no room, exactly.
    pub socket_records: u64,
    /// Records that the kernel lost before any reader, as far as the probe could ask.
    pub kernel_records: u64,
    /// Datagrams that are no audit record.
    pub malformed: u64,
    /// Datagrams that did not come from the kernel, thrown away unread.
    pub foreign: u64,
    /// Records longer than any should be, cut.
    pub truncated: u64,
    /// Events of which only the end record came.
    pub lone_ends: u64,
    /// Events given out with something missing, for whatever reason.
    pub incomplete: u64,
    /// Events ended early because too much was open at one time.
    pub evicted: u64,
    /// Events ended by the timer.
    pub timed_out: u64,
    /// Records left out because their event had become too large.
    pub oversize: u64,
    /// Records that came after their event was given out.
    pub late: u64,
    /// Records that came twice.
    pub duplicates: u64,
    /// Partial sequences given up because too many were held.
    pub sequences_evicted: u64,
    /// Events that came too late for their place in a sequence.
    pub sequences_late: u64,
    /// Events with more join keys than are followed.
    pub sequences_cut: u64,
    /// Steps of the clock back that sequences saw.
    pub sequences_rewound: u64,
    /// Comparisons of a rule or exception that had more combinations of values than are tried (65,536).
    pub comparisons_cut: u64,
}

/// A time in which records were lost.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct BlindSpot {
    /// When it was first noticed, RFC 3339.
    pub from: String,
    /// When it was last noticed.
    pub to: String,
    /// Records lost in it.
    pub records: u64,
    /// Rules that could not see everything.
    pub rules: usize,
}

/// See [`Report::rules`].
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Rules {
    /// Rules that run.
    pub live: usize,
    /// Of these, rules that see only a part of what they ask for, and why.
    pub partly: Vec<Hindered>,
    /// Rules that can match nothing here, and why.
    pub not_live: Vec<Hindered>,
    /// Rules that have matched, the most often first.
    pub matched: Vec<Matched>,
    /// Files and entries that could not be used: each fault as `file:line: what`.
    pub faults: Vec<String>,
    /// SHA-256 over the files below.
    pub hash: String,
    /// When they were read, RFC 3339.
    pub read_at: String,
    /// Every file that was read, with its SHA-256.
    pub files: Vec<File>,
}

/// A rule and what keeps it from seeing all.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Hindered {
    /// `rule.id`.
    pub id: String,
    /// `rule.name`.
    pub name: String,
    /// What is missing.
    pub reason: String,
}

/// A rule that has matched.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Matched {
    /// `rule.id`.
    pub id: String,
    /// `rule.name`.
    pub name: String,
    /// Matches since the start that no exception took: each is an alert or a part of one.
    pub matches: u64,
}

/// A file of the rule set.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct File {
    /// Its path; of a rule inside the program its name.
    pub path: String,
    /// SHA-256 of its bytes, in hex.
    pub sha256: String,
}

/// A destination of alerts.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Destination {
    /// `syslog`, `stdout`, `file`.
    pub name: String,
    /// Alerts that its system has taken.
    pub sent: u64,
    /// Messages that wait in memory.
    pub waiting: usize,
    /// Alerts that wait in the store alone.
    pub stored: u64,
    /// How long the one that waits longest has waited, in seconds.
    pub lag_seconds: f64,
    /// Alerts that found no room in the queue and were not in the store, or no longer.
    pub lost: u64,
    /// Alerts that it can never take.
    pub refused: u64,
    /// The daemon's own sentences that found no room in the queue.
    pub lost_notices: u64,
    /// Alerts beyond its limit a minute, told as a number.
    pub rolled_up: u64,
    /// Why nothing goes out at the moment.
    pub trouble: Option<String>,
}

/// See [`Report::store`].
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Store {
    /// Alerts in it.
    pub rows: u64,
    /// Bytes of the file and its log.
    pub bytes: u64,
    /// Alerts written since the start.
    pub stored: u64,
    /// Alerts that could not be written since the start: they went out all the same.
    pub unstored: u64,
    /// Deliveries that did not wait for the commit, since it stood still.
    pub early: u64,
    /// Alerts deleted since the start, as they were too old or too many.
    pub deleted: u64,
    /// Files set aside since the start.
    pub set_aside: u64,
    /// Alerts that wait to be written.
    pub unwritten: usize,
    /// Why nothing can be written at the moment.
    pub trouble: Option<String>,
}

/// See [`Report::triage`]. Counts since the start.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Triage {
    /// Alerts about which all that can be was gathered.
    pub whole: u64,
    /// Alerts of which only the processes were told, since too many came at once.
    pub captured: u64,
    /// Alerts about which nothing was gathered, for want of room or of time.
    pub without: u64,
}

/// See [`Report::events`]. Counts since the start.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Events {
    /// The file.
    pub path: String,
    /// Events written.
    pub written: u64,
    /// Events left out, since the disk was too slow or full and there was no room for more.
    pub left_out: u64,
    /// Bytes that wait to be written.
    pub waiting_bytes: u64,
    /// Why nothing can be written at the moment.
    pub trouble: Option<String>,
}

/// See [`Report::delivery`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Delivery {
    /// Alerts measured, over all destinations.
    pub count: u64,
    /// Half of them took no longer, in microseconds.
    pub p50_micros: u64,
    /// 99 of 100 took no longer.
    pub p99_micros: u64,
    /// The longest.
    pub max_micros: u64,
}

/// See [`Report::memory`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Memory {
    /// Anonymous memory (RssAnon), in bytes.
    pub anonymous: u64,
    /// Resident memory (VmRSS).
    pub resident: u64,
    /// The most that was ever resident (VmHWM).
    pub peak: u64,
    /// Processes in the process table.
    pub processes: usize,
    /// Bytes of the process table.
    pub process_bytes: usize,
}

/// See [`Report::receive_buffer`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct ReceiveBuffer {
    /// What the configuration asks for.
    pub asked: usize,
    /// What the kernel granted.
    pub granted: usize,
}

/// See [`Report::auditing`].
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Auditing {
    /// When it was last asked, RFC 3339: without the probe at the start only.
    pub asked_at: String,
    /// 0 off, 1 on, 2 on and locked.
    pub enabled: u32,
    /// Records lost in the kernel since boot, before any reader.
    pub lost: u32,
    /// The most records that may wait in the kernel.
    pub backlog_limit: u32,
    /// Kernel rules that the detection rules need and that were not loaded when they were last looked at; none before
    /// that.
    pub missing_rules: Option<usize>,
}

/// See [`Report::probe`].
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Probe {
    /// Whether it answers.
    pub answers: bool,
    /// Why it does not.
    pub trouble: Option<String>,
    /// Questions that were answered.
    pub answered: u64,
    /// Questions for which nobody was there: what they asked for was not readable.
    pub away: u64,
    /// Questions that were not answered in time: what they asked for was not readable.
    pub slow: u64,
}

/// See [`Report::accounts`].
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Accounts {
    /// When they were last read, RFC 3339.
    pub read_at: String,
    /// Entries of accounts that are known.
    pub accounts: usize,
    /// Entries of groups.
    pub groups: usize,
    /// Accounts with UID 0, root among them.
    pub uid_0: usize,
    /// Lines that the C library passes over, and files that are no record.
    pub malformed: u64,
    /// Files of which only a part is kept: they have too many entries.
    pub partial: Vec<String>,
    /// What cannot be read, and why: the last known state stands.
    pub unreadable: Vec<String>,
    /// Whether inotify tells of changes; else the interval does.
    pub watched: bool,
    /// Programs that may have written a file since it was last read, or may still.
    pub writers: usize,
    /// Each file that was looked at.
    pub files: Vec<AccountFile>,
}

/// An account file that is looked at, or a directory of them, since the start.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct AccountFile {
    /// Its path.
    pub file: String,
    /// How often it was read.
    pub reads: u64,
    /// When it was last read, RFC 3339; none where it never was.
    pub read_at: Option<String>,
    /// Differences to the last known state that were found in it.
    pub differences: u64,
    /// How often it could not be read.
    pub faults: u64,
}

/// See [`Report::canary`].
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Canary {
    /// When the last one that was seen was executed, RFC 3339.
    pub seen_at: Option<String>,
    /// Seconds since then.
    pub age_seconds: Option<u64>,
    /// From its execution (as the kernel stamped it) to the match of its rule, in milliseconds.
    pub way_millis: Option<u64>,
    /// Canaries that were executed, or due, and were not seen.
    pub missed: u64,
}
