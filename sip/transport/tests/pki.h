/* SPDX-License-Identifier: BSD-3-Clause */
/* Certificates for tests, in files of a temporary folder. */
#ifndef SIP_TRANSPORT_TESTS_PKI_H
#define SIP_TRANSPORT_TESTS_PKI_H

/* Makes the folder with ca.pem in it. Paths are valid until pki_free(). */
void pki_create(void);
void pki_free(void);
/* FOLDER/NAME.pem and NAME.key, signed by the authority of that name ("ca"; NULL: by itself).
 * names: subject alternative names as of openssl.cnf, NULL: none. */
void pki_issue(const char *name, const char *authority, const char *common_name, const char *names);
const char *pki_file(const char *name, const char *suffix);

#endif
