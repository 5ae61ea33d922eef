#!/bin/sh
# Prints the command that shows auditward's alerts on this host: the file that rsyslog writes authpriv to, where
# rsyslog is installed and says so, else the journal.
set -u

file=
if command -v rsyslogd >/dev/null 2>&1 && [ -r /etc/rsyslog.conf ]; then
    # The first line with authpriv (not authpriv.none) and a path behind it; a dash before the path means "do not sync".
    file=$(cat /etc/rsyslog.d/*.conf /etc/rsyslog.conf 2>/dev/null |
        sed -nE '/authpriv\.none/!s/^[^#]*authpriv[^[:space:]]*[[:space:]]+-?(\/[^[:space:];]+).*$/\1/p' | head -n 1)
fi
case $file in
    '') echo "journalctl -t auditward" ;;
    *) echo "grep ' auditward\[' $file" ;;
esac
