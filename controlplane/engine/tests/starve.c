/* SPDX-License-Identifier: BSD-3-Clause */
/* The malloc that refuses, compiled into this program too. */
#include "sip/base/tests/starve.c" /* NOLINT(bugprone-suspicious-include) */
