//! Programs that are run again and again, with the same arguments: each is known by a number, so that whoever has
//! worked something out for one need not read it again.

use std::num::NonZeroU64;
use std::sync::atomic::{AtomicU64, Ordering};

use super::super::memo::Memo;
use super::image::Image;

/// So many images are known at least, and up to twice as many.
const IMAGES: usize = 4096;
/// Images that were given a number lately.
#[derive(Debug)]
pub(super) struct Known(Memo<NonZeroU64>);

impl Default for Known {
    fn default() -> Self {
        Self(Memo::new(IMAGES))
    }
}

impl Known {
    /// Gives `image` the number of the images that say the same, to the byte. A number is never given to two that
    /// differ, by whatever table; an image that was long forgotten may get another.
    pub(super) fn number(&mut self, image: &mut Image) {
        static LAST: AtomicU64 = AtomicU64::new(0);
        let next = || NonZeroU64::MIN.saturating_add(LAST.fetch_add(1, Ordering::Relaxed));
        let number = *self.0.get_or_make(image.content(), next);
        image.set_number(number);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn image(arguments: &[&[u8]]) -> Image {
        Image::new(Some(b"/bin/sh"), None, None, Some((&mut arguments.iter().copied(), 2)))
    }

    #[test]
    fn what_says_the_same_has_one_number() {
        let (mut known, mut other) = (Known::default(), Known::default());
        let mut numbers = std::collections::HashMap::new();
        for n in 0..3 * IMAGES {
            for (table, argument) in [(0, n), (1, n), (0, 7), (1, 7)] {
                let mut image = image(&[b"sh", argument.to_string().as_bytes()]);
                [&mut known, &mut other][table].number(&mut image);
                let number = image.number().unwrap();
                let (of, content) =
                    numbers.entry(number).or_insert_with(|| (table, image.content().to_vec()));
                assert_eq!((*of, content.as_slice()), (table, image.content()));
            }
        }
        // 7 comes always and is never forgotten.
        assert_eq!(numbers.len(), 2 * 3 * IMAGES);
    }

    #[test]
    fn what_is_shared_already_has_none() {
        let mut shared = image(&[b"sh"]);
        let copy = shared.clone();
        Known::default().number(&mut shared);
        assert_eq!([shared.number(), copy.number()], [None; 2]);
    }
}
