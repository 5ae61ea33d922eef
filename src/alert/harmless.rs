//! Texts that were found to hold no secret lately: an alert mostly tells what one before it told but for numbers.

use std::cell::RefCell;
use std::sync::Arc;

use crate::secret::Masker;

/// Of so many alerts the texts are remembered, and so many bytes of each at most.
const ALERTS: usize = 4;
const KEPT: usize = 4 << 10;

thread_local! {
    static HARMLESS: RefCell<Harmless> = const { RefCell::new(Harmless::nothing()) };
}

/// See the module.
struct Harmless {
    /// Who found it.
    masker: Option<Arc<Masker>>,
    /// Those of each alert in one piece.
    texts: [Vec<u8>; ALERTS],
    /// Which goes next.
    oldest: usize,
    /// Memory to work in.
    next: Vec<u8>,
}

/// Whether there may be a secret among `args` or in any of `texts`, as [`Masker::may_hold`] says.
pub(super) fn may_hold<'t>(
    masker: &Arc<Masker>,
    args: &[&str],
    texts: impl Iterator<Item = &'t str>,
) -> bool {
    HARMLESS.with_borrow_mut(|harmless| harmless.may_hold(masker, args, texts))
}

impl Harmless {
    const fn nothing() -> Self {
        Self { masker: None, texts: [const { Vec::new() }; ALERTS], oldest: 0, next: Vec::new() }
    }

    fn may_hold<'t>(
        &mut self,
        masker: &Arc<Masker>,
        args: &[&str],
        texts: impl Iterator<Item = &'t str>,
    ) -> bool {
        self.next.clear();
        let mut push = |text: &str, end| {
            self.next.extend_from_slice(text.as_bytes());
            self.next.push(end);
        };
        args.iter().for_each(|arg| push(arg, 0));
        // Nothing follows a program that is named at the end of a text of its own.
        texts.for_each(|text| push(text, b'\n'));
        if self.masker.as_ref().is_none_or(|known| !Arc::ptr_eq(known, masker)) {
            self.texts = Default::default();
            self.masker = Some(Arc::clone(masker));
        }
        if self.texts.contains(&self.next) {
            return false;
        }
        let may = masker.may_hold(&self.next);
        if may || self.next.len() > KEPT {
            // What may be a secret does not stay.
            self.next = Vec::new();
        } else if let Some(oldest) = self.texts.get_mut(self.oldest) {
            std::mem::swap(oldest, &mut self.next);
            self.oldest = (self.oldest + 1) % ALERTS;
        }
        may
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::secret::Key;

    fn may_hold(harmless: &mut Harmless, masker: &Arc<Masker>, args: &[&str], texts: &[&str]) -> bool {
        harmless.may_hold(masker, args, texts.iter().copied())
    }

    #[test]
    fn the_same_texts_are_asked_again_of_another_masker_only() {
        let mut harmless = Harmless::nothing();
        let masker = Arc::new(Masker::new(Key::random().expect("a key")));
        let names = ["pincode".to_owned()];
        let own = Arc::new(Masker::new(Key::random().expect("a key")).with(&names, &[]).expect("no pattern"));
        let plain = ["id", "-u", "pincode=1234"];
        assert!(!may_hold(&mut harmless, &masker, &plain, &[]));
        assert!(!may_hold(&mut harmless, &masker, &plain, &[]));
        // What the site has named is a secret to its own masker.
        assert!(may_hold(&mut harmless, &own, &plain, &[]));
        assert!(may_hold(&mut harmless, &own, &plain, &[]), "a secret is never remembered as none");
        assert!(!may_hold(&mut harmless, &masker, &plain, &[]));
        assert!(may_hold(&mut harmless, &masker, &["id", "-u", "password=1234"], &[]));
        assert!(!may_hold(&mut harmless, &masker, &plain, &[]));
    }

    #[test]
    fn a_boundary_between_texts_counts() {
        let mut harmless = Harmless::nothing();
        let masker = Arc::new(Masker::new(Key::random().expect("a key")));
        assert!(!may_hold(&mut harmless, &masker, &["api", "key=1"], &[]));
        assert!(!may_hold(&mut harmless, &masker, &[], &["api", "key=1"]));
        assert!(may_hold(&mut harmless, &masker, &["apikey=1"], &[]));
        assert!(may_hold(&mut harmless, &masker, &[], &["apikey=1"]));
    }

    #[test]
    fn a_program_that_is_told_secrets_counts_where_something_follows_it() {
        let mut harmless = Harmless::nothing();
        let masker = Arc::new(Masker::new(Key::random().expect("a key")));
        assert!(may_hold(&mut harmless, &masker, &["usermod", "-p", "x"], &[]));
        assert!(may_hold(&mut harmless, &masker, &[], &["usermod -p x"]));
        assert!(!may_hold(&mut harmless, &masker, &[], &["/usr/sbin/usermod", "usermod"]));
    }
}
