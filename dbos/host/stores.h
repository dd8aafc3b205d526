/* SPDX-License-Identifier: MIT
 * The stores of a driver's functions, were they to hit the window. */
#ifndef DBOS_HOST_STORES_H
#define DBOS_HOST_STORES_H

#include "report.h"

/* Names end the list with NULL. 0: none of them would exit or kill; 2: some would; 1: error. */
int stores(struct output *o, char **names);

#endif
