//! The store of alerts, as the settings have it.

use std::fs::File;
use std::io;
use std::os::unix::fs::{MetadataExt, OpenOptionsExt, fchown};
use std::path::{Path, PathBuf};

use nix::fcntl::OFlag;

use super::config::StoreConfig;
use super::directories::Directories;
use super::privilege::{self, Identity};
use crate::store::{FILE, Settings, Store};

/// The file that the settings and the state directory come to; none where alerts are not stored.
pub(super) fn path(config: &StoreConfig, directories: &Directories) -> Option<PathBuf> {
    let there = || directories.state.as_ref().map(|state| state.join(FILE));
    config.enabled.then(|| config.path.clone().or_else(there)).flatten()
}

/// Gives the files to `identity`, who the daemon is going to be, where an earlier one had them under another free
/// number. To be called before privilege is laid down.
pub(super) fn adopt(path: &Path, identity: &Identity) {
    if !nix::unistd::geteuid().is_root() {
        return;
    }
    for end in ["", "-wal", "-shm", ".lock"] {
        let mut name = path.as_os_str().to_owned();
        name.push(end);
        match give(Path::new(&name), identity) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                tracing::warn!("{}: {error}", Path::new(&name).display());
            }
            _ => {}
        }
    }
}

fn give(path: &Path, identity: &Identity) -> io::Result<()> {
    let flags = OFlag::O_NOFOLLOW | OFlag::O_NONBLOCK;
    let file = File::options().read(true).custom_flags(flags.bits()).open(path)?;
    let metadata = file.metadata()?;
    // The directory may be the daemon's own: nothing else that could be put there is given away.
    let ours = metadata.is_file() && metadata.nlink() == 1 && privilege::is_free_number(metadata.uid());
    if ours && metadata.uid() != identity.uid {
        fchown(&file, Some(identity.uid), Some(identity.gid))?;
    }
    Ok(())
}

/// Opens the store; that there is none is told and no error: alerts go out from memory then.
pub(super) fn open(config: &StoreConfig, directories: &Directories) -> Option<Store> {
    let Some(path) = path(config, directories) else {
        if config.enabled {
            tracing::info!(
                "there is no state directory: alerts are not stored, and what waits at the end is lost"
            );
        }
        return None;
    };
    let settings = Settings { path, days: config.days, bytes: config.megabytes << 20 };
    let shown = settings.path.clone();
    let opened = Store::open(settings);
    opened.inspect_err(|error| tracing::warn!("{}: {error}: alerts are not stored", shown.display())).ok()
}
