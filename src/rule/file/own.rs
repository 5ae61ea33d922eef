//! `[auditward]`: what this engine adds to the shape of rule files.

use crate::rule::{Milder, Severity, TestCase, test_case};
use crate::toml_file::Table;

use super::LONGEST_ID;

/// `[auditward]`: what this engine's own tooling adds to the shape.
#[derive(Default)]
pub(super) struct Own {
    pub(super) id: Option<String>,
    pub(super) version: Option<u64>,
    pub(super) group: Option<String>,
    pub(super) milder: Milder,
    pub(super) tests: Vec<TestCase>,
}

pub(super) fn read_own(table: Table<'_>) -> Own {
    let id = table.text("id").and_then(|id| {
        let fits = id.value.len() <= LONGEST_ID && id.value.bytes().all(|byte| byte.is_ascii_graphic());
        if !fits || id.value.is_empty() {
            let help = "write 1 to 32 printable ASCII characters without a blank: it is the syslog MSGID";
            table.faults().value("`auditward.id` cannot be an id", id.span, help);
            return None;
        }
        Some(id.value.into_owned())
    });
    let version = super::version(&table);
    let group = table.text("group").and_then(|group| {
        let fits = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"_-".contains(&byte);
        if group.value.is_empty() || group.value.len() > LONGEST_ID || !group.value.bytes().all(fits) {
            let help = "write 1 to 32 lower-case letters, digits, _ or -, as in `group = \"account\"`";
            table.faults().value("`auditward.group` cannot be a group", group.span, help);
            return None;
        }
        Some(group.value.into_owned())
    });
    let milder = Milder {
        in_other_root: severity(&table, "severity_in_other_root"),
        without_effect: severity(&table, "severity_without_effect"),
    };
    let tests = table.tables("test").into_iter().filter_map(test_case::read).collect();
    table.done();
    Own { id, version, group, milder, tests }
}

fn severity(table: &Table<'_>, key: &'static str) -> Option<Severity> {
    let word = table.text(key)?;
    let severity = word.value.parse().ok();
    if severity.is_none() {
        table.faults().value("there is no such severity", word.span, "write low, medium, high or critical");
    }
    severity
}
