/* SPDX-License-Identifier: BSD-3-Clause */
#include "sip/base/limits.h"

#define DEFAULTS                    \
	{                           \
		SIP_LIMITS(DEFAULT) \
	}
#define DEFAULT(name, value, least, most, meaning) .name = (value),

const struct sip_limits sip_limits_default = DEFAULTS;
struct sip_limits sip_limits = DEFAULTS;
