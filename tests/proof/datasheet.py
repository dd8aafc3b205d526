# SPDX-License-Identifier: MIT
"""The descriptors of both NICs as their manuals draw them, field by field: read for this test, not from our headers.

82576: datasheet 7.1.5 (advanced receive), 7.2.2.3 (advanced transmit, data). 82540EM: the 8254x developer's manual,
3.2.3 (receive) and 3.3.3 (legacy transmit). The second word, its fields from bit 63 down. Each has a rule:

  a number   what P7 asks for (all that a guest could misuse is 0: offloads, VLAN, contexts, delayed interrupts)
  LENGTH     bytes of the frame, 17 to 1514: padding (TCTL.PSP) starts above 16, and no frame is longer without VLAN
  AGAIN      the length once more
  REPORT     RS: as the guest likes; the guard sets it
"""
LENGTH, AGAIN, REPORT = "length", "again", "report"
SHORTEST, LONGEST = 17, 1514

# name: (byte of the descriptor with DD in bit 0, fields)
DESCRIPTORS = {
    "82576 receive": (8, [("header buffer address", 63, 1, 0), ("DD", 0, 0, 0)]),
    "82576 transmit": (12, [
        ("PAYLEN", 63, 46, AGAIN), ("POPTS", 45, 40, 0), ("CC", 39, 39, 0), ("IDX", 38, 36, 0), ("STA", 35, 33, 0),
        ("DD", 32, 32, 0), ("TSE", 31, 31, 0), ("VLE", 30, 30, 0), ("DEXT", 29, 29, 1), ("reserved", 28, 28, 0),
        ("RS", 27, 27, REPORT), ("reserved", 26, 26, 0), ("IFCS", 25, 25, 1), ("EOP", 24, 24, 1), ("DTYP", 23, 20, 3),
        ("MAC", 19, 18, 0), ("reserved", 17, 16, 0), ("DTALEN", 15, 0, LENGTH)]),
    "82540EM receive": (12, [
        ("special", 63, 48, 0), ("errors", 47, 40, 0), ("status", 39, 33, 0), ("DD", 32, 32, 0),
        ("checksum", 31, 16, 0), ("length", 15, 0, 0)]),
    "82540EM transmit": (12, [
        ("special", 63, 48, 0), ("CSS", 47, 40, 0), ("reserved", 39, 36, 0), ("TU, LC, EC", 35, 33, 0),
        ("DD", 32, 32, 0), ("IDE", 31, 31, 0), ("VLE", 30, 30, 0), ("DEXT", 29, 29, 0), ("RPS", 28, 28, 0),
        ("RS", 27, 27, REPORT),
        ("IC", 26, 26, 0), ("IFCS", 25, 25, 1), ("EOP", 24, 24, 1), ("CSO", 23, 16, 0), ("length", 15, 0, LENGTH)]),
}
BUFFER = 2048  # what a NIC may write at a receive address, and more than the longest frame it reads
