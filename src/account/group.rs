//! A line of group(5).

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use super::numbers::{content, id};
use super::passwd::Line;
use super::text::Text;

/// Members of a group that are kept; more are counted by nobody.
pub(super) const MOST_MEMBERS: usize = 16_384;

/// A group.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Group {
    /// Its number; none where the entry leaves it to another database.
    pub gid: Option<u32>,
    /// The names of its members, as far as the entry tells them; kept of privileged groups only.
    pub members: BTreeSet<Text>,
}

/// Reads a line as glibc does.
pub(super) fn line(line: &[u8]) -> Line<Group> {
    let Some(content) = content(line) else { return Line::Nothing };
    let mut fields = content.split(|byte| *byte == b':');
    let (name, _password) = (fields.next().unwrap_or_default(), fields.next());
    let gid = fields.next();
    let elsewhere = name.starts_with(b"+") || name.starts_with(b"-");
    let gid = gid.and_then(id);
    if gid.is_none() && !elsewhere {
        return Line::Malformed;
    }
    let listed = fields.next().unwrap_or_default().split(|byte| *byte == b',');
    let members = listed.map(<[u8]>::trim_ascii).filter(|name| !name.is_empty());
    Line::Entry(name.into(), Group { gid, members: members.take(MOST_MEMBERS).map(Text::from).collect() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn members_are_names() {
        let Line::Entry(name, group) = line(b"sudo:x:27:alice,, bob ,alice") else { panic!("no group") };
        assert_eq!((name.lossy().as_ref(), group.gid), ("sudo", Some(27)));
        let members: Vec<_> = group.members.iter().map(|name| name.lossy().into_owned()).collect();
        assert_eq!(members, ["alice", "bob"]);
        assert_eq!(line(b"sudo:x"), Line::Malformed);
        assert_eq!(line(b"sudo:x:abc:"), Line::Malformed);
    }
}
