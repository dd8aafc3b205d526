/* SPDX-License-Identifier: MIT
 * Attack 15: consoles flooded, handles and queues used up. Ring 0 lets through what was promised and counts
 * the rest. */
#include "evil.h"

extern const uint8_t r_same_call[];
enum { FLOOD_MS = 200, A_SECOND = 65536 /* hypercall.c: CONSOLE_BYTES_PER_SECOND, and as much at once */ };

static void console(void)
{
        struct run r = run_at(snippet_va(r_same_call));
        struct tally t = {.tried = 1};
        struct subject s;
        uint64_t start, head, passed, most;

        subject_new(&s, -1, 1);
        head = CONSOLE[s.guest].head;
        r.gpr[RAX] = RF_HC_CONSOLE;
        r.gpr[RDI] = RF_CONSOLE_BYTES;
        r.gpr[R12] = RF_GUARD_VA + RF_GUARD_HYPERCALL;
        start = tsc_now();
        let_go(s.vcpu, &r);
        while (tsc_now() - start < tsc_of_ms(FLOOD_MS))
                sys_wait(start + tsc_of_ms(FLOOD_MS));
        sys_guest_stop(s.guest);
        passed = CONSOLE[s.guest].head - head;
        most = 2 * A_SECOND * ((tsc_now() - start) / HOST->tsc_hz + 1);
        say("flood: %lu bytes in %lu ms, %lu dropped", passed, (tsc_now() - start) / tsc_of_ms(1),
            REPORTS[s.vcpu].console_dropped);
        t.blocked = passed <= most && (passed < most / 4 || REPORTS[s.vcpu].console_dropped > 0);
        t.succeeded = !t.blocked;
        report("flood", "console", &t);
        subject_end(&s);
}

/* All guests, all vCPUs: the next is refused, and all come back. */
static void handles(void)
{
        int id[RF_MAX_GUESTS + 1];
        unsigned n = 0;

        while (n <= RF_MAX_GUESTS && (id[n] = (int)sys_guest_new(64, RF_GUEST_VCPUS)) >= 0)
                n++;
        say("flood: %u guests of %u vCPUs, then error %d", n, RF_GUEST_VCPUS, id[n]);
        check("flood", "handles", n * RF_GUEST_VCPUS <= RF_MAX_VCPUS && n > 0 && id[n] == -RF_ENOMEM);
        while (n-- > 0) {
                sys_guest_stop(id[n]);
                while (sys_guest_free(id[n]) == -RF_EBUSY)
                        ;
        }
        n = 0;
        while (n <= RF_MAX_GUESTS && (id[n] = (int)sys_guest_new(64, 1)) >= 0)
                n++;
        check("flood", "guests", n == RF_MAX_GUESTS && id[n] < 0);
        while (n-- > 0) {
                sys_guest_stop(id[n]);
                while (sys_guest_free(id[n]) == -RF_EBUSY)
                        ;
        }
        check("flood", "audit", sys_audit() == 0);
}

void attack_flood(void)
{
        console();
        handles();
}
