/* SPDX-License-Identifier: BSD-3-Clause */
/* Copies of packets, as workers make them, into files that are good, full, slow or gone. */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <criterion/criterion.h>
#include <criterion/new/assert.h>

#include <rte_cycles.h>
#include <rte_eal.h>
#include <rte_pcapng.h>

#include "dataplane/main/capture.h"
#include "dataplane/main/pcapng.h"
#include "dataplane/nodes/observe.h"

#define FRAME 101u

static struct rte_mempool *packets, *copies;
static struct rte_ring *ring;
static struct capture_writer *writer;
static char path[] = "/tmp/tandem-capture-XXXXXX";
static int file;

static void start_eal(void)
{
	char *args[] = { "test",     "--no-huge",      "--no-shconf",   "-m", "64",
			 "--no-pci", "--no-telemetry", "--log-level=1", "-l", "0" };

	cr_assert(rte_eal_init(sizeof(args) / sizeof(args[0]), args) >= 0);
	packets = rte_pktmbuf_pool_create("p", 63, 0, 0, RTE_MBUF_DEFAULT_BUF_SIZE, SOCKET_ID_ANY);
	copies = rte_pktmbuf_pool_create("c", 1023, 0, sizeof(struct observe_copy),
					 (uint16_t)rte_pcapng_mbuf_size(2048), SOCKET_ID_ANY);
	ring = rte_ring_create("copies", 1024, SOCKET_ID_ANY, RING_F_SP_ENQ | RING_F_SC_DEQ);
	cr_assert(packets && copies && ring);
}

/* EAL binds the thread that starts it, and the writer would share its CPU. */
static void use_all_cpus(void)
{
	cpu_set_t all;

	memset(&all, 0xff, sizeof(all));
	cr_assert(eq(int, sched_setaffinity(0, sizeof(all), &all), 0));
}

static void set_up(void)
{
	struct capture_writer_config config = { .workers = 1,
						.copies = &ring,
						.ports = 2,
						.port_names = { "lan", "core" },
						.port_index = { 1, 0 } };

	signal(SIGPIPE, SIG_IGN);
	signal(SIGXFSZ, SIG_IGN);
	start_eal();
	use_all_cpus();
	cr_assert(eq(int, capture_writer_create(&config, &writer), 0));
	file = mkstemp(path);
	cr_assert(file >= 0);
}

static void tear_down(void)
{
	struct rte_mbuf *m;

	capture_writer_destroy(writer);
	while (rte_ring_dequeue(ring, (void **)&m) == 0)
		rte_pktmbuf_free(m); /* of captures that had ended */
	cr_expect(eq(u32, rte_mempool_avail_count(copies), 1023));
	close(file);
	unlink(path);
}

TestSuite(capture, .init = set_up, .fini = tear_down, .timeout = 30);

static struct rte_mbuf *a_copy(uint32_t capture, unsigned place, uint8_t drop, uint64_t tsc)
{
	struct rte_mbuf *m = rte_pktmbuf_alloc(packets), *copy;

	memset(rte_pktmbuf_append(m, FRAME), 0xab, FRAME);
	copy = rte_pcapng_copy(0, 0, m, copies, UINT32_MAX, tsc, RTE_PCAPNG_DIRECTION_IN);
	rte_pktmbuf_free(m);
	cr_assert_not_null(copy);
	pcapng_set_tsc(rte_pktmbuf_mtod(copy, uint8_t *), tsc);
	*(struct observe_copy *)rte_mbuf_to_priv(copy) =
		(struct observe_copy){ .capture = capture, .place = (uint8_t)place, .drop = drop };
	return copy;
}

static void give_of(uint32_t capture, unsigned place, uint8_t drop, uint64_t tsc)
{
	cr_assert(eq(int, rte_ring_enqueue(ring, a_copy(capture, place, drop, tsc)), 0));
}

static void give(uint32_t capture, unsigned place, uint8_t drop)
{
	give_of(capture, place, drop, rte_rdtsc());
}

static struct dp_capture_state state_of(unsigned place)
{
	struct dp_capture_state state = { 0 };

	capture_read(writer, place, &state);
	return state;
}

/* The suite's time-out ends what never comes. */
static struct dp_capture_state ended(unsigned place)
{
	while (state_of(place).phase != DP_CAPTURE_ENDED)
		nanosleep(&(struct timespec){ .tv_nsec = 1000000 }, NULL);
	return state_of(place);
}

static void begin(unsigned place, uint32_t id, int fd, uint32_t most, uint64_t bytes)
{
	struct capture_limits limits = { most, bytes };

	cr_assert(eq(int, capture_start(writer, place, id, fd, &limits), 0));
}

struct contents {
	unsigned headers, interfaces, packets, comments;
	uint32_t interface; /* of the last packet */
	uint64_t ns[8];     /* of the first packets */
	char comment[64];   /* the last one */
};

/* Reads the file as another would: by lengths that stand at both ends of each block. */
static struct contents contents_of(const char *name)
{
	static uint8_t data[1 << 20];
	int fd = open(name, O_RDONLY | O_CLOEXEC);
	ssize_t size = read(fd, data, sizeof(data));
	struct contents c = { 0 };

	close(fd);
	for (ssize_t at = 0; at < size;) {
		uint32_t type, length, end, captured;

		memcpy(&type, data + at, 4);
		memcpy(&length, data + at + 4, 4);
		cr_assert(length >= 12 && length % 4 == 0 && at + (ssize_t)length <= size);
		memcpy(&end, data + at + length - 4, 4);
		cr_assert(eq(u32, end, length));
		c.headers += type == 0x0a0d0d0a;
		c.interfaces += type == 1;
		if (type == 6) {
			uint16_t option[2];
			uint32_t half[2];

			memcpy(half, data + at + 12, sizeof(half));
			if (c.packets < 8)
				c.ns[c.packets] = (uint64_t)half[0] << 32 | half[1];
			c.packets++;
			memcpy(&c.interface, data + at + 8, 4);
			memcpy(&captured, data + at + 20, 4);
			cr_assert(eq(u32, captured, FRAME));
			memcpy(option, data + at + 28 + RTE_ALIGN(FRAME, 4), 4);
			if (option[0] == 1) {
				c.comments++;
				memset(c.comment, 0, sizeof(c.comment));
				memcpy(c.comment, data + at + 32 + RTE_ALIGN(FRAME, 4), option[1]);
			}
		}
		at += length;
	}
	return c;
}

Test(capture, a_file_has_its_packets_with_the_reason_of_a_drop)
{
	struct dp_capture_state s;
	struct contents c;
	struct stat st;

	begin(3, 7, dup(file), 0, 0);
	give(7, 3, 0);
	give(7, 3, DP_DROP_FOREIGN_SOURCE + 1);
	give(6, 3, 0); /* of the capture that had the place before */
	give(7, 4, 0); /* of another place */
	capture_stop(writer, 3);
	s = ended(3);
	c = contents_of(path);
	cr_expect(eq(u32, c.headers, 1));
	cr_expect(eq(u32, c.interfaces, 2));
	cr_expect(eq(u32, c.packets, 2));
	cr_expect(eq(u32, c.comments, 1));
	cr_expect(eq(u32, c.interface, 1)); /* of DPDK's port 0 */
	cr_expect(eq(str, c.comment, "drop: foreign-source"));
	cr_expect(eq(u64, s.packets, 2));
	fstat(file, &st);
	cr_expect(eq(u64, s.bytes, (uint64_t)st.st_size));
	cr_expect(eq(int, s.error, 0));
}

static uint64_t time_of_day(void)
{
	struct timespec t;

	clock_gettime(CLOCK_REALTIME, &t);
	return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

static bool near(uint64_t ns, uint64_t expected)
{
	return ns + 1 >= expected && ns <= expected + 1;
}

Test(capture, packets_are_dated_by_the_time_of_day_at_which_they_came)
{
	uint64_t tsc, before = time_of_day(), after;
	struct contents c;

	tsc = rte_rdtsc(); /* before the library's first copy */
	after = time_of_day();
	begin(0, 1, dup(file), 4, 0);
	give_of(1, 0, 0, tsc);
	give_of(1, 0, 0, tsc - 2 * rte_get_tsc_hz()); /* waited for the writer for long */
	give_of(1, 0, 0, tsc + rte_get_tsc_hz() / 4); /* younger than the look at the clocks */
	give_of(1, 0, 0, tsc);
	ended(0);
	c = contents_of(path);
	cr_assert(eq(u32, c.packets, 4));
	/* the frequency that DPDK measured may be off by a little */
	cr_expect(c.ns[0] >= before - 1000000 && c.ns[0] <= after + 1000000,
		  "%lld ns after it came", (long long)(c.ns[0] - before));
	/* each is rounded to its own nanosecond */
	cr_expect(near(c.ns[0] - c.ns[1], 2000000000));
	cr_expect(near(c.ns[2] - c.ns[0], 250000000));
	cr_expect(eq(u64, c.ns[3], c.ns[0]));
}

Test(capture, limits_end_it_and_are_not_passed)
{
	struct contents c;
	struct stat st;

	begin(0, 1, dup(file), 5, 0);
	for (int i = 0; i < 9; i++)
		give(1, 0, 0);
	cr_expect(eq(int, ended(0).error, -EDQUOT));
	c = contents_of(path);
	cr_expect(eq(u32, c.packets, 5));
	cr_assert(eq(int, ftruncate(file, 0), 0));
	begin(0, 2, open(path, O_WRONLY | O_CLOEXEC), 0, 1000);
	for (int i = 0; i < 9; i++)
		give(2, 0, 1);
	cr_expect(eq(int, ended(0).error, -EDQUOT));
	fstat(file, &st);
	cr_expect(st.st_size > 700 && st.st_size <= 1000, "%ld bytes", (long)st.st_size);
	contents_of(path);
}

Test(capture, a_pipe_that_nobody_reads_costs_copies_and_no_time_of_others)
{
	int ends[2];

	cr_assert(eq(int, pipe2(ends, O_CLOEXEC), 0));
	cr_assert(eq(int, capture_check_file(ends[1]), 0));
	begin(0, 1, ends[1], 0, 0);
	begin(1, 2, dup(file), 200, 0);
	/* The pipe takes 64 kB, the buffer 1 MB; each packet has 150 bytes. */
	while (state_of(0).lost == 0) {
		for (unsigned i = 0; i < 500; i++)
			give(1, 0, 0);
		while (!rte_ring_empty(ring))
			nanosleep(&(struct timespec){ .tv_nsec = 100000 }, NULL);
	}
	for (unsigned i = 0; i < 200; i++)
		give(2, 1, 0);
	cr_expect(eq(u64, ended(1).packets, 200));
	cr_expect(eq(u32, state_of(0).phase, DP_CAPTURE_RUNS));
	capture_stop(writer, 0);
	cr_expect(eq(int, ended(0).error, -ETIMEDOUT));
	close(ends[0]);
}

Test(capture, a_pipe_whose_reader_is_gone_ends_it)
{
	int ends[2];

	cr_assert(eq(int, pipe2(ends, O_CLOEXEC), 0));
	begin(0, 1, ends[1], 0, 0);
	close(ends[0]);
	give(1, 0, 0);
	cr_expect(eq(int, ended(0).error, -EPIPE));
}

Test(capture, a_file_that_may_not_grow_ends_it)
{
	const struct rlimit limit = { 4096, RLIM_INFINITY };

	cr_assert(eq(int, setrlimit(RLIMIT_FSIZE, &limit), 0));
	begin(0, 1, dup(file), 0, 0);
	for (int i = 0; i < 100; i++)
		give(1, 0, 0);
	cr_expect(eq(int, ended(0).error, -EFBIG));
}

static void expect_taken(unsigned place, uint32_t id, unsigned taken)
{
	struct dp_capture_state state = state_of(place);

	while (state.phase == DP_CAPTURE_RUNS && state.packets < taken) {
		nanosleep(&(struct timespec){ .tv_nsec = 100000 }, NULL);
		state = state_of(place);
	}
	cr_assert(eq(u32, state.phase, DP_CAPTURE_RUNS), "start %u", id);
}

/* It begins while the writer, who looked at all places before, empties the rings for another. Its
 * first copy may still be of that round; with the second one that is over. */
Test(capture, a_place_that_was_stopped_runs_again)
{
	const unsigned many = 800;

	begin(0, 1000, dup(file), 0, 0);
	for (uint32_t i = 1; i <= 200; i++) {
		for (unsigned k = 0; k < many; k++)
			give(1000, 0, 0);
		while (rte_ring_count(ring) == many)
			;
		begin(1, i, dup(file), 0, 0);
		for (unsigned copies_given = 1; copies_given <= 2; copies_given++) {
			give(i, 1, 0);
			expect_taken(1, i, copies_given);
		}
		capture_stop(writer, 1);
		ended(1);
	}
	capture_stop(writer, 0);
	ended(0);
}

Test(capture, only_files_and_pipes_that_are_open_for_writing_are_taken)
{
	int sockets[2], ends[2], null = open("/dev/null", O_WRONLY | O_CLOEXEC);
	int reading = open(path, O_RDONLY | O_CLOEXEC), name = open(path, O_PATH | O_CLOEXEC);
	int directory = open("/tmp", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	cr_assert(eq(int, socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, sockets), 0));
	cr_assert(eq(int, pipe2(ends, O_CLOEXEC), 0));
	cr_expect(eq(int, capture_check_file(file), 0));
	cr_expect(eq(int, capture_check_file(ends[1]), 0));
	cr_expect(eq(int, capture_check_file(ends[0]), -EBADF));
	cr_expect(eq(int, capture_check_file(reading), -EBADF));
	cr_expect(eq(int, capture_check_file(name), -EBADF));
	cr_expect(eq(int, capture_check_file(-1), -EBADF));
	cr_expect(eq(int, capture_check_file(null), -EINVAL));
	cr_expect(eq(int, capture_check_file(sockets[0]), -EINVAL));
	cr_expect(eq(int, capture_check_file(directory), -EINVAL));
}

Test(pcapng, a_block_without_room_is_not_written)
{
	uint8_t out[PCAPNG_HEADER_MAX];
	size_t size = pcapng_write_header(out, sizeof(out), "x");

	cr_assert(size > 0 && size < sizeof(out));
	for (size_t room = 0; room < size; room++)
		cr_expect(eq(sz, pcapng_write_header(out, room, "x"), 0));
	cr_expect(eq(sz, pcapng_write_header(out, size, "x"), size));
}

Test(pcapng, names_are_cut_and_padded)
{
	char name[300];
	uint8_t out[PCAPNG_HEADER_MAX];

	memset(name, 'n', sizeof(name));
	for (size_t n = 0; n < sizeof(name); n++) {
		size_t size, text = n < PCAPNG_TEXT_MAX ? n : PCAPNG_TEXT_MAX;

		name[n] = '\0';
		size = pcapng_write_interface(out, sizeof(out), name);
		cr_expect(eq(sz, size, 16 + 4 + RTE_ALIGN(text, 4) + 8 + 4 + 4));
		name[n] = 'n';
	}
}
