//! Receivers that are away, come back, are full, refuse, or are another by now.

use std::io::Read;
use std::net::{TcpListener, TcpStream};
use std::os::unix::net::{UnixDatagram, UnixListener};

use super::*;

/// Goes on until all is out; panics when that takes longer than anything here should.
fn flushed(transport: &mut Transport) {
    let begun = Instant::now();
    while let Err(e) = transport.flush() {
        assert_eq!(e.kind(), io::ErrorKind::WouldBlock);
        assert!(begun.elapsed() < Duration::from_secs(20), "{:?}", transport.trouble());
        if !transport.wait(Duration::from_millis(50)) {
            std::thread::sleep(Duration::from_millis(5));
        }
    }
}

fn send(transport: &mut Transport, message: &str) {
    assert_eq!(transport.write(message.as_bytes()).unwrap(), message.len());
    flushed(transport);
}

/// The next connection, which must come soon.
fn accept(listener: &TcpListener) -> TcpStream {
    listener.set_nonblocking(true).unwrap();
    let begun = Instant::now();
    loop {
        match listener.accept() {
            Ok((stream, _)) => {
                stream.set_nonblocking(false).unwrap();
                stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
                return stream;
            }
            Err(e) => assert!(begun.elapsed() < Duration::from_secs(20), "{e}"),
        }
        std::thread::sleep(Duration::from_millis(5));
    }
}

fn received(receiver: &UnixDatagram) -> String {
    receiver.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    let mut buffer = [0; 100];
    let n = receiver.recv(&mut buffer).unwrap();
    String::from_utf8(buffer[..n].to_vec()).unwrap()
}

#[test]
fn a_local_socket_that_is_not_there_yet_is_waited_for() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("log");
    let mut transport = Transport::new(Address::Unix(path.clone()));
    assert_eq!(transport.write(b"early").unwrap(), 5, "taken, not yet out");
    assert_eq!(transport.flush().unwrap_err().kind(), io::ErrorKind::WouldBlock);
    assert_eq!(transport.trouble().unwrap().kind(), io::ErrorKind::NotFound);
    assert_eq!(transport.write(b"second").unwrap_err().kind(), io::ErrorKind::WouldBlock);
    let receiver = UnixDatagram::bind(&path).unwrap();
    flushed(&mut transport);
    assert!(transport.trouble().is_none());
    assert_eq!(received(&receiver), "early");
}

#[test]
fn a_restarted_receiver_is_found_again() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("log");
    let receiver = UnixDatagram::bind(&path).unwrap();
    let mut transport = Transport::new(Address::Unix(path.clone()));
    send(&mut transport, "one");
    assert_eq!(received(&receiver), "one");
    assert!(!transport.look(), "all is read");
    drop(receiver);
    std::fs::remove_file(&path).unwrap();
    assert_eq!(transport.write(b"two").unwrap(), 3);
    assert!(transport.flush().is_err());
    let receiver = UnixDatagram::bind(&path).unwrap();
    flushed(&mut transport);
    assert_eq!(received(&receiver), "two");
}

#[test]
fn a_full_socket_that_was_replaced_by_another_is_left() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("log");
    let stopped = UnixDatagram::bind(&path).unwrap();
    let mut transport = Transport::new(Address::Unix(path.clone()));
    let mut taken = 0;
    while transport.flush().is_ok() {
        transport.write_all(b"x").unwrap();
        taken += 1;
    }
    std::fs::remove_file(&path).unwrap();
    let receiver = UnixDatagram::bind(&path).unwrap();
    receiver.set_nonblocking(true).unwrap();
    // What the stopped one has not read comes too, as many as find room at a time.
    let (mut here, mut done, begun) = (0, false, Instant::now());
    while here < taken || !done {
        assert!(begun.elapsed() < Duration::from_secs(20), "{here} of {taken}: {:?}", transport.trouble());
        done = transport.flush().is_ok();
        let mut buffer = [0; 10];
        while receiver.recv(&mut buffer).is_ok() {
            assert_eq!(&buffer[..1], b"x");
            here += 1;
        }
        std::thread::sleep(Duration::from_millis(5));
    }
    assert_eq!(here, taken);
    drop(stopped);
}

#[test]
fn a_stream_socket_in_the_place_of_the_log_socket_gets_nul_after_each() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("log");
    let listener = UnixListener::bind(&path).unwrap();
    let mut transport = Transport::new(Address::Unix(path));
    send(&mut transport, "one");
    send(&mut transport, "two");
    drop(transport);
    let mut all = String::new();
    listener.accept().unwrap().0.read_to_string(&mut all).unwrap();
    assert_eq!(all, "one\0two\0");
}

#[test]
fn a_tcp_peer_that_closed_is_noticed_before_the_next_message_is_lost() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let to = listener.local_addr().unwrap();
    let mut transport = Transport::new(Address::Tcp(to, Framing::OctetCounting));
    send(&mut transport, "one");
    let mut first = accept(&listener);
    let mut frame = [0; 5];
    first.read_exact(&mut frame).unwrap();
    assert_eq!(&frame, b"3 one");
    drop(first);
    until_gone(&transport);
    send(&mut transport, "two");
    let mut second = accept(&listener);
    second.read_exact(&mut frame).unwrap();
    assert_eq!(&frame, b"3 two");
}

#[test]
fn a_frame_that_was_begun_on_a_broken_connection_is_sent_again_whole() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let to = listener.local_addr().unwrap();
    let mut transport = Transport::new(Address::Tcp(to, Framing::OctetCounting));
    let big = "b".repeat(32 << 20);
    transport.write_all(big.as_bytes()).unwrap();
    for _ in 0..100 {
        assert_eq!(transport.flush().unwrap_err().kind(), io::ErrorKind::WouldBlock);
        transport.wait(Duration::from_millis(1));
    }
    assert!(transport.sent > 0 && transport.sent < big.len());
    drop(accept(&listener));
    let reader = std::thread::spawn(move || {
        let mut second = accept(&listener);
        let mut all = Vec::new();
        second.read_to_end(&mut all).unwrap();
        all
    });
    flushed(&mut transport);
    drop(transport);
    let all = reader.join().unwrap();
    assert_eq!(all.len(), format!("{} ", big.len()).len() + big.len());
    assert!(all.starts_with(format!("{} bbb", big.len()).as_bytes()));
}

#[test]
fn nobody_listening_is_no_error_and_no_hurry() {
    let to = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let mut transport = Transport::new(Address::Tcp(to, Framing::LineFeed));
    transport.write_all(b"x").unwrap();
    let begun = Instant::now();
    let mut rounds = 0;
    while begun.elapsed() < Duration::from_millis(300) {
        assert_eq!(transport.flush().unwrap_err().kind(), io::ErrorKind::WouldBlock);
        if !transport.wait(Duration::from_millis(50)) {
            std::thread::sleep(Duration::from_millis(1));
        }
        rounds += 1;
    }
    assert!(rounds > 10);
    assert_eq!(transport.trouble().unwrap().kind(), io::ErrorKind::ConnectionRefused);
    // 20, 40, 80, 160 ms: a handful of attempts, however often it is asked.
    assert!(transport.backoff.next() > Duration::from_millis(80));
}

#[test]
fn what_fits_is_below_what_was_refused() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("log");
    let _receiver = UnixDatagram::bind(&path).unwrap();
    let mut transport = Transport::new(Address::Unix(path));
    let e = transport.write(&[b'x'; 300_000]).unwrap_err();
    assert_eq!(e.raw_os_error(), Some(Errno::EMSGSIZE as i32));
    let fits = transport.fitting();
    assert!(fits > 8192 && fits < 300_000);
    assert_eq!(transport.write(&vec![b'x'; fits]).unwrap(), fits);
    assert!(transport.flush().is_ok());
    let e = transport.write(&vec![b'x'; fits + 1]).unwrap_err();
    assert_eq!(e.raw_os_error(), Some(Errno::EMSGSIZE as i32), "the kernel's very limit");
}

/// What a receiver had in its socket when it was killed, and had not read, goes to the next one; what it had read does not.
#[test]
fn what_a_receiver_left_unread_is_sent_again() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("log");
    let receiver = UnixDatagram::bind(&path).unwrap();
    let mut transport = Transport::new(Address::Unix(path.clone()));
    ["one", "two", "three", "four"].iter().for_each(|message| send(&mut transport, message));
    assert_eq!([received(&receiver), received(&receiver)], ["one", "two"]);
    assert!(transport.look(), "two are unread");
    assert_eq!([received(&receiver), received(&receiver)], ["three", "four"]);
    assert!(!transport.look(), "all is read");
    ["five", "six"].iter().for_each(|message| send(&mut transport, message));
    drop(receiver);
    assert!(transport.look(), "nobody is there");
    std::fs::remove_file(&path).unwrap();
    let receiver = UnixDatagram::bind(&path).unwrap();
    let begun = Instant::now();
    while transport.unread.next().is_some() {
        assert!(transport.look() && begun.elapsed() < Duration::from_secs(20));
        std::thread::sleep(Duration::from_millis(5));
    }
    send(&mut transport, "seven");
    assert_eq!([received(&receiver), received(&receiver), received(&receiver)], ["five", "six", "seven"]);
    assert!(!transport.look());
}

#[test]
fn what_a_tcp_peer_left_unread_is_sent_again_and_what_it_had_read_is_not() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let to = listener.local_addr().unwrap();
    let mut transport = Transport::new(Address::Tcp(to, Framing::LineFeed));
    let read = |peer: &mut TcpStream, wanted: &str| {
        let mut buffer = vec![0; wanted.len()];
        peer.read_exact(&mut buffer).unwrap();
        assert_eq!(String::from_utf8(buffer).unwrap(), wanted);
    };
    send(&mut transport, "one");
    let mut first = accept(&listener);
    send(&mut transport, "two");
    read(&mut first, "one\n");
    // With "two" in its socket it ends: the kernel resets the connection.
    drop(first);
    until_gone(&transport);
    send(&mut transport, "three");
    let mut second = accept(&listener);
    read(&mut second, "one\ntwo\nthree\n");
    // It has read everything when it ends.
    drop(second);
    until_gone(&transport);
    send(&mut transport, "four");
    read(&mut accept(&listener), "four\n");
}

/// Until the end of the receiver has come to this socket.
fn until_gone(transport: &Transport) {
    let socket = transport.socket.as_ref().unwrap();
    let mut fds = [PollFd::new(socket.as_fd(), PollFlags::POLLIN)];
    assert_eq!(nix::poll::poll(&mut fds, PollTimeout::from(20_000_u16)), Ok(1));
}
