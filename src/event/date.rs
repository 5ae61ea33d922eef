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
/// `m`, `s`, `S`, `X`; `||` between alternatives, of which the first that fits counts. None where it does not fit or is
/// not understood.
#[must_use]
pub fn by_format(text: &str, format: &str) -> Option<(i64, i64)> {
    format.split("||").find_map(|format| match Format::of(format.trim())? {
        Format::EpochMillis => epoch_millis(text),
        Format::EpochSecond => epoch_second(text),
        Format::Iso => iso(text),
        Format::Pattern(pattern) => by_pattern(text, pattern),
    })
}

/// The first alternative of a format that is not understood here: its dates would be lost.
#[must_use]
pub fn unknown_format(format: &str) -> Option<&str> {
    format.split("||").map(str::trim).find(|format| Format::of(format).is_none())
}

/// One alternative of a format.
enum Format<'f> {
    EpochMillis,
    EpochSecond,
    Iso,
    Pattern(&'f str),
}

impl<'f> Format<'f> {
    /// By its name, with `strict_` or without, or as a pattern
    /// (<https://www.elastic.co/guide/en/elasticsearch/reference/current/mapping-date-format.html>).
    fn of(written: &'f str) -> Option<Self> {
        Some(match written.strip_prefix("strict_").unwrap_or(written) {
            "epoch_millis" => Self::EpochMillis,
            "epoch_second" => Self::EpochSecond,
            "date_optional_time"
            | "date_optional_time_nanos"
            | "date_time"
            | "date_time_no_millis"
            | "date"
            | "iso8601"
            | "year"
            | "year_month"
            | "year_month_day"
            | "date_hour"
            | "date_hour_minute"
            | "date_hour_minute_second"
            | "date_hour_minute_second_millis"
            | "date_hour_minute_second_fraction" => Self::Iso,
            "basic_date" => Self::Pattern("yyyyMMdd"),
            "basic_date_time" => Self::Pattern("yyyyMMdd'T'HHmmss.SSSX"),
            "basic_date_time_no_millis" => Self::Pattern("yyyyMMdd'T'HHmmssX"),
            _ => Self::Pattern(Some(written).filter(|pattern| is_pattern(pattern))?),
        })
    }
}

/// Whether [`by_pattern`] understands each letter: months by name, weeks and hours of half a day it does not.
fn is_pattern(pattern: &str) -> bool {
    let mut runs = pattern.as_bytes().chunk_by(|a, b| a == b);
    runs.all(|run| match (run.first().copied().unwrap_or_default(), run.len()) {
        (b'y' | b'u', 4) | (b'M' | b'd' | b'H' | b'm' | b's', 1 | 2) | (b'S', 1..=9) => true,
        (b'X' | b'x' | b'Z', 1..=3) | (b'T', 1) => true,
        (letter, _) => !letter.is_ascii_alphabetic(),
    })
}

/// Seconds since the epoch, written out, with a fraction or without.
fn epoch_second(text: &str) -> Option<(i64, i64)> {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    let (seconds, _) = epoch_millis(whole)?;
    let first = seconds.checked_mul(1000)?;
    if fraction.is_empty() {
        return (whole.len() == text.len()).then_some((first, first + 999));
    }
    let (millis, width) = fraction_of(fraction)?;
    let millis = if whole.starts_with('-') { -millis } else { millis };
    Some(span(first.checked_add(millis)?, width))
}

/// The digits behind a second: milliseconds, and how many they leave open.
fn fraction_of(digits: &str) -> Option<(i64, i64)> {
    if digits.is_empty() || digits.len() > 9 || !digits.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    let millis = format!("{digits:0<3}").get(..3)?.parse().ok()?;
    Some((millis, 10_i64.pow(3_u32.saturating_sub(u32::try_from(digits.len()).ok()?))))
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
    let (millis, width) = fraction_of(fraction)?;
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
            b'S' => {
                let (millis, left) = fraction_of(digits)?;
                (clock, width) = (clock + millis, left);
            }
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
        assert_eq!(by_format("5.25", "epoch_second"), Some((5_250, 5_259)));
        assert_eq!(by_format("-5.5", "epoch_second").map(|d| d.0), Some(-5_500));
        assert_eq!(by_format("5.", "epoch_second"), None);
        // The first that fits.
        assert_eq!(by_format("5", "epoch_millis||epoch_second"), Some((5, 5)));
        let day = Some((1_577_836_800_000, 1_577_923_199_999));
        for (text, format) in [("20200101", "yyyyMMdd"), ("20200101", "basic_date"), ("2020/1/1", "yyyy/M/d")]
        {
            assert_eq!(by_format(text, format), day, "{format}");
        }
        assert_eq!(
            by_format("2020-01-01 10:00:00.123456", "yyyy-MM-dd HH:mm:ss.SSSSSS"),
            Some((1_577_872_800_123, 1_577_872_800_123))
        );
        assert_eq!(
            by_format("20200101T100000.123Z", "basic_date_time"),
            Some((1_577_872_800_123, 1_577_872_800_123))
        );
        assert_eq!(unknown_format("yyyy-MM-dd||epoch_second||strict_date_optional_time"), None);
        for unknown in ["MMM d, yyyy", "M/d/yyyy h:mm a", "week_date", "ordinal_date", "yyyy-DDD"] {
            assert_eq!(unknown_format(&format!("epoch_millis||{unknown}")), Some(unknown));
        }
        assert_eq!(
            by_format("2022/12/12 01:02:03 +0100", "yyyy/MM/dd HH:mm:ss Z").map(|d| d.0),
            Some(1_670_803_323_000)
        );
    }
}
