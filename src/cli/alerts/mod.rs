//! `auditward alerts`: the stored alerts, by list, one by one, as they come, for other programs.

mod except;
mod from;
mod gathered;
mod page;
mod send_test;
mod show;
mod span;

use std::fs::File;
use std::io::{self, ErrorKind, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::Context;
use clap::{Subcommand, ValueEnum};
use jiff::{SignedDuration, Timestamp};

use super::Status;
use super::rules::Set;
use crate::alert::read;
use crate::rule::Severity;
use crate::store::{Query, StoredAlert};
use from::From;

/// List, show, follow and export the alerts that are stored on this host.
///
/// A running daemon is asked through its socket; when none runs, the file is read. Only root may ask.
#[derive(Debug, clap::Args)]
#[command(after_help = "Exit status: 0 fine, 1 there is no such alert (show), 2 they cannot be read.\n\
    `auditward alerts list --since 2h --severity high`, then `auditward alerts show ID`.")]
pub struct Args {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Print the newest alerts, the newest last
    List {
        #[command(flatten)]
        filter: Filter,
        /// How many at most
        #[arg(long, short = 'n', value_name = "NUMBER", default_value_t = 50)]
        last: usize,
        /// How they are printed
        #[arg(long, value_enum, default_value_t = Format::Text)]
        format: Format,
        #[command(flatten)]
        place: from::Place,
    },
    /// Tell all of one alert: what happened, who did it and through which programs, and what to do
    Show {
        /// The beginning of its id, or `last`
        alert: String,
        /// How it is printed
        #[arg(long, value_enum, default_value_t = Format::Text)]
        format: Format,
        /// Write it as one page of HTML, which needs no network and no other file
        #[arg(long, value_name = "FILE")]
        html: Option<PathBuf>,
        /// Print an exception for alerts like this one, with how many of the stored ones it would have taken
        #[arg(long, conflicts_with = "html")]
        as_exception: bool,
        #[command(flatten)]
        set: Set,
        #[command(flatten)]
        place: from::Place,
    },
    /// Print alerts as they come, until interrupted
    Follow {
        #[command(flatten)]
        filter: Filter,
        /// How many of those that are there to begin with
        #[arg(long, short = 'n', value_name = "NUMBER", default_value_t = 10)]
        last: usize,
        /// How they are printed
        #[arg(long, value_enum, default_value_t = Format::Text)]
        format: Format,
        #[command(flatten)]
        place: from::Place,
    },
    /// Write the documents of all alerts, the oldest first
    Export {
        #[command(flatten)]
        filter: Filter,
        /// What is written
        #[arg(long, value_enum, default_value_t = Export::Ndjson)]
        format: Export,
        #[command(flatten)]
        place: from::Place,
    },
    /// Send a marked alert down every destination, whatever that asks for, and tell what each said to it
    ///
    /// It is not stored. A destination that has not taken it within 10 s has failed; what waits there goes first.
    #[command(
        after_help = "Exit status: 0 every destination has taken it, 1 one has not, 2 the daemon could not be asked."
    )]
    SendTest(send_test::Args),
}

/// Which alerts.
#[derive(Debug, clap::Args)]
struct Filter {
    /// Of events at or after this time: `2026-11-28T06:00Z`, `2026-11-28 06:00`, or so long ago: `2h`, `3 days`
    #[arg(long, value_name = "TIME", value_parser = span::time)]
    since: Option<i64>,
    /// Of events before this time
    #[arg(long, value_name = "TIME", value_parser = span::time)]
    until: Option<i64>,
    /// Of this rule: its short id, uuid or name
    #[arg(long, value_name = "RULE")]
    rule: Option<String>,
    /// In which this account is named: who logged in, as whom it was done, or to whom
    #[arg(long, value_name = "NAME OR NUMBER")]
    user: Option<String>,
    /// Of this severity or above: low, medium, high, critical
    #[arg(long, value_name = "SEVERITY", value_parser = severity)]
    severity: Option<Severity>,
    /// Those that were kept back and told as a number: by alert_suppression, max_signals or a destination's limit, and
    /// those of building blocks
    #[arg(long)]
    suppressed: bool,
}

fn severity(word: &str) -> Result<Severity, String> {
    word.parse().map_err(|()| "it is low, medium, high or critical".to_owned())
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Format {
    /// The readable line
    Text,
    /// The ECS document, one a line
    Json,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Export {
    /// One ECS document a line
    Ndjson,
    /// For Elasticsearch's _bulk, to be posted to an index or data stream: a document twice is one
    Bulk,
}

impl Filter {
    fn query(&self) -> Query {
        Query {
            since: self.since,
            until: self.until,
            rule: self.rule.clone(),
            user: self.user.clone(),
            severity: self.severity.map(Severity::number),
            suppressed: Some(self.suppressed),
            ..Query::default()
        }
    }
}

/// How often is looked for new ones.
const AGAIN: Duration = Duration::from_millis(500);

/// Runs the command.
///
/// # Errors
/// The alerts cannot be read, or standard output cannot be written.
pub fn run(args: &Args) -> anyhow::Result<Status> {
    let mut out = io::BufWriter::new(io::stdout().lock());
    let done = match &args.action {
        Action::List { filter, last, format, place } => {
            list(&place.open()?, filter.query(), *last, *format, &mut out)
        }
        Action::Show { alert, format, html, as_exception, set, place } => {
            let how = match (html, as_exception) {
                (Some(file), _) => How::Page(file),
                (None, true) => How::Exception,
                (None, false) => How::Printed(*format),
            };
            one(&place.open()?, alert, how, set, &mut out)
        }
        Action::Follow { filter, last, format, place } => {
            follow(&place.open()?, &filter.query(), *last, *format, &mut out)
        }
        Action::SendTest(args) => send_test::run(args),
        Action::Export { filter, format, place } => export(&place.open()?, filter.query(), *format, &mut out),
    };
    let done = done.and_then(|status| Ok(out.flush().map(|()| status)?));
    match done {
        // `| head` has what it wanted.
        Err(error) if error.downcast_ref().is_some_and(|e: &io::Error| e.kind() == ErrorKind::BrokenPipe) => {
            Ok(Status::Fine)
        }
        done => done,
    }
}

/// The newest `last`, in order.
fn list(
    from: &From,
    query: Query,
    last: usize,
    format: Format,
    out: &mut dyn Write,
) -> anyhow::Result<Status> {
    let mut alerts: Vec<StoredAlert> = Vec::new();
    let mut query = Query { newest: true, ..query };
    while alerts.len() < last {
        let page = from.page(&query)?;
        let Some(oldest) = page.last() else { break };
        query.before = Some(oldest.seq);
        alerts.extend(page);
    }
    alerts.truncate(last);
    alerts.iter().rev().try_for_each(|alert| print(alert, format, out))?;
    Ok(Status::Fine)
}

/// The lines and documents are clean as they are stored.
fn print(alert: &StoredAlert, format: Format, out: &mut dyn Write) -> io::Result<()> {
    match format {
        Format::Text => writeln!(out, "{}", alert.line),
        Format::Json => writeln!(out, "{}", alert.document),
    }
}

/// In which way one alert is shown.
enum How<'a> {
    Printed(Format),
    Page(&'a Path),
    Exception,
}

/// Puts the page in place, readable by who runs this alone: an alert is not for everybody.
fn write_page(file: &Path, page: &str) -> anyhow::Result<()> {
    let mut options = File::options();
    options.write(true).create(true).truncate(true).mode(0o600);
    let written = options.open(file).and_then(|mut file| file.write_all(page.as_bytes()));
    written.with_context(|| file.display().to_string())
}

fn one(from: &From, wanted: &str, how: How<'_>, set: &Set, out: &mut dyn Write) -> anyhow::Result<Status> {
    let id = (wanted != "last").then(|| wanted.to_owned());
    let found = from.page(&Query { id, newest: true, ..Query::default() })?;
    let Some(alert) = found.first() else {
        match wanted {
            "last" => eprintln!("auditward: no alert is stored"),
            id => {
                eprintln!("auditward: no stored alert has an id that begins with {}", super::rules::clean(id))
            }
        }
        return Ok(Status::NotSo);
    };
    if wanted != "last" && found.iter().any(|other| other.id != alert.id) {
        eprintln!("auditward: several alerts have an id that begins so; this is the newest of them");
    }
    // The daemon's own alerts are of rules that are in no file.
    let rule = || read::text(&alert.fields(), "rule.uuid").and_then(|uuid| set.find(&uuid).ok());
    match how {
        How::Printed(Format::Text) => show::show(alert, rule().as_deref(), out)?,
        How::Printed(Format::Json) => print(alert, Format::Json, out)?,
        How::Page(file) => write_page(file, &page::page(alert, rule().as_deref())?)?,
        How::Exception => except::print(alert, from, out)?,
    }
    Ok(Status::Fine)
}

fn follow(
    from: &From,
    query: &Query,
    last: usize,
    format: Format,
    out: &mut dyn Write,
) -> anyhow::Result<Status> {
    // From where the store ends, not where the wanted ones do: else the first look would find those again.
    let end = from.page(&Query { newest: true, ..Query::default() })?.first().map_or(0, |alert| alert.seq);
    let upto = Query { before: Some(end.saturating_add(1)), ..query.clone() };
    list(from, upto, last, format, out)?;
    let mut query = Query { after: Some(end), ..query.clone() };
    loop {
        let mut page = from.page(&query)?;
        if format == Format::Json {
            // The document comes a moment after the line.
            let ready = page.iter().position(is_young).unwrap_or(page.len());
            page.truncate(ready);
        }
        page.iter().try_for_each(|alert| print(alert, format, out))?;
        out.flush()?;
        match page.last() {
            Some(newest) => query.after = Some(newest.seq),
            None => std::thread::sleep(AGAIN),
        }
    }
}

/// Whether its document may still come.
fn is_young(alert: &StoredAlert) -> bool {
    let age = Timestamp::now().duration_since(alert.time);
    !alert.is_whole() && age < SignedDuration::from_secs(5)
}

fn export(from: &From, mut query: Query, format: Export, out: &mut dyn Write) -> anyhow::Result<Status> {
    loop {
        let page = from.page(&query)?;
        let Some(newest) = page.last() else { return Ok(Status::Fine) };
        query.after = Some(newest.seq);
        for alert in &page {
            if format == Export::Bulk {
                // The id is hexadecimal. `create`: a document that is there already stays, also in data streams.
                writeln!(out, "{{\"create\":{{\"_id\":\"{}\"}}}}", alert.id)?;
            }
            writeln!(out, "{}", alert.document)?;
        }
    }
}
