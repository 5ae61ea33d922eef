//! Lines of `/etc/audit/rules.d`, as far as it takes to know whether one of them does the work of a rule of ours.

use super::{Rule, Scope, What};

/// Whether everything that `rule` records is recorded by the rule in `line` too, under whatever key.
///
/// The syntax is auditctl(8)'s. What is not understood is a condition more, so that the answer is "no": a rule too
/// many costs nothing, one too few blinds.
#[must_use]
pub fn covers(line: &str, rule: &Rule) -> bool {
    let mut words = line.split_whitespace();
    let (mut always, mut watch, mut abi) = (false, false, None);
    let mut named: Vec<&str> = Vec::new();
    while let Some(option) = words.next() {
        let Some(value) = words.next() else { return false };
        let met = match option {
            "-a" | "-A" => {
                let mut parts: Vec<_> = value.split(',').collect();
                parts.sort_unstable();
                always = parts == ["always", "exit"];
                always
            }
            "-S" => {
                named.extend(value.split(','));
                true
            }
            "-F" => match value.split_once('=') {
                Some(("arch", word)) => {
                    abi = Some(word);
                    matches!(&rule.what, What::Calls(abi, _) if abi.word == word)
                }
                Some((field, text)) => meets(rule, field, text),
                None => false,
            },
            // A watch is a rule for every ABI and call.
            "-w" => {
                (always, watch) = (true, true);
                meets(rule, "path", value) || meets(rule, "dir", value)
            }
            "-p" => meets(rule, "perm", value),
            "-k" => true,
            _ => false,
        };
        if !met {
            return false;
        }
    }
    let all = watch || named.contains(&"all");
    always
        && match &rule.what {
            What::Calls(_, calls) => {
                (watch || abi.is_some()) && (all || calls.iter().all(|call| named.contains(call)))
            }
            What::Access(_) => all,
            What::Ring => false,
        }
}

/// Whether the condition holds for everything that `rule` records.
fn meets(rule: &Rule, field: &str, value: &str) -> bool {
    let directory = value.strip_suffix('/').unwrap_or(value);
    let below = |path: &str| path.strip_prefix(directory).is_some_and(|rest| rest.starts_with('/'));
    match (field, &rule.scope) {
        ("key", _) => true,
        ("perm", _) => match &rule.what {
            What::Calls(..) => value.contains('x'),
            What::Access(access) => access.to_string().chars().all(|letter| value.contains(letter)),
            What::Ring => false,
        },
        ("path", Scope::Path(path)) | ("exe", Scope::Executable(path)) => path == value,
        ("dir", Scope::Path(path)) => below(path),
        ("dir", Scope::Directory(path)) => path == directory || below(path),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::audit::kernel_rules::{Abi, Access};

    #[test]
    fn what_covers_an_execution_of_usermod_and_what_does_not() {
        let abi = Abi::of("x86_64", false)[0];
        let usermod = Rule::executions(abi, Some("/usr/sbin/usermod".to_owned()));
        let every = Rule::executions(abi, None);
        for line in [
            "-a always,exit -F arch=b64 -S execve,execveat -F path=/usr/sbin/usermod -F key=auditward",
            "-a exit,always -F arch=b64 -S execve -S execveat,execve -k everything",
            "-a always,exit -F arch=b64 -S all -F dir=/usr/sbin -F perm=x -k programs",
            "-w /usr/sbin/usermod -p x -k privileged",
            "-w /usr/sbin/ -p wxa",
        ] {
            assert!(covers(line, &usermod), "{line}");
        }
        for line in [
            "",
            "# -w /usr/sbin/usermod -p x",
            "-w /usr/sbin/usermod -p wa -k identity",
            "-w /usr/sbi -p x",
            "-a always,exit -F arch=b32 -S execve,execveat",
            "-a always,exit -S execve,execveat",
            "-a always,exit -F arch=b64 -S execve -C uid!=euid -F euid=0 -k setuid",
            "-a always,exit -F arch=b64 -S execve,execveat -F auid>=1000",
            "-a always,exit -F arch=b64 -S execve,execveat -F exe=/usr/sbin/usermod",
            "-a never,exit -F arch=b64 -S execve,execveat",
            "-a always,exit -F arch=b64 -S execve -k every",
            "-e 2",
            "-D",
        ] {
            assert!(!covers(line, &usermod), "{line}");
        }
        assert!(covers("-a always,exit -F arch=b64 -S execve,execveat -k all", &every));
        assert!(!covers("-w /usr/sbin -p x", &every));
    }

    #[test]
    fn what_covers_a_watch_or_calls_of_a_program_and_what_does_not() {
        let abi = Abi::of("x86_64", false)[0];
        let nc = Scope::Executable("/usr/bin/nc".to_owned());
        let calls = Rule::calls(abi, ["connect", "bind"], nc).unwrap();
        assert!(covers("-a always,exit -F arch=b64 -S bind,connect,listen -k net", &calls));
        assert!(covers("-a always,exit -F arch=b64 -S bind -S connect -F exe=/usr/bin/nc", &calls));
        assert!(!covers("-a always,exit -F arch=b64 -S connect -k net", &calls));
        assert!(!covers("-a always,exit -F arch=b64 -S bind,connect -F exe=/usr/bin/ncat", &calls));
        let watch = |scope| Rule { what: What::Access(Access::CHANGE), scope };
        let passwd = watch(Scope::Path("/etc/passwd".to_owned()));
        assert!(covers("-w /etc/passwd -p wa -k identity", &passwd) && covers("-w /etc -p rwa", &passwd));
        assert!(!covers("-w /etc/passwd -p w", &passwd));
        assert!(!covers("-a always,exit -F arch=b64 -S all -F path=/etc/passwd -F perm=wa", &passwd));
        let cron = watch(Scope::Directory("/etc/cron.d".to_owned()));
        assert!(covers("-w /etc/cron.d/ -p wa -k cron", &cron) && covers("-w /etc -p wa", &cron));
        assert!(!covers("-w /etc/cron.d/x -p wa", &cron));
    }
}
