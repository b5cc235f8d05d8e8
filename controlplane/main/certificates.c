/* SPDX-License-Identifier: BSD-3-Clause */
#include "controlplane/main/certificates.h"

#include <errno.h>
#include <stdlib.h>

#include "sip/base/log.h"
#include "sip/transport/tls.h"

struct certificates {
	struct sip_tls_config config;
	struct sip_tls *tls;
	struct sip_tls_certificate list[];
};

static enum sip_tls_verify verify_of(const char *text)
{
	if (strcmp(text, "required") == 0)
		return SIP_TLS_VERIFY_REQUIRED;
	return strcmp(text, "optional") == 0 ? SIP_TLS_VERIFY_OPTIONAL : SIP_TLS_VERIFY_NONE;
}

int certificates_create(const struct config_tls *config, struct certificates **certificates,
			char *why, size_t why_size)
{
	const unsigned count = config->certificates_count;
	struct certificates *c;
	int error;

	*certificates = NULL;
	if (count == 0)
		return 0;
	c = calloc(1, sizeof(*c) + count * sizeof(c->list[0]));
	if (!c)
		return -ENOMEM;
	for (unsigned i = 0; i < count; i++)
		c->list[i] = (struct sip_tls_certificate){ config->certificates[i].certificate,
							   config->certificates[i].private_key };
	c->config = (struct sip_tls_config){
		.certificates = c->list,
		.certificate_count = count,
		.ca = config->ca,
		.verify_client = verify_of(config->verify_client),
		.verify_server = config->verify_server,
		.tls13_only = strcmp(config->version_min, "1.3") == 0,
	};
	error = sip_tls_create(&c->config, &c->tls, why, why_size);
	if (error)
		free(c);
	else
		*certificates = c;
	return error;
}

void certificates_destroy(struct certificates *certificates)
{
	if (!certificates)
		return;
	sip_tls_destroy(certificates->tls);
	free(certificates);
}

struct sip_tls *certificates_tls(const struct certificates *certificates)
{
	return certificates ? certificates->tls : NULL;
}

int certificates_reload(struct certificates *certificates)
{
	char why[512] = "";
	int error = certificates ? sip_tls_reload(certificates->tls, why, sizeof(why)) : -ENOENT;

	if (error)
		LOG_ERROR("main", 0, "certificates are not read again: %s",
			  certificates ? why : "there are none in the configuration");
	else
		LOG_INFO("main", 0, "certificates are read again");
	return error;
}
