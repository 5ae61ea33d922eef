//! Documents as what is asked: read twice, for the types of their fields and for their values.

use std::cmp::Ordering;
use std::fs;

use anyhow::Context;
use bumpalo::Bump;
use serde_json::{Map, Value as Json};

use super::{Args, Events, compile};
use crate::daemon::intake::{Intake, counted};
use crate::eql::{Kind, Program};
use crate::event::document::{Order, Value};
use crate::event::mapping::Mapping;
use crate::event::ndjson::Survey;
use crate::event::{AuditDocument, Document, FieldId, Held, Schema, json};

#[derive(Default)]
pub(super) struct Documents {
    texts: Texts,
    /// For records among them.
    intake: Option<Box<Intake>>,
}

#[derive(Default)]
struct Texts {
    survey: Survey,
    texts: Vec<String>,
}

impl Texts {
    fn add(&mut self, text: String) -> anyhow::Result<()> {
        self.survey.add(&object(&text)?);
        self.texts.push(text);
        Ok(())
    }

    fn event(&mut self, event: &AuditDocument<'_>) {
        let text = String::from_utf8_lossy(json::Writer::default().write(event)).into_owned();
        // What is written is JSON.
        let _ = self.add(text);
    }
}

fn object(text: &str) -> anyhow::Result<Map<String, Json>> {
    serde_json::from_str(text).context("not a JSON object")
}

impl Documents {
    /// Events so far were `texts`, and more may come out of `intake`.
    pub(super) fn after(texts: Vec<String>, intake: Intake) -> anyhow::Result<Self> {
        let mut documents = Self { texts: Texts::default(), intake: Some(Box::new(intake)) };
        texts.into_iter().try_for_each(|text| documents.texts.add(text))?;
        Ok(documents)
    }

    pub(super) fn document(&mut self, text: &str) -> anyhow::Result<()> {
        self.texts.add(text.to_owned())
    }

    pub(super) fn record(&mut self, line: &[u8], now: u64) {
        let Self { texts, intake } = self;
        let intake = intake.get_or_insert_with(|| Box::new(Intake::for_replay()));
        intake.line(line, now, &mut |event| texts.event(event));
    }

    pub(super) fn idle(&mut self, now: u64) {
        let Self { texts, intake } = self;
        intake.iter_mut().for_each(|intake| intake.expire(now, &mut |event| texts.event(event)));
    }

    pub(super) fn deadline(&self) -> Option<u64> {
        self.intake.as_ref()?.next_deadline()
    }

    /// The documents with the fields that the query needs, each in its place in time.
    pub(super) fn finish<'a>(self, args: &Args, arena: &'a Bump) -> anyhow::Result<(Program, Events<'a>)> {
        let Self { mut texts, mut intake } = self;
        if let Some(intake) = &mut intake {
            intake.finish(&mut |event| texts.event(event));
            let others = intake.summary().malformed;
            if others > 0 {
                eprintln!("auditward: {}", counted(others, "line that is no audit record"));
            }
        }
        let Texts { survey, texts } = texts;
        let fields = survey.fields(&mapping(args)?, &args.timestamp_field);
        let program = compile(args, &fields)?;
        let time = fields.resolve(&args.timestamp_field).map(|(id, _)| id);
        let tiebreaker = match &args.tiebreaker_field {
            Some(name) => Some(fields.resolve(name).with_context(|| format!("unknown field {name}"))?.0),
            None => None,
        };
        let wanted: Vec<FieldId> = program.fields().iter().copied().chain(time).chain(tiebreaker).collect();
        let mut events = Events { documents: Vec::new(), texts: Vec::new() };
        let mut untimed = 0_usize;
        for text in texts {
            let document = fields.read(&object(&text)?, &wanted, arena);
            let timed = time.is_some_and(|time| !document.values(time).as_slice().is_empty());
            if !timed && program.kind() == Kind::Sequence {
                untimed += 1;
                continue;
            }
            events.texts.push(text);
            events.documents.push(document);
        }
        if untimed > 0 {
            let field = &args.timestamp_field;
            eprintln!("auditward: {untimed} documents without {field} take no part in a sequence");
        }
        put_in_order(&mut events.documents, time, tiebreaker);
        Ok((program, events))
    }
}

pub(super) fn mapping(args: &Args) -> anyhow::Result<Mapping> {
    let Some(path) = &args.mapping else { return Ok(Mapping::default()) };
    let text = fs::read_to_string(path).with_context(|| path.display().to_string())?;
    Mapping::parse(&text).with_context(|| path.display().to_string())
}

/// Gives each document its time and its rank among those of equal time: by the tiebreaker, those without
/// one last, or by where it was read.
fn put_in_order(documents: &mut [Held<'_>], time: Option<FieldId>, tiebreaker: Option<FieldId>) {
    let ranks: Vec<u64> = match tiebreaker {
        Some(tiebreaker) => ranks(documents, tiebreaker),
        None => (0..documents.len() as u64).collect(),
    };
    for (document, rank) in documents.iter_mut().zip(ranks) {
        let values = time.map(|time| document.values(time));
        let millis = match values.as_ref().and_then(|values| values.as_slice().first()) {
            Some(Value::Date(millis) | Value::Long(millis)) => *millis,
            // What has no time comes last.
            _ => i64::MAX,
        };
        document.set_order(Order { millis, tiebreaker: rank });
    }
}

/// Equal ranks for equal tiebreakers.
fn ranks(documents: &[Held<'_>], tiebreaker: FieldId) -> Vec<u64> {
    let tie = |index: usize| documents[index].values(tiebreaker).as_slice().first().copied();
    let order = |a: usize, b: usize| match (tie(a), tie(b)) {
        (Some(a), Some(b)) => compare(&a, &b),
        (a, b) => a.is_none().cmp(&b.is_none()),
    };
    let mut sorted: Vec<usize> = (0..documents.len()).collect();
    sorted.sort_by(|a, b| order(*a, *b));
    let mut ranks = vec![0_u64; documents.len()];
    let mut rank = 0;
    for pair in sorted.windows(2) {
        rank += u64::from(order(pair[0], pair[1]).is_ne());
        ranks[pair[1]] = rank;
    }
    ranks
}

/// The order of two values of one field, which are of one type.
fn compare(a: &Value<'_>, b: &Value<'_>) -> Ordering {
    match (a, b) {
        (Value::Text(a), Value::Text(b)) => a.cmp(b),
        (Value::Long(a), Value::Long(b)) | (Value::Date(a), Value::Date(b)) => a.cmp(b),
        (Value::Double(a), Value::Double(b)) => a.total_cmp(b),
        (Value::Bool(a), Value::Bool(b)) => a.cmp(b),
        (Value::Ip(a), Value::Ip(b)) => a.cmp(b),
        _ => Ordering::Equal,
    }
}
