/* SPDX-License-Identifier: BSD-3-Clause */
#include <criterion/criterion.h>
#include <stdio.h>

#include "controlplane/main/dispatch.h"
#include "controlplane/main/shard.h"

#define SHARDS 4u

static unsigned owner(const char *message)
{
	return dispatch_owner(slice_of(message), SHARDS);
}

static struct dispatch_headers scan(const char *message)
{
	struct dispatch_headers headers;

	dispatch_scan(slice_of(message), &headers);
	return headers;
}

#define eq_slice(s, text) cr_assert(slice_equal(s, slice_of(text)), "got \"%.*s\"", SLICE_FMT(s))

Test(dispatch, a_minted_token_names_its_shard)
{
	char token[DISPATCH_TOKEN_SIZE];

	for (unsigned shard = 0; shard < 16; shard++) {
		char message[128];

		dispatch_token(token, 0, shard);
		cr_assert_eq(dispatch_token_shard(slice_of(token)), (int)shard);
		snprintf(message, sizeof(message), "SIP/2.0 200 OK\r\nCall-ID: %sabc\r\n\r\n",
			 token);
		cr_assert_eq(owner(message), shard % SHARDS);
	}
}

Test(dispatch, what_only_looks_like_a_token_is_none)
{
	static const char *const others[] = { "",         "t0",      "t00002",   "t0000g-",
					      "T00002-x", "t1000f-", "t000 2-x", "x00002-abc" };

	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++)
		cr_assert_eq(dispatch_token_shard(slice_of(others[i])), -1, "%s", others[i]);
}

Test(dispatch, all_forms_of_a_call_id_are_the_same_dialog)
{
	static const char *const forms[] = {
		"INVITE sip:a SIP/2.0\r\nCall-ID: abc@x\r\n\r\n",
		"CANCEL sip:a SIP/2.0\r\nVia: y\r\ncall-id:abc@x\r\n\r\n",
		"BYE sip:a SIP/2.0\r\ni: abc@x\r\n\r\n",
		"BYE sip:a SIP/2.0\r\nI\t :  abc@x  \r\n\r\n",
		"BYE sip:a SIP/2.0\r\nCALL-ID:\r\n abc@x\r\n\r\n",
		"BYE sip:a SIP/2.0\nCall-ID: abc@x\n\n",
		"\r\n\r\nBYE sip:a SIP/2.0\r\nCall-ID: abc@x\r\n\r\n",
		"BYE sip:a SIP/2.0\r\nCall-ID: abc@x",
		"BYE sip:a SIP/2.0\r\nCall-ID: abc@x\r\n\r\nCall-ID: body\r\n",
	};

	for (size_t i = 0; i < sizeof(forms) / sizeof(forms[0]); i++) {
		struct dispatch_headers headers = scan(forms[i]);

		eq_slice(headers.call_id, "abc@x");
		cr_assert_eq(owner(forms[i]), owner(forms[0]), "%s", forms[i]);
	}
}

Test(dispatch, a_tag_of_ours_decides_for_a_foreign_call_id)
{
	cr_assert_eq(
		owner("BYE sip:a SIP/2.0\r\nFrom: <sip:b@c>;tag=1\r\n"
		      "To: \"x;tag=t00001-no\" <sip:a;tag=t00001-no>;x=y ; TAG = t00003-q;z\r\n"
		      "Call-ID: foreign\r\n\r\n"),
		3);
	cr_assert_eq(owner("SIP/2.0 200 OK\r\nf: <sip:b@c>;tag=t00002-x\r\nt: <sip:d>;tag=77\r\n"
			   "i: foreign\r\n\r\n"),
		     2);
}

Test(dispatch, the_first_header_counts_and_bodies_do_not)
{
	struct dispatch_headers headers = scan("OPTIONS sip:a SIP/2.0\r\n"
					       "X-Call-ID: no\r\nCall-ID : one\r\nCall-ID: two\r\n"
					       "To: <sip:a>\r\n\r\nTo: <sip:a>;tag=t00001-\r\n");

	eq_slice(headers.call_id, "one");
	eq_slice(headers.to_tag, "");
}

Test(dispatch, foreign_calls_are_spread)
{
	unsigned calls[SHARDS] = { 0 };

	for (int i = 0; i < 4000; i++) {
		char message[64];

		snprintf(message, sizeof(message), "INVITE sip:a SIP/2.0\r\nCall-ID: %d\r\n\r\n",
			 i);
		calls[owner(message)]++;
	}
	for (unsigned i = 0; i < SHARDS; i++)
		cr_assert_gt(calls[i], 500);
}

Test(dispatch, rubbish_has_an_owner_too)
{
	char rubbish[256];
	uint32_t state = 1;

	cr_assert_lt(owner(""), SHARDS);
	for (int round = 0; round < 20000; round++) {
		static const char letters[] = "Call-ID:toi;tag=\"<>\\ \t\r\n\0t00001-";
		size_t n = 0;

		while (n < sizeof(rubbish)) {
			state = state * 1664525 + 1013904223;
			if (state >> 24 == 0)
				break;
			rubbish[n++] = letters[(state >> 16) % (sizeof(letters) - 1)];
		}
		cr_assert_lt(dispatch_owner((struct slice){ rubbish, n }, SHARDS), SHARDS);
	}
}

/* --- dialogs that are named (RFC 3891, RFC 3911, RFC 4538) --- */

Test(dispatch, what_names_a_dialog_goes_where_that_is)
{
	static const char *const names[] = {
		"Replaces: foreign;to-tag=t00002-x;from-tag=1",
		"replaces : t00002-abc;from-tag=1;to-tag=2",
		"Join: foreign ; from-tag=9 ; To-Tag = t00002-x",
		"Target-Dialog: foreign;local-tag=8;remote-tag=t00002-x",
		"Replaces: foreign\r\n ;to-tag=t00002-x;from-tag=1",
	};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		for (int call = 0; call < 8; call++) {
			char message[256];

			snprintf(message, sizeof(message),
				 "INVITE sip:a SIP/2.0\r\nTo: <sip:a>\r\nCall-ID: %d\r\n%s\r\n\r\n",
				 call, names[i]);
			cr_assert_eq(owner(message), 2, "%s", message);
		}
	}
}

Test(dispatch, a_name_that_is_not_ours_changes_nothing)
{
	static const char *const names[] = {
		"Replaces: x;to-tag=1;from-tag=2", "Replaces: ;;=;=", "Join: t00-",
		"Replaces: x;other=t00002-x",      "Target-Dialog:",  "X-Replaces: t00002-abc"
	};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		char plain[128], named[256];

		for (int call = 0; call < 8; call++) {
			snprintf(plain, sizeof(plain),
				 "INVITE sip:a SIP/2.0\r\nTo: <sip:a>\r\nCall-ID: %d\r\n\r\n",
				 call);
			snprintf(named, sizeof(named),
				 "INVITE sip:a SIP/2.0\r\nTo: <sip:a>\r\nCall-ID: %d\r\n%s\r\n\r\n",
				 call, names[i]);
			cr_assert_eq(owner(named), owner(plain), "%s", named);
		}
	}
	cr_assert_eq(owner("BYE sip:a SIP/2.0\r\nTo: <sip:a>;tag=t00001-x\r\nCall-ID: 1\r\n"
			   "Replaces: x;to-tag=t00002-x;from-tag=1\r\n\r\n"),
		     1, "in a dialog it is that one that counts");
}

Test(dispatch, a_cancel_follows_the_invite_that_named_a_dialog)
{
	for (int call = 0; call < 8; call++) {
		char message[256];
		unsigned other;

		snprintf(message, sizeof(message),
			 "CANCEL sip:a SIP/2.0\r\nTo: <sip:a>\r\nCall-ID: led%d\r\n\r\n", call);
		other = owner(message);
		snprintf(message, sizeof(message),
			 "INVITE sip:a SIP/2.0\r\nTo: <sip:a>\r\nCall-ID: led%d\r\n"
			 "Replaces: y;to-tag=t0000%u-x;from-tag=1\r\n\r\n",
			 call, (other + 1) % SHARDS);
		cr_assert_eq(owner(message), (other + 1) % SHARDS);
		snprintf(message, sizeof(message),
			 "CANCEL sip:a SIP/2.0\r\nTo: <sip:a>\r\nCall-ID: led%d\r\n\r\n", call);
		cr_assert_eq(owner(message), (other + 1) % SHARDS);
		snprintf(message, sizeof(message),
			 "CANCEL sip:a SIP/2.0\r\nTo: <sip:a>\r\nCall-ID: not led%d\r\n\r\n", call);
		cr_assert_lt(owner(message), SHARDS);
	}
}

Test(dispatch, a_dialog_that_was_taken_is_where_it_was_taken_to)
{
	static const char bye[] = "BYE sip:a SIP/2.0\r\nTo: <sip:a>;tag=t00001-x\r\n"
				  "Call-ID: taken\r\n\r\n";
	static const char invite[] = "INVITE sip:a SIP/2.0\r\nTo: <sip:a>\r\nCall-ID: other\r\n"
				     "Replaces: taken;to-tag=t00001-x;from-tag=1\r\n\r\n";

	cr_assert_eq(owner(bye), 1);
	cr_assert_eq(shard_take_dialog(SLICE("taken"), 3), 0);
	cr_assert_eq(owner(bye), 3);
	cr_assert_eq(owner(invite), 3);
	cr_assert_eq(shard_take_dialog(SLICE("taken"), 2), 0);
	cr_assert_eq(owner(bye), 2);
	cr_assert_eq(owner("BYE sip:a SIP/2.0\r\nTo: <sip:a>;tag=t00001-x\r\n"
			   "Call-ID: not taken\r\n\r\n"),
		     1);
	shard_leave_dialog(SLICE("taken"));
	shard_leave_dialog(SLICE("taken"));
	cr_assert_eq(owner(bye), 1);
	cr_assert_eq(owner(invite), 1);
}

Test(dispatch, not_more_dialogs_are_taken_than_there_is_room_for)
{
	char text[16];
	unsigned count = 0;

	for (unsigned i = 0; i < 20000; i++) {
		snprintf(text, sizeof(text), "many%u", i);
		count += shard_take_dialog(slice_of(text), i % SHARDS) == 0;
	}
	cr_expect_gt(count, 3000);
	cr_expect_leq(count, 4096);
	for (unsigned i = 0; i < 20000; i++) {
		snprintf(text, sizeof(text), "many%u", i);
		shard_leave_dialog(slice_of(text));
	}
	cr_expect_eq(shard_take_dialog(SLICE("again"), 1), 0);
	shard_leave_dialog(SLICE("again"));
}

Test(dispatch, what_begins_something_new_is_told_from_what_goes_on)
{
	static const struct {
		const char *message;
		bool new;
	} messages[] = {
		{ "INVITE sip:a SIP/2.0\r\nTo: <sip:a>\r\n\r\n", true },
		{ "INVITE sip:a SIP/2.0\r\nTo: <sip:a>;tag=1\r\n\r\n", false },
		{ "INVITE urn:service:sos SIP/2.0\r\nTo: <urn:service:sos>\r\n\r\n", false },
		{ "INVITE URN:service:sos.fire SIP/2.0\r\nt: <sip:a>\r\n\r\n", false },
		{ "REGISTER sip:a SIP/2.0\r\nTo: <sip:a>\r\n\r\n", true },
		{ "SUBSCRIBE sip:a SIP/2.0\r\nt: <sip:a>;tag=x\r\n\r\n", false },
		{ "BYE sip:a SIP/2.0\r\nTo: <sip:a>\r\n\r\n", false },
		{ "ACK sip:a SIP/2.0\r\nTo: <sip:a>\r\n\r\n", false },
		{ "SIP/2.0 200 OK\r\nTo: <sip:a>\r\n\r\n", false },
	};

	for (size_t i = 0; i < sizeof(messages) / sizeof(messages[0]); i++)
		cr_expect_eq(dispatch_is_new(slice_of(messages[i].message)), messages[i].new, "%s",
			     messages[i].message);
}
