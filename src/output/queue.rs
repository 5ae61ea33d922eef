//! The bounded queue between detection and one writer thread.
//!
//! [`Queue::push`] never waits. An alert that finds no room is read from the store when its turn comes; what is not
//! in the store either is counted at the very place where it is missing, and is told there once the queue flows
//! again.

use std::collections::VecDeque;
use std::sync::mpsc::SyncSender;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use jiff::Timestamp;

use super::message::Message;
use crate::store::Backlog;

/// How much a queue holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bounds {
    /// Messages.
    pub messages: usize,
    /// Bytes, as [`Message::weight`] estimates them. One message is taken by an empty queue whatever
    /// its weight.
    pub bytes: usize,
}

impl Default for Bounds {
    /// 10,000 messages, 64 MiB: an alert on a command of ordinary length has 6 to 7 KB.
    fn default() -> Self {
        Self { messages: 10_000, bytes: 64 << 20 }
    }
}

/// What found no room, one after the other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Gap {
    pub(crate) alerts: u64,
    pub(crate) notices: u64,
    /// Time of the first that was lost.
    pub(crate) from: Timestamp,
    /// Time of the last.
    pub(crate) to: Timestamp,
}

/// What the writer takes.
#[derive(Debug)]
pub(crate) enum Item {
    /// With the moment from which its delivery is counted, and its number in the store: see [`Queue::push`].
    Message(Message, Instant, Option<i64>),
    /// These are in the store.
    Stored(Span),
    Gap(Gap),
    /// Alerts up to this number are not for this destination.
    Passed(i64),
    /// An alert that only tries the destination, and where is said what became of it.
    Test(Message, SyncSender<TestAnswer>),
    /// Open files anew.
    Reopen,
    /// Nothing came for as long as was to be waited.
    Nothing,
}

/// After how long the receiver's system had the alert, or why it never will.
pub type TestAnswer = Result<Duration, String>;

/// Alerts that are in the store alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Span {
    pub(crate) alerts: Backlog,
    /// Times of the first and the last; none of an earlier run's.
    pub(crate) times: Option<(Timestamp, Timestamp)>,
    /// When what the first tells was received; none of an earlier run's.
    pub(crate) since: Option<Instant>,
}

/// See the module's page.
#[derive(Debug)]
pub(crate) struct Queue {
    bounds: Bounds,
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct State {
    items: VecDeque<Item>,
    /// Messages among `items`.
    messages: usize,
    bytes: usize,
    /// Alerts in the store that were not read yet.
    stored: u64,
    lost_alerts: u64,
    lost_notices: u64,
    /// Nothing is taken after this; set once.
    closing: Option<Instant>,
    /// The writer is gone; what it left behind.
    finished: Option<u64>,
}

impl Queue {
    pub(crate) fn new(bounds: Bounds) -> Self {
        Self { bounds, state: Mutex::default(), changed: Condvar::new() }
    }

    /// With what an earlier run has left to this destination.
    pub(crate) fn with_backlog(bounds: Bounds, backlog: Option<Backlog>) -> Self {
        let queue = Self::new(bounds);
        if let Some(alerts) = backlog {
            let mut state = queue.lock();
            state.stored = alerts.alerts;
            state.items.push_back(Item::Stored(Span { alerts, times: None, since: None }));
        }
        queue
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // The state is whole between any two statements below: a panic elsewhere does not harm it.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes the message. When there is no room it is left to the store, where it has a `number` there, or else counted
    /// as lost. Never waits for the writer. `since` is when what it tells was received.
    pub(crate) fn push(&self, message: Message, since: Instant, number: Option<i64>) {
        let mut state = self.lock();
        let weight = message.weight();
        let full = state.messages >= self.bounds.messages
            || (state.messages > 0 && state.bytes.saturating_add(weight) > self.bounds.bytes);
        if full || state.closing.is_some() {
            match number {
                Some(number) => state.leave(number, message.time(), since),
                None => state.lose(&message),
            }
        } else {
            state.messages += 1;
            state.bytes += weight;
            state.items.push_back(Item::Message(message, since, number));
        }
        drop(state);
        self.changed.notify_all();
    }

    /// Alert `number` of the store is not for this destination: once what waits is sent, its place is behind it.
    pub(crate) fn pass(&self, number: i64) {
        let mut state = self.lock();
        if state.closing.is_some() {
            return;
        }
        // A span is read without what is not for this destination; of what an earlier run has left, that is still
        // to be counted.
        let last = state.tail().find_map(|item| match item {
            Item::Stored(span) if span.times.is_some() => Some(&mut span.alerts.to),
            Item::Passed(to) => Some(to),
            _ => None,
        });
        match last {
            Some(to) => *to = number,
            None => state.items.push_back(Item::Passed(number)),
        }
        drop(state);
        self.changed.notify_all();
    }

    /// Takes an alert that only tries the destination, one at a time.
    pub(crate) fn test(&self, message: Message, answer: SyncSender<TestAnswer>) {
        let mut state = self.lock();
        let why = match state.closing {
            Some(_) => "it is no longer asked for",
            None if state.items.iter().any(|item| matches!(item, Item::Test(..))) => {
                "an earlier test waits for it still"
            }
            None => {
                state.items.push_back(Item::Test(message, answer));
                drop(state);
                return self.changed.notify_all();
            }
        };
        let _ = answer.try_send(Err(why.to_owned()));
    }

    /// Asks the writer to open its file anew; at most one request waits.
    pub(crate) fn reopen(&self) {
        let mut state = self.lock();
        if !matches!(state.items.front(), Some(Item::Reopen)) {
            state.items.push_front(Item::Reopen);
        }
        drop(state);
        self.changed.notify_all();
    }

    /// A request to reopen that waits in front, if there is one: asked for while a message is stuck.
    pub(crate) fn take_reopen(&self) -> bool {
        let mut state = self.lock();
        let waits = matches!(state.items.front(), Some(Item::Reopen));
        if waits {
            state.items.pop_front();
        }
        waits
    }

    /// The next item; waits for one, or for so long. None when the queue is closed and empty, or its time is over.
    pub(crate) fn pop_within(&self, at_most: Option<Duration>) -> Option<Item> {
        let until = at_most.map(|at_most| Instant::now() + at_most);
        let mut state = self.lock();
        loop {
            match state.closing {
                Some(deadline) if Instant::now() >= deadline => return None,
                Some(_) if state.items.is_empty() => return None,
                _ => {}
            }
            if let Some(item) = state.items.pop_front() {
                if let Item::Message(message, ..) = &item {
                    state.messages -= 1;
                    state.bytes = state.bytes.saturating_sub(message.weight());
                }
                return Some(item);
            }
            let Some(until) = until else {
                state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
                continue;
            };
            let now = Instant::now();
            if now >= until {
                return Some(Item::Nothing);
            }
            state = self.changed.wait_timeout(state, until - now).unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    /// Whether nothing waits.
    pub(crate) fn is_empty(&self) -> bool {
        self.lock().items.is_empty()
    }

    /// So many alerts of a span were read, or are gone.
    pub(crate) fn read(&self, alerts: u64) {
        let mut state = self.lock();
        state.stored = state.stored.saturating_sub(alerts);
    }

    /// Sleeps for `pause`, less when the queue is told to close or its time is over.
    pub(crate) fn pause(&self, pause: Duration) {
        let until = Instant::now() + pause;
        let mut state = self.lock();
        let was_closing = state.closing.is_some();
        loop {
            let now = Instant::now();
            let until = state.closing.map_or(until, |deadline| deadline.min(until));
            if now >= until || state.closing.is_some() != was_closing {
                return;
            }
            state = self.changed.wait_timeout(state, until - now).unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    /// Whether the time to empty the queue is over.
    pub(crate) fn is_over(&self) -> bool {
        self.lock().closing.is_some_and(|deadline| Instant::now() >= deadline)
    }

    /// Takes nothing more; the writer goes on until `deadline` at the latest.
    pub(crate) fn close(&self, deadline: Instant) {
        self.lock().closing.get_or_insert(deadline);
        self.changed.notify_all();
    }

    /// Said by the writer at its end: `unsent` messages it had taken out and not delivered.
    pub(crate) fn finish(&self, unsent: u64) {
        self.lock().finished = Some(unsent);
        self.changed.notify_all();
    }

    /// Waits for the writer's end, until `until`. How many alerts and notices were left.
    pub(crate) fn left_at(&self, until: Instant) -> u64 {
        let mut state = self.lock();
        loop {
            let now = Instant::now();
            // A writer that hangs in the system holds one message.
            let in_hand = match state.finished {
                Some(unsent) => Some(unsent),
                None if now >= until => Some(1),
                None => None,
            };
            if let Some(in_hand) = in_hand {
                return in_hand + state.messages as u64 + state.stored;
            }
            state = self.changed.wait_timeout(state, until - now).unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    /// Once the writer has ended: how many messages it left.
    pub(crate) fn ended(&self) -> Option<u64> {
        let state = self.lock();
        state.finished.map(|unsent| unsent + state.messages as u64 + state.stored)
    }

    /// Alerts that are to be read from the store.
    pub(crate) fn stored(&self) -> u64 {
        self.lock().stored
    }

    /// Messages that wait in memory, lost alerts, lost notices.
    pub(crate) fn counts(&self) -> (usize, u64, u64) {
        let state = self.lock();
        (state.messages, state.lost_alerts, state.lost_notices)
    }

    /// When the message that waits longest was received.
    pub(crate) fn oldest(&self) -> Option<Instant> {
        let state = self.lock();
        state.items.iter().find_map(|item| match item {
            Item::Message(_, since, _) => Some(*since),
            Item::Stored(span) => span.since,
            Item::Gap(_) | Item::Passed(_) | Item::Test(..) | Item::Reopen | Item::Nothing => None,
        })
    }
}

impl State {
    /// What stands at the very end and is no message, as long as it is looked for no further than three items back:
    /// a queue that stays full must not grow by turns.
    fn tail(&mut self) -> impl Iterator<Item = &mut Item> {
        let tail = self.items.iter_mut().rev().take(3);
        tail.take_while(|item| matches!(item, Item::Stored(_) | Item::Gap(_) | Item::Passed(_)))
    }

    fn leave(&mut self, number: i64, time: Timestamp, since: Instant) {
        self.stored += 1;
        let last = self.tail().find_map(|item| match item {
            Item::Stored(span) => Some(span),
            _ => None,
        });
        if let Some(Span { alerts, times: Some((_, to)), .. }) = last {
            (alerts.to, *to) = (number, time);
            alerts.alerts += 1;
            return;
        }
        let alerts = Backlog { from: number, to: number, alerts: 1 };
        self.items.push_back(Item::Stored(Span { alerts, times: Some((time, time)), since: Some(since) }));
    }

    fn lose(&mut self, message: &Message) {
        let (alerts, notices) = match message {
            Message::Alert(_) | Message::Stored(_) => (1, 0),
            Message::Notice(_) => (0, 1),
        };
        self.lost_alerts += alerts;
        self.lost_notices += notices;
        let time = message.time();
        let last = self.tail().find_map(|item| match item {
            Item::Gap(gap) => Some(gap),
            _ => None,
        });
        match last {
            Some(gap) => {
                gap.alerts += alerts;
                gap.notices += notices;
                gap.to = time;
            }
            None => self.items.push_back(Item::Gap(Gap { alerts, notices, from: time, to: time })),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::output::message::{Notice, Topic, Urgency};

    fn notice(n: i64) -> Message {
        let time = Timestamp::from_second(n).unwrap();
        Message::Notice(Notice { topic: Topic::Started, text: n.to_string(), urgency: Urgency::Info, time })
    }

    fn text(item: Option<Item>) -> String {
        match item {
            Some(Item::Message(Message::Notice(n), ..)) => n.text,
            Some(Item::Message(Message::Alert(_), _, number)) => format!("alert {number:?}"),
            Some(Item::Stored(Span { alerts, .. })) => {
                format!("{} stored {}-{}", alerts.alerts, alerts.from, alerts.to)
            }
            Some(Item::Gap(g)) => format!("{} lost {}-{}", g.notices, g.from.as_second(), g.to.as_second()),
            other => format!("{other:?}"),
        }
    }

    fn drained(queue: &Queue) -> Vec<String> {
        queue.close(Instant::now() + Duration::from_secs(60));
        std::iter::from_fn(|| queue.pop_within(None)).map(|item| text(Some(item))).collect()
    }

    #[test]
    fn what_is_lost_is_told_where_it_is_missing() {
        let queue = Queue::new(Bounds { messages: 2, bytes: usize::MAX });
        (1..=5).for_each(|n| queue.push(notice(n), Instant::now(), None));
        assert_eq!(text(queue.pop_within(None)), "1");
        queue.push(notice(6), Instant::now(), None);
        queue.push(notice(7), Instant::now(), None);
        assert_eq!(queue.counts(), (2, 0, 4));
        assert_eq!(drained(&queue), ["2", "3 lost 3-5", "6", "1 lost 7-7"]);
    }

    #[test]
    fn bytes_are_bounded_too_but_one_message_always_goes() {
        let alert = Message::Alert(Arc::new(crate::alert::sample::plain()));
        let queue = Queue::new(Bounds { messages: 100, bytes: alert.weight() - 1 });
        queue.push(alert.clone(), Instant::now(), None);
        queue.push(alert.clone(), Instant::now(), None);
        assert_eq!(queue.counts(), (1, 1, 0));
        assert!(matches!(queue.pop_within(None), Some(Item::Message(..))));
        queue.push(alert, Instant::now(), None);
        assert_eq!(queue.counts(), (1, 1, 0));
    }

    #[test]
    fn a_closed_queue_is_emptied_and_takes_nothing_more() {
        let queue = Queue::new(Bounds::default());
        queue.push(notice(1), Instant::now(), None);
        queue.close(Instant::now() + Duration::from_secs(60));
        queue.push(notice(2), Instant::now(), None);
        assert_eq!(text(queue.pop_within(None)), "1");
        assert_eq!(text(queue.pop_within(None)), "1 lost 2-2");
        assert!(queue.pop_within(None).is_none());
        queue.finish(0);
        assert_eq!(queue.left_at(Instant::now()), 0);
    }

    #[test]
    fn when_its_time_is_over_the_rest_is_counted() {
        let queue = Queue::new(Bounds::default());
        (0..3).for_each(|n| queue.push(notice(n), Instant::now(), None));
        queue.close(Instant::now());
        assert!(queue.is_over());
        assert!(queue.pop_within(None).is_none());
        queue.finish(1);
        assert_eq!(queue.left_at(Instant::now() + Duration::from_secs(60)), 4);
    }

    #[test]
    fn a_pause_ends_when_the_queue_is_closed() {
        let queue = Queue::new(Bounds::default());
        let begun = Instant::now();
        std::thread::scope(|scope| {
            scope.spawn(|| queue.pause(Duration::from_secs(60)));
            std::thread::sleep(Duration::from_millis(20));
            queue.push(notice(1), Instant::now(), None);
            queue.close(Instant::now() + Duration::from_secs(60));
        });
        assert!(begun.elapsed() < Duration::from_secs(30));
    }

    #[test]
    fn a_request_to_reopen_goes_before_everything() {
        let queue = Queue::new(Bounds::default());
        queue.push(notice(1), Instant::now(), None);
        queue.reopen();
        queue.reopen();
        assert!(queue.take_reopen());
        assert!(!queue.take_reopen());
        queue.reopen();
        assert!(matches!(queue.pop_within(None), Some(Item::Reopen)));
        assert_eq!(text(queue.pop_within(None)), "1");
    }

    fn alert() -> Message {
        Message::Alert(Arc::new(crate::alert::sample::plain()))
    }

    #[test]
    fn alerts_without_room_are_left_to_the_store_and_the_order_stays() {
        let queue = Queue::new(Bounds { messages: 2, bytes: usize::MAX });
        let push = |number| queue.push(alert(), Instant::now(), Some(number));
        (1..=4).for_each(push);
        queue.push(notice(1), Instant::now(), None);
        push(5);
        queue.push(notice(2), Instant::now(), None);
        queue.push(alert(), Instant::now(), None);
        assert_eq!((queue.counts(), queue.stored()), ((2, 1, 2), 3));
        assert_eq!(queue.lock().items.len(), 4, "a queue that stays full does not grow");
        assert_eq!(text(queue.pop_within(None)), "alert Some(1)");
        push(6);
        push(7);
        assert_eq!(
            drained(&queue),
            ["alert Some(2)", "3 stored 3-5", "2 lost 1-1790000100", "alert Some(6)", "1 stored 7-7"]
        );
        assert_eq!(queue.stored(), 4, "until they were read");
        queue.read(3);
        queue.read(1);
        assert_eq!(queue.stored(), 0);
    }

    #[test]
    fn what_is_passed_over_takes_no_room_however_long_nothing_is_read() {
        let queue = Queue::new(Bounds { messages: 1, bytes: usize::MAX });
        let push = |number| queue.push(alert(), Instant::now(), number);
        queue.pass(1);
        queue.pass(2);
        push(Some(3));
        queue.pass(4);
        assert_eq!(queue.lock().items.len(), 3);
        for number in (5..50).step_by(5) {
            push(Some(number));
            queue.pass(number + 1);
            push(None);
            queue.pass(number + 2);
        }
        assert_eq!(queue.lock().items.len(), 5, "one of each at the end");
        assert_eq!((queue.counts(), queue.stored()), ((1, 9, 0), 9));
        queue.close(Instant::now() + Duration::from_secs(60));
        let items: Vec<String> = std::iter::from_fn(|| queue.pop_within(None))
            .map(|item| match item {
                Item::Message(_, _, number) => format!("alert {number:?}"),
                Item::Passed(to) => format!("passed {to}"),
                Item::Stored(span) => format!("{} up to {}", span.alerts.alerts, span.alerts.to),
                Item::Gap(gap) => format!("{} lost", gap.alerts),
                other => format!("{other:?}"),
            })
            .collect();
        assert_eq!(items, ["passed 2", "alert Some(3)", "passed 4", "9 up to 47", "9 lost"]);
    }

    #[test]
    fn what_an_earlier_run_has_left_comes_first() {
        let left = Backlog { from: -2, to: 0, alerts: 3 };
        let queue = Queue::with_backlog(Bounds { messages: 1, bytes: usize::MAX }, Some(left));
        let to = |queue: &Queue| match queue.lock().items.front() {
            Some(Item::Stored(span)) => span.alerts.to,
            other => panic!("{other:?}"),
        };
        queue.pass(0);
        assert_eq!((to(&queue), queue.lock().items.len()), (0, 2), "what was left stays as it was counted");
        queue.push(alert(), Instant::now(), Some(1));
        queue.push(alert(), Instant::now(), Some(2));
        assert_eq!((queue.stored(), queue.oldest().is_some()), (4, true));
        assert_eq!(drained(&queue), ["3 stored -2-0", "Some(Passed(0))", "alert Some(1)", "1 stored 2-2"]);
        queue.finish(0);
        assert_eq!(queue.left_at(Instant::now()), 4);
    }
}
