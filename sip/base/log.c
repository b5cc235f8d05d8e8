/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A line is put together on the stack and handed to the writer (log_writer.h); where there is none
 * it is written with one write(2). Either way lines of threads and processes that share a
 * descriptor do not mix (up to PIPE_BUF for pipes). What is logged may come
 * from the network: nothing in it ends a line or reaches a terminal as a control character.
 */
#include "sip/base/log.h"

#include <errno.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "sip/base/format.h"
#include "sip/base/log_writer.h"

#define MESSAGE_MAX 2048
#define LINE_SIZE   4096 /* PIPE_BUF */

static const char *const level_names[] = {
	[LOG_LEVEL_ERROR] = "error",
	[LOG_LEVEL_WARN] = "warn",
	[LOG_LEVEL_INFO] = "info",
	[LOG_LEVEL_DEBUG] = "debug",
};
#define LEVELS (sizeof(level_names) / sizeof(level_names[0]))

static const char *log_program = "tandem";
static enum log_format log_format = LOG_FORMAT_TEXT;
static atomic_uint log_level = LOG_LEVEL_INFO;

void log_init(const char *program, enum log_level level, enum log_format format)
{
	log_program = program;
	log_format = format;
	log_set_level(level);
}

void log_set_level(enum log_level level)
{
	atomic_store_explicit(&log_level, level, memory_order_relaxed);
}

bool log_level_parse(const char *text, enum log_level *level)
{
	for (unsigned i = 0; i < LEVELS; i++) {
		if (strcmp(text, level_names[i]) == 0) {
			*level = (enum log_level)i;
			return true;
		}
	}
	return false;
}

bool log_enabled(enum log_level level)
{
	return (unsigned)level <= atomic_load_explicit(&log_level, memory_order_relaxed);
}

struct line {
	size_t used;
	char text[LINE_SIZE];
};

/* The last three bytes are kept for the end of the line. */
static bool put(struct line *line, const char *text, size_t n)
{
	if (n > sizeof(line->text) - 3 - line->used)
		return false;
	memcpy(line->text + line->used, text, n);
	line->used += n;
	return true;
}

static bool put_text(struct line *line, const char *text)
{
	return put(line, text, strlen(text));
}

/* Bytes of the well-formed UTF-8 sequence at p that is no control character; 0: there is none. */
static size_t utf8_length(const unsigned char *p, size_t n)
{
	size_t length = p[0] >= 0xf0 ? 4 : p[0] >= 0xe0 ? 3 : 2;

	if (p[0] < 0xc2 || p[0] > 0xf4 || n < length)
		return 0;
	for (size_t i = 1; i < length; i++) {
		if ((p[i] & 0xc0) != 0x80)
			return 0;
	}
	if (p[0] == 0xc2 && p[1] < 0xa0) /* C1 controls */
		return 0;
	if ((p[0] == 0xe0 && p[1] < 0xa0) || (p[0] == 0xf0 && p[1] < 0x90)) /* too long */
		return 0;
	if ((p[0] == 0xed && p[1] > 0x9f) || (p[0] == 0xf4 && p[1] > 0x8f)) /* surrogates, beyond */
		return 0;
	return length;
}

static bool put_escape(struct line *line, unsigned char c)
{
	char text[8];

	if (c == '\n')
		return put(line, "\\n", 2);
	if (c == '\r')
		return put(line, "\\r", 2);
	if (c == '\t')
		return put(line, "\\t", 2);
	if (log_format == LOG_FORMAT_TEXT)
		snprintf(text, sizeof(text), "\\x%02x", c);
	else
		snprintf(text, sizeof(text), "\\u%04x", c < 0x80 ? c : 0xfffd);
	return put_text(line, text);
}

/* Bytes at p that stand for themselves in both formats. */
static size_t plain_length(const unsigned char *p, size_t n)
{
	size_t i = 0;

	while (i < n && p[i] >= 0x20 && p[i] < 0x7f && p[i] != '"' && p[i] != '\\')
		i++;
	return i;
}

static void put_escaped(struct line *line, const char *text)
{
	const unsigned char *p = (const unsigned char *)text;
	size_t n = strlen(text);

	while (n > 0) {
		size_t plain = plain_length(p, n);
		bool fits;

		if (plain > 0) {
			if (!put(line, (const char *)p, plain))
				return;
			p += plain;
			n -= plain;
			continue;
		}
		plain = 1;

		if (p[0] >= 0x80)
			plain = utf8_length(p, n);
		else if (p[0] < 0x20 || p[0] == 0x7f)
			plain = 0;
		if (plain == 1 && (p[0] == '\\' || (p[0] == '"' && log_format == LOG_FORMAT_JSON)))
			fits = put(line, (char[]){ '\\', (char)p[0] }, 2);
		else if (plain > 0)
			fits = put(line, (const char *)p, plain);
		else
			fits = put_escape(line, p[0]);
		if (!fits)
			return;
		p += plain > 0 ? plain : 1;
		n -= plain > 0 ? plain : 1;
	}
}

/* 2026-01-02T03:04:05.678Z; what stands before the point is worked out once a second. */
static void put_time(struct line *line)
{
	static _Thread_local struct {
		time_t second;
		char text[40];
		size_t used;
	} last;
	struct timespec now;
	char ms[4];

	clock_gettime(CLOCK_REALTIME, &now);
	if (now.tv_sec != last.second || last.used == 0) {
		struct tm tm;

		gmtime_r(&now.tv_sec, &tm);
		last.used = strftime(last.text, sizeof(last.text), "%Y-%m-%dT%H:%M:%S.", &tm);
		last.second = now.tv_sec;
	}
	put(line, last.text, last.used);
	ms[0] = (char)('0' + now.tv_nsec / 100000000);
	ms[1] = (char)('0' + now.tv_nsec / 10000000 % 10);
	ms[2] = (char)('0' + now.tv_nsec / 1000000 % 10);
	ms[3] = 'Z';
	put(line, ms, 4);
}

static void put_line_text(struct line *line, enum log_level level, const char *component,
			  uint64_t call, const char *message)
{
	char text[64];

	put_time(line);
	put_text(line, " ");
	put_text(line, level_names[level]);
	put_text(line, strlen(level_names[level]) < 5 ? "  " : " ");
	put_text(line, component);
	put_text(line, " ");
	if (call != 0) {
		format_print(text, sizeof(text), "[%016lx] ", (unsigned long)call);
		put_text(line, text);
	}
	put_escaped(line, message);
	line->text[line->used++] = '\n';
}

static void put_line_json(struct line *line, enum log_level level, const char *component,
			  uint64_t call, const char *message)
{
	char text[64];

	put_text(line, "{\"time\":\"");
	put_time(line);
	put_text(line, "\",\"level\":\"");
	put_text(line, level_names[level]);
	put_text(line, "\",\"program\":\"");
	put_escaped(line, log_program);
	put_text(line, "\",\"component\":\"");
	put_escaped(line, component);
	if (call != 0) {
		format_print(text, sizeof(text), "\",\"call\":\"%016lx", (unsigned long)call);
		put_text(line, text);
	}
	put_text(line, "\",\"message\":\"");
	put_escaped(line, message);
	memcpy(line->text + line->used, "\"}\n", 3);
	line->used += 3;
}

/* --- how many of a kind --- */

/* True: the line is left out. *before: how many were, of the seconds before this one. */
static bool is_too_many(struct log_site *site, unsigned *before)
{
	struct timespec now;
	unsigned second, seen;

	*before = 0;
	clock_gettime(CLOCK_MONOTONIC_COARSE, &now);
	second = (unsigned)now.tv_sec;
	seen = atomic_load_explicit(&site->second, memory_order_relaxed);
	/* One of the threads that see a new second opens it. */
	if (seen != second &&
	    atomic_compare_exchange_strong_explicit(&site->second, &seen, second,
						    memory_order_relaxed, memory_order_relaxed)) {
		unsigned count = atomic_exchange_explicit(&site->count, 0, memory_order_relaxed);

		*before = count > LOG_SITE_MAX ? count - LOG_SITE_MAX : 0;
	}
	return atomic_fetch_add_explicit(&site->count, 1, memory_order_relaxed) >= LOG_SITE_MAX;
}

static void write_message(enum log_level level, const char *component, uint64_t call,
			  const char *message)
{
	struct line line; /* not all of it is used, so not all of it is set */

	line.used = 0;
	if (log_format == LOG_FORMAT_JSON)
		put_line_json(&line, level, component, call, message);
	else
		put_line_text(&line, level, component, call, message);
	if (!log_writer_put(line.text, line.used))
		log_writer_write(line.text, line.used);
}

void log_write(struct log_site *site, enum log_level level, const char *component, uint64_t call,
	       const char *format, ...)
{
	char message[MESSAGE_MAX];
	va_list args;
	int saved = errno, length;
	unsigned before = 0;

	if ((unsigned)level >= LEVELS || !log_enabled(level))
		return;
	if (site && is_too_many(site, &before))
		return;
	if (before > 0) {
		snprintf(message, sizeof(message), "%u lines like the next one were left out",
			 before);
		write_message(level, component, 0, message);
	}
	va_start(args, format);
	length = format_text(message, sizeof(message), format, args);
	va_end(args);
	if (length < 0)
		message[0] = '\0';
	else if ((size_t)length >= sizeof(message))
		memcpy(message + sizeof(message) - 4, "...", 4);
	write_message(level, component, call, message);
	errno = saved;
}
