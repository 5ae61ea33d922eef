//! `auditward events`: recorded audit records as events in ECS terms.

use std::io::{BufWriter, Write};
use std::path::PathBuf;

use clap::ValueEnum;

use super::Status;
use super::input::{self, Sink};
use super::secrets::Secrets;
use crate::daemon::intake::Intake;
use crate::event::{AuditDocument, json, text};

/// Print recorded audit records as events, one a line, in order of completion.
///
/// Reads audit.log as auditd writes it (raw or ENRICHED), also gzip-compressed, and puts the records
/// of each event together. Lines that are no audit records are counted on standard error.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Logs to read, in order; `-` is standard input, which is also the default.
    #[arg(value_name = "FILE")]
    files: Vec<PathBuf>,

    /// `json`: one ECS document a line (NDJSON). `text`: one line to read.
    #[arg(long, value_enum, default_value_t = Format::Json)]
    format: Format,

    #[command(flatten)]
    secrets: Secrets,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Format {
    Json,
    Text,
}

/// Runs the command.
///
/// # Errors
/// Standard output cannot be written.
pub fn run(args: &Args) -> anyhow::Result<Status> {
    args.secrets.apply()?;
    let mut printer = Printer {
        intake: Intake::for_replay(),
        writer: Writer {
            format: args.format,
            out: BufWriter::with_capacity(1 << 16, std::io::stdout().lock()),
            json: json::MaskedWriter::default(),
            text: text::Writer::default(),
            error: None,
            events: 0,
        },
    };
    let read = match input::read(&args.files, &mut printer).and_then(|read| {
        printer.finish()?;
        Ok(read)
    }) {
        Err(error) if error.kind() == std::io::ErrorKind::BrokenPipe => return Ok(Status::Fine),
        other => other?,
    };
    eprintln!("{}{read}", printer.intake.summary());
    Ok(if read.failed == 0 { Status::Fine } else { Status::Error })
}

struct Printer<W: Write> {
    intake: Intake,
    writer: Writer<W>,
}

/// Turns events into lines; keeps the first error, since the path cannot stop in the middle.
struct Writer<W: Write> {
    format: Format,
    out: W,
    json: json::MaskedWriter,
    text: text::Writer,
    error: Option<std::io::Error>,
    events: u64,
}

impl<W: Write> Writer<W> {
    fn event(&mut self, event: &AuditDocument<'_>) {
        if self.error.is_some() {
            return;
        }
        self.events += 1;
        let line = match self.format {
            Format::Json => self.json.write(event),
            Format::Text => self.text.write(event),
        };
        self.error = self.out.write_all(line).and_then(|()| self.out.write_all(b"\n")).err();
    }

    fn result(&mut self) -> std::io::Result<()> {
        self.error.take().map_or(Ok(()), Err)
    }
}

impl<W: Write> Printer<W> {
    fn finish(&mut self) -> std::io::Result<()> {
        let writer = &mut self.writer;
        self.intake.finish(&mut |event| writer.event(event));
        writer.result()?;
        writer.out.flush()
    }
}

impl<W: Write> Sink for Printer<W> {
    fn line(&mut self, line: &[u8], now: u64) -> std::io::Result<()> {
        let writer = &mut self.writer;
        self.intake.line(line, now, &mut |event| writer.event(event));
        writer.result()
    }

    fn idle(&mut self, now: u64) -> std::io::Result<()> {
        let writer = &mut self.writer;
        self.intake.expire(now, &mut |event| writer.event(event));
        writer.result()?;
        writer.out.flush()
    }

    fn deadline(&self) -> Option<u64> {
        self.intake.next_deadline()
    }
}
