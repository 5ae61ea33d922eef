//! Takes out of a text what names a host, a network, a person or a secret.

use std::net::IpAddr;

use crate::secret::may_name_a_secret;

/// What is taken out wherever it stands, and what stands there instead.
#[derive(Clone, Debug, Default)]
pub(super) struct Redactor {
    words: Vec<(String, &'static str)>,
}

impl Redactor {
    /// For a host with these names and this machine id; what is empty or too short to be told from other
    /// words is left.
    pub(super) fn new(host_names: &[&str], machine_id: &str) -> Self {
        let mut words = Vec::new();
        for name in host_names.iter().filter(|name| name.len() > 1) {
            words.push(((*name).to_owned(), "<host>"));
            if let Some((short, _)) = name.split_once('.').filter(|(short, _)| short.len() > 1) {
                words.push((short.to_owned(), "<host>"));
            }
        }
        if machine_id.len() > 8 {
            words.push((machine_id.to_owned(), "<machine-id>"));
        }
        // Longer ones first: a full name before its first part.
        words.sort_by_key(|(word, _)| std::cmp::Reverse(word.len()));
        Self { words }
    }

    /// The text without them. Line by line, so that no line is longer or shorter by a line.
    pub(super) fn text(&self, text: &str) -> String {
        let lines = text.lines().map(|line| self.line(line));
        lines.fold(String::with_capacity(text.len()), |mut all, line| {
            all.push_str(&line);
            all.push('\n');
            all
        })
    }

    fn line(&self, line: &str) -> String {
        let line = without_secrets(line);
        let mut out = String::with_capacity(line.len());
        for part in line.split_inclusive(is_between) {
            let (token, end) = match part.char_indices().last() {
                Some((at, c)) if is_between(c) => part.split_at(at),
                _ => (part, ""),
            };
            let token = self.token(token, &out);
            out.push_str(&token);
            out.push_str(end);
        }
        out
    }

    fn token(&self, token: &str, before: &str) -> String {
        if token.parse::<IpAddr>().is_ok() || ip_and_more(token) {
            return "<address>".to_owned();
        }
        if is_mac(token) {
            return "<mac>".to_owned();
        }
        // Those of rules are public and of use; those of disks name a host.
        let of_disk = before.ends_with("UUID=") || before.ends_with("by-uuid/");
        if of_disk && is_uuid(token) {
            return "<uuid>".to_owned();
        }
        if token.contains('@') && token.contains('.') && !token.starts_with('@') {
            return "<mail>".to_owned();
        }
        if before.ends_with("/home/") {
            return "<user>".to_owned();
        }
        let mut token = token.to_owned();
        for (word, instead) in &self.words {
            token = replace_word(&token, word, instead);
        }
        token
    }
}

/// The line with `<secret>` for each value whose key may name one: `key = "value"`, `key=value`, `"key": "value"`.
fn without_secrets(line: &str) -> String {
    let mut out = String::with_capacity(line.len());
    let mut rest = line;
    loop {
        let Some(start) = rest.find(is_of_name) else { return out + rest };
        let name_on = rest.get(start..).unwrap_or_default();
        let length = name_on.find(|c| !is_of_name(c)).unwrap_or(name_on.len());
        let (before, behind) = rest.split_at(start + length);
        out.push_str(before);
        rest = behind;
        if !may_name_a_secret(before.get(start..).unwrap_or_default()) {
            continue;
        }
        let Some(value) = assigned(behind) else { continue };
        out.push_str(behind.get(..behind.len() - value.len()).unwrap_or_default());
        out.push_str("<secret>");
        let quote = value.chars().next().filter(|c| matches!(c, '"' | '\''));
        let length = match quote {
            Some(quote) => value.get(1..).and_then(|text| text.find(quote)).map_or(value.len(), |at| at + 2),
            None => value.find(|c: char| c.is_whitespace() || c == ',').unwrap_or(value.len()),
        };
        rest = value.get(length..).unwrap_or_default();
    }
}

/// What stands behind the `=` or `:` that a key is followed by, if it is.
fn assigned(behind: &str) -> Option<&str> {
    let behind = behind.strip_prefix(['"', '\'']).unwrap_or(behind).trim_start();
    let value = behind.strip_prefix(['=', ':'])?.trim_start();
    (!value.is_empty()).then_some(value)
}

fn is_of_name(c: char) -> bool {
    c.is_alphanumeric() || matches!(c, '-' | '_' | '.')
}

fn is_between(c: char) -> bool {
    c.is_whitespace()
        || matches!(c, '"' | '\'' | '=' | ',' | ';' | '/' | '(' | ')' | '[' | ']' | '{' | '}' | '<' | '>')
}

/// `10.0.0.1:514`, `fe80::1%eth0`, `10.1.2.3.`
fn ip_and_more(token: &str) -> bool {
    let token = token.trim_end_matches(['.', ':']);
    token.parse::<IpAddr>().is_ok()
        || token.parse::<std::net::SocketAddr>().is_ok()
        || token.split('%').next().is_some_and(|part| part != token && part.parse::<IpAddr>().is_ok())
}

fn is_mac(token: &str) -> bool {
    let parts: Vec<&str> = token.split(':').collect();
    parts.len() == 6
        && parts.iter().all(|part| part.len() == 2 && part.bytes().all(|b| b.is_ascii_hexdigit()))
}

fn is_uuid(token: &str) -> bool {
    let lengths: Vec<usize> = token.split('-').map(str::len).collect();
    lengths == [8, 4, 4, 4, 12] && token.bytes().all(|b| b == b'-' || b.is_ascii_hexdigit())
}

/// Replaces `word` where no letter or digit stands beside it.
fn replace_word(text: &str, word: &str, instead: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.to_ascii_lowercase().find(&word.to_ascii_lowercase()) {
        let (before, found) = rest.split_at(at);
        let after = found.get(word.len()..).unwrap_or_default();
        let joins = |c: Option<char>| c.is_some_and(char::is_alphanumeric);
        let alone =
            !joins(before.chars().last().or_else(|| out.chars().last())) && !joins(after.chars().next());
        out.push_str(before);
        out.push_str(if alone { instead } else { found.get(..word.len()).unwrap_or_default() });
        rest = after;
    }
    out + rest
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_names_host_network_person_or_secret_is_gone() {
        let redactor = Redactor::new(&["db7.example.org"], "0123456789abcdef0123456789abcdef");
        let text = "Linux db7 on db7.example.org (db77 and mydb7 stay)\n\
                    id 0123456789abcdef0123456789abcdef\n\
                    address 10.1.2.3, [10.1.2.3]:514 fe80::1%eth0 2001:db8::1. at 22:15:18 on eth0\n\
                    link/ether 52:54:00:12:34:56 root=UUID=01234567-89ab-cdef-0123-456789abcdef\n\
                    token = \"abc def\" audit=1 password=hunter2 audit_backlog_limit=8192\n\
                    DB_PASS=geheim2 --access-key: AKIA8 bypass=1 PWD=/root x.private_key=abc9\n\
                    \"api_key\": \"xyz\", mail alice@example.org, /home/alice/.ssh\n\
                    -a always,exit -F path=/usr/sbin/usermod -F key=auditward\n";
        let expected = "Linux <host> on <host> (db77 and mydb7 stay)\n\
                    id <machine-id>\n\
                    address <address>, [<address>]<address>:514 <address> <address> at 22:15:18 on eth0\n\
                    link/ether <mac> root=UUID=<uuid>\n\
                    token = <secret> audit=1 password=<secret> audit_backlog_limit=8192\n\
                    DB_PASS=<secret> --access-key: <secret> bypass=1 PWD=/root x.private_key=<secret>\n\
                    \"api_key\": <secret>, mail <mail>, /home/<user>/.ssh\n\
                    -a always,exit -F path=/usr/sbin/usermod -F key=auditward\n";
        let redacted = redactor.text(text);
        assert_eq!(redacted, expected.replace("[<address>]<address>:514", "[<address>]:514"));
        for name in ["hunter2", "10.1.2.3", "alice", "db7.example.org", "abc def"] {
            assert!(!redacted.contains(name), "{name}");
        }
    }

    proptest::proptest! {
        #[test]
        fn any_text_keeps_its_lines(text in "\\PC{0,60}(\n\\PC{0,40}){0,3}", host in "[a-z]{2,4}") {
            let redacted = Redactor::new(&[&host], "").text(&text);
            proptest::prop_assert_eq!(redacted.lines().count(), text.lines().count());
        }
    }
}
