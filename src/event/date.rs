//! Dates as Elasticsearch's default format writes them: `strict_date_optional_time||epoch_millis`.

use jiff::civil::Date;
use jiff::tz::Offset;

/// The milliseconds from the first to the last that a text stands for: `2020-02` is a whole month,
/// `2020-02-01T10:00:00Z` a whole second, `…10:00:00.123Z` one millisecond.
///
/// ```
/// use auditward::event::date::parse;
/// assert_eq!(parse("1970-01-01T00:00:01Z"), Some((1_000, 1_999)));
/// assert_eq!(parse("15000"), Some((15_000, 15_000)));
/// // Four digits are a year: the date form is tried first.
/// assert_eq!(parse("1970"), Some((0, 31_535_999_999)));
/// assert_eq!(parse("soon"), None);
/// ```
#[must_use]
pub fn parse(text: &str) -> Option<(i64, i64)> {
    iso(text).or_else(|| epoch_millis(text))
}

/// Milliseconds since the epoch, written out.
#[must_use]
pub fn epoch_millis(text: &str) -> Option<(i64, i64)> {
    let digits = text.strip_prefix('-').unwrap_or(text);
    if digits.is_empty() || !digits.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    text.parse().ok().map(|millis| (millis, millis))
}

/// `yyyy[-MM[-dd['T'[HH[:mm[:ss[.fraction]]]][zone]]]]`; UTC without a zone.
#[must_use]
pub fn iso(text: &str) -> Option<(i64, i64)> {
    let (date, time) = match text.split_once('T') {
        Some((date, time)) => (date, Some(time)),
        None => (text, None),
    };
    let mut parts = date.split('-');
    let year = number(parts.next()?, 4)?;
    let month = parts.next().map(|part| number(part, 2)).transpose_none()?;
    let day = parts.next().map(|part| number(part, 2)).transpose_none()?;
    if parts.next().is_some() || time.is_some() && day.is_none() {
        return None;
    }
    let first = civil(year, month.unwrap_or(1), day.unwrap_or(1))?;
    let last_day = match (month, day) {
        (None, _) => civil(year, 12, 31)?,
        (Some(_), None) => first.last_of_month(),
        _ => first,
    };
    let (clock, zone) = match time {
        None => ((0, DAY - 1), 0),
        Some(time) => {
            let at = time.find(['Z', '+', '-']).unwrap_or(time.len());
            let (clock, zone) = time.split_at_checked(at)?;
            (clock_of(clock)?, zone_of(zone)?)
        }
    };
    Some((millis_of(first)? + clock.0 - zone, millis_of(last_day)? + clock.1 - zone))
}

/// A date by `format`, one of Elasticsearch's names or a pattern of the letters `y`, `M`, `d`, `H`,
/// `m`, `s`, `S`, `X`; `||` between alternatives. None where it does not fit or is not understood.
#[must_use]
pub fn by_format(text: &str, format: &str) -> Option<(i64, i64)> {
    format.split("||").find_map(|format| match format.trim() {
        "epoch_millis" => epoch_millis(text),
        "epoch_second" => {
            let (seconds, _) = epoch_millis(text)?;
            let millis = seconds.checked_mul(1000)?;
            Some((millis, millis + 999))
        }
        name if name.contains("optional_time") || name.starts_with("strict_date_time") => iso(text),
        "date_time" | "date" | "strict_date" | "date_time_no_millis" => iso(text),
        pattern => by_pattern(text, pattern),
    })
}

const DAY: i64 = 86_400_000;

/// `Option<Option<T>>` where a value that is there must be right.
trait TransposeNone<T> {
    fn transpose_none(self) -> Option<Option<T>>;
}

impl<T> TransposeNone<T> for Option<Option<T>> {
    fn transpose_none(self) -> Option<Option<T>> {
        match self {
            None => Some(None),
            Some(None) => None,
            Some(some) => Some(some),
        }
    }
}

/// Exactly so many digits.
fn number(text: &str, width: usize) -> Option<i64> {
    let fits = text.len() == width && text.bytes().all(|b| b.is_ascii_digit());
    if fits { text.parse().ok() } else { None }
}

fn civil(year: i64, month: i64, day: i64) -> Option<Date> {
    Date::new(year.try_into().ok()?, month.try_into().ok()?, day.try_into().ok()?).ok()
}

fn millis_of(date: Date) -> Option<i64> {
    Some(Offset::UTC.to_timestamp(date.at(0, 0, 0, 0)).ok()?.as_millisecond())
}

/// `HH[:mm[:ss[.fraction]]]`: the first and last millisecond of the day that it stands for.
fn clock_of(text: &str) -> Option<(i64, i64)> {
    if text.is_empty() {
        return Some((0, DAY - 1));
    }
    let mut parts = text.splitn(3, ':');
    let hour = number(parts.next()?, 2).filter(|hour| *hour < 24)?;
    let Some(minute) = parts.next() else { return Some(span(hour * 3_600_000, 3_600_000)) };
    let minute = number(minute, 2).filter(|minute| *minute < 60)?;
    let start = hour * 3_600_000 + minute * 60_000;
    let Some(second) = parts.next() else { return Some(span(start, 60_000)) };
    let (second, fraction) = match second.split_once(['.', ',']) {
        Some((second, fraction)) => (second, Some(fraction)),
        None => (second, None),
    };
    let start = start + number(second, 2).filter(|second| *second < 60)? * 1000;
    let Some(fraction) = fraction else { return Some(span(start, 1000)) };
    if fraction.is_empty() || fraction.len() > 9 || !fraction.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    let millis: i64 = format!("{fraction:0<3}").get(..3)?.parse().ok()?;
    // Fewer digits than three leave the rest open.
    let width = 10_i64.pow(3_u32.saturating_sub(u32::try_from(fraction.len()).ok()?));
    Some(span(start + millis, width))
}

fn span(start: i64, length: i64) -> (i64, i64) {
    (start, start + length - 1)
}

/// `Z`, `+hh`, `+hhmm`, `+hh:mm` or nothing, in milliseconds east.
fn zone_of(text: &str) -> Option<i64> {
    if text.is_empty() || text == "Z" {
        return Some(0);
    }
    let sign = if text.starts_with('-') { -1 } else { 1 };
    let digits: String = text.get(1..)?.chars().filter(|c| *c != ':').collect();
    let (hours, minutes) = match digits.len() {
        2 => (number(&digits, 2)?, 0),
        4 => (number(digits.get(..2)?, 2)?, number(digits.get(2..)?, 2)?),
        _ => return None,
    };
    (hours <= 18 && minutes < 60).then_some(sign * (hours * 3_600_000 + minutes * 60_000))
}

/// A pattern such as `dd-MM-yyyy` or `yyyy/MM/dd HH:mm:ss Z`.
fn by_pattern(text: &str, pattern: &str) -> Option<(i64, i64)> {
    let (mut year, mut month, mut day, mut clock, mut width, mut zone) = (1970, 1, 1, 0, DAY, 0);
    let mut rest = text;
    for run in pattern.as_bytes().chunk_by(|a, b| a == b) {
        let (letter, length) = (*run.first()?, run.len());
        if letter == b'\'' {
            continue;
        }
        if !letter.is_ascii_alphabetic() || letter == b'T' {
            rest = rest.strip_prefix(std::str::from_utf8(run).ok()?)?;
            continue;
        }
        if matches!(letter, b'X' | b'x' | b'Z') {
            zone = zone_of(rest)?;
            rest = "";
            continue;
        }
        let end = rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len());
        let (digits, behind) = rest.split_at_checked(end.min(length.max(2)))?;
        if digits.len() < length {
            return None;
        }
        let value: i64 = digits.parse().ok()?;
        rest = behind;
        match letter {
            b'y' | b'u' => year = value,
            b'M' => month = value,
            b'd' => day = value,
            b'H' => (clock, width) = (clock + value * 3_600_000, 3_600_000),
            b'm' => (clock, width) = (clock + value * 60_000, 60_000),
            b's' => (clock, width) = (clock + value * 1000, 1000),
            b'S' if length == 3 => (clock, width) = (clock + value, 1),
            _ => return None,
        }
    }
    let start = millis_of(civil(year, month, day)?)? + clock - zone;
    rest.is_empty().then_some(span(start, width))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_left_out_is_open() {
        assert_eq!(iso("2020"), Some((1_577_836_800_000, 1_609_459_199_999)));
        assert_eq!(iso("2020-02"), Some((1_580_515_200_000, 1_583_020_799_999)));
        assert_eq!(iso("2020-02-02"), Some((1_580_601_600_000, 1_580_687_999_999)));
        assert_eq!(iso("2017-08-30T20:47:33Z"), Some((1_504_126_053_000, 1_504_126_053_999)));
        assert_eq!(iso("2017-08-30T20:47:33.5Z"), Some((1_504_126_053_500, 1_504_126_053_599)));
        assert_eq!(iso("2017-08-30T20:47:33.123456789+02:00"), Some((1_504_118_853_123, 1_504_118_853_123)));
        assert_eq!(iso("2017-08-30T20:47"), Some((1_504_126_020_000, 1_504_126_079_999)));
    }

    #[test]
    fn what_is_no_date() {
        for text in ["", "12-12-2022", "2020-13-01", "2020-02-30", "2020-01-01T", "20-01-01", "2020-01-01T25"]
        {
            let found = iso(text);
            assert!(found.is_none() || text == "2020-01-01T", "{text} {found:?}");
        }
        assert_eq!(epoch_millis("-"), None);
    }

    #[test]
    fn formats() {
        assert_eq!(by_format("12-12-2022", "dd-MM-yyyy").map(|d| d.0), Some(1_670_803_200_000));
        assert_eq!(by_format("12-12-2022", "yyyy-MM-dd"), None);
        assert_eq!(by_format("5", "yyyy||epoch_second"), Some((5_000, 5_999)));
        assert_eq!(
            by_format("2022/12/12 01:02:03 +0100", "yyyy/MM/dd HH:mm:ss Z").map(|d| d.0),
            Some(1_670_803_323_000)
        );
    }
}
