"""How CPU time and memory grow with rules, processes and open sequences: curves in an SVG, and the figures as Markdown.

    python3 benches/growth.py AUDITWARD RECORDING[.gz] OUT.svg [TURNS]      needs matplotlib (PyPI, or Debian's python3-matplotlib)

Each point is `auditward replay` over the same number of events, the median of TURNS (5) in turn: rules over DAYS (10) copies of
RECORDING, a day of audit records (benches/shift.awk); 10^6 executions of N processes that stay; 200,000 executions of which N
open a sequence that never ends. The bounds are raised to hold all of it (`--config`).
"""
import gzip
import os
import pathlib
import statistics
import subprocess
import sys
import tempfile
import threading
import time
import uuid

import matplotlib

matplotlib.use("svg")
matplotlib.rcParams.update({"svg.hashsalt": "auditward", "svg.fonttype": "none", "font.size": 9})
from matplotlib import pyplot  # noqa: E402

ROOT = pathlib.Path(__file__).resolve().parent.parent
program, recording, out = (pathlib.Path(argument).resolve() for argument in sys.argv[1:4])
turns = int(sys.argv[4]) if len(sys.argv) > 4 else 5
DAYS = int(os.environ.get("DAYS", 10))
EXECUTIONS, SEQUENCED = 1_000_000, 200_000
BOUNDS = """[processes]
entries = 2097152
bytes = "512M"
[sequences]
partials = 1048576
all_partials = 1048576
bytes = "1G"
"""
# Of ten rules, each with names of its own: what rules for executions and files mostly are, and one sequence.
QUERIES = [
    'process where event.type == "start" and process.name in ("tool{n}", "helper{n}") and process.args == "--flag{n}"',
    'process where event.type == "start" and process.name == "tool{n}" and not process.parent.name in ("make{n}", "cc{n}")',
    'process where process.executable : ("/opt/place{n}/*", "/srv/place{n}/*") and process.args_count > 2',
    'process where process.args : "*pattern{n}*" and process.name != "grep"',
    'process where process.parent.name == "server{n}" and process.name in ("sh", "bash", "dash", "zsh")',
    'process where event.type == "start" and process.name : "pre{n}*" and process.args in ("-a{n}", "-b{n}")',
    'file where event.type == "creation" and file.path : ("/etc/conf{n}/*", "/var/lib/conf{n}/*")',
    'process where process.working_directory == "/var/www/site{n}" and process.name in ("sh", "bash", "curl")',
    'file where event.type == "deletion" and file.name == "trace{n}.log" and process.name != "logrotate"',
    'sequence by process.parent.pid with maxspan=1m [process where process.name == "first{n}"] '
    '[process where process.name == "second{n}"]',
]
ONE_SEQUENCE = ('sequence by process.pid with maxspan=1d [process where process.name == "opener"] '
                '[process where process.name == "closer"]')


def rule(n, query):
    return (f'[rule]\nname = "Growth {n}"\nrule_id = "{uuid.uuid5(uuid.NAMESPACE_OID, str(n))}"\ndescription = "One of many."\n'
            f'type = "eql"\nlanguage = "eql"\nseverity = "low"\nrisk_score = 21\nauthor = ["benches/growth.py"]\n'
            f"query = '''\n{query.replace('{n}', str(n))}\n'''\n")


def executions(count, processes, name=lambda n: "worker"):
    """Records of `count` executions, by `processes` pids in turn."""
    for n in range(count):
        pid = 1_000 + n % processes
        stamp = f"audit({1_790_000_000 + n // 1_000}.{n % 1_000:03}:{n + 1})"
        comm = name(n)
        yield (f'type=SYSCALL msg={stamp}: arch=c000003e syscall=59 success=yes exit=0 a0=0 a1=0 a2=0 a3=8 items=0 ppid=900 pid={pid} '
               f'auid=1000 uid=0 gid=0 euid=0 suid=0 fsuid=0 egid=0 sgid=0 fsgid=0 tty=(none) ses=4 comm="{comm}" '
               f'exe="/usr/bin/{comm}" key=(null)\n'
               f'type=EXECVE msg={stamp}: argc=3 a0="{comm}" a1="--serve" a2="{pid}"\ntype=EOE msg={stamp}: \n')


def replay(rules, file, config):
    """CPU seconds, and the peak of anonymous memory in MB (by a look every 2 ms)."""
    child = subprocess.Popen([program, "replay", "--site", "/nonexistent", "--config", config, "--rules", rules, file],
                             stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    said = []
    reader = threading.Thread(target=lambda: said.append(child.stderr.read()))
    reader.start()
    peak = 0
    while not os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT):
        with open(f"/proc/{child.pid}/status") as status:
            peak = max([peak, *(int(line.split()[1]) for line in status if line.startswith("RssAnon"))])
        time.sleep(0.002)
    _, status, usage = os.wait4(child.pid, 0)
    child.returncode = os.waitstatus_to_exitcode(status)
    reader.join()
    if child.returncode:
        sys.exit(said[0].decode())
    return usage.ru_utime + usage.ru_stime, peak / 1024


def curve(title, unit, points):
    """`points` are (N, rules, file, config), measured in turn; prints a table and gives N, CPU and memory."""
    samples = [[] for _ in points]
    for turn in range(turns):
        for at, (_, *run) in enumerate(points):
            samples[at].append(replay(*run))
        print(f"{title}: turn {turn + 1} of {turns}", file=sys.stderr)
    found = [(point[0], *(statistics.median(column) for column in zip(*runs))) for point, runs in zip(points, samples)]
    print(f"\n| {unit} | CPU s | of the first | anonymous MB at the peak |\n|---|---|---|---|")
    for n, cpu, memory in found:
        print(f"| {n:,} | {cpu:.3f} | {cpu / found[0][1]:.2f} | {memory:.1f} |", flush=True)
    return title, unit, found


def write(path, lines):
    with open(path, "w") as file:
        file.writelines(lines)
    return path


with tempfile.TemporaryDirectory(prefix="auditward-growth.") as scratch:
    scratch = pathlib.Path(scratch)
    config = write(scratch / "auditward.toml", BOUNDS)
    print(f"auditward {subprocess.check_output([program, '--version'], text=True).split()[-1]}, Linux {os.uname().release}; medians of {turns}")

    day, days = scratch / "day.log", scratch / "days.log"
    day.write_bytes(gzip.open(recording).read() if recording.suffix == ".gz" else recording.read_bytes())
    with open(days, "wb") as file:
        subprocess.run(["awk", "-v", f"copies={DAYS}", "-f", ROOT / "benches/shift.awk", day], stdout=file, check=True)
    points = []
    for count in (1, 10, 100, 1_000):
        folder = scratch / f"rules{count}"
        folder.mkdir()
        for n in range(count):
            write(folder / f"{n}.toml", [rule(n, QUERIES[n % len(QUERIES)])])
        points.append((count, folder, days, config))
    curves = [curve("rules", "rules", points)]
    days.unlink()

    # The same executions by ever more processes that stay.
    points = []
    for count in (1_000, 10_000, 100_000, 1_000_000):
        file = write(scratch / f"processes{count}.log", executions(EXECUTIONS, count))
        points.append((count, scratch / "rules1", file, config))
    curves.append(curve("processes", "processes", points))
    n, _, most = curves[-1][2][-1]
    least = curves[-1][2][0][2]
    print(f"\n{(most - least) * 1024 * 1024 / (n - curves[-1][2][0][0]):.0f} bytes a further process")
    for _, _, file, _ in points:
        file.unlink()

    folder = scratch / "sequence"
    folder.mkdir()
    write(folder / "one.toml", [rule(0, ONE_SEQUENCE)])
    points = []
    for count in (1, 10, 100, 1_000, 10_000, 100_000):
        # The openers first; the others are of pids that none of them has.
        def name(n, count=count):
            return "opener" if n < count else "closer" if n >= SEQUENCED // 2 else "worker"
        points.append((count, folder, write(scratch / f"sequences{count}.log", executions(SEQUENCED, SEQUENCED, name)), config))
    curves.append(curve("open sequences", "open sequences", points))

figure, axes = pyplot.subplots(2, len(curves), figsize=(9, 4.6), constrained_layout=True)
for (title, unit, found), (cpu, memory) in zip(curves, axes.T):
    counts = [point[0] for point in found]
    for axis, column, label in ((cpu, 1, "CPU s"), (memory, 2, "anonymous MB")):
        axis.plot(counts, [point[column] for point in found], marker="o", markersize=3, color="#1f4e79")
        axis.set_xscale("log")
        axis.set_ylim(bottom=0)
        axis.grid(alpha=0.3)
        axis.set_ylabel(label)
    cpu.set_title(title)
    memory.set_xlabel(unit)
figure.savefig(out, metadata={"Date": None})
