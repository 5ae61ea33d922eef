//! A drop-in of systemd's userdb: JSON user and group records
//! (<https://systemd.io/USER_RECORD/>, <https://systemd.io/GROUP_RECORD/>).

use serde_json::{Map, Value};

use super::group::{Group, MOST_MEMBERS};
use super::passwd::{Password, User};
use super::text::Text;

/// The account that a `.user` file describes; none where it is no user record.
pub(super) fn user(text: &[u8]) -> Option<(Text, User)> {
    let record: Map<String, Value> = serde_json::from_slice(text).ok()?;
    let name = record.get("userName")?.as_str()?;
    let get = |key: &str| text_of(record.get(key));
    let hashed = record.get("privileged").and_then(|section| section.get("hashedPassword"));
    let password = match hashed.and_then(Value::as_array).map(Vec::as_slice) {
        None => Password::Elsewhere,
        Some([]) => Password::Locked,
        Some(list) if list.iter().any(|one| one.as_str() == Some("")) => Password::Empty,
        Some(list) => Password::of(list.first().and_then(Value::as_str).unwrap_or("*").as_bytes()),
    };
    let home = get("homeDirectory");
    let user = User {
        uid: number(&record, "uid"),
        gid: number(&record, "gid"),
        home,
        shell: get("shell"),
        password,
    };
    Some((name.into(), user))
}

/// The group that a `.group` file describes.
pub(super) fn group(text: &[u8]) -> Option<(Text, Group)> {
    let record: Map<String, Value> = serde_json::from_slice(text).ok()?;
    let name = record.get("groupName")?.as_str()?;
    let listed = record.get("members").and_then(Value::as_array).into_iter().flatten();
    let members = listed.filter_map(Value::as_str).take(MOST_MEMBERS).map(Text::from).collect();
    Some((name.into(), Group { gid: number(&record, "gid"), members }))
}

/// `USER:GROUP.membership`: who is a member of what.
pub(super) fn membership(file: &str) -> Option<(Text, Text)> {
    let (user, group) = file.strip_suffix(".membership")?.split_once(':')?;
    (!user.is_empty() && !group.is_empty()).then(|| (user.into(), group.into()))
}

fn text_of(value: Option<&Value>) -> Text {
    value.and_then(Value::as_str).unwrap_or_default().into()
}

/// The number under `key`; that of a section for certain machines counts where it is 0, or alone.
fn number(record: &Map<String, Value>, key: &str) -> Option<u32> {
    let of = |map: &Map<String, Value>| map.get(key)?.as_u64().map(|n| u32::try_from(n).unwrap_or(u32::MAX));
    let machines = record.get("perMachine").and_then(Value::as_array).into_iter().flatten();
    let bindings = record.get("binding").and_then(Value::as_object).into_iter().flat_map(Map::values);
    let sections: Vec<u32> = machines.chain(bindings).filter_map(Value::as_object).filter_map(of).collect();
    if sections.contains(&0) {
        return Some(0);
    }
    of(record).or_else(|| sections.first().copied())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn records_are_read_in_every_section() {
        let (name, eve) =
            user(br#"{"userName":"eve","uid":1001,"shell":"/bin/sh","perMachine":[{"uid":0}]}"#)
                .expect("a user");
        assert_eq!((name.lossy().as_ref(), eve.uid, eve.password), ("eve", Some(0), Password::Elsewhere));
        let (_, empty) =
            user(br#"{"userName":"e","uid":7,"privileged":{"hashedPassword":[""]}}"#).expect("one");
        assert_eq!((empty.uid, empty.password), (Some(7), Password::Empty));
        let (name, sudo) = group(br#"{"groupName":"sudo","gid":27,"members":["bob"]}"#).expect("a group");
        assert_eq!((name.lossy().as_ref(), sudo.members.len()), ("sudo", 1));
        assert_eq!(membership("bob:sudo.membership"), Some(("bob".into(), "sudo".into())));
        assert_eq!(user(b"[]"), None);
        assert_eq!(user(b"{\"uid\":0}"), None);
    }
}
