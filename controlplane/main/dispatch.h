/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Which shard a SIP message belongs to, from its raw bytes: before it is parsed, and the same
 * answer on whichever shard's socket it came.
 *
 *   0. A dialog that was taken elsewhere (shard_take_dialog()) is there.
 *   1. A Call-ID of ours names its shard.
 *   2. A To tag of ours (requests in a dialog), or a From tag of ours (responses to our requests
 *      in it), names it too. So a dialog of a foreign Call-ID finds its shard after a restart as
 *      well, when hashes have another key.
 *   3. One that is in no dialog, but names one (Replaces, Join, Target-Dialog), goes where that is:
 *      its Call-ID or one of its tags is ours. This comes first. A CANCEL names none, so which way
 *      its INVITE went is remembered, as long as not many others are.
 *   4. Any other Call-ID is hashed.
 *
 * What we mint (Call-IDs, tags, branches) begins with the token of its node and shard:
 *
 *   t0 NN SS -     NN: node, SS: shard, both two digits of lower-case hex
 */
#ifndef CONTROLPLANE_MAIN_DISPATCH_H
#define CONTROLPLANE_MAIN_DISPATCH_H

#include "sip/base/slice.h"

#define DISPATCH_TOKEN_SIZE 16

/* node: 0 as long as there is one node. */
void dispatch_token(char token[DISPATCH_TOKEN_SIZE], unsigned node, unsigned shard);
/* The shard that a minted text names; -1 if it is not ours. */
int dispatch_token_shard(struct slice text);

/* What counts, without white space around it; empty where the message has none. */
struct dispatch_headers {
	struct slice via; /* the first, all values of its line */
	struct slice call_id, to_tag, from_tag;
	struct slice dialog; /* value of the first Replaces, Join or Target-Dialog */
};
/* Tolerates any case, compact names, white space before the colon, folded lines, bare LF. Never
 * fails: what cannot be found stays empty. */
void dispatch_scan(struct slice message, struct dispatch_headers *headers);

/* Does it begin something new: a request outside a dialog, and no emergency call? What does not
 * is worth more when there is too much. */
bool dispatch_is_new(struct slice message);

/* 0 .. shards - 1. */
unsigned dispatch_owner(struct slice message, unsigned shards);

#endif
