#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Finds or fetches the emulator of PLATFORM=bochs: Bochs, its VGA BIOS, and a UEFI firmware of 2 MB (Bochs
# takes no larger ROM). Writes build/tools/bochs.env (shell assignments) with BOCHS, BOCHS_PLUGINS (empty: where it
# was built to look for them), BOCHS_ROM and BOCHS_VGA.
#
# Everyone gets Bochs 2.7 and OVMF 2022.11 of Debian 12, on other releases too (not tried yet), so that a run is the
# same run everywhere: unpacked into build/tools/bochs, the system stays as it is (missing shared libraries excepted).
# BOCHS=/path/to/bochs-bin, with BOCHS_ROM= and BOCHS_VGA=, asks for others.
set -euo pipefail

here=$(cd "$(dirname "$0")" && pwd)
tools=${B:-build}/tools
mkdir -p "$tools"
tools=$(cd "$tools" && pwd)
unpacked=$tools/bochs
suite=bookworm
rom_bytes=2097152

say() {
        echo "bochs.sh: $*" >&2
}

die() {
        say "$*"
        exit 1
}

# It has no --version, ends with status 1 after every --help, and names itself in each.
version_of() {
        { "$1" --help cpu 2>&1 || true; } | sed -n 's/^ *Bochs x86 Emulator \([0-9.]*\).*/\1/p' | sed -n 1p
}

# The package says which libraries it wants; those that the system lacks are installed.
missing_libraries() {
        local names
        ldd "$BOCHS" | grep -q 'not found' || return 0
        names=$(dpkg-deb -f "$unpacked"/debs/bochs_*.deb Depends | tr ',' '\n' | sed -E 's/^ *//; s/[ (|:].*//' |
                grep -E '^lib' | sort -u)
        # shellcheck disable=SC2086 # a list of words
        "$here/deps.sh" --packages "shared libraries of Bochs" $names
        ! ldd "$BOCHS" | grep 'not found' || die "Bochs misses the libraries above"
}

use_unpacked() {
        BOCHS=$unpacked/usr/bin/bochs-bin
        BOCHS_PLUGINS=$unpacked/usr/lib/x86_64-linux-gnu/bochs/plugins
        BOCHS_ROM=$unpacked/usr/share/ovmf/OVMF.fd
        BOCHS_VGA=$unpacked/usr/share/vgabios/vgabios-stdvga.bin
        if [ ! -x "$BOCHS" ] || [ ! -r "$BOCHS_ROM" ] || [ ! -r "$BOCHS_VGA" ]; then
                say "fetching Bochs and OVMF of Debian 12 (about 10 MB, once)"
                "$here/apt-unpack.sh" "$suite" "$unpacked" bochs vgabios ovmf ||
                        die "could not fetch them. Give me your own: make tools PLATFORM=bochs BOCHS=/path/to/bochs-bin BOCHS_ROM=/path/to/OVMF.fd BOCHS_VGA=/path/to/vgabios.bin"
        fi
        missing_libraries
}

check() {
        local version
        [ -x "$BOCHS" ] || die "BOCHS=$BOCHS is no program"
        [ "$(stat -L -c %s "${BOCHS_ROM:-/dev/null}")" = $rom_bytes ] ||
                die "BOCHS_ROM=${BOCHS_ROM:-} must be an OVMF of exactly 2 MB, code and variables in one file (OVMF.fd)"
        [ -r "${BOCHS_VGA:-}" ] || die "BOCHS_VGA=${BOCHS_VGA:-} must be a VGA BIOS (vgabios-stdvga.bin)"
        version=$(LTDL_LIBRARY_PATH=$BOCHS_PLUGINS version_of "$BOCHS")
        [ -n "$version" ] || die "$BOCHS does not run: $("$BOCHS" --help 2>&1 | head -n 1)"
        say "$BOCHS ($version), $BOCHS_ROM"
}

main() {
        exec 9>"$tools/lock"
        flock 9 # several makes may want the emulator at once
        BOCHS_PLUGINS=
        [ -n "${BOCHS:-}" ] || use_unpacked
        check
        printf '%s=%q\n' BOCHS "$BOCHS" BOCHS_PLUGINS "$BOCHS_PLUGINS" BOCHS_ROM "$BOCHS_ROM" \
                BOCHS_VGA "$BOCHS_VGA" >"$tools/bochs.env.new"
        mv "$tools/bochs.env.new" "$tools/bochs.env"
}

main
