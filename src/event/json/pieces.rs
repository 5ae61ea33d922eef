//! Pieces of documents that were written before, by what they follow from: events that follow each other have the same
//! parent, the same user, the same files.

use super::super::audit_document::AuditDocument;
use super::super::memo::Memo;
use super::line::Line;
use super::plan::{Follows, Objects, Part};
use crate::audit::{BprmFcaps, RecordType};

/// So many parts of documents are remembered, or up to twice as many.
const PARTS: usize = 256;

/// And so many texts of records.
const RECORDS: usize = 512;

/// What is longer is written each time: arguments are a process's own.
const LONGEST: usize = 4096;

/// See the module.
#[derive(Debug)]
pub(super) struct Pieces {
    parts: Memo<Piece>,
    paths: Memo<Box<[u8]>>,
    capabilities: Memo<Option<[Box<[u8]>; 2]>>,
    key: Vec<u8>,
}

/// What was written of a part.
#[derive(Debug)]
struct Piece {
    /// None if it is too long to be kept.
    text: Option<Box<[u8]>>,
    /// The objects that are open behind it.
    open: usize,
}

impl Default for Pieces {
    fn default() -> Self {
        let (parts, paths, capabilities) = (Memo::new(PARTS), Memo::new(RECORDS), Memo::new(PARTS));
        Self { parts, paths, capabilities, key: Vec::new() }
    }
}

impl Pieces {
    /// Writes a part of a document: what was written of it before, where it follows from the same; else what `write` writes.
    pub(super) fn part(
        &mut self,
        doc: &AuditDocument<'_>,
        part: &Part,
        objects: &mut Objects,
        out: &mut Line<'_>,
        write: impl Fn(&mut Objects, &mut Line<'_>),
    ) {
        let Self { parts, key, .. } = self;
        key.clear();
        key.extend_from_slice(&[part.number, u8::try_from(objects.open).unwrap_or(u8::MAX)]);
        if !push_origin(doc, part.from, key) {
            return write(objects, out);
        }
        let (start, mut written) = (out.at(), false);
        let piece = parts.get_or_make(key, || {
            write(objects, out);
            written = true;
            let text = Some(out.since(start)).filter(|text| text.len() <= LONGEST);
            Piece { text: text.map(Into::into), open: objects.open }
        });
        match &piece.text {
            _ if written => {}
            Some(text) => {
                out.bytes(text);
                objects.open = piece.open;
            }
            None => write(objects, out),
        }
    }

    /// What is written of a BPRM_FCAPS record: its fields before `items`, and those after that, as `written` gives them for
    /// a record in the kernel's order; none for another.
    pub(super) fn capabilities(
        &mut self,
        record: &[u8],
        written: impl Fn(&BprmFcaps<'_>) -> [Box<[u8]>; 2],
    ) -> Option<&[Box<[u8]>; 2]> {
        if record.len() > LONGEST {
            return None;
        }
        let make = || match BprmFcaps::parse_with_rest(record) {
            (fields, []) => Some(written(&fields)),
            _ => None,
        };
        self.capabilities.get_or_make(record, make).as_ref()
    }

    /// Writes the fields of a PATH record from its device on, likewise.
    pub(super) fn path(&mut self, fields: &[u8], out: &mut Line<'_>, write: impl Fn(&mut Line<'_>)) {
        if fields.len() > LONGEST {
            return write(out);
        }
        let (start, mut written) = (out.at(), false);
        let text = self.paths.get_or_make(fields, || {
            write(out);
            written = true;
            out.since(start).into()
        });
        if !written {
            out.bytes(text);
        }
    }
}

/// Appends to `key` all that the fields of a part follow from; whether that is known.
fn push_origin(doc: &AuditDocument<'_>, from: Follows, key: &mut Vec<u8>) -> bool {
    let process = match from {
        Follows::Event => return false,
        Follows::Ids => return push_ids(doc, key),
        Follows::Capabilities => {
            let record = doc.parts.capabilities.filter(|record| record.body.len() <= LONGEST);
            key.extend_from_slice(record.map_or(b"", |record| record.body));
            return record.is_some();
        }
        Follows::Parent => doc.parent,
        Follows::Leader(which) => doc.leaders().get(which).copied().flatten(),
    };
    let edition = process.filter(|_| doc.of_table()).map(|process| process.edition());
    key.extend(edition.iter().flatten());
    edition.is_some()
}

/// Whose the process of a system call is, where no name is known of them.
fn push_ids(doc: &AuditDocument<'_>, key: &mut Vec<u8>) -> bool {
    let (parts, who) = (doc.parts, &doc.parts.who);
    let ordinary = parts.lead.kind == RecordType::SYSCALL && parts.login.is_none() && doc.is_nameless();
    if !ordinary || who.auid.is_empty() {
        return false;
    }
    for id in [who.auid, who.uid, who.gid, who.euid, who.suid, who.fsuid, who.egid, who.sgid, who.fsgid] {
        key.extend_from_slice(id);
        key.push(b' ');
    }
    key.len() <= LONGEST
}
