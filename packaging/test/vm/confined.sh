#!/usr/bin/env bash
# In the virtual machine, with auditd and rsyslog: what the daemon and its probe can do as they run there, and the daemon
# under kernel rules that record everything, itself too (F08).
# shellcheck disable=SC2317 # functions are called by name, through check
set -u
# shellcheck source=/dev/null
source /root/machine.sh

useradd bob
install_it ./auditward_0.1.0-1_amd64.deb >/tmp/install.log
told_by "$(cat /tmp/install.log)"
check "the service runs" equal "$(state auditward.service ActiveState)" active

# ---- the daemon --------------------------------------------------------------------------------------

say "the daemon"
of_every_thread() { cat "/proc/$1"/task/*/status | sed -nE "s/^($2):[[:space:]]*/\\1 /p" | sort -u | tr '\n' ' '; }
pid=$(state auditward.service MainPID)
none=0000000000000000
check "no capability, in no set, no thread" equal "$(of_every_thread "$pid" 'Cap...')" \
    "CapAmb $none CapBnd $none CapEff $none CapInh $none CapPrm $none "
check "NoNewPrivs 1, Seccomp 2, in every thread" equal "$(of_every_thread "$pid" 'NoNewPrivs|Seccomp')" "NoNewPrivs 1 Seccomp 2 "
check "it can write its own directories and nothing else" equal "$(writable)" ""
drop_in=/etc/systemd/system/auditward.service.d/writable-paths.conf
mkdir -p "${drop_in%/*}" /srv/alerts /srv/other
chown auditward: /srv/alerts /srv/other
cp /usr/share/doc/auditward/examples/writable-paths.conf $drop_in
systemctl daemon-reload
systemctl restart auditward.service
check "the shipped drop-in opens nothing as it is" equal "$(writable)" ""
sed -i 's|^#\(ReadWritePaths=/srv/alerts\)$|\1|' $drop_in
systemctl daemon-reload
systemctl restart auditward.service
check "and with its line for /srv/alerts that directory alone" equal "$(writable)" "/srv/alerts"
rm -r "${drop_in%/*}"
systemctl daemon-reload
systemctl restart auditward.service
check "without it nothing again" equal "$(writable)" ""

# ---- the probe ---------------------------------------------------------------------------------------

say "the probe"
cat >/srv/ask.pl <<'END'
# Asks the probe, by the table of src/probe/request.rs. Prints what came of it.
use strict;
use warnings;
use Socket;
my ($what, @rest) = @ARGV;
my $link;
sub link_up {
    socket($link, AF_UNIX, 5, 0) or die "socket: $!\n"; # SOCK_SEQPACKET
    connect($link, pack_sockaddr_un('/run/auditward-probe.socket')) or do { print "refused\n"; exit };
}
sub request { my ($kind, $tag, $number, $start) = @_; pack('C4 V V V Q<', 1, $kind, 0, 0, $tag, $number, 0, $start) }
sub answer {
    my $got = recv($link, my $bytes, 4096, 0);
    return 'hung up' unless defined $got && length $bytes;
    my ($version, $state, $question, $zero, $tag) = unpack('C4 V', $bytes);
    return "state $state question $question tag $tag";
}
link_up();
if ($what eq 'raw') { send($link, pack('H*', $rest[0]), 0); print answer(), "\n" }
elsif ($what eq 'long') { send($link, request(4, 7, 0, 0) . "\0" x $rest[0], 0); print answer(), "\n" }
elsif ($what eq 'auditing') { send($link, request(4, 7, 0, 0), 0); print answer(), "\n" }
elsif ($what eq 'process') { send($link, request(1, 7, @rest), 0); print answer(), "\n" }
elsif ($what eq 'many') { # COUNT START-OF-PID-1: a hundredth of them about process 1, the others about one that is gone
    my ($count, $start, $tag, $right) = (@rest, 0, 0);
    while ($tag < $count) {
        my $first = $tag;
        for (1 .. 64) { send($link, request(1, $tag, 1, $tag % 100 ? 1 + 2**40 : $start), 0); last if ++$tag == $count }
        for my $expected ($first .. $tag - 1) {
            my $wanted = $expected % 100 ? "state 1 question 0 tag $expected" : "state 0 question 1 tag $expected";
            $right++ if answer() eq $wanted;
        }
    }
    print "$right\n";
}
END
asked() { setpriv --reuid auditward --regid auditward --clear-groups perl /srv/ask.pl "$@"; }
start_of() { sed 's/.*) //' "/proc/$1/stat" | cut -d ' ' -f 20; }
check "the daemon's user is answered" equal "$(asked auditing)" "state 0 question 4 tag 7"
probe=$(state auditward-probe.service MainPID)
three=$(printf '%016x' $((1 << 2 | 1 << 19 | 1 << 30))) # DAC_READ_SEARCH, SYS_PTRACE, AUDIT_CONTROL
check "it has three capabilities" equal "$(of_every_thread "$probe" 'Cap(Bnd|Eff|Prm)' | tr ' ' '\n' | grep -v Cap | sort -u | tr '\n' ' ')" "$three "
check "NoNewPrivs 1, Seccomp 2" equal "$(of_every_thread "$probe" 'NoNewPrivs|Seccomp')" "NoNewPrivs 1 Seccomp 2 "
check "another user does not even get to it" equal "$(setpriv --reuid bob --regid bob --clear-groups perl /srv/ask.pl auditing)" refused
check "root gets to it, and is hung up on" equal "$(perl /srv/ask.pl auditing)" "hung up"
check "the probe's own user too" equal "$(setpriv --reuid auditward-probe --clear-groups perl /srv/ask.pl auditing)" refused
for bytes in 00 474554202f20485454502f312e31 020400000700000000000000000000000000000000000000 \
    010900000700000000000000000000000000000000000000 010400000700000000000000010000000000000000000000 \
    0104000007000000000000000000000000000000000000; do
    check "hung up on: $bytes" equal "$(asked raw $bytes)" "hung up"
done
check "one byte too many" equal "$(asked long 1)" "hung up"
check "64 KiB too many" equal "$(asked long 65536)" "hung up"
check "and it goes on" equal "$(asked auditing) $(state auditward-probe.service MainPID)" "state 0 question 4 tag 7 $probe"

sleep 1000 &
old=$!
begun=$(start_of $old)
check "a process is told" equal "$(asked process $old "$begun")" "state 0 question 1 tag 7"
kill $old
wait $old 2>/dev/null
sleep 0.1
check "one that ended is gone" equal "$(asked process $old "$begun")" "state 1 question 0 tag 7"
again=
for ((i = 0; i < 200 && ${again:-0} != old; i++)); do
    [[ -z $again ]] || { kill "$again" && wait "$again"; } 2>/dev/null
    echo $((old - 1)) >/proc/sys/kernel/ns_last_pid
    sleep 1000 &
    again=$!
done 2>/dev/null
check "its number was given to another" equal "$again" "$old"
check "which is told by its own start" equal "$(asked process $old "$(start_of $old)")" "state 0 question 1 tag 7"
check "and not for the one before it" equal "$(asked process $old "$begun")" "state 1 question 0 tag 7"
kill "$again"

resources() { echo "$(find "/proc/$probe/fd" -mindepth 1 | wc -l) $(sed -n 's/^RssAnon:[[:space:]]*\([0-9]*\).*/\1/p' "/proc/$probe/status")"; }
asked many 1000 "$(start_of 1)" >/dev/null
read -r descriptors memory <<<"$(resources)"
begun=$SECONDS
check "a million requests are answered, each rightly" equal "$(asked many 1000000 "$(start_of 1)")" 1000000
read -r descriptors_after memory_after <<<"$(resources)"
say "$((SECONDS - begun)) s; before and after: $descriptors and $descriptors_after descriptors, $memory and $memory_after KiB" | shown
check "by the same process" equal "$(state auditward-probe.service MainPID)" "$probe"
check "which holds no descriptor more" equal "$descriptors_after" "$descriptors"
check "and at most 1 MiB more" test "$memory_after" -le $((memory + 1024))

# ---- F08 ---------------------------------------------------------------------------------------------

everything=("always,exit" -F arch=b64 -S openat -S write -S sendto -S connect -k)
pid=$(state auditward.service MainPID)
recorded() { cat /var/log/audit/audit.log* | grep '^type=SYSCALL' | grep "key=\"$1\""; }
records() { status_number totals records; }
# watched NAME: under kernel rules for everything, with NAME as their key: records in 5 s of rest, a take-over, records in
# 5 s of rest again, and who called what meanwhile
watched() {
    local before begun=$SECONDS
    auditctl -a "${everything[@]}" "$1" >/dev/null
    before=$(records)
    sleep 5
    idle=$(($(records) - before))
    usermod -u 0 -o "$1"
    check "    a take-over is told" awaited "usermod -u 0 -o $1"
    check "    in one line" equal "$(alert_of "usermod -u 0 -o $1" | wc -l)" 1
    sleep 1
    before=$(records)
    sleep 5
    rest=$(($(records) - before))
    auditctl -d "${everything[@]}" "$1" >/dev/null
    seconds=$((SECONDS - begun))
    all=$(recorded "$1" | wc -l)
    calls=$(recorded "$1" | grep -c " pid=$pid ")
    processes=$(recorded "$1" | grep -o ' pid=[0-9]*' | sort -u | wc -l)
    say "$idle records in 5 s of rest before, $rest after; $all calls of $processes processes recorded in $seconds s, $calls of them the daemon's own" | shown
}
say "it is watched itself: kernel rules for every openat, write, sendto, connect (F08)"
watched watched-itself
check "    the records fall back to what they were at rest" test "$rest" -le $((idle * 2 + 100))
# Of one alert (whoever started its process is looked at), of each process that is new (a look into /proc for its parent,
# seven files and the probe), and of the clock: of no event.
check "    its own calls are recorded, and are not of events" \
    test "$calls" -gt 0 -a "$calls" -le $((120 + 8 * processes + 2 * seconds)) -a $((calls * 4)) -le "$all"
offered=$(auditward kernel-rules print | sed -n 's/^# \(-a never,exit .*\)/\1/p')
say "with what kernel-rules print offers: $offered"
read -ra words <<<"$offered"
check "    auditctl takes it" quiet auditctl "${words[@]}"
watched excluded
check "    not one call of its own is recorded" equal "$calls" 0
check "    the doctor tells of the rule" grep -q 'exclude .*exe=/usr/bin/auditward' <<<"$(auditward doctor)"
auditctl "${words[@]/#-a/-d}" >/dev/null
finish
