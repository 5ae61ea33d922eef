//! How much came a second, over the last minute.

use std::collections::VecDeque;
use std::time::Instant;

use super::{PerSecond, Totals};

/// Samples kept, one a second.
const SAMPLES: usize = 61;

/// The totals of the last minute, second by second.
#[derive(Clone, Debug, Default)]
pub struct Rates(VecDeque<(Instant, Totals)>);

impl Rates {
    /// Notes what the totals are at `now`; to be called once a second.
    pub fn note(&mut self, now: Instant, totals: Totals) {
        if self.0.len() == SAMPLES {
            self.0.pop_front();
        }
        self.0.push_back((now, totals));
    }

    /// The mean since the oldest sample, with `totals` as they are at `now`.
    #[must_use]
    pub fn per_second(&self, now: Instant, totals: &Totals) -> PerSecond {
        let Some((then, before)) = self.0.front() else { return PerSecond::default() };
        let over = now.saturating_duration_since(*then).as_secs_f64();
        if over <= 0.0 {
            return PerSecond::default();
        }
        let rate = |now: u64, before: u64| rounded(now.saturating_sub(before) as f64 / over);
        PerSecond {
            over: rounded(over),
            records: rate(totals.records, before.records),
            events: rate(totals.events, before.events),
            alerts: rate(totals.alerts, before.alerts),
        }
    }
}

/// To a hundredth.
fn rounded(number: f64) -> f64 {
    (number * 100.0).round() / 100.0
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn the_mean_of_a_minute_and_no_longer() {
        let start = Instant::now();
        let totals = |n: u64| Totals { records: n * 10, events: n * 2, alerts: n / 10, ..Totals::default() };
        let at = |n: u64| start + Duration::from_secs(n);
        let mut rates = Rates::default();
        assert_eq!(rates.per_second(start, &totals(0)), PerSecond::default());
        (0..=100).for_each(|n| rates.note(at(n), totals(n)));
        assert_eq!(rates.0.len(), SAMPLES);
        // 40 s of 10 a second, and then silence for 20.
        let quiet = rates.per_second(at(120), &totals(100));
        assert_eq!((quiet.over, quiet.records, quiet.events), (80.0, 7.5, 1.5));
    }
}
