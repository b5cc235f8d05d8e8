/* SPDX-License-Identifier: BSD-3-Clause */
/* Look-ups in the tables of session_table.c. -1: that event is not allowed in that state. */
#ifndef CONTROLPLANE_SESSION_SESSION_TABLE_H
#define CONTROLPLANE_SESSION_SESSION_TABLE_H

#include <stdbool.h>

int session_next_state(unsigned state, unsigned event);
/* was_complete: an exchange had been completed before the one that ROLLBACK undoes */
int offer_next_state(unsigned state, unsigned event, bool was_complete);

#endif
