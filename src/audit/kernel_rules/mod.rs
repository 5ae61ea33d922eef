//! The kernel's audit rules: which ones the loaded detection rules need, which are loaded, and how the
//! first become the second.
//!
//! Under [`Profile::Minimal`] a rule is as narrow as can be: executions of a program by its path
//! (`-F path=`; the kernel keeps such rules in a table by inode, so that a thousand of them cost a system call
//! that touches none of the programs nothing, and it follows the path: a package upgrade that puts a new file
//! in its place is seen), files by watches, other system calls of a program by its binary (`-F exe=`), and
//! whatever is called seldom (setuid, `init_module`, …) of everybody.
//!
//! Nothing here knows of detection rules: what they need is told by [`Needs`].

mod apply;
mod arch;
pub mod cost;
pub mod lines;
mod loaded;
mod programs;
mod rule;
mod scoped;
pub mod switch;

use std::fmt;

pub use apply::{Loading, RuleTable, advice, load, load_ring, missing, unload};
pub use arch::Abi;
pub use loaded::LoadedRule;
pub use programs::{Program, ProgramName, Programs};
pub use rule::{Access, Rule, Scope, What};
pub use scoped::{ActNeed, Of, PathName, Recorded};

/// The key of every rule that is ours.
pub const KEY: &str = "auditward";

/// What the detection rules need to see.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Needs {
    /// The programs that the rules can name by `process.name`.
    pub programs: Vec<ProgramName>,
    /// Names of the rules that may match an execution of any program at all.
    pub every_exec: Vec<String>,
    /// What else.
    pub acts: Vec<ActNeed>,
}

/// How much is recorded.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Profile {
    /// Executions of the programs that the detection rules can name, by the paths that exist here; the
    /// files, and the calls of programs, that they can name; what is called seldom.
    #[default]
    Minimal,
    /// Every execution, and whatever else the detection rules need, of whomever.
    All,
}

/// What to do for detection rules that need more.
const MORE: &str = "# To see what recording every execution costs here: auditward kernel-rules cost\n\
                    # To record it: auditward kernel-rules load --profile all";

/// The kernel rules for some detection rules on some host.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Plan {
    /// The profile that `rules` follows: the one asked for. No rule file ever widens it.
    pub profile: Profile,
    /// The detection rules that are blind under this profile: they may match any program, and only some are
    /// recorded.
    pub blind: Vec<String>,
    /// The rules: executions, program by program, then the others.
    pub rules: Vec<Rule>,
    /// What stands beside the watches among them for io_uring: loaded over netlink alone, never written into a file.
    pub ring: Vec<Rule>,
    /// What profile minimal cannot record, and for which rules: `connect of any program: A, B`.
    pub left_out: Vec<String>,
    /// Files and directories that a detection rule names and that cannot be watched, as they are not here.
    pub no_paths: Vec<String>,
    /// The programs found.
    pub programs: Programs,
}

impl Plan {
    /// What `needs` come to under `profile`, with the ABIs and programs of this host.
    #[must_use]
    pub fn of_this_host(needs: &Needs, profile: Profile) -> Self {
        Self::new(needs, profile, &Abi::of_this_host(), &programs::STANDARD_DIRECTORIES)
    }

    /// What `needs` come to under `profile`; programs are looked for in `directories`.
    #[must_use]
    pub fn new(needs: &Needs, profile: Profile, abis: &[Abi], directories: &[&str]) -> Self {
        let every = profile == Profile::All;
        let blind = if every { Vec::new() } else { needs.every_exec.clone() };
        let programs = if every { Programs::default() } else { Programs::find(&needs.programs, directories) };
        let paths = programs.found.iter().map(|p| Some(p.path.clone()));
        let paths: Vec<_> = if every { vec![None] } else { paths.collect() };
        let mut rules: Vec<Rule> = paths
            .into_iter()
            .flat_map(|program| abis.iter().map(move |&abi| Rule::executions(abi, program.clone())))
            .collect();
        let scoped = scoped::Scoped::of(&needs.acts, profile, directories);
        rules.extend(scoped.rules(abis));
        let (left_out, no_paths) = (scoped.left_out(), scoped.absent);
        // The filter last: a kernel that has none refuses it.
        let mut ring: Vec<Rule> = rules.iter().flat_map(|rule| Rule::ring_of(rule, abis)).collect();
        ring.sort_by_key(|rule| rule.what == What::Ring);
        Self { profile, blind, rules, ring, left_out, no_paths, programs }
    }
}

impl fmt::Display for Plan {
    /// A file for `/etc/audit/rules.d`, with comments that say what it is and what it gives up.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.profile {
            Profile::All => {
                writeln!(f, "# auditward kernel rules, profile all: every execution is recorded.")?
            }
            Profile::Minimal => writeln!(
                f,
                "# auditward kernel rules, profile minimal: executions of the programs that the detection \
                 rules\n# can name, by the paths that exist on this host. Not recorded, and so not seen:\n\
                 # - a copy of such a program under another path, made by whatever means;\n\
                 # - such a program in a folder that is not searched here, or in a container's or\n\
                 #   chroot's own file system;\n\
                 # - one that is installed later (print or load again after installing).\n\
                 # `--profile all` records these too."
            )?,
        }
        if !self.blind.is_empty() {
            let names = self.blind.join(", ");
            writeln!(
                f,
                "# Not live under this profile, because they may match any program: {names}\n{MORE}"
            )?;
        }
        for (name, path) in &self.programs.aliases {
            writeln!(f, "# {name} is a link to {path} here, and its executions are called by that name.")?;
        }
        if !self.programs.absent.is_empty() {
            writeln!(
                f,
                "# Named by a detection rule and not found here: {}",
                self.programs.absent.join(", ")
            )?;
        }
        for path in &self.programs.unwritable {
            writeln!(f, "# No rule can be written for {path}: it has a blank or a byte that is no text.")?;
        }
        if !self.no_paths.is_empty() {
            let paths = self.no_paths.join(", ");
            writeln!(
                f,
                "# Files and directories that a detection rule names and that are not here: {paths}"
            )?;
        }
        for left_out in &self.left_out {
            writeln!(f, "# Only under --profile all: {left_out}")?;
        }
        writeln!(
            f,
            "# If broad rules of yours (-S openat, -S connect) record auditward's own calls, put this before them:\n\
             # -a never,exit -F arch=b64 -S all -F exe=/usr/bin/auditward"
        )?;
        self.rules.iter().try_for_each(|rule| writeln!(f, "{rule}"))?;
        if !self.ring.is_empty() {
            writeln!(
                f,
                "# For changes by io_uring. No lines for a file, since an older auditctl stops at them and leaves out\n\
                 # all that follow: `auditward kernel-rules load` and auditward-kernel-rules.service load them, the\n\
                 # filter io_uring where the kernel has it (Linux 5.16)."
            )?;
        }
        self.ring.iter().try_for_each(|rule| writeln!(f, "# netlink only: {rule}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn abis() -> Vec<Abi> {
        Abi::of("x86_64", true)
    }

    #[test]
    fn all_is_two_rules_on_a_host_with_two_abis() {
        let plan = Plan::new(&Needs::default(), Profile::All, &abis(), &[]);
        let lines: Vec<String> = plan.rules.iter().map(ToString::to_string).collect();
        assert_eq!(
            lines,
            [
                "-a always,exit -F arch=b64 -S execve,execveat -F key=auditward",
                "-a always,exit -F arch=b32 -S execve,execveat -F key=auditward",
            ]
        );
    }

    #[test]
    fn a_rule_that_needs_every_execution_is_named_and_widens_nothing() {
        let needs = Needs { every_exec: vec!["Any Program".to_owned()], ..Needs::default() };
        let plan = Plan::new(&needs, Profile::Minimal, &abis(), &[]);
        assert_eq!((plan.profile, plan.rules.len()), (Profile::Minimal, 0));
        let text = plan.to_string();
        assert!(text.contains("they may match any program: Any Program\n"), "{text}");
        assert!(text.contains("auditward kernel-rules cost\n"), "{text}");
        let all = Plan::new(&needs, Profile::All, &abis(), &[]);
        assert_eq!((all.blind.len(), all.rules.len()), (0, 2));
    }
}
