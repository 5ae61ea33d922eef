//! How often each of the account files was read, could not be, and had changed.

use std::collections::BTreeMap;

use jiff::Timestamp;

use super::super::losses::stamp;
use super::super::status::AccountFile;
use super::probed::Answered;
use crate::account::{Change, Outcome, Readout};

/// Counts since the start, by file. Drop-ins count with their directory, so that there are few.
#[derive(Debug, Default)]
pub(super) struct Tally(BTreeMap<Box<str>, AccountFile>);

impl Tally {
    fn of(&mut self, file: &str) -> &mut AccountFile {
        self.0
            .entry(file.into())
            .or_insert_with(|| AccountFile { file: file.to_owned(), ..AccountFile::default() })
    }

    fn outcome(&mut self, file: &str, outcome: Outcome) {
        match outcome {
            Outcome::Absent => {}
            Outcome::Fault => self.of(file).faults += 1,
            Outcome::Read => {
                let one = self.of(file);
                one.reads += 1;
                one.read_at = Some(stamp(Timestamp::now()));
            }
        }
    }

    /// The files were read.
    pub(super) fn read(&mut self, readout: &Readout) {
        readout.looked.iter().for_each(|(file, outcome)| self.outcome(file, *outcome));
    }

    /// The probe was asked.
    pub(super) fn answered(&mut self, answered: &Answered) {
        let of = |known| if known { Outcome::Read } else { Outcome::Fault };
        self.outcome("/etc/shadow", of(answered.passwords.is_some()));
        self.outcome("/etc/sudoers", of(answered.sudoers.is_some()));
        self.outcome("/etc/sudoers.d", of(answered.sudoers.is_some()));
    }

    /// This was found to be different.
    pub(super) fn differences(&mut self, changes: &[Change]) {
        changes.iter().for_each(|change| self.of(change.source.counted()).differences += 1);
    }

    /// How things stand.
    pub(super) fn report(&self) -> Vec<AccountFile> {
        self.0.values().cloned().collect()
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;
    use crate::account::{State, changes, read};

    #[test]
    fn reads_faults_and_differences_are_counted_by_file() {
        let root = tempfile::tempdir().expect("a directory");
        let write = |path: &str, text: &str| {
            let path = root.path().join(path);
            fs::create_dir_all(path.parent().expect("a parent")).expect("made");
            fs::write(path, text).expect("written");
        };
        write("etc/passwd", "root:x:0:0::/root:/bin/sh\n");
        let mut tally = Tally::default();
        let mut state = State::default();
        let mut look = |state: &mut State| {
            let readout = read(root.path(), state);
            tally.read(&readout);
            tally.differences(&changes(state, &readout.state));
            *state = readout.state;
            tally.report()
        };
        look(&mut state);
        write("etc/userdb/a.user", r#"{"userName":"a","uid":1}"#);
        write("etc/userdb/b.user", r#"{"userName":"b","uid":2}"#);
        let told: Vec<_> = look(&mut state)
            .into_iter()
            .map(|one| (one.file, one.reads, one.faults, one.differences))
            .collect();
        let row = |file: &str, reads, faults, differences| (file.to_owned(), reads, faults, differences);
        assert_eq!(
            told,
            [
                // It is missing, and each host has it.
                row("/etc/group", 0, 2, 0),
                row("/etc/passwd", 2, 0, 0),
                row("/etc/userdb", 1, 0, 2),
            ]
        );
        tally.answered(&Answered::default());
        let shadow = tally.report().into_iter().find(|one| one.file == "/etc/shadow").expect("counted");
        assert_eq!((shadow.reads, shadow.faults, shadow.read_at), (0, 1, None));
    }
}
