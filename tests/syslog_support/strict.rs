//! Readers that take nothing but what the RFCs say, and ArcSight's guide to CEF.

/// A message of RFC 5424, taken apart; SD values unescaped.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Rfc5424 {
    pub pri: u8,
    pub time: String,
    pub host: String,
    pub app: String,
    pub procid: String,
    pub msgid: String,
    /// SD-ID and its parameters, in order; empty for `-`.
    pub data: Vec<(String, Vec<(String, String)>)>,
    /// Without the BOM.
    pub msg: String,
    pub bom: bool,
}

impl Rfc5424 {
    pub(crate) fn param(&self, name: &str) -> Option<&str> {
        let params = self.data.iter().flat_map(|(_, params)| params);
        params.clone().find(|(n, _)| n == name).map(|(_, v)| v.as_str())
    }
}

/// Parses by the grammar of RFC 5424, section 6.
pub(crate) fn rfc5424(bytes: &[u8]) -> Result<Rfc5424, String> {
    let text = std::str::from_utf8(bytes).map_err(|e| format!("not UTF-8: {e}"))?;
    if let Some(c) = text.chars().find(|c| c.is_control()) {
        return Err(format!("control character U+{:04X}", u32::from(c)));
    }
    let (pri, rest) = pri(text)?;
    let rest = rest.strip_prefix("1 ").ok_or("VERSION is not 1")?;
    let mut rest = rest;
    let mut word = |max: usize, name: &str| -> Result<String, String> {
        let (word, after) = rest.split_once(' ').ok_or(format!("{name}: no blank after"))?;
        rest = after;
        let printable = !word.is_empty() && word.bytes().all(|b| (33..=126).contains(&b));
        if !printable || word.len() > max {
            return Err(format!("{name}: {word:?}"));
        }
        Ok(word.to_owned())
    };
    let time = word(32, "TIMESTAMP")?;
    timestamp(&time)?;
    let (host, app) = (word(255, "HOSTNAME")?, word(48, "APP-NAME")?);
    let (procid, msgid) = (word(128, "PROCID")?, word(32, "MSGID")?);
    let (data, rest) = structured_data(rest)?;
    let msg = match rest {
        "" => "",
        rest => rest.strip_prefix(' ').ok_or("no blank before MSG")?,
    };
    let bom = msg.starts_with('\u{FEFF}');
    let msg = msg.strip_prefix('\u{FEFF}').unwrap_or(msg).to_owned();
    if !bom && !msg.is_ascii() {
        return Err("UTF-8 without BOM".to_owned());
    }
    Ok(Rfc5424 { pri, time, host, app, procid, msgid, data, msg, bom })
}

/// `<PRI>` without leading zeros, 0 to 191.
fn pri(text: &str) -> Result<(u8, &str), String> {
    let (number, rest) = text.strip_prefix('<').and_then(|t| t.split_once('>')).ok_or("no PRI")?;
    let pri: u8 = number.parse().map_err(|_| format!("PRI {number:?}"))?;
    if pri > 191 || pri.to_string() != number {
        return Err(format!("PRI {number:?}"));
    }
    Ok((pri, rest))
}

/// RFC 3339 with `T`, `Z` or an offset, and one to six digits of a second.
fn timestamp(time: &str) -> Result<(), String> {
    time.parse::<jiff::Timestamp>().map_err(|e| e.to_string())?;
    let fraction = time.split_once('.').map(|(_, f)| f.bytes().take_while(u8::is_ascii_digit).count());
    let upper = time.contains('T') && !time.contains(['t', 'z']);
    if !upper || fraction.is_some_and(|digits| digits == 0 || digits > 6) {
        return Err(format!("TIMESTAMP {time:?}"));
    }
    Ok(())
}

type Params = Vec<(String, String)>;
type Elements = Vec<(String, Params)>;

fn structured_data(text: &str) -> Result<(Elements, &str), String> {
    if let Some(rest) = text.strip_prefix('-') {
        return Ok((Vec::new(), rest));
    }
    let mut elements = Vec::new();
    let mut rest = text;
    while let Some(inner) = rest.strip_prefix('[') {
        let end = inner.find([' ', ']']).ok_or("SD-ID does not end")?;
        let id = sd_name(&inner[..end])?;
        if let Some((_, number)) = id.split_once('@') {
            number.parse::<u32>().map_err(|_| format!("SD-ID {id}"))?;
        }
        let (params, after) = params(&inner[end..])?;
        elements.push((id, params));
        rest = after;
    }
    if elements.is_empty() {
        return Err("STRUCTURED-DATA is neither `-` nor an element".to_owned());
    }
    Ok((elements, rest))
}

fn params(mut text: &str) -> Result<(Params, &str), String> {
    let mut out = Vec::new();
    loop {
        if let Some(rest) = text.strip_prefix(']') {
            return Ok((out, rest));
        }
        let inner = text.strip_prefix(' ').ok_or("no blank before SD-PARAM")?;
        let (name, value) = inner.split_once("=\"").ok_or("SD-PARAM without value")?;
        let name = sd_name(name)?;
        let mut written = String::new();
        let mut chars = value.char_indices();
        let end = loop {
            match chars.next().ok_or("PARAM-VALUE does not end")? {
                (at, '"') => break at + 1,
                (_, ']') => return Err("] in PARAM-VALUE".to_owned()),
                (_, '\\') => match chars.next() {
                    Some((_, c @ ('"' | '\\' | ']'))) => written.push(c),
                    other => return Err(format!("backslash before {other:?}")),
                },
                (_, c) => written.push(c),
            }
        };
        out.push((name, written));
        text = &value[end..];
    }
}

fn sd_name(name: &str) -> Result<String, String> {
    let ok = |b: u8| (33..=126).contains(&b) && !matches!(b, b'=' | b']' | b'"');
    if name.is_empty() || name.len() > 32 || !name.bytes().all(ok) {
        return Err(format!("SD-NAME {name:?}"));
    }
    Ok(name.to_owned())
}

/// A message of RFC 3164 as local sockets take it.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Rfc3164 {
    pub pri: u8,
    /// `Sep 21 14:15:00`.
    pub time: String,
    pub tag: String,
    pub pid: u32,
    pub text: String,
}

/// `<PRI>Mmm dd HH:MM:SS tag[pid]: text`, the day padded with a blank, no host name.
pub(crate) fn rfc3164(bytes: &[u8]) -> Result<Rfc3164, String> {
    let text = std::str::from_utf8(bytes).map_err(|e| format!("not UTF-8: {e}"))?;
    if let Some(c) = text.chars().find(|c| c.is_control()) {
        return Err(format!("control character U+{:04X}", u32::from(c)));
    }
    let (pri, rest) = pri(text)?;
    let time = rest.get(..15).ok_or("no time")?;
    let months = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
    let shape: String = time[3..].chars().map(|c| if c.is_ascii_digit() { '0' } else { c }).collect();
    if !months.contains(&&time[..3]) || !matches!(shape.as_str(), " 00 00:00:00" | "  0 00:00:00") {
        return Err(format!("time {time:?}"));
    }
    let rest = rest[15..].strip_prefix(' ').ok_or("no blank after the time")?;
    let (tag, rest) = rest.split_once('[').ok_or("no tag[pid]")?;
    let (pid, text) = rest.split_once("]: ").ok_or("no tag[pid]: ")?;
    if tag.is_empty() || tag.len() > 32 || !tag.bytes().all(|b| b.is_ascii_alphanumeric()) {
        return Err(format!("tag {tag:?}"));
    }
    let pid = pid.parse().map_err(|_| format!("pid {pid:?}"))?;
    Ok(Rfc3164 { pri, time: time.to_owned(), tag: tag.to_owned(), pid, text: text.to_owned() })
}

/// RFC 6587, 3.4.1: MSG-LEN without leading zeros, a blank, so many bytes. Reads exactly one frame.
pub(crate) fn octet_counted(stream: &mut impl std::io::Read) -> std::io::Result<Vec<u8>> {
    let bad = |what: &str| std::io::Error::new(std::io::ErrorKind::InvalidData, what.to_owned());
    let mut length = 0_usize;
    let mut digits = 0;
    loop {
        let mut byte = [0];
        stream.read_exact(&mut byte)?;
        match byte {
            [b' '] if digits > 0 => break,
            [b'0'] if digits == 0 => return Err(bad("MSG-LEN begins with 0")),
            [d @ b'0'..=b'9'] => length = length * 10 + usize::from(d - b'0'),
            [other] => return Err(bad(&format!("byte {other:#x} in MSG-LEN"))),
        }
        digits += 1;
    }
    let mut message = vec![0; length];
    stream.read_exact(&mut message)?;
    Ok(message)
}

/// The fields of CEF's header, and the pairs of its extension.
pub(crate) type Cef = (Vec<String>, Vec<(String, String)>);

/// Header and extension of CEF, as ArcSight's guide says; a header alone has no extension.
pub(crate) fn cef(line: &str) -> Result<Cef, String> {
    let (mut fields, mut field, mut rest) = (Vec::new(), String::new(), line.chars());
    let escaped = |c: Option<char>, which: &str| {
        c.filter(|c| which.contains(*c)).ok_or(format!("a backslash that escapes none of {which:?}: {line}"))
    };
    while fields.len() < 7 {
        match rest.next().ok_or_else(|| format!("no seven fields: {line}"))? {
            '\\' => field.push(escaped(rest.next(), "\\|")?),
            '|' => fields.push(std::mem::take(&mut field)),
            c => field.push(c),
        }
    }
    let (mut pairs, mut word): (Vec<(String, String)>, String) = (Vec::new(), String::new());
    while let Some(c) = rest.next() {
        match c {
            '\\' => word.push(escaped(rest.next(), "\\=")?),
            '=' => {
                // The key is the last word of the value before.
                let (value, key) = word.rsplit_once(' ').unwrap_or(("", &word));
                let (value, key) = (value.to_owned(), key.to_owned());
                if let Some(last) = pairs.last_mut() {
                    last.1 = value;
                }
                pairs.push((key, String::new()));
                word.clear();
            }
            c => word.push(c),
        }
    }
    if let Some(last) = pairs.last_mut() {
        last.1 = word;
    }
    Ok((fields, pairs))
}

#[cfg(test)]
mod tests {
    use super::*;

    // A reader that takes everything proves nothing.
    #[test]
    fn the_readers_refuse_what_the_rfcs_do_not_allow() {
        let good = "<84>1 2026-09-21T14:15:00.101Z web1 auditward 7 id [a@1 b=\"c\\]\"] text";
        assert_eq!(rfc5424(good.as_bytes()).unwrap().param("b"), Some("c]"));
        for bad in [
            "<84>1 2026-09-21T14:15:00.1234567Z web1 auditward 7 id - text",
            "<084>1 2026-09-21T14:15:00Z web1 auditward 7 id - text",
            "<84>1 2026-09-21T14:15:00Z web1 auditward 7 id text",
            "<84>1 2026-09-21T14:15:00Z web1 auditward 7 id [a@1 b=\"c]\"] text",
            "<84>1 2026-09-21T14:15:00Z web1 auditward 7 id [a@1 b=\"c\\d\"] text",
            "<84>1 2026-09-21T14:15:00Z web1 auditward 7 id [a@1 b=\"c\"]text",
            "<84>1 2026-09-21T14:15:00Z web1 auditward 7 id - t\u{7f}",
            "<84>1 2026-09-21T14:15:00Z web1 auditward 7 id - ä",
            "<84>1 2026-09-21T14:15:00Z  auditward 7 id - t",
        ] {
            assert!(rfc5424(bad.as_bytes()).is_err(), "{bad}");
        }
        assert!(rfc3164(b"<84>Sep  1 04:05:06 auditward[7]: text").is_ok());
        for bad in [
            "<84>Sep 01 04:05:06 web1 auditward[7]: text",
            "<84>Sep 1 04:05:06 auditward[7]: text",
            "<84>Sep  1 04:05:06 auditward: text",
            "<84>Sep  1 04:05:06 auditward[7]: te\nxt",
            "<192>Sep  1 04:05:06 auditward[7]: text",
        ] {
            assert!(rfc3164(bad.as_bytes()).is_err(), "{bad}");
        }
        assert_eq!(octet_counted(&mut &b"3 abc"[..]).unwrap(), b"abc");
        assert!(octet_counted(&mut &b"03 abc"[..]).is_err());
        assert!(octet_counted(&mut &b"4 abc"[..]).is_err());
    }
}
