//! `auditward replay`: the path of the live run over recorded records.

use std::io::{BufWriter, ErrorKind, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use clap::ValueEnum;

use super::Status;
use super::checkpoint::{Before, Checkpoint};
use super::input::{self, Sink};
use super::secrets::Secrets;
use super::tally::Tally;
use crate::alert::Alert;
use crate::clean;
use crate::daemon::ahead::{Ahead, Done, Sifted};
use crate::daemon::detector::Detector;
use crate::daemon::intake::{Intake, counted};
use crate::daemon::recorded::{Counts, Documents, Read, Reader};
use crate::daemon::start;
use crate::event::wrapped::Piece;
use crate::output::{self, Body, Formatter, Lines, Protocol};
use crate::rule::policy::SITE;
use crate::rule::{Rule, Severity};

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

    /// Hold at most what this configuration file's `[audit]`, `[processes]` and `[sequences]` allow.
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,

    /// How alerts are printed. `text`: the readable line, for which less is kept of the events of sequences (but with
    /// `--summary`), so that `[sequences] bytes` is reached later; `json`: one ECS document a line; `syslog`: as it would
    /// be sent to the local log.
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,

    /// Apply rules to documents of every index, whatever their `index` says.
    #[arg(long)]
    any_index: bool,

    /// Read documents on so many processors. Alerts and their order are the same with any number.
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u16).range(1..=256))]
    jobs: u16,

    /// Tell at the end how many alerts there were by rule and host, on standard error.
    #[arg(long)]
    summary: bool,

    /// Keep in FILE how far the run has come. Run again after an interruption, with the same arguments and the output
    /// appended to the same file (`>> alerts`), it goes on there, and no alert is missing or twice.
    #[arg(long, value_name = "FILE", conflicts_with = "follow")]
    checkpoint: Option<PathBuf>,

    /// How often: after so many MiB of input.
    #[arg(long, value_name = "MIB", default_value_t = 64, value_parser = clap::value_parser!(u64).range(1..=1 << 20))]
    checkpoint_every: u64,

    /// Show how much is read, how fast, and how long it will take, also where standard error is no terminal.
    #[arg(long, overrides_with = "no_progress")]
    progress: bool,

    /// Do not show that.
    #[arg(long)]
    no_progress: bool,

    /// Read the (one) FILE as it grows, across rotation, until interrupted.
    #[arg(long, requires = "files")]
    follow: bool,

    /// End with status 1 when there was an alert of this severity or above.
    #[arg(long, value_name = "SEVERITY")]
    fail_on: Option<SeverityName>,

    #[command(flatten)]
    secrets: Secrets,
}

impl Args {
    /// Whether alerts are asked for their lines and for nothing else; who counts hosts asks for documents.
    fn wants_lines_only(&self) -> bool {
        self.format == Format::Text && !self.summary
    }
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
    let checkpoint = args.checkpoint.as_ref().map(|path| checkpoint(args, path, &rules)).transpose()?;
    let bounds = start::bounds(args.config.as_deref())?;
    let mut detector = Detector::for_recordings(rules, bounds.sequences);
    if args.wants_lines_only() {
        detector.want_lines_only();
    }
    let fields = detector.fields();
    let reader = || Reader::new(fields.iter().copied(), args.any_index);
    let tools = || (reader(), detector.engine().sieve());
    let ahead = (args.jobs > 1).then(|| Ahead::begin(args.jobs, tools)).transpose()?;
    let mut replay = Replay {
        intake: Intake::for_replay_within(bounds.audit, bounds.processes),
        documents: Documents::default(),
        asked: Asked { reader: reader(), detector },
        alerts: Alerts {
            lines: Lines::new(out, format),
            silent: checkpoint.as_ref().is_some_and(Checkpoint::is_silent),
            tally: args.summary.then(Tally::default),
            error: None,
            worst: None,
            count: 0,
        },
        ahead,
        checkpoint,
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
    asked: Asked,
    alerts: Alerts<W>,
    ahead: Option<Ahead>,
    checkpoint: Option<Checkpoint>,
}

/// What is asked about documents.
struct Asked {
    reader: Reader,
    detector: Detector,
}

impl Asked {
    /// Takes the events that are held back: a document comes behind them.
    fn give_out<W: Write>(&mut self, intake: &mut Intake, alerts: &mut Alerts<W>) {
        intake.give_out(&mut |event| self.detector.event(event, &mut |alert| alerts.print(alert)));
    }

    /// Takes a value that is whole, or broken.
    fn piece<W: Write>(&mut self, file: &str, piece: Piece<'_>, counts: &mut Counts, alerts: &mut Alerts<W>) {
        let Self { reader, detector } = self;
        let mut number = counts.documents();
        let read = piece.text.map_or_else(Read::broken, |text| {
            reader.read(text, piece.action, &mut |found| {
                number += 1;
                detector.document(&found.recorded(number), &mut |alert| alerts.print(alert));
            })
        });
        counts.take(file, piece.from, read);
    }

    /// Takes one that was read ahead.
    fn done<W: Write>(&mut self, file: &str, done: Done<'_>, counts: &mut Counts, alerts: &mut Alerts<W>) {
        let Self { reader, detector } = self;
        for (number, document) in (counts.documents() + 1..).zip(done.documents) {
            match document {
                Sifted::Idle { host, millis } => {
                    detector.idle(host, millis, &mut |alert| alerts.print(alert));
                }
                Sifted::Taken(taken) => {
                    detector.taken(*taken, number, reader, &mut |alert| alerts.print(alert));
                }
            }
        }
        counts.take(file, done.from, done.read);
    }
}

fn checkpoint(args: &Args, path: &Path, rules: &[Arc<Rule>]) -> anyhow::Result<Checkpoint> {
    let format = format!("{:?} {} {}", args.format, args.any_index, args.wants_lines_only());
    let files = args.files.iter().map(|file| file.as_os_str().as_encoded_bytes());
    let rules = rules.iter().flat_map(|rule| [rule.uuid.as_bytes(), rule.source.text.as_bytes()]);
    Checkpoint::open(
        path,
        args.checkpoint_every << 20,
        std::iter::once(format.as_bytes()).chain(files).chain(rules),
    )
}

/// Prints alerts; keeps the first error, since the path cannot stop in the middle of an event.
struct Alerts<W: Write> {
    lines: Lines<W>,
    /// They were printed before.
    silent: bool,
    tally: Option<Tally>,
    error: Option<std::io::Error>,
    worst: Option<Severity>,
    count: u64,
}

impl<W: Write> Alerts<W> {
    fn print(&mut self, alert: Alert) {
        self.count += 1;
        self.worst = self.worst.max(Some(alert.severity));
        if let Some(tally) = &mut self.tally {
            tally.add(&alert);
        }
        if self.error.is_none() && !self.silent {
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
            _ => input::read(&args.files, progress(args), self)?,
        };
        self.end_of_file();
        self.drain()?;
        if self.checkpoint.as_mut().is_some_and(|checkpoint| checkpoint.before_line(b"") == Before::GoOn) {
            self.go_on()?;
        }
        let Self { intake, asked: Asked { detector, .. }, alerts, checkpoint, .. } = self;
        intake.finish(&mut |event| detector.event(event, &mut |alert| alerts.print(alert)));
        detector.finish(&mut |alert| alerts.print(alert));
        alerts.flush()?;
        if let Some(checkpoint) = checkpoint {
            checkpoint.save(0)?;
        }
        Ok(read)
    }

    /// Whatever is read ahead is taken.
    fn drain(&mut self) -> std::io::Result<()> {
        let Self { documents: Documents { counts, .. }, asked, alerts, ahead, .. } = self;
        match ahead {
            Some(ahead) => ahead.drain(&mut |file, done| asked.done(file, done, counts, alerts)),
            None => Ok(()),
        }
    }

    fn end_of_file(&mut self) {
        let Self { documents: Documents { cutter, file, counts }, intake, asked, alerts, ahead, .. } = self;
        cutter.end(&mut |piece| {
            asked.give_out(intake, alerts);
            match ahead {
                // That a thread has ended is told when all is taken.
                Some(ahead) => {
                    let _ = ahead.push(file, piece, &mut |file, done| asked.done(file, done, counts, alerts));
                }
                None => asked.piece(file, piece, counts, alerts),
            }
        });
    }

    /// What is before the mark was read.
    fn go_on(&mut self) -> std::io::Result<()> {
        self.drain()?;
        self.alerts.silent = false;
        self.checkpoint.as_mut().map_or(Ok(()), Checkpoint::go_on)
    }

    /// A line comes: what the checkpoint wants before it.
    fn mark(&mut self, line: &[u8]) -> std::io::Result<()> {
        match self.checkpoint.as_mut().map_or(Before::Nothing, |checkpoint| checkpoint.before_line(line)) {
            Before::Nothing => Ok(()),
            Before::GoOn => self.go_on(),
            Before::Save => {
                self.drain()?;
                self.alerts.flush()?;
                self.checkpoint.as_mut().map_or(Ok(()), |checkpoint| checkpoint.save(1))
            }
        }
    }

    /// What was read and what it came to, on standard error.
    fn summarise(&self, read: &input::Read) {
        eprintln!("{}{}{}", self.intake.summary(), self.documents, read);

        for (rule, counts) in self.asked.detector.engine().counts().filter(|(_, c)| c.matched > 0) {
            let told = format!("{:8}  {}  {}", rule.severity.word(), rule.name, rule.uuid);
            eprintln!("  {:>7}  {}", counts.matched, clean::text(told.as_bytes()));
        }
        // Of records, rules that can match none are no part of it.
        let idle = if self.documents.counts.documents() == 0 {
            self.asked.detector.engine().not_live()
        } else {
            &[]
        };
        let rules = (self.asked.detector.engine().rules().len() - idle.len()) as u64;
        self.asked
            .detector
            .told_of_exceptions()
            .iter()
            .for_each(|line| eprintln!("  {}", clean::text(line.as_bytes())));
        let joined = match self.asked.detector.case_counts().joined {
            0 => String::new(),
            1 => "; 1 further match of the same act is part of them".to_owned(),
            more => format!("; {more} further matches of the same acts are part of them"),
        };
        eprintln!("{} by {}{joined}", counted(self.alerts.count, "alert"), counted(rules, "rule"));
        if let Some(tally) = &self.alerts.tally {
            eprint!("{tally}");
        }
        self.summarise_sequences();
        for rule in
            self.asked.detector.engine().rules().iter().filter(|rule| rule.program.cut_comparisons() > 0)
        {
            let cut = counted(rule.program.cut_comparisons(), "comparison");
            let name = clean::text(rule.name.as_bytes());
            eprintln!("  {name}: {cut} with more combinations of values than are tried (65,536)");
        }
        for exception in self.asked.detector.engine().exceptions().filter(|one| one.cut_comparisons() > 0) {
            let cut = counted(exception.cut_comparisons(), "comparison");
            let id = clean::text(exception.id.as_bytes());
            eprintln!("  exception {id}: {cut} with more combinations of values than are tried (65,536)");
        }
        for idle in idle {
            let told = format!("{}: {}", idle.rule.name, idle.reason);
            eprintln!("  not live: {}", clean::text(told.as_bytes()));
        }
    }
}

impl<W: Write> Replay<W> {
    /// What sequences could not make full use of; nothing where there is nothing to say.
    fn summarise_sequences(&self) {
        let counts = self.asked.detector.engine().join_counts();
        let rest = [
            (counts.late, "event too late for its place"),
            (counts.evicted, "given up for lack of room"),
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

fn progress(args: &Args) -> Option<bool> {
    match (args.progress, args.no_progress) {
        (true, _) => Some(true),
        (_, true) => Some(false),
        _ => None,
    }
}

impl<W: Write> Sink for Replay<W> {
    fn begins(&mut self, path: &Path, grows: bool) {
        self.end_of_file();
        self.documents.begins(path);
        let Self { intake, asked: Asked { detector, .. }, alerts, .. } = self;
        let joins = !grows && detector.engine().joins();
        let within = joins.then(|| detector.engine().reorder().unsigned_abs());
        intake.hold_back(within, &mut |event| detector.event(event, &mut |alert| alerts.print(alert)));
    }

    fn line(&mut self, line: &[u8], now: u64) -> std::io::Result<()> {
        self.mark(line)?;
        let Self { documents: Documents { cutter, file, counts }, intake, asked, alerts, ahead, .. } = self;
        let mut failed = None;
        let is_json = cutter.line(line, &mut |piece| {
            asked.give_out(intake, alerts);
            match ahead {
                Some(ahead) => {
                    let taken =
                        ahead.push(file, piece, &mut |file, done| asked.done(file, done, counts, alerts));
                    failed = failed.take().or(taken.err());
                }
                None => asked.piece(file, piece, counts, alerts),
            }
        });
        if let Some(error) = failed {
            return Err(error);
        }
        if !is_json && !line.trim_ascii().is_empty() {
            // What came before it comes first.
            self.drain()?;
            let Self { intake, asked: Asked { detector, .. }, alerts, .. } = self;
            intake.line(line, now, &mut |event| detector.event(event, &mut |alert| alerts.print(alert)));
        }
        self.alerts.error.take().map_or(Ok(()), Err)
    }

    fn idle(&mut self, now: u64) -> std::io::Result<()> {
        self.drain()?;
        let Self { intake, asked: Asked { detector, .. }, alerts, .. } = self;
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
