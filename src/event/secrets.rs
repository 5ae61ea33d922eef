//! Which events may hold a secret, so that the others are written as fast as ever.

use std::borrow::Cow;
use std::hash::{BuildHasher, RandomState};
use std::sync::Arc;

use super::ancestry::{Image, Process};
use super::audit_document::AuditDocument;
use super::document::Value;
use super::schema::{FieldId, field};
use crate::audit::RecordType;
use crate::secret::{self, Masker};

/// Programs that were looked at are remembered, so many at most: a process has one for all its events, and so
/// have its children for naming it.
const REMEMBERED: usize = 1024;

/// Looks for secrets with the process's [`Masker`]; without one nothing is a secret.
#[derive(Debug)]
pub(crate) struct Secrets {
    masker: Option<Arc<Masker>>,
    hasher: RandomState,
    /// The image is held, so that no other takes its place in memory.
    remembered: Vec<Option<(Image, bool)>>,
}

impl Default for Secrets {
    fn default() -> Self {
        let masker = secret::masker();
        let places = if masker.is_some() { REMEMBERED } else { 0 };
        Self { masker, hasher: RandomState::new(), remembered: vec![None; places] }
    }
}

impl Secrets {
    /// What masks the secrets of this event, if it may have any.
    pub(crate) fn of(&mut self, doc: &AuditDocument<'_>) -> Option<Arc<Masker>> {
        let masker = Arc::clone(self.masker.as_ref()?);
        let own = doc.process.and_then(|process| process.image.as_ref());
        let parent = doc.parent.and_then(|process| process.image.as_ref());
        let leaders = doc.leaders().map(|leader| leader.and_then(|process: &Process| process.image.as_ref()));
        let images = [own, parent, doc.previous].into_iter().chain(leaders).flatten();
        let mut found = false;
        for image in images {
            found |= self.image(&masker, image);
        }
        found = found || in_arguments(&masker, doc, own) || in_texts(&masker, doc);
        found.then_some(masker)
    }

    fn image(&mut self, masker: &Masker, image: &Image) -> bool {
        let Some(joined) = image.joined_arguments() else { return false };
        let address = joined.as_ptr().addr();
        let at = usize::try_from(self.hasher.hash_one(address)).unwrap_or(0) % REMEMBERED;
        let Some(place) = self.remembered.get_mut(at) else { return false };
        if let Some((seen, found)) = place
            && seen.is(image)
        {
            return *found;
        }
        let found =
            masker.may_hold(joined) && masker.arguments(&lossy(joined.split(|byte| *byte == 0))).is_some();
        *place = Some((image.clone(), found));
        found
    }
}

/// Whether there is one in the arguments of an EXECVE record that the process's image has not, or not whole.
fn in_arguments(masker: &Masker, doc: &AuditDocument<'_>, own: Option<&Image>) -> bool {
    let arguments = doc.around.arguments;
    let kept = own.and_then(Image::arguments).map_or(0, Iterator::count);
    if arguments.is_empty() || (doc.is_exec() && kept == arguments.len()) {
        return false;
    }
    masker.arguments(&lossy(arguments.iter())).is_some()
}

/// Whether there is one in the title of a process, which it may have written itself, or in a message.
fn in_texts(masker: &Masker, doc: &AuditDocument<'_>) -> bool {
    if doc.parts.lead.kind != RecordType::SYSCALL {
        return doc.event.records().any(|record| masker.may_hold(record.body)) || has_hex(doc);
    }
    !doc.is_exec() && texts(doc, field::PROCESS_TITLE).any(|title| masker.may_hold(title))
}

/// Commands and what was typed are written in hexadecimal where they hold a blank.
fn has_hex(doc: &AuditDocument<'_>) -> bool {
    let kinds = [RecordType::USER_CMD, RecordType::USER_TTY, RecordType::TTY];
    kinds.iter().any(|kind| doc.event.records_of(*kind).next().is_some())
}

fn texts<'e>(doc: &AuditDocument<'e>, field: FieldId) -> impl Iterator<Item = &'e [u8]> {
    let text = |value: &Value<'e>| match value {
        Value::Text(text) => Some(*text),
        _ => None,
    };
    doc.shown(field).as_slice().iter().filter_map(text).collect::<Vec<_>>().into_iter()
}

fn lossy<'t>(texts: impl Iterator<Item = &'t [u8]>) -> Vec<Cow<'t, str>> {
    texts.map(String::from_utf8_lossy).collect()
}
