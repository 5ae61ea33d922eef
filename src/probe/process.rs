//! What a process is, beyond what everybody may read of it: its links, namespaces, file and some of its environment.
//!
//! The directory `/proc/PID` is opened first and the beginning of the process compared then: all that is read below it
//! is of that process or fails, whoever gets the number next.

use std::fs::File;
use std::io::{self, Read};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;

use nix::fcntl::{AtFlags, OFlag, open, openat, readlinkat};
use nix::sys::stat::{FileStat, Mode, fstatat};

use super::answer::{Answer, Known, ROOM};
use super::request::Target;
use super::words::{Reader, Text, Writer};

/// The variables whose values are told, and no other: those that Elastic's rules read, those by which the loader and
/// interpreters take in foreign code, and those that hide a shell's history. Sorted, as in upper case.
pub const VARIABLES: &[&str] = &[
    "ALL_PROXY",
    "BASH_ENV",
    "GLIBC_TUNABLES",
    "HISTCONTROL",
    "HISTFILE",
    "HISTFILESIZE",
    "HISTSIZE",
    "HTTPS_PROXY",
    "HTTP_PROXY",
    "LD_AUDIT",
    "LD_DEBUG",
    "LD_LIBRARY_PATH",
    "LD_PRELOAD",
    "LD_PROFILE",
    "NODE_OPTIONS",
    "PERL5LIB",
    "PERL5OPT",
    "PROMPT_COMMAND",
    "PYTHONPATH",
    "PYTHONSTARTUP",
    "RUBYOPT",
    "SOCKS_PROXY",
    "SSH_CONNECTION",
    "SUDO_USER",
];

/// Room for most files of /proc: one call reads such a file, one finds its end.
const AT_ONCE: usize = 4096;

/// Most bytes of the links, which leave the environment its room.
const LINKS: [usize; 3] = [1400, 700, 300];

/// Most bytes of one variable with its name.
const VARIABLE: usize = 512;

/// Most bytes of an environment that are looked through.
const ENVIRONMENT: u64 = 256 << 10;

/// A process, as the probe sees it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Process {
    /// `exe`, as the kernel names the program; none for a kernel thread.
    pub executable: Option<Text>,
    /// `cwd`
    pub directory: Option<Text>,
    /// `root`
    pub root: Option<Text>,
    /// Its namespaces.
    pub namespaces: Namespaces,
    /// The file that it runs.
    pub file: Option<FileFacts>,
    /// `NAME=value` of those of [`VARIABLES`] that it was started with; none when that cannot be read.
    pub environment: Option<Vec<Text>>,
    /// There was more than had room or was looked through.
    pub environment_cut: bool,
}

/// Numbers of namespaces (inodes of `/proc/PID/ns/*`); 0 where it cannot be read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Namespaces {
    /// `cgroup`
    pub cgroup: u64,
    /// `ipc`
    pub ipc: u64,
    /// `mnt`
    pub mount: u64,
    /// `net`
    pub network: u64,
    /// `pid`
    pub pid: u64,
    /// `user`
    pub user: u64,
    /// `uts`
    pub uts: u64,
}

/// What stat(2) says of a file.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct FileFacts {
    /// Device number (`st_dev`).
    pub device: u64,
    /// Inode.
    pub inode: u64,
    /// Kind and permissions.
    pub mode: u32,
    /// Owner.
    pub uid: u32,
    /// Group.
    pub gid: u32,
    /// Bytes.
    pub size: u64,
    /// Last change of the content, in nanoseconds since the Unix epoch.
    pub modified: i64,
    /// Last change of the inode, likewise.
    pub changed: i64,
}

impl FileFacts {
    pub(super) fn of(stat: &FileStat) -> Self {
        let nanoseconds =
            |seconds: i64, rest: i64| seconds.saturating_mul(1_000_000_000).saturating_add(rest);
        Self {
            device: stat.st_dev,
            inode: stat.st_ino,
            mode: stat.st_mode,
            uid: stat.st_uid,
            gid: stat.st_gid,
            size: u64::try_from(stat.st_size).unwrap_or(0),
            modified: nanoseconds(stat.st_mtime, stat.st_mtime_nsec),
            changed: nanoseconds(stat.st_ctime, stat.st_ctime_nsec),
        }
    }

    pub(super) fn write(&self, to: &mut Writer) {
        [self.device, self.inode, self.size].into_iter().for_each(|number| to.u64(number));
        [self.mode, self.uid, self.gid].into_iter().for_each(|number| to.u32(number));
        [self.modified, self.changed].into_iter().for_each(|time| to.u64(time.cast_unsigned()));
    }

    pub(super) fn read(from: &mut Reader<'_>) -> Option<Self> {
        let (device, inode, size) = (from.u64()?, from.u64()?, from.u64()?);
        let (mode, uid, gid) = (from.u32()?, from.u32()?, from.u32()?);
        let (modified, changed) = (from.u64()?.cast_signed(), from.u64()?.cast_signed());
        Some(Self { device, inode, mode, uid, gid, size, modified, changed })
    }
}

/// Opens `/proc/PID` and makes sure that it is the process meant.
///
/// # Errors
/// [`Answer::Gone`] when it is not, else [`Answer::NotReadable`].
pub(super) fn directory(target: Target) -> Result<OwnedFd, Answer> {
    let flags = OFlag::O_RDONLY | OFlag::O_DIRECTORY | OFlag::O_CLOEXEC;
    let opened = open(format!("/proc/{}", target.pid).as_str(), flags, Mode::empty());
    let directory = opened.map_err(|errno| match errno {
        nix::errno::Errno::ENOENT => Answer::Gone,
        errno => errno.into(),
    })?;
    match start(&limited(&directory, "stat", 4096)?) {
        Some(start) if start == target.start => Ok(directory),
        _ => Err(Answer::Gone),
    }
}

/// Field 22 of `/proc/PID/stat` (`proc_pid_stat(5)`): the name may hold parentheses, the last one ends it.
#[must_use]
pub fn start(stat: &[u8]) -> Option<u64> {
    let close = memchr::memrchr(b')', stat)?;
    let rest = std::str::from_utf8(stat.get(close + 1..)?).ok()?;
    rest.split_ascii_whitespace().nth(22 - 3)?.parse().ok()
}

fn limited(directory: &OwnedFd, name: &str, most: u64) -> Result<Vec<u8>, Answer> {
    let file = openat(directory, name, OFlag::O_RDONLY | OFlag::O_CLOEXEC, Mode::empty())?;
    Ok(beginning(File::from(file), most)?)
}

/// The first `most` bytes of a file that does not tell its length, as those of /proc.
///
/// # Errors
///
/// It could not be read.
pub fn beginning(file: File, most: u64) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::with_capacity(AT_ONCE);
    file.take(most).read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// Reads a process.
#[must_use]
pub fn look(target: Target) -> Answer {
    match directory(target) {
        Ok(directory) => match of(&directory) {
            Some(process) => Answer::Known(Known::Process(Box::new(process))),
            None => Answer::Gone,
        },
        Err(answer) => answer,
    }
}

/// `None` when it ended meanwhile.
fn of(directory: &OwnedFd) -> Option<Process> {
    let link = |name: &str, most: usize| {
        let target = readlinkat(directory.as_fd(), name).ok()?;
        Some(Text::of(target.as_bytes(), most))
    };
    let space = |name: &str| link(name, 64).and_then(|text| number_of_namespace(&text.bytes)).unwrap_or(0);
    let [executable, cwd, root] =
        [("exe", LINKS[0]), ("cwd", LINKS[1]), ("root", LINKS[2])].map(|(n, most)| link(n, most));
    let mut process = Process {
        executable,
        directory: cwd,
        root,
        namespaces: Namespaces {
            cgroup: space("ns/cgroup"),
            ipc: space("ns/ipc"),
            mount: space("ns/mnt"),
            network: space("ns/net"),
            pid: space("ns/pid"),
            user: space("ns/user"),
            uts: space("ns/uts"),
        },
        file: fstatat(directory, "exe", AtFlags::empty()).ok().as_ref().map(FileFacts::of),
        environment: None,
        environment_cut: false,
    };
    if let Ok(environment) = limited(directory, "environ", ENVIRONMENT) {
        let cut = environment.len() as u64 == ENVIRONMENT;
        let mut written = Writer::default();
        process.write(&mut written);
        let (kept, more) = variables(&environment, ROOM.saturating_sub(written.finish().len()));
        (process.environment, process.environment_cut) = (Some(kept), cut || more);
    }
    // What has ended reads as empty.
    limited(directory, "stat", 4096).is_ok().then_some(process)
}

/// `mnt:[4026531841]`
fn number_of_namespace(link: &[u8]) -> Option<u64> {
    let open = memchr::memchr(b'[', link)?;
    std::str::from_utf8(link.get(open + 1..)?.strip_suffix(b"]")?).ok()?.parse().ok()
}

/// Those of [`VARIABLES`] in an environment, as many as find `room`, and whether something found none.
fn variables(environment: &[u8], mut room: usize) -> (Vec<Text>, bool) {
    let (mut kept, mut more) = (Vec::new(), false);
    for entry in environment.split(|byte| *byte == 0) {
        let Some(equals) = memchr::memchr(b'=', entry) else { continue };
        let Some(name) = entry.get(..equals) else { continue };
        if !VARIABLES.iter().any(|known| known.as_bytes().eq_ignore_ascii_case(name)) {
            continue;
        }
        let text = Text::of(&without_secret(name, entry), VARIABLE);
        match room.checked_sub(text.size()) {
            Some(rest) => {
                room = rest;
                kept.push(text);
            }
            None => more = true,
        }
    }
    (kept, more)
}

/// A proxy's address may hold a user's name and password (RFC 3986, section 3.2.1): what stands before the last `@` is
/// not told.
fn without_secret(name: &[u8], entry: &[u8]) -> Vec<u8> {
    let is_proxy = name.to_ascii_uppercase().ends_with(b"_PROXY");
    let Some(at) = memchr::memrchr(b'@', entry).filter(|at| is_proxy && *at > name.len()) else {
        return entry.to_vec();
    };
    let value = name.len() + 1;
    let scheme = entry.get(value..at).and_then(|text| memchr::memmem::find(text, b"://"));
    let from = scheme.map_or(value, |scheme| value + scheme + 3);
    let mut told = entry.get(..from).unwrap_or_default().to_vec();
    told.extend_from_slice(b"***");
    told.extend_from_slice(entry.get(at..).unwrap_or_default());
    told
}

impl Process {
    pub(super) fn write(&self, to: &mut Writer) {
        for text in [&self.executable, &self.directory, &self.root] {
            to.text(text.as_ref());
        }
        let Namespaces { cgroup, ipc, mount, network, pid, user, uts } = self.namespaces;
        [cgroup, ipc, mount, network, pid, user, uts].into_iter().for_each(|number| to.u64(number));
        to.u8(u8::from(self.file.is_some()));
        if let Some(file) = &self.file {
            file.write(to);
        }
        to.u8(u8::from(self.environment_cut));
        let known = self.environment.as_ref();
        let count =
            known.map_or(u16::MAX, |variables| u16::try_from(variables.len()).unwrap_or(u16::MAX - 1));
        to.u16(count);
        known.into_iter().flatten().take(usize::from(count)).for_each(|text| to.text(Some(text)));
    }

    pub(super) fn read(from: &mut Reader<'_>) -> Option<Self> {
        let (executable, directory, root) = (from.text()?, from.text()?, from.text()?);
        let namespaces = Namespaces {
            cgroup: from.u64()?,
            ipc: from.u64()?,
            mount: from.u64()?,
            network: from.u64()?,
            pid: from.u64()?,
            user: from.u64()?,
            uts: from.u64()?,
        };
        let file = if from.bool()? { Some(FileFacts::read(from)?) } else { None };
        let environment_cut = from.bool()?;
        let environment = match from.u16()? {
            u16::MAX => None,
            count => Some((0..count).map(|_| from.text()?).collect::<Option<Vec<_>>>()?),
        };
        Some(Self { executable, directory, root, namespaces, file, environment, environment_cut })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn this() -> Target {
        let stat = std::fs::read("/proc/self/stat").expect("own stat");
        Target { pid: std::process::id(), start: start(&stat).expect("a start") }
    }

    #[test]
    fn this_process_is_read_whole() {
        let Answer::Known(Known::Process(process)) = look(this()) else { panic!("not read") };
        let path = std::env::current_exe().expect("path");
        assert_eq!(
            process.executable.and_then(|t| t.whole().map(<[u8]>::to_vec)).as_deref(),
            Some(path.as_os_str().as_bytes())
        );
        let here = std::env::current_dir().expect("directory");
        assert_eq!(process.directory.expect("cwd").bytes, here.as_os_str().as_bytes());
        assert_eq!(process.root.expect("root").bytes, b"/");
        let link = std::fs::read_link("/proc/self/ns/mnt").expect("link");
        assert_eq!(link.to_string_lossy(), format!("mnt:[{}]", process.namespaces.mount));
        use std::os::unix::fs::MetadataExt;
        let file = std::fs::metadata(path).expect("file");
        let facts = process.file.expect("facts");
        assert_eq!(
            (facts.device, facts.inode, facts.mode, facts.size),
            (file.dev(), file.ino(), file.mode(), file.len())
        );
        assert_eq!(facts.modified, file.mtime() * 1_000_000_000 + file.mtime_nsec());
        assert!(process.environment.is_some());
    }

    #[test]
    fn a_number_given_again_is_gone() {
        let Target { pid, start } = this();
        for start in [start - 1, start + 1, 0, u64::MAX] {
            assert_eq!(look(Target { pid, start }), Answer::Gone);
        }
        // Beyond `PID_MAX_LIMIT` of the kernel's include/linux/threads.h.
        for pid in [0, u32::MAX, 4_194_305] {
            assert_eq!(look(Target { pid, start }), Answer::Gone);
        }
    }

    #[test]
    fn only_listed_variables_are_told_and_no_password() {
        let environment =
            b"A=1\0LD_PRELOAD=/tmp/x.so\0SECRET=LD_PRELOAD=\0http_proxy=http://u:p@ss/@host:1/\0\
            HTTPS_PROXY=socks5h://h\0ALL_PROXY=u:p@h\0LD_PRELOAD\0=x\0GLIBC_TUNABLES=glibc.a=glibc.a=b@c\0";
        let (kept, more) = variables(environment, ROOM);
        let kept: Vec<_> =
            kept.iter().map(|text| String::from_utf8_lossy(&text.bytes).into_owned()).collect();
        let told = [
            "LD_PRELOAD=/tmp/x.so",
            "http_proxy=http://***@host:1/",
            "HTTPS_PROXY=socks5h://h",
            "ALL_PROXY=***@h",
            "GLIBC_TUNABLES=glibc.a=glibc.a=b@c",
        ];
        assert_eq!((kept, more), (told.map(str::to_owned).to_vec(), false));
    }

    #[test]
    fn a_long_environment_is_cut_and_says_so() {
        let mut environment = Vec::new();
        for at in 0..100 {
            environment.extend(format!("LD_PRELOAD={at}{}\0", "x".repeat(600)).bytes());
        }
        let (kept, more) = variables(&environment, 2000);
        assert!(more && kept.len() == 3 && kept.iter().all(|text| text.cut && text.bytes.len() == VARIABLE));
        let text = Text::of(&[b'x'; 5000], 5000);
        let link = |most: usize| Some(Text::of(&text.bytes, most));
        let mut process = Process {
            executable: link(LINKS[0]),
            directory: link(LINKS[1]),
            root: link(LINKS[2]),
            file: Some(FileFacts::default()),
            environment: Some(Vec::new()),
            ..Process::default()
        };
        let mut written = Writer::default();
        process.write(&mut written);
        process.environment = Some(variables(&environment, ROOM - written.finish().len()).0);
        let answer = Answer::Known(Known::Process(Box::new(process)));
        let bytes = answer.to_bytes(3);
        assert!(bytes.len() <= super::super::answer::LONGEST && bytes.len() > 3400, "{}", bytes.len());
        assert_eq!(Answer::parse(&bytes), Some((3, answer)));
    }

    #[test]
    fn names_of_variables_are_sorted() {
        assert!(VARIABLES.is_sorted());
    }
}
