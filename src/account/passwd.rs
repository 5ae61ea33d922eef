//! A line of passwd(5).

use serde::{Deserialize, Serialize};

use super::numbers::{content, id};
use super::text::Text;

/// What is known of a password; never the password, nor its hash.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Password {
    /// It stands where it cannot be read (an `x` in passwd).
    #[default]
    Elsewhere,
    /// None is needed to log in.
    Empty,
    /// No password fits.
    Locked,
    /// There is one.
    Set,
}

impl Password {
    /// Of the second field of a line.
    pub(super) fn of(field: &[u8]) -> Self {
        match field {
            b"x" => Self::Elsewhere,
            b"" => Self::Empty,
            _ if field.starts_with(b"!") || field.starts_with(b"*") => Self::Locked,
            _ => Self::Set,
        }
    }

    /// In a word.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Elsewhere => "elsewhere",
            Self::Empty => "empty",
            Self::Locked => "locked",
            Self::Set => "set",
        }
    }
}

/// An account.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct User {
    /// None where the entry leaves it to another database (`+name` of NIS).
    pub uid: Option<u32>,
    /// The primary group.
    pub gid: Option<u32>,
    /// The home directory.
    pub home: Text,
    /// The login shell.
    pub shell: Text,
    /// The state of the password.
    pub password: Password,
}

/// What a line is.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Line<T> {
    /// Blank or a comment.
    Nothing,
    /// The C library passes over it.
    Malformed,
    /// An entry with its name.
    Entry(Text, T),
}

/// Reads a line as glibc does: fields behind the group may be missing, what follows a NUL is not seen.
pub(super) fn line(line: &[u8]) -> Line<User> {
    let Some(content) = content(line) else { return Line::Nothing };
    let mut fields = content.split(|byte| *byte == b':');
    let mut next = || fields.next();
    let (Some(name), Some(password), Some(uid)) = (next(), next(), next()) else {
        return compat(content);
    };
    let gid = next().unwrap_or_default();
    // The comment is nobody's business.
    let _ = next();
    let (home, shell) = (next().unwrap_or_default(), next().unwrap_or_default());
    let elsewhere = name.starts_with(b"+") || name.starts_with(b"-");
    let user = User {
        uid: id(uid),
        gid: id(gid),
        home: home.into(),
        shell: shell.into(),
        password: Password::of(password),
    };
    if !elsewhere && (user.uid.is_none() || user.gid.is_none()) {
        return Line::Malformed;
    }
    Line::Entry(name.into(), user)
}

/// `+`, `-name`, `+@netgroup` alone, as NIS takes them.
fn compat(content: &[u8]) -> Line<User> {
    let name = content.split(|byte| *byte == b':').next().unwrap_or_default();
    match name.first() {
        Some(b'+' | b'-') => Line::Entry(name.into(), User::default()),
        _ => Line::Malformed,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Option<(String, Option<u32>, String)> {
        match line(text.as_bytes()) {
            Line::Entry(name, user) => Some((name.lossy().into(), user.uid, user.shell.lossy().into())),
            _ => None,
        }
    }

    #[test]
    fn every_line_that_glibc_takes_is_an_account() {
        let found = |text| read(text).map(|(name, uid, _)| (name, uid));
        let eve = Some(("eve".to_owned(), Some(0)));
        for text in ["eve:x:0:0::/:/bin/sh", "  eve:x:0:0", "eve::+00:5:a:b:c:d", "eve:x: 0:0:\0rest"] {
            assert_eq!(found(text), eve, "{text:?}");
        }
        assert_eq!(found("+eve"), Some(("+eve".to_owned(), None)));
        assert_eq!(found("+::0:0:::"), Some(("+".to_owned(), Some(0))));
        assert_eq!(found(":x:0:0:::"), Some((String::new(), Some(0))));
        for text in ["eve", "eve:x:0", "eve:x:0x0:0", "eve:x::0", "eve:x:0 :0"] {
            assert_eq!(line(text.as_bytes()), Line::Malformed, "{text:?}");
        }
        for text in ["", "  ", "# eve:x:0:0", "\0eve:x:0:0"] {
            assert_eq!(line(text.as_bytes()), Line::Nothing, "{text:?}");
        }
    }

    #[test]
    fn passwords_are_states() {
        let of = |text: &str| Password::of(text.as_bytes());
        use Password::{Elsewhere, Empty, Locked, Set};
        assert_eq!(["x", "", "*", "!!", "$y$abc"].map(of), [Elsewhere, Empty, Locked, Locked, Set]);
    }
}
