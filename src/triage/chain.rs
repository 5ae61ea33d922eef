//! The acting process and its parents, up to init: what the records say, and what /proc and the probe add while it runs.

use jiff::Timestamp;
use serde_json::{Map, Value, json};

use super::accounts::Accounts;
use super::{Capturer, Missing, args_within, processes, shown};
use crate::alert::read;
use crate::clean;
use crate::event::Runs;
use crate::event::ancestry::{Found, Gaps, Image};
use crate::probe::Target;

/// Processes of one chain that are told.
const MOST: usize = 32;

/// A process of a chain.
#[derive(Debug)]
pub(super) struct Link {
    pub(super) pid: u32,
    /// What is told of it.
    pub(super) told: Map<String, Value>,
    /// By which the probe knows it, while it runs.
    pub(super) target: Option<Target>,
    /// The path of what it runs.
    program: Option<String>,
}

impl Link {
    /// How often, and since when, its program was executed, as far as the kernel records executions of it.
    pub(super) fn count(&mut self, runs: &Runs) {
        let Some(run) = self.program.as_deref().and_then(|path| runs.of(path.as_bytes())) else { return };
        let first = i64::try_from(run.first).ok().and_then(|ms| Timestamp::from_millisecond(ms).ok());
        self.told
            .insert("runs".to_owned(), json!({ "count": run.count, "since": first.map(super::rfc3339) }));
    }
}

/// The chain, the acting process first.
#[derive(Default)]
pub(super) struct Chain {
    pub(super) links: Vec<Link>,
    pub(super) missing: Vec<Missing>,
}

/// Processes that the alert's document names, the acting one first.
fn of_records(document: &Map<String, Value>) -> Vec<&Map<String, Value>> {
    let acting = read::get(document, "process").and_then(Value::as_object);
    let ancestors = read::get(document, "auditward.ancestors").and_then(Value::as_array);
    acting.into_iter().chain(ancestors.into_iter().flatten().filter_map(Value::as_object)).collect()
}

fn pid_of(process: &Map<String, Value>) -> Option<u32> {
    read::text(process, "pid")?.parse().ok()
}

impl Chain {
    /// `millis` is when the event was: what began later has taken over a number.
    pub(super) fn of(
        host: &mut Capturer,
        document: &Map<String, Value>,
        accounts: &Accounts,
        millis: u64,
    ) -> Self {
        let mut chain = Self::default();
        let recorded = of_records(document);
        let mut next = recorded.first().and_then(|process| pid_of(process));
        let mut at = 0;
        while let Some(pid) = next.filter(|pid| *pid != 0) {
            if chain.links.len() == MOST {
                chain.missing.push(Missing::of("processes", "the chain is longer than is told"));
                break;
            }
            let records = recorded.get(at).copied().filter(|process| pid_of(process) == Some(pid));
            at += 1;
            // A container's init has the number 1 in there alone; these are the host's numbers.
            let told = |path: &str| records.is_some_and(|process| read::get(process, path).is_some());
            let links = !(told("executable") && told("working_directory"));
            let found =
                host.gaps.glance(pid, links).filter(|found| found.start <= millis.saturating_add(1000));
            let parent = recorded.get(at).and_then(|process| pid_of(process));
            let told = if at == 1 { read::text(document, "process.parent.pid") } else { None };
            let parent = parent.or_else(|| told.and_then(|pid| pid.parse().ok()));
            let own = if at == 1 { Some(document) } else { None };
            chain.links.push(host.link(pid, records, found.as_ref(), own, accounts));
            let looping = |pid: u32| chain.links.iter().any(|link| link.pid == pid);
            next = parent.or(found.map(|found| found.ppid)).filter(|pid| !looping(*pid));
        }
        match chain.links.last() {
            None => chain.missing.push(Missing::of("processes", "the alert names none")),
            Some(last) if last.pid != 1 && next.is_none() && last.target.is_none() => {
                chain
                    .missing
                    .push(Missing::of("processes", "a parent had ended: what stands above it is not known"));
            }
            Some(_) => {}
        }
        chain.connection(host, millis);
        chain
    }

    /// The address behind an ssh session, as sshd told its child in the environment.
    fn connection(&mut self, host: &mut Capturer, millis: u64) {
        for link in &mut self.links {
            // Above the login there is no session that an address would be of.
            if link.target.is_none() || link.told.get("login_user").is_some_and(|user| user == "none") {
                continue;
            }
            let Some(environment) = host.gaps.environment(link.pid, millis) else { continue };
            let found =
                environment.variables.iter().find_map(|variable| variable.strip_prefix(b"SSH_CONNECTION="));
            let Some(found) = found else { continue };
            // `client port server port` (ssh(1)).
            let text = String::from_utf8_lossy(found).into_owned();
            let mut words = text.split(' ');
            let (Some(ip), port) =
                (words.next().and_then(|ip| ip.parse::<std::net::IpAddr>().ok()), words.next())
            else {
                continue;
            };
            let port = port.and_then(|port| port.parse::<u16>().ok());
            let source = json!({ "ip": ip.to_string(), "port": port, "from": "environment" });
            link.told.insert("source".to_owned(), source);
            return;
        }
    }
}

/// `pts0` of records as ps(1) writes it.
fn terminal(name: &str) -> String {
    match name.strip_prefix("pts") {
        Some(number) if number.bytes().all(|b| b.is_ascii_digit()) => format!("pts/{number}"),
        _ => name.to_owned(),
    }
}

fn account(accounts: &Accounts, uid: u32) -> Value {
    match accounts.numbered(uid) {
        Some(user) => json!({ "id": uid.to_string(), "name": shown(&user.name) }),
        None => json!({ "id": uid.to_string() }),
    }
}

fn lossy(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

impl Capturer {
    /// What is told of one process. `own` is the alert's document for the acting process, whose user and terminal it has.
    fn link(
        &mut self,
        pid: u32,
        records: Option<&Map<String, Value>>,
        found: Option<&Found>,
        own: Option<&Map<String, Value>>,
        accounts: &Accounts,
    ) -> Link {
        let image = found.map(|found| &found.image);
        let recorded =
            |path: &str| records.and_then(|process| read::text(process, path)).map(|text| text.into_owned());
        let seen = |of: fn(&Image) -> Option<&[u8]>| image.and_then(of).map(lossy);
        let document = |path: &str| own.and_then(|own| read::text(own, path)).map(|text| text.into_owned());
        let mut told = Map::new();
        let mut unknown: Vec<&str> = Vec::new();
        let mut put = |key: &'static str, value: Option<Value>| match value {
            Some(value) => {
                told.insert(key.to_owned(), value);
            }
            None => unknown.push(key),
        };
        put("pid", Some(pid.into()));
        put("state", Some(if found.is_some() { "running" } else { "ended" }.into()));
        put("name", recorded("name").or_else(|| seen(Image::name)).map(|name| shown(&name).into()));
        let executable = recorded("executable").or_else(|| seen(Image::executable));
        put("executable", executable.as_deref().map(|path| shown(path).into()));
        let args = records.and_then(|process| read::get(process, "args")).and_then(Value::as_array);
        let args: Option<Vec<String>> = match args {
            Some(args) => Some(args.iter().filter_map(Value::as_str).map(str::to_owned).collect()),
            None => image.and_then(Image::arguments).map(|all| all.map(lossy).collect()),
        };
        put("args", args.as_deref().map(args_within));
        let directory = recorded("working_directory").or_else(|| seen(Image::directory));
        put("working_directory", directory.map(|path| shown(&path).into()));
        let start = found.and_then(|found| i64::try_from(found.start).ok());
        let start = start.and_then(|millis| Timestamp::from_millisecond(millis).ok());
        put("start", recorded("start").or_else(|| start.map(super::rfc3339)).map(Value::from));
        let tty = document("auditd.data.tty").filter(|tty| tty != "(none)").map(|tty| terminal(&tty));
        let tty = tty.or_else(|| found.and_then(|found| found.terminal.name()));
        let no_tty = found.is_some_and(|found| found.terminal.present() == Some(false));
        let tty = tty.or_else(|| no_tty.then(|| "none".to_owned())).or_else(|| recorded("terminal"));
        put("terminal", tty.map(|tty| shown(&tty).into()));
        // Of a parent that has ended, as it was when a record last told of it.
        let number = |text: String| text.parse::<u32>().ok();
        let uid = |path: &str| document(path).and_then(number);
        let was = |path: &str| recorded(path).and_then(number);
        let ids = found.and_then(|found| found.ids);
        let user = uid("user.id").or(ids.map(|ids| ids.uid)).or_else(|| was("user.id"));
        put("user", user.map(|uid| account(accounts, uid)));
        let effective =
            uid("user.effective.id").or(ids.map(|ids| ids.euid)).or_else(|| was("user.effective.id"));
        if effective != user {
            put("effective_user", effective.map(|uid| account(accounts, uid)));
        }
        let login = found.and_then(|found| found.login);
        let auid = uid("user.audit.id").or(login.map(|login| login.auid)).or_else(|| was("user.audit.id"));
        put(
            "login_user",
            auid.map(|auid| if auid == u32::MAX { "none".into() } else { account(accounts, auid) }),
        );
        let session = document("auditd.session").or(login.map(|login| login.ses.to_string()));
        let session = session.or_else(|| recorded("session"));
        let session =
            session.map(|session| if session == u32::MAX.to_string() { "none".into() } else { session });
        put("session", session.map(Value::from));
        put("unit", processes::unit(&self.proc, pid).map(|unit| shown(&unit).into()));
        let container = found.and_then(|found| found.container.as_deref()).map(lossy);
        if let Some(container) = container.or_else(|| recorded("container.id")) {
            put("container", Some(json!({ "id": shown(&container) })));
        }
        if !unknown.is_empty() {
            let reason = match found {
                None => "the process had ended",
                Some(_) => "neither the records nor /proc nor the probe told it",
            };
            told.insert("missing".to_owned(), json!({ "what": unknown, "reason": reason }));
        }
        let target = found.and_then(|_| self.target(pid));
        Link { pid, told, target, program: executable }
    }
}

/// A command line in one text, as ps(1) shows it.
pub(super) fn line_of(args: &[String]) -> String {
    clean::cut(&args.join(" "), super::CELL).to_owned()
}
