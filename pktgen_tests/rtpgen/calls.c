/* SPDX-License-Identifier: BSD-3-Clause */
#include "pktgen_tests/rtpgen/calls.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#define LINE_MAX_SIZE 512

int calls_parse_line(const char *line, struct call_line *call)
{
	struct dp_address *const address[] = { &call->a.local, &call->a.phone, &call->b.local,
					       &call->b.phone };
	char word[4][96], more[2];

	if (sscanf(line, "%95s %95s %95s %95s %1s", word[0], word[1], word[2], word[3], more) != 4)
		return -EINVAL;
	for (int i = 0; i < 4; i++) {
		if (address_parse(word[i], address[i]) != 0)
			return -EINVAL;
	}
	if (call->a.local.family != call->a.phone.family ||
	    call->b.local.family != call->b.phone.family)
		return -EINVAL;
	return 0;
}

static bool is_call(const char *line)
{
	line += strspn(line, " \t\r\n");
	return *line != '\0' && *line != '#';
}

static FILE *open_calls(const char *path)
{
	FILE *file = fopen(path, "r");

	if (!file)
		fprintf(stderr, "rtpgen: %s: %s\n", path, strerror(errno));
	return file;
}

uint32_t calls_count(const char *path)
{
	char line[LINE_MAX_SIZE];
	FILE *file = open_calls(path);
	uint32_t calls = 0;

	if (!file)
		return 0;
	while (fgets(line, sizeof(line), file) && calls <= STREAMS_MAX)
		calls += is_call(line);
	fclose(file);
	if (calls > 0 && calls <= STREAMS_MAX / 2)
		return 2 * calls;
	fprintf(stderr, "rtpgen: %s holds no call, or more than %u\n", path, STREAMS_MAX / 2);
	return 0;
}

static int make_call(struct streams *streams, uint32_t index, const char *line,
		     const uint8_t mac[6])
{
	struct call_line call;
	int error = calls_parse_line(line, &call);

	if (!error)
		error = streams_set(streams, index, &call.a, &call.b, mac);
	if (!error)
		error = streams_set(streams, index + 1, &call.b, &call.a, mac);
	if (!error)
		error = streams_add_phone(streams, &call.a.phone);
	return error ? error : streams_add_phone(streams, &call.b.phone);
}

int calls_make_streams(const char *path, struct streams *streams, const uint8_t mac[6])
{
	char line[LINE_MAX_SIZE];
	FILE *file = open_calls(path);
	unsigned number = 0;
	uint32_t index = 0;
	int error = 0;

	if (!file)
		return -ENOENT;
	while (!error && index < streams->count && fgets(line, sizeof(line), file)) {
		number++;
		if (!is_call(line))
			continue;
		error = make_call(streams, index, line, mac);
		index += 2;
	}
	fclose(file);
	if (error)
		fprintf(stderr, "rtpgen: %s:%u: %s\n", path, number,
			error == -EINVAL ? "not A_LOCAL A_REMOTE B_LOCAL B_REMOTE, each IP:PORT"
					 : "too many different addresses");
	return error;
}

int target_make_streams(const struct options *o, struct streams *streams, const uint8_t mac[6])
{
	uint32_t ports = o->target_port_last - o->target.port + 1u;

	for (uint32_t i = 0; i < streams->count; i++) {
		struct stream_end end = { .local = o->target };
		int error;

		end.local.port = (uint16_t)(o->target.port + i % ports);
		if (o->address[0].first.family != o->target.family ||
		    !address_range_at(&o->address[0], i, &end.phone)) {
			fprintf(stderr,
				"rtpgen: --address has no room for %u streams to this target\n",
				streams->count);
			return -ENOSPC;
		}
		error = streams_set(streams, i, &end, &end, mac);
		if (error)
			return error;
	}
	return 0;
}
