//! Problems users of tools like this one reported, at the stage of reading logs: each is a test here.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::fs::{self, File, OpenOptions};
use std::io::Write;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use auditward::audit::follow::{Counters, Follow, Position, Start};
use auditward::audit::log::{Lines, Next, Options};
use auditward::audit::reassembler::Limits;
use auditward::audit::{Reassembler, Record, RecordType};

/// A log that numbered records are written to and that is rotated, as its writer sees it.
struct Log {
    folder: tempfile::TempDir,
    writer: File,
    next: u64,
    /// Inode numbers that files of this log have had.
    inodes: Vec<u64>,
    /// How often a new file was given the inode of a removed one.
    reused: u32,
}

/// Files kept beside the log itself.
const KEPT: u32 = 3;

impl Log {
    fn new(folder: tempfile::TempDir) -> Self {
        let path = folder.path().join("audit.log");
        let writer = OpenOptions::new().create(true).append(true).open(path).unwrap();
        let mut log = Self { folder, writer, next: 0, inodes: Vec::new(), reused: 0 };
        log.note_inode();
        log
    }

    fn path(&self) -> PathBuf {
        self.folder.path().join("audit.log")
    }

    fn rotated(&self, number: u32) -> PathBuf {
        self.folder.path().join(format!("audit.log.{number}"))
    }

    fn line(number: u64) -> String {
        let (seconds, millis) = (1_790_000_000 + number / 1000, number % 1000);
        format!(
            "type=SYSCALL msg=audit({seconds}.{millis:03}:{number}): arch=c000003e syscall=59 success=yes\n"
        )
    }

    fn write(&mut self, records: u64) {
        for _ in 0..records {
            self.writer.write_all(Self::line(self.next).as_bytes()).unwrap();
            self.next += 1;
        }
    }

    fn write_first_half(&mut self) -> String {
        let line = Self::line(self.next);
        let (first, second) = line.split_at(line.len() / 2);
        self.writer.write_all(first.as_bytes()).unwrap();
        self.next += 1;
        second.to_owned()
    }

    fn shift(&mut self) {
        // The oldest first: its inode is then free for the new file.
        let _ = fs::remove_file(self.rotated(KEPT));
        for number in (1..KEPT).rev() {
            let _ = fs::rename(self.rotated(number), self.rotated(number + 1));
        }
    }

    fn rename(&mut self) {
        self.shift();
        fs::rename(self.path(), self.rotated(1)).unwrap();
    }

    fn create(&mut self) {
        self.writer = OpenOptions::new().create_new(true).append(true).open(self.path()).unwrap();
        self.note_inode();
    }

    fn copy_and_truncate(&mut self) {
        self.shift();
        fs::copy(self.path(), self.rotated(1)).unwrap();
        self.writer.set_len(0).unwrap();
    }

    fn note_inode(&mut self) {
        let inode = self.writer.metadata().unwrap().ino();
        self.reused += u32::from(self.inodes.contains(&inode));
        self.inodes.push(inode);
    }
}

fn number_of(line: &[u8]) -> u64 {
    let record = Record::from_log_line(line);
    let record = record.unwrap_or_else(|e| panic!("{e}: {}", line.escape_ascii()));
    assert!(record.body.ends_with(b"success=yes"), "{}", line.escape_ascii());
    record.stamp.serial
}

/// Takes lines until none comes for `millis`; their numbers go on from `next`.
fn take(follow: &mut Follow, next: &mut u64, millis: u64) {
    loop {
        let deadline = Instant::now() + Duration::from_millis(millis);
        match follow.next_line(Some(deadline)).unwrap() {
            Next::Line(line) => {
                assert_eq!(number_of(line), *next, "in order, none missing, none twice");
                *next += 1;
            }
            Next::Idle if Instant::now() >= deadline => return,
            Next::Idle => {}
            Next::End => panic!("there is no end"),
        }
    }
}

fn follow(path: &Path, start: &Start) -> Follow {
    Follow::open(path, start, &Options::default()).unwrap()
}

/// Ten rotations under a thousand records a second, in `folder`.
fn follow_through_ten_rotations(folder: tempfile::TempDir) {
    let mut log = Log::new(folder);
    let mut follow = follow(&log.path(), &Start::Beginning);
    let written = AtomicU64::new(0);
    let done = AtomicBool::new(false);
    let mut read = 0;
    let reused = thread::scope(|scope| {
        let writer = scope.spawn(|| {
            let thousand_a_second = |log: &mut Log| {
                for _ in 0..20 {
                    log.write(10);
                    thread::sleep(Duration::from_millis(10));
                }
            };
            for rotation in 0..10 {
                thousand_a_second(&mut log);
                match rotation {
                    // By renaming and creating; what the writer still has to say goes into the old file.
                    0 | 1 | 4 | 6 | 9 => {
                        log.rename();
                        log.write(3);
                        log.create();
                    }
                    // By copying and truncating.
                    2 | 5 | 8 => log.copy_and_truncate(),
                    // The line is ended in the file in which it began, under its new name.
                    3 => {
                        let rest = log.write_first_half();
                        log.rename();
                        thread::sleep(Duration::from_millis(30));
                        log.writer.write_all(rest.as_bytes()).unwrap();
                        log.create();
                    }
                    // The line is ended in the new file.
                    _ => {
                        let rest = log.write_first_half();
                        log.rename();
                        thread::sleep(Duration::from_millis(30));
                        log.create();
                        log.writer.write_all(rest.as_bytes()).unwrap();
                    }
                }
            }
            thousand_a_second(&mut log);
            written.store(log.next, Ordering::SeqCst);
            done.store(true, Ordering::SeqCst);
            log.reused
        });
        while !done.load(Ordering::SeqCst) {
            take(&mut follow, &mut read, 20);
        }
        writer.join().unwrap()
    });
    take(&mut follow, &mut read, 300);
    assert_eq!(read, written.load(Ordering::SeqCst));
    println!("{read} records, {:?}, inodes used again: {reused}", follow.counters);
    let Counters { rotations, truncations, truncations_without_copy, position_lost } = follow.counters;
    assert_eq!((rotations + truncations, truncations_without_copy, position_lost), (10, 0, 0));
}

#[test]
fn f06_following_audit_log_across_rotation() {
    follow_through_ten_rotations(tempfile::tempdir().unwrap());
}

#[test]
fn f06_following_audit_log_across_rotation_on_tmpfs() {
    let tmpfs = Path::new("/dev/shm");
    match tempfile::tempdir_in(tmpfs) {
        Ok(folder) => follow_through_ten_rotations(folder),
        Err(error) => println!("skipped: {}: {error}", tmpfs.display()),
    }
}

#[test]
fn f06_a_reader_that_was_held_up_misses_no_generation() {
    let mut log = Log::new(tempfile::tempdir().unwrap());
    log.write(5);
    let mut follow = follow(&log.path(), &Start::Beginning);
    let mut read = 0;
    take(&mut follow, &mut read, 20);
    // Two whole files come and go while nobody reads, by either way.
    log.write(3);
    log.rename();
    log.create();
    log.write(4);
    log.rename();
    log.create();
    log.write(2);
    take(&mut follow, &mut read, 50);
    assert_eq!(read, 14);
    log.write(6);
    log.copy_and_truncate();
    log.write(7);
    log.copy_and_truncate();
    // Longer than what was read of the file: its size alone does not tell.
    log.write(200);
    take(&mut follow, &mut read, 50);
    assert_eq!(read, log.next);
    // The same beginning with an empty file.
    log.copy_and_truncate();
    take(&mut follow, &mut read, 50);
    log.write(5);
    log.copy_and_truncate();
    log.write(6);
    take(&mut follow, &mut read, 50);
    assert_eq!(read, log.next);
    assert_eq!((follow.counters.truncations_without_copy, follow.counters.position_lost), (0, 0));
}

#[test]
fn f06_truncated_to_the_very_length_that_was_read() {
    let mut log = Log::new(tempfile::tempdir().unwrap());
    log.write(10);
    let mut follow = follow(&log.path(), &Start::Beginning);
    let mut read = 0;
    take(&mut follow, &mut read, 20);
    log.copy_and_truncate();
    log.write(10);
    take(&mut follow, &mut read, 50);
    assert_eq!((read, follow.counters.truncations), (20, 1));
}

#[test]
fn f06_truncated_without_a_copy_is_told() {
    let mut log = Log::new(tempfile::tempdir().unwrap());
    log.write(10);
    let mut follow = follow(&log.path(), &Start::Beginning);
    let mut read = 0;
    take(&mut follow, &mut read, 20);
    log.writer.set_len(0).unwrap();
    log.write(3);
    take(&mut follow, &mut read, 50);
    assert_eq!((read, follow.counters.truncations, follow.counters.truncations_without_copy), (13, 1, 1));
}

#[test]
fn f06_a_writer_that_keeps_its_own_place_leaves_a_hole() {
    let mut log = Log::new(tempfile::tempdir().unwrap());
    // Without O_APPEND.
    log.writer = OpenOptions::new().write(true).open(log.path()).unwrap();
    log.write(2_000);
    let mut follow = follow(&log.path(), &Start::Beginning);
    let mut read = 0;
    take(&mut follow, &mut read, 20);
    log.copy_and_truncate();
    log.write(5);
    take(&mut follow, &mut read, 50);
    assert_eq!(read, log.next);
}

#[test]
fn f06_after_a_restart_reading_goes_on_at_the_saved_place() {
    for rotate in [
        |_: &mut Log| {},
        |log: &mut Log| {
            log.rename();
            log.create();
        },
        |log: &mut Log| {
            log.rename();
            log.write(2);
            log.create();
            log.write(2);
            log.rename();
            log.create();
        },
        |log: &mut Log| log.rename(),
        |log: &mut Log| log.copy_and_truncate(),
        |log: &mut Log| {
            log.copy_and_truncate();
            log.write(50);
            log.copy_and_truncate();
        },
        // Compressed meanwhile, as logrotate does.
        |log: &mut Log| {
            log.rename();
            log.create();
            let plain = fs::read(log.rotated(1)).unwrap();
            let file = File::create(log.folder.path().join("audit.log.1.gz")).unwrap();
            let modified = fs::metadata(log.rotated(1)).unwrap().modified().unwrap();
            let mut gz = flate2::write::GzEncoder::new(file, flate2::Compression::fast());
            gz.write_all(&plain).unwrap();
            gz.finish().unwrap().set_modified(modified).unwrap();
            fs::remove_file(log.rotated(1)).unwrap();
        },
    ] {
        let mut log = Log::new(tempfile::tempdir().unwrap());
        let state = log.folder.path().join("state");
        assert_eq!(Position::load(&state).unwrap(), None);
        log.write(20);
        let mut first = follow(&log.path(), &Start::Beginning);
        let mut read = 0;
        // Not all that is there: the buffer holds more than was given out.
        for _ in 0..12 {
            let Next::Line(line) = first.next_line(None).unwrap() else { panic!("a line is there") };
            assert_eq!(number_of(line), read);
            read += 1;
        }
        first.position().save(&state).unwrap();
        drop(first);
        log.write(5);
        rotate(&mut log);
        log.write(7);
        let position = Position::load(&state).unwrap().unwrap();
        let mut second = follow(&log.path(), &Start::At(position));
        take(&mut second, &mut read, 50);
        assert_eq!((read, second.counters.position_lost), (log.next, 0));
        log.write(3);
        take(&mut second, &mut read, 50);
        assert_eq!(read, log.next);
    }
}

#[test]
fn f06_a_new_file_with_the_inode_of_the_old_one_is_not_taken_for_it() {
    let mut log = Log::new(tempfile::tempdir().unwrap());
    log.write(50);
    let mut first = follow(&log.path(), &Start::Beginning);
    let mut read = 0;
    take(&mut first, &mut read, 20);
    let position = first.position();
    drop(first);
    // The old file is gone for good, and a new one gets its inode and is longer than it was.
    for _ in 0..50 {
        log.writer = File::open("/dev/null").unwrap();
        fs::remove_file(log.path()).unwrap();
        log.create();
        if log.reused > 0 {
            break;
        }
    }
    if log.reused == 0 {
        println!("skipped: this file system does not give inode numbers out again");
        return;
    }
    assert_eq!(fs::metadata(log.path()).unwrap().ino(), position.inode);
    log.write(80);
    let mut second = follow(&log.path(), &Start::At(position));
    take(&mut second, &mut read, 50);
    assert_eq!((read, second.counters.position_lost), (130, 1));
}

#[test]
fn f06_the_position_of_a_line_that_spans_two_files_is_in_the_first() {
    let mut log = Log::new(tempfile::tempdir().unwrap());
    log.write(3);
    let mut first = follow(&log.path(), &Start::Beginning);
    let mut read = 0;
    let rest = log.write_first_half();
    take(&mut first, &mut read, 20);
    log.rename();
    log.create();
    log.writer.write_all(&rest.as_bytes()[..10]).unwrap();
    take(&mut first, &mut read, 50);
    assert_eq!(read, 3);
    // The reader ends here, with the line in two pieces in its buffer.
    let position = first.position();
    log.writer.write_all(&rest.as_bytes()[10..]).unwrap();
    log.write(2);
    let mut second = follow(&log.path(), &Start::At(position));
    take(&mut second, &mut read, 50);
    assert_eq!(read, 6);
}

#[test]
fn following_from_the_end_begins_with_the_next_whole_line() {
    let mut log = Log::new(tempfile::tempdir().unwrap());
    log.write(10);
    let rest = log.write_first_half();
    let mut follow = follow(&log.path(), &Start::End);
    log.writer.write_all(rest.as_bytes()).unwrap();
    log.write(2);
    let mut read = 10;
    take(&mut follow, &mut read, 50);
    assert_eq!(read, 13);
    assert!(Follow::open(&log.folder.path().join("nothing"), &Start::End, &Options::default()).is_err());
}

#[test]
fn a_line_is_given_out_at_once_when_it_is_written() {
    let mut log = Log::new(tempfile::tempdir().unwrap());
    let mut follow = follow(&log.path(), &Start::Beginning);
    let mut slowest = Duration::ZERO;
    for number in 0..20 {
        thread::scope(|scope| {
            let writer = scope.spawn(|| {
                thread::sleep(Duration::from_millis(20));
                let written = Instant::now();
                log.write(1);
                written
            });
            let read = loop {
                if let Next::Line(line) = follow.next_line(None).unwrap() {
                    assert_eq!(number_of(line), number);
                    break Instant::now();
                }
            };
            slowest = slowest.max(read.saturating_duration_since(writer.join().unwrap()));
        });
    }
    // The slow look comes once a second; inotify does not wait for it.
    assert!(slowest < Duration::from_millis(500), "{slowest:?}");
}

/// A usermod that takes the uid 0, as auditd writes it to its log: without EOE.
const WITHOUT_END: &str = r#"type=SYSCALL msg=audit(1790000100.171:571): arch=c000003e syscall=59 success=yes exit=0 a0=55d0c8a1f2b0 a1=55d0c8a1f4c0 a2=55d0c8a20010 a3=8 items=2 ppid=2101 pid=2150 auid=1000 uid=0 gid=0 euid=0 suid=0 fsuid=0 egid=0 sgid=0 fsgid=0 tty=pts0 ses=4 comm="usermod" exe="/usr/sbin/usermod" subj=unconfined key="exec"
type=EXECVE msg=audit(1790000100.171:571): argc=5 a0="usermod" a1="-u" a2="0" a3="-o" a4="carol"
type=CWD msg=audit(1790000100.171:571): cwd="/root"
type=PATH msg=audit(1790000100.171:571): item=0 name="/usr/sbin/usermod" inode=131 dev=fe:01 mode=0100755 ouid=0 ogid=0 rdev=00:00 nametype=NORMAL cap_fp=0 cap_fi=0 cap_fe=0 cap_fver=0 cap_frootid=0
type=PATH msg=audit(1790000100.171:571): item=1 name="/lib64/ld-linux-x86-64.so.2" inode=77 dev=fe:01 mode=0100755 ouid=0 ogid=0 rdev=00:00 nametype=NORMAL cap_fp=0 cap_fi=0 cap_fe=0 cap_fver=0 cap_frootid=0
"#;

#[test]
fn f63_no_eoe_and_the_last_event_waits_for_the_next_line() {
    let (read, write) = nix::unistd::pipe().unwrap();
    let mut write = File::from(write);
    let mut lines = Lines::new(read.into(), &Options::default());
    write.write_all(WITHOUT_END.as_bytes()).unwrap();
    let written = Instant::now();
    // The writer stays, and says nothing more.
    let mut reassembler = Reassembler::new(Limits::default());
    let mut events = Vec::new();
    let now = || written.elapsed().as_millis() as u64;
    while events.is_empty() {
        assert!(written.elapsed() < Duration::from_secs(5), "the event never ends");
        let deadline = reassembler.next_deadline().map(|at| written + Duration::from_millis(at));
        let mut emit = |event: &auditward::audit::AuditEvent<'_>| {
            events.push(event.kinds().filter(|&kind| kind == RecordType::EXECVE).count());
        };
        match lines.next_line(deadline).unwrap() {
            Next::Line(line) => reassembler.push(&Record::from_log_line(line).unwrap(), now(), &mut emit),
            Next::Idle => reassembler.expire(now(), &mut emit),
            Next::End => panic!("the pipe is open"),
        }
    }
    assert_eq!(events, [1]);
    assert!(written.elapsed() <= Duration::from_millis(2_500), "{:?}", written.elapsed());
    drop(write);
}
