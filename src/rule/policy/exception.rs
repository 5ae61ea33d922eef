//! Exceptions: what is no alert although a rule matches, with who says so, why and until when.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;

use crate::diagnostic::{Diagnostic, Label, Level, Source, Span, codes};
use crate::eql::{Kind, Program};
use crate::event::Document;
use crate::event::schema::{Trust, row};
use crate::rule::Rule;
use crate::toml_file::Table;

use super::list::Lists;

/// One exception.
#[derive(Debug)]
pub struct Exception {
    /// Its name.
    pub id: String,
    /// The rules that it is for.
    pub scope: Scope,
    /// The condition as written.
    pub condition: String,
    pub(in crate::rule) program: Program,
    /// Of a sequence: the item that it looks at, from 0, and where it is written; none for any.
    pub stage: Option<(usize, Span)>,
    /// Why.
    pub reason: String,
    /// Who answers for it.
    pub owner: String,
    /// The first day (UTC) on which it holds no more.
    pub expires: Option<Date>,
    /// The file.
    pub source: Arc<Source>,
    /// Where in it.
    pub place: Span,
}

impl Exception {
    /// How often its condition was false for an event of more combinations of values than are tried, and might
    /// have been true.
    #[must_use]
    pub fn cut_comparisons(&self) -> u64 {
        self.program.cut_comparisons()
    }
}

/// Which rules an exception is for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Scope {
    /// Every rule.
    All,
    /// Those with these ids, and where each is written.
    Rules(Vec<(String, Span)>),
}

impl Scope {
    /// Whether it is for `rule`.
    #[must_use]
    pub fn covers(&self, rule: &Rule) -> bool {
        match self {
            Self::All => true,
            Self::Rules(ids) => ids.iter().any(|(id, _)| *id == rule.uuid || *id == rule.id),
        }
    }
}

/// An exception at one rule, with how many of its matches it has taken.
#[derive(Debug)]
pub struct Applied {
    /// The exception.
    pub exception: Arc<Exception>,
    taken: AtomicU64,
}

pub(super) fn read(table: Table<'_>, lists: &Lists, others: &[Arc<Exception>]) -> Option<Exception> {
    let faults = table.faults();
    let before = faults.errors();
    let id = table.required_text("id");
    let ids = table.texts("rules");
    if ids.is_empty() {
        let place = table.place("rules").unwrap_or(table.span());
        faults.value("for which rules?", place, "write `rules = [\"RULE_ID\"]`, or `rules = \"all\"`");
    }
    let scope = match ids.as_slice() {
        [all] if all.value == "all" => Scope::All,
        _ => Scope::Rules(ids.iter().map(|id| (id.value.to_string(), id.span)).collect()),
    };
    let text = table.required_text("condition");
    let stage = super::stage(&table);
    let (reason, owner) = (table.required_text("reason"), table.required_text("owner"));
    let expires = table.json("expires").and_then(|expires| {
        let day = expires.value.as_str().and_then(|text| text.parse::<Date>().ok());
        if day.is_none() {
            faults.value("`expires` is no day", expires.span, "write it as `expires = 2027-06-30`");
        }
        Some((day?, expires.span))
    });
    if let Some(first) = id.as_ref().and_then(|id| others.iter().find(|other| other.id == id.value)) {
        let title = format!("there is an exception of this name in {}", first.source.name.display());
        faults.value(title, id.as_ref().map(|id| id.span).unwrap_or_default(), "give it another name");
        return None;
    }
    table.done();
    let text = text?;
    let (condition, program) = super::condition(faults, &text, lists)?;
    // What is wrong in it was to narrow it: without that it would take more than anybody meant.
    if faults.errors() > before {
        return None;
    }
    if let Some((_, place)) = expires.filter(|(day, _)| *day <= today()) {
        let title = format!("this exception has expired: {}", id.as_ref().map_or("", |id| &id.value));
        let help = Some("renew it, or take it out: from that day on the rule alerts again".to_owned());
        faults.add(codes::EXCEPTION_EXPIRED, Level::Warning, title, place, "", help);
    }
    if let Some(what) = chosen_by_attackers(&program) {
        let title = format!("this exception rests only on what an attacker chooses: {what}");
        let help = "add what the kernel vouches for: user.id, user.audit.id, process.executable outside \
                    /tmp, host.id";
        let (code, help) = (codes::EXCEPTION_WEAK, Some(help.to_owned()));
        faults.add(code, Level::Warning, title, text.span, "", help);
    }
    (!ids.is_empty()).then_some(())?;
    let (place, source) = (text.span, Arc::clone(faults.source()));
    let id = id?.value.into_owned();
    let (reason, owner) = (reason?.value.into_owned(), owner?.value.into_owned());
    let expires = expires.map(|(day, _)| day);
    let condition = condition.text.trim().to_owned();
    Some(Exception { id, scope, condition, program, stage, reason, owner, expires, source, place })
}

fn today() -> Date {
    TimeZone::UTC.to_datetime(Timestamp::now()).date()
}

/// Directories in which anybody can put a program under any name.
const WRITABLE: [&[u8]; 3] = [b"/tmp/", b"/var/tmp/", b"/dev/shm/"];

/// The fields of `program`, if a process can make all of them what it likes.
fn chosen_by_attackers(program: &Program) -> Option<String> {
    let requirements: Vec<_> = program.requirements().into_iter().flatten().flatten().collect();
    let in_the_open = |id| {
        let mut needs = requirements.iter().filter(|need| need.field == id).peekable();
        needs.peek().is_some()
            && needs.all(|need| {
                need.any_of
                    .iter()
                    .all(|literal| WRITABLE.iter().any(|place| literal.bytes.starts_with(place)))
            })
    };
    let mut names = Vec::new();
    for id in program.fields() {
        let row = row(*id)?;
        if ["event.", "host."].iter().any(|part| row.name.starts_with(part)) && row.name != "host.id" {
            continue;
        }
        if row.trust != Trust::Process && !in_the_open(*id) {
            return None;
        }
        names.push(row.name);
    }
    Some(if names.is_empty() {
        "no field of the process or its user is asked for".to_owned()
    } else {
        names.join(", ")
    })
}

impl Applied {
    /// Whether an exception fits a rule: a stage that it names must be there.
    pub(super) fn new(exception: &Arc<Exception>, rule: &Rule) -> Result<Self, Box<Diagnostic>> {
        let items = rule.program.items();
        let sequence = rule.program.kind() != Kind::Event;
        if let Some((_, place)) = exception.stage.filter(|(stage, _)| *stage >= items || !sequence) {
            let (title, help) = match sequence {
                true => (
                    format!("the rule {} has no such stage", rule.id),
                    format!("write a number from 1 to {items}"),
                ),
                false => (format!("the rule {} has no stages", rule.id), "leave `stage` out".to_owned()),
            };
            return Err(exception.fault(codes::RULE_BAD_VALUE, title, place, Some(help)));
        }
        Ok(Self { exception: Arc::clone(exception), taken: AtomicU64::new(0) })
    }

    /// Whether it holds of a match: of any of its events, or of those of the stage that it names.
    ///
    /// `events` are those of the match in order; `millis` is the time of the last, since the Unix epoch.
    pub fn holds<D: Document + ?Sized>(&self, rule: &Rule, events: &[&D], millis: i64) -> bool {
        let exception = &self.exception;
        if exception.expired_at(millis) {
            return false;
        }
        match exception.stage {
            None => events.iter().any(|event| exception.program.matches(*event)),
            Some((stage, _)) => {
                let items = rule.program.items_of_match();
                let mut events = events.iter().zip(items).filter(|(_, item)| *item == stage);
                events.any(|(event, _)| exception.program.matches(*event))
            }
        }
    }

    /// Counts a match that it has taken.
    pub fn take(&self) {
        self.taken.fetch_add(1, Ordering::Relaxed);
    }

    /// How many matches of its rule it has taken.
    #[must_use]
    pub fn taken(&self) -> u64 {
        self.taken.load(Ordering::Relaxed)
    }
}

impl Exception {
    /// The fields that its condition asks for.
    #[must_use]
    pub fn fields(&self) -> &[crate::event::FieldId] {
        self.program.fields()
    }

    /// Whether it is over at `millis` since the Unix epoch.
    #[must_use]
    pub fn expired_at(&self, millis: i64) -> bool {
        let Some(day) = self.expires else { return false };
        let Ok(time) = Timestamp::from_millisecond(millis) else { return millis > 0 };
        TimeZone::UTC.to_datetime(time).date() >= day
    }

    /// Whether it is over today.
    #[must_use]
    pub fn expired(&self) -> bool {
        self.expires.is_some_and(|day| day <= today())
    }

    /// An error about it, at `place` in its file.
    #[must_use]
    pub fn fault(&self, code: u16, title: String, place: Span, help: Option<String>) -> Box<Diagnostic> {
        Box::new(Diagnostic {
            code,
            level: Level::Error,
            title,
            source: Some(Arc::clone(&self.source)),
            primary: Some(Label { span: place, text: String::new() }),
            context: Vec::new(),
            help,
        })
    }
}
