/* SPDX-License-Identifier: MIT
 * hardops: runs code that contains the bytes of WRPKRU in every place they can stand and be rewritten, and
 * prints what each leaves behind. tests/system/test_dbos.py runs the same bytes natively, without rewriting.
 */
#include "hardops.h"
#include "ringfence_sdk.h"

/* Slower than the console drops what a guest says. */
#define LINE_NS 40000000ull

int rf_main(const struct rf_info *info, int argc, char **argv)
{
        for (uint64_t i = 0; i < hardops_count; i++) {
                rf_sleep_until(rf_now_ns() + LINE_NS);
                rf_printf("form %lu result %016lx %s\n", i, hardops_run(i), hardops_forms[i].name);
        }
        rf_printf("hardops: done, %lu forms\n", hardops_count);
        return 0;
}
