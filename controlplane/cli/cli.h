/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * tandemctl: one command, or a prompt. What it can do stands in controlplane/api/commands.h, what
 * rows hold in controlplane/api/fields.h; parser, help, completion and docs/cli.md come from them.
 *
 *   words.c     a command line of words → command and arguments
 *   execute.c   which part answers a command
 *   control.c   the control plane, over its socket
 *   segment.c   the dataplane, in its segment; segment_calls.c: what it knows of calls
 *   operator.c  the dataplane, over its socket: captures, leaks; trace.c: traces
 *   table.c     rows for people
 *   sip_trace.c SIP messages
 *   top.c events.c prompt.c complete.c help.c
 *
 * One thread.
 */
#ifndef CONTROLPLANE_CLI_CLI_H
#define CONTROLPLANE_CLI_CLI_H

#include <jansson.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "controlplane/api/commands.h"
#include "controlplane/api/fields.h"

struct cli {
	const char *run_dir;
	bool json;
	FILE *out, *err;
};

extern const struct command cli_commands[COMMAND_COUNT];
/* Of a command's rows; ends with a name of NULL. NULL: it has none. */
const struct field *cli_fields(enum command_id command);
extern const struct field cli_fields_controlplane[], cli_fields_dataplane[];

/* SIGINT came; set to 0 by who has handled it. */
extern volatile sig_atomic_t cli_interrupted;

/* --- words.c --- */
struct arguments {
	const char *positional; /* NULL: not given */
	uint64_t id, call;      /* 0: not given */
	uint32_t limit, offset; /* UINT32_MAX: not given */
	uint32_t wait_s;
	bool once;
	const char *port;       /* NULL: not given */
	uint32_t snap, packets; /* 0: not given */
	uint64_t bytes;         /* likewise */
	uint32_t older_than_s;  /* UINT32_MAX: not given */
	const char *address;    /* NULL: not given */
	/* sip trace; NULL: not given */
	const char *from, *to, *method, *source, *pcap;
	const char *leg; /* call transfer, and `to` */
	bool ladder, secrets;
	uint32_t seconds; /* 0: not given */
	bool force;
	const char *user, *password; /* NULL: not given */
};

/* STATUS_USAGE: why says what is wrong. "--json" among the words sets *json. */
enum command_status words_parse(unsigned count, const char *const *words, bool *json,
				enum command_id *command, struct arguments *arguments, char *why,
				size_t why_size);

/* --- execute.c --- */
enum command_status cli_execute(struct cli *cli, unsigned count, const char *const *words);
enum command_status cli_fail(struct cli *cli, enum command_status status, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/* --- control.c --- */
struct control;
/* STATUS_NOT_RUNNING or STATUS_FAILED: why says what to do. */
enum command_status control_open(const char *run_dir, struct control **control, char *why,
				 size_t why_size);
void control_close(struct control *control);
/* One request. answer: the whole object, status taken out; the caller's. */
enum command_status control_ask(struct control *control, const char *command,
				const struct arguments *arguments, json_t **answer, char *why,
				size_t why_size);
/* The next line; NULL: the end, or SIGINT came. The caller's. */
json_t *control_next(struct control *control);
/* A number of milliseconds may pass until an answer comes; 0: any. */
void control_set_timeout(struct control *control, unsigned ms);

/* --- segment.c, segment_calls.c --- */
struct dp_client;
struct dp_stats_header;
enum command_status segment_open(const char *run_dir, struct dp_client **client, char *why,
				 size_t why_size);
/* Likewise, as one who may ask for captures and the like. */
enum command_status segment_open_operator(const char *run_dir, struct dp_client **client, char *why,
					  size_t why_size);
json_t *segment_contexts(const struct dp_stats_header *stats);
/* call: only its terminations; 0: all */
json_t *segment_terminations(const struct dp_stats_header *stats, uint64_t call);
json_t *segment_quality(const struct dp_stats_header *stats, uint64_t call);
/* Contexts that no live client claims. */
json_t *segment_leaks(const struct dp_stats_header *stats);
json_t *segment_realms(const struct dp_stats_header *stats);
/* Adds the dataplane's figures to those of the control plane. */
void segment_add_load(const struct dp_stats_header *stats, json_t *load);
json_t *segment_ports(const struct dp_stats_header *stats);
json_t *segment_nodes(const struct dp_stats_header *stats);
json_t *segment_drops(const struct dp_stats_header *stats);
json_t *segment_media_ports(const struct dp_stats_header *stats);
json_t *segment_version(const struct dp_stats_header *stats);

/* Idle time is a share of the time between two looks. */
struct segment_cycles {
	uint64_t busy[32], idle[32];
};
void segment_cycles_read(const struct dp_stats_header *stats, struct segment_cycles *cycles);
json_t *segment_workers(const struct dp_stats_header *stats, const struct segment_cycles *before);

struct segment_totals {
	uint64_t rx_packets, tx_packets, dropped;
};
void segment_totals_read(const struct dp_stats_header *stats, struct segment_totals *totals);

/* --- operator.c, trace.c --- */
struct dp_packet_filter;
enum command_status operator_run(struct cli *cli, enum command_id command,
				 const struct arguments *arguments);
/* For trace.c: asks for what the arguments name. client: an operator; the caller's. */
enum command_status operator_open(struct cli *cli, struct dp_client **client);
enum command_status operator_filter(struct cli *cli, const struct dp_stats_header *stats,
				    const struct arguments *arguments,
				    struct dp_packet_filter *filter);
enum command_status operator_refused(struct cli *cli, const struct arguments *arguments, int error);
enum command_status trace_run(struct cli *cli, const struct arguments *arguments);

/* --- table.c --- */
/* Rows under headings; "no NAME" if there are none. */
void table_print(FILE *out, const struct field *fields, const json_t *rows, const char *name);
/* One object, a line a field. */
void table_print_object(FILE *out, const struct field *fields, const json_t *object,
			const char *indent);
void json_print(FILE *out, const json_t *value);

/* --- the commands that are more than rows --- */
enum command_status events_run(struct cli *cli, const struct arguments *arguments);
enum command_status sip_trace_run(struct cli *cli, const struct arguments *arguments);
enum command_status top_run(struct cli *cli, bool once);
void help_print(FILE *out);
void help_print_command(FILE *out, enum command_id command);
/* docs/cli.md */
void help_write_reference(FILE *out);

/* --- complete.c --- */
#define COMPLETE_MAX  32
#define COMPLETE_WORD 32
/* Words that the text before the cursor can go on with. Returns how many; *typed: how much of each
 * stands there already. */
unsigned complete_words(const char *text, size_t size, char words[COMPLETE_MAX][COMPLETE_WORD],
			size_t *typed);

/* --- prompt.c --- */
/* With a terminal: editing, completion, history. Without: a command a line. Returns the status of
 * the last command that failed. */
enum command_status prompt_run(struct cli *cli);

#endif
