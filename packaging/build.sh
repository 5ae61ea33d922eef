#!/usr/bin/env bash
# Builds the packages, on a clean Debian with Rust: `bash packaging/build.sh deb rpm`
#
#   bash packaging/build.sh deb                  only the .deb
#   bash packaging/build.sh deb rpm aarch64      for 64-bit Arm (untried: the standard library of that target comes
#                                                with rustup)
#   AUDITWARD_FAST=1 bash packaging/build.sh …   without link-time optimization: for tests, not to give away
#
# It installs its tools (cargo-deb, cargo-generate-rpm, cargo-cyclonedx, and ziglang with cargo-zigbuild from PyPI into
# target/packaging/venv), and leaves the packages in target/packages/, with the list of what is in the program (SBOM,
# CycloneDX), which lies in each of them too. The program is linked so that it needs no newer
# symbol of glibc than 2.28 (RHEL 8, Debian 11, Ubuntu 20.04), which is checked, as is the size of the .deb.
#
# Two builds of one commit give the same bytes, wherever and whenever they are made (reproducible-builds.org): no path of
# this machine is left in them, and what has a time has that of the commit. `bash packaging/test/reproducible.sh` tries it.
set -euo pipefail
cd "$(dirname "$0")/.."

GLIBC=2.28
CARGO_DEB=3.8.0
CARGO_GENERATE_RPM=0.21.1
CARGO_CYCLONEDX=0.5.9
CARGO_ZIGBUILD=0.24.1
ZIGLANG=0.17.1
DEB_MOST_BYTES=5000000

kinds=() arch=x86_64
for word in "$@"; do
    case $word in
        deb | rpm) kinds+=("$word") ;;
        x86_64 | aarch64) arch=$word ;;
        *) echo "usage: $0 [deb] [rpm] [x86_64|aarch64]" >&2; exit 2 ;;
    esac
done
((${#kinds[@]})) || kinds=(deb rpm)
triple=$arch-unknown-linux-gnu
target=${CARGO_TARGET_DIR:-$PWD/target}
export CARGO_TARGET_DIR=$target
work=$PWD/target/packaging out=$target/packages
mkdir -p "$work" "$out"
home=${CARGO_HOME:-$HOME/.cargo}
export PATH="$work/venv/bin:$PATH:$home/bin"

# Of a tree without its history: the time of the newest entry of the changelog.
committed() { git log -1 --format=%ct 2>/dev/null || dpkg-parsechangelog -l packaging/debian-changelog -S Timestamp; }
SOURCE_DATE_EPOCH=${SOURCE_DATE_EPOCH:-$(committed)}
export SOURCE_DATE_EPOCH

tools() {
    local absent=() package
    for package in binutils python3-venv xz-utils; do
        dpkg-query -W -f '${Status}' "$package" 2>/dev/null | grep -q '^install ok installed' || absent+=("$package")
    done
    if ((${#absent[@]})); then
        apt-get update -qq
        DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${absent[@]}" >/dev/null
    fi
    command -v cargo-zigbuild >/dev/null || {
        python3 -m venv "$work/venv"
        "$work/venv/bin/pip" install --quiet "ziglang==$ZIGLANG" "cargo-zigbuild==$CARGO_ZIGBUILD"
    }
    # Tools, not products: built quickly.
    local quick=(env CARGO_TARGET_DIR="$work/tools" CARGO_PROFILE_RELEASE_LTO=off CARGO_PROFILE_RELEASE_OPT_LEVEL=1
        CARGO_PROFILE_RELEASE_CODEGEN_UNITS=16)
    if [[ " ${kinds[*]} " == *" deb "* ]] && ! command -v cargo-deb >/dev/null; then
        "${quick[@]}" cargo install --quiet --locked "cargo-deb@$CARGO_DEB"
    fi
    if [[ " ${kinds[*]} " == *" rpm "* ]] && ! command -v cargo-generate-rpm >/dev/null; then
        "${quick[@]}" cargo install --quiet --locked "cargo-generate-rpm@$CARGO_GENERATE_RPM"
    fi
    command -v cargo-cyclonedx >/dev/null || "${quick[@]}" cargo install --quiet --locked "cargo-cyclonedx@$CARGO_CYCLONEDX"
    rm -rf "$work/tools"
}

program() {
    local fast=()
    [[ -z ${AUDITWARD_FAST:-} ]] || fast=(env CARGO_PROFILE_RELEASE_LTO=off CARGO_PROFILE_RELEASE_CODEGEN_UNITS=16
        CARGO_PROFILE_RELEASE_OPT_LEVEL=1)
    local paths="--remap-path-prefix=$PWD=/usr/src/auditward --remap-path-prefix=$home=/usr/src/cargo"
    RUSTFLAGS="${RUSTFLAGS:-} $paths" CFLAGS="${CFLAGS:-} -ffile-prefix-map=$home=/usr/src/cargo" "${fast[@]}" cargo zigbuild --quiet --locked --release --bin auditward --target "$triple.$GLIBC"
    built=$target/$triple/release/auditward
}

# The newest symbol version of glibc that the program asks for, and the libraries it names.
needs() {
    local newest
    newest=$(objdump -T "$built" | grep -o 'GLIBC_[0-9.]*' | sort -Vu | tail -n 1)
    echo "newest symbol: $newest; libraries: $(objdump -p "$built" | sed -n 's/^ *NEEDED *//p' | tr '\n' ' ')"
    [[ $(printf '%s\n' "GLIBC_$GLIBC" "$newest" | sort -V | tail -n 1) == "GLIBC_$GLIBC" ]] ||
        { echo "newer than GLIBC_$GLIBC" >&2; return 1; }
    ! objdump -p "$built" | sed -n 's/^ *NEEDED *//p' | grep -Ev '^(lib(c|m|pthread|dl|rt)\.so\.[0-9]|ld-linux.*)' ||
        { echo "a library that the packages do not require" >&2; return 1; }
}

# What the program is made of: crates, versions, licences, hashes.
sbom() {
    cargo cyclonedx --quiet --format json --spec-version 1.5 --target "$triple" --override-filename auditward.cdx
    # Cargo tells the name behind a path only where its last part is another.
    sed "s|file://$PWD|file:///usr/src/auditward|g; s|/usr/src/auditward#auditward@|/usr/src/auditward#|g" auditward.cdx.json >"$work/auditward.cdx.json"
    rm auditward.cdx.json
    cp "$work/auditward.cdx.json" "$out/"
}

deb() {
    cargo deb --quiet --no-build --strip --target "$triple" --output "$out/"
    local file size
    file=$(newest "$out"/auditward_*.deb)
    size=$(stat -c %s "$file")
    echo "$file: $size bytes"
    ((size <= DEB_MOST_BYTES)) || { echo "more than $DEB_MOST_BYTES" >&2; return 1; }
}

rpm() {
    # cargo-generate-rpm neither strips nor compresses.
    mkdir -p "$work/man"
    rm -f "$work"/man/*
    cp packaging/man/*.[58] "$work/man/"
    gzip -9n "$work"/man/*
    local stripped=$target/$triple/rpm
    mkdir -p "$stripped"
    objcopy --strip-all "$built" "$stripped/auditward"
    # It moves times back to that of the commit, and none forward: of a file that was there before, its own would be left.
    find CHANGELOG.md README.md LICENSE-* contrib docs packaging rules systemd -type f ! -newermt "@$SOURCE_DATE_EPOCH" -exec touch {} +
    # xz: rpm of RHEL 8 need not know zstd.
    cargo generate-rpm --target "$triple" --profile rpm --target-dir "$target" --arch "$arch" --payload-compress xz \
        --output "$out/"
    newest "$out"/auditward-*.rpm
}

newest() { # newest FILE…: the one written last
    local file last=$1
    for file in "$@"; do [[ $file -nt $last ]] && last=$file; done
    echo "$last"
}

tools
program
needs
sbom
for kind in "${kinds[@]}"; do "$kind"; done
