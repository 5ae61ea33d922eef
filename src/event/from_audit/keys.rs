//! What some fields follow from, as it stands in the records: where the same comes again, what was worked out by the
//! values of the fields need not be worked out anew.

use super::super::audit_document::AuditDocument;
use super::super::circumstances::Circumstances;
use super::super::kind::Act;
use super::file::{descriptors, is_about_files};
use super::{event, process};
use crate::audit::RecordType;

/// How the kernel ends the PATH record of a file without capabilities.
const WITHOUT: &[u8] = b" cap_fp=0 cap_fi=0 cap_fe=0 cap_fver=0 cap_frootid=0";

/// Of events with more PATH records the names themselves are taken.
const MOST: usize = 6;

/// See [`push_program`](super::super::Document::push_program): the image of the process has the name, the SYSCALL record
/// the executable, and arguments stand in events of executions only.
pub(crate) fn push_program(doc: &AuditDocument<'_>, directory: bool, key: &mut Vec<u8>) -> bool {
    let parts = doc.parts;
    let Some(exe) = parts.who.exe.filter(|exe| exe.quoted) else { return false };
    if parts.execve || parts.is_exec() || parts.kind.is(Act::FORKED) {
        return false;
    }
    let number = match doc.process.and_then(|process| process.image.as_ref()) {
        None => 0,
        Some(image) => match image.number() {
            Some(number) => number.get(),
            None => return false,
        },
    };
    key.extend_from_slice(&number.to_le_bytes());
    push_text(exe.raw, key);
    if directory {
        push_text(parts.cwd.map_or(&[], |record| record.body), key);
    }
    true
}

/// See [`push_circumstances`](super::super::Document::push_circumstances).
pub(crate) fn push_circumstances(doc: &AuditDocument<'_>, circumstances: Circumstances, key: &mut Vec<u8>) {
    let who = &doc.parts.who;
    for (id, raw) in [
        (Circumstances::USER, who.uid),
        (Circumstances::EFFECTIVE_USER, who.euid),
        (Circumstances::GROUP, who.gid),
        (Circumstances::EFFECTIVE_GROUP, who.egid),
    ] {
        if circumstances.has(id) {
            push_short(raw, key);
        }
    }
    if circumstances.has(Circumstances::OUTCOME) {
        // Each of the words begins with another letter.
        key.push(event::outcome(doc).first().copied().unwrap_or(0));
    }
    if circumstances.has(Circumstances::CONTAINER) {
        let container = doc.process.and_then(|process| process.container());
        key.push(u8::from(container.is_some()));
        container.into_iter().for_each(|id| push_text(id, key));
    }
    if circumstances.has(Circumstances::INTERACTIVE) {
        key.push(process::terminal(doc).present().map_or(2, u8::from));
    }
    if circumstances.has(Circumstances::ENTRY) {
        key.push(doc.entry_leader().map_or(u8::MAX, |leader| leader.entry_type as u8));
    }
}

/// See [`push_files`](super::super::Document::push_files). All that [`file`](super::file) reads for a name stands in
/// the PATH records, but for the number of the inode, in the CWD record, and in the descriptors.
pub(crate) fn push_files(doc: &AuditDocument<'_>, key: &mut Vec<u8>) -> bool {
    if !is_about_files(doc) {
        return true;
    }
    let (mut bodies, mut count) = ([&[][..]; MOST], 0);
    for record in doc.event.records_of(RecordType::PATH) {
        let Some(place) = bodies.get_mut(count) else { return false };
        *place = record.body;
        count += 1;
    }
    let bodies = bodies.get(..count).unwrap_or_default();
    let [first, second] = descriptors(doc);
    let count = u8::try_from(count).unwrap_or(u8::MAX);
    key.extend_from_slice(&[u8::from(first.is_some()), u8::from(second.is_some()), count]);
    for (at, body) in bodies.iter().enumerate() {
        // A record that came twice is one file, which two of different inodes are not.
        let twin = bodies.iter().take(at).position(|other| other == body);
        push_path(body, twin.and_then(|first| u8::try_from(first).ok()).unwrap_or(u8::MAX), key);
    }
    push_text(doc.parts.cwd.map_or(&[], |record| record.body), key);
    true
}

/// Writes the body of a PATH record without the number of the inode, and the place of its twin.
fn push_path(body: &[u8], twin: u8, key: &mut Vec<u8>) {
    let (front, back) = around_inode(body).unwrap_or((body, &[]));
    let short = back.strip_suffix(WITHOUT);
    let back = short.unwrap_or(back);
    let length = |text: &[u8]| u32::try_from(text.len()).unwrap_or(u32::MAX).to_le_bytes();
    let ([a, b, c, d], [e, f, g, h]) = (length(front), length(back));
    key.extend_from_slice(&[twin, u8::from(short.is_some()), a, b, c, d, e, f, g, h]);
    key.extend_from_slice(front);
    key.extend_from_slice(back);
}

/// What stands before and behind the number of the inode, where the fields stand in the kernel's order.
fn around_inode(body: &[u8]) -> Option<(&[u8], &[u8])> {
    let digits = |text: &[u8]| text.iter().take_while(|byte| byte.is_ascii_digit()).count();
    let item = b"item=".len();
    let item = item + digits(body.strip_prefix(b"item=")?);
    let name = body.get(item..)?.strip_prefix(b" name=")?;
    // As the iterator over fields has it: a quoted name ends at the next quote, any other at the next blank.
    let length = match name.strip_prefix(b"\"") {
        Some(inside) => memchr::memchr(b'"', inside)? + 2,
        None => memchr::memchr(b' ', name)?,
    };
    let number = name.get(length..)?.strip_prefix(b" inode=")?;
    let back = number.get(digits(number)..)?;
    let front = body.get(..body.len() - number.len())?;
    (back.len() < number.len() && back.first().is_none_or(|byte| *byte == b' ')).then_some((front, back))
}

/// [`push_text`] of one that mostly takes less than eight bytes. Then it is one word, in which its length stands before
/// it, and nothing before that.
fn push_short(text: &[u8], key: &mut Vec<u8>) {
    if text.len() < 8 {
        let word = text.iter().fold(text.len() as u64, |word, byte| word << 8 | u64::from(*byte));
        return key.extend_from_slice(&word.to_le_bytes());
    }
    key.extend_from_slice(&u64::MAX.to_le_bytes());
    push_text(text, key);
}

fn push_text(text: &[u8], key: &mut Vec<u8>) {
    key.extend_from_slice(&u32::try_from(text.len()).unwrap_or(u32::MAX).to_le_bytes());
    key.extend_from_slice(text);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_number_of_the_inode_and_nothing_else_is_left_out() {
        let around = |body: &'static str| {
            let text = |part: &'static [u8]| std::str::from_utf8(part).expect("text");
            around_inode(body.as_bytes()).map(|(front, back)| (text(front), text(back)))
        };
        assert_eq!(
            around("item=0 name=\"/a inode=5 b\" inode=17 dev=fe:00"),
            Some(("item=0 name=\"/a inode=5 b\" inode=", " dev=fe:00"))
        );
        assert_eq!(around("item=10 name=(null) inode=17"), Some(("item=10 name=(null) inode=", "")));
        for odd in [
            "item=0 name=\"/a\" inode=17x dev=1",
            "item=0 name=\"/a\" inode= dev=1",
            "item=0 name=\"/a inode=17",
            "item=0 name=\"/a\"inode=17",
            "item=0 inode=17 name=\"/a\"",
            "name=\"/a\" inode=17",
        ] {
            assert_eq!(around(odd), None, "{odd}");
        }
    }
}
