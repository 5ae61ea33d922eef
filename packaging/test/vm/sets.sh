#!/usr/bin/env bash
# In the virtual machine, with auditd and rsyslog: rule sets of the CIS and STIG kind and ours, in both orders, at last with
# `-e 2`. Every rule of theirs is given something to record; each of their keys has to find its events (ausearch -k), and
# each detection has to fire. Their `-f 2` is left out: it would halt the machine at a full queue, which is not tested.
# shellcheck disable=SC2317 # functions are called by name, through check
set -u
# shellcheck source=/dev/null
source /root/machine.sh

log=/var/log/audit/audit.log

# ---- acts for their rules ----------------------------------------------------------------------------

# The numbers of system calls on x86_64.
declare -A number=([open]=2 [execve]=59 [truncate]=76 [ftruncate]=77 [rename]=82 [rmdir]=84 [creat]=85 [unlink]=87
    [chmod]=90 [fchmod]=91 [chown]=92 [fchown]=93 [lchown]=94 [adjtimex]=159 [settimeofday]=164 [mount]=165 [umount2]=166
    [sethostname]=170 [setdomainname]=171 [init_module]=175 [delete_module]=176 [setxattr]=188 [lsetxattr]=189
    [fsetxattr]=190 [removexattr]=197 [lremovexattr]=198 [fremovexattr]=199 [clock_settime]=227 [openat]=257
    [fchownat]=260 [unlinkat]=263 [renameat]=264 [fchmodat]=268 [open_by_handle_at]=304 [finit_module]=313)
ordinary=(setpriv --reuid 1000 --regid 1000 --clear-groups)

# calls NAME,…: makes these calls with arguments that can do nothing (no pointer, no descriptor); the kernel records the try
calls() {
    local name list=()
    for name in ${1//,/ }; do
        case $name in
            f* | *at) list+=("${number[$name]}:-1") ;;
            *) list+=("${number[$name]}:0") ;;
        esac
    done
    # shellcheck disable=SC2016 # perl's own
    as_login_user perl -e 'for (@ARGV) { my ($n, $a) = split /:/; syscall($n + 0, $a + 0, 5, 0, 0, 0) }' "${list[@]}"
}

# act_for RULE: something that the rule records
act_for() {
    local rule=$1 path
    # shellcheck disable=SC2016 # perl's own
    case $rule in
        '-w '*)
            path=$(cut -d ' ' -f 2 <<<"$rule")
            if [[ -d $path ]]; then as_login_user touch "$path/act" && rm -f "$path/act"
            else as_login_user sh -c ": >>'$path'"; fi
            ;;
        *arch=b32*) ;; # the same key as its b64 twin; no 32-bit program is here
        *exit=-EACCES*) as_login_user "${ordinary[@]}" perl -e 'my $f = "/etc/shadow"; syscall(257, -100, $f, 0)' ;;
        *exit=-EPERM*) # O_NOATIME is the owner's
            as_login_user "${ordinary[@]}" perl -e 'my $f = "/etc/debian_version"; syscall(257, -100, $f, 0x40000)' ;;
        *'gid!=egid'*) as_login_user "${ordinary[@]}" /usr/local/bin/setgid-root ;;
        *euid*) as_login_user "${ordinary[@]}" /usr/local/bin/setuid-root ;;
        *path=*)
            path=${rule##*path=}
            path=${path%% *}
            as_login_user timeout 10 "$path" --help </dev/null
            ;;
        *' -S '*) calls "$(awk '{ for (i = 1; i < NF; i++) if ($i == "-S") { print $(i + 1); exit } }' <<<"$rule")" ;;
    esac >/dev/null 2>&1
}
rules_of() { grep -E '^-(a|w) ' "$1"; }
keys_of() { rules_of "$1" | sed -nE 's/.*( -k |key=)([^ ]+)$/\2/p' | sort -u; }
found() { ausearch -if $log -k "$1" --raw 2>/dev/null | grep -q '^type=SYSCALL'; }
small() { [[ $(stat -c %s $log) -lt 4000 ]]; }

theirs() { # theirs SET: acts for every rule, then every key is searched for
    local rule key missed=() n=0
    kill -USR1 "$(pidof auditd)" # a log of its own for this part
    within 10 small || say "          the log was not rotated"
    while IFS= read -r rule; do act_for "$rule"; done < <(rules_of "$1")
    sleep 2
    for key in $(keys_of "$1"); do
        n=$((n + 1))
        found "$key" || missed+=("$key")
    done
    check "each of their $n keys finds its events" equal "${missed[*]-}" ""
}

# ---- our detections ----------------------------------------------------------------------------------

detections() { # name by name
    local file
    for file in /usr/share/auditward/rules/*.toml; do
        awk '/^\[rule\]/ { on = 1 } on && /^name = "/ { sub(/^name = "/, ""); sub(/"$/, ""); print; exit }' "$file"
    done
}
# shellcheck disable=SC2154 # shown_by: told_by in machine.sh sets it
lines_told() { sh -c "$shown_by" 2>/dev/null | wc -l; }
# lines_since MARK WORDS: the lines since then with these words
lines_since() { sh -c "$shown_by" 2>/dev/null | tail -n "+$(($1 + 1))" | grep -F -- "$2"; }
# matches: "COUNT NAME" of each rule that has matched
matches() {
    auditward status --format json | grep -oE '"name":"[^"]*","matches":[0-9]+' |
        sed -E 's/"name":"(.*)","matches":(.*)/\2 \1/'
}
# matches_of NAME LIST: how often it stands there to have matched
matches_of() { awk -v name="$1" '{ count = $1; sub(/^[0-9]+ /, "") } $0 == name { n = count } END { print n + 0 }' <<<"$2"; }
# fired NAME BEFORE: it has matched since
fired() { (($(matches_of "$1" "$(matches)") > $(matches_of "$1" "$2"))); }

# acts_on_accounts PART: of each detection about accounts one
acts_on_accounts() {
    usermod -u 0 -o "taken$1"
    gpasswd -a "member$1" sudo
    usermod -aG disk "member$1"
    echo "bulk$1:x:30$1:30$1::/nonexistent:/bin/sh" | newusers
    sh -c ': >>/etc/passwd'
    # What only the state tells is to be read before it is taken back.
    usermod -s /bin/bash games
    sleep 3
    sed -i "s/^member$1:x:/member$1::/" /etc/passwd
    sleep 3
    sed -i "s/^member$1::/member$1:x:/" /etc/passwd
    sh -c 'echo root:x:1800:1800::/:/bin/sh >>/etc/passwd'
    sleep 3
    sed -i '/^root:x:1800:/d' /etc/passwd
    usermod -s /usr/sbin/nologin games
}
acts_on_our_files() {
    touch /usr/share/auditward/act
    dpkg-divert --rename --divert /usr/share/auditward/acted --add /usr/share/auditward/act
    dpkg-divert --rename --remove /usr/share/auditward/act
    rm /usr/share/auditward/act
}
# acts_on_auditing SECONDS: auditd is away for so long
acts_on_auditing() {
    auditctl -b 8000
    auditctl -b 8192
    auditctl -e 0
    auditctl -e 1
    # Taken away and back, and after a while taken away for good.
    auditctl -a always,exit -F path=/root/nothing -F perm=w -k nothing
    auditctl -d always,exit -F path=/root/nothing -F perm=w -k nothing
    auditctl -a always,exit -F path=/root/nothing -F perm=w -k nothing
    sleep 8
    auditctl -d always,exit -F path=/root/nothing -F perm=w -k nothing
    sleep 8
    kill -TERM "$(pidof auditd)"
    within 10 gone auditd
    sleep "$1"
    systemctl start auditd.service
}
gone() { ! pidof "$1" >/dev/null; }

# ours PART [locked|long]: acts for every detection, then each has to have matched since, as the status counts it. Whether
# its name is in a line hangs on the order: what comes when the act has been told already, and does not raise it, is counted
# with that case (docs/alerts.md). That auditd does not come back takes two minutes to say, and is waited for where it
# says long.
ours() {
    local mark before joined name silent=() unnamed=() n=0 away=0
    useradd "taken$1"
    useradd "member$1"
    usermod -s /usr/sbin/nologin games
    [[ ${2-} != long ]] || away=125
    sleep 2
    mark=$(lines_told) before=$(matches) joined=$(status_number totals joined)
    acts_on_accounts "$1" >/dev/null 2>&1
    acts_on_our_files >/dev/null 2>&1
    [[ ${2-} == locked ]] || acts_on_auditing "$away" >/dev/null 2>&1
    while IFS= read -r name; do
        case ${2-}/$name in
            locked/Audit\ * | locked/Auditing\ *) continue ;; # what they are about cannot be done any more
            long/*) ;;
            */*'Not Back') continue ;;
        esac
        n=$((n + 1))
        within 20 fired "$name" "$before" || silent+=("$name;")
        quiet lines_since "$mark" "$name" || unnamed+=("$name;")
    done < <(detections)
    check "each of $n detections fires" equal "${silent[*]-}" ""
    joined=$(($(status_number totals joined) - joined))
    say "$joined matches are part of the alert of another rule; in no line: ${unnamed[*]:-none}" | shown
    check "whatever is in no line is part of an alert" test "${#unnamed[@]}" -le "$joined"
    lines_since "$mark" "account member$1" | sed 's/.*auditward\[[0-9]*\]: //; s/;.*//' | cut -c1-220 | shown
    check "who was made a member of sudo is told, by name" quiet told_member "$mark" "$1"
}
told_member() { lines_since "$1" "account member$2" | grep 'Member of a Privileged Group'; }

all_are_loaded() { # all_are_loaded SET: as many rules as the set has, and ours
    [[ $(foreign_rules | wc -l) == "$(rules_of "$1" | wc -l)" ]] && ours_are_loaded
}
# Of those for system calls: the filter of io_uring, which is listed behind them, knows no rules of theirs.
ours_are_last() { auditctl -l | grep -E '^-w |^-a always,exit ' | tail -n 1 | grep -qE '(key=|-k )auditward$'; }
counts() { say "$(foreign_rules | wc -l) rules of theirs, $(our_rules | wc -l) of ours" | shown; }

within 20 quiet pidof auditd
say "kernel $(uname -r), auditd $(systemctl is-active auditd), rsyslog $(systemctl is-active rsyslog)"
# auditctl stops at the first line that cannot be: a watch needs its directory. And what their rules name is to be there.
for set in cis stig; do
    rules_of $set.rules | sed -nE 's/^-w ([^ ]+).*/\1/p; s/.* path=([^ ]+).*/\1/p' | xargs -n 1 dirname | sort -u | xargs mkdir -p
    while IFS= read -r program; do [[ -e $program ]] || cp /bin/true "$program"; done \
        < <(rules_of $set.rules | sed -nE 's/.* path=([^ ]+).*/\1/p')
    grep -vE '^-(e|f)( |$)' $set.rules >$set-unlocked.rules
done
for kind in u g; do
    cp /bin/true /usr/local/bin/set${kind}id-root
    chmod $kind+s /usr/local/bin/set${kind}id-root
done
rm -f /etc/audit/rules.d/*.rules

say "CIS ($(rules_of cis.rules | wc -l) rules) first, then ours"
cp cis-unlocked.rules /etc/audit/rules.d/50-cis.rules
augenrules --load >/tmp/augenrules 2>&1 || shown </tmp/augenrules
printed=$(dpkg -i auditward_0.1.0-1_amd64.deb 2>&1)
told_by "$printed"
check "both are loaded whole" within 30 all_are_loaded cis.rules
counts
theirs cis.rules
ours 01 long

say "ours first, then CIS behind them"
rm /etc/audit/rules.d/50-cis.rules
auditctl -D >/dev/null 2>&1
systemctl start auditward-kernel-rules.service
check "ours alone" equal "$(foreign_rules | wc -l)" 0
grep -E '^-(a|w) ' cis.rules >appended.rules
auditctl -R appended.rules >/tmp/appended 2>&1
check "both are loaded whole" all_are_loaded cis.rules
check "ours stepped behind theirs, unasked, within the minute" within 75 ours_are_last
counts
cp cis-unlocked.rules /etc/audit/rules.d/50-cis.rules # what auditd loads when it is started again
theirs cis.rules
ours 02
rm /etc/audit/rules.d/50-cis.rules

say "ours first, then STIG ($(rules_of stig.rules | wc -l) rules) by augenrules, which takes ours away"
cp stig-unlocked.rules /etc/audit/rules.d/stig.rules
augenrules --load >/tmp/augenrules 2>&1 || shown </tmp/augenrules
check "both are loaded whole, ours again unasked within the minute" within 75 all_are_loaded stig.rules
counts
theirs stig.rules
ours 03

say "STIG first, then ours, and -e 2 at the end"
check "both are loaded whole" within 75 all_are_loaded stig.rules
auditward kernel-rules install | grep -v '^covered\|^      by' | shown
grep -vE '^-f( |$)' stig.rules >/etc/audit/rules.d/stig.rules
augenrules --load >/tmp/augenrules 2>&1 || shown </tmp/augenrules
check "locked" grep -q '^enabled 2' <<<"$(auditctl -s)"
check "both are loaded whole" all_are_loaded stig.rules
counts
systemctl restart auditward.service
theirs stig.rules
ours 04 locked
check "the service runs" equal "$(state auditward.service ActiveState)" active
finish
