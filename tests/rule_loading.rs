//! Rules from files and directories as they are found on real hosts: links, leftovers, broken files.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test that cannot set up its files fails")]

mod common;

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use auditward::diagnostic::{Level, codes, render};
use auditward::event::schema::Live;
use auditward::rule::load::{embedded, load};
use auditward::rule::{Loaded, SkipReason};

fn rule(id: &str, query: &str) -> String {
    format!(
        "[rule]\nrule_id = \"{id}\"\nname = \"Rule {id}\"\ndescription = \"d\"\ntype = \"eql\"\n\
         severity = \"low\"\nrisk_score = 21\nquery = '''\n{query}\n'''\n"
    )
}

const SOUND: &str = "process where process.name == \"usermod\"";

struct Directory(tempfile::TempDir);

impl Directory {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn write(&self, name: &str, content: impl AsRef<[u8]>) -> PathBuf {
        let path = self.path(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, content).unwrap();
        path
    }

    fn load(&self) -> Loaded {
        load(&[self.0.path().to_owned()], &Live)
    }
}

fn uuids(loaded: &Loaded) -> Vec<&str> {
    loaded.rules.iter().map(|rule| rule.uuid.as_str()).collect()
}

fn faults(loaded: &Loaded) -> Vec<(u16, &str)> {
    loaded.diagnostics.iter().map(|fault| (fault.code, fault.title.as_str())).collect()
}

/// One rule has a misspelt field, one an optional field, one is sound: the first is off and told with
/// its place, the other two run.
#[test]
fn f03_one_unknown_field_turns_only_its_rule_off() {
    let directory = Directory::new();
    directory.write("1.toml", rule("typo", "process where process.naem == \"usermod\""));
    let optional = "process where process.name == \"usermod\" and ?process.parent.args == \"sudo\"";
    directory.write("2.toml", rule("optional", optional));
    directory.write("3.toml", rule("sound", SOUND));
    let loaded = directory.load();
    assert_eq!(uuids(&loaded), ["optional", "sound"]);
    let [fault] = loaded.diagnostics.as_slice() else { panic!("{:#?}", loaded.diagnostics) };
    assert_eq!((fault.level, fault.code), (Level::Error, codes::UNKNOWN_FIELD));
    let told = render(fault, false);
    assert!(told.contains("1.toml:9:15"), "{told}");
    assert!(told.contains("process.naem") && told.contains("^^^^^^^^^^^^"), "{told}");
    assert!(told.contains("did you mean process.name"), "{told}");
}

/// The other half of F03: a known field that nothing on this host fills.
#[test]
fn f03_a_field_without_a_source_is_warned_of() {
    let directory = Directory::new();
    directory.write(
        "1.toml",
        rule("dns", "any where dns.question.name : \"*.example\" and event.type == \"info\""),
    );
    directory.write("2.toml", rule("or", "any where dns.question.name : \"x\" or process.name == \"y\""));
    directory.write("3.toml", rule("not", "any where not dns.question.name : \"x\""));
    let loaded = directory.load();
    assert_eq!(uuids(&loaded), ["dns", "or", "not"]);
    assert_eq!(
        faults(&loaded),
        [(codes::RULE_NEVER_MATCHES, "this rule can never match here: dns.question.name has no source here")]
    );
    assert_eq!(loaded.diagnostics[0].level, Level::Warning);
    let reasons: Vec<_> = loaded.rules.iter().map(|rule| rule.not_live.as_deref()).collect();
    assert_eq!(reasons, [Some("dns.question.name has no source here"), None, None]);
    let engine = auditward::detect::Engine::new(loaded.rules);
    assert_eq!((engine.rules().len(), engine.not_live().len()), (2, 1));
}

#[test]
fn a_pipe_in_a_rule_is_warned_of() {
    let directory = Directory::new();
    directory.write("1.toml", rule("piped", "process where process.name regex \"a|b\" | tail 5 | head 1"));
    let loaded = directory.load();
    assert_eq!(uuids(&loaded), ["piped"]);
    assert_eq!(faults(&loaded), [(codes::RULE_PIPE, "a pipe has no effect in a rule")]);
    assert_eq!(loaded.diagnostics[0].level, Level::Warning);
    let told = render(&loaded.diagnostics[0], false);
    assert!(told.contains(" ^^^^^^^^ every match is told"), "{told}");
}

#[test]
fn directories_are_read_whole_and_in_order() {
    let directory = Directory::new();
    directory.write("b.toml", rule("b", SOUND));
    directory.write("a/z.toml", rule("a-z", SOUND));
    directory.write("a/deeper/y.toml", rule("a-deeper-y", SOUND));
    directory.write("c.toml", rule("c", SOUND));
    directory.write(".hidden.toml", "not a rule");
    directory.write(".git/x.toml", "not a rule");
    directory.write("a/notes.md", "not a rule");
    directory.write("b.toml~", "not a rule");
    directory.write("pyproject.toml", "[project]\nname = \"rules\"\n");
    let loaded = directory.load();
    assert_eq!(uuids(&loaded), ["a-deeper-y", "a-z", "b", "c"]);
    assert_eq!(loaded.files, 5);
    assert_eq!(faults(&loaded), []);
    let [skipped] = loaded.skipped.as_slice() else { panic!("{:?}", loaded.skipped) };
    assert_eq!((&skipped.file, &skipped.reason), (&directory.path("pyproject.toml"), &SkipReason::NoRule));
    assert!(loaded.rules.iter().all(|rule| rule.ruleset == directory.0.path().to_str().unwrap()));
    assert_eq!(loaded.rules[2].path.as_deref(), Some(directory.path("b.toml").as_path()));
}

#[test]
fn links_are_followed_once() {
    let directory = Directory::new();
    directory.write("rules/a.toml", rule("a", SOUND));
    symlink("a.toml", directory.path("rules/b.toml")).unwrap();
    symlink("..", directory.path("rules/up")).unwrap();
    symlink("/nonexistent/x", directory.path("rules/gone.toml")).unwrap();
    symlink("/nonexistent/y", directory.path("rules/gone")).unwrap();
    let paths = [directory.path("rules"), directory.path("rules/a.toml"), directory.path("rules")];
    let loaded = load(&paths[..1], &Live);
    assert_eq!(uuids(&loaded), ["a"]);
    let [fault] = loaded.diagnostics.as_slice() else { panic!("{:#?}", loaded.diagnostics) };
    assert_eq!(fault.code, codes::RULE_UNREADABLE);
    assert!(fault.title.contains("rules/gone.toml"), "{}", fault.title);
    let loaded = load(&paths, &Live);
    assert_eq!(uuids(&loaded), ["a"]);
    assert!(
        faults(&loaded).iter().all(|(code, _)| *code == codes::RULE_UNREADABLE),
        "{:#?}",
        loaded.diagnostics
    );
}

#[test]
fn a_bad_file_never_stops_the_others() {
    let directory = Directory::new();
    directory.write("1_bom.toml", [b"\xef\xbb\xbf", rule("bom", SOUND).as_bytes()].concat());
    directory.write("2_crlf.toml", rule("crlf", SOUND).replace('\n', "\r\n"));
    directory.write("3_bytes.toml", b"[rule]\nname = \"\xff\"\n");
    directory.write("4_empty.toml", "");
    directory.write("5_syntax.toml", "[rule\n");
    directory.write("6_large.toml", vec![b'#'; (1 << 20) + 1]);
    fs::create_dir(directory.path("7_directory.toml")).unwrap();
    nix::unistd::mkfifo(&directory.path("8_fifo.toml"), nix::sys::stat::Mode::S_IRWXU).unwrap();
    directory.write("9_nul.toml", rule("nul\0", SOUND));
    directory.write("z.toml", rule("z", SOUND));
    let loaded = directory.load();
    assert_eq!(uuids(&loaded), ["bom", "crlf", "z"]);
    let told: Vec<(u16, bool)> =
        loaded.diagnostics.iter().map(|fault| (fault.code, fault.primary.is_some())).collect();
    assert_eq!(
        told[..2],
        [(codes::RULE_NOT_TOML, true), (codes::RULE_NOT_TOML, true)],
        "{:#?}",
        loaded.diagnostics
    );
    let titles = faults(&loaded);
    let unreadable: Vec<_> = titles.iter().filter(|(code, _)| *code == codes::RULE_UNREADABLE).collect();
    assert!(unreadable[0].1.contains("6_large.toml: is larger than 1 MiB"), "{unreadable:?}");
    assert!(unreadable[1].1.contains("8_fifo.toml: is not a plain file"), "{unreadable:?}");
    assert_eq!(loaded.skipped.len(), 1, "the empty file");
    assert!(loaded.diagnostics.iter().all(|fault| fault.level == Level::Error));
    loaded.diagnostics.iter().for_each(|fault| assert!(!render(fault, false).is_empty()));
}

#[test]
fn a_rule_id_is_used_once() {
    let directory = Directory::new();
    directory.write("1.toml", rule("same", SOUND));
    directory.write("2.toml", rule("same", "process where true"));
    let loaded = directory.load();
    let [rule] = loaded.rules.as_slice() else { panic!() };
    assert!(rule.query.contains("usermod"));
    let told = render(&loaded.diagnostics[0], false);
    assert!(told.contains("2.toml:2:12") && told.contains("1.toml, which is used"), "{told}");
}

#[test]
fn shared_short_ids_are_told_once() {
    let directory = Directory::new();
    for end in ["one", "two", "three"] {
        let name = format!("defense_evasion_with_a_very_long_name_{end}.toml");
        directory.write(&name, rule(end, SOUND));
    }
    let loaded = directory.load();
    assert_eq!(loaded.rules.len(), 3);
    assert_eq!(
        faults(&loaded),
        [(
            codes::RULE_SAME_ID,
            "3 rules share the short id (rule.id, syslog MSGID) defense_evasion_with_a_very_long"
        )]
    );
}

#[test]
fn what_is_named_must_be_there_and_be_a_rule() {
    let directory = Directory::new();
    let toml = directory.write("x.toml", "[package]\n");
    let sound = directory.write("any_name.txt", rule("a", SOUND));
    let loaded = load(&[toml, directory.path("absent"), sound], &Live);
    assert_eq!(uuids(&loaded), ["a"]);
    assert_eq!(
        loaded.diagnostics.iter().map(|fault| fault.code).collect::<Vec<_>>(),
        [codes::RULE_MISSING_KEY, codes::RULE_UNREADABLE]
    );
}

#[test]
fn the_embedded_rules_are_sound() {
    let loaded = embedded(&Live);
    assert_eq!(faults(&loaded), []);
    let literal = |uuid: &&str| *uuid == "494ebba4-ecb7-4be4-8c6f-654c686549ad";
    assert_eq!((uuids(&loaded).iter().filter(|uuid| literal(uuid)).count(), loaded.rules.len()), (1, 28));
    for rule in &loaded.rules {
        assert_eq!((rule.ruleset.as_str(), &rule.path), ("embedded", &None));
        assert!(rule.threat.iter().all(|threat| !threat.technique.is_empty()), "{}", rule.name);
        assert!(rule.note.contains("Questions to answer"), "{}", rule.name);
    }
}

/// Every `toml` block of docs/rule-files.md is a whole rule without a fault.
#[test]
fn the_documented_example_is_sound() {
    let page = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/rule-files.md")).unwrap();
    let directory = Directory::new();
    let mut blocks = 0;
    for block in page.split("```toml\n").skip(1) {
        let text = block.split("\n```").next().unwrap();
        directory.write(&format!("{blocks}.toml"), text);
        blocks += 1;
    }
    let loaded = directory.load();
    let told: String = loaded.diagnostics.iter().map(|fault| render(fault, false)).collect();
    assert_eq!((loaded.rules.len(), told.as_str()), (blocks, ""));
    assert!(blocks > 0);
}

/// All of Elastic's Linux EQL rules at hand are read without an error.
#[test]
fn elastics_rules_are_read() {
    let Some(corpus) = common::shared("elastic-rules") else { return };
    let loaded = load(&[corpus], &Live);
    let errors = loaded.diagnostics.iter().filter(|fault| fault.level == Level::Error);
    assert_eq!(errors.map(|fault| render(fault, false)).collect::<String>(), "");
    let expected = [codes::RULE_NEVER_MATCHES, codes::RULE_SAME_ID, codes::NEVER_TRUE];
    assert_eq!(faults(&loaded).into_iter().find(|(code, _)| !expected.contains(code)), None);
    assert_eq!((loaded.files, loaded.rules.len(), loaded.skipped.len()), (292, 292, 0));
    let never: Vec<_> = loaded
        .rules
        .iter()
        .filter_map(|rule| Some((rule.name.as_str(), rule.not_live.as_deref()?)))
        .collect();
    eprintln!("{} rules, of which {} can never match here: {never:#?}", loaded.rules.len(), never.len());
    assert!(never.len() <= 13, "more than the rules that no audit record can serve");
    for rule in &loaded.rules {
        assert!(!rule.threat.is_empty() || rule.building_block, "{}", rule.name);
        assert_eq!(rule.metadata.maturity.as_deref(), Some("production"), "{}", rule.name);
        assert!(rule.author.iter().any(|author| author == "Elastic"), "{}", rule.name);
        assert!(rule.id.len() <= 32 && rule.id.bytes().all(|byte| byte.is_ascii_graphic()));
    }
}
