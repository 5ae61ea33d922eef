//! One archive for a bug report: what the doctor found and what it looked at, redacted.

use std::fs::File;
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use flate2::Compression;
use flate2::write::GzEncoder;

use super::redact::Redactor;
use super::{Finding, Kernel, Patient, Place};
use crate::clean;
use crate::detect::Engine;
use crate::rule::SkipReason;

/// Files of the host that are taken in, as far as they can be read.
const FILES: [&str; 9] = [
    "/etc/os-release",
    "/proc/cmdline",
    "/proc/sys/kernel/osrelease",
    "/proc/sys/kernel/printk",
    "/proc/sys/net/core/rmem_max",
    "/proc/net/netlink",
    "/proc/self/mountinfo",
    "/etc/auditward/auditward.toml",
    "/etc/audit/auditd.conf",
];

/// The most bytes of one file.
const MOST: usize = 1 << 20;

/// Writes the archive (tar, gzip) to `path`, which must not be there yet; mode 0600. The names in it.
///
/// Host names, the machine id, addresses, user names in /home, mail addresses and the values of secrets are
/// replaced by words in angle brackets. No alert, no event and no text of a site's rule is in it.
///
/// # Errors
/// The file is there already or cannot be written.
pub fn write(path: &Path, patient: &Patient<'_>, findings: &[Finding]) -> io::Result<Vec<String>> {
    let file = File::options().write(true).create_new(true).mode(0o600).open(path)?;
    let written = fill(file, patient, findings);
    if written.is_err() {
        let _ = std::fs::remove_file(path);
    }
    written
}

fn fill(file: File, patient: &Patient<'_>, findings: &[Finding]) -> io::Result<Vec<String>> {
    let redactor = redactor(patient.place);
    let mut archive = tar::Builder::new(GzEncoder::new(file, Compression::default()));
    let mut names = Vec::new();
    for (name, text) in contents(patient, findings) {
        let text = redactor.text(clean::cut(&text, MOST));
        let mut header = tar::Header::new_gnu();
        header.set_size(text.len() as u64);
        header.set_mode(0o600);
        archive.append_data(&mut header, format!("auditward-bundle/{name}"), text.as_bytes())?;
        names.push(name);
    }
    archive.into_inner()?.finish()?.flush()?;
    Ok(names)
}

fn redactor(place: &Place) -> Redactor {
    let text = |path| place.read(path).map(|text| text.trim().to_owned()).unwrap_or_default();
    let (host, named) = (text("/proc/sys/kernel/hostname"), text("/etc/hostname"));
    Redactor::new(&[&host, &named], &text("/etc/machine-id"))
}

fn contents(patient: &Patient<'_>, findings: &[Finding]) -> Vec<(String, String)> {
    let mut all = vec![
        ("version.txt".to_owned(), format!("auditward {}\n", env!("CARGO_PKG_VERSION"))),
        ("doctor.txt".to_owned(), findings.iter().map(|finding| format!("{finding}\n")).collect()),
        ("rules.txt".to_owned(), rules(patient)),
        ("kernel-rules-wanted.txt".to_owned(), patient.plan.to_string()),
    ];
    match patient.kernel {
        Kernel::Answers { status, rules } => {
            let rules: String = rules.iter().map(|rule| format!("{rule}\n")).collect();
            all.push(("kernel-rules-loaded.txt".to_owned(), format!("{status:#?}\n\n{rules}")));
        }
        other => all.push(("kernel-rules-loaded.txt".to_owned(), format!("{other:?}\n"))),
    }
    match patient.report {
        Ok(report) => {
            let text = serde_json::to_string_pretty(report).unwrap_or_default();
            all.push(("status.json".to_owned(), text));
        }
        Err((_, why)) => all.push(("status.txt".to_owned(), format!("{why}\n"))),
    }
    for path in FILES {
        let name = format!("files{}", path.replace('/', "_"));
        match patient.place.try_read(path) {
            Ok(text) => all.push((name, text)),
            Err(error) => all.push((name, format!("not read: {error}\n"))),
        }
    }
    all
}

/// Each rule with what became of it; never its text.
fn rules(patient: &Patient<'_>) -> String {
    let set = patient.rules;
    let engine = Engine::new(set.rules.clone());
    let live = engine.rules().iter().map(|rule| format!("live      {}  {}\n", rule.uuid, rule.id));
    let dead = engine.not_live().iter();
    let dead = dead.map(|dead| format!("not live  {}  {}  {}\n", dead.rule.uuid, dead.rule.id, dead.reason));
    let skipped = set.skipped.iter().filter(|skipped| skipped.reason != SkipReason::NoRule);
    let skipped = skipped
        .map(|skipped| format!("not run   {}  {}\n", skipped.uuid.as_deref().unwrap_or("-"), skipped.reason));
    let faults = set.faults.iter().map(|fault| format!("fault     {}\n", fault.one_line()));
    let files = set.files.iter().map(|file| format!("{}  {}\n", file.sha256, file.path));
    live.chain(dead).chain(skipped).chain(faults).chain(files).collect()
}
