//! Where one message ends and the next begins (RFC 6587 for TCP).

/// How messages are told apart on a transport.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Framing {
    /// One message a datagram.
    Datagram,
    /// RFC 6587, 3.4.1: the length in bytes, a space, the message.
    OctetCounting,
    /// RFC 6587, 3.4.2: the message and a line feed.
    LineFeed,
    /// A stream socket at the place of `/dev/log`: the message and a NUL, as the C library's
    /// syslog(3) ends its messages there.
    Nul,
}

impl Framing {
    /// Appends `message` as one frame. Our formatters write no control characters; should one stand in
    /// it all the same, those that would end the frame early are written as a blank.
    pub fn push(self, out: &mut Vec<u8>, message: &[u8]) {
        let end = match self {
            Self::Datagram => return out.extend_from_slice(message),
            Self::OctetCounting => {
                out.extend_from_slice(message.len().to_string().as_bytes());
                out.push(b' ');
                return out.extend_from_slice(message);
            }
            Self::LineFeed => b'\n',
            Self::Nul => b'\0',
        };
        out.extend(message.iter().map(|&b| if b == end { b' ' } else { b }));
        out.push(end);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frame(framing: Framing, message: &str) -> Vec<u8> {
        let mut out = Vec::new();
        framing.push(&mut out, message.as_bytes());
        out
    }

    #[test]
    fn counts_are_bytes_not_characters() {
        assert_eq!(frame(Framing::OctetCounting, "ä€😀"), "9 ä€😀".as_bytes());
        assert_eq!(frame(Framing::OctetCounting, ""), b"0 ");
    }

    #[test]
    fn nothing_ends_a_frame_early() {
        assert_eq!(frame(Framing::LineFeed, "a\nb"), b"a b\n");
        assert_eq!(frame(Framing::Nul, "a\0b\n"), b"a b\n\0");
        assert_eq!(frame(Framing::Datagram, "a\nb"), b"a\nb");
    }
}
