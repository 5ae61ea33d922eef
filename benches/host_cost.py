"""What auditing costs the host: work that makes system calls, programs started, a compile; and what auditd writes of it.

    python3 benches/host_cost.py AUDITWARD [TURNS]      as root, with a C compiler (`cc`)

Each state of the kernel in each of TURNS (7) turns; auditward with the shipped rules reads where something is recorded.
One further round with auditd in its place counts the bytes that it writes. Records all programs of this machine for a few
seconds at a time. The machine should be quiet. Prints a Markdown table.
"""
import os
import pathlib
import statistics
import subprocess
import sys
import time

import kernel_audit as ka

ROOT = pathlib.Path(__file__).resolve().parent.parent
program = str(pathlib.Path(sys.argv[1]).resolve())
turns = int(sys.argv[2]) if len(sys.argv) > 2 else 7
SOURCE = "#include <stdio.h>\n#include <stdlib.h>\n#include <string.h>\n#include <unistd.h>\nint main(void) { return puts(\"\") < 0; }\n"
EXECUTIONS, COMPILES, CALLS = 1_000, 15, 2_000_000


def kernel_rules(action, *arguments):
    subprocess.run([program, "kernel-rules", "--rules", ROOT / "rules", action, *arguments], check=True, capture_output=True)


# What the kernel is told in each state, and how that is taken back.
STATES = {
    "audit off": (lambda: ka.auditctl("-e", "0"), lambda: ka.auditctl("-e", "1")),
    "`-a never,task`": (lambda: ka.auditctl("-a", "never,task"), lambda: ka.auditctl("-d", "never,task")),
    "on, no rules": (lambda: None, lambda: None),
    "profile minimal": (lambda: kernel_rules("load", "--profile", "minimal"), lambda: kernel_rules("unload")),
    "profile all": (lambda: kernel_rules("load", "--profile", "all", "--force"), lambda: kernel_rules("unload")),
}


def timed(work):
    begun = time.monotonic()
    work()
    return time.monotonic() - begun


def works(folder):
    """Name, how often it does its thing, and the thing."""
    source = folder / "source.c"
    source.write_text(SOURCE)

    def calls():
        subprocess.run(["dd", "if=/dev/zero", "of=/dev/null", "bs=1", f"count={CALLS // 2}"], check=True, stderr=subprocess.DEVNULL)

    def executions():
        # By a process of its own, forked in this state: `never,task` is decided at fork.
        subprocess.run([sys.executable, "-S", "-c", "import os\nfor _ in range(%d): os.waitpid(os.posix_spawn('/bin/true', ['true'], {}), 0)" % EXECUTIONS], check=True)

    def compiles():
        subprocess.run(["sh", "-c", f"for n in $(seq {COMPILES}); do cc -O2 -c -o {folder}/out.o {source}; done"], check=True)

    return [("a system call, ns", 1e9 / CALLS, calls), ("a program started, µs", 1e6 / EXECUTIONS, executions),
            ("a compile, ms", 1e3 / COMPILES, compiles)]


def in_state(name, work):
    enter, leave = STATES[name]
    enter()
    try:
        return work()
    finally:
        leave()


def bytes_of(auditd, work):
    """What auditd writes of it: not what it writes of the state's own beginning and end."""
    ka.settled([auditd])
    before = auditd.log.stat().st_size
    work()
    ka.settled([auditd])
    return auditd.log.stat().st_size - before


with ka.kernel_audit(), ka.scratch() as folder:
    work = works(folder)
    ka.turn_on()
    syslog = ka.Rsyslogd(folder)
    reader = ka.Auditward("auditward", program, folder, [ROOT / "rules"], syslog.socket)
    samples = {(state, what): [] for state in STATES for what, _, _ in work}
    cpu = {state: [] for state in STATES}
    try:
        for turn in range(turns):
            for state in STATES:
                for what, unit, do in work:
                    samples[state, what].append(in_state(state, lambda: timed(do)) * unit)
            print(f"turn {turn + 1} of {turns}", file=sys.stderr)
    finally:
        reader.end()
        syslog.end()
    written = {}
    auditd = ka.Auditd("auditd", folder)
    try:
        for state in STATES:
            for what, unit, do in work[1:]:
                written[state, what] = in_state(state, lambda: bytes_of(auditd, do)) / (EXECUTIONS if what == work[1][0] else COMPILES)
    finally:
        auditd.end()

print(f"auditward {subprocess.check_output([program, '--version'], text=True).split()[-1]}, Linux {os.uname().release}, "
      f"{os.cpu_count()} processors; {turns} turns: median (minimum to maximum)\n")
print("| state | " + " | ".join(what for what, _, _ in work) + " | bytes that auditd writes, a program started | a compile |")
print("|---" * (len(work) + 3) + "|")
for state in STATES:
    columns = [samples[state, what] for what, _, _ in work]
    times = " | ".join(f"{statistics.median(c):.1f} ({min(c):.1f} to {max(c):.1f})" for c in columns)
    print(f"| {state} | {times} | " + " | ".join(f"{written[state, what]:.0f}" for what, _, _ in work[1:]) + " |")
