//! Exceptions asked at a match: of events as they are, and of the documents that are kept of them.

use bumpalo::Bump;
use serde_json::{Map, Value};

use crate::event::{Document, Held, live_document};
use crate::rule::{Applied, Rule};

/// Whether an exception takes a match of `rule`, whose events these are, in order; the first that does
/// counts it. `millis` is the time of the last event, since the Unix epoch.
pub fn takes<D: Document + ?Sized>(rule: &Rule, events: &[&D], millis: i64) -> bool {
    count(rule, |applied| applied.holds(rule, events, millis))
}

/// [`takes`] for the events of a sequence, of which only the source documents are kept: fields that no
/// document shows (they answer in matching only) are missing here.
pub fn takes_documents(rule: &Rule, documents: &[Map<String, Value>], millis: i64) -> bool {
    count(rule, |applied| {
        let arena = Bump::new();
        let fields = applied.exception.fields();
        let documents = documents.iter().zip(0..);
        let held: Vec<Held<'_>> =
            documents.map(|(document, at)| live_document::read(document, fields, at, &arena)).collect();
        applied.holds(rule, &held.iter().collect::<Vec<_>>(), millis)
    })
}

fn count(rule: &Rule, holds: impl Fn(&Applied) -> bool) -> bool {
    let Some(applied) = rule.exceptions.iter().find(|applied| holds(applied)) else { return false };
    applied.take();
    true
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::detect::Engine;
    use crate::rule::load;

    /// A comparison of an exception that is false as far as combinations of values were tried is counted, where
    /// status and replay look for it: the match is told, and might have been taken.
    #[test]
    fn comparisons_of_exceptions_that_are_cut_are_counted() {
        let site = tempfile::tempdir().expect("a directory");
        std::fs::create_dir(site.path().join("exceptions.d")).expect("a directory");
        let rule = site.path().join("r.toml");
        let query = "any where process.args != null";
        let text = format!(
            "[rule]\nrule_id = \"s\"\nname = \"n\"\ndescription = \"d\"\ntype = \"eql\"\nseverity = \"low\"\n\
             risk_score = 1\nquery = '{query}'\n"
        );
        std::fs::write(&rule, text).expect("a file");
        let exception = "[[exception]]\nid = \"e\"\nrules = \"all\"\nreason = \"r\"\nowner = \"o\"\n\
                         condition = 'concat(process.args, process.parent.args) == \"x\"'\n";
        std::fs::write(site.path().join("exceptions.d/e.toml"), exception).expect("a file");
        let loaded = load::effective(&[rule], site.path());
        let engine = Engine::new(loaded.rules);
        let [rule] = engine.rules() else { panic!("{:?}", loaded.diagnostics) };
        let taken = |values: usize| {
            let many: Vec<&str> = vec!["a"; values];
            let document = serde_json::json!({ "process": { "args": many, "parent": { "args": many } } });
            takes_documents(rule, &[document.as_object().cloned().unwrap_or_default()], 0)
        };
        let cut = |values| (taken(values), engine.join_counts().comparisons_cut);
        assert_eq!([256, 257, 1].map(cut), [(false, 0), (false, 1), (false, 1)]);
    }

    /// The same exception, asked of the documents of a sequence's events.
    #[test]
    fn documents_of_kept_events_are_asked_by_stage() {
        let site = tempfile::tempdir().expect("a directory");
        let write = |name: &str, text: &str| {
            let path = site.path().join(name);
            std::fs::create_dir_all(path.parent().expect("a parent")).expect("a directory");
            std::fs::write(&path, text).expect("a file");
            path
        };
        let rule = write(
            "r.toml",
            "[rule]\nrule_id = \"s\"\nname = \"n\"\ndescription = \"d\"\ntype = \"eql\"\nseverity = \"low\"\n\
             risk_score = 1\nquery = 'sequence with maxspan=5s [any where user.id != null] [any where true]'\n",
        );
        write(
            "exceptions.d/e.toml",
            "[[exception]]\nid = \"e\"\nrules = \"all\"\nstage = 2\nreason = \"r\"\nowner = \"o\"\n\
             condition = 'user.id == \"1\" and event.action == \"exec\"'\n",
        );
        let loaded = load::effective(&[rule], site.path());
        let [rule] = loaded.rules.as_slice() else { panic!("{:?}", loaded.diagnostics) };
        let document = |id: &str| -> Map<String, Value> {
            let text = format!("{{\"user\":{{\"id\":\"{id}\"}},\"event\":{{\"action\":\"executed\"}}}}");
            serde_json::from_str(&text).expect("JSON")
        };
        assert!(!takes_documents(rule, &[document("1"), document("2")], 0));
        assert!(takes_documents(rule, &[document("2"), document("1")], 0));
        assert_eq!(rule.exceptions.first().map(Applied::taken), Some(1));
    }
}
