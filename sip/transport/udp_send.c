/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What leaves over UDP: gathered in a turn, sent at its end.
 *
 * Datagrams of one size that go to one place leave in one piece, which the kernel takes through its
 * tables and the driver once, and cuts into datagrams at the end (UDP_SEGMENT, Linux 4.18): five
 * times as cheap a datagram. It is so when it matters: many 503s, 100s or keep-alives to one peer.
 */
#include <errno.h>
#include <netinet/in.h>
#include <netinet/udp.h>

#include "sip/transport/internal.h"
#include "sip/transport/udp.h"

#ifndef SOL_UDP
#define SOL_UDP IPPROTO_UDP
#endif
#ifndef UDP_SEGMENT
#define UDP_SEGMENT 103
#endif

#define UDP_SEGMENT_MAX 1200u  /* bytes: none that a path might have to fragment */
#define UDP_RUN_MAX     60000u /* bytes of a run, below what an IP packet may have */

/* Those that the system refused. */
struct udp_failures {
	unsigned count;
	struct udp_out list[UDP_OUT_MAX];
	int errors[UDP_OUT_MAX];
};

/* A full buffer is loss, and retransmission is there for that. */
static bool is_failure(int error)
{
	return error != EAGAIN && error != ENOBUFS;
}

/* --- runs ------------------------------------------------------------------------------------ */

/* What leaves in one piece: datagrams that follow each other. */
struct run {
	unsigned first, count;
	union {
		char space[CMSG_SPACE(sizeof(uint16_t))];
		struct cmsghdr align;
	} control;
};

static void count_sent(struct sip_transport *transport, const struct udp_out *list,
		       const struct run *run)
{
	for (unsigned i = 0; i < run->count; i++) {
		transport->stats.sent++;
		transport->stats.sent_bytes += list[run->first + i].size;
	}
}

static void note_failure(struct sip_transport *transport, const struct udp_out *list,
			 const struct run *run, int error, struct udp_failures *failed)
{
	for (unsigned i = 0; i < run->count; i++) {
		transport->stats.send_errors++;
		if (!is_failure(error))
			continue;
		failed->list[failed->count] = list[run->first + i];
		failed->errors[failed->count++] = -error;
	}
}

/* How many from list[0] on are one run: they lie behind each other, have one destination, and the
 * size of the first, but for the last one, which may be smaller. */
static unsigned run_of(const struct udp_out *list, unsigned count)
{
	size_t whole = list[0].size;
	unsigned n = 1;

	if (list[0].size > UDP_SEGMENT_MAX)
		return 1;
	while (n < count && list[n - 1].size == list[0].size && list[n].size <= list[0].size &&
	       list[n].offset == list[0].offset + whole &&
	       sip_address_equal(&list[n].to, &list[0].to) && whole + list[n].size <= UDP_RUN_MAX)
		whole += list[n++].size;
	return n;
}

static void ask_for_segments(struct msghdr *message, struct run *run, uint32_t size)
{
	const uint16_t segment = (uint16_t)size;
	struct cmsghdr *c;

	message->msg_control = &run->control;
	message->msg_controllen = sizeof(run->control.space);
	c = CMSG_FIRSTHDR(message);
	c->cmsg_level = SOL_UDP;
	c->cmsg_type = UDP_SEGMENT;
	c->cmsg_len = CMSG_LEN(sizeof(segment));
	memcpy(CMSG_DATA(c), &segment, sizeof(segment));
}

/* A run may be refused where its datagrams are not: a path that takes smaller ones only (which
 * anybody may tell us of, by ICMP), a device that cannot cut, a tunnel. */
static bool is_unable(int error)
{
	return error == EIO || error == EINVAL || error == EMSGSIZE || error == EOPNOTSUPP;
}

/* What one socket has to send, in one call if all goes well. Moves what failed to `failed`. Returns
 * how many of the list were looked at. alone: so many of the first leave each by itself; in the end,
 * how many of the rest have to. */
static unsigned flush_runs(struct udp_socket *s, const struct udp_out *list, unsigned count,
			   unsigned *alone, struct udp_failures *failed)
{
	const unsigned single = *alone;
	struct sip_transport *transport = s->transport;
	struct mmsghdr out[UDP_OUT_MAX];
	struct iovec parts[UDP_OUT_MAX];
	struct sockaddr_storage to[UDP_OUT_MAX];
	struct run runs[UDP_OUT_MAX];
	unsigned made = 0, done = 0;

	*alone = 0;
	for (unsigned i = 0; i < count; i += runs[made++].count) {
		struct mmsghdr *slot = out + made;
		struct msghdr *message = &slot->msg_hdr;
		const struct udp_out *last;

		runs[made].first = i;
		runs[made].count = i < single ? 1 : run_of(list + i, count - i);
		last = &list[i + runs[made].count - 1];
		parts[made] = (struct iovec){ transport->buffers.out + list[i].offset,
					      last->offset + last->size - list[i].offset };
		*message = (struct msghdr){ .msg_name = &to[made],
					    .msg_namelen = sip_address_to(&list[i].to, &to[made]),
					    .msg_iov = &parts[made],
					    .msg_iovlen = 1 };
		if (runs[made].count > 1)
			ask_for_segments(message, &runs[made], list[i].size);
	}
	while (done < made) {
		int n = sendmmsg(s->fd, out + done, made - done, 0);

		for (int i = 0; i < n; i++)
			count_sent(transport, list, &runs[done + (unsigned)i]);
		if (n > 0)
			done += (unsigned)n;
		if (n > 0 || (n < 0 && errno == EINTR))
			continue;
		/* The first of the rest is the one that failed: go on behind it. */
		if (runs[done].count > 1 && is_unable(errno)) {
			*alone = runs[done].count;
			return runs[done].first;
		}
		note_failure(transport, list, &runs[done++], n < 0 ? errno : EAGAIN, failed);
	}
	return count;
}

/* Takes the datagrams of the first one's socket off the list, in their order. */
static unsigned take_socket(struct udp_out *list, unsigned *count, struct udp_out *taken)
{
	const struct udp_socket *s = list[0].socket;
	unsigned n = 0, left = 0;

	for (unsigned i = 0; i < *count; i++) {
		if (list[i].socket == s)
			taken[n++] = list[i];
		else
			list[left++] = list[i];
	}
	*count = left;
	return n;
}

static void tell(struct sip_transport *transport, const struct udp_out *failed, int error)
{
	const struct sip_path path = {
		.remote = failed->to,
		.kind = SIP_UDP,
		.listener = failed->socket->index,
	};

	if (transport->config.flow_failed != NULL)
		transport->config.flow_failed(transport->config.arg, &path, error, 0);
}

void udp_flush(struct sip_transport *transport)
{
	struct udp_buffers *b = &transport->buffers;
	struct udp_out taken[UDP_OUT_MAX];
	struct udp_failures failed = { .count = 0 };

	while (b->out_count > 0) {
		struct udp_socket *s = b->waiting[0].socket;
		const unsigned n = take_socket(b->waiting, &b->out_count, taken);
		unsigned done = 0, alone = 0;

		while (done < n)
			done += flush_runs(s, taken + done, n - done, &alone, &failed);
	}
	b->out_used = 0;
	/* Who is told may send again. */
	for (unsigned i = 0; i < failed.count; i++)
		tell(transport, &failed.list[i], failed.errors[i]);
}

int udp_send(struct udp_socket *s, const struct sip_address *to, const char *data, size_t size)
{
	struct udp_buffers *b = &s->transport->buffers;

	if (s->fd < 0)
		return -ENOTCONN;
	if (to->family != s->family)
		return -EAFNOSUPPORT;
	if (to->port == 0)
		return -EINVAL;
	if (b->out_count == UDP_OUT_MAX || size > UDP_OUT_ROOM - b->out_used)
		udp_flush(s->transport);
	/* What was told of failures may have filled it again, in the worst case. */
	if (b->out_count == UDP_OUT_MAX || size > UDP_OUT_ROOM - b->out_used)
		return -ENOBUFS;
	memcpy(b->out + b->out_used, data, size);
	b->waiting[b->out_count++] = (struct udp_out){ s, *to, b->out_used, (uint32_t)size };
	b->out_used += (uint32_t)size;
	return 0;
}
