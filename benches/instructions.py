#!/usr/bin/env python3
"""How many instructions the program needs for fixed pieces of work, against a committed baseline.

    python3 benches/instructions.py PROGRAM                       compares; status 1 beyond 5 % either way
    AUDITWARD_UPDATE=1 python3 benches/instructions.py PROGRAM    writes the baseline, benches/instructions.tsv
    python3 benches/instructions.py PROGRAM NAME...               only these; prints what `callgrind_annotate` needs

Each row is a whole run of PROGRAM over a recording of this repository, counted by valgrind's callgrind; rows differ by
a stage of a record's path, so that the row that is dearer says where to look. Instructions do not depend on what else
the machine does; they depend on how PROGRAM was built, so the baseline is that of the program which CI's tier
`packages` leaves (no link-time optimization). What is cheaper than the baseline fails, too: it would hide what becomes
dearer later. Needs Debian's valgrind.

>>> judged({"a": 100, "b": 100, "c": 100}, {"a": 105, "b": 106, "c": 94})
{'b': 'dearer', 'c': 'cheaper'}
>>> judged({"gone": 1}, {"new": 1})
{'new': 'not in the baseline', 'gone': 'not measured'}
"""
import concurrent.futures
import gzip
import os
import platform
import re
import subprocess
import sys
import tempfile

MOST = 0.05
HERE = os.path.dirname(os.path.abspath(__file__))
REPOSITORY = os.path.dirname(HERE)
BASELINE = os.path.join(HERE, "instructions.tsv")
ONE = "rules/persistence_linux_backdoor_user_creation.toml"
ELASTIC = "../shared/elastic-rules"
REPLAY = ["replay", "--site", "/nonexistent"]
ALERTS = [*REPLAY, "--rules", "benches/rules/each_execution.toml", "{morning}", "--format"]

# Name, arguments, what it adds. {day} is the day of ordinary administration, {morning} its first 5,000 records,
# {empty} has nothing in it, {documents} has the day's documents.
RUNS = {
    "start": ([*REPLAY, "--rules", ONE, "{empty}"], "the program starts, with one rule"),
    "rules": ([*REPLAY, "--rules", "rules", "{empty}"], "reading all shipped rules"),
    "conditions": ([*REPLAY, "--rules", ONE, "{day}"], "records, events, the conditions of one rule"),
    "shipped": ([*REPLAY, "--rules", "rules", "{day}"], "the conditions of all shipped rules"),
    "sequences": ([*REPLAY, "--rules", "benches/rules/sequences", "{day}"], "sequences that wait"),
    "kept": ([*REPLAY, "--summary", "--rules", "benches/rules/sequences", "{day}"], "the same, all of their events kept"),
    "alerts": ([*ALERTS, "text"], "alerts as lines, of each execution of a morning"),
    "syslog": ([*ALERTS, "syslog"], "the same with syslog's header"),
    "alert-documents": ([*ALERTS, "json"], "the same as documents"),
    "text": (["events", "--format", "text", "{day}"], "events as lines"),
    "json": (["events", "--format", "json", "{day}"], "events as documents"),
    "documents": ([*REPLAY, "--rules", ONE, "{documents}"], "documents instead of records"),
    "elastic": ([*REPLAY, "--rules", ELASTIC, "{day}"], "all of Elastic's rules"),
}


def judged(before, now):
    """What is wrong: {name: word}."""
    words = {}
    for name, count in now.items():
        if name not in before:
            words[name] = "not in the baseline"
        elif abs(count - before[name]) > MOST * before[name]:
            words[name] = "dearer" if count > before[name] else "cheaper"
    return words | {name: "not measured" for name in before if name not in now}


def counted(program, arguments, out="/dev/null"):
    """Instructions of one run, without address randomization and with nothing of this environment."""
    command = ["setarch", "-R", "valgrind", "--tool=callgrind", f"--callgrind-out-file={out}", program, *arguments]
    told = subprocess.run(command, cwd=REPOSITORY, env={"PATH": os.environ["PATH"], "LANG": "C.UTF-8", "TZ": "UTC"},
                          stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, check=False)
    text = told.stderr.decode(errors="replace")
    found = re.search(r"Collected : (\d+)", text)
    if told.returncode or not found:
        sys.exit(f"{' '.join(command)}: status {told.returncode}\n{text}")
    return int(found[1])


def inputs(program, scratch):
    """The files that the runs read."""
    files = {name: os.path.join(scratch, name) for name in ("empty", "day", "morning", "documents")}
    open(files["empty"], "wb").close()
    with gzip.open(os.path.join(REPOSITORY, "tests/fixtures/admin-day.log.gz")) as packed:
        lines = packed.readlines()
    for name, count in (("day", len(lines)), ("morning", 5000)):
        with open(files[name], "wb") as file:
            file.writelines(lines[:count])
    with open(files["documents"], "wb") as documents:
        subprocess.run([program, "events", "--format", "json", "--secrets", "keep", files["day"]], stdout=documents,
                       stderr=subprocess.DEVNULL, check=True)
    return files


def measured(program, names):
    """{name: instructions}; those that are named leave `callgrind.NAME` in the current directory."""
    with tempfile.TemporaryDirectory(prefix="auditward-instructions.") as scratch:
        files = inputs(program, scratch)
        # Without its line numbers, which valgrind would read each time.
        lean = program
        if not names:
            lean = os.path.join(scratch, "auditward")
            subprocess.run(["strip", "--strip-debug", "-o", lean, program], check=True)

        def run(name):
            arguments = [argument.format(**files) for argument in RUNS[name][0]]
            return counted(lean, arguments, os.path.abspath(f"callgrind.{name}") if names else "/dev/null")

        wanted = names or [name for name in RUNS if name != "elastic" or os.path.isdir(os.path.join(REPOSITORY, ELASTIC))]
        with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as workers:
            return dict(zip(wanted, workers.map(run, wanted)))


def baseline():
    """{name: instructions}, and what they were measured with."""
    with open(BASELINE, encoding="utf-8") as file:
        lines = file.read().splitlines()
    rows = [line.split("\t") for line in lines if line and not line.startswith("#")]
    return {name: int(count) for name, count in rows}, lines[0]


def made_with():
    """What the counts depend on beside the program's source."""
    rustc = subprocess.run(["rustc", "--version"], capture_output=True, text=True, check=True).stdout.strip()
    valgrind = subprocess.run(["valgrind", "--version"], capture_output=True, text=True, check=True).stdout.strip()
    return f"# {rustc}; {valgrind}; {' '.join(platform.libc_ver())}"


def main():
    program, names = os.path.abspath(sys.argv[1]), sys.argv[2:]
    now = measured(program, names)
    if os.environ.get("AUDITWARD_UPDATE") and not names:
        with open(BASELINE, "w", encoding="utf-8") as file:
            file.write(made_with() + "\n" + "".join(f"{name}\t{count}\n" for name, count in now.items()))
    before, head = baseline()
    if head != made_with():
        print(f"the baseline is of {head[2:]}, this is {made_with()[2:]}")
    if names or "elastic" not in now:
        before = {name: count for name, count in before.items() if name in now}
    words = judged(before, now)
    print(f"{'run':<16} {'instructions':>15} {'baseline':>15} {'%':>7}")
    for name, count in now.items():
        was = before.get(name)
        change = f"{100 * (count / was - 1):+.2f}" if was else "-"
        print(f"{name:<16} {count:>15,} {was or 0:>15,} {change:>7}  {words.get(name) or RUNS[name][1]}")
    for name in before.keys() - now.keys():
        print(f"{name:<16} not measured")
    if words:
        print(f"more than {100 * MOST:.0f} % from the baseline: mend it, or write it anew and say why: "
              f"AUDITWARD_UPDATE=1 bash .ci/run packages instructions")
    sys.exit(1 if words else 0)


if __name__ == "__main__":
    main()
