//! `event.id` of an alert: the same in every run over the same records.

use sha2::{Digest, Sha256};

use crate::audit::Stamp;

/// Hex digits of an id: 128 bits, far from any collision in a fleet's lifetime.
const DIGITS: usize = 32;
const HEX: &[u8; 16] = b"0123456789abcdef";

/// SHA-256 over the rule's uuid, the host's id, and stamp and serial of each event in order, as the
/// first 32 lower-case hex digits. The parts are told apart by their lengths, so that no two
/// different inputs are hashed as the same bytes.
#[must_use]
pub fn alert_id(rule_uuid: &str, host_id: &str, stamps: &[Stamp]) -> String {
    let mut hash = Sha256::new();
    for part in [rule_uuid, host_id] {
        hash.update((part.len() as u64).to_be_bytes());
        hash.update(part);
    }
    // As many at once as the hash takes in.
    for stamps in stamps.chunks(4) {
        let mut block = [[0; 16]; 4];
        for (place, Stamp { millis, serial }) in block.iter_mut().zip(stamps) {
            *place = (u128::from(*millis) << 64 | u128::from(*serial)).to_be_bytes();
        }
        hash.update(block.get(..stamps.len()).unwrap_or_default().as_flattened());
    }
    let digit = |half: u8| HEX.get(usize::from(half)).copied().unwrap_or(b'0');
    let mut id = [b'0'; DIGITS];
    for (place, byte) in id.as_chunks_mut().0.iter_mut().zip(hash.finalize()) {
        *place = [digit(byte >> 4), digit(byte & 15)];
    }
    std::str::from_utf8(&id).unwrap_or_default().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    const STAMP: Stamp = Stamp { millis: 1_790_000_100_181, serial: 581 };

    #[test]
    fn an_id_never_changes_between_versions() {
        // Computed with Python's hashlib over the bytes that the doc comment describes.
        let id = alert_id("494ebba4-ecb7-4be4-8c6f-654c686549ad", "host", &[STAMP]);
        assert_eq!(id, "ec4ffd0d1bc50c1621ef0a1a3173db1e");
    }

    #[test]
    fn each_part_counts() {
        let later = Stamp { serial: 582, ..STAMP };
        let ids = [
            alert_id("ab", "c", &[STAMP]),
            alert_id("a", "bc", &[STAMP]),
            alert_id("ab", "c", &[later]),
            alert_id("ab", "c", &[STAMP, later]),
            alert_id("ab", "c", &[later, STAMP]),
            alert_id("ab", "c", &[]),
        ];
        for (i, id) in ids.iter().enumerate() {
            assert_eq!(id.len(), DIGITS);
            assert!(!ids[..i].contains(id));
        }
    }
}
