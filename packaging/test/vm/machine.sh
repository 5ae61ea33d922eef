# shellcheck shell=bash
# What the scripts beside this share: each is run by packaging/test/vm.sh in a virtual machine of its own, as root.
export PATH=/usr/sbin:/usr/bin:/sbin:/bin:/root/tools LC_ALL=C.UTF-8 DEBIAN_FRONTEND=noninteractive
cd /root || exit 1
# shellcheck source=/dev/null
source /root/helpers.sh

state() { systemctl show -p "$2" --value "$1"; }
kernel() { # settings and rules, without counters
    auditctl -s | grep -E '^(enabled|failure|rate_limit|backlog_limit|backlog_wait_time) '
    auditctl -l
}
# Every path, but what lives by itself, and how often the account stands in the account files.
listing() {
    find / -xdev \( -path /var/log -o -path /var/cache -o -path /var/lib/apt -o -path /var/lib/dpkg -o -path /tmp \
        -o -path /var/tmp -o -path /root -o -path /var/lib/systemd -o -path /usr/lib/modules \) -prune -o -print | sort
    grep -c auditward /etc/passwd /etc/group /etc/shadow /etc/gshadow
}
# install_it OPTION… FILE: as the page says
install_it() { apt-get install -y -q "$@" 2>&1 | tr -d '\r'; }
# told_by OUTPUT: sets shown_by to the command that the install output names
told_by() {
    local last
    last=$(grep '^auditward: ' <<<"$1" | tail -n 1)
    say "$last" | shown
    check "that is the last line of the output" equal "$(tail -n 1 <<<"$1")" "$last"
    shown_by=${last#*alerts are shown by: }
}
alerts=/var/log/auditward/alerts.ndjson
# alerts_to_file [LINE…]: the daemon writes that file; LINE is more of its configuration. Before the installation, since later
# it would be somebody else's change of auditward.
alerts_to_file() {
    mkdir -p /etc/systemd/system/auditward.service.d /etc/auditward/auditward.d
    printf '[Service]\nLogsDirectory=auditward\n' >/etc/systemd/system/auditward.service.d/alerts-to-file.conf
    printf '%s\n' "$@" '[file]' "path = \"$alerts\"" >/etc/auditward/auditward.d/test.toml
}
alert_lines() { wc -l <"$alerts"; }
# alerts_since MARK: the documents behind that line, without what the daemon says of itself
alerts_since() { tail -n "+$(($1 + 1))" "$alerts" | grep -F '"kind":"alert"'; }
# The alert that names the literal rule: one line, also where a stronger rule leads it.
alert_of() { sh -c "$shown_by" 2>/dev/null | grep -F 'Potential Linux Backdoor' | grep -F -- "$1"; }
told() { [[ -n $(alert_of "$1") ]]; }
awaited() { within 20 told "$1"; }
has_line() { sh -c "$shown_by" 2>/dev/null | grep -q -- "$1"; }
# as_login_user COMMAND…: with a login uid, as after a log-in
as_login_user() { (echo 1000 >/proc/self/loginuid && exec "$@"); }
our_rules() { auditctl -l | grep -E '(key=|-k )auditward$'; }
foreign_rules() { auditctl -l | grep '^-' | grep -vE '(key=|-k )auditward$'; }
ours_are_loaded() { auditctl -l | grep -q 'path=/usr/sbin/usermod -F key=auditward'; }
# status_number OBJECT NAME: a number of the report
status_number() { auditward status --format json | sed -nE "s/.*\"$1\":\\{[^}]*\"$2\":([0-9]+).*/\\1/p"; }
# What the daemon can write beside its own directories.
writable() { writable_to_daemon "$(state auditward.service MainPID)" | grep -Ev '^/(run|var/lib)/auditward(/|$)'; }
finish() {
    say "$SECONDS s"
    # shellcheck disable=SC2154 # of helpers.sh
    ((failed == 0)) && say "all as it should be"
    exit "$failed"
}
