/* SPDX-License-Identifier: BSD-3-Clause */
#include "controlplane/engine/outcome.h"

#include <stddef.h>

/*
 * RFC 3261 §16.7 step 6: a 6xx wins; else the lowest class; within 4xx what tells the caller how
 * to ask better. Then what says most about the person who was called: busy before not answering.
 */
static unsigned rank(unsigned status)
{
	static const unsigned best[] = { 415, 420, 484, 488, 486, 480, 404, 403, 408 };

	if (status == 0)
		return 10000;
	if (status >= 600)
		return 0;
	if (status < 400 || status >= 500)
		return status >= 500 ? 5000 + status : 1000 + status;
	for (unsigned i = 0; i < sizeof(best) / sizeof(best[0]); i++) {
		if (best[i] == status)
			return 2000 + i;
	}
	return 2500 + status;
}

bool outcome_better(unsigned status, unsigned than)
{
	return rank(status) < rank(than);
}

unsigned outcome_towards_caller(unsigned status)
{
	/* One that is not followed would tell addresses of the callee's side. */
	if (status >= 300 && status < 400)
		return 480;
	/* The flows of a phone are the registrar's and its edge's (RFC 5626 §5.3). */
	if (status == 430)
		return 480;
	/* It is us whom the other side does not trust, not the caller. */
	if (status == 401 || status == 407)
		return 503;
	if (status < 300 || status > 699)
		return 500;
	return status;
}

const char *outcome_reason(unsigned status)
{
	static const struct {
		unsigned status;
		const char *reason;
	} table[] = {
		{ 200, "normal" },      { 401, "rejected" },       { 403, "rejected" },
		{ 404, "not-found" },   { 407, "rejected" },       { 408, "timeout" },
		{ 410, "not-found" },   { 430, "unavailable" },    { 480, "unavailable" },
		{ 482, "loop" },        { 483, "loop" },           { 484, "not-found" },
		{ 486, "busy" },        { 487, "cancelled" },      { 488, "not-acceptable" },
		{ 503, "unavailable" }, { 600, "busy" },           { 603, "rejected" },
		{ 604, "not-found" },   { 606, "not-acceptable" },
	};

	if (status >= 300 && status < 400)
		return "unavailable";
	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		if (table[i].status == status)
			return table[i].reason;
	}
	return "failed";
}
