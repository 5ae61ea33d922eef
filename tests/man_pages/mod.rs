//! The man pages and completions that packages carry: one page a command, made from the command line's
//! own definition, and two made from pages of docs/. `AUDITWARD_UPDATE=1 cargo test --test pages` writes them anew.

mod roff;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use auditward::cli::Arguments;
use clap::{Command, CommandFactory};
use clap_complete::Shell;

/// A page of section 5, made from one of docs/.
struct Format {
    name: &'static str,
    about: &'static str,
    files: &'static [&'static str],
    source: &'static str,
    see_also: &'static str,
}

const FORMATS: [Format; 2] = [
    Format {
        name: "auditward.toml",
        about: "settings of auditward",
        files: &["/etc/auditward/auditward.toml", "/etc/auditward/auditward.d/*.toml"],
        source: "docs/configuration.md",
        see_also: "\\fBauditward\\fR(8), \\fBauditward\\-check\\fR(8), \\fBauditward\\-rules\\fR(5)",
    },
    Format {
        name: "auditward-rules",
        about: "detection rules of auditward",
        files: &["/usr/share/auditward/rules/*.toml", "/etc/auditward/rules.d/*.toml"],
        source: "docs/rule-files.md",
        see_also: "\\fBauditward\\fR(8), \\fBauditward\\-rules\\fR(8), \\fBauditward.toml\\fR(5)",
    },
];

impl Format {
    fn made(&self) -> (String, Vec<u8>) {
        let Self { name, about, files, source, see_also } = self;
        let text = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(source)).unwrap();
        let (name, files) = (name.replace('-', "\\-"), files.join("\n.br\n.I ").replace('-', "\\-"));
        let page = format!(
            ".\\\" made from {source}\n.TH {name} 5 \"\" auditward auditward\n.SH NAME\n{name} \\- {about}\n\
             .SH SYNOPSIS\n.I {files}\n.SH DESCRIPTION\n{}.SH \"SEE ALSO\"\n{see_also}\n",
            roff::body(&text)
        );
        (format!("{}.5", self.name), page.into_bytes())
    }
}

fn folder(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("packaging").join(name)
}

/// Pages by file name: that of `command`, named `name`, and of every command below it.
fn pages_of(command: &Command, name: &str, pages: &mut BTreeMap<String, Vec<u8>>) {
    let see_also = match name {
        "auditward" => "\\fBauditward.toml\\fR(5), \\fBauditward\\-rules\\fR(5), \\fBauditd\\fR(8)",
        _ => "\\fBauditward\\fR(8)",
    };
    // What is typed, `auditward kernel-rules`, is known from `built`.
    let typed = command.get_bin_name().unwrap_or(name).to_owned();
    let shown = command.clone().name(&*name.to_owned().leak()).bin_name(typed);
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
fn compare(name: &str, made: &BTreeMap<String, Vec<u8>>) {
    let folder = folder(name);
    let there = || {
        let entries = fs::read_dir(&folder).unwrap().map(|e| e.unwrap().file_name().into_string().unwrap());
        entries.collect::<Vec<_>>()
    };
    if std::env::var_os("AUDITWARD_UPDATE").is_some() {
        there().iter().for_each(|file| fs::remove_file(folder.join(file)).unwrap());
        made.iter().for_each(|(file, text)| fs::write(folder.join(file), text).unwrap());
    }
    let mut files = there();
    files.sort();
    let advice = "AUDITWARD_UPDATE=1 cargo test --test pages";
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
    pages.extend(FORMATS.iter().map(|page| page.made()));
    compare("man", &pages);
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
    compare("completions", &made);
}
