#!/usr/bin/env bash
# In the virtual machine, with auditd and rsyslog: a take-over, what the daemon may write, its counts, rules taken away,
# upgrade, downgrade, the pages' commands, remove, purge, `-e 2`.
# shellcheck disable=SC2317 # functions are called by name, through check
set -u
# shellcheck source=/dev/null
source /root/machine.sh

# A shell from before the test would leave no trace: auditing was enabled by auditd before this one began.
useradd bob
useradd dave
auditd_is_there() { auditctl -s | grep -q '^pid [1-9]'; }
within 20 auditd_is_there
say "kernel $(uname -r), auditd $(systemctl is-active auditd), rsyslog $(systemctl is-active rsyslog), systemd $(systemctl --version | head -n 1)"
listing >/tmp/before
kernel >/tmp/kernel-before

say "install beside auditd and rsyslog"
printed=$(install_it ./auditward_0.1.0-1_amd64.deb)
told_by "$printed"
check "the service runs" equal "$(state auditward.service ActiveState)" active
check "the one-shot loaded the kernel rules" within 10 ours_are_loaded
say "$(our_rules | wc -l) kernel rules of ours" | shown
check "auditd is not disturbed" auditd_is_there
pid=$(state auditward.service MainPID)
check "no capability" equal "$(sed -n 's/^Cap...:\t//p' "/proc/$pid/status" | sort -u)" 0000000000000000
check "NoNewPrivs, Seccomp" equal "$(sed -nE 's/^(NoNewPrivs|Seccomp):\t//p' "/proc/$pid/status" | tr '\n' ' ')" "1 2 "
check "it can write its own directories and nothing else" equal "$(writable)" ""
say "$(sed -n 's/^RssAnon:[[:space:]]*//p' "/proc/$pid/status") of anonymous memory" | shown
check "at most 20 MB of anonymous memory" test "$(sed -n 's/^RssAnon:[[:space:]]*\([0-9]*\).*/\1/p' "/proc/$pid/status")" -le 20480

say "usermod -u 0 -o bob"
usermod -u 0 -o bob
check "is an alert where the install output said" awaited 'usermod -u 0 -o bob'
alert_of 'usermod -u 0 -o bob' | head -n 1 | cut -c1-200 | shown
check "one line" equal "$(alert_of 'usermod -u 0 -o bob' | wc -l)" 1

say "the status agrees with what was done"
alerts=$(status_number totals alerts) events=$(status_number totals events)
for n in $(seq 1 50); do usermod -u 0 -o "nobody-$n"; done >/dev/null 2>&1
check "the last of 50 take-overs is told" awaited nobody-50
check "50 alerts, one of each" equal "$(($(status_number totals alerts) - alerts))" 50
grown=$(($(status_number totals events) - events))
say "$grown events: 50 executions, and what the machine does besides" | shown
check "50 executions are at least 50 events and at most 30 more" test "$grown" -ge 50 -a "$grown" -le 80
check "nothing is lost" equal "$(status_number lost socket_records)" 0
mkdir -p /etc/systemd/system/auditward.socket.d
printf '[Socket]\nReceiveBuffer=64K\n' >/etc/systemd/system/auditward.socket.d/test.conf
systemctl daemon-reload
systemctl stop auditward.service
systemctl restart auditward.socket
systemctl start auditward.service
pid=$(state auditward.service MainPID)
drops() { # as the kernel counts them, of the daemon's own socket
    local inode
    inode=$(find "/proc/$pid/fd" -lname 'socket:*' -printf '%l\n' | tr -dc '0-9\n')
    awk -v inodes="$inode" 'BEGIN { split(inodes, list, "\n"); for (i in list) ours[list[i]] = 1 }
        $2 == 9 && ($10 in ours) { print $9 }' /proc/net/netlink
}
kill -STOP "$pid"
# Enough for the small buffer, and well before the watchdog, on a slow machine too.
stopped=$SECONDS
for n in $(seq 1 300); do ((SECONDS - stopped > 15)) || usermod -h; done >/dev/null 2>&1
kill -CONT "$pid"
seen_again() { usermod -u 0 -o seen-again >/dev/null 2>&1; told seen-again; }
check "what comes after a forced loss is seen" within 20 seen_again
check "records were lost" test "$(drops)" -gt 0
check "and the status says how many, exactly" equal "$(status_number lost socket_records)" "$(drops)"
say "$(drops) records lost" | shown
check "which rules could not see everything is told" within 20 has_line 'blind spot over'
rm -r /etc/systemd/system/auditward.socket.d
systemctl daemon-reload
systemctl stop auditward.service
systemctl restart auditward.socket
systemctl start auditward.service

say "kernel rules taken away"
check "kernel-rules diff: nothing is missing" equal "$(auditward kernel-rules diff | grep -cv '^there ')" 0
auditctl -D -k auditward >/dev/null 2>&1
auditward kernel-rules diff >/tmp/diff
check "and exit 1 after they were deleted" grep -q '^missing ' /tmp/diff
auditward kernel-rules cost --seconds 2 | shown
auditward kernel-rules load --profile all >/tmp/all 2>&1
check "profile all is refused under auditd's stock settings" grep -q 'refused on this host without --force' /tmp/all
# Nobody starts anything here: the daemon has noticed that they are gone, and asked.
check "the daemon noticed, and they are loaded again" within 20 ours_are_loaded
check "which rules may have been blind is told" within 5 has_line 'taken away .*these rules may see nothing until they are back: '
auditward kernel-rules unload >/tmp/unload
check "unload says that a running service has them back" grep -q '^auditward.service runs and has them loaded again' /tmp/unload
systemctl start auditward-kernel-rules.service

say "a rule never,task"
doctor_of() { auditward doctor | grep " $1 "; }
auditctl -a never,task >/dev/null
check "the doctor finds it" grep -q '^MEND' <<<"$(doctor_of never-task)"
auditward kernel-rules load >/tmp/never 2>&1
check "load names it and leaves it" equal "$(grep -c 'a never,task. is loaded' /tmp/never) $(auditctl -l | grep -c 'never,task')" "1 1"
auditward kernel-rules load --drop-never-task >/tmp/never 2>&1
check "load --drop-never-task removes it, and says so" grep -q '^removed  -a never,task' /tmp/never
check "nothing else is gone" equal "$(auditctl -l | grep -c 'never,task') $(auditward kernel-rules diff | grep -cv '^there ')" "0 0"
check "the doctor is content" grep -q '^ok' <<<"$(doctor_of never-task)"
check "the status names no rule as blind by it" equal "$(auditward status --format json | grep -c 'never,task')" 0
usermod -u 0 -o after-never-task
check "a take-over is seen" awaited after-never-task

say "upgrade and downgrade while take-overs go on"
echo '# mine' >>/etc/auditward/auditward.toml
(for n in $(seq 1 15); do usermod -u 0 -o "during-$n"; done) >/dev/null 2>&1 &
install_it -o Dpkg::Options::=--force-confold ./next.deb >/tmp/upgrade.log
wait
check "the newer version is there" equal "$(dpkg-query -W -f '${Version}' auditward)" 0.1.0-2
check "the changed configuration file is kept" grep -q '^# mine' /etc/auditward/auditward.toml
check "the last take-over made meanwhile is told" awaited 'during-15'
check "and all of them, once each" equal \
    "$(alert_of during- | grep -o 'during-[0-9]*' | sort -u | wc -l) $(alert_of during- | wc -l)" "15 15"
install_it --allow-downgrades -o Dpkg::Options::=--force-confold ./former.deb >/tmp/downgrade.log
check "the older version runs" equal "$(dpkg-query -W -f '${Version}' auditward) $(state auditward.service ActiveState)" "0.0.9-1 active"
usermod -u 0 -o downgraded
check "and sees" awaited downgraded

say "every command of docs/operations.md and docs/install.md"
# The pages leave the question about the changed configuration file to the reader.
echo force-confold >/etc/dpkg/dpkg.cfg.d/keep
runs_whole() {
    sh -e "$1" >/tmp/page.log 2>&1 && return
    tail -n 20 /tmp/page.log | shown
    return 1
}
mkdir /tmp/pages
for page in operations.md install.md; do
    blocks_of "/root/$page" /tmp/pages
    for block in /tmp/pages/page-*; do
        check "$page: $(grep -v '^$' "$block" | head -n 1 | cut -c1-90)" runs_whole "$block"
    done
    [[ $page == operations.md ]] || continue
    usermod -u 0 -o by-the-page
    check "an alert is in the log of its own that the page set up" within 20 quiet grep -F by-the-page /var/log/auditward.log
    check "and in the file of documents" within 20 quiet grep -F by-the-page /var/log/auditward/alerts.ndjson
    rm -rf /etc/rsyslog.d/{30-auditward,40-auditward-forward}.conf /etc/logrotate.d/auditward /etc/systemd/system/auditward.socket.d
    systemctl daemon-reload
    systemctl restart rsyslog.service
    rm -f /var/spool/rsyslog/auditward* # what waited for the collector that the page names
done

say "removed and purged, by the page"
rm /etc/dpkg/dpkg.cfg.d/keep
check "the kernel is as before" diff /tmp/kernel-before <(kernel)
check "nothing runs" test -z "$(pgrep -x auditward)"
listing >/tmp/after
check "nothing is left" diff /tmp/before /tmp/after
say "$(wc -l </tmp/before) lines compared" | shown

say "rules of the CIS kind, locked with -e 2, then ours (F18)"
# auditctl stops at the first line that cannot be, and a watch needs the directory.
sed -nE 's/^-w ([^ ]+).*/\1/p' cis.rules | xargs -n 1 dirname | sort -u | xargs mkdir -p
auditctl -R cis.rules >/dev/null 2>&1
check "their $(grep -cE '^-(a|w) ' cis.rules) rules are loaded and locked" equal \
    "$(foreign_rules | wc -l) $(auditctl -s | sed -n 's/^enabled //p')" "$(grep -cE '^-(a|w) ' cis.rules) 2"
dpkg -i auditward_0.1.0-1_amd64.deb >/dev/null 2>&1
check "the service starts" equal "$(state auditward.service ActiveState)" active
auditward kernel-rules load >/tmp/locked 2>&1
status=$?
cut -c1-180 /tmp/locked | shown
check "what is missing is told in the syntax of rules.d, with the way" grep -q 'they take effect after a reboot' /tmp/locked
check "and each line can be put into a file" grep -q '^-a always,exit -F arch=b64 -S execve,execveat -F path=/usr/sbin/usermod' /tmp/locked
check "exit 0" equal "$status" 0
as_login_user usermod -u 0 -o dave
check "a take-over that their rule records is told" awaited 'usermod -u 0 -o dave'
dpkg -P auditward >/dev/null 2>&1
check "purge works under -e 2" equal "$(find / -xdev -name '*auditward*' ! -path '/root/*' ! -path '/var/*' ! -path '/tmp/*' ! -path /etc/systemd/system/auditward-vm-test.service ! -path '*/multi-user.target.wants/*' 2>/dev/null)" ""
finish
