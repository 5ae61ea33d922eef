//! Whether a write to an account file has had an effect that counts.

use super::change::{Aspect, Change, Kind, changes};
use super::read::Readout;
use super::source::Source;
use super::state::State;
use super::watch::Written;

/// Whether `source`, which was written as `written` says since `before` was read, gives nobody more than before: all
/// of it is known, it is the only thing that it said since, and no difference counts. What is not sure counts.
///
/// Of /etc/shadow and the like nothing is known but whether a password is empty, so that no write to them is without
/// effect; nor one to a file with a password hash in it.
#[must_use]
pub fn is_without_effect(source: &Source, before: &State, readout: &Readout, written: Written) -> bool {
    let (was, is) = (files(before, source), files(&readout.state, source));
    let (Some(was), Some(is)) = (was, is) else { return false };
    let known = !is.partial && !is.nul && !is.hashes && !was.partial && is.malformed == was.malformed;
    let read = !readout.unsettled && readout.unreadable.is_empty();
    let differences = changes(before, &readout.state);
    known && read && written.is_once() && differences.iter().all(|change| is_harmless(change, &readout.state))
}

fn files<'s>(state: &'s State, source: &Source) -> Option<&'s super::state::Files> {
    state.known.get(source)?.as_ref()
}

/// Whether it gives nobody more than before.
fn is_harmless(change: &Change, after: &State) -> bool {
    let shared = || {
        let uid = change.uid_now();
        after.users.values().filter(|user| user.what.uid == uid).count() > 1
    };
    !change.is_privileged()
        && match (change.aspect, change.kind) {
            (_, Kind::Removed) => true,
            (Aspect::User | Aspect::Uid, _) => change.uid_now().is_some() && !shared(),
            (Aspect::Gid | Aspect::Shell, _) => !change.is_of_system(),
            (Aspect::Group | Aspect::GroupId, _) => true,
            // Where keys are looked for; a password that was another before; what is not looked into.
            (Aspect::Home | Aspect::Password | Aspect::Member | Aspect::Sudoers | Aspect::Sources, _) => {
                false
            }
        }
}

#[cfg(test)]
mod tests {
    use super::super::read;
    use super::*;

    const PASSWD: &str = "root:x:0:0:root:/root:/bin/bash\ndaemon:x:1:1::/usr/sbin:/usr/sbin/nologin\n\
                          alice:x:1000:1000::/home/alice:/bin/sh\nbob:x:1001:1001::/home/bob:/bin/sh\n";
    const GROUP: &str = "root:x:0:\nsudo:x:27:alice\nusers:x:100:\n";
    const ONCE: Written = Written { directory: 1, file: 1, unsure: false, open: false };

    /// Whether /etc/passwd (/etc/group) is without effect when `from` was replaced by `to` in both.
    fn judged(from: &str, to: &str) -> [bool; 2] {
        judged_as(from, to, ONCE)
    }

    fn judged_as(from: &str, to: &str, written: Written) -> [bool; 2] {
        let root = tempfile::tempdir().expect("a directory");
        std::fs::create_dir(root.path().join("etc")).expect("a directory");
        let write = |name: &str, text: &str| std::fs::write(root.path().join(name), text).expect("a file");
        write("etc/passwd", PASSWD);
        write("etc/group", GROUP);
        let before = read(root.path(), &State::default());
        write("etc/passwd", &PASSWD.replace(from, to));
        write("etc/group", &GROUP.replace(from, to));
        let after = read(root.path(), &before.state);
        [Source::Passwd, Source::Group]
            .map(|source| is_without_effect(&source, &before.state, &after, written))
    }

    #[test]
    fn comments_ordinary_accounts_and_removals_are_without_effect() {
        for (from, to) in [
            ("nothing", "nothing"),
            ("bob:x:1001:1001::", "bob:x:1001:1001:Bob:"),
            ("alice:x", "carol:x:1002:100::/home/carol:/bin/sh\nalice:x"),
            ("bob:x:1001:1001::/home/bob:/bin/sh\n", ""),
            ("bob:x:1001:", "bob:x:1005:"),
            ("/home/bob:/bin/sh", "/home/bob:/bin/zsh"),
            ("sudo:x:27:alice", "sudo:x:27:"),
            ("users:x:100:", "users:x:100:bob"),
        ] {
            assert_eq!(judged(from, to), [true, true], "{from} → {to}");
        }
    }

    #[test]
    fn what_gives_somebody_more_or_may_has_an_effect() {
        for (from, to) in [
            ("bob:x:1001:", "bob:x:0:"),
            ("alice:x", "eve:x:0:0::/:/bin/sh\nalice:x"),
            // The account of somebody else, by its number.
            ("alice:x", "eve:x:1000:100::/:/bin/sh\nalice:x"),
            ("bob:x:1001:", "bob:x:1000:"),
            // Where root's keys are looked for, and anybody's.
            (":/root:", ":/tmp:"),
            ("/home/bob", "/tmp"),
            ("/usr/sbin/nologin", "/bin/sh"),
            // A password in the file itself, in place of the one in shadow; none at all.
            ("root:x:0:0", "root:$y$j9T$abc:0:0"),
            ("bob:x:1001", "bob::1001"),
            ("users:x", "users:$y$j9T$abc"),
            ("sudo:x:27:alice", "sudo:x:27:alice,bob"),
            ("bob:x:1001:1001", "bob:x:1001:27"),
            // Lines of which the C library or NIS makes what it likes.
            ("alice:x", "+eve::::::\nalice:x"),
            ("alice:x", "eve:x:zero:0::/:/bin/sh\nalice:x"),
            ("alice:x", "\0\nalice:x"),
        ] {
            assert!(judged(from, to).contains(&false), "{from} → {to}");
        }
        assert!(!judged("bob:x:1001:", "bob:x:0:")[0]);
    }

    #[test]
    fn only_what_was_read_as_it_was_left_is_judged() {
        let judged = |written| judged_as("nothing", "nothing", written)[0];
        assert!(judged(ONCE));
        assert!(
            judged(Written { directory: 1, file: 0, unsure: false, open: false }),
            "put in place of another"
        );
        assert!(judged(Written { directory: 0, file: 1, unsure: false, open: false }), "by another name");
        // Something stood there that nobody has read, or still may.
        assert!(!judged(Written { directory: 2, file: 1, unsure: false, open: false }));
        assert!(!judged(Written { directory: 1, file: 2, unsure: false, open: false }));
        assert!(!judged(Written { directory: 1, file: 1, unsure: true, open: false }));
        assert!(!judged(Written { directory: 1, file: 1, unsure: false, open: true }));
        assert!(!judged(Written::default()));
    }

    #[test]
    fn the_first_look_judges_nothing() {
        let root = tempfile::tempdir().expect("a directory");
        std::fs::create_dir(root.path().join("etc")).expect("a directory");
        std::fs::write(root.path().join("etc/passwd"), PASSWD).expect("a file");
        let first = read(root.path(), &State::default());
        assert!(!is_without_effect(&Source::Passwd, &State::default(), &first, ONCE));
        std::fs::remove_file(root.path().join("etc/passwd")).expect("removed");
        let gone = read(root.path(), &first.state);
        assert!(!is_without_effect(&Source::Passwd, &first.state, &gone, ONCE), "it cannot be read");
    }
}
