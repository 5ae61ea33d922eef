//! Alerts of the daemon about itself, and the rule of the canary: rules that no file of the host can take away.

use std::sync::Arc;

use jiff::Timestamp;
use serde_json::{Map, Value, json};

use crate::alert::Alert;
use crate::diagnostic::Diagnostic;
use crate::event::Host;
use crate::event::schema::Live;
use crate::rule::{Rule, load};

/// Faults told as an alert each; a directory of nothing but faults is not told thousandfold.
const MOST_FAULTS: usize = 20;

/// The rules of the daemon itself.
#[derive(Clone, Debug)]
pub(super) struct Health {
    configuration: Arc<Rule>,
    canary_missed: Arc<Rule>,
    auditd_killed: Arc<Rule>,
    killed: Arc<Rule>,
    records_lost: Arc<Rule>,
    test: Arc<Rule>,
    unseen: Unseen,
    host: Host,
}

/// The rules whose matches are no alerts; they stand behind all others.
#[derive(Clone, Debug)]
pub(super) struct Unseen {
    /// The canary's execution.
    pub(super) canary: Arc<Rule>,
    /// Who may have written an account file.
    pub(super) account_writer: Arc<Rule>,
}

impl Unseen {
    /// How many they are.
    pub(super) const COUNT: usize = 2;

    /// All of them.
    pub(super) fn rules(&self) -> [Arc<Rule>; Self::COUNT] {
        [Arc::clone(&self.canary), Arc::clone(&self.account_writer)]
    }
}

impl Health {
    /// Reads the rules inside the program; none if one is unsound, which a test rules out.
    #[must_use]
    pub(super) fn new(host: Host) -> Option<Self> {
        let rule = |name, text| load::text(name, text, &Live).rules.into_iter().next();
        Some(Self {
            configuration: rule("configuration.toml", include_str!("configuration.toml"))?,
            canary_missed: rule("canary_missed.toml", include_str!("canary_missed.toml"))?,
            auditd_killed: rule("auditd_killed.toml", include_str!("auditd_killed.toml"))?,
            killed: rule("killed.toml", include_str!("killed.toml"))?,
            records_lost: rule("records_lost.toml", include_str!("records_lost.toml"))?,
            test: rule("test.toml", include_str!("test.toml"))?,
            unseen: Unseen {
                canary: rule("canary.toml", include_str!("canary.toml"))?,
                account_writer: rule("account_writer.toml", include_str!("account_writer.toml"))?,
            },
            host,
        })
    }

    /// The rules whose matches are no alerts.
    #[must_use]
    pub(super) fn unseen(&self) -> &Unseen {
        &self.unseen
    }

    /// An alert for each fault, the first ones by themselves and the rest counted.
    #[must_use]
    pub(super) fn of_faults<'a>(&self, faults: impl Iterator<Item = &'a Diagnostic>) -> Vec<Alert> {
        let faults: Vec<&Diagnostic> = faults.collect();
        let mut alerts: Vec<Alert> = faults
            .iter()
            .take(MOST_FAULTS)
            .map(|fault| {
                let place = fault.file_and_line().map(
                    |(file, line)| json!({ "file": { "name": file.display().to_string(), "line": line } }),
                );
                let beside = json!({
                    "error": { "message": fault.title, "code": format!("E{}", fault.code) },
                    "log": { "origin": place },
                });
                self.alert(&self.configuration, "configuration", &fault.one_line(), beside)
            })
            .collect();
        if let Some(more) = faults.len().checked_sub(MOST_FAULTS).filter(|more| *more > 0) {
            let reason = format!("{more} more faults: `auditward check` shows all");
            alerts.push(self.alert(&self.configuration, "configuration", &reason, json!({})));
        }
        alerts
    }

    /// A destination that cannot be opened.
    #[must_use]
    pub(super) fn of_destination(&self, error: &str) -> Alert {
        let reason = format!("a destination of alerts is left out: {error}");
        self.alert(&self.configuration, "configuration", &reason, json!({ "error": { "message": error } }))
    }

    /// A canary that was not seen.
    #[must_use]
    pub(super) fn of_missed_canary(&self, reason: &str) -> Alert {
        self.alert(&self.canary_missed, "host", reason, json!({}))
    }

    /// auditd that ended without a word.
    #[must_use]
    pub(super) fn of_killed_auditd(&self, reason: &str) -> Alert {
        self.alert(&self.auditd_killed, "host", reason, json!({}))
    }

    /// The daemon before this one, which did not end as it should.
    #[must_use]
    pub(super) fn of_killed_daemon(&self, reason: &str) -> Alert {
        self.alert(&self.killed, "host", reason, json!({}))
    }

    /// Records that the receive buffer had no room for.
    #[must_use]
    pub(super) fn of_lost_records(&self, reason: &str) -> Alert {
        self.alert(&self.records_lost, "host", reason, json!({}))
    }

    /// An alert that is asked for, to see whether it arrives.
    #[must_use]
    pub(super) fn of_test(&self) -> Alert {
        let reason = "this is a test, asked for by `auditward alerts send-test`; nothing happened";
        self.alert(&self.test, "host", reason, json!({}))
    }

    /// `host` of an alert that no event is behind.
    pub(super) fn host(&self) -> Value {
        json!({ "id": self.host.id, "name": self.host.name })
    }

    fn alert(&self, rule: &Arc<Rule>, category: &str, reason: &str, beside: Value) -> Alert {
        let mut document = Map::new();
        let event = json!({
            "category": [category],
            "type": ["error"],
            "action": rule.id,
            "outcome": "failure",
            "reason": reason,
        });
        document.insert("event".to_owned(), event);
        document.insert("host".to_owned(), self.host());
        if let Value::Object(beside) = beside {
            document.extend(beside);
        }
        Alert::about_itself(rule, document, &self.host.id, Timestamp::now())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diagnostic::{Label, Level, Source, Span};

    fn health() -> Health {
        let host = Host { name: Some("web1".into()), ..Host::recorded(Some("id1")) };
        Health::new(host).expect("the rules inside the program are sound")
    }

    fn fault(n: u32) -> Diagnostic {
        let text = "[rule]\nname = \u{1b}\n".repeat(30);
        Diagnostic {
            code: 506,
            level: Level::Error,
            title: format!("fault {n}\u{1b}[31m"),
            source: Some(Arc::new(Source { name: "/etc/auditward/rules.d/x.toml".into(), text })),
            primary: Some(Label { span: Span { start: 8, end: 9 }, text: String::new() }),
            context: Vec::new(),
            help: None,
        }
    }

    #[test]
    fn a_fault_is_an_alert_with_file_and_line() {
        let alerts = health().of_faults([fault(1), fault(2)].iter());
        let [first, second] = alerts.as_slice() else { panic!("{}", alerts.len()) };
        assert!(
            first.line.starts_with(
                "MEDIUM Configuration Not In Force: /etc/auditward/rules.d/x.toml:2: fault 1\\x1b[31m on web1; time="
            ),
            "{}",
            first.line
        );
        assert!(!first.line.contains("auid=") && !first.line.contains('\u{1b}'), "{}", first.line);
        assert_ne!(first.id, second.id, "two faults are two alerts");
        let document = first.document();
        assert_eq!(document["event"]["category"], json!(["configuration"]));
        assert_eq!(document["event"]["kind"], "alert");
        assert_eq!(document["log"]["origin"]["file"]["line"], 2);
        assert!(document["auditward"].get("audit_id").is_none(), "no audit event is claimed");
        let short = first.line_within(300);
        assert!(short.len() <= 300 && short.contains("x.toml:2: fault 1"), "{short}");
    }

    #[test]
    fn a_thousand_faults_are_not_a_thousand_alerts() {
        let faults: Vec<_> = (0..1000).map(fault).collect();
        let alerts = health().of_faults(faults.iter());
        assert_eq!(alerts.len(), MOST_FAULTS + 1);
        assert!(alerts.last().expect("one").line.contains("980 more faults"));
    }

    #[test]
    fn what_is_done_to_auditing_itself_is_told() {
        let health = health();
        let begins = |alert: Alert, text: &str| assert!(alert.line.starts_with(text), "{}", alert.line);
        begins(health.of_killed_auditd("a reason"), "HIGH Audit Daemon Killed: a reason on web1; time=");
        begins(health.of_killed_daemon("a reason"), "HIGH Auditward Killed: a reason on web1; time=");
        begins(health.of_lost_records("a reason"), "MEDIUM Audit Records Lost: a reason on web1; time=");
    }

    #[test]
    fn a_missed_canary_is_a_grave_alert() {
        let line = health().of_missed_canary("executed at x, not seen").line;
        assert!(line.starts_with("HIGH Canary Not Seen: executed at x, not seen on web1; time="), "{line}");
    }
}
