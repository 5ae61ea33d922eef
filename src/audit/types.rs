//! The record types of the kernel's `include/uapi/linux/audit.h` and of audit-userspace's
//! `lib/audit-records.h`: number and name, both ways, and whether a type shares its stamp with others.

/// The number of a record type (`nlmsg_type`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct RecordType(pub u16);

/// Where records of a type stand: alone, or beside others that carry the same stamp.
///
/// Decided by the kernel: a record started with the task's audit context (`audit_log_start(audit_context(),
/// …)`) takes the stamp of the system call that is being recorded, one started with `NULL` a stamp of its
/// own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Place {
    /// An event of its own (but for a companion that gives labels, see the reassembler): messages of programs (`kernel/audit.c`, `audit_log_user_recv_msg`), of auditd,
    /// and the few that the kernel starts without a context.
    Single,
    /// Joins the event of the system call in which it happened, and is an event of its own where no
    /// system call is being recorded.
    Either,
    /// Only ever part of the event of a system call or an io_uring operation (`kernel/auditsc.c`,
    /// `audit_log_exit`).
    Part,
    /// Ends an event.
    End,
    /// A request to the kernel or its answer; never in a log.
    Control,
}

macro_rules! record_types {
    ($($number:literal $name:ident $place:ident $meaning:literal,)*) => {
        impl RecordType {
            $(#[doc = concat!($meaning, " (", $number, ").")] pub const $name: Self = Self($number);)*
        }

        /// Every named type, by number.
        const TABLE: &[Row] = &[$(Row {
            number: $number,
            name: stringify!($name),
            place: Place::$place,
            meaning: $meaning,
        },)*];
    };
}

#[derive(Clone, Copy)]
struct Row {
    number: u16,
    name: &'static str,
    place: Place,
    meaning: &'static str,
}

record_types! {
    1000 GET Control "asks for the audit status",
    1001 SET Control "sets the audit status",
    1002 LIST Control "lists rules, old form",
    1003 ADD Control "adds a rule, old form",
    1004 DEL Control "removes a rule, old form",
    1005 USER Single "message from a program, old form",
    1006 LOGIN Either "a login uid was set",
    1007 WATCH_INS Control "inserts a watch, old form",
    1008 WATCH_REM Control "removes a watch, old form",
    1009 WATCH_LIST Control "lists watches, old form",
    1010 SIGNAL_INFO Control "who sent a signal to auditd",
    1011 ADD_RULE Control "adds a rule",
    1012 DEL_RULE Control "removes a rule",
    1013 LIST_RULES Control "lists rules",
    1014 TRIM Control "trims watched trees",
    1015 MAKE_EQUIV Control "adds to a watched tree",
    1016 TTY_GET Control "asks whether terminal input is audited",
    1017 TTY_SET Control "sets whether terminal input is audited",
    1018 SET_FEATURE Control "turns a feature of audit on or off",
    1019 GET_FEATURE Control "asks for the features of audit",
    1100 USER_AUTH Single "authentication of a user",
    1101 USER_ACCT Single "authorization of a user",
    1102 USER_MGMT Single "attribute of an account changed",
    1103 CRED_ACQ Single "credentials acquired",
    1104 CRED_DISP Single "credentials disposed of",
    1105 USER_START Single "session started",
    1106 USER_END Single "session ended",
    1107 USER_AVC Single "access decision of a user-space object manager",
    1108 USER_CHAUTHTOK Single "password, PIN or attribute of an account changed",
    1109 USER_ERR Single "error in the state of an account",
    1110 CRED_REFR Single "credentials refreshed",
    1111 USYS_CONFIG Single "system configuration changed by a program",
    1112 USER_LOGIN Single "user logged in",
    1113 USER_LOGOUT Single "user logged out",
    1114 ADD_USER Single "account added",
    1115 DEL_USER Single "account deleted",
    1116 ADD_GROUP Single "group added",
    1117 DEL_GROUP Single "group deleted",
    1118 DAC_CHECK Single "discretionary access check of a program",
    1119 CHGRP_ID Single "group id changed",
    1120 TEST Single "test message",
    1121 TRUSTED_APP Single "free text of a trusted application",
    1122 USER_SELINUX_ERR Single "SELinux error in user space",
    1123 USER_CMD Single "command and arguments run for a user",
    1124 USER_TTY Single "meaning of terminal input, told by a program",
    1125 CHUSER_ID Single "user id changed",
    1126 GRP_AUTH Single "authentication for a group",
    1127 SYSTEM_BOOT Single "system boot",
    1128 SYSTEM_SHUTDOWN Single "system shutdown",
    1129 SYSTEM_RUNLEVEL Single "run level changed",
    1130 SERVICE_START Single "service started",
    1131 SERVICE_STOP Single "service stopped",
    1132 GRP_MGMT Single "attribute of a group changed",
    1133 GRP_CHAUTHTOK Single "password of a group changed",
    1134 MAC_CHECK Single "mandatory access decision of a program",
    1135 ACCT_LOCK Single "account locked by the administrator",
    1136 ACCT_UNLOCK Single "account unlocked by the administrator",
    1137 USER_DEVICE Single "hotplug device change seen in user space",
    1138 SOFTWARE_UPDATE Single "software installed, updated or removed",
    1200 DAEMON_START Single "auditd started",
    1201 DAEMON_END Single "auditd ended normally",
    1202 DAEMON_ABORT Single "auditd ended by an error",
    1203 DAEMON_CONFIG Single "auditd's configuration changed",
    1204 DAEMON_RECONFIG Single "auditd was asked to read its configuration again",
    1205 DAEMON_ROTATE Single "auditd was asked to rotate its logs",
    1206 DAEMON_RESUME Single "auditd was asked to go on logging",
    1207 DAEMON_ACCEPT Single "auditd accepted a remote connection",
    1208 DAEMON_CLOSE Single "auditd closed a remote connection",
    1209 DAEMON_ERR Single "internal error of auditd",
    1300 SYSCALL Part "system call, with who made it and how it ended",
    1301 FS_WATCH Part "watched file, old form",
    1302 PATH Part "file name, inode and owner",
    1303 IPC Part "System V IPC object",
    1304 SOCKETCALL Part "arguments of socketcall",
    1305 CONFIG_CHANGE Either "configuration of audit changed",
    1306 SOCKADDR Part "socket address given to a system call",
    1307 CWD Part "working directory",
    1308 FS_INODE Part "inode, old form",
    1309 EXECVE Part "arguments of an execve",
    1311 IPC_SET_PERM Part "new permissions of an IPC object",
    1312 MQ_OPEN Part "message queue opened",
    1313 MQ_SENDRECV Part "message sent or received",
    1314 MQ_NOTIFY Part "message queue notification",
    1315 MQ_GETSETATTR Part "message queue attributes",
    1316 KERNEL_OTHER Either "left for modules outside the kernel",
    1317 FD_PAIR Part "two descriptors of a pipe or socket pair",
    1318 OBJ_PID Part "process that a system call acted upon",
    1319 TTY Either "terminal input",
    1320 EOE End "end of an event of several records",
    1321 BPRM_FCAPS Part "file capabilities that raised privilege at an exec",
    1322 CAPSET Part "capabilities set by capset",
    1323 MMAP Part "descriptor and flags of an mmap",
    1324 NETFILTER_PKT Single "packet seen by a netfilter rule",
    1325 NETFILTER_CFG Either "netfilter table changed",
    1326 SECCOMP Either "seccomp acted upon a system call",
    1327 PROCTITLE Part "process title",
    1328 FEATURE_CHANGE Either "feature of audit changed",
    1329 REPLACE Control "another process takes auditd's place",
    1330 KERN_MODULE Part "kernel module loaded or removed",
    1331 FANOTIFY Either "access decided through fanotify",
    1332 TIME_INJOFFSET Part "offset injected into the clock",
    1333 TIME_ADJNTPVAL Part "NTP value of the clock adjusted",
    1334 BPF Either "BPF program loaded or unloaded",
    1335 EVENT_LISTENER Either "a process joined or left the audit multicast group",
    1336 URINGOP Part "io_uring operation",
    1337 OPENAT2 Part "how-argument of openat2",
    1338 DM_CTRL Either "device mapper target controlled",
    1339 DM_EVENT Either "device mapper event",
    1400 AVC Either "access denied or granted by SELinux, AppArmor or Smack",
    1401 SELINUX_ERR Either "internal SELinux error",
    1402 AVC_PATH Part "path of an AVC, old form",
    1403 MAC_POLICY_LOAD Either "policy loaded",
    1404 MAC_STATUS Either "enforcing mode changed",
    1405 MAC_CONFIG_CHANGE Either "SELinux boolean changed",
    1406 MAC_UNLBL_ALLOW Either "NetLabel: unlabelled traffic allowed or not",
    1407 MAC_CIPSOV4_ADD Either "NetLabel: CIPSOv4 definition added",
    1408 MAC_CIPSOV4_DEL Either "NetLabel: CIPSOv4 definition removed",
    1409 MAC_MAP_ADD Either "NetLabel: domain mapping added",
    1410 MAC_MAP_DEL Either "NetLabel: domain mapping removed",
    1411 MAC_IPSEC_ADDSA Either "IPsec association added, old form",
    1412 MAC_IPSEC_DELSA Either "IPsec association removed, old form",
    1413 MAC_IPSEC_ADDSPD Either "IPsec policy added, old form",
    1414 MAC_IPSEC_DELSPD Either "IPsec policy removed, old form",
    1415 MAC_IPSEC_EVENT Either "IPsec event",
    1416 MAC_UNLBL_STCADD Either "NetLabel: static label added",
    1417 MAC_UNLBL_STCDEL Either "NetLabel: static label removed",
    1418 MAC_CALIPSO_ADD Either "NetLabel: CALIPSO definition added",
    1419 MAC_CALIPSO_DEL Either "NetLabel: CALIPSO definition removed",
    1420 IPE_ACCESS Either "decision of Integrity Policy Enforcement",
    1421 IPE_CONFIG_CHANGE Either "Integrity Policy Enforcement configured",
    1422 IPE_POLICY_LOAD Either "Integrity Policy Enforcement policy loaded",
    1423 LANDLOCK_ACCESS Either "access denied by Landlock",
    1424 LANDLOCK_DOMAIN Either "Landlock domain made or gone",
    1425 MAC_TASK_CONTEXTS Either "security labels of the acting process under several LSMs",
    1426 MAC_OBJ_CONTEXTS Either "security labels of an object under several LSMs",
    1500 APPARMOR Either "AppArmor message, old form",
    1501 APPARMOR_AUDIT Either "AppArmor: access audited",
    1502 APPARMOR_ALLOWED Either "AppArmor: access allowed in complain mode",
    1503 APPARMOR_DENIED Either "AppArmor: access denied",
    1504 APPARMOR_HINT Either "AppArmor: hint for profile building",
    1505 APPARMOR_STATUS Either "AppArmor: profile or mode changed",
    1506 APPARMOR_ERROR Either "AppArmor: error",
    1507 APPARMOR_KILL Either "AppArmor: process killed",
    1700 ANOM_PROMISCUOUS Either "network device entered or left promiscuous mode",
    1701 ANOM_ABEND Either "process ended abnormally",
    1702 ANOM_LINK Either "suspicious use of a link",
    1703 ANOM_CREAT Either "suspicious creation of a file",
    1800 INTEGRITY_DATA Either "integrity of file data checked",
    1801 INTEGRITY_METADATA Either "integrity of file metadata checked",
    1802 INTEGRITY_STATUS Either "integrity subsystem enabled or not",
    1803 INTEGRITY_HASH Either "integrity hash type",
    1804 INTEGRITY_PCR Either "measurement register invalidated",
    1805 INTEGRITY_RULE Either "integrity measurement of a file",
    1806 INTEGRITY_EVM_XATTR Either "extended attribute put under EVM",
    1807 INTEGRITY_POLICY_RULE Either "rule of the integrity policy",
    2000 KERNEL Single "message of the audit subsystem about itself",
    2100 ANOM_LOGIN_FAILURES Single "limit of failed logins reached",
    2101 ANOM_LOGIN_TIME Single "login at a forbidden time",
    2102 ANOM_LOGIN_SESSIONS Single "limit of sessions reached",
    2103 ANOM_LOGIN_ACCT Single "login to a watched account",
    2104 ANOM_LOGIN_LOCATION Single "login from a forbidden place",
    2105 ANOM_MAX_DAC Single "limit of discretionary denials reached",
    2106 ANOM_MAX_MAC Single "limit of mandatory denials reached",
    2107 ANOM_AMTU_FAIL Single "abstract machine test failed",
    2108 ANOM_RBAC_FAIL Single "self test of role-based access failed",
    2109 ANOM_RBAC_INTEGRITY_FAIL Single "file integrity test of role-based access failed",
    2110 ANOM_CRYPTO_FAIL Single "cryptographic self test failed",
    2111 ANOM_ACCESS_FS Single "watched file or directory accessed",
    2112 ANOM_EXEC Single "watched program executed",
    2113 ANOM_MK_EXEC Single "executable made",
    2114 ANOM_ADD_ACCT Single "account added, as an anomaly",
    2115 ANOM_DEL_ACCT Single "account deleted, as an anomaly",
    2116 ANOM_MOD_ACCT Single "account changed, as an anomaly",
    2117 ANOM_ROOT_TRANS Single "user became root",
    2118 ANOM_LOGIN_SERVICE Single "login to a service account",
    2119 ANOM_LOGIN_ROOT Single "login as root",
    2120 ANOM_ORIGIN_FAILURES Single "too many failed logins from one origin",
    2121 ANOM_SESSION Single "bad session",
    2200 RESP_ANOMALY Single "anomaly not acted upon",
    2201 RESP_ALERT Single "alert sent",
    2202 RESP_KILL_PROC Single "process killed",
    2203 RESP_TERM_ACCESS Single "session terminated",
    2204 RESP_ACCT_REMOTE Single "account locked for remote access",
    2205 RESP_ACCT_LOCK_TIMED Single "account locked for a time",
    2206 RESP_ACCT_UNLOCK_TIMED Single "account unlocked after a time",
    2207 RESP_ACCT_LOCK Single "account locked",
    2208 RESP_TERM_LOCK Single "terminal locked",
    2209 RESP_SEBOOL Single "SELinux boolean set",
    2210 RESP_EXEC Single "script run",
    2211 RESP_SINGLE Single "system put into single-user mode",
    2212 RESP_HALT Single "system halted",
    2213 RESP_ORIGIN_BLOCK Single "address blocked",
    2214 RESP_ORIGIN_BLOCK_TIMED Single "address blocked for a time",
    2215 RESP_ORIGIN_UNBLOCK_TIMED Single "address unblocked after a time",
    2300 USER_ROLE_CHANGE Single "user changed to another role",
    2301 ROLE_ASSIGN Single "role assigned to a user",
    2302 ROLE_REMOVE Single "role taken from a user",
    2303 LABEL_OVERRIDE Single "label overridden",
    2304 LABEL_LEVEL_CHANGE Single "level of an object changed",
    2305 USER_LABELED_EXPORT Single "object exported with its label",
    2306 USER_UNLABELED_EXPORT Single "object exported without a label",
    2307 DEV_ALLOC Single "device allocated",
    2308 DEV_DEALLOC Single "device deallocated",
    2309 FS_RELABEL Single "file system relabelled",
    2310 USER_MAC_POLICY_LOAD Single "policy loaded by a user-space daemon",
    2311 ROLE_MODIFY Single "role modified",
    2312 USER_MAC_CONFIG_CHANGE Single "mandatory access policy changed from user space",
    2313 USER_MAC_STATUS Single "enforcing mode of a user-space daemon changed",
    2400 CRYPTO_TEST_USER Single "cryptographic self test",
    2401 CRYPTO_PARAM_CHANGE_USER Single "cryptographic attribute changed",
    2402 CRYPTO_LOGIN Single "login as crypto officer",
    2403 CRYPTO_LOGOUT Single "logout as crypto officer",
    2404 CRYPTO_KEY_USER Single "cryptographic key made, deleted or negotiated",
    2405 CRYPTO_FAILURE_USER Single "cryptographic operation failed",
    2406 CRYPTO_REPLAY_USER Single "replay detected",
    2407 CRYPTO_SESSION Single "parameters of a TLS or SSH session",
    2408 CRYPTO_IKE_SA Single "parameters of an IKE association",
    2409 CRYPTO_IPSEC_SA Single "parameters of an IPsec association",
    2500 VIRT_CONTROL Single "virtual machine or container started, paused or stopped",
    2501 VIRT_RESOURCE Single "resource assigned to a virtual machine",
    2502 VIRT_MACHINE_ID Single "label bound to a virtual machine",
    2503 VIRT_INTEGRITY_CHECK Single "integrity of a guest checked",
    2504 VIRT_CREATE Single "guest image made",
    2505 VIRT_DESTROY Single "guest image destroyed",
    2506 VIRT_MIGRATE_IN Single "guest migrated in",
    2507 VIRT_MIGRATE_OUT Single "guest migrated out",
}

/// `TABLE`'s rows in the order of their names' bytes, for the binary search of a name.
const BY_NAME: [u8; TABLE.len()] = by_name();

#[expect(clippy::cast_possible_truncation, reason = "the assertion above it bounds the index")]
#[expect(clippy::indexing_slicing, reason = "computed and checked when compiled")]
const fn by_name() -> [u8; TABLE.len()] {
    assert!(TABLE.len() <= u8::MAX as usize + 1);
    let mut order = [0; TABLE.len()];
    let mut count = 0;
    while count < TABLE.len() {
        let mut at = count;
        while at > 0 && less(TABLE[count].name.as_bytes(), TABLE[order[at - 1] as usize].name.as_bytes()) {
            order[at] = order[at - 1];
            at -= 1;
        }
        order[at] = count as u8;
        count += 1;
    }
    order
}

#[expect(clippy::indexing_slicing, reason = "computed and checked when compiled")]
const fn less(a: &[u8], b: &[u8]) -> bool {
    let mut at = 0;
    while at < a.len() && at < b.len() {
        if a[at] != b[at] {
            return a[at] < b[at];
        }
        at += 1;
    }
    a.len() < b.len()
}

impl RecordType {
    /// The name as auditd writes it (`SYSCALL`), or `None` for a number nobody has named.
    #[must_use]
    pub fn name(self) -> Option<&'static str> {
        self.row().map(|row| row.name)
    }

    /// A few words on what a record of this type tells, or `None` for a number nobody has named.
    #[must_use]
    pub fn meaning(self) -> Option<&'static str> {
        self.row().map(|row| row.meaning)
    }

    /// Whether records of this type share their stamp with others. Numbers without a name go by their
    /// range: those that programs and auditd may use (1100 to 1299, 2100 to 2999) stand alone.
    #[must_use]
    pub fn place(self) -> Place {
        match self {
            Self::SYSCALL | Self::PATH | Self::EXECVE | Self::CWD | Self::PROCTITLE => Place::Part,
            Self::EOE => Place::End,
            _ => self.row().map_or_else(|| self.place_by_range(), |row| row.place),
        }
    }

    fn place_by_range(self) -> Place {
        match self.0 {
            1000..1100 => Place::Control,
            1100..1300 | 2100..3000 => Place::Single,
            _ => Place::Either,
        }
    }

    /// The type of a name, also of `UNKNOWN[1420]` and of a bare number.
    #[must_use]
    #[inline]
    pub fn from_name(name: &[u8]) -> Option<Self> {
        // The records of a system call are nearly all of a log.
        match name {
            b"SYSCALL" => Some(Self::SYSCALL),
            b"PATH" => Some(Self::PATH),
            b"CWD" => Some(Self::CWD),
            b"EXECVE" => Some(Self::EXECVE),
            b"PROCTITLE" => Some(Self::PROCTITLE),
            b"EOE" => Some(Self::EOE),
            _ => Self::from_rarer_name(name),
        }
    }

    fn from_rarer_name(name: &[u8]) -> Option<Self> {
        let row_at = |at: &u8| TABLE.get(usize::from(*at));
        let found = BY_NAME.binary_search_by(|at| {
            row_at(at).map_or(std::cmp::Ordering::Less, |row| row.name.as_bytes().cmp(name))
        });
        if let Ok(at) = found {
            return BY_NAME.get(at).and_then(row_at).map(|row| Self(row.number));
        }
        let number = name.strip_prefix(b"UNKNOWN[").and_then(|rest| rest.strip_suffix(b"]")).unwrap_or(name);
        let all_digits = !number.is_empty() && number.iter().all(u8::is_ascii_digit);
        std::str::from_utf8(number).ok().filter(|_| all_digits)?.parse().ok().map(Self)
    }

    /// Every type that has a name, by number.
    pub fn all() -> impl Iterator<Item = Self> {
        TABLE.iter().map(|row| Self(row.number))
    }

    fn row(self) -> Option<&'static Row> {
        let at = TABLE.binary_search_by_key(&self.0, |row| row.number).ok()?;
        TABLE.get(at)
    }
}

impl std::fmt::Display for RecordType {
    /// The name, or `UNKNOWN[n]` as auditd writes it.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.name() {
            Some(name) => f.write_str(name),
            None => write!(f, "UNKNOWN[{}]", self.0),
        }
    }
}
