# SPDX-License-Identifier: MIT
"""Real drivers from Debian (tests/drivers/fetch.sh): what `dbos` says of them, and that every store of their ring
functions would run without exit after its first fault. Which of these stores go to a ring only a run can tell: here
all do."""
import json
import os
import subprocess
import unittest
from pathlib import Path

BUILD = Path(os.environ.get("B", "build"))
DBOS = BUILD / "dbos" / "dbos"
DRIVERS = BUILD / "drivers" / "files"

# Everything that fills or empties a ring, or writes a tail.
FUNCTIONS = {
    "igb.ko": ("igb_alloc_rx_buffers igb_poll igb_xmit_frame igb_xmit_frame_ring igb_xmit_xdp_ring igb_xdp_xmit "
               "igb_clean_tx_ring igb_clean_rx_ring igb_configure_tx_ring igb_configure_rx_ring"),
    "e1000.ko": ("e1000_alloc_rx_buffers e1000_clean e1000_clean_rx_irq e1000_clean_jumbo_rx_irq e1000_clean_rx_ring "
                 "e1000_clean_tx_ring e1000_xmit_frame"),
    "net_e1000_igb_rxtx.c.o": ("eth_igb_xmit_pkts eth_igb_recv_pkts eth_igb_recv_scattered_pkts eth_igb_rx_init "
                               "eth_igb_tx_init"),
    "net_e1000_em_rxtx.c.o": ("eth_em_xmit_pkts eth_em_recv_pkts eth_em_recv_scattered_pkts eth_em_rx_init "
                              "eth_em_tx_init"),
}
LEAST = 100  # stores in each, or the names no longer mean what they did


def dbos(*words: object) -> tuple[int, dict[str, object]]:
    done = subprocess.run([str(DBOS), "--json", *map(str, words)], capture_output=True, text=True, timeout=120,
                          check=False)
    return done.returncode, json.loads(done.stdout)


class RealDrivers(unittest.TestCase):
    def test_every_ring_store(self) -> None:
        for name, functions in FUNCTIONS.items():
            with self.subTest(driver=name):
                code, told = dbos("--code", "stores", DRIVERS / name, *functions.split())
                total = told["summary"]
                self.assertGreater(total["rewritten"], LEAST)  # type: ignore[index]
                self.assertEqual([f for f in told["findings"] if f["action"] != "rewritten"], [])  # type: ignore
                self.assertEqual(code, 0)
                print(f"        {name}: {total['rewritten']} stores, all rewritten")  # type: ignore[index]

    def test_plain_driver(self) -> None:
        code, told = dbos("stores", BUILD / "firewall-plain.elf", "ring_put_rx", "ring_put_tx", "ring_hand_over")
        self.assertEqual(code, 0)
        self.assertGreaterEqual(told["summary"]["rewritten"], 6)  # type: ignore[index]

    def test_report(self) -> None:
        """What an author reads first: verdict, what stands in the way and where, what has to be brought along."""
        code, told = dbos("--code", "check", DRIVERS / "igb.ko")
        self.assertEqual((code, told["verdict"]), (0, "its code is accepted"))
        self.assertIn("napi_schedule_prep", told["needs"])  # type: ignore[arg-type]
        self.assertGreater(told["summary"]["instructions"], 30000)  # type: ignore[index]
        self.assertEqual(dbos("check", DRIVERS / "igb.ko")[0], 2)
        code, told = dbos("--code", "check", DRIVERS / "e1000.ko")
        found = [(f["instruction"], f["action"]) for f in told["findings"]]  # type: ignore[attr-defined]
        self.assertEqual(found, [("out dx, eax", "emulated")])
        self.assertIn("e1000_io_write", told["findings"][0]["function"])  # type: ignore[index]

    def test_genuine_wrpkru(self) -> None:
        """The C library has one, in pkey_set, and system calls everywhere: warnings, for they kill only if run."""
        code, told = dbos("--code", "--strict", "check", DRIVERS / "libc.so.6")
        hard = [f for f in told["findings"] if f["rule"] == "hard"]  # type: ignore[attr-defined]
        self.assertEqual([f["instruction"] for f in hard], ["wrpkru"])
        self.assertEqual(hard[0]["action"], "kills")
        self.assertEqual(code, 2)


if __name__ == "__main__":
    unittest.main()
