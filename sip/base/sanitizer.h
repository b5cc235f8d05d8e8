/* SPDX-License-Identifier: BSD-3-Clause */
/* Which sanitizer this is compiled with: gcc and clang tell it in different ways. */
#ifndef SIP_BASE_SANITIZER_H
#define SIP_BASE_SANITIZER_H

#if defined(__SANITIZE_ADDRESS__)
#define ADDRESS_SANITIZER 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define ADDRESS_SANITIZER 1
#endif
#endif
#ifndef ADDRESS_SANITIZER
#define ADDRESS_SANITIZER 0
#endif

#endif
