/* SPDX-License-Identifier: BSD-3-Clause */
#include "controlplane/engine/rule.h"

#include <fnmatch.h>
#include <stdio.h>
#include <string.h>

#define AOR_MAX    256
#define TRUNK_MARK "trunk:"

/* A pattern without "@" is of the user part. A GRUU (RFC 5627) is its user. */
static bool fits_aor(const char *pattern, const char *aor)
{
	char text[AOR_MAX];
	const char *at = strrchr(aor, '@'), *end = at ? strstr(at, ";gr") : NULL;

	if (!pattern)
		return true;
	if (!strchr(pattern, '@'))
		end = at;
	snprintf(text, sizeof(text), "%.*s", end ? (int)(end - aor) : (int)strlen(aor), aor);
	return fnmatch(pattern, text, 0) == 0;
}

/* A peer may say any name, so it is known by its own alone. */
static bool fits_caller(const char *pattern, const struct rule_question *q)
{
	const bool of_trunks = pattern && strncmp(pattern, TRUNK_MARK, sizeof(TRUNK_MARK) - 1) == 0;

	if (!pattern || strcmp(pattern, "*") == 0)
		return true;
	if (!q->trunk_in)
		return !of_trunks && fits_aor(pattern, q->from);
	return of_trunks && fnmatch(pattern + sizeof(TRUNK_MARK) - 1, q->trunk_in, 0) == 0;
}

static bool is_named(const char *wanted, const char *name)
{
	return !wanted || (name && strcmp(wanted, name) == 0);
}

const struct config_rule *rule_denies(const struct config *config, const struct rule_question *q)
{
	for (unsigned i = 0; i < config->rules_count; i++) {
		const struct config_rule *rule = &config->rules[i];

		if (fits_caller(rule->from, q) && fits_aor(rule->to, q->to) &&
		    is_named(rule->realm, q->realm) && is_named(rule->trunk, q->trunk_out))
			return strcmp(rule->action, "deny") == 0 ? rule : NULL;
	}
	return NULL;
}
