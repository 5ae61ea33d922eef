//! Documents of other collectors, and our own, as what rules are asked about in a replay.

use std::cmp::Ordering;
use std::fmt;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::sync::{Arc, LazyLock};

use bumpalo::Bump;
use sha2::{Digest, Sha256};

use super::ahead::{Sifted, Taken};
use crate::audit::Stamp;
use crate::clean;
use crate::detect::{Evidence, Keep, Sieve, Source, holder, host_key};
use crate::event::document::Order;
use crate::event::skim::{Skim, Skimmed};
use crate::event::wrapped::{Broken, Cutter, Piece, unwrap};
use crate::event::{Document, FieldId, Held, Values};
use crate::rule::Rule;

/// How many broken documents are told of, each by its place; the rest are counted.
const TOLD: u64 = 20;

/// Takes a JSON value, and the action line that it is the document of.
pub type Take<'r> = &'r mut dyn FnMut(&[u8], Option<&[u8]>) -> Read;

/// JSON among the lines of an input; what is broken is told and counted.
#[derive(Debug, Default)]
pub struct Documents {
    /// What finds it.
    pub cutter: Cutter,
    /// The name of the file.
    pub file: Arc<str>,
    /// What it came to.
    pub counts: Counts,
}

/// How many documents there were, and how many were broken.
#[derive(Debug, Default)]
pub struct Counts {
    documents: u64,
    broken: u64,
}

impl Counts {
    /// Takes what a value came to that began in line `from`; what was broken is told.
    pub fn take(&mut self, file: &str, from: u64, read: Read) {
        self.documents += read.count;
        let Some(why) = read.broken else { return };
        self.broken += 1;
        match self.broken.cmp(&TOLD) {
            Ordering::Less => eprintln!("auditward: {file}:{from}: {why}"),
            Ordering::Equal => eprintln!("auditward: {file}:{from}: {why} (further ones are counted only)"),
            Ordering::Greater => {}
        }
    }

    /// How many documents there were.
    #[must_use]
    pub fn documents(&self) -> u64 {
        self.documents
    }
}

impl Documents {
    /// What comes from now on is of another file.
    pub fn begins(&mut self, file: &Path) {
        self.end();
        self.file = clean::text(file.as_os_str().as_bytes()).into();
    }

    /// Takes a line; false when it is no (part of) JSON. `read` takes what is whole and says how many documents it held.
    pub fn line(&mut self, line: &[u8], read: Take<'_>) -> bool {
        let Self { cutter, file, counts } = self;
        cutter.line(line, &mut |Piece { from, action, text }| {
            counts.take(file, from, text.map_or_else(Read::broken, |text| read(text, action)));
        })
    }

    /// The file has ended.
    pub fn end(&mut self) {
        let Self { cutter, file, counts } = self;
        cutter.end(&mut |Piece { from, text, .. }| {
            counts.take(file, from, text.map_or_else(Read::broken, |_| Read::default()));
        });
    }
}

impl fmt::Display for Documents {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (count, one, more) in [
            (self.counts.documents, "document", "documents"),
            (self.counts.broken, "broken document", "broken documents"),
        ] {
            match count {
                0 => {}
                1 => write!(f, ", 1 {one}")?,
                _ => write!(f, ", {count} {more}")?,
            }
        }
        Ok(())
    }
}

/// What a JSON value came to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Read {
    /// The documents in it.
    pub count: u64,
    /// What was broken, of it or behind these.
    pub broken: Option<Broken>,
}

impl Read {
    /// Nothing but broken.
    #[must_use]
    pub fn broken(why: Broken) -> Self {
        Self { count: 0, broken: Some(why) }
    }

    /// The texts of the documents in a JSON value, each on one line; as it stands there where it is one itself.
    pub fn texts(text: &[u8], action: Option<&[u8]>, each: &mut dyn FnMut(&str)) -> Self {
        static LOOK: LazyLock<Skim> = LazyLock::new(|| Skim::of([]));
        let plain = std::str::from_utf8(text).ok().filter(|text| action.is_none() && !text.contains('\n'));
        if let Some(text) = plain
            && LOOK.read(text, &Bump::new()).is_ok_and(|found| !found.is_wrapping)
        {
            each(text);
            return Self { count: 1, broken: None };
        }
        let mut count = 0;
        let broken = unwrap(text, action, &mut |document, _| {
            count += 1;
            each(document);
        });
        Self { count, broken: broken.err() }
    }
}

/// Reads documents for rules.
#[derive(Debug)]
pub struct Reader {
    skim: Skim,
    any_index: bool,
    arena: Bump,
}

/// Memory of one document that is kept for the next.
const ARENA: usize = 1 << 20;

impl Reader {
    /// One that reads the `wanted` fields. With `any_index`, rules are applied whatever index a document is of.
    #[must_use]
    pub fn new(wanted: impl IntoIterator<Item = FieldId>, any_index: bool) -> Self {
        Self { skim: Skim::of(wanted), any_index, arena: Bump::new() }
    }

    /// Gives one document that was read before.
    pub fn again(&mut self, text: &str, told: Option<&str>, each: &mut dyn FnMut(&Found<'_>)) {
        let arena = Bump::new();
        if let Ok(skimmed) = self.skim.read(text, &arena) {
            each(&Found { skimmed, told, any_index: self.any_index });
        }
    }

    /// Gives the documents in a JSON value.
    pub fn read(&mut self, text: &[u8], action: Option<&[u8]>, each: &mut dyn FnMut(&Found<'_>)) -> Read {
        self.arena.reset();
        if self.arena.allocated_bytes() > ARENA {
            self.arena = Bump::new();
        }
        let Self { skim, any_index, arena } = &*self;
        let any_index = *any_index;
        let plain = std::str::from_utf8(text).ok().filter(|_| action.is_none());
        let skimmed = plain.and_then(|text| skim.read(text, arena).ok()).filter(|found| !found.is_wrapping);
        let mut read = Read::default();
        if let Some(skimmed) = skimmed {
            read.count = 1;
            each(&Found { skimmed, told: None, any_index });
        } else {
            let inner = unwrap(text, action, &mut |document, told| {
                let arena = Bump::new();
                // It was written from what was parsed.
                if let Ok(skimmed) = skim.read(document, &arena) {
                    read.count += 1;
                    each(&Found { skimmed, told, any_index });
                }
            });
            read.broken = inner.err();
        }
        read
    }
}

/// A document that was found, and where it is from.
#[derive(Debug)]
pub struct Found<'a> {
    skimmed: Skimmed<'a>,
    /// The index that its wrapping told.
    told: Option<&'a str>,
    any_index: bool,
}

impl<'a> Found<'a> {
    /// As rules see it; `number`: of all documents, from 1.
    #[must_use]
    pub fn recorded(&'a self, number: u64) -> Recorded<'a> {
        // Ours have the kernel's serial, so that an alert has the same id as on the records.
        let serial = self.skimmed.serial();
        Recorded { held: self.skimmed.held(serial.unwrap_or(number)), serial, found: self }
    }
}

impl Found<'_> {
    /// What it is to the rules of a sieve.
    pub(super) fn sift(&self, sieve: &mut Sieve) -> Sifted {
        let recorded = self.recorded(0);
        let (host, millis, rules) = (recorded.host_key(), recorded.order().millis, sieve.ask(&recorded));
        if rules.is_idle() {
            return Sifted::Idle { host, millis };
        }
        let told = self.told.filter(|_| !rules.alone.is_empty()).map(Into::into);
        let (serial, evidence) = (recorded.serial, recorded.keep());
        Sifted::Taken(Box::new(Taken { host, millis, serial, rules, evidence, told }))
    }
}

/// A document as rules see it.
#[derive(Debug)]
pub struct Recorded<'a> {
    held: Held<'a>,
    serial: Option<u64>,
    found: &'a Found<'a>,
}

impl Recorded<'_> {
    pub(super) fn text(&self) -> &str {
        self.found.skimmed.text
    }

    /// Its time, and our own document's serial; another's is made of its text, so that its alerts have the same id
    /// wherever it stands.
    pub(super) fn stamp(&self) -> Stamp {
        let millis = u64::try_from(self.held.order().millis).unwrap_or(0);
        Stamp { millis, serial: self.serial.unwrap_or_else(|| number_of(self.text())) }
    }

    pub(super) fn host(&self) -> &str {
        self.found.skimmed.host()
    }
}

/// Of 53 bits, which every reader of JSON can hold.
fn number_of(text: &str) -> u64 {
    let hash = Sha256::digest(text.as_bytes());
    hash.iter().take(8).fold(0, |number, byte| (number << 8) | u64::from(*byte)) >> 11
}

impl Document for Recorded<'_> {
    fn values(&self, field: FieldId) -> Values<'_> {
        self.held.values(field)
    }

    fn order(&self) -> Order {
        self.held.order()
    }
}

impl Keep for Recorded<'_> {
    fn keep(&self) -> Evidence {
        let Stamp { millis, serial } = self.stamp();
        let holder = holder(self);
        Evidence {
            millis,
            serial,
            host: Some(self.host().into()),
            holder,
            source: Source::Text(self.text().into()),
        }
    }

    fn host_key(&self) -> u64 {
        host_key(self.host().as_bytes())
    }

    fn is_outside(&self, rule: &Rule) -> bool {
        let Found { skimmed, told, any_index } = self.found;
        !any_index && skimmed.index(*told).is_some_and(|index| !rule.index.take(&index))
    }
}
