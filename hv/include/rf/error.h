/* SPDX-License-Identifier: MIT
 *
 * One error doctrine, one list. A function that can fail returns int or int64_t: 0 or a
 * positive result on success, -RF_E... on failure. It prints nothing: the caller that knows
 * the file, line or guest does. Numbers are ABI: append only.
 */
#ifndef RF_ERROR_H
#define RF_ERROR_H

enum rf_error {
        RF_OK = 0,
        RF_EINVAL = 1,    /* an argument is outside its range */
        RF_ENOMEM = 2,    /* no frames, or the guest's quota is used up */
        RF_EPERM = 3,     /* the caller does not own the object */
        RF_ENOENT = 4,    /* no such guest, vCPU, queue, file or page */
        RF_EBUSY = 5,     /* the object is in a state that forbids this */
        RF_EREFUSED = 6,  /* ring 0's table does not list this register */
        RF_EHARD = 7,     /* acceptance found a hard opcode */
        RF_ENOTSUP = 8,   /* the CPU or the device cannot do it */
        RF_ETIMEDOUT = 9, /* the deadline passed, or a device did not answer */
        RF_EREVOKED = 10, /* the queue was taken away */
        RF_EFULL = 11,    /* the next slot still belongs to the NIC */
        RF_EFORMAT = 12,  /* an image or a file is malformed */
};

#endif
