/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Sends RTP streams into a network interface at a total rate and checks what comes back on it:
 * the generator of the comparison with programs that sit behind kernel sockets, whose ports are
 * theirs to choose. Needs no DPDK and no hugepages; packet sockets (packet(7)) past the qdisc on
 * the way out, a mapped ring on the way in.
 *
 *   veth_load --interface IF --mac MAC --streams FILE --rate PPS --duration SECONDS
 *
 * A line of FILE is a stream: SOURCE_IP SOURCE_PORT DESTINATION_IP DESTINATION_PORT; all go to
 * the one MAC. Streams take turns, so each has the same rate. Each payload names its stream and
 * counts; what comes back is recognised by that, whatever was rewritten on the way.
 */
#include <arpa/inet.h>
#include <endian.h>
#include <errno.h>
#include <getopt.h>
#include <linux/if_packet.h>
#include <net/ethernet.h>
#include <net/if.h>
#include <netinet/ip.h>
#include <netinet/udp.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "pktgen_tests/bench/program.h"

#define MARK       UINT64_C(0x7665746c6f616431)
#define PAYLOAD    160u /* 20 ms of G.711 */
#define RTP_HEADER 12u
#define BATCH      32u
#define RING_FRAME 512u
#define RING_BLOCK (1u << 16)
#define RING_SIZE  (1u << 24)
#define WINDOW     64u /* packets behind the highest one whose duplicates are told apart */
#define DRAIN_NS   300000000LL

/* As it is sent. */
struct frame {
	struct ether_header ether;
	struct ip ip;
	struct udphdr udp;
	uint8_t rtp[RTP_HEADER];
	uint64_t mark;
	uint32_t stream;
	uint32_t count;
	uint8_t rest[PAYLOAD - 16];
} __attribute__((packed));

struct stream {
	struct frame frame;
	uint32_t sent;
	uint32_t expected; /* count of the packet that comes next */
	uint64_t window;   /* bit i: count expected - 1 - i has come */
};

struct load {
	const char *interface;
	int index;
	int out, in;
	uint8_t *ring;
	unsigned ring_at;
	struct stream *streams;
	unsigned count, turn;
	uint64_t sent, refused, received, duplicate, reordered, unexpected;
};

static uint16_t ip_checksum(const struct ip *ip)
{
	uint16_t words[sizeof(*ip) / 2];
	uint32_t sum = 0;

	memcpy(words, ip, sizeof(words));
	for (unsigned i = 0; i < sizeof(*ip) / 2; i++)
		sum += words[i];
	sum = (sum & 0xffff) + (sum >> 16);
	return (uint16_t) ~(sum + (sum >> 16));
}

/* The UDP checksum stays 0: none (RFC 768). */
static void make_frame(struct frame *f, uint32_t stream, struct in_addr from, unsigned from_port,
		       struct in_addr to, unsigned to_port)
{
	struct ip ip = { .ip_v = 4, .ip_hl = 5, .ip_ttl = 64, .ip_p = IPPROTO_UDP };
	ip.ip_len = htons(sizeof(*f) - sizeof(f->ether));
	ip.ip_src = from;
	ip.ip_dst = to;
	ip.ip_sum = ip_checksum(&ip);
	f->ether.ether_type = htons(ETHERTYPE_IP);
	f->ip = ip;
	f->udp.source = htons((uint16_t)from_port);
	f->udp.dest = htons((uint16_t)to_port);
	f->udp.len = htons(sizeof(*f) - sizeof(f->ether) - sizeof(f->ip));
	f->rtp[0] = 0x80; /* version 2, payload type 0: PCMU (RFC 3550 §5.1, RFC 3551) */
	for (unsigned i = 0; i < 4; i++)
		f->rtp[8 + i] = (uint8_t)((stream + 1) >> (24 - 8 * i));
	f->mark = htobe64(MARK);
	f->stream = htonl(stream);
	memset(f->rest, 0xff, sizeof(f->rest)); /* silence */
}

static void read_streams(struct load *load, const char *name)
{
	char from[64], to[64];
	unsigned from_port, to_port, space = 0;
	struct in_addr a, b;
	FILE *file = fopen(name, "re");

	if (!file)
		die("%s: %s", name, strerror(errno));
	while (fscanf(file, "%63s %u %63s %u", from, &from_port, to, &to_port) == 4) {
		if (inet_pton(AF_INET, from, &a) != 1 || inet_pton(AF_INET, to, &b) != 1)
			die("%s: stream %u has no IPv4 addresses", name, load->count);
		if (load->count == space) {
			space = space ? 2 * space : 256;
			load->streams = realloc(load->streams, space * sizeof(*load->streams));
			if (!load->streams)
				die("out of memory");
		}
		memset(&load->streams[load->count], 0, sizeof(*load->streams));
		make_frame(&load->streams[load->count].frame, load->count, a, from_port, b,
			   to_port);
		load->count++;
	}
	fclose(file);
	if (load->count == 0)
		die("%s: no streams", name);
}

static void set_macs(struct load *load, const char *mac)
{
	struct ifreq request = { 0 };
	unsigned m[6];

	if (sscanf(mac, "%x:%x:%x:%x:%x:%x", &m[0], &m[1], &m[2], &m[3], &m[4], &m[5]) != 6)
		die("%s is no MAC address", mac);
	snprintf(request.ifr_name, sizeof(request.ifr_name), "%s", load->interface);
	if (ioctl(load->out, SIOCGIFHWADDR, &request) < 0)
		die("%s: %s", load->interface, strerror(errno));
	for (unsigned i = 0; i < load->count; i++) {
		struct ether_header *ether = &load->streams[i].frame.ether;

		memcpy(ether->ether_shost, request.ifr_hwaddr.sa_data, 6);
		for (unsigned k = 0; k < 6; k++)
			ether->ether_dhost[k] = (uint8_t)m[k];
	}
}

static int packet_socket(const struct load *load, uint16_t protocol)
{
	struct sockaddr_ll address = { .sll_family = AF_PACKET,
				       .sll_protocol = htons(protocol),
				       .sll_ifindex = load->index };
	int fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0);

	if (fd < 0)
		die("packet socket: %s", strerror(errno));
	if (bind(fd, (struct sockaddr *)&address, sizeof(address)) < 0)
		die("%s: %s", load->interface, strerror(errno));
	return fd;
}

static void open_sockets(struct load *load)
{
	const struct tpacket_req ring = { .tp_block_size = RING_BLOCK,
					  .tp_block_nr = RING_SIZE / RING_BLOCK,
					  .tp_frame_size = RING_FRAME,
					  .tp_frame_nr = RING_SIZE / RING_FRAME };
	const int on = 1, version = TPACKET_V2, buffer = 1 << 22;

	load->index = (int)if_nametoindex(load->interface);
	if (load->index == 0)
		die("%s: no such interface", load->interface);
	load->out = packet_socket(load, 0);
	setsockopt(load->out, SOL_PACKET, PACKET_QDISC_BYPASS, &on, sizeof(on));
	setsockopt(load->out, SOL_SOCKET, SO_SNDBUFFORCE, &buffer, sizeof(buffer));
	/* ETH_P_IP, not ETH_P_ALL: what this host sends is not wanted back. */
	load->in = packet_socket(load, 0);
	if (setsockopt(load->in, SOL_PACKET, PACKET_VERSION, &version, sizeof(version)) < 0 ||
	    setsockopt(load->in, SOL_PACKET, PACKET_RX_RING, &ring, sizeof(ring)) < 0)
		die("receive ring: %s", strerror(errno));
	load->ring = mmap(NULL, RING_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE,
			  load->in, 0);
	if (load->ring == MAP_FAILED)
		die("receive ring: %s", strerror(errno));
	if (bind(load->in,
		 (struct sockaddr *)&(struct sockaddr_ll){ .sll_family = AF_PACKET,
							   .sll_protocol = htons(ETH_P_IP),
							   .sll_ifindex = load->index },
		 sizeof(struct sockaddr_ll)) < 0)
		die("receive ring: %s", strerror(errno));
}

static void count_packet(struct load *load, struct stream *s, uint32_t count)
{
	uint32_t behind = s->expected - 1 - count;

	if (count >= s->expected) {
		uint32_t ahead = count - s->expected + 1;

		s->window = ahead < WINDOW ? s->window << ahead | 1 : 1;
		s->expected = count + 1;
	} else if (behind < WINDOW && !(s->window >> behind & 1)) {
		s->window |= UINT64_C(1) << behind;
		load->reordered++;
	} else {
		load->duplicate++;
		return;
	}
	load->received++;
}

static void take_frame(struct load *load, const uint8_t *data, unsigned size)
{
	struct frame f;

	if (size < sizeof(f))
		return;
	memcpy(&f, data, sizeof(f));
	if (f.ip.ip_p != IPPROTO_UDP || f.ip.ip_hl != 5 || f.mark != htobe64(MARK))
		return;
	if (ntohl(f.stream) >= load->count) {
		load->unexpected++;
		return;
	}
	count_packet(load, &load->streams[ntohl(f.stream)], ntohl(f.count));
}

static void receive(struct load *load)
{
	for (;;) {
		uint8_t *slot = load->ring + (size_t)load->ring_at * RING_FRAME;
		struct tpacket2_hdr *header = (void *)slot;

		if (!(__atomic_load_n(&header->tp_status, __ATOMIC_ACQUIRE) & TP_STATUS_USER))
			return;
		take_frame(load, slot + header->tp_mac, header->tp_snaplen);
		__atomic_store_n(&header->tp_status, TP_STATUS_KERNEL, __ATOMIC_RELEASE);
		load->ring_at = (load->ring_at + 1) % (RING_SIZE / RING_FRAME);
	}
}

static void next_packet(struct stream *s)
{
	uint32_t sequence = s->sent, time = s->sent * PAYLOAD;

	s->frame.rtp[2] = (uint8_t)(sequence >> 8);
	s->frame.rtp[3] = (uint8_t)sequence;
	for (unsigned i = 0; i < 4; i++)
		s->frame.rtp[4 + i] = (uint8_t)(time >> (24 - 8 * i));
	s->frame.count = htonl(s->sent);
}

/* A packet that was refused is neither sent nor counted, and its turn comes again. */
static void send_batch(struct load *load, unsigned count)
{
	struct mmsghdr messages[BATCH];
	struct iovec vectors[BATCH];
	int done;

	if (count > load->count)
		count = load->count; /* a frame is in a batch once */
	memset(messages, 0, count * sizeof(messages[0]));
	for (unsigned i = 0; i < count; i++) {
		struct stream *s = &load->streams[(load->turn + i) % load->count];

		next_packet(s);
		vectors[i] = (struct iovec){ &s->frame, sizeof(s->frame) };
		messages[i].msg_hdr.msg_iov = &vectors[i];
		messages[i].msg_hdr.msg_iovlen = 1;
	}
	done = sendmmsg(load->out, messages, count, MSG_DONTWAIT);
	if (done < 0) {
		if (errno != ENOBUFS && errno != EAGAIN)
			die("%s: %s", load->interface, strerror(errno));
		load->refused++;
		return;
	}
	for (int i = 0; i < done; i++)
		load->streams[(load->turn + (unsigned)i) % load->count].sent++;
	load->turn = (load->turn + (unsigned)done) % load->count;
	load->sent += (unsigned)done;
}

/* Returns the seconds that sending took. */
static double run(struct load *load, double rate, double duration)
{
	int64_t start = now_ns(), now = start, end = start + (int64_t)(duration * 1e9), stop;

	while (now < end) {
		uint64_t due = (uint64_t)(rate * (double)(now - start) / 1e9);

		if (due > load->sent)
			send_batch(load,
				   due - load->sent < BATCH ? (unsigned)(due - load->sent) : BATCH);
		else
			usleep(20);
		receive(load);
		now = now_ns();
	}
	for (stop = now; now < stop + DRAIN_NS; now = now_ns()) {
		receive(load);
		usleep(1000);
	}
	return (double)(stop - start) / 1e9;
}

static void report(const struct load *load, double seconds)
{
	struct rusage usage;

	getrusage(RUSAGE_SELF, &usage);
	printf("{\"streams\": %u, \"sent\": %ju, \"received\": %ju, \"lost\": %jd, "
	       "\"duplicate\": %ju, \"reordered\": %ju, \"unexpected\": %ju, \"tx_full\": %ju, "
	       "\"tx_pps\": %.0f, \"rx_pps\": %.0f, \"seconds\": %.3f, \"cpu_seconds\": %.3f}\n",
	       load->count, load->sent, load->received, (intmax_t)(load->sent - load->received),
	       load->duplicate, load->reordered, load->unexpected, load->refused,
	       (double)load->sent / seconds, (double)load->received / seconds, seconds,
	       (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
		       (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6);
}

int main(int argc, char **argv)
{
	static const struct option options[] = {
		{ "interface", required_argument, NULL, 'i' },
		{ "streams", required_argument, NULL, 's' },
		{ "mac", required_argument, NULL, 'm' },
		{ "rate", required_argument, NULL, 'r' },
		{ "duration", required_argument, NULL, 'd' },
		{ 0 },
	};
	struct load load = { 0 };
	const char *streams = NULL, *mac = NULL;
	double rate = 0, duration = 0;
	int option;

	while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
		switch (option) {
		case 'i':
			load.interface = optarg;
			break;
		case 's':
			streams = optarg;
			break;
		case 'm':
			mac = optarg;
			break;
		case 'r':
			rate = strtod(optarg, NULL);
			break;
		case 'd':
			duration = strtod(optarg, NULL);
			break;
		default:
			return 2;
		}
	}
	if (!load.interface || !streams || !mac || rate <= 0 || duration <= 0)
		die("needed: --interface IF --streams FILE --mac MAC --rate PPS --duration S");
	read_streams(&load, streams);
	open_sockets(&load);
	set_macs(&load, mac);
	report(&load, run(&load, rate, duration));
	return 0;
}
