//! A model of how the kernel writes the records of an exec, from what `kernel/auditsc.c`
//! (`audit_log_execve_info`, since Linux 4.8) and `kernel/audit.c` (`audit_log_n_untrustedstring`) do.
//!
//! `tests/model_encoder.rs` first shows that it writes recorded argument lists byte for byte as a real
//! kernel did; only then is it trusted to say what arbitrary ones look like.
#![allow(dead_code, reason = "each test file uses a part of it")]

/// Characters that the arguments of one EXECVE record may take.
const RECORD_ROOM: usize = 7500;
/// Room for the key in front of a value.
const KEY_ROOM: usize = 96;

/// Whether a string must be written in hex: a control character, a blank, a quote, or no ASCII.
pub(crate) fn needs_hex(bytes: &[u8]) -> bool {
    bytes.iter().any(|&byte| byte == b'"' || !(0x21..=0x7e).contains(&byte))
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02X}")).collect()
}

/// A string as the kernel writes one that a process chose.
pub(crate) fn untrusted(bytes: &[u8]) -> String {
    if needs_hex(bytes) { hex(bytes) } else { format!("\"{}\"", String::from_utf8_lossy(bytes)) }
}

/// The text of the EXECVE records for an argument list, what follows `audit(…): ` in each.
pub(crate) fn execve(args: &[Vec<u8>]) -> Vec<String> {
    let mut writer = Writer { records: vec![format!("argc={}", args.len())], room: RECORD_ROOM };
    for (index, argument) in args.iter().enumerate() {
        writer.argument(index, argument);
    }
    writer.records
}

struct Writer {
    records: Vec<String>,
    room: usize,
}

impl Writer {
    fn argument(&mut self, index: usize, argument: &[u8]) {
        // What has been fetched and not written, and what is still in the process.
        let (mut fetched, mut left) = (Vec::new(), argument);
        let mut length = argument.len();
        let (mut encode, mut more, mut piece) = (false, true, 0);
        // Characters that the fetched part takes, as the kernel reckons them.
        let mut characters = 0;
        loop {
            if more {
                let space = RECORD_ROOM - fetched.len();
                if left.len() >= space {
                    // It spans buffers: from here on in hex.
                    encode = true;
                    length *= 2;
                    let (now, later) = left.split_at(space);
                    fetched.extend_from_slice(now);
                    left = later;
                } else {
                    more = false;
                    encode = encode || needs_hex(left);
                    if length < RECORD_ROOM {
                        length = if encode { left.len() * 2 } else { left.len() };
                    }
                    fetched.extend_from_slice(left);
                    left = &[];
                }
                characters = if encode { fetched.len() * 2 } else { fetched.len() + 2 };
            }
            if KEY_ROOM + 8 > self.room {
                self.room = RECORD_ROOM;
                self.records.push(String::new());
            }
            let mut key = String::new();
            if more || piece > 0 || characters + KEY_ROOM > self.room {
                if piece == 0 {
                    key = format!(" a{index}_len={length}");
                }
                key += &format!(" a{index}[{piece}]=");
                piece += 1;
            } else {
                key += &format!(" a{index}=");
            }
            self.room -= key.len();
            let mut taken = fetched.len();
            let value = if encode {
                if characters > self.room {
                    taken = self.room / 2;
                }
                self.room = self.room.saturating_sub(taken * 2);
                characters -= taken * 2;
                hex(&fetched[..taken])
            } else {
                if characters > self.room {
                    taken = self.room - 2;
                }
                self.room = self.room.saturating_sub(taken + 2);
                characters -= taken;
                format!("\"{}\"", String::from_utf8_lossy(&fetched[..taken]))
            };
            fetched.drain(..taken);
            let record = self.records.last_mut().expect("there is always one");
            *record += &key;
            *record += &value;
            if fetched.is_empty() && !more {
                return;
            }
        }
    }
}
