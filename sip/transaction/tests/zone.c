/* SPDX-License-Identifier: BSD-3-Clause */
/* The name server of the resolver's tests, compiled into this program too. */
#include "sip/resolve/tests/zone.c" /* NOLINT(bugprone-suspicious-include) */
