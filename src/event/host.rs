//! Which host an event is of.

use std::fs;

/// A host, as `host.*` shows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Host {
    /// `host.name` and `host.hostname`; none where a recording does not tell.
    pub name: Option<String>,
    /// `host.id`: the machine id; [`Host::UNKNOWN`] where a recording does not tell.
    pub id: String,
    /// `host.architecture`.
    pub architecture: Option<String>,
    /// `host.os.kernel`.
    pub kernel: Option<String>,
}

impl Host {
    /// The id of a host that nothing names: rules that join by `host.id` need one.
    pub const UNKNOWN: &str = "unknown";

    /// This host: name and kernel from uname(2), id from machine-id(5).
    #[must_use]
    pub fn this() -> Self {
        let uname = nix::sys::utsname::uname().ok();
        let text = |text: &std::ffi::OsStr| text.to_string_lossy().into_owned();
        let name = uname.as_ref().map(|u| text(u.nodename()));
        let id = ["/etc/machine-id", "/var/lib/dbus/machine-id"]
            .into_iter()
            .find_map(|path| fs::read_to_string(path).ok())
            .map(|id| id.trim().to_owned())
            .filter(|id| !id.is_empty());
        Self {
            // A host without a machine id is known by its name.
            id: id.or_else(|| name.clone()).unwrap_or_else(|| Self::UNKNOWN.to_owned()),
            architecture: uname.as_ref().map(|u| text(u.machine())),
            kernel: uname.as_ref().map(|u| text(u.release())),
            name,
        }
    }

    /// The host of a recording, as far as the caller knows: its id, else [`Host::UNKNOWN`]. A snapshot at
    /// the head of the recording overrides it.
    #[must_use]
    pub fn recorded(id: Option<&str>) -> Self {
        Self { name: None, id: id.unwrap_or(Self::UNKNOWN).to_owned(), architecture: None, kernel: None }
    }

    /// Whether a `node=` means this host.
    #[must_use]
    pub fn is(&self, node: Option<&[u8]>) -> bool {
        match (node, &self.name) {
            (None, _) => true,
            (Some(node), Some(name)) => node == name.as_bytes(),
            (Some(_), None) => false,
        }
    }

    /// `host.id` of an event: of another node its name, which is all that is known of it.
    #[must_use]
    pub fn id_of<'a>(&'a self, node: Option<&'a [u8]>) -> &'a [u8] {
        match node {
            Some(name) if !self.is(node) => name,
            _ => self.id.as_bytes(),
        }
    }

    /// `host.name` of an event.
    #[must_use]
    pub fn name_of<'a>(&'a self, node: Option<&'a [u8]>) -> Option<&'a [u8]> {
        node.or(self.name.as_deref().map(str::as_bytes))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn another_node_is_another_host() {
        let host = Host { name: Some("alpha".into()), ..Host::recorded(Some("m1")) };
        assert_eq!(host.id_of(None), b"m1");
        assert_eq!(host.id_of(Some(b"alpha")), b"m1");
        assert_eq!(host.id_of(Some(b"beta")), b"beta");
        assert_eq!(host.name_of(Some(b"beta")), Some(&b"beta"[..]));
        assert_eq!(host.name_of(None), Some(&b"alpha"[..]));
    }

    #[test]
    fn this_host_has_an_id() {
        assert!(!Host::this().id.is_empty());
    }
}
