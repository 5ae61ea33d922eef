//! `install` and `remove`: our file beside the administrator's in /etc/audit/rules.d.

use std::ffi::OsStr;
use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};

use crate::audit::kernel_rules::{Plan, lines};

/// Behind the usual names (10- to 50-), before 99-finalize.rules with its `-e 2`.
const NAME: &str = "70-auditward.rules";

/// Where rules of others stand in a file behind that (`stig.rules`): the first rule that matches gives an event its key,
/// and theirs are to give theirs. augenrules moves an `-e 2` to the end, whatever file it is in.
const LATE: &str = "zz-auditward.rules";

fn ours(path: &Path) -> bool {
    path.ends_with(NAME) || path.ends_with(LATE)
}

/// Our file's name beside those of `others`, and the name that it is not to have.
fn name(others: &[(PathBuf, String)]) -> (&'static str, &'static str) {
    let is_rule = |line: &str| ["-a ", "-A ", "-w "].iter().any(|flag| line.starts_with(flag));
    let behind = |file: &Path| file.file_name().is_some_and(|name| name > OsStr::new(NAME));
    match others.iter().any(|(file, text)| behind(file) && text.lines().any(is_rule)) {
        true => (LATE, NAME),
        false => (NAME, LATE),
    }
}

/// The names of other people's rule files in `folder`, in augenrules' order, with their texts.
fn others(folder: &Path) -> io::Result<Vec<(PathBuf, String)>> {
    let entries = fs::read_dir(folder)?.filter_map(Result::ok).map(|entry| entry.path());
    let named = |path: &PathBuf| path.extension().is_some_and(|e| e == "rules") && !ours(path);
    let mut files: Vec<PathBuf> = entries.filter(named).collect();
    files.sort();
    files
        .into_iter()
        .map(|file| Ok((fs::read_to_string(&file)?, file)))
        .map(|r| r.map(|(t, f)| (f, t)))
        .collect()
}

/// `plan` without the rules that a line of another file does the work of, and those lines.
fn uncovered(plan: &Plan, others: &[(PathBuf, String)]) -> (Plan, Vec<String>) {
    let mut covered = Vec::new();
    let mut left = plan.clone();
    left.rules.retain(|rule| {
        let lines = others.iter().flat_map(|(file, text)| text.lines().map(move |line| (file, line.trim())));
        let mut by = lines.filter(|(_, line)| lines::covers(line, rule));
        let by =
            by.next().map(|(file, line)| format!("covered  {rule}\n      by {line} ({})", file.display()));
        let keep = by.is_none();
        covered.extend(by);
        keep
    });
    (left, covered)
}

/// Writes the file where `folder` exists; what it holds is told.
pub(super) fn install(plan: &Plan, folder: &Path, out: &mut impl Write) -> anyhow::Result<()> {
    if !folder.is_dir() {
        bail!(
            "{} is not there: no audit package is installed, and nothing would read the file; `auditward \
             kernel-rules load` and auditward-kernel-rules.service need none",
            folder.display()
        );
    }
    let others = others(folder).with_context(|| folder.display().to_string())?;
    let (plan, covered) = uncovered(plan, &others);
    for line in covered {
        writeln!(out, "{line}")?;
    }
    let (name, former) = name(&others);
    remove_one(&folder.join(former), out)?;
    let file = folder.join(name);
    let text = format!("{plan}");
    if fs::read_to_string(&file).is_ok_and(|there| there == text) {
        writeln!(out, "as it was {}", file.display())?;
        return Ok(());
    }
    write_whole(&file, &text).with_context(|| file.display().to_string())?;
    writeln!(out, "written  {}: {} rules", file.display(), plan.rules.len())?;
    writeln!(
        out,
        "They are loaded at the next start of audit. At once: `auditward kernel-rules load`, which adds and \
         removes nothing else. (`augenrules --load` first deletes every loaded rule.)"
    )?;
    Ok(())
}

/// Either the old file or the new one is there, never half of one.
fn write_whole(file: &Path, text: &str) -> io::Result<()> {
    let new = file.with_extension("rules.new");
    let _ = fs::remove_file(&new);
    let mut options = OpenOptions::new();
    let mut written = options.write(true).create_new(true).mode(0o640).open(&new)?;
    let done = written.write_all(text.as_bytes()).and_then(|()| written.sync_all());
    let done = done.and_then(|()| fs::rename(&new, file));
    if done.is_err() {
        let _ = fs::remove_file(&new);
    }
    done
}

/// Removes the file, if it is there, under either name.
pub(super) fn remove(folder: &Path, out: &mut impl Write) -> anyhow::Result<()> {
    [NAME, LATE].into_iter().try_for_each(|name| remove_one(&folder.join(name), out))
}

fn remove_one(file: &Path, out: &mut impl Write) -> anyhow::Result<()> {
    match fs::remove_file(file) {
        Ok(()) => writeln!(out, "removed  {}", file.display())?,
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        Err(error) => return Err(error).with_context(|| file.display().to_string()),
    }
    Ok(())
}
