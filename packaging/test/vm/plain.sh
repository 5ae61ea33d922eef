#!/usr/bin/env bash
# In the virtual machine, with neither auditd nor rsyslog: auditing is turned on and put back, alerts are in the journal.
# shellcheck disable=SC2317 # functions are called by name, through check
set -u
# shellcheck source=/dev/null
source /root/machine.sh

useradd bob
say "kernel $(uname -r), systemd $(systemctl --version | head -n 1)"
check "neither auditd nor rsyslog is here" test -z "$(command -v auditd rsyslogd)"
listing >/tmp/before
kernel >/tmp/kernel-before
shown </tmp/kernel-before
check "auditing is off" grep -q '^enabled 0' /tmp/kernel-before

say "install where neither auditd nor rsyslog runs"
printed=$(install_it ./auditward_0.1.0-1_amd64.deb)
told_by "$printed"
# shellcheck disable=SC2154 # told_by sets it
check "it is the journal's command" equal "$shown_by" "journalctl -t auditward"
check "the service runs" equal "$(state auditward.service ActiveState)" active
check "the one-shot turned auditing on, with room and a short wait" equal \
    "$(auditctl -s | grep -E '^(enabled|backlog_limit|backlog_wait_time) ' | tr '\n' ' ')" \
    "enabled 1 backlog_limit 8192 backlog_wait_time 100 "
check "and says so in the journal" grep -q 'auditing was off: turned on' <<<"$(journalctl -q -o cat -u auditward-kernel-rules.service)"
check "what was there is kept" equal "$(tr '\n' ' ' </run/auditward-kernel-rules/before)" \
    "$(sed -n 's/^\(backlog_.*\)/\1/p' /tmp/kernel-before | sort | tr '\n' ' ')"
check "the kernel rules are there" within 10 ours_are_loaded
auditward doctor >/tmp/doctor
grep -E ' (enabled|rules-loaded|console|syslog) ' /tmp/doctor | cut -c1-170 | shown
check "the doctor says that the kernel prints records too" grep -q ' console .*no audit daemon' /tmp/doctor

say "usermod -u 0 -o bob"
usermod -u 0 -o bob
check "is an alert where the install output said" awaited 'usermod -u 0 -o bob'
alert_of 'usermod -u 0 -o bob' | head -n 1 | cut -c1-200 | shown
check "one line" equal "$(alert_of 'usermod -u 0 -o bob' | wc -l)" 1
check "what the daemon says of itself is there once" equal "$(journalctl -q -o cat -t auditward | grep -c '^started, ')" 1
check "it can write its own directories and nothing else" equal "$(writable)" ""

say "the canary by its timer"
mkdir -p /etc/systemd/system/auditward-canary.timer.d
printf '[Timer]\nOnActiveSec=\nOnUnitActiveSec=\nOnActiveSec=1s\nOnUnitActiveSec=5s\n' \
    >/etc/systemd/system/auditward-canary.timer.d/test.conf
systemctl daemon-reload
systemctl restart auditward-canary.timer
canary_seen() { auditward status | grep -q '^canary     seen '; }
check "is executed, recorded by a rule of its own, and seen" within 40 canary_seen
auditward status | shown
rm -r /etc/systemd/system/auditward-canary.timer.d
systemctl daemon-reload

say "upgrade while take-overs go on"
echo '# mine' >>/etc/auditward/auditward.toml
(for n in $(seq 1 15); do usermod -u 0 -o "during-$n"; done) >/dev/null 2>&1 &
install_it -o Dpkg::Options::=--force-confold ./next.deb >/tmp/upgrade.log
wait
check "the changed configuration file is kept" grep -q '^# mine' /etc/auditward/auditward.toml
check "the last take-over made meanwhile is told" awaited 'during-15'
check "and all of them, once each" equal \
    "$(alert_of during- | grep -o 'during-[0-9]*' | sort -u | wc -l) $(alert_of during- | grep -c .)" "15 15"
check "auditing is on as before" grep -q '^enabled 1' <<<"$(auditctl -s)"

say "remove, purge"
dpkg -r auditward >/dev/null 2>&1
check "the kernel is as before: off, with its old limits and no rule" diff /tmp/kernel-before <(kernel)
check "nothing runs" test -z "$(pgrep -x auditward)"
dpkg -P auditward >/dev/null 2>&1
listing >/tmp/after
check "nothing is left" diff /tmp/before /tmp/after
say "$(wc -l </tmp/before) lines compared" | shown
finish
