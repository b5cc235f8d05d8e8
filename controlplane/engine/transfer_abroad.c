/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * An attended transfer whose other call lives in another shard. The party's leg goes there, as text
 * (session_hand_over()), and its messages after it; where it comes to nothing it comes back.
 *
 *   here: `from`, state ABROAD                     there
 *      │── errand: the leg, the dialog to replace ──▶ │ a guest: a call of that leg alone; from it the
 *      │                                              │ transfer goes on as any other does
 *      │ ◀── the outcome, and the leg if it failed ───│
 *
 * The errand belongs to the shard that works on it.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "controlplane/engine/transfer.h"
#include "controlplane/engine/trunk.h"
#include "controlplane/session/session_internal.h"
#include "sip/base/log.h"

struct errand {
	struct shard *home, *away;
	struct transfer *transfer; /* of home, which holds it */
	struct sip_dialog_id replaced;
	char call_id[256], local_tag[128], remote_tag[128];
	struct caller party, transferor;
	uint32_t transfers;
	uint8_t realm, family; /* of the party's seat */
	struct sip_path path;
	unsigned status; /* the outcome */
	bool with_leg;
	size_t size;
	char leg[RECORD_MAX];
};

struct errand *errand_create(struct engine *e, const struct sip_dialog_id *replaced)
{
	const struct shard *shard = e->shard;
	const int away = shard_of_dialog(replaced->call_id, replaced->local_tag);
	struct errand *errand;

	if (!shard->all || away < 0 || (unsigned)away >= shard->count ||
	    (unsigned)away == shard->index)
		return NULL;
	errand = calloc(1, sizeof(*errand));
	if (!errand)
		return NULL;
	errand->home = e->shard;
	errand->away = shard->all[away];
	if (slice_copy(replaced->call_id, errand->call_id, sizeof(errand->call_id)) ||
	    slice_copy(replaced->local_tag, errand->local_tag, sizeof(errand->local_tag)) ||
	    slice_copy(replaced->remote_tag, errand->remote_tag, sizeof(errand->remote_tag))) {
		free(errand);
		return NULL;
	}
	return errand;
}

void errand_drop(struct errand *errand)
{
	free(errand);
}

static int pack_leg(struct errand *errand, struct session *leg, const struct shard *to)
{
	struct record_writer w;
	int error;

	errand->path = *sip_invite_path(leg->invite);
	record_begin(&w, errand->leg, sizeof(errand->leg));
	error = session_hand_over(leg, to->index, &w);
	errand->with_leg = !error;
	return error;
}

/* The session has no dialog yet, or no more. */
static int unpack_leg(const struct errand *errand, struct session *leg, struct engine *e)
{
	struct record_reader r;
	int error;

	record_open(&r, errand->leg);
	error = session_restore(leg, &r);
	if (error)
		return error;
	sip_invite_set_path(leg->invite, &errand->path);
	sip_invite_set_credentials(leg->invite, trunks_credentials(e->trunks, errand->party.trunk));
	return 0;
}

/* --- there --- */

/* A call that consists of the leg. */
static struct call *make_guest(struct engine *e, struct errand *errand)
{
	struct call *call;

	if (call_create(e, shard_new_call_id(e->shard), &call))
		return NULL;
	call->guest = true;
	call->state = CALL_ANSWERED;
	call->from = call_string(call, errand->party.aor);
	call->withheld = errand->party.anonymous;
	call->transfers = errand->transfers;
	call_move_trunk(call, &call->trunk_in, errand->party.trunk);
	call->caller = session_create_restored(e->shard, call->id, false, &call_session_user, call);
	if (call->caller && unpack_leg(errand, call->caller, e) == 0)
		return call;
	call_hang_up(call, 500, "failed", "system");
	return NULL;
}

static void come_home(struct shard *shard, void *arg);

static void send_home(struct errand *errand, unsigned status)
{
	errand->status = status;
	if (shard_post(errand->home, come_home, errand))
		LOG_ERROR("call", 0, "no memory: a transfer is not told of its end");
}

static unsigned begin_there(struct engine *e, struct call *guest, struct errand *errand)
{
	struct transfer_start start = { .party = guest->caller,
					.realm = errand->realm,
					.family = errand->family };
	struct transfer *t;
	unsigned status = transfer_find_replaced(
		e,
		&(struct sip_dialog_id){ .call_id = slice_of(errand->call_id),
					 .local_tag = slice_of(errand->local_tag),
					 .remote_tag = slice_of(errand->remote_tag) },
		&errand->transferor, &start);

	if (!status)
		status = transfer_check_place(&start);
	if (status)
		return status;
	if (transfer_create(guest, &start, &t))
		return 500;
	t->errand = errand;
	transfer_begin(t, &start);
	return 0;
}

static void arrive_there(struct shard *shard, void *arg)
{
	struct errand *errand = arg;
	struct call *guest = shard->engine ? make_guest(shard->engine, errand) : NULL;
	unsigned status;

	if (!guest) {
		send_home(errand, 500);
		return;
	}
	errand->with_leg = false;
	status = begin_there(shard->engine, guest, errand);
	if (status)
		errand_return(errand, guest, status);
}

void errand_return(struct errand *errand, struct call *guest, unsigned status)
{
	struct session *leg = guest ? guest->caller : NULL;

	/* One that cannot be handed over is lost, as one that has hung up is. */
	if (status >= 300 && session_is_alive(leg) && pack_leg(errand, leg, errand->home))
		LOG_ERROR("call", guest->id, "a leg cannot go back");
	send_home(errand, status);
	call_hang_up(guest, status, "transferred", "system");
}

/* --- here --- */

int errand_leave(struct errand *errand, struct transfer *t)
{
	struct seat *seat = t->party->seat;
	int error;

	errand->transfer = t;
	errand->transfers = t->from->transfers;
	call_leg(t->from, t->party, &errand->party);
	call_leg(t->from, t->transferor, &errand->transferor);
	errand->realm = seat->realm;
	errand->family = media_termination_local(seat->termination)->family;
	error = pack_leg(errand, t->party, errand->away);
	if (error)
		return error;
	error = shard_post(errand->away, arrive_there, errand);
	if (error && unpack_leg(errand, t->party, t->engine))
		call_hang_up(t->from, 500, "failed", "system");
	return error;
}

/* Nobody waits for it any more. */
static void end_leg(struct shard *shard, struct errand *errand)
{
	struct call *guest = make_guest(shard->engine, errand);

	if (guest)
		call_hang_up(guest, 200, "normal", "system");
}

static void come_home(struct shard *shard, void *arg)
{
	struct errand *errand = arg;
	struct transfer *t = errand->transfer;

	if (!shard->engine) {
		transfer_release(t);
		free(errand);
		return;
	}
	if (t->state == TRANSFER_ABROAD) {
		if (errand->with_leg && unpack_leg(errand, t->party, shard->engine))
			errand->with_leg = false;
		transfer_returned(t, errand->status, errand->with_leg);
	} else if (errand->with_leg) {
		end_leg(shard, errand);
	}
	transfer_release(t);
	free(errand);
}
