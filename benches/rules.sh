#!/usr/bin/env bash
# What many rules cost against one, over the same file, as whole processes: docs/performance.md, "Rules".
#
#   bash benches/rules.sh RULES [RECORDING[.gz]] [TURNS]
#
# RULES is a file or directory of many rules, RECORDING a day of audit records (raw audit.log lines), repeated
# with times and serials shifted to at least MEGABYTES (80). TURNS (7) interleaved runs each of `auditward
# replay` with the one shipped rule and with RULES. AUDITWARD=PATH names a program that is built already.
set -eu -o pipefail
cd "$(dirname "$0")/.."

rules=${1:?name a file or directory of rules}
recording=${2:-tests/fixtures/admin-day.log.gz}
turns=${3:-7}
scratch=$(mktemp -d "${TMPDIR:-/tmp}/auditward-rules.XXXXXX")
trap 'rm -rf "$scratch"' EXIT

case $recording in *.gz) gzip -dc "$recording" ;; *) cat "$recording" ;; esac >"$scratch/day.log"
copies=$((${MEGABYTES:-80} * 1000000 / $(stat -c %s "$scratch/day.log") + 1))
awk -v copies="$copies" -f benches/shift.awk "$scratch/day.log" >"$scratch/days.log"

auditward=${AUDITWARD:-}
if [[ -z $auditward ]]; then
    cargo build --quiet --release
    auditward=${CARGO_TARGET_DIR:-target}/release/auditward
fi
add() { # add NAME RULES
    printf '%s\t1\t%s\t%s\n' "$1" "$auditward replay --site /nonexistent --rules $2 $scratch/days.log >$scratch/$1 2>$scratch/$1.summary" "$scratch/$1"
}
{ add one rules/persistence_linux_backdoor_user_creation.toml && add many "$rules"; } >"$scratch/programs"
echo "$copies copies of $recording"
python3 benches/measure.py "$turns" <"$scratch/programs"
tail -n 3 "$scratch/one.summary" "$scratch/many.summary" | cut -c 1-160
