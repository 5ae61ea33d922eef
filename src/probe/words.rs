//! Numbers and texts of an answer as bytes: little-endian, each text with its length before it.

/// A text out of /proc or /etc, and whether it is only the beginning of what stood there.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Text {
    /// The bytes, as they were found.
    pub bytes: Vec<u8>,
    /// There was no room for the rest.
    pub cut: bool,
}

impl Text {
    /// At most `most` bytes of `bytes`.
    #[must_use]
    pub fn of(bytes: &[u8], most: usize) -> Self {
        let most = most.min(usize::from(CUT - 1));
        let kept = bytes.get(..most).unwrap_or(bytes);
        Self { bytes: kept.to_vec(), cut: kept.len() < bytes.len() }
    }

    /// All of it; none when the rest is missing.
    #[must_use]
    pub fn whole(&self) -> Option<&[u8]> {
        (!self.cut).then_some(&self.bytes)
    }

    /// How many bytes [`Writer::text`] writes for it.
    #[must_use]
    pub(super) fn size(&self) -> usize {
        2 + self.bytes.len()
    }
}

/// In the length of a text: it was cut.
const CUT: u16 = 1 << 15;

/// In place of the length of a text that is not there.
const NONE: u16 = u16::MAX;

/// Puts an answer together.
#[derive(Debug, Default)]
pub(super) struct Writer(Vec<u8>);

impl Writer {
    pub(super) fn u8(&mut self, number: u8) {
        self.0.push(number);
    }

    pub(super) fn u16(&mut self, number: u16) {
        self.0.extend(number.to_le_bytes());
    }

    pub(super) fn u32(&mut self, number: u32) {
        self.0.extend(number.to_le_bytes());
    }

    pub(super) fn u64(&mut self, number: u64) {
        self.0.extend(number.to_le_bytes());
    }

    pub(super) fn text(&mut self, text: Option<&Text>) {
        let Some(text) = text else { return self.u16(NONE) };
        // `Text::of` has seen to it that the length fits.
        let kept = text.bytes.get(..usize::from(CUT - 1)).unwrap_or(&text.bytes);
        let length = u16::try_from(kept.len()).unwrap_or(0);
        self.u16(if text.cut { length | CUT } else { length });
        self.0.extend_from_slice(kept);
    }

    pub(super) fn finish(self) -> Vec<u8> {
        self.0
    }
}

/// Takes an answer apart; every method is `None` when the bytes end too early.
#[derive(Debug)]
pub(super) struct Reader<'a>(pub(super) &'a [u8]);

impl Reader<'_> {
    fn take<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (first, rest) = self.0.split_first_chunk()?;
        self.0 = rest;
        Some(*first)
    }

    pub(super) fn u8(&mut self) -> Option<u8> {
        self.take().map(u8::from_le_bytes)
    }

    pub(super) fn u16(&mut self) -> Option<u16> {
        self.take().map(u16::from_le_bytes)
    }

    pub(super) fn u32(&mut self) -> Option<u32> {
        self.take().map(u32::from_le_bytes)
    }

    pub(super) fn u64(&mut self) -> Option<u64> {
        self.take().map(u64::from_le_bytes)
    }

    pub(super) fn bytes<const N: usize>(&mut self) -> Option<[u8; N]> {
        self.take()
    }

    /// A truth value: 0 or 1, nothing else.
    pub(super) fn bool(&mut self) -> Option<bool> {
        match self.u8()? {
            0 => Some(false),
            1 => Some(true),
            _ => None,
        }
    }

    #[expect(clippy::option_option, reason = "the bytes end too early, or there is no text")]
    pub(super) fn text(&mut self) -> Option<Option<Text>> {
        let length = self.u16()?;
        if length == NONE {
            return Some(None);
        }
        let (bytes, rest) = self.0.split_at_checked(usize::from(length & !CUT))?;
        self.0 = rest;
        Some(Some(Text { bytes: bytes.to_vec(), cut: length & CUT != 0 }))
    }

    /// Whether nothing is left.
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}
