#!/usr/bin/env bash
# `auditward replay` over the documents of 1,000 hosts, with one job and with two, against jq and grep over the same
# file: the table of docs/performance.md.
#
#   bash benches/many_hosts.sh [MEGABYTES] [TURNS]      500 and 3; a soak is 10000 and 1
#
#   AUDITWARD=PATH  one that is built already, instead of building this tree's
#   RULES=PATH      other rules than the literal one
#   WHOLE=1         a file also above 2,000 MB, of that size, in TMPDIR
#   CHECK=1         neither jq nor grep: only whether it holds
#
# Above 2,000 MB the documents come through a pipe as they are made, so that they need no room; times then are the
# generator's.
#
# Fails when two jobs give other alerts than one, or memory is above 200 MB.
set -eu -o pipefail
cd "$(dirname "$0")/.."

megabytes=${1:-500} turns=${2:-3}
rules=${RULES:-rules/persistence_linux_backdoor_user_creation.toml}
scratch=$(mktemp -d "${TMPDIR:-/tmp}/auditward-many-hosts.XXXXXX")
trap 'rm -rf "$scratch"' EXIT
auditward=${AUDITWARD:-}
if [[ -z $auditward ]]; then
    cargo build --quiet --release
    auditward=${CARGO_TARGET_DIR:-target}/release/auditward
fi

events() { "$auditward" events --format json --secrets keep "$1" 2>/dev/null; }
events tests/fixtures/admin-day.log.gz >"$scratch/day"
events tests/fixtures/uid0/usermod_u0_o.log >"$scratch/takeover"
file=$scratch/documents.ndjson
documents() { python3 benches/many_hosts.py "$scratch/day" "$scratch/takeover" "$megabytes" >"$file"; }
if [[ $megabytes -gt 2000 && -z ${WHOLE:-} ]]; then
    mkfifo "$file"
else
    documents
    printf '%s documents, %s MB\n' "$(wc -l <"$file")" "$(($(stat -c %s "$file") / 1000000))"
fi

measure() { # measure NAME COMMAND...: wall, user and system seconds, peak RSS in MB
    local name=$1
    shift
    python3 - "$name" "$scratch/$name.out" "$@" <<'END'
import os, sys, time
name, out, *command = sys.argv[1:]
start = time.monotonic()
child = os.fork()
if child == 0:
    os.dup2(os.open(out, os.O_WRONLY | os.O_CREAT | os.O_TRUNC), 1)
    os.dup2(os.open(out + ".told", os.O_WRONLY | os.O_CREAT | os.O_TRUNC), 2)
    os.execvp(command[0], command)
_, status, usage = os.wait4(child, 0)
wall = time.monotonic() - start
print(f"{name}\t{wall:.2f}\t{usage.ru_utime:.2f}\t{usage.ru_stime:.2f}\t{usage.ru_maxrss / 1000:.0f}\t{os.waitstatus_to_exitcode(status)}", flush=True)
sys.exit(1 if name.startswith("jobs") and (status != 0 or usage.ru_maxrss > 200_000) else 0)
END
}

replay() {
    [[ ! -p $file ]] || documents &
    measure "jobs-$1" "$auditward" replay --site /nonexistent --rules "$rules" --format json --jobs "$1" "$file"
    wait
}
printf 'program\twall s\tuser s\tsystem s\tpeak RSS MB\tstatus\n'
[[ -p $file ]] || cat "$file" >/dev/null # in the cache for all
for ((turn = 0; turn < turns; turn++)); do
    replay 1
    replay 2
    cmp "$scratch/jobs-1.out" "$scratch/jobs-2.out"
    cmp "$scratch/jobs-1.out.told" "$scratch/jobs-2.out.told"
    if [[ -p $file || -n ${CHECK:-} ]]; then continue; fi
    measure jq jq -c 'select(.process.name == "usermod" and (.process.args | index("-u") and index("0") and index("-o")))' "$file"
    measure grep grep -c '"name":"usermod"' "$file"
done
wc -l "$scratch"/jobs-*.out
head -n 1 "$scratch/jobs-2.out.told"
tail -n 3 "$scratch/jobs-2.out.told"
[[ -s $scratch/jobs-1.out ]]
