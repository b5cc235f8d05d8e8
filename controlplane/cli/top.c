/* SPDX-License-Identifier: BSD-3-Clause */
/* Live figures: what has changed between two looks, a second apart. */
#include <poll.h>
#include <string.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

#include "controlplane/cli/cli.h"
#include "dataplane/client/client.h"

#define INTERVAL_MS 1000
#define WHY_SIZE    512

/* One look at both processes; what is down is NULL. */
struct look {
	uint64_t at_ns;
	json_t *load; /* of the control plane */
	struct dp_client *client;
	struct segment_totals totals;
	struct segment_cycles cycles;
	char control_why[WHY_SIZE], data_why[WHY_SIZE];
	enum command_status control_status, data_status;
};

static uint64_t now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

static json_t *ask_load(const char *run_dir, struct look *look)
{
	const struct arguments none = { .limit = UINT32_MAX, .offset = UINT32_MAX };
	struct control *control;
	json_t *answer = NULL, *load;

	look->control_status = control_open(run_dir, &control, look->control_why, WHY_SIZE);
	if (look->control_status != STATUS_OK)
		return NULL;
	look->control_status = control_ask(control, cli_commands[COMMAND_SHOW_LOAD].name, &none,
					   &answer, look->control_why, WHY_SIZE);
	control_close(control);
	load = json_incref(json_object_get(answer, "load"));
	json_decref(answer);
	return load;
}

static void look_take(const char *run_dir, struct look *look)
{
	*look = (struct look){ 0 };
	look->load = ask_load(run_dir, look);
	look->data_status = segment_open(run_dir, &look->client, look->data_why, WHY_SIZE);
	look->at_ns = now_ns();
	if (look->data_status != STATUS_OK)
		return;
	segment_totals_read(dp_client_stats(look->client), &look->totals);
	segment_cycles_read(dp_client_stats(look->client), &look->cycles);
}

static void look_drop(struct look *look)
{
	json_decref(look->load);
	if (look->client)
		dp_client_close(look->client);
	*look = (struct look){ 0 };
}

static json_t *rate(bool known, uint64_t before, uint64_t now, double seconds)
{
	if (!known || seconds <= 0 || now < before)
		return json_null();
	return json_real((double)(now - before) / seconds);
}

static json_t *member(const json_t *load, const char *name)
{
	json_t *value = json_object_get(load, name);

	return value ? json_incref(value) : json_null();
}

static json_t *figures(const struct look *before, const struct look *now)
{
	double seconds = (double)(now->at_ns - before->at_ns) / 1e9;
	bool control = before->load && now->load;
	bool data = before->client && now->client &&
		    dp_client_boot_id(before->client) == dp_client_boot_id(now->client);
	uint64_t started[] = {
		(uint64_t)json_integer_value(json_object_get(before->load, "calls_started")),
		(uint64_t)json_integer_value(json_object_get(now->load, "calls_started")),
	};

	return json_pack("{s:o,s:o,s:o,s:o,s:o,s:o,s:o}", "calls", member(now->load, "calls"),
			 "calls_per_second", rate(control, started[0], started[1], seconds),
			 "registrations", member(now->load, "registrations"), "terminations",
			 now->client ? json_integer(dp_client_stats(now->client)->terminations)
				     : json_null(),
			 "rx_packets_per_second",
			 rate(data, before->totals.rx_packets, now->totals.rx_packets, seconds),
			 "tx_packets_per_second",
			 rate(data, before->totals.tx_packets, now->totals.tx_packets, seconds),
			 "dropped_per_second",
			 rate(data, before->totals.dropped, now->totals.dropped, seconds));
}

static void print_screen(struct cli *cli, const struct look *before, const struct look *now)
{
	json_t *top = figures(before, now), *rows;

	fprintf(cli->out, "Tandem   control plane: %s   dataplane: %s\n\n",
		now->load ? "up" : "down", now->client ? "up" : "down");
	table_print_object(cli->out, cli_fields(COMMAND_TOP), top, "");
	if (now->client) {
		const struct dp_stats_header *stats = dp_client_stats(now->client);

		rows = segment_ports(stats);
		fputc('\n', cli->out);
		table_print(cli->out, cli_fields(COMMAND_SHOW_PORTS), rows, "ports");
		json_decref(rows);
		rows = segment_workers(stats, &before->cycles);
		fputc('\n', cli->out);
		table_print(cli->out, cli_fields(COMMAND_SHOW_WORKERS), rows, "workers");
		json_decref(rows);
	}
	if (!now->load)
		fprintf(cli->out, "\n%s\n", now->control_why);
	if (!now->client)
		fprintf(cli->out, "\n%s\n", now->data_why);
	json_decref(top);
}

static void print_json(struct cli *cli, const struct look *before, const struct look *now)
{
	json_t *top = json_pack("{s:o}", "top", figures(before, now));

	json_print(cli->out, top);
	json_decref(top);
}

static void show(struct cli *cli, const struct look *before, const struct look *now)
{
	if (cli->json)
		print_json(cli, before, now);
	else
		print_screen(cli, before, now);
	fflush(cli->out);
}

/* Sleeps for a while. True: q was typed, or SIGINT came. */
static bool wait_or_quit(bool keys)
{
	struct pollfd key = { .fd = keys ? STDIN_FILENO : -1, .events = POLLIN };
	uint64_t end = now_ns() + INTERVAL_MS * UINT64_C(1000000);
	char c;

	while (!cli_interrupted && now_ns() < end) {
		int left = (int)((end - now_ns()) / 1000000) + 1;

		if (poll(&key, 1, left) <= 0)
			continue;
		if (read(STDIN_FILENO, &c, 1) != 1 || c == 'q' || c == 'Q')
			return true;
	}
	return cli_interrupted;
}

static void live(struct cli *cli, struct look *before)
{
	bool keys = isatty(STDIN_FILENO), screen = !cli->json && isatty(fileno(cli->out));
	struct termios saved, raw;
	struct look now;

	if (keys && tcgetattr(STDIN_FILENO, &saved) == 0) {
		raw = saved;
		raw.c_lflag &= ~(tcflag_t)(ICANON | ECHO);
		tcsetattr(STDIN_FILENO, TCSANOW, &raw);
	} else {
		keys = false;
	}
	while (!wait_or_quit(keys) && !ferror(cli->out)) {
		look_take(cli->run_dir, &now);
		if (screen)
			fputs("\033[H\033[2J", cli->out);
		show(cli, before, &now);
		look_drop(before);
		*before = now;
	}
	if (keys)
		tcsetattr(STDIN_FILENO, TCSANOW, &saved);
}

enum command_status top_run(struct cli *cli, bool once)
{
	struct look before, now;

	cli_interrupted = 0;
	look_take(cli->run_dir, &before);
	if (!before.load && !before.client) {
		enum command_status status = before.control_status != STATUS_OK
						     ? before.control_status
						     : before.data_status;

		cli_fail(cli, status, "%s", before.control_why);
		return cli_fail(cli, status, "%s", before.data_why);
	}
	if (!once) {
		live(cli, &before);
	} else if (!wait_or_quit(false)) {
		look_take(cli->run_dir, &now);
		show(cli, &before, &now);
		look_drop(&now);
	}
	look_drop(&before);
	return STATUS_OK;
}
