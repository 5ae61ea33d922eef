#!/usr/bin/env bash
# auditward against its peers over the same file, as whole processes: docs/performance.md's table.
#
#   bash benches/peers.sh RECORDING[.gz] [TURNS]
#
# RECORDING is a day of audit records (raw audit.log lines); it is repeated with times and serials shifted
# (benches/shift.awk) to at least MEGABYTES (500). Every program reads that file and writes into a scratch
# folder. TURNS (7) interleaved runs each. Needs awk, python3, and of the peers what is there:
#
#   AUDITWARD=PATH  one that is built already, instead of building this tree's
#   LAUREL=PATH     laurel 0.8: cargo install --locked --root DIR laurel@0.8.2 (libclang-dev, libacl1-dev)
#   RULES=PATH      a folder of many rules, of which replay is measured too (../shared/elastic-rules, where it is)
#   SCRATCH=DIR     keep the files and what was measured there: the turns in several pieces, then 0 turns for the table
#   ausearch        Debian: auditd
#   auparse         Debian: python3-audit; over a tenth of the file, being slow
#
# The machine should be quiet; the table gives minimum and maximum beside the median to show whether it was.
set -eu -o pipefail
cd "$(dirname "$0")/.."

recording=${1:-../shared/fixtures/admin-day.log.gz}
turns=${2:-7}
megabytes=${MEGABYTES:-500}
rules=${RULES:-../shared/elastic-rules}
if [[ -n ${SCRATCH:-} ]]; then
    scratch=$SCRATCH
    mkdir -p "$scratch"
else
    scratch=$(mktemp -d "${TMPDIR:-/tmp}/auditward-peers.XXXXXX")
    trap 'rm -rf "$scratch"' EXIT
fi
PATH=$PATH:/usr/sbin:/sbin

# ---- the file ----
[[ -r $recording ]] || { echo "no recording at $recording: name one" >&2; exit 2; }
case $recording in *.gz) gzip -dc "$recording" ;; *) cat "$recording" ;; esac >"$scratch/day.log"
copies=$((megabytes * 1000000 / $(stat -c %s "$scratch/day.log") + 1))
file=$scratch/days.log
[[ -s $file ]] || awk -v copies="$copies" -f benches/shift.awk "$scratch/day.log" >"$file"
part=$scratch/part.log
[[ -s $part ]] || head -n "$(($(wc -l <"$file") / 10))" "$file" >"$part"

# ---- the programs: name, runs a turn, command, what it writes ----
auditward=${AUDITWARD:-}
if [[ -z $auditward ]]; then
    cargo build --quiet --release
    auditward=${CARGO_TARGET_DIR:-target}/release/auditward
fi
laurel=${LAUREL:-$(command -v laurel || true)}
programs=$scratch/programs
: >"$programs"
add() { printf '%s\t%s\t%s\t%s\n' "$@" >>"$programs"; }

site="--site /nonexistent --rules"
rule="$site rules/persistence_linux_backdoor_user_creation.toml"
replay() { # replay NAME RULES
    add "auditward replay, $1" 1 "$auditward replay $2 $file >$scratch/replay 2>$scratch/replay.summary" "$scratch/replay"
}
replay 'one rule' "$rule"
replay 'the shipped rules' "$site rules"
[[ ! -d $rules ]] || replay "all of $(basename "$rules")" "$site $rules"
add 'auditward events --format json' 1 "$auditward events --format json $file >$scratch/events 2>/dev/null" "$scratch/events"
if [[ -n $laurel ]]; then
    mkdir -p "$scratch/laurel"
    cat >"$scratch/laurel.toml" <<END
directory = "$scratch/laurel"
[auditlog]
file = "audit.log"
size = 100000000000
[state]
file = ""
END
    add laurel 1 "sh -c 'rm -f $scratch/laurel/audit.log; exec $laurel -c $scratch/laurel.toml <$file 2>/dev/null'" "$scratch/laurel/audit.log"
else
    echo "laurel is not installed: LAUREL=PATH names one (see the head of this script)" >&2
fi
if command -v ausearch >/dev/null; then
    add 'ausearch --format raw' 1 "ausearch -if $file --format raw >$scratch/ausearch 2>/dev/null" "$scratch/ausearch"
else
    echo "ausearch is not installed (Debian: auditd)" >&2
fi
if python3 -c 'import auparse' 2>/dev/null; then python=python3; else python=/usr/bin/python3; fi
if "$python" -c 'import auparse' 2>/dev/null; then
    add 'auparse from Python, a tenth' 1 "$python benches/fields_by_auparse.py $part >$scratch/auparse" "$scratch/auparse"
else
    echo "auparse is not installed (Debian: python3-audit)" >&2
fi
add 'grep -c type=SYSCALL' 5 "grep -c type=SYSCALL $file >$scratch/grep" "$scratch/grep"
add 'wc -l' 5 "wc -l $file >$scratch/wc" "$scratch/wc"

# ---- the table ----
{
    printf 'auditward %s, ' "$("$auditward" --version | awk '{print $NF}')"
    [[ -z $laurel ]] || printf '%s, ' "$("$laurel" --version 2>&1 | head -n 1)"
    printf 'Linux %s, %s cores of %s; ' "$(uname -r)" "$(nproc)" \
        "$(sed -n 's/^model name[[:space:]]*: //p' /proc/cpuinfo | head -n 1)"
    printf '%s copies of the recording: %s bytes, %s lines\n\n' "$copies" "$(stat -c %s "$file")" "$(wc -l <"$file")"
}
SAMPLES=${SCRATCH:+$scratch/samples.json} python3 benches/measure.py "$turns" <"$programs"
[[ -z ${SCRATCH:-} ]] || exit 0

# ---- memory must not grow with the file ----
anonymous() { # peak of anonymous memory in MB over one run
    printf 'auditward\t1\t%s\t\n' "$1" | python3 benches/measure.py 1 2>/dev/null | awk -F'|' 'END{gsub(/ /, "", $9); print $9}'
}
longer=$scratch/longer.log
awk -v copies="$((2 * copies))" -f benches/shift.awk "$scratch/day.log" >"$longer"
printf '\n| anonymous MB at the peak | one day (%s bytes) | %s days | %s days |\n|---|---|---|---|\n' \
    "$(stat -c %s "$scratch/day.log")" "$copies" "$((2 * copies))"
for command in "replay $rule" 'events --format json'; do
    printf '| auditward %s | %s | %s | %s |\n' "${command% --site*}" \
        "$(anonymous "$auditward $command $scratch/day.log >/dev/null 2>&1")" \
        "$(anonymous "$auditward $command $file >/dev/null 2>&1")" \
        "$(anonymous "$auditward $command $longer >/dev/null 2>&1")"
done
