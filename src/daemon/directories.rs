//! Where a running daemon leaves its sockets, its lock and its marker.

use std::fs::{self, File, TryLockError};
use std::io::{self, Read, Seek, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use super::config::DaemonConfig;
use super::privilege::{self, Identity};

/// The default runtime directory.
pub const RUNTIME: &str = "/run/auditward";

/// The default state directory.
pub const STATE: &str = "/var/lib/auditward";

/// The socket of `auditward status`, in the runtime directory.
pub const STATUS_SOCKET: &str = "status.sock";

/// The socket of `auditward reload`, in the runtime directory.
pub const CONTROL_SOCKET: &str = "control.sock";

/// Left by the last canary, in the runtime directory.
pub const CANARY_FILE: &str = "canary";

/// Held by the one daemon that runs, in the runtime directory.
const LOCK: &str = "lock";

/// Another daemon runs.
#[derive(Debug, thiserror::Error)]
#[error(
    "another auditward runs already (pid {pid}): two would give every alert twice; stop it first, or give this \
     one another `daemon.runtime_directory`"
)]
pub struct AlreadyRunning {
    /// Its process id, as it wrote it.
    pub pid: String,
}

/// The directories in use; what could not be made is absent, and was told.
#[derive(Debug, Default)]
pub struct Directories {
    /// For sockets and lock.
    pub runtime: Option<PathBuf>,
    /// For the marker.
    pub state: Option<PathBuf>,
    /// Held for as long as the process lives.
    lock: Option<File>,
}

/// The runtime directory that the settings and systemd's environment come to.
#[must_use]
pub fn runtime(config: &DaemonConfig) -> PathBuf {
    let named = config.runtime_directory.clone().or_else(|| from_systemd("RUNTIME_DIRECTORY"));
    named.unwrap_or_else(|| RUNTIME.into())
}

/// systemd.exec(5): several directories are separated by colons; ours is the first.
fn from_systemd(variable: &str) -> Option<PathBuf> {
    let value = std::env::var(variable).ok()?;
    value.split(':').next().filter(|path| path.starts_with('/')).map(PathBuf::from)
}

impl Directories {
    /// Makes them for `identity`, who the daemon is going to be, and takes the lock. To be called before
    /// privilege is laid down.
    ///
    /// # Errors
    /// [`AlreadyRunning`]. That a directory cannot be made or written is told and no error.
    pub fn prepare(config: &DaemonConfig, identity: &Identity) -> Result<Self, AlreadyRunning> {
        let mut directories = Self::default();
        let runtime = runtime(config);
        match make(&runtime, 0o750, identity).and_then(|()| lock(&runtime.join(LOCK), identity)) {
            Ok(Ok(lock)) => {
                directories.lock = Some(lock);
                directories.runtime = Some(runtime);
            }
            Ok(Err(already)) => return Err(already),
            Err(error) => tracing::warn!(
                "{}: {error}: `auditward status` and `auditward reload` do not work, and a second daemon would \
                 not be noticed; name another daemon.runtime_directory",
                runtime.display()
            ),
        }
        let named = config.state_directory.clone().or_else(|| from_systemd("STATE_DIRECTORY"));
        let state = named.or_else(|| Some(PathBuf::from(STATE)).filter(|path| path.is_dir()));
        directories.state = state.filter(|state| match make(state, 0o750, identity) {
            Ok(()) => true,
            Err(error) => {
                tracing::warn!("{}: {error}: an unclean stop will not be noticed", state.display());
                false
            }
        });
        Ok(directories)
    }
}

/// Makes the directory where it is missing; as root it is given to `identity`, and so is one that an earlier
/// daemon had under another free number. Any other that is there is left to whom it belongs.
fn make(path: &Path, mode: u32, identity: &Identity) -> io::Result<()> {
    let made = match fs::create_dir(path) {
        Ok(()) => true,
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => false,
        Err(error) => return Err(error),
    };
    if nix::unistd::geteuid().is_root() {
        if made {
            fs::set_permissions(path, fs::Permissions::from_mode(mode))?;
        }
        let owner = fs::symlink_metadata(path)?.uid();
        if made || privilege::is_free_number(owner) {
            std::os::unix::fs::lchown(path, Some(identity.uid), Some(identity.gid))?;
        }
    }
    Ok(())
}

fn lock(path: &Path, identity: &Identity) -> io::Result<Result<File, AlreadyRunning>> {
    let mut options = File::options();
    options.read(true).write(true).create(true).truncate(false).mode(0o640);
    // The directory is the daemon's own: nothing that it could have put there may be followed as root.
    let mut file = options.custom_flags(nix::fcntl::OFlag::O_NOFOLLOW.bits()).open(path)?;
    let metadata = file.metadata()?;
    if !metadata.is_file() || metadata.nlink() != 1 {
        return Err(io::Error::other("the lock is not a plain file with one name"));
    }
    match file.try_lock() {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => {
            let mut pid = String::new();
            let _ = Read::by_ref(&mut file).take(32).read_to_string(&mut pid);
            return Ok(Err(AlreadyRunning { pid: pid.trim().to_owned() }));
        }
        Err(TryLockError::Error(error)) => return Err(error),
    }
    if nix::unistd::geteuid().is_root() {
        std::os::unix::fs::fchown(&file, Some(identity.uid), Some(identity.gid))?;
    }
    file.set_len(0)?;
    file.rewind()?;
    writeln!(file, "{}", std::process::id())?;
    Ok(Ok(file))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::daemon::privilege::Origin;

    fn me() -> Identity {
        let (uid, gid) = (nix::unistd::geteuid().as_raw(), nix::unistd::getegid().as_raw());
        Identity { uid, gid, origin: Origin::Unchanged }
    }

    #[test]
    fn only_one_daemon_has_the_lock() {
        let dir = tempfile::tempdir().expect("a directory");
        let config = DaemonConfig {
            runtime_directory: Some(dir.path().join("run")),
            state_directory: Some(dir.path().join("state")),
            ..DaemonConfig::default()
        };
        let first = Directories::prepare(&config, &me()).expect("the first");
        assert!(first.runtime.is_some() && first.state.is_some());
        let second = Directories::prepare(&config, &me()).expect_err("the second");
        assert_eq!(second.pid, std::process::id().to_string());
        drop(first);
        assert!(Directories::prepare(&config, &me()).is_ok());
        let mode = fs::metadata(dir.path().join("run")).expect("made").permissions().mode();
        assert_eq!(mode & 0o007, 0, "nothing for others: {mode:o}");
    }

    /// What a daemon that was taken over could have left for root to open.
    #[test]
    fn a_lock_that_is_a_link_is_left_alone() {
        let dir = tempfile::tempdir().expect("a directory");
        let config = DaemonConfig {
            runtime_directory: Some(dir.path().to_owned()),
            state_directory: Some(dir.path().to_owned()),
            ..DaemonConfig::default()
        };
        let (other, path) = (dir.path().join("other"), dir.path().join(LOCK));
        fs::write(&other, "kept").expect("a file");
        let make: [fn(&Path, &Path) -> io::Result<()>; 2] =
            [|from, to| fs::hard_link(from, to), |from, to| std::os::unix::fs::symlink(from, to)];
        for make in make {
            make(&other, &path).expect("a link");
            let directories = Directories::prepare(&config, &me()).expect("no error");
            assert!(directories.runtime.is_none());
            assert_eq!(fs::read_to_string(&other).expect("the file"), "kept");
            fs::remove_file(&path).expect("the link");
        }
        assert!(Directories::prepare(&config, &me()).expect("no error").runtime.is_some());
    }

    #[test]
    fn a_directory_that_cannot_be_made_is_told_and_no_error() {
        let config = DaemonConfig {
            runtime_directory: Some("/proc/nonexistent/run".into()),
            state_directory: Some("/proc/nonexistent/state".into()),
            ..DaemonConfig::default()
        };
        let directories = Directories::prepare(&config, &me()).expect("no error");
        assert!(directories.runtime.is_none() && directories.state.is_none());
    }
}
