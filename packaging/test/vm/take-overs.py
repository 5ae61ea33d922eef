"""Judges what take-overs.sh has done, and prints the rows of docs/detection.md.

    take-overs.py ALERTS ACTS

ALERTS is the daemon's file of documents. A line of ACTS is one act: profile, way, account, the file that gives the account
UID 0 now (or `-`), how many lines ALERTS had before and after, and the times (s) of its begin, its end and the change.
Exits 1 where something is not as take-overs.sh says that it is to be.
"""

import json
import sys
from datetime import datetime

LIMIT = 2.0
LOW, MEDIUM, HIGH, CRITICAL = 21, 47, 73, 99
RANKS = {LOW: "low", MEDIUM: "medium", HIGH: "high", CRITICAL: "critical"}
BY_ARGUMENTS = {"linux_backdoor_user_creation", "uid_0_by_arguments"}
SHORT = {
    "linux_backdoor_user_creation": "literal rule",
    "uid_0_by_arguments": "arguments",
    "account_given_uid_0": "report",
    "accounts_made_in_bulk": "bulk",
    "account_file_written": "file written",
    "account_with_uid_0": "state",
}
PROFILES = {"a": "minimal", "b": "all"}


def rules(alert):
    """Id and severity of every rule that the alert names."""
    named = alert.get("auditward", {}).get("rules") or [{"id": alert["rule"]["id"], "severity": alert["event"]["severity"]}]
    return {(rule["severity"], rule["id"]) for rule in named}


def case(alert):
    return alert.get("auditward", {}).get("case", {}).get("id") or alert["event"]["id"]


def names(alert, account):
    return alert.get("user", {}).get("target", {}).get("name") == account or account in alert.get("message", "")


def judge(act, alerts):
    """What the page tells of the act (file, rules, writers, seconds), and what is not as it is to be."""
    changed = act["file"] != "-"
    told, writers, faults, first = set(), [], set(), None
    cases = {case(alert) for alert in alerts if names(alert, act["account"])}
    for alert in alerts:
        severity = alert["event"]["severity"]
        told |= rules(alert)
        if writer := alert.get("process", {}).get("name") or alert.get("auditward", {}).get("account", {}).get("writer"):
            writers.append(writer)
        if alert["rule"]["id"].startswith("auditward-"):
            faults.add("an alert of the daemon about itself: " + alert["message"])
        if changed and severity > MEDIUM:
            if case(alert) not in cases:
                faults.add("an alert above medium that does not name the account: " + alert["message"])
            if names(alert, act["account"]) and first is None:
                created = datetime.fromisoformat(alert["event"]["created"].replace("Z", "+00:00")).timestamp()
                first = max(0.0, created - act["changed"])
        if not changed and severity > MEDIUM:
            faults.add("an alert above medium without a change: " + alert["message"])
        if not changed and severity == MEDIUM and not BY_ARGUMENTS & {rule for _, rule in rules(alert)}:
            faults.add("an alert of medium without a change, which the literal rule and its like do not give: " + alert["message"])
    if changed and first is None:
        faults.add("NOT TOLD")
    elif changed and first > LIMIT:
        faults.add("LATE")
    shown = ", ".join(f"{RANKS[severity]} {SHORT.get(rule, rule)}" for severity, rule in sorted(told))
    return {"file": act["file"], "rules": shown or "none", "writers": writers, "first": first, "faults": faults}


def both(minimal, everything):
    """One text for both profiles."""
    return minimal if minimal == everything else f"{minimal} (all: {everything})"


def main():
    documents = [json.loads(line) for line in open(sys.argv[1])]
    ways, of_a_row, faults = {}, set(), 0
    for line in open(sys.argv[2]):
        profile, way, account, file, before, after, _, _, changed = line.rstrip("\n").split("\t")
        of_a_row.update(range(int(before), int(after)))
        alerts = [one for one in documents[int(before) : int(after)] if one["event"].get("kind") == "alert"]
        act = {"account": account, "file": file, "changed": float(changed)}
        ways.setdefault(way, {})[profile] = judge(act, alerts)
    print("| way | UID 0 in | alerts | writer named | s, minimal | s, all |\n|---|---|---|---|---|---|")
    for way, by_profile in ways.items():
        results = [by_profile[profile] for profile in PROFILES]
        folder = lambda file: file.rsplit("/", 1)[0] if file.endswith(".user") else file
        file = both(*(folder(one["file"]) for one in results)).replace("-", "nowhere")
        writer = both(*((one["writers"] or [""])[-1] for one in results)).replace("unknown", "nobody")
        seconds = " | ".join("" if one["first"] is None else f"{one['first']:.2f}" for one in results)
        print(f"| `{way}` | {file} | {both(*(one['rules'] for one in results))} | {writer} | {seconds} |")
        for profile, one in by_profile.items():
            for fault in sorted(one["faults"]):
                faults += 1
                print(f"  NOT SO  {way}, {PROFILES[profile]}: {fault}")
    for at, alert in enumerate(documents):
        # What is between the acts: the start, what an act left being taken away, the account files put back.
        if at not in of_a_row and alert["event"].get("kind") == "alert" and alert["event"]["severity"] > MEDIUM:
            faults += 1
            print("  NOT SO  between the acts: " + alert["message"])
    for profile, name in PROFILES.items():
        changed = [by_profile[profile] for by_profile in ways.values() if by_profile[profile]["file"] != "-"]
        times = [one["first"] for one in changed if one["first"] is not None]
        print(f"{name}: {len(times)} of {len(changed)} told with the account named, the slowest after {max(times):.2f} s")
    sys.exit(faults > 0)


main()
