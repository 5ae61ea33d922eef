//! The table of acts: one row each.

use crate::event::document::Value;

/// An act: a row of the table.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Act(u8);

/// What a row says of an act.
#[derive(Clone, Copy, Debug)]
pub struct ActRow {
    /// The one word that is shown; empty where producers have none.
    pub action: &'static str,
    /// What `event.action` answers to in matching: the shown word first, then other producers' words.
    pub actions: &'static [Value<'static>],
    /// `event.category`.
    pub categories: &'static [Value<'static>],
    /// Whether `file` is one of them.
    pub of_files: bool,
    /// `event.type`.
    pub types: &'static [Value<'static>],
}

macro_rules! texts {
    ($($text:literal),*) => { &[$(Value::Text($text.as_bytes())),*] };
}

macro_rules! acts {
    ($(
        $(#[doc = $doc:literal])+
        $id:ident: $action:literal [$($word:literal)*] in [$($category:literal)+] as [$($kind:literal)+];
    )*) => {
        #[allow(non_camel_case_types, clippy::upper_case_acronyms, reason = "one name for constant and position")]
        #[repr(u8)]
        enum Position { $($id),* }

        impl Act {
            $(
                $(#[doc = $doc])+
                pub const $id: Self = Self(Position::$id as u8);
            )*
        }

        static ACTS: &[ActRow] = &[$(ActRow {
            action: $action,
            actions: texts![$action $(, $word)*],
            categories: texts![$($category),+],
            of_files: false $(|| matches!($category.as_bytes(), b"file"))+,
            types: texts![$($kind),+],
        }),*];
    };
}

static NONE: ActRow = ActRow { action: "", actions: &[], categories: &[], of_files: false, types: &[] };

impl Act {
    /// Its row.
    #[must_use]
    pub fn row(self) -> &'static ActRow {
        ACTS.get(usize::from(self.0)).unwrap_or(&NONE)
    }

    /// Its number, from 1 on.
    pub(crate) fn number(self) -> u8 {
        self.0 + 1
    }

    /// All acts.
    pub(crate) fn all() -> impl Iterator<Item = Self> {
        (0..ACTS.len()).filter_map(|at| u8::try_from(at).ok()).map(Self)
    }

    /// What `event.action` answers to in matching where `action` is the word shown; none for a word that
    /// is no act's. Where two acts have one word, `is_of_type` says of a word whether it is among `event.type`.
    #[must_use]
    pub fn words(action: &str, is_of_type: impl Fn(&[u8]) -> bool) -> Option<&'static [Value<'static>]> {
        let mut rows = ACTS.iter().filter(|row| !action.is_empty() && row.action == action);
        let first = rows.clone().next()?;
        let is_one = |row: &&ActRow| {
            row.types.iter().all(|kind| matches!(kind, Value::Text(kind) if is_of_type(kind)))
        };
        // Only of a word that two acts have is the type looked at.
        let shared = rows.clone().nth(1).is_some();
        let row = if shared { rows.find(is_one).unwrap_or(first) } else { first };
        Some(row.actions)
    }
}

acts! {
    /// A program was started in a process (execve, execveat).
    EXECUTED: "executed" ["exec" "exec_event" "process_started" "start" "ProcessRollup2"] in ["process"] as ["start"];
    /// An execve that failed: no process start, so it answers to none of an exec's words.
    EXECUTION_FAILED: "execution-failed" [] in ["process"] as ["info"];
    /// A process was made (fork, vfork, clone).
    FORKED: "fork" ["fork_event"] in ["process"] as ["start"];
    /// A process or thread was made, or could not be: the record does not say which, or none was.
    CLONED: "cloned" [] in ["process"] as ["info"];
    /// A process ended (exit_group).
    ENDED: "end" ["termination_event" "process_stopped"] in ["process"] as ["end"];
    /// A thread ended (exit); the last one ends its process.
    THREAD_ENDED: "thread-ended" [] in ["process"] as ["info"];
    /// Another system call, whose name is shown as its word.
    OTHER_CALL: "" [] in ["process"] as ["info"];

    /// A file was opened for reading.
    OPENED: "opened-file" [] in ["file"] as ["info" "access"];
    /// A file was opened for writing.
    OPENED_TO_WRITE: "opened-file" ["open" "modification" "wrote-to-file"] in ["file"] as ["change"];
    /// A file was made by opening it.
    CREATED: "created-file" ["creation" "opened-file" "created" "file_create_event"] in ["file"] as ["creation"];
    /// A directory was made.
    CREATED_DIRECTORY: "created-directory" ["creation" "created"] in ["file"] as ["creation"];
    /// A device, pipe or socket file was made.
    MADE_DEVICE: "made-device" ["creation" "created"] in ["file"] as ["creation"];
    /// A file was renamed.
    RENAMED: "renamed" ["rename" "file_rename_event" "moved"] in ["file"] as ["change"];
    /// A file or directory was removed.
    DELETED: "deleted" ["deletion" "file_delete_event"] in ["file"] as ["deletion"];
    /// A hard link was made.
    LINKED: "linked" ["creation" "created"] in ["file"] as ["creation"];
    /// A symbolic link was made.
    SYMLINKED: "symlinked" ["creation" "created"] in ["file"] as ["creation"];
    /// Permissions were changed.
    CHANGED_PERMISSIONS: "changed-file-permissions-of" ["attributes_modified"] in ["file"] as ["change"];
    /// The owner was changed.
    CHANGED_OWNER: "changed-file-ownership-of" ["attributes_modified"] in ["file"] as ["change"];
    /// Extended attributes were changed.
    CHANGED_ATTRIBUTES: "changed-file-attributes-of" ["attributes_modified"] in ["file"] as ["change"];
    /// Times were changed.
    CHANGED_TIMESTAMP: "changed-timestamp-of" ["attributes_modified"] in ["file"] as ["change"];
    /// A file was cut or extended.
    TRUNCATED: "truncated-file" ["modification" "wrote-to-file"] in ["file"] as ["change"];
    /// A file was written.
    WROTE: "wrote-to-file" ["modification"] in ["file"] as ["change"];
    /// A file was read.
    READ: "read-file" [] in ["file"] as ["info" "access"];
    /// A file's metadata was asked for.
    CHECKED_METADATA: "checked-metadata-of" [] in ["file"] as ["info" "access"];
    /// The working directory was changed.
    CHANGED_DIRECTORY: "changed-working-directory-to" [] in ["file"] as ["info"];
    /// A file system was mounted.
    MOUNTED: "mounted" [] in ["configuration"] as ["change"];
    /// A file system was unmounted.
    UNMOUNTED: "unmounted" [] in ["configuration"] as ["change"];

    /// A connection was attempted.
    CONNECTED: "connected-to" ["connection_attempted"] in ["network"] as ["connection" "start"];
    /// A connection was accepted.
    ACCEPTED: "accepted-connection-from" ["connection_accepted"] in ["network"] as ["connection" "start"];
    /// A socket was bound to an address.
    BOUND: "bound-socket" [] in ["network"] as ["start"];
    /// A socket was set to listen.
    LISTENING: "listen-for-connections" [] in ["network"] as ["start"];
    /// A message was sent.
    SENT: "sent-to" [] in ["network"] as ["connection" "info"];
    /// A message was received.
    RECEIVED: "received-from" [] in ["network"] as ["connection" "info"];
    /// A socket was made.
    CREATED_SOCKET: "created-socket" [] in ["network"] as ["info"];

    /// The process changed its user ids.
    CHANGED_UID: "changed-identity-of" ["uid_change"] in ["process"] as ["change"];
    /// The process changed its group ids.
    CHANGED_GID: "changed-identity-of" ["gid_change" "guid_change"] in ["process"] as ["change"];
    /// The process began a session.
    CHANGED_SESSION: "session_id_change" [] in ["process"] as ["change"];
    /// A process was traced.
    TRACED: "ptrace" ["traced"] in ["process"] as ["access"];
    /// A signal was sent.
    KILLED: "killed-pid" [] in ["process"] as ["info"];
    /// The root directory was changed.
    CHANGED_ROOT: "changed-root-to" [] in ["process"] as ["change"];
    /// An anonymous file was made.
    MEMFD_CREATED: "memfd_create" [] in ["process"] as ["info"];
    /// A kernel module was loaded.
    LOADED_MODULE: "loaded-kernel-module" ["load_module"] in ["driver" "process"] as ["start"];
    /// A kernel module was removed.
    UNLOADED_MODULE: "unloaded-kernel-module" [] in ["driver" "process"] as ["end"];
    /// The clock was set.
    CHANGED_TIME: "changed-system-time" [] in ["host"] as ["change"];
    /// The host's name was set.
    CHANGED_HOST_NAME: "changed-system-name" [] in ["host"] as ["change"];
    /// The machine was rebooted or halted.
    REBOOTED: "rebooted-system" [] in ["host"] as ["end"];

    /// USER_AUTH.
    AUTHENTICATED: "authenticated" [] in ["authentication"] as ["info"];
    /// USER_ACCT.
    WAS_AUTHORIZED: "was-authorized" [] in ["authentication"] as ["info"];
    /// CRED_ACQ.
    ACQUIRED_CREDENTIALS: "acquired-credentials" [] in ["authentication"] as ["info"];
    /// CRED_DISP.
    DISPOSED_CREDENTIALS: "disposed-credentials" [] in ["authentication"] as ["info"];
    /// CRED_REFR.
    REFRESHED_CREDENTIALS: "refreshed-credentials" [] in ["authentication"] as ["info"];
    /// USER_ERR.
    AUTHENTICATION_ERROR: "error" [] in ["authentication"] as ["info"];
    /// USER_LOGIN.
    LOGGED_IN: "logged-in" ["user_login"] in ["authentication"] as ["start"];
    /// USER_LOGIN by sshd.
    LOGGED_IN_BY_SSH: "logged-in" ["user_login" "ssh_login"] in ["authentication"] as ["start"];
    /// USER_LOGOUT.
    LOGGED_OUT: "logged-out" ["user_logout"] in ["authentication"] as ["end"];
    /// LOGIN: a login id was set.
    CHANGED_LOGIN_ID: "changed-login-id-to" [] in ["authentication"] as ["start"];
    /// USER_START.
    STARTED_SESSION: "started-session" [] in ["session"] as ["start"];
    /// USER_END.
    ENDED_SESSION: "ended-session" [] in ["session"] as ["end"];
    /// USER_CMD: a command was asked for through sudo or the like; its start is an event of its own.
    RAN_COMMAND: "ran-command" [] in ["process"] as ["info"];
    /// USER_TTY, TTY.
    TYPED: "typed" [] in ["process"] as ["info"];

    /// ADD_USER.
    ADDED_USER: "added-user-account" [] in ["iam"] as ["user" "creation"];
    /// DEL_USER.
    DELETED_USER: "deleted-user-account" [] in ["iam"] as ["user" "deletion"];
    /// USER_MGMT, and USER_CHAUTHTOK about a comment, home, shell, name or group.
    MODIFIED_USER: "modified-user-account" [] in ["iam"] as ["user" "change"];
    /// USER_CHAUTHTOK about a password, or about something that its `op=` does not tell.
    CHANGED_PASSWORD: "changed-password" [] in ["iam"] as ["user" "change"];
    /// ADD_GROUP.
    ADDED_GROUP: "added-group-account-to" [] in ["iam"] as ["group" "creation"];
    /// DEL_GROUP.
    DELETED_GROUP: "deleted-group-account-from" [] in ["iam"] as ["group" "deletion"];
    /// GRP_MGMT, and USER_ACCT of groupmod and gpasswd.
    MODIFIED_GROUP: "modified-group-account" [] in ["iam"] as ["group" "change"];
    /// GRP_CHAUTHTOK.
    CHANGED_GROUP_PASSWORD: "changed-group-password" [] in ["iam"] as ["group" "change"];
    /// An account became member of a group: USER_CHAUTHTOK, USER_ACCT and USER_MGMT that say so.
    ADDED_TO_GROUP: "added-user-account-to-group" [] in ["iam"] as ["user" "group" "change"];
    /// An account is member of a group no more: USER_CHAUTHTOK, USER_ACCT and USER_MGMT that say so.
    REMOVED_FROM_GROUP: "removed-user-account-from-group" [] in ["iam"] as ["user" "group" "change"];
    /// CHUSER_ID, and USER_CHAUTHTOK or USER_MGMT about a uid.
    CHANGED_USER_ID: "changed-user-id" [] in ["iam"] as ["user" "change"];
    /// CHGRP_ID, GRP_AUTH.
    CHANGED_GROUP_ID: "changed-group-id" [] in ["iam"] as ["group" "change"];
    /// ACCT_LOCK, RESP_ACCT_LOCK.
    LOCKED_ACCOUNT: "locked-account" [] in ["iam"] as ["user" "change"];
    /// ACCT_UNLOCK.
    UNLOCKED_ACCOUNT: "unlocked-account" [] in ["iam"] as ["user" "change"];
    /// ROLE_ASSIGN.
    ASSIGNED_ROLE: "assigned-user-role-to" [] in ["iam"] as ["user" "change"];
    /// ROLE_REMOVE.
    REMOVED_ROLE: "removed-user-role-from" [] in ["iam"] as ["user" "change"];

    /// SERVICE_START.
    STARTED_SERVICE: "started-service" [] in ["process"] as ["start"];
    /// SERVICE_STOP.
    STOPPED_SERVICE: "stopped-service" [] in ["process"] as ["end"];
    /// SYSTEM_BOOT.
    BOOTED: "booted-system" [] in ["host"] as ["start"];
    /// SYSTEM_SHUTDOWN.
    SHUT_DOWN: "shutdown-system" [] in ["host"] as ["end"];
    /// SYSTEM_RUNLEVEL.
    CHANGED_RUNLEVEL: "changed-to-runlevel" [] in ["host"] as ["change"];
    /// CONFIG_CHANGE.
    CHANGED_AUDIT: "changed-audit-configuration" [] in ["configuration"] as ["change"];
    /// FEATURE_CHANGE.
    CHANGED_AUDIT_FEATURE: "changed-audit-feature" [] in ["configuration"] as ["change"];
    /// USYS_CONFIG, USER_MAC_CONFIG_CHANGE.
    CHANGED_CONFIGURATION: "changed-configuration" [] in ["configuration"] as ["change"];
    /// NETFILTER_CFG.
    LOADED_FIREWALL: "loaded-firewall-rule-to" [] in ["configuration"] as ["change"];
    /// MAC_*: the policy of a security module, or its labels, were changed.
    CHANGED_MAC: "changed-mac-configuration" [] in ["configuration"] as ["change"];
    /// EVENT_LISTENER: a program joined or left the audit multicast group.
    AUDIT_LISTENER: "changed-audit-listener" [] in ["configuration"] as ["change"];
    /// BPF: a program was loaded into the kernel or taken out.
    BPF: "changed-bpf-program" [] in ["process"] as ["change"];
    /// DAEMON_START.
    AUDITD_STARTED: "started-audit" [] in ["configuration"] as ["start"];
    /// DAEMON_END, DAEMON_ABORT.
    AUDITD_ENDED: "shutdown-audit" [] in ["configuration"] as ["end"];
    /// DAEMON_CONFIG.
    AUDITD_CHANGED: "changed-auditd-configuration" [] in ["configuration"] as ["change"];
    /// DAEMON_ACCEPT.
    AUDITD_ACCEPTED: "remote-audit-connected" [] in ["network"] as ["connection" "start"];
    /// DAEMON_CLOSE.
    AUDITD_CLOSED: "remote-audit-disconnected" [] in ["network"] as ["connection" "end"];
    /// The other DAEMON_* messages.
    AUDITD_OTHER: "audit-daemon-message" [] in ["configuration"] as ["info"];

    /// AVC, USER_AVC of SELinux.
    VIOLATED_SELINUX: "violated-selinux-policy" [] in ["intrusion_detection"] as ["info"];
    /// AVC of AppArmor and APPARMOR_*.
    VIOLATED_APPARMOR: "violated-apparmor-policy" [] in ["intrusion_detection"] as ["info"];
    /// A security module allowed, audited or told of something.
    MAC_MESSAGE: "mac-message" [] in ["intrusion_detection"] as ["info" "allowed"];
    /// SECCOMP.
    VIOLATED_SECCOMP: "violated-seccomp-policy" [] in ["process"] as ["info"];
    /// ANOM_ABEND: a program was ended by a signal of its own making.
    CRASHED: "crashed-program" [] in ["process" "intrusion_detection"] as ["end" "info"];
    /// ANOM_PROMISCUOUS.
    PROMISCUOUS: "changed-promiscuous-mode-on-device" [] in ["intrusion_detection" "network"] as ["change" "info"];
    /// The other ANOM_* records.
    ANOMALY: "anomaly" [] in ["intrusion_detection"] as ["info"];
    /// RESP_*: something was done in answer to an anomaly.
    RESPONSE: "responded-to-anomaly" [] in ["intrusion_detection"] as ["info"];
    /// INTEGRITY_*: measurements and verdicts of IMA and EVM.
    INTEGRITY: "integrity-message" [] in ["intrusion_detection" "file"] as ["info"];
    /// FANOTIFY: a program answered whether an access is allowed.
    FANOTIFY: "access-decision" [] in ["file"] as ["access"];
    /// CRYPTO_*, LABEL_* and the like.
    CRYPTO: "crypto-message" [] in ["session"] as ["info"];
    /// VIRT_*: a virtual machine or container was changed.
    VIRTUALIZATION: "virtualization-message" [] in ["host"] as ["info"];
    /// USER, and other messages of programs.
    MESSAGE: "sent-message" [] in ["host"] as ["info"];
    /// A record of the kernel that nothing above knows.
    KERNEL_MESSAGE: "kernel-message" [] in ["host"] as ["info"];
}

#[cfg(test)]
mod tests {
    use super::*;

    /// ECS 8: allowed values of `event.category`.
    const CATEGORIES: [&str; 18] = [
        "api",
        "authentication",
        "configuration",
        "database",
        "driver",
        "email",
        "file",
        "host",
        "iam",
        "intrusion_detection",
        "library",
        "malware",
        "network",
        "package",
        "process",
        "registry",
        "session",
        "web",
    ];
    /// ECS 8: allowed values of `event.type`.
    const TYPES: [&str; 17] = [
        "access",
        "admin",
        "allowed",
        "change",
        "connection",
        "creation",
        "deletion",
        "denied",
        "device",
        "end",
        "error",
        "group",
        "indicator",
        "info",
        "installation",
        "protocol",
        "start",
    ];

    fn texts(values: &[Value<'static>]) -> Vec<&'static str> {
        values
            .iter()
            .map(|v| if let Value::Text(t) = v { std::str::from_utf8(t).unwrap() } else { panic!("{v:?}") })
            .collect()
    }

    #[test]
    fn categories_and_types_are_those_of_ecs() {
        for act in ACTS {
            for c in texts(act.categories) {
                assert!(CATEGORIES.contains(&c), "{}: {c}", act.action);
            }
            assert_eq!(act.of_files, texts(act.categories).contains(&"file"), "{}", act.action);
            for t in texts(act.types) {
                assert!(TYPES.contains(&t) || t == "user", "{}: {t}", act.action);
            }
        }
    }

    #[test]
    fn no_word_stands_twice_and_the_shown_one_is_first() {
        for act in ACTS {
            let words = texts(act.actions);
            assert_eq!(words[0], act.action);
            let mut unique = words.clone();
            unique.sort_unstable();
            unique.dedup();
            assert_eq!(unique.len(), words.len(), "{words:?}");
        }
    }

    #[test]
    fn a_failed_exec_answers_to_no_word_of_an_exec() {
        let exec = texts(Act::EXECUTED.row().actions);
        for word in ["exec", "exec_event", "executed", "process_started", "start", "ProcessRollup2"] {
            assert!(exec.contains(&word), "{word}");
        }
        assert!(!texts(Act::EXECUTION_FAILED.row().actions).iter().any(|w| exec.contains(w)));
        assert!(!texts(Act::EXECUTION_FAILED.row().types).contains(&"start"));
    }
}
