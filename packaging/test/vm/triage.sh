#!/usr/bin/env bash
# In the virtual machine, with auditd, rsyslog and sshd: carol logs in over ssh and gives dave UID 0 through sudo; each answer
# in the alert is held against what getent, id, ps, who, loginctl, dpkg and sha256sum say.
# shellcheck disable=SC2317 # functions are called by name, through check
set -u
# shellcheck source=/dev/null
source /root/machine.sh

auditd_is_there() { auditctl -s | grep -q '^pid [1-9]'; }
within 20 auditd_is_there
useradd -m -s /bin/bash -c "Carol, of the night shift" -G adm,sudo carol
useradd -m -s /bin/bash erin
useradd frank
useradd -c "Dave's door" -g users -G cdrom,disk -s /bin/sh dave
useradd -c "Bob's second root" -o -u 0 -g users -s /bin/bash bob
echo 'carol ALL=(ALL) NOPASSWD: ALL' >/etc/sudoers.d/carol
ssh-keygen -q -t ed25519 -N '' -f /root/key
for user in carol erin; do
    install -d -o "$user" -g "$user" -m 700 "/home/$user/.ssh"
    install -o "$user" -g "$user" -m 600 /root/key.pub "/home/$user/.ssh/authorized_keys"
done

say "kernel $(uname -r), systemd $(systemctl --version | head -n 1)"
# An emulated machine takes its time; what is told is to be seen here, not how soon.
mkdir -p /etc/auditward/auditward.d
printf '[triage]\nwithin_ms = 10000\n' >/etc/auditward/auditward.d/triage.toml
printed=$(install_it ./auditward_0.1.0-1_amd64.deb)
told_by "$printed"
check "the service runs" equal "$(state auditward.service ActiveState)" active

# log_in USER FD: a shell on a terminal over ssh, which reads what comes to that descriptor
log_in() {
    mkfifo "/root/to-$1"
    ssh -tt -q -i /root/key -o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null "$1@127.0.0.1" \
        <"/root/to-$1" >"/root/from-$1" 2>&1 &
    eval "exec $2>/root/to-$1"
}
logged_in() { who | grep -q "^$1 " && loginctl list-sessions --no-legend | grep -q " $1 "; }
has_alert() { [[ -n $(auditward alerts list --user dave 2>/dev/null) ]]; }
# The first alert about an account, whole: its document is written a moment after its line.
is_gathered() {
    auditward alerts list --user "$1" --format json 2>/dev/null | head -n 1 >/root/alert
    [[ -s /root/alert ]] && jq -e .auditward.triage.duration_us /root/alert >/dev/null
}
of() { jq -r "$1" /root/alert; }
# answer LABEL ROLE FILTER: of each row of that question's answer
answer() { of ".auditward.triage.guide[] | select((.label | contains(\"$1\")) and (.role // \"\") == \"$2\") | .rows[] | $3"; }
passwd_line='"\(.username):x:\(.uid):\(.gid):\(.description):\(.directory):\(.shell)"'

say "carol logs in over ssh, and takes over dave's account by sudo"
log_in carol 5
log_in erin 6
check "carol is logged in" within 60 logged_in carol
check "erin is logged in" within 60 logged_in erin
check "what belongs to a login has started" within 60 quiet systemctl is-active "user@$(id -u carol).service"
dave=$(getent passwd dave)
# Afterwards id takes dave for root, by the number.
declare -A in_groups
for user in root bob carol dave; do in_groups[$user]=$(id -Gn "$user" | tr ' ' '\n' | sort); done
# The shell that sudo runs goes on: in an emulated machine sudo alone is gone before anybody could read it.
echo "sudo sh -c 'usermod -u 0 -o dave; sleep 60'" >&5
check "an alert is stored" within 60 has_alert
check "with what was gathered" within 5 is_gathered dave
auditward alerts list --user dave | head -n 1 | shown
auditward alerts show "$(of .event.id)" | cut -c1-160 | shown
of '"\(.auditward.triage.captured_us) µs until the processes were read, \(.auditward.triage.duration_us) µs in all"' | shown
say "$(of '.auditward.triage | tojson | length') bytes" | shown

say "1: accounts beside root with UID 0, as getent says"
check "the question" equal "$(answer 'UID 0' '' "$passwd_line" | grep -v '^dave:')" "$(getent passwd | awk -F: '$3 == 0 && $1 != "root" && $1 != "dave"')"
check "and uid_0" equal "$(of '.auditward.triage.uid_0[] | "\(.name):x:\(.id):\(.group_id):\(.description):\(.home):\(.shell)"' | grep -v '^dave:')" \
    "$(getent passwd | awk -F: '$3 == 0 && $1 != "root" && $1 != "dave"')"

say "2: processes of the users, as ps says"
# carol's processes stay; what ran only while the question was answered is sudo's, and has ended.
ps -o pid=,ppid= -U carol | awk '{ print $1, $2 }' | sort >/tmp/carol
processes() { answer 'Which processes' "$1" '"\(.pid) \(.parent)"' | sort; }
check "carol's are in the answer, with their parents" equal "$(comm -12 <(processes login) /tmp/carol)" "$(cat /tmp/carol)"
check "and else none that runs" equal "$(for pid in $(comm -23 <(processes login) /tmp/carol | cut -d' ' -f1); do ps -o pid= -p "$pid"; done)" ""
began=$(of .process.pid)
old=$(ps -o pid= -U 0 | awk -v began="$began" '$1 < began' | wc -l)
rows=$(of '.auditward.triage.guide[] | select((.label | contains("Which processes")) and .role == "actor") | .row_count')
say "$rows of root's, $old of which began before usermod and still run" | shown
check "root's: those that began before and still run, and hardly any other" test "$rows" -ge "$old" -a "$rows" -le $((old + 12))
check "none is told that is another's" equal \
    "$(for pid in $(answer 'Which processes' actor .pid); do ps -o uid= -p "$pid"; done | sort -u | tr -d ' ')" 0

say "3: the entries of the accounts, as getent says"
check "root's" equal "$(answer 'account database' actor "$passwd_line")" "$(getent passwd root)"
check "carol's" equal "$(answer 'account database' login "$passwd_line")" "$(getent passwd carol)"
# It was read while usermod ran: before it had written, or after.
check "dave's" equal "$(answer 'account database' target "$passwd_line" | awk -F: -v OFS=: '{ $3 = "N"; print }')" "$(awk -F: -v OFS=: '{ $3 = "N"; print }' <<<"$dave")"
check "with a number that he had, or has" grep -qxE "$(cut -d: -f3 <<<"$dave")|0" <<<"$(answer 'account database' target .uid)"

say "4: who is logged in, as who and loginctl say"
# sudo's terminal is a session of utmp's too, and none of logind's.
check "carol: terminals, hosts" equal "$(answer 'logged in' login '"\(.tty) \(.host)"' | sort)" "$(who | sed -nE 's/^carol +([^ ]+) .*\((.*)\)$/\1 \2/p' | sort)"
for tty in $(answer 'logged in' login .tty); do
    since=$(date -d "$(who | sed -nE "s|^carol +$tty +(.*) \\(.*|\\1|p")" +%s)
    told=$(answer 'logged in' login "select(.tty == \"$tty\") | .time")
    # who tells no seconds, and the terminal comes some after the session that logind knows.
    check "since when on $tty" test $((told - since)) -gt -60 -a $((told - since)) -lt 60
done
check "root and dave are not" equal "$(answer 'logged in' actor .tty)$(answer 'logged in' target .tty)" ""
session=$(loginctl list-sessions --no-legend | awk '$3 == "carol" { print $1 }')
check "the session is logind's" equal "$(of '.auditward.triage.users[] | select(.role == "login") | .sessions[] | select(.id) | "\(.id) \(.pid) \(.service) \(.terminal) \(.host)"')" \
    "$(loginctl show-session "$session" -p Id -p Leader -p Service -p TTY -p RemoteHost | sort | awk -F= '{ of[$1] = $2 } END { print of["Id"], of["Leader"], of["Service"], of["TTY"], of["RemoteHost"] }')"

say "5: groups, as id says"
groups() { answer 'Which groups' "$1" '.groupname' | sort -u; }
told_groups() { of ".auditward.triage.users[] | select(.role == \"$1\") | .groups[].name" | sort; }
for one in actor:root login:carol target:dave; do
    check "${one#*:}'s" equal "$(told_groups "${one%:*}")" "${in_groups[${one#*:}]}"
done
check "in the answer: carol's" equal "$(groups login)" "${in_groups[carol]}"
# The question is about the number, as osquery's table is: bob has it too, and dave once it is written.
of_zero=$(printf '%s\n' "${in_groups[root]}" "${in_groups[bob]}" | sort -u)
with_dave=$(printf '%s\n' "$of_zero" "${in_groups[dave]}" | sort -u)
either() { [[ $1 == "$2" || $1 == "$3" ]]; }
check "dave's, by the number that he had or has" either "$(groups target)" "${in_groups[dave]}" "$with_dave"
check "root's and bob's, and dave's once he has it" either "$(groups actor)" "$of_zero" "$with_dave"
check "carol's privileged ones" equal "$(of '.auditward.triage.users[] | select(.role == "login") | [.privileged_groups[].name] | sort | join(" ")')" "adm sudo"
check "dave's" equal "$(of '.auditward.triage.users[] | select(.role == "target") | [.privileged_groups[].name] | join(" ")')" "disk"

say "the chain, as ps says"
chain() { of ".auditward.triage.processes[] | $1"; }
shell=$(pgrep -u carol -x bash)
# sudo may put a process of its own between, for a terminal of its own. The names are those of the programs.
sh=$(basename "$(readlink -f /bin/sh)")
check "usermod, its shell, sudo, carol's shell, her sshd, root's, the server's, init" equal "$(chain .name | uniq | tr '\n' ' ')" "usermod $sh sudo bash sshd systemd "
check "three of sshd" equal "$(chain .name | grep -c sshd)" 3
up=$(chain .pid | sed -n "/^$shell\$/,\$p")
check "with the numbers of ps from her shell up" equal "$up" \
    "$(pid=$shell; while ((pid)); do echo "$pid"; pid=$(ps -o ppid= -p "$pid" | tr -d ' '); done)"
by_ps() { echo "$(ps -o user=,tty= -p "$1") $(cat "/proc/$1/loginuid")" | awk '{ print $1, ($2 == "?" ? "none" : $2), ($3 == 4294967295 ? "none" : $3) }'; }
by_alert() { chain "select(.pid == $1) | \"\(.user.name) \(.terminal) \(.login_user | if type == \"object\" then .id else . end)\""; }
check "users, terminals and login users are theirs" equal "$(for pid in $up; do by_alert "$pid"; done)" "$(for pid in $up; do by_ps "$pid"; done)"
in_its_unit() { grep -qF "/$(chain "select(.pid == $1) | .unit")" "/proc/$1/cgroup"; }
check "and the units" equal "$(for pid in $up; do in_its_unit "$pid" || chain "select(.pid == $pid)"; done)" ""
check "sudo's users and terminals" equal \
    "$(chain 'select(.name == "sudo") | "\(.user.name) \(.effective_user.name) \(.login_user.name) \(.terminal)"' | sed 's/[0-9]*$//' | sort -u)" "carol root carol pts/"
check "the address of the session" equal "$(chain 'select(.source) | .source.ip')" 127.0.0.1
check "the directory of her shell" equal "$(chain "select(.pid == $shell) | .working_directory")" "$(readlink "/proc/$shell/cwd")"
file() { chain "select(.pid == $1) | .file | $2"; }
check "the package of her shell is dpkg's" equal "$(file "$shell" .package)" "$(dpkg -S /bin/bash | cut -d: -f1)"
check "its digest" equal "$(file "$shell" .hash.sha256)" "$(sha256sum /bin/bash | cut -d' ' -f1)"
check "and its place and state" equal "$(file "$shell" '"\(.usual_place) \(.deleted) \(.in_memory_only) \(.world_writable) \(.changed_after_install)"')" \
    "true false false false false"
check "init's package" equal "$(file 1 .package)" "$(dpkg -S '*/lib/systemd/systemd' | head -n 1 | cut -d: -f1)"
check "nothing else is named as missing" equal "$(of '.auditward.triage.missing // [] | .[].what' | grep -v 'of other users')" ""

say "a second take-over names the first"
auditward alerts export >/tmp/before
before=$(jq -s '[.[] | select(.user.audit.name == "carol")] | length' /tmp/before)
# sudo hands what is typed to the terminal of its own for as long as it runs.
pkill -x sleep
sudo_has_ended() { ! quiet pgrep -x sudo; }
check "carol's shell waits for the next command" within 60 sudo_has_ended
echo 'sudo usermod -u 0 -o erin' >&5
check "an alert is stored" within 60 is_gathered erin
check "with those of the user, of the session and of the host in 48 h" equal \
    "$(of '.auditward.triage.related | "\(.hours) \([.user, .session, .host] | map(map(.count) | add) | join(" "))"')" \
    "48 $before $before $(wc -l </tmp/before)"
check "how often usermod was run is counted" equal "$(of '.auditward.triage.processes[0].runs.count')" 2
systemctl restart auditward.service
echo 'sudo usermod -u 0 -o frank' >&5
check "an alert after a restart" within 60 is_gathered frank
check "counts on" equal "$(of '.auditward.triage.processes[0].runs.count')" 3

say "how it is read on this host"
check "tail -f /var/log/auth.log shows the line" within 20 quiet grep -E 'auditward\[[0-9]+\]: [A-Z]+ .*usermod -u 0 -o dave' /var/log/auth.log
grep -E 'auditward\[[0-9]+\]: [A-Z]+ .*usermod -u 0 -o dave' /var/log/auth.log | head -n 1 >/tmp/line
cut -c1-300 /tmp/line | shown
check "in at most 1 KiB" test "$(awk '{ print length }' /tmp/line)" -le 1100
in_journal() { journalctl -t auditward -o cat | grep -F 'usermod -u 0 -o dave' | head -n 1 | grep .; }
check "journalctl -t auditward too" within 20 quiet in_journal
journalctl -t auditward -o short-iso | grep -F 'usermod -u 0 -o dave' | head -n 1 | cut -c1-300 | shown
check "its first 200 characters name rule, command, account, person and session" grep -qE \
    '^[A-Z]+ [^:]+: .*usermod -u 0 -o dave, account dave .*by login user carol \([0-9]+\) in session [0-9]+ as root' <<<"$(in_journal | cut -c1-200)"
check "and it names the parents up to init" grep -qE 'parents="[^"]* < sudo\([0-9]+\) < bash\([0-9]+\) < sshd[^"]* < systemd\(1\)"' <<<"$(in_journal)"
# What differs from one run to the next: numbers, times and digests.
alike() { sed -E 's/[0-9a-f]{32}|ruleset=[0-9a-f]{12}/DIGEST/g; s/[0-9]+/N/g'; }
check "README.md shows it as it comes" equal "$(grep -m 1 -F 'usermod -u 0 -o dave' /root/README.md | alike)" "$(in_journal | alike)"
say "all that the log has of it:"
grep 'auditward\[' /var/log/auth.log | grep -F dave | shown
auditward alerts show --html /root/alert.html last && check "the page is written" test -s /root/alert.html
auditward alerts show --as-exception last | shown
finish
