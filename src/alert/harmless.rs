//! Texts that were found to hold no secret lately: an alert mostly tells what one before it told but for numbers.

use std::cell::RefCell;
use std::sync::Arc;

use crate::secret::Masker;

/// So many pieces of texts are remembered, and so many bytes of each at most.
const PIECES: usize = 8;
const KEPT: usize = 4 << 10;

thread_local! {
    static HARMLESS: RefCell<Harmless> = const { RefCell::new(Harmless::nothing()) };
}

/// See the module.
struct Harmless {
    /// Who found it.
    masker: Option<Arc<Masker>>,
    /// Those of an event, or of a rule, in one piece.
    pieces: [Vec<u8>; PIECES],
    /// Which goes next.
    oldest: usize,
    /// Memory to work in.
    next: Vec<u8>,
}

/// Whether there may be a secret among `args`, in any of `texts` or in what a rule is told with, as
/// [`Masker::may_hold`] says.
pub(super) fn may_hold<'t>(
    masker: &Arc<Masker>,
    args: &[&str],
    texts: impl Iterator<Item = &'t str>,
    of_rule: &str,
) -> bool {
    HARMLESS.with_borrow_mut(|harmless| harmless.may_hold(masker, args, texts, of_rule))
}

impl Harmless {
    const fn nothing() -> Self {
        Self { masker: None, pieces: [const { Vec::new() }; PIECES], oldest: 0, next: Vec::new() }
    }

    fn may_hold<'t>(
        &mut self,
        masker: &Arc<Masker>,
        args: &[&str],
        texts: impl Iterator<Item = &'t str>,
        of_rule: &str,
    ) -> bool {
        if self.masker.as_ref().is_none_or(|known| !Arc::ptr_eq(known, masker)) {
            self.pieces = Default::default();
            self.masker = Some(Arc::clone(masker));
        }
        let mut next = std::mem::take(&mut self.next);
        let mut push = |text: &str, end| {
            next.extend_from_slice(text.as_bytes());
            next.push(end);
        };
        args.iter().for_each(|arg| push(arg, 0));
        // Nothing follows a program that is named at the end of a text of its own.
        texts.for_each(|text| push(text, b'\n'));
        let may = self.may_piece(masker, &next) || self.may_piece(masker, of_rule.as_bytes());
        // What may be a secret does not stay.
        if !may && next.len() <= KEPT {
            next.clear();
            self.next = next;
        }
        may
    }

    fn may_piece(&mut self, masker: &Masker, piece: &[u8]) -> bool {
        if self.pieces.iter().any(|known| known == piece) {
            return false;
        }
        let may = masker.may_hold(piece);
        if let Some(oldest) = self.pieces.get_mut(self.oldest).filter(|_| !may && piece.len() <= KEPT) {
            oldest.clear();
            oldest.extend_from_slice(piece);
            self.oldest = (self.oldest + 1) % PIECES;
        }
        may
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::secret::Key;

    fn may_hold(harmless: &mut Harmless, masker: &Arc<Masker>, args: &[&str], texts: &[&str]) -> bool {
        harmless.may_hold(masker, args, texts.iter().copied(), "A rule")
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
        assert!(harmless.may_hold(&masker, &["id"], std::iter::empty(), "password=1234"));
    }
}
