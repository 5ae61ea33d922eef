//! Which events may hold a secret, so that the others are written as fast as ever.

use std::borrow::Cow;
use std::hash::BuildHasher;
use std::sync::Arc;

use foldhash::fast::RandomState;

use super::ancestry::{Image, Process};
use super::audit_document::AuditDocument;
use crate::audit::{RecordType, fields, value};
use crate::secret::{self, Masker};

/// Programs that were looked at are remembered, so many at most: a process has one for all its events, and so
/// have its children for naming it.
const REMEMBERED: usize = 1024;

/// And so many commands.
const COMMANDS: usize = 4096;

/// Looks for secrets with the process's [`Masker`]; without one nothing is a secret.
#[derive(Debug)]
pub(crate) struct Secrets {
    masker: Option<Arc<Masker>>,
    /// The image is held, so that no other takes its place in memory.
    remembered: Vec<Option<(Image, bool)>>,
    /// Arguments that hold none, by their hash: the same command is run again and again.
    without: Vec<u64>,
    hasher: RandomState,
}

impl Default for Secrets {
    fn default() -> Self {
        let masker = secret::masker();
        let (images, commands) = if masker.is_some() { (REMEMBERED, COMMANDS) } else { (0, 0) };
        let (remembered, without) = (vec![None; images], vec![0; commands]);
        Self { masker, remembered, without, hasher: RandomState::default() }
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
        found = found || in_arguments(&masker, doc, own) || in_texts(&masker, doc, own);
        found.then_some(masker)
    }

    fn image(&mut self, masker: &Masker, image: &Image) -> bool {
        let Some(joined) = image.joined_arguments() else { return false };
        // Two in one place only cost a second look.
        let at = (joined.as_ptr().addr() >> 4) % REMEMBERED;
        let Some(place) = self.remembered.get_mut(at) else { return false };
        if let Some((seen, found)) = place
            && seen.is(image)
        {
            return *found;
        }
        let hash = self.hasher.hash_one(joined);
        let known = self.without.get_mut(usize::try_from(hash).unwrap_or(usize::MAX) % COMMANDS);
        let found = known.as_deref() != Some(&hash)
            && masker.may_hold(joined)
            && masker.arguments(&lossy(joined.split(|byte| *byte == 0))).is_some();
        if let Some(known) = known.filter(|_| !found) {
            *known = hash;
        }
        *place = Some((image.clone(), found));
        found
    }
}

/// Whether there is one in the arguments of an EXECVE record that the process's image has not, or not whole.
fn in_arguments(masker: &Masker, doc: &AuditDocument<'_>, own: Option<&Image>) -> bool {
    if !doc.parts.has_arguments() {
        return false;
    }
    let arguments = doc.around.arguments;
    if doc.is_exec() && own.is_some_and(|own| own.holds_all(arguments.len())) {
        return false;
    }
    masker.arguments(&lossy(arguments.iter())).is_some()
}

/// Whether there is one in the title of a process, which it may have written itself, or in a message.
fn in_texts(masker: &Masker, doc: &AuditDocument<'_>, own: Option<&Image>) -> bool {
    if doc.parts.lead.kind != RecordType::SYSCALL {
        return doc.data().iter().any(|entry| masker.finds_in_data(entry.key, entry.value));
    }
    if doc.is_exec() {
        return false;
    }
    let title = doc.parts.title.and_then(|record| fields::find(record.body, b"proctitle"));
    let Some(title) = title.and_then(|title| doc.decode(&title)) else { return false };
    // Mostly it is what the program was started with, or the beginning of that.
    let arguments = own.and_then(Image::joined_arguments).unwrap_or_default();
    !arguments.starts_with(title)
        && masker.may_hold(title)
        && masker.text(&value::title_line(title)).is_some()
}

fn lossy<'t>(texts: impl Iterator<Item = &'t [u8]>) -> Vec<Cow<'t, str>> {
    texts.map(String::from_utf8_lossy).collect()
}
