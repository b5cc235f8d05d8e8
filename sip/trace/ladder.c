/* SPDX-License-Identifier: BSD-3-Clause */
#include "sip/trace/ladder.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <time.h>

#include "sip/message/typed.h"
#include "sip/trace/describe.h"

#define CALLS_MAX      64u
#define COLUMNS_MAX    6u
#define KNOWN_MAX      256u
#define SPACE          28u /* between two columns */
#define MARGIN         34u /* of the first column: times stand before it */
#define US             "Tandem"
#define LINE_MAX_CHARS (MARGIN + COLUMNS_MAX * SPACE + 4 * DESCRIBE_TEXT)

struct column {
	struct sip_address address;
	char name[DESCRIBE_TEXT];
	bool ours;
};

struct ladder_call {
	uint64_t key; /* call id, or hash of the Call-ID; 0: free */
	uint64_t call, seen, last_ns;
	struct column columns[COLUMNS_MAX];
	unsigned count;
	uint64_t known[KNOWN_MAX]; /* hashes of messages */
	unsigned known_count;
	bool changed; /* a column is new: the heading is due */
};

struct ladder {
	FILE *out;
	uint64_t messages;
	struct ladder_call *shown; /* whose heading stands above */
	struct ladder_call calls[CALLS_MAX];
};

int ladder_create(FILE *out, struct ladder **ladder)
{
	struct ladder *l = calloc(1, sizeof(*l));

	if (l == NULL)
		return -ENOMEM;
	l->out = out;
	*ladder = l;
	return 0;
}

void ladder_destroy(struct ladder *ladder)
{
	free(ladder);
}

/* --- who --- */

static struct ladder_call *call_of(struct ladder *l, uint64_t key, uint64_t id)
{
	struct ladder_call *oldest = &l->calls[0];

	for (unsigned i = 0; i < CALLS_MAX; i++) {
		if (l->calls[i].key == key) {
			l->calls[i].seen = l->messages;
			return &l->calls[i];
		}
		if (l->calls[i].seen < oldest->seen)
			oldest = &l->calls[i];
	}
	if (l->shown == oldest)
		l->shown = NULL;
	*oldest = (struct ladder_call){ .key = key, .call = id, .seen = l->messages };
	return oldest;
}

static int add_column(struct ladder_call *call, const struct sip_address *address, bool ours,
		      struct slice name)
{
	struct column *column = &call->columns[call->count];

	if (call->count == COLUMNS_MAX)
		return -1;
	column->address = *address;
	column->ours = ours;
	if (ours)
		snprintf(column->name, sizeof(column->name), US);
	else
		describe_user(name, column->name, sizeof(column->name));
	call->changed = true;
	return (int)call->count++;
}

/* We have one column, whatever address of ours it is. -1: there is no room. */
static int column_of(struct ladder_call *call, const struct sip_address *address, bool ours,
		     struct slice name)
{
	for (unsigned i = 0; i < call->count; i++) {
		const struct column *column = &call->columns[i];

		if (column->ours == ours && (ours || sip_address_equal(&column->address, address)))
			return (int)i;
	}
	return add_column(call, address, ours, name);
}

/* --- what --- */

static uint64_t mix(uint64_t hash, struct slice s)
{
	return (hash ^ slice_hash(s)) * UINT64_C(0x9e3779b97f4a7c15);
}

/* The same for each copy: its transaction, what it is, and who sends it. */
static uint64_t identity(const struct trace_record *r, const struct sip_msg *msg,
			 struct slice first)
{
	struct sip_via via;
	uint64_t hash = sip_address_hash(trace_source(r)) + sip_address_hash(trace_destination(r));

	hash = mix(hash, first);
	hash = mix(hash, sip_msg_value(msg, SIP_H_CSEQ));
	return sip_msg_top_via(msg, &via) == 0 ? mix(hash, via.branch) : hash;
}

static bool take_known(struct ladder_call *call, uint64_t hash)
{
	const unsigned have = call->known_count < KNOWN_MAX ? call->known_count : KNOWN_MAX;

	for (unsigned i = 0; i < have; i++)
		if (call->known[i] == hash)
			return true;
	call->known[call->known_count++ % KNOWN_MAX] = hash;
	return false;
}

/* --- lines --- */

static void put_at(char *line, size_t at, const char *text)
{
	memcpy(line + at, text, strlen(text));
}

static void print_line(FILE *out, char *line, size_t size)
{
	while (size > 0 && line[size - 1] == ' ')
		size--;
	fprintf(out, "%.*s\n", (int)size, line);
}

static size_t place(unsigned column)
{
	return MARGIN + column * SPACE;
}

static void put_centred(char *line, size_t middle, const char *text)
{
	char cut[SPACE];

	snprintf(cut, sizeof(cut), "%s", text);
	put_at(line, middle - strlen(cut) / 2, cut);
}

static void print_heading(struct ladder *l, struct ladder_call *call)
{
	char names[LINE_MAX_CHARS], addresses[LINE_MAX_CHARS], text[SIP_ADDRESS_TEXT];

	memset(names, ' ', sizeof(names));
	memset(addresses, ' ', sizeof(addresses));
	for (unsigned i = 0; i < call->count; i++) {
		put_centred(names, place(i), call->columns[i].name);
		put_centred(addresses, place(i), sip_address_text(&call->columns[i].address, text));
	}
	if (l->messages > 1)
		fputc('\n', l->out);
	if (l->shown == call)
		; /* the same one, with one column more */
	else if (call->call != 0)
		fprintf(l->out, "call %016" PRIx64 "\n", call->call);
	else
		fputs("outside calls\n", l->out);
	print_line(l->out, names, sizeof(names));
	print_line(l->out, addresses, sizeof(addresses));
	call->changed = false;
	l->shown = call;
}

static void put_times(char *line, const struct trace_record *r, uint64_t last_ns)
{
	const time_t seconds = (time_t)(r->time_ns / 1000000000u);
	const uint64_t ms =
		last_ns > 0 && r->time_ns > last_ns ? (r->time_ns - last_ns) / 1000000 : 0;
	char text[MARGIN], clock[16];
	struct tm tm;

	localtime_r(&seconds, &tm);
	strftime(clock, sizeof(clock), "%H:%M:%S", &tm);
	snprintf(text, sizeof(text), "%s.%03u %4" PRIu64 ".%03us", clock,
		 (unsigned)(r->time_ns / 1000000 % 1000), ms / 1000 % 10000, (unsigned)(ms % 1000));
	put_at(line, 0, text);
}

/* "|---- INVITE SDP ---->|" */
static void put_arrow(char *line, unsigned from, unsigned to, const char *label)
{
	const unsigned left = from < to ? from : to, right = from < to ? to : from;
	const size_t start = place(left) + 1, end = place(right);
	const size_t room = end - start - 6;
	char cut[DESCRIBE_TEXT + 2];
	size_t n = (size_t)snprintf(cut, sizeof(cut), " %s ", label);

	if (n > room) {
		n = room;
		memcpy(cut + n - 3, ".. ", 4);
	}
	memset(line + start, '-', end - start);
	put_at(line, start + (end - start - n) / 2, cut);
	if (from < to)
		line[end - 1] = '>';
	else
		line[start] = '<';
}

static void print_message(struct ladder *l, struct ladder_call *call, const struct trace_record *r,
			  int from, int to, const struct description_of_message *d)
{
	char line[LINE_MAX_CHARS];

	memset(line, ' ', sizeof(line));
	put_times(line, r, call->last_ns);
	for (unsigned i = 0; i < call->count; i++)
		line[place(i)] = '|';
	if (from >= 0 && to >= 0)
		put_arrow(line, (unsigned)from, (unsigned)to, d->label);
	else
		put_at(line, place(call->count - 1) + 3, d->label);
	put_at(line, place(call->count - 1) + (from >= 0 && to >= 0 ? 3 : 3 + DESCRIBE_TEXT),
	       d->sdp);
	print_line(l->out, line, sizeof(line));
	fflush(l->out);
}

static void add_message(struct ladder *l, const struct trace_record *r, const struct sip_msg *msg)
{
	const struct slice call_id = sip_msg_value(msg, SIP_H_CALL_ID);
	struct ladder_call *call =
		call_of(l, r->call != 0 ? r->call : slice_hash(call_id) | 1, r->call);
	/* A request of theirs names them in From, one of ours in To. */
	const struct slice peer =
		sip_msg_value(msg, msg->is_request != r->out ? SIP_H_FROM : SIP_H_TO);
	struct description_of_message d;
	int remote, local;

	if (r->out) {
		local = column_of(call, &r->local, true, SLICE_NONE);
		remote = column_of(call, &r->remote, false, peer);
	} else {
		remote = column_of(call, &r->remote, false, peer);
		local = column_of(call, &r->local, true, SLICE_NONE);
	}
	describe_message(msg, &d);
	if (take_known(call, identity(r, msg, slice_of(d.label))))
		snprintf(d.sdp, sizeof(d.sdp), "(again)");
	if (call->changed || l->shown != call)
		print_heading(l, call);
	print_message(l, call, r, r->out ? local : remote, r->out ? remote : local, &d);
	call->last_ns = r->time_ns;
}

static void print_broken(struct ladder *l, const struct trace_record *r)
{
	char line[MARGIN + 1], from[SIP_ADDRESS_TEXT], to[SIP_ADDRESS_TEXT];

	memset(line, ' ', MARGIN);
	put_times(line, r, 0);
	line[12] = '\0';
	fprintf(l->out, "%s %s > %s: %u bytes that are no message\n", line,
		sip_address_text(trace_source(r), from), sip_address_text(trace_destination(r), to),
		r->size);
	l->shown = NULL;
}

void ladder_add(struct ladder *l, const struct trace_record *record, const char *data)
{
	struct sip_parse_error error;
	struct sip_msg *msg = NULL;

	l->messages++;
	sip_msg_parse(data, record->size, NULL, &msg, &error);
	if (msg != NULL)
		add_message(l, record, msg);
	else
		print_broken(l, record);
	if (msg != NULL)
		sip_msg_unref(msg);
}
