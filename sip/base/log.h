/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Log lines: one line an event, text for people or JSON for machines, the call's id in each line
 * that is about a call. Any thread. Never called on the packet path.
 */
#ifndef SIP_BASE_LOG_H
#define SIP_BASE_LOG_H

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

/* component: "sip", "call", "registrar"…; call: 64-bit call id, 0: not about a call. */
void log_write(enum log_level level, const char *component, uint64_t call, const char *format, ...)
	__attribute__((format(printf, 4, 5)));

#define LOG_ERROR(component, call, ...) log_write(LOG_LEVEL_ERROR, component, call, __VA_ARGS__)
#define LOG_WARN(component, call, ...)  log_write(LOG_LEVEL_WARN, component, call, __VA_ARGS__)
#define LOG_INFO(component, call, ...)  log_write(LOG_LEVEL_INFO, component, call, __VA_ARGS__)
#define LOG_DEBUG(component, call, ...)                                           \
	do {                                                                      \
		if (log_enabled(LOG_LEVEL_DEBUG))                                 \
			log_write(LOG_LEVEL_DEBUG, component, call, __VA_ARGS__); \
	} while (0)

#endif
