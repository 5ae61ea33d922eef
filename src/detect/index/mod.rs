//! What an event can match, found without asking each rule.
//!
//! Most of what conditions ask is the same for many events: what kind of event it is, which program it is
//! of, who started that, with which arguments. So a condition is worked out in steps, and what all but the last
//! say is remembered:
//!
//! 1. by the kind of the event ([`OF_KIND`]): what is no execution is no more than some thirty kinds;
//! 2. by all that comes again with it: the same command of the same parent ([`Origin`]), the same path, the same
//!    user; a command that comes again costs one look-up, without a field being read;
//! 3. of one that is new, by the values of a few fields that come again and again ([`SETTLED`]);
//! 4. what is then still open, of the few rules that are, by the event itself.
//!
//! Of the values of fields such as arguments, `texts` says at once which comparisons they could satisfy; those
//! alone are tried.
//!
//! A condition is made of comparisons that are true or false, so whatever order they are asked in, and
//! whenever, the answer is the one that asking all of it gives.

mod lately;
mod leaf;
mod node;
mod outcomes;
mod texts;

use std::cell::OnceCell;
use std::hash::{Hash, Hasher};
use std::num::NonZeroU64;
use std::sync::OnceLock;

use crate::eql::Cond;
use crate::event::circumstances::Circumstances;
use crate::event::memo::Memo;
use crate::event::origin::Origin;
use crate::event::schema::field;
use crate::event::{Document, FieldId, Value, Values};

use leaf::{Leaves, Scope, TextField};
use node::{Node, Reduced};
use outcomes::Outcomes;

/// The fields that [`Document::kind`] settles.
pub(crate) const OF_KIND: [FieldId; 10] = [
    field::EVENT_CATEGORY,
    field::EVENT_TYPE,
    field::EVENT_ACTION,
    field::EVENT_KIND,
    field::EVENT_MODULE,
    field::EVENT_DATASET,
    field::DATA_STREAM_DATASET,
    field::DATA_STREAM_NAMESPACE,
    field::DATA_STREAM_TYPE,
    field::HOST_OS_TYPE,
];

/// Fields that have few values, come again and again and cost little to ask.
const SETTLED: [FieldId; 18] = [
    field::PROCESS_NAME,
    field::PROCESS_EXECUTABLE,
    field::PROCESS_PARENT_NAME,
    field::PROCESS_PARENT_EXECUTABLE,
    field::PROCESS_ENTRY_LEADER_ENTRY_META_TYPE,
    field::PROCESS_ENTRY_LEADER_EXECUTABLE,
    field::PROCESS_ENTRY_LEADER_NAME,
    field::PROCESS_GROUP_LEADER_EXECUTABLE,
    field::PROCESS_GROUP_LEADER_NAME,
    field::PROCESS_SESSION_LEADER_EXECUTABLE,
    field::PROCESS_SESSION_LEADER_NAME,
    field::PROCESS_INTERACTIVE,
    field::PROCESS_PARENT_INTERACTIVE,
    field::EVENT_OUTCOME,
    field::CONTAINER_ID,
    field::USER_ID,
    field::USER_EFFECTIVE_ID,
    field::HOST_ID,
];

/// Fields that have many values, of which some come again and again: what [`Document::push_files`] tells.
const DETAILS: [FieldId; 6] = [
    field::FILE_PATH,
    field::FILE_NAME,
    field::FILE_EXTENSION,
    field::FILE_EXT_ORIGINAL_PATH,
    field::FILE_EXT_ORIGINAL_NAME,
    field::FILE_EXT_ORIGINAL_EXTENSION,
];

/// Whether outcomes are remembered by `field`, or by what its values follow from.
fn is_remembered(field: FieldId) -> bool {
    Origin::of(field).is_some()
        || Circumstances::of(field).is_some()
        || OF_KIND.contains(&field)
        || SETTLED.contains(&field)
        || DETAILS.contains(&field)
}

/// The fields that cost most, since they are put together out of others or looked for in all records: asked
/// last.
const LAST: [FieldId; 5] = [
    field::PROCESS_COMMAND_LINE,
    field::PROCESS_PARENT_COMMAND_LINE,
    field::PROCESS_PARENT_ARGS,
    field::AUDITD_DATA_SYSCALL,
    field::AUDITD_RESULT,
];

/// So many kinds are remembered, at least, and so many of programs with their parents and users.
const KINDS: usize = 256;
const ANSWERS: usize = 1024;
/// So many commands and the like.
const OUTCOMES: usize = 8192;
/// What is told by more bytes is not remembered.
const LONGEST: usize = 1024;

/// See the module.
#[derive(Debug)]
pub(crate) struct Index {
    leaves: Leaves,
    /// What is asked of every event, by number.
    units: Open,
    kinds: Memo<Kind>,
    /// How many kinds were ever remembered: the number of the next.
    known: u32,
    outcomes: Outcomes<Narrowed>,
    answers: Outcomes<Narrowed>,
    /// Memory to work in.
    key: Vec<u8>,
    settled: Vec<u8>,
}

/// Units whose condition is not false, ascending.
type Open = Box<[(u32, Truth)]>;

#[derive(Debug, PartialEq, Eq, Hash)]
enum Truth {
    True,
    Of(Node),
}

/// Units that are open, and fewer where that is simply found, which follows from what is open: worked out when an event
/// first asks for it.
#[derive(Debug)]
struct Narrowed {
    open: Open,
    quiet: OnceLock<Option<Box<Quiet>>>,
}

impl PartialEq for Narrowed {
    fn eq(&self, other: &Self) -> bool {
        self.open == other.open
    }
}

impl Eq for Narrowed {}

impl Hash for Narrowed {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.open.hash(state);
    }
}

/// What is left open besides where no value of one field could satisfy any comparison that asks for it: of
/// arguments and paths most have nothing that a rule looks for.
#[derive(Debug)]
struct Quiet {
    field: TextField,
    rest: Narrowed,
}

/// What the kind of an event leaves open.
#[derive(Debug)]
struct Kind {
    number: u32,
    open: Open,
    /// The fields of [`SETTLED`] that it asks for.
    settled: Box<[FieldId]>,
    /// What is left of that where the kind tells the system call too; none where nothing asks for it.
    of_call: Option<OnceCell<Box<Kind>>>,
    /// What of it can be remembered: by the numbers of origins, or in their place by the values of fields, and by
    /// the values of other fields.
    origins: Box<[(Origin, Box<[FieldId]>)]>,
    details: Box<[FieldId]>,
    around: Box<[FieldId]>,
    circumstances: Circumstances,
    fields: Box<[FieldId]>,
}

impl Index {
    /// An index over the conditions of units 0, 1, ….
    pub(crate) fn new<'c>(conditions: impl Iterator<Item = &'c Cond>) -> Self {
        Self::remembering(conditions, OUTCOMES)
    }

    /// The same with so many outcomes to be remembered.
    fn remembering<'c>(conditions: impl Iterator<Item = &'c Cond>, most: usize) -> Self {
        let mut leaves = Leaves::default();
        let units: Vec<Reduced> = conditions.map(|condition| node::of(condition, &mut leaves)).collect();
        leaves.finish();
        let units = numbered(units.into_iter());
        Self {
            leaves,
            units,
            kinds: Memo::new(KINDS),
            known: 0,
            outcomes: Outcomes::new(most),
            answers: Outcomes::new(ANSWERS.min(most)),
            key: Vec::new(),
            settled: Vec::new(),
        }
    }

    /// Calls `each` with every unit that the event was asked about in the end, ascending, and whether its
    /// condition holds. All others do not hold. Allocates nothing for what is remembered.
    pub(crate) fn ask<D: Document + ?Sized>(&mut self, event: &D, mut each: impl FnMut(usize, bool)) {
        let Self { leaves, units, kinds, known, outcomes, answers, key, settled } = self;
        leaves.next_event();
        let kind = event.kind();
        let by_number = kind.is_some();
        let kind = match &kind {
            Some(kind) => &kind[..],
            None => {
                key.clear();
                push_values(event, &OF_KIND, key);
                &key[..]
            }
        };
        let mut next = || {
            *known = known.wrapping_add(1);
            *known
        };
        let mut kind = kinds.get_or_make(kind, || {
            let open = reduce(units, &mut |number| leaves.known(number, Scope::Kind, event));
            Kind::new(next(), open, leaves)
        });
        // Few kinds have anything open that asks for the call.
        if by_number
            && let Some(of_call) = &kind.of_call
            && event.kind_tells_call()
        {
            kind = of_call.get_or_init(|| {
                let open = reduce(&kind.open, &mut |number| leaves.known_of_call(number, event));
                Box::new(Kind::new(next(), open, leaves))
            });
        }
        if kind.open.is_empty() {
            return;
        }
        let mut make = || {
            // Narrowed by no more than what it is remembered by: the next event has other values of the rest.
            let open = kind.open_for(event, leaves, answers, settled, Leaves::is_remembered_text);
            let known = &mut |number| leaves.is_remembered(number).then(|| leaves.holds(number, event));
            Narrowed::new(reduce(open, known))
        };
        if by_number
            && kind.push_key(event, key)
            && let Some(outcome) = outcomes.get_or_make(key, &mut make)
        {
            return ask_open(outcome.by(event, leaves, |_, _| true), event, leaves, &mut each);
        }
        let open = kind.open_for(event, leaves, answers, settled, |_, _| true);
        ask_open(open, event, leaves, &mut each);
    }
}

impl Kind {
    fn new(number: u32, open: Open, leaves: &Leaves) -> Self {
        let (mut settled, mut fields, mut asks_for_call) = (Vec::new(), Vec::new(), false);
        let mut origins: Vec<(Origin, Vec<FieldId>)> = Vec::new();
        for (_, truth) in &open {
            truth.settled(leaves, &mut settled);
            let Some(node) = truth.node() else { continue };
            node.each_leaf(&mut |leaf| {
                let remembered = leaves.is_remembered(leaf);
                asks_for_call |= leaves.asks_for_call(leaf);
                for field in leaves.fields(leaf).iter().filter(|field| remembered && !OF_KIND.contains(field))
                {
                    let list = match Origin::of(*field) {
                        None => &mut fields,
                        Some(origin) => match origins.iter().position(|(known, _)| *known == origin) {
                            Some(at) => &mut origins[at].1,
                            None => {
                                origins.push((origin, Vec::new()));
                                let last = origins.len() - 1;
                                &mut origins[last].1
                            }
                        },
                    };
                    if !list.contains(field) {
                        list.push(*field);
                    }
                }
            });
        }
        let origins = origins.into_iter().map(|(origin, fields)| (origin, fields.into())).collect();
        let (details, fields): (Vec<_>, Vec<_>) =
            fields.into_iter().partition(|field| DETAILS.contains(field));
        let (around, fields): (Vec<_>, Vec<_>) =
            fields.into_iter().partition(|field| Circumstances::of(*field).is_some());
        let circumstances = around.iter().filter_map(|field| Circumstances::of(*field)).collect();
        let of_call = asks_for_call.then(OnceCell::new);
        Self {
            number,
            open,
            settled: settled.into(),
            of_call,
            origins,
            details: details.into(),
            around: around.into(),
            circumstances,
            fields: fields.into(),
        }
    }

    /// What is open for `event` by the fields that are settled, and for want of what a rule looks for in those that
    /// `may` names; `key` is memory to work in.
    fn open_for<'a, D: Document + ?Sized>(
        &'a self,
        event: &D,
        leaves: &mut Leaves,
        answers: &'a mut Outcomes<Narrowed>,
        key: &mut Vec<u8>,
        may: impl Fn(&Leaves, &TextField) -> bool,
    ) -> &'a [(u32, Truth)] {
        key.clear();
        key.extend_from_slice(&self.number.to_le_bytes());
        push_values(event, &self.settled, key);
        let answer = answers.get_or_make(key, || {
            Narrowed::new(reduce(&self.open, &mut |number| leaves.known(number, Scope::Settled, event)))
        });
        answer.map_or(&self.open, |answer| answer.by(event, leaves, may))
    }

    /// Writes that by which what the event leaves open is remembered; false if that is too much.
    fn push_key<D: Document + ?Sized>(&self, event: &D, key: &mut Vec<u8>) -> bool {
        key.clear();
        key.extend_from_slice(&self.number.to_le_bytes());
        for (origin, fields) in &self.origins {
            if let Some(number) = event.origin(*origin) {
                // No number is 0, and none is as large as the mark of values.
                key.extend_from_slice(&number.map_or(0, NonZeroU64::get).to_le_bytes());
            } else {
                key.extend_from_slice(&u64::MAX.to_le_bytes());
                let directory = fields.contains(&field::PROCESS_WORKING_DIRECTORY);
                let program =
                    |key: &mut Vec<u8>| *origin == Origin::Started && event.push_program(directory, key);
                if !push_instead(program, event, fields, key) {
                    return false;
                }
            }
        }
        let circumstances = |key: &mut Vec<u8>| event.push_circumstances(self.circumstances, key);
        push_instead(|key| event.push_files(key), event, &self.details, key)
            && push_instead(circumstances, event, &self.around, key)
            && push_short_values(event, &self.fields, key)
    }
}

/// What stands for the values of `fields`, if there are any, where `push` tells it, else [`push_short_values`].
fn push_instead<D: Document + ?Sized>(
    push: impl FnOnce(&mut Vec<u8>) -> bool,
    event: &D,
    fields: &[FieldId],
    key: &mut Vec<u8>,
) -> bool {
    if fields.is_empty() {
        return true;
    }
    let start = key.len();
    key.push(1);
    if push(key) {
        return key.len() <= LONGEST;
    }
    key.truncate(start);
    key.push(0);
    push_short_values(event, fields, key)
}

/// Asks the event about all that is open.
fn ask_open<D: Document + ?Sized>(
    open: &[(u32, Truth)],
    event: &D,
    leaves: &mut Leaves,
    each: &mut impl FnMut(usize, bool),
) {
    for (unit, truth) in open {
        let holds = match truth {
            Truth::True => true,
            Truth::Of(node) => node.holds(event, leaves),
        };
        each(*unit as usize, holds);
    }
}

impl Truth {
    fn node(&self) -> Option<&Node> {
        match self {
            Self::True => None,
            Self::Of(node) => Some(node),
        }
    }

    fn settled(&self, leaves: &Leaves, fields: &mut Vec<FieldId>) {
        let Some(node) = self.node() else { return };
        node.each_leaf(&mut |number| {
            let field = leaves.field(number, Scope::Settled);
            fields.extend(field.filter(|field| !fields.contains(field)));
        });
    }
}

fn numbered(units: impl Iterator<Item = Reduced>) -> Open {
    let open = units.enumerate().filter_map(|(number, unit)| Some((number, truth(unit)?)));
    open.map(|(number, truth)| (u32::try_from(number).unwrap_or(u32::MAX), truth)).collect()
}

fn truth(reduced: Reduced) -> Option<Truth> {
    match reduced {
        Reduced::Known(false) => None,
        Reduced::Known(true) => Some(Truth::True),
        Reduced::Open(node) => Some(Truth::Of(node)),
    }
}

impl Quiet {
    /// So many units must ask for a field for it to be worth asking whether any can be satisfied.
    const WORTH: usize = 3;

    /// None where no field is asked for by enough of `open`.
    fn of(open: &[(u32, Truth)], leaves: &Leaves) -> Option<Box<Self>> {
        let nodes = || open.iter().filter_map(|(_, truth)| truth.node());
        nodes().nth(Self::WORTH - 1)?;
        let field = leaves.text_field_of_most(nodes(), Self::WORTH)?;
        let rest = reduce(open, &mut |number| leaves.is_text_of(number, &field).then_some(false));
        Some(Box::new(Self { field, rest: Narrowed::new(rest) }))
    }
}

impl Narrowed {
    fn new(open: Open) -> Self {
        Self { open, quiet: OnceLock::new() }
    }

    /// What of it is open for `event`, by the fields that `may` be asked.
    fn by<D: Document + ?Sized>(
        &self,
        event: &D,
        leaves: &mut Leaves,
        may: impl Fn(&Leaves, &TextField) -> bool,
    ) -> &[(u32, Truth)] {
        let mut this = self;
        while let Some(quiet) = this.quiet.get_or_init(|| Quiet::of(&this.open, leaves))
            && may(leaves, &quiet.field)
            && !leaves.could_satisfy_any(&quiet.field, event)
        {
            this = &quiet.rest;
        }
        &this.open
    }
}

/// What is left of `units` where `known` tells some comparisons.
fn reduce(units: &[(u32, Truth)], known: &mut dyn FnMut(u32) -> Option<bool>) -> Open {
    let reduced = units.iter().filter_map(|(unit, before)| {
        let now = match before {
            Truth::True => Some(Truth::True),
            Truth::Of(node) => node.reduce(known).map_or_else(|| Some(Truth::Of(node.clone())), truth),
        };
        Some((*unit, now?))
    });
    reduced.collect()
}

/// [`push_values`], unless that is too much to be remembered.
fn push_short_values<D: Document + ?Sized>(event: &D, fields: &[FieldId], key: &mut Vec<u8>) -> bool {
    let is_short = |value: &Value<'_>| !matches!(value, Value::Text(text) if text.len() > LONGEST);
    for field in fields {
        let values = event.values(*field);
        push_count(&values, key);
        for value in values.as_slice() {
            if !is_short(value) || key.len() > LONGEST {
                return false;
            }
            push_value(value, key);
        }
    }
    key.len() <= LONGEST
}

/// Writes the values of `fields`, so that what differs is written in different ways.
fn push_values<D: Document + ?Sized>(event: &D, fields: &[FieldId], key: &mut Vec<u8>) {
    for field in fields {
        let values = event.values(*field);
        push_count(&values, key);
        values.as_slice().iter().for_each(|value| push_value(value, key));
    }
}

fn push_count(values: &Values<'_>, key: &mut Vec<u8>) {
    key.extend_from_slice(&u32::try_from(values.as_slice().len()).unwrap_or(u32::MAX).to_le_bytes());
}

fn push_value(value: &Value<'_>, key: &mut Vec<u8>) {
    match value {
        Value::Text(text) => {
            // The kind of value and the length in one: no text has so many bytes that the length did not fit.
            key.extend_from_slice(&((text.len() as u64) << 8).to_le_bytes());
            key.extend_from_slice(text);
        }
        Value::Long(number) => {
            key.push(1);
            key.extend_from_slice(&number.to_le_bytes());
        }
        Value::Double(number) => {
            key.push(2);
            key.extend_from_slice(&number.to_bits().to_le_bytes());
        }
        Value::Bool(truth) => key.extend_from_slice(&[3, u8::from(*truth)]),
        Value::Date(millis) => {
            key.push(4);
            key.extend_from_slice(&millis.to_le_bytes());
        }
        Value::Ip(std::net::IpAddr::V4(address)) => {
            key.push(5);
            key.extend_from_slice(&address.octets());
        }
        Value::Ip(std::net::IpAddr::V6(address)) => {
            key.push(6);
            key.extend_from_slice(&address.octets());
        }
    }
}

#[cfg(test)]
mod tests;
