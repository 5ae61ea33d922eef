//! Audit records as what is asked: events as they end, those kept that some stage of the query matches.

use bumpalo::Bump;

use super::documents::mapping;
use super::{Args, Documents, Events, compile};
use crate::daemon::intake::Intake;
use crate::eql::Program;
use crate::event::schema::Live;
use crate::event::{AuditDocument, Held, json};

pub(super) struct Records<'a> {
    program: Program,
    /// A mapping was given.
    mapped: bool,
    intake: Intake,
    kept: Kept<'a>,
}

struct Kept<'a> {
    arena: &'a Bump,
    events: Events<'a>,
}

impl<'a> Records<'a> {
    pub(super) fn new(args: &Args, arena: &'a Bump) -> anyhow::Result<Self> {
        let program = compile(args, &Live)?;
        let mapped = args.mapping.is_some();
        // One that cannot be read is a fault, also where it is not asked.
        mapping(args)?;
        let events = Events { documents: Vec::new(), texts: Vec::new() };
        Ok(Records { program, mapped, intake: Intake::for_replay(), kept: Kept { arena, events } })
    }

    pub(super) fn line(&mut self, line: &[u8], now: u64) {
        let (program, kept) = (&self.program, &mut self.kept);
        self.intake.line(line, now, &mut |event| kept.event(program, event));
    }

    pub(super) fn idle(&mut self, now: u64) {
        let (program, kept) = (&self.program, &mut self.kept);
        self.intake.expire(now, &mut |event| kept.event(program, event));
    }

    pub(super) fn deadline(&self) -> Option<u64> {
        self.intake.next_deadline()
    }

    /// The same as documents: others have come among them.
    pub(super) fn into_documents(self) -> anyhow::Result<Documents> {
        Documents::after(self.kept.events.texts, self.intake)
    }

    pub(super) fn finish(mut self) -> (Program, Events<'a>) {
        if self.mapped {
            eprintln!("auditward: --mapping is not used: it is for documents, and these are audit records");
        }
        let (program, kept) = (&self.program, &mut self.kept);
        self.intake.finish(&mut |event| kept.event(program, event));
        (self.program, self.kept.events)
    }
}

impl Kept<'_> {
    fn event(&mut self, program: &Program, event: &AuditDocument<'_>) {
        if !program.matches(event) {
            return;
        }
        self.events.texts.push(String::from_utf8_lossy(json::Writer::default().write(event)).into_owned());
        self.events.documents.push(Held::copy(event, program.fields(), self.arena));
    }
}
