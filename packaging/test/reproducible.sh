#!/usr/bin/env bash
# Two builds of one tree give the same bytes: `bash packaging/test/reproducible.sh DIR`
#
# DIR holds the packages of a first build, made by packaging/build.sh deb rpm (with the same AUDITWARD_FAST). The second is
# made of a copy of the tree in another directory, from nothing, at another time. CI does it without link-time optimization.
set -euo pipefail
first=$(realpath "${1:?name the directory of the first packages}")
cd "$(dirname "$0")/../.."

scratch=$(mktemp -d "${TMPDIR:-/tmp}/auditward-reproducible.XXXXXX")
trap 'rm -rf "$scratch"' EXIT
SOURCE_DATE_EPOCH=$(git log -1 --format=%ct)
export SOURCE_DATE_EPOCH
mkdir "$scratch/another-directory"
git ls-files -z | xargs -0 cp --parents -t "$scratch/another-directory"
export CARGO_TARGET_DIR=$scratch/another-directory/target
# zig and the like are the same tools for both.
[[ ! -d target/packaging/venv ]] || export PATH="$PWD/target/packaging/venv/bin:$PATH"
bash "$scratch/another-directory/packaging/build.sh" deb rpm

status=0
for file in "$CARGO_TARGET_DIR"/packages/*; do
    if cmp "$file" "$first/${file##*/}"; then
        sha256sum "$file" | sed "s|$CARGO_TARGET_DIR/||"
    else
        status=1
    fi
done
exit "$status"
