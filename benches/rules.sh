#!/usr/bin/env bash
# What many rules cost against one, over the same file, as whole processes: docs/performance.md, "Rules".
#
#   bash benches/rules.sh RULES [RECORDING[.gz]] [TURNS]
#
# RULES is a file or directory of many rules, RECORDING a day of audit records (raw audit.log lines), repeated
# with times and serials shifted (benches/shift.awk), so that every event is distinct: to at least MEGABYTES (80)
# and to at least LONG_MEGABYTES (500). TURNS (21) interleaved runs each of `auditward replay` with the one shipped
# rule and with RULES; and over an empty file, which is what reading the rules costs. AUDITWARD=PATH names a
# program that is built already.
set -eu -o pipefail
cd "$(dirname "$0")/.."

rules=${1:?name a file or directory of rules}
recording=${2:-tests/fixtures/admin-day.log.gz}
turns=${3:-21}
scratch=$(mktemp -d "${TMPDIR:-/tmp}/auditward-rules.XXXXXX")
trap 'rm -rf "$scratch"' EXIT

case $recording in *.gz) gzip -dc "$recording" ;; *) cat "$recording" ;; esac >"$scratch/day.log"
auditward=${AUDITWARD:-}
if [[ -z $auditward ]]; then
    cargo build --quiet --release
    auditward=${CARGO_TARGET_DIR:-target}/release/auditward
fi
add() { # add NAME RUNS RULES
    printf '%s\t%s\t%s\t%s\n' "$1" "$2" "$auditward replay --site /nonexistent --rules $3 $scratch/days.log >$scratch/$1 2>$scratch/$1.summary" "$scratch/$1"
}
one=rules/persistence_linux_backdoor_user_creation.toml
measure() { # measure RUNS, over days.log
    { add one "$1" "$one" && add many "$1" "$rules"; } >"$scratch/programs"
    python3 benches/measure.py "$turns" one <"$scratch/programs"
    tail -n 3 "$scratch/one.summary" "$scratch/many.summary" | cut -c 1-160
}
: >"$scratch/days.log"
echo "an empty file"
measure 10
for megabytes in "${MEGABYTES:-80}" "${LONG_MEGABYTES:-500}"; do
    copies=$((megabytes * 1000000 / $(stat -c %s "$scratch/day.log") + 1))
    awk -v copies="$copies" -f benches/shift.awk "$scratch/day.log" >"$scratch/days.log"
    printf '\n%s copies of %s: %s bytes\n' "$copies" "$recording" "$(stat -c %s "$scratch/days.log")"
    measure 1
done
