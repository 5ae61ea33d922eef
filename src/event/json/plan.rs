//! What is written of an event, in order: made once from the schema.

use std::sync::OnceLock;

use super::super::from_audit::always;
use super::super::schema::{Cardinality, Face, Family, FieldId, ROWS, Row, field};
use super::line::Line;

/// What an event must have for any field of a section to be there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Needs {
    Nothing,
    Parent,
    Leader(usize),
    File,
    Network,
    /// Names of users and groups are known.
    Names,
    Capabilities,
    /// A record that a program wrote.
    Message,
    /// Nothing; it stands in events that are exported by themselves.
    Export,
}

impl Needs {
    fn of(field: FieldId, row: &Row) -> Self {
        match row.family {
            _ if row.face == Face::Exported => Self::Export,
            Family::Parent if field != field::PROCESS_PARENT_PID => Self::Parent,
            Family::SessionLeader => Self::Leader(0),
            Family::GroupLeader => Self::Leader(1),
            Family::EntryLeader => Self::Leader(2),
            Family::File => Self::File,
            Family::Network => Self::Network,
            Family::User
                if ["user.changes.", "user.target."].iter().any(|target| row.name.starts_with(target)) =>
            {
                Self::Message
            }
            Family::User if row.name.ends_with(".name") => Self::Names,
            _ if is_capabilities(field) => Self::Capabilities,
            _ => Self::Nothing,
        }
    }
}

/// What the fields of a part follow from. Where that is known, what is written of them is remembered by it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Follows {
    /// Anything of the event.
    Event,
    /// The parent.
    Parent,
    /// A leader.
    Leader(usize),
    /// Whose the process is.
    Ids,
    /// The capabilities of a program that was started.
    Capabilities,
}

impl Follows {
    fn of(field: FieldId, row: &Row) -> Self {
        match row.family {
            Family::Parent => Self::Parent,
            Family::SessionLeader => Self::Leader(0),
            Family::GroupLeader => Self::Leader(1),
            Family::EntryLeader => Self::Leader(2),
            Family::User if row.name.starts_with("user.") => Self::Ids,
            _ if is_capabilities(field) => Self::Capabilities,
            _ => Self::Event,
        }
    }
}

fn is_capabilities(field: FieldId) -> bool {
    matches!(
        field,
        field::PROCESS_THREAD_CAPABILITIES_EFFECTIVE | field::PROCESS_THREAD_CAPABILITIES_PERMITTED
    )
}

/// A field that is exported.
#[derive(Debug)]
pub(super) struct Shown {
    pub(super) field: FieldId,
    /// The objects it stands in, in [`Plan::objects`].
    objects: usize,
    key: &'static str,
    /// What is written up to its value, by the objects that are open: see [`Objects`].
    before: Vec<Padded>,
    pub(super) many: bool,
    /// Text that is not UTF-8 is shown with U+FFFD.
    pub(super) lossy: bool,
}

/// What is written, in order.
#[derive(Debug)]
pub(super) enum Step {
    Field(Shown),
    /// The same in every event: it is written with its key.
    Always(Shown),
    /// A set of capabilities: forty names, of which most processes have all or none.
    Capabilities(Shown),
    /// `auditd.data`, whatever it holds.
    Data(Shown),
    /// `auditd.paths`, a list of objects.
    Paths(Shown),
}

/// Steps that follow each other and need the same of an event.
#[derive(Debug)]
pub(super) struct Section {
    pub(super) needs: Needs,
    pub(super) steps: Vec<Step>,
}

/// Sections that follow each other and from the same.
#[derive(Debug)]
pub(super) struct Part {
    pub(super) from: Follows,
    /// Another one for each part.
    pub(super) number: u8,
    pub(super) sections: Vec<Section>,
}

/// The steps in order, and how one goes from the objects that a field stands in to those of another.
#[derive(Debug, Default)]
pub(super) struct Plan {
    pub(super) parts: Vec<Part>,
    /// The lists of objects that fields stand in, each object as it is opened.
    objects: Vec<Vec<String>>,
}

/// A text of at most so many bytes, which is copied as all of them.
pub(super) const PADDED: usize = 64;

/// See [`PADDED`].
#[derive(Debug)]
struct Padded {
    bytes: [u8; PADDED],
    length: usize,
}

impl Padded {
    fn of(text: &str) -> Self {
        let mut bytes = [0; PADDED];
        for (place, byte) in bytes.iter_mut().zip(text.bytes()) {
            *place = byte;
        }
        Self { bytes, length: text.len() }
    }
}

pub(super) fn plan() -> &'static Plan {
    static PLAN: OnceLock<Plan> = OnceLock::new();
    PLAN.get_or_init(|| {
        let mut plan = Plan { objects: vec![Vec::new()], ..Plan::default() };
        let (mut data, mut paths) = (false, false);
        for (at, row) in ROWS.iter().enumerate() {
            let field = FieldId(u16::try_from(at).unwrap_or(u16::MAX));
            let step = if row.name.starts_with("auditd.data.") {
                let first = !std::mem::replace(&mut data, true);
                first.then(|| Step::Data(plan.shown(field, row, "auditd.data")))
            } else if row.family == Family::Paths {
                let first = !std::mem::replace(&mut paths, true);
                first.then(|| Step::Paths(plan.shown(field, row, "auditd.paths")))
            } else if !row.has_source() || row.face == Face::Matched || row.family == Family::Account {
                None
            } else if is_capabilities(field) {
                Some(Step::Capabilities(plan.shown(field, row, row.name)))
            } else if always(field).is_some() {
                Some(Step::Always(plan.shown(field, row, row.name)))
            } else {
                Some(Step::Field(plan.shown(field, row, row.name)))
            };
            let Some(step) = step else { continue };
            // What follows from records alone is asked of each event.
            let needs = if matches!(step, Step::Data(_)) { Needs::Nothing } else { Needs::of(field, row) };
            plan.push(Follows::of(field, row), needs, step);
        }
        let Plan { parts, objects } = &mut plan;
        let sections = parts.iter_mut().flat_map(|part| &mut part.sections);
        for step in sections.flat_map(|section| &mut section.steps) {
            let value = match step {
                Step::Always(shown) => {
                    always(shown.field).map(|text| format!("\"{text}\"")).unwrap_or_default()
                }
                _ => String::new(),
            };
            let shown = step.shown_mut();
            let Some(after) = objects.get(shown.objects) else { continue };
            let text = |between: String| Padded::of(&format!("{between}\"{}\":{value}", shown.key));
            let nothing_yet = format!("{{{}", after.concat());
            let texts = objects.iter().map(|before| between(before, after)).chain([nothing_yet]).map(text);
            shown.before = texts.collect();
        }
        plan
    })
}

/// Closes the objects of `before` that `after` does not stand in, and opens those that it does.
fn between(before: &[String], after: &[String]) -> String {
    let common = before.iter().zip(after).take_while(|(a, b)| a == b).count();
    let closed = "}".repeat(before.len() - common);
    format!("{closed},{}", after.get(common..).unwrap_or_default().concat())
}

impl Step {
    fn shown_mut(&mut self) -> &mut Shown {
        let (Self::Field(shown)
        | Self::Always(shown)
        | Self::Capabilities(shown)
        | Self::Data(shown)
        | Self::Paths(shown)) = self;
        shown
    }
}

impl Plan {
    fn push(&mut self, from: Follows, needs: Needs, step: Step) {
        if self.parts.last().is_none_or(|part| part.from != from) {
            let number = u8::try_from(self.parts.len()).unwrap_or(u8::MAX);
            self.parts.push(Part { from, number, sections: Vec::new() });
        }
        let Some(Part { sections, .. }) = self.parts.last_mut() else { return };
        match sections.last_mut() {
            Some(section) if section.needs == needs => section.steps.push(step),
            _ => sections.push(Section { needs, steps: vec![step] }),
        }
    }

    fn shown(&mut self, field: FieldId, row: &Row, name: &'static str) -> Shown {
        let mut parts: Vec<&str> = name.split('.').collect();
        let key = parts.pop().unwrap_or_default();
        let objects: Vec<String> = parts.iter().map(|part| format!("\"{part}\":{{")).collect();
        let at = self.objects.iter().position(|known| *known == objects).unwrap_or_else(|| {
            self.objects.push(objects);
            self.objects.len() - 1
        });
        Shown {
            field,
            objects: at,
            key,
            before: Vec::new(),
            // Of these the exported document has one word, but where two acts are one event.
            many: row.cardinality == Cardinality::Many
                && !matches!(name, "event.action" | "event.module" | "event.dataset" | "data_stream.dataset"),
            lossy: name.ends_with(".args") || name.ends_with(".command_line"),
        }
    }
}

/// The objects that are open.
pub(super) struct Objects {
    plan: &'static Plan,
    /// In [`Plan::objects`]; one more than the last before anything is written.
    pub(super) open: usize,
}

impl Objects {
    pub(super) fn begin(plan: &'static Plan) -> Self {
        Self { plan, open: plan.objects.len() }
    }

    /// Writes the key of a field: closes the objects that it does not stand in, opens those that it does.
    #[inline]
    pub(super) fn key(&mut self, shown: &Shown, out: &mut Line<'_>) {
        if let Some(text) = shown.before.get(self.open) {
            out.padded(&text.bytes, text.length);
        }
        self.open = shown.objects;
    }

    pub(super) fn end(self, out: &mut Line<'_>) {
        match self.plan.objects.get(self.open) {
            Some(open) => (0..=open.len()).for_each(|_| out.byte(b'}')),
            None => out.bytes(b"{}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_stands_between_two_fields_has_room() {
        let sections = plan().parts.iter().flat_map(|part| &part.sections);
        for step in sections.flat_map(|section| &section.steps) {
            let (Step::Field(shown)
            | Step::Always(shown)
            | Step::Capabilities(shown)
            | Step::Data(shown)
            | Step::Paths(shown)) = step;
            assert_eq!(shown.before.len(), plan().objects.len() + 1);
            for text in &shown.before {
                assert!(text.length <= PADDED, "{}: {}", shown.key, text.length);
            }
        }
    }
}
