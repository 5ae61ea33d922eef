#!/usr/bin/env bash
# In the virtual machine, with auditd, cloud-init, Ansible and buildah: an ordinary day of a host, from its first boot over a
# reboot to its shutdown, with auditward installed and upgraded on the way. Nothing in it is an attack: no alert is of medium or
# above. The machine is booted twice with one disk.
#
# tests/fixtures/host-day.log.gz is what the kernel said meanwhile, as tests/fixtures/record.py wrote it. On that day an image by
# buildah in a chroot was refused for an option, where the alerts go was set here, nine events that are left out, and no members
# came and went by gpasswd.
# shellcheck disable=SC2154 # alerts is of machine.sh
# shellcheck disable=SC2317 # functions are called by name, through check
set -u
# shellcheck source=/dev/null
source /root/machine.sh

active() { [[ $(state "$1" ActiveState) == active ]]; }
# calm: no alert of medium or above
calm() {
    ! grep -E '"severity":(47|73|99)[,}]' "$alerts" | grep -oE '"message":"[^"]*"'
}
told_alerts() {
    grep -oE '"message":"[^"]*"' "$alerts" | cut -c1-220 | shown
}
# done_by WHAT COMMAND…: it ran; what it printed is shown where it did not
done_by() {
    local what=$1
    shift
    if "$@" >/tmp/done.log 2>&1; then say "  ok      $what ($SECONDS s)"; return; fi
    say "  NOT SO  $what ($SECONDS s)"
    tail -n 15 /tmp/done.log | cut -c1-300 | shown
    failed=1
}

if [[ -e /root/rebooted ]]; then
    say "after the reboot"
    failed=$(cat /root/rebooted)
    check "auditd runs" within 30 active auditd.service
    check "auditward runs" within 30 active auditward.service
    check "its kernel rules are loaded" within 30 ours_are_loaded
    done_by "the daily jobs" run-parts /etc/cron.daily
    done_by "logs are rotated" logrotate -f /etc/logrotate.conf
    done_by "a user who leaves" userdel -r anna
    done_by "the packages go" apt-get -y -q remove cloud-init
    sleep 130 # What waits for something not to happen has waited.
    told_alerts
    check "no alert of medium or above" calm
    finish
fi

# ---- the first boot ----------------------------------------------------------------------------------

check "auditd runs" within 30 active auditd.service
default_user() { id debian; }
check "cloud-init made the default user" within 180 quiet default_user
say "kernel $(uname -r), $(ansible --version | head -n 1), $(buildah --version), $(cloud-init --version)"

# ---- auditward is installed, and upgraded with auditd and the account tools --------------------------

done_by "auditward is installed" apt-get install -y -q ./auditward_0.1.0-1_amd64.deb
check "auditward runs" active auditward.service
check "its kernel rules are loaded" within 30 ours_are_loaded
done_by "an upgrade, with auditd and auditward among the packages" apt-get install -y -q ./next/*.deb ./next.deb
check "auditd runs" within 30 active auditd.service
check "auditward runs" within 30 active auditward.service
check "its kernel rules are loaded" within 30 ours_are_loaded

# ---- configuration management ------------------------------------------------------------------------

mkdir -p /root/play
cat >/root/play/motd.j2 <<'END'
{{ inventory_hostname }} is managed
END
cat >/root/play/day.yml <<'END'
- hosts: all
  gather_facts: false
  tasks:
    - group: {name: ops, gid: 1500}
    - user: {name: anna, uid: 2001, group: ops, groups: [users, video], comment: Anna Alt, shell: /bin/bash, generate_ssh_key: true, ssh_key_type: ed25519}
    - user: {name: anna, comment: Anna Neu, groups: [adm], append: true}
    - user: {name: bob, uid: 2002, password: "$6$x$abcdefghijklmnopqrstuvwxyz", update_password: always, expires: 1893456000}
    - user: {name: bob, shell: /bin/sh, home: /srv/bob, move_home: true, password_lock: true}
    - user: {name: svc-web, system: true, shell: /usr/sbin/nologin, home: /nonexistent, create_home: false}
    - user: {name: root, comment: root, shell: /bin/bash}
    - file: {path: /home/anna/.ssh, state: directory, owner: anna, group: ops, mode: "0700"}
    - copy: {dest: /home/anna/.ssh/authorized_keys, content: "ssh-ed25519 AAAA test\n", owner: anna, mode: "0600"}
    - copy: {dest: /etc/sudoers.d/ops, content: "%ops ALL=(ALL) ALL\n", mode: "0440", validate: "/usr/sbin/visudo -cf %s"}
    - lineinfile: {path: /etc/ssh/sshd_config, regexp: "^#?PermitRootLogin", line: PermitRootLogin no, validate: "/usr/sbin/sshd -t -f %s"}
    - lineinfile: {path: /etc/login.defs, regexp: "^UMASK", line: "UMASK 027"}
    - lineinfile: {path: /etc/hosts, line: 192.0.2.7 collector}
    - blockinfile: {path: /etc/security/limits.conf, block: "anna hard nproc 500"}
    - template: {src: motd.j2, dest: /etc/motd}
    - copy: {dest: /etc/audit/rules.d/20-site.rules, content: "-w /etc/hosts -p wa -k site\n", mode: "0640"}
    - command: augenrules --load
    - cron: {name: nightly, user: anna, minute: "7", job: /bin/true}
    - systemd: {name: cron, state: restarted, enabled: true}
    - systemd: {name: logrotate.timer, enabled: false, state: stopped}
    - systemd: {name: logrotate.timer, enabled: true, state: started, daemon_reload: true}
    - apt: {deb: /root/by-ansible.deb}
    - user: {name: svc-web, state: absent, remove: true}
    - group: {name: old, state: present}
    - group: {name: old, state: absent}
END
done_by "Ansible's play" ansible-playbook -i localhost, -c local /root/play/day.yml
check "auditward runs" within 30 active auditward.service

# ---- by hand -----------------------------------------------------------------------------------------

members() {
    set -e
    groupadd project
    gpasswd -a bob project
    gpasswd -A bob project
    gpasswd -d bob project
    gpasswd -d anna adm
    groupdel project
}
done_by "groups and their members, by hand" bash -c "$(declare -f members); members"

# ---- images of containers ----------------------------------------------------------------------------

build_by_chroot() {
    set -e
    mkdir -p /srv/image
    tar -C /srv/image --numeric-owner -xf /root/image.tar
    mount -t proc proc /srv/image/proc
    chroot /srv/image sh -ec '
        groupadd -g 1700 app
        useradd -u 1700 -g app -m -s /bin/sh app
        usermod -aG users app
        echo "plain:x:1701:1701::/nonexistent:/bin/false" >>/etc/passwd
        adduser --system --group --no-create-home svc
        passwd -l root
        chown app:app /home/app
        userdel -r app'
    umount /srv/image/proc
}
done_by "an image by chroot" bash -c "$(declare -f build_by_chroot); build_by_chroot"
mkdir -p /root/build
mv /root/image.tar /root/build/
cat >/root/build/Dockerfile <<'END'
FROM scratch
ADD image.tar /
RUN groupadd -r app && useradd -r -g app -s /usr/sbin/nologin app && passwd -l app
RUN echo "plain:x:1701:1701::/nonexistent:/bin/false" >>/etc/passwd && sed -i "s/^plain:x:1701/plain:x:1702/" /etc/passwd
USER app
CMD ["/bin/id"]
END
done_by "an image by buildah, in a chroot" buildah bud --isolation chroot --no-cache --layers=false -t day-chroot /root/build
done_by "an image by buildah, in namespaces" \
    buildah bud --isolation oci --network none --no-cache --layers=false -t day-oci /root/build

told_alerts
check "no alert of medium or above so far" calm
say "$SECONDS s, and the reboot"
echo "$failed" >/root/rebooted
