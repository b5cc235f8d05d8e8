/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Log lines: one line an event, text for people or JSON for machines, the call's id in each line
 * that is about a call. Any thread. Never called on the packet path.
 */
#ifndef SIP_BASE_LOG_H
#define SIP_BASE_LOG_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

enum log_level { LOG_LEVEL_ERROR, LOG_LEVEL_WARN, LOG_LEVEL_INFO, LOG_LEVEL_DEBUG };
enum log_format { LOG_FORMAT_TEXT, LOG_FORMAT_JSON };

/* At start-up, before other threads. program: "controlplane", "dataplane". Writes to stderr. */
void log_init(const char *program, enum log_level level, enum log_format format);
void log_set_level(enum log_level level);
/* "error", "warn", "info", "debug"; false if it is none of them */
bool log_level_parse(const char *text, enum log_level *level);
bool log_enabled(enum log_level level);

/*
 * A place in the code that logs may log so many lines a second; whatever comes from the network in
 * masses fills no disk and costs no time. How many were left out is told with the next one. Lines
 * for debugging are not limited.
 */
#define LOG_SITE_MAX 100u
struct log_site {
	atomic_uint second, count;
};

/* component: "sip", "call", "registrar"…; call: 64-bit call id, 0: not about a call. site NULL: no
 * limit. */
void log_write(struct log_site *site, enum log_level level, const char *component, uint64_t call,
	       const char *format, ...) __attribute__((format(printf, 5, 6)));

#define LOG_LIMITED(level, component, call, ...)                                    \
	do {                                                                        \
		static struct log_site log_site_;                                   \
		if (log_enabled(level))                                             \
			log_write(&log_site_, level, component, call, __VA_ARGS__); \
	} while (0)
#define LOG_ERROR(component, call, ...) LOG_LIMITED(LOG_LEVEL_ERROR, component, call, __VA_ARGS__)
#define LOG_WARN(component, call, ...)  LOG_LIMITED(LOG_LEVEL_WARN, component, call, __VA_ARGS__)
#define LOG_INFO(component, call, ...)  LOG_LIMITED(LOG_LEVEL_INFO, component, call, __VA_ARGS__)
#define LOG_DEBUG(component, call, ...)                                                 \
	do {                                                                            \
		if (log_enabled(LOG_LEVEL_DEBUG))                                       \
			log_write(NULL, LOG_LEVEL_DEBUG, component, call, __VA_ARGS__); \
	} while (0)

#endif
