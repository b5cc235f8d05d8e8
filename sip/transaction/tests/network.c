/* SPDX-License-Identifier: BSD-3-Clause */
#include "sip/transaction/tests/network.h"

#include <stdio.h>
#include <stdlib.h>

#include "sip/base/tests/starve.h"

/* Programs that refuse allocations spare those of the network. */
__attribute__((weak)) void starve_hold(void)
{
}

__attribute__((weak)) void starve_release(void)
{
}

/* A packet on its way. */
struct flight {
	struct timer timer;
	struct network *net;
	struct network_node *from, *to;
	size_t size;
	struct flight *next, **prev;
	char data[];
};

static struct flight *flights; /* of all networks of the process: tests have one at a time */

struct network *network_create(uint64_t seed)
{
	struct network *net = calloc(1, sizeof(*net));

	net->start_ms = 1000000;
	net->wheel = timer_wheel_create(net->start_ms);
	net->random = seed * 2 + 1;
	net->delay_min = 1;
	net->delay_max = 1;
	return net;
}

static void flight_end(struct flight *flight)
{
	*flight->prev = flight->next;
	if (flight->next != NULL)
		flight->next->prev = flight->prev;
	flight->net->travelling--;
	timer_cancel(flight->net->wheel, &flight->timer);
	starve_hold();
	free(flight);
	starve_release();
}

void network_destroy(struct network *net)
{
	while (flights != NULL)
		flight_end(flights);
	for (unsigned i = 0; i < net->packet_count; i++)
		free(net->packets[i].data);
	free(net->packets);
	for (unsigned i = 0; i < net->node_count; i++)
		free(net->nodes[i]);
	timer_wheel_destroy(net->wheel);
	free(net);
}

struct network_node *network_node(struct network *net, const char *ip, uint16_t port)
{
	struct network_node *node = calloc(1, sizeof(*node));

	node->net = net;
	node->kind = SIP_UDP;
	if (sip_address_parse(slice_of(ip), port, &node->address) != 0)
		abort();
	snprintf(node->host, sizeof(node->host), strchr(ip, ':') ? "[%s]:%u" : "%s:%u", ip, port);
	net->nodes[net->node_count++] = node;
	return node;
}

void network_run(struct network *net, uint64_t ms)
{
	timer_wheel_advance(net->wheel, timer_wheel_now(net->wheel) + ms);
}

uint64_t network_ms(const struct network *net)
{
	return timer_wheel_now(net->wheel) - net->start_ms;
}

/* xorshift64*: the same seed gives the same network */
static unsigned below(struct network *net, unsigned limit)
{
	net->random ^= net->random >> 12;
	net->random ^= net->random << 25;
	net->random ^= net->random >> 27;
	return (unsigned)((net->random * 0x2545f4914f6cdd1du) >> 33) % limit;
}

static void arrive(struct timer *timer)
{
	struct flight *flight = (struct flight *)((char *)timer - offsetof(struct flight, timer));
	struct sip_path from = { .remote = flight->from->address,
				 .kind = flight->to->kind,
				 .listener = flight->from->listener };

	if (flight->to->receive != NULL)
		flight->to->receive(flight->to->arg, flight->data, flight->size, &from);
	flight_end(flight);
}

static void fly(struct network *net, const struct packet *packet)
{
	struct flight *flight;
	unsigned spread = net->delay_max - net->delay_min;

	starve_hold();
	flight = malloc(sizeof(*flight) + packet->size);
	starve_release();
	memset(flight, 0, sizeof(*flight));
	flight->net = net;
	flight->from = packet->from;
	flight->to = packet->to;
	flight->size = packet->size;
	memcpy(flight->data, packet->data, packet->size);
	flight->next = flights;
	flight->prev = &flights;
	if (flights != NULL)
		flights->prev = &flight->next;
	flights = flight;
	net->travelling++;
	timer_set(net->wheel, &flight->timer,
		  net->delay_min + (spread ? below(net, spread + 1) : 0), arrive);
}

static struct packet *keep(struct network_node *from, const struct sip_path *to, const char *data,
			   size_t size)
{
	struct network *net = from->net;
	struct packet *packet;

	if (net->packet_count == net->packet_room) {
		net->packet_room = net->packet_room ? net->packet_room * 2 : 64;
		net->packets = realloc(net->packets, net->packet_room * sizeof(*net->packets));
	}
	packet = &net->packets[net->packet_count++];
	*packet = (struct packet){ .sent_ms = network_ms(net), .from = from, .size = size };
	packet->data = malloc(size + 1);
	memcpy(packet->data, data, size);
	packet->data[size] = '\0';
	for (unsigned i = 0; i < net->node_count; i++)
		if (sip_address_equal(&net->nodes[i]->address, &to->remote))
			packet->to = net->nodes[i];
	return packet;
}

int network_send(void *arg, const struct sip_path *to, const char *data, size_t size)
{
	struct network_node *from = arg;
	struct network *net = from->net;
	struct packet *packet;

	if (from->send_error != 0)
		return from->send_error;
	starve_hold();
	packet = keep(from, to, data, size);
	starve_release();
	packet->lost = packet->to == NULL ||
		       (net->drop != NULL && net->drop(net->drop_arg, packet)) ||
		       (net->loss != 0 && below(net, 100) < net->loss);
	if (packet->lost)
		return 0;
	fly(net, packet);
	if (net->duplicate != 0 && below(net, 100) < net->duplicate)
		fly(net, packet);
	return 0;
}

const char *network_host(void *arg, const struct sip_path *path)
{
	const struct network_node *node = arg;

	(void)path;
	return node->host;
}

struct sip_path network_path(const struct network_node *to)
{
	return (struct sip_path){ .remote = to->address,
				  .kind = to->kind,
				  .listener = to->listener };
}

void network_send_text(struct network_node *from, const struct network_node *to, const char *text)
{
	struct sip_path path = network_path(to);

	network_send(from, &path, text, strlen(text));
}

void network_say(struct network_node *from, const struct network_node *to, const char *format,
		 va_list args)
{
	char text[4096], message[4096];
	size_t n = 0;

	vsnprintf(text, sizeof(text), format, args);
	for (const char *p = text; *p != '\0' && n + 3 < sizeof(message); p++) {
		if (*p == '\n')
			message[n++] = '\r';
		message[n++] = *p;
	}
	message[n] = '\0';
	network_send_text(from, to, message);
}

const struct packet *network_nth(const struct network *net, const struct network_node *from,
				 const char *begins, unsigned nth)
{
	for (unsigned i = 0; i < net->packet_count; i++) {
		const struct packet *packet = &net->packets[i];

		if (packet->from == from && strncmp(packet->data, begins, strlen(begins)) == 0 &&
		    nth-- == 0)
			return packet;
	}
	return NULL;
}

unsigned network_count(const struct network *net, const struct network_node *from,
		       const char *begins)
{
	unsigned count = 0;

	while (network_nth(net, from, begins, count) != NULL)
		count++;
	return count;
}

uint64_t network_when(const struct network *net, const struct network_node *from,
		      const char *begins, unsigned nth)
{
	const struct packet *packet = network_nth(net, from, begins, nth);

	return packet != NULL ? packet->sent_ms : UINT64_MAX;
}

struct sip_msg *network_parse(const struct network *net, const struct network_node *from,
			      const char *begins, unsigned nth)
{
	const struct packet *packet = network_nth(net, from, begins, nth);
	struct sip_parse_error error;
	struct sip_msg *msg = NULL;

	if (packet != NULL)
		sip_msg_parse(packet->data, packet->size, &sip_limits_default, &msg, &error);
	return msg;
}

bool packet_has(const struct packet *packet, const char *text)
{
	return packet != NULL && strstr(packet->data, text) != NULL;
}
