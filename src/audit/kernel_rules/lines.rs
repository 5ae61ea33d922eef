//! Lines of `/etc/audit/rules.d`, as far as it takes to know whether one of them does the work of a rule of ours.

use super::Rule;

/// Whether everything that `rule` records is recorded by the rule in `line` too, under whatever key.
///
/// The syntax is auditctl(8)'s. What is not understood is a condition more, so that the answer is "no": a rule too
/// many costs nothing, one too few blinds.
#[must_use]
pub fn covers(line: &str, rule: &Rule) -> bool {
    let mut words = line.split_whitespace();
    let (mut always, mut calls, mut abi) = (false, false, None);
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
                let named = |call: &str| value.split(',').any(|name| name == call);
                calls |= named("all") || (named("execve") && named("execveat"));
                true
            }
            "-F" => match value.split_once('=') {
                Some(("arch", word)) => {
                    abi = Some(word);
                    word == rule.abi.word
                }
                Some((field, text)) => meets(rule, field, text),
                None => false,
            },
            // A watch is a rule for every ABI.
            "-w" => {
                (always, calls, abi) = (true, true, Some(rule.abi.word));
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
    always && calls && abi.is_some()
}

/// Whether the condition holds for everything that `rule` records.
fn meets(rule: &Rule, field: &str, value: &str) -> bool {
    let below = |path: &str| {
        let directory = value.strip_suffix('/').unwrap_or(value);
        path.strip_prefix(directory).is_some_and(|rest| rest.starts_with('/'))
    };
    match (field, &rule.program) {
        ("key", _) => true,
        ("perm", _) => value.contains('x'),
        ("path", Some(path)) => path == value,
        ("dir", Some(path)) => below(path),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::audit::kernel_rules::Abi;

    #[test]
    fn what_covers_an_execution_of_usermod_and_what_does_not() {
        let abi = Abi::of("x86_64", false)[0];
        let usermod = Rule { abi, program: Some("/usr/sbin/usermod".to_owned()) };
        let every = Rule { abi, program: None };
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
}
