//! The rows of the schema, sorted part by part of their dotted names.

use super::{Cardinality, Face, Family, FieldId, FieldType, Row, Trust};

/// Makes [`ROWS`] and a constant for each row from one list.
macro_rules! fields {
    ($(
        $(#[doc = $doc:literal])+
        $id:ident = $name:literal: $kind:ident, $many:ident, $trust:ident, $family:ident, $face:ident, $source:literal;
    )*) => {
        #[allow(non_camel_case_types, clippy::upper_case_acronyms, reason = "one name for constant and position")]
        #[repr(u16)]
        enum Position { $($id),* }

        /// A constant for each field of the table.
        pub mod field {
            use super::{FieldId, Position};
            $(
                $(#[doc = $doc])+
                pub const $id: FieldId = FieldId(Position::$id as u16);
            )*
        }

        /// How many fields there are.
        pub(crate) const FIELDS: usize = [$(stringify!($id)),*].len();

        /// All fields.
        pub static ROWS: &[Row] = &[$(Row {
            name: $name,
            kind: FieldType::$kind,
            cardinality: Cardinality::$many,
            trust: Trust::$trust,
            family: Family::$family,
            face: Face::$face,
            source: $source,
            doc: concat!($($doc),+).trim_ascii(),
        }),*];
    };
}

fields! {
/// When the system call was entered, or the message written, in milliseconds.
TIMESTAMP = "@timestamp": Date, One, Kernel, Event, Shown, "audit(SECONDS.MILLIS:…)";
/// Id of an Elastic agent.
AGENT_ID = "agent.id": Keyword, One, Derived, Absent, Matched, "";
/// `auditward`.
AGENT_TYPE = "agent.type": Keyword, One, Derived, Event, Exported, "always";
/// The version of this program.
AGENT_VERSION = "agent.version": Keyword, One, Derived, Event, Exported, "always";
/// Arguments that the kernel announced and no record brought, or that were cut.
AUDITD_ARGS_MISSING = "auditd.args_missing": Long, One, Kernel, Auditd, Shown, "EXECVE argc= against aN=";
/// First argument of the system call, hexadecimal; not an argument of the program.
AUDITD_DATA_A0 = "auditd.data.a0": Keyword, Many, Kernel, Data, Shown, "a0=";
/// Second argument of the system call, hexadecimal.
AUDITD_DATA_A1 = "auditd.data.a1": Keyword, Many, Kernel, Data, Shown, "a1=";
/// Third argument of the system call, hexadecimal.
AUDITD_DATA_A2 = "auditd.data.a2": Keyword, Many, Kernel, Data, Shown, "a2=";
/// Fourth argument of the system call, hexadecimal.
AUDITD_DATA_A3 = "auditd.data.a3": Keyword, Many, Kernel, Data, Shown, "a3=";
/// Account name of a user message.
AUDITD_DATA_ACCT = "auditd.data.acct": Keyword, Many, Process, Data, Shown, "acct=";
/// Access mode of a resource.
AUDITD_DATA_ACL = "auditd.data.acl": Keyword, Many, Kernel, Data, Shown, "acl=";
/// Netfilter or rule action.
AUDITD_DATA_ACTION = "auditd.data.action": Keyword, Many, Kernel, Data, Shown, "action=";
/// Number of new files found.
AUDITD_DATA_ADDED = "auditd.data.added": Keyword, Many, Kernel, Data, Shown, "added=";
/// Remote address of a user message.
AUDITD_DATA_ADDR = "auditd.data.addr": Keyword, Many, Process, Data, Shown, "addr=";
/// AppArmor verdict: DENIED, ALLOWED, AUDIT, STATUS.
AUDITD_DATA_APPARMOR = "auditd.data.apparmor": Keyword, Many, Kernel, Data, Shown, "apparmor=";
/// Architecture of the system call.
AUDITD_DATA_ARCH = "auditd.data.arch": Keyword, Many, Kernel, Data, Shown, "arch=";
/// Number of arguments of an exec.
AUDITD_DATA_ARGC = "auditd.data.argc": Keyword, Many, Kernel, Data, Shown, "argc=";
/// Limit of the audit queue.
AUDITD_DATA_AUDIT_BACKLOG_LIMIT = "auditd.data.audit_backlog_limit": Keyword, Many, Kernel, Data, Shown, "audit_backlog_limit=";
/// Time the kernel waits for the queue.
AUDITD_DATA_AUDIT_BACKLOG_WAIT_TIME = "auditd.data.audit_backlog_wait_time": Keyword, Many, Kernel, Data, Shown, "audit_backlog_wait_time=";
/// Whether auditing is on.
AUDITD_DATA_AUDIT_ENABLED = "auditd.data.audit_enabled": Keyword, Many, Kernel, Data, Shown, "audit_enabled=";
/// What the kernel does when auditing fails.
AUDITD_DATA_AUDIT_FAILURE = "auditd.data.audit_failure": Keyword, Many, Kernel, Data, Shown, "audit_failure=";
/// Process id of the audit daemon, 0 for none.
AUDITD_DATA_AUDIT_PID = "auditd.data.audit_pid": Keyword, Many, Kernel, Data, Shown, "audit_pid=";
/// Audit records that the kernel makes a second at most; 0 for no limit.
AUDITD_DATA_AUDIT_RATE_LIMIT = "auditd.data.audit_rate_limit": Keyword, Many, Kernel, Data, Shown, "audit_rate_limit=";
/// Banners of a print job.
AUDITD_DATA_BANNERS = "auditd.data.banners": Keyword, Many, Kernel, Data, Shown, "banners=";
/// SELinux boolean.
AUDITD_DATA_BOOL = "auditd.data.bool": Keyword, Many, Kernel, Data, Shown, "bool=";
/// Name of the subsystem bus.
AUDITD_DATA_BUS = "auditd.data.bus": Keyword, Many, Kernel, Data, Shown, "bus=";
/// CALIPSO domain of interpretation.
AUDITD_DATA_CALIPSO_DOI = "auditd.data.calipso_doi": Keyword, Many, Kernel, Data, Shown, "calipso_doi=";
/// CALIPSO type.
AUDITD_DATA_CALIPSO_TYPE = "auditd.data.calipso_type": Keyword, Many, Kernel, Data, Shown, "calipso_type=";
/// Ambient capabilities of the process.
AUDITD_DATA_CAP_PA = "auditd.data.cap_pa": Keyword, Many, Kernel, Data, Shown, "cap_pa=";
/// Effective capabilities of the process.
AUDITD_DATA_CAP_PE = "auditd.data.cap_pe": Keyword, Many, Kernel, Data, Shown, "cap_pe=";
/// Inheritable capabilities of the process.
AUDITD_DATA_CAP_PI = "auditd.data.cap_pi": Keyword, Many, Kernel, Data, Shown, "cap_pi=";
/// Permitted capabilities of the process.
AUDITD_DATA_CAP_PP = "auditd.data.cap_pp": Keyword, Many, Kernel, Data, Shown, "cap_pp=";
/// Number of a capability.
AUDITD_DATA_CAPABILITY = "auditd.data.capability": Keyword, Many, Kernel, Data, Shown, "capability=";
/// Name of a capability.
AUDITD_DATA_CAPNAME = "auditd.data.capname": Keyword, Many, Kernel, Data, Shown, "capname=";
/// SELinux category.
AUDITD_DATA_CATEGORY = "auditd.data.category": Keyword, Many, Kernel, Data, Shown, "category=";
/// Path of a cgroup.
AUDITD_DATA_CGROUP = "auditd.data.cgroup": Keyword, Many, Kernel, Data, Shown, "cgroup=";
/// Number of changed files found.
AUDITD_DATA_CHANGED = "auditd.data.changed": Keyword, Many, Kernel, Data, Shown, "changed=";
/// Name of a cipher.
AUDITD_DATA_CIPHER = "auditd.data.cipher": Keyword, Many, Kernel, Data, Shown, "cipher=";
/// Class of a resource: uid, vm, net ….
AUDITD_DATA_CLASS = "auditd.data.class": Keyword, Many, Kernel, Data, Shown, "class=";
/// Command of a user message.
AUDITD_DATA_CMD = "auditd.data.cmd": Keyword, Many, Process, Data, Shown, "cmd=";
/// Seccomp action.
AUDITD_DATA_CODE = "auditd.data.code": Keyword, Many, Kernel, Data, Shown, "code=";
/// Name of the task, at most 15 bytes.
AUDITD_DATA_COMM = "auditd.data.comm": Keyword, Many, Process, Data, Shown, "comm=";
/// Whether the system call was a 32-bit one.
AUDITD_DATA_COMPAT = "auditd.data.compat": Keyword, Many, Kernel, Data, Shown, "compat=";
/// Remote address.
AUDITD_DATA_DADDR = "auditd.data.daddr": Keyword, Many, Kernel, Data, Shown, "daddr=";
/// Text typed on a terminal, or other data.
AUDITD_DATA_DATA = "auditd.data.data": Keyword, Many, Process, Data, Shown, "data=";
/// Default SELinux context.
AUDITD_DATA_DEFAULT_CONTEXT = "auditd.data.default_context": Keyword, Many, Kernel, Data, Shown, "default_context=";
/// Access that AppArmor denied.
AUDITD_DATA_DENIED_MASK = "auditd.data.denied_mask": Keyword, Many, Kernel, Data, Shown, "denied_mask=";
/// Device.
AUDITD_DATA_DEV = "auditd.data.dev": Keyword, Many, Kernel, Data, Shown, "dev=";
/// Device name.
AUDITD_DATA_DEVICE = "auditd.data.device": Keyword, Many, Kernel, Data, Shown, "device=";
/// Directory.
AUDITD_DATA_DIR = "auditd.data.dir": Keyword, Many, Kernel, Data, Shown, "dir=";
/// Direction of a crypto operation.
AUDITD_DATA_DIRECTION = "auditd.data.direction": Keyword, Many, Kernel, Data, Shown, "direction=";
/// Descriptor of the directory that the file's name is relative to; which one that is, no record says.
AUDITD_DATA_DIRFD = "auditd.data.dirfd": Keyword, Many, Kernel, Data, Shown, "SYSCALL aN= of the *at calls";
/// MAC address of the destination.
AUDITD_DATA_DMAC = "auditd.data.dmac": Keyword, Many, Kernel, Data, Shown, "dmac=";
/// Remote port.
AUDITD_DATA_DPORT = "auditd.data.dport": Keyword, Many, Kernel, Data, Shown, "dport=";
/// New SELinux enforcing state.
AUDITD_DATA_ENFORCING = "auditd.data.enforcing": Keyword, Many, Kernel, Data, Shown, "enforcing=";
/// Number of netfilter entries.
AUDITD_DATA_ENTRIES = "auditd.data.entries": Keyword, Many, Kernel, Data, Shown, "entries=";
/// Error text or number.
AUDITD_DATA_ERROR = "auditd.data.error": Keyword, Many, Kernel, Data, Shown, "error=";
/// Program that sent a user message, as that program says.
AUDITD_DATA_EXE = "auditd.data.exe": Keyword, Many, Process, Data, Shown, "exe=";
/// Result of the system call: a number or the name of an error.
AUDITD_DATA_EXIT = "auditd.data.exit": Keyword, Many, Kernel, Data, Shown, "exit=";
/// Address family.
AUDITD_DATA_FAM = "auditd.data.fam": Keyword, Many, Kernel, Data, Shown, "fam=";
/// Netfilter protocol family.
AUDITD_DATA_FAMILY = "auditd.data.family": Keyword, Many, Kernel, Data, Shown, "family=";
/// Fanotify information.
AUDITD_DATA_FAN_INFO = "auditd.data.fan_info": Keyword, Many, Kernel, Data, Shown, "fan_info=";
/// Fanotify type.
AUDITD_DATA_FAN_TYPE = "auditd.data.fan_type": Keyword, Many, Kernel, Data, Shown, "fan_type=";
/// File descriptor.
AUDITD_DATA_FD = "auditd.data.fd": Keyword, Many, Kernel, Data, Shown, "fd=";
/// Effective bit of file capabilities.
AUDITD_DATA_FE = "auditd.data.fe": Keyword, Many, Kernel, Data, Shown, "fe=";
/// Kernel feature that was changed.
AUDITD_DATA_FEATURE = "auditd.data.feature": Keyword, Many, Kernel, Data, Shown, "feature=";
/// Inheritable file capabilities.
AUDITD_DATA_FI = "auditd.data.fi": Keyword, Many, Kernel, Data, Shown, "fi=";
/// File of a user message.
AUDITD_DATA_FILE = "auditd.data.file": Keyword, Many, Process, Data, Shown, "file=";
/// Flags of mmap or of a mount.
AUDITD_DATA_FLAGS = "auditd.data.flags": Keyword, Many, Kernel, Data, Shown, "flags=";
/// Format of the audit log.
AUDITD_DATA_FORMAT = "auditd.data.format": Keyword, Many, Kernel, Data, Shown, "format=";
/// Permitted file capabilities.
AUDITD_DATA_FP = "auditd.data.fp": Keyword, Many, Kernel, Data, Shown, "fp=";
/// Root id of file capabilities.
AUDITD_DATA_FROOTID = "auditd.data.frootid": Keyword, Many, Kernel, Data, Shown, "frootid=";
/// Version of file capabilities.
AUDITD_DATA_FVER = "auditd.data.fver": Keyword, Many, Kernel, Data, Shown, "fver=";
/// PAM modules that granted.
AUDITD_DATA_GRANTORS = "auditd.data.grantors": Keyword, Many, Process, Data, Shown, "grantors=";
/// Group name.
AUDITD_DATA_GRP = "auditd.data.grp": Keyword, Many, Process, Data, Shown, "grp=";
/// Netfilter hook.
AUDITD_DATA_HOOK = "auditd.data.hook": Keyword, Many, Kernel, Data, Shown, "hook=";
/// Remote host name of a user message.
AUDITD_DATA_HOSTNAME = "auditd.data.hostname": Keyword, Many, Process, Data, Shown, "hostname=";
/// ICMP type.
AUDITD_DATA_ICMP_TYPE = "auditd.data.icmp_type": Keyword, Many, Kernel, Data, Shown, "icmp_type=";
/// Id of the account or group that was changed.
AUDITD_DATA_ID = "auditd.data.id": Keyword, Many, Process, Data, Shown, "id=";
/// Group of an IPC object's owner.
AUDITD_DATA_IGID = "auditd.data.igid": Keyword, Many, Kernel, Data, Shown, "igid=";
/// SELinux context of a virtual machine's image.
AUDITD_DATA_IMG_CTX = "auditd.data.img_ctx": Keyword, Many, Kernel, Data, Shown, "img_ctx=";
/// AppArmor's explanation.
AUDITD_DATA_INFO = "auditd.data.info": Keyword, Many, Kernel, Data, Shown, "info=";
/// Incoming interface.
AUDITD_DATA_INIF = "auditd.data.inif": Keyword, Many, Kernel, Data, Shown, "inif=";
/// Inode.
AUDITD_DATA_INO = "auditd.data.ino": Keyword, Many, Kernel, Data, Shown, "ino=";
/// Inode.
AUDITD_DATA_INODE = "auditd.data.inode": Keyword, Many, Kernel, Data, Shown, "inode=";
/// Group of the inode.
AUDITD_DATA_INODE_GID = "auditd.data.inode_gid": Keyword, Many, Kernel, Data, Shown, "inode_gid=";
/// Owner of the inode.
AUDITD_DATA_INODE_UID = "auditd.data.inode_uid": Keyword, Many, Kernel, Data, Shown, "inode_uid=";
/// SELinux context that is invalid.
AUDITD_DATA_INVALID_CONTEXT = "auditd.data.invalid_context": Keyword, Many, Kernel, Data, Shown, "invalid_context=";
/// Ioctl number.
AUDITD_DATA_IOCTLCMD = "auditd.data.ioctlcmd": Keyword, Many, Kernel, Data, Shown, "ioctlcmd=";
/// Instruction pointer, or network address of a printer.
AUDITD_DATA_IP = "auditd.data.ip": Keyword, Many, Kernel, Data, Shown, "ip=";
/// Id of an IP packet.
AUDITD_DATA_IPID = "auditd.data.ipid": Keyword, Many, Kernel, Data, Shown, "ipid=";
/// IPX network.
AUDITD_DATA_IPX_NET = "auditd.data.ipx_net": Keyword, Many, Kernel, Data, Shown, "ipx_net=";
/// Number of PATH records.
AUDITD_DATA_ITEMS = "auditd.data.items": Keyword, Many, Kernel, Data, Shown, "items=";
/// Owner of an IPC object.
AUDITD_DATA_IUID = "auditd.data.iuid": Keyword, Many, Kernel, Data, Shown, "iuid=";
/// Kernel release.
AUDITD_DATA_KERNEL = "auditd.data.kernel": Keyword, Many, Kernel, Data, Shown, "kernel=";
/// Rule keys, as the record has them.
AUDITD_DATA_KEY = "auditd.data.key": Keyword, Many, Kernel, Data, Shown, "key=";
/// Key management: client or server.
AUDITD_DATA_KIND = "auditd.data.kind": Keyword, Many, Kernel, Data, Shown, "kind=";
/// Size of a key.
AUDITD_DATA_KSIZE = "auditd.data.ksize": Keyword, Many, Kernel, Data, Shown, "ksize=";
/// Local address.
AUDITD_DATA_LADDR = "auditd.data.laddr": Keyword, Many, Kernel, Data, Shown, "laddr=";
/// Length of a packet.
AUDITD_DATA_LEN = "auditd.data.len": Keyword, Many, Kernel, Data, Shown, "len=";
/// Number of the filter list.
AUDITD_DATA_LIST = "auditd.data.list": Keyword, Many, Kernel, Data, Shown, "list=";
/// Local port.
AUDITD_DATA_LPORT = "auditd.data.lport": Keyword, Many, Kernel, Data, Shown, "lport=";
/// Security modules.
AUDITD_DATA_LSM = "auditd.data.lsm": Keyword, Many, Kernel, Data, Shown, "lsm=";
/// MAC algorithm or address.
AUDITD_DATA_MAC = "auditd.data.mac": Keyword, Many, Kernel, Data, Shown, "mac=";
/// Ethernet protocol.
AUDITD_DATA_MACPROTO = "auditd.data.macproto": Keyword, Many, Kernel, Data, Shown, "macproto=";
/// Major device number.
AUDITD_DATA_MAJ = "auditd.data.maj": Keyword, Many, Kernel, Data, Shown, "maj=";
/// Major device number.
AUDITD_DATA_MAJOR = "auditd.data.major": Keyword, Many, Kernel, Data, Shown, "major=";
/// Minor device number.
AUDITD_DATA_MINOR = "auditd.data.minor": Keyword, Many, Kernel, Data, Shown, "minor=";
/// Permissions.
AUDITD_DATA_MODE = "auditd.data.mode": Keyword, Many, Kernel, Data, Shown, "mode=";
/// Security model of a virtual machine.
AUDITD_DATA_MODEL = "auditd.data.model": Keyword, Many, Kernel, Data, Shown, "model=";
/// Text of a message.
AUDITD_DATA_MSG = "auditd.data.msg": Keyword, Many, Kernel, Data, Shown, "msg=";
/// Name of an object.
AUDITD_DATA_NAME = "auditd.data.name": Keyword, Many, Process, Data, Shown, "name=";
/// Number of arguments of socketcall.
AUDITD_DATA_NARGS = "auditd.data.nargs": Keyword, Many, Kernel, Data, Shown, "nargs=";
/// Network.
AUDITD_DATA_NET = "auditd.data.net": Keyword, Many, Kernel, Data, Shown, "net=";
/// New value.
AUDITD_DATA_NEW = "auditd.data.new": Keyword, Many, Kernel, Data, Shown, "new=";
/// New character device of a virtual machine.
AUDITD_DATA_NEW_CHARDEV = "auditd.data.new_chardev": Keyword, Many, Kernel, Data, Shown, "new_chardev=";
/// New disk of a virtual machine.
AUDITD_DATA_NEW_DISK = "auditd.data.new_disk": Keyword, Many, Kernel, Data, Shown, "new_disk=";
/// New state of a feature.
AUDITD_DATA_NEW_ENABLED = "auditd.data.new_enabled": Keyword, Many, Kernel, Data, Shown, "new_enabled=";
/// New file system of a virtual machine.
AUDITD_DATA_NEW_FS = "auditd.data.new_fs": Keyword, Many, Kernel, Data, Shown, "new_fs=";
/// New group id.
AUDITD_DATA_NEW_GID = "auditd.data.new_gid": Keyword, Many, Kernel, Data, Shown, "new_gid=";
/// New run level.
AUDITD_DATA_NEW_LEVEL = "auditd.data.new_level": Keyword, Many, Kernel, Data, Shown, "new_level=";
/// New lock of a feature.
AUDITD_DATA_NEW_LOCK = "auditd.data.new_lock": Keyword, Many, Kernel, Data, Shown, "new_lock=";
/// New state of password logging.
AUDITD_DATA_NEW_LOG_PASSWD = "auditd.data.new_log_passwd": Keyword, Many, Kernel, Data, Shown, "new_log_passwd=";
/// New memory of a virtual machine.
AUDITD_DATA_NEW_MEM = "auditd.data.new_mem": Keyword, Many, Kernel, Data, Shown, "new_mem=";
/// New network device of a virtual machine.
AUDITD_DATA_NEW_NET = "auditd.data.new_net": Keyword, Many, Kernel, Data, Shown, "new_net=";
/// New ambient capabilities.
AUDITD_DATA_NEW_PA = "auditd.data.new_pa": Keyword, Many, Kernel, Data, Shown, "new_pa=";
/// New effective capabilities.
AUDITD_DATA_NEW_PE = "auditd.data.new_pe": Keyword, Many, Kernel, Data, Shown, "new_pe=";
/// New inheritable capabilities.
AUDITD_DATA_NEW_PI = "auditd.data.new_pi": Keyword, Many, Kernel, Data, Shown, "new_pi=";
/// New permitted capabilities.
AUDITD_DATA_NEW_PP = "auditd.data.new_pp": Keyword, Many, Kernel, Data, Shown, "new_pp=";
/// New SELinux range.
AUDITD_DATA_NEW_RANGE = "auditd.data.new_range": Keyword, Many, Kernel, Data, Shown, "new_range=";
/// New random device of a virtual machine.
AUDITD_DATA_NEW_RNG = "auditd.data.new_rng": Keyword, Many, Kernel, Data, Shown, "new_rng=";
/// New SELinux role.
AUDITD_DATA_NEW_ROLE = "auditd.data.new_role": Keyword, Many, Kernel, Data, Shown, "new_role=";
/// New SELinux user.
AUDITD_DATA_NEW_SEUSER = "auditd.data.new_seuser": Keyword, Many, Kernel, Data, Shown, "new_seuser=";
/// New virtual CPUs.
AUDITD_DATA_NEW_VCPU = "auditd.data.new_vcpu": Keyword, Many, Kernel, Data, Shown, "new_vcpu=";
/// Netlink family.
AUDITD_DATA_NLNK_FAM = "auditd.data.nlnk_fam": Keyword, Many, Kernel, Data, Shown, "nlnk_fam=";
/// Netlink group.
AUDITD_DATA_NLNK_GRP = "auditd.data.nlnk_grp": Keyword, Many, Kernel, Data, Shown, "nlnk_grp=";
/// Netlink port.
AUDITD_DATA_NLNK_PID = "auditd.data.nlnk_pid": Keyword, Many, Kernel, Data, Shown, "nlnk_pid=";
/// Namespaces.
AUDITD_DATA_NS = "auditd.data.ns": Keyword, Many, Kernel, Data, Shown, "ns=";
/// Login user of the target process.
AUDITD_DATA_OAUID = "auditd.data.oauid": Keyword, Many, Kernel, Data, Shown, "oauid=";
/// SELinux context of an object.
AUDITD_DATA_OBJ = "auditd.data.obj": Keyword, Many, Kernel, Data, Shown, "obj=";
/// Group of an object.
AUDITD_DATA_OBJ_GID = "auditd.data.obj_gid": Keyword, Many, Kernel, Data, Shown, "obj_gid=";
/// Trust of an object.
AUDITD_DATA_OBJ_TRUST = "auditd.data.obj_trust": Keyword, Many, Kernel, Data, Shown, "obj_trust=";
/// Owner of an object.
AUDITD_DATA_OBJ_UID = "auditd.data.obj_uid": Keyword, Many, Kernel, Data, Shown, "obj_uid=";
/// Name of the target process.
AUDITD_DATA_OCOMM = "auditd.data.ocomm": Keyword, Many, Kernel, Data, Shown, "ocomm=";
/// Flags of mq_open.
AUDITD_DATA_OFLAG = "auditd.data.oflag": Keyword, Many, Kernel, Data, Shown, "oflag=";
/// Group of an object.
AUDITD_DATA_OGID = "auditd.data.ogid": Keyword, Many, Kernel, Data, Shown, "ogid=";
/// Old value.
AUDITD_DATA_OLD = "auditd.data.old": Keyword, Many, Kernel, Data, Shown, "old=";
/// Login user before.
AUDITD_DATA_OLD_AUID = "auditd.data.old_auid": Keyword, Many, Kernel, Data, Shown, "old_auid=";
/// Old character device of a virtual machine.
AUDITD_DATA_OLD_CHARDEV = "auditd.data.old_chardev": Keyword, Many, Kernel, Data, Shown, "old_chardev=";
/// Old disk of a virtual machine.
AUDITD_DATA_OLD_DISK = "auditd.data.old_disk": Keyword, Many, Kernel, Data, Shown, "old_disk=";
/// Old state of a feature.
AUDITD_DATA_OLD_ENABLED = "auditd.data.old_enabled": Keyword, Many, Kernel, Data, Shown, "old_enabled=";
/// Old file system of a virtual machine.
AUDITD_DATA_OLD_FS = "auditd.data.old_fs": Keyword, Many, Kernel, Data, Shown, "old_fs=";
/// Old run level.
AUDITD_DATA_OLD_LEVEL = "auditd.data.old_level": Keyword, Many, Kernel, Data, Shown, "old_level=";
/// Old lock of a feature.
AUDITD_DATA_OLD_LOCK = "auditd.data.old_lock": Keyword, Many, Kernel, Data, Shown, "old_lock=";
/// Old state of password logging.
AUDITD_DATA_OLD_LOG_PASSWD = "auditd.data.old_log_passwd": Keyword, Many, Kernel, Data, Shown, "old_log_passwd=";
/// Old memory of a virtual machine.
AUDITD_DATA_OLD_MEM = "auditd.data.old_mem": Keyword, Many, Kernel, Data, Shown, "old_mem=";
/// Old network device of a virtual machine.
AUDITD_DATA_OLD_NET = "auditd.data.old_net": Keyword, Many, Kernel, Data, Shown, "old_net=";
/// Ambient capabilities before.
AUDITD_DATA_OLD_PA = "auditd.data.old_pa": Keyword, Many, Kernel, Data, Shown, "old_pa=";
/// Effective capabilities before.
AUDITD_DATA_OLD_PE = "auditd.data.old_pe": Keyword, Many, Kernel, Data, Shown, "old_pe=";
/// Inheritable capabilities before.
AUDITD_DATA_OLD_PI = "auditd.data.old_pi": Keyword, Many, Kernel, Data, Shown, "old_pi=";
/// Permitted capabilities before.
AUDITD_DATA_OLD_PP = "auditd.data.old_pp": Keyword, Many, Kernel, Data, Shown, "old_pp=";
/// Promiscuous flag before.
AUDITD_DATA_OLD_PROM = "auditd.data.old_prom": Keyword, Many, Kernel, Data, Shown, "old_prom=";
/// Old SELinux range.
AUDITD_DATA_OLD_RANGE = "auditd.data.old_range": Keyword, Many, Kernel, Data, Shown, "old_range=";
/// Old random device of a virtual machine.
AUDITD_DATA_OLD_RNG = "auditd.data.old_rng": Keyword, Many, Kernel, Data, Shown, "old_rng=";
/// Old SELinux role.
AUDITD_DATA_OLD_ROLE = "auditd.data.old_role": Keyword, Many, Kernel, Data, Shown, "old_role=";
/// Session before.
AUDITD_DATA_OLD_SES = "auditd.data.old_ses": Keyword, Many, Kernel, Data, Shown, "old_ses=";
/// Old SELinux user.
AUDITD_DATA_OLD_SEUSER = "auditd.data.old_seuser": Keyword, Many, Kernel, Data, Shown, "old_seuser=";
/// Old value of a boolean.
AUDITD_DATA_OLD_VAL = "auditd.data.old_val": Keyword, Many, Kernel, Data, Shown, "old_val=";
/// Old virtual CPUs.
AUDITD_DATA_OLD_VCPU = "auditd.data.old_vcpu": Keyword, Many, Kernel, Data, Shown, "old_vcpu=";
/// Operation.
AUDITD_DATA_OP = "auditd.data.op": Keyword, Many, Process, Data, Shown, "op=";
/// AppArmor operation.
AUDITD_DATA_OPERATION = "auditd.data.operation": Keyword, Many, Kernel, Data, Shown, "operation=";
/// Pid of the target process.
AUDITD_DATA_OPID = "auditd.data.opid": Keyword, Many, Kernel, Data, Shown, "opid=";
/// Session of the target process.
AUDITD_DATA_OSES = "auditd.data.oses": Keyword, Many, Kernel, Data, Shown, "oses=";
/// Owner of an object.
AUDITD_DATA_OUID = "auditd.data.ouid": Keyword, Many, Kernel, Data, Shown, "ouid=";
/// Outgoing interface.
AUDITD_DATA_OUTIF = "auditd.data.outif": Keyword, Many, Kernel, Data, Shown, "outif=";
/// Ambient capabilities.
AUDITD_DATA_PA = "auditd.data.pa": Keyword, Many, Kernel, Data, Shown, "pa=";
/// Inode of a parent.
AUDITD_DATA_PARENT = "auditd.data.parent": Keyword, Many, Kernel, Data, Shown, "parent=";
/// Path.
AUDITD_DATA_PATH = "auditd.data.path": Keyword, Many, Process, Data, Shown, "path=";
/// Effective capabilities.
AUDITD_DATA_PE = "auditd.data.pe": Keyword, Many, Kernel, Data, Shown, "pe=";
/// Peer of an AppArmor check.
AUDITD_DATA_PEER = "auditd.data.peer": Keyword, Many, Kernel, Data, Shown, "peer=";
/// Personality, hexadecimal.
AUDITD_DATA_PER = "auditd.data.per": Keyword, Many, Kernel, Data, Shown, "per=";
/// Permissions, hexadecimal.
AUDITD_DATA_PERM = "auditd.data.perm": Keyword, Many, Kernel, Data, Shown, "perm=";
/// Permission mask.
AUDITD_DATA_PERM_MASK = "auditd.data.perm_mask": Keyword, Many, Kernel, Data, Shown, "perm_mask=";
/// Whether SELinux only reported.
AUDITD_DATA_PERMISSIVE = "auditd.data.permissive": Keyword, Many, Kernel, Data, Shown, "permissive=";
/// Perfect forward secrecy.
AUDITD_DATA_PFS = "auditd.data.pfs": Keyword, Many, Kernel, Data, Shown, "pfs=";
/// Inheritable capabilities.
AUDITD_DATA_PI = "auditd.data.pi": Keyword, Many, Kernel, Data, Shown, "pi=";
/// Permitted capabilities.
AUDITD_DATA_PP = "auditd.data.pp": Keyword, Many, Kernel, Data, Shown, "pp=";
/// Name of a printer.
AUDITD_DATA_PRINTER = "auditd.data.printer": Keyword, Many, Kernel, Data, Shown, "printer=";
/// AppArmor profile.
AUDITD_DATA_PROFILE = "auditd.data.profile": Keyword, Many, Kernel, Data, Shown, "profile=";
/// Number of a BPF program.
AUDITD_DATA_PROG_ID = "auditd.data.prog_id": Keyword, Many, Kernel, Data, Shown, "prog_id=";
/// Promiscuous flag.
AUDITD_DATA_PROM = "auditd.data.prom": Keyword, Many, Kernel, Data, Shown, "prom=";
/// IP protocol.
AUDITD_DATA_PROTO = "auditd.data.proto": Keyword, Many, Kernel, Data, Shown, "proto=";
/// Size of a message queue.
AUDITD_DATA_QBYTES = "auditd.data.qbytes": Keyword, Many, Kernel, Data, Shown, "qbytes=";
/// SELinux range.
AUDITD_DATA_RANGE = "auditd.data.range": Keyword, Many, Kernel, Data, Shown, "range=";
/// Device number.
AUDITD_DATA_RDEV = "auditd.data.rdev": Keyword, Many, Kernel, Data, Shown, "rdev=";
/// Reason of a failure.
AUDITD_DATA_REASON = "auditd.data.reason": Keyword, Many, Process, Data, Shown, "reason=";
/// Number of deleted files found.
AUDITD_DATA_REMOVED = "auditd.data.removed": Keyword, Many, Kernel, Data, Shown, "removed=";
/// Access that was asked of AppArmor.
AUDITD_DATA_REQUESTED_MASK = "auditd.data.requested_mask": Keyword, Many, Kernel, Data, Shown, "requested_mask=";
/// Result of a message.
AUDITD_DATA_RES = "auditd.data.res": Keyword, Many, Process, Data, Shown, "res=";
/// Fanotify response.
AUDITD_DATA_RESP = "auditd.data.resp": Keyword, Many, Kernel, Data, Shown, "resp=";
/// Resource of a virtual machine.
AUDITD_DATA_RESRC = "auditd.data.resrc": Keyword, Many, Kernel, Data, Shown, "resrc=";
/// Result of a message.
AUDITD_DATA_RESULT = "auditd.data.result": Keyword, Many, Process, Data, Shown, "result=";
/// SELinux role.
AUDITD_DATA_ROLE = "auditd.data.role": Keyword, Many, Kernel, Data, Shown, "role=";
/// Remote port.
AUDITD_DATA_RPORT = "auditd.data.rport": Keyword, Many, Kernel, Data, Shown, "rport=";
/// Socket address, hexadecimal.
AUDITD_DATA_SADDR = "auditd.data.saddr": Keyword, Many, Kernel, Data, Shown, "saddr=";
/// Login user of the sender of a signal.
AUDITD_DATA_SAUID = "auditd.data.sauid": Keyword, Many, Kernel, Data, Shown, "sauid=";
/// SELinux context of the subject.
AUDITD_DATA_SCONTEXT = "auditd.data.scontext": Keyword, Many, Kernel, Data, Shown, "scontext=";
/// SELinux context that was chosen.
AUDITD_DATA_SELECTED_CONTEXT = "auditd.data.selected_context": Keyword, Many, Kernel, Data, Shown, "selected_context=";
/// SELinux permission.
AUDITD_DATA_SEPERM = "auditd.data.seperm": Keyword, Many, Kernel, Data, Shown, "seperm=";
/// SELinux permissions of the check.
AUDITD_DATA_SEPERMS = "auditd.data.seperms": Keyword, Many, Kernel, Data, Shown, "seperms=";
/// SELinux policy sequence number.
AUDITD_DATA_SEQNO = "auditd.data.seqno": Keyword, Many, Kernel, Data, Shown, "seqno=";
/// SELinux verdict.
AUDITD_DATA_SERESULT = "auditd.data.seresult": Keyword, Many, Kernel, Data, Shown, "seresult=";
/// SELinux user.
AUDITD_DATA_SEUSER = "auditd.data.seuser": Keyword, Many, Kernel, Data, Shown, "seuser=";
/// Signal.
AUDITD_DATA_SIG = "auditd.data.sig": Keyword, Many, Kernel, Data, Shown, "sig=";
/// Signal of a notification.
AUDITD_DATA_SIGEV_SIGNO = "auditd.data.sigev_signo": Keyword, Many, Kernel, Data, Shown, "sigev_signo=";
/// MAC address of the source.
AUDITD_DATA_SMAC = "auditd.data.smac": Keyword, Many, Kernel, Data, Shown, "smac=";
/// Address of the socket.
AUDITD_DATA_SOCKET_ADDR = "auditd.data.socket.addr": Keyword, One, Kernel, Network, Shown, "SOCKADDR saddr=";
/// `ipv4`, `ipv6`, `unix`, `netlink`, or the number of the family.
AUDITD_DATA_SOCKET_FAMILY = "auditd.data.socket.family": Keyword, One, Kernel, Network, Shown, "SOCKADDR saddr=";
/// Path of a Unix socket; an abstract one begins with @.
AUDITD_DATA_SOCKET_PATH = "auditd.data.socket.path": Keyword, One, Kernel, Network, Shown, "SOCKADDR saddr=";
/// Port of the socket, as text.
AUDITD_DATA_SOCKET_PORT = "auditd.data.socket.port": Keyword, One, Kernel, Network, Shown, "SOCKADDR saddr=";
/// Pid of the sender.
AUDITD_DATA_SPID = "auditd.data.spid": Keyword, Many, Kernel, Data, Shown, "spid=";
/// Local port.
AUDITD_DATA_SPORT = "auditd.data.sport": Keyword, Many, Kernel, Data, Shown, "sport=";
/// State.
AUDITD_DATA_STATE = "auditd.data.state": Keyword, Many, Kernel, Data, Shown, "state=";
/// Security context of the process.
AUDITD_DATA_SUBJ = "auditd.data.subj": Keyword, Many, Kernel, Data, Shown, "subj=";
/// Trust of the subject.
AUDITD_DATA_SUBJ_TRUST = "auditd.data.subj_trust": Keyword, Many, Kernel, Data, Shown, "subj_trust=";
/// Cipher suite.
AUDITD_DATA_SUITE = "auditd.data.suite": Keyword, Many, Kernel, Data, Shown, "suite=";
/// Name of the system call.
AUDITD_DATA_SYSCALL = "auditd.data.syscall": Keyword, Many, Kernel, Data, Shown, "syscall=";
/// Netfilter table.
AUDITD_DATA_TABLE = "auditd.data.table": Keyword, Many, Kernel, Data, Shown, "table=";
/// Target of an operation.
AUDITD_DATA_TARGET = "auditd.data.target": Keyword, Many, Kernel, Data, Shown, "target=";
/// SELinux class of the object.
AUDITD_DATA_TCLASS = "auditd.data.tclass": Keyword, Many, Kernel, Data, Shown, "tclass=";
/// SELinux context of the object.
AUDITD_DATA_TCONTEXT = "auditd.data.tcontext": Keyword, Many, Kernel, Data, Shown, "tcontext=";
/// Terminal of a user message.
AUDITD_DATA_TERMINAL = "auditd.data.terminal": Keyword, Many, Process, Data, Shown, "terminal=";
/// Text of a user message.
AUDITD_DATA_TEXT = "auditd.data.text": Keyword, Many, Process, Data, Shown, "text=";
/// Controlling terminal.
AUDITD_DATA_TTY = "auditd.data.tty": Keyword, Many, Kernel, Data, Shown, "tty=";
/// Type of an operation.
AUDITD_DATA_TYPE = "auditd.data.type": Keyword, Many, Kernel, Data, Shown, "type=";
/// Name of a service.
AUDITD_DATA_UNIT = "auditd.data.unit": Keyword, Many, Process, Data, Shown, "unit=";
/// URI of a print job.
AUDITD_DATA_URI = "auditd.data.uri": Keyword, Many, Kernel, Data, Shown, "uri=";
/// User of a print job.
AUDITD_DATA_USER = "auditd.data.user": Keyword, Many, Kernel, Data, Shown, "user=";
/// Id of a virtual machine.
AUDITD_DATA_UUID = "auditd.data.uuid": Keyword, Many, Kernel, Data, Shown, "uuid=";
/// Value.
AUDITD_DATA_VAL = "auditd.data.val": Keyword, Many, Kernel, Data, Shown, "val=";
/// Version.
AUDITD_DATA_VER = "auditd.data.ver": Keyword, Many, Kernel, Data, Shown, "ver=";
/// Kind of virtualisation.
AUDITD_DATA_VIRT = "auditd.data.virt": Keyword, Many, Kernel, Data, Shown, "virt=";
/// Name of a virtual machine.
AUDITD_DATA_VM = "auditd.data.vm": Keyword, Many, Kernel, Data, Shown, "vm=";
/// SELinux context of a virtual machine.
AUDITD_DATA_VM_CTX = "auditd.data.vm_ctx": Keyword, Many, Kernel, Data, Shown, "vm_ctx=";
/// Pid of a virtual machine.
AUDITD_DATA_VM_PID = "auditd.data.vm_pid": Keyword, Many, Kernel, Data, Shown, "vm_pid=";
/// File of a watch.
AUDITD_DATA_WATCH = "auditd.data.watch": Keyword, Many, Kernel, Data, Shown, "watch=";
/// True when records of the event are known to be missing.
AUDITD_INCOMPLETE = "auditd.incomplete": Boolean, One, Kernel, Auditd, Shown, "items=, argc=, EOE";
/// Type of the leading record, in lower case.
AUDITD_MESSAGE_TYPE = "auditd.message_type": Keyword, One, Kernel, Auditd, Shown, "record type";
/// PATH records: effective bit of the file's capabilities.
AUDITD_PATHS_CAP_FE = "auditd.paths.cap_fe": Keyword, Many, Kernel, Paths, Shown, "PATH cap_fe=";
/// PATH records: inheritable file capabilities.
AUDITD_PATHS_CAP_FI = "auditd.paths.cap_fi": Keyword, Many, Kernel, Paths, Shown, "PATH cap_fi=";
/// PATH records: permitted file capabilities.
AUDITD_PATHS_CAP_FP = "auditd.paths.cap_fp": Keyword, Many, Kernel, Paths, Shown, "PATH cap_fp=";
/// PATH records: root id of the file capabilities.
AUDITD_PATHS_CAP_FROOTID = "auditd.paths.cap_frootid": Keyword, Many, Kernel, Paths, Shown, "PATH cap_frootid=";
/// PATH records: version of the file capabilities.
AUDITD_PATHS_CAP_FVER = "auditd.paths.cap_fver": Keyword, Many, Kernel, Paths, Shown, "PATH cap_fver=";
/// PATH records: device.
AUDITD_PATHS_DEV = "auditd.paths.dev": Keyword, Many, Kernel, Paths, Shown, "PATH dev=";
/// PATH records: inode.
AUDITD_PATHS_INODE = "auditd.paths.inode": Keyword, Many, Kernel, Paths, Shown, "PATH inode=";
/// PATH records: number of the item.
AUDITD_PATHS_ITEM = "auditd.paths.item": Keyword, Many, Kernel, Paths, Shown, "PATH item=";
/// PATH records: type and permissions.
AUDITD_PATHS_MODE = "auditd.paths.mode": Keyword, Many, Kernel, Paths, Shown, "PATH mode=";
/// PATH records: name as the process gave it.
AUDITD_PATHS_NAME = "auditd.paths.name": Keyword, Many, Process, Paths, Shown, "PATH name=";
/// PATH records: role: NORMAL, PARENT, CREATE, DELETE, UNKNOWN.
AUDITD_PATHS_NAMETYPE = "auditd.paths.nametype": Keyword, Many, Kernel, Paths, Shown, "PATH nametype=";
/// PATH records: SELinux context.
AUDITD_PATHS_OBJ = "auditd.paths.obj": Keyword, Many, Kernel, Paths, Shown, "PATH obj=";
/// PATH records: group.
AUDITD_PATHS_OGID = "auditd.paths.ogid": Keyword, Many, Kernel, Paths, Shown, "PATH ogid=";
/// PATH records: owner.
AUDITD_PATHS_OUID = "auditd.paths.ouid": Keyword, Many, Kernel, Paths, Shown, "PATH ouid=";
/// PATH records: device number of a device file.
AUDITD_PATHS_RDEV = "auditd.paths.rdev": Keyword, Many, Kernel, Paths, Shown, "PATH rdev=";
/// `success` or `fail`.
AUDITD_RESULT = "auditd.result": Keyword, One, Kernel, Auditd, Shown, "SYSCALL success=, res=";
/// Login session; absent when unset.
AUDITD_SESSION = "auditd.session": Keyword, One, Kernel, Auditd, Shown, "ses=";
/// Who did it: the login user, else `unset`.
AUDITD_SUMMARY_ACTOR_PRIMARY = "auditd.summary.actor.primary": Keyword, One, Kernel, Auditd, Shown, "auid=";
/// As whom it was done.
AUDITD_SUMMARY_ACTOR_SECONDARY = "auditd.summary.actor.secondary": Keyword, One, Kernel, Auditd, Shown, "uid=";
/// By which program.
AUDITD_SUMMARY_HOW = "auditd.summary.how": Keyword, One, Kernel, Auditd, Shown, "process.executable";
/// To what it was done.
AUDITD_SUMMARY_OBJECT_PRIMARY = "auditd.summary.object.primary": Keyword, One, Process, Auditd, Shown, "PATH, SOCKADDR, acct=";
/// More of the same.
AUDITD_SUMMARY_OBJECT_SECONDARY = "auditd.summary.object.secondary": Keyword, One, Process, Auditd, Shown, "PATH of a rename, port";
/// What kind of thing that is: `file`, `socket`, `user-session` …
AUDITD_SUMMARY_OBJECT_TYPE = "auditd.summary.object.type": Keyword, One, Derived, Auditd, Shown, "record types";
/// The file that an account or group stands in.
AUDITWARD_ACCOUNT_FILE = "auditward.account.file": Keyword, One, Derived, Account, Shown, "/etc/passwd, /etc/group and the like";
/// What stood there before.
AUDITWARD_ACCOUNT_FROM = "auditward.account.from": Keyword, One, Process, Account, Shown, "the last known state";
/// The line in the file.
AUDITWARD_ACCOUNT_LINE = "auditward.account.line": Long, One, Derived, Account, Shown, "/etc/passwd, /etc/group and the like";
/// Whether the change gives somebody more than he had.
AUDITWARD_ACCOUNT_PRIVILEGED = "auditward.account.privileged": Boolean, One, Derived, Account, Shown, "the difference of two states";
/// Whether an account is called root beside the one of /etc/passwd.
AUDITWARD_ACCOUNT_SHADOWS_ROOT = "auditward.account.shadows_root": Boolean, One, Derived, Account, Shown, "the account files";
/// Whether the account is the system's: a UID below 1000, before the change.
AUDITWARD_ACCOUNT_SYSTEM = "auditward.account.system": Boolean, One, Derived, Account, Shown, "the account files";
/// What stands there now.
AUDITWARD_ACCOUNT_TO = "auditward.account.to": Keyword, One, Process, Account, Shown, "the account files";
/// The UID of the account, after the change.
AUDITWARD_ACCOUNT_UID = "auditward.account.uid": Keyword, One, Process, Account, Shown, "the account files";
/// Whether one program wrote the file since the last known state, several may have, none is known, or nobody looked (`unseen`).
AUDITWARD_ACCOUNT_WRITER = "auditward.account.writer": Keyword, One, Derived, Account, Shown, "records of writes, renames";
/// The programs that may have written it.
AUDITWARD_ACCOUNT_WRITERS = "auditward.account.writers": Keyword, Many, Derived, Account, Shown, "records of writes, renames";
/// The parents' programs, nearest first, as far as the line is known; an alert's document has them under `auditward.ancestors`.
AUDITWARD_ANCESTORS_EXECUTABLE = "auditward.ancestors.executable": Keyword, Many, Kernel, Ancestors, Matched, "process table: their own exec, or /proc/PID";
/// Id of the container whose cgroup the process is in.
CONTAINER_ID = "container.id": Keyword, One, Kernel, Process, Shown, "/proc/PID/cgroup, inherited by children";
/// `auditward.event`; in matching the data sets in which other producers keep such an event.
DATA_STREAM_DATASET = "data_stream.dataset": ConstantKeyword, Many, Derived, Event, Exported, "record types";
/// `default`.
DATA_STREAM_NAMESPACE = "data_stream.namespace": ConstantKeyword, One, Derived, Event, Exported, "always";
/// `logs`.
DATA_STREAM_TYPE = "data_stream.type": ConstantKeyword, One, Derived, Event, Exported, "always";
/// Peer of connect and sendto: an address or the path of a Unix socket.
DESTINATION_ADDRESS = "destination.address": Keyword, One, Kernel, Network, Shown, "SOCKADDR saddr=";
/// Peer of connect and sendto.
DESTINATION_IP = "destination.ip": Ip, One, Kernel, Network, Shown, "SOCKADDR saddr=";
/// Peer's port of connect and sendto.
DESTINATION_PORT = "destination.port": Long, One, Kernel, Network, Shown, "SOCKADDR saddr=";
/// Name asked of the DNS; audit records hold no payload.
DNS_QUESTION_NAME = "dns.question.name": Keyword, One, Derived, Absent, Matched, "";
/// The version of ECS that the document follows.
ECS_VERSION = "ecs.version": Keyword, One, Derived, Event, Exported, "always";
/// What happened. Shown as one word for each act (`executed`); in matching it answers to every producer's word for the same act.
EVENT_ACTION = "event.action": Keyword, Many, Derived, Event, Shown, "record types, SYSCALL arch= syscall=";
/// ECS categories of the event.
EVENT_CATEGORY = "event.category": Keyword, Many, Derived, Event, Shown, "record types, SYSCALL arch= syscall=";
/// The number of the leading record's type.
EVENT_CODE = "event.code": Keyword, One, Kernel, Event, Matched, "record type";
/// When the event was put together; in a replay the same as `@timestamp`.
EVENT_CREATED = "event.created": Date, One, Derived, Event, Shown, "clock of the daemon";
/// `auditward.event`; in matching the data sets in which other producers keep such an event.
EVENT_DATASET = "event.dataset": Keyword, Many, Derived, Event, Exported, "record types";
/// HOST/SECONDS.MILLIS:SERIAL: the same in every run over the same records.
EVENT_ID = "event.id": Keyword, One, Kernel, Event, Shown, "node=, audit(SECONDS.MILLIS:SERIAL)";
/// `event`.
EVENT_KIND = "event.kind": Keyword, One, Derived, Event, Shown, "always";
/// `auditward`; in matching also `auditd` and `endpoint`.
EVENT_MODULE = "event.module": Keyword, Many, Derived, Event, Shown, "always";
/// `success`, `failure`, or `unknown` where no record says.
EVENT_OUTCOME = "event.outcome": Keyword, One, Kernel, Event, Shown, "SYSCALL success=, res=";
/// The kernel's event serial.
EVENT_SEQUENCE = "event.sequence": Long, One, Kernel, Event, Shown, "audit(…:SERIAL)";
/// Severity that a producer gave; audit records have none.
EVENT_SEVERITY = "event.severity": Long, One, Derived, Absent, Matched, "";
/// ECS types of the event.
EVENT_TYPE = "event.type": Keyword, Many, Derived, Event, Shown, "record types, SYSCALL arch= syscall=, PATH nametype=";
/// Extension before a rename.
FILE_EXT_ORIGINAL_EXTENSION = "file.Ext.original.extension": Keyword, One, Process, File, Shown, "PATH nametype=DELETE of a rename";
/// Name before a rename.
FILE_EXT_ORIGINAL_NAME = "file.Ext.original.name": Keyword, One, Process, File, Shown, "PATH nametype=DELETE of a rename";
/// Path before a rename.
FILE_EXT_ORIGINAL_PATH = "file.Ext.original.path": Keyword, One, Process, File, Shown, "PATH nametype=DELETE of a rename";
/// Device of the file.
FILE_DEVICE = "file.device": Keyword, One, Kernel, File, Shown, "PATH dev=";
/// Directory of `file.path`.
FILE_DIRECTORY = "file.directory": Keyword, One, Process, File, Shown, "PATH name=, CWD";
/// What follows the last dot of the name.
FILE_EXTENSION = "file.extension": Keyword, One, Process, File, Shown, "PATH name=";
/// Group of the file.
FILE_GID = "file.gid": Keyword, One, Kernel, File, Shown, "PATH ogid=";
/// Name of the file's group.
FILE_GROUP = "file.group": Keyword, One, Derived, File, Shown, "PATH OGID=";
/// Inode of the file.
FILE_INODE = "file.inode": Keyword, One, Kernel, File, Shown, "PATH inode=";
/// Permissions in octal digits.
FILE_MODE = "file.mode": Keyword, One, Kernel, File, Shown, "PATH mode=";
/// Last part of the name.
FILE_NAME = "file.name": Keyword, One, Process, File, Shown, "PATH name=";
/// Name of the file's owner.
FILE_OWNER = "file.owner": Keyword, One, Derived, File, Shown, "PATH OUID=";
/// Whole path of the file, when it is known.
FILE_PATH = "file.path": Keyword, One, Process, File, Shown, "PATH name=, CWD; absent when relative to a descriptor; `..` is taken out by name";
/// What a new symbolic link points to.
FILE_TARGET_PATH = "file.target_path": Keyword, One, Process, File, Shown, "PATH name= of symlink";
/// `file`, `dir`, `symlink`, `device` …
FILE_TYPE = "file.type": Keyword, One, Kernel, File, Shown, "PATH mode=";
/// Owner of the file.
FILE_UID = "file.uid": Keyword, One, Kernel, File, Shown, "PATH ouid=";
/// Real group, where Elastic Defend keeps it.
GROUP_EXT_REAL_ID = "group.Ext.real.id": Keyword, One, Kernel, User, Matched, "SYSCALL gid=";
/// Name of the real group, where Elastic Defend keeps it.
GROUP_EXT_REAL_NAME = "group.Ext.real.name": Keyword, One, Derived, User, Matched, "GID= of ENRICHED records";
/// Real group: number, as text.
GROUP_ID = "group.id": Keyword, One, Kernel, User, Shown, "SYSCALL gid=";
/// Real group: name.
GROUP_NAME = "group.name": Keyword, One, Derived, User, Shown, "GID= of ENRICHED records, /etc/group";
/// Hardware architecture of the host.
HOST_ARCHITECTURE = "host.architecture": Keyword, One, Derived, Host, Shown, "uname, live";
/// The host's own name.
HOST_HOSTNAME = "host.hostname": Keyword, One, Derived, Host, Shown, "node=, uname";
/// Stable id of the host.
HOST_ID = "host.id": Keyword, One, Derived, Host, Shown, "/etc/machine-id, --host-id, node=";
/// Addresses of the host.
HOST_IP = "host.ip": Ip, Many, Derived, Absent, Matched, "";
/// Name of the host.
HOST_NAME = "host.name": Keyword, One, Derived, Host, Shown, "node=, uname";
/// Kernel release.
HOST_OS_KERNEL = "host.os.kernel": Keyword, One, Derived, Host, Shown, "uname, live";
/// `linux`.
HOST_OS_TYPE = "host.os.type": Keyword, One, Derived, Host, Shown, "always";
/// Body of an HTTP request.
HTTP_REQUEST_BODY_CONTENT = "http.request.body.content": Wildcard, One, Derived, Absent, Matched, "";
/// Method of an HTTP request.
HTTP_REQUEST_METHOD = "http.request.method": Keyword, One, Derived, Absent, Matched, "";
/// Status of an HTTP response.
HTTP_RESPONSE_STATUS_CODE = "http.response.status_code": Long, One, Derived, Absent, Matched, "";
/// From the audit log of a Kubernetes API server, which is another source.
KUBERNETES_AUDIT_ANNOTATIONS_AUTHORIZATION_K8S_IO_DECISION = "kubernetes.audit.annotations.authorization_k8s_io/decision": Keyword, One, Derived, Absent, Matched, "";
/// From the audit log of a Kubernetes API server, which is another source.
KUBERNETES_AUDIT_OBJECTREF_RESOURCE = "kubernetes.audit.objectRef.resource": Keyword, One, Derived, Absent, Matched, "";
/// From the audit log of a Kubernetes API server, which is another source.
KUBERNETES_AUDIT_OBJECTREF_SUBRESOURCE = "kubernetes.audit.objectRef.subresource": Keyword, One, Derived, Absent, Matched, "";
/// From the audit log of a Kubernetes API server, which is another source.
KUBERNETES_AUDIT_STAGE = "kubernetes.audit.stage": Keyword, One, Derived, Absent, Matched, "";
/// From the audit log of a Kubernetes API server, which is another source.
KUBERNETES_AUDIT_USER_EXTRA_AUTHENTICATION_KUBERNETES_IO_POD_NAME = "kubernetes.audit.user.extra.authentication.kubernetes.io/pod-name": Keyword, One, Derived, Absent, Matched, "";
/// From the audit log of a Kubernetes API server, which is another source.
KUBERNETES_AUDIT_VERB = "kubernetes.audit.verb": Keyword, One, Derived, Absent, Matched, "";
/// Application protocol; audit records hold no payload.
NETWORK_APPLICATION = "network.application": Keyword, One, Derived, Absent, Matched, "";
/// `egress` for connect and sendto, `ingress` for accept.
NETWORK_DIRECTION = "network.direction": Keyword, One, Derived, Network, Shown, "SYSCALL syscall=";
/// Transport protocol; the socket's type stands in no record.
NETWORK_TRANSPORT = "network.transport": Keyword, One, Derived, Absent, Matched, "";
/// `ipv4` or `ipv6`.
NETWORK_TYPE = "network.type": Keyword, One, Kernel, Network, Shown, "SOCKADDR saddr=";
/// Resource of an orchestrator.
ORCHESTRATOR_RESOURCE_NAME = "orchestrator.resource.name": Keyword, One, Derived, Absent, Matched, "";
/// What taints the kernel's module that was loaded ("OE"); live only, and where something does.
PROCESS_EXT_LOAD_MODULE_TAINT_FLAGS = "process.Ext.load_module.taint_flags": Keyword, One, Derived, Process, Shown, "/sys/module/NAME/taint";
/// The process: its arguments, the first its name.
PROCESS_ARGS = "process.args": Keyword, Many, Process, Process, Shown, "EXECVE aN=; /proc/PID/cmdline for a process that no exec told";
/// The process: number of arguments.
PROCESS_ARGS_COUNT = "process.args_count": Long, One, Kernel, Process, Shown, "EXECVE argc=";
/// Whether the program is signed.
PROCESS_CODE_SIGNATURE_EXISTS = "process.code_signature.exists": Boolean, One, Derived, Absent, Matched, "";
/// Whether the signature is trusted.
PROCESS_CODE_SIGNATURE_TRUSTED = "process.code_signature.trusted": Boolean, One, Derived, Absent, Matched, "";
/// The process: the arguments joined by blanks.
PROCESS_COMMAND_LINE = "process.command_line": Wildcard, One, Process, Process, Shown, "EXECVE aN=; /proc/PID/cmdline for a process that no exec told";
/// When the process ended.
PROCESS_END = "process.end": Date, One, Kernel, Process, Shown, "exit and exit_group";
/// Names this one process; survives an exec, never given to another.
PROCESS_ENTITY_ID = "process.entity_id": Keyword, One, Derived, Process, Shown, "host.id, pid and start";
/// The process that began the login session, service or container: its arguments, the first its name.
PROCESS_ENTRY_LEADER_ARGS = "process.entry_leader.args": Keyword, Many, Process, EntryLeader, Shown, "process table: its own exec, or /proc/PID";
/// The process that began the login session, service or container: number of arguments.
PROCESS_ENTRY_LEADER_ARGS_COUNT = "process.entry_leader.args_count": Long, One, Process, EntryLeader, Shown, "process table: its own exec, or /proc/PID";
/// The process that began the login session, service or container: the arguments joined by blanks.
PROCESS_ENTRY_LEADER_COMMAND_LINE = "process.entry_leader.command_line": Wildcard, One, Process, EntryLeader, Shown, "process table: its own exec, or /proc/PID";
/// Names this one process; survives an exec, never given to another.
PROCESS_ENTRY_LEADER_ENTITY_ID = "process.entry_leader.entity_id": Keyword, One, Derived, EntryLeader, Shown, "host.id, pid and start";
/// How the session began: `init`, `sshd`, `terminal`, `container`, `kernel`, or `unknown`.
PROCESS_ENTRY_LEADER_ENTRY_META_TYPE = "process.entry_leader.entry_meta.type": Keyword, One, Derived, EntryLeader, Shown, "process table: its own exec, or /proc/PID";
/// The process that began the login session, service or container: the program's path, links resolved; the interpreter of a script.
PROCESS_ENTRY_LEADER_EXECUTABLE = "process.entry_leader.executable": Keyword, One, Kernel, EntryLeader, Shown, "process table: its own exec, or /proc/PID";
/// The process that began the login session, service or container: id of its effective group when last seen.
PROCESS_ENTRY_LEADER_GROUP_ID = "process.entry_leader.group.id": Keyword, One, Kernel, EntryLeader, Shown, "process table: its own exec, or /proc/PID";
/// The process that began the login session, service or container: whether it has a controlling terminal.
PROCESS_ENTRY_LEADER_INTERACTIVE = "process.entry_leader.interactive": Boolean, One, Kernel, EntryLeader, Shown, "process table: its own exec, or /proc/PID";
/// The process that began the login session, service or container: base name of the program, of the script for a script (docs/process-name.md).
PROCESS_ENTRY_LEADER_NAME = "process.entry_leader.name": Keyword, One, Process, EntryLeader, Shown, "process table: its own exec, or /proc/PID";
/// The process that began the login session, service or container: process id.
PROCESS_ENTRY_LEADER_PID = "process.entry_leader.pid": Long, One, Kernel, EntryLeader, Shown, "process table: its own exec, or /proc/PID";
/// The process that began the login session, service or container: id of its real group when last seen.
PROCESS_ENTRY_LEADER_REAL_GROUP_ID = "process.entry_leader.real_group.id": Keyword, One, Kernel, EntryLeader, Matched, "process table: its own exec, or /proc/PID";
/// The process that began the login session, service or container: id of its real user when last seen.
PROCESS_ENTRY_LEADER_REAL_USER_ID = "process.entry_leader.real_user.id": Keyword, One, Kernel, EntryLeader, Matched, "process table: its own exec, or /proc/PID";
/// The process that began the login session, service or container: when it began, as far as known.
PROCESS_ENTRY_LEADER_START = "process.entry_leader.start": Date, One, Derived, EntryLeader, Shown, "fork, /proc/PID/stat field 22, or first seen";
/// The process that began the login session, service or container: controlling terminal, major number.
PROCESS_ENTRY_LEADER_TTY_CHAR_DEVICE_MAJOR = "process.entry_leader.tty.char_device.major": Long, One, Kernel, EntryLeader, Shown, "process table: its own exec, or /proc/PID";
/// The process that began the login session, service or container: controlling terminal, minor number.
PROCESS_ENTRY_LEADER_TTY_CHAR_DEVICE_MINOR = "process.entry_leader.tty.char_device.minor": Long, One, Kernel, EntryLeader, Shown, "process table: its own exec, or /proc/PID";
/// The process that began the login session, service or container: id of its effective user when last seen.
PROCESS_ENTRY_LEADER_USER_ID = "process.entry_leader.user.id": Keyword, One, Kernel, EntryLeader, Shown, "process table: its own exec, or /proc/PID";
/// The process that began the login session, service or container: working directory.
PROCESS_ENTRY_LEADER_WORKING_DIRECTORY = "process.entry_leader.working_directory": Keyword, One, Process, EntryLeader, Shown, "process table: its own exec, or /proc/PID";
/// Some variables of the environment that a program was started with; live only, where the probe runs.
PROCESS_ENV_VARS = "process.env_vars": Keyword, Many, Process, Process, Shown, "/proc/PID/environ, by the probe";
/// The process: the program's path, links resolved; the interpreter of a script.
PROCESS_EXECUTABLE = "process.executable": Keyword, One, Kernel, Process, Shown, "SYSCALL exe=; of a message of a process of which no record has told, what the message says in exe=";
/// Exit code, with the event that ends the process.
PROCESS_EXIT_CODE = "process.exit_code": Long, One, Kernel, Process, Shown, "SYSCALL a0= of exit and exit_group";
/// The same as Elastic Defend shows it: the egid.
PROCESS_GROUP_ID = "process.group.id": Keyword, One, Kernel, Process, Matched, "SYSCALL egid=";
/// The leader of the process group: its arguments, the first its name.
PROCESS_GROUP_LEADER_ARGS = "process.group_leader.args": Keyword, Many, Process, GroupLeader, Shown, "process table: its own exec, or /proc/PID";
/// The leader of the process group: number of arguments.
PROCESS_GROUP_LEADER_ARGS_COUNT = "process.group_leader.args_count": Long, One, Process, GroupLeader, Shown, "process table: its own exec, or /proc/PID";
/// The leader of the process group: the arguments joined by blanks.
PROCESS_GROUP_LEADER_COMMAND_LINE = "process.group_leader.command_line": Wildcard, One, Process, GroupLeader, Shown, "process table: its own exec, or /proc/PID";
/// Names this one process; survives an exec, never given to another.
PROCESS_GROUP_LEADER_ENTITY_ID = "process.group_leader.entity_id": Keyword, One, Derived, GroupLeader, Shown, "host.id, pid and start";
/// The leader of the process group: the program's path, links resolved; the interpreter of a script.
PROCESS_GROUP_LEADER_EXECUTABLE = "process.group_leader.executable": Keyword, One, Kernel, GroupLeader, Shown, "process table: its own exec, or /proc/PID";
/// The leader of the process group: id of its effective group when last seen.
PROCESS_GROUP_LEADER_GROUP_ID = "process.group_leader.group.id": Keyword, One, Kernel, GroupLeader, Shown, "process table: its own exec, or /proc/PID";
/// The leader of the process group: whether it has a controlling terminal.
PROCESS_GROUP_LEADER_INTERACTIVE = "process.group_leader.interactive": Boolean, One, Kernel, GroupLeader, Shown, "process table: its own exec, or /proc/PID";
/// The leader of the process group: base name of the program, of the script for a script (docs/process-name.md).
PROCESS_GROUP_LEADER_NAME = "process.group_leader.name": Keyword, One, Process, GroupLeader, Shown, "process table: its own exec, or /proc/PID";
/// The leader of the process group: process id.
PROCESS_GROUP_LEADER_PID = "process.group_leader.pid": Long, One, Kernel, GroupLeader, Shown, "process table: its own exec, or /proc/PID";
/// The leader of the process group: id of its real group when last seen.
PROCESS_GROUP_LEADER_REAL_GROUP_ID = "process.group_leader.real_group.id": Keyword, One, Kernel, GroupLeader, Matched, "process table: its own exec, or /proc/PID";
/// The leader of the process group: id of its real user when last seen.
PROCESS_GROUP_LEADER_REAL_USER_ID = "process.group_leader.real_user.id": Keyword, One, Kernel, GroupLeader, Matched, "process table: its own exec, or /proc/PID";
/// The leader of the process group: when it began, as far as known.
PROCESS_GROUP_LEADER_START = "process.group_leader.start": Date, One, Derived, GroupLeader, Shown, "fork, /proc/PID/stat field 22, or first seen";
/// The leader of the process group: controlling terminal, major number.
PROCESS_GROUP_LEADER_TTY_CHAR_DEVICE_MAJOR = "process.group_leader.tty.char_device.major": Long, One, Kernel, GroupLeader, Shown, "process table: its own exec, or /proc/PID";
/// The leader of the process group: controlling terminal, minor number.
PROCESS_GROUP_LEADER_TTY_CHAR_DEVICE_MINOR = "process.group_leader.tty.char_device.minor": Long, One, Kernel, GroupLeader, Shown, "process table: its own exec, or /proc/PID";
/// The leader of the process group: id of its effective user when last seen.
PROCESS_GROUP_LEADER_USER_ID = "process.group_leader.user.id": Keyword, One, Kernel, GroupLeader, Shown, "process table: its own exec, or /proc/PID";
/// The leader of the process group: working directory.
PROCESS_GROUP_LEADER_WORKING_DIRECTORY = "process.group_leader.working_directory": Keyword, One, Process, GroupLeader, Shown, "process table: its own exec, or /proc/PID";
/// Digest of the program.
PROCESS_HASH_SHA256 = "process.hash.sha256": Keyword, One, Derived, Absent, Matched, "";
/// The process: whether it has a controlling terminal.
PROCESS_INTERACTIVE = "process.interactive": Boolean, One, Kernel, Process, Shown, "SYSCALL tty=";
/// The process: base name of the program, of the script for a script (docs/process-name.md).
PROCESS_NAME = "process.name": Keyword, One, Process, Process, Shown, "SYSCALL exe= comm=, PATH item=0 name=";
/// The parent: its arguments, the first its name.
PROCESS_PARENT_ARGS = "process.parent.args": Keyword, Many, Process, Parent, Shown, "process table: its own exec, or /proc/PID";
/// The parent: number of arguments.
PROCESS_PARENT_ARGS_COUNT = "process.parent.args_count": Long, One, Process, Parent, Shown, "process table: its own exec, or /proc/PID";
/// Signer of the parent; Linux programs carry no signature.
PROCESS_PARENT_CODE_SIGNATURE_SUBJECT_NAME = "process.parent.code_signature.subject_name": Keyword, One, Derived, Absent, Matched, "";
/// Whether the parent's signature is trusted; Linux programs carry none.
PROCESS_PARENT_CODE_SIGNATURE_TRUSTED = "process.parent.code_signature.trusted": Boolean, One, Derived, Absent, Matched, "";
/// The parent: the arguments joined by blanks.
PROCESS_PARENT_COMMAND_LINE = "process.parent.command_line": Wildcard, One, Process, Parent, Shown, "process table: its own exec, or /proc/PID";
/// Names this one process; survives an exec, never given to another.
PROCESS_PARENT_ENTITY_ID = "process.parent.entity_id": Keyword, One, Derived, Parent, Shown, "host.id, pid and start";
/// The parent: the program's path, links resolved; the interpreter of a script.
PROCESS_PARENT_EXECUTABLE = "process.parent.executable": Keyword, One, Kernel, Parent, Shown, "process table: its own exec, or /proc/PID";
/// The parent: id of its effective group when last seen.
PROCESS_PARENT_GROUP_ID = "process.parent.group.id": Keyword, One, Kernel, Parent, Shown, "process table: its own exec, or /proc/PID";
/// The parent: whether it has a controlling terminal.
PROCESS_PARENT_INTERACTIVE = "process.parent.interactive": Boolean, One, Kernel, Parent, Shown, "process table: its own exec, or /proc/PID";
/// The parent: base name of the program, of the script for a script (docs/process-name.md).
PROCESS_PARENT_NAME = "process.parent.name": Keyword, One, Process, Parent, Shown, "process table: its own exec, or /proc/PID";
/// The parent: process id.
PROCESS_PARENT_PID = "process.parent.pid": Long, One, Kernel, Parent, Shown, "SYSCALL ppid=";
/// The parent: id of its real group when last seen.
PROCESS_PARENT_REAL_GROUP_ID = "process.parent.real_group.id": Keyword, One, Kernel, Parent, Matched, "process table: its own exec, or /proc/PID";
/// The parent: id of its real user when last seen.
PROCESS_PARENT_REAL_USER_ID = "process.parent.real_user.id": Keyword, One, Kernel, Parent, Matched, "process table: its own exec, or /proc/PID";
/// The parent: when it began, as far as known.
PROCESS_PARENT_START = "process.parent.start": Date, One, Derived, Parent, Shown, "fork, /proc/PID/stat field 22, or first seen";
/// The parent: controlling terminal, major number.
PROCESS_PARENT_TTY_CHAR_DEVICE_MAJOR = "process.parent.tty.char_device.major": Long, One, Kernel, Parent, Shown, "process table: its own exec, or /proc/PID";
/// The parent: controlling terminal, minor number.
PROCESS_PARENT_TTY_CHAR_DEVICE_MINOR = "process.parent.tty.char_device.minor": Long, One, Kernel, Parent, Shown, "process table: its own exec, or /proc/PID";
/// The parent: id of its effective user when last seen.
PROCESS_PARENT_USER_ID = "process.parent.user.id": Keyword, One, Kernel, Parent, Shown, "process table: its own exec, or /proc/PID";
/// The parent: working directory.
PROCESS_PARENT_WORKING_DIRECTORY = "process.parent.working_directory": Keyword, One, Process, Parent, Shown, "process table: its own exec, or /proc/PID";
/// The process: process id.
PROCESS_PID = "process.pid": Long, One, Kernel, Process, Shown, "SYSCALL pid=";
/// Arguments before this exec.
PROCESS_PREVIOUS_ARGS = "process.previous.args": Keyword, Many, Process, Process, Matched, "process table: its own exec, or /proc/PID";
/// Program before this exec.
PROCESS_PREVIOUS_EXECUTABLE = "process.previous.executable": Keyword, One, Kernel, Process, Matched, "process table: its own exec, or /proc/PID";
/// The same as Elastic Defend shows it: the gid.
PROCESS_REAL_GROUP_ID = "process.real_group.id": Keyword, One, Kernel, Process, Matched, "SYSCALL gid=";
/// The same as Elastic Defend shows it: the uid.
PROCESS_REAL_USER_ID = "process.real_user.id": Keyword, One, Kernel, Process, Matched, "SYSCALL uid=";
/// The same as Elastic Defend shows it: the sgid.
PROCESS_SAVED_GROUP_ID = "process.saved_group.id": Keyword, One, Kernel, Process, Matched, "SYSCALL sgid=";
/// The same as Elastic Defend shows it: the suid.
PROCESS_SAVED_USER_ID = "process.saved_user.id": Keyword, One, Kernel, Process, Matched, "SYSCALL suid=";
/// The leader of the session: its arguments, the first its name.
PROCESS_SESSION_LEADER_ARGS = "process.session_leader.args": Keyword, Many, Process, SessionLeader, Shown, "process table: its own exec, or /proc/PID";
/// The leader of the session: number of arguments.
PROCESS_SESSION_LEADER_ARGS_COUNT = "process.session_leader.args_count": Long, One, Process, SessionLeader, Shown, "process table: its own exec, or /proc/PID";
/// The leader of the session: the arguments joined by blanks.
PROCESS_SESSION_LEADER_COMMAND_LINE = "process.session_leader.command_line": Wildcard, One, Process, SessionLeader, Shown, "process table: its own exec, or /proc/PID";
/// Names this one process; survives an exec, never given to another.
PROCESS_SESSION_LEADER_ENTITY_ID = "process.session_leader.entity_id": Keyword, One, Derived, SessionLeader, Shown, "host.id, pid and start";
/// The leader of the session: the program's path, links resolved; the interpreter of a script.
PROCESS_SESSION_LEADER_EXECUTABLE = "process.session_leader.executable": Keyword, One, Kernel, SessionLeader, Shown, "process table: its own exec, or /proc/PID";
/// The leader of the session: id of its effective group when last seen.
PROCESS_SESSION_LEADER_GROUP_ID = "process.session_leader.group.id": Keyword, One, Kernel, SessionLeader, Shown, "process table: its own exec, or /proc/PID";
/// The leader of the session: whether it has a controlling terminal.
PROCESS_SESSION_LEADER_INTERACTIVE = "process.session_leader.interactive": Boolean, One, Kernel, SessionLeader, Shown, "process table: its own exec, or /proc/PID";
/// The leader of the session: base name of the program, of the script for a script (docs/process-name.md).
PROCESS_SESSION_LEADER_NAME = "process.session_leader.name": Keyword, One, Process, SessionLeader, Shown, "process table: its own exec, or /proc/PID";
/// The leader of the session: process id.
PROCESS_SESSION_LEADER_PID = "process.session_leader.pid": Long, One, Kernel, SessionLeader, Shown, "process table: its own exec, or /proc/PID";
/// The leader of the session: id of its real group when last seen.
PROCESS_SESSION_LEADER_REAL_GROUP_ID = "process.session_leader.real_group.id": Keyword, One, Kernel, SessionLeader, Matched, "process table: its own exec, or /proc/PID";
/// The leader of the session: id of its real user when last seen.
PROCESS_SESSION_LEADER_REAL_USER_ID = "process.session_leader.real_user.id": Keyword, One, Kernel, SessionLeader, Matched, "process table: its own exec, or /proc/PID";
/// The leader of the session: when it began, as far as known.
PROCESS_SESSION_LEADER_START = "process.session_leader.start": Date, One, Derived, SessionLeader, Shown, "fork, /proc/PID/stat field 22, or first seen";
/// The leader of the session: controlling terminal, major number.
PROCESS_SESSION_LEADER_TTY_CHAR_DEVICE_MAJOR = "process.session_leader.tty.char_device.major": Long, One, Kernel, SessionLeader, Shown, "process table: its own exec, or /proc/PID";
/// The leader of the session: controlling terminal, minor number.
PROCESS_SESSION_LEADER_TTY_CHAR_DEVICE_MINOR = "process.session_leader.tty.char_device.minor": Long, One, Kernel, SessionLeader, Shown, "process table: its own exec, or /proc/PID";
/// The leader of the session: id of its effective user when last seen.
PROCESS_SESSION_LEADER_USER_ID = "process.session_leader.user.id": Keyword, One, Kernel, SessionLeader, Shown, "process table: its own exec, or /proc/PID";
/// The leader of the session: working directory.
PROCESS_SESSION_LEADER_WORKING_DIRECTORY = "process.session_leader.working_directory": Keyword, One, Process, SessionLeader, Shown, "process table: its own exec, or /proc/PID";
/// The process: when it began, as far as known.
PROCESS_START = "process.start": Date, One, Derived, Process, Shown, "fork, /proc/PID/stat field 22, or first seen";
/// Effective capabilities after an exec that changed them.
PROCESS_THREAD_CAPABILITIES_EFFECTIVE = "process.thread.capabilities.effective": Keyword, Many, Kernel, Process, Shown, "BPRM_FCAPS pe=";
/// Permitted capabilities after an exec that changed them.
PROCESS_THREAD_CAPABILITIES_PERMITTED = "process.thread.capabilities.permitted": Keyword, Many, Kernel, Process, Shown, "BPRM_FCAPS pp=";
/// Command line as the process shows it: at most 128 bytes, may be stale or forged.
PROCESS_TITLE = "process.title": Keyword, One, Process, Process, Shown, "PROCTITLE";
/// The process: controlling terminal, major number.
PROCESS_TTY_CHAR_DEVICE_MAJOR = "process.tty.char_device.major": Long, One, Kernel, Process, Shown, "SYSCALL tty=";
/// The process: controlling terminal, minor number.
PROCESS_TTY_CHAR_DEVICE_MINOR = "process.tty.char_device.minor": Long, One, Kernel, Process, Shown, "SYSCALL tty=";
/// The same as Elastic Defend shows it: the euid.
PROCESS_USER_ID = "process.user.id": Keyword, One, Kernel, Process, Matched, "SYSCALL euid=";
/// The process: working directory.
PROCESS_WORKING_DIRECTORY = "process.working_directory": Keyword, One, Process, Process, Shown, "CWD cwd=";
/// Name of a rule of another product.
RULE_NAME = "rule.name": Keyword, One, Derived, Absent, Matched, "";
/// Where the connection or the login came from.
SOURCE_ADDRESS = "source.address": Keyword, One, Process, Network, Shown, "SOCKADDR saddr= of accept; hostname= and addr= of user messages";
/// Name of the source.
SOURCE_DOMAIN = "source.domain": Keyword, One, Derived, Absent, Matched, "";
/// Where the connection or the login came from.
SOURCE_IP = "source.ip": Ip, One, Process, Network, Shown, "SOCKADDR saddr= of accept; addr= of user messages";
/// Peer's port of accept.
SOURCE_PORT = "source.port": Long, One, Kernel, Network, Shown, "SOCKADDR saddr= of accept";
/// The keys of the kernel rules that recorded the event.
TAGS = "tags": Keyword, Many, Kernel, Event, Shown, "SYSCALL key=, CONFIG_CHANGE key=";
/// Extension of the path of a URL.
URL_EXTENSION = "url.extension": Keyword, One, Derived, Absent, Matched, "";
/// Path of a URL.
URL_PATH = "url.path": Wildcard, One, Derived, Absent, Matched, "";
/// Real user, where Elastic Defend keeps it.
USER_EXT_REAL_ID = "user.Ext.real.id": Keyword, One, Kernel, User, Matched, "SYSCALL uid=";
/// Name of the real user, where Elastic Defend keeps it.
USER_EXT_REAL_NAME = "user.Ext.real.name": Keyword, One, Derived, User, Matched, "UID= of ENRICHED records";
/// The person who logged in: number, as text. Absent when unset.
USER_AUDIT_ID = "user.audit.id": Keyword, One, Kernel, User, Shown, "SYSCALL auid=, user messages auid=";
/// The person who logged in: name, when known without waiting and meant in the host's own view.
USER_AUDIT_NAME = "user.audit.name": Keyword, One, Derived, User, Shown, "AUID= of ENRICHED records, /etc/passwd";
/// The uid that an account was given, where its change is reported.
USER_CHANGES_ID = "user.changes.id": Keyword, One, Process, User, Shown, "id= of op=changing uid";
/// The name that an account was given, where its change is reported with a name.
USER_CHANGES_NAME = "user.changes.name": Keyword, One, Process, User, Shown, "acct= of op=changing name";
/// Effective group: number, as text.
USER_EFFECTIVE_GROUP_ID = "user.effective.group.id": Keyword, One, Kernel, User, Shown, "SYSCALL egid=";
/// Effective group: name.
USER_EFFECTIVE_GROUP_NAME = "user.effective.group.name": Keyword, One, Derived, User, Shown, "EGID= of ENRICHED records, /etc/group";
/// Effective user: number, as text.
USER_EFFECTIVE_ID = "user.effective.id": Keyword, One, Kernel, User, Shown, "SYSCALL euid=";
/// Effective user: name, when known without waiting and meant in the host's own view.
USER_EFFECTIVE_NAME = "user.effective.name": Keyword, One, Derived, User, Shown, "EUID= of ENRICHED records, /etc/passwd";
/// Group for file access: number, as text.
USER_FILESYSTEM_GROUP_ID = "user.filesystem.group.id": Keyword, One, Kernel, User, Shown, "SYSCALL fsgid=";
/// Group for file access: name.
USER_FILESYSTEM_GROUP_NAME = "user.filesystem.group.name": Keyword, One, Derived, User, Shown, "FSGID= of ENRICHED records, /etc/group";
/// User for file access: number, as text.
USER_FILESYSTEM_ID = "user.filesystem.id": Keyword, One, Kernel, User, Shown, "SYSCALL fsuid=";
/// User for file access: name, when known without waiting and meant in the host's own view.
USER_FILESYSTEM_NAME = "user.filesystem.name": Keyword, One, Derived, User, Shown, "FSUID= of ENRICHED records, /etc/passwd";
/// Real group: number, as text.
USER_GROUP_ID = "user.group.id": Keyword, One, Kernel, User, Matched, "SYSCALL gid=";
/// Real group: name.
USER_GROUP_NAME = "user.group.name": Keyword, One, Derived, User, Matched, "GID= of ENRICHED records, /etc/group";
/// Real user: number, as text.
USER_ID = "user.id": Keyword, One, Kernel, User, Shown, "SYSCALL uid=, user messages uid=";
/// Real user: name, when known without waiting and meant in the host's own view.
USER_NAME = "user.name": Keyword, One, Derived, User, Shown, "UID= of ENRICHED records, /etc/passwd";
/// Saved group: number, as text.
USER_SAVED_GROUP_ID = "user.saved.group.id": Keyword, One, Kernel, User, Shown, "SYSCALL sgid=";
/// Saved group: name.
USER_SAVED_GROUP_NAME = "user.saved.group.name": Keyword, One, Derived, User, Shown, "SGID= of ENRICHED records, /etc/group";
/// Saved user: number, as text.
USER_SAVED_ID = "user.saved.id": Keyword, One, Kernel, User, Shown, "SYSCALL suid=";
/// Saved user: name, when known without waiting and meant in the host's own view.
USER_SAVED_NAME = "user.saved.name": Keyword, One, Derived, User, Shown, "SUID= of ENRICHED records, /etc/passwd";
/// The group that was changed: number.
USER_TARGET_GROUP_ID = "user.target.group.id": Keyword, One, Process, User, Shown, "id= of group messages";
/// The group that was changed: name.
USER_TARGET_GROUP_NAME = "user.target.group.name": Keyword, One, Process, User, Shown, "acct= or grp= of group messages";
/// The account that was changed: number.
USER_TARGET_ID = "user.target.id": Keyword, One, Process, User, Shown, "id= of account messages";
/// The account that was changed or logged in: name.
USER_TARGET_NAME = "user.target.name": Keyword, One, Process, User, Shown, "acct= of account messages";}
