#!/usr/bin/env python3
"""Documents of many hosts, made of a day's: many_hosts.py DAY TAKEOVER MEGABYTES [HOSTS] >FILE

DAY is what `auditward events --format json --secrets keep` writes of a day of ordinary administration, TAKEOVER the same
of a recording in which an account is given UID 0. Every host goes through the day, its clock some seconds from the
others', the documents of all of them in turn as a collector would write them; every 97th host also has the take-over,
once. The same arguments give the same bytes.
"""

import sys

day, takeover, megabytes = sys.argv[1], sys.argv[2], int(sys.argv[3])
hosts = int(sys.argv[4]) if len(sys.argv) > 4 else 1000
bytes_left = megabytes * 1_000_000
lines = [line for line in open(day, "rb").read().splitlines(True)]
attack = [line for line in open(takeover, "rb").read().splitlines(True)]
names = [b'"host":{"id":"host-%04d","name":"host-%04d",' % (n, n) for n in range(hosts)]
out = sys.stdout.buffer


def told(line, host):
    return line.replace(b'"host":{', names[host], 1)


round_ = 0
while bytes_left > 0:
    line = lines[round_ % len(lines)]
    # A day later each time that the day is over.
    if round_ >= len(lines):
        line = line.replace(b"2026-09-2", b"2026-%02d-2" % (10 + round_ // len(lines) % 3))
    batch = []
    for host in range(hosts):
        batch.append(told(line, host))
        if round_ == host % 89 and host % 97 == 5:
            batch.extend(told(event, host) for event in attack)
    text = b"".join(batch)
    bytes_left -= len(text)
    out.write(text)
    round_ += 1
