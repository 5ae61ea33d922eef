//! Any text as a configuration: every fault has a place that can be drawn, both readers put the same settings in force,
//! whatever is faulty leaves what stood before, and the text once more as a drop-in changes nothing.
#![no_main]

use std::fs;
use std::os::unix::fs::symlink;
use std::path::PathBuf;
use std::sync::LazyLock;

use auditward::daemon::config::{self, Config, Mode};
use auditward::diagnostic::{Diagnostic, render};
use auditward::output::syslog::LEAST_LIMIT;
use auditward::output::{Destination, Format};
use libfuzzer_sys::fuzz_target;

/// The file alone, and with itself as a drop-in.
static FILES: LazyLock<(PathBuf, PathBuf)> = LazyLock::new(|| {
    // Memory, where there is such a file system.
    let memory = PathBuf::from("/dev/shm");
    let below = if memory.is_dir() { memory } else { std::env::temp_dir() };
    let folder = below.join(format!("auditward-fuzz-config-{}", std::process::id()));
    fs::create_dir_all(folder.join("twice.d")).expect("a directory");
    let (once, twice) = (folder.join("once.toml"), folder.join("twice.toml"));
    symlink(&once, &twice).expect("a link");
    symlink(&once, folder.join("twice.d/10-again.toml")).expect("a link");
    (once, twice)
});

fuzz_target!(|text: &str| {
    let (once, twice) = &*FILES;
    fs::write(once, text).expect("memory");
    let (checked, faults) = read(once, Mode::Check);
    let (started, warnings) = read(once, Mode::Start);
    assert_eq!(format!("{checked:?}"), format!("{started:?}"), "{text}");
    let titles = |told: &[Diagnostic]| told.iter().map(|fault| fault.title.clone()).collect::<Vec<_>>();
    assert_eq!(titles(&faults), titles(&warnings), "{text}");
    for fault in &faults {
        assert!(!render(fault, false).is_empty());
    }
    // What a label or a section begins without counts as wrong in the file and not over it.
    if faults.is_empty() {
        let (again, faults) = read(twice, Mode::Check);
        assert!(faults.is_empty(), "{faults:?}\n{text}");
        assert_eq!(format!("{again:?}"), format!("{checked:?}"), "{text}");
    }
    sound(&checked, text);
});

fn read(path: &std::path::Path, mode: Mode) -> (Config, Vec<Diagnostic>) {
    config::read(path, mode).unwrap_or_else(|fault| panic!("it can be read: {fault:?}"))
}

/// What the rest of the daemon takes for granted.
fn sound(config: &Config, text: &str) {
    let sinks = config.sinks();
    for (n, sink) in sinks.iter().enumerate() {
        assert!(sinks[..n].iter().all(|other| other.name != sink.name), "two of one name: {text}");
        let formatter = match &sink.destination {
            Destination::Syslog { formatter, .. } => formatter,
            Destination::Stdout(Format::Syslog(formatter)) => formatter,
            Destination::File { format: Format::Syslog(formatter), .. } => formatter,
            _ => continue,
        };
        assert!(formatter.limit >= LEAST_LIMIT && formatter.line > 0, "{formatter:?}\n{text}");
    }
    assert!(config.store.days > 0 && config.store.megabytes > 0, "{text}");
    if let Some(events) = &config.events {
        assert!(events.query.as_ref().is_none_or(|query| query.compile().is_ok()), "{text}");
    }
}
