/* SPDX-License-Identifier: BSD-3-Clause */
#include "sip/transport/tests/pki.h"

#include <criterion/criterion.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define FILES_MAX 16

static char folder[64];
static char files[FILES_MAX][96];
static unsigned file_count;
static char text[8][96];

const char *pki_file(const char *name, const char *suffix)
{
	static unsigned turn;
	char *path = text[turn++ % 8];

	snprintf(path, sizeof(text[0]), "%s/%s.%s", folder, name, suffix);
	return path;
}

static FILE *open_file(const char *name, const char *suffix)
{
	FILE *file = fopen(pki_file(name, suffix), "w");

	cr_assert_not_null(file);
	if (file_count < FILES_MAX)
		snprintf(files[file_count++], sizeof(files[0]), "%s", pki_file(name, suffix));
	return file;
}

static void extend(X509 *certificate, X509 *issuer, int nid, const char *value)
{
	X509V3_CTX context;
	X509_EXTENSION *extension;

	X509V3_set_ctx(&context, issuer, certificate, NULL, NULL, 0);
	extension = X509V3_EXT_conf_nid(NULL, &context, nid, value);
	cr_assert_not_null(extension);
	X509_add_ext(certificate, extension, -1);
	X509_EXTENSION_free(extension);
}

void pki_issue(const char *name, const char *authority, const char *common_name, const char *names)
{
	static long serial = 1;
	EVP_PKEY *key = EVP_EC_gen("P-256"), *signer = key;
	X509 *certificate = X509_new(), *issuer = certificate;
	FILE *file;

	if (authority != NULL) {
		file = fopen(pki_file(authority, "pem"), "r");
		issuer = PEM_read_X509(file, NULL, NULL, NULL);
		fclose(file);
		file = fopen(pki_file(authority, "key"), "r");
		signer = PEM_read_PrivateKey(file, NULL, NULL, NULL);
		fclose(file);
	}
	X509_set_version(certificate, 2);
	ASN1_INTEGER_set(X509_get_serialNumber(certificate), serial++);
	X509_gmtime_adj(X509_getm_notBefore(certificate), -3600);
	X509_gmtime_adj(X509_getm_notAfter(certificate), 3600);
	X509_set_pubkey(certificate, key);
	X509_NAME_add_entry_by_txt(X509_get_subject_name(certificate), "CN", MBSTRING_ASC,
				   (const unsigned char *)common_name, -1, -1, 0);
	X509_set_issuer_name(certificate, X509_get_subject_name(issuer));
	extend(certificate, issuer, NID_basic_constraints,
	       authority != NULL ? "CA:FALSE" : "critical,CA:TRUE");
	if (names != NULL)
		extend(certificate, issuer, NID_subject_alt_name, names);
	cr_assert_gt(X509_sign(certificate, signer, EVP_sha256()), 0);
	file = open_file(name, "pem");
	PEM_write_X509(file, certificate);
	fclose(file);
	file = open_file(name, "key");
	PEM_write_PrivateKey(file, key, NULL, NULL, 0, NULL, NULL);
	fclose(file);
	if (authority != NULL) {
		X509_free(issuer);
		EVP_PKEY_free(signer);
	}
	X509_free(certificate);
	EVP_PKEY_free(key);
}

void pki_create(void)
{
	snprintf(folder, sizeof(folder), "/tmp/tandem-pki-XXXXXX");
	cr_assert_not_null(mkdtemp(folder));
	file_count = 0;
	pki_issue("ca", NULL, "Test CA", NULL);
}

void pki_free(void)
{
	for (unsigned i = 0; i < file_count; i++)
		unlink(files[i]);
	rmdir(folder);
}
