/* SPDX-License-Identifier: BSD-3-Clause */
/* docs/configuration.md from the schema. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "config/config.h"
#include "config/schema.h"

static void write_range(FILE *stream, const struct schema_key *key)
{
	switch (key->type) {
	case SCHEMA_NUMBER:
		fprintf(stream, "%u to %u", key->min, key->max);
		break;
	case SCHEMA_NUMBERS:
		fprintf(stream, "list of numbers, %u to %u", key->min, key->max);
		break;
	case SCHEMA_BOOL:
		fputs("true, false", stream);
		break;
	case SCHEMA_CHOICE:
	case SCHEMA_CHOICES:
		if (key->type == SCHEMA_CHOICES)
			fputs("list of ", stream);
		for (const char *c = key->choices; *c; c++) {
			if (strncmp(c, " | ", 3) == 0) {
				fputs(", ", stream);
				c += 2;
			} else {
				fputc(*c, stream);
			}
		}
		break;
	case SCHEMA_STRINGS:
		fprintf(stream, "list of %s",
			key->form == schema_form_ip       ? "IP addresses"
			: key->form == schema_form_prefix ? "addresses with prefix length"
			: key->form == schema_form_server ? "addresses with or without a port"
			: key->form == schema_form_domain ? "domain names"
							  : "texts");
		break;
	default:
		if (key->form == schema_form_ip)
			fputs("IP address", stream);
		else
			fprintf(stream, "text, at most %u characters", key->max);
		break;
	}
}

static void write_fallback(FILE *stream, const struct schema_key *key)
{
	bool list = key->type == SCHEMA_STRINGS || key->type == SCHEMA_NUMBERS ||
		    key->type == SCHEMA_CHOICES;

	if (!key->fallback)
		fputs("required", stream);
	else if (!*key->fallback)
		fputs("none", stream);
	else
		fprintf(stream, list ? "`[%s]`" : "`%s`", key->fallback);
}

static bool is_section(const struct schema_key *key)
{
	return key->type == SCHEMA_SECTION || key->type == SCHEMA_SECTIONS;
}

static void write_section(FILE *stream, const struct schema_section *section, const char *prefix)
{
	bool table = false;
	char path[128];

	for (const struct schema_key *k = section->keys; k->name; k++) {
		if (is_section(k))
			continue;
		if (!table)
			fputs("\n| key | value | default | what it is |\n| --- | --- | --- | --- |\n",
			      stream);
		table = true;
		fprintf(stream, "| `%s` | ", k->name);
		write_range(stream, k);
		fputs(" | ", stream);
		write_fallback(stream, k);
		fprintf(stream, " | %s |\n", k->help);
	}
	for (const struct schema_key *k = section->keys; k->name; k++) {
		if (!is_section(k))
			continue;
		snprintf(path, sizeof(path), "%s%s", prefix, k->name);
		fprintf(stream, "\n## `%s`\n\n%s", path, k->section->help);
		if (k->type == SCHEMA_SECTIONS)
			fprintf(stream, " A list%s, with at most %u elements.",
				k->fallback ? "" : ", required", k->count_max);
		fputc('\n', stream);
		snprintf(path, sizeof(path), "%s%s%s.", prefix, k->name,
			 k->type == SCHEMA_SECTIONS ? "[]" : "");
		write_section(stream, k->section, path);
	}
}

int config_write_reference(struct _IO_FILE *stream)
{
	fputs("<!-- SPDX-License-Identifier: BSD-3-Clause -->\n"
	      "<!-- Made from config/schema.c by `tandemctl config doc`: change it there. -->\n"
	      "# Configuration\n\n"
	      "One YAML file for both processes, `" CONFIG_PATH_DEFAULT
	      "` unless `--config` names\n"
	      "another. An unknown key, a value out of its limits or two values that contradict each\n"
	      "other is an error with line and key, and the process does not start:\n\n"
	      "```\n"
	      "/etc/tandem/tandem.yaml:17: dataplane.media[0].port_last: 32768 is even; the last port "
	      "is RTCP's, which is odd\n"
	      "```\n\n"
	      "`config/tandem.yaml` is a commented example, `config/profiles/lab.yaml` that of the lab.\n",
	      stream);
	write_section(stream, &schema_root, "");
	return ferror(stream) ? -EIO : 0;
}
