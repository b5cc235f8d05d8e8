/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The one table of commands. From it come the dispatcher of the control socket, tandemctl's
 * parser, help and completion, and docs/cli.md.
 *
 * The control socket, RUN_DIR/control.sock (stream, UNIX), speaks lines of JSON. A request names a
 * command of the table and its arguments:
 *
 *   {"command": "show cdrs", "args": {"limit": 20}}
 *
 * and gets one line, `status` being the exit status that tandemctl ends with:
 *
 *   {"status": 0, "cdrs": [...]}          or    {"status": 1, "error": "no such call"}
 *
 * After `events` the connection stays open, and each event is a line {"event": {...}}; likewise
 * after `sip trace` each message is a line {"message": {...}}.
 */
#ifndef CONTROLPLANE_API_COMMANDS_H
#define CONTROLPLANE_API_COMMANDS_H

#include <stddef.h>

#define CONTROL_SOCKET_NAME "control.sock" /* in the run directory */

/* Who knows the answer. */
enum command_where {
	COMMAND_CONTROLPLANE, /* asked over the control socket */
	COMMAND_DATAPLANE,    /* read in the dataplane's segment, works without a control plane */
	COMMAND_OPERATOR,     /* asked over the dataplane's socket, likewise */
	COMMAND_BOTH,
	COMMAND_LOCAL, /* tandemctl itself */
};

/*
 * id, command, arguments, where, name of the rows in the JSON ("": none), help
 *
 * Arguments: words in capitals are positional, those in brackets may be left out:
 * "FILE", "[COMMAND]", "[--limit N]", "[--once]". The positional one comes first. N is a number, ID
 * a call id of up to 16 hex digits, ADDRESS an IP address, USER one of ours; others are text.
 */
#define COMMANDS(X)                                                                                \
	X(SHOW_CALLS, "show calls", "", CONTROLPLANE, "calls", "calls in progress")                \
	X(SHOW_SESSIONS, "show sessions", "", CONTROLPLANE, "sessions",                            \
	  "the SIP dialogs of the calls")                                                          \
	X(SHOW_REGISTRATIONS, "show registrations", "", CONTROLPLANE, "registrations",             \
	  "who is registered, and where")                                                          \
	X(SHOW_USERS, "show users", "", CONTROLPLANE, "users",                                     \
	  "users, and how they have authenticated")                                                \
	X(SHOW_TRUNKS, "show trunks", "", CONTROLPLANE, "trunks", "trunks and their calls")        \
	X(SHOW_CDRS, "show cdrs", "[--limit N] [--offset N]", CONTROLPLANE, "cdrs",                \
	  "the latest call detail records (50, if nothing else is said)")                          \
	X(SHOW_SIP, "show sip", "", CONTROLPLANE, "sip", "SIP messages counted")                   \
	X(SHOW_GUARD, "show guard", "", CONTROLPLANE, "guard",                                     \
	  "what was kept out or shed, and the load")                                               \
	X(SHOW_BANS, "show bans", "", CONTROLPLANE, "bans", "sources that are not heard")          \
	X(SHOW_CONNECTIONS, "show connections", "", CONTROLPLANE, "connections",                   \
	  "connections of TCP, TLS and WebSocket (the first 1000)")                                \
	X(SHOW_EVENTS, "show events", "", CONTROLPLANE, "events",                                  \
	  "types of events, and how many there were")                                              \
	X(SHOW_LOAD, "show load", "", BOTH, "load", "calls, registrations and memory in figures")  \
	X(SHOW_CONTEXTS, "show contexts", "", DATAPLANE, "contexts",                               \
	  "contexts: terminations that are connected")                                             \
	X(SHOW_TERMINATIONS, "show terminations", "[--call ID]", DATAPLANE, "terminations",        \
	  "RTP endpoints with their addresses and counters")                                       \
	X(SHOW_QUALITY, "show quality", "[--call ID]", DATAPLANE, "quality",                       \
	  "what the speech from each RTP endpoint is worth, and why")                              \
	X(SHOW_LEAKS, "show leaks", "", DATAPLANE, "leaks", "contexts that nobody claims")         \
	X(SHOW_REALMS, "show realms", "", DATAPLANE, "realms", "networks that media comes from")   \
	X(SHOW_PORTS, "show ports", "", DATAPLANE, "ports", "the dataplane's network ports")       \
	X(SHOW_WORKERS, "show workers", "", DATAPLANE, "workers", "the threads that move packets") \
	X(SHOW_NODES, "show nodes", "", DATAPLANE, "nodes", "what each graph node costs")          \
	X(SHOW_DROPS, "show drops", "", DATAPLANE, "drops", "packets not forwarded, by reason")    \
	X(SHOW_MEDIA_PORTS, "show media-ports", "", DATAPLANE, "media-ports",                      \
	  "media addresses, and how many of their ports are used")                                 \
	X(SHOW_VERSION, "show version", "", BOTH, "version",                                       \
	  "versions and state of both processes")                                                  \
	X(CALL_HANGUP, "call hangup", "ID", CONTROLPLANE, "", "end a call")                        \
	X(CALL_TRANSFER, "call transfer", "ID [--leg LEG] [--to TARGET]", CONTROLPLANE, "",        \
	  "send leg a (who called, if not said) or b to a number, a user or a URI")                \
	X(USER_ADD, "user add", "USER [--password PASSWORD]", CONTROLPLANE, "user",                \
	  "a new user; the password is made and shown if none is given, - reads it from stdin")    \
	X(USER_ROTATE, "user rotate", "USER [--password PASSWORD]", CONTROLPLANE, "user",          \
	  "another password for a user that was added, likewise")                                  \
	X(USER_REMOVE, "user remove", "USER", CONTROLPLANE, "user",                                \
	  "remove a user that was added, with its registrations")                                  \
	X(BAN, "ban", "ADDRESS [--seconds N]", CONTROLPLANE, "",                                   \
	  "hear nothing from an address for N seconds (sip.guard.ban_s)")                          \
	X(UNBAN, "unban", "ADDRESS", CONTROLPLANE, "", "end the ban of an address")                \
	X(DRAIN, "drain", "[--wait N]", CONTROLPLANE, "",                                          \
	  "take no new calls; waits up to N seconds for the last one to end")                      \
	X(RESUME, "resume", "", CONTROLPLANE, "", "take new calls again after a drain")            \
	X(RELOAD, "reload", "", CONTROLPLANE, "",                                                  \
	  "read certificates and added users again; what is there lives on")                       \
	X(EVENTS, "events", "[--call ID]", CONTROLPLANE, "",                                       \
	  "events as they happen, until Ctrl-C")                                                   \
	X(SIP_TRACE, "sip trace",                                                                  \
	  "[--call ID] [--from USER] [--to USER] [--method METHOD] [--source ADDRESS] [--ladder] " \
	  "[--pcap FILE] [--secrets]",                                                             \
	  CONTROLPLANE, "",                                                                        \
	  "SIP messages as they come and go, as text, ladder or capture, until Ctrl-C")            \
	X(TOP, "top", "[--once]", BOTH, "top",                                                     \
	  "live figures, a screen a second; q or Ctrl-C ends it")                                  \
	X(CAPTURE_START, "capture start",                                                          \
	  "FILE [--call ID] [--port PORT] [--snap N] [--packets N] [--bytes N] [--force]",         \
	  OPERATOR, "",                                                                            \
	  "write packets as pcapng, with direction and drop reason; FILE - is a pipe")             \
	X(CAPTURE_STOP, "capture stop", "[CAPTURE]", OPERATOR, "captures",                         \
	  "end a capture, or all of them")                                                         \
	X(CAPTURE_STATUS, "capture status", "", OPERATOR, "captures",                              \
	  "captures that go on, and the latest that ended")                                        \
	X(TRACE, "trace", "[-n N] [--call ID] [--port PORT]", OPERATOR, "",                        \
	  "follow the next N packets (10) through the dataplane's nodes")                          \
	X(RECLAIM, "reclaim", "[HANDLE] [--older-than N] [--force]", OPERATOR, "",                 \
	  "remove contexts that are unclaimed and silent for N s (reclaim_after_s), or one")       \
	X(CONFIG_CHECK, "config check", "FILE", LOCAL, "",                                         \
	  "say what is wrong with a configuration")                                                \
	X(CONFIG_DOC, "config doc", "", LOCAL, "", "write the reference of the configuration")     \
	X(HELP, "help", "[COMMAND]", LOCAL, "", "this list, or what a command does")

enum command_id {
#define X(id, ...) COMMAND_##id,
	COMMANDS(X)
#undef X
		COMMAND_COUNT
};

struct command {
	const char *name, *arguments;
	enum command_where where;
	const char *rows, *help;
};

/* For an array that is indexed by enum command_id: the order is that of the table. */
#define COMMAND_ENTRY(id, name, arguments, where, rows, help) \
	{ name, arguments, COMMAND_##where, rows, help },
#define COMMAND_TABLE COMMANDS(COMMAND_ENTRY)

/* Exit status of tandemctl, and `status` of an answer. */
enum command_status {
	STATUS_OK = 0,
	STATUS_FAILED = 1, /* refused, not found */
	STATUS_USAGE = 2,
	STATUS_NOT_RUNNING = 3,
};

#define CDRS_LIMIT_DEFAULT 50u
#define CDRS_LIMIT_MAX     10000u

#define BAN_SECONDS_MAX 31536000u

#define USER_TEXT     256 /* name, or address of record, with its end */
#define PASSWORD_TEXT 160

#endif
