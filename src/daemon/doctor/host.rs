//! The host around the daemon: namespaces, /proc, mounts, the clock.

use std::fs;
use std::time::SystemTime;

use super::{Finding, Patient, Verdict, find, fine};

/// Inode numbers of the initial namespaces (`include/uapi/linux/nsfs.h`, before it
/// `include/linux/proc_ns.h`).
const INITIAL: [(&str, &str); 2] = [("user", "user:[4026531837]"), ("pid", "pid:[4026531836]")];

/// The year in which this was written: a clock before it is wrong.
const LEAST_YEAR: u64 = 2026;

pub(super) fn check(patient: &Patient<'_>, to: &mut Vec<Finding>) {
    namespaces(patient, to);
    readers(patient, to);
    proc(patient, to);
    clock(patient, to);
}

fn namespaces(patient: &Patient<'_>, to: &mut Vec<Finding>) {
    let place = patient.place;
    let link = |path: &str| fs::read_link(place.path(path)).ok().map(|to| to.display().to_string());
    let other = INITIAL
        .iter()
        .find(|(name, initial)| link(&format!("/proc/self/ns/{name}")).is_some_and(|now| now != *initial));
    let mend = "run auditward on the host itself: the audit group is only there";
    if let Some((name, _)) = other {
        let text = format!("this is another {name} namespace than the host's (a container)");
        find(to, "namespaces", Verdict::Mend, text, mend);
    } else if let Some(kind) = place.read("/run/systemd/container") {
        find(to, "namespaces", Verdict::Mend, format!("this is a container ({})", kind.trim()), mend);
    } else {
        fine(to, "namespaces", "this is the host");
    }
}

/// /proc/net/netlink: a row a socket; family 9 is NETLINK_AUDIT.
fn readers(patient: &Patient<'_>, to: &mut Vec<Finding>) {
    let Some(table) = patient.place.read("/proc/net/netlink") else { return };
    let rows = table.lines().skip(1).map(|line| line.split_whitespace().collect::<Vec<_>>());
    let members: Vec<_> = rows
        .filter(|row| row.get(1) == Some(&"9") && row.get(3).is_some_and(|groups| *groups != "00000000"))
        .collect();
    let drops = |row: &Vec<&str>| row.get(8).and_then(|drops| drops.parse::<u64>().ok()).unwrap_or(0);
    let losing = members.iter().filter(|row| drops(row) > 0).count();
    let count = members.len();
    match losing {
        0 => fine(to, "readers", format!("sockets in the audit group: {count}, none lost records")),
        _ => find(
            to,
            "readers",
            Verdict::Note,
            format!("sockets in the audit group: {count}, of these {losing} lost records"),
            "`auditward status` says whether ours is one; the others do not harm it",
        ),
    }
}

fn proc(patient: &Patient<'_>, to: &mut Vec<Finding>) {
    let Some(mounts) = patient.place.read("/proc/self/mountinfo") else { return };
    // proc_pid_mountinfo(5): 5 is the mount point, 6 its options, then optional fields up to `-`, and
    // behind it type, source and the options of the file system.
    let at = |point: &str| {
        let lines = mounts.lines().map(|line| line.split(' ').collect::<Vec<_>>());
        lines.rev().find(|fields| fields.get(4) == Some(&point))
    };
    let options = at("/proc").map(|fields| fields.join(" ")).unwrap_or_default();
    let words: Vec<&str> = options.split([' ', ',']).collect();
    match words.iter().find_map(|word| word.strip_prefix("hidepid=")) {
        Some(level) if !matches!(level, "0" | "off") => find(
            to,
            "hidepid",
            Verdict::Mend,
            format!("/proc hides other users' processes (hidepid={level}): parents are known less often"),
            "mount /proc with gid= of a group that auditward is in, or hidepid=0",
        ),
        _ => fine(to, "hidepid", "processes of all users can be seen in /proc"),
    }
    let shared = at("/").is_some_and(|fields| {
        fields.iter().skip(6).take_while(|field| **field != "-").any(|field| field.starts_with("shared:"))
    });
    if shared {
        fine(to, "mounts", "/ is shared: what is mounted is seen by services too");
    } else {
        find(
            to,
            "mounts",
            Verdict::Note,
            "/ is not shared: what is mounted later is not seen by services with a mount namespace",
            "`mount --make-rshared /`, as systemd does at boot",
        );
    }
}

fn clock(patient: &Patient<'_>, to: &mut Vec<Finding>) {
    let seconds = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).map_or(0, |since| since.as_secs());
    // Of a mean Gregorian year.
    let year = 1970 + seconds / 31_556_952;
    let signs = [
        "/run/systemd/timesync/synchronized",
        "/run/chrony/chronyd.pid",
        "/run/chronyd.pid",
        "/run/ntpd.pid",
        "/run/openntpd.pid",
    ];
    if year < LEAST_YEAR {
        find(
            to,
            "clock",
            Verdict::Mend,
            format!("the clock stands in the year {year}"),
            "set it: `timedatectl`",
        );
    } else if signs.iter().any(|sign| patient.place.has(sign)) {
        fine(to, "clock", "a time service sets it");
    } else {
        let text =
            "no sign of a time service (systemd-timesyncd, chrony, ntpd): alerts of hosts may not line up";
        find(to, "clock", Verdict::Note, text, "`timedatectl set-ntp true`, unless the hypervisor sets it");
    }
}
