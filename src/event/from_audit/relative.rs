//! Fields that a process has whether it is the event's own, its parent or a leader.

use std::sync::OnceLock;

use super::super::ancestry::{Entry, Ids, Image, Process, Terminal};
use super::super::audit_document::{AuditDocument, long_or_none, text_or_none};
use super::super::document::{Value, Values};
use super::super::schema::{FieldId, ROWS, field};
use super::parts::number;

/// What can be asked of a parent or leader.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Part {
    Args,
    ArgsCount,
    CommandLine,
    Directory,
    EffectiveGroup,
    EffectiveUser,
    Entity,
    EntryType,
    Executable,
    Interactive,
    Major,
    Minor,
    Name,
    Pid,
    RealGroup,
    RealUser,
    Start,
    Other,
}

impl Part {
    fn of(name: &str) -> Self {
        match name {
            "args" => Self::Args,
            "args_count" => Self::ArgsCount,
            "command_line" => Self::CommandLine,
            "entity_id" => Self::Entity,
            "entry_meta.type" => Self::EntryType,
            "executable" => Self::Executable,
            "group.id" => Self::EffectiveGroup,
            "interactive" => Self::Interactive,
            "name" => Self::Name,
            "pid" => Self::Pid,
            "real_group.id" => Self::RealGroup,
            "real_user.id" => Self::RealUser,
            "start" => Self::Start,
            "tty.char_device.major" => Self::Major,
            "tty.char_device.minor" => Self::Minor,
            "user.id" => Self::EffectiveUser,
            "working_directory" => Self::Directory,
            _ => Self::Other,
        }
    }
}

/// The part of each field, by id.
fn parts() -> &'static [Part] {
    static PARTS: OnceLock<Vec<Part>> = OnceLock::new();
    PARTS.get_or_init(|| {
        let prefixes =
            ["process.parent.", "process.entry_leader.", "process.group_leader.", "process.session_leader."];
        let part = |name: &str| prefixes.iter().find_map(|prefix| name.strip_prefix(prefix)).map(Part::of);
        ROWS.iter().map(|row| part(row.name).unwrap_or(Part::Other)).collect()
    })
}

/// A field of a parent or leader. Where the parent is not known its pid still is: the kernel's record has
/// it.
pub(super) fn values<'e>(
    doc: &AuditDocument<'e>,
    process: Option<&'e Process>,
    field: FieldId,
) -> Values<'e> {
    let Some(process) = process else {
        return if field == field::PROCESS_PARENT_PID { long_or_none(parent_pid(doc)) } else { Values::None };
    };
    let image = process.image.as_ref();
    match parts().get(usize::from(field.0)).copied().unwrap_or(Part::Other) {
        Part::Pid => long_or_none(Some(process.pid)),
        Part::Name => text_or_none(image.and_then(Image::name)),
        Part::Executable => text_or_none(image.and_then(Image::executable)),
        Part::Directory => text_or_none(image.and_then(Image::directory)),
        Part::Args => match image.and_then(Image::arguments) {
            Some(arguments) => doc.many(arguments.map(Value::Text)),
            None => Values::None,
        },
        Part::ArgsCount => long_or_none(image.and_then(Image::count)),
        Part::CommandLine => match image.and_then(Image::joined_arguments) {
            Some(joined) => doc.one_line(joined),
            None => Values::None,
        },
        Part::Entity => entity(doc, process),
        Part::Start => start(process),
        Part::Interactive => terminal(process.terminal, field::PROCESS_INTERACTIVE),
        Part::Major => terminal(process.terminal, field::PROCESS_TTY_CHAR_DEVICE_MAJOR),
        Part::Minor => terminal(process.terminal, field::PROCESS_TTY_CHAR_DEVICE_MINOR),
        Part::EntryType if process.entry_type == Entry::Unknown => Values::None,
        Part::EntryType => doc.one_text(process.entry_type.name().as_bytes()),
        part => process.ids().map_or(Values::None, |ids| id(doc, ids, part)),
    }
}

/// The programs of the line of parents, nearest first; of one whose program is not known nothing.
pub(super) fn ancestors<'e>(doc: &AuditDocument<'e>) -> Values<'e> {
    let programs = doc.ancestors().filter_map(|process| process.image.as_ref()?.executable());
    doc.many(programs.map(Value::Text))
}

/// The parent's number: as the record says, or of a child what the fork's record says.
fn parent_pid(doc: &AuditDocument<'_>) -> Option<u32> {
    doc.process.map(|p| p.ppid).filter(|ppid| *ppid != 0).or_else(|| doc.parts.ppid())
}

fn id<'e>(doc: &AuditDocument<'e>, ids: Ids, part: Part) -> Values<'e> {
    match part {
        Part::EffectiveUser => doc.id_text(ids.euid),
        Part::EffectiveGroup => doc.id_text(ids.egid),
        Part::RealUser => doc.id_text(ids.uid),
        Part::RealGroup => doc.id_text(ids.gid),
        _ => Values::None,
    }
}

/// `process.user.id` and its siblings, which say what Elastic Defend has in their place.
pub(super) fn ids_of_event<'e>(doc: &AuditDocument<'e>, id: FieldId) -> Values<'e> {
    let who = &doc.parts.who;
    let raw = match id {
        field::PROCESS_USER_ID => who.euid,
        field::PROCESS_GROUP_ID => who.egid,
        field::PROCESS_REAL_USER_ID => who.uid,
        field::PROCESS_REAL_GROUP_ID => who.gid,
        field::PROCESS_SAVED_USER_ID => who.suid,
        field::PROCESS_SAVED_GROUP_ID => who.sgid,
        _ => return Values::None,
    };
    text_or_none(number(raw).map(|_| raw))
}

/// The characters of base64url (RFC 4648, section 5).
const BASE64: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

/// 96 bits as 16 characters of base64url.
#[must_use]
fn base64(bytes: [u8; 12]) -> [u8; 16] {
    let mut text = [0; 16];
    for (group, place) in bytes.as_chunks::<3>().0.iter().zip(text.as_chunks_mut::<4>().0) {
        let bits = group.iter().fold(0_usize, |bits, byte| bits << 8 | usize::from(*byte));
        *place = [18, 12, 6, 0].map(|shift| BASE64.get(bits >> shift & 0x3f).copied().unwrap_or(b'A'));
    }
    text
}

pub(super) fn entity<'e>(doc: &AuditDocument<'e>, process: &Process) -> Values<'e> {
    doc.one_text(doc.keep(&base64(process.entity)))
}

pub(super) fn start<'e>(process: &Process) -> Values<'e> {
    Values::One(Value::Date(i64::try_from(process.start).unwrap_or(i64::MAX)))
}

/// Presence or number of a controlling terminal.
pub(super) fn terminal<'e>(terminal: Terminal, id: FieldId) -> Values<'e> {
    match (id, terminal) {
        (field::PROCESS_INTERACTIVE, _) => {
            terminal.present().map_or(Values::None, |present| Values::One(Value::Bool(present)))
        }
        (_, Terminal::Device(0, 0)) => Values::None,
        (field::PROCESS_TTY_CHAR_DEVICE_MAJOR, Terminal::Device(major, _)) => long_or_none(Some(major)),
        (field::PROCESS_TTY_CHAR_DEVICE_MINOR, Terminal::Device(_, minor)) => long_or_none(Some(minor)),
        _ => Values::None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn base64url_of_96_bits() {
        // RFC 4648, section 10: BASE64("foobar") = "Zm9vYmFy".
        assert_eq!(&base64(*b"foobarfoobar"), b"Zm9vYmFyZm9vYmFy");
        assert_eq!(&base64([0xff; 12]), b"________________");
    }
}
