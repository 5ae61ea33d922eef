"""What each reader of the kernel's audit stream costs under the same storm, in CPU seconds per million records.

    python3 benches/live_storm.py AUDITWARD [TURNS [RULES]]      as root; LAUREL=PATH for laurel 0.8 as auditd's plugin

Two storms: cheap records (CALLS recorded getppid(2) as fast as they go, three records each), and EXECUTIONS paced at half
the machine's own maximum, measured first without auditing. TURNS (7) turns, each with every reader. RULES is a folder of
further rules for "all rules" (../shared/elastic-rules), beside the shipped ones. Prints Markdown tables; see
benches/kernel_audit.py for what it does to this machine. The machine should be quiet.
"""
import os
import pathlib
import shutil
import statistics
import subprocess
import sys
import time

import kernel_audit as ka

ROOT = pathlib.Path(__file__).resolve().parent.parent
V7 = ROOT / "rules/persistence_linux_backdoor_user_creation.toml"
CALLS, EXECUTIONS = int(os.environ.get("CALLS", 333_334)), int(os.environ.get("EXECUTIONS", 8_000))
LAUREL = os.environ.get("LAUREL") or shutil.which("laurel")

program = str(pathlib.Path(sys.argv[1]).resolve())
turns = int(sys.argv[2]) if len(sys.argv) > 2 else 7
further = pathlib.Path(sys.argv[3] if len(sys.argv) > 3 else ROOT / "../shared/elastic-rules").resolve()


def execute(program, count, rate=None):
    begun = time.monotonic()
    for n in range(count):
        if rate:
            time.sleep(max(0, begun + n / rate - time.monotonic()))
        os.waitpid(os.posix_spawn(program, [program], {}), 0)
    return time.monotonic() - begun


def readers(folder, syslog):
    """Name and start of each arrangement."""
    every = [ROOT / "rules", further]
    yield "nobody", lambda: []
    yield "auditd, raw", lambda: [ka.Auditd("auditd", folder)]
    yield "auditward, v7", lambda: [ka.Auditward("auditward", program, folder, [V7], syslog)]
    yield "auditward, shipped rules", lambda: [ka.Auditward("auditward", program, folder, [ROOT / "rules"], syslog)]
    yield "auditward, all rules", lambda: [ka.Auditward("auditward", program, folder, every, syslog)]
    yield "auditd beside auditward, v7", lambda: [ka.Auditd("auditd", folder),
                                                  ka.Auditward("auditward", program, folder, [V7], syslog)]
    if LAUREL:
        yield "auditd with laurel", lambda: [ka.Auditd("auditd", folder, LAUREL)]


def measure(start, storm, records):
    programs = start()
    try:
        before, kernel = ka.settled(programs), ka.seconds_of(ka.kauditd())
        lost = int(ka.settings()["lost"])
        took = storm()
        after = ka.settled(programs)
        per_million = [(b - a) / records * 1e6 for a, b in zip(before, after)]
        return {"cpu": per_million, "kauditd": (ka.seconds_of(ka.kauditd()) - kernel) / records * 1e6, "wall": took,
                "lost": int(ka.settings()["lost"]) - lost + sum(p.lost() for p in programs),
                "rss": [p.resident_mb() for p in programs]}
    finally:
        for running in programs:
            running.end()


def table(title, storm, records, arrangements):
    print(f"\n{title}: {records:,} records, {turns} turns\n")
    print("| reader | CPU s per million records (minimum to maximum) | kauditd's | storm, s | records lost | RSS MB |")
    print("|---|---|---|---|---|---|")
    samples = {name: [] for name, _ in arrangements}
    for turn in range(turns):
        for name, start in arrangements:
            samples[name].append(measure(start, storm, records))
        print(f"turn {turn + 1} of {turns}", file=sys.stderr)
    for name, runs in samples.items():
        columns = list(zip(*(run["cpu"] for run in runs)))
        cpu = " and ".join(f"{statistics.median(c):.2f} ({min(c):.2f} to {max(c):.2f})" for c in columns) or "–"
        rss = " and ".join(f"{max(c):.1f}" for c in zip(*(run["rss"] for run in runs))) or "–"
        middle = {key: statistics.median(run[key] for run in runs) for key in ("kauditd", "wall")}
        print(f"| {name} | {cpu} | {middle['kauditd']:.2f} | {middle['wall']:.2f} | {sum(run['lost'] for run in runs)} | {rss} |")


with ka.kernel_audit(), ka.scratch() as folder:
    python, true = folder / "getppid", folder / "true"
    shutil.copy(os.path.realpath(sys.executable), python)
    shutil.copy("/bin/true", true)
    most = statistics.median(2_000 / execute(str(true), 2_000) for _ in range(3))
    print(f"auditward {subprocess.check_output([program, '--version'], text=True).split()[-1]}, Linux {os.uname().release}, "
          f"{os.cpu_count()} processors; {most:.0f} executions a second at most")
    ka.turn_on(ka.getppid_of(python), ka.executions_of(true))
    syslog = ka.Rsyslogd(folder)
    try:
        arrangements = list(readers(folder, syslog.socket))
        calls = [str(python), "-S", "-c", f"import os\nfor _ in range({CALLS}): os.getppid()"]

        def cheap():
            begun = time.monotonic()
            subprocess.run(calls, check=True)
            return time.monotonic() - begun

        if CALLS:
            table("Cheap records, as fast as they go", cheap, 3 * CALLS, arrangements)
        table(f"Executions, {most / 2:.0f} a second", lambda: execute(str(true), EXECUTIONS, most / 2), 8 * EXECUTIONS, arrangements)
    finally:
        syslog.end()
