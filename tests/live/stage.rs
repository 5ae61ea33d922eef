//! Kernel rule, program, rsyslogd and daemon: the whole arrangement of a live test that asks one rule.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::{Daemon, KernelAudit, Rsyslogd, private_usermod, scratch, take_over, uncapped};

/// The name of [`LITERAL`].
pub(crate) const RULE_NAME: &str = "Potential Linux Backdoor User Account Creation";

/// The one rule that most are asked here: what the others say of an act is in tests/uid0.rs.
pub(crate) const LITERAL: &str =
    concat!(env!("CARGO_MANIFEST_DIR"), "/rules/persistence_linux_backdoor_user_creation.toml");

/// Without its group, so that it waits for no other rule's evidence, and without its cap.
pub(crate) fn alone(folder: &Path) -> PathBuf {
    let text = fs::read_to_string(LITERAL).expect("the rule");
    let file = folder.join("alone.toml");
    fs::write(&file, uncapped(&text.replace("group = \"account\"\n", ""))).expect("a copy");
    file
}

/// All the shipped rules.
pub(crate) fn whole(_folder: &Path) -> PathBuf {
    concat!(env!("CARGO_MANIFEST_DIR"), "/rules").into()
}

/// A configuration that sends alerts to the private rsyslogd alone, with `further` settings, in which FOLDER is `folder`.
pub(crate) fn configuration(folder: &Path, rules: &Path, socket: &Path, further: &str) -> PathBuf {
    let file = folder.join("auditward.toml");
    let (rules, socket) = (rules.display(), socket.display());
    let (state, run) = (folder.join("state"), folder.join("run"));
    let further = further.replace("FOLDER", &folder.display().to_string());
    let text = format!(
        "rules = [\"{rules}\"]\n[syslog]\nsocket = \"{socket}\"\n{further}[daemon]\nstate_directory = {state:?}\n\
         runtime_directory = {run:?}\n"
    );
    fs::write(&file, text).expect("configuration");
    file
}

/// `auditward run` by a shell, in a mount namespace of its own, once `prepare` (with FOLDER in it) is done there.
pub(crate) fn apart(folder: &Path, prepare: &str) -> Command {
    let script = prepare.replace("FOLDER", &folder.display().to_string());
    let mut command = Command::new("unshare");
    command.args(["-m", "--propagation", "private", "/bin/sh", "-ec"]);
    command.arg(format!("{script}\nexec \"$0\" run \"$@\"")).arg(env!("CARGO_BIN_EXE_auditward"));
    command
}

/// The whole arrangement.
pub(crate) struct Stage {
    // Dropped in this order: the daemon first, the kernel's state last.
    pub(crate) daemon: Daemon,
    pub(crate) rsyslogd: Rsyslogd,
    pub(crate) usermod: PathBuf,
    pub(crate) folder: tempfile::TempDir,
    _kernel: KernelAudit,
}

impl Stage {
    pub(crate) fn set() -> Option<Self> {
        Self::set_with("")
    }

    pub(crate) fn set_with(further: &str) -> Option<Self> {
        Self::set_up(alone, further)
    }

    /// With all the shipped rules.
    pub(crate) fn set_whole() -> Option<Self> {
        Self::set_up(whole, "")
    }

    /// With the daemon started in a place that `prepare` makes for it: see [`apart`].
    pub(crate) fn set_apart(prepare: &str) -> Option<Self> {
        Self::set_by(alone, "", |folder| apart(folder, prepare))
    }

    fn set_up(rules: impl FnOnce(&Path) -> PathBuf, further: &str) -> Option<Self> {
        Self::set_by(rules, further, |_| {
            let mut command = Command::new(env!("CARGO_BIN_EXE_auditward"));
            command.arg("run");
            command
        })
    }

    fn set_by(
        rules: impl FnOnce(&Path) -> PathBuf,
        further: &str,
        command: impl FnOnce(&Path) -> Command,
    ) -> Option<Self> {
        let kernel = KernelAudit::take()?;
        let folder = scratch();
        let usermod = private_usermod(folder.path());
        kernel.record_executions_of(&usermod);
        let rsyslogd = Rsyslogd::start(folder.path());
        let file = configuration(folder.path(), &rules(folder.path()), &rsyslogd.socket, further);
        let mut command = command(folder.path());
        let daemon = Daemon::start_by(command.arg("--config").arg(file), folder.path());
        Some(Self { daemon, rsyslogd, usermod, folder, _kernel: kernel })
    }

    /// Starts the daemon again, with the same configuration, once it has ended.
    pub(crate) fn start_again(&mut self) {
        let config = self.folder.path().join("auditward.toml");
        self.daemon = Daemon::start(self.folder.path(), &["--config", config.to_str().expect("UTF-8 path")]);
    }

    /// An act alerts, in syslog.
    pub(crate) fn alerts(&self, account: &str) {
        take_over(&self.usermod, account);
        let line = self.rsyslogd.expect_line(&format!("-o {account},"));
        assert!(line.contains(RULE_NAME), "{line}");
    }

    /// No record was lost in the daemon's socket.
    pub(crate) fn nothing_lost(&self) {
        assert_eq!(self.daemon.socket().expect("socket").drops, 0, "records were lost");
    }

    /// Where the daemon's sockets are.
    pub(crate) fn runtime(&self) -> PathBuf {
        self.folder.path().join("run")
    }

    /// How many lines of syslog have this text.
    pub(crate) fn told(&self, text: &str) -> usize {
        self.rsyslogd.lines().iter().filter(|line| line.contains(text)).count()
    }
}
