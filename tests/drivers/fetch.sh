#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Real drivers for tests of the rewriting engine, from Debian's packages: fetch.sh DIR
# Leaves kernel modules, objects of DPDK drivers and libc.so.6 in DIR/files. Nothing of it is in this repository.
set -euo pipefail

dir=${1:?usage: fetch.sh DIR}
here=$(cd "$(dirname "$0")" && pwd)
stamp=files/stamp-1

# package, file, sha256, component
packages() {
        cat <<EOF
nic-modules-6.1.0-50-amd64-di nic-modules-6.1.0-50-amd64-di_6.1.176-1_amd64.udeb ac1b6c60d2517680b782ce291bfd079b52e8ff7708ffabc478b3a8db8946b90a main/debian-installer
libdpdk-dev libdpdk-dev_22.11.11-0+deb12u1_amd64.deb 071234b58e91d0f607ce0131d5ee58edee49bab3d6e5e4d207e37c787645684a main
libc6 libc6_2.36-9+deb12u14_amd64.deb ba4f88f73dbc3ae9055f3c20f4523bfdbaf1ad13ff95e258924f77d20b4fbedf main
EOF
}

mkdir -p "$dir"
cd "$dir"
[ ! -f "$stamp" ] || exit 0
rm -rf files tree
mkdir files tree
while read -r package file sha256 component; do
        "$here/../../boot/apt-source.sh" "$package" "$file" "$sha256" "$PWD" "$component"
        dpkg-deb -x "$file" tree
done < <(packages)
for name in igb e1000 e1000e ixgbe; do
        find tree/lib/modules -name "$name.ko" -exec cp {} files/ \;
done
lib=tree/usr/lib/x86_64-linux-gnu
ar x "$lib/librte_net_e1000.a" --output files net_e1000_igb_rxtx.c.o net_e1000_em_rxtx.c.o
ar x "$lib/librte_net_ixgbe.a" --output files net_ixgbe_ixgbe_rxtx.c.o net_ixgbe_ixgbe_rxtx_vec_sse.c.o
cp "$(find tree -name libc.so.6 | head -n 1)" files/
rm -rf tree
touch "$stamp"
