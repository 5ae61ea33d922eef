#!/usr/bin/awk -f
# Makes a day of audit records into many: awk -v copies=20 -f benches/shift.awk day.log > days.log
#
# Copy k (counted from 0) is the file again with k times SPAN added to each serial and k days to each time,
# where SPAN is the file's own range of serials plus one, so that every event of the result is distinct and
# times and serials rise from copy to copy. Plain concatenation misleads: repeated event ids make readers
# search, complain or merge. Nothing but the stamp `audit(SECONDS.MILLIS:SERIAL)` changes.

function stamp_of(line) {
    return match(line, /audit\([0-9]+\.[0-9]+:[0-9]+\)/)
}

{
    lines[NR] = $0
    if (!stamp_of($0)) next
    start[NR] = RSTART + 6
    stop[NR] = RSTART + RLENGTH - 1
    stamp = substr($0, start[NR], stop[NR] - start[NR])
    colon = index(stamp, ":")
    dot = index(stamp, ".")
    seconds[NR] = substr(stamp, 1, dot - 1) + 0
    millis[NR] = substr(stamp, dot, colon - dot)
    serial[NR] = substr(stamp, colon + 1) + 0
    if (!known || serial[NR] < lowest) lowest = serial[NR]
    if (!known || serial[NR] > highest) highest = serial[NR]
    known = 1
}

END {
    span = highest - lowest + 1
    for (k = 0; k < copies; k++)
        for (n = 1; n <= NR; n++)
            if (n in start)
                printf "%s%.0f%s:%.0f%s\n", substr(lines[n], 1, start[n] - 1), seconds[n] + k * 86400, \
                    millis[n], serial[n] + k * span, substr(lines[n], stop[n])
            else
                print lines[n]
}
