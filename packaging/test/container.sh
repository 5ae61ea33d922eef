#!/usr/bin/env bash
# Installs the .deb in a booted Debian 12 container (systemd-nspawn) and looks at what comes of it: service, privilege,
# an alert from a real kernel record, upgrade, remove, purge. As root on Debian 12:
#
#   bash packaging/test/container.sh target/packages/auditward_0.1.0-1_amd64.deb
#
# It installs mmdebstrap and systemd-container by name, builds the root once (target/packaging/root.tar, about 60 s) and
# works in a copy. Nothing is installed as a service on this machine. For the alert, auditing is turned on in this machine's
# kernel with one rule for one program inside the container's directory, and put back as it was at the end.
# shellcheck disable=SC2317 # functions are called by name, through check and trap
set -euo pipefail
cd "$(dirname "$0")/../.."

deb=$(realpath "${1:?the .deb}")
work=$PWD/target/packaging
tar=$work/root.tar
root=$work/root.$$
key=auditward-container-test
lock=/run/lock/auditward-live-test.lock
# shellcheck source=/dev/null
source packaging/test/helpers.sh

# ---- the root, once -------------------------------------------------------------------------------------

tools() {
    local absent=() package
    for package in mmdebstrap systemd-container auditd dpkg-dev; do
        dpkg-query -W -f '${Status}' "$package" 2>/dev/null | grep -q '^install ok installed' || absent+=("$package")
    done
    ((${#absent[@]})) || return 0
    apt-get update -qq
    DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${absent[@]}" >/dev/null
}

build_root() {
    [[ -s $tar ]] && return
    mkdir -p "$work"
    mmdebstrap --quiet --format=tar --variant=minbase \
        --include=systemd-sysv,dbus,rsyslog,procps,passwd,login,logrotate,man-db bookworm "$tar.new"
    mv "$tar.new" "$tar"
}

# ---- the container --------------------------------------------------------------------------------------

nspawn='' leader=''
boot() {
    SYSTEMD_SECCOMP=0 systemd-nspawn --quiet --boot -D "$root" --register=no --keep-unit \
        --capability=CAP_AUDIT_READ,CAP_AUDIT_WRITE --console=pipe --timezone=off </dev/null >"$work/console.log" 2>&1 &
    nspawn=$!
    local i
    for ((i = 0; i < 300; i++)); do
        leader=$(pgrep -P "$nspawn" | head -n 1 || true)
        if [[ -n $leader ]] && inside systemctl is-system-running 2>/dev/null | grep -Eq 'running|degraded'; then return; fi
        sleep 0.1
    done
    say "the container did not start:"
    tail -n 20 "$work/console.log"
    exit 1
}
inside() { nsenter -t "$leader" -m -u -i -n -p -r -w env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin LC_ALL=C.UTF-8 DEBIAN_FRONTEND=noninteractive "$@" </dev/null; }
state() { inside systemctl show -p "$2" --value "$1"; }
apt_deb() { inside apt-get install -y -q -o Dpkg::Options::=--force-confold --allow-downgrades "/$1" 2>&1 | tr -d '\r'; }

rule=() own=() enabled=''
cleanup() {
    local status=$?
    if [[ -n $leader ]] && ((status || failed)); then
        say "the journal's last lines:"
        inside journalctl -q -b --no-pager -n 30 -u 'auditward*' | sed 's/^/          /' || true
    fi
    # The end is what is left of a log that was cut.
    all_not_so
    if ((${#rule[@]})); then auditctl -d "${rule[@]}" >/dev/null 2>&1 || true; fi
    if ((${#own[@]})); then auditctl -d "${own[@]}" >/dev/null 2>&1 || true; fi
    [[ -z $enabled ]] || auditctl -e "$enabled" >/dev/null 2>&1 || true
    if [[ -n $nspawn ]]; then kill "$nspawn" 2>/dev/null || true; wait "$nspawn" 2>/dev/null || true; fi
    rm -rf "$root"
    exit "$status"
}
trap cleanup EXIT

# Every path, but what lives by itself: logs, caches, apt's and dpkg's own books, and running state.
listing() {
    (cd "$root" && find . -xdev \( -path ./var/log -o -path ./var/cache -o -path ./var/lib/apt -o -path ./var/lib/dpkg \
        -o -path ./run -o -path ./tmp -o -path ./var/tmp -o -path ./proc -o -path ./sys -o -path ./dev \) -prune -o -print) | LC_ALL=C sort
    grep -c auditward "$root"/etc/passwd "$root"/etc/group "$root"/etc/shadow "$root"/etc/gshadow || true
}

# ---- what is seen ---------------------------------------------------------------------------------------

installs() {
    say "install"
    local printed last
    cp "$deb" "$root/auditward.deb"
    printed=$(apt_deb auditward.deb)
    last=$(grep '^auditward: ' <<<"$printed" | tail -n 1)
    say "$last" | sed 's/^/          /'
    shown_by=${last#*alerts are shown by: }
    check "that is the last line of the output, behind what man-db says" equal \
        "$(grep -c '^Processing triggers for man-db' <<<"$printed") $(tail -n 1 <<<"$printed")" "1 $last"
    check "the install output names the file that rsyslog writes" equal "$shown_by" "grep ' auditward\\[' /var/log/auth.log"
    check "service active" equal "$(state auditward.service ActiveState)" active
    check "socket active" equal "$(state auditward.socket ActiveState)" active
    for unit in auditward.service auditward.socket auditward-probe.socket auditward-kernel-rules.service auditward-kernel-rules.path; do
        check "$unit enabled" equal "$(inside systemctl is-enabled $unit)" enabled
    done
    check "the probe's socket listens, for the daemon's user" equal "$(inside stat -c '%U %a' /run/auditward-probe.socket)" "auditward 600"
    # shellcheck disable=SC2016 # for the shell inside
    check "the probe answers" inside sh -c 'for i in $(seq 50); do auditward status | grep -q "^probe *answers; [1-9]" && exit 0; sleep 0.2; done; exit 1'
    local probe
    probe=$(state auditward-probe.service MainPID)
    # CAP_DAC_READ_SEARCH 2, CAP_SYS_PTRACE 19, CAP_AUDIT_CONTROL 30; the bounding set too, nothing to inherit.
    check "the probe's three capabilities" equal "$(inside cat "/proc/$probe/status" | sed -n 's/^Cap...:\t//p' | tr '\n' ' ')" "0000000000000000 0000000040080004 0000000040080004 0000000040080004 0000000000000000 "
    check "the probe runs as auditward-probe" equal "$(inside ps -o user:20= -p "$probe")" auditward-probe
    inside kill -9 "$probe"
    # shellcheck disable=SC2016 # for the shell inside
    check "killed, it is found again" inside sh -c 'for i in $(seq 100); do [ "$(systemctl show -P MainPID auditward-probe.service)" != 0 ] && auditward status | grep -q "^probe *answers" && exit 0; sleep 0.2; done; exit 1'
    check "status text" grep -Eq '^[0-9]+ rules? live, ' <<<"$(state auditward.service StatusText)"
    say "          $(state auditward.service StatusText)"
    check "watchdog armed" equal "$(state auditward.service WatchdogUSec)" 30s
    check "mandb finds the page" inside man -w auditward
    check "completion is there" test -s "$root/usr/share/bash-completion/completions/auditward"
}

# What the daemon can write beside its own directories.
writable() {
    # shellcheck disable=SC2016 # expanded inside
    inside bash -c 'source /opt/helpers.sh && writable_to_daemon "$1"' - "$(state auditward.service MainPID)" |
        grep -Ev '^/(run|var/lib)/auditward(/|$)' || true
}

privilege() {
    say "privilege"
    local pid
    pid=$(state auditward.service MainPID)
    inside cat "/proc/$pid/status" | grep -E '^(Cap|NoNewPrivs|Seccomp:|Uid)' | tr '\t\n' ' ;' | sed 's/^/          /;s/$/\n/'
    check "no capability in any set" equal "$(inside cat "/proc/$pid/status" | sed -n 's/^Cap...:\t//p' | sort -u)" 0000000000000000
    check "NoNewPrivs" equal "$(inside cat "/proc/$pid/status" | sed -n 's/^NoNewPrivs:\t//p')" 1
    check "Seccomp filter" equal "$(inside cat "/proc/$pid/status" | sed -n 's/^Seccomp:\t//p')" 2
    check "runs as auditward" equal "$(inside stat -c %U "/proc/$pid")" auditward
    cp packaging/test/helpers.sh "$root/opt/helpers.sh"
    check "the daemon can write its state and runtime directories and nothing else" equal "$(writable)" ""
    inside mkdir -p /srv/alerts /srv/others
    inside chown auditward: /srv/alerts /srv/others
    mkdir "$root/etc/systemd/system/auditward.service.d"
    sed 's/^#\(.*alerts\)$/\1/' "$root/usr/share/doc/auditward/examples/writable-paths.conf" \
        >"$root/etc/systemd/system/auditward.service.d/writable-paths.conf"
    inside systemctl daemon-reload
    inside systemctl restart auditward.service
    check "    and what the drop-in opens" equal "$(writable)" /srv/alerts
    rm -r "$root/etc/systemd/system/auditward.service.d" "$root/srv/alerts" "$root/srv/others"
    inside systemctl daemon-reload
    inside systemctl restart auditward.service
    rm "$root/opt/helpers.sh"
    check "the socket was handed over by systemd" grep -q "auditward.socket" <<<"$(state auditward.service TriggeredBy)"
}

# take_over NAME: a program called usermod, the container's own and harmless, with the arguments of a take-over
take_over() { inside /opt/auditward-test/usermod -u 0 -o "$1" || true; }
# alert_of NAME: the literal rule's; other rules match the same act and have lines of their own
alert_of() { inside sh -c "$shown_by" 2>/dev/null | grep -F 'Potential Linux Backdoor' | grep -F "usermod -u 0 -o $1" || true; }
told() { [[ -n $(alert_of "$1") ]]; }
awaited() { within 5 told "$1"; }
password_told() { inside sh -c "$shown_by" 2>/dev/null | grep -q 'Account Password Emptied.*erin'; }

alerts() {
    say "alert"
    mkdir -p "$root/opt/auditward-test"
    cp "$root/bin/true" "$root/opt/auditward-test/usermod"
    enabled=$(auditctl -s | sed -n 's/^enabled //p')
    [[ $enabled != 2 ]] || { say "the kernel's rules are locked here (enabled 2)"; exit 1; }
    rule=("always,exit" -F arch=b64 -S execve -F "path=$root/opt/auditward-test/usermod" -F "key=$key")
    auditctl -a "${rule[@]}" >/dev/null
    auditctl -e 1 >/dev/null
    take_over first-one
    check "a take-over is one line where the install output said" awaited first-one
    alert_of first-one | cut -c1-160 | sed 's/^/          /'
    check "one line, not two" equal "$(alert_of first-one | wc -l)" 1
    # Of /etc/shadow, which the daemon may not read: by the probe.
    inside useradd --system erin
    inside passwd -q -d erin
    check "a password that is emptied is told" within 10 password_told
    inside sh -c "$shown_by" | grep -F 'Account Password Emptied' | tail -n 1 | cut -c1-160 | sed 's/^/          /'
    inside userdel erin
}

# entries_of NAME: what the journal has of this take-over by its own socket, an object a line
entries_of() { inside journalctl -q -b --no-pager -o json -t auditward "MESSAGE_ID=$alert_id" | grep -F "usermod -u 0 -o $1, " || true; }
entries_are() { [[ $(entries_of "$1" | wc -l) == "$2" ]]; }
# field NAME ENTRY
field() { python3 -c 'import json, sys; print(json.loads(sys.argv[2]).get(sys.argv[1]))' "$1" "$2"; }
bursts_are() { [[ $(inside journalctl -q -b --no-pager -o cat -t auditward "MESSAGE_ID=$alert_id" | grep -o 'usermod -u 0 -o burst-[0-9]*' | sort -u | wc -l) == "$1" ]]; }

# journald's own socket from within the unit's sandbox, field by field; and journald's limit, which the unit does not meet.
journald() {
    say "journald's own socket"
    local entry line have n alert_id=6f0d2a0e5f1b4f1e9b571d6f0b6f2a00
    mkdir -p "$root/etc/auditward/auditward.d" "$root/etc/systemd/journald.conf.d"
    printf '[[destination]]\nname = "journal"\ntype = "journal"\n' >"$root/etc/auditward/auditward.d/journal.toml"
    inside systemctl reload auditward.service
    take_over by-journal
    check "a take-over is in the journal, with fields" within 10 entries_are by-journal 1
    entry=$(entries_of by-journal)
    line=$(field MESSAGE "$entry")
    shown <<<"${line:0:120}"
    have=$(for n in SYSLOG_IDENTIFIER SYSLOG_FACILITY AUDITWARD_RULE AUDITWARD_OUTCOME AUDITWARD_UID _SYSTEMD_UNIT _COMM AUDITWARD_COMMAND; do
        field "$n" "$entry"
    done | tr '\n' ' ')
    check "    its fields" equal "$have" \
        "auditward 10 linux_backdoor_user_creation success 0 auditward.service auditward /opt/auditward-test/usermod -u 0 -o by-journal "
    check "    its priority is the severity's" equal "${line%% *} $(field PRIORITY "$entry")" \
        "$(case ${line%% *} in MEDIUM) echo MEDIUM 4 ;; HIGH) echo HIGH 3 ;; CRITICAL) echo CRITICAL 2 ;; esac)"
    check "    and its id that of the line in the system's log" equal "$(field AUDITWARD_ALERT "$entry")" \
        "$(alert_of by-journal | sed -n 's/.* alert=\([0-9a-f]*\) .*/\1/p' | sort -u)"

    printf '[Journal]\nRateLimitIntervalSec=600s\nRateLimitBurst=10\n' >"$root/etc/systemd/journald.conf.d/test.conf"
    inside systemctl restart systemd-journald.service
    # shellcheck disable=SC2016 # for the shell inside
    inside systemd-run --quiet --wait --collect --unit=noisy sh -c 'for i in $(seq 2000); do echo "line $i"; done; sleep 1; echo end'
    n=$(inside journalctl -q -b --no-pager -o cat -u noisy.service | grep -c '^line ' || true)
    check "a limit that throws $((2000 - n)) of 2,000 lines of another service away" test "$n" -lt 60
    for n in $(seq 60); do take_over "burst-$n"; done
    check "    throws none of ours away: $n alerts, twice" within 30 bursts_are "$n"
    rm -r "$root/etc/auditward/auditward.d/journal.toml" "$root/etc/systemd/journald.conf.d"
    inside systemctl restart systemd-journald.service
    inside systemctl reload auditward.service
}

stopped_times() { inside journalctl -q -b -u auditward.service --no-pager | grep -c 'Stopped auditward.service' || true; }

# F45: upgrade keeps what the administrator chose; no alert is lost meanwhile.
f45_upgrade() {
    say "upgrade (F45)"
    echo '# mine' >>"$root/etc/auditward/auditward.toml"
    repacked "$deb" 0.1.0-2 "$root/auditward_0.1.0-2.deb"
    local before after writer stops n
    stops=$(stopped_times)
    before=$(state auditward.service MainPID)
    (for n in $(seq 1 60); do take_over "during-$n"; sleep 0.05; done) &
    writer=$!
    apt_deb auditward_0.1.0-2.deb >"$work/upgrade.log"
    wait "$writer"
    after=$(state auditward.service MainPID)
    check "restarted" test "$before" != "$after"
    check "once" equal "$(stopped_times)" "$((stops + 1))"
    check "a changed configuration file is kept" grep -q '^# mine' "$root/etc/auditward/auditward.toml"
    check "the last of 60 take-overs made meanwhile is told" awaited during-60
    check "and all of them, once each" equal "$(alert_of during- | grep -o 'during-[0-9]*' | sort -u | wc -l) $(alert_of during- | wc -l)" "60 60"
    check "nothing said of groups, owners or unit files" test -z "$(grep -iE 'invalid (user|group)|unowned|warning' "$work/upgrade.log" || true)"
}

# away_has NAME: how many lines of the literal rule the receiver has of this take-over
away_has() { grep -F 'Potential Linux Backdoor' "$root/var/log/away.log" | grep -c -F "usermod -u 0 -o $1" || true; }

# F45: what a receiver has not had yet survives the upgrade. It listens at a socket of its own, and is away at first.
f45_undelivered() {
    say "an alert that is not delivered yet, over an upgrade (F45)"
    local before received=$root/var/log/away.log
    mkdir -p "$root/etc/auditward/auditward.d"
    printf '[[destination]]\nname = "away"\ntype = "unix"\npath = "/run/away.socket"\n' >"$root/etc/auditward/auditward.d/away.toml"
    inside systemctl reload auditward.service
    take_over while-away
    check "the system's log has it at once" awaited while-away
    check "    and for the receiver that is away it waits" within 10 status_has '^to away .* 1 waiting'
    before=$(state auditward.service MainPID)
    repacked "$deb" 0.1.0-2.1 "$root/auditward_0.1.0-2.1.deb"
    apt_deb auditward_0.1.0-2.1.deb >>"$work/upgrade.log"
    check "upgraded and restarted" test "$before" != "$(state auditward.service MainPID)"
    check "    it is still to be delivered" within 10 status_has '^to away .* [1-9][0-9]* \(waiting\|in the store\)'
    check "    nobody has had it" test ! -e "$received"
    cat >"$root/etc/rsyslog.d/away.conf" <<'END'
ruleset(name="away") { action(type="omfile" file="/var/log/away.log") }
input(type="imuxsock" Socket="/run/away.socket" RateLimit.Interval="0" ruleset="away")
END
    inside systemctl restart rsyslog.service
    check "the receiver is back, and it arrives" within 90 quiet grep -F 'usermod -u 0 -o while-away' "$received"
    inside systemctl reload auditward.service
    take_over after-away
    check "    then what comes next" within 90 quiet grep -F 'usermod -u 0 -o after-away' "$received"
    check "    each once" equal "$(away_has while-away) $(away_has after-away)" "1 1"
    check "    and the system's log has none of them again" equal "$(alert_of while-away | wc -l) $(alert_of after-away | wc -l)" "1 1"
    rm "$root/etc/auditward/auditward.d/away.toml" "$root/etc/rsyslog.d/away.conf" "$received"
    rmdir "$root/etc/auditward/auditward.d" 2>/dev/null || true
    inside systemctl restart rsyslog.service
    inside systemctl reload auditward.service
}

f45_states() {
    say "states (F45): {enabled, disabled} x {running, stopped}, masked x upgrade, remove, purge, and install again"
    local is runs how end version=3 unit=auditward.service
    for is in enabled disabled; do
        for runs in active inactive; do
            inside systemctl --quiet "${is%d}" $unit auditward.socket auditward-kernel-rules.service auditward-kernel-rules.path 2>/dev/null
            if [[ $runs == active ]]; then inside systemctl start auditward.socket $unit
            else inside systemctl stop auditward.socket $unit; fi
            repacked "$deb" "0.1.0-$version" "$root/auditward_0.1.0-$version.deb"
            apt_deb "auditward_0.1.0-$version.deb" >>"$work/upgrade.log"
            check "$is and $runs stay so over an upgrade" equal \
                "$(inside systemctl is-enabled $unit) $(state $unit ActiveState) $(state auditward.socket ActiveState)" "$is $runs $runs"
            ((version += 1))
        done
    done
    # What is removed keeps the administrator's choice, what is purged forgets it; a mask is the administrator's own file.
    for is in enabled disabled masked; do
        for runs in active inactive; do
            [[ $is/$runs != masked/active ]] || continue
            for how in -r -P; do
                inside systemctl --quiet "${is%ed}$([[ $is == masked ]] || echo e)" $unit 2>/dev/null
                if [[ $runs == active ]]; then inside systemctl start auditward.socket $unit
                else inside systemctl --quiet stop auditward.socket $unit 2>/dev/null || true; fi
                inside dpkg $how auditward >/dev/null 2>&1
                check "$is and $runs, then dpkg $how: nothing runs" test -z "$(inside pgrep -x auditward || true)"
                apt_deb auditward.deb >/dev/null
                case $how/$is in
                    */masked) end="masked inactive" ;;
                    -r/disabled) end="disabled inactive" ;;
                    *) end="enabled active" ;;
                esac
                check "    and installed again $end" equal "$(inside systemctl is-enabled $unit || true) $(state $unit ActiveState)" "$end"
                inside systemctl --quiet unmask $unit 2>/dev/null
            done
        done
    done
    inside systemctl --quiet enable $unit auditward.socket auditward-kernel-rules.service auditward-kernel-rules.path 2>/dev/null
    inside systemctl --quiet stop auditward.socket $unit
    inside systemctl --quiet mask $unit 2>/dev/null
    repacked "$deb" "0.1.0-$version" "$root/auditward_0.1.0-$version.deb"
    apt_deb "auditward_0.1.0-$version.deb" >/dev/null
    check "masked stays masked and stopped" equal \
        "$(inside systemctl is-enabled $unit || true) $(state $unit ActiveState)" "masked inactive"
    inside systemctl --quiet unmask $unit 2>/dev/null
    inside systemctl start auditward.socket $unit
    check "starts again once unmasked" equal "$(state $unit ActiveState)" active
}

# Every command of docs/install.md and docs/operations.md, as it stands there: the blocks that say ```sh, each in one shell.
pages() {
    local page block
    for page in docs/operations.md docs/install.md; do
        say "every command of $page"
        blocks_of "$page" "$root"
        for block in "$root"/page-*; do
            check "$(grep -v '^$' "$block" | head -n 1 | cut -c1-100)" runs_whole "${block#"$root"}"
            [[ $page == docs/install.md ]] || continue
            check "    and the service is as the page says" as_the_page_says "$block"
        done
        [[ $page == docs/operations.md ]] || continue
        take_over by-the-page
        check "an alert is in the log of its own that the page set up" awaited_in by-the-page /var/log/auditward.log
        check "and in the file of documents" awaited_in by-the-page /var/log/auditward/alerts.ndjson
    done
    rm -rf "$root"/page-* "$root"/etc/rsyslog.d/{30-auditward,40-auditward-forward}.conf "$root"/etc/logrotate.d/auditward \
        "$root"/etc/systemd/system/auditward.socket.d
    inside systemctl daemon-reload
    inside systemctl restart rsyslog.service
    # What waited for the collector that the page names.
    rm -f "$root"/var/spool/rsyslog/auditward*
    apt_deb auditward.deb >/dev/null
}
awaited_in() { within 5 quiet grep -F "$1" "$root$2"; }
runs_whole() {
    inside sh -e "$1" >"$work/page.log" 2>&1 && return
    sed 's/^/          /' "$work/page.log" | tail -n 20
    return 1
}
as_the_page_says() {
    case $(cat "$1") in
        *remove*) [[ $(state auditward.service ActiveState) == inactive && -e $root/etc/auditward/auditward.toml ]] ;;
        *purge*) [[ ! -e $root/etc/auditward ]] ;;
        *) [[ $(state auditward.service ActiveState) == active ]] ;;
    esac
}

# F61: nothing is left.
f61_purge() {
    say "remove and purge (F61)"
    inside mkdir -p /var/log/auditward /etc/systemd/system/auditward.service.d /etc/auditward/auditward.d
    inside touch /var/log/auditward/alerts.ndjson /etc/auditward/rules.d/mine.toml /etc/systemd/system/auditward.service.d/x.conf
    local removed
    removed=$(inside dpkg -r auditward 2>&1)
    check "remove prints nothing of its own" test -z "$(grep -Ev '^\(|^Removing auditward|Processing triggers|not empty so not removed' <<<"$removed" || true)"
    check "the service is gone" equal "$(state auditward.service ActiveState) $(state auditward.socket ActiveState)" "inactive inactive"
    check "the probe is gone" equal "$(state auditward-probe.service ActiveState) $(state auditward-probe.socket ActiveState)" "inactive inactive"
    check "its socket too" test ! -e "$root/run/auditward-probe.socket"
    check "no process is left" test -z "$(inside pgrep -x auditward || true)"
    check "configuration and site rules are kept" test -e "$root/etc/auditward/rules.d/mine.toml"
    inside dpkg -P auditward >"$work/purge.log" 2>&1
    rm -rf "$root"/auditward*.deb "$root/opt/auditward-test"
    listing >"$work/after"
    check "purge leaves nothing: the listing of files and accounts is as before" diff "$work/before" "$work/after"
    check "no log, no state" test -z "$(ls -d "$root"/var/log/auditward "$root"/var/lib/auditward 2>/dev/null || true)"
    say "          $(wc -l <"$work/before") lines compared"
}

ticks() { inside cut -d ' ' -f 14,15 "/proc/$1/stat" | { read -r user system && echo $((user + system)); }; } # processor time, in hundredths of a second

# F08: the daemon's own work wakes nobody. The kernel records every file and socket call of the daemon itself, which
# a broad rule would; one take-over, then rest.
f08_rest() {
    say "it is watched itself (F08)"
    local pid before after stopped
    own=("always,exit" -F arch=b64 -S openat -S write -S sendto -S connect -S sendmsg -F "exe=$root/usr/bin/auditward" -F "key=$key")
    auditctl -a "${own[@]}" >/dev/null
    inside systemctl restart auditward.service
    pid=$(state auditward.service MainPID)
    take_over watched-itself
    check "a take-over is told" awaited watched-itself
    sleep 1
    before=$(ticks "$pid")
    sleep 5
    after=$(ticks "$pid")
    check "5 s of rest cost at most 0.05 s of processor" test $((after - before)) -le 5
    inside systemctl --quiet stop auditward.service 2>/dev/null
    auditctl -d "${own[@]}" >/dev/null
    own=()
    stopped=$(inside journalctl -q -b --no-pager -o cat -u auditward.service | sed -n 's/^stopped: //p' | tail -n 1)
    say "          $stopped"
    # A report to systemd each second is one event; a loop would be thousands.
    check "fewer than 1000 events came of it all" test "$(sed -nE 's/.* ([0-9]+) events?.*/\1/p' <<<"$stopped")" -lt 1000
    check "the take-over's one alert (of two rules), none of the daemon's own doing" \
        equal "$(grep -oE '[0-9]+ alerts?' <<<"$stopped")" "1 alert"
    inside systemctl start auditward.service
}

# alerts_command_with LINE…: what the package's script says of a host with this /etc/rsyslog.conf
alerts_command_with() {
    printf '%s\n' "$@" >"$plain/etc/rsyslog.conf"
    chroot "$plain" /usr/share/auditward/alerts-command
}

journal() { inside journalctl -q -b --no-pager -o cat -u auditward.service; }
journal_has() { journal | grep -q -- "$1"; }
status_has() { inside auditward status | grep -q -- "$1"; }
status_text_is() { [[ $(state auditward.service StatusText) == "$1"* ]]; }
restarts_are() { [[ $(state auditward.service NRestarts) == "$1" && $(state auditward.service ActiveState) == active ]]; }
# drop_in UNIT LINE…
drop_in() {
    local folder=$root/etc/systemd/system/$1.d
    shift
    mkdir -p "$folder"
    printf '%s\n' "$@" >"$folder/test.conf"
    inside systemctl daemon-reload
}
site_rule() { # site_rule NAME QUERY
    cat >"$root/etc/auditward/rules.d/mine.toml" <<END
[rule]
rule_id = "mine"
name = "$1"
description = "d"
type = "eql"
severity = "low"
risk_score = 1
query = '''
$2
'''
END
}

# systemctl reload, the watchdog, the canary's timer, the heartbeat, each told once: by systemd itself.
life() {
    say "its life under systemd"
    local starts live unit=auditward.service
    starts=$(journal | grep -c '^Started auditward.service')
    check "its $starts starts are told once each: not by syslog and by standard error" \
        equal "$(journal | grep -c '^started, ')" "$starts"

    live=$(state $unit StatusText | cut -d ' ' -f 1)
    site_rule Mine 'process where process.name == "usermod" and process.args == "mine"'
    check "systemctl reload takes a new rule" inside systemctl reload $unit
    check "    and the status text says so" within 5 status_text_is "$((live + 1)) rules live"
    site_rule Mine 'process wher process.name == "usermod"'
    check "systemctl reload fails for a rule with a fault" test "$(inside systemctl reload $unit >/dev/null 2>&1 || echo failed)" = failed
    check "    and the journal has file and line" within 5 journal_has 'reload refused, everything stays as it was: /etc/auditward/rules.d/mine.toml:9:'
    check "    and all goes on as it was" equal "$(state $unit ActiveState) $(state $unit StatusText | cut -d , -f 1)" "active $((live + 1)) rules live"
    rm "$root/etc/auditward/rules.d/mine.toml"

    drop_in $unit '[Service]' WatchdogSec=3s TimeoutStopSec=2s
    inside systemctl restart $unit
    check "no restart so far" restarts_are 0
    inside kill -STOP "$(state $unit MainPID)"
    check "a loop that stands still is killed and started again by the watchdog" within 30 restarts_are 1
    check "    and that is a line of its own" within 5 journal_has 'did not end as it should'
    rm -r "$root/etc/systemd/system/$unit.d"

    mkdir -p "$root/etc/auditward/auditward.d"
    printf '[daemon]\nheartbeat_minutes = 1\n' >"$root/etc/auditward/auditward.d/test.toml"
    own=("always,exit" -F arch=b64 -S execve -F "path=$root/usr/bin/auditward" -F "key=$key")
    auditctl -a "${own[@]}" >/dev/null
    inside systemctl daemon-reload
    inside systemctl restart $unit
    check "no canary so far" status_has 'canary     none seen'
    drop_in auditward-canary.timer '[Timer]' OnActiveSec= OnUnitActiveSec= OnActiveSec=1s OnUnitActiveSec=2s
    inside systemctl restart auditward-canary.timer
    check "the timer executes the canary, and it is seen" within 20 status_has 'canary     seen '
    inside auditward status | grep '^canary' | shown
    rm -r "$root/etc/systemd/system/auditward-canary.timer.d"
    inside systemctl daemon-reload
    inside systemctl restart auditward-canary.timer
    named_ends
    check "a heartbeat comes within its minute" within 70 journal_has '^alive: '
    journal | grep '^alive: ' | tail -n 1 | cut -c1-120 | shown
    auditctl -d "${own[@]}" >/dev/null
    own=()
    rm -r "$root/etc/auditward/auditward.d"
    inside systemctl restart $unit
}

# as_unit NAME PROPERTY ARGUMENT…: auditward as a transient unit of this property; its exit status
as_unit() {
    local unit=$1 property=$2
    shift 2
    inside timeout 20 systemd-run --quiet --wait --collect --unit="$unit" -p "$property" auditward "$@" >/dev/null 2>&1 && echo 0 || echo $?
}

# What keeps it from listening is an exit status of its own, or is waited for.
named_ends() {
    local place=/opt/auditward-test
    printf '[daemon]\nruntime_directory = "/run/auditward-test"\n' >"$root$place/stop.toml"
    check "a second daemon ends with 3" equal "$(as_unit second User=auditward run)" 3
    check "no audit in this kernel or namespace: 4" equal \
        "$(as_unit no-audit RestrictAddressFamilies=AF_UNIX run --config $place/stop.toml)" 4
    check "not permitted: 5" equal "$(as_unit not-permitted User=nobody run --config $place/stop.toml)" 5
    { cat "$root$place/stop.toml" && echo 'without_auditing = "wait"'; } >"$root$place/wait.toml"
    inside systemd-run --quiet --collect --unit=waits -p User=nobody -p Type=notify auditward run --config $place/wait.toml
    check "by configuration it waits instead, and says for what" grep -q '^waiting: not permitted to join' <<<"$(state waits.service StatusText)"
    check "    and is up meanwhile" equal "$(state waits.service ActiveState)" active
    inside systemctl stop waits.service
}

without_systemd() {
    say "a chroot where systemd does not run"
    local plain=$work/chroot.$$ printed
    mkdir "$plain"
    tar -C "$plain" -xf "$tar"
    cp "$deb" "$plain/auditward.deb"
    printed=$(chroot "$plain" env LC_ALL=C.UTF-8 dpkg -i /auditward.deb 2>&1) || failed=1
    grep '^auditward: ' <<<"$printed" | sed 's/^/          /'
    check "installs, and says that it was not started" grep -q 'not started, systemd does not run here' <<<"$printed"
    check "the command for alerts follows rsyslog's configuration (Red Hat's)" equal "$(alerts_command_with \
        '*.info;mail.none;authpriv.none;cron.none /var/log/messages' 'authpriv.* -/var/log/secure')" \
        "grep ' auditward\[' /var/log/secure"
    rm "$plain/usr/sbin/rsyslogd"
    check "and is the journal's without rsyslog" equal "$(alerts_command_with '')" "journalctl -t auditward"
    check "again, with the same result" quiet chroot "$plain" env LC_ALL=C.UTF-8 dpkg -i /auditward.deb
    check "purges" quiet chroot "$plain" env LC_ALL=C.UTF-8 dpkg -P auditward
    check "and leaves no file" test -z "$(find "$plain" -xdev -name '*auditward*' ! -name '*.deb' ! -path "$plain/proc/*")"
    rm -rf "$plain"
}

tools
build_root
mkdir "$root"
tar -C "$root" --numeric-owner -xf "$tar"
mkdir -p "$root/run"
exec 9>"$lock"
flock -w 300 9 || { say "another live test takes too long"; exit 1; }
started=$SECONDS
boot
say "booted: $(inside systemctl --version | head -n 1), kernel $(uname -r)"
listing >"$work/before"
installs
privilege
alerts
journald
f08_rest
f45_upgrade
f45_undelivered
f45_states
life
pages
f61_purge
without_systemd
say "$((SECONDS - started)) s"
((failed == 0)) && say "all as it should be"
exit "$failed"
