/* SPDX-License-Identifier: BSD-3-Clause */
/* Test equipment of other folders: a folder's tests are built from its own files alone. */
#include "controlplane/session/tests/fake_dataplane.c" /* IWYU pragma: keep */
#include "sip/transaction/tests/network.c"             /* IWYU pragma: keep */
