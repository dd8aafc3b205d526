/* SPDX-License-Identifier: MIT
 *
 * Numbers of the guest ABI (ringfence.h) that guard.S needs: enumerators are invisible to an assembler.
 */
#ifndef GUARD_NUMBERS_H
#define GUARD_NUMBERS_H

#define GN_FULL      1
#define GN_LIMIT     2
#define GN_RING      3
#define GN_TAIL      4
#define GN_REVOKED   5
#define GN_ADDRESS   16
#define GN_LENGTH    17
#define GN_HC_YIELD  3
#define GN_HC_COMMIT 5

#ifndef __ASSEMBLER__
#include "ringfence.h"
_Static_assert(RF_COMMIT_OK == 0 && GN_FULL == RF_COMMIT_FULL && GN_LIMIT == RF_COMMIT_LIMIT, "guard.S");
_Static_assert(GN_RING == RF_COMMIT_RING && GN_TAIL == RF_COMMIT_TAIL && GN_REVOKED == RF_COMMIT_REVOKED,
               "guard.S");
_Static_assert(GN_ADDRESS == RF_COMMIT_ADDRESS && GN_LENGTH == RF_COMMIT_LENGTH, "guard.S");
_Static_assert(GN_HC_YIELD == RF_HC_YIELD && GN_HC_COMMIT == RF_HC_COMMIT, "guard.S");
#endif

#endif
