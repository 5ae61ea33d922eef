//! A root of its own with shadow's tools in it.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::run;

pub(crate) const TOOLS: [&str; 8] = [
    "/usr/sbin/useradd",
    "/usr/sbin/usermod",
    "/usr/sbin/userdel",
    "/usr/sbin/groupadd",
    "/usr/sbin/groupmod",
    "/usr/sbin/groupdel",
    "/usr/bin/gpasswd",
    "/usr/bin/chage",
];

const FILES: [(&str, &str); 6] = [
    ("passwd", "root:x:0:0:root:/root:/bin/bash\nbob:x:1000:1000::/home/bob:/bin/sh\n"),
    ("shadow", "root:*:19000:0:99999:7:::\nbob:!:19000:0:99999:7:::\n"),
    ("group", "root:x:0:\nsudo:x:27:\nusers:x:100:\nvideo:x:44:\nbob:x:1000:\n"),
    ("gshadow", "root:*::\nsudo:*::\nusers:*::\nvideo:*::\nbob:!::\n"),
    ("subuid", ""),
    ("subgid", ""),
];

/// A root with the tools, what they are linked with, and account files.
pub(crate) struct Root(PathBuf);

impl Root {
    /// None where a tool is missing.
    pub(crate) fn copy(root: &Path) -> Option<Self> {
        let mut files: BTreeSet<String> = TOOLS.map(str::to_owned).into();
        files.insert("/bin/sh".to_owned());
        for tool in files.clone() {
            let libraries = run("ldd", &[&tool]);
            let words = libraries.split_whitespace().filter(|word| word.starts_with('/'));
            files.extend(words.map(str::to_owned));
        }
        for file in files {
            let copy = root.join(&file[1..]);
            fs::create_dir_all(copy.parent().unwrap()).unwrap();
            fs::copy(&file, &copy).ok()?;
        }
        for directory in ["etc/default", "home", "dev", "var/mail"] {
            fs::create_dir_all(root.join(directory)).unwrap();
        }
        for (name, text) in FILES {
            fs::write(root.join("etc").join(name), text).unwrap();
        }
        fs::write(root.join("etc/nsswitch.conf"), "passwd: files\ngroup: files\nshadow: files\n").unwrap();
        fs::write(root.join("etc/login.defs"), "UID_MIN 1000\nUID_MAX 60000\nGID_MIN 1000\nGID_MAX 60000\n")
            .unwrap();
        Some(Self(root.to_owned()))
    }

    /// Runs a tool in it; each works.
    pub(crate) fn run(&self, command: &str) {
        let output = Command::new("chroot").arg(&self.0).args(command.split(' ')).output().unwrap();
        assert!(output.status.success(), "{command}: {}", String::from_utf8_lossy(&output.stderr));
    }

    /// Where it is.
    pub(crate) fn path(&self) -> &Path {
        &self.0
    }

    pub(crate) fn passwd(&self) -> String {
        fs::read_to_string(self.0.join("etc/passwd")).unwrap()
    }
}
