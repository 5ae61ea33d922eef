//! What /proc tells of processes: all of them at the start, single ones where the table has a gap.

use std::fs;
use std::io::{self, BufRead, Read};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use super::ancestry::{Environment, Found, Gaps, Ids, Image, Login, Mounted, Place, RootLink, Terminal};
use super::mapper::base_name;
use crate::probe::{self, Client, Target};

/// Most bytes of a file of /proc that are read; a command line can be megabytes long.
const MOST: u64 = 64 << 10;

/// Bytes of a list of mounts: some hosts have thousands. A longer one is not believed.
const MOST_MOUNTS: u64 = 4 << 20;

/// Clock ticks a second, the unit of start times: `USER_HZ`, 100 on every architecture this runs on
/// (`include/asm-generic/param.h`).
const TICKS: u64 = 100;

/// Answers from /proc of this host.
#[derive(Debug)]
pub struct ProcGaps {
    root: PathBuf,
    /// When the machine started, in milliseconds since the Unix epoch.
    boot: u64,
    /// The mount namespace of init, by the id of its root mount.
    root_mount: Option<u64>,
    /// Asked for what this process may not read.
    probe: Option<Client>,
}

impl Default for ProcGaps {
    fn default() -> Self {
        Self::new()
    }
}

impl ProcGaps {
    /// Reads /proc.
    #[must_use]
    pub fn new() -> Self {
        let root = PathBuf::from("/proc");
        let boot = boot_millis(&root);
        let root_mount = root_mount(&root.join("1/mountinfo"));
        Self { root, boot, root_mount, probe: None }
    }

    /// The same, with somebody to ask for what this process may not read.
    #[must_use]
    pub fn with_probe(probe: Client) -> Self {
        Self { probe: Some(probe), ..Self::new() }
    }

    /// All processes there are, as far as they can be read.
    #[must_use]
    pub fn all(&mut self) -> Vec<Found> {
        let Ok(entries) = fs::read_dir(&self.root) else { return Vec::new() };
        entries
            .filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok())
            .filter_map(|pid| self.read(pid))
            .collect()
    }

    fn read(&mut self, pid: u32) -> Option<Found> {
        self.read_within(pid, true, true)
    }

    /// What a look at a process costs little of: without its namespaces, and without program and directory unless the `links`
    /// are wanted.
    pub(crate) fn glance(&mut self, pid: u32, links: bool) -> Option<Found> {
        self.read_within(pid, links, false)
    }

    fn read_within(&mut self, pid: u32, links: bool, namespaces: bool) -> Option<Found> {
        let dir = self.root.join(pid.to_string());
        let stat = fs::File::open(dir.join("stat")).ok()?;
        let before = Stat::read(&stat)?;
        let number = |name: &str| -> Option<u32> {
            std::str::from_utf8(&limited(&dir.join(name)).ok()?).ok()?.trim().parse().ok()
        };
        let login =
            Some(()).and_then(|()| Some(Login { auid: number("loginuid")?, ses: number("sessionid")? }));
        let status = limited(&dir.join("status")).unwrap_or_default();
        let container = container(&dir);
        let line = limited(&dir.join("cmdline")).unwrap_or_default();
        let [executable, directory] = match fs::read_link(dir.join("exe")) {
            _ if !links => [None, None],
            // A kernel thread has neither arguments nor a program.
            Err(error) if error.kind() == io::ErrorKind::PermissionDenied && !line.is_empty() => {
                self.ask_for_links(Target { pid, start: before.start })
            }
            program => [program.ok(), fs::read_link(dir.join("cwd")).ok()].map(|path| path.map(into_bytes)),
        };
        let image = image(executable.as_deref(), directory.as_deref(), &before.comm, &line);
        let foreign = if namespaces { self.foreign(&dir, &status) } else { None };
        // Another process may have got the number while its files were read: then this one is gone, and its file
        // says nothing more.
        let _ = Stat::read(&stat)?;
        Some(Found {
            pid,
            ppid: before.ppid,
            start: self.since_epoch(before.start),
            login,
            ids: ids(&status),
            pgid: before.pgid,
            sid: before.sid,
            terminal: Terminal::of_number(before.terminal),
            image,
            container,
            foreign,
        })
    }

    /// Whether the namespaces of the process of this directory, with this `status`, are others than the host's.
    fn foreign(&self, dir: &Path, status: &[u8]) -> Option<bool> {
        if nested_pids(status) == Some(true) {
            return Some(true);
        }
        Some(root_mount(&dir.join("mountinfo"))? != self.root_mount?)
    }
}

impl ProcGaps {
    /// Clock ticks since boot as milliseconds since the Unix epoch.
    fn since_epoch(&self, ticks: u64) -> u64 {
        self.boot + ticks.saturating_mul(1000) / TICKS
    }

    /// When the process with `pid` began, in clock ticks, unless that was after `until`.
    fn begun(&self, pid: u32, until: u64) -> Option<u64> {
        let start = probe::process::start(&limited(&self.root.join(format!("{pid}/stat"))).ok()?)?;
        (self.since_epoch(start) <= until.saturating_add(BOOT_PRECISION)).then_some(start)
    }

    /// Program and directory, as the probe reads them; what is not known whole is not known.
    fn ask_for_links(&mut self, target: Target) -> [Option<Vec<u8>>; 2] {
        let Some(Ok(told)) = self.probe.as_mut().map(|probe| probe.process(target)) else {
            return [None, None];
        };
        [told.executable, told.directory].map(|link| Some(link?.whole()?.to_vec()))
    }
}

/// How far the kernel's time of boot, in whole seconds, may be from the time that records are stamped with.
const BOOT_PRECISION: u64 = 1000;

impl Gaps for ProcGaps {
    fn all(&mut self) -> Vec<Found> {
        Self::all(self)
    }

    fn environment(&mut self, pid: u32, until: u64) -> Option<Environment> {
        let start = self.begun(pid, until)?;
        let told = self.probe.as_mut()?.process(Target { pid, start }).ok()?;
        let variables = told.environment?.into_iter().map(|text| text.bytes).collect();
        Some(Environment { executable: told.executable?.whole()?.to_vec(), variables })
    }

    fn mounts(&mut self, pid: u32, until: u64) -> Option<Mounted> {
        let start = self.begun(pid, until)?;
        let dir = self.root.join(pid.to_string());
        let mut mounts = Vec::new();
        fs::File::open(dir.join("mountinfo")).ok()?.take(MOST_MOUNTS).read_to_end(&mut mounts).ok()?;
        let arguments = limited(&dir.join("cmdline")).ok()?;
        // Of what has ended it cannot be opened; below the root of a chroot there may be no mount. The number may be
        // another's by now.
        let whole = (mounts.len() as u64) < MOST_MOUNTS;
        (whole && self.begun(pid, until) == Some(start)).then_some(Mounted { mounts, arguments })
    }

    fn root(&mut self, pid: u32, until: u64) -> Option<RootLink> {
        let start = self.begun(pid, until)?;
        let told = self.probe.as_mut()?.process(Target { pid, start }).ok()?;
        let path = told.root?.whole()?.to_vec();
        Some(RootLink { path, mount_namespace: told.namespaces.mount })
    }

    fn look(&mut self, pid: u32) -> Option<Found> {
        self.read(pid)
    }

    fn place(&mut self, pid: u32) -> Option<Place> {
        let dir = self.root.join(pid.to_string());
        let stat = fs::File::open(dir.join("stat")).ok()?;
        let start = self.since_epoch(Stat::read(&stat)?.start);
        let foreign = self.foreign(&dir, &limited(&dir.join("status")).unwrap_or_default());
        let container = container(&dir);
        // As above.
        let _ = Stat::read(&stat)?;
        Some(Place { start, container, foreign })
    }

    fn taint(&mut self, module: &[u8]) -> Option<Vec<u8>> {
        taint(Path::new("/sys/module"), module)
    }
}

/// `Documentation/ABI/stable/sysfs-module`: one line of letters, empty for a module that taints nothing. The name
/// is the kernel's, who writes `_` for `-` (`KERN_MODULE` has what was asked for).
fn taint(modules: &Path, module: &[u8]) -> Option<Vec<u8>> {
    let name: String = std::str::from_utf8(module).ok()?.replace('-', "_");
    if name.is_empty() || !name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_') {
        return None;
    }
    let letters = limited(&modules.join(name).join("taint")).ok()?;
    let letters = letters.trim_ascii();
    (!letters.is_empty()).then(|| letters.to_vec())
}

fn into_bytes(path: PathBuf) -> Vec<u8> {
    use std::os::unix::ffi::OsStringExt;
    path.into_os_string().into_vec()
}

fn limited(path: &Path) -> io::Result<Vec<u8>> {
    probe::process::beginning(fs::File::open(path)?, MOST)
}

/// The image of a process from its links and its command line. The line is what the process shows, and
/// may be forged; the program is the kernel's word, and of a kernel thread only the name.
fn image(executable: Option<&[u8]>, directory: Option<&[u8]>, comm: &[u8], line: &[u8]) -> Image {
    let line = line.strip_suffix(b"\0").unwrap_or(line);
    let arguments: Vec<&[u8]> = if line.is_empty() { Vec::new() } else { line.split(|&b| b == 0).collect() };
    let name = executable.map(|path| {
        let path = path.strip_suffix(b" (deleted)").unwrap_or(path);
        let base = base_name(path);
        // A script goes by its own name: the task's name is its beginning, and it is an argument.
        let script = arguments
            .iter()
            .skip(1)
            .map(|argument| base_name(argument))
            .find(|argument| !comm.is_empty() && argument.starts_with(comm) && !base.starts_with(comm));
        script.unwrap_or(base)
    });
    let count = arguments.len() as u64;
    let known = !arguments.is_empty();
    let mut each = arguments.iter().copied();
    Image::new(executable, directory, name.or(Some(comm)), known.then_some((&mut each, count)))
}

/// The fields of /proc/PID/stat that are needed (`proc_pid_stat(5)`).
#[derive(Debug, PartialEq, Eq)]
struct Stat {
    comm: Vec<u8>,
    ppid: u32,
    pgid: u32,
    sid: u32,
    terminal: u32,
    start: u64,
}

impl Stat {
    /// As the process of an open file is now; `None` when it is gone, whoever has its number.
    fn read(file: &fs::File) -> Option<Self> {
        let mut text = [0; 4096];
        let length = file.read_at(&mut text, 0).ok()?;
        Self::parse(text.get(..length)?)
    }

    /// The name stands in parentheses and may hold some itself: the last one ends it.
    fn parse(text: &[u8]) -> Option<Self> {
        let open = memchr::memchr(b'(', text)?;
        let close = memchr::memrchr(b')', text)?;
        let comm = text.get(open + 1..close)?.to_vec();
        let rest = std::str::from_utf8(text.get(close + 1..)?).ok()?;
        let fields: Vec<&str> = rest.split_ascii_whitespace().collect();
        // Field 3 (state) is the first behind the name.
        let field = |number: usize| fields.get(number - 3).copied();
        Some(Self {
            comm,
            ppid: field(4)?.parse().ok()?,
            pgid: field(5)?.parse().unwrap_or(0),
            sid: field(6)?.parse().unwrap_or(0),
            terminal: field(7)?.parse::<i32>().ok()?.cast_unsigned(),
            start: field(22)?.parse().ok()?,
        })
    }
}

/// When the machine started, in milliseconds since the Unix epoch; 0 where that cannot be read.
pub(crate) fn boot_millis(proc: &Path) -> u64 {
    fs::read_to_string(proc.join("stat")).ok().and_then(|text| boot_time(&text)).unwrap_or(0) * 1000
}

/// `btime` of /proc/stat: seconds since the Unix epoch.
fn boot_time(text: &str) -> Option<u64> {
    text.lines().find_map(|line| line.strip_prefix("btime ")?.trim().parse().ok())
}

/// `Uid:` and `Gid:` of /proc/PID/status: real, effective, saved, file system.
fn ids(status: &[u8]) -> Option<Ids> {
    let of = |key: &[u8]| -> Option<[u32; 2]> {
        let line = status.split(|&b| b == b'\n').find_map(|line| line.strip_prefix(key))?;
        let mut numbers = std::str::from_utf8(line).ok()?.split_ascii_whitespace().map(str::parse);
        Some([numbers.next()?.ok()?, numbers.next()?.ok()?])
    };
    let ([uid, euid], [gid, egid]) = (of(b"Uid:")?, of(b"Gid:")?);
    Some(Ids { uid, euid, gid, egid })
}

/// Whether the process has a number in more than one pid namespace (`NSpid:` of /proc/PID/status).
fn nested_pids(status: &[u8]) -> Option<bool> {
    let line = status.split(|&b| b == b'\n').find_map(|line| line.strip_prefix(b"NSpid:"))?;
    Some(std::str::from_utf8(line).ok()?.split_ascii_whitespace().count() > 1)
}

/// The id of the mount at `/` (`proc_pid_mountinfo(5)`): no two mount namespaces share one.
fn root_mount(path: &Path) -> Option<u64> {
    let file = fs::File::open(path).ok()?;
    // The kernel writes no more mounts than are read (`seq_read_iter` of `fs/seq_file.c`), and the root is mostly the first.
    let lines = io::BufReader::with_capacity(512, file.take(MOST)).split(b'\n');
    for line in lines {
        let line = line.ok()?;
        let mut fields = line.split(|&b| b == b' ');
        let id = fields.next()?;
        if fields.nth(3) == Some(b"/") {
            return std::str::from_utf8(id).ok()?.parse().ok();
        }
    }
    None
}

/// The container of the process of a directory of /proc.
fn container(dir: &Path) -> Option<Box<[u8]>> {
    container_id(&limited(&dir.join("cgroup")).ok()?).map(Into::into)
}

/// The container's id: 64 hexadecimal digits in a part of the cgroup's path, as Docker, containerd,
/// CRI-O and Podman name it (`docker-ID.scope`, `cri-containerd-ID.scope`, `libpod-ID.scope`, `/docker/ID`).
fn container_id(cgroup: &[u8]) -> Option<&[u8]> {
    cgroup.split(|&b| b == b'\n').find_map(|line| {
        line.rsplit(|&b| b == b'/').find_map(|part| {
            let part = part.strip_suffix(b".scope").unwrap_or(part);
            let id = part.rsplit(|&b| b == b'-' || b == b':').next()?;
            let hex = id.len() == 64 && id.iter().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(b));
            hex.then_some(id)
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_may_hold_parentheses() {
        let stat = Stat::parse(b"42 (a) (b c)) S 1 40 39 34816 42 0 0 0 0 0 0 0 0 0 20 0 1 0 12345 1 2 3\n")
            .unwrap();
        assert_eq!(stat.comm, b"a) (b c)");
        assert_eq!((stat.ppid, stat.pgid, stat.sid, stat.terminal, stat.start), (1, 40, 39, 34816, 12345));
        assert_eq!(Stat::parse(b"42 (a"), None);
    }

    #[test]
    fn containers_by_their_cgroup() {
        let id = "0123456789abcdef".repeat(4);
        for line in [
            format!("0::/system.slice/docker-{id}.scope\n"),
            format!("12:pids:/docker/{id}\n"),
            format!("0::/kubepods.slice/kubepods-pod1.slice/cri-containerd-{id}.scope\n"),
            format!("0::/kubepods/besteffort/pod1/{id}\n"),
            format!("0::/user.slice/libpod-{id}.scope/container\n"),
        ] {
            assert_eq!(container_id(line.as_bytes()), Some(id.as_bytes()), "{line}");
        }
        assert_eq!(container_id(b"0::/user.slice/user-1000.slice/session-4.scope\n"), None);
    }

    #[test]
    fn a_script_goes_by_its_own_name() {
        let name = |exe: &str, comm: &str, line: &[u8]| {
            let image = image(Some(exe.as_bytes()), None, comm.as_bytes(), line);
            String::from_utf8(image.name().unwrap().to_vec()).unwrap()
        };
        assert_eq!(name("/usr/bin/bash", "mkops.sh", b"/bin/bash\0/usr/local/sbin/mkops.sh\0"), "mkops.sh");
        assert_eq!(name("/usr/bin/bash", "bash", b"bash\0"), "bash");
        assert_eq!(name("/usr/bin/python3.11 (deleted)", "python3", b"python3\0x\0"), "python3.11");
    }

    #[test]
    fn this_process_is_found_with_its_parent() {
        let mut gaps = ProcGaps::new();
        let found = gaps.look(std::process::id()).expect("own process");
        assert_eq!(found.ppid, nix::unistd::getppid().as_raw().cast_unsigned());
        assert_eq!(found.image.executable(), std::env::current_exe().ok().map(into_bytes).as_deref());
        assert!(!found.foreign.unwrap_or(false));
        assert!(gaps.all().iter().any(|f| f.pid == found.pid));
    }

    #[test]
    fn taint_of_a_module_is_read_by_its_name_and_nothing_else() {
        let modules = tempfile::tempdir().unwrap();
        for (name, text) in [("out_of_tree", "OE\n"), ("clean", "\n")] {
            fs::create_dir(modules.path().join(name)).unwrap();
            fs::write(modules.path().join(name).join("taint"), text).unwrap();
        }
        let taint = |name: &str| taint(modules.path(), name.as_bytes());
        assert_eq!(taint("out_of_tree").as_deref(), Some(&b"OE"[..]));
        assert_eq!(taint("out-of-tree").as_deref(), Some(&b"OE"[..]));
        assert_eq!(taint("clean"), None);
        assert_eq!(taint("gone"), None);
        for name in ["", ".", "..", "../modules/out_of_tree", "a/b", "a\0b"] {
            assert_eq!(taint(name), None, "{name:?}");
        }
    }
}
