//! Options and operands that are secrets, of the programs that have them. From their manual pages.

use std::collections::HashMap;
use std::ops::Range;
use std::sync::LazyLock;

use super::Place;

/// By what a program is told secrets.
#[derive(Debug)]
pub(super) struct Program {
    names: &'static [&'static str],
    /// Only where this word stands before (`docker login -p …`, but not `docker run -p 80:80`).
    with: Option<&'static str>,
    /// Letters that take no value, and may stand before one that does (`-ou 0`).
    flags: &'static str,
    short: &'static [(char, How, Part)],
    long: &'static [(&'static str, Part)],
    operands: Operands,
    /// `--password` alone takes no value: it is asked for.
    asks: bool,
}

/// Where the value of a letter may stand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum How {
    /// `-pVALUE` alone; `-p` asks for it.
    Glued,
    /// `-pVALUE` or `-p VALUE`.
    Either,
}

/// Which part of the value is the secret.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Part {
    All,
    /// What follows one: `user:SECRET`, `user%SECRET`, `key=SECRET`.
    Behind(char),
    /// `Authorization: SECRET`, of headers that carry one.
    OfHeader,
    /// `pass:SECRET`, as openssl has it beside `env:` and `file:`.
    BehindPass,
}

/// Secrets that no option stands before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Operands {
    None,
    /// `htpasswd -b FILE USER SECRET`: the last, where there is a `-b`.
    LastWithBatch,
    /// `rabbitmqctl add_user USER SECRET`: so many words behind one of these.
    After(&'static [&'static str], usize),
    /// `user/SECRET@database`
    OracleLogin,
    /// `/p:SECRET`
    SlashP,
    /// `echo user:SECRET | chpasswd`, `echo SECRET | passwd --stdin`: where a line shows what is read.
    Piped,
}

use How::{Either, Glued};
use Part::{All, Behind, BehindPass, OfHeader};

const fn program(names: &'static [&'static str]) -> Program {
    Program { names, with: None, flags: "", short: &[], long: &[], operands: Operands::None, asks: false }
}

#[rustfmt::skip]
const PROGRAMS: &[Program] = &[
    Program { flags: "aoLUmrbDlMNFf", short: &[('p', Either, All)],
        ..program(&["usermod", "useradd", "groupadd", "groupmod"]) },
    Program { short: &[('P', Either, All), ('p', Either, All)], ..program(&["lpasswd", "luseradd", "lusermod"]) },
    Program { operands: Operands::Piped, ..program(&["echo", "printf"]) },
    Program { short: &[('p', Glued, All)], asks: true,
        ..program(&["mysql", "mysqldump", "mysqladmin", "mysqlimport", "mysqlcheck", "mysqlshow", "mysqlslap", "mycli",
            "mariadb", "mariadb-dump", "mariadb-admin", "mariadb-import", "mariadb-check", "mariadb-show"]) },
    Program { asks: true, ..program(&["psql", "pg_dump", "pg_dumpall", "pg_restore", "pg_basebackup"]) },
    Program { flags: "sSfgGiIkLlMnNOqRvjJaB0123456#Z",
        short: &[('u', Either, Behind(':')), ('U', Either, Behind(':')), ('E', Either, Behind(':')), ('b', Either, All),
            ('H', Either, OfHeader)],
        long: &[("user", Behind(':')), ("proxy-user", Behind(':')), ("cert", Behind(':')), ("cookie", All),
            ("header", OfHeader), ("proxy-header", OfHeader), ("oauth2-bearer", All), ("tlspassword", All)],
        ..program(&["curl"]) },
    Program { long: &[("header", OfHeader)], ..program(&["wget", "wget2"]) },
    Program { short: &[('a', Either, Behind(':'))], long: &[("auth", Behind(':'))], ..program(&["http", "https", "xh"]) },
    Program { flags: "v", short: &[('p', Either, All)], ..program(&["sshpass"]) },
    Program { short: &[('U', Either, Behind('%'))], long: &[("user", Behind('%'))],
        ..program(&["smbclient", "rpcclient", "smbget", "net", "smbcacls", "smbcquotas", "wbinfo"]) },
    Program { flags: "xvnZMcCI", short: &[('w', Either, All)],
        ..program(&["ldapsearch", "ldapadd", "ldapmodify", "ldapdelete", "ldappasswd", "ldapwhoami", "ldapcompare",
            "ldapmodrdn"]) },
    Program { long: &[("pass", BehindPass), ("passin", BehindPass), ("passout", BehindPass), ("k", All), ("K", All),
            ("psk", All)],
        ..program(&["openssl"]) },
    Program { short: &[('a', Either, All)], ..program(&["redis-cli", "valkey-cli"]) },
    Program { short: &[('p', Either, All)],
        ..program(&["mongo", "mongosh", "mongodump", "mongorestore", "mongoexport", "mongoimport"]) },
    Program { with: Some("login"), short: &[('p', Either, All)],
        ..program(&["docker", "podman", "nerdctl", "buildah", "skopeo", "helm", "oc", "az"]) },
    Program { flags: "ncmBdsvDi5", operands: Operands::LastWithBatch, ..program(&["htpasswd"]) },
    Program { short: &[('P', Either, All)],
        ..program(&["zip", "unzip", "mosquitto_pub", "mosquitto_sub", "sqlcmd", "bcp", "tsql", "ipmitool", "ipmipower"]) },
    Program { short: &[('p', Glued, All)], ..program(&["7z", "7za", "7zr", "7zz", "rar", "unrar"]) },
    Program { operands: Operands::SlashP, ..program(&["xfreerdp", "xfreerdp3", "wlfreerdp"]) },
    Program { operands: Operands::OracleLogin,
        ..program(&["sqlplus", "rman", "exp", "imp", "expdp", "impdp", "sqlldr"]) },
    Program { operands: Operands::After(&["add_user", "change_password", "authenticate_user"], 2),
        ..program(&["rabbitmqctl"]) },
    Program { operands: Operands::After(&["password", "psk", "wifi-sec.psk", "802-11-wireless-security.psk"], 1),
        ..program(&["nmcli"]) },
    Program { operands: Operands::After(&["wpa_passphrase"], 2), ..program(&["wpa_passphrase"]) },
    Program { long: &[("from-literal", Behind('='))], ..program(&["kubectl", "k3s", "microk8s"]) },
];

static BY_NAME: LazyLock<HashMap<&str, &Program>> = LazyLock::new(|| {
    PROGRAMS.iter().flat_map(|program| program.names.iter().map(move |name| (*name, program))).collect()
});

/// Headers whose value is a secret, in lower case; beside them those whose name says it.
const HEADERS: [&str; 5] = ["authorization", "proxy-authorization", "cookie", "set-cookie", "x-vault-token"];

impl Program {
    /// The program that a word names, by its last part.
    pub(super) fn named(word: &str) -> Option<&'static Self> {
        BY_NAME.get(last_part(word)).copied()
    }

    /// The names of all of them, but for those whose secrets are another's that stands behind a pipe.
    pub(super) fn names() -> impl Iterator<Item = &'static str> {
        let own = PROGRAMS.iter().filter(|program| program.operands != Operands::Piped);
        own.flat_map(|program| program.names.iter().copied())
    }

    /// Whether `--password` alone takes no value.
    pub(super) fn asks(&self) -> bool {
        self.asks
    }

    /// The secrets that the word at `at`, after the program's name, is or stands before.
    pub(super) fn find(&self, words: &[&str], at: usize, found: &mut Vec<Place>) {
        let Some(word) = words.get(at) else { return };
        let before = words.get(..at).unwrap_or_default();
        if self.with.is_some_and(|with| !before.contains(&with)) {
            return;
        }
        let mut push = |at: usize, from: usize, part: Part| {
            let Some(value) = words.get(at).and_then(|word| word.get(from..)) else { return };
            found.extend(
                part.of(value)
                    .map(|secret| Place { word: at, bytes: from + secret.start..from + secret.end }),
            );
        };
        if let Some(name) = word.strip_prefix("--").or(word.strip_prefix('-')) {
            let (name, value) =
                name.split_once('=').map_or((name, None), |(name, value)| (name, Some(value)));
            if let Some((_, part)) = self.long.iter().find(|(long, _)| *long == name) {
                match value {
                    Some(value) => push(at, word.len() - value.len(), *part),
                    None => push(at + 1, 0, *part),
                }
                return;
            }
        }
        if let Some(letters) = word.strip_prefix('-').filter(|letters| !letters.starts_with('-')) {
            let flags = letters.len() - letters.trim_start_matches(|c| self.flags.contains(c)).len();
            let rest = letters.get(flags..).unwrap_or_default();
            for (letter, how, part) in self.short {
                match rest.strip_prefix(*letter) {
                    Some("") if *how == Either => push(at + 1, 0, *part),
                    Some("") | None => {}
                    Some(value) => push(at, word.len() - value.len(), *part),
                }
            }
        } else {
            self.operand(words, at, found);
        }
    }

    fn operand(&self, words: &[&str], at: usize, found: &mut Vec<Place>) {
        let Some(word) = words.get(at) else { return };
        let before = words.get(..at).unwrap_or_default();
        let behind = words.get(at + 1..).unwrap_or_default();
        let mut push_part = |at, from, part| push(words, at, from, part, found);
        match self.operands {
            Operands::None => {}
            Operands::LastWithBatch => {
                let batch = |word: &&str| word.strip_prefix('-').is_some_and(|letters| letters.contains('b'));
                if behind.is_empty() && before.iter().any(batch) {
                    push_part(at, 0, All);
                }
            }
            Operands::After(names, distance) => {
                if names.contains(&last_part(word)) {
                    push_part(at + distance, 0, All);
                }
            }
            Operands::OracleLogin => {
                if let Some((user, rest)) = word.split_once('/').filter(|(user, _)| !user.is_empty())
                    && !user.contains('=')
                {
                    let secret = rest.split('@').next().unwrap_or(rest);
                    if !secret.contains('/') {
                        push_part(at, user.len() + 1, Behind('\0'));
                    }
                }
            }
            Operands::SlashP => {
                for option in ["/p:", "/password:"] {
                    if word.starts_with(option) {
                        push_part(at, option.len(), All);
                    }
                }
            }
            Operands::Piped if self.names.contains(&last_part(word)) => {}
            Operands::Piped => found.extend(piped(word, behind).map(|bytes| Place { word: at, bytes })),
        }
    }
}

/// The secret in an operand of `echo`, as what reads it behind a pipe takes it.
fn piped(word: &str, behind: &[&str]) -> Option<Range<usize>> {
    // The pipe may stand without blanks.
    let (operand, glued) =
        word.split_once('|').map_or((word, None), |(operand, glued)| (operand, Some(glued)));
    let readers: Vec<&str> = glued.into_iter().chain(behind.iter().copied()).collect();
    let reads = |program| readers.iter().position(|word| last_part(word) == program);
    let with = |program, option| {
        reads(program).is_some_and(|at| readers.get(at..).unwrap_or_default().contains(&option))
    };
    let quotes = ['"', '\''];
    let text = operand.trim_matches(quotes);
    let start = operand.len() - operand.trim_start_matches(quotes).len();
    let secret = if reads("chpasswd").is_some() {
        text.find(':').map(|colon| colon + 1..text.len())
    } else if reads("newusers").is_some() {
        // passwd(5): the second field.
        text.split(':').nth(1).zip(text.find(':')).map(|(secret, colon)| colon + 1..colon + 1 + secret.len())
    } else if with("passwd", "--stdin") || with("sudo", "-S") {
        Some(0..text.len())
    } else {
        None
    };
    secret.map(|secret| start + secret.start..start + secret.end)
}

fn last_part(word: &str) -> &str {
    word.rsplit('/').next().unwrap_or(word)
}

/// What `part` of the word at `at`, from its byte `from` on, is.
fn push(words: &[&str], at: usize, from: usize, part: Part, found: &mut Vec<Place>) {
    let Some(value) = words.get(at).and_then(|word| word.get(from..)) else { return };
    let secret = part.of(value);
    found.extend(secret.map(|secret| Place { word: at, bytes: from + secret.start..from + secret.end }));
}

impl Part {
    fn of(self, value: &str) -> Option<Range<usize>> {
        let all = value.len();
        match self {
            All => Some(0..all),
            // Of `user/SECRET@database`, where the user was before.
            Behind('\0') => Some(0..value.find('@').unwrap_or(all)),
            Behind(c) => value.find(c).map(|at| at + c.len_utf8()..all),
            BehindPass => value.strip_prefix("pass:").map(|secret| all - secret.len()..all),
            OfHeader => {
                let (name, secret) = value.split_once(':')?;
                let name = name.to_ascii_lowercase();
                let carries = HEADERS.contains(&&*name)
                    || ["token", "key", "secret", "password"].iter().any(|end| name.ends_with(end));
                let secret = secret.trim_start();
                carries.then(|| all - secret.len()..all)
            }
        }
    }
}
