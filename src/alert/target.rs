//! The account that an account tool was told to change, guessed from its arguments.
//!
//! A guess, and shown as one: the arguments say what was asked for, not what was done, and a process
//! chooses its own. Where a record names the account, that name is used instead.

use crate::event::base_name;

/// How a tool's options are read: which of them take a value. From the manual pages of shadow 4.13
/// and of Debian's adduser 3.134 and libuser 0.64.
struct Tool {
    name: &'static str,
    /// Short options with a value.
    short: &'static str,
    /// Long options with a value; the tools accept any unambiguous beginning.
    long: &'static [&'static str],
}

const TOOLS: &[Tool] = &[
    Tool {
        name: "usermod",
        short: "cdefgGlpPRsuvVwWZ",
        long: &[
            "comment",
            "home",
            "expiredate",
            "inactive",
            "gid",
            "groups",
            "login",
            "password",
            "prefix",
            "root",
            "shell",
            "uid",
            "add-subuids",
            "del-subuids",
            "add-subgids",
            "del-subgids",
            "selinux-user",
            "selinux-range",
        ],
    },
    Tool {
        name: "useradd",
        short: "bcdefgGkKpPRsuZ",
        long: &[
            "base-dir",
            "comment",
            "home-dir",
            "expiredate",
            "inactive",
            "gid",
            "groups",
            "skel",
            "key",
            "password",
            "prefix",
            "root",
            "shell",
            "uid",
            "selinux-user",
            "selinux-range",
        ],
    },
    Tool { name: "userdel", short: "PR", long: &["prefix", "root"] },
    Tool {
        name: "lusermod",
        short: "cdglpPsu",
        long: &["gecos", "directory", "shell", "uid", "gid", "login", "plainpassword", "password"],
    },
    Tool {
        name: "luseradd",
        short: "cdgkpPsu",
        long: &["gecos", "directory", "shell", "uid", "gid", "skeleton", "plainpassword", "password"],
    },
    Tool {
        name: "passwd",
        short: "inrRwx",
        long: &["inactive", "mindays", "repository", "root", "warndays", "maxdays"],
    },
    Tool {
        name: "chage",
        short: "dEImMRW",
        long: &["lastday", "expiredate", "inactive", "mindays", "maxdays", "root", "warndays"],
    },
    Tool { name: "chsh", short: "Rs", long: &["root", "shell"] },
    Tool {
        name: "chfn",
        short: "fhorRw",
        long: &["full-name", "home-phone", "other", "room", "root", "work-phone"],
    },
    Tool {
        name: "adduser",
        short: "cs",
        long: &[
            "conf",
            "home",
            "shell",
            "uid",
            "gid",
            "ingroup",
            "gecos",
            "comment",
            "firstuid",
            "lastuid",
            "firstgid",
            "lastgid",
            "add_extra_groups",
        ],
    },
    Tool { name: "deluser", short: "c", long: &["conf", "backup-to", "group"] },
];

/// The account named by the arguments of a process: the first that is neither an option nor an option's value. `name` is
/// `process.name`, `executable` its program: where a script is called by the name of an account tool, or has one for its
/// interpreter, the one of the two that is a tool counts. None for other programs, and where no such argument stands.
pub(crate) fn from_arguments<'a, T: AsRef<[u8]>>(
    name: &str,
    executable: &str,
    args: &'a [T],
) -> Option<&'a [u8]> {
    let named = |name: &[u8]| TOOLS.iter().find(|tool| tool.name.as_bytes() == name);
    let tool = named(name.as_bytes()).or_else(|| named(base_name(executable.as_bytes())))?;
    // Of a script its interpreter comes first, and what that was told.
    let own = args.iter().position(|arg| base_name(arg.as_ref()) == tool.name.as_bytes());
    let after = |at: usize| tool.account(args.get(at + 1..).unwrap_or_default().iter().map(AsRef::as_ref));
    own.and_then(after).or_else(|| after(0))
}

impl Tool {
    fn account<'a>(&self, mut args: impl Iterator<Item = &'a [u8]>) -> Option<&'a [u8]> {
        while let Some(arg) = args.next() {
            match arg {
                b"--" => return args.next(),
                [b'-', b'-', long @ ..] => {
                    if self.long_takes_next(long) {
                        args.next();
                    }
                }
                [b'-', short @ ..] if !short.is_empty() => {
                    if self.short_takes_next(short) {
                        args.next();
                    }
                }
                name => return Some(name).filter(|n| !n.is_empty()),
            }
        }
        None
    }

    /// `-ou 0`: the first letter that takes a value takes the rest of the word, or the next word.
    fn short_takes_next(&self, letters: &[u8]) -> bool {
        let takes = |b: &u8| self.short.as_bytes().contains(b);
        letters.iter().position(takes).is_some_and(|at| at + 1 == letters.len())
    }

    /// `--ui 0`: a beginning of a long option with a value, without `=`.
    fn long_takes_next(&self, word: &[u8]) -> bool {
        !word.contains(&b'=') && self.long.iter().any(|l| l.as_bytes().starts_with(word))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn guess(command: &str) -> Option<String> {
        let args: Vec<&str> = command.split(' ').collect();
        from_arguments(args[0], "", &args).map(|b| String::from_utf8_lossy(b).into_owned())
    }

    #[test]
    fn every_spelling_that_usermod_accepts_names_the_account() {
        for options in [
            "-u 0 -o",
            "-u0 -o",
            "-ou 0",
            "-ou0",
            "-u 00 -o",
            "--uid 0 --non-unique",
            "--uid=0 -o",
            "--ui 0 --non",
        ] {
            assert_eq!(guess(&format!("usermod {options} bob")).as_deref(), Some("bob"), "{options}");
            assert_eq!(guess(&format!("usermod bob {options}")).as_deref(), Some("bob"), "{options}");
        }
    }

    #[test]
    fn a_script_has_its_interpreter_before_it() {
        let guess = |name: &str, executable: &str, line: &str| {
            let args: Vec<&str> = line.split(' ').collect();
            from_arguments(name, executable, &args).map(|name| String::from_utf8_lossy(name).into_owned())
        };
        let of = |line: &str| guess("usermod", "/bin/bash", line).unwrap_or_default();
        assert_eq!(of("/bin/bash -e /usr/local/sbin/usermod -u 0 -o bob"), "bob");
        assert_eq!(of("/usr/sbin/usermod -c usermod bob"), "bob");
        // The first argument is the caller's choice.
        assert_eq!(of("umod -u 0 -o bob"), "bob");
        assert_eq!(of("umod bob -o -u 0 -c usermod"), "bob");
        assert_eq!(of("x -ou0 --selinux-range s0 bob"), "bob");
        let line = "/usr/sbin/useradd -c ./x -o -u 0 eve";
        assert_eq!(
            guess("x", "/usr/sbin/useradd", line).as_deref(),
            Some("eve"),
            "the tool is the interpreter"
        );
        assert_eq!(guess("x", "/bin/bash", line), None);
    }

    #[test]
    fn other_tools_and_odd_lines() {
        assert_eq!(guess("useradd -o -u 0 -m mallory").as_deref(), Some("mallory"));
        assert_eq!(guess("usermod -aG sudo bob").as_deref(), Some("bob"));
        assert_eq!(guess("passwd -x 90 bob").as_deref(), Some("bob"));
        assert_eq!(guess("adduser --disabled-password --gecos x bob").as_deref(), Some("bob"));
        assert_eq!(guess("usermod -o -- -bob").as_deref(), Some("-bob"));
        assert_eq!(guess("usermod -u 0 -o"), None);
        assert_eq!(guess("passwd"), None);
        assert_eq!(guess("cat /etc/passwd"), None);
    }
}
