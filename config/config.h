/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The configuration, config/tandem.yaml, as both processes and the CLI see it.
 *
 * One schema (config/schema.c) says what keys there are, their types, limits, defaults and help;
 * the loader, the validation and docs/configuration.md come from it. A file that is wrong gives
 * an error with the line and the key, and nothing of it is used.
 */
#ifndef CONFIG_CONFIG_H
#define CONFIG_CONFIG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "sip/base/limits.h"

#define CONFIG_PATH_DEFAULT      "/etc/tandem/tandem.yaml"
#define CONFIG_RUN_DIR_DEFAULT   "/run/tandem"
#define CONFIG_STATE_DIR_DEFAULT "/var/lib/tandem"

/* log: */
struct config_log {
	const char *level;  /* error | warn | info | debug */
	const char *format; /* text | json */
};

/* dataplane.ports: */
struct config_port {
	const char *name;
	const char *device;     /* PCI address, devargs ("net_memif0,…") or kernel interface */
	const char *driver;     /* for kernel interfaces: af_packet (default) | af_xdp */
	const char *tap;        /* kernel interface of the punt path; default tandem<index> */
	const char **addresses; /* "198.18.0.10/24", put on the TAP; may be empty (set by `ip`) */
	unsigned addresses_count;
	unsigned mtu;        /* default 1500 */
	uint16_t vlan;       /* of its addresses and of realms that name none; 0: untagged */
	uint16_t outer_vlan; /* 802.1ad tag around it, 0: none */
};

/* dataplane.realms: networks that media is exchanged with. Without any there is one, "default". */
struct config_realm {
	const char *name;
	const char *port;          /* name; default: the first */
	uint16_t vlan, outer_vlan; /* 0: the port's */
	const char **addresses;    /* put on its VLAN interface */
	unsigned addresses_count;
	uint8_t dscp; /* default 46 (EF, RFC 4594) */
};

/* dataplane.media: addresses that carry RTP, and their ports */
struct config_media {
	const char *address;
	uint16_t port_first; /* even; default 16384 */
	uint16_t port_last;  /* odd; default 32767 */
	const char *realm;   /* name; default: the first */
};

/* dataplane.quality: what is too bad, in an interval */
struct config_quality {
	unsigned interval_s;       /* default 5 */
	unsigned mos_min;          /* hundredths, default 360; 0: not watched */
	unsigned loss_max_percent; /* default 5; 0: not watched */
	unsigned jitter_max_ms;    /* default 50; 0: not watched */
};

struct config_dataplane {
	struct config_port *ports;
	unsigned ports_count;
	struct config_media *media;
	unsigned media_count;
	struct config_realm *realms; /* never empty after config_load() */
	unsigned realms_count;
	struct config_quality quality;
	unsigned reclaim_after_s; /* contexts that nobody claims; default 3600; 0: never */
	unsigned workers;         /* default 1 */
	unsigned *cores;          /* lcores of the workers; empty: the last ones of the machine */
	unsigned cores_count;
	const char *idle;          /* poll | adaptive */
	unsigned terminations_max; /* default 8192 */
	unsigned memory_mb;        /* for packet buffers and tables, default 256 */
	bool hugepages;            /* default true: used where there are enough */
};

/* sip.listeners: */
struct config_listener {
	const char *transport; /* udp, tcp, tls, ws, wss */
	const char *address;
	uint16_t port;             /* default 5060 */
	const char *realm;         /* media of calls over it; default: the first */
	bool unauthenticated;      /* nobody proves who it is there: for tests; default false */
	const char *nat_keepalive; /* of phones that register there; NULL: sip.nat_keepalive */
};

/* sip.connections: */
struct config_connections {
	unsigned max;               /* default 100000, over all shards */
	unsigned source_max;        /* default 1000, of one address */
	unsigned opening_max;       /* default 4096, that have sent nothing yet, of a shard */
	unsigned opening_timeout_s; /* default 10 */
	unsigned idle_timeout_s;    /* default 4000; 0: never */
	unsigned sending_timeout_s; /* default 20 */
	unsigned queue_max;         /* bytes, default 1048576 */
	bool tcp_alias; /* peers may have requests back over TCP (RFC 5923), default false */
};

/* sip.guard: */
struct config_guard {
	const char **trusted; /* prefixes without limits of their own; trunks are */
	unsigned trusted_count;
	unsigned messages_per_s;    /* of a source; 0: no limit; default 5000 */
	unsigned requests_per_s;    /* outside dialogs, likewise; default 1000 */
	unsigned connections_per_s; /* likewise; default 200 */
	unsigned keepalives_per_s;  /* STUN that is answered, likewise; default 100 */
	unsigned transactions_max;  /* unfinished, of a source; 0: no limit; default 2000 */
	unsigned ban_after;         /* wrong passwords in ban_window_s, default 20; 0: never */
	unsigned ban_window_s;      /* default 600 */
	unsigned ban_s;             /* the first ban of a source; default 300; 0: no bans */
	unsigned ban_max_s;         /* each is twice as long as the one before, default 86400 */
	unsigned wait_target_ms;    /* of messages, under overload; default 25 */
	unsigned stale_ms;          /* a request that has waited longer is dropped; 0: never */
	const char **scanners;      /* in User-Agent or From */
	unsigned scanners_count;
	const char **emergency; /* urn:service:sos, numbers */
	unsigned emergency_count;
	unsigned sources; /* that are remembered, default 65536 */
};

/* sip.dns: */
struct config_dns {
	const char **servers; /* addresses, with a port or not; none: the system's */
	unsigned servers_count;
	unsigned timeout_ms;  /* default 2000 */
	unsigned tries;       /* default 2 */
	unsigned failover_ms; /* default 4000; 0: only after 64*T1 */
	unsigned dead_s;      /* default 30 */
};

/* sip.tls.certificates: PEM files */
struct config_certificate {
	const char *certificate; /* with its chain */
	const char *private_key;
};

/* sip.tls: */
struct config_tls {
	struct config_certificate *certificates; /* the first is the default */
	unsigned certificates_count;
	const char *ca;            /* PEM file; NULL: the system's */
	const char *verify_client; /* none, optional, required */
	bool verify_server;        /* default true */
	const char *version_min;   /* 1.2, 1.3 */
};

struct config_sip {
	struct config_dns dns;
	struct config_guard guard;
	const char **domains; /* that we are registrar for; each is the realm of its users */
	unsigned domains_count;
	struct config_listener *listeners;
	unsigned listeners_count;
	struct config_connections connections;
	struct config_tls tls;
	const char **ws_origins; /* whose pages may connect; none: all */
	unsigned ws_origins_count;
	const char **digest; /* algorithms in order of preference: SHA-256, MD5 */
	unsigned digest_count;
	bool auth_int;                /* qop auth-int is offered beside auth; default false */
	bool user_hash;               /* names may come hashed (RFC 7616 §3.4.4); default false */
	bool authentication_info;     /* in the 200 to a REGISTER (RFC 7616 §3.5); default false */
	const char **md5_only_agents; /* User-Agents, by how they begin, that fail on SHA-256 */
	unsigned md5_only_agents_count;
	unsigned nonce_lifetime_s;       /* default 300 */
	unsigned registration_min_s;     /* default 60; below: 423 */
	unsigned registration_max_s;     /* default 3600 */
	unsigned registration_default_s; /* default 3600 */
	unsigned contacts_max;           /* per user, default 10 */
	const char *service_route;       /* of RFC 3608, in the 200 to a REGISTER; NULL: none */
	unsigned flow_timer_s;           /* of RFC 5626; 0: not told; default 120 */
	const char *nat_keepalive;       /* crlf | stun | options */
	unsigned nat_keepalive_missed;   /* without an answer: unreachable; 0: never; default 3 */
	unsigned nat_keepalive_s;   /* to phones behind a NAT, over UDP; 0: never; default 25 */
	struct sip_limits limits;   /* of messages; defaults: SIP_LIMITS */
	unsigned t1_ms;             /* RFC 3261 T1, default 500 */
	unsigned session_expires_s; /* RFC 4028, default 1800; 0: not asked for */
	unsigned session_min_s;     /* Min-SE, default 90 */
	const char *user_agent;     /* Server and User-Agent header, default "Tandem" */
};

struct config_user {
	const char *name;
	const char *password;
	const char *domain;       /* default: first of sip.domains */
	const char *display_name; /* may be NULL */
};

struct config_trunk {
	const char *name;
	const char *
		*addresses; /* IPs of the peer. Calls from any of them need no digest; calls to it
				   go to the first whose family a listener has, without uri */
	unsigned addresses_count;
	const char *uri;    /* where calls to it go (RFC 3263); NULL: to its addresses */
	uint16_t port;      /* default 5060 */
	const char *prefix; /* numbers that begin so go out here; "" : none */
	bool strip_prefix;  /* default false */
	bool inbound;       /* may call in by its address, default true */
	unsigned calls_max; /* 0: no limit */
	const char *realm;  /* of its listener and its media; default: the first */
	bool trusted;       /* with identities (RFC 3325), default false */
	bool emergency;     /* takes emergency calls, default false */
	const char *username, *password; /* for its challenges; NULL: none */
	const char *auth_realm;          /* of these; NULL: any */
	const char **auth_algorithms;    /* that are answered; default all */
	unsigned auth_algorithms_count;
	const char *domain;  /* where we register; NULL: its address */
	unsigned register_s; /* 0: we do not register there */
};

/* rules: the first that fits decides; none: allowed */
struct config_rule {
	const char *name;   /* may be NULL */
	const char *from;   /* pattern of who calls; NULL: anybody */
	const char *to;     /* pattern of who or what is called; NULL: anything */
	const char *realm;  /* that the call comes from; NULL: any */
	const char *trunk;  /* that it would go out by; NULL: any way */
	const char *action; /* deny | allow */
};

struct config_calls {
	unsigned calls_max;      /* default 100000; above: 503 */
	unsigned ring_timeout_s; /* no answer, default 180 */
	unsigned fork_next_s; /* … of the contacts of one q, default 20; then the next lower ring */
	unsigned
		media_timeout_s; /* a call whose media stays away so long is ended; 0: never; default 60 */
	unsigned
		packet_rate_max; /* RTP packets a second that a party may send; 0: no limit; default 1000 */
	const char *rtcp;           /* relay | own */
	const char *media_source;   /* auto | learn | strict */
	const char *transfer;       /* users | all | off */
	const char **message_types; /* of bodies of INFO and MESSAGE that cross */
	unsigned message_types_count;
	unsigned message_max; /* bytes of these; default 4096; 0: none crosses */
	unsigned
		dataplane_retry_after_s; /* Retry-After of the 503 while there is no dataplane, default 5 */
};

/* monitor.hep: */
struct config_hep {
	const char *address;  /* NULL: nothing is sent */
	uint16_t port;        /* default 9060 */
	uint32_t capture_id;  /* default 2001 */
	const char *password; /* may be NULL */
};

/* monitor.sip_pcap: */
struct config_sip_pcap {
	const char *file; /* NULL: nothing is written */
	unsigned size_mb; /* default 100; then FILE becomes FILE.1 */
};

struct config_monitor {
	struct config_hep hep;
	struct config_sip_pcap sip_pcap;
};

struct config_controlplane {
	unsigned shards;       /* default 1 */
	const char *state_dir; /* SQLite lives here */
};

struct config {
	const char *run_dir;
	struct config_log log;
	struct config_dataplane dataplane;
	struct config_sip sip;
	struct config_user *users;
	unsigned users_count;
	struct config_trunk *trunks;
	unsigned trunks_count;
	struct config_rule *rules;
	unsigned rules_count;
	struct config_calls calls;
	struct config_controlplane controlplane;
	struct config_monitor monitor;
};

#define CONFIG_ERROR_TEXT 512

/*
 * Loads and validates. On error returns -errno (-ENOENT, -EINVAL, …) and error holds one line:
 * "FILE:LINE: key.path: what is wrong, and what would be right".
 * Environment: TANDEM_RUN_DIR and TANDEM_STATE_DIR override run_dir and state_dir.
 */
int config_load(const char *path, struct config **config, char error[CONFIG_ERROR_TEXT]);
void config_free(struct config *config);

/* By name; NULL: the first. NULL: there is none. */
const struct config_port *config_port_find(const struct config *config, const char *name);
/* Index of a realm, as the dataplane names it; -1: there is none. */
int config_realm_index(const struct config *config, const char *name);

/* Is nobody asked for a password at this listener? */
static inline bool config_is_open(const struct config *config, unsigned listener)
{
	return listener < config->sip.listeners_count &&
	       config->sip.listeners[listener].unauthenticated;
}

/* The run directory without a file: TANDEM_RUN_DIR or the default. For tandemctl. */
const char *config_run_dir(void);

/* Writes docs/configuration.md from the schema to a stream. */
struct _IO_FILE;
int config_write_reference(struct _IO_FILE *stream);

#endif
