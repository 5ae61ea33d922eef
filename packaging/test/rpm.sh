#!/usr/bin/env bash
# Installs the .rpm with rpm's own tools into a Debian root (no rpm distribution can be had here), looks at it with
# rpm -V, upgrades and erases it. As root on Debian 12, after packaging/test/container.sh made target/packaging/root.tar:
#
#   bash packaging/test/rpm.sh target/packages/auditward-0.1.0-1.x86_64.rpm
#
# systemd does not run in that root: what the scripts do with it is seen through a systemctl that writes down its arguments.
# shellcheck disable=SC2317 # functions are called by name, through check and trap
set -euo pipefail
cd "$(dirname "$0")/../.."

package=$(realpath "${1:?the .rpm}")
work=$PWD/target/packaging
root=$work/rpmroot.$$
# shellcheck source=/dev/null
source packaging/test/helpers.sh
trap 'rm -rf "$root"' EXIT

# The Debian root has no rpm database to satisfy requirements from: --nodeps, and the requirements are looked at apart.
# Debian's rpm warns of itself without --force-debian.
rpm_in() { rpm --force-debian --root "$root" --dbpath /var/lib/rpm "$@" 2>&1; }
called() { sort "$root/systemctl.log" 2>/dev/null || true; }

[[ -s $work/root.tar ]] || { say "run packaging/test/container.sh first"; exit 1; }
mkdir "$root"
tar -C "$root" --numeric-owner -xf "$work/root.tar"
# As on a running host, with a systemctl that only listens.
mkdir -p "$root/run/systemd/system"
printf '#!/bin/sh\necho "$@" >>/systemctl.log\n' >"$root/usr/bin/systemctl.new"
chmod 755 "$root/usr/bin/systemctl.new"
mv "$root/usr/bin/systemctl.new" "$root/usr/bin/systemctl"
rpm --root "$root" --dbpath /var/lib/rpm --initdb
files() { (cd "$root" && find . -xdev \( -path ./var/lib/rpm -o -path ./var/cache -o -path ./run -o -path ./systemctl.log \) -prune -o -print) | LC_ALL=C sort; }
files >"$work/rpm-before"

say "install"
rpm -qp --requires "$package" | sort -u | sed 's/^/          /'
printed=$(rpm_in -i --nodeps "$package")
say "$printed" | sed 's/^/          /'
check "the scripts ran, and say one thing: where alerts are" equal "$printed" "auditward: alerts are shown by: grep ' auditward\\[' /var/log/auth.log"
check "the account is there" grep -q '^auditward:' "$root/etc/passwd"
check "the probe's account too" grep -q '^auditward-probe:' "$root/etc/passwd"
check "the service is enabled and started" grep -q '^start .*auditward.service' "$root/systemctl.log"
check "rpm -V finds nothing changed" equal "$(rpm_in -V --nodeps auditward)" ""
check "the configuration is noreplace" grep -q auditward.toml <<<"$(rpm_in -qc auditward)"
check "the program runs" chroot "$root" auditward check >/dev/null

say "upgrade"
echo '# mine' >>"$root/etc/auditward/auditward.toml"
check "rpm -V tells the changed configuration, and only that" equal "$(rpm_in -V --nodeps auditward | sed 's/^[^ ]* *//')" "c /etc/auditward/auditward.toml"
rm -f "$root/systemctl.log"
rpm_in -U --nodeps --force "$package" >"$work/rpm-upgrade.log" || failed=1
check "a changed configuration file is kept" grep -q '^# mine' "$root/etc/auditward/auditward.toml"
check "nothing is enabled, started anew or stopped" test -z "$(called | grep -E '^(--no-reload )?(enable|stop|disable)|^start .*auditward.socket' || true)"
check "what runs is restarted once" equal "$(called | grep -c '^try-restart auditward.service')" 1

say "erase"
rm -f "$root/systemctl.log"
printed=$(rpm_in -e auditward)
check "prints nothing but of the kept configuration" test -z "$(grep -v rpmsave <<<"$printed" || true)"
say "$printed" | sed 's/^/          /'
check "socket named before the service" grep -q '^stop .*auditward.socket auditward.service' "$root/systemctl.log"
rm -f "$root/etc/auditward/auditward.toml.rpmsave"
files >"$work/rpm-after"
left=$(comm -13 "$work/rpm-before" "$work/rpm-after" | tr '\n' ' ')
say "          left: ${left:-nothing}(and the account)"
check "what is left are root's own directories" test -z "$(tr ' ' '\n' <<<"$left" | grep -Ev '^$|^./etc/auditward$|^./usr/share/(fish|zsh)/[a-z_.-]*$|^./usr/share/(fish|licenses)$|^./etc/(passwd|group|shadow|gshadow)-$|.pwd.lock$' || true)"
((failed == 0)) && say "all as it should be"
exit "$failed"
