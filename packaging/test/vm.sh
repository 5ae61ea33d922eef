#!/usr/bin/env bash
# Boots Debian 12 in a virtual machine (qemu, software emulation), with auditd and rsyslog, installs the .deb there and
# runs packaging/test/vm-inside.sh: a take-over, rules of the CIS kind beside ours, `-e 2`, remove, purge. As root:
#
#   bash packaging/test/vm.sh target/packages/auditward_0.1.0-1_amd64.deb
#
# It installs mmdebstrap and qemu by name and builds the disk's content once (target/packaging/vm-root.tar). The machine
# has no network. What was seen inside is printed; the exit status is 1 when something was not as it should be.
set -euo pipefail
cd "$(dirname "$0")/../.."

deb=$(realpath "${1:?the .deb}")
work=$PWD/target/packaging
tar=$work/vm-root.tar
root=$work/vm.$$
limit=${VM_SECONDS:-400}
trap 'rm -rf "$root" "$root".img' EXIT

absent=()
for package in mmdebstrap qemu-system-x86 e2fsprogs; do
    dpkg-query -W -f '${Status}' "$package" 2>/dev/null | grep -q '^install ok installed' || absent+=("$package")
done
if ((${#absent[@]})); then
    apt-get update -qq
    DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${absent[@]}" >/dev/null
fi

if [[ ! -s $tar ]]; then
    mkdir -p "$work"
    mmdebstrap --quiet --format=tar --variant=minbase \
        --include=systemd-sysv,udev,linux-image-cloud-amd64,initramfs-tools,auditd,rsyslog,dbus,procps,passwd,login,kmod \
        bookworm "$tar.new"
    mv "$tar.new" "$tar"
fi

mkdir "$root"
tar -C "$root" --numeric-owner -xf "$tar"
cp "$deb" "$root/root/auditward.deb"
cp packaging/test/vm-inside.sh "$root/root/test.sh"
cp tests/kernel_rules/cis.rules "$root/root/cis.rules"
cat >"$root/etc/systemd/system/auditward-vm-test.service" <<'END'
[Unit]
After=auditd.service rsyslog.service
[Service]
Type=oneshot
TimeoutStartSec=infinity
ExecStart=/bin/bash /root/test.sh
StandardOutput=file:/dev/ttyS1
StandardError=file:/dev/ttyS1
ExecStopPost=/bin/systemctl --no-block poweroff
[Install]
WantedBy=multi-user.target
END
ln -s ../auditward-vm-test.service "$root/etc/systemd/system/multi-user.target.wants/auditward-vm-test.service"
kernel=$(ls "$root"/boot/vmlinuz-*) initrd=$(ls "$root"/boot/initrd.img-*)
cp "$kernel" "$work/vmlinuz"
cp "$initrd" "$work/initrd"
mke2fs -q -t ext4 -d "$root" "$root.img" 1700M
rm -rf "$root"

started=$SECONDS
: >"$work/vm-out.log"
# -accel tcg by name: a nested kvm may exist and not work.
timeout "$limit" qemu-system-x86_64 -M q35 -accel tcg,thread=multi -cpu max -m 1024 -smp 2 -display none -monitor none \
    -serial "file:$work/vm-console.log" -serial "file:$work/vm-out.log" -no-reboot -kernel "$work/vmlinuz" \
    -initrd "$work/initrd" \
    -append "root=/dev/vda rw console=ttyS0 net.ifnames=0 quiet no_timer_check systemd.mask=serial-getty@ttyS0.service" \
    -drive "file=$root.img,if=virtio,format=raw,cache=unsafe" -nic none || true
tr -d '\r' <"$work/vm-out.log"
echo "$((SECONDS - started)) s in the machine"
if ! grep -q '^all as it should be' "$work/vm-out.log"; then
    tail -n 5 "$work/vm-console.log"
    exit 1
fi
