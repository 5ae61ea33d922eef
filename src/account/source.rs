//! Where accounts stand.

use serde::{Deserialize, Serialize};

/// A file of accounts, as it is called below the root that is looked at.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Source {
    /// /etc/passwd
    Passwd,
    /// /var/lib/extrausers/passwd
    ExtraPasswd,
    /// /etc/group
    Group,
    /// /var/lib/extrausers/group
    ExtraGroup,
    /// A drop-in of systemd's userdb.
    Userdb(Box<str>),
    /// A file of which the metadata count alone.
    Metadata(Box<str>),
    /// /etc/nsswitch.conf
    Nsswitch,
}

impl Source {
    /// The path, from that root.
    #[must_use]
    pub fn path(&self) -> &str {
        match self {
            Self::Passwd => "/etc/passwd",
            Self::ExtraPasswd => "/var/lib/extrausers/passwd",
            Self::Group => "/etc/group",
            Self::ExtraGroup => "/var/lib/extrausers/group",
            Self::Userdb(path) | Self::Metadata(path) => path,
            Self::Nsswitch => "/etc/nsswitch.conf",
        }
    }

    /// The file that is counted for it: a drop-in is counted with its directory.
    #[must_use]
    pub fn counted(&self) -> &str {
        let directories = USERDB.into_iter().chain([SUDOERS_D]);
        let of =
            |directory: &&str| self.path().strip_prefix(*directory).is_some_and(|rest| rest.starts_with('/'));
        directories.into_iter().find(of).unwrap_or(self.path())
    }

    /// Whether every host has it: that it is gone is no removal of its accounts.
    #[must_use]
    pub fn is_required(&self) -> bool {
        matches!(self, Self::Passwd | Self::Group)
    }
}

/// The files that are looked at by name, beside the drop-ins.
pub const FILES: [Source; 4] = [Source::Passwd, Source::ExtraPasswd, Source::Group, Source::ExtraGroup];

/// Where systemd's userdb looks for drop-ins (nss-systemd(8)).
pub(super) const USERDB: [&str; 4] = ["/etc/userdb", "/run/userdb", "/run/host/userdb", "/usr/lib/userdb"];

/// What sudo reads beside /etc/sudoers.
pub(super) const SUDOERS_D: &str = "/etc/sudoers.d";
