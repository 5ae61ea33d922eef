//! Any bytes as a log, plain, in gzip members or as they are: the lines are those that cutting the whole text at its
//! line feeds gives, whatever the size of the buffer; and behind all that an event that is sound comes out whole.
#![no_main]

use std::cell::RefCell;
use std::fs::File;
use std::io::{Seek, SeekFrom, Write};

use arbitrary::Arbitrary;
use auditward::audit::log::{Lines, Next, Options};
use auditward::daemon::intake::Intake;
use auditward::event::schema::field;
use auditward::event::{Document, Value};
use flate2::Compression;
use flate2::write::GzEncoder;
use libfuzzer_sys::fuzz_target;

#[derive(Arbitrary, Debug)]
struct Input<'a> {
    packed: Packed,
    buffer: u8,
    longest_line: u8,
    longest_document: u8,
    bytes: &'a [u8],
}

#[derive(Arbitrary, Debug)]
enum Packed {
    /// As a log that the events are read of.
    Events,
    Plain,
    /// In two members, the first of so many bytes.
    Gzip(u8),
    /// The bytes are what was compressed, behind the first bytes of one kind or the other.
    Damaged {
        zstd: bool,
    },
}

const GZIP: &[u8] = &[0x1f, 0x8b, 8, 0];
const ZSTD: &[u8] = &[0x28, 0xb5, 0x2f, 0xfd];

const SERIAL: &str = "4000000001";

/// One event behind whatever came before; on a line of its own.
const GOOD: &str = "\n\
    type=SYSCALL msg=audit(1790000900.101:4000000001): arch=c000003e syscall=59 success=yes exit=0 items=1 ppid=1 pid=77 auid=1000 uid=0 gid=0 euid=0 suid=0 fsuid=0 egid=0 sgid=0 fsgid=0 tty=pts0 ses=3 comm=\"usermod\" exe=\"/usr/sbin/usermod\" key=(null)\n\
    type=EXECVE msg=audit(1790000900.101:4000000001): argc=2 a0=\"usermod\" a1=\"sound\"\n\
    type=PATH msg=audit(1790000900.101:4000000001): item=0 name=\"/usr/sbin/usermod\" inode=1 dev=08:01 mode=0100755 ouid=0 ogid=0 rdev=00:00 nametype=NORMAL\n\
    type=PROCTITLE msg=audit(1790000900.101:4000000001): proctitle=\"usermod\"\n\
    type=EOE msg=audit(1790000900.101:4000000001): \n";

fuzz_target!(|input: Input<'_>| {
    let Input { packed, buffer, longest_line, longest_document, bytes } = input;
    let options = Options {
        buffer: usize::from(buffer),
        max_line: usize::from(longest_line).max(1),
        max_document: usize::from(longest_document).max(1),
    };
    let is_packed = bytes.starts_with(&GZIP[..2]) || bytes.starts_with(ZSTD);
    match packed {
        Packed::Events if !is_packed && !has(bytes, SERIAL.as_bytes()) => good_event(bytes),
        Packed::Events => {}
        Packed::Plain if is_packed => {}
        Packed::Plain => assert_eq!(read(bytes, &options), (cut(bytes, &options), true)),
        Packed::Gzip(first) => {
            let (one, other) = bytes.split_at(usize::from(first).min(bytes.len()));
            let members = [gzip(one), gzip(other)].concat();
            assert_eq!(read(&members, &options), (cut(bytes, &options), true));
        }
        Packed::Damaged { zstd } => {
            let (lines, _) = read(&[if zstd { ZSTD } else { GZIP }, bytes].concat(), &options);
            assert!(lines.0.iter().all(|line| !line.contains(&b'\n')));
        }
    }
});

fn has(bytes: &[u8], part: &[u8]) -> bool {
    bytes.windows(part.len()).any(|window| window == part)
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::none());
    encoder.write_all(bytes).expect("memory takes it");
    encoder.finish().expect("memory takes it")
}

/// The lines in the plainest way, and how many are cut.
fn cut(bytes: &[u8], options: &Options) -> (Vec<Vec<u8>>, u64) {
    let mut lines: Vec<&[u8]> = bytes.split(|byte| *byte == b'\n').collect();
    lines.pop_if(|line| line.is_empty());
    let longest = |line: &[u8]| match line.first() {
        Some(b'{' | b'[' | b'\xef') => options.max_document,
        _ => options.max_line,
    };
    let long = lines.iter().filter(|line| line.len() > longest(line)).count();
    (lines.iter().map(|line| line[..line.len().min(longest(line))].to_vec()).collect(), long as u64)
}

thread_local! {
    /// A file in memory, used again and again.
    static FILE: RefCell<File> = RefCell::new({
        let name = c"log";
        nix::sys::memfd::memfd_create(name, nix::sys::memfd::MFdFlags::MFD_CLOEXEC).expect("memory").into()
    });
}

fn open(bytes: &[u8], options: &Options) -> Lines {
    FILE.with_borrow_mut(|file| {
        file.set_len(0).expect("a file");
        file.seek(SeekFrom::Start(0)).expect("a file");
        file.write_all(bytes).expect("a file");
        file.seek(SeekFrom::Start(0)).expect("a file");
        Lines::new(file.try_clone().expect("a descriptor"), options)
    })
}

/// The lines, how many were cut, and whether the input was sound. What is damaged says so once, then it has ended.
fn read(bytes: &[u8], options: &Options) -> ((Vec<Vec<u8>>, u64), bool) {
    let mut lines = open(bytes, options);
    let mut found = Vec::new();
    let sound = loop {
        match lines.next_line(None) {
            Ok(Next::Line(line)) => found.push(line.to_vec()),
            Ok(Next::Idle) => panic!("a file has nothing to wait for"),
            Ok(Next::End) => break true,
            Err(_) => break false,
        }
    };
    assert_eq!(lines.next_line(None).expect("told once"), Next::End);
    ((found, lines.cut_lines()), sound)
}

fn good_event(bytes: &[u8]) {
    let mut lines = open(&[bytes, GOOD.as_bytes()].concat(), &Options { buffer: 4096, ..Options::default() });
    let (mut intake, mut found) = (Intake::for_replay(), 0);
    let mut emit = |event: &auditward::event::AuditDocument<'_>| {
        if event.order().tiebreaker.to_string() == SERIAL {
            let args = event.values(field::PROCESS_ARGS);
            assert_eq!(args.as_slice(), [Value::Text(b"usermod"), Value::Text(b"sound")]);
            found += 1;
        }
    };
    while let Next::Line(line) = lines.next_line(None).expect("a plain file") {
        intake.line(line, 0, &mut emit);
    }
    intake.finish(&mut emit);
    assert_eq!(found, 1, "the event behind it");
}
