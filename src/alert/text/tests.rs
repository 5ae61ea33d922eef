use std::sync::Arc;

use proptest::prelude::*;
use serde_json::{Value, json};

use super::super::{Alert, sample};
use super::*;

/// The pairs of a line, read by the rules of the module's page.
pub(crate) fn pairs(line: &str) -> Vec<(String, Vec<u8>)> {
    let (_, mut rest) = split_sentence(line);
    let mut out = Vec::new();
    while let Some((key, after)) = rest.split_once('=') {
        let mut value = Vec::new();
        let mut at = after;
        if let Some(mut inner) = at.strip_prefix('"') {
            let mut raw = String::new();
            loop {
                let c = inner.chars().next().expect("closing quote");
                inner = &inner[c.len_utf8()..];
                match c {
                    '"' => break,
                    '\\' => {
                        raw.push(c);
                        let d = inner.chars().next().expect("escaped");
                        raw.push(d);
                        inner = &inner[d.len_utf8()..];
                    }
                    c => raw.push(c),
                }
            }
            value = clean::unescape(&raw).unwrap();
            at = inner;
        } else {
            let end = at.find(' ').unwrap_or(at.len());
            value.extend_from_slice(&at.as_bytes()[..end]);
            at = &at[end..];
        }
        out.push((key.to_owned(), value));
        rest = at.strip_prefix(' ').unwrap_or(at);
    }
    assert_eq!(rest, "", "trailing text in {line}");
    out
}

/// Sentence and pairs: the first `; ` outside of quotes.
fn split_sentence(line: &str) -> (&str, &str) {
    let (mut quoted, mut escaped) = (false, false);
    for (at, c) in line.char_indices() {
        match c {
            _ if escaped => escaped = false,
            '\\' if quoted => escaped = true,
            '"' => quoted = !quoted,
            ';' if !quoted && line[at..].starts_with("; time=") => return (&line[..at], &line[at + 2..]),
            _ => {}
        }
    }
    panic!("no pairs in {line}");
}

#[test]
fn the_line_says_what_who_how_and_where() {
    let alert = sample::plain();
    let expected = format!(
        "MEDIUM Potential Linux Backdoor User Account Creation: usermod -u 0 -o bob, account bob (from \
         arguments), by login user alice (1000) in session 3 as root (0) on web1; \
         time=2026-09-21T14:15:00.181Z pid=4711 exe=/usr/sbin/usermod auid=1000 ses=3 uid=0 ppid=4700 \
         parents=\"bash(4700)\" cwd=/root tty=pts0 host=web1 event=1790000100.181:581 alert={} \
         rule=uid0-account-usermod uuid=494ebba4-ecb7-4be4-8c6f-654c686549ad version=7 severity=47 risk=47 \
         threat=TA0003,T1136,T1136.001 outcome=success argc=5 a0=usermod a1=-u a2=0 a3=-o a4=bob",
        alert.id
    );
    assert_eq!(alert.line, expected);
    assert_eq!(alert.line_within(8192), expected);
}

fn of(document: Value) -> Alert {
    let document = document.as_object().cloned().unwrap();
    Alert::new(&Arc::new(sample::rule()), &[document], &[sample::STAMP], "h", sample::created())
}

#[test]
fn what_is_unset_or_unknown_is_said() {
    let alert = of(json!({
        "process": { "pid": 9, "args": ["usermod"], "name": "usermod", "parent": { "pid": 4 } },
        "user": { "id": "1000", "effective": { "id": "0" }, "audit": { "id": "4294967295" } },
        "auditd": { "session": "4294967295" },
    }));
    assert!(
        alert.line.contains(": usermod, by no login user as uid 1000, effectively uid 0; "),
        "{}",
        alert.line
    );
    for pair in [" auid=unset ", " ses=unset ", " uid=1000 euid=0 ", " parents=\"unknown(4)\" "] {
        assert!(alert.line.contains(pair), "{pair} in {}", alert.line);
    }
}

/// Of an event whose SYSCALL record was lost nobody knows who it was; that nobody has logged in would be another thing.
#[test]
fn a_login_user_of_whom_no_record_tells_is_unknown() {
    let with =
        |actor: Value| of(json!({ "auditd": { "message_type": "execve", "summary": { "actor": actor } } }));
    let unknown = with(Value::Null);
    assert!(unknown.line.contains(", by an unknown login user; "), "{}", unknown.line);
    assert!(unknown.line.contains(" auid=unknown ses=unknown "), "{}", unknown.line);
    let unset = with(json!({ "primary": "unset" }));
    assert!(unset.line.contains(", by no login user; "), "{}", unset.line);
    assert!(unset.line.contains(" auid=unset ses=unset "), "{}", unset.line);
}

#[test]
fn a_renamed_file_is_told_by_both_names() {
    let path = "/root/passwd";
    let alert = of(json!({
        "event": { "action": "renamed" },
        "file": { "path": path, "Ext": { "original": { "path": "/etc/passwd" } } },
    }));
    assert!(alert.line.contains(": renamed of /etc/passwd to /root/passwd, by "), "{}", alert.line);
    let unknown = of(json!({
        "event": { "action": "renamed" },
        "file": { "Ext": { "original": { "path": "/etc/passwd" } } },
    }));
    assert!(unknown.line.contains(": renamed of /etc/passwd, by "), "{}", unknown.line);
}

#[test]
fn a_record_that_names_the_account_goes_before_the_guess() {
    let alert = of(json!({
        "event": { "action": "changed-user-id", "outcome": "failure" },
        "process": { "executable": "/usr/sbin/usermod", "name": "usermod" },
        "user": { "id": "0", "target": { "id": "1003", "name": "bob" } },
    }));
    let start = "MEDIUM Potential Linux Backdoor User Account Creation: changed-user-id by /usr/sbin/usermod \
                 (failure), account bob (1003), by no login user as uid 0; ";
    assert!(alert.line.starts_with(start), "{}", alert.line);
}

#[test]
fn the_chain_of_parents_is_told_nearest_first_and_bounded() {
    let chain: Vec<Value> = (0..10).map(|n| json!({ "pid": 100 - n, "name": format!("p{n} <") })).collect();
    let alert = of(json!({ "process": { "pid": 1 }, "auditward": { "ancestors": chain } }));
    let value = pairs(&alert.line).into_iter().find(|(k, _)| k == "parents").unwrap().1;
    let text = String::from_utf8(value).unwrap();
    assert!(text.starts_with(r#""p0 <"(100) < "p1 <"(99) < "#), "{text}");
    assert!(text.ends_with(r#" < ...[2 more]"#), "{text}");
}

#[test]
fn a_long_line_is_shortened_in_the_middle_of_its_long_values() {
    let comment = "c".repeat(100_000);
    let alert = sample::alert(&["usermod", "-u", "0", "-o", "-c", &comment, "carol"]);
    assert!(alert.line.len() > 100_000);
    for limit in [8192, 1024] {
        let line = alert.line_within(limit);
        assert!(line.len() <= limit, "{}", line.len());
        assert!(
            line.starts_with("MEDIUM Potential Linux Backdoor User Account Creation: usermod -u 0 -o -c ")
        );
        assert!(line.contains(" account carol (from arguments), by login user alice (1000) in session 3"));
        assert!(line.contains("; time=2026-09-21T14:15:00.181Z truncated=yes pid=4711 "));
        assert!(line.contains("...[100000 bytes]..."));
        assert!(line.ends_with(" a6=carol"), "{line}");
    }
}

#[test]
fn of_very_many_arguments_both_ends_are_kept() {
    let mut args = vec!["usermod", "-u", "0", "-o"];
    args.extend(std::iter::repeat_n("-c", 20_000));
    args.push("bob");
    let alert = sample::alert(&args);
    for limit in [8192, 1024] {
        let line = alert.line_within(limit);
        assert!(line.len() <= limit);
        assert!(line.contains(" arguments]... "), "{line}");
        assert!(line.contains(" argc=20005 a0=usermod a1=-u "), "{line}");
        assert!(line.ends_with(" a20004=bob"), "{line}");
    }
}

proptest! {
    #[test]
    fn arguments_come_back_from_the_line_and_never_break_it(
        args in prop::collection::vec(any::<String>(), 1..8)
    ) {
        let words: Vec<&str> = args.iter().map(String::as_str).collect();
        let alert = sample::alert(&words);
        prop_assert!(!alert.line.chars().any(clean::is_hidden));
        let read: Vec<Vec<u8>> = pairs(&alert.line)
            .into_iter()
            .filter(|(k, _)| k.strip_prefix('a').is_some_and(|n| n.parse::<u32>().is_ok()))
            .map(|(_, v)| v)
            .collect();
        let expected: Vec<Vec<u8>> = args.iter().map(|a| a.as_bytes().to_vec()).collect();
        prop_assert_eq!(read, expected);
        prop_assert_eq!(pairs(&alert.line).iter().filter(|(k, _)| k == "pid").count(), 1);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn no_limit_is_overstepped(args in prop::collection::vec("\\PC{0,400}", 0..40), limit in 200usize..3000) {
        let words: Vec<&str> = args.iter().map(String::as_str).collect();
        let alert = sample::alert(&words);
        let line = alert.line_within(limit);
        prop_assert!(line.len() <= limit);
        prop_assert!(line.starts_with("MEDIUM Potential Linux Backdoor User Account Creation: "));
        prop_assert!(!line.chars().any(clean::is_hidden));
    }
}
