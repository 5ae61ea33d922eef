//! `file.*`: the file that a system call was about, from its PATH records.

use bumpalo::Bump;

use super::super::audit_document::{AuditDocument, text_or_none};
use super::super::document::{Value, Values};
use super::super::kind::{Act, Dirs};
use super::super::mapper::base_name;
use super::super::schema::{FieldId, field};
use super::user;
use crate::audit::{Path, Record, RecordType, fields, value};

pub(super) fn values<'e>(doc: &AuditDocument<'e>, id: FieldId) -> Values<'e> {
    let Some(items) = doc.items() else { return Values::None };
    let file = &items.file;
    let raw = |raw: &'e [u8]| text_or_none(Some(raw).filter(|raw| !raw.is_empty()));
    match id {
        field::FILE_PATH => text_or_none(path(doc, file, items.descriptor)),
        field::FILE_NAME => text_or_none(name(doc, file)),
        field::FILE_EXTENSION => text_or_none(name(doc, file).and_then(extension)),
        field::FILE_DIRECTORY => text_or_none(path(doc, file, items.descriptor).map(directory)),
        field::FILE_EXT_ORIGINAL_PATH => {
            text_or_none(items.original.and_then(|r| path(doc, &r, items.original_descriptor)))
        }
        field::FILE_EXT_ORIGINAL_NAME => text_or_none(items.original.and_then(|r| name(doc, &r))),
        field::FILE_EXT_ORIGINAL_EXTENSION => {
            text_or_none(items.original.and_then(|r| name(doc, &r)).and_then(extension))
        }
        field::FILE_TARGET_PATH => text_or_none(items.target.and_then(|r| given(doc, &r))),
        field::FILE_INODE => raw(file.path.inode),
        field::FILE_DEVICE => raw(file.path.dev),
        field::FILE_UID => raw(file.path.ouid),
        field::FILE_GID => raw(file.path.ogid),
        field::FILE_OWNER => text_or_none(owner(doc, file, b"OUID")),
        field::FILE_GROUP => text_or_none(owner(doc, file, b"OGID")),
        field::FILE_MODE => match value::octal(file.path.mode) {
            Some(mode) => doc.number_text(format_args!("{:04o}", mode & 0o7777)),
            None => Values::None,
        },
        field::FILE_TYPE => value::octal(file.path.mode).map_or(Values::None, file_type),
        _ => Values::None,
    }
}

/// A PATH record, its fields found in one pass.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Item<'e> {
    record: Record<'e>,
    path: Path<'e>,
}

impl<'e> Item<'e> {
    fn of(record: Record<'e>) -> Self {
        let (mut path, rest) = Path::parse_with_rest(record.body);
        for field in fields::kernel(rest) {
            let place = match field.key {
                b"name" => {
                    path.name = path.name.or(Some(field));
                    continue;
                }
                b"inode" => &mut path.inode,
                b"dev" => &mut path.dev,
                b"mode" => &mut path.mode,
                b"ouid" => &mut path.ouid,
                b"ogid" => &mut path.ogid,
                b"nametype" => &mut path.nametype,
                _ => continue,
            };
            if place.is_empty() {
                *place = field.raw;
            }
        }
        Self { record, path }
    }
}

/// The PATH records of a call by their roles.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Items<'e> {
    /// The file it was about; of a rename under its new name.
    file: Item<'e>,
    /// The descriptor that its name is relative to.
    descriptor: Option<u64>,
    /// Of a rename: the old name.
    original: Option<Item<'e>>,
    original_descriptor: Option<u64>,
    /// Of a symbolic link: what it points to.
    target: Option<Item<'e>>,
}

impl<'e> Items<'e> {
    pub(crate) fn of(doc: &AuditDocument<'e>) -> Option<Self> {
        if !is_about_files(doc) {
            return None;
        }
        let mut file: Option<(Item<'e>, u8)> = None;
        let (mut original, mut unknown) = (None, None);
        let renamed = doc.parts.kind.is(Act::RENAMED);
        for record in doc.event.records_of(RecordType::PATH) {
            let item = Item::of(record);
            let rank = match item.path.nametype {
                // The directory of a file that is not there: nothing is known of the file itself.
                b"PARENT" => continue,
                b"UNKNOWN" => 1,
                b"CREATE" => 4,
                b"DELETE" => 3,
                _ => 2,
            };
            match item.path.nametype {
                b"DELETE" => original = original.or(Some(item)),
                b"UNKNOWN" => unknown = unknown.or(Some(item)),
                _ => {}
            }
            // Where two files change places (RENAME_EXCHANGE) the new name comes first, then the old one made again
            // (`fs/namei.c`, `vfs_rename`).
            let again = renamed && rank == 4;
            if file.is_none_or(|(_, best)| rank > best || rank == best && !again) {
                file = Some((item, rank));
            }
        }
        let (file, _) = file?;
        let [original_descriptor, descriptor] = descriptors(doc);
        let symlink = doc.parts.kind.is(Act::SYMLINKED);
        let other = |item: &Item<'_>| item.record.body != file.record.body;
        Some(Self {
            file,
            descriptor,
            original: original.filter(|item| renamed && other(item)),
            original_descriptor,
            target: unknown.filter(|item| symlink && other(item)),
        })
    }
}

/// Whether the event tells of files at all.
pub(super) fn is_about_files(doc: &AuditDocument<'_>) -> bool {
    let mounts = [Act::MOUNTED, Act::UNMOUNTED];
    doc.parts.kind.acts().iter().any(|act| act.row().of_files || mounts.contains(act))
}

/// The descriptors that the first and the second name of a call are relative to, where they are none of the working
/// directory.
pub(super) fn descriptors(doc: &AuditDocument<'_>) -> [Option<u64>; 2] {
    let descriptor = |at| doc.parts.argument(at).filter(|fd| !is_cwd(*fd));
    match doc.parts.call.map_or(Dirs::Cwd, |c| c.dirs) {
        Dirs::Cwd => [None, None],
        Dirs::One(at) => [descriptor(at); 2],
        Dirs::Two(a, b) => [descriptor(a), descriptor(b)],
    }
}

/// `AT_FDCWD`, -100 in 32 bits (`openat(2)`).
fn is_cwd(descriptor: u64) -> bool {
    descriptor & 0xffff_ffff == 0xffff_ff9c
}

/// The descriptor that the file's name is relative to, where it is: no record says which directory that
/// is, so the path is not known.
pub(super) fn descriptor(doc: &AuditDocument<'_>) -> Option<u64> {
    let items = doc.items()?;
    let name = given(doc, &items.file)?;
    items.descriptor.filter(|_| !name.is_empty() && !name.starts_with(b"/"))
}

/// The name as the process gave it; `None` for `(null)`.
fn given<'e>(doc: &AuditDocument<'e>, item: &Item<'e>) -> Option<&'e [u8]> {
    doc.decode(&item.path.name?)
}

/// The whole path, when it is known: an absolute name, or one relative to the working directory.
fn path<'e>(doc: &AuditDocument<'e>, item: &Item<'e>, descriptor: Option<u64>) -> Option<&'e [u8]> {
    let name = given(doc, item)?;
    if name.starts_with(b"/") {
        return Some(tidy(doc.arena, &[], name));
    }
    if descriptor.is_some() || name.is_empty() {
        return None;
    }
    let cwd = doc.decode(&fields::find(doc.parts.cwd?.body, b"cwd")?)?;
    cwd.starts_with(b"/").then(|| tidy(doc.arena, cwd, name))
}

/// Joined, without doubled slashes, `.` and `..`. Where a symbolic link stands before `..` the name leads elsewhere; but left
/// as it is it would hide any file from a rule that names it (`/tmp/../etc/passwd`).
fn tidy<'e>(arena: &'e Bump, directory: &[u8], name: &[u8]) -> &'e [u8] {
    let mut path = bumpalo::collections::Vec::with_capacity_in(directory.len() + name.len() + 1, arena);
    for part in directory.split(|&b| b == b'/').chain(name.split(|&b| b == b'/')) {
        match part {
            b"" | b"." => {}
            b".." => path.truncate(memchr::memrchr(b'/', &path).unwrap_or(0)),
            part => {
                path.push(b'/');
                path.extend_from_slice_copy(part);
            }
        }
    }
    if path.is_empty() {
        path.push(b'/');
    }
    path.into_bump_slice()
}

fn name<'e>(doc: &AuditDocument<'e>, item: &Item<'e>) -> Option<&'e [u8]> {
    let given = given(doc, item)?;
    let given = given.strip_suffix(b"/").unwrap_or(given);
    Some(base_name(given)).filter(|name| !name.is_empty())
}

fn extension(name: &[u8]) -> Option<&[u8]> {
    let at = memchr::memrchr(b'.', name).filter(|at| *at > 0)?;
    name.get(at + 1..).filter(|extension| !extension.is_empty())
}

fn directory(path: &[u8]) -> &[u8] {
    match memchr::memrchr(b'/', path) {
        Some(0) | None => b"/",
        Some(at) => path.get(..at).unwrap_or(path),
    }
}

fn owner<'e>(doc: &AuditDocument<'e>, item: &Item<'e>, key: &[u8]) -> Option<&'e [u8]> {
    user::enriched(doc, item.record, key).filter(|_| doc.host_view())
}

/// The file type bits (`inode(7)`) in ECS' words.
fn file_type<'e>(mode: u64) -> Values<'e> {
    let word: &[u8] = match mode & 0o170_000 {
        0o100_000 => b"file",
        0o040_000 => b"dir",
        0o120_000 => b"symlink",
        0o020_000 => b"char_device",
        0o060_000 => b"block_device",
        0o010_000 => b"pipe",
        0o140_000 => b"socket",
        _ => return Values::None,
    };
    Values::One(Value::Text(word))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_joined_to_its_directory_and_detours_are_taken_out() {
        let arena = Bump::new();
        for (directory, name, path) in [
            ("", "/etc/passwd", "/etc/passwd"),
            ("", "//etc/./passwd/", "/etc/passwd"),
            ("", "/tmp/../etc/passwd", "/etc/passwd"),
            ("", "/etc/apt/../../etc/./passwd", "/etc/passwd"),
            ("", "/../../etc/passwd", "/etc/passwd"),
            ("/root", "../etc/passwd", "/etc/passwd"),
            ("/etc", "passwd", "/etc/passwd"),
            ("/etc", "...", "/etc/..."),
            ("/etc", "..", "/"),
        ] {
            assert_eq!(
                tidy(&arena, directory.as_bytes(), name.as_bytes()),
                path.as_bytes(),
                "{directory} {name}"
            );
        }
    }
}
