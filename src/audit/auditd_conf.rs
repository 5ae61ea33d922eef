//! auditd.conf(5): how much auditd keeps, and what it does to the host when the disk is full.

use std::fs;
use std::path::Path;

/// Where auditd has it.
pub const AUDITD_CONF: &str = "/etc/audit/auditd.conf";

/// The settings that decide what more records do to a host.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AuditdConf {
    /// `max_log_file`, in MiB.
    max_log_file: u64,
    /// `num_logs`.
    num_logs: u64,
    /// `max_log_file_action`, in small letters.
    max_log_file_action: String,
    /// The actions at the end of space, as written, by the names of their keys.
    actions: Vec<(&'static str, String)>,
}

/// The actions, and what auditd does where the file says nothing (`clear_config` of its `auditd-config.c`).
const ACTIONS: [(&str, &str); 4] = [
    ("space_left_action", "IGNORE"),
    ("admin_space_left_action", "IGNORE"),
    ("disk_full_action", "SUSPEND"),
    ("disk_error_action", "SUSPEND"),
];

impl AuditdConf {
    /// Of this host; `None` without auditd, or where it may not be read.
    #[must_use]
    pub fn of_this_host() -> Option<Self> {
        fs::read_to_string(Path::new(AUDITD_CONF)).ok().map(|text| Self::parse(&text))
    }

    /// Reads the text of the file; unknown lines are passed over, absent ones have auditd's defaults.
    #[must_use]
    pub fn parse(text: &str) -> Self {
        let value = |key: &str| {
            let pairs = text.lines().filter_map(|line| line.split_once('='));
            let mut named = pairs.filter(|(name, _)| name.trim() == key).map(|(_, value)| value.trim());
            named.next_back()
        };
        let number = |key, default| value(key).and_then(|text| text.parse().ok()).unwrap_or(default);
        Self {
            max_log_file: number("max_log_file", 0),
            num_logs: number("num_logs", 0),
            max_log_file_action: value("max_log_file_action").unwrap_or("ignore").to_lowercase(),
            actions: ACTIONS.map(|(key, default)| (key, value(key).unwrap_or(default).to_owned())).to_vec(),
        }
    }

    /// Whether old logs give way to new ones.
    #[must_use]
    pub fn rotates(&self) -> bool {
        self.max_log_file_action == "rotate" && self.num_logs > 1 && self.max_log_file > 0
    }

    /// Bytes that stay on disk where it rotates.
    #[must_use]
    pub fn bytes_kept(&self) -> u64 {
        self.max_log_file.saturating_mul(1 << 20).saturating_mul(self.num_logs)
    }

    /// The actions that end the host's or auditd's work when space runs out, each as a sentence.
    #[must_use]
    pub fn fatal_actions(&self) -> Vec<String> {
        let does = |action: &str| match action.to_lowercase().as_str() {
            "halt" => Some("halts the host"),
            "single" => Some("takes the host to single user mode"),
            "suspend" => Some("makes auditd stop writing"),
            _ => None,
        };
        let fatal = self.actions.iter().filter_map(|(key, action)| {
            does(action).map(|what| format!("a full disk {what} (`{key} = {action}` in {AUDITD_CONF})"))
        });
        fatal.collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_stock_file_of_debian_is_read() {
        // The lines of auditd 3.0.9's auditd.conf that count here.
        let stock = AuditdConf::parse(
            "#\n# comment = 1\nlocal_events = yes\nmax_log_file = 8\nnum_logs = 5\nmax_log_file_action = ROTATE\n\
             space_left = 75\nspace_left_action = SYSLOG\nadmin_space_left_action = SUSPEND\n\
             disk_full_action = SUSPEND\ndisk_error_action = SUSPEND\n",
        );
        assert!(stock.rotates());
        assert_eq!(stock.bytes_kept(), 41_943_040);
        assert_eq!(stock.fatal_actions().len(), 3);
        assert!(
            stock.fatal_actions()[0]
                .starts_with("a full disk makes auditd stop writing (`admin_space_left_action")
        );
    }

    #[test]
    fn the_last_of_two_lines_counts_and_nonsense_is_the_default() {
        let conf =
            AuditdConf::parse("num_logs = 3\nnum_logs=7\nmax_log_file = many\nmax_log_file_action = rotate");
        assert_eq!((conf.num_logs, conf.max_log_file, conf.rotates()), (7, 0, false));
    }
}
