//! A time as it is typed.

use jiff::civil::{Date, DateTime};
use jiff::tz::TimeZone;
use jiff::{Span, Timestamp, ZonedDateTime};

/// Milliseconds since the Unix epoch of a time stamp, of a date with or without a time (of this host's zone), or of so
/// long ago.
///
/// # Errors
/// It is none of these.
pub(super) fn time(text: &str) -> Result<i64, String> {
    before(text, &ZonedDateTime::now())
}

fn before(text: &str, now: &ZonedDateTime) -> Result<i64, String> {
    let zone = || TimeZone::system();
    let at = |time: DateTime| time.to_zoned_datetime(zone()).ok().map(|zoned| zoned.timestamp());
    let found = text
        .parse::<Timestamp>()
        .ok()
        .or_else(|| text.parse::<DateTime>().ok().and_then(at))
        .or_else(|| text.parse::<Date>().ok().and_then(|date| at(date.at(0, 0, 0, 0))))
        .or_else(|| {
            let span = text.trim_end_matches(" ago").parse::<Span>().ok()?;
            now.checked_sub(span.abs()).ok().map(|zoned| zoned.timestamp())
        });
    found.map(Timestamp::as_millisecond).ok_or_else(|| {
        "it is a time (2026-11-28T06:00Z, 2026-11-28 06:00) or so long ago (2h, 3 days)".to_owned()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_and_spans() {
        let now: ZonedDateTime = "2026-11-28T06:00:00+00:00[UTC]".parse().expect("a time");
        let text =
            |typed| Timestamp::from_millisecond(before(typed, &now).expect(typed)).map(|t| t.to_string());
        for (typed, meant) in [
            ("2026-11-28T05:00:00Z", "2026-11-28T05:00:00Z"),
            ("2026-11-28T05:00:00.250+01:00", "2026-11-28T04:00:00.25Z"),
            ("2h", "2026-11-28T04:00:00Z"),
            ("90 min", "2026-11-28T04:30:00Z"),
            ("3 days", "2026-11-25T06:00:00Z"),
            ("1 week ago", "2026-11-21T06:00:00Z"),
        ] {
            assert_eq!(text(typed).expect("in range"), meant, "{typed}");
        }
        // Of this host's zone, whichever that is.
        let day = before("2026-11-28", &now).expect("a day");
        assert_eq!(before("2026-11-28 06:00", &now).expect("a time"), day + 6 * 3_600_000);
        for wrong in ["", "yesterday-ish", "5", "2026-13-01"] {
            assert!(before(wrong, &now).is_err(), "{wrong}");
        }
    }
}
