/* SPDX-License-Identifier: BSD-3-Clause */
#include "controlplane/monitor/file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "sip/trace/pcap.h"

#define PATH_SIZE 512

struct trace_file {
	const char *path;
	uint64_t bytes_max;
	FILE *stream; /* NULL: an error */
	struct trace_pcap *pcap;
};

static void stop(struct trace_file *file)
{
	trace_pcap_destroy(file->pcap);
	if (file->stream)
		fclose(file->stream);
	file->pcap = NULL;
	file->stream = NULL;
}

static int start(struct trace_file *file)
{
	/* It tells who speaks with whom. */
	int fd = open(file->path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0640);
	int error = fd < 0 ? -errno : 0;

	if (error)
		return error;
	file->stream = fdopen(fd, "w");
	if (!file->stream) {
		close(fd);
		return -ENOMEM;
	}
	error = trace_pcap_create(file->stream, &file->pcap);
	if (error)
		stop(file);
	return error;
}

static int rotate(struct trace_file *file)
{
	char old[PATH_SIZE];

	stop(file);
	if ((size_t)snprintf(old, sizeof(old), "%s.1", file->path) >= sizeof(old))
		return -ENAMETOOLONG;
	if (rename(file->path, old) != 0)
		return -errno;
	return start(file);
}

int trace_file_open(const char *path, uint64_t bytes_max, struct trace_file **out)
{
	struct trace_file *file = calloc(1, sizeof(*file));
	int error;

	if (!file)
		return -ENOMEM;
	file->path = path;
	file->bytes_max = bytes_max;
	error = access(path, F_OK) == 0 ? rotate(file) : start(file);
	if (error) {
		free(file);
		return error;
	}
	*out = file;
	return 0;
}

void trace_file_close(struct trace_file *file)
{
	if (!file)
		return;
	stop(file);
	free(file);
}

int trace_file_write(struct trace_file *file, const struct trace_record *record, const char *data)
{
	int error = 0;

	if (file->stream && trace_pcap_size(file->pcap) >= file->bytes_max)
		error = rotate(file);
	else if (!file->stream)
		error = start(file);
	if (!error)
		error = trace_pcap_write(file->pcap, record, data);
	if (error)
		stop(file);
	return error;
}

void trace_file_flush(struct trace_file *file)
{
	if (file->stream && fflush(file->stream) != 0)
		stop(file);
}
