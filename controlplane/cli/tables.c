/* SPDX-License-Identifier: BSD-3-Clause */
#include "controlplane/cli/cli.h"

const struct command cli_commands[COMMAND_COUNT] = { COMMAND_TABLE };

#define TABLE(name, fields) static const struct field name[] = { FIELD_TABLE(fields) };
TABLE(calls, FIELDS_CALLS)
TABLE(sessions, FIELDS_SESSIONS)
TABLE(registrations, FIELDS_REGISTRATIONS)
TABLE(users, FIELDS_USERS)
TABLE(user, FIELDS_USER)
TABLE(trunks, FIELDS_TRUNKS)
TABLE(cdrs, FIELDS_CDRS)
TABLE(sip, FIELDS_SIP)
TABLE(connections, FIELDS_CONNECTIONS)
TABLE(guard, FIELDS_GUARD)
TABLE(bans, FIELDS_BANS)
TABLE(events, FIELDS_EVENTS)
TABLE(load, FIELDS_LOAD)
TABLE(contexts, FIELDS_CONTEXTS)
TABLE(terminations, FIELDS_TERMINATIONS)
TABLE(quality, FIELDS_QUALITY)
TABLE(leaks, FIELDS_LEAKS)
TABLE(realms, FIELDS_REALMS)
TABLE(ports, FIELDS_PORTS)
TABLE(workers, FIELDS_WORKERS)
TABLE(nodes, FIELDS_NODES)
TABLE(drops, FIELDS_DROPS)
TABLE(media_ports, FIELDS_MEDIA_PORTS)
TABLE(captures, FIELDS_CAPTURES)
TABLE(top, FIELDS_TOP)

const struct field cli_fields_controlplane[] = { FIELD_TABLE(FIELDS_CONTROLPLANE) };
const struct field cli_fields_dataplane[] = { FIELD_TABLE(FIELDS_DATAPLANE) };

const struct field *cli_fields(enum command_id command)
{
	static const struct field *const fields[COMMAND_COUNT] = {
		[COMMAND_SHOW_CALLS] = calls,
		[COMMAND_SHOW_SESSIONS] = sessions,
		[COMMAND_SHOW_REGISTRATIONS] = registrations,
		[COMMAND_SHOW_USERS] = users,
		[COMMAND_USER_ADD] = user,
		[COMMAND_USER_ROTATE] = user,
		[COMMAND_USER_REMOVE] = user,
		[COMMAND_SHOW_TRUNKS] = trunks,
		[COMMAND_SHOW_CDRS] = cdrs,
		[COMMAND_SHOW_SIP] = sip,
		[COMMAND_SHOW_CONNECTIONS] = connections,
		[COMMAND_SHOW_GUARD] = guard,
		[COMMAND_SHOW_BANS] = bans,
		[COMMAND_SHOW_EVENTS] = events,
		[COMMAND_SHOW_LOAD] = load,
		[COMMAND_SHOW_CONTEXTS] = contexts,
		[COMMAND_SHOW_TERMINATIONS] = terminations,
		[COMMAND_SHOW_QUALITY] = quality,
		[COMMAND_SHOW_LEAKS] = leaks,
		[COMMAND_SHOW_REALMS] = realms,
		[COMMAND_SHOW_PORTS] = ports,
		[COMMAND_SHOW_WORKERS] = workers,
		[COMMAND_SHOW_NODES] = nodes,
		[COMMAND_SHOW_DROPS] = drops,
		[COMMAND_SHOW_MEDIA_PORTS] = media_ports,
		[COMMAND_CAPTURE_STOP] = captures,
		[COMMAND_CAPTURE_STATUS] = captures,
		[COMMAND_TOP] = top,
	};

	return fields[command];
}
