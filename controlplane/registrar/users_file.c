/* SPDX-License-Identifier: BSD-3-Clause */
/* The file of users: see users_store.h. */
#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <openssl/crypto.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "controlplane/registrar/users_store.h"
#include "sip/base/log.h"

#define LINE_SIZE 1024

/* --- reading -------------------------------------------------------------------------------------- */

static int digit_of(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	return (c | 0x20) >= 'a' && (c | 0x20) <= 'f' ? (c | 0x20) - 'a' + 10 : -1;
}

static bool read_hash(const char *hex, unsigned size, unsigned char *to)
{
	if (!hex || strlen(hex) != 2 * (size_t)size)
		return false;
	for (unsigned i = 0; i < size; i++) {
		const int high = digit_of(hex[2 * i]), low = digit_of(hex[2 * i + 1]);

		if (high < 0 || low < 0)
			return false;
		to[i] = (unsigned char)(high << 4 | low);
	}
	return true;
}

static bool is_aor(const char *text)
{
	const char *at = strrchr(text, '@');

	for (const char *c = text; *c; c++)
		if (!isgraph((unsigned char)*c))
			return false;
	return at && at > text && at[1] && strlen(text) < REGISTRAR_AOR_MAX;
}

/* NULL: it is right. */
static const char *read_line(char *line, const char **aor, struct user_keys *keys)
{
	char *rest = line;

	memset(keys, 0, sizeof(*keys));
	*aor = strsep(&rest, " ");
	if (!is_aor(*aor))
		return "no address of record";
	for (unsigned s = 0; s < USER_SPELLINGS; s++)
		for (unsigned a = 0; a < DIGEST_ALGORITHMS; a++)
			if (!read_hash(strsep(&rest, " "),
				       digest_algorithm_size((enum digest_algorithm)a),
				       keys->ha1[s][a]))
				return "a hash is missing, or of the wrong length";
	return rest ? "more than the hashes" : NULL;
}

/* Whoever reads the hashes can register in the name of these users. */
static int check_mode(FILE *file, const char *path, char *why, size_t why_size)
{
	struct stat status;

	if (fstat(fileno(file), &status) != 0)
		return -errno;
	if (!S_ISREG(status.st_mode)) {
		snprintf(why, why_size, "%s: no file", path);
		return -EINVAL;
	}
	if (status.st_mode & 077)
		LOG_WARN("users", 0, "%s: others may read it; mode 0600 is right", path);
	return 0;
}

static int read_rows(FILE *file, const char *path, users_file_row *row, void *arg, char *why,
		     size_t why_size)
{
	char line[LINE_SIZE];
	struct user_keys keys;
	unsigned number = 0;
	int error = 0;

	while (!error && fgets(line, sizeof(line), file)) {
		const size_t n = strcspn(line, "\r\n");
		const char *aor, *wrong;

		number++;
		if (line[n] == '\0' && !feof(file))
			wrong = "too long";
		else {
			line[n] = '\0';
			if (line[0] == '\0' || line[0] == '#')
				continue;
			wrong = read_line(line, &aor, &keys);
		}
		if (wrong) {
			snprintf(why, why_size, "%s:%u: %s", path, number, wrong);
			error = -EINVAL;
		} else {
			error = row(arg, aor, &keys);
		}
	}
	if (!error && ferror(file))
		error = -EIO;
	OPENSSL_cleanse(line, sizeof(line));
	OPENSSL_cleanse(&keys, sizeof(keys));
	return error;
}

int users_file_read(const char *path, users_file_row *row, void *arg, char *why, size_t why_size)
{
	FILE *file = fopen(path, "re");
	int error;

	why[0] = '\0';
	if (!file)
		error = -errno;
	else
		error = check_mode(file, path, why, why_size);
	if (!error)
		error = read_rows(file, path, row, arg, why, why_size);
	if (error && !why[0])
		snprintf(why, why_size, "%s: %s", path, strerror(-error));
	if (file)
		fclose(file);
	return error;
}

/* --- writing -------------------------------------------------------------------------------------- */

struct users_file {
	FILE *stream;
	char path[PATH_MAX], new_path[PATH_MAX];
};

int users_file_begin(const char *path, struct users_file **out)
{
	struct users_file *file = calloc(1, sizeof(*file));
	int fd = -1, error = -ENOMEM;

	if (!file)
		return error;
	snprintf(file->path, sizeof(file->path), "%s", path);
	error = -ENAMETOOLONG;
	if ((size_t)snprintf(file->new_path, sizeof(file->new_path), "%s.new", path) >=
	    sizeof(file->new_path))
		goto failed;
	/* What an earlier life has left there is nobody's. */
	unlink(file->new_path);
	fd = open(file->new_path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (fd >= 0)
		file->stream = fdopen(fd, "w");
	if (!file->stream) {
		error = -errno;
		goto failed;
	}
	fputs("# Users that were added with tandemctl: digest hashes, see tandemctl(1).\n",
	      file->stream);
	*out = file;
	return 0;
failed:
	if (fd >= 0)
		close(fd);
	free(file);
	return error;
}

void users_file_put(struct users_file *file, const char *aor, const struct user_keys *keys)
{
	char hex[DIGEST_HEX_MAX + 1];

	fputs(aor, file->stream);
	for (unsigned s = 0; s < USER_SPELLINGS; s++) {
		for (unsigned a = 0; a < DIGEST_ALGORITHMS; a++) {
			digest_hex(keys->ha1[s][a], digest_algorithm_size((enum digest_algorithm)a),
				   hex);
			fprintf(file->stream, " %s", hex);
		}
	}
	fputc('\n', file->stream);
	OPENSSL_cleanse(hex, sizeof(hex));
}

/* The name is on the disk, too. */
static void sync_directory(const char *path)
{
	char copy[PATH_MAX];
	int fd;

	snprintf(copy, sizeof(copy), "%s", path);
	fd = open(dirname(copy), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return;
	fsync(fd);
	close(fd);
}

int users_file_commit(struct users_file *file)
{
	int error = 0;

	if (fflush(file->stream) != 0 || fsync(fileno(file->stream)) != 0)
		error = -errno;
	else if (ferror(file->stream))
		error = -EIO;
	if (fclose(file->stream) != 0 && !error)
		error = -errno;
	if (!error && rename(file->new_path, file->path) != 0)
		error = -errno;
	if (error)
		unlink(file->new_path);
	else
		sync_directory(file->path);
	free(file);
	return error;
}
