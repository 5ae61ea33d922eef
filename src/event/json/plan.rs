//! What is written of an event, in order: made once from the schema.

use std::sync::OnceLock;

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
}

impl Needs {
    fn of(field: FieldId, row: &Row) -> Self {
        match row.family {
            Family::Parent if field != field::PROCESS_PARENT_PID => Self::Parent,
            Family::SessionLeader => Self::Leader(0),
            Family::GroupLeader => Self::Leader(1),
            Family::EntryLeader => Self::Leader(2),
            Family::File => Self::File,
            Family::Network => Self::Network,
            Family::User if row.name.starts_with("user.target.") => Self::Message,
            Family::User if row.name.ends_with(".name") => Self::Names,
            _ if is_capabilities(field) => Self::Capabilities,
            _ => Self::Nothing,
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
    pub(super) objects: usize,
    /// Its key within them, as it is written behind another.
    pub(super) key: String,
    pub(super) many: bool,
    /// Text that is not UTF-8 is shown with U+FFFD.
    pub(super) lossy: bool,
}

/// What is written, in order.
#[derive(Debug)]
pub(super) enum Step {
    Field(Shown),
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

/// The steps in order, and how one goes from the objects that a field stands in to those of another.
#[derive(Debug, Default)]
pub(super) struct Plan {
    pub(super) sections: Vec<Section>,
    /// The lists of objects that fields stand in, each object as it is opened.
    pub(super) objects: Vec<Vec<String>>,
    /// What is written between fields, by the objects of the one before and the one after.
    pub(super) between: Vec<Vec<String>>,
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
            } else if !row.has_source() || row.face != Face::Shown {
                None
            } else if is_capabilities(field) {
                Some(Step::Capabilities(plan.shown(field, row, row.name)))
            } else {
                Some(Step::Field(plan.shown(field, row, row.name)))
            };
            let Some(step) = step else { continue };
            // What follows from records alone is asked of each event.
            let needs = if matches!(step, Step::Data(_)) { Needs::Nothing } else { Needs::of(field, row) };
            match plan.sections.last_mut() {
                Some(section) if section.needs == needs => section.steps.push(step),
                _ => plan.sections.push(Section { needs, steps: vec![step] }),
            }
        }
        let from = |before: &Vec<String>| plan.objects.iter().map(|after| between(before, after)).collect();
        plan.between = plan.objects.iter().map(from).collect();
        plan
    })
}

/// Closes the objects of `before` that `after` does not stand in, and opens those that it does.
fn between(before: &[String], after: &[String]) -> String {
    let common = before.iter().zip(after).take_while(|(a, b)| a == b).count();
    let closed = "}".repeat(before.len() - common);
    format!("{closed},{}", after.get(common..).unwrap_or_default().concat())
}

impl Plan {
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
            key: format!(",\"{key}\":"),
            // Of these the exported document has one word, but where two acts are one event.
            many: row.cardinality == Cardinality::Many && !matches!(name, "event.action" | "event.module"),
            lossy: name.ends_with(".args") || name.ends_with(".command_line"),
        }
    }
}

/// The objects that are open.
pub(super) struct Objects {
    plan: &'static Plan,
    open: usize,
    first: bool,
}

impl Objects {
    pub(super) fn begin(plan: &'static Plan, out: &mut Line<'_>) -> Self {
        out.byte(b'{');
        Self { plan, open: 0, first: true }
    }

    /// Writes the key of a field: closes the objects that it does not stand in, opens those that it does.
    #[inline]
    pub(super) fn key(&mut self, shown: &Shown, out: &mut Line<'_>) {
        if self.open == shown.objects && !self.first {
            return out.bytes(shown.key.as_bytes());
        }
        let between = self.plan.between.get(self.open).and_then(|from| from.get(shown.objects));
        let between = between.map(String::as_bytes).unwrap_or_default();
        // The comma of the first is not needed.
        let skip = usize::from(std::mem::take(&mut self.first));
        out.bytes(between.get(skip..).unwrap_or_default());
        out.bytes(shown.key.as_bytes().get(1..).unwrap_or_default());
        self.open = shown.objects;
    }

    pub(super) fn end(self, out: &mut Line<'_>) {
        let open = self.plan.objects.get(self.open).map_or(0, Vec::len);
        (0..=open).for_each(|_| out.byte(b'}'));
    }
}
