//! The account files of a copied tree: what is read, what is told of a change, and what odd files do.
#![allow(clippy::expect_used, clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use auditward::account::{Change, Kind, Metadata, Outcome, Password, State, Writer, changes, document, read};
use auditward::event::Host;
use jiff::Timestamp;
use proptest::prelude::*;
use serde_json::{Map, Value, json};
use tempfile::TempDir;

const PASSWD: &str = "root:x:0:0:root:/root:/bin/bash\ndaemon:x:1:1::/usr/sbin:/usr/sbin/nologin\n\
                      bob:x:1001:1001::/home/bob:/bin/sh\n";
const GROUP: &str = "root:x:0:\nsudo:x:27:alice\nusers:x:100:bob\n";

/// A tree of account files.
struct Tree {
    root: TempDir,
    state: State,
}

impl Tree {
    fn new() -> Self {
        let tree = Self { root: tempfile::tempdir().expect("a directory"), state: State::default() };
        tree.write("etc/passwd", PASSWD);
        tree.write("etc/group", GROUP);
        tree
    }

    /// The same, looked at once.
    fn known() -> Self {
        let mut tree = Self::new();
        tree.look();
        tree
    }

    fn write(&self, path: &str, text: impl AsRef<[u8]>) {
        let path = self.root.path().join(path);
        fs::create_dir_all(path.parent().expect("a parent")).expect("a directory");
        fs::write(path, text).expect("a file");
    }

    fn append(&self, path: &str, text: &str) {
        let before = fs::read(self.root.path().join(path)).expect("a file");
        self.write(path, [&before, text.as_bytes()].concat());
    }

    /// What is different since the last look.
    fn look(&mut self) -> Vec<Change> {
        let readout = read(self.root.path(), &self.state);
        let told = changes(&self.state, &readout.state);
        self.state = readout.state;
        told
    }

    fn sentences(&mut self) -> Vec<String> {
        self.look().iter().map(Change::sentence).collect()
    }
}

/// The sentences of those that give somebody more than he had.
fn grave(changes: &[Change]) -> Vec<String> {
    changes.iter().filter(|change| change.is_privileged()).map(Change::sentence).collect()
}

#[test]
fn the_first_look_tells_roots_beside_root_and_lists_members() {
    let mut tree = Tree::new();
    tree.append("etc/passwd", "toor:x:0:0::/root:/bin/sh\n");
    let found = tree.look();
    assert!(found.iter().all(|change| change.kind == Kind::Found));
    let told: Vec<String> = found.iter().map(Change::sentence).collect();
    assert_eq!(
        told,
        [
            "account toor has UID 0, in /etc/passwd line 4",
            "account alice is a member of sudo, in /etc/group line 2"
        ]
    );
    assert_eq!(tree.look(), [], "once");
}

#[test]
fn every_way_to_uid_0_is_told_with_the_account() {
    let append = |line: &'static str| move |tree: &Tree| tree.append("etc/passwd", line);
    type Act = Box<dyn Fn(&Tree)>;
    let ways: [(Act, &str); 10] = [
        (
            Box::new(|tree: &Tree| tree.write("etc/passwd", PASSWD.replace(":1001:1001:", ":0:1001:"))),
            "account bob has UID 0 now, had 1001, in /etc/passwd line 3",
        ),
        (
            Box::new(append("eve:x:0:0::/:/bin/sh\n")),
            "account eve was added with UID 0, in /etc/passwd line 4",
        ),
        (Box::new(append("eve:x:00:5")), "account eve was added with UID 0, in /etc/passwd line 4"),
        // The second line of a name: getpwnam(3) gives the first, getpwuid(3) and login by number do not.
        (
            Box::new(append("bob:x:0:0::/:/bin/sh\n")),
            "account bob was added with UID 0, in /etc/passwd line 4",
        ),
        (
            Box::new(append(":x:0:0::/:/bin/sh\n")),
            "account without a name was added with UID 0, in /etc/passwd line 4",
        ),
        (Box::new(append("+eve:x:0:0:::\n")), "account +eve was added with UID 0, in /etc/passwd line 4"),
        (
            Box::new(|tree: &Tree| tree.write("var/lib/extrausers/passwd", "eve:x:0:0::/:/bin/sh\n")),
            "account eve was added with UID 0, in /var/lib/extrausers/passwd line 1",
        ),
        (
            Box::new(|tree: &Tree| tree.write("etc/userdb/eve.user", r#"{"userName":"eve","uid":0}"#)),
            "account eve was added with UID 0, in /etc/userdb/eve.user",
        ),
        (Box::new(append("eve:*:0:0:::\n")), "account eve was added with UID 0, in /etc/passwd line 4"),
        (
            Box::new(append("root:x:1002:1002::/:/bin/sh\n")),
            "account root was added with UID 1002, in /etc/passwd line 4",
        ),
    ];
    for (act, sentence) in ways {
        let mut tree = Tree::known();
        act(&tree);
        assert_eq!(grave(&tree.look()), [sentence]);
        assert_eq!(tree.look(), [], "once: {sentence}");
    }
}

#[test]
fn what_else_gives_somebody_more_is_told() {
    let mut tree = Tree::known();
    tree.write("etc/passwd", PASSWD.replace("/usr/sbin/nologin", "/bin/bash").replace("bob:x:", "bob::"));
    tree.write("etc/group", GROUP.replace("alice", "alice,bob"));
    assert_eq!(
        grave(&tree.look()),
        [
            "the password of account bob (UID 1001) is empty now, was elsewhere, in /etc/passwd line 3",
            "account daemon (UID 1) has the shell /bin/bash now, had /usr/sbin/nologin, in /etc/passwd line 2",
            "account bob became a member of sudo, in /etc/group line 2",
        ]
    );
    // So is a new account that needs none; one without a shell is nobody's gain.
    tree.write("etc/passwd", PASSWD.to_owned() + "eve::1002:1002:::\n");
    let told = grave(&tree.look());
    assert_eq!(told, ["the password of account eve (UID 1002) is empty, in /etc/passwd line 4"]);
    // The primary group counts, and a drop-in of systemd's.
    tree.write("etc/passwd", PASSWD.replace(":1001:1001:", ":1001:27:"));
    tree.write("etc/group", GROUP);
    tree.write("run/userdb/daemon:sudo.membership", "");
    let told = grave(&tree.look());
    assert_eq!(told, ["account daemon became a member of sudo, in /run/userdb/daemon:sudo.membership"]);
}

#[test]
fn ordinary_work_gives_nobody_more() {
    let mut tree = Tree::known();
    tree.write(
        "etc/passwd",
        PASSWD.replace("root:x:0:0:root", "root:x:0:0:the boss") + "carol:x:1002:1002::/home/carol:/bin/sh\n",
    );
    tree.write("etc/group", GROUP.to_owned() + "carol:x:1002:\nusers2:x:101:bob\n");
    let told = tree.look();
    assert_eq!(grave(&told), [""; 0]);
    let told: Vec<String> = told.iter().map(Change::sentence).collect();
    assert_eq!(
        told,
        [
            "account carol was added with UID 1002, in /etc/passwd line 4",
            "group carol was added with GID 1002, in /etc/group line 4",
            "group users2 was added with GID 101, in /etc/group line 5",
        ]
    );
    tree.write("etc/passwd", PASSWD);
    assert_eq!(tree.sentences(), ["account carol with UID 1002 was removed, in /etc/passwd line 4"]);
}

#[test]
fn a_file_that_cannot_be_read_leaves_what_was_known() {
    let mut tree = Tree::known();
    let passwd = tree.root.path().join("etc/passwd");
    fs::remove_file(&passwd).expect("removed");
    let readout = read(tree.root.path(), &tree.state);
    assert_eq!(readout.state, tree.state);
    assert_eq!(readout.unreadable.len(), 1);
    assert!(readout.unreadable[0].starts_with("/etc/passwd: "), "{:?}", readout.unreadable);
    // Nor does a pipe in its place make anybody wait, or a directory.
    nix::unistd::mkfifo(&passwd, nix::sys::stat::Mode::S_IRWXU).expect("a pipe");
    assert_eq!(tree.look(), []);
    fs::remove_file(&passwd).expect("removed");
    fs::create_dir(&passwd).expect("a directory");
    assert_eq!(tree.look(), []);
    fs::remove_dir(&passwd).expect("removed");
    tree.write("etc/passwd", PASSWD.to_owned() + "eve:x:0:0::/:\n");
    assert_eq!(tree.sentences(), ["account eve was added with UID 0, in /etc/passwd line 4"]);
}

#[test]
fn a_file_that_could_not_be_read_at_first_is_a_baseline_later() {
    let mut tree = Tree::new();
    fs::remove_file(tree.root.path().join("etc/passwd")).expect("removed");
    assert_eq!(tree.look().len(), 1, "alice in sudo");
    tree.write("etc/passwd", PASSWD.to_owned() + "eve:x:0:0::/:\n");
    assert_eq!(tree.sentences(), ["account eve has UID 0, in /etc/passwd line 4"]);
}

#[test]
fn an_unfinished_file_is_said_to_be_one() {
    let tree = Tree::known();
    let unsettled = |text: &str| {
        tree.write("etc/passwd", text);
        read(tree.root.path(), &tree.state).unsettled
    };
    assert!(!unsettled(PASSWD));
    assert!(unsettled(""));
    assert!(unsettled(PASSWD.trim_end()));
}

#[test]
fn malformed_lines_and_nul_bytes_are_counted() {
    let tree = Tree::new();
    tree.write("etc/passwd", PASSWD.to_owned() + "no account\neve:x:0x0:0::\nzoe:x:5:5:\0:0:0\n");
    let state = read(tree.root.path(), &State::default()).state;
    let (_, files) = state.files().find(|(source, _)| source.path() == "/etc/passwd").expect("read");
    assert_eq!((files.malformed, files.nul, files.partial), (2, true, false));
    assert_eq!(state.counts(), (4, 3));
}

/// Nothing hides behind a heap of lines: what is kept is bounded, and a UID 0 at the end is seen.
#[test]
fn a_passwd_of_100_mb_is_read_to_its_end_in_bounded_memory() {
    use std::io::Write;
    let mut tree = Tree::known();
    let path = tree.root.path().join("etc/passwd");
    let mut file = std::io::BufWriter::new(fs::File::create(&path).expect("a file"));
    file.write_all(PASSWD.as_bytes()).expect("written");
    for n in 0..1_600_000_u32 {
        writeln!(file, "user{n}:x:{}:{}:Some Body:/home/user{n}:/usr/bin/bash", n + 2000, n + 2000)
            .expect("written");
    }
    file.write_all(b"eve:x:0:0::/:/bin/sh\n").expect("written");
    file.into_inner().expect("flushed");
    assert!(fs::metadata(&path).expect("a file").len() > 100 << 20);
    let told = tree.look();
    assert_eq!(grave(&told), ["account eve was added with UID 0, in /etc/passwd line 1600004"]);
    assert_eq!(told.len(), 1000, "told changes are bounded");
    let (users, _) = tree.state.counts();
    assert!((65_536..66_000).contains(&users), "{users}");
    assert!(tree.state.files().any(|(source, files)| source.path() == "/etc/passwd" && files.partial));
}

#[test]
fn which_sources_are_asked_is_told_by_database() {
    let mut tree = Tree::new();
    tree.write("etc/nsswitch.conf", "passwd: files\nhosts: files dns\n");
    tree.look();
    // What is not about accounts, comments and blanks are no difference.
    tree.write("etc/nsswitch.conf", "# a comment\n\npasswd:\tfiles # none\nhosts: dns\n");
    assert_eq!(tree.look(), []);
    tree.write("etc/nsswitch.conf", "passwd: files extrausers\nhosts: dns\nsudoers: files sss\n");
    let told = tree.look();
    let sentences: Vec<String> = told.iter().map(Change::sentence).collect();
    assert_eq!(
        sentences,
        [
            "the sources are \"passwd: files extrausers\" now, were \"passwd: files\", in /etc/nsswitch.conf line 1",
            "the sources are \"sudoers: files sss\" now, were \"none\", in /etc/nsswitch.conf line 3",
        ]
    );
    assert_eq!(grave(&told), sentences, "a source that was not asked");
    tree.write("etc/nsswitch.conf", "passwd: extrausers files\nsudoers: files sss\n");
    let told = tree.look();
    assert_eq!(told.len(), 1);
    assert_eq!(grave(&told), [""; 0], "another order");
    fs::remove_file(tree.root.path().join("etc/nsswitch.conf")).expect("removed");
    let told = tree.look();
    assert!(told.iter().all(|change| change.kind == Kind::Removed) && told.len() == 2, "{told:?}");
    let event = document(&told[0], Timestamp::UNIX_EPOCH, &Host::recorded(None), &Writer::Unknown);
    assert_eq!(event["event"]["category"], json!(["iam"]));
    assert_eq!(event["event"]["type"], json!(["deletion", "admin"]));
    assert_eq!(event["event"]["action"], "account-sources-changed");
    assert_eq!(event.get("user"), None, "nobody's account");
}

/// A file that cannot be read leaves what was known; one that was not there at the first look is a difference when it comes.
#[test]
fn sources_that_cannot_be_read_are_told_as_such_alone() {
    let mut tree = Tree::new();
    let file = tree.root.path().join("etc/nsswitch.conf");
    fs::create_dir(&file).expect("a directory");
    let readout = read(tree.root.path(), &tree.state);
    assert_eq!(readout.unreadable, ["/etc/nsswitch.conf: it is no plain file"]);
    assert_eq!(readout.looked["/etc/nsswitch.conf"], Outcome::Fault);
    tree.look();
    fs::remove_dir(&file).expect("removed");
    tree.write("etc/nsswitch.conf", "passwd: files evil\n");
    assert_eq!(tree.look(), [], "the first time that it was read");
    fs::remove_file(&file).expect("removed");
    nix::unistd::mkfifo(&file, nix::sys::stat::Mode::S_IRWXU).expect("a pipe");
    assert_eq!(tree.look(), [], "a pipe in its place makes nobody wait");
}

fn of_sudoers(size: u64) -> Metadata {
    Metadata { inode: 7, mode: 0o100_440, size, modified: 1_790_000_100_000_000_000, ..Metadata::default() }
}

#[test]
fn what_the_probe_says_of_sudoers_files_is_compared_by_path() {
    let tree = Tree::known();
    let with = |files: &[(&str, Metadata)]| {
        let mut state = tree.state.clone();
        state.set_sudoers(Some(files.iter().map(|(path, file)| ((*path).into(), *file)).collect()));
        state
    };
    let before = with(&[("/etc/sudoers", of_sudoers(700)), ("/etc/sudoers.d/ops", of_sudoers(22))]);
    let told =
        |after: &State| -> Vec<String> { changes(&before, after).iter().map(Change::sentence).collect() };
    let text = |size| {
        format!(
            "mode 0440, owner 0:0, {size} bytes, modified 2026-09-21T14:15:00Z, inode 7 changed 1970-01-01T00:00:00Z"
        )
    };
    let after = with(&[("/etc/sudoers", of_sudoers(701)), ("/etc/sudoers.d/zz", of_sudoers(9))]);
    assert_eq!(
        told(&after),
        [
            format!("/etc/sudoers was changed: {}; before {}", text(701), text(700)),
            format!("/etc/sudoers.d/zz was added: {}", text(9)),
            format!("/etc/sudoers.d/ops is gone: {}", text(22)),
        ]
    );
    // Put back as it was, with its time set: the kernel's own time of the change tells.
    let touched = Metadata { changed: 1_000_000_000, ..of_sudoers(700) };
    let now = text(700).replace("00:00:00Z", "00:00:01Z");
    assert_eq!(
        told(&with(&[("/etc/sudoers", touched), ("/etc/sudoers.d/ops", of_sudoers(22))])),
        [format!("/etc/sudoers was changed: {now}; before {}", text(700))]
    );
    assert_eq!(changes(&tree.state, &before), [], "what was not known before is no change");
    let mut kept = before.clone();
    kept.set_sudoers(None);
    assert_eq!(kept, before, "a probe that is away changes nothing");
    // Of the directory only who may write it counts.
    let directory = |mode, size| ("/etc/sudoers.d", Metadata { mode, ..of_sudoers(size) });
    let (was, more) = (with(&[directory(0o40_755, 1)]), with(&[directory(0o40_755, 2)]));
    assert_eq!(changes(&was, &more), []);
    assert_eq!(changes(&was, &with(&[directory(0o40_777, 1)])).len(), 1);
    let event = document(
        &changes(&before, &after)[1],
        Timestamp::UNIX_EPOCH,
        &Host::recorded(None),
        &Writer::Unknown,
    );
    assert_eq!(event["event"]["action"], "sudoers-changed");
    assert_eq!(event["event"]["type"], json!(["creation", "admin"]));
    assert_eq!(event["auditward"]["account"]["file"], "/etc/sudoers.d/zz");
    assert_eq!(event["auditward"]["account"]["to"], json!(text(9)));
}

/// Far more drop-ins than anybody has, links in a circle, and one that is a pipe, a directory or too large: handled, and told.
#[test]
fn odd_drop_ins_are_handled_and_told() {
    let mut tree = Tree::known();
    let folder = tree.root.path().join("etc/userdb");
    for n in 0..10_000 {
        tree.write(
            &format!("etc/userdb/u{n:05}.user"),
            format!(r#"{{"userName":"u{n:05}","uid":{}}}"#, n + 2_000),
        );
    }
    tree.write("etc/userdb/u05000.user", r#"{"userName":"u05000","uid":0}"#);
    let readout = read(tree.root.path(), &tree.state);
    assert_eq!(readout.state.counts().0, 3 + 10_000);
    assert!(readout.state.roots().any(|name| name.as_bytes() == b"u05000"));
    assert_eq!(readout.unreadable, [""; 0]);
    // Beyond the bound they are told.
    for n in 10_000..16_400 {
        fs::hard_link(folder.join("u00000.user"), folder.join(format!("u{n:05}.user"))).expect("a link");
    }
    let readout = read(tree.root.path(), &tree.state);
    assert_eq!(readout.state.counts().0, 3 + 16_384);
    assert_eq!(readout.unreadable, ["/etc/userdb: more than 16384 drop-ins: 16 are left out"]);
    assert_eq!(readout.looked["/etc/userdb"], Outcome::Fault);
    fs::remove_dir_all(&folder).expect("removed");

    fs::create_dir(&folder).expect("a directory");
    std::os::unix::fs::symlink("b.user", folder.join("a.user")).expect("a link");
    std::os::unix::fs::symlink("a.user", folder.join("b.user")).expect("a link");
    nix::unistd::mkfifo(&folder.join("pipe.user"), nix::sys::stat::Mode::S_IRWXU).expect("a pipe");
    fs::create_dir(folder.join("directory.user")).expect("a directory");
    let large = format!(r#"{{"userName":"large","uid":0,"x":"{}"}}"#, "x".repeat(2 << 20));
    tree.write("etc/userdb/large.user", large);
    tree.write("etc/userdb/eve.user", r#"{"userName":"eve","uid":0}"#);
    let readout = read(tree.root.path(), &tree.state);
    let mut unreadable: Vec<_> =
        readout.unreadable.iter().map(|one| one.split(": ").next().unwrap()).collect();
    unreadable.sort_unstable();
    let odd = ["a.user", "b.user", "directory.user", "pipe.user"].map(|name| format!("/etc/userdb/{name}"));
    assert_eq!(unreadable, odd);
    assert!(readout.state.files().any(|(s, files)| s.path() == "/etc/userdb/large.user" && files.partial));
    let told = tree.sentences();
    assert_eq!(
        told,
        ["account eve was added with UID 0, in /etc/userdb/eve.user"],
        "nothing hides behind them"
    );
    assert_eq!(tree.look(), []);

    // The directory itself is a link to itself, then no directory.
    fs::remove_dir_all(&folder).expect("removed");
    std::os::unix::fs::symlink("userdb", &folder).expect("a link");
    assert_eq!(tree.look(), [], "what was known stands");
    fs::remove_file(&folder).expect("removed");
    tree.write("etc/userdb", "no directory");
    assert_eq!(tree.look(), []);
}

/// A file that is made longer all the time is read as far as it was when it was opened, and said to be no whole one.
#[test]
fn a_file_that_grows_while_it_is_read_is_no_whole_one() {
    use std::io::Write;
    use std::sync::atomic::{AtomicBool, Ordering};
    let tree = Tree::known();
    let path = tree.root.path().join("etc/passwd");
    let (grows, ends) = (AtomicBool::new(false), AtomicBool::new(false));
    std::thread::scope(|scope| {
        scope.spawn(|| {
            let mut file = fs::File::options().append(true).open(&path).expect("a file");
            while !ends.load(Ordering::Relaxed) {
                file.write_all(b"user:x:2000:2000:Some Body:/home/user:/usr/bin/bash\n").expect("written");
                grows.store(true, Ordering::Relaxed);
            }
        });
        while !grows.load(Ordering::Relaxed) {
            std::thread::yield_now();
        }
        // However often: it ends, and is told as unsettled as soon as it was seen to grow.
        let seen = (0..10_000).any(|_| read(tree.root.path(), &tree.state).unsettled);
        ends.store(true, Ordering::Relaxed);
        assert!(seen);
    });
}

#[test]
fn what_the_probe_says_of_passwords_is_compared_by_name() {
    let tree = Tree::known();
    let with = |password| {
        let mut state = tree.state.clone();
        state.set_passwords(Some(BTreeMap::from([("bob".into(), password)])));
        state
    };
    let told = changes(&with(Password::Set), &with(Password::Empty));
    let told: Vec<String> = told.iter().map(Change::sentence).collect();
    assert_eq!(told, ["the password of account bob (UID 1001) is empty now, was set, in /etc/shadow"]);
    assert_eq!(changes(&tree.state, &with(Password::Empty)), [], "what was not known before is no change");
    let mut kept = with(Password::Empty);
    kept.set_passwords(None);
    assert_eq!(kept, with(Password::Empty), "a probe that is away changes nothing");
}

#[test]
fn a_state_is_kept_whole_and_a_damaged_one_refused() {
    let tree = Tree::known();
    tree.write("etc/passwd", b"b\xffb:x:7:7::/\xfe:\n");
    tree.write("etc/nsswitch.conf", "passwd: files systemd\n");
    let mut state = read(tree.root.path(), &tree.state).state;
    state.set_passwords(Some(BTreeMap::from([("bob".into(), Password::Locked)])));
    state.set_sudoers(Some(BTreeMap::from([("/etc/sudoers".into(), of_sudoers(700))])));
    let bytes = state.to_bytes();
    assert_eq!(State::from_bytes(&bytes).expect("sound"), state);
    for end in [0, 10, bytes.len() / 2, bytes.len() - 1] {
        assert!(State::from_bytes(&bytes[..end]).is_err(), "{end}");
    }
    let mut other = bytes.clone();
    *other.last_mut().unwrap() ^= 1;
    assert!(State::from_bytes(&other).is_err());
    let text = String::from_utf8(bytes).expect("JSON");
    assert!(State::from_bytes(text.replacen("\"accounts\":1", "\"accounts\":9", 1).as_bytes()).is_err());
}

#[test]
fn a_change_is_an_event_in_ecs_terms() {
    let mut tree = Tree::known();
    tree.write("etc/passwd", PASSWD.replace(":1001:1001:", ":0:1001:"));
    let told = tree.look();
    let host = Host { name: Some("web1".into()), ..Host::recorded(Some("id1")) };
    let time = Timestamp::from_millisecond(1_790_000_100_181).expect("a time");
    let source = json!({
        "process": { "pid": 12, "name": "sed", "executable": "/usr/bin/sed" },
        "user": { "id": "0", "audit": { "id": "1000" }, "target": { "name": "liar" } },
        "auditd": { "session": "4" },
    });
    let Value::Object(source) = source else { panic!("an object") };
    let event = |writer| document(&told[0], time, &host, &writer);
    let one = event(Writer::One(source.clone()));
    assert_eq!(
        Value::Object(one),
        json!({
            "@timestamp": "2026-09-21T14:15:00.181Z",
            "event": {
                "kind": "event", "category": ["iam"], "type": ["change", "user"], "action": "account-uid-changed",
                "outcome": "success", "module": "auditward", "dataset": "auditward.account",
                "reason": "account bob has UID 0 now, had 1001, in /etc/passwd line 3",
            },
            "host": { "id": "id1", "name": "web1" },
            "process": { "pid": 12, "name": "sed", "executable": "/usr/bin/sed" },
            "auditd": { "session": "4" },
            "user": {
                "id": "0", "audit": { "id": "1000" },
                "target": { "name": "bob", "id": "1001" }, "changes": { "id": "0" },
            },
            "auditward": { "account": {
                "file": "/etc/passwd", "line": 3, "from": "1001", "to": "0", "uid": "0", "privileged": true,
                "shadows_root": false, "system": false, "writer": "one", "writers": ["sed (12)"],
            } },
        })
    );
    let own = |event: &Map<String, Value>, key: &str| event["auditward"]["account"].get(key).cloned();
    let several = event(Writer::Several(vec![source.clone(), source]));
    assert_eq!(own(&several, "writers"), Some(json!(["sed (12)", "sed (12)"])));
    assert_eq!(several.get("process"), None, "none of several is named as the one");
    assert_eq!(own(&event(Writer::Unknown), "writer"), Some(json!("unknown")));
}

fn name() -> impl Strategy<Value = String> {
    "[a-d]{1,2}|root"
}

/// Lines of a passwd: sound and odd ones.
fn line() -> impl Strategy<Value = String> {
    let id = || {
        prop_oneof![Just("0".to_owned()), Just("00".to_owned()), (1_u32..2000).prop_map(|n| n.to_string())]
    };
    prop_oneof![
        8 => (name(), id(), id()).prop_map(|(name, uid, gid)| format!("{name}:x:{uid}:{gid}::/:/bin/sh")),
        1 => "[ -~]{0,20}",
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    /// Whatever the files were: each account that has UID 0 afterwards and had not before is told as such,
    /// and nothing is told twice.
    #[test]
    fn who_becomes_root_is_told(before in prop::collection::vec(line(), 0..8), after in prop::collection::vec(line(), 0..8)) {
        let mut tree = Tree::new();
        tree.write("etc/passwd", before.join("\n") + "\n");
        tree.look();
        let count = |state: &State| {
            let mut of: BTreeMap<Vec<u8>, usize> = BTreeMap::new();
            state.roots().for_each(|name| *of.entry(name.as_bytes().to_vec()).or_default() += 1);
            of
        };
        let was = count(&tree.state);
        tree.write("etc/passwd", after.join("\n") + "\n");
        let told = tree.look();
        for (name, now) in count(&tree.state) {
            if now > was.get(&name).copied().unwrap_or(0) {
                let named = |change: &&Change| change.user.as_bytes() == name && change.uid_now() == Some(0);
                prop_assert!(told.iter().filter(|c| c.is_privileged()).any(|c| named(&c)), "{name:?}: {told:?}");
            }
        }
        prop_assert_eq!(tree.look(), vec![]);
    }

    /// Any bytes at all are read, compared, told and kept without a fault.
    #[test]
    fn any_bytes_are_taken(before in prop::collection::vec(any::<u8>(), 0..200), after in prop::collection::vec(any::<u8>(), 0..200)) {
        let mut tree = Tree::new();
        for path in ["etc/passwd", "etc/group", "etc/userdb/x.user", "etc/userdb/y.group"] {
            tree.write(path, &before);
        }
        tree.look();
        tree.write("etc/passwd", &after);
        tree.write("etc/group", &after);
        for change in tree.look() {
            let _ = document(&change, Timestamp::UNIX_EPOCH, &Host::recorded(None), &Writer::Unknown);
            let _ = change.sentence();
        }
        prop_assert_eq!(&State::from_bytes(&tree.state.to_bytes()).expect("sound"), &tree.state);
    }
}

/// The tree is read as it stands on this host, too.
#[test]
fn this_hosts_files_are_read() {
    let readout = read(Path::new("/"), &State::default());
    assert!(readout.state.roots().any(|name| name.as_bytes() == b"root"), "{:?}", readout.unreadable);
}
