/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The event bus: what happens, told to whoever wants to know (CLI, later journal, webhooks).
 *
 * Each type stands in one table with its class, priority and fields. An event carries the id of
 * its call, a sequence number, and the sequence of the event that caused it. Publishing is
 * wait-free for the publisher: an event is put into the lane of its priority; a full lane sheds
 * low before normal before high, each loss is counted, critical events are never shed.
 * Any thread publishes; subscribers are served by the main thread. A type that nobody subscribes
 * to is counted and goes no further: its fields are not even worked out.
 */
#ifndef CONTROLPLANE_EVENTS_EVENTS_H
#define CONTROLPLANE_EVENTS_EVENTS_H

#include <stdbool.h>
#include <stdint.h>

enum event_priority { EVENT_CRITICAL, EVENT_HIGH, EVENT_NORMAL, EVENT_LOW, EVENT_PRIORITIES };

/* id, name, priority, names of the fields in the order of publishing */
#define EVENTS(X)                                                                               \
	X(CALL_STATE, "call.state", CRITICAL, "old", "new")                                     \
	X(CALL_ENDED, "call.ended", CRITICAL, "reason", "ended_by")                             \
	X(CALL_TRANSFER, "call.transfer", HIGH, "state", "to_call", "status")                   \
	X(SESSION_CREATED, "session.created", CRITICAL, "session", "direction")                 \
	X(SESSION_STATE, "session.state", CRITICAL, "session", "old", "new")                    \
	X(SESSION_TERMINATED, "session.terminated", CRITICAL, "session", "reason")              \
	X(SESSION_HELD, "session.held", HIGH, "session", "media_direction")                     \
	X(BRIDGE_CREATED, "bridge.created", HIGH, "context")                                    \
	X(BRIDGE_PARTICIPANT_ADDED, "bridge.participant-added", HIGH, "context", "session")     \
	X(BRIDGE_PARTICIPANT_REMOVED, "bridge.participant-removed", HIGH, "context", "session", \
	  "reason")                                                                             \
	X(BRIDGE_DESTROYED, "bridge.destroyed", HIGH, "context")                                \
	X(MEDIA_STARTED, "media.started", HIGH, "session", "termination", "local")              \
	X(MEDIA_CHANGED, "media.changed", HIGH, "session", "termination", "direction")          \
	X(MEDIA_LATCHED, "media.latched", NORMAL, "session", "termination", "source")           \
	X(MEDIA_STOPPED, "media.stopped", HIGH, "session", "termination", "reason")             \
	X(MEDIA_FAILED, "media.failed", HIGH, "session", "reason")                              \
	X(MEDIA_RESUMED, "media.resumed", HIGH, "session", "termination")                       \
	X(MEDIA_FOREIGN, "media.foreign", HIGH, "session", "termination", "source", "packets")  \
	X(MEDIA_LOOP, "media.loop", HIGH, "session", "termination", "ssrc")                     \
	X(MEDIA_QUALITY, "media.quality", HIGH, "session", "metric", "state", "value",          \
	  "threshold", "mos")                                                                   \
	X(REGISTRATION_ADDED, "registration.added", NORMAL, "aor", "contact")                   \
	X(REGISTRATION_REMOVED, "registration.removed", NORMAL, "aor", "contact", "reason")     \
	X(REGISTRATION_UNREACHABLE, "registration.unreachable", NORMAL, "aor", "contact")       \
	X(REGISTRATION_REACHABLE, "registration.reachable", NORMAL, "aor", "contact")           \
	X(AUTH_BYPASSED, "auth.bypassed", HIGH, "aor", "source", "method")                      \
	X(USER_CHANGED, "user.changed", HIGH, "aor", "change")                                  \
	X(NAT_ALG, "nat.alg", NORMAL, "aor", "source", "user_agent")                            \
	X(SIP_SHED, "sip.shed", HIGH, "messages")                                               \
	X(SIP_CONNECTION, "sip.connection", LOW, "transport", "remote", "problem", "why")       \
	X(SECURITY_SCANNER, "security.scanner", NORMAL, "source", "tool")                       \
	X(SECURITY_FLOOD, "security.flood", HIGH, "source", "limit")                            \
	X(SECURITY_BRUTE_FORCE, "security.brute-force", CRITICAL, "source", "user")             \
	X(SECURITY_BAN, "security.ban", HIGH, "source", "reason", "seconds")                    \
	X(SECURITY_DENIED, "security.denied", HIGH, "from", "to", "rule")                       \
	X(SECURITY_UNBAN, "security.unban", HIGH, "source", "reason")                           \
	X(OVERLOAD_STARTED, "overload.started", CRITICAL, "wait_ms", "busy_percent")            \
	X(OVERLOAD_ENDED, "overload.ended", CRITICAL, "wait_ms", "busy_percent")                \
	X(TRUNK_STATE, "trunk.state", HIGH, "trunk", "state", "status")                         \
	X(DATAPLANE_UP, "dataplane.up", CRITICAL, "boot_id")                                    \
	X(DATAPLANE_DOWN, "dataplane.down", CRITICAL, "boot_id")                                \
	X(DATAPLANE_WORKER, "dataplane.worker", CRITICAL, "worker", "state", "flows")

enum event_type {
#define X(id, name, priority, ...) EVENT_##id,
	EVENTS(X)
#undef X
		EVENT_TYPES
};

#define EVENT_FIELDS_MAX 6

struct event_bus;

/*
 * Publishes. One const char * per field of the type's row, in its order (copied; long ones are
 * cut). call: 0 if it is not about a call. cause: sequence of an earlier event, or 0. Returns the
 * sequence; 0 if nobody wants the type, or bus is NULL: then the fields are not evaluated.
 */
#define event_publish(bus, type, ...) \
	(event_is_wanted(bus, type) ? event_put(bus, type, __VA_ARGS__) : 0)

/* Counts the event; true if somebody wants it. */
bool event_is_wanted(struct event_bus *bus, enum event_type type);
uint64_t event_put(struct event_bus *bus, enum event_type type, uint64_t call, uint64_t cause, ...);

#endif
