//! A destination's own limit of alerts a minute: what is beyond is counted by rule and told.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use crate::alert::{Alert, Counted, Rest, Why};

/// The span of the limit.
const MINUTE: Duration = Duration::from_secs(60);

/// Counts what one destination gets. Holds at most an entry for each rule.
#[derive(Debug, Default)]
pub(super) struct Rate {
    /// When the minute of the moment began.
    began: Option<Instant>,
    /// Alerts let through in it.
    sent: u64,
    /// What was kept back, by the rule's uuid.
    rests: HashMap<String, Rest>,
    /// How many were kept back in all.
    pub(super) kept_back: u64,
}

impl Rate {
    /// None when the alert goes out to `name`, of which at most `limit` do a minute; else where it is counted.
    pub(super) fn lets(&mut self, alert: &Alert, name: &str, limit: u64, now: Instant) -> Option<Counted> {
        if self.began.is_none_or(|began| now.saturating_duration_since(began) >= MINUTE) {
            (self.began, self.sent) = (Some(now), 0);
        }
        if self.sent < limit {
            self.sent += 1;
            return None;
        }
        self.kept_back += 1;
        match self.rests.get_mut(&alert.rule.uuid) {
            Some(rest) => rest.add(alert),
            None => {
                let began = self.began.unwrap_or(now);
                _ = self.rests.insert(alert.rule.uuid.clone(), Rest::of(alert, began));
            }
        }
        let why = Why::Rate { destination: name.to_owned(), limit };
        Some(why.counted(&alert.rule, String::new(), Vec::new()))
    }

    /// A line for each rule of which alerts were kept back: once its minute is over, or at once.
    pub(super) fn told(&mut self, name: &str, limit: u64, now: Instant, at_once: bool) -> Vec<Alert> {
        let due = |rest: &Rest| at_once || now.saturating_duration_since(rest.since()) >= MINUTE;
        let mut told: Vec<Rest> = self.rests.extract_if(|_, rest| due(rest)).map(|(_, rest)| rest).collect();
        told.sort_by(|a, b| a.rule().uuid.cmp(&b.rule().uuid));
        let why = Why::Rate { destination: name.to_owned(), limit };
        told.into_iter().map(|rest| rest.told(&why, now)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::alert::{read, sample};

    fn count(alert: &Alert) -> u64 {
        read::text(&alert.document(), "auditward.suppressed.count").unwrap().parse().unwrap()
    }

    #[test]
    fn what_is_beyond_the_limit_is_told_once_the_minute_is_over() {
        let (alert, start) = (sample::plain(), Instant::now());
        let mut rate = Rate::default();
        let at = |seconds| start + Duration::from_secs(seconds);
        let sent = (0..10).filter(|_| rate.lets(&alert, "far", 3, at(1)).is_none()).count();
        assert_eq!((sent, rate.kept_back), (3, 7));
        assert!(rate.told("far", 3, at(60), false).is_empty());
        let told = rate.told("far", 3, at(61), false);
        assert_eq!(told.iter().map(count).collect::<Vec<_>>(), [7]);
        assert!(
            told[0].line.contains(": 7 more in 60 s, not sent to far: 3 a minute at most"),
            "{}",
            told[0].line
        );
        assert_eq!(rate.lets(&alert, "far", 3, at(61)), None, "a new minute");
        assert!(rate.told("far", 3, at(300), true).is_empty(), "told once");
    }

    proptest::proptest! {
        #[test]
        fn sent_and_rolled_up_are_all(
            limit in 1_u64..20,
            steps in proptest::collection::vec((0_u64..40_000, 1_usize..12, proptest::prelude::any::<bool>()), 1..60),
        ) {
            let alert = sample::plain();
            let (mut rate, mut now) = (Rate::default(), Instant::now());
            let (mut sent, mut told, mut all) = (0, 0, 0);
            for (millis, alerts, look) in steps {
                now += Duration::from_millis(millis);
                for _ in 0..alerts {
                    all += 1;
                    sent += u64::from(rate.lets(&alert, "far", limit, now).is_none());
                }
                if look {
                    told += rate.told("far", limit, now, false).iter().map(count).sum::<u64>();
                }
            }
            told += rate.told("far", limit, now, true).iter().map(count).sum::<u64>();
            proptest::prop_assert_eq!(sent + told, all);
            proptest::prop_assert_eq!(rate.kept_back, told);
        }
    }
}
