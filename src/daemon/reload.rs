//! Rules, destinations and settings read anew while the daemon runs.
//!
//! All the reading is done beside the loop by one thread, one reload after the other, so that no record
//! waits for it; the loop then goes on with what came of it between two events. What has a fault is
//! refused whole, and everything stays as it was.

use std::collections::HashMap;
use std::fmt;
use std::io;
use std::sync::Arc;
use std::sync::mpsc::{Sender, channel};

use sha2::{Digest, Sha256};

use super::config::Config;
use super::desk::Desk;
use super::detector::Detector;
use super::health::Unseen;
use super::ruleset::RuleSet;
use super::{Options, path, start};
use crate::audit::kernel_rules;
use crate::detect::{self, Engine};
use crate::diagnostic::{Diagnostic, Level, render};
use crate::output::{Outputs, Planned, SinkConfig};
use crate::rule::Rule;

/// Everything that the loop needs to go on with other rules and destinations.
pub struct Prepared {
    /// The settings.
    pub config: Config,
    /// The rules and what was read for them.
    pub set: RuleSet,
    /// The faults of configuration and rules, each in one sentence.
    pub faults: Vec<String>,
    /// The kernel rules that the rules need.
    pub plan: Vec<kernel_rules::Rule>,
    /// A detector for the rules, ready to be asked.
    pub detector: Detector,
    /// The destinations that stay and the new ones, open.
    pub destinations: Vec<Planned>,
    /// What is said of the change, line by line.
    pub told: Vec<String>,
}

/// What came of a reload.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// Whether it is in force.
    pub accepted: bool,
    /// What is said of it.
    pub lines: Vec<String>,
}

impl fmt::Display for Answer {
    /// As it goes over the socket: a word, and the lines.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.accepted { "reloaded\n" } else { "refused\n" })?;
        self.lines.iter().try_for_each(|line| writeln!(f, "{line}"))
    }
}

impl Answer {
    pub(super) fn refused(lines: Vec<String>) -> Self {
        Self { accepted: false, lines }
    }
}

/// Where a reload is asked for.
#[derive(Clone, Debug)]
pub(super) struct Reloader(Sender<Option<Sender<Answer>>>);

/// The thread's own.
struct Work {
    options: Options,
    config: Config,
    rules: Vec<Arc<Rule>>,
    unseen: Unseen,
    desk: Desk,
}

impl Reloader {
    /// Starts the thread; `config` and `rules` are those in force.
    ///
    /// # Errors
    /// No thread can be started.
    pub(super) fn start(
        options: Options,
        config: Config,
        rules: Vec<Arc<Rule>>,
        unseen: Unseen,
        desk: Desk,
    ) -> io::Result<Self> {
        let (jobs, taken) = channel::<Option<Sender<Answer>>>();
        let mut work = Work { options, config, rules, unseen, desk };
        let run = move || {
            while let Ok(asker) = taken.recv() {
                let answer = work.reload();
                if let Some(asker) = asker {
                    let _ = asker.send(answer);
                }
            }
        };
        std::thread::Builder::new().name("reload".to_owned()).spawn(run)?;
        Ok(Self(jobs))
    }

    /// Reloads, and waits for what comes of it.
    pub(super) fn reload(&self) -> Answer {
        let (asker, answer) = channel();
        let gone =
            || Answer::refused(vec!["the thread that reloads is gone; restart the service".to_owned()]);
        if self.0.send(Some(asker)).is_err() {
            return gone();
        }
        answer.recv().unwrap_or_else(|_| gone())
    }

    /// Has it done; the answer goes to the log only.
    pub(super) fn reload_later(&self) {
        let _ = self.0.send(None);
    }
}

impl Work {
    fn reload(&mut self) -> Answer {
        let prepared = match self.prepare() {
            Ok(prepared) => prepared,
            Err((short, lines)) => {
                self.desk.refused(short);
                return Answer::refused(lines);
            }
        };
        let (config, rules) = (prepared.config.clone(), prepared.set.rules.clone());
        let Some(answer) = self.desk.install(prepared) else {
            return Answer::refused(vec!["the loop that reads records does not answer".to_owned()]);
        };
        if answer.accepted {
            config.secrets.apply(None);
            (self.config, self.rules) = (config, rules);
        }
        answer
    }

    /// # Errors
    /// Why it is refused, in short and with each fault drawn.
    fn prepare(&self) -> Result<Prepared, (String, Vec<String>)> {
        let refused = |faults: &[&Diagnostic], fallback: &str| {
            let first = faults.first().map_or_else(|| fallback.to_owned(), |fault| fault.one_line());
            let more = match faults.len() {
                0 | 1 => String::new(),
                n => format!(" (and {} more)", n - 1),
            };
            let short = format!("reload refused, everything stays as it was: {first}{more}");
            let drawn = faults.iter().map(|fault| render(fault, false).trim_end().to_owned());
            let mut lines: Vec<String> = drawn.collect();
            lines.push(short.clone());
            (short, lines)
        };
        let (config, config_faults) = start::read_config(&self.options)
            .map_err(|fault| refused(&[fault.as_ref()], "the configuration cannot be read"))?;
        let mut set = RuleSet::read(&config.rules, &self.options.site());
        let errors: Vec<&Diagnostic> =
            config_faults.iter().chain(&set.faults).filter(|fault| fault.level == Level::Error).collect();
        if !errors.is_empty() {
            return Err(refused(&errors, ""));
        }
        if set.rules.is_empty() {
            return Err(refused(&[], "no rule is left: there would be nothing to watch for"));
        }
        let destinations = self.destinations(&config).map_err(|error| refused(&[], &error.to_string()))?;
        let changed = keep_unchanged(&mut set.rules, &self.rules);
        let detector = path::detector(&set.rules, &self.unseen, config.sequences);
        let mut told: Vec<String> = config_faults
            .iter()
            .chain(&set.faults)
            .map(|fault| render(fault, false).trim_end().to_owned())
            .collect();
        told.extend(told_of(&changed, &set.rules, &self.rules, detector.engine()));
        told.extend(for_the_next_start(&self.config, &config));
        let faults = config_faults.iter().chain(&set.faults).map(Diagnostic::one_line).collect();
        let plan = start::plan(&set.rules, config.kernel_rules).rules;
        Ok(Prepared { config, set, faults, plan, detector, destinations, told })
    }

    /// The destinations of `config`: those that are as they were stay with their queues.
    fn destinations(&self, config: &Config) -> io::Result<Vec<Planned>> {
        // What a destination is made of is plain data, and its text tells it whole.
        let text = |sink: &SinkConfig| format!("{sink:?}");
        let before: HashMap<String, String> =
            self.config.sinks().iter().map(|sink| (sink.name.clone(), text(sink))).collect();
        let plan = |sink: SinkConfig| match before.get(&sink.name) {
            Some(same) if *same == text(&sink) => Ok(Planned::Kept(sink.name)),
            _ => Outputs::open(vec![sink]).map(Planned::New),
        };
        config.sinks().into_iter().map(plan).collect()
    }
}

/// Puts the rules that are the very same in the place of what was read anew, so that their counts and their
/// exceptions' go on. Gives the others, with their former selves where they had one.
fn keep_unchanged(rules: &mut [Arc<Rule>], before: &[Arc<Rule>]) -> Vec<Arc<Rule>> {
    let known: HashMap<String, &Arc<Rule>> = before.iter().map(|rule| (print(rule), rule)).collect();
    let mut changed = Vec::new();
    for rule in rules {
        match known.get(&print(rule)) {
            Some(same) => *rule = Arc::clone(same),
            None => changed.push(Arc::clone(rule)),
        }
    }
    changed
}

/// What makes a rule what it is: its text, and what the site says of it.
fn print(rule: &Rule) -> String {
    let exceptions: Vec<_> = rule
        .exceptions
        .iter()
        .map(|applied| {
            let e = &applied.exception;
            (&e.id, &e.condition, &e.scope, e.stage, &e.reason, &e.owner, e.expires)
        })
        .collect();
    let whole = format!(
        "{:?}",
        (
            (&rule.source.text, &rule.effective.text, &rule.path, &rule.ruleset, &rule.not_live),
            (&rule.name, rule.severity, rule.risk_score, rule.max_signals, rule.window, &rule.suppression),
            exceptions,
        )
    );
    Sha256::digest(whole).iter().map(|byte| format!("{byte:02x}")).collect()
}

/// One line for each rule that came, changed or went: live, or not live and what is missing.
fn told_of(changed: &[Arc<Rule>], now: &[Arc<Rule>], before: &[Arc<Rule>], engine: &Engine) -> Vec<String> {
    let state = |rule: &Arc<Rule>| match engine.not_live().iter().find(|dead| Arc::ptr_eq(&dead.rule, rule)) {
        Some(dead) => format!("not live: {}", dead.reason),
        None => format!("live; needs {}", detect::kernel_needs(rule).join(", ")),
    };
    let word = |rule: &Rule| match before.iter().any(|other| other.uuid == rule.uuid) {
        true => "changed",
        false => "new",
    };
    let mut lines: Vec<String> =
        changed.iter().map(|rule| format!("{}: {}: {}", word(rule), rule.name, state(rule))).collect();
    let gone = before.iter().filter(|old| !now.iter().any(|rule| rule.uuid == old.uuid));
    lines.extend(gone.map(|rule| format!("gone: {}", rule.name)));
    lines
}

/// The settings that a running daemon does not change.
fn for_the_next_start(before: &Config, now: &Config) -> Vec<String> {
    let same = |a: &dyn fmt::Debug, b: &dyn fmt::Debug| format!("{a:?}") == format!("{b:?}");
    let directories =
        |config: &Config| (config.daemon.runtime_directory.clone(), config.daemon.state_directory.clone());
    [
        ("user", same(&before.user, &now.user)),
        ("[audit]", same(&before.audit, &now.audit)),
        ("[processes]", same(&before.processes, &now.processes)),
        ("[accounts]", same(&before.accounts, &now.accounts)),
        ("[store]", same(&before.store, &now.store)),
        ("[triage]", same(&before.triage, &now.triage)),
        ("[events]", same(&before.events, &now.events)),
        ("daemon.runtime_directory, daemon.state_directory", directories(before) == directories(now)),
    ]
    .into_iter()
    .filter(|(_, same)| !same)
    .map(|(what, _)| format!("{what} changed: takes effect at the next start"))
    .collect()
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    fn set(site: &Path) -> Vec<Arc<Rule>> {
        RuleSet::read(&[site.join("rules.d")], site).rules
    }

    #[test]
    fn unchanged_rules_stay_themselves_and_changed_ones_are_told() {
        let site = tempfile::tempdir().expect("a directory");
        let write = |name: &str, text: &str| {
            let path = site.path().join(name);
            std::fs::create_dir_all(path.parent().expect("a parent")).expect("a directory");
            std::fs::write(path, text).expect("a file");
        };
        let rule = |id: &str, query: &str| {
            format!(
                "[rule]\nrule_id = \"{id}\"\nname = \"rule {id}\"\ndescription = \"d\"\ntype = \"eql\"\nseverity = \
                 \"low\"\nrisk_score = 1\nquery = '{query}'\n"
            )
        };
        write("rules.d/a.toml", &rule("a", "process where process.name == \"a\""));
        write("rules.d/b.toml", &rule("b", "process where process.name == \"b\""));
        write("rules.d/c.toml", &rule("c", "process where process.name == \"c\""));
        let before = set(site.path());
        write("rules.d/b.toml", &rule("b", "process where process.name == \"x\""));
        write(
            "rules.d/d.toml",
            &rule("d", "process where process.entity_id == \"1\" and dns.question.name == \"x\""),
        );
        std::fs::remove_file(site.path().join("rules.d/c.toml")).expect("removed");
        let mut now = set(site.path());
        let changed = keep_unchanged(&mut now, &before);
        assert!(Arc::ptr_eq(&now[0], &before[0]) && !Arc::ptr_eq(&now[1], &before[1]));
        let engine = Engine::new(now.clone());
        let told = told_of(&changed, &now, &before, &engine);
        assert_eq!(told.len(), 3, "{told:?}");
        assert!(told[0].starts_with("changed: rule b: live; needs kernel rules for"), "{told:?}");
        assert!(told[1].starts_with("new: rule d: not live: "), "{told:?}");
        assert_eq!(told[2], "gone: rule c");

        // An exception of the site makes another rule of it.
        let exception = "[[exception]]\nid = \"e\"\nrules = [\"a\"]\nreason = \"r\"\nowner = \"o\"\n\
                         condition = 'user.id == \"7\"'\n";
        write("exceptions.d/e.toml", exception);
        let (before, mut now) = (now, set(site.path()));
        let changed = keep_unchanged(&mut now, &before);
        assert_eq!(changed.iter().map(|rule| rule.uuid.as_str()).collect::<Vec<_>>(), ["a"]);
    }

    #[test]
    fn what_waits_for_the_next_start_is_told() {
        let (before, mut now) = (Config::default(), Config::default());
        assert_eq!(for_the_next_start(&before, &now), Vec::<String>::new());
        now.user = Some("x".to_owned());
        now.audit.receive_buffer = 1;
        now.daemon.heartbeat = None;
        let told = for_the_next_start(&before, &now);
        assert_eq!(told.len(), 2, "{told:?}");
        assert!(told[0].starts_with("user changed: "));
    }
}
