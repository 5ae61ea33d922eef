//! What a process sees mounted: where a path leads, and whether a directory of another process is among it.

use std::borrow::Cow;

/// File systems whose inodes are in records as stat(2) has them, and that hold their files themselves: what is written
/// through another mount is written to another file. An overlay's files, or those of a FUSE, may be the host's own.
const PLAIN: [&[u8]; 11] = [
    b"bcachefs",
    b"btrfs",
    b"ext2",
    b"ext3",
    b"ext4",
    b"f2fs",
    b"jfs",
    b"reiserfs",
    b"tmpfs",
    b"xfs",
    b"zfs",
];

/// A line of `/proc/PID/mountinfo` (`proc_pid_mountinfo(5)`).
#[derive(Clone, Debug, PartialEq, Eq)]
struct Mount<'m> {
    id: &'m [u8],
    parent: &'m [u8],
    device: Device,
    /// Which directory or file of the file system it is.
    root: Cow<'m, [u8]>,
    /// Where, from the root of the process.
    point: Cow<'m, [u8]>,
    kind: &'m [u8],
}

/// A device number, as records and mounts have it: of btrfs, stat(2) has another.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Device {
    major: u32,
    minor: u32,
}

impl Device {
    /// `254:1`
    fn decimal(text: &[u8]) -> Option<Self> {
        let (major, minor) = std::str::from_utf8(text).ok()?.split_once(':')?;
        Some(Self { major: major.parse().ok()?, minor: minor.parse().ok()? })
    }

    /// `fe:01`, as a PATH record has it.
    #[must_use]
    pub fn hexadecimal(text: &[u8]) -> Option<Self> {
        let (major, minor) = std::str::from_utf8(text).ok()?.split_once(':')?;
        let number = |text| u32::from_str_radix(text, 16).ok();
        Some(Self { major: number(major)?, minor: number(minor)? })
    }
}

/// A directory or file: the file system that it is on, and its path there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// The file system.
    pub device: Device,
    /// From the top of that.
    pub path: Vec<u8>,
    /// Whether this is the only way to it but for other mounts of the file system.
    pub plain: bool,
}

/// The mounts that a process sees below its root.
#[derive(Clone, Debug)]
pub struct Mounts<'m>(Vec<Mount<'m>>);

impl<'m> Mounts<'m> {
    /// Reads `/proc/PID/mountinfo`; none when a line of it is not understood.
    #[must_use]
    pub fn parse(text: &'m [u8]) -> Option<Self> {
        let lines = text.split(|byte| *byte == b'\n').filter(|line| !line.is_empty());
        lines.map(mount).collect::<Option<Vec<_>>>().map(Self)
    }

    /// Where `path` leads, which has no links in it.
    #[must_use]
    pub fn place(&self, path: &[u8]) -> Option<Place> {
        let mut mount = self.at_root()?;
        // From mount to mount, as the kernel goes: those on the path that are mounted on one another.
        while let Some(next) = self.over(mount, path) {
            mount = next;
        }
        let rest = below(&mount.point, path)?;
        let plain = PLAIN.contains(&mount.kind);
        Some(Place { device: mount.device, path: joined(&mount.root, rest), plain })
    }

    /// The mount at the process's root: none where that is a directory of a mount that is not seen.
    fn at_root(&self) -> Option<&Mount<'m>> {
        let is_root = |mount: &&Mount<'_>| *mount.point == *b"/";
        let is_under = |mount: &Mount<'_>| {
            self.0.iter().filter(is_root).any(|other| other.parent == mount.id && other.id != mount.id)
        };
        let mut tops = self.0.iter().filter(is_root).filter(|mount| !is_under(mount));
        tops.next_back()
    }

    /// Whether the root is a mount.
    #[must_use]
    pub fn has_root(&self) -> bool {
        self.at_root().is_some()
    }

    /// The mount right on `mount` that covers `path`.
    fn over(&self, mount: &Mount<'_>, path: &[u8]) -> Option<&Mount<'m>> {
        let on = |next: &&Mount<'_>| {
            next.parent == mount.id && next.id != mount.id && below(&next.point, path).is_some()
        };
        self.0.iter().filter(on).max_by_key(|next| next.point.len())
    }

    /// Whether `place`, what is in it, or what it is in, is to be seen at some path, not covered by another mount.
    #[must_use]
    pub fn show(&self, place: &Place) -> bool {
        self.0.iter().filter(|mount| mount.device == place.device).any(|mount| {
            if let Some(rest) = below(&mount.root, &place.path) {
                return self.over(mount, &joined(&mount.point, rest)).is_none();
            }
            below(&place.path, &mount.root).is_some() && self.over(mount, &mount.point).is_none()
        })
    }
}

fn mount(line: &[u8]) -> Option<Mount<'_>> {
    let mut fields = line.split(|byte| *byte == b' ');
    let (id, parent) = (fields.next()?, fields.next()?);
    let device = Device::decimal(fields.next()?)?;
    let (root, point) = (unescaped(fields.next()?), unescaped(fields.next()?));
    // Options, any number of further fields, a hyphen.
    fields.find(|field| *field == b"-")?;
    Some(Mount { id, parent, device, root, point, kind: fields.next()? })
}

/// What is left of `path` behind the directory, empty or with a slash before it; none where it is not below.
fn below<'p>(directory: &[u8], path: &'p [u8]) -> Option<&'p [u8]> {
    let rest = path.strip_prefix(directory.strip_suffix(b"/").unwrap_or(directory))?;
    match rest {
        [] | [b'/'] => Some(&[]),
        [b'/', ..] => Some(rest),
        _ => None,
    }
}

fn joined(directory: &[u8], rest: &[u8]) -> Vec<u8> {
    let joined = [directory.strip_suffix(b"/").unwrap_or(directory), rest].concat();
    if joined.is_empty() { b"/".to_vec() } else { joined }
}

/// `\040` for a blank, and so a tab, a line feed and the backslash (`mangle` of the kernel's `fs/proc_namespace.c`).
fn unescaped(text: &[u8]) -> Cow<'_, [u8]> {
    if memchr::memchr(b'\\', text).is_none() {
        return Cow::Borrowed(text);
    }
    let (mut out, mut rest) = (Vec::with_capacity(text.len()), text);
    while let [first, after @ ..] = rest {
        let octal = after.first_chunk::<3>().filter(|_| *first == b'\\');
        let byte = octal.and_then(|digits| std::str::from_utf8(digits).ok());
        match byte.and_then(|digits| u8::from_str_radix(digits, 8).ok()) {
            Some(byte) => {
                out.push(byte);
                rest = after.get(3..).unwrap_or_default();
            }
            None => {
                out.push(*first);
                rest = after;
            }
        }
    }
    Cow::Owned(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOST: &str = "\
22 27 0:21 / /proc rw,relatime - proc proc rw
27 1 254:1 / / rw,relatime shared:1 - ext4 /dev/vda1 rw
40 27 254:2 / /srv rw,relatime - xfs /dev/vda2 rw
41 40 254:2 /a\\040b /srv/x rw,relatime - xfs /dev/vda2 rw
42 41 0:50 / /srv/x rw,relatime - tmpfs tmpfs rw
";

    fn place(mounts: &str, path: &str) -> Option<(u32, String)> {
        let mounts = Mounts::parse(mounts.as_bytes()).expect("mounts");
        let place = mounts.place(path.as_bytes())?;
        Some((place.device.minor, String::from_utf8(place.path).expect("UTF-8")))
    }

    #[test]
    fn a_path_leads_through_the_mounts_on_it() {
        let host = |path| place(HOST, path).expect("a place");
        assert_eq!(host("/etc"), (1, "/etc".to_owned()));
        assert_eq!(host("/"), (1, "/".to_owned()));
        assert_eq!(host("/srvx"), (1, "/srvx".to_owned()));
        assert_eq!(host("/srv"), (2, "/".to_owned()));
        assert_eq!(host("/srv/tree/etc"), (2, "/tree/etc".to_owned()));
        assert_eq!(host("/srv/x/etc"), (50, "/etc".to_owned()), "mounted on one another");
        let without = HOST.replace("42 41 0:50", "42 99 0:50");
        assert_eq!(place(&without, "/srv/x/etc"), Some((2, "/a b/etc".to_owned())));
        assert_eq!(place("22 27 0:21 / /proc rw - proc proc rw\n", "/etc"), None, "its root is no mount");
        assert!(Mounts::parse(b"22 27 0:21 / /proc rw proc proc rw\n").is_none());
        assert!(Mounts::parse(b"22 27 0.21 / /proc rw - proc proc rw\n").is_none());
    }

    #[test]
    fn device_numbers() {
        assert_eq!(Device::hexadecimal(b"fe:01"), Device::decimal(b"254:1"));
        assert_eq!(Device::hexadecimal(b"00:1a"), Device::decimal(b"0:26"));
        assert_eq!(Device::hexadecimal(b"fe01"), None);
    }
}
