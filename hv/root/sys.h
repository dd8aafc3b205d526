/* SPDX-License-Identifier: MIT
 * Ring 0's system calls with C types (rf/root.h is the contract), and the pages it shares. */
#ifndef SYS_H
#define SYS_H

#include <stdint.h>

#include "rf/root.h"

/* start.S; a fake ring 0 in the unit tests */
int64_t rf_sys(uint64_t number, uint64_t a, uint64_t b, uint64_t c, uint64_t d, uint64_t e, uint64_t f);

#define HOST    ((const volatile struct rf_host *)RF_ROOT_HOST)
#define BOOT    ((const struct rf_boot_info *)RF_ROOT_BOOT)
#define REPORTS ((const volatile struct rf_vcpu_report *)RF_ROOT_REPORT)
#define CONSOLE ((const volatile struct rf_console *)RF_ROOT_CONSOLE)

static inline uint64_t tsc_now(void)
{
        uint32_t low, high;

        __asm__ volatile("rdtsc" : "=a"(low), "=d"(high));
        return low | (uint64_t)high << 32;
}
static inline uint64_t tsc_of_ms(uint64_t ms)
{
        return HOST->tsc_hz / 1000 * ms;
}

static inline int64_t sys_wait(uint64_t deadline)
{
        return rf_sys(RF_SYS_WAIT, deadline, 0, 0, 0, 0, 0);
}
static inline int64_t sys_guest_new(uint64_t quota_pages, uint32_t nvcpus)
{
        return rf_sys(RF_SYS_GUEST_NEW, quota_pages, nvcpus, 0, 0, 0, 0);
}
static inline int64_t sys_guest_map(int guest, uint64_t va, uint64_t pages, enum rf_map_kind kind)
{
        return rf_sys(RF_SYS_GUEST_MAP, (uint64_t)guest, va, pages, kind, 0, 0);
}
static inline int64_t sys_guest_accept(int guest, uint64_t va, uint64_t pages)
{
        return rf_sys(RF_SYS_GUEST_ACCEPT, (uint64_t)guest, va, pages, 0, 0, 0);
}
static inline int64_t sys_guest_open(int guest, uint64_t va, uint64_t pages)
{
        return rf_sys(RF_SYS_GUEST_OPEN, (uint64_t)guest, va, pages, 0, 0, 0);
}
static inline int64_t sys_guest_stop(int guest)
{
        return rf_sys(RF_SYS_GUEST_STOP, (uint64_t)guest, 0, 0, 0, 0, 0);
}
static inline int64_t sys_guest_free(int guest)
{
        return rf_sys(RF_SYS_GUEST_FREE, (uint64_t)guest, 0, 0, 0, 0, 0);
}
static inline int64_t sys_accept_at(void)
{
        return rf_sys(RF_SYS_ACCEPT_AT, 0, 0, 0, 0, 0, 0);
}
static inline int64_t sys_vcpu_id(int guest, uint32_t index)
{
        return rf_sys(RF_SYS_VCPU_ID, (uint64_t)guest, index, 0, 0, 0, 0);
}
static inline int64_t sys_vcpu_start(uint32_t vcpu, uint64_t rip, uint64_t rsp)
{
        return rf_sys(RF_SYS_VCPU_START, vcpu, rip, rsp, 0, 0, 0);
}
static inline int64_t sys_vcpu_resume(uint32_t vcpu, uint64_t rip)
{
        return rf_sys(RF_SYS_VCPU_RESUME, vcpu, rip, 0, 0, 0, 0);
}
static inline int64_t sys_vcpu_set(uint32_t vcpu, unsigned gpr, uint64_t value)
{
        return rf_sys(RF_SYS_VCPU_SET, vcpu, gpr, value, 0, 0, 0);
}
static inline int64_t sys_stage_store(uint32_t vcpu, uint64_t va, uint64_t value, unsigned bytes)
{
        return rf_sys(RF_SYS_STAGE_STORE, vcpu, va, value, bytes, 0, 0);
}
static inline int64_t sys_commit(uint32_t vcpu, unsigned ring, uint32_t tail)
{
        return rf_sys(RF_SYS_COMMIT, vcpu, ring, tail, 0, 0, 0);
}
static inline int64_t sys_nic_bind(uint16_t bdf)
{
        return rf_sys(RF_SYS_NIC_BIND, bdf, 0, 0, 0, 0, 0);
}
static inline int64_t sys_nic_read(int nic, uint32_t offset)
{
        return rf_sys(RF_SYS_NIC_READ, (uint64_t)nic, offset, 0, 0, 0, 0);
}
static inline int64_t sys_nic_write(int nic, uint32_t offset, uint32_t value)
{
        return rf_sys(RF_SYS_NIC_WRITE, (uint64_t)nic, offset, value, 0, 0, 0);
}
static inline int64_t sys_queue_assign(int nic, unsigned queue, uint32_t vcpu, unsigned slot, uint64_t pool,
                                       uint64_t pages)
{
        return rf_sys(RF_SYS_QUEUE_ASSIGN, (uint64_t)nic, queue, vcpu, slot, pool, pages);
}
static inline int64_t sys_queue_enable(int nic, unsigned queue)
{
        return rf_sys(RF_SYS_QUEUE_ENABLE, (uint64_t)nic, queue, 0, 0, 0, 0);
}
static inline int64_t sys_queue_revoke(int nic, unsigned queue)
{
        return rf_sys(RF_SYS_QUEUE_REVOKE, (uint64_t)nic, queue, 0, 0, 0, 0);
}
static inline int64_t sys_queue_get(int nic, unsigned queue, enum rf_queue_field field)
{
        return rf_sys(RF_SYS_QUEUE_GET, (uint64_t)nic, queue, field, 0, 0, 0);
}
static inline int64_t sys_audit(void)
{
        return rf_sys(RF_SYS_AUDIT, 0, 0, 0, 0, 0, 0);
}
static inline int64_t sys_control(uint32_t mask)
{
        return rf_sys(RF_SYS_CONTROL, mask, 0, 0, 0, 0, 0);
}
static inline void sys_halt(uint32_t code)
{
        rf_sys(RF_SYS_HALT, code, 0, 0, 0, 0, 0);
}

#endif
