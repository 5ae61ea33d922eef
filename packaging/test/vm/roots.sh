#!/usr/bin/env bash
# In the virtual machine, with auditd, rsyslog, systemd-nspawn and buildah: whose accounts an act was about. An account tool
# inside a container is told as of another root and ranked lower, never dropped; the host's files by any way out of the
# container, and the host's tools by chroot, rank as the host's.
#
# Each act has an account of its own. A report from inside is looked at while its process lives, for 10 ms: where the answer
# comes too late on this slow machine the alert ranks as the host's, and the act is done again with the next account.
# shellcheck disable=SC2016 # $L is of the shell inside
# shellcheck disable=SC2154 # alerts is of machine.sh
# shellcheck disable=SC2317 # functions are called by name, through check
set -u
# shellcheck source=/dev/null
source /root/machine.sh

image=/srv/image
tries=8

# ---- the ways in -------------------------------------------------------------------------------------

# Each: COMMAND… inside, with the image as root.
nspawn() {
    SYSTEMD_SECCOMP=0 systemd-nspawn --quiet --register=no --console=pipe --resolv-conf=off --timezone=off "${options[@]}" \
        -D $image --setenv=L="${L-}" "$@" </dev/null
}
crun() { buildah run --isolation oci --network none --cap-add CAP_AUDIT_WRITE "${options[@]}" --env L="${L-}" "$container" -- "$@"; }
pivoted() {
    unshare --mount --pid --fork sh -ec "
        mount --bind $image $image
        mount -t proc proc $image/proc
        cd $image
        pivot_root . mnt
        # The image has no umount: umount2(\"/mnt\", MNT_DETACH).
        perl -e 'my \$old = \"/mnt\"; syscall(166, \$old, 2) == 0 or die'
        exec \"\$@\"" - "$@"
}
chrooted() { chroot $image "$@"; }

# ---- what is looked at -------------------------------------------------------------------------------

has_uid_0() { grep -qE "^$1:[^:]*:0:" "$2/etc/passwd"; }
of_rule() { grep -F "{\"id\":\"$1\""; }
# The tool's own report, of whatever rank, since MARK.
reports() { alerts_since "$1" | grep -E '"message":"[A-Z]+ Account Given UID 0: '; }
reported() { [[ -n $(reports "$1") ]]; }
messages() { grep -oE '"message":"[^"]*"' | cut -c1-250 | shown; }

# inside WAY PLACE: usermod by that way into the root at PLACE is told as of another root, and ranked lower
inside() {
    local way=$1 place=$2 n mark account told rank options=()
    for ((n = 1; n <= tries; n++)); do
        account=$way$n
        mark=$(alert_lines)
        "$way" usermod -ou 0 "$account" >/tmp/act.log 2>&1
        if ! has_uid_0 "$account" "$place"; then
            tail -n 5 /tmp/act.log | shown
            check "$way: usermod runs inside" false
            return
        fi
        if ! within 10 reported "$mark"; then
            alerts_since "$mark" | messages
            check "$way: never dropped" false
            return
        fi
        sleep 1
        told=$(reports "$mark")
        rank=$(sed -nE 's/.*"message":"([A-Z]+) .*/\1/p' <<<"$told")
        if grep -qE '"evidence":"(process|file)"' <<<"$told"; then
            messages <<<"$told"
            check "$way: usermod's report is told as of another root, at medium, at the try $n" equal "$rank" MEDIUM
            check "$way: in its message too" grep -qF ', in another root' <<<"$told"
            check "$way: no other alert, and the host's accounts are as they were" equal \
                "$(alerts_since "$mark" | wc -l) $(grep -c "^$account:" /etc/passwd)" "1 0"
            return
        fi
        # Not sure, so the host's.
        check "$way: not known in time, it ranks as the host's" equal "$rank" HIGH
    done
    check "$way: told as of another root at one of $tries tries" false
}

# of_host WHAT ACCOUNT COMMAND…: gives the host's account UID 0; told as critical with the name, and nothing as another root's
of_host() {
    local what=$1 account=$2 mark
    shift 2
    mark=$(alert_lines)
    L="$account:x:0:0::/root:/bin/sh" "$@" >/tmp/act.log 2>&1
    if ! has_uid_0 "$account" ''; then
        tail -n 5 /tmp/act.log | shown
        check "$what: it gives UID 0" false
        return
    fi
    critical() { alerts_since "$mark" | of_rule account_with_uid_0 | grep -F '"severity":99' | quiet grep -F "\"name\":\"$account\""; }
    check "$what: critical, with the account named" within 10 critical
    sleep 1
    check "$what: nothing of it as another root's" equal "$(alerts_since "$mark" | grep -cE '"evidence":"(process|file)"')" 0
    alerts_since "$mark" | messages
}
# The same by usermod, whose report is high.
tool_of_host() {
    local mark
    mark=$(alert_lines)
    useradd -M "$2"
    of_host "$@"
    check "$1: the tool's own report is high" equal "$(reports "$mark" | grep -oE '"message":"[A-Z]+' | sort -u)" '"message":"HIGH'
}

# ---- the machine -------------------------------------------------------------------------------------

within 20 quiet pidof auditd
say "kernel $(uname -r), $(systemctl --version | head -n 1), $(buildah --version), $(crun_version=$(command crun --version); head -n 1 <<<"$crun_version")"
mkdir -p $image
tar -C $image --numeric-owner -xf image.tar
for way in nspawn crun pivoted chrooted; do
    for ((n = 1; n <= tries; n++)); do
        echo "$way$n:x:$((3000 + n)):100::/nonexistent:/bin/sh" >>$image/etc/passwd
        echo "$way$n:!:19000:0:99999:7:::" >>$image/etc/shadow
    done
done
container=$(buildah from scratch)
buildah add --quiet "$container" $image / >/dev/null
inner=$(buildah mount "$container")

alerts_to_file
dpkg -i auditward_0.1.0-1_amd64.deb >/dev/null 2>&1
file_is_there() { [[ -e $alerts ]]; }
check "the service runs, and writes its file" within 20 file_is_there
check "the kernel rules are loaded" within 20 ours_are_loaded
has_looked() { auditward status --format json | grep -q '"accounts":{'; }
check "the account files were read" within 20 has_looked

say "inside"
inside nspawn $image
inside crun "$inner"
inside pivoted $image
inside chrooted $image

say "a bare write inside makes no record"
mark=$(alert_lines)
options=()
nspawn sh -c 'echo bare:x:0:0::/:/bin/sh >>/etc/passwd'
check "it was done" has_uid_0 bare $image
sleep 2
check "and is not told" equal "$(alerts_since "$mark" | wc -l)" 0

say "the host's file from inside"
options=(--bind=/etc:/srv/outside)
of_host "nspawn, a bind mount of /etc" out-nspawn nspawn sh -c 'echo "$L" >>/srv/outside/passwd'
options=(--bind=/:/srv)
tool_of_host "nspawn, chroot into a bind mount of /" out-tool nspawn chroot /srv usermod -ou 0 out-tool
options=(--volume /etc:/srv/outside)
of_host "crun, a volume of /etc" out-crun crun sh -c 'echo "$L" >>/srv/outside/passwd'
options=(--pid host --cap-add CAP_SYS_PTRACE --cap-add CAP_SYS_CHROOT)
of_host "crun, /proc/1/root" out-proc crun sh -c 'echo "$L" >>/proc/1/root/etc/passwd'
tool_of_host "crun, chroot /proc/1/root" out-root crun chroot /proc/1/root usermod -ou 0 out-root

say "the host's own"
tool_of_host "chroot /" own-chroot chroot / usermod -ou 0 own-chroot
tool_of_host "usermod -R /" own-root usermod -R / -ou 0 own-root
tool_of_host "a mount namespace" own-mounts unshare -m usermod -ou 0 own-mounts
check "no alert of the daemon about itself" equal "$(alerts_since 0 | grep -cF '"id":"auditward-')" 0
finish
