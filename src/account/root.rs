//! Whether an act changed the accounts of the host or those of another root: a container's, a chroot's.
//!
//! Only what is positively known makes another root; whatever is not known, or could be a trick, is the host's. So
//! what an intruder can reach by a mount, a descriptor or a link of /proc keeps its rank.

use super::mounts::{Device, Mounts, Place};

/// What is known of the root whose accounts an act has changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// The host's, for sure.
    Host,
    /// Another's, for sure.
    Other,
    /// The host's, as far as is known.
    Unknown,
}

/// Judges a process that takes the account files for those below its own /etc. `host` is the host's /etc, `mounts` what
/// the process sees mounted, `link` where its root is (`/proc/PID/root`), asked only where that matters.
#[must_use]
pub fn of_process(host: &Place, mounts: &Mounts<'_>, link: impl FnOnce() -> Option<Vec<u8>>) -> Verdict {
    if !host.plain {
        return Verdict::Unknown;
    }
    // Wherever it is to be seen: a link or an option may lead there.
    if mounts.show(host) {
        return Verdict::Host;
    }
    if mounts.has_root() {
        return Verdict::Other;
    }
    // The root is a directory somewhere below the top of a mount that is not seen (or of one that is mounted nowhere any
    // more, whose top has the link "/"). So its /etc is at least two names deep in its file system.
    let deep = host.path.iter().filter(|byte| **byte == b'/').count() > 1;
    match link() {
        Some(path) if !deep && is_below(&path) => Verdict::Other,
        _ => Verdict::Unknown,
    }
}

/// Whether the link of a root names a directory below the top of something.
fn is_below(path: &[u8]) -> bool {
    path.starts_with(b"/") && path != b"/" && !path.ends_with(b" (deleted)")
}

/// Whether the arguments of an account tool may lead it to other files than those below its root: `-P`, `--prefix`, and
/// anything in /proc. `arguments` have a NUL behind each.
#[must_use]
pub fn leads_elsewhere(arguments: &[u8]) -> bool {
    arguments.split(|byte| *byte == 0).any(|argument| {
        let long = argument.starts_with(b"--");
        let short = argument.starts_with(b"-") && !long;
        (short && argument.contains(&b'P'))
            || argument.starts_with(b"--p")
            || memchr::memmem::find(argument, b"/proc/").is_some()
    })
}

/// A file or directory as a PATH record has it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Inode {
    /// The file system.
    pub device: Device,
    /// The number there.
    pub number: u64,
}

/// What the PATH records of an act on an account file say.
#[derive(Clone, Debug, Default)]
pub struct Touched {
    /// The files.
    pub files: Vec<Inode>,
    /// Directories that a file was made in, renamed in or removed from.
    pub directories: Vec<Inode>,
    /// A record says less than that.
    pub partial: bool,
}

/// The host's own account files and their directory.
#[derive(Clone, Debug)]
pub struct Own<'o> {
    /// The directory.
    pub directory: Inode,
    /// Whether inodes of its file system can be compared.
    pub plain: bool,
    /// The files, also those that stood there a while ago.
    pub files: &'o [Inode],
}

/// Judges an act on an account file.
#[must_use]
pub fn of_file(own: &Own<'_>, touched: &Touched) -> Verdict {
    let is_own = |inode: &Inode| *inode == own.directory || own.files.contains(inode);
    if touched.files.iter().chain(&touched.directories).any(is_own) {
        return Verdict::Host;
    }
    if !own.plain || touched.partial || touched.files.is_empty() {
        return Verdict::Unknown;
    }
    // Directories stay the same while files are replaced.
    if !touched.directories.is_empty() {
        return Verdict::Other;
    }
    // A file on the same file system may have stood here, and have been replaced since.
    let devices = || own.files.iter().map(|file| file.device).chain([own.directory.device]);
    match touched.files.iter().any(|file| devices().any(|device| device == file.device)) {
        true => Verdict::Unknown,
        false => Verdict::Other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ROOT: &str = "27 1 254:1 / / rw - ext4 /dev/vda1 rw\n";
    const PROC: &str = "30 27 0:21 / /proc rw - proc proc rw\n";

    /// Of a process that sees `mounts`, on a host that has `host` mounted.
    fn on(host: &str, mounts: &str, link: Option<&str>) -> Verdict {
        let host = Mounts::parse(host.as_bytes()).expect("mounts").place(b"/etc").expect("a place");
        let mounts = Mounts::parse(mounts.as_bytes()).expect("mounts");
        of_process(&host, &mounts, || link.map(|path| path.as_bytes().to_vec()))
    }

    fn of(mounts: &str, link: Option<&str>) -> Verdict {
        on(ROOT, mounts, link)
    }

    #[test]
    fn the_hosts_own_processes() {
        assert_eq!(of(&format!("{ROOT}{PROC}"), Some("/")), Verdict::Host);
        // A service with mounts of its own, as systemd makes them: read-only, /tmp its own.
        let service =
            "90 80 254:1 / / ro - ext4 /dev/vda1 rw\n91 90 254:1 /tmp/x /tmp rw - ext4 /dev/vda1 rw\n";
        assert_eq!(of(service, Some("/")), Verdict::Host);
        // `chroot / usermod` has the same root; so has who goes into a bind mount of it.
        assert_eq!(of("95 27 254:1 / / rw - ext4 /dev/vda1 rw\n", Some("/mnt")), Verdict::Host);
        // /etc is a file system of its own.
        let etc = "28 27 254:7 / /etc rw - ext4 /dev/vda7 rw\n";
        assert_eq!(on(&format!("{ROOT}{etc}"), &format!("{ROOT}{etc}"), Some("/")), Verdict::Host);
    }

    #[test]
    fn a_container_and_a_mount_namespace_with_an_etc_of_its_own() {
        let container =
            "500 400 0:55 / / rw - overlay overlay rw,upperdir=/u\n501 500 0:56 / /proc rw - proc proc rw\n";
        assert_eq!(of(container, None), Verdict::Other);
        // Another directory over /etc, the rest is the host's.
        let own =
            "90 80 254:1 / / rw - ext4 /dev/vda1 rw\n92 90 254:1 /srv/tree/etc /etc rw - ext4 /dev/vda1 rw\n";
        assert_eq!(of(own, None), Verdict::Other);
        // Over one file of it: the others are the host's.
        let file =
            "90 80 254:1 / / rw - ext4 /dev/vda1 rw\n92 90 254:1 /srv/p /etc/passwd rw - ext4 /dev/vda1 rw\n";
        assert_eq!(of(file, None), Verdict::Host);
    }

    #[test]
    fn what_of_the_host_is_mounted_in_a_container_is_the_hosts() {
        let container = "500 400 0:55 / / rw - overlay overlay rw\n";
        for mount in [
            "501 500 254:1 /etc /etc rw - ext4 /dev/vda1 rw\n",
            "501 500 254:1 /etc/passwd /etc/passwd rw - ext4 /dev/vda1 rw\n",
            "501 500 254:1 /etc /host/etc rw - ext4 /dev/vda1 rw\n",
            "501 500 254:1 / /host ro - ext4 /dev/vda1 rw\n",
        ] {
            assert_eq!(of(&format!("{container}{mount}"), None), Verdict::Host, "{mount}");
        }
        for mount in [
            "501 500 254:1 /var/lib/volume /data rw - ext4 /dev/vda1 rw\n",
            "501 500 254:1 /etc2 /etc rw - ext4 /dev/vda1 rw\n",
            "501 500 254:2 /etc /etc rw - ext4 /dev/vda2 rw\n",
        ] {
            assert_eq!(of(&format!("{container}{mount}"), None), Verdict::Other, "{mount}");
        }
        // The host's /etc under an own one, and once more elsewhere.
        let twice =
            "501 500 254:1 /etc /etc rw - ext4 /dev/vda1 rw\n502 501 0:9 / /etc rw - tmpfs tmpfs rw\n";
        assert_eq!(of(&format!("{container}{twice}"), None), Verdict::Other);
        let other = "503 500 254:1 / /x rw - ext4 /dev/vda1 rw\n";
        assert_eq!(of(&format!("{container}{twice}{other}"), None), Verdict::Host);
    }

    #[test]
    fn a_directory_as_root() {
        assert_eq!(of(PROC, Some("/srv/tree")), Verdict::Other);
        assert_eq!(of("", Some("/srv/tree")), Verdict::Other);
        assert_eq!(of(PROC, None), Verdict::Unknown, "the probe does not answer");
        // A mount that is mounted nowhere any more: nothing is known of it.
        for link in ["/", "/srv/tree (deleted)", ""] {
            assert_eq!(of(PROC, Some(link)), Verdict::Unknown, "{link}");
        }
        // With the host's /etc in it.
        let etc = "60 27 254:1 /etc /etc rw - ext4 /dev/vda1 rw\n";
        assert_eq!(of(etc, Some("/srv/tree")), Verdict::Host);
        // The host's root is itself a directory of its file system: any directory might be that one.
        let subvolume = "27 1 0:30 /@ / rw - btrfs /dev/vda1 rw\n";
        assert_eq!(on(subvolume, PROC, Some("/mnt/@")), Verdict::Unknown);
        assert_eq!(on(subvolume, subvolume, Some("/")), Verdict::Host);
        assert_eq!(on(subvolume, "500 1 0:55 / / rw - overlay overlay rw\n", None), Verdict::Other);
    }

    #[test]
    fn a_host_on_an_overlay_is_every_root() {
        let host = "27 1 0:30 / / rw - overlay overlay rw\n";
        assert_eq!(on(host, "500 1 0:55 / / rw - overlay overlay rw\n", Some("/")), Verdict::Unknown);
    }

    #[test]
    fn arguments_that_lead_elsewhere() {
        let leads = |arguments: &str| leads_elsewhere(arguments.replace(' ', "\0").as_bytes());
        for arguments in
            ["usermod -P /x bob", "usermod -oP /x", "usermod --prefix=/x", "usermod -R /proc/1/root"]
        {
            assert!(leads(arguments), "{arguments}");
        }
        assert!(!leads("usermod -u 0 -o bob"));
        assert!(!leads(""));
    }

    fn inode(device: &str, number: u64) -> Inode {
        Inode { device: Device::hexadecimal(device.as_bytes()).expect("a device"), number }
    }

    /// By the host's /etc (inode 10 of fe:01) with its passwd (20, before 19).
    fn of_touched(plain: bool, files: &[(&str, u64)], directories: &[(&str, u64)]) -> Verdict {
        let inodes =
            |list: &[(&str, u64)]| list.iter().map(|(device, number)| inode(device, *number)).collect();
        let touched = Touched { files: inodes(files), directories: inodes(directories), partial: false };
        let files = [inode("fe:01", 19), inode("fe:01", 20)];
        of_file(&Own { directory: inode("fe:01", 10), plain, files: &files }, &touched)
    }

    #[test]
    fn files_are_known_by_themselves_or_by_their_directory() {
        // Opened where it is; a new one in its place; a bind mount of it in another's directory.
        assert_eq!(of_touched(true, &[("fe:01", 20)], &[]), Verdict::Host);
        assert_eq!(of_touched(true, &[("fe:01", 21)], &[("fe:01", 10)]), Verdict::Host);
        assert_eq!(of_touched(true, &[("fe:01", 21)], &[("fe:01", 30), ("fe:01", 10)]), Verdict::Host);
        assert_eq!(of_touched(true, &[("fe:01", 20)], &[("00:37", 30)]), Verdict::Host);
        assert_eq!(of_touched(true, &[("fe:01", 19)], &[]), Verdict::Host, "it stood there a while ago");
        // Another's.
        assert_eq!(of_touched(true, &[("fe:01", 21)], &[("fe:01", 30)]), Verdict::Other);
        assert_eq!(of_touched(true, &[("00:37", 20)], &[("00:37", 10)]), Verdict::Other);
        assert_eq!(of_touched(true, &[("00:37", 20)], &[]), Verdict::Other);
        // Not known.
        assert_eq!(
            of_touched(true, &[("fe:01", 21)], &[]),
            Verdict::Unknown,
            "it may have been replaced since"
        );
        assert_eq!(of_touched(true, &[], &[("fe:01", 30)]), Verdict::Unknown);
        assert_eq!(of_touched(false, &[("00:37", 20)], &[("00:37", 10)]), Verdict::Unknown);
        let touched = Touched { files: vec![inode("00:37", 1)], directories: Vec::new(), partial: true };
        let own = Own { directory: inode("fe:01", 10), plain: true, files: &[] };
        assert_eq!(of_file(&own, &touched), Verdict::Unknown);
    }
}
