//! `auditward events`: recorded audit records, and documents, as events in ECS terms.

use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};

use clap::ValueEnum;

use super::Status;
use super::input::{self, Sink};
use super::secrets::Secrets;
use crate::alert;
use crate::daemon::intake::Intake;
use crate::daemon::recorded::{Documents, Read};
use crate::event::{AuditDocument, json, text};

/// Print recorded audit records as events, one a line, in order of completion.
///
/// Reads audit.log as auditd writes it (raw or ENRICHED), and puts the records of each event together. Documents
/// in JSON, also those in answers, bulk requests and dumps, are printed one a line as they are. Both may be
/// compressed (gzip, zstd). Lines that are neither are counted on standard error.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// What to read, in order: files, directories with all below them, patterns in quotes; `-` is standard input, which
    /// is also the default.
    #[arg(value_name = "PATH")]
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
        documents: Documents::default(),
        writer: Writer {
            format: args.format,
            out: BufWriter::with_capacity(BATCH, std::io::stdout().lock()),
            json: json::MaskedWriter::default(),
            text: text::Writer::default(),
            error: None,
        },
    };
    let read = match input::read(&args.files, None, &mut printer).and_then(|read| {
        printer.finish()?;
        Ok(read)
    }) {
        Err(error) if error.kind() == std::io::ErrorKind::BrokenPipe => return Ok(Status::Fine),
        other => other?,
    };
    eprintln!("{}{}{read}", printer.intake.summary(), printer.documents);
    Ok(if read.failed == 0 { Status::Fine } else { Status::Error })
}

struct Printer<W: Write> {
    intake: Intake,
    documents: Documents,
    writer: Writer<W>,
}

/// So many bytes are written at once.
const BATCH: usize = 1 << 16;

/// Turns events into lines; keeps the first error, since the path cannot stop in the middle.
struct Writer<W: Write> {
    format: Format,
    out: W,
    json: json::MaskedWriter,
    text: text::Writer,
    error: Option<std::io::Error>,
}

impl<W: Write> Writer<W> {
    fn event(&mut self, event: &AuditDocument<'_>) {
        if self.error.is_some() {
            return;
        }
        self.error = match self.format {
            Format::Json => {
                self.json.push_line(event);
                if self.json.lines().len() < BATCH {
                    return;
                }
                self.write_lines()
            }
            Format::Text => {
                self.out.write_all(self.text.write(event)).and_then(|()| self.out.write_all(b"\n"))
            }
        }
        .err();
    }

    /// Writes the events' documents so far.
    fn write_lines(&mut self) -> std::io::Result<()> {
        let result = self.out.write_all(self.json.lines());
        self.json.clear_lines();
        result
    }

    fn flush(&mut self) -> std::io::Result<()> {
        self.write_lines()?;
        self.out.flush()
    }

    fn document(&mut self, document: &str) {
        if self.error.is_some() {
            return;
        }
        self.error = self.write_lines().err();
        let document = alert::on_one_line(document);
        let line = match self.format {
            Format::Json => document.as_bytes(),
            Format::Text => self.text.write_document(&document),
        };
        let written = self.out.write_all(line).and_then(|()| self.out.write_all(b"\n"));
        self.error = self.error.take().or(written.err());
    }

    fn result(&mut self) -> std::io::Result<()> {
        self.error.take().map_or(Ok(()), Err)
    }
}

impl<W: Write> Printer<W> {
    fn finish(&mut self) -> std::io::Result<()> {
        self.documents.end();
        let writer = &mut self.writer;
        self.intake.finish(&mut |event| writer.event(event));
        writer.result()?;
        writer.flush()
    }
}

impl<W: Write> Sink for Printer<W> {
    fn begins(&mut self, path: &Path, _grows: bool) {
        self.documents.begins(path);
    }

    fn line(&mut self, line: &[u8], now: u64) -> std::io::Result<()> {
        let Self { intake, documents, writer } = self;
        let is_json = documents.line(line, &mut |text, action| {
            Read::texts(text, action, &mut |document| writer.document(document))
        });
        if !is_json {
            intake.line(line, now, &mut |event| writer.event(event));
        }
        writer.result()
    }

    fn idle(&mut self, now: u64) -> std::io::Result<()> {
        let writer = &mut self.writer;
        self.intake.expire(now, &mut |event| writer.event(event));
        writer.result()?;
        writer.flush()
    }

    fn deadline(&self) -> Option<u64> {
        self.intake.next_deadline()
    }
}
