/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The schema: one table per section of the file. From it come the loader, the checks of single
 * values and docs/configuration.md. Checks that need more than one value are in validate.c.
 */
#ifndef CONFIG_SCHEMA_H
#define CONFIG_SCHEMA_H

#include <stddef.h>
#include <stdint.h>

enum schema_type {
	SCHEMA_STRING, /* const char * */
	SCHEMA_NUMBER, /* unsigned integer of `width` bytes, min..max */
	SCHEMA_BOOL,
	SCHEMA_CHOICE,   /* const char *, one of the words in `choices` */
	SCHEMA_STRINGS,  /* list: const char **, unsigned count */
	SCHEMA_NUMBERS,  /* list: unsigned *, unsigned count */
	SCHEMA_CHOICES,  /* list: const char **, unsigned count; each at most once */
	SCHEMA_SECTION,  /* struct of `section` in place */
	SCHEMA_SECTIONS, /* list of them: struct *, unsigned count */
};

/* What a string must look like. Returns NULL, or what it should be ("an IP address"). */
typedef const char *schema_form_fn(const char *text);

struct schema_section;

struct schema_key {
	const char *name;
	const char *help;
	/* As one would write it in the file, elements of lists after ", ". NULL: the key must be
	 * given. SCHEMA_ABSENT: without it the field is NULL or the list empty. */
	const char *fallback;
	enum schema_type type;
	uint8_t width;
	uint16_t offset;       /* of the field */
	uint16_t count_offset; /* lists: of its count */
	/* numbers: of the value; strings: of the length */
	uint32_t min, max;
	uint32_t count_max; /* lists: elements at most */
	schema_form_fn *form;
	const char *choices; /* "text | json" */
	const struct schema_section *section;
};

#define SCHEMA_ABSENT ""

struct schema_section {
	const char *help;
	const struct schema_key *keys; /* ends with a name of NULL */
	size_t size;                   /* of the struct */
};

extern const struct schema_section schema_root;

/* The forms, also used by validate.c for the overrides of the environment. */
schema_form_fn schema_form_ip, schema_form_prefix, schema_form_domain, schema_form_user,
	schema_form_name, schema_form_path, schema_form_dial, schema_form_interface,
	schema_form_server, schema_form_sip_uri;

#endif
