//! What the loaded rules need the kernel to record.

use std::collections::BTreeSet;
use std::sync::Arc;

use crate::audit::kernel_rules::{Access, ActNeed, KEY, Needs, Of, PathName, ProgramName, Recorded};
use crate::eql::{Literal, Place, Requirement};
use crate::event::FieldId;
use crate::event::document::Value;
use crate::event::kind::{Act, calls_of};
use crate::event::schema::field;
use crate::rule::Rule;

/// What `rules` need, under whatever profile: the programs that they can name, the rules that may match an
/// execution of any program, and what else must be recorded.
///
/// A rule that rests on messages of programs alone needs nothing here.
#[must_use]
pub fn needs(rules: &[Arc<Rule>]) -> Needs {
    let mut programs = BTreeSet::new();
    let mut needs = Needs::default();
    for rule in rules {
        for stage in rule.program.requirements().into_iter().flatten() {
            let stage = StageNeeds::of(stage);
            match (stage.execution, &stage.names) {
                (false, _) => {}
                (true, Some(names)) => programs.extend(names.iter().cloned()),
                (true, None) if needs.every_exec.contains(&rule.name) => {}
                (true, None) => needs.every_exec.push(rule.name.clone()),
            }
            for (what, of) in stage.others() {
                let need = ActNeed { rule: rule.name.clone(), what, of };
                needs.acts.extend((!needs.acts.contains(&need)).then_some(need));
            }
        }
    }
    needs.programs = programs.into_iter().collect();
    needs
}

/// What one stage of a query needs.
#[derive(Debug, Default)]
pub(super) struct StageNeeds {
    /// Executions, as [`StageNeeds::names`] says.
    pub(super) execution: bool,
    /// What the program must be called.
    pub(super) names: Option<Vec<ProgramName>>,
    /// Calls that are made seldom.
    pub(super) seldom: Vec<&'static str>,
    /// Calls that are made all the time.
    pub(super) often: Vec<&'static str>,
    /// Accesses of files.
    pub(super) access: Option<Access>,
    /// Where files must lie, as far as that is a narrow place.
    pub(super) paths: Vec<PathName>,
    /// Whether `paths` is all there is.
    pub(super) all_paths: bool,
}

/// What is done so seldom that it can be recorded of everybody.
const SELDOM: [Act; 14] = [
    Act::CHANGED_UID,
    Act::CHANGED_GID,
    Act::CHANGED_SESSION,
    Act::TRACED,
    Act::MEMFD_CREATED,
    Act::LOADED_MODULE,
    Act::UNLOADED_MODULE,
    Act::CHANGED_ROOT,
    Act::MOUNTED,
    Act::UNMOUNTED,
    Act::BOUND,
    Act::LISTENING,
    Act::CHANGED_TIME,
    Act::CHANGED_HOST_NAME,
];

/// What is recorded only for a stage that asks for it by its word.
const BY_WORD: [Act; 6] =
    [Act::SENT, Act::RECEIVED, Act::CREATED_SOCKET, Act::READ, Act::WROTE, Act::CHECKED_METADATA];

impl StageNeeds {
    pub(super) fn of(stage: &[Requirement]) -> Self {
        let asks = |id: FieldId| stage.iter().any(|need| need.field == id);
        let by_word = asks(field::EVENT_ACTION);
        if goes_by_ours(stage) {
            return Self::default();
        }
        let mut needs = Self { names: names(stage), ..Self::default() };
        let acts: Vec<Act> = Act::all().filter(|act| takes(stage, *act)).collect();
        needs.execution = acts.contains(&Act::EXECUTED);
        let specific = by_word || asks(field::EVENT_TYPE);
        if !specific && needs.execution {
            // `process where …` and `any where …`: what a process does is told by its execution.
            return needs;
        }
        let mut access = 0;
        for act in acts.into_iter().filter(|act| by_word || !BY_WORD.contains(act)) {
            let forks = [Act::EXECUTED, Act::FORKED, Act::CLONED, Act::ENDED, Act::THREAD_ENDED];
            // Of what starts, an execution is meant where no word says otherwise.
            let starts = !by_word && act.row().types.contains(&Value::Text(b"start"));
            let told_by_execution = needs.execution && (starts || forks.contains(&act));
            if act == Act::EXECUTED || act == Act::OTHER_CALL || told_by_execution {
                continue;
            }
            if act.row().of_files {
                let reads = act == Act::OPENED && specific;
                let changes = ![Act::OPENED, Act::READ, Act::CHECKED_METADATA].contains(&act);
                access |= if reads { Access::ANY.0 & !Access::CHANGE.0 } else { 0 };
                access |= if changes && calls_of(act).next().is_some() { Access::CHANGE.0 } else { 0 };
            } else if SELDOM.contains(&act) {
                needs.seldom.extend(calls_of(act));
            } else {
                needs.often.extend(calls_of(act));
            }
        }
        needs.access = (access != 0).then_some(Access(access));
        (needs.paths, needs.all_paths) = paths(stage);
        needs
    }

    /// What must be recorded beside executions.
    fn others(&self) -> Vec<(Recorded, Of)> {
        let mut others = Vec::new();
        if !self.seldom.is_empty() {
            others.push((Recorded::Calls(self.seldom.clone()), Of::Everybody));
        }
        let of_programs = || self.names.clone().map_or(Of::Unbounded, Of::Programs);
        if !self.often.is_empty() {
            others.push((Recorded::Calls(self.often.clone()), of_programs()));
        }
        if let Some(access) = self.access {
            let narrow = self.all_paths || self.names.is_none();
            if narrow && !self.paths.is_empty() {
                others.push((Recorded::Access(access), Of::Paths(self.paths.clone())));
            }
            if !self.all_paths {
                others.push((Recorded::Access(access), of_programs()));
            }
        }
        others
    }
}

/// Whether a stage asks for the key of our own kernel rules: it goes by what other stages have recorded.
fn goes_by_ours(stage: &[Requirement]) -> bool {
    let is_ours = |literal: &Literal| literal.place == Place::Whole && literal.bytes == KEY.as_bytes();
    stage.iter().any(|need| need.field == field::TAGS && need.any_of.iter().all(is_ours))
}

/// Whether a stage with these requirements can match `act`.
fn takes(stage: &[Requirement], act: Act) -> bool {
    let row = act.row();
    let takes = |need: &Requirement, values: &[Value<'static>]| {
        let mut texts = values.iter().filter_map(|value| match value {
            Value::Text(text) => Some(*text),
            _ => None,
        });
        texts.any(|text| need.any_of.iter().any(|literal| literal.takes(text)))
    };
    stage.iter().all(|need| match need.field {
        field::EVENT_CATEGORY => takes(need, row.categories),
        field::EVENT_TYPE => takes(need, row.types),
        field::EVENT_ACTION => takes(need, row.actions),
        _ => true,
    })
}

fn names(stage: &[Requirement]) -> Option<Vec<ProgramName>> {
    let need = stage.iter().find(|need| need.field == field::PROCESS_NAME)?;
    Some(need.any_of.iter().map(program_name).collect())
}

/// The narrow places where a stage's files lie, and whether they are all.
fn paths(stage: &[Requirement]) -> (Vec<PathName>, bool) {
    let Some(need) = stage.iter().find(|need| need.field == field::FILE_PATH) else {
        return (Vec::new(), false);
    };
    let places: Vec<_> = need.any_of.iter().map(path_name).collect();
    let all = places.iter().all(Option::is_some);
    let mut places: Vec<PathName> = places.into_iter().flatten().collect();
    places.sort();
    places.dedup();
    (places, all)
}

fn path_name(literal: &Literal) -> Option<PathName> {
    let text = std::str::from_utf8(&literal.bytes).ok()?;
    match literal.place {
        Place::Whole => PathName::of(text, true),
        Place::Start => PathName::of(text, false),
        Place::Pattern => match text.find(['*', '?']) {
            Some(wildcard) => PathName::of(text.get(..wildcard)?, false),
            None => PathName::of(text, true),
        },
        Place::End | Place::Inside => None,
    }
}

fn program_name(literal: &Literal) -> ProgramName {
    let text = String::from_utf8_lossy(&literal.bytes);
    let (text, wildcards) = match literal.place {
        Place::Whole => (text.into_owned(), false),
        Place::Start => (format!("{text}*"), true),
        Place::End => (format!("*{text}"), true),
        Place::Inside => (format!("*{text}*"), true),
        Place::Pattern => (text.into_owned(), true),
    };
    ProgramName { text, wildcards, ignore_case: literal.insensitive }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::schema::Live;
    use crate::rule::load;

    #[test]
    fn the_embedded_rules_name_their_programs() {
        let needs = needs(&load::embedded(&Live).rules);
        assert!(needs.programs.contains(&ProgramName::exact("usermod")), "{needs:?}");
        assert_eq!(needs.every_exec, Vec::<String>::new());
    }

    fn of(query: &str) -> Needs {
        let folder = tempfile::tempdir().unwrap();
        let text = format!(
            "[rule]\nrule_id = \"r\"\nname = \"R\"\ndescription = \"d\"\ntype = \"eql\"\nseverity = \"low\"\n\
             risk_score = 1\nquery = '''{query}'''\n"
        );
        std::fs::write(folder.path().join("r.toml"), text).unwrap();
        let loaded = load::load(&[folder.path().to_owned()], &Live);
        assert_eq!(loaded.rules.len(), 1, "{:?}", loaded.diagnostics);
        needs(&loaded.rules)
    }

    fn acts(query: &str) -> Vec<(Recorded, Of)> {
        of(query).acts.into_iter().map(|need| (need.what, need.of)).collect()
    }

    #[test]
    fn calls_follow_from_the_words_for_what_is_done() {
        let calls = |names: &[&'static str]| Recorded::Calls(names.to_vec());
        let setsid = acts("process where event.action == \"session_id_change\"");
        assert_eq!(setsid, [(calls(&["setsid"]), Of::Everybody)]);
        let [(Recorded::Calls(uid), Of::Everybody)] =
            &acts("process where event.action == \"uid_change\"")[..]
        else {
            panic!()
        };
        assert!(uid.contains(&"setresuid") && !uid.contains(&"setgid"), "{uid:?}");
        let module = acts("driver where event.action == \"loaded-kernel-module\"");
        assert_eq!(module, [(calls(&["init_module", "finit_module"]), Of::Everybody)]);
        let connect = acts("network where event.action == \"connection_attempted\"");
        assert_eq!(connect, [(calls(&["connect"]), Of::Unbounded)]);
        let nc = Of::Programs(vec![ProgramName::exact("nc")]);
        let connect = acts("network where event.action == \"connected-to\" and process.name == \"nc\"");
        assert_eq!(connect, [(calls(&["connect"]), nc.clone())]);
        let kill = acts("process where event.action == \"killed-pid\" and process.name == \"nc\"");
        assert_eq!(kill, [(calls(&["kill", "tkill", "tgkill", "pidfd_send_signal"]), nc)]);
        // An execution and nothing else.
        for query in [
            "process where process.name == \"nc\"",
            "process where event.type == \"start\" and process.name == \"nc\"",
            "process where event.action in (\"exec\", \"executed\") and process.name == \"nc\"",
        ] {
            let needs = of(query);
            assert_eq!((needs.acts.len(), needs.programs.len()), (0, 1), "{query}: {needs:?}");
        }
        assert_eq!(of("iam where event.action == \"added-user-account\""), Needs::default());
    }

    #[test]
    fn files_are_watched_where_they_lie_or_by_who_writes_them() {
        let place = |text: &str, below| PathName { text: text.to_owned(), below };
        let changes = || Recorded::Access(Access::CHANGE);
        let query = "file where event.type == \"creation\" and \
                     file.path : (\"/etc/cron.d/*\", \"/etc/crontab\", \"/etc/ld.so*\")";
        let places = vec![place("/etc", true), place("/etc/cron.d", true), place("/etc/crontab", false)];
        assert_eq!(acts(query), [(changes(), Of::Paths(places))]);
        let busy = "file where event.type == \"creation\" and file.path : (\"/tmp/*\", \"/etc/x\")";
        let places = Of::Paths(vec![place("/etc/x", false)]);
        assert_eq!(acts(busy), [(changes(), places), (changes(), Of::Unbounded)]);
        let who = Of::Programs(vec![ProgramName::exact("vi")]);
        assert_eq!(acts(&format!("{busy} and process.name == \"vi\"")), [(changes(), who)]);
        let ours = "file where event.type == \"deletion\" and tags == \"auditward\" and file.name == \"x\"";
        assert_eq!(acts(ours), []);
        let any =
            "file where event.type == \"deletion\" and tags in (\"auditward\", \"x\") and file.name == \"x\"";
        assert_eq!(acts(any), [(changes(), Of::Unbounded)]);
        let read = "file where event.action == \"opened-file\" and file.path == \"/etc/shadow\"";
        let shadow = Of::Paths(vec![place("/etc/shadow", false)]);
        assert_eq!(acts(read), [(Recorded::Access(Access::ANY), shadow)]);
    }
}
