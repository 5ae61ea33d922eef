//! SHA-256 of the file that a process runs, through `/proc/PID/exe`: of that file, also when its path now names another.

use std::fs::File;
use std::io::Read;
use std::time::{Duration, Instant};

use nix::fcntl::{OFlag, openat};
use nix::sys::stat::{Mode, SFlag, fstat};
use sha2::{Digest as _, Sha256};

use super::answer::{Answer, Known};
use super::process::{self, FileFacts};
use super::request::Target;
use super::words::{Reader, Writer};

/// The longest file that is read, in bytes.
const LARGEST: u64 = 256 << 20;

/// How long reading may take.
const PATIENCE: Duration = Duration::from_secs(5);

/// The digest of an executable.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Digest {
    /// SHA-256 of its bytes.
    pub sha256: [u8; 32],
    /// The file that was read.
    pub file: FileFacts,
}

impl Digest {
    pub(super) fn write(&self, to: &mut Writer) {
        self.sha256.iter().for_each(|byte| to.u8(*byte));
        self.file.write(to);
    }

    pub(super) fn read(from: &mut Reader<'_>) -> Option<Self> {
        Some(Self { sha256: from.bytes()?, file: FileFacts::read(from)? })
    }
}

/// Reads the file that a process runs.
#[must_use]
pub fn look(target: Target) -> Answer {
    match digest(target, LARGEST) {
        Ok(digest) => Answer::Known(Known::Digest(digest)),
        Err(answer) => answer,
    }
}

fn digest(target: Target, largest: u64) -> Result<Digest, Answer> {
    let directory = process::directory(target)?;
    let flags = OFlag::O_RDONLY | OFlag::O_CLOEXEC | OFlag::O_NONBLOCK | OFlag::O_NOCTTY;
    let file = openat(&directory, "exe", flags, Mode::empty())?;
    let stat = fstat(&file)?;
    let facts = FileFacts::of(&stat);
    let is_file = SFlag::from_bits_truncate(stat.st_mode) & SFlag::S_IFMT == SFlag::S_IFREG;
    if !is_file || facts.size > largest {
        return Err(Answer::TooMuch);
    }
    let (deadline, mut file) = (Instant::now() + PATIENCE, File::from(file));
    let (mut hasher, mut part, mut read) = (Sha256::new(), vec![0; 64 << 10], 0_u64);
    loop {
        match file.read(&mut part)? {
            0 => break,
            count => {
                hasher.update(part.get(..count).unwrap_or_default());
                read += count as u64;
            }
        }
        // A file may grow while it is read.
        if read > largest || Instant::now() > deadline {
            return Err(Answer::TooMuch);
        }
    }
    Ok(Digest { sha256: hasher.finalize().into(), file: facts })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_digest_of_this_program_is_that_of_its_file() {
        let stat = std::fs::read("/proc/self/stat").expect("own stat");
        let target = Target { pid: std::process::id(), start: process::start(&stat).expect("a start") };
        let answer = digest(target, u64::MAX);
        let bytes = std::fs::read("/proc/self/exe").expect("own file");
        let told = answer.expect("a digest");
        assert_eq!(told.sha256[..], Sha256::digest(&bytes)[..]);
        assert_eq!(told.file.size, bytes.len() as u64);
        assert_eq!(digest(target, 10), Err(Answer::TooMuch));
        let other = Target { start: target.start + 1, ..target };
        assert_eq!(look(other), Answer::Gone);
        let answer = Answer::Known(Known::Digest(told));
        assert_eq!(Answer::parse(&answer.to_bytes(1)), Some((1, answer)));
    }
}
