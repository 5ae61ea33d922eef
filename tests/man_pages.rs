//! The man pages and completions that packages carry: one page a command, made from the command line's
//! own definition. `AUDITWARD_UPDATE=1 cargo test --test man_pages` writes them anew.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "unwrap is how a test fails")]

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use auditward::cli::Arguments;
use clap::{Command, CommandFactory};
use clap_complete::Shell;

fn folder(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("packaging").join(name)
}

/// Pages by file name: that of `command`, named `name`, and of every command below it.
fn pages_of(command: &Command, name: &str, pages: &mut BTreeMap<String, Vec<u8>>) {
    let see_also = match name {
        "auditward" => "\\fBauditward.toml\\fR(5), \\fBauditward\\-rules\\fR(5), \\fBauditd\\fR(8)",
        _ => "\\fBauditward\\fR(8)",
    };
    let shown = command.clone().name(&*name.to_owned().leak()).bin_name(name.replace('-', " "));
    let shown = if name.starts_with("auditward-kernel-rules") {
        shown.bin_name("auditward kernel-rules")
    } else {
        shown
    };
    let man = clap_mangen::Man::new(shown).section("8").manual("auditward").source("auditward").date("");
    let mut page = Vec::new();
    man.render(&mut page).unwrap();
    page.extend_from_slice(format!(".SH \"SEE ALSO\"\n{see_also}\n").as_bytes());
    pages.insert(format!("{name}.8"), page);
    for below in command.get_subcommands().filter(|c| !c.is_hide_set() && c.get_name() != "help") {
        pages_of(below, &format!("{name}-{}", below.get_name()), pages);
    }
}

fn built() -> Command {
    // Its width must not hang on the terminal of whoever runs the test.
    let mut command = Arguments::command().disable_help_subcommand(true).term_width(100);
    command.build();
    command
}

/// Holds the files of packaging/`name` against `made`, or writes them.
fn compare(name: &str, kept_by_hand: &[&str], made: &BTreeMap<String, Vec<u8>>) {
    let folder = folder(name);
    let there = || {
        let entries = fs::read_dir(&folder).unwrap().map(|e| e.unwrap().file_name().into_string().unwrap());
        entries.filter(|f| !kept_by_hand.contains(&f.as_str())).collect::<Vec<_>>()
    };
    if std::env::var_os("AUDITWARD_UPDATE").is_some() {
        there().iter().for_each(|file| fs::remove_file(folder.join(file)).unwrap());
        made.iter().for_each(|(file, text)| fs::write(folder.join(file), text).unwrap());
    }
    let mut files = there();
    files.sort();
    let advice = "AUDITWARD_UPDATE=1 cargo test --test man_pages";
    assert_eq!(files, made.keys().cloned().collect::<Vec<_>>(), "packaging/{name}: {advice}");
    for (file, text) in made {
        let there = fs::read(folder.join(file)).unwrap();
        assert!(&there == text, "packaging/{name}/{file} is stale: {advice}");
    }
}

#[test]
fn there_is_a_page_for_every_command() {
    let mut pages = BTreeMap::new();
    pages_of(&built(), "auditward", &mut pages);
    compare("man", &["auditward.toml.5", "auditward-rules.5"], &pages);
}

#[test]
fn completions_know_every_command() {
    let shells =
        [(Shell::Bash, "auditward.bash"), (Shell::Zsh, "_auditward"), (Shell::Fish, "auditward.fish")];
    let mut made = BTreeMap::new();
    for (shell, file) in shells {
        let mut text = Vec::new();
        clap_complete::generate(shell, &mut built(), "auditward", &mut text);
        let shown = String::from_utf8(text.clone()).unwrap();
        for command in built().get_subcommands().filter(|c| !c.is_hide_set()) {
            assert!(shown.contains(command.get_name()), "{file}: {}", command.get_name());
        }
        made.insert(file.to_owned(), text);
    }
    compare("completions", &[], &made);
}

/// A setting that is in the sample is in auditward.toml(5), and a key that is in docs/rule-files.md's tables
/// in auditward-rules(5).
#[test]
fn the_pages_written_by_hand_name_every_key() {
    let page = |name: &str| fs::read_to_string(folder("man").join(name)).unwrap().replace("\\-", "-");
    let (settings, rules) = (page("auditward.toml.5"), page("auditward-rules.5"));
    let sample = fs::read_to_string(folder("auditward.toml")).unwrap();
    for line in sample.lines().map(|l| l.trim_start_matches('#')) {
        if let Some(table) = line.strip_prefix('[') {
            assert!(settings.contains(&format!("[{table}")), "auditward.toml(5): [{table}");
        } else if let Some((key, _)) = line.split_once(" = ").filter(|(k, _)| !k.contains(' ')) {
            assert!(settings.contains(&format!("\\fB{key}\\fR")), "auditward.toml(5): {key}");
        }
    }
    let doc = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/rule-files.md")).unwrap();
    let table = doc.split_once("### `[rule]`").unwrap().1.split_once("These are read").unwrap().0;
    for row in table.lines().filter_map(|l| l.strip_prefix("| `")) {
        let key = row.split('`').next().unwrap();
        assert!(rules.contains(&format!("\\fB{key}\\fR")), "auditward-rules(5): {key}");
    }
}
