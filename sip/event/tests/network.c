/* SPDX-License-Identifier: BSD-3-Clause */
/* The network of the transaction layer's tests, compiled into this program too. */
#include "sip/transaction/tests/network.c" /* NOLINT(bugprone-suspicious-include) */
