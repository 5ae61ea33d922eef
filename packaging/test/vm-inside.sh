#!/usr/bin/env bash
# What packaging/test/vm.sh runs inside its virtual machine, as root, with auditd and rsyslog running.
# shellcheck disable=SC2317 # functions are called by name, through check
set -u
export PATH=/usr/sbin:/usr/bin:/sbin:/bin LC_ALL=C.UTF-8 DEBIAN_FRONTEND=noninteractive
failed=0

say() { printf '%s\n' "$*"; }
check() {
    local what=$1
    shift
    if "$@"; then say "  ok      $what"; else say "  NOT SO  $what"; failed=1; fi
}
equal() { [[ $1 == "$2" ]] || { say "          have: $1"; say "          want: $2"; return 1; }; }
state() { systemctl show -p "$2" --value "$1"; }
kernel() { # settings and rules, without counters
    auditctl -s | grep -E '^(enabled|failure|rate_limit|backlog_limit|backlog_wait_time) '
    auditctl -l
}
listing() {
    find / -xdev \( -path /var/log -o -path /var/cache -o -path /var/lib/apt -o -path /var/lib/dpkg -o -path /tmp \
        -o -path /var/tmp -o -path /root -o -path /var/lib/systemd -o -path /usr/lib/modules \) -prune -o -print | sort
    grep -c auditward /etc/passwd /etc/group /etc/shadow /etc/gshadow
}
# The first time as the page says; later with dpkg, which needs half the time here.
install_it() { apt-get install -y -q /root/auditward.deb 2>&1 | tr -d '\r'; }
# The alert that names the literal rule: one line, also where a stronger rule leads it.
alert_of() { sh -c "$shown_by" 2>/dev/null | grep -F 'Potential Linux Backdoor' | grep -F -- "$1"; }
awaited() {
    local i
    for ((i = 0; i < 100; i++)); do
        [[ -z $(alert_of "$1") ]] || return 0
        sleep 0.1
    done
    return 1
}
# as_login_user COMMAND…: with a login uid, as after a log-in
as_login_user() { (echo 1000 >/proc/self/loginuid && exec "$@"); }
found() { ausearch -k "$1" --start today --raw 2>/dev/null | grep -q 'type=SYSCALL'; }

# A shell from before the test would leave no trace: auditing was enabled by auditd before this one began.
useradd bob
useradd carol
useradd dave
for ((i = 0; i < 100; i++)); do
    auditctl -s | grep -q '^pid [1-9]' && break
    sleep 0.2
done
say "kernel $(uname -r), auditd $(systemctl is-active auditd), rsyslog $(systemctl is-active rsyslog), systemd $(systemctl --version | head -n 1)"
listing >/tmp/before
kernel >/tmp/kernel-before

say "install beside auditd and rsyslog"
printed=$(install_it)
last=$(grep '^auditward: ' <<<"$printed" | tail -n 1)
shown_by=${last#*alerts are shown by: }
say "          $last"
check "the service runs" equal "$(state auditward.service ActiveState)" active
check "the one-shot loaded the kernel rules" grep -q 'path=/usr/sbin/usermod -F key=auditward' <<<"$(auditctl -l)"
say "          $(auditctl -l | grep -c key=auditward) kernel rules of ours"
check "auditd is not disturbed" grep -q '^pid [1-9]' <<<"$(auditctl -s)"
pid=$(state auditward.service MainPID)
check "no capability" equal "$(sed -n 's/^Cap...:\t//p' "/proc/$pid/status" | sort -u)" 0000000000000000
check "NoNewPrivs, Seccomp" equal "$(sed -nE 's/^(NoNewPrivs|Seccomp):\t//p' "/proc/$pid/status" | tr '\n' ' ')" "1 2 "
say "          $(sed -n 's/^RssAnon:[[:space:]]*//p' "/proc/$pid/status") of anonymous memory"
check "at most 20 MB of anonymous memory" test "$(sed -n 's/^RssAnon:[[:space:]]*\([0-9]*\).*/\1/p' "/proc/$pid/status")" -le 20480

say "usermod -u 0 -o bob"
usermod -u 0 -o bob
check "is an alert where the install output said" awaited 'usermod -u 0 -o bob'
alert_of 'usermod -u 0 -o bob' | head -n 1 | cut -c1-200 | sed 's/^/          /'
check "one line" equal "$(alert_of 'usermod -u 0 -o bob' | wc -l)" 1
check "kernel-rules diff: nothing is missing" equal "$(auditward kernel-rules diff | grep -cv '^there ')" 0
auditctl -D -k auditward >/dev/null 2>&1
auditward kernel-rules diff >/tmp/diff
check "and exit 1 after they were deleted" grep -q '^missing ' /tmp/diff
auditward kernel-rules cost --seconds 2 | sed 's/^/          /'
auditward kernel-rules load --profile all >/tmp/all 2>&1
check "profile all is refused under auditd's stock settings" grep -q 'refused on this host without --force' /tmp/all
# Nobody starts anything here: the daemon has noticed that they are gone, and asked.
back() { auditctl -l | grep -q 'path=/usr/sbin/usermod -F key=auditward'; }
for ((i = 0; i < 100; i++)); do back && break; sleep 0.2; done
check "the daemon noticed, and they are loaded again" back
check "which rules may have been blind is told" grep -q 'taken away .*these rules may see nothing until they are back: ' <<<"$(sh -c "$shown_by")"

say "remove, purge"
dpkg -r auditward >/dev/null 2>&1
check "the kernel is as before" diff /tmp/kernel-before <(kernel)
dpkg -P auditward >/dev/null 2>&1
listing >/tmp/after
check "nothing is left" diff /tmp/before /tmp/after

say "beside rules of the CIS kind"
# auditctl stops at the first line that cannot be, and a watch needs the directory.
sed -nE 's/^-w ([^ ]+).*/\1/p' /root/cis.rules | xargs -n 1 dirname | sort -u | xargs mkdir -p
grep -vE '^-(e|D|b|f)( |$)' /root/cis.rules >/etc/audit/rules.d/50-cis.rules
dpkg -i /root/auditward.deb >/dev/null 2>&1
auditward kernel-rules install | sed 's/^/          /'
augenrules --load >/tmp/augenrules 2>&1
check "augenrules loads both files" equal "$(auditctl -l | grep -c 'key=auditward') $(auditctl -l | grep -c -- 'identity')" \
    "$(grep -c '^-a' /etc/audit/rules.d/70-auditward.rules) $(grep -c -- 'identity' /etc/audit/rules.d/50-cis.rules)"
usermod -u 0 -o carol
check "our detection fires" awaited 'usermod -u 0 -o carol'
as_login_user usermod -c changed dave
as_login_user chmod 600 /root/cis.rules
as_login_user mv /root/cis.rules /root/cis-moved.rules
touch /etc/passwd /etc/hosts /etc/sudoers.d
as_login_user sh -c 'su bob -c true; crontab -l; mount -t tmpfs none /mnt; umount /mnt' >/dev/null 2>&1
sleep 1
for key in identity system-locale scope usermod perm_mod delete mounts privileged; do
    check "their key $key finds its events" found "$key"
done

say "rules locked with -e 2 (F18)"
auditward kernel-rules unload >/dev/null
rm /etc/audit/rules.d/70-auditward.rules
auditctl -e 2 >/dev/null
systemctl restart auditward.service
check "the service starts" equal "$(state auditward.service ActiveState)" active
auditward kernel-rules load >/tmp/locked 2>&1
status=$?
sed 's/^/          /' /tmp/locked | cut -c1-180
check "what is missing is told in the syntax of rules.d, with the way" grep -q 'they take effect after a reboot' /tmp/locked
check "and each line can be put into a file" grep -q '^-a always,exit -F arch=b64 -S execve,execveat -F path=/usr/sbin/usermod' /tmp/locked
check "exit 0" equal "$status" 0
as_login_user usermod -u 0 -o dave
check "a take-over that their rule records is told" awaited 'usermod -u 0 -o dave'
dpkg -P auditward >/dev/null 2>&1
check "purge works under -e 2" equal "$(find / -xdev -name '*auditward*' ! -path '/root/*' ! -path '/var/*' ! -path '/tmp/*' ! -path /etc/systemd/system/auditward-vm-test.service ! -path '*/multi-user.target.wants/*' 2>/dev/null)" ""
((failed == 0)) && say "all as it should be"
exit "$failed"
