//! What sequences hold over a clean stop: one file in the state directory.
//!
//! It is opened before privilege is laid down and kept open, so that the daemon can write it whoever it is
//! by then. It is emptied when it has been read: what it holds counts once, also if the daemon is killed
//! afterwards. Beside what the engine holds, in a line before it, stands when the running processes began:
//! sequences are joined by `process.entity_id`, which is made of that.

use std::io;
use std::path::Path;

use serde::{Deserialize, Serialize};

use super::marker::boot_id;
use super::state_file::{StateFile, named};
use crate::alert::source_text;
use crate::detect::{Engine, MOST_STATE_BYTES};
use crate::event::Birth;

/// The file in it.
const FILE: &str = "sequences.state";

/// The most bytes that are read: those of the engine, and of some hundred thousand processes.
const MOST_BYTES: u64 = MOST_STATE_BYTES as u64 + (16 << 20);

/// The file, open and locked.
#[derive(Debug)]
pub struct SequenceState {
    file: StateFile,
    /// What was in it, once it was read.
    left: Option<io::Result<Vec<u8>>>,
    /// The host was booted since.
    booted: bool,
}

/// The first line.
#[derive(Debug, Serialize, Deserialize)]
struct Processes {
    processes: Vec<Birth>,
    /// The boot that it was written in; empty where it is not known.
    #[serde(default)]
    boot: String,
}

impl SequenceState {
    /// Opens the file in `directory`, which it makes (0600) where it is missing.
    ///
    /// # Errors
    /// It cannot be opened for writing, is no plain file, has other names, or another daemon has it.
    pub fn open(directory: &Path) -> io::Result<Self> {
        Ok(Self { file: StateFile::open(directory, FILE)?, left: None, booted: false })
    }

    fn left(&mut self) -> &mut io::Result<Vec<u8>> {
        let Self { file, left, .. } = self;
        left.get_or_insert_with(|| {
            let read = file.read(MOST_BYTES);
            let emptied = file.clear();
            read.and_then(|bytes| emptied.map(|()| bytes))
        })
    }

    /// When the processes began that ran at the former run's end; none where that is not known.
    pub fn births(&mut self) -> Vec<Birth> {
        let Ok(bytes) = self.left() else { return Vec::new() };
        let Some(end) = bytes.iter().position(|byte| *byte == b'\n') else { return Vec::new() };
        match serde_json::from_slice(bytes.get(..end).unwrap_or_default()) {
            Ok(Processes { processes, boot }) => {
                bytes.drain(..=end);
                self.booted = !boot.is_empty() && boot != boot_id();
                processes
            }
            Err(_) => Vec::new(),
        }
    }

    /// Gives `engine` what a former run left, and says what came of it; nothing where it left nothing.
    /// `blind`: what happened since was not recorded for us.
    pub fn resume(&mut self, engine: &mut Engine, blind: bool) -> Option<String> {
        let _ = self.births();
        let path = self.file.path.display().to_string();
        let bytes = match self.left() {
            Ok(bytes) => std::mem::take(bytes),
            Err(error) => return Some(format!("{path}: {error}: sequences begin anew")),
        };
        if bytes.is_empty() {
            return None;
        }
        let resumed = match engine.resume(&bytes) {
            Err(error) => return Some(format!("{path}: {error}: left out, sequences begin anew")),
            Ok(resumed) => resumed,
        };
        let mut told = format!(
            "sequences go on where the last run stopped: {} held by {}",
            resumed.partials,
            super::intake::counted(resumed.rules as u64, "rule")
        );
        if resumed.changed > 0 {
            let changed = super::intake::counted(resumed.changed as u64, "rule");
            told += &format!("; left out: what {changed} held, whose query is gone or another now");
        }
        let undecided = engine.join_counts().undecided;
        if self.booted && undecided > 0 {
            engine.forget_undecided();
            told += &format!(
                "; given up: {undecided} that waited for something not to happen when the host was shut down"
            );
        } else if blind && undecided > 0 {
            told += &format!(
                "; {undecided} wait for something not to happen, and what happened since the stop was not seen"
            );
        }
        Some(told)
    }

    /// Writes what `engine` holds, for the next run, and `births` if that is anything; how many partial
    /// sequences that are.
    ///
    /// # Errors
    /// It is too much, or cannot be written; then the file is empty.
    pub fn save(&mut self, engine: &Engine, births: impl FnOnce() -> Vec<Birth>) -> io::Result<u64> {
        let held = engine.join_counts().held;
        let engine =
            engine.save(&source_text).map_err(|error| named(&self.file.path, &io::Error::other(error)))?;
        let processes = if held > 0 { births() } else { Vec::new() };
        let mut bytes = serde_json::to_vec(&Processes { processes, boot: boot_id() })?;
        bytes.push(b'\n');
        bytes.extend(engine);
        self.file.write(&bytes)?;
        Ok(held)
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    use crate::daemon::detector::{Created, Detector};
    use crate::daemon::intake::Intake;
    use crate::rule::load;

    const TWO_STEPS: &str = "sequence by process.parent.pid with maxspan=1m \
        [process where process.name == \"one\"] [process where process.name == \"two\"]";

    fn detector(query: &str) -> Detector {
        let folder = tempfile::tempdir().expect("a directory");
        let text = format!(
            "[rule]\nrule_id = \"s\"\nname = \"n\"\ndescription = \"d\"\ntype = \"eql\"\nseverity = \"low\"\n\
             risk_score = 1\nquery = '{query}'\n"
        );
        std::fs::write(folder.path().join("r.toml"), text).expect("a file");
        let loaded = load::load(&[folder.path().to_owned()], &crate::event::schema::Live);
        assert_eq!(loaded.rules.len(), 1, "{:?}", loaded.diagnostics);
        Detector::new(loaded.rules, Created::Stamp)
    }

    /// One execution; how many alerts it makes.
    fn exec(detector: &mut Detector, serial: u32, name: &str) -> usize {
        let stamp = format!("audit(1790000100.{serial:03}:{serial})");
        let lines = [
            format!(
                "type=SYSCALL msg={stamp}: arch=c000003e syscall=59 success=yes exit=0 ppid=9 pid={serial} \
                 auid=0 uid=0 gid=0 euid=0 suid=0 fsuid=0 egid=0 sgid=0 fsgid=0 tty=pts0 ses=4 \
                 comm=\"{name}\" exe=\"/usr/bin/{name}\" key=(null)"
            ),
            format!("type=EXECVE msg={stamp}: argc=1 a0=\"{name}\""),
            format!("type=EOE msg={stamp}: "),
        ];
        let mut intake = Intake::for_replay();
        let mut alerts = 0;
        for line in &lines {
            intake.line(line.as_bytes(), 0, &mut |event| detector.event(event, &mut |_| alerts += 1));
        }
        intake.finish(&mut |event| detector.event(event, &mut |_| alerts += 1));
        detector.finish(&mut |_| alerts += 1);
        alerts
    }

    #[test]
    fn a_sequence_goes_on_in_the_next_run_once() {
        let folder = tempfile::tempdir().expect("a directory");
        let mut first = detector(TWO_STEPS);
        let mut state = SequenceState::open(folder.path()).expect("opened");
        assert_eq!(state.resume(first.engine_mut(), true), None, "nothing was left");
        assert_eq!(exec(&mut first, 1, "one"), 0);
        assert_eq!(state.save(first.engine(), Vec::new).expect("saved"), 1);
        let busy = SequenceState::open(folder.path()).expect_err("it is in use").to_string();
        assert!(busy.ends_with("another daemon uses it"), "{busy}");
        drop(state);
        let mode = std::fs::metadata(folder.path().join(FILE)).expect("a file").permissions().mode();
        assert_eq!(mode & 0o777, 0o600);

        let mut second = detector(TWO_STEPS);
        let mut state = SequenceState::open(folder.path()).expect("opened");
        let told = state.resume(second.engine_mut(), true).expect("something was left");
        assert_eq!(told, "sequences go on where the last run stopped: 1 held by 1 rule");
        assert_eq!(exec(&mut second, 2, "two"), 1);
        drop(state);
        let mut third = detector(TWO_STEPS);
        let mut state = SequenceState::open(folder.path()).expect("opened");
        assert_eq!(state.resume(third.engine_mut(), true), None, "taken up once");
    }

    #[test]
    fn what_is_damaged_is_told_and_left_out() {
        let folder = tempfile::tempdir().expect("a directory");
        let path = folder.path().join(FILE);
        std::fs::write(&path, "{\"auditward_state\":1,\"sha256\":\"00\"}\n{}\n").expect("written");
        let mut detector = detector(TWO_STEPS);
        let mut state = SequenceState::open(folder.path()).expect("opened");
        let told = state.resume(detector.engine_mut(), false).expect("told");
        assert!(told.ends_with("it is damaged (its sum differs): left out, sequences begin anew"), "{told}");
        assert_eq!(std::fs::metadata(&path).expect("a file").len(), 0);
    }

    #[test]
    fn nothing_but_a_plain_file_of_one_name_is_opened() {
        let folder = tempfile::tempdir().expect("a directory");
        let (path, other) = (folder.path().join(FILE), folder.path().join("other"));
        std::fs::write(&other, "secret").expect("written");
        std::os::unix::fs::symlink(&other, &path).expect("a link");
        SequenceState::open(folder.path()).expect_err("a symbolic link");
        std::fs::remove_file(&path).expect("removed");
        std::fs::hard_link(&other, &path).expect("a link");
        SequenceState::open(folder.path()).expect_err("a file with another name");
        std::fs::remove_file(&path).expect("removed");
        nix::unistd::mkfifo(&path, nix::sys::stat::Mode::S_IRWXU).expect("a pipe");
        SequenceState::open(folder.path()).expect_err("a pipe");
        assert_eq!(std::fs::read_to_string(&other).expect("readable"), "secret");
    }

    /// A query, and the directory of a run that ended when two of its three stages had happened and the third must not.
    fn stopped_while_one_is_awaited_not_to_happen() -> (String, tempfile::TempDir) {
        let query = format!("{TWO_STEPS} ![process where process.name == \"three\"]");
        let folder = tempfile::tempdir().expect("a directory");
        let mut first = detector(&query);
        let mut state = SequenceState::open(folder.path()).expect("opened");
        exec(&mut first, 1, "one");
        exec(&mut first, 2, "two");
        state.save(first.engine(), Vec::new).expect("saved");
        drop(state);
        (query, folder)
    }

    #[test]
    fn what_must_not_happen_is_told_where_it_could_not_be_seen() {
        let (query, folder) = stopped_while_one_is_awaited_not_to_happen();
        let mut second = detector(&query);
        let mut state = SequenceState::open(folder.path()).expect("opened");
        let told = state.resume(second.engine_mut(), true).expect("something was left");
        assert!(
            told.ends_with(
                "1 wait for something not to happen, and what happened since the stop was not seen"
            )
        );
    }

    #[test]
    fn what_must_not_happen_is_given_up_over_a_boot() {
        let (query, folder) = stopped_while_one_is_awaited_not_to_happen();
        let path = folder.path().join(FILE);
        let text = std::fs::read_to_string(&path).expect("a file");
        let (processes, rest) = text.split_once('\n').expect("two lines");
        assert_eq!(processes, format!("{{\"processes\":[],\"boot\":\"{}\"}}", boot_id()));
        std::fs::write(&path, format!("{{\"processes\":[],\"boot\":\"of another time\"}}\n{rest}"))
            .expect("written");
        let mut second = detector(&query);
        let mut state = SequenceState::open(folder.path()).expect("opened");
        let told = state.resume(second.engine_mut(), true).expect("something was left");
        let given_up = "; given up: 1 that waited for something not to happen when the host was shut down";
        assert!(told.ends_with(given_up), "{told}");
        assert_eq!(second.engine().join_counts().undecided, 0);
    }
}
