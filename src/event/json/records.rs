//! `auditd.data` and `auditd.paths`: what the records hold, under their own names.

use super::super::audit_document::AuditDocument;
use super::super::from_audit::data::{self, SOCKET};
use super::line::Line;
use super::pieces::Pieces;
use super::plan::{Objects, Shown};
use crate::audit::{BprmFcaps, Path, RecordType, fields};

/// `auditd.data`: each key once, with a list where it has many values.
pub(super) fn write_data(
    doc: &AuditDocument<'_>,
    place: &Shown,
    pieces: Option<&mut Pieces>,
    objects: &mut Objects,
    out: &mut Line<'_>,
) {
    if let Some(pieces) = pieces
        && let Some(call) = data::ordinary(doc)
        && let Some(capabilities) = capabilities(doc, pieces)
    {
        objects.key(place, out);
        return write_call(&call, capabilities, out);
    }
    let entries = doc.data();
    if entries.is_empty() {
        return;
    }
    objects.key(place, out);
    out.byte(b'{');
    let mut in_socket = false;
    for (at, group) in entries.chunk_by(data::Entry::same_key).enumerate() {
        let Some(first) = group.first() else { continue };
        let part = first.key.strip_prefix(SOCKET);
        if in_socket && part.is_none() {
            out.byte(b'}');
        }
        if at > 0 {
            out.byte(b',');
        }
        if part.is_some() && !in_socket {
            out.literal(b"\"socket\":{");
        }
        in_socket = part.is_some();
        out.text(part.unwrap_or(first.key), false);
        out.byte(b':');
        write_group(group, out);
    }
    out.bytes(if in_socket { b"}}" } else { b"}" });
}

/// What is written of the capabilities of a program that was started; none where their record is no ordinary one.
fn capabilities<'p>(doc: &AuditDocument<'_>, pieces: &'p mut Pieces) -> Option<[&'p [u8]; 2]> {
    let Some(record) = doc.parts.capabilities else { return Some([b"", b""]) };
    let written = |fields: &BprmFcaps<'_>| {
        let fields: Vec<_> =
            fields.fields().filter(|(_, value)| !matches!(*value, b"" | b"(null)")).collect();
        let (front, back) = fields.split_at(fields.partition_point(|(key, _)| *key < "items"));
        [front, back].map(|fields| {
            let mut buffer = Vec::new();
            let mut out = Line::over(&mut buffer);
            for (key, value) in fields {
                out.text(key.as_bytes(), false);
                out.byte(b':');
                out.text(value, false);
                out.byte(b',');
            }
            out.end().into()
        })
    };
    pieces.capabilities(record.body, written).map(|[front, back]| [&**front, &**back])
}

/// `auditd.data` of a system call and nothing beside; its keys in their order.
fn write_call(call: &data::Call<'_>, [front, back]: [&[u8]; 2], out: &mut Line<'_>) {
    let [a0, a1, a2, a3] = call.arguments;
    out.byte(b'{');
    pair(b"\"a0\":", a0, out);
    pair(b"\"a1\":", a1, out);
    pair(b"\"a2\":", a2, out);
    pair(b"\"a3\":", a3, out);
    pair(b"\"arch\":", call.arch, out);
    pair(b"\"argc\":", call.argc, out);
    pair(b"\"comm\":", call.comm, out);
    pair(b"\"exit\":", call.exit, out);
    out.bytes(front);
    pair(b"\"items\":", call.items, out);
    out.bytes(back);
    pair(b"\"subj\":", call.subj, out);
    pair(b"\"syscall\":", call.syscall, out);
    pair(b"\"tty\":", call.tty, out);
    out.take_back(b',');
    out.byte(b'}');
}

fn write_group(group: &[data::Entry<'_>], out: &mut Line<'_>) {
    if let [one] = group {
        return out.text(one.value, false);
    }
    out.byte(b'[');
    for (at, entry) in group.iter().enumerate() {
        if at > 0 {
            out.byte(b',');
        }
        out.text(entry.value, false);
    }
    out.byte(b']');
}

/// `auditd.paths`: an object for each PATH record, with its fields in the record's order.
pub(super) fn write_paths(
    doc: &AuditDocument<'_>,
    place: &Shown,
    mut pieces: Option<&mut Pieces>,
    objects: &mut Objects,
    out: &mut Line<'_>,
) {
    let mut any = false;
    for record in doc.event.records_of(RecordType::PATH) {
        if any {
            out.byte(b',');
        } else {
            objects.key(place, out);
            out.byte(b'[');
            any = true;
        }
        out.byte(b'{');
        let (path, file) = Path::parse_head(record.body);
        pair(b"\"item\":", path.item, out);
        if let Some(name) = path.name.and_then(|name| data::path_value(doc, &name)) {
            pair_of_any(b"\"name\":", name, out);
        }
        pair(b"\"inode\":", path.inode, out);
        match pieces.as_deref_mut() {
            Some(pieces) => pieces.path(file, out, |out| write_file(doc, file, out)),
            None => write_file(doc, file, out),
        }
        out.take_back(b',');
        out.byte(b'}');
    }
    if any {
        out.byte(b']');
    }
}

/// The rest of a PATH record.
fn write_file<'e>(doc: &AuditDocument<'e>, text: &'e [u8], out: &mut Line<'_>) {
    let (path, rest) = Path::parse_file(text);
    pair(b"\"dev\":", path.dev, out);
    pair(b"\"mode\":", path.mode, out);
    pair(b"\"ouid\":", path.ouid, out);
    pair(b"\"ogid\":", path.ogid, out);
    pair(b"\"rdev\":", path.rdev, out);
    pair(b"\"obj\":", path.obj, out);
    pair(b"\"nametype\":", path.nametype, out);
    pair(b"\"cap_fp\":", path.cap_fp, out);
    pair(b"\"cap_fi\":", path.cap_fi, out);
    pair(b"\"cap_fe\":", path.cap_fe, out);
    pair(b"\"cap_fver\":", path.cap_fver, out);
    pair(b"\"cap_frootid\":", path.cap_frootid, out);
    for field in fields::kernel(rest) {
        let Some(value) = data::path_value(doc, &field) else { continue };
        out.text(field.key, false);
        out.byte(b':');
        out.text(value, false);
        out.byte(b',');
    }
}

/// A key as it is written, its value, and a comma; nothing without a value.
#[inline]
fn pair<const N: usize>(key: &[u8; N], value: &[u8], out: &mut Line<'_>) {
    if !value.is_empty() {
        pair_of_any(key, value, out);
    }
}

#[inline]
fn pair_of_any<const N: usize>(key: &[u8; N], value: &[u8], out: &mut Line<'_>) {
    out.literal(key);
    out.text(value, false);
    out.byte(b',');
}
