"""Appends a line to a file by an io_uring: `io_uring_append.py FILE LINE [--thread]`. Neither the open nor the write is a
system call of its own, so that a watch records neither; with --thread a thread of the kernel does them. Exit 3: the kernel
gives no ring."""

import ctypes
import mmap
import os
import struct
import sys

SETUP, ENTER = 425, 426  # x86_64 and every newer architecture
OPENAT, WRITE = 18, 23  # enum io_uring_op
SQ_RING, CQ_RING, SQES = 0, 0x8000000, 0x10000000
AT_FDCWD = -100
ENTRIES = 8

libc = ctypes.CDLL(None, use_errno=True)
params = ctypes.create_string_buffer(120)  # struct io_uring_params
if "--thread" in sys.argv:
    struct.pack_into("III", params, 8, 2, 0, 1000)  # IORING_SETUP_SQPOLL, no CPU, milliseconds idle
ring = libc.syscall(SETUP, ENTRIES, params)
if ring < 0:
    print("no io_uring:", os.strerror(ctypes.get_errno()), file=sys.stderr)
    sys.exit(3)
sq = struct.unpack_from("8I", params.raw, 40)  # head, tail, ring_mask, ring_entries, flags, dropped, array
cq = struct.unpack_from("8I", params.raw, 80)  # head, tail, ring_mask, ring_entries, overflow, cqes
submissions = mmap.mmap(ring, 4096, offset=SQ_RING)
completions = mmap.mmap(ring, 4096, offset=CQ_RING)
entries = mmap.mmap(ring, 4096, offset=SQES)


def done(opcode, fd, offset, address, length, flags):
    """Submits one operation and gives its result."""
    tail = struct.unpack_from("I", submissions, sq[1])[0]
    index = tail & struct.unpack_from("I", submissions, sq[2])[0]
    entry = struct.pack("=BBHiQQII", opcode, 0, 0, fd, offset, address, length, flags)
    entries[index * 64 : index * 64 + 64] = entry.ljust(64, b"\0")
    struct.pack_into("I", submissions, sq[6] + 4 * index, index)
    struct.pack_into("I", submissions, sq[1], tail + 1)
    if libc.syscall(ENTER, ring, 1, 1, 3, None, 0) < 0:  # IORING_ENTER_GETEVENTS, IORING_ENTER_SQ_WAKEUP
        sys.exit(os.strerror(ctypes.get_errno()))
    head = struct.unpack_from("I", completions, cq[0])[0]
    at = cq[5] + 16 * (head & struct.unpack_from("I", completions, cq[2])[0])
    struct.pack_into("I", completions, cq[0], head + 1)
    result = struct.unpack_from("=Qi", completions, at)[1]
    if result < 0:
        sys.exit(os.strerror(-result))
    return result


path = ctypes.create_string_buffer(os.fsencode(sys.argv[1]))
line = ctypes.create_string_buffer(os.fsencode(sys.argv[2] + "\n"))
file = done(OPENAT, AT_FDCWD, 0, ctypes.addressof(path), 0, os.O_WRONLY | os.O_APPEND)
written = done(WRITE, file, 2**64 - 1, ctypes.addressof(line), len(line) - 1, 0)
sys.exit(0 if written == len(line) - 1 else "written in part")
