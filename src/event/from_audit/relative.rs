//! Fields that a process has whether it is the event's own, its parent or a leader.

use super::super::ancestry::{Entry, Ids, Image, Process, Terminal};
use super::super::audit_document::{AuditDocument, long_or_none, text_or_none};
use super::super::document::{Value, Values};
use super::super::schema::{FieldId, field};
use super::parts::number;
use super::process::command_line;

/// A field of a parent or leader. Where the parent is not known its pid still is: the kernel's record has
/// it.
pub(super) fn values<'e>(
    doc: &AuditDocument<'e>,
    process: Option<&'e Process>,
    name: &str,
    prefix: &str,
) -> Values<'e> {
    let part = name.strip_prefix(prefix).unwrap_or_default();
    let Some(process) = process else {
        return match part {
            "pid" if prefix == "process.parent." => long_or_none(parent_pid(doc)),
            _ => Values::None,
        };
    };
    let image = process.image.as_ref();
    match part {
        "pid" => long_or_none(Some(process.pid)),
        "name" => text_or_none(image.and_then(Image::name)),
        "executable" => text_or_none(image.and_then(Image::executable)),
        "working_directory" => text_or_none(image.and_then(Image::directory)),
        "args" => match image.and_then(Image::arguments) {
            Some(arguments) => doc.many(arguments.map(Value::Text)),
            None => Values::None,
        },
        "args_count" => long_or_none(image.and_then(Image::count)),
        "command_line" => match image.and_then(Image::arguments) {
            Some(arguments) => command_line(doc, arguments),
            None => Values::None,
        },
        "entity_id" => entity(doc, process),
        "start" => start(process),
        "interactive" => terminal(process.terminal, field::PROCESS_INTERACTIVE),
        "tty.char_device.major" => terminal(process.terminal, field::PROCESS_TTY_CHAR_DEVICE_MAJOR),
        "tty.char_device.minor" => terminal(process.terminal, field::PROCESS_TTY_CHAR_DEVICE_MINOR),
        "entry_meta.type" => match process.entry_type {
            Entry::Unknown => Values::None,
            known => doc.one_text(known.name().as_bytes()),
        },
        _ => id(doc, process.ids(), part),
    }
}

/// The parent's number: as the record says, or of a child what the fork's record says.
fn parent_pid(doc: &AuditDocument<'_>) -> Option<u32> {
    doc.process.map(|p| p.ppid).filter(|ppid| *ppid != 0).or_else(|| doc.parts.ppid())
}

fn id<'e>(doc: &AuditDocument<'e>, ids: Option<Ids>, part: &str) -> Values<'e> {
    let Some(ids) = ids else { return Values::None };
    match part {
        "user.id" => doc.number_text(ids.euid),
        "group.id" => doc.number_text(ids.egid),
        "real_user.id" => doc.number_text(ids.uid),
        "real_group.id" => doc.number_text(ids.gid),
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
