#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Finds or fetches the emulator: QEMU >= 10 and an OVMF. Writes build/tools/qemu.env (shell
# assignments) with QEMU, QEMU_DATA (-L options), OVMF_CODE and OVMF_VARS.
#
# In this order: $QEMU if the caller set it; the system's; on Debian 12, the packages of the
# backports suite of the mirror that this machine's apt already uses, unpacked into build/tools/qemu,
# while the system's sources, lists and packages stay as they are (missing shared libraries
# excepted); elsewhere, the system's package.
set -euo pipefail

here=$(cd "$(dirname "$0")" && pwd)
tools=${B:-build}/tools
mkdir -p "$tools"
tools=$(cd "$tools" && pwd)
need=10 # 7.2 has no igb and does not intercept XSETBV
packages="qemu-system-x86 qemu-system-common qemu-system-data seabios ipxe-qemu ovmf"

say() {
        echo "qemu.sh: $*" >&2
}

die() {
        say "$*"
        exit 1
}

# Mirrors hiccup. Three attempts, then the caller's message.
retry() {
        local attempt
        for attempt in 1 2 3; do
                "$@" && return 0
                say "attempt $attempt of 3 failed: $1"
                sleep $((attempt * 5))
        done
        return 1
}

version_of() { # prints the major version, or nothing
        { "$1" --version 2>/dev/null || true; } | sed -n 's/^QEMU emulator version \([0-9]*\)\..*/\1/p'
}

new_enough() {
        local major
        major=$(version_of "$1")
        [ "${major:-0}" -ge "$need" ]
}

find_ovmf() { # under the root $1; sets OVMF_CODE and OVMF_VARS
        local code
        for code in "$1"/usr/share/OVMF/OVMF_CODE_4M.fd "$1"/usr/share/OVMF/OVMF_CODE.fd; do
                OVMF_CODE=$code
                OVMF_VARS=${code/CODE/VARS}
                [ -r "$OVMF_CODE" ] && [ -r "$OVMF_VARS" ] && return 0
        done
        return 1
}

write_env() {
        {
                printf 'QEMU=%q\n' "$QEMU"
                printf 'QEMU_DATA=%q\n' "$QEMU_DATA"
                printf 'OVMF_CODE=%q\nOVMF_VARS=%q\n' "$OVMF_CODE" "$OVMF_VARS"
        } >"$tools/qemu.env.new"
        mv "$tools/qemu.env.new" "$tools/qemu.env"
        say "$QEMU ($("$QEMU" --version | sed -n '1s/.*version //p')), $OVMF_CODE"
}

# One line for a private sources.list: the mirror and the keyring of the machine's own entry for
# its release. apt-get indextargets reads both source formats, so that we need not.
backports_line() {
        local suite=$1 uri entry file options
        read -r uri entry < <(apt-get indextargets --no-release-info 'Created-By: Packages' \
                "Release: $suite" 'Component: main' --format '$(REPO_URI) $(SOURCESENTRY)' |
                sed -n 1p) || true
        [ -n "${uri:-}" ] || die "apt knows no mirror for $suite (apt-get indextargets). Give me a QEMU >= $need: make tools QEMU=/path"
        file=${entry%:*}
        options=$(grep -ohiE '\b(signed-by|trusted)\s*[:=]\s*(/[^] ]+|yes)' "$file" |
                sed -E 's/\s*[:=]\s*/=/; s/^(.*)=/\L\1=/' | sort -u | paste -sd' ') || true
        echo "deb [arch=amd64${options:+ $options}] $uri $suite main"
        echo "deb [arch=amd64${options:+ $options}] $uri $suite-backports main"
}

# apt-get with lists, cache and sources of our own; proxies and credentials stay the machine's.
private_apt() {
        apt-get -q -o Dir::Etc::sourcelist="$tools/apt/sources.list" -o Dir::Etc::sourceparts=- \
                -o Dir::State::lists="$tools/apt/lists" -o Dir::Cache="$tools/apt/cache" \
                -o APT::Sandbox::User="$(id -un)" -o Acquire::Retries=3 -o Acquire::Languages=none -o APT::Update::Error-Mode=any \
                -o Acquire::IndexTargets::deb::Contents-deb::DefaultEnabled=false "$@"
}

fetch() {
        local suite=$1 deb major
        major=$(version_of qemu-system-x86_64)
        say "this system's QEMU is ${major:-absent} (need >= $need): fetching it from $suite-backports (about 25 MB, once)"
        rm -rf "$tools/apt" "$tools/qemu.new"
        mkdir -p "$tools/apt/lists/partial" "$tools/apt/cache/archives/partial" "$tools/apt/debs"
        backports_line "$suite" >"$tools/apt/sources.list"
        retry private_apt update || die "cannot read the package lists; is the network up?"
        # shellcheck disable=SC2086 # a list of words
        (cd "$tools/apt/debs" && retry private_apt download -t "$suite-backports" $packages) ||
                die "cannot download $packages from $suite-backports"
        for deb in "$tools"/apt/debs/*.deb; do
                say "unpacking ${deb##*/}"
                dpkg-deb -x "$deb" "$tools/qemu.new"
        done
        missing_libraries "$tools"/apt/debs/qemu-system-x86_*.deb
        rm -rf "$tools/qemu" "$tools/apt"
        mv "$tools/qemu.new" "$tools/qemu"
}

# The packages of the suite we took QEMU from say which libraries it wants; install what is missing.
missing_libraries() {
        local unpacked=$tools/qemu.new/usr/bin/qemu-system-x86_64 names
        ldd "$unpacked" | grep -q 'not found' || return 0
        names=$(dpkg-deb -f "$1" Depends | tr ',' '\n' | sed -E 's/^ *//; s/[ (|:].*//' |
                grep -E '^lib' | sort -u)
        # shellcheck disable=SC2086 # a list of words
        "$here/deps.sh" --packages "shared libraries of QEMU" $names
        ! ldd "$unpacked" | grep 'not found' || die "QEMU $need misses the libraries above"
}

is_debian_12() {
        # shellcheck disable=SC1091
        (. /etc/os-release && [ "$ID" = debian ] && [ "${VERSION_ID:-}" = 12 ]) 2>/dev/null
}

install_system_qemu() {
        "$here/deps.sh" --packages "the emulator" qemu-system-x86 ovmf
        new_enough qemu-system-x86_64 ||
                die "this system's QEMU is $(version_of qemu-system-x86_64) (need >= $need). Install one and OVMF, then: make tools QEMU=/path/to/qemu-system-x86_64"
}

use_backports() {
        local unpacked=$tools/qemu
        QEMU=$unpacked/usr/bin/qemu-system-x86_64
        new_enough "$QEMU" || fetch bookworm
        new_enough "$QEMU" || die "$QEMU does not run: $("$QEMU" --version 2>&1 | head -n 1)"
        QEMU_DATA="-L $unpacked/usr/share/qemu -L $unpacked/usr/share/seabios -L $unpacked/usr/lib/ipxe/qemu"
        find_ovmf "$unpacked" || die "no OVMF in $unpacked"
        write_env
}

main() {
        exec 9>"$tools/lock"
        flock 9 # several makes may want the emulator at once
        QEMU_DATA=
        if [ -n "${QEMU:-}" ]; then
                new_enough "$QEMU" || die "QEMU=$QEMU is not a QEMU >= $need"
        elif new_enough qemu-system-x86_64 || { ! is_debian_12 && install_system_qemu; }; then
                QEMU=$(command -v qemu-system-x86_64)
        else
                use_backports
                return
        fi
        if ! find_ovmf ""; then
                "$here/deps.sh" --packages "UEFI firmware for the emulator" ovmf
                find_ovmf "" || die "the package ovmf brought no firmware"
        fi
        write_env
}

main
