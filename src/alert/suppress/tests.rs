//! What is kept back is counted and told, whatever comes.

use super::*;
use crate::alert::sample;

fn rule(most: u64, suppression: Option<Suppression>) -> Arc<Rule> {
    let uuid = format!("{most} {suppression:?}");
    Arc::new(Rule { uuid, max_signals: most, suppression, ..sample::rule() })
}

fn by(fields: &[&str], seconds: Option<u64>, suppress_missing: bool) -> Option<Suppression> {
    Some(Suppression {
        group_by: fields.iter().map(|field| (*field).to_owned()).collect(),
        duration: seconds.map(Duration::from_secs),
        suppress_missing,
    })
}

/// An alert of `rule` on a usermod of `account`, with a field that not all have.
fn alert(rule: &Arc<Rule>, account: &str, container: Option<&str>) -> Alert {
    let mut event = sample::usermod(&["usermod", "-u", "0", "-o", account]);
    event.insert("user.target.name".to_owned(), account.into());
    if let Some(id) = container {
        event.insert("container".to_owned(), serde_json::json!({ "id": id }));
    }
    Alert::new(rule, &[event], &[sample::STAMP], "host", sample::created())
}

/// Another account in the same span goes out; beyond what is remembered of accounts it is kept back, and told.
#[test]
fn noise_about_one_account_hides_no_other() {
    let (rule, start) = (rule(2, None), Instant::now());
    let mut suppressor = Suppressor::default();
    let mut sent = |account: &str, after| {
        suppressor.take(&alert(&rule, account, None), start + seconds(after)).is_none()
    };
    assert_eq!((0..10).filter(|_| sent("bob", 0)).count(), 2);
    assert!(sent("eve", 1) && !sent("eve", 2));
    // alice, who logged in, bob and eve are three of them.
    let further = (0..ACCOUNTS + 7).filter(|n| sent(&format!("u{n}"), 3)).count();
    assert_eq!(further, ACCOUNTS - 3);
    assert!(sent("bob", 300) && sent("eve", 300) && sent("u1", 300), "a new span begins anew");
    let told = suppressor.finish(start + seconds(301));
    assert_eq!(told.iter().map(count).collect::<Vec<_>>(), [8 + 1 + 10]);
    let line = &told[0].line;
    assert!(line.contains("(max_signals), accounts alice bob eve u1021 u1022 "), "{line}");
}

fn count(alert: &Alert) -> u64 {
    read::text(&alert.document(), "auditward.suppressed.count").unwrap().parse().unwrap()
}

fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

#[test]
fn the_first_goes_out_and_the_rest_is_one_line_at_the_end_of_the_span() {
    let (rule, start) = (rule(100, by(&["user.target.name"], Some(600), true)), Instant::now());
    let mut suppressor = Suppressor::default();
    let mut take = |account, after| {
        let kept = suppressor.take(&alert(&rule, account, None), start + seconds(after));
        kept.map(|kept| kept.why)
    };
    assert_eq!(take("bob", 0), None);
    for after in [1, 2, 599] {
        assert_eq!(take("bob", after), Some(Why::Suppression));
    }
    assert_eq!(take("eve", 3), None, "another group");
    assert!(suppressor.due(start + seconds(599)).is_empty());
    let told = suppressor.due(start + seconds(600));
    assert_eq!(told.iter().map(count).collect::<Vec<_>>(), [3]);
    let wanted =
        ": 3 more of user.target.name bob in 600 s, not sent: alike (alert_suppression) on web1; time=";
    assert!(told[0].line.contains(wanted), "{}", told[0].line);
    assert_eq!(suppressor.take(&alert(&rule, "bob", None), start + seconds(601)), None, "a new span");
    assert_eq!(suppressor.counts(), Counts { suppressed: 3, capped: 0 });
    assert!(suppressor.finish(start + seconds(602)).is_empty());
}

#[test]
fn a_span_that_is_over_before_anybody_looked_is_told_too() {
    let (rule, start) = (rule(100, by(&["user.target.name"], Some(10), true)), Instant::now());
    let mut suppressor = Suppressor::default();
    let kept = [0, 1, 10, 11]
        .map(|after| suppressor.take(&alert(&rule, "bob", None), start + seconds(after)).is_some());
    assert_eq!(kept, [false, true, false, true]);
    let told: Vec<u64> = suppressor.finish(start + seconds(12)).iter().map(count).collect();
    assert_eq!(told, [1, 1]);
}

#[test]
fn an_alert_without_the_field_is_suppressed_or_not_as_the_rule_says() {
    let start = Instant::now();
    for (suppress_missing, kept) in [(true, Some(Why::Suppression)), (false, None)] {
        let rule = rule(100, by(&["container.id"], Some(60), suppress_missing));
        let mut suppressor = Suppressor::default();
        assert_eq!(suppressor.take(&alert(&rule, "bob", None), start), None);
        let second = suppressor.take(&alert(&rule, "bob", None), start);
        assert_eq!(second.map(|kept| kept.why), kept);
        assert_eq!(suppressor.take(&alert(&rule, "bob", Some("none")), start), None, "none is not missing");
    }
}

#[test]
fn max_signals_is_no_silence() {
    let (rule, start) = (rule(2, None), Instant::now());
    let mut suppressor = Suppressor::default();
    let one = alert(&rule, "bob", None);
    let sent = (0..50).filter(|_| suppressor.take(&one, start).is_none()).count();
    assert_eq!(sent, 2);
    assert!(suppressor.due(start + seconds(59)).is_empty());
    assert_eq!(suppressor.due(start + seconds(60)).iter().map(count).collect::<Vec<_>>(), [48]);
    // The window is 300 s: still capped, and told every minute.
    assert!(suppressor.take(&one, start + seconds(61)).is_some());
    assert_eq!(suppressor.due(start + seconds(121)).iter().map(count).collect::<Vec<_>>(), [1]);
    assert_eq!(suppressor.take(&one, start + seconds(300)), None, "the next window");
    assert_eq!(suppressor.counts(), Counts { suppressed: 0, capped: 49 });
}

#[test]
fn too_many_groups_silence_nobody() {
    let (rule, start) = (rule(u64::MAX, by(&["user.target.name"], Some(3600), true)), Instant::now());
    let mut suppressor = Suppressor::default();
    let bob = alert(&rule, "bob", None);
    assert_eq!(suppressor.take(&bob, start), None);
    assert!(suppressor.take(&bob, start).is_some());
    for n in 0..GROUPS {
        assert_eq!(suppressor.take(&alert(&rule, &format!("u{n}"), None), start), None);
    }
    assert_eq!(suppressor.groups.len(), GROUPS);
    assert_eq!(suppressor.take(&bob, start), None, "its group was closed: it goes out");
    assert_eq!(suppressor.due(start).iter().map(count).collect::<Vec<_>>(), [1], "and what it held is told");
    assert!(suppressor.order.len() <= 2 * GROUPS + 1);
}

proptest::proptest! {
    /// Whatever comes, in whatever order: what was sent and what the lines tell are all that matched.
    #[test]
    fn sent_and_rolled_up_are_all_that_matched(
        steps in proptest::collection::vec((0_usize..4, 0_usize..5, 0_u64..200, proptest::prelude::any::<bool>()), 1..120),
    ) {
        let rules = [
            rule(3, None),
            rule(4, by(&["user.target.name"], Some(90), true)),
            rule(1, by(&["container.id", "user.target.name"], None, false)),
            rule(100, by(&["container.id"], Some(1), true)),
        ];
        let accounts = ["a", "b", "c\n\"", "\u{202e}d", ""];
        let (mut suppressor, mut now) = (Suppressor::default(), Instant::now());
        let (mut sent, mut told) = (0_u64, 0_u64);
        let mut first = std::collections::HashSet::new();
        for (which, account, after, look) in &steps {
            now += Duration::from_secs(*after);
            let container = (account % 2 == 0).then_some("c");
            let kept = suppressor.take(&alert(&rules[*which], accounts[*account], container), now);
            sent += u64::from(kept.is_none());
            // The very first of a rule is never kept back.
            proptest::prop_assert!(!first.insert(*which) || kept.is_none());
            if *look {
                told += suppressor.due(now).iter().map(count).sum::<u64>();
            }
        }
        told += suppressor.finish(now).iter().map(count).sum::<u64>();
        proptest::prop_assert_eq!(sent + told, steps.len() as u64);
        let counts = suppressor.counts();
        proptest::prop_assert_eq!(counts.suppressed + counts.capped, told);
        proptest::prop_assert!(suppressor.finish(now).is_empty());
    }
}
