//! A private journald, in namespaces of its own: no audit, no kernel log, nothing of the system's.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use serde_json::Value;

const PROGRAM: &str = "/lib/systemd/systemd-journald";

/// A journald whose sockets are in `journal`, its files in `log` below `here`; ended when dropped.
pub(crate) struct Journald {
    child: Child,
    here: PathBuf,
}

impl Journald {
    /// One with `more` in its configuration. None, with the reason printed, where it cannot be had.
    pub(crate) fn start(here: &Path, more: &str) -> Option<Self> {
        if !Path::new(PROGRAM).exists() || !nix::unistd::geteuid().is_root() {
            println!("skipped: needs root and {PROGRAM}");
            return None;
        }
        for name in ["journal", "log"] {
            std::fs::create_dir(here.join(name)).unwrap();
        }
        let text = format!("[Journal]\nAudit=no\nReadKMsg=no\nStorage=volatile\n{more}\n");
        std::fs::write(here.join("conf"), text).unwrap();
        // What reads the journal in here finds nothing of the host's.
        let script = "set -e; mount -t tmpfs tmpfs /run
            [ ! -d /var/log/journal ] || mount -t tmpfs tmpfs /var/log/journal
            mkdir -p /run/systemd/journal /run/log/journal /run/systemd/journald.conf.d
            mount --bind \"$1/journal\" /run/systemd/journal
            mount --bind \"$1/log\" /run/log/journal
            cp \"$1/conf\" /run/systemd/journald.conf.d/test.conf
            exec \"$2\"";
        // Without the host's network there is no audit socket of the host's either.
        let child = Command::new("unshare")
            .args(["--mount", "--propagation", "private", "--net", "sh", "-c", script, "sh"])
            .arg(here)
            .arg(PROGRAM)
            .stdout(Stdio::null())
            .stderr(std::fs::File::create(here.join("own.log")).unwrap())
            .spawn()
            .unwrap();
        let journald = Self { child, here: here.to_owned() };
        super::until("journald's socket", || journald.socket().exists());
        Some(journald)
    }

    /// Its own socket, as seen from outside.
    pub(crate) fn socket(&self) -> PathBuf {
        self.here.join("journal/socket")
    }

    /// The one that is /dev/log on a host.
    pub(crate) fn log_socket(&self) -> PathBuf {
        self.here.join("journal/dev-log")
    }

    /// What runs `program` where its journal is the system's.
    pub(crate) fn inside(&self, program: &Path) -> Command {
        let mut command = Command::new("nsenter");
        command.arg(format!("--mount=/proc/{}/ns/mnt", self.child.id())).arg(program);
        command
    }

    /// What journalctl finds with these arguments.
    pub(crate) fn entries(&self, arguments: &[&str]) -> Vec<Value> {
        let output = Command::new("journalctl")
            .args(["--no-pager", "--all", "--output=json", "--directory"])
            .arg(self.here.join("log"))
            .args(arguments)
            .output()
            .unwrap();
        let text = String::from_utf8(output.stdout).unwrap();
        text.lines()
            .map(|line| serde_json::from_str(line).unwrap_or_else(|e| panic!("{e}: {line}")))
            .collect()
    }
}

impl Drop for Journald {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
