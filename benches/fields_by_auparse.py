#!/usr/bin/env python3
"""Reads FILE through libauparse's Python bindings (Debian: python3-audit), every field of every record once, as a script
that looks for something would; prints how many events, records and fields there were."""
import sys

import auparse

parser = auparse.AuParser(auparse.AUSOURCE_FILE, sys.argv[1])
events = records = fields = 0
while parser.parse_next_event():
    events += 1
    parser.first_record()
    while True:
        records += 1
        parser.first_field()
        while True:
            parser.get_field_name()
            parser.get_field_str()
            fields += 1
            if not parser.next_field():
                break
        if not parser.next_record():
            break
print(events, records, fields)
