//! What recording every execution costs on this host, and what can go wrong with it.

use std::time::Duration;

use crate::audit::auditd_conf::AuditdConf;
use crate::audit::control::{Control, Status};

/// Bytes of auditd's log for one execution: 1,934, measured over a day of ordinary administration (raw format,
/// Linux 6.18; docs/performance.md). `log_format = ENRICHED` writes more.
const BYTES_AN_EXEC: u64 = 1_934;

/// Records of one execution: SYSCALL, EXECVE, CWD, two PATH, PROCTITLE and EOE.
const RECORDS_AN_EXEC: f64 = 7.0;

const SECONDS_A_DAY: f64 = 86_400.0;

/// Processes begun since boot, of `/proc/stat`.
#[must_use]
pub fn forks_since_boot(stat: &str) -> Option<u64> {
    stat.lines().find_map(|line| line.strip_prefix("processes ")?.trim().parse().ok())
}

/// What a rate of new processes comes to. Not every new process executes a program and some execute several; as a
/// measure of executions it serves.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Cost {
    /// New processes a second.
    pub forks: f64,
    /// Records a second.
    pub records: f64,
    /// Megabytes (10⁶ bytes) a day in auditd's log.
    pub megabytes_a_day: f64,
    /// Hours that auditd's log then reaches back, where it rotates.
    pub hours_kept: Option<f64>,
}

impl Cost {
    /// Of `forks` new processes within `span`, with auditd's configuration where there is one.
    #[must_use]
    #[expect(clippy::cast_precision_loss, reason = "counts of a minute, shown with three digits")]
    pub fn of(forks: u64, span: Duration, auditd: Option<&AuditdConf>) -> Self {
        let rate = forks as f64 / span.as_secs_f64().max(0.001);
        let bytes_a_second = rate * BYTES_AN_EXEC as f64;
        let kept = auditd.filter(|conf| conf.rotates()).map(AuditdConf::bytes_kept);
        let hours = kept.filter(|_| rate > 0.0).map(|bytes| bytes as f64 / bytes_a_second / 3600.0);
        Self {
            forks: rate,
            records: rate * RECORDS_AN_EXEC,
            megabytes_a_day: bytes_a_second * SECONDS_A_DAY / 1e6,
            hours_kept: hours,
        }
    }
}

/// Why every execution must not be recorded here unless somebody insists: each a sentence.
#[must_use]
pub fn risks(status: Option<&Status>, auditd: Option<&AuditdConf>) -> Vec<String> {
    let mut risks: Vec<String> = auditd.map(AuditdConf::fatal_actions).into_iter().flatten().collect();
    match status {
        Some(status) if status.failure == 2 => {
            risks.push("the kernel panics when it cannot keep a record (`auditctl -f 2`)".to_owned());
        }
        Some(status) if status.pid == 0 => {
            risks.push("no audit daemon runs: the kernel writes every record to its own log".to_owned());
        }
        None => risks.push("whether an audit daemon runs cannot be read from the kernel here".to_owned()),
        Some(_) => {}
    }
    risks
}

/// [`risks`] of the running kernel and the installed auditd.
#[must_use]
pub fn risks_of_this_host() -> Vec<String> {
    let status = Control::open().and_then(|mut control| control.status()).ok();
    risks(status.as_ref(), AuditdConf::of_this_host().as_ref())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn conf(text: &str) -> AuditdConf {
        AuditdConf::parse(text)
    }

    #[test]
    fn a_rate_comes_to_records_megabytes_and_hours() {
        let stock = conf("max_log_file = 8\nnum_logs = 5\nmax_log_file_action = ROTATE\n");
        let cost = Cost::of(600, Duration::from_secs(60), Some(&stock));
        assert_eq!((cost.forks, cost.records), (10.0, 70.0));
        assert!((cost.megabytes_a_day - 1_670.976).abs() < 0.001, "{cost:?}");
        // 5 x 8 MiB are 21,687 executions: 36 minutes at ten a second.
        assert!((cost.hours_kept.unwrap() - 0.6024).abs() < 0.001, "{cost:?}");
        let keeps = conf("max_log_file_action = keep_logs\n");
        assert_eq!(Cost::of(600, Duration::from_secs(60), Some(&keeps)).hours_kept, None);
        assert_eq!(Cost::of(0, Duration::from_secs(60), Some(&stock)).hours_kept, None);
        assert_eq!(Cost::of(1, Duration::ZERO, None).forks, 1000.0);
    }

    #[test]
    fn forks_are_read_from_proc_stat() {
        assert_eq!(forks_since_boot("cpu  1 2 3\nprocesses 4711\nprocs_running 1\n"), Some(4711));
        assert_eq!(forks_since_boot("cpu  1 2 3\n"), None);
        assert!(forks_since_boot(&std::fs::read_to_string("/proc/stat").unwrap()).is_some());
    }

    #[test]
    fn what_would_harm_the_host_is_a_risk() {
        let status = |failure, pid| Status { enabled: 1, failure, pid, ..Status::default() };
        let calm =
            conf("disk_full_action = ignore\nadmin_space_left_action = syslog\ndisk_error_action = syslog\n");
        assert_eq!(risks(Some(&status(1, 99)), Some(&calm)), Vec::<String>::new());
        assert!(risks(Some(&status(1, 0)), Some(&calm))[0].contains("no audit daemon"));
        assert!(risks(Some(&status(2, 99)), Some(&calm))[0].contains("panics"));
        assert!(risks(None, None)[0].contains("cannot be read"));
        let hard =
            conf("disk_full_action = HALT\nadmin_space_left_action = single\nspace_left_action = email\n");
        let told = risks(Some(&status(1, 99)), Some(&hard)).join("\n");
        assert!(
            told.contains("disk_full_action = HALT") && told.contains("admin_space_left_action = single"),
            "{told}"
        );
        // auditd's own default where the file says nothing is to suspend.
        assert!(risks(Some(&status(1, 99)), Some(&conf("")))[0].contains("SUSPEND"));
    }
}
