/* SPDX-License-Identifier: BSD-3-Clause */
#include "controlplane/registrar/gruu.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "sip/base/random.h"
#include "sip/message/chars.h"

#define KEY_SIZE      32 /* AES-128-SIV has two */
#define TAG_SIZE      16
#define HEAD_SIZE     8 /* random part, epoch */
#define USER_SIZE_MAX 64u
#define PREFIX        "tgruu."

struct gruu {
	EVP_CIPHER *cipher;
	unsigned char key[KEY_SIZE];
};

/* --- the key -------------------------------------------------------------------------------------- */

static int read_key(const char *path, unsigned char key[KEY_SIZE])
{
	int fd = open(path, O_RDONLY | O_CLOEXEC), error = 0;
	ssize_t n;

	if (fd < 0)
		return -errno;
	n = read(fd, key, KEY_SIZE);
	if (n != KEY_SIZE)
		error = n < 0 ? -errno : -EBADMSG;
	close(fd);
	return error;
}

/* Whole or not at all: a crash leaves no half of a key. */
static int write_key(const char *path, const unsigned char key[KEY_SIZE])
{
	char part[512];
	int fd, error = 0;

	snprintf(part, sizeof(part), "%.500s.part", path);
	fd = open(part, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	if (fd < 0)
		return -errno;
	if (write(fd, key, KEY_SIZE) != KEY_SIZE || fsync(fd) != 0)
		error = errno ? -errno : -EIO;
	close(fd);
	if (!error && rename(part, path) != 0)
		error = -errno;
	return error;
}

static int find_key(const char *state_dir, unsigned char key[KEY_SIZE])
{
	char path[300];
	int error;

	if (!state_dir) {
		random_bytes(key, KEY_SIZE);
		return 0;
	}
	snprintf(path, sizeof(path), "%.280s/gruu.key", state_dir);
	error = read_key(path, key);
	if (error != -ENOENT)
		return error;
	random_bytes(key, KEY_SIZE);
	return write_key(path, key);
}

int gruu_create(const char *state_dir, struct gruu **result)
{
	struct gruu *gruu = calloc(1, sizeof(*gruu));
	int error;

	*result = NULL;
	if (!gruu)
		return -ENOMEM;
	gruu->cipher = EVP_CIPHER_fetch(NULL, "AES-128-SIV", NULL);
	error = gruu->cipher ? find_key(state_dir, gruu->key) : -ENOTSUP;
	if (error) {
		gruu_destroy(gruu);
		return error;
	}
	*result = gruu;
	return 0;
}

void gruu_destroy(struct gruu *gruu)
{
	if (!gruu)
		return;
	EVP_CIPHER_free(gruu->cipher);
	OPENSSL_cleanse(gruu, sizeof(*gruu));
	free(gruu);
}

/* --- text ----------------------------------------------------------------------------------------- */

/* What a URI may not have there as it stands becomes %xx. */
static bool escape(struct slice text, unsigned classes, char *dst, size_t size)
{
	size_t used = 0;

	for (size_t i = 0; i < text.n; i++) {
		if (used + 4 > size)
			return false;
		if (char_is(text.p[i], classes) && text.p[i] != '%')
			dst[used++] = text.p[i];
		else
			used += (size_t)sprintf(dst + used, "%%%02X", (unsigned char)text.p[i]);
	}
	dst[used] = '\0';
	return true;
}

bool gruu_public(const char *aor, struct slice instance, char text[GRUU_MAX])
{
	const char *at = strrchr(aor, '@');
	char user[3 * 256], gr[3 * 128];

	return escape((struct slice){ aor, (size_t)(at - aor) }, CHAR_USER, user, sizeof(user)) &&
	       escape(instance, CHAR_PARAM, gr, sizeof(gr)) &&
	       (size_t)snprintf(text, GRUU_MAX, "sip:%s%s;gr=%s", user, at, gr) < GRUU_MAX;
}

/* --- seals ---------------------------------------------------------------------------------------- */

static bool seal(const struct gruu *gruu, struct slice domain, const unsigned char *plain, int size,
		 unsigned char *sealed /* tag, then as much */)
{
	EVP_CIPHER_CTX *context = EVP_CIPHER_CTX_new();
	int n;
	bool ok = context &&
		  EVP_EncryptInit_ex2(context, gruu->cipher, gruu->key, NULL, NULL) == 1 &&
		  EVP_EncryptUpdate(context, NULL, &n, (const unsigned char *)domain.p,
				    (int)domain.n) == 1 &&
		  EVP_EncryptUpdate(context, sealed + TAG_SIZE, &n, plain, size) == 1 &&
		  EVP_EncryptFinal_ex(context, sealed + TAG_SIZE + n, &n) == 1 &&
		  EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_AEAD_GET_TAG, TAG_SIZE, sealed) == 1;

	EVP_CIPHER_CTX_free(context);
	return ok;
}

static bool unseal(const struct gruu *gruu, struct slice domain, unsigned char *sealed, int size,
		   unsigned char *plain)
{
	EVP_CIPHER_CTX *context = EVP_CIPHER_CTX_new();
	int n;
	bool ok = context &&
		  EVP_DecryptInit_ex2(context, gruu->cipher, gruu->key, NULL, NULL) == 1 &&
		  EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_AEAD_SET_TAG, TAG_SIZE, sealed) == 1 &&
		  EVP_DecryptUpdate(context, NULL, &n, (const unsigned char *)domain.p,
				    (int)domain.n) == 1 &&
		  EVP_DecryptUpdate(context, plain, &n, sealed + TAG_SIZE, size) == 1 && n == size;

	EVP_CIPHER_CTX_free(context);
	return ok;
}

bool gruu_temporary(const struct gruu *gruu, const char *aor, uint32_t epoch, char text[GRUU_MAX])
{
	unsigned char plain[HEAD_SIZE + USER_SIZE_MAX], sealed[TAG_SIZE + sizeof(plain)];
	const char *at = strrchr(aor, '@');
	size_t name = (size_t)(at - aor), used = 0;

	if (name > USER_SIZE_MAX)
		return false;
	random_bytes(plain, 4);
	memcpy(plain + 4, &epoch, 4);
	memcpy(plain + HEAD_SIZE, aor, name);
	if (!seal(gruu, slice_of(at + 1), plain, (int)(HEAD_SIZE + name), sealed))
		return false;
	used = (size_t)sprintf(text, "sip:" PREFIX);
	for (size_t i = 0; i < TAG_SIZE + HEAD_SIZE + name; i++)
		used += (size_t)sprintf(text + used, "%02x", sealed[i]);
	return (size_t)snprintf(text + used, GRUU_MAX - used, "%s;gr", at) < GRUU_MAX - used;
}

bool gruu_open(const struct gruu *gruu, struct slice user, const char *domain, char *name,
	       size_t size, uint32_t *epoch)
{
	unsigned char sealed[TAG_SIZE + HEAD_SIZE + USER_SIZE_MAX],
		plain[HEAD_SIZE + USER_SIZE_MAX];
	const size_t prefix = sizeof(PREFIX) - 1;
	size_t n, length;

	if (user.n < prefix + 2 * (TAG_SIZE + HEAD_SIZE + 1) ||
	    user.n > prefix + 2 * sizeof(sealed) || user.n % 2 != prefix % 2 ||
	    memcmp(user.p, PREFIX, prefix) != 0)
		return false;
	user = (struct slice){ user.p + prefix, user.n - prefix };
	n = user.n / 2;
	length = n - TAG_SIZE - HEAD_SIZE;
	if (!all_are(user, CHAR_HEX) || length >= size)
		return false;
	for (size_t i = 0; i < n; i++)
		sealed[i] =
			(unsigned char)(char_hex(user.p[2 * i]) << 4 | char_hex(user.p[2 * i + 1]));
	if (!unseal(gruu, slice_of(domain), sealed, (int)(n - TAG_SIZE), plain))
		return false;
	memcpy(epoch, plain + 4, 4);
	memcpy(name, plain + HEAD_SIZE, length);
	name[length] = '\0';
	return strlen(name) == length;
}
