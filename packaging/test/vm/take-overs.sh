#!/usr/bin/env bash
# In the virtual machine, with auditd and rsyslog: every way to an account with UID 0 that we know, under the kernel rules of
# profile minimal and again of profile all. What the account files say afterwards is the truth; each account that has UID 0 then
# has to be named by an alert of high or critical within two seconds of the file's change, and whatever did not give anybody
# UID 0 alerts low or not at all, or as the literal rule and its like for the arguments (medium). take-overs.py judges that,
# and prints the rows of docs/detection.md.
#
# Each act has an account of its own, so that an alert can be of no other act; what an act leaves beside the accounts is
# taken away, and the account files are put back between the two profiles.
# shellcheck disable=SC2016 # an act is run by a shell of its own, which has $A, $L
# shellcheck disable=SC2154 # alerts is of machine.sh
# shellcheck disable=SC2317 # functions are called by name, through check
set -u
# shellcheck source=/dev/null
source /root/machine.sh

acts=/root/acts.tsv

# ---- the acts ----------------------------------------------------------------------------------------

# way NAME BEFORE COMMAND [AFTER]: one act, by the function that is there when they are gone through. $A is the act's account, $L its line with UID 0. BEFORE: `old`, the account is there with
# another UID; `new`, it is not. AFTER takes away what is left.
ways() {
    # Those of tests/fixtures/uid0, as INDEX.tsv there has them.
    way usermod_u0_o old 'usermod -u 0 -o $A'
    way usermod_ou0 old 'usermod -ou 0 $A'
    way usermod_u0glued_o old 'usermod -u0 -o $A'
    way usermod_long old 'usermod --uid 0 --non-unique $A'
    way usermod_long_eq old 'usermod --uid=0 --non-unique $A'
    way usermod_00 old 'usermod -u 00 -o $A'
    way usermod_empty_comment old 'usermod -u 0 -o -c "" $A'
    way usermod_gecos_space old 'usermod -c "Backup Service" -u 0 -o $A'
    way usermod_uid_no_o old 'usermod -u 0 $A'
    way usermod_0x0 old 'usermod -u 0x0 -o $A'
    way useradd_o_u0 new 'useradd -o -u 0 $A'
    way useradd_long new 'useradd --non-unique --uid 0 $A'
    way renamed_copy old 'cp /usr/sbin/usermod /tmp/.x && /tmp/.x -u 0 -o $A' 'rm /tmp/.x'
    way argv0_exec old 'bash -c "exec -a ls /usr/sbin/usermod -u 0 -o $A"'
    way newusers new 'echo "$L" | newusers'
    way sed_inplace old 'sed -i "s/^$A:x:[0-9]*:/$A:x:0:/" /etc/passwd'
    way echo_append new 'echo "$L" >> /etc/passwd'
    way mv_over old 'sed "s/^$A:x:[0-9]*:/$A:x:0:/" /etc/passwd > /etc/p.new && mv /etc/p.new /etc/passwd'
    way vipw_ed old 'EDITOR="sed -i s/^$A:x:[0-9]*:/$A:x:0:/" vipw'
    way lusermod old 'lusermod -u 0 $A'
    way benign_useradd new 'useradd $A'
    way benign_usermod_G old 'usermod -aG users $A'
    way benign_usermod_u old 'usermod -u 400${#A} -o $A'
    way benign_passwd_read old 'cat /etc/passwd > /dev/null'
    way benign_groupmod_g0 old 'groupmod -g 4005 users' 'groupmod -g 100 users'
    # Other programs.
    way cp new '{ cat /etc/passwd; echo "$L"; } > /root/new; cp /root/new /etc/passwd'
    way tee new 'echo "$L" | tee -a /etc/passwd'
    way dd new 'echo "$L" | dd of=/etc/passwd oflag=append conv=notrunc'
    way python new 'python3 -c "import os; open(\"/etc/passwd\", \"a\").write(os.environ[\"L\"] + \"\n\")"'
    way perl_pi old 'perl -pi -e "s/^$A:x:[0-9]+:/$A:x:0:/" /etc/passwd'
    way vipw_vi new 'printf "%s\n" "\$a" "$L" . wq | EDITOR="vi -es" vipw'
    way vi new 'printf "%s\n" "\$a" "$L" . wq! | vi -es /etc/passwd'
    way ed new 'printf "%s\n" "\$a" "$L" . w q | ed -s /etc/passwd'
    way busybox_sed old 'busybox sed -i "s/^$A:x:[0-9]*:/$A:x:0:/" /etc/passwd'
    # The tool by another name or in another place.
    way usermod_symlink old 'ln -s /usr/sbin/usermod /tmp/.l; /tmp/.l -u 0 -o $A' 'rm /tmp/.l'
    way usermod_hard_link old 'ln /usr/sbin/usermod /usr/sbin/.h; /usr/sbin/.h -u 0 -o $A' 'rm /usr/sbin/.h'
    way usermod_memfd old 'python3 -c "
import os
tool = os.memfd_create(\"x\")
os.write(tool, open(\"/usr/sbin/usermod\", \"rb\").read())
os.execve(tool, [\"x\", \"-u\", \"0\", \"-o\", os.environ[\"A\"]], os.environ)"'
    way chroot old 'chroot / usermod -u 0 -o $A'
    way usermod_R old 'usermod -R / -u 0 -o $A'
    way usermod_P old 'usermod -P / -u 0 -o $A'
    # The file by another name, or without a system call of its own.
    way hard_link new 'ln /etc/passwd /root/h; echo "$L" >> /root/h; rm /root/h'
    way symbolic_link new 'ln -s /etc/passwd /root/s; echo "$L" >> /root/s' 'rm /root/s'
    way mount_bind new '{ cat /etc/passwd; echo "$L"; } > /run/p; mount --bind /run/p /etc/passwd' 'umount /etc/passwd'
    way rename new 'mkdir -p /srv/x; { cat /etc/passwd; echo "$L"; } > /srv/x/n; mv /srv/x/n /etc/passwd'
    way rename_2 new '{ cat /etc/passwd; echo "$L"; } > /srv/n; python3 -c "import os; os.rename(\"/srv/n\", \"/etc/passwd\")"'
    way proc_root new 'echo "$L" >> /proc/self/root/etc/passwd'
    way proc_1_root new 'echo "$L" >> /proc/1/root/etc/passwd'
    way io_uring new 'python3 /root/io_uring_append.py /etc/passwd "$L"'
    way io_uring_thread new 'python3 /root/io_uring_append.py /etc/passwd "$L" --thread'
    way old_shell new 'echo "$L" > /run/early'
    # Other databases.
    way extrausers new 'mkdir -p /var/lib/extrausers; echo "$L" > /var/lib/extrausers/passwd' 'rm -r /var/lib/extrausers'
    way userdb new 'mkdir -p /etc/userdb; printf "{\"userName\":\"%s\",\"uid\":0}" $A > /etc/userdb/$A.user' 'rm -r /etc/userdb'
    way userdb_run new 'mkdir -p /run/userdb; printf "{\"userName\":\"%s\",\"uid\":0}" $A > /run/userdb/$A.user' 'rm -r /run/userdb'
    # While nobody looks.
    way stopped new 'systemctl stop auditward.service; echo "$L" >> /etc/passwd; systemctl start auditward.service'
    # What fails.
    way try_unique new 'useradd -u 0 $A'
    way try_nobody new 'usermod -u 0 -o $A'
    way try_unprivileged new 'setpriv --reuid 1000 --regid 1000 --clear-groups sh -c "echo \"$L\" >> /etc/passwd"'
    way try_usage old 'usermod -u 0 -o'
    way try_read_only new 'unshare -m sh -c "mount --bind /etc /etc; mount -o remount,ro,bind /etc; useradd -o -u 0 $A"'
    way try_own_mount new 'unshare -m sh -c "cp /etc/passwd /run/q; mount --bind /run/q /etc/passwd; echo \"$L\" >> /etc/passwd"'
}

# ---- one act -----------------------------------------------------------------------------------------

# given ACCOUNT: the file that gives it UID 0, if any
given() {
    local file
    for file in /etc/passwd /var/lib/extrausers/passwd; do
        if grep -qE "^$1:[^:]*:0+:" "$file" 2>/dev/null; then say "$file"; return; fi
    done
    for file in /{etc,run}/userdb/"$1".user; do
        if [[ -e $file ]] && grep -q '"uid":0}' "$file"; then say "$file"; fi
    done
}
# named MARK ACCOUNT: an alert of high or critical since then names the account
named() { alerts_since "$1" | grep -E '"severity":(73|99)[,}]' | quiet grep -F "\"name\":\"$2\""; }

way() {
    local name=$1 command=$3 after=${4-} account mark began ended file changed
    account=$prefix-${name//_/-}
    mark=$(alert_lines)
    export A=$account L="$account:x:0:0::/root:/bin/sh"
    began=$EPOCHREALTIME
    bash -c "$command" >>/tmp/acts.log 2>&1
    ended=$EPOCHREALTIME
    file=$(given "$account")
    changed=$ended
    if [[ -n $file ]]; then
        # A mount is no change of the file below it, and one that happened while nobody looked is told at the start.
        [[ $name == mount_bind || $name == stopped ]] || changed=$(date -d "$(stat -c %z "$file")" +%s.%N)
        within 10 named "$mark" "$account"
        sleep 1
    else
        sleep 2.5
    fi
    printf '%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\n' "$prefix" "$name" "$account" "${file:--}" "$mark" "$(alert_lines)" \
        "$began" "$ended" "$changed" >>"$acts"
    if [[ -n $after ]]; then
        bash -c "$after" >>/tmp/acts.log 2>&1
        sleep 1
    fi
}

# made PREFIX: the accounts that are to be there beforehand
made() {
    way() { [[ $2 != old ]] || say "$prefix-${1//_/-}"; }
    local prefix=$1 uid account
    uid=$2
    for account in $(ways); do
        uid=$((uid + 1))
        echo "$account:x:$uid:100::/nonexistent:/bin/sh" >>/etc/passwd
        echo "$account:!:19000:0:99999:7:::" >>/etc/shadow
    done
}

# ---- the machine -------------------------------------------------------------------------------------

within 20 quiet pidof auditd
say "kernel $(uname -r), auditd $(systemctl is-active auditd), passwd $(dpkg-query -W -f '${Version}' passwd)"
check "the shell from before auditing waits" test -p /run/early
(made a 3000)
(made b 4000)

# No look by the interval: what is told was heard of.
alerts_to_file '[accounts]' 'interval_seconds = 86400'
printed=$(dpkg -i auditward_0.1.0-1_amd64.deb 2>&1)
told_by "$printed"
file_is_there() { [[ -e $alerts ]]; }
check "the service runs, and writes its file" within 10 file_is_there
# With the account of the service among them.
for file in passwd shadow group gshadow; do cp -p /etc/$file /root/$file.before; done
check "the kernel rules are loaded" within 10 ours_are_loaded
has_looked() { auditward status --format json | grep -q '"accounts":{'; }
check "the account files were read" within 10 has_looked
settled() { [[ $(status_number accounts uid_0) == "$1" && $(status_number accounts writers) == 0 ]]; }

say "profile minimal"
our_rules >/tmp/rules.minimal
say "$(wc -l </tmp/rules.minimal) kernel rules" | shown
prefix=a
ways
say "$SECONDS s" | shown

say "profile all"
for file in passwd shadow group gshadow; do cp -p /root/$file.before /etc/$file; done
auditward kernel-rules load --profile all --force >/tmp/all 2>&1
check "every execution is recorded" grep -qE '^-a always,exit -F arch=b64 -S execve,execveat -F key=auditward' <<<"$(our_rules)"
sleep 3
prefix=b
ways

# ---- what came of it ---------------------------------------------------------------------------------

check "every account that became UID 0 is told in time, and nothing else alerts" python3 /root/take-overs.py "$alerts" $acts
changed_in() { awk -F '\t' -v p="$1" '$1 == p && $4 != "-"' $acts | wc -l; }
check "as many acts as are meant to gave UID 0, under both" equal "$(changed_in a) $(changed_in b)" "46 46"
check "the daemon ran all the time, but for the act that stops it" equal "$(grep -c '"message":"started, ' "$alerts")" 3
finish
