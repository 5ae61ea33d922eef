//! Bytes of an account file, which need not be UTF-8.

use std::borrow::Cow;

use bstr::ByteSlice;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A name, a path: the bytes as they stand in the file.
///
/// In JSON each byte is the character of its number (as in Latin-1), so that nothing is lost.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Text(Box<[u8]>);

impl Text {
    /// The bytes.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// For people and documents: what is not UTF-8 is U+FFFD. Not cleaned yet.
    #[must_use]
    pub fn lossy(&self) -> Cow<'_, str> {
        self.0.to_str_lossy()
    }
}

impl From<&[u8]> for Text {
    fn from(bytes: &[u8]) -> Self {
        Self(bytes.into())
    }
}

impl From<&str> for Text {
    fn from(text: &str) -> Self {
        Self(text.as_bytes().into())
    }
}

impl From<String> for Text {
    fn from(text: String) -> Self {
        Self(text.into_bytes().into())
    }
}

impl Serialize for Text {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0.iter().map(|byte| char::from(*byte)).collect::<String>())
    }
}

impl<'de> Deserialize<'de> for Text {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = Cow::<str>::deserialize(deserializer)?;
        let bytes: Result<Vec<u8>, _> = text.chars().map(u8::try_from).collect();
        Ok(Self(bytes.map_err(serde::de::Error::custom)?.into()))
    }
}
