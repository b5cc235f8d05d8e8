/* SPDX-License-Identifier: BSD-3-Clause */
/* A worker on a thread of its own: it polls, sleeps, lets grace periods pass, and stops. */
#include <errno.h>

#include <criterion/criterion.h>

#include <rte_cycles.h>
#include <rte_eal.h>
#include <rte_ethdev.h>
#include <rte_malloc.h>
#include <urcu/urcu-qsbr.h>

#include "dataplane/main/worker.h"

#define PATIENCE_S 10u

static struct rte_mempool *pool;
static struct rte_ring *punt, *notices;
static struct flow_table *table;
static struct worker *worker;
static struct lease lease; /* of queue 0: worker 0 has it */
static struct dp_stats_header header = { .clock_ms = 1 };
static struct dp_worker_stats stats;
static struct dp_node_stats nodes[DP_NODES_MAX];
static struct dp_context_record contexts[1];
static struct dp_termination_record records[1];
static struct dp_termination_counters *counters;
static struct dp_pool_stats pool_stats[1];
static struct dp_realm_stats realm_stats[1];
static const struct flow_realm realm = { .dscp = 46 };

static const struct nexthop *resolve(void *arg, const struct dp_address *remote, int ifindex)
{
	(void)arg;
	(void)remote;
	(void)ifindex;
	return NULL;
}

static void start_port(void)
{
	struct rte_eth_conf conf = { 0 };

	cr_assert_eq(rte_eth_dev_configure(0, 1, 1, &conf), 0);
	cr_assert_eq(rte_eth_rx_queue_setup(0, 0, 64, SOCKET_ID_ANY, NULL, pool), 0);
	cr_assert_eq(rte_eth_tx_queue_setup(0, 0, 64, SOCKET_ID_ANY, NULL), 0);
	cr_assert_eq(rte_eth_dev_start(0), 0);
}

static void start_table(void)
{
	const struct flow_pool media = {
		.address = { .ip = { 198, 18, 0, 20 }, .family = DP_FAMILY_IPV4 },
		.port_first = 20000,
		.port_last = 20001,
	};
	const struct flow_table_config config = { .pools = &media,
						  .pool_count = 1,
						  .realms = &realm,
						  .realm_count = 1,
						  .realm_stats = realm_stats,
						  .terminations_max = 1,
						  .workers = 1,
						  .contexts = contexts,
						  .terminations = records,
						  .counters = counters,
						  .pool_stats = pool_stats,
						  .resolve = resolve };

	cr_assert_eq(flow_table_create(&config, &table), 0);
}

/* Two threads that EAL knows, on one CPU: such a machine must do. */
static void set_up(void)
{
	char *args[] = {
		"test",     "--no-huge",      "--no-shconf", "-m",      "64",
		"--no-pci", "--no-telemetry", "--lcores",    "(0-1)@0", "--vdev=net_ring0"
	};

	cr_assert_geq(rte_eal_init(sizeof(args) / sizeof(args[0]), args), 0);
	pool = rte_pktmbuf_pool_create("p", 255, 0, 0, RTE_MBUF_DEFAULT_BUF_SIZE, SOCKET_ID_ANY);
	punt = rte_ring_create("punt", 64, SOCKET_ID_ANY, 0);
	notices = rte_ring_create_elem("notices", sizeof(struct flow_notice), 64, SOCKET_ID_ANY, 0);
	counters = rte_zmalloc("c", sizeof(*counters), 64);
	cr_assert(pool && punt && notices && counters);
	start_port();
	start_table();
}

static uint64_t read_counter(const uint64_t *counter)
{
	return __atomic_load_n(counter, __ATOMIC_RELAXED);
}

static void start_worker(enum worker_idle idle)
{
	const struct worker_config config = { .lcore = 1,
					      .idle = idle,
					      .rx = { { .lease = &lease } },
					      .rx_count = 1,
					      .flows = table,
					      .punt = { punt },
					      .notices = notices,
					      .clock = &header,
					      .stats = &stats,
					      .nodes = nodes };

	cr_assert_eq(worker_create(&config, &worker), 0);
	cr_assert_eq(worker_start(worker), 0);
}

static void stop_worker(void)
{
	worker_stop(worker);
	cr_assert_eq(worker_join(worker, rte_rdtsc() + PATIENCE_S * rte_get_tsc_hz()), 0);
}

static void tear_down(void)
{
	stop_worker();
	cr_assert_eq(stats.state, DP_WORKER_STOPPED);
	worker_destroy(worker);
	flow_table_destroy(table);
}

TestSuite(worker, .init = set_up, .fini = tear_down, .timeout = 30);

static bool not_yet(uint64_t since)
{
	cr_assert_lt(rte_rdtsc() - since, PATIENCE_S * rte_get_tsc_hz(), "it did not happen");
	return true;
}

static void pass_a_packet(void)
{
	struct rte_mbuf *m = rte_pktmbuf_alloc(pool), *out = NULL;
	uint64_t since = rte_rdtsc();

	memset(rte_pktmbuf_append(m, 60), 0, 60);
	cr_assert_eq(rte_eth_tx_burst(0, 0, &m, 1), 1);
	while (rte_ring_dequeue(punt, (void **)&out) != 0)
		not_yet(since);
	cr_assert_eq(out, m);
	rte_pktmbuf_free(out);
}

Test(worker, it_polls_and_counts)
{
	uint64_t since, beat;

	start_worker(WORKER_IDLE_POLL);
	pass_a_packet();
	since = rte_rdtsc();
	beat = read_counter(&stats.heartbeat_tsc);
	while (read_counter(&stats.heartbeat_tsc) == beat || read_counter(&stats.busy_cycles) == 0)
		not_yet(since);
	cr_assert_eq(read_counter(&stats.packets), 1);
}

Test(worker, it_sleeps_when_idle_and_wakes_for_a_packet)
{
	uint64_t since = rte_rdtsc();

	start_worker(WORKER_IDLE_ADAPTIVE);
	while (__atomic_load_n(&stats.state, __ATOMIC_RELAXED) != DP_WORKER_ASLEEP)
		not_yet(since);
	pass_a_packet();
	cr_assert_gt(read_counter(&stats.idle_cycles), 0);
}

Test(worker, it_lets_grace_periods_pass)
{
	start_worker(WORKER_IDLE_POLL);
	for (int i = 0; i < 10; i++)
		urcu_qsbr_synchronize_rcu(); /* hangs if a worker passes no quiescent state */
	pass_a_packet();
}

static void wait_for_beats(unsigned beats)
{
	uint64_t since = rte_rdtsc(), last = read_counter(&stats.heartbeat_tsc);

	while (beats > 0) {
		uint64_t now = read_counter(&stats.heartbeat_tsc);

		beats -= now != last;
		last = now;
		not_yet(since);
	}
}

static void send_a_packet(void)
{
	struct rte_mbuf *m = rte_pktmbuf_alloc(pool);

	memset(rte_pktmbuf_append(m, 60), 0, 60);
	cr_assert_eq(rte_eth_tx_burst(0, 0, &m, 1), 1);
}

static void expect_a_packet(void)
{
	uint64_t since = rte_rdtsc();
	struct rte_mbuf *out = NULL;

	while (rte_ring_dequeue(punt, (void **)&out) != 0)
		not_yet(since);
	rte_pktmbuf_free(out);
}

Test(worker, suspended_it_takes_nothing_and_says_that_it_lives)
{
	start_worker(WORKER_IDLE_POLL);
	pass_a_packet();
	worker_suspend(worker);
	wait_for_beats(2); /* the walk that may have begun is over */
	send_a_packet();
	wait_for_beats(10);
	cr_assert(rte_ring_empty(punt));
	worker_resume(worker);
	expect_a_packet();
}

static void move_lease(uint32_t to)
{
	struct presence *presence = worker_presence(worker);
	uint64_t since = rte_rdtsc();
	int error;

	while ((error = lease_move(&lease, to, &presence, 1)) == -EBUSY)
		not_yet(since);
	cr_assert_eq(error, 0);
}

Test(worker, it_polls_a_queue_only_while_the_lease_is_its_own)
{
	struct worker_queue queue = { .lease = &lease };

	cr_assert_eq(lease_prepare(), 0);
	start_worker(WORKER_IDLE_POLL);
	cr_assert_eq(worker_add_queue(worker, &queue), 0, "it has it already");
	pass_a_packet();
	move_lease(1);
	send_a_packet();
	wait_for_beats(100);
	cr_assert(rte_ring_empty(punt));
	move_lease(0);
	expect_a_packet();
}

Test(worker, it_can_be_started_again)
{
	start_worker(WORKER_IDLE_ADAPTIVE);
	pass_a_packet();
	stop_worker();
	cr_assert_eq(worker_start(worker), 0);
	pass_a_packet();
}
