/* SPDX-License-Identifier: BSD-3-Clause */
/* Bytes of a client through the lines and the parser of requests. */
#include <string.h>

#include "controlplane/api/lines.h"
#include "controlplane/api/request.h"
#include "sip/base/tests/fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct request request;
	struct lines lines;
	char why[256], *line;

	lines_init(&lines, 4096);
	while (size > 0) {
		size_t room, n;
		char *to = lines_room(&lines, &room);

		if (!to)
			break;
		n = size < room ? size : room;
		memcpy(to, data, n);
		lines_filled(&lines, n);
		data += n;
		size -= n;
		while ((line = lines_take(&lines, &n)))
			request_parse(line, n, &request, why, sizeof(why));
	}
	lines_free(&lines);
	return 0;
}
