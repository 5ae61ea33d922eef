//! Loading and unloading: what is there is left alone, what is added is said, and only what carries
//! our key is ever removed.

use nix::errno::Errno;

use super::{KEY, LoadedRule, Rule};
use crate::audit::control::{Control, ControlError, Status};

/// The kernel's rule table, or one that stands in for it.
pub trait RuleTable {
    /// AUDIT_GET.
    ///
    /// # Errors
    /// See [`ControlError`].
    fn status(&mut self) -> Result<Status, ControlError>;

    /// All loaded rules.
    ///
    /// # Errors
    /// See [`ControlError`].
    fn rules(&mut self) -> Result<Vec<LoadedRule>, ControlError>;

    /// Adds a rule; `false` when it is there already.
    ///
    /// # Errors
    /// See [`ControlError`].
    fn add(&mut self, rule: &Rule) -> Result<bool, ControlError>;

    /// Removes a rule; `false` when it is gone already.
    ///
    /// # Errors
    /// See [`ControlError`].
    fn delete(&mut self, rule: &LoadedRule) -> Result<bool, ControlError>;
}

impl RuleTable for Control {
    fn status(&mut self) -> Result<Status, ControlError> {
        Self::status(self)
    }

    fn rules(&mut self) -> Result<Vec<LoadedRule>, ControlError> {
        Self::rules(self)
    }

    fn add(&mut self, rule: &Rule) -> Result<bool, ControlError> {
        rule.as_loaded().map_or(Ok(false), |rule| self.add_rule(&rule))
    }

    fn delete(&mut self, rule: &LoadedRule) -> Result<bool, ControlError> {
        self.delete_rule(rule)
    }
}

/// What [`load`] did.
#[derive(Debug, Default)]
pub struct Loading {
    /// Rules that were added.
    pub added: Vec<Rule>,
    /// Rules whose work a loaded rule does already, and that rule.
    pub covered: Vec<(Rule, LoadedRule)>,
    /// Rules that were there and stood before a rule of others that asks for some of the same, with another key: they
    /// were removed and added again, behind it.
    pub moved: Vec<Rule>,
    /// Rules that the kernel refused, and why. The others were still tried.
    pub refused: Vec<(Rule, ControlError)>,
    /// The table is locked (`-e 2`): these are missing and can come only with the next boot. Not one
    /// was sent to the kernel.
    pub locked_out: Vec<Rule>,
    /// `-a never,task` is loaded: no program started since then is recorded.
    pub silenced: bool,
    /// `never` rules for system calls, which stand before ours.
    pub shadowing: Vec<LoadedRule>,
}

/// Adds those of `wanted` whose work no loaded rule does, behind all others: the first rule that matches an event gives
/// it its key, and whoever searches by a key of his own is to find what he asked for. For the same reason ours step
/// behind rules of others that were added after them.
///
/// # Errors
/// When the table cannot be read; a single rule that is refused is told in [`Loading`].
pub fn load(table: &mut impl RuleTable, wanted: &[Rule]) -> Result<Loading, ControlError> {
    let locked = table.status()?.locked();
    let loaded = table.rules()?;
    let mut done = Loading {
        silenced: loaded.iter().any(LoadedRule::silences_all_tasks),
        shadowing: loaded.iter().filter(|r| r.silences_system_calls()).cloned().collect(),
        ..Loading::default()
    };
    for rule in wanted {
        if !locked && let Some(ours) = before_others(&loaded, rule) {
            // Not seen for the moment between the two; loading them all anew would take longer.
            table.delete(ours)?;
            match table.add(rule) {
                Ok(_) => done.moved.push(rule.clone()),
                Err(error) => done.refused.push((rule.clone(), error)),
            }
        } else if let Some(by) = covering(&loaded, rule) {
            done.covered.push((rule.clone(), by.clone()));
        } else if locked {
            done.locked_out.push(rule.clone());
        } else {
            match table.add(rule) {
                Ok(true) => done.added.push(rule.clone()),
                // Somebody else was quicker.
                Ok(false) => done.covered.extend(rule.as_loaded().map(|same| (rule.clone(), same))),
                Err(error) => done.refused.push((rule.clone(), error)),
            }
        }
    }
    Ok(done)
}

/// Adds those of `ring` ([`super::Plan`]) whose work no loaded rule does, and gives them. A kernel before Linux 5.16 has no such
/// filter and refuses the first (EINVAL): that is no fault, and the others are not tried.
///
/// # Errors
/// When the table cannot be read, or a rule is refused for another reason.
pub fn load_ring(table: &mut impl RuleTable, ring: &[Rule]) -> Result<Vec<Rule>, ControlError> {
    let mut added = Vec::new();
    if ring.is_empty() || table.status()?.locked() {
        return Ok(added);
    }
    for rule in missing(&table.rules()?, ring) {
        match table.add(&rule) {
            Ok(true) => added.push(rule),
            Ok(false) => {}
            Err(ControlError::Refused { errno: Errno::EINVAL, .. }) => break,
            Err(error) => return Err(error),
        }
    }
    Ok(added)
}

/// Those of `wanted` whose work no loaded rule does.
#[must_use]
pub fn missing(loaded: &[LoadedRule], wanted: &[Rule]) -> Vec<Rule> {
    wanted.iter().filter(|rule| covering(loaded, rule).is_none()).cloned().collect()
}

/// What to tell the administrator when rules are missing: one line with the command that loads them,
/// or, where the table is locked until the next boot, the rules themselves in rules.d syntax.
#[must_use]
pub fn advice(missing: &[Rule], locked: bool) -> Option<String> {
    let rules = match missing {
        [] => return None,
        [_] => "1 kernel rule that the detection rules need is".to_owned(),
        many => format!("{} kernel rules that the detection rules need are", many.len()),
    };
    if !locked {
        return Some(format!(
            "{rules} not loaded, so what they record is not seen; load them with `auditward kernel-rules \
             load`, or start `auditward run` with --load-kernel-rules"
        ));
    }
    let lines: String = missing.iter().map(|rule| format!("{rule}\n")).collect();
    Some(format!(
        "{rules} not loaded, and the kernel's rules are locked (enabled 2) until the next boot. Put these \
         lines into /etc/audit/rules.d/auditward.rules, before the line `-e 2`; they take effect after a \
         reboot:\n{lines}"
    ))
}

/// Removes the rules that have our key and no other, and returns them.
///
/// # Errors
/// When the table cannot be read or a rule cannot be removed; those before it are gone.
pub fn unload(table: &mut impl RuleTable) -> Result<Vec<LoadedRule>, ControlError> {
    let mut removed = Vec::new();
    for rule in table.rules()? {
        if rule.has_only_key(KEY) && table.delete(&rule)? {
            removed.push(rule);
        }
    }
    Ok(removed)
}

/// `rule` as it is loaded with our key, where a rule of others behind it asks for some of the same under another key.
fn before_others<'a>(loaded: &'a [LoadedRule], rule: &Rule) -> Option<&'a LoadedRule> {
    let wanted = rule.as_loaded()?;
    let at = loaded.iter().position(|l| *l == wanted)?;
    let (ours, behind) = loaded.get(at..)?.split_first()?;
    let anothers = |rule: &&LoadedRule| rule.keys().any(|key| key != KEY.as_bytes());
    behind.iter().filter(anothers).any(|other| other.may_meet(ours)).then_some(ours)
}

fn covering<'a>(loaded: &'a [LoadedRule], rule: &Rule) -> Option<&'a LoadedRule> {
    let wanted = rule.as_loaded()?;
    loaded.iter().find(|l| l.covers(&wanted))
}
