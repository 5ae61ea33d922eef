//! One process of the table.

use std::sync::Arc;

use super::image::Image;
use super::slots::ProcessRef;

/// The person who logged in, and the session: both pass from parent to child.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Login {
    /// Login uid; `u32::MAX` is unset.
    pub auid: u32,
    /// Session; `u32::MAX` is unset.
    pub ses: u32,
}

/// User and group ids of a process when it was last seen.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Ids {
    /// Real user.
    pub uid: u32,
    /// Effective user.
    pub euid: u32,
    /// Real group.
    pub gid: u32,
    /// Effective group.
    pub egid: u32,
}

/// A controlling terminal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Terminal {
    /// Not known.
    Unknown,
    /// The process has none.
    None,
    /// Its device: major and minor number; `(0, 0)` when only its presence is known.
    Device(u16, u32),
}

impl Terminal {
    /// The device of a terminal by the name that records give it (`pts0`, `tty1`, `ttyS0`, `(none)`);
    /// numbers are those of the kernel's `Documentation/admin-guide/devices.txt`.
    #[must_use]
    pub fn of_name(name: &[u8]) -> Self {
        let number = |prefix: &[u8]| -> Option<u32> {
            std::str::from_utf8(name.strip_prefix(prefix)?).ok()?.trim_start_matches('/').parse().ok()
        };
        match name {
            b"" | b"?" => Self::Unknown,
            b"(none)" => Self::None,
            b"console" => Self::Device(5, 1),
            _ => {
                if let Some(n) = number(b"pts") {
                    // 256 to a major number, from 136 on.
                    let major = u16::try_from(n / 256).unwrap_or(0).saturating_add(136).min(143);
                    Self::Device(major, n % 256)
                } else if let Some(n) = number(b"ttyS") {
                    Self::Device(4, n.saturating_add(64))
                } else if let Some(n) = number(b"tty") {
                    Self::Device(4, n)
                } else if let Some(n) = number(b"hvc") {
                    Self::Device(229, n)
                } else {
                    Self::Device(0, 0)
                }
            }
        }
    }

    /// The device of field 7 of /proc/PID/stat (`include/linux/kdev_t.h`, `new_encode_dev`: major in bits
    /// 8 to 19, minor in bits 0 to 7 and 20 to 31).
    #[must_use]
    pub fn of_number(number: u32) -> Self {
        if number == 0 {
            return Self::None;
        }
        let major = u16::try_from(number >> 8 & 0xfff).unwrap_or(0);
        Self::Device(major, (number >> 12 & 0xf_ff00) | (number & 0xff))
    }

    /// Its name below /dev: `pts/0`, `tty1`, `ttyS0`; of what this does not know `MAJOR:MINOR`.
    #[must_use]
    pub fn name(self) -> Option<String> {
        let Self::Device(major, minor) = self else { return None };
        Some(match (major, minor) {
            (0, 0) => return None,
            (136..=143, _) => format!("pts/{}", u32::from(major - 136) * 256 + minor),
            (5, 1) => "console".to_owned(),
            (4, 0..64) => format!("tty{minor}"),
            (4, _) => format!("ttyS{}", minor - 64),
            (229, _) => format!("hvc{minor}"),
            _ => format!("{major}:{minor}"),
        })
    }

    /// Whether there is one, as far as known.
    #[must_use]
    pub fn present(self) -> Option<bool> {
        match self {
            Self::Unknown => None,
            Self::None => Some(false),
            Self::Device(..) => Some(true),
        }
    }
}

/// How a session, service or container began: `process.entry_leader.entry_meta.type`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Entry {
    /// Not known.
    Unknown,
    /// A process that init started, and what it started.
    Init,
    /// A login through sshd.
    Sshd,
    /// A login on a terminal.
    Terminal,
    /// A container.
    Container,
    /// A kernel thread, or what one started.
    Kernel,
}

impl Entry {
    /// The word for it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Unknown => "unknown",
            Self::Init => "init",
            Self::Sshd => "sshd",
            Self::Terminal => "terminal",
            Self::Container => "container",
            Self::Kernel => "kernel",
        }
    }
}

/// How the table came to know a process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Origin {
    /// A fork told of it: start and parent are exact.
    Fork,
    /// /proc told of it: start and parent are exact.
    Proc,
    /// It was first seen in some event: it began then or before.
    Seen,
}

/// What /proc says of a process, for a gap or in a snapshot.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found {
    /// Its pid.
    pub pid: u32,
    /// Its parent's pid.
    pub ppid: u32,
    /// When it began, in milliseconds since the Unix epoch.
    pub start: u64,
    /// Login and session, where they can be read.
    pub login: Option<Login>,
    /// User and group ids.
    pub ids: Option<Ids>,
    /// Process group.
    pub pgid: u32,
    /// Session.
    pub sid: u32,
    /// Controlling terminal.
    pub terminal: Terminal,
    /// Program, directory, arguments.
    pub image: Image,
    /// Container.
    pub container: Option<Box<[u8]>>,
    /// Whether its mount or pid namespace is another than the host's, where that can be read.
    pub foreign: Option<bool>,
}

#[cfg(test)]
impl Found {
    /// A process that runs `program`, of which nothing else is known.
    pub(crate) fn running(pid: u32, ppid: u32, start: u64, program: &[u8]) -> Self {
        Self {
            pid,
            ppid,
            start,
            login: None,
            ids: None,
            pgid: pid,
            sid: pid,
            terminal: Terminal::Unknown,
            image: Image::new(Some(program), None, None, None),
            container: None,
            foreign: None,
        }
    }
}

/// Where a process stands, as /proc says: all that is asked of one that is known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// When the process began, in milliseconds since the Unix epoch.
    pub start: u64,
    /// Container.
    pub container: Option<Box<[u8]>>,
    /// Whether its mount or pid namespace is another than the host's, where that can be read.
    pub foreign: Option<bool>,
}

/// A process of the table.
#[derive(Clone, Debug)]
pub struct Process {
    /// Hash of the node it runs on.
    pub(super) node: u64,
    /// When it began, as first known, in milliseconds since the Unix epoch; never changed.
    pub start: u64,
    /// When it was last seen (its end, when it has ended).
    pub last: u64,
    /// Another one whenever something of it changes that is told: not of `last` and `order`.
    pub(super) version: u64,
    /// In which order it was last seen.
    pub(super) order: u64,
    /// Its pid.
    pub pid: u32,
    /// Its parent's pid when last seen.
    pub ppid: u32,
    /// Its parent, where known.
    pub parent: Option<ProcessRef>,
    /// Whether /proc was asked for the parent of this number and knows none: it is not asked again.
    pub(super) orphan: bool,
    /// Which process began its session, service or container.
    pub(super) entry: Option<ProcessRef>,
    /// Session leader and group leader, from /proc.
    pub(super) leaders: Option<Box<[Option<ProcessRef>; 2]>>,
    /// What it runs.
    pub image: Option<Image>,
    /// The container it is in.
    pub(super) container: Option<Arc<Box<[u8]>>>,
    /// What makes `entity_id`.
    pub entity: [u8; 12],
    pub(super) login: Login,
    /// Its login when it began.
    pub(super) inherited: Login,
    pub(super) ids: Ids,
    /// Its terminal.
    pub terminal: Terminal,
    /// How its session, service or container began.
    pub entry_type: Entry,
    /// How it became known.
    pub origin: Origin,
    /// Whether its namespaces are others than the host's.
    pub foreign: Option<bool>,
    /// Whether it has ended.
    pub exited: bool,
    /// Whether it may be no process but a thread, made by clone3.
    pub(super) tentative: bool,
    /// Whether `login` and `inherited` are known.
    pub(super) login_known: bool,
    /// Whether its login was set more than once.
    pub(super) relogged: bool,
    /// Whether `ids` are known.
    pub(super) ids_known: bool,
}

/// What the kernel puts behind the path of a file that was removed (`d_path`).
const DELETED: &[u8] = b" (deleted)";

impl Process {
    /// Whether it runs `executable`, as far as known; a file removed since is the same.
    pub(super) fn runs(&self, executable: Option<&[u8]>) -> bool {
        let plain = |path: &[u8]| path.strip_suffix(DELETED).unwrap_or(path).to_owned();
        match (executable, self.image.as_ref().and_then(Image::executable)) {
            (Some(now), Some(known)) => now == known || plain(now) == plain(known),
            (Some(_), None) => false,
            (None, _) => true,
        }
    }

    /// As long as this is the same, so is all that is told of a process of a table.
    pub(crate) fn edition(&self) -> [u8; 20] {
        let mut edition = [0; 20];
        let bytes = self.entity.into_iter().chain(self.version.to_le_bytes());
        edition.iter_mut().zip(bytes).for_each(|(place, byte)| *place = byte);
        edition
    }

    /// A copy for a document that outlives the table's entry: all but references to other entries, and
    /// with an image that shares no memory.
    pub(crate) fn detached(&self) -> Self {
        Self { image: self.image.as_ref().map(Image::detached), ..self.bare() }
    }

    /// The same without an image.
    pub(crate) fn bare(&self) -> Self {
        Self {
            parent: None,
            entry: None,
            leaders: None,
            image: None,
            container: self.container.clone(),
            ..*self
        }
    }

    /// Its login now.
    #[must_use]
    pub fn login(&self) -> Option<Login> {
        self.login_known.then_some(self.login)
    }

    /// Its login when it began.
    pub(super) fn inherited(&self) -> Option<Login> {
        self.login_known.then_some(self.inherited)
    }

    /// Its ids when last seen.
    #[must_use]
    pub fn ids(&self) -> Option<Ids> {
        self.ids_known.then_some(self.ids)
    }

    /// The container it is in.
    #[must_use]
    pub fn container(&self) -> Option<&[u8]> {
        self.container.as_deref().map(|id| &**id)
    }

    /// Whether a child with `login` can be its child: the login passes on, and changes only by LOGIN.
    pub(super) fn hands_on(&self, login: Option<Login>) -> bool {
        match (login, self.login()) {
            (Some(child), Some(own)) => child == own || child == self.inherited,
            _ => true,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn terminals_by_name_and_by_number() {
        assert_eq!(Terminal::of_name(b"(none)"), Terminal::None);
        assert_eq!(Terminal::of_name(b"pts0"), Terminal::Device(136, 0));
        assert_eq!(Terminal::of_name(b"pts257"), Terminal::Device(137, 1));
        assert_eq!(Terminal::of_name(b"tty1"), Terminal::Device(4, 1));
        assert_eq!(Terminal::of_name(b"ttyS1"), Terminal::Device(4, 65));
        assert_eq!(Terminal::of_name(b"strange"), Terminal::Device(0, 0));
        assert_eq!(Terminal::of_number(0), Terminal::None);
        assert_eq!(Terminal::of_number(34816), Terminal::Device(136, 0));
        assert_eq!(Terminal::of_number(1025), Terminal::Device(4, 1));
    }
}
