//! `auditward eql`: a query over documents.

use std::fs;
use std::io::{self, BufWriter, IsTerminal, Read, Write};
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

use anyhow::{Context, bail};
use bumpalo::Bump;
use clap::Args;
use jiff::Timestamp;
use serde_json::{Map, Value as Json, json};

use crate::diagnostic::{Diagnostic, Source, render};
use crate::eql::finite::{Bounds, answer};
use crate::eql::{Found, JoinKey, KeyValue, Kind, Options, Program};
use crate::event::document::{Order, Value};
use crate::event::mapping::Mapping;
use crate::event::ndjson::{Fields, NdjsonDocument, Survey};
use crate::event::{Document, FieldId, Schema};

/// Ask documents with an EQL query
///
/// Prints one line of JSON for each hit: {"events":[…],"join_keys":[…]}. The events are the documents as
/// they were read; an event query gives one in each line, a sequence or sample all of its own, and null
/// stands for a missing event. Documents are taken in the order of their time stamps.
///
/// Exit status: 0 if something was found, 1 if nothing was, 2 for an error.
#[derive(Args, Debug)]
#[command(after_help = "Examples:
  auditward eql 'process where process.name : \"usermod\"' events.ndjson
  auditward events audit.log | auditward eql 'sequence by user.id with maxspan=1m
      [process where process.name == \"useradd\"] [process where process.name == \"usermod\"]' -")]
pub struct EqlArgs {
    /// The query
    query: String,
    /// Documents, one JSON object a line; - or nothing reads standard input
    #[arg(value_name = "FILE")]
    files: Vec<PathBuf>,
    /// The field that holds the time of a document
    #[arg(long, value_name = "FIELD", default_value = "@timestamp")]
    timestamp_field: String,
    /// The field that orders documents of equal time; without it they stay in the order they were read
    #[arg(long, value_name = "FIELD")]
    tiebreaker_field: Option<String>,
    /// The field that `process where …` asks for process
    #[arg(long, value_name = "FIELD", default_value = "event.category")]
    event_category_field: String,
    /// An Elasticsearch mapping that gives the types of fields, as GET INDEX/_mapping prints it
    #[arg(long, value_name = "FILE")]
    mapping: Option<PathBuf>,
    /// The most hits, counted before the query's first pipe and from the end that it names (the latest
    /// without a pipe); all by default
    #[arg(long, value_name = "N")]
    size: Option<usize>,
    /// The most hits of a sample for one value of its join key
    #[arg(long, value_name = "N", default_value_t = 1)]
    max_samples_per_key: usize,
}

/// Runs the command.
#[must_use]
pub fn run(args: &EqlArgs) -> ExitCode {
    match search(args) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::from(1),
        Err(error) => {
            let _ = writeln!(io::stderr(), "{error:#}");
            ExitCode::from(2)
        }
    }
}

fn search(args: &EqlArgs) -> anyhow::Result<bool> {
    let text = read(&args.files)?;
    let mapping = mapping(args)?;
    let mut survey = Survey::default();
    for line in lines(&text) {
        survey.add(&line?.1);
    }
    let fields = survey.fields(&mapping, &args.timestamp_field);
    let program = compile(args, &fields)?;
    let arena = Bump::new();
    let (sources, documents) = documents(args, &text, &fields, &program, &arena)?;
    let bounds = Bounds { size: args.size, samples_per_key: args.max_samples_per_key };
    let found = answer(&program, &documents, bounds);
    let mut out = BufWriter::new(io::stdout().lock());
    for hit in &found {
        print(&mut out, &program, hit, &sources).context("standard output")?;
    }
    out.flush().context("standard output")?;
    Ok(!found.is_empty())
}

/// All files, each with its name, as text.
fn read(files: &[PathBuf]) -> anyhow::Result<Vec<(String, String)>> {
    let standard_input = [PathBuf::from("-")];
    let files = if files.is_empty() { &standard_input[..] } else { files };
    let mut texts = Vec::new();
    for file in files {
        let name = file.display().to_string();
        let bytes = if name == "-" {
            let mut bytes = Vec::new();
            io::stdin().lock().read_to_end(&mut bytes).context("standard input")?;
            bytes
        } else {
            fs::read(file).with_context(|| name.clone())?
        };
        let text = String::from_utf8(bytes)
            .unwrap_or_else(|error| String::from_utf8_lossy(error.as_bytes()).into_owned());
        texts.push((name, text));
    }
    Ok(texts)
}

/// The lines that are not blank, with the object that each holds.
fn lines(texts: &[(String, String)]) -> impl Iterator<Item = anyhow::Result<(&str, Map<String, Json>)>> {
    texts.iter().flat_map(|(name, text)| {
        text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty()).map(move |(number, line)| {
            let object = serde_json::from_str(line)
                .with_context(|| format!("{name}:{}: not a JSON object", number + 1))?;
            Ok((line.trim(), object))
        })
    })
}

fn mapping(args: &EqlArgs) -> anyhow::Result<Mapping> {
    let Some(path) = &args.mapping else { return Ok(Mapping::default()) };
    let text = fs::read_to_string(path).with_context(|| path.display().to_string())?;
    Mapping::parse(&text).with_context(|| path.display().to_string())
}

fn compile(args: &EqlArgs, fields: &Fields) -> anyhow::Result<Program> {
    let source = Arc::new(Source { name: "<query>".into(), text: args.query.clone() });
    let options = Options { category_field: args.event_category_field.clone() };
    let colour = io::stderr().is_terminal();
    let shown = |faults: &[Diagnostic]| -> String {
        faults.iter().map(|fault| render(fault, colour)).collect::<Vec<_>>().join("\n")
    };
    match Program::compile_with(&source, fields, &options) {
        Ok(program) => {
            if !program.warnings().is_empty() {
                let _ = writeln!(io::stderr(), "{}", shown(program.warnings()).trim_end());
            }
            Ok(program)
        }
        Err(faults) => bail!("{}", shown(&faults).trim_end().to_owned()),
    }
}

/// The documents with the fields that the query needs, each in its place in time, and their texts.
fn documents<'a, 't>(
    args: &EqlArgs,
    text: &'t [(String, String)],
    fields: &Fields,
    program: &Program,
    arena: &'a Bump,
) -> anyhow::Result<(Vec<&'t str>, Vec<NdjsonDocument<'a>>)> {
    let time = fields.resolve(&args.timestamp_field).map(|(id, _)| id);
    let tiebreaker = match &args.tiebreaker_field {
        Some(name) => Some(fields.resolve(name).with_context(|| format!("unknown field {name}"))?.0),
        None => None,
    };
    let mut wanted = program.fields().to_vec();
    wanted.extend(time);
    wanted.extend(tiebreaker);
    let (mut sources, mut documents) = (Vec::new(), Vec::new());
    let mut untimed = 0_usize;
    for line in lines(text) {
        let (source, object) = line?;
        let document = fields.read(&object, &wanted, arena);
        let timed = time.is_some_and(|time| !document.values(time).as_slice().is_empty());
        if !timed && program.kind() == Kind::Sequence {
            untimed += 1;
            continue;
        }
        sources.push(source);
        documents.push(document);
    }
    if untimed > 0 {
        let field = &args.timestamp_field;
        let _ = writeln!(io::stderr(), "{untimed} documents without {field} take no part in a sequence");
    }
    put_in_order(&mut documents, time, tiebreaker);
    Ok((sources, documents))
}

/// Gives each document its time and its rank among those of equal time.
fn put_in_order(documents: &mut [NdjsonDocument<'_>], time: Option<FieldId>, tiebreaker: Option<FieldId>) {
    let millis = |document: &NdjsonDocument<'_>| match time.map(|time| document.values(time)) {
        Some(values) => match values.as_slice().first() {
            Some(Value::Date(millis) | Value::Long(millis)) => *millis,
            _ => i64::MAX,
        },
        None => i64::MAX,
    };
    let Some(tiebreaker) = tiebreaker else {
        for (position, document) in documents.iter_mut().enumerate() {
            let order = Order { millis: millis(document), tiebreaker: position as u64 };
            document.set_order(order);
        }
        return;
    };
    let ranks = {
        // Documents without a tiebreaker come behind the others of their time.
        let tie = |index: &usize| documents[*index].values(tiebreaker).as_slice().first().map(Tie::of);
        let mut sorted: Vec<usize> = (0..documents.len()).collect();
        sorted.sort_by(|a, b| {
            let (a, b) = (tie(a), tie(b));
            a.is_none().cmp(&b.is_none()).then_with(|| a.partial_cmp(&b).unwrap_or(std::cmp::Ordering::Equal))
        });
        let mut ranks = vec![0_u64; documents.len()];
        let mut rank = 0;
        for pair in sorted.windows(2) {
            rank += u64::from(tie(&pair[0]) != tie(&pair[1]));
            ranks[pair[1]] = rank;
        }
        ranks
    };
    for (document, rank) in documents.iter_mut().zip(ranks) {
        let order = Order { millis: millis(document), tiebreaker: rank };
        document.set_order(order);
    }
}

/// A tiebreaker's value.
#[derive(PartialEq, PartialOrd)]
enum Tie<'a> {
    Number(f64),
    Long(i64),
    Text(&'a [u8]),
}

impl<'a> Tie<'a> {
    fn of(value: &Value<'a>) -> Self {
        match value {
            Value::Long(number) | Value::Date(number) => Tie::Long(*number),
            Value::Double(number) => Tie::Number(*number),
            Value::Bool(truth) => Tie::Long(i64::from(*truth)),
            Value::Text(text) => Tie::Text(text),
            Value::Ip(address) => Tie::Long(match address {
                std::net::IpAddr::V4(v4) => i64::from(v4.to_bits()),
                std::net::IpAddr::V6(_) => i64::MAX,
            }),
        }
    }
}

fn print(out: &mut impl Write, program: &Program, hit: &Found<usize>, sources: &[&str]) -> io::Result<()> {
    out.write_all(b"{\"events\":[")?;
    for (i, event) in hit.events.iter().enumerate() {
        let source = event.and_then(|index| sources.get(index).copied()).unwrap_or("null");
        write!(out, "{}{source}", if i == 0 { "" } else { "," })?;
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
