#!/usr/bin/env bash
# Boots Debian 12 in a virtual machine (qemu, software emulation), installs the .deb there and looks at what comes of it.
# Each word after the .deb is a machine of its own, with a script under packaging/test/vm/; all of them without a word:
#
#   beside   with auditd and rsyslog: a take-over, what the daemon may write, its counts against what was done, kernel
#            rules taken away, never,task, upgrade, downgrade, every command of the pages, remove, purge, -e 2
#   plain    with neither auditd nor rsyslog
#   sets     rule sets of the CIS and STIG kind and ours, in both orders
#   take-overs   every way to an account with UID 0, under profile minimal and profile all
#   triage   somebody logs in over ssh and takes over an account: each answer in the alert against the system's own tools
#   day      an ordinary day, over a reboot: cloud-init, an upgrade, Ansible, images of containers; leaves what the kernel
#            said in target/packaging/vm-day-records.log
#   roots    accounts of containers and of the host, from inside and outside
#   tampering    what is done against auditing and against auditward
#   confined     what the daemon and its probe can do there, a million requests, kernel rules that record everything
#
# As root:
#
#   bash packaging/test/vm.sh target/packages/auditward_0.1.0-1_amd64.deb plain
#
# It installs mmdebstrap and qemu by name and builds the disk's content once (target/packaging/vm-root-2.tar). The machines
# have no network. What was seen inside is printed; the exit status is 1 when something was not as it should be.
set -euo pipefail
cd "$(dirname "$0")/../.."

deb=$(realpath "${1:?the .deb}")
shift
machines=("$@")
((${#machines[@]})) || machines=(beside plain sets take-overs triage day roots tampering confined)
work=$PWD/target/packaging
tar=$work/vm-root-2
# What a machine has beside what all have; its content is a file of its own then.
declare -A more=([take-overs]="busybox,ed,libuser,python3,vim-tiny"
    [triage]="jq,libpam-systemd,openssh-client,openssh-server,sudo"
    [day]="ansible-core,buildah,cloud-init,crun,openssh-server,python3-apt,sudo"
    [roots]="buildah,crun,systemd-container")
# How often a machine is booted, once where nothing is said, and how large its disk is.
declare -A boots=([day]=2) size=([day]=3500M)
# What its kernel is told beside.
declare -A append=([tampering]="audit=1")
root=$work/vm.$$
limit=${VM_SECONDS:-1500}
trap 'rm -rf "$root" "$root".img' EXIT
# shellcheck source=/dev/null
source packaging/test/helpers.sh

absent=()
for package in mmdebstrap qemu-system-x86 e2fsprogs dpkg-dev; do
    dpkg-query -W -f '${Status}' "$package" 2>/dev/null | grep -q '^install ok installed' || absent+=("$package")
done
if ((${#absent[@]})); then
    apt-get update -qq
    DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${absent[@]}" >/dev/null
fi

mkdir -p "$work"
# content MACHINE: the archive that its root is made from; built when it is not there
content() {
    local archive=$tar${more[$1]+-$1}.tar
    if [[ ! -s $archive ]]; then
        mmdebstrap --quiet --format=tar --variant=minbase --include=systemd-sysv,udev,linux-image-cloud-amd64,initramfs-tools \
            --include=auditd,rsyslog,dbus,procps,passwd,login,kmod,logrotate,man-db,cron,perl-base ${more[$1]+--include="${more[$1]}"} \
            bookworm "$archive.new" >&2
        mv "$archive.new" "$archive"
    fi
    say "$archive"
}

# furnish MACHINE: the root of that machine
furnish() {
    local archive
    archive=$(content "$1")
    mkdir "$root"
    tar -C "$root" --numeric-owner -xf "$archive"
    cp "$deb" "$root/root/auditward_0.1.0-1_amd64.deb"
    repacked "$deb" 0.1.0-2 "$root/root/next.deb"
    repacked "$deb" 0.0.9-1 "$root/root/former.deb"
    cp packaging/test/helpers.sh packaging/test/vm/machine.sh tests/kernel_rules/{cis,stig}.rules docs/{install,operations}.md \
        README.md "$root/root/"
    cp "packaging/test/vm/$1.sh" "$root/root/test.sh"
    if [[ $1 == plain ]]; then
        # To look with, where no package would run it.
        mkdir "$root/root/tools"
        cp "$root/usr/sbin/auditctl" "$root/root/tools/"
        chroot "$root" dpkg --purge auditd rsyslog >/dev/null 2>&1
        rm -rf "$root"/var/log/audit
    fi
    if [[ $1 == take-overs ]]; then
        cp tests/live/io_uring_append.py packaging/test/vm/take-overs.py "$root/root/"
        # A shell from before auditing was enabled, whose writes no record ever tells.
        cat >"$root/etc/systemd/system/early-shell.service" <<'END'
[Unit]
DefaultDependencies=no
Before=systemd-journald.service auditd.service sysinit.target
[Service]
ExecStart=/bin/bash -c 'mkfifo /run/early; while true; do read -r line </run/early && echo "$line" >>/etc/passwd; done'
[Install]
WantedBy=sysinit.target
END
        mkdir -p "$root/etc/systemd/system/sysinit.target.wants"
        ln -s ../early-shell.service "$root/etc/systemd/system/sysinit.target.wants/early-shell.service"
    fi
    [[ $1 != day ]] || furnish_day
    [[ $1 != roots ]] || furnish_image
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
    cp "$root"/boot/vmlinuz-* "$work/vmlinuz.$1"
    cp "$root"/boot/initrd.img-* "$work/initrd.$1"
    mke2fs -q -t ext4 -d "$root" "$root.img" "${size[$1]-1700M}"
    rm -rf "$root"
}

# The content of a container's image.
furnish_image() {
    local image=$work/vm-image.tar
    [[ -s $image ]] || mmdebstrap --quiet --variant=essential --include=passwd,adduser bookworm "$image" >&2
    cp "$image" "$root/root/image.tar"
}

# What the ordinary day needs: a recorder of all that the kernel says, rules that have it say much, a cloud's seed, packages
# to upgrade to, and the content of an image.
furnish_day() {
    local debs=$work/vm-day-debs units=$root/etc/systemd/system name
    furnish_image
    mkdir -p "$debs" "$root/root/next"
    for name in auditd passwd base-passwd adduser sudo cron; do
        compgen -G "$debs/${name}_*.deb" >/dev/null || (cd "$debs" && apt-get -o APT::Sandbox::User=root download -qq "$name")
        repacked "$debs/$name"_*.deb "$(dpkg-deb -f "$debs/$name"_*.deb Version)+next" "$root/root/next/$name.deb"
    done
    mv "$root/root/next/cron.deb" "$root/root/by-ansible.deb"
    cp tests/fixtures/record.py "$root/root/"
    sed -nE 's/^    ([0-9]+) ([A-Z0-9_]+) .*/\1 \2/p' src/audit/types.rs >"$root/root/types"
    printf '%s\n' '-b 8192' '-a always,exit -F arch=b64 -S execve,execveat -k day' '-w /etc -p wa -k day' \
        >"$root/etc/audit/rules.d/10-day.rules"
    mkdir -p "$root/var/lib/cloud/seed/nocloud" "$units/sysinit.target.wants" "$units/cloud-init.service.d"
    echo 'instance-id: day' >"$root/var/lib/cloud/seed/nocloud/meta-data"
    printf '%s\n' '#cloud-config' 'users: [default]' 'ssh_pwauth: false' >"$root/var/lib/cloud/seed/nocloud/user-data"
    printf '%s\n' 'datasource_list: [NoCloud, None]' 'network: {config: disabled}' >"$root/etc/cloud/cloud.cfg.d/99-day.cfg"
    printf '[Unit]\nAfter=auditd.service\n' >"$units/cloud-init.service.d/recorded.conf"
    # Where the alerts go. Later it would be somebody else's change of auditward.
    mkdir -p "$units/auditward.service.d" "$root/etc/auditward/auditward.d"
    printf '[Service]\nLogsDirectory=auditward\n' >"$units/auditward.service.d/alerts-to-file.conf"
    printf '[file]\npath = "/var/log/auditward/alerts.ndjson"\n' >"$root/etc/auditward/auditward.d/day.toml"
    cat >"$units/recorder.service" <<'END'
[Unit]
DefaultDependencies=no
After=systemd-remount-fs.service
Before=auditd.service
[Service]
ExecStart=/usr/bin/python3 /root/record.py /root/types /root/records.log
END
    ln -s ../recorder.service "$units/sysinit.target.wants/recorder.service"
}

# boot MACHINE: runs it to its end, and prints what it saw
boot() {
    local started=$SECONDS out=$work/vm-$1.log console=$work/vm-$1-console.log n
    : >"$out"
    for ((n = 0; n < ${boots[$1]-1}; n++)); do
        # -accel tcg by name: a nested kvm may exist and not work.
        timeout "$limit" qemu-system-x86_64 -M q35 -accel tcg,thread=multi -cpu max -m 1024 -smp 2 -display none -monitor none \
            -serial "file:$console" -chardev "file,id=out,path=$out,append=on" -serial chardev:out -no-reboot \
            -kernel "$work/vmlinuz.$1" -initrd "$work/initrd.$1" \
            -append "root=/dev/vda rw console=ttyS0 net.ifnames=0 quiet no_timer_check systemd.mask=serial-getty@ttyS0.service ${append[$1]-}" \
            -drive "file=$root.img,if=virtio,format=raw,cache=unsafe" -nic none || true
    done
    [[ $1 != day ]] || debugfs -R "dump /root/records.log $work/vm-day-records.log" "$root.img" 2>/dev/null
    say "==== $1"
    tr -d '\r' <"$out"
    say "$((SECONDS - started)) s in the machine"
    grep -q '^all as it should be' "$out" && return
    failed=1
    tail -n 5 "$console"
}

for machine in "${machines[@]}"; do
    furnish "$machine"
    boot "$machine"
done
exit "$failed"
