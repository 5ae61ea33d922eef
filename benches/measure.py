"""Times whole programs in turn and prints a Markdown table. benches/peers.sh writes its input.

Standard input, one program a line, tab-separated:

    NAME <tab> RUNS_PER_TURN <tab> COMMAND <tab> FILE_WRITTEN

COMMAND is given to `sh -c 'exec COMMAND'`. Each turn runs every program once (RUNS_PER_TURN times where one
run is too short for the clock; the figures are then per run), so that a drift of the machine's speed meets
all of them. CPU time is the kernel's own accounting of the finished process (wait4). Memory is read every 2 ms from
/proc/PID/status in one further run that is not timed: VmHWM (wait4's own figure would count what was resident
before the exec) and RssAnon. The ratio column divides medians of user+sys by those of BASE (second argument; laurel).
SAMPLES=FILE (environment) keeps the runs there: the turns can be had in several pieces, and 0 turns give memory and the
table of all runs that the file has.
"""
import json
import os
import statistics
import subprocess
import sys
import time

turns = int(sys.argv[1]) if len(sys.argv) > 1 else 7
base = sys.argv[2] if len(sys.argv) > 2 else "laurel"


def spawn(command):
    return subprocess.Popen(["sh", "-c", "exec " + command], stdin=subprocess.DEVNULL)


def finish(child, name):
    _, status, usage = os.wait4(child.pid, 0)
    child.returncode = os.waitstatus_to_exitcode(status)
    if child.returncode:
        sys.exit(f"{name}: exit status {child.returncode}")
    return usage


def timed(name, command, runs):
    user = system = 0.0
    start = time.monotonic()
    for _ in range(runs):
        usage = finish(spawn(command), name)
        user, system = user + usage.ru_utime, system + usage.ru_stime
    return {"wall": (time.monotonic() - start) / runs, "user": user / runs, "sys": system / runs,
            "cpu": (user + system) / runs}


def memory_peaks(name, command):
    """KiB of VmHWM and of RssAnon at their highest, sampled; short-lived programs give what was seen."""
    child, peaks = spawn(command), {b"VmHWM": 0, b"RssAnon": 0}
    while True:
        try:
            with open(f"/proc/{child.pid}/status", "rb") as status:
                for key, _, value in (line.partition(b":") for line in status):
                    if key in peaks:
                        peaks[key] = max(peaks[key], int(value.split()[0]))
        except OSError:
            pass
        if os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT):
            break
        time.sleep(0.002)
    finish(child, name)
    return peaks


def written(path):
    if not path:
        return "–"
    with open(path, "rb") as lines:
        return f"{sum(block.count(10) for block in iter(lambda: lines.read(1 << 20), b'')):,}"


programs = [line.rstrip("\n").split("\t") for line in sys.stdin if line.strip()]
samples = {name: [] for name, *_ in programs}
kept = os.environ.get("SAMPLES")
if kept and os.path.exists(kept):
    with open(kept, encoding="utf-8") as file:
        samples |= {name: runs for name, runs in json.load(file).items() if name in samples}
for turn in range(turns):
    for name, runs, command, _ in programs:
        samples[name].append(timed(name, command, int(runs)))
    print(f"turn {turn + 1} of {turns}", file=sys.stderr)
if kept:
    with open(kept, "w", encoding="utf-8") as file:
        json.dump(samples, file)
    if turns:
        sys.exit()
memory = {name: memory_peaks(name, command) for name, _, command, _ in programs}


def middle(name, figure):
    return statistics.median(run[figure] for run in samples[name])


print(f"| program | user+sys s, median (min–max) | user s | sys s | wall s | of {base}'s CPU | peak RSS MB | anonymous MB | lines out |")
print("|---|---|---|---|---|---|---|---|---|")
for name, _, _, output in programs:
    cpu = [run["cpu"] for run in samples[name]]
    ratio = f"{middle(name, 'cpu') / middle(base, 'cpu'):.3f}" if base in samples else "–"
    print(f"| {name} | {middle(name, 'cpu'):.3f} ({min(cpu):.3f}–{max(cpu):.3f}) | {middle(name, 'user'):.3f} | "
          f"{middle(name, 'sys'):.3f} | {middle(name, 'wall'):.3f} | {ratio} | {memory[name][b'VmHWM'] / 1024:.1f} | "
          f"{memory[name][b'RssAnon'] / 1024:.1f} | {written(output)} |")
