/* SPDX-License-Identifier: BSD-3-Clause */
/* Who may call whom: the table `rules` of the configuration. Pure, as routes are. */
#ifndef CONTROLPLANE_ENGINE_RULE_H
#define CONTROLPLANE_ENGINE_RULE_H

#include "config/config.h"

struct rule_question {
	const char *from;      /* AOR of a user */
	const char *trunk_in;  /* the peer that asks instead; NULL: a user */
	const char *realm;     /* of the listener; NULL: not known, which no rule of a realm fits */
	const char *to;        /* AOR; "9001@domain" of a number, without visual separators */
	const char *trunk_out; /* NULL: to a user */
};

/* The rule that denies it; NULL: it is allowed. */
const struct config_rule *rule_denies(const struct config *config,
				      const struct rule_question *question);

#endif
