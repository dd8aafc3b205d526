/* SPDX-License-Identifier: MIT
 * Store forms of the ISA, one function each; every one writes something other than zeros to `p`. */
#ifndef BADSTORE_FORMS_H
#define BADSTORE_FORMS_H

struct badstore_form {
        const char *name;
        void (*store)(void *p); /* 64-byte aligned, unless the place is not */
};

extern const struct badstore_form badstore_forms[];
extern const unsigned badstore_form_count;

#endif
