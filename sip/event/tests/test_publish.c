/* SPDX-License-Identifier: BSD-3-Clause */
/* The event state compositor (RFC 3903 §6). */
#include "sip/event/tests/world.h"

TestSuite(publish, .init = world_open, .fini = world_close);

#define bob (&world->bob)

static unsigned branch;
static char etag[64];

/* The status that a PUBLISH gets; a new tag is kept. */
static unsigned publish(const char *user, const char *lines, const char *body)
{
	const unsigned before = world->net->packet_count;
	unsigned status = 0;

	peer_says("PUBLISH sip:%s@192.0.2.2 SIP/2.0\n"
		  "Via: SIP/2.0/UDP 192.0.2.3;branch=z9hG4bKp%u;rport\nFrom: <sip:p@h>;tag=p\n"
		  "To: <sip:%s@h>\nCall-ID: p%u\nCSeq: 1 PUBLISH\n%s%sContent-Length: %zu\n\n%s",
		  user, branch, user, branch, lines,
		  body[0] != '\0' ? "Content-Type: text/plain\n" : "", strlen(body), body);
	branch++;
	for (unsigned i = before; i < world->net->packet_count; i++) {
		const struct packet *p = &world->net->packets[i];
		const char *tag;

		if (p->from != bob->node || sscanf(p->data, "SIP/2.0 %u", &status) != 1)
			continue;
		tag = strstr(p->data, "SIP-ETag: ");
		if (tag != NULL)
			sscanf(tag, "SIP-ETag: %63s", etag);
	}
	return status;
}

static unsigned publish_again(const char *expires, const char *body)
{
	char lines[256];

	snprintf(lines, sizeof(lines), "Event: weather\nSIP-If-Match: %s\n%s", etag, expires);
	return publish("paris", lines, body);
}

static char seen[128];

static void look(void *arg, const struct sip_publication *publication)
{
	(void)arg;
	snprintf(seen + strlen(seen), sizeof(seen) - strlen(seen), "%.*s|",
		 SLICE_FMT(publication->body));
}

static const char *state_of(const char *resource)
{
	seen[0] = '\0';
	sip_publications_each(bob->events, "weather", resource, look, NULL);
	return seen;
}

#define PARIS "sip:paris@192.0.2.2"

Test(publish, initial_refreshed_modified_and_removed)
{
	char first[64];

	cr_assert_eq(publish("paris", "Event: weather\nExpires: 120\n", "fog"), 200);
	cr_expect_str_eq(state_of(PARIS), "fog|");
	cr_expect_eq(bob->published, 1);
	snprintf(first, sizeof(first), "%s", etag);

	cr_expect_eq(publish_again("", ""), 200);
	cr_expect_str_neq(etag, first, "each change has a tag of its own");
	cr_expect_eq(bob->published, 1, "a refresh changes nothing");

	cr_expect_eq(publish_again("", "sun"), 200);
	cr_expect_str_eq(state_of(PARIS), "sun|");
	cr_expect_eq(bob->published, 2);

	cr_expect_eq(publish_again("Expires: 0\n", ""), 200);
	cr_expect_str_eq(state_of(PARIS), "");
	cr_expect_eq(bob->published, 3);
	cr_expect_eq(publish_again("", ""), 412);
}

Test(publish, what_does_not_match_is_412)
{
	char first[64], lines[128];

	publish("paris", "Event: weather\n", "fog");
	snprintf(first, sizeof(first), "%s", etag);
	cr_expect_eq(publish_again("", "rain"), 200);
	snprintf(lines, sizeof(lines), "Event: weather\nSIP-If-Match: %s\n", first);
	cr_expect_eq(publish("paris", lines, "snow"), 412, "an old tag");
	snprintf(lines, sizeof(lines), "Event: weather\nSIP-If-Match: %s\n", etag);
	cr_expect_eq(publish("rome", lines, "snow"), 412, "of another resource");
	cr_expect_str_eq(state_of(PARIS), "rain|");
}

Test(publish, several_stand_beside_each_other_until_they_expire)
{
	struct sip_events_stats stats;

	publish("paris", "Event: weather\nExpires: 60\n", "fog");
	publish("paris", "Event: weather\nExpires: 120\n", "wind");
	publish("rome", "Event: weather\nExpires: 60\n", "sun");
	cr_expect_eq(strlen(state_of(PARIS)), strlen("fog|wind|"));
	cr_expect_eq(publish("oslo", "Event: weather\n", "snow"), 503, "there is a limit");
	world_run(61000);
	cr_expect_str_eq(state_of(PARIS), "wind|");
	sip_events_stats(bob->events, &stats);
	cr_expect_eq(stats.publications, 1);
	cr_expect_eq(stats.expired, 2);
	cr_expect_eq(stats.refused, 1);
}

Test(publish, what_is_refused)
{
	cr_expect_eq(publish("paris", "", "x"), 489, "no Event");
	cr_expect_eq(publish("paris", "Event: other\n", "x"), 489);
	cr_expect_eq(publish("paris", "Event: secret\n", "x"), 489, "not published");
	cr_expect_eq(publish("forbidden", "Event: weather\n", "x"), 403);
	cr_expect_eq(publish("paris", "Event: weather\n", ""), 400, "nothing to publish");
	cr_expect_eq(publish("paris", "Event: weather\nExpires: 0\n", "x"), 400);
	cr_expect_eq(publish("paris", "Event: weather\nExpires: 30\n", "x"), 423);
	peer_says("PUBLISH sip:paris@192.0.2.2 SIP/2.0\n"
		  "Via: SIP/2.0/UDP 192.0.2.3;branch=z9hG4bKt;rport\nFrom: <sip:p@h>;tag=p\n"
		  "To: <sip:paris@h>\nCall-ID: t\nCSeq: 1 PUBLISH\nEvent: weather\n"
		  "Content-Type: image/png\n\nx");
	cr_expect(packet_has(sent_nth(bob, "SIP/2.0 415", 0), "Accept: text/plain, text/html"));
	cr_expect_eq(bob->published, 0);
}

Test(publish, subscribers_hear_of_it)
{
	subscribe("weather", 600);
	publish("paris", "Event: weather\n", "fog");
	world_run(10);
	cr_expect_eq(world->alice.notified, 2);
	publish("rome", "Event: weather\n", "sun");
	world_run(10);
	cr_expect_eq(world->alice.notified, 2);
}
