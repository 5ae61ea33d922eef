//! What an analyst would ask the host about an alert, asked at once: the host knows it now and may not in a minute.
//!
//! In two steps: a [`Capturer`] takes what ends with the processes (`chain`), an [`Enricher`] asks, within a given time, for the
//! accounts concerned (`accounts`), their `processes` and `sessions`, the questions of the guide, filled (`query`)
//! and, where this program has the tables, answered (`answer`), other alerts (`related`), and what the programs are
//! (`executables`). What could not be gathered is named under `missing`, never left out
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
mod advice;
mod answer;
mod chain;
mod executables;
mod guide;
mod packages;
mod processes;
mod query;
mod related;
mod rpm;
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

/// This host, as triage asks it: for what would be gone soon, and for the rest.
#[derive(Debug)]
pub struct Host {
    capturer: Capturer,
    enricher: Enricher,
}

/// Asks for what ends with the processes. One thread's.
#[derive(Debug)]
pub struct Capturer {
    /// Below which account files are.
    root: PathBuf,
    proc: PathBuf,
    gaps: ProcGaps,
    accounts: accounts::Files,
    /// Executions as the records told them.
    runs: Option<Arc<Runs>>,
}

/// Asks for the rest. One thread's.
#[derive(Debug)]
pub struct Enricher {
    /// Below which account files, utmp, logind's files and those of package managers are.
    root: PathBuf,
    proc: PathBuf,
    /// Asked for files and digests.
    probe: Option<Client>,
    /// The store of alerts.
    store: Option<PathBuf>,
    programs: executables::Known,
}

impl Host {
    /// The host whose files are below `root`.
    #[must_use]
    pub fn new(root: PathBuf) -> Self {
        let proc = PathBuf::from("/proc");
        let capturer = Capturer {
            root: root.clone(),
            proc: proc.clone(),
            gaps: ProcGaps::new(),
            accounts: accounts::Files::default(),
            runs: None,
        };
        let programs = executables::Known::default();
        Self { capturer, enricher: Enricher { root, proc, probe: None, store: None, programs } }
    }

    /// The same with two clients of the probe, which read of processes what this one may not, and with the store of alerts.
    #[must_use]
    pub fn with(mut self, [for_links, for_files]: [Client; 2], store: Option<PathBuf>) -> Self {
        self.capturer.gaps = ProcGaps::with_probe(for_links);
        (self.enricher.probe, self.enricher.store) = (Some(for_files), store);
        self
    }

    /// And with how often programs were executed.
    #[must_use]
    pub fn with_runs(mut self, runs: Arc<Runs>) -> Self {
        self.capturer.runs = Some(runs);
        self
    }

    /// Who asks for the one, and who for the other.
    #[must_use]
    pub fn split(self) -> (Capturer, Enricher) {
        (self.capturer, self.enricher)
    }

    /// What the host knows about an alert: `auditward.triage`. What has not begun by `until` is left out and named.
    #[must_use]
    pub fn gather(&mut self, alert: &Alert, until: Instant) -> Map<String, Value> {
        self.enricher.enrich(self.capturer.capture(alert, Instant::now()), alert, until)
    }
}

/// What would be gone soon, of one alert.
#[derive(Debug)]
pub struct Captured {
    document: Map<String, Value>,
    accounts: Arc<accounts::Accounts>,
    links: Vec<chain::Link>,
    triage: Map<String, Value>,
    missing: Vec<Missing>,
    began: Instant,
}

impl Capturer {
    /// The processes of an alert that was made at `matched`, with what of them ends with them.
    #[must_use]
    pub fn capture(&mut self, alert: &Alert, matched: Instant) -> Captured {
        let began = Instant::now();
        let document = alert.document();
        let accounts = self.accounts.look(&self.root);
        let mut missing = accounts.missing.clone();
        let mut triage = Map::new();
        triage.insert("time".to_owned(), rfc3339(Timestamp::now()).into());
        let chain = chain::Chain::of(self, &document, &accounts, alert.stamp.millis);
        missing.extend(chain.missing);
        let mut links = chain.links;
        if let Some(runs) = &self.runs {
            links.iter_mut().for_each(|link| link.count(runs));
        }
        triage.insert("captured_us".to_owned(), micros(matched).into());
        // What is looked at last stands among the first.
        triage.insert("processes".to_owned(), Value::Null);
        triage.insert("advice".to_owned(), advice::of(&alert.rule));
        Captured { document, accounts, links, triage, missing, began }
    }

    /// By which the probe knows a process.
    fn target(&self, pid: u32) -> Option<Target> {
        let stat = std::fs::read(self.proc.join(format!("{pid}/stat"))).ok()?;
        Some(Target { pid, start: probe::process::start(&stat)? })
    }
}

impl Captured {
    /// All that there is, since for `why` the rest is not asked.
    #[must_use]
    pub fn alone(mut self, why: &str) -> Map<String, Value> {
        self.missing.push(Missing::of("all but the processes", why));
        self.told()
    }

    fn told(self) -> Map<String, Value> {
        let Self { links, mut triage, missing, began, .. } = self;
        triage.insert("processes".to_owned(), links.into_iter().map(|link| link.told).collect());
        if !missing.is_empty() {
            let list =
                missing.iter().map(|one| json!({ "what": one.what, "reason": shown(&one.reason) })).collect();
            triage.insert("missing".to_owned(), list);
        }
        triage.insert("duration_us".to_owned(), micros(began).into());
        if let Some(masker) = secret::masker() {
            masker.event(&mut triage);
        }
        within(triage)
    }
}

impl Enricher {
    /// The rest, with what was captured: `auditward.triage`. What has not begun by `until` is left out and named.
    #[must_use]
    pub fn enrich(&mut self, mut captured: Captured, alert: &Alert, until: Instant) -> Map<String, Value> {
        if Instant::now() >= until {
            return captured.alone("there was no time left");
        }
        let Captured { document, accounts, links, triage, missing, .. } = &mut captured;
        let (sessions, unread) = sessions::read(&self.root);
        missing.extend(unread);
        let (mut tasks, unread) = processes::all(&self.proc);
        missing.extend(unread);
        if tasks.iter().any(|task| !task.args.is_empty() && task.executable.is_none()) {
            let why =
                "the kernel shows them to root alone; of the alert's own processes the probe has told them";
            missing.push(Missing::of("program and directory of other users' processes", why));
        }
        mask_arguments(&mut tasks);
        let concerned = users::concerned(document, accounts);
        triage.insert("uid_0".to_owned(), users::roots(accounts));
        let told = users::tell(&concerned, accounts, &tasks, &sessions);
        triage.insert("users".to_owned(), told);
        if concerned.iter().all(|user| user.role != users::Role::Target) {
            missing.push(Missing::of("target user", "the alert names no account that it was done to"));
        }
        let answers = answer::Answers::of(accounts, &tasks, &sessions, until);
        let guide = guide::Guide { document, accounts, concerned: &concerned };
        triage.insert("guide".to_owned(), guide.answer(alert, answers.as_ref().ok(), until));
        let related = related::tell(self.store.as_deref(), alert, document, missing);
        triage.extend(related.map(|related| ("related".to_owned(), related)));
        match &mut self.probe {
            Some(probe) => {
                executables::tell(links, &mut self.programs, &self.root, probe, until, missing);
            }
            None => missing.push(Missing::of("programs", "there is no probe to ask")),
        }
        captured.told()
    }
}

fn micros(since: Instant) -> u64 {
    u64::try_from(since.elapsed().as_micros()).unwrap_or(u64::MAX)
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
    for part in ["advice", "guide", "users", "related", "processes", "uid_0"] {
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
