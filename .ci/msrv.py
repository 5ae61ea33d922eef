"""Reads `cargo metadata` on standard input: does any dependency need a newer Rust than Cargo.toml promises?

No other toolchain is at hand in CI to build with, so this compares what the packages say of themselves.
clippy's incompatible_msrv (on by default) does the same for the standard library's items that we use.
"""
import json
import sys


def version(text):
    return tuple(int(part) for part in (text.split("-")[0] + ".0.0").split(".")[:3])


metadata = json.load(sys.stdin)
roots = set(metadata["workspace_members"])
promised = next(p["rust_version"] for p in metadata["packages"] if p["id"] in roots and p["name"] == "auditward")
# Only what is built into the program or its tests on Linux: the resolved graph, not all of the lock file.
resolved = {node["id"] for node in metadata["resolve"]["nodes"]}
packages = [p for p in metadata["packages"] if p["id"] in resolved]
newer = [p for p in packages if p["rust_version"] and version(p["rust_version"]) > version(promised)]
silent = [p for p in packages if not p["rust_version"]]
for p in newer:
    print(f"{p['name']} {p['version']} needs Rust {p['rust_version']}, rust-version is {promised}")
top = max(version(p["rust_version"]) for p in packages if p["rust_version"] and p["id"] not in roots)
print(f"{len(packages)} packages: {len(newer)} newer than {promised}, {len(silent)} name no version; "
      f"the newest needed is {'.'.join(map(str, top))}")
sys.exit(1 if newer else 0)
