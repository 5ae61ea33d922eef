#!/usr/bin/env bash
# In the virtual machine, with auditd and rsyslog under systemd: what is done against auditing and against auditward, each act
# with the alert that it is to give, and no other above low. The kernel is booted with audit=1: of a systemd that began before
# auditing was enabled nothing is ever recorded, so that what it does for systemctl would not be told.
# shellcheck disable=SC2016 # an act is run by a shell of its own
# shellcheck disable=SC2154 # alerts is of machine.sh
# shellcheck disable=SC2317 # functions are called by name, through check
set -u
# shellcheck source=/dev/null
source /root/machine.sh

# ---- what is looked at -------------------------------------------------------------------------------

messages() { alerts_since "$1" | grep -oE '"message":"[^"]*"' | sed 's/^"message":"//'; }
has_message() { messages "$1" | quiet grep "^$2"; }
# act SECONDS TEXT COMMAND: within that time the command gives an alert that begins with TEXT, and no other above low
act() {
    local seconds=$1 text=$2 command=$3 mark
    mark=$(alert_lines)
    bash -c "$command" >/tmp/act.log 2>&1
    check "$command: $text" within "$seconds" has_message "$mark" "$text"
    after "$mark" "$command" "$text"
}
# after MARK WHAT TEXT: nothing above low came beside that
after() {
    sleep 7 # What waits five seconds for something not to happen has waited.
    messages "$1" | cut -c1-200 | shown
    check "$2: nothing else above low" equal "$(messages "$1" | grep -E '^(MEDIUM|HIGH|CRITICAL) ' | grep -v "^$3")" ""
}
# silent SECONDS COMMAND: no alert above low in that time
silent() {
    local mark
    mark=$(alert_lines)
    bash -c "$2" >/tmp/act.log 2>&1
    sleep "$1"
    after "$mark" "$2" none
}
low() { act "$1" "LOW $2: " "$3"; }
medium() { act "$1" "MEDIUM $2: " "$3"; }
high() { act "$1" "HIGH $2: " "$3"; }
has_line_of_daemon() { quiet grep -F "$1" "$alerts"; }
has_pid() { auditctl -s | grep -q '^pid [1-9]'; }
failed_unit() { [[ $(state "$1" ActiveState) == failed ]]; }
# back SECONDS: auditward's kernel rules are loaded within that time; why not, where they are not
back() {
    check "the kernel rules are loaded again" within "$1" ours_are_loaded
    ours_are_loaded || {
        systemctl --no-pager list-units --all 'auditward*'
        journalctl --no-pager -q -n 30 -u 'auditward*'
        auditctl -s
    } | cut -c1-250 | shown
}

changed='Auditward Changed by No Package Manager'
bare='Auditward Changed Within an Open Directory'

# ---- the machine -------------------------------------------------------------------------------------

check "auditd runs" within 30 has_pid
say "kernel $(uname -r), $(systemctl --version | head -n 1), $(cat /proc/cmdline)"
echo '-w /etc/hosts -p wa -k site' >/etc/audit/rules.d/10-site.rules
augenrules --load >/dev/null 2>&1
# A canary while the rules are away would be missed, and told as that.
alerts_to_file '[daemon]' 'canary_minutes = 0'
printed=$(install_it ./auditward_0.1.0-1_amd64.deb)
told_by "$printed"
file_is_there() { [[ -e $alerts ]]; }
check "the service runs, and writes its file" within 20 file_is_there
check "the kernel rules are loaded" within 20 ours_are_loaded
sleep 10

# ---- auditing ----------------------------------------------------------------------------------------

say "the kernel's rules and settings"
# Not by augenrules, which takes more than five seconds on this machine.
low 3 'Audit Rules Loaded Anew' 'auditctl -D; auditctl -w /etc/hosts -p wa -k site'
back 90
sleep 10
medium 10 'Audit Rules Removed' 'auditctl -D'
back 90
# As a start of auditd does it on a host without other rules.
silent 8 'auditctl -D'
back 90
augenrules --load >/dev/null 2>&1
back 90
sleep 10
systemctl mask --runtime auditward-kernel-rules.service >/dev/null 2>&1
sleep 10
medium 110 'Kernel Rules of Auditward Removed' 'auditctl -D -k auditward'
check "the unit that starts it failed with it" failed_unit auditward-kernel-rules.path
systemctl unmask --runtime auditward-kernel-rules.service >/dev/null 2>&1
# As its timer does every quarter of an hour.
systemctl start auditward-canary.service
back 90
sleep 10

say "a start while they are away"
systemctl mask --runtime auditward-kernel-rules.service >/dev/null 2>&1
auditctl -D -k auditward >/dev/null
systemctl restart auditward.service
systemctl unmask --runtime auditward-kernel-rules.service >/dev/null 2>&1
systemctl start auditward-canary.service
back 150
check "the daemon says so" has_line_of_daemon 'needed kernel rules missing'
sleep 10

medium 3 'Audit Queue Made Shorter' 'auditctl -b 64'
auditctl -b 8192 >/dev/null
high 3 'Auditing Switched Off' 'auditctl -e 0'
auditctl -e 1 >/dev/null
sleep 10

say "auditd"
# Its unit may refuse to be stopped by hand: then by its own script, or by the signal that systemd would send.
low 5 'Audit Daemon Stopped' 'systemctl stop auditd || service auditd stop || kill -TERM $(pidof auditd)'
mark=$(alert_lines)
systemctl start auditd
check "auditd is back" within 30 has_pid
sleep 10
check "no alert above low of its start" equal "$(messages "$mark" | grep -E '^(MEDIUM|HIGH|CRITICAL) ')" ""
back 90
high 10 'Audit Daemon Killed' 'kill -KILL $(pidof auditd)'
systemctl start auditd
check "auditd is back" within 30 has_pid
back 90
sleep 10

# ---- auditward's own files ---------------------------------------------------------------------------

say "auditward's own files"
medium 5 "$changed" 'echo "# mine" >>/etc/auditward/auditward.toml'
medium 5 "$changed" 'cp -p /usr/bin/auditward /root/program; mv /root/program /usr/bin/auditward'
medium 5 "$changed" 'cp -p /usr/share/auditward/rules/*uid_0*.toml /root/; rm /usr/share/auditward/rules/*uid_0*.toml'
# Within the directory, by bare names.
medium 5 "$bare" 'mv /root/*uid_0*.toml /usr/share/auditward/rules/'
unit=$(state auditward.service FragmentPath)
medium 5 "$changed" "echo '# mine' >>$unit"
medium 5 "$changed" 'echo "[Service]" >/etc/systemd/system/auditward.service.d/mine.conf'
# Done by systemd, which removes the links by their bare names and makes them by their whole ones.
medium 10 "$bare" 'systemctl disable auditward.service'
medium 10 "$changed" 'systemctl enable auditward.service'
medium 5 "$changed" 'ln -s /dev/null /run/systemd/system/auditward.service || ln -s /dev/null /etc/systemd/system/auditward.service'
rm -f /run/systemd/system/auditward.service /etc/systemd/system/auditward.service
sleep 10

say "the same by a package manager"
low 60 'Auditward Changed by a Package Manager' 'dpkg -i --force-confold next.deb'
check "the newer version runs" equal "$(dpkg-query -W -f '${Version}' auditward) $(state auditward.service ActiveState)" "0.1.0-2 active"
check "its kernel rules are loaded" within 30 ours_are_loaded
low 60 'Auditward Changed by a Package Manager' 'dpkg -i --force-confold auditward_0.1.0-1_amd64.deb'
check "its kernel rules are loaded" within 30 ours_are_loaded

# ---- auditward itself --------------------------------------------------------------------------------

say "auditward is killed"
mark=$(alert_lines)
pid=$(state auditward.service MainPID)
kill -KILL "$pid"
told_by_unit() { sh -c "$shown_by" | quiet grep -F 'HIGH Auditward Ended Otherwise Than It Should: signal, killed KILL'; }
check "the unit tells it" within 10 told_by_unit
check "the next start tells it" within 20 has_message "$mark" 'HIGH Auditward Killed: '
check "another runs" test "$(state auditward.service MainPID)" != "$pid"
after "$mark" "killed" 'HIGH Auditward Killed: '
usermod -u 0 -o after-the-kill
check "and sees" awaited 'usermod -u 0 -o after-the-kill'

say "an account that is made while auditward is dead"
mark=$(alert_lines)
bash -c 'kill -KILL "$1"; echo unseen:x:0:0::/root:/bin/sh >>/etc/passwd' - "$(state auditward.service MainPID)"
check "the start tells that it was killed" within 30 has_message "$mark" 'HIGH Auditward Killed: '
check "and the account" within 20 has_message "$mark" 'CRITICAL Account With UID 0: .*account unseen was added with UID 0'
messages "$mark" | cut -c1-250 | shown
finish
