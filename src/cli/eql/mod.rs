//! `auditward eql`: a query over documents or audit records.

mod documents;
mod records;

use std::io::{self, BufWriter, IsTerminal, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::Context;
use bumpalo::Bump;
use jiff::Timestamp;
use serde_json::{Value as Json, json};

use super::input::{self, Sink};
use super::{Drawn, Status};
use crate::daemon::recorded::{self, Read};
use crate::diagnostic::{Diagnostic, Source, render};
use crate::eql::finite::{Bounds, answer};
use crate::eql::{Found, JoinKey, KeyValue, Kind, Options, Program};
use crate::event::{Held, Schema};

use documents::Documents;
use records::Records;

/// Ask documents or audit records with an EQL query.
///
/// Prints one line of JSON for each hit: {"events":[…],"join_keys":[…]}. The events are the documents as
/// they were read, or audit events as `auditward events` shows them; an event query gives one in each
/// line, a sequence or sample all of its own, and null stands for a missing event. Events are taken in
/// the order of their time stamps. A document that is broken is named and passed over.
///
/// Exit status: 0 if something was found, 1 if nothing was, 2 for an error.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  auditward eql 'process where process.name : \"usermod\"' /var/log/audit/audit.log
  auditward eql 'sequence by user.id with maxspan=1m
      [process where process.name == \"useradd\"] [process where process.name == \"usermod\"]' events.ndjson")]
pub struct Args {
    /// The query.
    query: String,

    /// What is asked: documents in JSON (one a line, in answers, bulk requests, dumps) and audit records, also
    /// compressed (gzip, zstd); files, directories, patterns; `-` is standard input, which is also the default.
    #[arg(value_name = "PATH")]
    files: Vec<PathBuf>,

    /// The field that holds the time of a document.
    #[arg(long, value_name = "FIELD", default_value = "@timestamp")]
    timestamp_field: String,

    /// The field that orders documents of equal time; without it they stay in the order they were read.
    #[arg(long, value_name = "FIELD")]
    tiebreaker_field: Option<String>,

    /// The field that `process where …` asks for process.
    #[arg(long, value_name = "FIELD", default_value = "event.category")]
    event_category_field: String,

    /// An Elasticsearch mapping with the types of documents' fields, as GET INDEX/_mapping prints it.
    /// Fields that it does not name get the types that ECS or their values give them.
    #[arg(long, value_name = "FILE")]
    mapping: Option<PathBuf>,

    /// The most hits, counted before the query's first pipe and from the end that it names (the latest
    /// without a pipe); all by default.
    #[arg(long, value_name = "N")]
    size: Option<usize>,

    /// The most hits of a sample for one value of its join key.
    #[arg(long, value_name = "N", default_value_t = 1)]
    max_samples_per_key: usize,
}

/// Runs the command.
///
/// # Errors
/// The query, the mapping or a document is at fault, or something cannot be read or written.
pub fn run(args: &Args) -> anyhow::Result<Status> {
    let arena = Bump::new();
    let mut asked =
        Asked { args, arena: &arena, kind: None, input: recorded::Documents::default(), error: None };
    let read = input::read(&args.files, None, &mut asked);
    if let Some(error) = asked.error.take() {
        return Err(error);
    }
    if read?.failed > 0 {
        return Ok(Status::Error);
    }
    asked.input.end();
    let (program, events) = match asked.kind {
        Some(Asking::Records(records)) => records.finish(),
        Some(Asking::Documents(documents)) => documents.finish(args, &arena)?,
        // Nothing to ask; the query is still checked, against the fields of audit events.
        None => Records::new(args, &arena)?.finish(),
    };
    print(args, &program, &events)
}

/// What is asked, with the text that is shown for each event.
struct Events<'a> {
    documents: Vec<Held<'a>>,
    texts: Vec<String>,
}

/// What is asked. As long as only records have come, events are kept that the query matches; with documents among
/// them records are documents too.
struct Asked<'a> {
    args: &'a Args,
    arena: &'a Bump,
    kind: Option<Asking<'a>>,
    input: recorded::Documents,
    error: Option<anyhow::Error>,
}

enum Asking<'a> {
    Documents(Documents),
    Records(Box<Records<'a>>),
}

impl Asked<'_> {
    fn document(&mut self, text: &str) -> anyhow::Result<()> {
        let documents = match self.kind.take() {
            Some(Asking::Documents(documents)) => documents,
            Some(Asking::Records(records)) => records.into_documents()?,
            None => Documents::default(),
        };
        let Asking::Documents(documents) = self.kind.insert(Asking::Documents(documents)) else {
            return Ok(());
        };
        documents.document(text)
    }

    fn record(&mut self, line: &[u8], now: u64) -> anyhow::Result<()> {
        if line.trim_ascii().is_empty() {
            return Ok(());
        }
        let kind = match &mut self.kind {
            Some(kind) => kind,
            None => self.kind.insert(Asking::Records(Box::new(Records::new(self.args, self.arena)?))),
        };
        match kind {
            Asking::Documents(documents) => documents.record(line, now),
            Asking::Records(records) => records.line(line, now),
        }
        Ok(())
    }
}

impl Sink for Asked<'_> {
    fn begins(&mut self, path: &Path, _grows: bool) {
        self.input.begins(path);
    }

    fn line(&mut self, line: &[u8], now: u64) -> io::Result<()> {
        let mut texts = Vec::new();
        let is_json = self.input.line(line, &mut |text, action| {
            Read::texts(text, action, &mut |document| texts.push(document.to_owned()))
        });
        let taken = if is_json {
            texts.iter().try_for_each(|text| self.document(text))
        } else {
            self.record(line, now)
        };
        taken.map_err(|error| {
            self.error = Some(error);
            io::Error::other("told by the caller")
        })
    }

    fn idle(&mut self, now: u64) -> io::Result<()> {
        match &mut self.kind {
            Some(Asking::Records(records)) => records.idle(now),
            Some(Asking::Documents(documents)) => documents.idle(now),
            None => {}
        }
        Ok(())
    }

    fn deadline(&self) -> Option<u64> {
        match &self.kind {
            Some(Asking::Records(records)) => records.deadline(),
            Some(Asking::Documents(documents)) => documents.deadline(),
            None => None,
        }
    }
}

fn compile(args: &Args, schema: &dyn Schema) -> anyhow::Result<Program> {
    let source = Arc::new(Source { name: "<query>".into(), text: args.query.clone() });
    let options = Options { category_field: args.event_category_field.clone() };
    let colour = io::stderr().is_terminal();
    let shown = |faults: &[Diagnostic]| -> String {
        faults.iter().map(|fault| render(fault, colour)).collect::<Vec<_>>().join("\n").trim_end().to_owned()
    };
    match Program::compile_with(&source, schema, &options) {
        Ok(program) => {
            if !program.warnings().is_empty() {
                eprintln!("{}", shown(program.warnings()));
            }
            Ok(program)
        }
        Err(faults) => {
            let count = faults.len();
            let plural = if count == 1 { "" } else { "s" };
            Err(Drawn(format!("the query has {count} fault{plural}\n{}", shown(&faults))).into())
        }
    }
}

/// Prints what is found.
fn print(args: &Args, program: &Program, events: &Events<'_>) -> anyhow::Result<Status> {
    let bounds = Bounds { size: args.size, samples_per_key: args.max_samples_per_key };
    let found = answer(program, &events.documents, bounds);
    for (cut, what) in [
        (program.cut_comparisons(), "comparisons had more combinations of values than are tried (65,536)"),
        (program.cut_keys(), "events had more join keys than are followed (1,024)"),
    ] {
        if cut > 0 {
            eprintln!("auditward: {cut} {what}");
        }
    }
    let mut out = BufWriter::new(io::stdout().lock());
    let written = found.iter().try_for_each(|hit| print_hit(&mut out, program, hit, &events.texts));
    match written.and_then(|()| out.flush()) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => Err(error).context("standard output"),
        _ if found.is_empty() => Ok(Status::NotSo),
        _ => Ok(Status::Fine),
    }
}

fn print_hit(
    out: &mut impl Write,
    program: &Program,
    hit: &Found<usize>,
    texts: &[String],
) -> io::Result<()> {
    out.write_all(b"{\"events\":[")?;
    for (i, event) in hit.events.iter().enumerate() {
        let text = event.and_then(|index| texts.get(index)).map_or("null", String::as_str);
        write!(out, "{}{text}", if i == 0 { "" } else { "," })?;
    }
    let keys = join_keys(&hit.key, program.kind());
    writeln!(out, "],\"join_keys\":{}}}", Json::Array(keys))
}

/// The values of a join key as text, as Elasticsearch shows them.
fn join_keys(key: &JoinKey, kind: Kind) -> Vec<Json> {
    let mut keys = Vec::new();
    key.for_each(|value| {
        keys.push(match value {
            KeyValue::Null => Json::Null,
            KeyValue::Text(text) => json!(String::from_utf8_lossy(text)),
            KeyValue::Long(number) => json!(number.to_string()),
            KeyValue::Double(number) => json!(number.to_string()),
            KeyValue::Bool(truth) => json!(truth.to_string()),
            KeyValue::Ip(address) => json!(address.to_string()),
            KeyValue::Date(millis) => json!(match Timestamp::from_millisecond(millis) {
                Ok(time) if kind == Kind::Sequence => format!("{time:.3}"),
                _ => millis.to_string(),
            }),
        });
    });
    keys
}
