//! What an analyst would ask the host about an alert, asked at once: the host knows it now and may not in a minute.
//!
//! [`Host::gather`] answers for one alert, within a given time: first what ends with the processes (`chain`), then the
//! accounts concerned (`accounts`), their `processes` and `sessions`, and the questions of the rule's guide, filled (`query`)
//! and, where this program has the tables, answered (`answer`). What could not be gathered is named under `missing`, never left out
//! in silence. All of it stands under `auditward.triage` of the alert's document, with secrets masked as everywhere.
//!
//! Nothing here is on the path of a record: it may take its time, up to the bound that it is given.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Instant;

use jiff::Timestamp;
use serde_json::{Map, Value, json};

use crate::alert::{Alert, MOST_TRIAGE, read};
use crate::clean;
use crate::event::Runs;
use crate::event::proc::ProcGaps;
use crate::probe::{self, Client, Target};
use crate::secret;

mod accounts;
mod answer;
mod chain;
mod executables;
mod guide;
mod processes;
mod query;
mod related;
mod sessions;
mod users;

/// Bytes of one text at most.
const CELL: usize = 400;

/// Bytes of the arguments of one process at most.
const ARGS: usize = 1500;

/// What was not gathered, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Missing {
    what: String,
    reason: String,
}

impl Missing {
    fn of(what: &str, reason: &str) -> Self {
        Self { what: what.to_owned(), reason: reason.to_owned() }
    }
}

/// How much is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Depth {
    /// What would be gone soon: the processes.
    Capture,
    /// All of it.
    Whole,
}

/// This host, as triage asks it. One thread's.
#[derive(Debug)]
pub struct Host {
    /// Below which account files, utmp and logind's files are.
    root: PathBuf,
    proc: PathBuf,
    gaps: ProcGaps,
    /// Asked for files and digests.
    probe: Option<Client>,
    /// The store of alerts.
    store: Option<PathBuf>,
    accounts: accounts::Files,
    programs: executables::Known,
    /// Executions as the records told them.
    runs: Option<Arc<Runs>>,
}

impl Host {
    /// The host whose files are below `root`.
    #[must_use]
    pub fn new(root: PathBuf) -> Self {
        Self {
            root,
            proc: "/proc".into(),
            gaps: ProcGaps::new(),
            probe: None,
            store: None,
            accounts: accounts::Files::default(),
            programs: executables::Known::default(),
            runs: None,
        }
    }

    /// The same with two clients of the probe, which read of processes what this one may not, and with the store of alerts.
    #[must_use]
    pub fn with(self, [for_links, for_files]: [Client; 2], store: Option<PathBuf>) -> Self {
        Self { gaps: ProcGaps::with_probe(for_links), probe: Some(for_files), store, ..self }
    }

    /// And with how often programs were executed.
    #[must_use]
    pub fn with_runs(self, runs: Arc<Runs>) -> Self {
        Self { runs: Some(runs), ..self }
    }

    /// What the host knows about an alert: `auditward.triage`. What has not begun by `until` is left out and named.
    #[must_use]
    pub fn gather(&mut self, alert: &Alert, depth: Depth, until: Instant) -> Map<String, Value> {
        let began = Instant::now();
        let document = alert.document();
        let accounts = self.accounts.look(&self.root);
        let mut missing = accounts.missing.clone();
        let mut triage = Map::new();
        triage.insert("time".to_owned(), rfc3339(Timestamp::now()).into());
        let chain = chain::Chain::of(self, &document, &accounts, alert.stamp.millis);
        missing.extend(chain.missing);
        // What is looked at last stands among the first.
        triage.insert("processes".to_owned(), Value::Null);
        let mut links = chain.links;
        if depth == Depth::Capture {
            missing.push(Missing::of("all but the processes", "too many alerts came at once"));
        } else if Instant::now() >= until {
            missing.push(Missing::of("all but the processes", "there was no time left"));
        } else {
            let (sessions, unread) = sessions::read(&self.root);
            missing.extend(unread);
            let mut tasks = processes::all(&self.proc);
            mask_arguments(&mut tasks);
            let concerned = users::concerned(&document, &accounts);
            triage.insert("uid_0".to_owned(), users::roots(&accounts));
            let told = users::tell(&concerned, &accounts, &tasks, &sessions);
            triage.insert("users".to_owned(), told);
            if concerned.iter().all(|user| user.role != users::Role::Target) {
                missing.push(Missing::of("target user", "the alert names no account that it was done to"));
            }
            let answers = answer::Answers::of(&accounts, &tasks, &sessions, until);
            let guide = guide::Guide { document: &document, accounts: &accounts, concerned: &concerned };
            triage.insert("guide".to_owned(), guide.answer(&alert.rule, answers.as_ref().ok(), until));
            let related = related::tell(self.store.as_deref(), alert, &document, &mut missing);
            triage.extend(related.map(|related| ("related".to_owned(), related)));
            match &mut self.probe {
                Some(probe) => {
                    executables::tell(&mut links, &mut self.programs, &self.root, probe, until, &mut missing);
                }
                None => missing.push(Missing::of("programs", "there is no probe to ask")),
            }
        }
        if let Some(runs) = &self.runs {
            links.iter_mut().for_each(|link| link.count(runs));
        }
        triage.insert("processes".to_owned(), links.into_iter().map(|link| link.told).collect());
        if !missing.is_empty() {
            let list =
                missing.iter().map(|one| json!({ "what": one.what, "reason": shown(&one.reason) })).collect();
            triage.insert("missing".to_owned(), list);
        }
        let micros = u64::try_from(began.elapsed().as_micros()).unwrap_or(u64::MAX);
        triage.insert("duration_us".to_owned(), micros.into());
        if let Some(masker) = secret::masker() {
            masker.event(&mut triage);
        }
        within(triage)
    }

    /// By which the probe knows a process.
    fn target(&self, pid: u32) -> Option<Target> {
        let stat = std::fs::read(self.proc.join(format!("{pid}/stat"))).ok()?;
        Some(Target { pid, start: probe::process::start(&stat)? })
    }
}

/// The arguments as the outputs show them.
fn mask_arguments(tasks: &mut [processes::Task]) {
    let Some(masker) = secret::masker() else { return };
    for task in tasks {
        if let Some(masked) = masker.arguments(&task.args) {
            task.args = masked;
        }
    }
}

/// A command line in one text.
fn command_line(args: &[String]) -> String {
    chain::line_of(args)
}

/// As much of a text as is told.
fn shown(text: &str) -> String {
    let cut = clean::cut(text, CELL);
    if cut.len() < text.len() { format!("{cut}...[{} bytes]", text.len()) } else { text.to_owned() }
}

/// As many arguments as are told.
fn args_within(args: &[String]) -> Value {
    let (mut kept, mut bytes): (Vec<Value>, usize) = (Vec::new(), 0);
    for (at, arg) in args.iter().enumerate() {
        bytes += arg.len().min(CELL);
        if bytes > ARGS {
            kept.push(format!("...[{} values]...", args.len() - at).into());
            break;
        }
        kept.push(shown(arg).into());
    }
    kept.into()
}

/// The whole, or as much as an alert may hold: what is longest goes first, and that is said.
fn within(mut triage: Map<String, Value>) -> Map<String, Value> {
    for part in ["guide", "users", "related", "processes", "uid_0"] {
        if serde_json::to_string(&triage).map_or(0, |text| text.len()) <= MOST_TRIAGE {
            return triage;
        }
        triage.shift_remove(part);
        let told = json!({ "what": part, "reason": "all of it would be longer than an alert may be" });
        match triage.get_mut("missing").and_then(Value::as_array_mut) {
            Some(list) => list.push(told),
            None => {
                triage.insert("missing".to_owned(), json!([told]));
            }
        }
    }
    triage
}

fn rfc3339(time: Timestamp) -> String {
    time.strftime("%Y-%m-%dT%H:%M:%S.%3fZ").to_string()
}

/// The text at a path of a document.
fn text(document: &Map<String, Value>, path: &str) -> Option<String> {
    read::text(document, path).map(std::borrow::Cow::into_owned)
}

#[cfg(test)]
mod tests;
