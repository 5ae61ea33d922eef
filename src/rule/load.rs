//! Rules from files and directories, from what is installed, or from inside the program.

use std::collections::{HashMap, HashSet};
use std::fs::{self, DirEntry};
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::embedded::RULES;
use super::export;
use super::file::{self, Origin, Reading};
use super::policy::Policy;
use super::{Loaded, Rule, SkipReason, Skipped};
use crate::diagnostic::{Diagnostic, Label, Level, Source, codes};
use crate::event::Schema;
use crate::event::schema::Live;
use crate::toml_file::{self, Codes, unreadable};

/// Where a package puts the shipped rules.
pub const VENDOR_RULES: &str = "/usr/share/auditward/rules";

/// Where an administrator puts rules of this site.
pub const SITE_RULES: &str = "/etc/auditward/rules.d";

/// The most rule files that are read.
const MOST_FILES: usize = 20_000;

/// The deepest that directories are looked into.
const DEEPEST: usize = 32;

/// Reads files, and directories with all `*.toml` and `*.ndjson` below them, in the order given, each directory
/// sorted by name. Names that begin with a dot (editors' files, `.git`) are passed over, and a file
/// met twice (through a link, or named beside its directory) is read once. The fault that a path
/// cannot be read is coded [`Codes::unreadable`].
#[must_use]
pub fn load(paths: &[PathBuf], schema: &dyn Schema) -> Loaded {
    named(paths, Policy::default(), schema)
}

fn named(paths: &[PathBuf], policy: Policy, schema: &dyn Schema) -> Loaded {
    let mut loader = Loader::new(policy, schema);
    for path in paths {
        loader.path(path, &path.display().to_string());
    }
    loader.finish(false)
}

/// The rules of `paths`, or else what is installed with `rules.d` below `site`, as the overrides,
/// exceptions and lists below `site` have them.
#[must_use]
pub fn effective(paths: &[PathBuf], site: &Path) -> Loaded {
    let policy = Policy::read(site);
    match paths {
        [] => layers(Path::new(VENDOR_RULES), &site.join("rules.d"), policy, &Live),
        paths => named(paths, policy, &Live),
    }
}

/// The rule in a text, as a file of this name would hold it.
#[must_use]
pub fn text(name: &str, text: &str, schema: &dyn Schema) -> Loaded {
    let mut loader = Loader::new(Policy::default(), schema);
    let source = Arc::new(Source { name: PathBuf::from(name), text: text.to_owned() });
    loader.source(&source, &Origin { ruleset: "embedded", path: None });
    loader.finish(false)
}

/// The rules inside the program.
#[must_use]
pub fn embedded(schema: &dyn Schema) -> Loaded {
    let mut loader = Loader::new(Policy::default(), schema);
    loader.embedded();
    loader.finish(false)
}

/// What is installed: the package's rules and the site's; the embedded ones where no package put any.
#[must_use]
pub fn default_rules(schema: &dyn Schema) -> Loaded {
    layers(Path::new(VENDOR_RULES), Path::new(SITE_RULES), Policy::default(), schema)
}

/// `vendor` or else the embedded rules, then `site`, whose rules take the place of those with the
/// same `rule_id`.
fn layers(vendor: &Path, site: &Path, policy: Policy, schema: &dyn Schema) -> Loaded {
    let mut loader = Loader::new(policy, schema);
    match vendor.exists() {
        true => loader.path(vendor, "vendor"),
        false => loader.embedded(),
    }
    if site.exists() {
        loader.path(site, "site");
    }
    loader.finish(true)
}

/// Collects rules over several files.
struct Loader<'s> {
    schema: &'s dyn Schema,
    policy: Policy,
    loaded: Loaded,
    /// Device and inode of each file and directory met.
    met: HashSet<(u64, u64)>,
    /// Where in `loaded.rules` the rule with a uuid is.
    uuids: HashMap<String, usize>,
}

impl<'s> Loader<'s> {
    fn new(mut policy: Policy, schema: &'s dyn Schema) -> Self {
        let diagnostics = std::mem::take(&mut policy.diagnostics);
        let loaded = Loaded { diagnostics, ..Loaded::default() };
        Self { schema, policy, loaded, met: HashSet::new(), uuids: HashMap::new() }
    }

    fn embedded(&mut self) {
        for (name, text) in RULES {
            let source = Arc::new(Source { name: PathBuf::from(name), text: (*text).to_owned() });
            self.source(&source, &Origin { ruleset: "embedded", path: None });
        }
    }

    /// A file or directory that was asked for by name.
    fn path(&mut self, path: &Path, ruleset: &str) {
        match fs::metadata(path) {
            Ok(metadata) if !self.met.insert((metadata.dev(), metadata.ino())) => {}
            Ok(metadata) if metadata.is_dir() => self.directory(path, ruleset, 0),
            Ok(_) => {
                let before = self.loaded.skipped.len();
                self.file(path, ruleset);
                self.no_rule_is_an_error(before, path);
            }
            Err(error) => self.unreadable(path, &error),
        }
    }

    /// A file named by the user that holds no rule is a mistake; in a directory it may well lie.
    fn no_rule_is_an_error(&mut self, before: usize, path: &Path) {
        if self.loaded.skipped.get(before).is_some_and(|skipped| skipped.reason == SkipReason::NoRule) {
            self.loaded.skipped.truncate(before);
            let title = format!("{} holds no rule: it has no table [rule]", path.display());
            self.bare(Codes::RULE.missing, Level::Error, title);
        }
    }

    fn directory(&mut self, path: &Path, ruleset: &str, depth: usize) {
        let entries = match fs::read_dir(path).and_then(Iterator::collect::<io::Result<Vec<_>>>) {
            Ok(entries) => entries,
            Err(error) => return self.unreadable(path, &error),
        };
        if depth > DEEPEST {
            let title = format!("{} is not looked into: it is too deep", path.display());
            return self.bare(codes::RULE_DIRECTORY_TOO_LARGE, Level::Error, title);
        }
        let mut names: Vec<_> = entries.iter().map(DirEntry::file_name).collect();
        names.sort_unstable();
        for name in names {
            if !name.as_encoded_bytes().starts_with(b".") {
                self.entry(&path.join(name), ruleset, depth);
            }
        }
    }

    fn entry(&mut self, path: &Path, ruleset: &str, depth: usize) {
        let is_rules = path.extension().is_some_and(|extension| extension == "toml" || extension == "ndjson");
        match fs::metadata(path) {
            // A dangling link named like a rule is told; other entries are none of our business.
            Err(error) if is_rules => self.unreadable(path, &error),
            Err(_) => {}
            Ok(metadata) if !metadata.is_dir() && !is_rules => {}
            Ok(metadata) if !self.met.insert((metadata.dev(), metadata.ino())) => {}
            Ok(metadata) if metadata.is_dir() => self.directory(path, ruleset, depth + 1),
            Ok(_) if self.loaded.files == MOST_FILES => {
                let title = format!("{} and what follows is not read: too many files", path.display());
                self.loaded.files += 1;
                self.bare(codes::RULE_DIRECTORY_TOO_LARGE, Level::Error, title);
            }
            Ok(_) if self.loaded.files > MOST_FILES => {}
            Ok(_) => self.file(path, ruleset),
        }
    }

    fn file(&mut self, path: &Path, ruleset: &str) {
        if path.extension().is_some_and(|extension| extension == "ndjson") {
            return self.export(path, ruleset);
        }
        match toml_file::read(path, Codes::RULE) {
            Ok(source) => self.source(&source, &Origin { ruleset, path: Some(path) }),
            Err(fault) => {
                self.loaded.files += 1;
                self.loaded.diagnostics.push(*fault);
            }
        }
    }

    /// An export of Kibana's; a file of other documents is no rule file.
    fn export(&mut self, path: &Path, ruleset: &str) {
        self.loaded.files += 1;
        let export = match export::read(path) {
            Ok(export) => export,
            Err(fault) => return self.loaded.diagnostics.push(*fault),
        };
        if export.rules.is_empty() {
            let (name, uuid, reason) = (None, None, SkipReason::NoRule);
            return self.loaded.skipped.push(Skipped { file: path.to_owned(), name, uuid, reason });
        }
        self.loaded.diagnostics.extend(export.faults);
        for exception in &export.exceptions {
            self.loaded.diagnostics.extend(self.policy.add_exceptions(exception));
        }
        for rule in &export.rules {
            self.source(rule, &Origin { ruleset, path: Some(path) });
            self.loaded.files -= 1;
        }
    }

    fn source(&mut self, source: &Arc<Source>, origin: &Origin<'_>) {
        self.loaded.files += 1;
        let (reading, faults) = file::read(source, origin, self.schema, &self.policy);
        self.loaded.diagnostics.extend(faults);
        match reading {
            Reading::Rule(mut rule) => {
                self.policy.apply(&mut rule, &mut self.loaded.diagnostics);
                self.rule(*rule);
            }
            Reading::Skipped { name, uuid, reason } => {
                self.loaded.skipped.push(Skipped { file: source.name.clone(), name, uuid, reason });
            }
            Reading::Faulty => {}
        }
    }

    /// Takes a rule in; of two with one `rule_id` the first stays, or the one of the later layer.
    fn rule(&mut self, rule: Rule) {
        let Some(place) = self.uuids.get(&rule.uuid).copied() else {
            self.uuids.insert(rule.uuid.clone(), self.loaded.rules.len());
            self.loaded.rules.push(Arc::new(rule));
            return;
        };
        let Some(first) = self.loaded.rules.get_mut(place) else { return };
        if rule.ruleset == "site" && first.ruleset != "site" {
            self.loaded.skipped.push(Skipped {
                file: first.source.name.clone(),
                name: Some(first.name.clone()),
                uuid: Some(first.uuid.clone()),
                reason: SkipReason::Replaced { by: rule.source.name.clone() },
            });
            *first = Arc::new(rule);
            return;
        }
        let fault = same_uuid(&rule, first);
        self.loaded.diagnostics.push(fault);
    }

    fn unreadable(&mut self, path: &Path, error: &io::Error) {
        self.loaded.diagnostics.push(*unreadable(path, error, Codes::RULE));
    }

    /// A fault of no text.
    fn bare(&mut self, code: u16, level: Level, title: String) {
        let (source, primary, context, help) = (None, None, Vec::new(), None);
        self.loaded.diagnostics.push(Diagnostic { code, level, title, source, primary, context, help });
    }

    /// `all`: whether these are all rules of the host, so that a rule that is not among them is none.
    fn finish(mut self, all: bool) -> Loaded {
        if all {
            let (rules, skipped) = (&self.loaded.rules, &self.loaded.skipped);
            let known = |id: &str| {
                rules.iter().any(|rule| rule.uuid == id || rule.id == id)
                    || skipped.iter().any(|skipped| skipped.uuid.as_deref() == Some(id))
            };
            let strangers = self.policy.strangers(&known);
            self.loaded.diagnostics.extend(strangers);
        }
        if let Some(title) = shared_ids(&self.loaded.rules) {
            self.bare(codes::RULE_SAME_ID, Level::Warning, title);
            if let Some(fault) = self.loaded.diagnostics.last_mut() {
                fault.help =
                    Some("tell them apart by rule.uuid, or give each an `[auditward] id`".to_owned());
            }
        }
        self.loaded
    }
}

fn same_uuid(rule: &Rule, first: &Rule) -> Diagnostic {
    // The first place is the rule_id's; a uuid is not likely to stand anywhere before it.
    let place =
        rule.source.text.find(&rule.uuid).map(|start| toml_file::span(start..start + rule.uuid.len()));
    Diagnostic {
        code: codes::RULE_SAME_UUID,
        level: Level::Error,
        title: format!("`rule_id` is that of {}, which is used", first.source.name.display()),
        source: Some(Arc::clone(&rule.source)),
        primary: place.map(|span| Label { span, text: String::new() }),
        context: Vec::new(),
        help: Some("give this rule an id of its own, or take one of the files away".to_owned()),
    }
}

/// One sentence on rules whose `rule.id` is not theirs alone; none where each has its own.
fn shared_ids(rules: &[Arc<Rule>]) -> Option<String> {
    let mut counts: HashMap<&str, usize> = HashMap::new();
    for rule in rules {
        *counts.entry(&rule.id).or_default() += 1;
    }
    let mut shared: Vec<_> = counts.into_iter().filter(|(_, count)| *count > 1).collect();
    shared.sort_unstable();
    let rules: usize = shared.iter().map(|(_, count)| count).sum();
    let (first, _) = shared.first()?;
    let more = shared.len() - 1;
    let and_more = if more == 0 { String::new() } else { format!(" and {more} more") };
    Some(format!("{rules} rules share the short id (rule.id, syslog MSGID) {first}{and_more}"))
}
