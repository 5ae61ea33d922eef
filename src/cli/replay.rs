//! `auditward replay`: the path of the live run over recorded records.

use std::io::{BufWriter, ErrorKind, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use clap::ValueEnum;

use super::Status;
use super::input::{self, Sink};
use super::secrets::Secrets;
use crate::alert::Alert;
use crate::daemon::detector::Detector;
use crate::daemon::intake::{Intake, counted};
use crate::daemon::recorded::{Documents, Reader};
use crate::daemon::start;
use crate::output::{self, Body, Formatter, Lines, Protocol};
use crate::rule::Severity;
use crate::rule::policy::SITE;

/// Ask the rules about recorded audit records.
///
/// The same path as `auditward run`, over files instead of the kernel: the same records give the
/// same alerts with the same ids. Documents in JSON are asked too (exports, search and EQL answers, bulk
/// requests), each by the rules whose `index` names theirs. Alerts go to standard output, a summary to standard error.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// What to read, in order: files, directories with all below them, patterns in quotes; plain, gzip or zstd. `-` is
    /// standard input, which is also the default.
    #[arg(value_name = "PATH")]
    files: Vec<PathBuf>,

    /// Rule file or directory (again for more). Default: the installed rules, else those built in.
    #[arg(long, value_name = "PATH")]
    rules: Vec<PathBuf>,

    /// Where overrides.d, exceptions.d and lists.d are (and rules.d, without --rules)
    #[arg(long, value_name = "DIR", default_value = SITE)]
    site: PathBuf,

    /// How alerts are printed. `text`: the readable line; `json`: one ECS document a line; `syslog`: as
    /// it would be sent to the local log.
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,

    /// Apply rules to documents of every index, whatever their `index` says.
    #[arg(long)]
    any_index: bool,

    /// Read the (one) FILE as it grows, across rotation, until interrupted.
    #[arg(long, requires = "files")]
    follow: bool,

    /// End with status 1 when there was an alert of this severity or above.
    #[arg(long, value_name = "SEVERITY")]
    fail_on: Option<SeverityName>,

    #[command(flatten)]
    secrets: Secrets,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Format {
    Text,
    Json,
    Syslog,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum SeverityName {
    Low,
    Medium,
    High,
    Critical,
}

impl From<SeverityName> for Severity {
    fn from(name: SeverityName) -> Self {
        match name {
            SeverityName::Low => Self::Low,
            SeverityName::Medium => Self::Medium,
            SeverityName::High => Self::High,
            SeverityName::Critical => Self::Critical,
        }
    }
}

/// Runs the command.
///
/// # Errors
/// The rules cannot be used, or standard output cannot be written.
pub fn run(args: &Args) -> anyhow::Result<Status> {
    args.secrets.apply()?;
    let rules = start::rules_of(&args.rules, &args.site)?;
    let format = match args.format {
        Format::Text => output::Format::Text,
        Format::Json => output::Format::Json,
        Format::Syslog => output::Format::Syslog(Box::new(Formatter::new(Protocol::Rfc3164, Body::Text))),
    };
    let out = BufWriter::with_capacity(1 << 16, std::io::stdout().lock());
    let detector = Detector::for_recordings(rules, start::sequence_limits());
    let mut replay = Replay {
        intake: Intake::for_replay(),
        documents: Documents::default(),
        reader: Reader::new(detector.fields(), args.any_index),
        detector,
        alerts: Alerts { lines: Lines::new(out, format), error: None, worst: None, count: 0 },
    };
    let read = match replay.read(args) {
        Err(error) if error.kind() == ErrorKind::BrokenPipe => return Ok(Status::Fine),
        other => other?,
    };
    replay.summarise(&read);
    let failing = args.fail_on.map(Severity::from);
    let worst = replay.alerts.worst;
    // Its memory goes with the process; taking it apart piece by piece would only take time.
    std::mem::forget(replay);
    Ok(if read.failed > 0 {
        Status::Error
    } else if failing.is_some_and(|least| worst >= Some(least)) {
        Status::NotSo
    } else {
        Status::Fine
    })
}

struct Replay<W: Write> {
    intake: Intake,
    documents: Documents,
    reader: Reader,
    detector: Detector,
    alerts: Alerts<W>,
}

/// Prints alerts; keeps the first error, since the path cannot stop in the middle of an event.
struct Alerts<W: Write> {
    lines: Lines<W>,
    error: Option<std::io::Error>,
    worst: Option<Severity>,
    count: u64,
}

impl<W: Write> Alerts<W> {
    fn print(&mut self, alert: Alert) {
        self.count += 1;
        self.worst = self.worst.max(Some(alert.severity));
        if self.error.is_none() {
            self.error = self.lines.write(&Arc::new(alert)).err();
        }
    }

    fn flush(&mut self) -> std::io::Result<()> {
        match self.error.take() {
            Some(error) => Err(error),
            None => self.lines.flush(),
        }
    }
}

impl<W: Write> Replay<W> {
    fn read(&mut self, args: &Args) -> std::io::Result<input::Read> {
        let read = match (args.follow, args.files.as_slice()) {
            (true, [file]) => input::follow(file, self)?,
            _ => input::read(&args.files, self)?,
        };
        let Self { intake, detector, alerts, documents, .. } = self;
        documents.end();
        intake.finish(&mut |event| detector.event(event, &mut |alert| alerts.print(alert)));
        detector.finish(&mut |alert| alerts.print(alert));
        alerts.flush()?;
        Ok(read)
    }

    /// What was read and what it came to, on standard error.
    fn summarise(&self, read: &input::Read) {
        eprintln!("{}{}{}", self.intake.summary(), self.documents, read);
        for (rule, counts) in self.detector.engine().counts().filter(|(_, c)| c.matched > 0) {
            eprintln!("  {:>7}  {:8}  {}  {}", counts.matched, rule.severity.word(), rule.name, rule.uuid);
        }
        // Of records, rules that can match none are no part of it.
        let idle = if self.documents.count() == 0 { self.detector.engine().not_live() } else { &[] };
        let rules = (self.detector.engine().rules().len() - idle.len()) as u64;
        self.detector.told_of_exceptions().iter().for_each(|line| eprintln!("  {line}"));
        let joined = match self.detector.case_counts().joined {
            0 => String::new(),
            1 => "; 1 further match of the same act is part of them".to_owned(),
            more => format!("; {more} further matches of the same acts are part of them"),
        };
        eprintln!("{} by {}{joined}", counted(self.alerts.count, "alert"), counted(rules, "rule"));
        self.summarise_sequences();
        for rule in self.detector.engine().rules().iter().filter(|rule| rule.program.cut_comparisons() > 0) {
            let cut = counted(rule.program.cut_comparisons(), "comparison");
            eprintln!("  {}: {cut} with more combinations of values than are tried (65,536)", rule.name);
        }
        for exception in self.detector.engine().exceptions().filter(|one| one.cut_comparisons() > 0) {
            let cut = counted(exception.cut_comparisons(), "comparison");
            let id = &exception.id;
            eprintln!("  exception {id}: {cut} with more combinations of values than are tried (65,536)");
        }
        for idle in idle {
            eprintln!("  not live: {}: {}", idle.rule.name, idle.reason);
        }
    }
}

impl<W: Write> Replay<W> {
    /// What sequences could not make full use of; nothing where there is nothing to say.
    fn summarise_sequences(&self) {
        let counts = self.detector.engine().join_counts();
        let rest = [
            (counts.late, "event too late for its place"),
            (counts.evicted, "partial one given up for lack of room"),
            (counts.undecided, "undecided: what must not follow could still have come"),
            (counts.cut, "event with more join keys than are followed"),
            (counts.rewound, "step of the clock back"),
            (counts.booted, "undecided when the host was booted: what must not follow could not"),
        ];
        let told: Vec<String> =
            rest.into_iter().filter(|(count, _)| *count > 0).map(|(n, what)| counted(n, what)).collect();
        if !told.is_empty() {
            eprintln!("sequences: {}", told.join(", "));
        }
    }
}

impl<W: Write> Sink for Replay<W> {
    fn begins(&mut self, path: &Path) {
        self.documents.begins(path);
    }

    fn line(&mut self, line: &[u8], now: u64) -> std::io::Result<()> {
        let Self { intake, detector, alerts, documents, reader } = self;
        let before = documents.count();
        let is_json = documents.line(line, &mut |text, action| {
            let mut number = before;
            reader.read(text, action, &mut |found| {
                number += 1;
                detector.document(&found.recorded(number), &mut |alert| alerts.print(alert));
            })
        });
        if !is_json {
            intake.line(line, now, &mut |event| detector.event(event, &mut |alert| alerts.print(alert)));
        }
        alerts.error.take().map_or(Ok(()), Err)
    }

    fn idle(&mut self, now: u64) -> std::io::Result<()> {
        let Self { intake, detector, alerts, .. } = self;
        intake.expire(now, &mut |event| detector.event(event, &mut |alert| alerts.print(alert)));
        // A growing log is written now; one that has ended, long after what is in it.
        detector.time_is(jiff::Timestamp::now().as_millisecond(), &mut |alert| alerts.print(alert));
        // What comes live is wanted at once by whoever reads the pipe.
        alerts.flush()
    }

    fn deadline(&self) -> Option<u64> {
        self.intake.next_deadline()
    }
}
