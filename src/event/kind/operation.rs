//! What a report of an account tool is about: its `op=`, which the tool wrote.
//!
//! The record type alone says little: usermod reports a new uid, a new comment and a new member of a
//! group all as USER_CHAUTHTOK, groupmod and gpasswd report as USER_ACCT, which is PAM's type for
//! something else. The words are those of shadow 4.13 (strings of its usermod, groupmod,
//! gpasswd), and with `-` for the blank those of Fedora's and RHEL's.

use super::Act;
use crate::audit::fields::{self, Field};

/// The act that `op=` tells; `otherwise` where it tells none.
pub(super) fn act(body: &[u8], otherwise: Act) -> Act {
    let Some(op) = operation(body) else { return otherwise };
    let of_group = |op: &[u8]| contains(op, b"group");
    match () {
        () if is(op, b"changing uid") || is(op, b"changing user id") => Act::CHANGED_USER_ID,
        () if starts(op, b"add") && contains(op, b"user") && contains(op, b"group") => Act::ADDED_TO_GROUP,
        () if member(op).is_some_and(|member| member.gained) => Act::ADDED_TO_GROUP,
        () if member(op).is_some() => Act::REMOVED_FROM_GROUP,
        () if removes(op) && (contains(op, b"user") || contains(op, b"member")) && of_group(op) => {
            Act::REMOVED_FROM_GROUP
        }
        () if GROUP_PASSWORD.iter().any(|words| starts(op, words)) => Act::CHANGED_GROUP_PASSWORD,
        () if GROUP.iter().any(|words| starts(op, words)) => Act::MODIFIED_GROUP,
        () if USER.iter().any(|words| starts(op, words)) => Act::MODIFIED_USER,
        () => otherwise,
    }
}

/// A password of a group (`gpasswd`, `gpasswd -r`).
const GROUP_PASSWORD: [&[u8]; 2] = [b"password of group", b"changing group password"];

/// A change of a group itself (`groupmod`, `gpasswd -A -M -R`).
const GROUP: [&[u8]; 7] = [
    b"modifying group",
    b"modify group",
    b"changing /etc/group",
    b"changing /etc/gshadow",
    b"members of group",
    b"administrators of group",
    b"access to group",
];

/// A change of an account that is neither its uid nor its password.
const USER: [&[u8]; 14] = [
    b"changing name",
    b"changing primary group",
    b"changing comment",
    b"changing home directory",
    b"changing home dir",
    b"changing user shell",
    b"changing shell",
    b"changing inactive days",
    b"changing expiration date",
    b"changing mail file",
    b"changing /etc/passwd",
    b"moving home directory",
    b"modifying account",
    b"adding home directory",
];

/// Who became, or is no more, member of what, where `op=` has both names (gpasswd).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Member<'a> {
    pub(crate) user: &'a [u8],
    pub(crate) group: &'a [u8],
    gained: bool,
}

/// Of a report `op=user USER added by WHO to group GROUP`, with `removed` and `from` as well, the names.
pub(crate) fn member_of_group(body: &[u8]) -> Option<Member<'_>> {
    let field = field(body).filter(|field| field.raw.starts_with(USER_WORD))?;
    member(whole(body, &field))
}

/// Whether the report is of a new name.
pub(crate) fn is_new_name(body: &[u8]) -> bool {
    operation(body).is_some_and(|op| is(op, b"changing name"))
}

/// The text of `op=`. groupmod writes sentences (`op=changing /etc/group; group users/100, new gid: 4005`),
/// longer than the value of the field `op`; they go on until the next field of an account tool's report.
fn operation(body: &[u8]) -> Option<&[u8]> {
    Some(whole(body, &field(body)?))
}

fn field(body: &[u8]) -> Option<Field<'_>> {
    fields::user(body).find(|field| field.key == b"op")
}

/// The whole text that the field is, or begins.
fn whole<'a>(body: &'a [u8], field: &Field<'a>) -> &'a [u8] {
    let sentence = fields::message(body).and_then(|text| text.strip_prefix(b"op="));
    let ends = [&b" acct="[..], b" grp=", b" id=", b" exe="];
    let whole = sentence.filter(|_| !field.quoted).and_then(|text| {
        let end = ends.iter().filter_map(|key| memchr::memmem::find(text, key)).min()?;
        text.get(..end)
    });
    whole.unwrap_or(field.raw)
}

/// How a report of a member begins.
const USER_WORD: &[u8] = b"user";

fn member(op: &[u8]) -> Option<Member<'_>> {
    let mut words = op.split(|b| *b == b' ');
    let mut next = || words.next();
    if next()? != USER_WORD {
        return None;
    }
    let user = next()?;
    let gained = match next()? {
        b"added" => true,
        b"removed" => false,
        _ => return None,
    };
    let (by, _, to, group_word, group) = (next()?, next()?, next()?, next()?, next()?);
    let whole = by == b"by" && matches!(to, b"to" | b"from") && group_word == b"group";
    (whole && !user.is_empty() && !group.is_empty()).then_some(Member { user, group, gained })
}

fn removes(op: &[u8]) -> bool {
    [&b"delet"[..], b"remov"].iter().any(|word| starts(op, word))
}

/// Whether two operations are the same, `-` as good as a blank.
fn is(op: &[u8], words: &[u8]) -> bool {
    op.len() == words.len() && starts(op, words)
}

fn starts(op: &[u8], words: &[u8]) -> bool {
    op.len() >= words.len() && op.iter().zip(words).all(|(a, b)| a == b || *a == b'-' && *b == b' ')
}

fn contains(op: &[u8], word: &[u8]) -> bool {
    memchr::memmem::find(op, word).is_some()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(op: &str) -> Act {
        let body = format!("pid=1 uid=0 auid=1000 ses=4 msg='op={op} acct=\"bob\" exe=\"/x\" res=success'");
        act(body.as_bytes(), Act::CHANGED_PASSWORD)
    }

    #[test]
    fn the_reports_of_shadow_are_told_apart_by_their_op() {
        for (op, act) in [
            ("changing uid", Act::CHANGED_USER_ID),
            ("changing-uid", Act::CHANGED_USER_ID),
            ("adding user to group", Act::ADDED_TO_GROUP),
            ("adding user to shadow group", Act::ADDED_TO_GROUP),
            ("add-user-to-group grp=\"adm\"", Act::ADDED_TO_GROUP),
            ("user bob added by root to group sudo", Act::ADDED_TO_GROUP),
            ("user bob removed by root from group sudo", Act::REMOVED_FROM_GROUP),
            ("deleting user from group", Act::REMOVED_FROM_GROUP),
            ("removing group member", Act::REMOVED_FROM_GROUP),
            ("modifying group", Act::MODIFIED_GROUP),
            ("changing /etc/group; group users/100, new gid: 4005", Act::MODIFIED_GROUP),
            ("password of group sudo removed by root", Act::CHANGED_GROUP_PASSWORD),
            ("changing comment", Act::MODIFIED_USER),
            ("changing home directory owner", Act::MODIFIED_USER),
            ("changing password", Act::CHANGED_PASSWORD),
            ("PAM:chauthtok", Act::CHANGED_PASSWORD),
            ("user", Act::CHANGED_PASSWORD),
            ("user  added by root to group sudo", Act::CHANGED_PASSWORD),
        ] {
            assert_eq!(of(op), act, "{op}");
        }
        assert_eq!(act(b"pid=1 uid=0", Act::WAS_AUTHORIZED), Act::WAS_AUTHORIZED);
    }

    #[test]
    fn gpasswd_names_member_and_group() {
        let body = b"pid=1 uid=0 msg='op=user bob added by root to group sudo acct=\"sudo\" res=success'";
        let member = member_of_group(body).unwrap();
        assert_eq!((member.user, member.group), (&b"bob"[..], &b"sudo"[..]));
    }
}
