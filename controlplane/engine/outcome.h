/* SPDX-License-Identifier: BSD-3-Clause */
/* How calls end: which of several refusals counts, what is said to the caller, what the CDR says. */
#ifndef CONTROLPLANE_ENGINE_OUTCOME_H
#define CONTROLPLANE_ENGINE_OUTCOME_H

#include <stdbool.h>

/* Is the final response `status` a better answer than `than` (0: none yet), when several were
 * tried at once? RFC 3261 §16.7 step 6. */
bool outcome_better(unsigned status, unsigned than);
/* What the caller is told when the callee's side said `status`. */
unsigned outcome_towards_caller(unsigned status);
/* The word for a CDR. */
const char *outcome_reason(unsigned status);

#endif
