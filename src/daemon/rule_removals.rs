//! Kernel rules that are taken away while the daemon runs: `auditctl -D` clears everybody's, and
//! `augenrules --load` begins with it.
//!
//! The daemon may not load rules. It says which detections may be blind, and touches a file that a unit of
//! root's watches (`systemd/auditward-kernel-rules.path`); that derives the rules afresh. It touches it again until they
//! are back: that unit may be stopped, or what it starts masked.

use std::fs;
use std::path::PathBuf;

use super::intake::counted;
use super::losses::named;
use crate::audit::kernel_rules::KEY;
use crate::audit::{Record, fields, value};

/// No further change for so long: whoever loads a file of rules has ended, and ours come behind theirs.
const SETTLED: u64 = 1_500;

/// Nobody is waited for longer.
const LONGEST: u64 = 4_000;

/// Between one wish and the next.
const WISH_EVERY: u64 = 60_000;

/// Rules that the probe does not find for so long are not about to be loaded.
const MISSING: u64 = 60_000;

/// Between one wish for these and the next: the kernel may refuse them.
const MISSING_EVERY: u64 = 15 * 60_000;

/// What the records of the kernel say of its rules; times are milliseconds since the Unix epoch.
#[derive(Debug, Default)]
pub(super) struct RuleRemovals {
    /// The file that is touched; none where nobody would look.
    wish: Option<PathBuf>,
    changing: Option<Changing>,
    /// Ours were taken away then, and did not come back.
    blind_since: Option<u64>,
    /// A wish is to be made.
    wanted: bool,
    wished: Option<u64>,
    missing: Option<Missing>,
}

/// Rules that are not there, and whose removal no record told.
#[derive(Debug)]
struct Missing {
    since: u64,
    /// When a wish was last made of it.
    asked: Option<u64>,
}

#[derive(Debug)]
struct Changing {
    first: u64,
    last: u64,
    /// How many with our key are gone.
    ours: u64,
    any: bool,
    back: bool,
    /// Others' rules were changed after ours had come.
    after: bool,
    auid: String,
}

impl RuleRemovals {
    /// With the file that stands for the wish to have the rules loaded again.
    pub(super) fn new(wish: Option<PathBuf>) -> Self {
        Self { wish, ..Self::default() }
    }

    /// Takes what a CONFIG_CHANGE record of the time `at` says of kernel rules:
    /// `op=remove_rule` or `op=add_rule`, `key=`, `list=`, `res=` (`kernel/auditfilter.c`, `audit_log_rule_change`;
    /// `op="remove rule"` before Linux 4.14).
    pub(super) fn record(&mut self, record: &Record<'_>, at: u64) {
        let raw = |key: &[u8]| fields::find(record.body, key).map_or(&b""[..], |field| field.raw);
        if raw(b"res") != b"1" {
            return;
        }
        let removed = match raw(b"op") {
            b"remove_rule" | b"remove rule" => true,
            b"add_rule" | b"add rule" => false,
            _ => return,
        };
        let key =
            fields::find(record.body, b"key").and_then(|key| value::untrusted(&key)).unwrap_or_default();
        let ours = key.split(|byte| *byte == 1).any(|key| key == KEY.as_bytes());
        let changing = self.changing.get_or_insert_with(|| Changing {
            first: at,
            last: at,
            ours: 0,
            any: false,
            back: false,
            after: false,
            auid: String::from_utf8_lossy(raw(b"auid")).into_owned(),
        });
        changing.last = at;
        // Others' rules behind ours have to give their keys: the unit lets ours step back.
        changing.any |= removed || !ours;
        changing.after |= !ours && changing.back;
        match (ours, removed) {
            (true, true) => (changing.ours, changing.back) = (changing.ours + 1, false),
            (true, false) => changing.back = true,
            _ => {}
        }
    }

    /// What is to be said at `now`; `rules` are the detections that need kernel rules.
    pub(super) fn round<'r>(
        &mut self,
        now: u64,
        rules: impl ExactSizeIterator<Item = &'r str>,
    ) -> Option<String> {
        let settled = |c: &Changing| now.abs_diff(c.last) >= SETTLED || now.abs_diff(c.first) >= LONGEST;
        let text = if self.changing.as_ref().is_some_and(settled) {
            self.changing.take().and_then(|changing| self.changed(&changing, rules))
        } else {
            None
        };
        let wanted = self.wanted || self.wish.is_some() && self.blind_since.is_some();
        if wanted && self.wished.is_none_or(|at| now.abs_diff(at) >= WISH_EVERY) {
            self.wanted = false;
            self.wished = Some(now);
            if let Some(path) = &self.wish
                && let Err(error) = fs::write(path, b"")
            {
                return Some(text.unwrap_or_default() + &format!("{}: {error}", path.display()));
            }
        }
        text
    }

    /// Takes how many of the rules that are needed the kernel has not, by the probe; none: it has not said. What is to
    /// be said of it at `now`, once.
    pub(super) fn missing(&mut self, missing: Option<usize>, now: u64) -> Option<String> {
        let rules = missing.filter(|rules| *rules > 0);
        let (Some(rules), Some(_), None) = (rules, &self.wish, self.blind_since) else {
            self.missing = None;
            return None;
        };
        let missing = self.missing.get_or_insert(Missing { since: now, asked: None });
        if now.abs_diff(missing.since) < MISSING
            || missing.asked.is_some_and(|at| now.abs_diff(at) < MISSING_EVERY)
        {
            return None;
        }
        let first = missing.asked.replace(now).is_none();
        self.wanted = true;
        first.then(|| {
            let rules = counted(rules as u64, "needed kernel rule");
            format!(
                "{rules} missing: `auditward status` names the detections that may see nothing; \
                 auditward-kernel-rules.service is asked to load what is missing"
            )
        })
    }

    fn changed<'r>(
        &mut self,
        changing: &Changing,
        rules: impl ExactSizeIterator<Item = &'r str>,
    ) -> Option<String> {
        // Those of others may have been what a detection went by: the unit looks.
        self.wanted |= self.wish.is_some() && (changing.after || changing.any && !changing.back);
        if changing.ours > 0 && !changing.back {
            self.blind_since.get_or_insert(changing.first);
            return Some(self.taken(changing, rules));
        }
        let since = self.blind_since.take_if(|_| changing.back)?;
        let seconds = changing.last.saturating_sub(since).div_ceil(1_000);
        Some(format!("kernel rules are loaded again; what they are for was not seen for {seconds} s"))
    }

    fn taken<'r>(&self, changing: &Changing, rules: impl ExactSizeIterator<Item = &'r str>) -> String {
        let who = match changing.auid.as_str() {
            "" | "4294967295" => "without a login user".to_owned(),
            auid => format!("by login uid {auid}"),
        };
        let (names, more) = named(rules);
        let mut names = names.join("; ");
        if more > 0 {
            names += &format!("; and {more} more");
        }
        let mend = match &self.wish {
            Some(_) => "auditward-kernel-rules.service is asked to load them again",
            None => "load them with `auditward kernel-rules load`",
        };
        format!(
            "{} of the kernel's audit rules with the key {KEY} taken away {who}: these rules may see nothing until they \
             are back: {names}; {mend}",
            changing.ours
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::audit::RecordType;

    const NAMES: [&str; 2] = ["First", "Second"];

    fn change(removals: &mut RuleRemovals, at: u64, text: &str) {
        let line = format!("type=CONFIG_CHANGE msg=audit({}.{:03}:7): {text}", at / 1000, at % 1000);
        let record = Record::from_log_line(line.as_bytes()).unwrap();
        assert_eq!(record.kind, RecordType::CONFIG_CHANGE);
        removals.record(&record, at);
    }

    fn round(removals: &mut RuleRemovals, now: u64) -> Option<String> {
        removals.round(now, NAMES.into_iter())
    }

    #[test]
    fn what_is_taken_away_is_told_once_and_asked_for_at_most_once_a_minute() {
        let folder = tempfile::tempdir().unwrap();
        let wish = folder.path().join("reload-rules");
        let mut removals = RuleRemovals::new(Some(wish.clone()));
        let start = 1_790_000_000_000;
        let gone = r#"auid=1000 ses=2 subj=unconfined op=remove_rule key="auditward" list=4 res=1"#;
        change(&mut removals, start, gone);
        change(&mut removals, start + 10, gone);
        assert_eq!(round(&mut removals, start + 100), None, "whoever does it may not have ended");
        assert!(!wish.exists());
        let text = round(&mut removals, start + 2_000).unwrap();
        assert_eq!(
            text,
            "2 of the kernel's audit rules with the key auditward taken away by login uid 1000: these rules may see \
             nothing until they are back: First; Second; auditward-kernel-rules.service is asked to load them again"
        );
        assert!(wish.exists());
        assert_eq!(round(&mut removals, start + 3_000), None, "once");

        let back = r#"auid=4294967295 ses=4294967295 op=add_rule key="auditward" list=4 res=1"#;
        change(&mut removals, start + 3_500, back);
        let text = round(&mut removals, start + 6_000).unwrap();
        assert_eq!(text, "kernel rules are loaded again; what they are for was not seen for 4 s");

        fs::remove_file(&wish).unwrap();
        change(&mut removals, start + 10_000, gone);
        assert!(round(&mut removals, start + 12_000).unwrap().starts_with("1 of"));
        assert!(!wish.exists(), "within the minute");
        assert_eq!(round(&mut removals, start + 62_000), None);
        assert!(wish.exists(), "after it");
    }

    #[test]
    fn it_is_asked_for_every_minute_until_they_are_back() {
        let folder = tempfile::tempdir().unwrap();
        let wish = folder.path().join("reload-rules");
        let mut removals = RuleRemovals::new(Some(wish.clone()));
        change(&mut removals, 10_000, r#"auid=1000 ses=2 op=remove_rule key="auditward" list=4 res=1"#);
        let mut told = Vec::new();
        let mut asked = Vec::new();
        for now in (10_000..200_000).step_by(1_000) {
            told.extend(round(&mut removals, now));
            // The unit is not there to take the file away; a touch makes it anew.
            asked.extend(fs::remove_file(&wish).is_ok().then_some(now));
        }
        assert_eq!(asked, [12_000, 72_000, 132_000, 192_000]);
        assert_eq!(told.len(), 1, "{told:?}");
        change(&mut removals, 200_000, r#"auid=0 ses=2 op=add_rule key="auditward" list=4 res=1"#);
        let text = round(&mut removals, 202_000).unwrap();
        assert_eq!(text, "kernel rules are loaded again; what they are for was not seen for 190 s");
        assert_eq!(round(&mut removals, 300_000), None);
        assert!(!wish.exists(), "they are back");
    }

    /// Those that were away before the daemon started, or whose removal was lost.
    #[test]
    fn rules_whose_removal_no_record_told_are_asked_for() {
        let folder = tempfile::tempdir().unwrap();
        let wish = folder.path().join("reload-rules");
        let mut removals = RuleRemovals::new(Some(wish.clone()));
        let mut look = |missing, now| {
            let text = removals.missing(missing, now);
            assert_eq!(round(&mut removals, now), None);
            (text, fs::remove_file(&wish).is_ok())
        };
        assert_eq!(look(None, 10_000), (None, false), "the probe has not said");
        assert_eq!(look(Some(3), 10_000), (None, false), "they are about to be loaded, as at a boot");
        assert_eq!(look(Some(0), 60_000), (None, false), "they were");
        assert_eq!(look(Some(2), 100_000), (None, false));
        let (text, asked) = look(Some(2), 160_000);
        assert_eq!(
            text.unwrap(),
            "2 needed kernel rules missing: `auditward status` names the detections that may see nothing; \
             auditward-kernel-rules.service is asked to load what is missing"
        );
        assert!(asked);
        assert_eq!(look(Some(2), 400_000), (None, false), "the kernel may refuse them");
        assert_eq!(look(Some(2), 1_060_000), (None, true), "a quarter of an hour later, and said once");
        assert_eq!(look(Some(0), 1_070_000), (None, false));
        assert_eq!(look(Some(1), 1_080_000), (None, false), "another time");
        assert!(look(Some(1), 1_140_000).0.unwrap().starts_with("1 needed kernel rule missing: "));
    }

    #[test]
    fn where_nobody_would_load_them_missing_ones_are_left_to_the_start_and_the_status() {
        let mut removals = RuleRemovals::new(None);
        assert_eq!(removals.missing(Some(2), 10_000), None);
        assert_eq!(removals.missing(Some(2), 900_000), None);
    }

    #[test]
    fn others_rules_are_no_loss_of_ours_but_the_unit_looks() {
        for op in ["remove_rule", "add_rule"] {
            let folder = tempfile::tempdir().unwrap();
            let wish = folder.path().join("reload-rules");
            let mut removals = RuleRemovals::new(Some(wish.clone()));
            change(&mut removals, 10_000, &format!(r#"auid=0 ses=1 op={op} key="identity" list=4 res=1"#));
            assert_eq!(round(&mut removals, 12_000), None);
            assert!(wish.exists(), "{op}");
        }
    }

    #[test]
    fn rules_of_ours_that_come_or_step_behind_others_ask_for_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let wish = folder.path().join("reload-rules");
        let mut removals = RuleRemovals::new(Some(wish.clone()));
        for (at, op) in [(10_000, "add_rule"), (10_001, "remove_rule"), (10_002, "add_rule")] {
            change(&mut removals, at, &format!(r#"auid=0 ses=1 op={op} key="auditward" list=4 res=1"#));
        }
        assert_eq!(round(&mut removals, 12_000), None);
        assert!(!wish.exists());
    }

    /// All within one look: everything removed, ours loaded again, and then a file of others'.
    #[test]
    fn others_rules_right_behind_ours_that_came_back_ask_for_a_look() {
        for (others, asks) in
            [(["identity", "auditward", "identity"], true), (["identity", "identity", "auditward"], false)]
        {
            let folder = tempfile::tempdir().unwrap();
            let wish = folder.path().join("reload-rules");
            let mut removals = RuleRemovals::new(Some(wish.clone()));
            change(&mut removals, 10_000, r#"auid=0 ses=1 op=remove_rule key="auditward" list=4 res=1"#);
            for (at, key) in (10_100..).step_by(100).zip(others) {
                change(&mut removals, at, &format!(r#"auid=0 ses=1 op=add_rule key="{key}" list=4 res=1"#));
            }
            assert_eq!(round(&mut removals, 12_000), None);
            assert_eq!(wish.exists(), asks, "{others:?}");
        }
    }

    #[test]
    fn what_failed_or_is_put_back_at_once_is_no_loss() {
        let mut removals = RuleRemovals::new(None);
        change(&mut removals, 10_000, r#"auid=0 ses=1 op=remove_rule key="auditward" list=4 res=0"#);
        assert_eq!(round(&mut removals, 20_000), None);
        change(&mut removals, 30_000, r#"auid=0 ses=1 op=remove_rule key="auditward" list=4 res=1"#);
        change(&mut removals, 30_100, r#"auid=0 ses=1 op=add_rule key="auditward" list=4 res=1"#);
        assert_eq!(round(&mut removals, 40_000), None);
    }

    #[test]
    fn several_keys_the_old_word_and_no_unit_to_ask() {
        let mut removals = RuleRemovals::new(None);
        // "identity", 0x01, "auditward", in the kernel's hexadecimal.
        let keys = "6964656E7469747901617564697477617264";
        change(
            &mut removals,
            10_000,
            &format!(r#"auid=4294967295 ses=4294967295 op="remove rule" key={keys} list=4 res=1"#),
        );
        let text = round(&mut removals, 15_000).unwrap();
        assert!(text.contains("taken away without a login user"), "{text}");
        assert!(text.ends_with("load them with `auditward kernel-rules load`"), "{text}");
    }
}
