//! An audit event as a document: answers by field, decodes nothing before it is asked.

use std::borrow::Cow;
use std::cell::{Cell, OnceCell, RefCell};
use std::sync::Arc;

use bumpalo::Bump;
use bumpalo::collections::Vec as BumpVec;

use super::ancestry::{Image, Mounted, Place, Process, RootLink};
use super::around::{Around, Kin};
use super::circumstances::Circumstances;
use super::document::{Document, Order, Value, Values};
use super::from_audit::file::Items;
use super::from_audit::parts::Parts;
use super::from_audit::{self, data, keys};
use super::kind::{Act, Kind};
use super::origin::{Number, Origin};
use super::schema::{FieldId, field, table::FIELDS};
use crate::audit::fields::Field;
use crate::audit::{AuditEvent, BprmFcaps, value};

/// An audit event in ECS terms, lazily: a view over the event, the process table and an arena that the
/// caller empties between events.
///
/// Each field is decoded at most once. Text is the exact bytes; only the JSON writer makes text of it.
pub struct AuditDocument<'e> {
    /// The records.
    pub event: &'e AuditEvent<'e>,
    pub(crate) arena: &'e Bump,
    pub(crate) around: Around<'e>,
    pub(crate) parts: &'e Parts<'e>,
    /// The process of the event: of a fork the child.
    pub(crate) process: Option<&'e Process>,
    /// Its parent, where known.
    pub(crate) parent: Option<&'e Process>,
    /// What it ran before this exec.
    pub(crate) previous: Option<&'e Image>,
    /// When the event was put together, in milliseconds since the Unix epoch.
    pub(crate) created: u64,
    data: Cell<Option<&'e [data::Entry<'e>]>>,
    /// Its capabilities, and what of their record stands in another order, once asked.
    capabilities: OnceCell<Option<(BprmFcaps<'e>, &'e [u8])>>,
    /// Its PATH records by their roles, once asked.
    items: OnceCell<Option<Items<'e>>>,
    view: OnceCell<bool>,
    /// What /proc says of the process now, once asked.
    captured: OnceCell<Option<Arc<Place>>>,
    /// Where in `cache` a field's answer is: 0 not asked yet, else one more than its place.
    places: &'e [Cell<u8>; FIELDS],
    cache: RefCell<BumpVec<'e, Values<'e>>>,
}

impl std::fmt::Debug for AuditDocument<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("AuditDocument").field("stamp", &self.event.stamp).finish_non_exhaustive()
    }
}

impl<'e> AuditDocument<'e> {
    pub(super) fn new(
        event: &'e AuditEvent<'e>,
        arena: &'e Bump,
        around: Around<'e>,
        parts: &'e Parts<'e>,
        process: [Option<&'e Process>; 2],
        previous: Option<&'e Image>,
        created: u64,
    ) -> Self {
        let [process, parent] = process;
        Self {
            event,
            arena,
            around,
            parts,
            process,
            parent,
            previous,
            created,
            data: Cell::new(None),
            capabilities: OnceCell::new(),
            items: OnceCell::new(),
            view: OnceCell::new(),
            captured: OnceCell::new(),
            places: arena.alloc([const { Cell::new(0) }; FIELDS]),
            cache: RefCell::new(BumpVec::new_in(arena)),
        }
    }

    /// What the event is, without decoding a string: for dispatch.
    #[must_use]
    pub fn kind(&self) -> Kind {
        self.parts.kind
    }

    /// Whether the event is a program's start that worked.
    #[must_use]
    pub fn is_exec(&self) -> bool {
        self.parts.is_exec()
    }

    /// The id of the host that the event is of, as text.
    #[must_use]
    pub fn host_id(&self) -> Cow<'_, str> {
        String::from_utf8_lossy(self.around.common.host.id_of(self.event.node))
    }

    /// The name of the host, if it is another than this one.
    pub(crate) fn other_host(&self) -> Option<&'e [u8]> {
        self.event.node.filter(|_| !self.around.common.host.is(self.event.node))
    }

    /// The process of the event as the table knows it.
    #[must_use]
    pub fn process(&self) -> Option<&'e Process> {
        self.process
    }

    /// The parents of the process, nearest first, as far as they are known; the last one's parent is
    /// unknown or there is none.
    pub fn ancestors(&self) -> impl Iterator<Item = &'e Process> + use<'e> {
        let kin = self.around.kin;
        let mut next = self.parent;
        // A line of parents is finite, a bound costs nothing.
        (1..)
            .map_while(move |given| {
                let this = next?;
                next = kin.parent(this, given);
                Some(this)
            })
            .take(64)
    }

    /// Whether the processes around it are those of the process table.
    pub(super) fn of_table(&self) -> bool {
        matches!(self.around.kin, Kin::Table(_))
    }

    /// Whether no names of users and groups are known, neither by the records nor of this host.
    pub(super) fn is_nameless(&self) -> bool {
        self.parts.who_record.enriched.is_empty() && self.around.common.names.is_none()
    }

    /// Session leader, group leader, entry leader.
    pub(crate) fn leaders(&self) -> [Option<&'e Process>; 3] {
        self.process.map_or([None; 3], |p| self.around.kin.leaders(p))
    }

    /// The last of them alone.
    pub(crate) fn entry_leader(&self) -> Option<&'e Process> {
        self.process.and_then(|process| self.around.kin.entry_leader(process))
    }

    /// The values of a field as they are exported: of several words for one act only the one that is
    /// shown.
    #[must_use]
    pub fn shown(&self, id: FieldId) -> Values<'e> {
        match id {
            field::EVENT_ACTION => self.shown_actions(),
            field::EVENT_MODULE | field::EVENT_DATASET | field::DATA_STREAM_DATASET => {
                from_audit::always_shown(id)
            }
            field::CONTAINER_ID => match self.ask(id) {
                Values::None => text_or_none(self.captured_container()),
                known => known,
            },
            _ => self.asked(id).unwrap_or_else(|| from_audit::values(self, id)),
        }
    }

    /// Where the process stands now, as /proc says: asked only when something is wanted that the table cannot
    /// know for sure. Nothing in a replay, or when the process has ended.
    pub(crate) fn captured(&self) -> Option<&Arc<Place>> {
        let look = || {
            let Around { gaps, places, .. } = self.around;
            if gaps.borrow().is_blind() {
                return None;
            }
            let (pid, process) = (self.pid()?, self.process?);
            let look = || gaps.borrow_mut().place(pid);
            let place = places.borrow_mut().of(process, self.created, look)?;
            // Begun after the event was made: the number was given again.
            (place.start <= self.event.stamp.millis.max(self.created)).then_some(place)
        };
        self.captured.get_or_init(look).as_ref()
    }

    /// What the process of the event sees mounted, as long as it lives. Nothing in a replay.
    #[must_use]
    pub fn mounted(&self) -> Option<Mounted> {
        self.around.gaps.borrow_mut().mounts(self.pid()?, self.event.stamp.millis)
    }

    /// The same of the host's first process.
    #[must_use]
    pub fn mounted_on_host(&self) -> Option<Mounted> {
        self.around.gaps.borrow_mut().mounts(1, self.event.stamp.millis)
    }

    /// Where the root of the event's process is, likewise, and where the probe answers.
    #[must_use]
    pub fn root(&self) -> Option<RootLink> {
        self.around.gaps.borrow_mut().root(self.pid()?, self.event.stamp.millis)
    }

    /// What /proc said of the process when the event was stored.
    pub(super) fn set_captured(&self, place: Option<Arc<Place>>) {
        // Nobody has asked yet.
        let _ = self.captured.set(place);
    }

    fn captured_container(&self) -> Option<&'e [u8]> {
        self.captured()?.container.as_deref().map(|id| self.keep(id))
    }

    /// Whether names of the host mean the process's accounts: not in a container or in namespaces of its
    /// own. What /proc says of it decides; when it has ended, its parents do.
    pub(crate) fn host_view(&self) -> bool {
        *self.view.get_or_init(|| self.find_view())
    }

    fn find_view(&self) -> bool {
        let Some(process) = self.process else { return true };
        if process.container().is_some() || process.foreign == Some(true) {
            return false;
        }
        if let Some(found) = self.captured() {
            return found.container.is_none() && found.foreign != Some(true);
        }
        let leaves = |p: &Process| {
            let name = p.image.as_ref().and_then(Image::name).unwrap_or_default();
            NAMESPACE_MAKERS.iter().any(|maker| name.starts_with(maker))
        };
        !self.ancestors().take(8).any(leaves)
    }

    fn shown_actions(&self) -> Values<'e> {
        let words = self.parts.kind.acts().iter().filter_map(|act| self.word(*act));
        self.many(words.map(Value::Text))
    }

    /// The shown word of an act; of a system call without a word its name.
    fn word(&self, act: Act) -> Option<&'e [u8]> {
        let action = act.row().action;
        if !action.is_empty() {
            return Some(action.as_bytes());
        }
        self.parts.call.map(|c| c.name.as_bytes()).filter(|name| !name.is_empty())
    }

    /// The values of a field as matching sees them, borrowed for as long as the event lives.
    #[must_use]
    pub fn ask(&self, id: FieldId) -> Values<'e> {
        if let Some(values) = self.asked(id) {
            return values;
        }
        let values = from_audit::values(self, id);
        let Some(place) = self.places.get(usize::from(id.0)) else { return values };
        let mut cache = self.cache.borrow_mut();
        // A field beyond the 255th that is asked is decoded each time.
        if let Ok(at) = u8::try_from(cache.len() + 1) {
            if cache.is_empty() {
                cache.reserve(MOSTLY);
            }
            cache.push(values);
            place.set(at);
        }
        values
    }

    /// What was answered before.
    pub(super) fn asked(&self, id: FieldId) -> Option<Values<'e>> {
        let at = self.places.get(usize::from(id.0))?.get().checked_sub(1)?;
        self.cache.borrow().get(usize::from(at)).copied()
    }

    /// The capabilities of a program that was started, and what of their record stands in another order.
    pub(crate) fn fcaps(&self) -> Option<&(BprmFcaps<'e>, &'e [u8])> {
        let read = || self.parts.capabilities.map(|record| BprmFcaps::parse_with_rest(record.body));
        self.capabilities.get_or_init(read).as_ref()
    }

    /// The PATH records of an event about a file, by their roles.
    pub(crate) fn items(&self) -> Option<&Items<'e>> {
        self.items.get_or_init(|| Items::of(self)).as_ref()
    }

    /// What stands in `auditd.data`, decoded, by key.
    pub(crate) fn data(&self) -> &'e [data::Entry<'e>] {
        if let Some(entries) = self.data.get() {
            return entries;
        }
        let entries = data::collect(self);
        self.data.set(Some(entries));
        entries
    }

    // What the files of `from_audit` make values with.

    pub(crate) fn one_text(&self, text: &'e [u8]) -> Values<'e> {
        Values::One(Value::Text(text))
    }

    /// Strings with NUL between them, joined by blanks.
    pub(crate) fn one_line(&self, strings: &[u8]) -> Values<'e> {
        let line = self.arena.alloc_slice_copy(strings);
        line.iter_mut().filter(|byte| **byte == 0).for_each(|byte| *byte = b' ');
        self.one_text(line)
    }

    pub(crate) fn keep(&self, bytes: &[u8]) -> &'e [u8] {
        self.arena.alloc_slice_copy(bytes)
    }

    pub(crate) fn many(&self, values: impl Iterator<Item = Value<'e>>) -> Values<'e> {
        let mut list = BumpVec::with_capacity_in(values.size_hint().0, self.arena);
        list.extend(values);
        match list.into_bump_slice() {
            [] => Values::None,
            [one] => Values::One(*one),
            list => Values::Many(list),
        }
    }

    /// An id as text.
    pub(crate) fn id_text(&self, id: u32) -> Values<'e> {
        self.one_text(self.keep(itoa::Buffer::new().format(id).as_bytes()))
    }

    /// A number as text.
    pub(crate) fn number_text(&self, number: impl std::fmt::Display) -> Values<'e> {
        self.one_text(self.format(number))
    }

    /// Something as text.
    pub(crate) fn format(&self, what: impl std::fmt::Display) -> &'e [u8] {
        bumpalo::format!(in self.arena, "{}", what).into_bump_str().as_bytes()
    }

    /// A value in the kernel's "untrusted string" encoding.
    pub(crate) fn decode(&self, field: &Field<'e>) -> Option<&'e [u8]> {
        value::untrusted(field).map(|text| self.kept(text))
    }

    /// A text for as long as the event lives.
    pub(crate) fn kept(&self, text: Cow<'e, [u8]>) -> &'e [u8] {
        match text {
            Cow::Borrowed(text) => text,
            Cow::Owned(text) => self.keep(&text),
        }
    }
}

/// Mostly not more fields are asked.
const MOSTLY: usize = 16;

/// Programs whose children are in other namespaces than they are themselves.
const NAMESPACE_MAKERS: [&[u8]; 14] = [
    b"unshare",
    b"nsenter",
    b"bwrap",
    b"firejail",
    b"runc",
    b"crun",
    b"youki",
    b"containerd-shim",
    b"conmon",
    b"lxc-",
    b"systemd-nspawn",
    b"docker-init",
    b"snap-confine",
    b"flatpak",
];

impl Document for AuditDocument<'_> {
    fn values(&self, field: FieldId) -> Values<'_> {
        self.ask(field)
    }

    fn order(&self) -> Order {
        let millis = i64::try_from(self.event.stamp.millis).unwrap_or(i64::MAX);
        Order { millis, tiebreaker: self.event.stamp.serial }
    }

    fn origin(&self, origin: Origin) -> Option<Number> {
        self.number_of(origin)
    }

    fn has_environment(&self) -> bool {
        self.around.gaps.borrow().has_environments()
    }

    fn kind_tells_call(&self) -> bool {
        data::is_named_call(self)
    }

    fn push_files(&self, key: &mut Vec<u8>) -> bool {
        keys::push_files(self, key)
    }

    fn push_circumstances(&self, circumstances: Circumstances, key: &mut Vec<u8>) -> bool {
        keys::push_circumstances(self, circumstances, key);
        true
    }

    fn push_program(&self, directory: bool, key: &mut Vec<u8>) -> bool {
        keys::push_program(self, directory, key)
    }

    /// All of it follows from the acts, whether the call did something, and the name that stands for a call
    /// without a word.
    fn kind(&self) -> Option<[u8; 16]> {
        let name = self.parts.call.map_or("", |call| call.name);
        let idle = u8::from(self.parts.failed && !self.parts.attempts());
        let length = u8::try_from(name.len()).ok()?;
        let [count, first, second, third] = self.parts.kind.numbers();
        // Names of calls are of a table, so that one place and length is one name.
        let head = u64::from_le_bytes([1, idle, length, count, first, second, third, 0]);
        Some((u128::from(head) | (name.as_ptr().addr() as u128) << 64).to_le_bytes())
    }
}

/// Turns what may be missing into values.
pub(crate) fn text_or_none(text: Option<&[u8]>) -> Values<'_> {
    text.map_or(Values::None, |t| Values::One(Value::Text(t)))
}

/// A count or id as a number.
pub(crate) fn long_or_none<'e>(number: Option<impl Into<i64>>) -> Values<'e> {
    number.map_or(Values::None, |n| Values::One(Value::Long(n.into())))
}
