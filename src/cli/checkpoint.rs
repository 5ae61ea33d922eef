//! `replay --checkpoint`: how far a run has come, so that one that was interrupted goes on without an alert twice.
//!
//! A mark says how many lines were read and how long the output was when all that came of them was written. The next
//! run reads the lines before it again, in silence, so that it knows all that the first knew, cuts off what was
//! written after the mark, and goes on.

use std::fs::File;
use std::io::{self, Seek, SeekFrom};
use std::os::fd::AsFd;
use std::path::{Path, PathBuf};

use anyhow::{Context, bail, ensure};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

/// See the module.
#[derive(Debug)]
pub(super) struct Checkpoint {
    path: PathBuf,
    out: File,
    run: String,
    every: u64,
    /// The mark that is gone on from, as long as what is before it is read.
    before: Option<Mark>,
    lines: u64,
    bytes: u64,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
struct Mark {
    auditward_checkpoint: u32,
    /// What was asked of what.
    run: String,
    lines: u64,
    /// Bytes of the output.
    output: u64,
}

/// What is to be done before the next line is taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Before {
    Nothing,
    /// All before it is to be done; then [`Checkpoint::go_on`].
    GoOn,
    /// All before it is to be written; then [`Checkpoint::save`].
    Save,
}

impl Checkpoint {
    /// With the mark in `path`, if there is one; a new one each time that `every` bytes were read. `run` are the texts by
    /// which a run is known.
    ///
    /// # Errors
    /// Standard output is no file, or not what the mark says; the mark is of another run.
    pub(super) fn open<'r>(
        path: &Path,
        every: u64,
        run: impl Iterator<Item = &'r [u8]>,
    ) -> anyhow::Result<Self> {
        let out = File::from(io::stdout().as_fd().try_clone_to_owned()?);
        ensure!(
            out.metadata()?.is_file(),
            "--checkpoint cuts the output where an interrupted run had come to: give it a file (>> FILE)"
        );
        let mut hash = Sha256::new();
        for part in run {
            hash.update((part.len() as u64).to_be_bytes());
            hash.update(part);
        }
        let run: String = hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect();
        let before = match std::fs::read(path) {
            Ok(text) => {
                Some(serde_json::from_slice::<Mark>(&text).with_context(|| path.display().to_string())?)
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => None,
            Err(error) => return Err(error).with_context(|| path.display().to_string()),
        };
        if let Some(mark) = &before {
            if mark.run != run || mark.auditward_checkpoint != 1 {
                bail!(
                    "{} is of a run with other inputs, options or rules; remove it to begin anew",
                    path.display()
                );
            }
            let length = out.metadata()?.len();
            ensure!(
                length >= mark.output,
                "the output has {length} bytes and had {} at the checkpoint: append to it (>> FILE)",
                mark.output
            );
        }
        Ok(Self { path: path.to_owned(), out, run, every, before, lines: 0, bytes: 0 })
    }

    /// Whether alerts are not to be printed.
    pub(super) fn is_silent(&self) -> bool {
        self.before.is_some()
    }

    /// A line comes.
    pub(super) fn before_line(&mut self, line: &[u8]) -> Before {
        let before = match &self.before {
            Some(mark) if mark.lines == self.lines => Before::GoOn,
            None if self.bytes >= self.every => Before::Save,
            _ => Before::Nothing,
        };
        self.lines += 1;
        self.bytes += line.len() as u64 + 1;
        before
    }

    /// What was read before is all that was before the mark.
    ///
    /// # Errors
    /// The output cannot be cut.
    pub(super) fn go_on(&mut self) -> io::Result<()> {
        if let Some(mark) = self.before.take() {
            self.out.set_len(mark.output)?;
            self.out.seek(SeekFrom::Start(mark.output))?;
            self.bytes = 0;
        }
        Ok(())
    }

    /// All that came of the lines before `coming` ones is written.
    ///
    /// # Errors
    /// The mark cannot be written.
    pub(super) fn save(&mut self, coming: u64) -> io::Result<()> {
        self.out.sync_data()?;
        let (lines, output) = (self.lines - coming, self.out.metadata()?.len());
        let mark = Mark { auditward_checkpoint: 1, run: self.run.clone(), lines, output };
        let mut new = self.path.clone().into_os_string();
        new.push(".new");
        let new = PathBuf::from(new);
        std::fs::write(&new, serde_json::to_vec(&mark)?)?;
        std::fs::rename(&new, &self.path)?;
        self.bytes = 0;
        Ok(())
    }
}
