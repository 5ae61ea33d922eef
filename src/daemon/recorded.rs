//! Documents of other collectors, and our own, as what rules are asked about in a replay.

use std::cmp::Ordering;
use std::fmt;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use bumpalo::Bump;
use serde_json::{Map, Value};

use crate::audit::Stamp;
use crate::clean;
use crate::detect::{Evidence, Keep, Source};
use crate::event::document::Order;
use crate::event::wrapped::{Broken, Unwrapper, first, fits, index_of};
use crate::event::{Document, FieldId, Held, Values, live_document};
use crate::rule::Rule;

/// How many broken documents are told of, each by its place; the rest are counted.
const TOLD: u64 = 20;

/// Takes lines, gives documents; what is broken is told and counted.
#[derive(Debug)]
pub struct Documents {
    unwrapper: Unwrapper,
    any_index: bool,
    documents: u64,
    broken: u64,
    file: String,
    /// The line that was read last, from 1.
    line: u64,
    /// Where the value began that is being read.
    from: u64,
}

impl Documents {
    /// With `any_index`, rules are applied whatever index a document is of.
    #[must_use]
    pub fn new(any_index: bool) -> Self {
        let (unwrapper, file) = (Unwrapper::default(), String::new());
        Self { unwrapper, any_index, documents: 0, broken: 0, file, line: 0, from: 0 }
    }

    /// What comes from now on is of another file.
    pub fn begins(&mut self, file: &Path) {
        self.end();
        self.file = clean::text(file.as_os_str().as_bytes()).into_owned();
        self.line = 0;
    }

    /// Counts a line; whether it is (a part of) JSON, and for [`Documents::line`].
    #[must_use]
    pub fn wants(&mut self, line: &[u8]) -> bool {
        self.line += 1;
        self.unwrapper.wants(line)
    }

    /// Takes a line.
    pub fn line(&mut self, line: &[u8], emit: &mut dyn FnMut(&Recorded)) {
        let Self { unwrapper, any_index, documents, .. } = self;
        let begun = unwrapper.is_in_a_value();
        let read = unwrapper.line(line, &mut |document, told| {
            *documents += 1;
            emit(&Recorded::new(document, told, *any_index, *documents));
        });
        if !begun {
            self.from = self.line;
        }
        if let Err(broken) = read {
            self.tell(broken);
        }
        if !self.unwrapper.is_in_a_value() || read.is_err() {
            self.from = self.line;
        }
    }

    /// The input has ended.
    pub fn end(&mut self) {
        if let Err(broken) = self.unwrapper.end() {
            self.tell(broken);
        }
    }

    fn tell(&mut self, broken: Broken) {
        self.broken += 1;
        let Self { file, from, .. } = self;
        match self.broken.cmp(&TOLD) {
            Ordering::Less => eprintln!("auditward: {file}:{from}: {broken}"),
            Ordering::Equal => {
                eprintln!("auditward: {file}:{from}: {broken} (further ones are counted only)");
            }
            Ordering::Greater => {}
        }
    }
}

impl fmt::Display for Documents {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (count, one, more) in
            [(self.documents, "document", "documents"), (self.broken, "broken document", "broken documents")]
        {
            match count {
                0 => {}
                1 => write!(f, ", 1 {one}")?,
                _ => write!(f, ", {count} {more}")?,
            }
        }
        Ok(())
    }
}

/// A document and where it is from.
#[derive(Debug)]
pub struct Recorded {
    pub(super) document: Map<String, Value>,
    /// None: rules apply whatever they name.
    index: Option<String>,
    own: bool,
    number: u64,
}

impl Recorded {
    fn new(document: Map<String, Value>, told: Option<&str>, any_index: bool, number: u64) -> Self {
        let index = index_of(&document, told);
        // Ours have the kernel's serial, so that an alert has the same id as on the records.
        let own = index.is_none();
        let serial = first(&document, "event.sequence").filter(|_| own).and_then(|text| text.parse().ok());
        Self { own, index: index.filter(|_| !any_index), number: serial.unwrap_or(number), document }
    }

    pub(super) fn read<'a>(&'a self, arena: &'a Bump) -> Read<'a> {
        let read = if self.own { live_document::read_own } else { live_document::read_foreign };
        Read { held: read(&self.document, self.number, arena), recorded: self }
    }

    pub(super) fn stamp(&self) -> Stamp {
        let time = first(&self.document, "@timestamp").and_then(|text| crate::event::date::iso(&text));
        let millis = time.and_then(|(millis, _)| u64::try_from(millis).ok()).unwrap_or(0);
        Stamp { millis, serial: self.number }
    }

    pub(super) fn host(&self) -> String {
        first(&self.document, "host.id").or_else(|| first(&self.document, "host.name")).unwrap_or_default()
    }
}

/// A document as rules see it.
#[derive(Debug)]
pub struct Read<'a> {
    held: Held<'a>,
    pub(super) recorded: &'a Recorded,
}

impl Document for Read<'_> {
    fn values(&self, field: FieldId) -> Values<'_> {
        self.held.values(field)
    }

    fn order(&self) -> Order {
        self.held.order()
    }
}

impl Keep for Read<'_> {
    fn keep(&self) -> Evidence {
        let source = serde_json::to_string(&self.recorded.document).unwrap_or_default();
        let Stamp { millis, serial } = self.recorded.stamp();
        Evidence { millis, serial, host: self.recorded.host().into(), source: Source::Text(source.into()) }
    }

    fn is_outside(&self, rule: &Rule) -> bool {
        self.recorded.index.as_ref().is_some_and(|index| !fits(&rule.index, index))
    }
}
