//! Keys whose meaning is Kibana's.

use std::sync::Arc;

use serde_json::Value;

use crate::diagnostic::{Level, Source, codes};
use crate::eql::narrow::Added;
use crate::rule::kibana;
use crate::toml_file::Table;

/// Keys with which a rule alerts otherwise in Kibana than here: read, and told if they say anything.
const WITHOUT_EFFECT: [(&str, &str); 9] = [
    ("actions", "alerts go where the configuration of this host says"),
    ("event_category_override", "the category is always event.category"),
    ("response_actions", "nothing is done on this host but alerting"),
    ("risk_score_mapping", "the risk score is always `risk_score`"),
    ("rule_name_override", "the name is always `name`"),
    ("severity_mapping", "the severity is always `severity`"),
    ("throttle", "alerts go out as they come"),
    ("tiebreaker_field", "events of one millisecond follow their serial"),
    ("timestamp_field", "the time is always @timestamp"),
];

/// Keys that have no meaning outside Kibana and change no alert.
const KIBANAS_OWN: [&str; 10] = [
    "data_view_id",
    "immutable",
    "meta",
    "namespace",
    "related_integrations",
    "required_fields",
    "revision",
    "threat_mappings",
    "timestamp_override_fallback_disabled",
    "to",
];

pub(super) fn other_keys(table: &Table<'_>) {
    for (key, why) in WITHOUT_EFFECT {
        if table.is_empty(key) {
            continue;
        }
        let title = format!("`rule.{key}` has no effect here: {why}");
        table.faults().tell(
            codes::RULE_KEY_WITHOUT_EFFECT,
            Level::Warning,
            title,
            table.place(key).unwrap_or_default(),
        );
    }
    for key in KIBANAS_OWN {
        table.known(key);
    }
    table.known("enabled");
}

/// The conditions that `filters` stand for; what has none here is told.
pub(super) fn filters(table: &Table<'_>) -> Vec<Added> {
    let Some(filters) = table.json("filters") else { return Vec::new() };
    let list = match filters.value {
        Value::Array(list) => list,
        one => vec![one],
    };
    let mut added = Vec::new();
    for filter in list {
        match kibana::filter(&filter) {
            Ok(None) => {}
            Ok(Some(text)) => {
                let name = table.faults().source().name.clone();
                added.push(Added { condition: Arc::new(Source { name, text }), stage: None });
            }
            Err(why) => {
                let title =
                    format!("this rule matches also what a filter leaves out, which is not read here: {why}");
                let help = Some("move the condition into the query".to_owned());
                let code = codes::RULE_KEY_WITHOUT_EFFECT;
                table.faults().add(code, Level::Warning, title, filters.span, "", help);
            }
        }
    }
    added
}

/// The ids of Kibana's exception lists.
pub(super) fn exception_lists(table: &Table<'_>) -> Vec<String> {
    let Some(lists) = table.json("exceptions_list") else { return Vec::new() };
    let list = lists.value.as_array().into_iter().flatten();
    let ids: Vec<String> =
        list.filter_map(|entry| Some(entry.get("list_id")?.as_str()?.to_owned())).collect();
    if lists.value.as_array().is_some_and(|list| !list.is_empty()) {
        let title = "`rule.exceptions_list`: Kibana's exceptions are not in this file, and this rule \
                     matches without them";
        let help = Some("write them as files of exceptions.d (docs/writing-rules.md)".to_owned());
        let code = codes::RULE_KEY_WITHOUT_EFFECT;
        table.faults().add(code, Level::Warning, title.to_owned(), lists.span, "", help);
    }
    ids
}
