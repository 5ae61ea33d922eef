//! Names that say of their value that it is a secret: `--password=…`, `PGPASSWORD=…`, `--api-key …`.

use std::ops::Range;

/// Where the value is.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Value {
    /// In the word itself.
    Here(Range<usize>),
    /// It is the word that follows.
    Next,
}

/// A name with one of these at its end, or as all of it, has a secret as its value.
const ENDS: [&str; 20] = [
    "password",
    "passwd",
    "passphrase",
    "passwort",
    "pass",
    "pwd",
    "secret",
    "token",
    "apikey",
    "api-key",
    "access-key",
    "secret-key",
    "auth-key",
    "authkey",
    "account-key",
    "encryption-key",
    "shared-key",
    "private-token",
    "bearer",
    "credential",
];

/// Names that end so and have none, or whose option takes no value.
const BUT: [&str; 8] =
    ["pwd", "oldpwd", "bypass", "compass", "no-pass", "tokenpass", "stdin-pass", "single-pass"];

/// Options with one of these in front only say how the secret is asked for.
const ASKING: [&str; 6] = ["no-", "ask-", "prompt-", "show-", "hide-", "use-"];

/// The name in lower case with `-` for `_` and `.`; a `PGPASSWORD` has its end as any other.
pub(super) fn plain_name(name: &str) -> String {
    name.chars().map(|c| if matches!(c, '_' | '.') { '-' } else { c.to_ascii_lowercase() }).collect()
}

/// The value in `word`, which an argument may be, or that the word `next` is. `names` are the site's.
///
/// `asks`: the program takes no value behind `--password` and asks for it.
pub(super) fn find(word: &str, next: Option<&str>, asks: bool, names: &[String]) -> Option<Value> {
    let option = word.starts_with('-');
    let name_end = word.find(|c: char| !(c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.')));
    let (name, behind) = word.split_at(name_end.unwrap_or(word.len()));
    let plain = plain_name(name.trim_start_matches('-'));
    let named = is_secret(&plain) || names.contains(&plain);
    if !named || (!option && behind.is_empty()) {
        return None;
    }
    match behind.strip_prefix('=') {
        Some("") => None,
        // A variable's value may have been written with quotes, within a longer line.
        Some(value) => {
            let inner = value.trim_matches(['"', '\'']);
            let start = word.len() - value.trim_start_matches(['"', '\'']).len();
            Some(Value::Here(start..start + inner.len()))
        }
        // One dash and a name is an option of Go's and of X11's programs.
        None if behind.is_empty() && !asks => {
            let value = next.is_some_and(|next| !next.is_empty() && !next.starts_with('-'));
            value.then_some(Value::Next)
        }
        None => None,
    }
}

/// Whether the value of a setting of this name may be a secret: more than [`find`] takes for one, for where nothing is
/// lost by a value that is left out.
pub(super) fn may_be_secret(name: &str) -> bool {
    let plain = plain_name(name.trim_start_matches('-'));
    let ends = ENDS.iter().chain(&["private-key"]).any(|end| plain.ends_with(end));
    ends && !BUT.contains(&plain.as_str())
}

fn is_secret(name: &str) -> bool {
    if BUT.contains(&name) || ASKING.iter().any(|asking| name.starts_with(asking)) {
        return false;
    }
    ENDS.iter().any(|end| {
        name.strip_suffix(end).is_some_and(|front| {
            // PGPASSWORD and MYSQL_PWD; "pass", "pwd" and "token" only as words of their own.
            front.is_empty()
                || front.ends_with('-')
                || end.len() > 7
                || matches!(*end, "passwd" | "secret" | "apikey")
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn here(word: &str) -> Option<&str> {
        match find(word, None, false, &["my-pin".to_owned()]) {
            Some(Value::Here(bytes)) => Some(&word[bytes]),
            _ => None,
        }
    }

    fn next(word: &str, next: &str) -> bool {
        find(word, Some(next), false, &[]) == Some(Value::Next)
    }

    #[test]
    fn the_value_of_a_named_secret() {
        for (word, secret) in [
            ("--password=hunter2", "hunter2"),
            ("--db-password=a,b=c", "a,b=c"),
            ("-token=abc", "abc"),
            ("PGPASSWORD=x", "x"),
            ("MYSQL_PWD=x y", "x y"),
            ("AWS_SECRET_ACCESS_KEY='k'", "k"),
            ("spring.datasource.password=geheim", "geheim"),
            ("VAULT_TOKEN=hvs", "hvs"),
            ("--my_pin=1234", "1234"),
            ("password=x", "x"),
        ] {
            assert_eq!(here(word), Some(secret), "{word}");
        }
    }

    #[test]
    fn names_that_only_look_like_it() {
        for word in [
            "--password-file=/run/x",
            "--token-ttl=60",
            "PWD=/root",
            "OLDPWD=/",
            "--bypass=yes",
            "--password=",
            "/etc/passwd=",
            "--no-password=1",
            "--sort-key=1",
            "passwd",
            "compass=1",
            "--private-key=/etc/ssl/key.pem",
        ] {
            assert_eq!(here(word), None, "{word}");
        }
    }

    #[test]
    fn an_option_and_the_next_word() {
        assert!(next("--password", "x"));
        assert!(next("--api-key", "x"));
        assert!(next("-password", "x"));
        assert!(!next("--password", "--user"));
        assert!(!next("--password-stdin", "x"));
        assert!(!next("--ask-pass", "x"));
        assert!(!next("password", "x"));
        assert!(!next("--token-file", "/x"));
        // psql asks for it; what follows is the database.
        assert_eq!(find("--password", Some("sales"), true, &[]), None);
    }
}
