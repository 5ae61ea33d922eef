#!/usr/bin/env bash
# rules.yml against a daemon of the test's own: a first set, the same again, a broken one, a second.
#
#   contrib/ansible/test.sh AUDITWARD ANSIBLE-PLAYBOOK
#
# As root on a machine whose kernel has audit: the daemon listens, no kernel rule is loaded.
set -eu
program=$(realpath "$1")
playbook=$2
here=$(dirname "$(realpath "$0")")
scratch=$(mktemp -d)
chmod 755 "$scratch"
site=$scratch/etc
mkdir -p "$site/rules.d" "$scratch/set/rules.d"
mkdir -m 777 "$scratch/run" "$scratch/state"

cat >"$site/auditward.toml" <<END
[syslog]
enabled = false
[daemon]
runtime_directory = "$scratch/run"
state_directory = "$scratch/state"
END

rule() { # rule NAME DIGIT QUERY
    local id
    id=$(printf '%08d-%04d-4111-8111-%012d' "$2" "$2" "$2")
    printf '[rule]\nname = "%s"\nrule_id = "%s"\ndescription = "A test."\nseverity = "low"\nrisk_score = 21\ntype = "eql"\nlanguage = "eql"\nquery = """\n%s\n"""\n' \
        "$1" "$id" "$3"
}

play() { # play: the playbook's output; its status
    ANSIBLE_LOCALHOST_WARNING=0 ANSIBLE_INVENTORY_UNPARSED_WARNING=0 "$playbook" -i localhost, -c local "$here/rules.yml" \
        -e set="$scratch/set" -e site="$site" -e program="$program" -e ansible_python_interpreter=/usr/bin/python3 >"$scratch/out" 2>&1
}

failed() {
    echo "NOT SO: $*"
    cat "$scratch/out" "$scratch/daemon.log"
    exit 1
}

says() { grep -qF -- "$1" "$scratch/out" || failed "the playbook does not say: $1"; }

in_force() { readlink "$site/set"; }

hash_of_daemon() { "$program" status --runtime "$scratch/run" | sed -n 's/^rules .*hash //p'; }

"$program" run --config "$site/auditward.toml" --site "$site" >"$scratch/daemon.log" 2>&1 &
daemon=$!
trap 'kill $daemon; wait $daemon || true; rm -rf "$scratch"' EXIT
for _ in $(seq 200); do
    [ ! -S "$scratch/run/control.sock" ] || break
    sleep 0.1
done

echo 'a rule of this host alone' >"$site/rules.d/before.txt"
rule One 1 'process where process.name == "fleet-one"' >"$scratch/set/rules.d/one.toml"
play || failed "the first set"
says "new: One: live"
[ -e "$site/.before-rules.d/before.txt" ] || failed "what was there is not kept"
first=$(in_force)
hash=$(hash_of_daemon)
echo "ok the first set is in force"

play || failed "the same set again"
says "changed=0"
echo "ok the same set again changes nothing"

rule Two 2 'process wher process.name == "fleet-two"' >"$scratch/set/rules.d/two.toml"
if play; then failed "a broken set passed"; fi
says "two.toml:10:9"
[ "$(in_force) $(hash_of_daemon)" = "$first $hash" ] || failed "a broken set has changed something"
echo "ok a broken set stops with its fault, and the one in force stays"

rule Two 2 'process where process.name == "fleet-two"' >"$scratch/set/rules.d/two.toml"
rm "$scratch/set/rules.d/one.toml"
play || failed "the second set"
says "new: Two: live"
says "One"
[ "$(in_force)" != "$first" ] || failed "the second set is not in its place"
[ "$(hash_of_daemon)" != "$hash" ] || failed "the second set is not in force"
[ ! -e "$site/rules.d/one.toml" ] || failed "what is no longer in the set is still there"
echo "ok the second set takes its place, what is not in it is gone"
