//! The way of an alert through the system's logger.

use std::fs;
use std::os::unix::fs::FileTypeExt;
use std::os::unix::net::UnixDatagram;

use super::{Finding, Patient, Verdict, find, fine};

pub(super) fn check(patient: &Patient<'_>, to: &mut Vec<Finding>) {
    if !patient.config.syslog.enabled {
        return;
    }
    socket(patient, to);
    limits(patient, to);
}

fn socket(patient: &Patient<'_>, to: &mut Vec<Finding>) {
    let named = patient.config.syslog.socket.display().to_string();
    let path = patient.place.path(&named);
    let mend = "start the logger: `systemctl status systemd-journald rsyslog`";
    match fs::metadata(&path) {
        Err(error) => find(to, "syslog", Verdict::Mend, format!("{named}: {error}"), mend),
        Ok(metadata) if !metadata.file_type().is_socket() => {
            find(to, "syslog", Verdict::Mend, format!("{named} is no socket"), mend);
        }
        Ok(_) => match UnixDatagram::unbound().and_then(|socket| socket.connect(&path)) {
            Ok(()) => fine(to, "syslog", format!("{named} takes messages")),
            // A stream socket in its place is spoken to as well.
            Err(error) if error.raw_os_error() == Some(nix::errno::Errno::EPROTOTYPE as i32) => {
                fine(to, "syslog", format!("{named} is a stream socket"));
            }
            Err(error) => find(to, "syslog", Verdict::Mend, format!("nobody reads {named}: {error}"), mend),
        },
    }
}

/// What throws lines away in a burst: journald's limit a service, and rsyslog's inputs.
fn limits(patient: &Patient<'_>, to: &mut Vec<Finding>) {
    let place = patient.place;
    let mut files = vec!["/etc/rsyslog.conf".to_owned()];
    files.extend(place.files("/etc/rsyslog.d", ".conf"));
    let rsyslog: Vec<(String, String)> =
        files.into_iter().filter_map(|file| Some((place.read(&file)?, file))).map(|(t, f)| (f, t)).collect();
    let mut any = false;
    for (file, text) in &rsyslog {
        // Parameters and modules are written in any case.
        let text = uncommented(text).to_lowercase();
        if text.contains("imjournal") && value_of(&text, "ratelimit.interval").as_deref() != Some("0") {
            any = true;
            find(
                to,
                "rate-limits",
                Verdict::Mend,
                format!(
                    "{file}: imjournal takes 20000 lines of all programs in 600 s and throws the rest away"
                ),
                "Ratelimit.Interval=\"0\" at imjournal",
            );
        }
        let own = value_of(&text, "syssock.ratelimit.interval");
        if text.contains("imuxsock") && own.as_deref().is_some_and(|interval| interval != "0") {
            any = true;
            let text = format!("{file}: imuxsock throws lines of a burst away");
            find(to, "rate-limits", Verdict::Mend, text, "SysSock.RateLimit.Interval=\"0\" at imuxsock");
        }
    }
    let journal = journal_limits(patient);
    if let Some(text) = journal {
        any = true;
        find(
            to,
            "rate-limits",
            Verdict::Note,
            text,
            "auditward.service has a higher one (LogRateLimitBurst=1000000); outside of it set RateLimitIntervalSec=0",
        );
    }
    if !any {
        fine(to, "rate-limits", "no limit is in the way");
    }
}

/// journald's limit, where journald has the log socket and a limit.
fn journal_limits(patient: &Patient<'_>) -> Option<String> {
    let place = patient.place;
    let is_journal =
        fs::read_link(place.path("/dev/log")).is_ok_and(|to| to.to_string_lossy().contains("journal"));
    if !is_journal {
        return None;
    }
    let mut files = vec!["/etc/systemd/journald.conf".to_owned()];
    files.extend(place.files("/etc/systemd/journald.conf.d", ".conf"));
    let text: String =
        files.iter().filter_map(|file| place.read(file)).map(|text| uncommented(&text)).collect();
    // journald.conf(5): the defaults; of several values the last counts.
    let last = |key: &str| {
        text.lines()
            .rev()
            .find_map(|line| line.trim().strip_prefix(key)?.trim().strip_prefix('=').map(str::trim))
    };
    let (interval, burst) =
        (last("RateLimitIntervalSec").unwrap_or("30s"), last("RateLimitBurst").unwrap_or("10000"));
    let off = |value: &str| value.trim_end_matches(|c: char| c.is_ascii_alphabetic()).trim() == "0";
    (!off(interval) && !off(burst))
        .then(|| format!("journald takes {burst} lines in {interval} of one service"))
}

fn uncommented(text: &str) -> String {
    text.lines()
        .filter(|line| !line.trim_start().starts_with(['#', ';']))
        .map(|line| format!("{line}\n"))
        .collect()
}

/// The value in quotes behind `key=`, which is not the end of a longer key.
fn value_of(text: &str, key: &str) -> Option<String> {
    let (at, _) = text.match_indices(key).find(|(at, _)| !text[..*at].ends_with('.'))?;
    let rest = text[at + key.len()..].trim_start().strip_prefix('=')?.trim_start().strip_prefix('"')?;
    Some(rest.split('"').next()?.to_owned())
}
