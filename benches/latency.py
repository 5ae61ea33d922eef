"""From an execution to its alert's line in rsyslogd's file, by one clock: idle, and at half the machine's execution rate.

    python3 benches/latency.py AUDITWARD [RUNS [PART...]]      as root

RUNS (1,000) executions each of a private program that the rule v7 matches, with 20 ms between one line and the next
execution. Under load another program, recorded too, is started at half of the machine's own maximum. Parts: `alone`, the
rule without its group, so that no alert waits for stronger evidence; `v7` as it is shipped; `untriaged`, the first with
`[triage] enabled = false`; `floor`, a program started and awaited, and a line by logger(1)'s way to the same file, which no
reader can be faster than. Without PART all. Prints a Markdown table. The machine should be quiet.
"""
import os
import pathlib
import shutil
import socket
import subprocess
import sys
import time

import kernel_audit as ka

ROOT = pathlib.Path(__file__).resolve().parent.parent
V7 = ROOT / "rules/persistence_linux_backdoor_user_creation.toml"
program = str(pathlib.Path(sys.argv[1]).resolve())
runs = int(sys.argv[2]) if len(sys.argv) > 2 else 1_000
parts = sys.argv[3:] or ["floor", "alone", "untriaged", "v7"]
LOADER = """import os, sys, time
program, rate, begun, n = sys.argv[1], float(sys.argv[2]), time.monotonic(), 0
while True:
    time.sleep(max(0, begun + n / rate - time.monotonic()))
    os.waitpid(os.posix_spawn(program, [program], {}), 0)
    n += 1
"""


def spawn(path, *arguments):
    os.waitpid(os.posix_spawn(path, [path, *arguments], {}), 0)


class Tail:
    def __init__(self, path):
        self.file = open(path, "rb")
        self.file.seek(0, os.SEEK_END)

    def expect(self, text):
        end, held = time.monotonic() + 20, b""
        while time.monotonic() < end:
            held += self.file.read()
            if text in held and held.endswith(b"\n"):
                return time.monotonic()
            time.sleep(0.00005)
        sys.exit(f"no line with {text!r}")


def series(act, runs, pause=0.02):
    times = []
    for n in range(runs):
        time.sleep(pause)
        begun = time.monotonic()
        times.append((act(n) - begun) * 1e3)
    return sorted(times)


def row(name, load, times):
    at = [times[min(len(times) - 1, int(len(times) * part))] for part in (0.5, 0.99, 0.999)]
    print(f"| {name} | {load} | " + " | ".join(f"{value:.2f}" for value in at) + f" | {times[-1]:.2f} |", flush=True)


with ka.kernel_audit(), ka.scratch() as folder:
    usermod, true, tail = folder / "usermod", str(folder / "true"), None
    shutil.copy("/bin/true", usermod)
    shutil.copy("/bin/true", true)
    usermod = str(usermod)
    begun = time.monotonic()
    for _ in range(2_000):
        spawn(true)
    most = 2_000 / (time.monotonic() - begun)
    print(f"auditward {subprocess.check_output([program, '--version'], text=True).split()[-1]}, Linux {os.uname().release}, "
          f"{os.cpu_count()} processors; {runs} runs; load: {most / 2:.0f} executions a second\n")
    print("| from the execution to the line, ms | load | p50 | p99 | p99.9 | longest |\n|---|---|---|---|---|---|")
    ka.turn_on(ka.executions_of(usermod), ka.executions_of(true))
    syslog = ka.Rsyslogd(folder)
    rule = V7.read_text().replace("max_signals = 100\n", "max_signals = 1000000\n")
    rules = {"v7": folder / "v7.toml", "alone": folder / "alone.toml"}
    rules["v7"].write_text(rule)
    rules["alone"].write_text(rule.replace('group = "account"\n', ""))
    rules["untriaged"] = rules["alone"]

    def under(load):
        return subprocess.Popen([sys.executable, "-S", "-c", LOADER, true, str(most / 2)]) if load else None

    try:
        for part in parts:
            reader = None
            if part != "floor":
                further = "[triage]\nenabled = false\n" if part == "untriaged" else ""
                reader = ka.Auditward("auditward", program, folder, [rules[part]], syslog.socket, further)
                spawn(usermod, "-u", "0", "-o", "warm-up")
                ka.until("the first alert", lambda: syslog.file.exists() and b"warm-up" in syslog.file.read_bytes())
            else:
                log = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
                log.connect(str(syslog.socket))
                log.send(b"<13>bench: first")
                ka.until("rsyslogd writes", syslog.file.exists)
            tail = Tail(syslog.file)

            def alert(n):
                spawn(usermod, "-u", "0", "-o", f"bob{n}x")
                return tail.expect(b"-o bob%dx" % n)

            def started(_):
                spawn(true)
                return time.monotonic()

            def line(n):
                log.send(b"<13>bench: line %dx" % n)
                return tail.expect(b"line %dx" % n)

            acts = {part: alert} if reader else {"floor: a program started": started, "floor: a line by hand": line}
            for name, act in acts.items():
                for load in ("idle", "half"):
                    loader = under(load == "half")
                    try:
                        row(name, load, series(act, runs))
                    finally:
                        if loader:
                            loader.kill()
                            loader.wait()
                        time.sleep(0.5)
            if reader:
                lost = reader.lost()
                print(f"{part}: {lost} records lost", file=sys.stderr)
                reader.end()
    finally:
        syslog.end()
