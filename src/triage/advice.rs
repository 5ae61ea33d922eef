//! What the rule file says to do about an alert, in every document: when it is no attack, the steps of the response in
//! their order, the set-up, the references. What the file does not say is `none`.

use serde_json::{Map, Value};

use crate::clean;
use crate::rule::Rule;

/// Bytes of one text at most.
const TEXT: usize = 1000;

/// Steps, reasons or references that are told.
const MOST: usize = 32;

/// `auditward.triage.advice`.
pub(super) fn of(rule: &Rule) -> Value {
    let mut told = Map::new();
    told.insert("false_positives".to_owned(), list(rule.false_positives.iter().map(|text| &**text)));
    let steps = steps(&rule.note);
    told.insert("response".to_owned(), list(steps.iter().map(|text| &**text)));
    told.insert(
        "setup".to_owned(),
        list(Some(&*rule.setup).filter(|text| !text.trim().is_empty()).into_iter()),
    );
    told.insert("references".to_owned(), list(rule.references.iter().map(|text| &**text)));
    told.into()
}

fn list<'a>(texts: impl Iterator<Item = &'a str>) -> Value {
    let told: Vec<Value> = texts.take(MOST).map(|text| within(text).into()).collect();
    if told.is_empty() { "none".into() } else { told.into() }
}

/// A text in one line.
fn within(text: &str) -> String {
    let line = text.split_whitespace().collect::<Vec<_>>().join(" ");
    let cut = clean::cut(&line, TEXT);
    if cut.len() < line.len() { format!("{cut}...[{} bytes]", line.len()) } else { line }
}

/// The items of the guide's section on the response, in their order, each whole: further lines of an item, and lists below
/// it, are part of it.
fn steps(note: &str) -> Vec<String> {
    let lines = note.lines().skip_while(|line| !is_response(line)).skip(1);
    let mut steps: Vec<String> = Vec::new();
    for line in lines.take_while(|line| !line.starts_with('#')) {
        match item(line) {
            Some(text) => steps.push(text.to_owned()),
            None => {
                if let Some(step) = steps.last_mut() {
                    step.push(' ');
                    step.push_str(line.trim());
                }
            }
        }
    }
    steps
}

fn is_response(line: &str) -> bool {
    let title = line.trim_start_matches('#');
    title.len() < line.len() && title.trim().to_ascii_lowercase().starts_with("response")
}

/// The text of a line that begins an item of the outermost list: `- `, `* ` or `1. `.
fn item(line: &str) -> Option<&str> {
    let behind = line.trim_start_matches(|c: char| c.is_ascii_digit());
    let behind = match behind.len() < line.len() {
        true => behind.strip_prefix('.')?,
        false => line.strip_prefix(['-', '*'])?,
    };
    behind.strip_prefix(' ').map(str::trim)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::alert::sample;

    #[test]
    fn the_steps_stand_in_their_order() {
        let note = "## Triage and analysis\n\n- look\n\n### Response and remediation\n\nIn this order:\n\n1. Cut it off,\n   \
                    and keep it running.\n2. Save:\n   - memory\n   - processes\n\n10. Install it anew.\n\n### More\n- no step\n";
        let rule = Rule {
            note: note.to_owned(),
            false_positives: vec!["\n   Hardly\n   any.\n".to_owned()],
            ..sample::rule()
        };
        assert_eq!(
            of(&rule),
            json!({
                "false_positives": ["Hardly any."],
                "response": ["Cut it off, and keep it running.", "Save: - memory - processes", "Install it anew."],
                "setup": "none",
                "references": "none",
            })
        );
    }

    #[test]
    fn a_long_text_is_cut_and_says_so() {
        let rule = Rule { setup: "é".repeat(TEXT), ..sample::rule() };
        let told = of(&rule)["setup"][0].as_str().map(str::to_owned);
        assert_eq!(told, Some(format!("{}...[2000 bytes]", "é".repeat(TEXT / 2))));
        assert_eq!(of(&Rule { note: "### Response\nnothing".to_owned(), ..rule })["response"], "none");
    }
}
