//! What sequences hold, of each host its own: clocks and processes of two hosts have nothing to do with each other.

use std::collections::BTreeMap;

use super::joined::{Emit, JoinCounts, Joined};

/// The most hosts, beside this one, of which something is held.
const MOST: usize = 2_048;

/// This part of them is given up at once, those first that were heard of longest ago.
const GIVEN_UP_PART: usize = 16;

/// See the module.
#[derive(Debug)]
pub(super) struct Hosts {
    /// This host's, which has the key 0.
    pub(super) own: Joined,
    others: BTreeMap<u64, Other>,
    /// What those came to that were given up.
    before: JoinCounts,
    asked: u64,
}

#[derive(Debug)]
struct Other {
    joined: Joined,
    asked: u64,
}

impl Hosts {
    pub(super) fn new(own: Joined) -> Self {
        Self { own, others: BTreeMap::new(), before: JoinCounts::default(), asked: 0 }
    }

    /// That of a host, if anything of it was ever kept.
    pub(super) fn known(&mut self, host: u64) -> Option<&mut Joined> {
        if host == 0 {
            return Some(&mut self.own);
        }
        self.asked += 1;
        let other = self.others.get_mut(&host)?;
        other.asked = self.asked;
        Some(&mut other.joined)
    }

    /// That of a host.
    pub(super) fn of(&mut self, host: u64, emit: &mut Emit<'_>) -> &mut Joined {
        if host == 0 {
            return &mut self.own;
        }
        if !self.others.contains_key(&host) && self.others.len() >= MOST {
            self.give_up(emit);
        }
        self.asked += 1;
        let Self { own, others, asked, .. } = self;
        let other = others.entry(host).or_insert_with(|| Other { joined: own.empty_one(), asked: 0 });
        other.asked = *asked;
        &mut other.joined
    }

    fn give_up(&mut self, emit: &mut Emit<'_>) {
        let mut heard: Vec<u64> = self.others.values().map(|other| other.asked).collect();
        heard.sort_unstable();
        let oldest_kept = heard.get(heard.len() / GIVEN_UP_PART).copied().unwrap_or(u64::MAX);
        let before = &mut self.before;
        self.others.retain(|_, other| {
            let stays = other.asked >= oldest_kept;
            if !stays {
                other.joined.release_all(emit);
                let counts = other.joined.counts();
                before.add(&JoinCounts { held: 0, evicted: counts.evicted + counts.held, ..counts });
            }
            stays
        });
    }

    /// Nothing more comes of any host.
    pub(super) fn finish(&mut self, emit: &mut Emit<'_>) {
        self.own.finish(emit);
        self.others.values_mut().for_each(|other| other.joined.finish(emit));
    }

    pub(super) fn counts(&self) -> JoinCounts {
        let mut counts = self.own.counts();
        counts.add(&self.before);
        self.others.values().for_each(|other| counts.add(&other.joined.counts()));
        counts
    }
}
