#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Installs what is missing of boot/packages.txt through apt.
#   boot/deps.sh build|test|run|netboot ...      the packages with one of these purposes
#   boot/deps.sh --packages WHY NAME...  these packages
# Does nothing, and needs no network and no rights, when all is there.
set -euo pipefail

list=$(dirname "$0")/packages.txt

say() {
        echo "deps.sh: $*" >&2
}

die() {
        say "$*"
        exit 1
}

declare -A have=()

read_installed() {
        local name status
        while read -r name status; do
                [ "$status" != installed ] || have[$name]=1
        done < <(dpkg-query -W -f '${Package} ${db:Status-Status}\n')
}

installed() { # $1 is a name or alternatives a|b
        local name
        for name in ${1//|/ }; do
                [ -z "${have[$name]:-}" ] || return 0
        done
        return 1
}

wanted() { # prints the names of packages.txt that have one of the purposes $*
        local name purposes why purpose
        while read -r name purposes why; do
                case $name in '' | \#*) continue ;; esac
                for purpose in "$@"; do
                        case ,$purposes, in *,"$purpose",*)
                                echo "$name"
                                break
                                ;;
                        esac
                done
        done <"$list"
}

as_root() {
        if [ "$(id -u)" = 0 ]; then
                "$@"
        else
                sudo "$@"
        fi
}

apt() {
        as_root env DEBIAN_FRONTEND=noninteractive apt-get -q -y -o Acquire::Retries=3 \
                -o DPkg::Lock::Timeout=300 "$@" >&2
}

main() {
        local why name names=() missing=()
        [ $# -gt 0 ] || die "usage: boot/deps.sh build|test|run|netboot ... | --packages WHY NAME..."
        if [ "$1" = --packages ]; then
                why=$2
                names=("${@:3}")
        else
                for name in "$@"; do
                        case $name in build | test | run | netboot) ;; *) die "no such purpose: $name" ;; esac
                done
                why="for: $*"
                mapfile -t names < <(wanted "$@")
        fi
        if ! command -v dpkg-query >/dev/null || ! command -v apt-get >/dev/null; then
                say "not a Debian system; see to it yourself that these are installed: ${names[*]}"
                exit 0
        fi
        exec 9<"$list"
        flock 9 # make -j may start us twice, and apt's lists lock does not wait
        read_installed
        for name in "${names[@]}"; do
                installed "$name" || missing+=("${name%%|*}")
        done
        [ ${#missing[@]} -gt 0 ] || exit 0
        say "installing ${missing[*]} ($why)"
        [ "$(id -u)" = 0 ] || command -v sudo >/dev/null ||
                die "neither root nor sudo here. As root: apt-get install ${missing[*]}"
        # A fresh machine has no package lists, an old one stale ones: both show as a failed install.
        apt-cache show "${missing[@]}" >/dev/null 2>&1 || apt update || die "cannot read the package lists; is the network up?"
        apt install --no-install-recommends "${missing[@]}" ||
                { apt update && apt install --no-install-recommends "${missing[@]}"; } ||
                die "apt-get install failed; the lines above say why"
}

main "$@"
