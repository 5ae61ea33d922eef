//! One file's content from beginning to end, and how far it has been read.

use std::fs::{File, Metadata};
use std::io::{self, BufReader, Read, Seek, SeekFrom};
use std::os::unix::fs::{FileExt, MetadataExt};
use std::path::Path;

use flate2::bufread::MultiGzDecoder;

use super::position::{Position, digest};

/// How many first bytes tell one generation from another. An audit record's stamp and serial stand well
/// before that.
const BEGINNING: usize = 256;

/// How far back the end of the last whole line is looked for.
const LAST_LINE: u64 = 1024 * 1024;

/// What every line of an audit log begins with.
const RECORD_STARTS: [&[u8]; 2] = [b"type=", b"node="];

/// See the module.
#[derive(Debug)]
pub(super) struct Generation {
    source: Source,
    /// Device and inode.
    pub(super) identity: (u64, u64),
    /// Bytes read, uncompressed.
    pub(super) offset: u64,
    /// The first bytes, as far as they have been read; of a compressed file from the start.
    beginning: Vec<u8>,
    /// When it was last written, as of the last read, in nanoseconds since the epoch.
    modified: u64,
    /// Nothing more is to be read from it.
    ended: bool,
}

#[derive(Debug)]
enum Source {
    Plain(File),
    /// What a rotation has compressed; it does not grow.
    Gzip(Box<MultiGzDecoder<BufReader<File>>>),
}

/// What a read came to.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Progress {
    /// So many bytes were read.
    Bytes(usize),
    /// There is no more at present.
    End,
    /// The content that was being read is gone from the file; nothing was read.
    Replaced,
}

impl Generation {
    /// Opens a file at its beginning.
    pub(super) fn open(path: &Path) -> io::Result<Self> {
        Self::new(File::open(path)?)
    }

    /// Opens a file after its last whole line.
    pub(super) fn open_at_end(path: &Path) -> io::Result<Self> {
        let mut generation = Self::open(path)?;
        if let Source::Plain(file) = &mut generation.source {
            let length = file.metadata()?.len();
            let tail = file.seek(SeekFrom::Start(length.saturating_sub(LAST_LINE)))?;
            let mut bytes = Vec::new();
            file.take(LAST_LINE).read_to_end(&mut bytes)?;
            let whole = memchr::memrchr(b'\n', &bytes).map_or(bytes.len(), |at| at + 1);
            generation.offset = file.seek(SeekFrom::Start(tail + whole as u64))?;
            generation.was_replaced(0)?;
        } else {
            generation.offset = io::copy(&mut generation.source, &mut io::sink())?;
        }
        Ok(generation)
    }

    /// The file at `path` at `position`, if it is the generation that the position is in.
    pub(super) fn at(path: &Path, position: &Position) -> Option<Self> {
        let mut generation = Self::open(path).ok()?;
        if !generation.begins_as(position) {
            return None;
        }
        match &mut generation.source {
            Source::Plain(file) => {
                if file.metadata().ok()?.len() < position.offset {
                    return None;
                }
                file.seek(SeekFrom::Start(position.offset)).ok()?;
                let length = usize::try_from(position.beginning_length).ok()?;
                generation.beginning = first_bytes(file, length.min(BEGINNING)).ok()?;
            }
            Source::Gzip(gz) => {
                if io::copy(&mut gz.take(position.offset), &mut io::sink()).ok()? < position.offset {
                    return None;
                }
            }
        }
        generation.offset = position.offset;
        Some(generation)
    }

    fn new(mut file: File) -> io::Result<Self> {
        let metadata = file.metadata()?;
        let mut beginning = Vec::new();
        let source = if first_bytes(&file, 2)? == [0x1f, 0x8b] {
            let decoder = MultiGzDecoder::new(BufReader::new(&file));
            decoder.take(BEGINNING as u64).read_to_end(&mut beginning)?;
            file.rewind()?;
            Source::Gzip(Box::new(MultiGzDecoder::new(BufReader::new(file))))
        } else {
            Source::Plain(file)
        };
        let (identity, modified) = (identity(&metadata), modified(&metadata));
        Ok(Self { source, identity, offset: 0, beginning, modified, ended: false })
    }

    /// Reads on. What comes from a file that can be truncated is believed only if the file still begins
    /// as it did: after the read, for it may be truncated and written anew at any moment.
    pub(super) fn read(&mut self, into: &mut [u8]) -> io::Result<Progress> {
        if self.ended {
            return Ok(Progress::End);
        }
        let mut count = match self.source.read(into) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => 0,
            other => other?,
        };
        if self.was_replaced(count)? {
            return Ok(Progress::Replaced);
        }
        if count == 0 {
            return Ok(Progress::End);
        }
        self.offset += count as u64;
        // A writer that keeps its own place leaves a hole where the truncated text was.
        if let Some(read) = into.get_mut(..count)
            && self.beginning.iter().all(|&byte| byte == 0)
        {
            let hole = read.iter().take_while(|&&byte| byte == 0).count();
            read.copy_within(hole.., 0);
            count -= hole;
        }
        Ok(Progress::Bytes(count))
    }

    /// Whether the file has been truncated since it was begun; `count` bytes have just been read. Notes
    /// when it was last written, and more of its beginning.
    fn was_replaced(&mut self, count: usize) -> io::Result<bool> {
        let Source::Plain(file) = &self.source else { return Ok(false) };
        let metadata = file.metadata()?;
        let read = self.offset.saturating_add(count as u64);
        let beginning = first_bytes(file, usize::try_from(read).unwrap_or(BEGINNING).min(BEGINNING))?;
        if metadata.len() < self.offset || !beginning.starts_with(&self.beginning) {
            return Ok(true);
        }
        self.beginning = beginning;
        self.modified = modified(&metadata);
        Ok(false)
    }

    /// Whether nothing has been read of it, for there was nothing.
    pub(super) fn is_fresh(&self) -> bool {
        self.offset == 0 && self.beginning.is_empty()
    }

    /// Back to before the first byte.
    pub(super) fn begin_again(&mut self) -> io::Result<()> {
        if let Source::Plain(file) = &mut self.source {
            file.rewind()?;
            self.offset = 0;
        }
        Ok(())
    }

    /// Reads nothing more from it.
    pub(super) fn end_here(&mut self) {
        self.ended = true;
    }

    /// Whether the file holds nothing.
    pub(super) fn is_empty(&self) -> io::Result<bool> {
        match &self.source {
            Source::Plain(file) => Ok(file.metadata()?.len() == 0),
            Source::Gzip(_) => Ok(false),
        }
    }

    /// The first bytes, to tell it from others: as far as they are there.
    pub(super) fn beginning(&self) -> Vec<u8> {
        match &self.source {
            Source::Plain(file) if self.beginning.len() < BEGINNING && !self.ended => {
                first_bytes(file, BEGINNING).unwrap_or_else(|_| self.beginning.clone())
            }
            _ => self.beginning.clone(),
        }
    }

    /// Whether it is the generation of `position`.
    pub(super) fn begins_as(&self, position: &Position) -> bool {
        let length = usize::try_from(position.beginning_length).unwrap_or(BEGINNING);
        let beginning = self.beginning();
        !position.is_beginning() && beginning.get(..length).is_some_and(|b| digest(b) == position.beginning)
    }

    /// Whether it begins with a record, rather than with the rest of one.
    pub(super) fn begins_a_record(&self) -> bool {
        let beginning = self.beginning();
        let is_start = |start: &&[u8]| {
            let length = start.len().min(beginning.len());
            beginning.get(..length) == start.get(..length)
        };
        RECORD_STARTS.iter().any(is_start)
    }

    /// The place up to which it has been read.
    pub(super) fn position(&self) -> Position {
        Position {
            device: self.identity.0,
            inode: self.identity.1,
            offset: self.offset,
            beginning_length: self.beginning.len() as u64,
            beginning: digest(&self.beginning),
            modified: self.modified,
        }
    }

    /// When it was last written, as far as that is known.
    pub(super) fn modified(&self) -> u64 {
        self.modified
    }

    /// The file, where it is one that can grow.
    pub(super) fn file(&self) -> Option<&File> {
        match &self.source {
            Source::Plain(file) => Some(file),
            Source::Gzip(_) => None,
        }
    }
}

impl Read for Source {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        match self {
            Self::Plain(file) => file.read(into),
            Self::Gzip(gz) => gz.read(into),
        }
    }
}

pub(super) fn identity(metadata: &Metadata) -> (u64, u64) {
    (metadata.dev(), metadata.ino())
}

fn modified(metadata: &Metadata) -> u64 {
    let seconds = u64::try_from(metadata.mtime()).unwrap_or_default();
    seconds.saturating_mul(1_000_000_000).saturating_add(metadata.mtime_nsec().try_into().unwrap_or_default())
}

/// Up to `length` bytes from the file's beginning; its place stays.
fn first_bytes(file: &File, length: usize) -> io::Result<Vec<u8>> {
    let mut bytes = vec![0; length];
    let mut filled = 0;
    while let Some(rest) = bytes.get_mut(filled..).filter(|rest| !rest.is_empty()) {
        match file.read_at(rest, filled as u64) {
            Ok(0) => break,
            Ok(count) => filled += count,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    bytes.truncate(filled);
    Ok(bytes)
}
