# shellcheck shell=bash
# What the scripts beside this share; sourced, also inside the virtual machine.

# shellcheck disable=SC2034 # the scripts end with it
failed=0 not_so=()
say() { printf '%s\n' "$*"; }
# shown: what comes in, set in
shown() { sed 's/^/          /'; }
# check WHAT COMMAND…: says what was looked at, and whether it is so
check() {
    local what=$1
    shift
    if "$@"; then say "  ok      $what"; else say "  NOT SO  $what"; failed=1 not_so+=("$what"); fi
}
# all_not_so: what was not so, once more
all_not_so() { ((${#not_so[@]} == 0)) || printf 'NOT SO  %s\n' "${not_so[@]}"; }
quiet() { "$@" >/dev/null 2>&1; }
equal() { [[ $1 == "$2" ]] || { say "          have: $1"; say "          want: $2"; return 1; }; }
# within SECONDS COMMAND…: awaits that it succeeds
within() {
    local i tenths=$(($1 * 10))
    shift
    for ((i = 0; i < tenths; i++)); do
        ! "$@" || return 0
        sleep 0.1
    done
    return 1
}
# repacked DEB VERSION TO: the same package under another version; ours with another shipped configuration
repacked() {
    local tree
    tree=$(mktemp -d)
    dpkg-deb -R "$1" "$tree/deb"
    sed -i "s/^Version: .*/Version: $2/" "$tree/deb/DEBIAN/control"
    [[ ! -d $tree/deb/etc/auditward ]] || echo "# $2" >>"$tree/deb/etc/auditward/auditward.toml"
    dpkg-deb --root-owner-group -Zgzip -z1 -b "$tree/deb" "$3" >/dev/null
    rm -rf "$tree"
}
# blocks_of PAGE FOLDER: every block of a page that says ```sh, as FOLDER/page-N
blocks_of() {
    rm -f "$2"/page-*
    awk -v folder="$2" '/^```sh$/ { n++; inside = 1; next } /^```$/ { inside = 0 }
        inside { print > sprintf("%s/page-%02d", folder, n) }' "$1"
}
# writable_to_daemon PID: the directories and files that the daemon of this process id may write, as it sees the file
# system: its own mounts, user, groups, and no capability. What only the kernel answers (/proc, /sys) and devices that
# hold nothing are left out.
writable_to_daemon() {
    local uid gid
    uid=$(sed -n 's/^Uid:\t\([0-9]*\).*/\1/p' "/proc/$1/status")
    gid=$(sed -n 's/^Gid:\t\([0-9]*\).*/\1/p' "/proc/$1/status")
    nsenter -t "$1" -m setpriv --reuid "$uid" --regid "$gid" --clear-groups --bounding-set=-all --no-new-privs \
        find / \( -path /proc -o -path /sys \) -prune -o \( -type d -o -type f \) -writable -print 2>/dev/null | sort
}
