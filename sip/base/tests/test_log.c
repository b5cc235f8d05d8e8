/* SPDX-License-Identifier: BSD-3-Clause */
#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "sip/base/log.h"

/* A packet pipe keeps apart what one write(2) wrote. */
static int pipe_ends[2];
static char line[8192];

static void capture(void)
{
	cr_assert_eq(pipe2(pipe_ends, O_DIRECT | O_NONBLOCK), 0);
	cr_assert_geq(dup2(pipe_ends[1], STDERR_FILENO), 0);
}

static const char *next_write(void)
{
	ssize_t n = read(pipe_ends[0], line, sizeof(line) - 1);

	line[n > 0 ? n : 0] = '\0';
	return line;
}

Test(log, text_line, .init = capture)
{
	const char *text;

	log_init("controlplane", LOG_LEVEL_INFO, LOG_FORMAT_TEXT);
	LOG_INFO("call", 0xdeadbeef, "answered after %d ms", 42);
	text = next_write();
	/* 2026-01-02T03:04:05.678Z */
	cr_expect_eq(strspn(text, "0123456789-T:.Z"), 24, "%s", text);
	cr_expect_eq(text[10], 'T');
	cr_expect_eq(text[23], 'Z');
	cr_expect_str_eq(text + 24, " info  call [00000000deadbeef] answered after 42 ms\n");

	LOG_ERROR("sip", 0, "no call");
	cr_expect_str_eq(next_write() + 24, " error sip no call\n");
}

Test(log, json_line, .init = capture)
{
	const char *text;

	log_init("dataplane", LOG_LEVEL_INFO, LOG_FORMAT_JSON);
	LOG_WARN("call", 1, "he said \"no\" \\ \xc3\xa9");
	text = next_write();
	cr_expect_eq(strncmp(text, "{\"time\":\"", 9), 0);
	cr_expect_str_eq(text + 33,
			 "\",\"level\":\"warn\",\"program\":\"dataplane\",\"component\":\"call\","
			 "\"call\":\"0000000000000001\","
			 "\"message\":\"he said \\\"no\\\" \\\\ \xc3\xa9\"}\n");
}

Test(log, nothing_logged_can_forge_a_line_or_reach_the_terminal, .init = capture)
{
	log_init("x", LOG_LEVEL_INFO, LOG_FORMAT_TEXT);
	LOG_INFO("sip", 0, "a\r\nb\x1b[2J\x7f\xff\xc2\x9b\xe2\x82");
	cr_expect_str_eq(next_write() + 24,
			 " info  sip a\\r\\nb\\x1b[2J\\x7f\\xff\\xc2\\x9b\\xe2\\x82\n");
	cr_expect_str_eq(next_write(), "", "one line, one write");

	log_init("x", LOG_LEVEL_INFO, LOG_FORMAT_JSON);
	LOG_INFO("sip", 0, "\n\x1b\xff\xed\xa0\x80");
	cr_expect_not_null(
		strstr(next_write(), "\"message\":\"\\n\\u001b\\ufffd\\ufffd\\ufffd\\ufffd\"}\n"));
}

Test(log, long_lines_are_cut_and_still_end, .init = capture)
{
	static char huge[20000];
	size_t n;

	memset(huge, '\x01', sizeof(huge) - 1);
	for (int format = 0; format < 2; format++) {
		log_init("x", LOG_LEVEL_INFO, (enum log_format)format);
		LOG_INFO("sip", 0, "%s", huge);
		n = strlen(next_write());
		cr_expect_leq(n, 4096);
		cr_expect_geq(n, 4000);
		cr_expect_eq(line[n - 1], '\n');
		cr_expect(format == 0 || strcmp(line + n - 3, "\"}\n") == 0);
		cr_expect_str_eq(next_write(), "");
	}
}

Test(log, levels, .init = capture)
{
	enum log_level level;

	log_init("x", LOG_LEVEL_WARN, LOG_FORMAT_TEXT);
	errno = EAGAIN;
	LOG_INFO("sip", 0, "hidden");
	LOG_DEBUG("sip", 0, "hidden");
	cr_expect_str_eq(next_write(), "");
	log_set_level(LOG_LEVEL_DEBUG);
	errno = ENOENT;
	LOG_DEBUG("sip", 0, "shown: %m");
	cr_expect_eq(errno, ENOENT, "errno survives");
	cr_expect_str_eq(next_write() + 24, " debug sip shown: No such file or directory\n");

	cr_expect(log_level_parse("warn", &level));
	cr_expect_eq(level, LOG_LEVEL_WARN);
	cr_expect_not(log_level_parse("warning", &level));
}
