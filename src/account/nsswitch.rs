//! /etc/nsswitch.conf: which sources the C library and sudo ask about accounts (nsswitch.conf(5)).

use std::collections::{BTreeMap, BTreeSet};
use std::io;

use super::change::{Aspect, Change, Kind};
use super::lines::{self, Oddities};
use super::source::Source;
use super::state::{Entry, Key, State};
use super::text::Text;

/// The databases that are about accounts and what they may; `sudoers` is asked by sudo, `…_compat` where the source is `compat`.
const DATABASES: [&str; 9] = [
    "passwd",
    "group",
    "shadow",
    "gshadow",
    "initgroups",
    "sudoers",
    "passwd_compat",
    "group_compat",
    "shadow_compat",
];

/// Bytes of what is kept of a database: longer lines are none that anybody writes.
const LONGEST: usize = 4096;

/// The lines of these databases, each as `passwd: files systemd`. Of a database that stands there twice, old and new versions of
/// the C library take another line each, so that both are kept. And what is odd about the file.
///
/// # Errors
/// Those of reading.
pub(super) fn read(from: impl io::Read) -> io::Result<(BTreeMap<Text, Entry<Text>>, Oddities)> {
    let mut found: BTreeMap<Text, Entry<Text>> = BTreeMap::new();
    let odd = lines::each(from, |number, line| {
        let line = line.split(|byte| *byte == b'#').next().unwrap_or_default();
        let Some(colon) = memchr::memchr(b':', line) else { return };
        let (name, sources) = line.split_at(colon);
        let Some(name) = DATABASES.iter().find(|known| known.as_bytes() == name.trim_ascii()) else { return };
        let mut text = [name.as_bytes(), b":"].concat();
        let sources = sources.get(1..).unwrap_or_default();
        for word in sources.split(u8::is_ascii_whitespace).filter(|word| !word.is_empty()) {
            text.push(b' ');
            text.extend_from_slice(word);
        }
        let entry = found.entry((*name).into()).or_insert(Entry { what: Text::default(), line: number });
        if !entry.what.as_bytes().is_empty() {
            text = [entry.what.as_bytes(), b"; ", &text].concat();
        }
        text.truncate(LONGEST);
        entry.what = text.as_slice().into();
    })?;
    Ok((found, odd))
}

/// What became of the lines, where both states know them.
pub(super) fn changes(before: &State, after: &State, found: &mut Vec<Change>) {
    if !before.known.contains_key(&Source::Nsswitch) {
        return;
    }
    let names: BTreeSet<&Text> = before.databases.keys().chain(after.databases.keys()).collect();
    for name in names {
        let (was, is) = (before.databases.get(name), after.databases.get(name));
        let (from, to) = (was.map(|was| was.what.clone()), is.map(|is| is.what.clone()));
        let kind = match (&from, &to) {
            _ if from == to => continue,
            (None, _) => Kind::Added,
            (_, None) => Kind::Removed,
            _ => Kind::Changed,
        };
        let key = Key { source: Source::Nsswitch, name: name.clone(), nth: 0 };
        let change = Change::of(kind, Aspect::Sources, &key, is.map_or(0, |is| is.line));
        found.push(Change { from, to, ..change });
    }
}

/// Whether a source is asked now that was not asked before.
pub(super) fn has_new_source(from: Option<&Text>, to: Option<&Text>) -> bool {
    let sources = |text: Option<&Text>| -> BTreeSet<Vec<u8>> {
        let text = text.map_or(&b""[..], Text::as_bytes);
        let mut inside = false;
        let words = text.split(|byte| *byte == b' ' || *byte == b';').filter(|word| {
            // What is done at an answer, `[NOTFOUND=return]`, may have blanks in it.
            let action = inside || word.starts_with(b"[");
            inside = action && !word.ends_with(b"]");
            !action && !word.is_empty() && !word.ends_with(b":")
        });
        words.map(<[u8]>::to_vec).collect()
    };
    !sources(to).is_subset(&sources(from))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(text: &str, database: &str) -> Option<(String, u64)> {
        let (found, _) = read(text.as_bytes()).expect("read");
        found.get(&Text::from(database)).map(|entry| (entry.what.lossy().into_owned(), entry.line))
    }

    #[test]
    fn lines_are_taken_as_the_c_library_does() {
        let text = "# passwd: evil\n\n passwd:\t files   systemd # no more\nhosts: files dns\ngroup:files [NOTFOUND=return] sss\n\
                    Shadow: evil\nshadow\n";
        assert_eq!(of(text, "passwd"), Some(("passwd: files systemd".to_owned(), 3)));
        assert_eq!(of(text, "group"), Some(("group: files [NOTFOUND=return] sss".to_owned(), 5)));
        assert_eq!(of(text, "hosts"), None, "no account stands there");
        assert_eq!(of(text, "shadow"), None);
        let twice = "passwd: files\npasswd: files evil\n";
        assert_eq!(of(twice, "passwd"), Some(("passwd: files; passwd: files evil".to_owned(), 1)));
        let long =
            "passwd: ".to_owned() + &"files ".repeat(100_000) + "\n" + &"passwd: files\n".repeat(10_000);
        assert_eq!(of(&long, "passwd").expect("a line").0.len(), LONGEST);
    }

    #[test]
    fn only_a_source_that_was_not_asked_is_new() {
        let new = |from: &str, to: &str| has_new_source(Some(&from.into()), Some(&to.into()));
        assert!(new("passwd: files", "passwd: files evil"));
        assert!(new("passwd: files", "passwd: files; passwd: evil"));
        assert!(!new("passwd: files sss", "passwd: sss [SUCCESS=return NOTFOUND = continue] files"));
        assert!(!new("passwd: files sss", "passwd: files"));
        assert!(has_new_source(None, Some(&"sudoers: files".into())));
        assert!(!has_new_source(Some(&"sudoers: files".into()), None));
    }
}
