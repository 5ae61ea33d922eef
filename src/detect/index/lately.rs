//! The texts that a field had lately, and what each could satisfy: words, names and paths come again and again.
//! Whoever writes texts can only make it useless.

/// See the module.
#[derive(Debug, Default)]
pub(super) struct Lately {
    places: Box<[Remembered]>,
    /// What the text of each place could satisfy, so many words for one.
    words: Box<[u64]>,
    width: usize,
}

/// The longest text that is remembered.
const REMEMBERED: usize = 55;

/// A text that was asked for.
#[derive(Clone, Copy, Debug)]
struct Remembered {
    hash: u64,
    /// None where nothing is remembered.
    length: Option<u8>,
    text: [u8; REMEMBERED],
}

impl Lately {
    /// So many words are remembered for a field, at most.
    const WORDS: usize = 8192;

    /// Nothing yet, of so many comparisons.
    pub(super) fn new(count: usize) -> Self {
        Self { width: count.div_ceil(64), ..Self::default() }
    }

    /// Makes room: most fields are never asked for.
    fn make_room(&mut self) {
        let places = (Self::WORDS / self.width.max(1)).clamp(8, 1024);
        let empty = Remembered { hash: 0, length: None, text: [0; REMEMBERED] };
        self.places = vec![empty; places].into();
        self.words = vec![0; places * self.width].into();
    }

    /// Where a text of this hash is remembered.
    fn place(&self, hash: u64) -> usize {
        usize::try_from(hash >> 32).unwrap_or(0).checked_rem(self.places.len()).unwrap_or(0)
    }

    fn words_at(&self, place: usize) -> std::ops::Range<usize> {
        place * self.width..(place + 1) * self.width
    }

    /// What was remembered of `text`, whose hash is given.
    pub(super) fn get(&self, hash: u64, text: &[u8]) -> Option<&[u64]> {
        let place = self.place(hash);
        let known = self.places.get(place).filter(|known| known.hash == hash)?;
        let same = known.text.get(..usize::from(known.length?)) == Some(text);
        same.then(|| self.words.get(self.words_at(place))).flatten()
    }

    /// Remembers it in the place of another.
    pub(super) fn put(&mut self, hash: u64, text: &[u8], answer: &[u64]) {
        if self.places.is_empty() {
            self.make_room();
        }
        let place = self.place(hash);
        let words = self.words_at(place);
        let (Some(at), Some(words)) = (self.places.get_mut(place), self.words.get_mut(words)) else { return };
        let Some(room) = at.text.get_mut(..text.len()) else { return };
        room.copy_from_slice(text);
        at.hash = hash;
        at.length = u8::try_from(text.len()).ok();
        words.iter_mut().zip(answer).for_each(|(word, answer)| *word = *answer);
    }
}
