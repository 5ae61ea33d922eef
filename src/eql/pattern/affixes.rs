//! Beginnings of texts (or, read backwards, their ends).

use std::cmp::Ordering;

/// A set of beginnings in which none begins with another, in order: then only the last one that is
/// not greater than a text can be its beginning.
#[derive(Debug)]
pub(super) struct Affixes {
    insensitive: bool,
    sorted: Box<[Box<[u8]>]>,
}

impl Affixes {
    pub(super) fn new(mut texts: Vec<Vec<u8>>, insensitive: bool) -> Self {
        if insensitive {
            for text in &mut texts {
                text.make_ascii_lowercase();
            }
        }
        texts.sort_unstable();
        let mut kept: Vec<Box<[u8]>> = Vec::with_capacity(texts.len());
        for text in texts {
            // What begins with one that is kept already says nothing new.
            if !kept.last().is_some_and(|last| text.starts_with(last)) {
                kept.push(text.into_boxed_slice());
            }
        }
        Affixes { insensitive, sorted: kept.into() }
    }

    /// Those of which every other begins with one.
    pub(super) fn iter(&self) -> impl Iterator<Item = &[u8]> {
        self.sorted.iter().map(|text| &**text)
    }

    /// Whether one of them begins `text`, which is given from the end at which they stand.
    pub(super) fn begin<'a>(&self, text: impl Iterator<Item = &'a u8> + Clone) -> bool {
        let later =
            self.sorted.partition_point(|affix| self.compare(affix, text.clone()) != Ordering::Greater);
        let Some(candidate) = later.checked_sub(1).and_then(|i| self.sorted.get(i)) else { return false };
        let mut text = text;
        candidate.iter().all(|wanted| text.next().is_some_and(|found| self.fold(*found) == *wanted))
    }

    fn fold(&self, byte: u8) -> u8 {
        if self.insensitive { byte.to_ascii_lowercase() } else { byte }
    }

    /// The order of `affix` and as much of `text` as matters.
    fn compare<'a>(&self, affix: &[u8], mut text: impl Iterator<Item = &'a u8>) -> Ordering {
        for wanted in affix {
            match text.next() {
                None => return Ordering::Greater,
                Some(found) => match wanted.cmp(&self.fold(*found)) {
                    Ordering::Equal => {}
                    unequal => return unequal,
                },
            }
        }
        Ordering::Less
    }
}
