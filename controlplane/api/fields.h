/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The one table of what rows hold: the JSON's names, the columns that people see, and what they
 * mean. docs/cli.md comes from it.
 *
 * name in the JSON, heading ("": in the JSON only), kind, meaning
 */
#ifndef CONTROLPLANE_API_FIELDS_H
#define CONTROLPLANE_API_FIELDS_H

enum field_kind {
	FIELD_TEXT,
	FIELD_NUMBER,
	FIELD_SECONDS, /* shown as h:mm:ss */
	FIELD_TIME,    /* RFC 3339; shown without date if it is of today */
	FIELD_BYTES,   /* shown in MB */
	FIELD_PORT,    /* shown behind the address that stands before it */
};

#define FIELD_QUALITY_MEANING \
	"thresholds that its media has crossed now (mos, loss, jitter), or good"

#define FIELDS_CALLS(X)                                                         \
	X("id", "ID", TEXT, "id of the call, 16 hex digits")                    \
	X("state", "STATE", TEXT, "state of the call machine")                  \
	X("from", "FROM", TEXT, "address of record of the caller")              \
	X("to", "TO", TEXT, "address that was called")                          \
	X("caller_session", "", TEXT, "id of the caller's session")             \
	X("callee_session", "", TEXT, "id of the callee's session")             \
	X("started", "STARTED", TIME, "when the INVITE came")                   \
	X("answered", "ANSWERED", TIME, "when it was answered, null before")    \
	X("duration_s", "DURATION", SECONDS, "seconds since the answer")        \
	X("context", "CONTEXT", TEXT, "handle of its context on the dataplane") \
	X("caller_quality", "FROM CALLER", TEXT, FIELD_QUALITY_MEANING)         \
	X("callee_quality", "FROM CALLEE", TEXT, FIELD_QUALITY_MEANING)

#define FIELDS_SESSIONS(X)                                                                         \
	X("id", "ID", TEXT, "id of the session")                                                   \
	X("call", "CALL", TEXT, "id of its call")                                                  \
	X("direction", "DIR", TEXT, "inbound: the caller's; outbound: the callee's")               \
	X("state", "STATE", TEXT, "state of the session machine")                                  \
	X("local_uri", "", TEXT, "our side of the dialog")                                         \
	X("remote_uri", "REMOTE", TEXT, "the other side of the dialog")                            \
	X("remote_address", "ADDRESS", TEXT, "where its SIP comes from")                           \
	X("sip_call_id", "", TEXT, "Call-ID of the dialog")                                        \
	X("sdp_state", "SDP", TEXT, "state of offer and answer")                                   \
	X("media_direction", "MEDIA", TEXT, "sendrecv, sendonly, recvonly or inactive")            \
	X("codec", "CODEC", TEXT, "audio format that was agreed")                                  \
	X("auth", "AUTH", TEXT,                                                                    \
	  "digest algorithm that the caller has proven its password with; peer NAME: a trunk, by " \
	  "its address; none: nobody was asked; empty: not known, or it is called")                \
	X("termination", "TERMINATION", TEXT, "handle of its termination on the dataplane")        \
	X("quality", "QUALITY", TEXT, FIELD_QUALITY_MEANING)

#define FIELDS_REGISTRATIONS(X)                                                         \
	X("aor", "USER", TEXT, "address of record")                                     \
	X("contact", "CONTACT", TEXT, "Contact as the phone gave it")                   \
	X("source", "SOURCE", TEXT, "where the REGISTER came from, and requests go to") \
	X("transport", "", TEXT, "udp, tcp, tls, ws or wss")                            \
	X("nat", "NAT", TEXT, "requests go there although Contact says otherwise")      \
	X("alg", "", TEXT, "a gateway on the way rewrites a part of its messages")      \
	X("reachable", "", TEXT, "false: it has stopped answering keep-alives")         \
	X("auth", "AUTH", TEXT,                                                         \
	  "digest algorithm that it proved its password with; none: no need")           \
	X("expires_s", "EXPIRES", NUMBER, "seconds until it expires")                   \
	X("q", "Q", TEXT, "preference, 0 to 1")                                         \
	X("instance", "", TEXT, "of the phone: +sip.instance, RFC 5626")                \
	X("reg_id", "", NUMBER, "of its flow, RFC 5626; 0: it has none")                \
	X("path", "", TEXT, "the way to it, RFC 3327")                                  \
	X("user_agent", "USER AGENT", TEXT, "User-Agent of the phone")                  \
	X("call_id", "", TEXT, "Call-ID of the REGISTER")                               \
	X("cseq", "", NUMBER, "CSeq of the REGISTER")

#define FIELDS_USERS(X)                                                                    \
	X("aor", "USER", TEXT, "address of record")                                        \
	X("source", "FROM", TEXT, "config, or added (tandemctl user add)")                 \
	X("registrations", "REGISTRATIONS", NUMBER, "contacts that it has")                \
	X("algorithm", "ALGORITHM", TEXT, "digest algorithm that it used last")            \
	X("authenticated", "RIGHT", NUMBER, "requests with the right password")            \
	X("last_authenticated", "LAST RIGHT", TIME, "null: never since the process began") \
	X("refused", "WRONG", NUMBER, "requests with a wrong password")                    \
	X("last_refused", "LAST WRONG", TIME, "null: never")

/* What "user add" and its like answer. */
#define FIELDS_USER(X)                              \
	X("aor", "user", TEXT, "address of record") \
	X("password", "password", TEXT, "that was made for it, if none was given; shown once")

#define FIELDS_TRUNKS(X)                                                 \
	X("name", "NAME", TEXT, "name of the trunk")                     \
	X("address", "ADDRESS", TEXT, "address of the peer")             \
	X("port", "PORT", PORT, "SIP port of the peer")                  \
	X("prefix", "PREFIX", TEXT, "numbers that begin so go out here") \
	X("state", "STATE", TEXT, "state of the trunk")                  \
	X("calls", "CALLS", NUMBER, "calls over it now")

/* What came from a side. */
#define FIELDS_CDR_SIDE(X, side, SIDE)                                                             \
	X("packets_" side, "", NUMBER, "RTP packets taken from the " side)                         \
	X("lost_" side, "", NUMBER, "RTP packets lost on the way from the " side)                  \
	X("loss_percent_" side, "", NUMBER, "the same of those expected, null: none")              \
	X("late_" side, "", NUMBER, "too late for a common play-out of 60 ms")                     \
	X("mos_" side, SIDE " MOS", NUMBER, "conversational MOS, ITU-T G.107, null: nothing came") \
	X("r_factor_" side, "", NUMBER, "R of G.107")                                              \
	X("jitter_ms_" side, "", NUMBER, "interarrival jitter at the end, RFC 3550 A.8")           \
	X("longest_gap_ms_" side, "", NUMBER, "longest time between two packets")                  \
	X("burst_density_" side, "", NUMBER, "share lost in bursts, RFC 3611 4.7.2")               \
	X("rtt_ms_" side, "", NUMBER, "round trip between it and us, null: not known")             \
	X("quality_alarms_" side, "", NUMBER, "how often a threshold was crossed")

#define FIELDS_CDRS(X)                                                              \
	X("call", "CALL", TEXT, "id of the call")                                   \
	X("from", "FROM", TEXT, "address of record of the caller")                  \
	X("to", "TO", TEXT, "address that was called")                              \
	X("caller_address", "", TEXT, "where the caller's SIP came from")           \
	X("callee_address", "", TEXT, "where the callee's SIP went to")             \
	X("trunk_in", "", TEXT, "trunk that the call came by")                      \
	X("trunk_out", "", TEXT, "trunk that the call went by")                     \
	X("started", "STARTED", TIME, "when the INVITE came")                       \
	X("answered", "", TIME, "when it was answered, null: never")                \
	X("ended", "", TIME, "when it ended")                                       \
	X("duration_s", "DURATION", SECONDS, "seconds from answer to end")          \
	X("cause", "CAUSE", NUMBER, "SIP status; 200: answered and ended normally") \
	X("reason", "REASON", TEXT, "why it ended")                                 \
	X("ended_by", "BY", TEXT, "caller, callee or system")                       \
	X("codec", "", TEXT, "audio format")                                        \
	FIELDS_CDR_SIDE(X, "caller", "CALLER")                                      \
	FIELDS_CDR_SIDE(X, "callee", "CALLEE")

#define FIELDS_SIP(X)                                    \
	X("counter", "COUNTER", TEXT, "what is counted") \
	X("value", "VALUE", NUMBER, "in all shards since the start")

#define FIELDS_CONNECTIONS(X)                                                         \
	X("transport", "TRANSPORT", TEXT, "tcp, tls, ws or wss")                      \
	X("remote", "REMOTE", TEXT, "address of the other side")                      \
	X("local", "LISTENER", TEXT, "address of ours, as in Via and Contact")        \
	X("direction", "DIR", TEXT, "inbound: the other side has connected")          \
	X("state", "STATE", TEXT, "connecting, handshake or open")                    \
	X("shard", "SHARD", NUMBER, "whose it is")                                    \
	X("age_s", "AGE", SECONDS, "seconds since it was made")                       \
	X("idle_s", "IDLE", SECONDS, "seconds since the last byte of the other side") \
	X("received", "RECEIVED", NUMBER, "messages")                                 \
	X("sent", "SENT", NUMBER, "messages")                                         \
	X("waiting", "WAITING", NUMBER, "bytes that the other side has not taken yet")

#define FIELDS_GUARD(X)                                                                      \
	X("counter", "COUNTER", TEXT, "what is counted, or a figure of the load of a shard") \
	X("value", "VALUE", NUMBER, "in all shards since the start, or now")                 \
	X("meaning", "MEANING", TEXT, "what it means")

#define FIELDS_BANS(X)                                                           \
	X("source", "SOURCE", TEXT, "IPv4 address, or the first of an IPv6 /64") \
	X("reason", "REASON", TEXT, "scanner, wrong passwords, or operator")     \
	X("seconds_left", "SECONDS LEFT", NUMBER, "until it is heard again")     \
	X("bans", "BANS", NUMBER, "how often it was banned")

#define FIELDS_EVENTS(X)                                                 \
	X("type", "TYPE", TEXT, "type of the event")                     \
	X("priority", "PRIORITY", TEXT, "critical, high, normal or low") \
	X("published", "PUBLISHED", NUMBER, "since the start")           \
	X("fields", "FIELDS", TEXT, "what an event of the type holds")

#define FIELDS_LOAD(X)                                                                      \
	X("calls", "CALLS", NUMBER, "in progress")                                          \
	X("calls_started", "STARTED", NUMBER, "calls since the start")                      \
	X("calls_ended", "ENDED", NUMBER, "calls since the start")                          \
	X("registrations", "REGISTRATIONS", NUMBER, "contacts")                             \
	X("events_waiting", "EVENTS WAITING", NUMBER, "events not delivered yet")           \
	X("events_shed", "EVENTS SHED", NUMBER, "events for which there was no room")       \
	X("store_queued", "STORE QUEUED", NUMBER, "writes that wait for the disk")          \
	X("store_refused", "STORE REFUSED", NUMBER, "writes for which there was no room")   \
	X("contexts", "CONTEXTS", NUMBER,                                                   \
	  "on the dataplane; this and all below: null without one")                         \
	X("unclaimed", "UNCLAIMED", NUMBER, "contexts that nobody claims")                  \
	X("reclaimed", "RECLAIMED", NUMBER, "of such, removed since the dataplane's start") \
	X("flow_memory", "FLOW MEMORY MB", BYTES, "bytes for flows")                        \
	X("table_memory", "TABLE MEMORY MB", BYTES,                                         \
	  "bytes for terminations, contexts and counters")                                  \
	X("commands", "COMMANDS", NUMBER, "carried out by the dataplane")                   \
	X("commands_refused", "REFUSED", NUMBER, "answered by it with an error")            \
	X("dataplane_events_lost", "EVENTS LOST", NUMBER,                                   \
	  "of the dataplane, for which its ring had no room")

#define FIELDS_CONTEXTS(X)                                                        \
	X("handle", "HANDLE", TEXT, "index.generation")                           \
	X("call", "CALL", TEXT, "id of its call: the label that its client gave") \
	X("terminations", "TERMINATIONS", NUMBER, "how many it connects")         \
	X("owner", "OWNER", NUMBER, "channel that gets its events, null: nobody claims it")

/* seen: heading of what people see of it. */
#define FIELDS_REPORTED(X, seen)                                                                 \
	X("rr_reports", "", NUMBER, "receiver reports that came")                                \
	X("reported_lost", "", NUMBER, "of what it was sent, as it says, null: it says nothing") \
	X("reported_loss_percent", seen, NUMBER, "the same of its last interval")                \
	X("reported_jitter_ms", "", NUMBER, "jitter that it sees")                               \
	X("xr_reports", "", NUMBER, "VoIP metrics that came, RFC 3611")                          \
	X("xr_r_factor", "", NUMBER, "R as it says, null: it says nothing")                      \
	X("xr_mos_lq", "", NUMBER, "listening MOS as it says")                                   \
	X("xr_mos_cq", "", NUMBER, "conversational MOS as it says")                              \
	X("xr_loss_percent", "", NUMBER, "lost on the way to it")                                \
	X("xr_discard_percent", "", NUMBER, "discarded by it")                                   \
	X("xr_burst_density", "", NUMBER, "per cent lost in bursts")                             \
	X("xr_gap_density", "", NUMBER, "per cent lost between them")

#define FIELDS_QUALITY(X)                                                                       \
	X("handle", "", TEXT, "handle of the termination")                                      \
	X("call", "CALL", TEXT, "id of its call")                                               \
	X("side", "SIDE", TEXT, "caller or callee: whose speech it is")                         \
	X("codec", "CODEC", TEXT, "audio format that was agreed")                               \
	X("rx_packets", "", NUMBER, "valid RTP packets taken from it")                          \
	X("mos", "MOS", NUMBER, "conversational MOS (ITU-T G.107), null: nothing came yet")     \
	X("r_factor", "", NUMBER, "R of G.107")                                                 \
	X("interval_mos", "MOS NOW", NUMBER, "MOS of the last interval, null: none was judged") \
	X("loss_percent", "LOSS %", NUMBER, "lost, of those expected")                          \
	X("late_percent", "LATE %", NUMBER, "too late for a common play-out of 60 ms")          \
	X("lost", "", NUMBER, "expected but not received, RFC 3550 A.3")                        \
	X("late", "", NUMBER, "packets that came too late")                                     \
	X("reordered", "", NUMBER, "behind one that was sent later")                            \
	X("duplicate", "", NUMBER, "that had come before")                                      \
	X("jitter_ms", "JITTER MS", NUMBER, "interarrival jitter, RFC 3550 A.8, ms")            \
	X("longest_gap_ms", "MAX GAP MS", NUMBER, "longest time between two packets")           \
	X("burst_ms", "", NUMBER, "mean length of bursts of loss, RFC 3611 4.7.2, 0: none")     \
	X("burst_density", "", NUMBER, "share that is lost in them")                            \
	X("gap_ms", "", NUMBER, "mean time between bursts")                                     \
	X("gap_density", "", NUMBER, "share that is lost there")                                \
	X("rtt_ms", "RTT MS", NUMBER, "round trip between it and us by RTCP, null: not known")  \
	FIELDS_REPORTED(X, "FAR LOSS %")                                                        \
	X("quality", "QUALITY", TEXT, FIELD_QUALITY_MEANING)

#define FIELDS_LEAKS(X)                                                           \
	X("handle", "HANDLE", TEXT, "of the context, index.generation")           \
	X("call", "CALL", TEXT, "id of its call: the label that its client gave") \
	X("unclaimed_s", "SINCE", SECONDS, "seconds since its client went away")  \
	X("terminations", "TERMINATIONS", NUMBER, "how many it connects")         \
	X("last_packet_ms", "AGO MS", NUMBER,                                     \
	  "milliseconds since the last RTP packet to any of them, null: none came yet")

#define FIELDS_REALMS(X)                                                                \
	X("name", "NAME", TEXT, "as in the configuration")                              \
	X("port", "PORT", TEXT, "name of its port")                                     \
	X("vlan", "VLAN", NUMBER, "null: untagged")                                     \
	X("outer_vlan", "OUTER", NUMBER, "802.1ad tag around it, null: none")           \
	X("dscp", "DSCP", NUMBER, "of the media that is sent")                          \
	X("interface", "INTERFACE", TEXT, "kernel interface: the TAP, or a VLAN on it") \
	X("addresses", "ADDRESSES", NUMBER, "media addresses")                          \
	X("media_ports", "MEDIA PORTS", NUMBER, "pairs of an RTP and an RTCP port")     \
	X("media_ports_used", "USED", NUMBER, "of them in use")                         \
	X("terminations", "TERMINATIONS", NUMBER, "in it now")

#define FIELDS_TERMINATIONS(X)                                                                 \
	X("handle", "", TEXT, "index.generation")                                              \
	X("context", "", TEXT, "handle of its context")                                        \
	X("call", "CALL", TEXT, "id of its call")                                              \
	X("side", "SIDE", TEXT, "caller or callee")                                            \
	X("state", "STATE", TEXT,                                                              \
	  "active; held: not in both directions; waiting: no RTP came yet")                    \
	X("local_address", "LOCAL", TEXT, "our address")                                       \
	X("local_port", "PORT", PORT, "our RTP port; RTCP is the next one")                    \
	X("remote_address", "", TEXT, "address of the signalling")                             \
	X("remote_port", "", NUMBER, "port of the signalling")                                 \
	X("latched_address", "REMOTE", TEXT, "where RTP comes from, null: none came yet")      \
	X("latched_port", "PORT", PORT, "its port")                                            \
	X("direction", "", TEXT, "sendrecv, sendonly, recvonly or inactive, seen from there")  \
	X("codec", "", TEXT, "audio format that was agreed")                                   \
	X("rx_packets", "RX", NUMBER, "valid RTP packets taken from it")                       \
	X("rx_bytes", "", NUMBER, "bytes of their UDP payload")                                \
	X("tx_packets", "TX", NUMBER, "RTP packets of its peers that were sent to it")         \
	X("tx_bytes", "", NUMBER, "bytes of their payload, null: not all of it was forwarded") \
	X("lost", "LOST", NUMBER, "expected but not received, RFC 3550 A.3")                   \
	X("loss_percent", "", NUMBER, "lost, of those expected")                               \
	X("late", "", NUMBER, "too late for a common play-out of 60 ms")                       \
	X("late_percent", "", NUMBER, "late, of those expected")                               \
	X("reordered", "", NUMBER, "behind one that was sent later")                           \
	X("duplicate", "", NUMBER, "that had come before")                                     \
	X("jitter_ms", "", NUMBER, "interarrival jitter, RFC 3550 A.8, ms")                    \
	X("longest_gap_ms", "", NUMBER, "longest time between two of them")                    \
	X("burst_ms", "", NUMBER, "mean length of bursts of loss, RFC 3611 4.7.2, 0: none")    \
	X("burst_density", "", NUMBER, "share that is lost in them")                           \
	X("gap_ms", "", NUMBER, "mean time between bursts")                                    \
	X("gap_density", "", NUMBER, "share that is lost there")                               \
	X("r_factor", "", NUMBER, "R of ITU-T G.107, null: none came yet")                     \
	X("mos", "", NUMBER, "conversational MOS that belongs to it, null: none came yet")     \
	X("interval_mos", "", NUMBER, "the same of the last interval, null: none was judged")  \
	X("quality", "", TEXT, FIELD_QUALITY_MEANING)                                          \
	X("rtt_ms", "", NUMBER, "round trip between it and us by RTCP, null: not known")       \
	X("rtcp_tx_reports", "", NUMBER, "RTCP of our own that was sent to it")                \
	X("rtcp_rx_packets", "", NUMBER, "RTCP packets taken from it")                         \
	X("dropped", "DROPPED", NUMBER, "packets that were not forwarded")                     \
	X("foreign", "", NUMBER, "of them, those from a source that is not this call's")       \
	X("rate_limited", "", NUMBER, "of them, those above calls.packet_rate_max")            \
	X("source_rule", "RULE", TEXT,                                                         \
	  "whose RTP is taken, see calls.media_source: strict, host or learn")                 \
	X("latch", "", TEXT, "open, proving or locked: is the source known")                   \
	X("ssrc", "", TEXT, "SSRC of its RTP, hex, null: none came yet")                       \
	X("ssrc_changes", "", NUMBER, "how often it changed")                                  \
	X("realm", "", NUMBER, "index of its realm")                                           \
	FIELDS_REPORTED(X, "")                                                                 \
	X("last_packet_ms", "AGO MS", NUMBER, "milliseconds since the last one, null: none yet")

#define FIELDS_PORTS(X)                                                                 \
	X("name", "NAME", TEXT, "as in the configuration")                              \
	X("device", "DEVICE", TEXT, "interface, PCI address or devargs")                \
	X("driver", "DRIVER", TEXT, "DPDK driver")                                      \
	X("mac", "MAC", TEXT, "MAC address")                                            \
	X("link", "LINK", TEXT, "up or down")                                           \
	X("rx_packets", "RX", NUMBER, "packets received")                               \
	X("rx_bytes", "", NUMBER, "bytes received")                                     \
	X("tx_packets", "TX", NUMBER, "packets sent")                                   \
	X("tx_bytes", "", NUMBER, "bytes sent")                                         \
	X("rx_missed", "MISSED", NUMBER, "received by the device, not fetched in time") \
	X("tx_dropped", "TX ERRORS", NUMBER, "not sent by the device")                  \
	X("tap", "TAP", TEXT, "kernel interface of the punt path")                      \
	X("punted", "PUNTED", NUMBER, "packets given to the kernel")                    \
	X("injected", "INJECTED", NUMBER, "packets taken from the kernel")

#define FIELDS_WORKERS(X)                                                               \
	X("id", "ID", NUMBER, "number of the worker")                                   \
	X("core", "CORE", NUMBER, "its logical core, as DPDK counts them")              \
	X("cpu", "CPU", NUMBER, "its processor")                                        \
	X("socket", "SOCKET", NUMBER, "NUMA node")                                      \
	X("state", "STATE", TEXT, "running, asleep, stopped or hung")                   \
	X("packets", "PACKETS", NUMBER, "received since the start")                     \
	X("walks", "WALKS", NUMBER, "rounds over the graph")                            \
	X("bursts", "BURSTS", NUMBER, "of them, those with packets")                    \
	X("flows", "FLOWS", NUMBER, "terminations that are its own")                    \
	X("given", "GIVEN", NUMBER, "packets handed over to the owners of their flows") \
	X("taken", "TAKEN", NUMBER, "packets that others handed over")                  \
	X("hangs", "HANGS", NUMBER, "how often it stopped answering")                   \
	X("observe_lost", "", NUMBER, "copies for captures and traces without room")    \
	X("latch_lost", "", NUMBER, "notices to the manager without room")              \
	X("idle_percent", "IDLE %", NUMBER, "share of its time without packets, now")   \
	X("cycles_per_packet", "CYCLES/PACKET", NUMBER, "TSC cycles in rounds with packets")

#define NODES_NOTE "those of rx and tx on kernel interfaces include system calls"
#define FIELDS_NODES(X)                                             \
	X("worker", "WORKER", NUMBER, "number of the worker")       \
	X("node", "NODE", TEXT, "graph node")                       \
	X("calls", "CALLS", NUMBER, "how often it ran")             \
	X("packets", "PACKETS", NUMBER, "packets it worked on")     \
	X("packets_per_call", "PACKETS/CALL", NUMBER, "burst size") \
	X("cycles_per_packet", "CYCLES/PACKET", NUMBER, "TSC cycles; " NODES_NOTE)

#define FIELDS_DROPS(X)                                                   \
	X("reason", "REASON", TEXT, "name of the reason")                 \
	X("packets", "PACKETS", NUMBER, "in all workers since the start") \
	X("meaning", "MEANING", TEXT, "what it says")

#define FIELDS_MEDIA_PORTS(X)                                           \
	X("address", "ADDRESS", TEXT, "media address")                  \
	X("realm", "REALM", TEXT, "name of its realm")                  \
	X("first", "FIRST", NUMBER, "first port")                       \
	X("last", "LAST", NUMBER, "last port")                          \
	X("total", "TOTAL", NUMBER, "pairs of an RTP and an RTCP port") \
	X("used", "USED", NUMBER, "of them in use")

#define FIELDS_CAPTURES(X)                                                        \
	X("id", "ID", NUMBER, "number of the capture")                            \
	X("state", "STATE", TEXT, "running, closing or ended")                    \
	X("call", "CALL", TEXT, "id of the call whose packets it has, null: any") \
	X("port", "PORT", TEXT, "port whose packets it has, null: any")           \
	X("snap", "SNAP", NUMBER, "bytes that it keeps of a packet, null: all")   \
	X("packets", "PACKETS", NUMBER, "written")                                \
	X("bytes", "BYTES", NUMBER, "of the file")                                \
	X("lost", "LOST", NUMBER, "packets for which there was no room")          \
	X("why", "WHY", TEXT, "why it ended by itself, null: it goes on, or was stopped")

/* Inside of "version". */
#define FIELDS_CONTROLPLANE(X)                                         \
	X("state", "state", TEXT, "down, starting, up or draining")    \
	X("why", "waiting for", TEXT, "why it is not up, null: it is") \
	X("version", "version", TEXT, "version of the program")        \
	X("pid", "pid", NUMBER, "its process")                         \
	X("uptime_s", "up for", SECONDS, "seconds since its start")    \
	X("shards", "shards", NUMBER, "threads that own calls")        \
	X("calls", "calls", NUMBER, "calls in progress")               \
	X("link", "link to the dataplane", TEXT, "up or down: its own view")

#define FIELDS_DATAPLANE(X)                                                          \
	X("state", "state", TEXT, "up or down")                                      \
	X("version", "version", TEXT, "version of the program")                      \
	X("pid", "pid", NUMBER, "its process")                                       \
	X("uptime_s", "up for", SECONDS, "seconds since its start")                  \
	X("layout", "segment layout", NUMBER, "version of what the processes share") \
	X("contexts", "contexts", NUMBER, "in use")                                  \
	X("terminations", "terminations", NUMBER, "in use")

#define FIELDS_TOP(X)                                                                   \
	X("calls", "calls", NUMBER, "in progress, null: no control plane")              \
	X("calls_per_second", "calls/s", NUMBER, "started")                             \
	X("registrations", "registrations", NUMBER, "contacts, null: no control plane") \
	X("terminations", "terminations", NUMBER, "in use, null: no dataplane")         \
	X("rx_packets_per_second", "rx packets/s", NUMBER, "of all ports")              \
	X("tx_packets_per_second", "tx packets/s", NUMBER, "of all ports")              \
	X("dropped_per_second", "dropped/s", NUMBER, "of all workers")

struct field {
	const char *name, *heading;
	enum field_kind kind;
	const char *meaning;
};
#define FIELD_ENTRY(name, heading, kind, meaning) { name, heading, FIELD_##kind, meaning },
/* For an array that ends with a name of NULL: { FIELD_TABLE(FIELDS_CALLS) } */
#define FIELD_TABLE(fields)                  \
	fields(FIELD_ENTRY)                  \
	{                                    \
		NULL, NULL, FIELD_TEXT, NULL \
	}

#endif
