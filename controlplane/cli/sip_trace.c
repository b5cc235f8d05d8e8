/* SPDX-License-Identifier: BSD-3-Clause */
/* SIP messages as they come and go: as text, as a ladder, as a capture, or as lines of JSON. */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "controlplane/cli/cli.h"
#include "sip/trace/ladder.h"
#include "sip/trace/pcap.h"

struct sip_view {
	struct cli *cli;
	struct ladder *ladder; /* NULL: not wanted */
	FILE *file;
	struct trace_pcap *pcap; /* likewise */
	uint64_t shown;
};

/* --- from JSON --- */

static bool to_address(const json_t *text, struct sip_address *address)
{
	struct slice whole = slice_of(json_string_value(text)), ip;
	const char *colon = whole.n > 0 ? strrchr(whole.p, ':') : NULL;
	uint32_t port;

	if (!colon)
		return false;
	ip = (struct slice){ whole.p, (size_t)(colon - whole.p) };
	return slice_to_u32(slice_of(colon + 1), UINT16_MAX, &port) == 0 &&
	       sip_address_parse(ip, (uint16_t)port, address) == 0;
}

static uint8_t to_transport(const char *name)
{
	static const char *const names[] = { "UDP", "TCP", "TLS", "WS", "WSS" };

	for (unsigned i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (name && slice_equal_nocase(slice_of(name), slice_of(names[i])))
			return (uint8_t)i;
	return 0;
}

static int digit(char c)
{
	return c <= '9' ? c - '0' : c - 'a' + 10;
}

/* The bytes of the message; the caller's. NULL: it has none. */
static char *to_data(const json_t *message, uint32_t *size)
{
	const json_t *text = json_object_get(message, "text");
	const json_t *hex = json_object_get(message, "hex");
	size_t n = json_string_length(text ? text : hex);
	const char *from = json_string_value(text ? text : hex);
	char *data = from ? malloc(n + 1) : NULL;

	if (!data)
		return NULL;
	if (text) {
		memcpy(data, from, n);
	} else {
		n /= 2;
		for (size_t i = 0; i < n; i++)
			data[i] = (char)(digit(from[2 * i]) << 4 | digit(from[2 * i + 1]));
	}
	*size = (uint32_t)n;
	return data;
}

static char *to_record(const json_t *message, struct trace_record *r)
{
	const char *call = json_string_value(json_object_get(message, "call"));
	const char *direction = json_string_value(json_object_get(message, "direction"));

	memset(r, 0, sizeof(*r));
	r->time_ns = (uint64_t)json_integer_value(json_object_get(message, "time_ns"));
	r->call = call ? strtoull(call, NULL, 16) : 0;
	r->out = direction && strcmp(direction, "out") == 0;
	r->transport = to_transport(json_string_value(json_object_get(message, "transport")));
	if (!to_address(json_object_get(message, "local"), &r->local) ||
	    !to_address(json_object_get(message, "remote"), &r->remote))
		return NULL;
	return to_data(message, &r->size);
}

/* --- for people --- */

/* Escape sequences of a terminal are nobody's business. */
static void print_safe(FILE *out, const char *data, size_t size)
{
	for (size_t i = 0; i < size; i++) {
		const unsigned char c = (unsigned char)data[i];

		if (c == '\r' && i + 1 < size && data[i + 1] == '\n')
			continue;
		fputc((c < ' ' && c != '\n' && c != '\t') || c == 0x7f ? '?' : c, out);
	}
	if (size > 0 && data[size - 1] != '\n')
		fputc('\n', out);
}

/* 17:02:03.123456 198.18.0.101:5062 > 198.18.0.10:5060 UDP, 823 bytes, call 00a1b2c3d4e5f607 */
static void print_text(struct sip_view *v, const json_t *message, const struct trace_record *r,
		       const char *data)
{
	const time_t seconds = (time_t)(r->time_ns / 1000000000u);
	char clock[16], from[SIP_ADDRESS_TEXT], to[SIP_ADDRESS_TEXT];
	struct tm tm;

	localtime_r(&seconds, &tm);
	strftime(clock, sizeof(clock), "%H:%M:%S", &tm);
	fprintf(v->cli->out, "%s%s.%06u %s > %s %s, %u bytes", v->shown > 0 ? "\n" : "", clock,
		(unsigned)(r->time_ns / 1000 % 1000000), sip_address_text(trace_source(r), from),
		sip_address_text(trace_destination(r), to),
		json_string_value(json_object_get(message, "transport")), r->size);
	if (r->call)
		fprintf(v->cli->out, ", call %016" PRIx64, r->call);
	fputs("\n\n", v->cli->out);
	print_safe(v->cli->out, data, r->size);
	fflush(v->cli->out);
}

static enum command_status show(struct sip_view *v, const json_t *message)
{
	struct trace_record record;
	char *data = to_record(message, &record);
	int error = 0;

	if (!data)
		return STATUS_OK;
	if (v->pcap) {
		error = trace_pcap_write(v->pcap, &record, data);
		if (!error && fflush(v->file) != 0)
			error = -EIO;
	}
	if (v->ladder)
		ladder_add(v->ladder, &record, data);
	else if (!v->pcap)
		print_text(v, message, &record, data);
	v->shown++;
	free(data);
	return error ? cli_fail(v->cli, STATUS_FAILED, "the capture cannot be written: %s",
				strerror(-error))
		     : STATUS_OK;
}

static enum command_status show_line(struct sip_view *v, const json_t *line)
{
	const json_t *message = json_object_get(line, "message");

	if (v->cli->json) {
		json_dumpf(message ? message : line, v->cli->out, JSON_COMPACT);
		fputc('\n', v->cli->out);
		fflush(v->cli->out);
	} else if (!message) {
		fprintf(v->cli->err, "... %" JSON_INTEGER_FORMAT " messages left out: too slow\n",
			json_integer_value(json_object_get(line, "left_out")));
	}
	return message && (!v->cli->json || v->pcap) ? show(v, message) : STATUS_OK;
}

/* --- */

static enum command_status open_view(struct sip_view *v, const struct arguments *arguments)
{
	if (arguments->ladder && !v->cli->json && ladder_create(v->cli->out, &v->ladder) != 0)
		return cli_fail(v->cli, STATUS_FAILED, "no memory");
	if (!arguments->pcap)
		return STATUS_OK;
	v->file = strcmp(arguments->pcap, "-") == 0 ? v->cli->out : fopen(arguments->pcap, "we");
	if (!v->file)
		return cli_fail(v->cli, STATUS_FAILED, "%s: %s", arguments->pcap, strerror(errno));
	if (trace_pcap_create(v->file, &v->pcap) != 0)
		return cli_fail(v->cli, STATUS_FAILED, "%s cannot be written", arguments->pcap);
	return STATUS_OK;
}

static void close_view(struct sip_view *v)
{
	trace_pcap_destroy(v->pcap);
	if (v->file && v->file != v->cli->out)
		fclose(v->file);
	ladder_destroy(v->ladder);
}

static enum command_status follow(struct sip_view *v, struct control *control)
{
	enum command_status status = STATUS_OK;
	json_t *line = NULL;

	control_set_timeout(control, 0);
	while (status == STATUS_OK && !cli_interrupted && !ferror(v->cli->out) &&
	       (line = control_next(control))) {
		status = show_line(v, line);
		json_decref(line);
	}
	if (status != STATUS_OK || cli_interrupted || ferror(v->cli->out))
		return status;
	return cli_fail(v->cli, STATUS_NOT_RUNNING, "tandem-controlplane has ended");
}

enum command_status sip_trace_run(struct cli *cli, const struct arguments *arguments)
{
	struct sip_view view = { .cli = cli };
	struct control *control;
	enum command_status status;
	json_t *answer = NULL;
	char why[512];

	cli_interrupted = 0;
	status = control_open(cli->run_dir, &control, why, sizeof(why));
	if (status != STATUS_OK)
		return cli_fail(cli, status, "%s", why);
	status = control_ask(control, cli_commands[COMMAND_SIP_TRACE].name, arguments, &answer, why,
			     sizeof(why));
	json_decref(answer);
	if (status != STATUS_OK)
		cli_fail(cli, status, "%s", why);
	else
		status = open_view(&view, arguments);
	if (status == STATUS_OK)
		status = follow(&view, control);
	close_view(&view);
	control_close(control);
	return status;
}
