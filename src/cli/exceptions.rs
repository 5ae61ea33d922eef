//! `auditward exceptions`: what is no alert, who says so, and how much each takes.

use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use clap::Subcommand;

use super::input::{self, Sink};
use super::{Status, rules};
use crate::clean;
use crate::daemon::detector::{Created, Detector};
use crate::daemon::intake::Intake;
use crate::rule::policy::{Policy, Scope};

/// List the exceptions below exceptions.d.
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Tell each exception: its rules, condition, reason, owner and last day
    List {
        #[command(flatten)]
        set: rules::Set,
        /// Also count what each takes of these recorded audit records (again for more)
        #[arg(long, value_name = "FILE")]
        over: Vec<PathBuf>,
    },
}

/// Runs the command.
///
/// # Errors
/// Standard output cannot be written.
pub fn run(args: &Args) -> anyhow::Result<Status> {
    let Action::List { set, over } = &args.action;
    let loaded = set.load();
    let errors = loaded.errors();
    let mut counting =
        Counting { intake: Intake::for_replay(), detector: Detector::new(loaded.rules, Created::Stamp) };
    let mut failed = 0;
    if !over.is_empty() {
        failed = input::read(over, None, &mut counting)?.failed;
        let Counting { intake, detector } = &mut counting;
        intake.finish(&mut |event| detector.event(event, &mut |_| {}));
    }
    list(set.site(), &counting.detector, !over.is_empty(), &mut io::stdout().lock())?;
    Ok(if failed > 0 || errors > 0 { Status::Error } else { Status::Fine })
}

fn list(site: &Path, detector: &Detector, counted: bool, out: &mut dyn Write) -> io::Result<()> {
    let mut exceptions = Policy::read(site).exceptions;
    for applied in detector.engine().rules().iter().flat_map(|rule| &rule.exceptions) {
        // Those that came with an export of rules.
        if exceptions.iter().all(|known| known.id != applied.exception.id) {
            exceptions.push(Arc::clone(&applied.exception));
        }
    }
    for exception in &exceptions {
        let applied =
            detector.engine().rules().iter().flat_map(|rule| {
                rule.exceptions.iter().filter(|applied| applied.exception.id == exception.id)
            });
        let (rules, taken) = applied.fold((0, 0), |(rules, taken), a| (rules + 1, taken + a.taken()));
        let scope = match &exception.scope {
            Scope::All => "all rules".to_owned(),
            Scope::Rules(ids) => ids.iter().map(|(id, _)| id.as_str()).collect::<Vec<_>>().join(", "),
        };
        let until = exception.expires.map_or_else(|| "no end".to_owned(), |day| format!("until {day}"));
        let state = match (exception.expired(), rules) {
            (true, _) => "EXPIRED".to_owned(),
            (false, 0) => "NOT IN FORCE: none of its rules is run, or it was refused".to_owned(),
            (false, rules) => format!("in force on {rules} rules"),
        };
        let lines = [
            format!("{}  {state}, {until}", exception.id),
            format!("  rules      {scope}"),
            format!("  condition  {}", exception.condition),
            format!("  reason     {}", exception.reason),
            format!("  owner      {}", exception.owner),
            format!("  file       {}", exception.source.name.display()),
        ];
        for line in lines {
            writeln!(out, "{}", clean::text(line.as_bytes()))?;
        }
        if counted {
            writeln!(out, "  taken      {taken}")?;
        }
    }
    writeln!(out, "{} exceptions", exceptions.len())
}

struct Counting {
    intake: Intake,
    detector: Detector,
}

impl Sink for Counting {
    fn line(&mut self, line: &[u8], now: u64) -> io::Result<()> {
        let Self { intake, detector } = self;
        intake.line(line, now, &mut |event| detector.event(event, &mut |_| {}));
        Ok(())
    }

    fn idle(&mut self, now: u64) -> io::Result<()> {
        let Self { intake, detector } = self;
        intake.expire(now, &mut |event| detector.event(event, &mut |_| {}));
        Ok(())
    }

    fn deadline(&self) -> Option<u64> {
        self.intake.next_deadline()
    }
}
