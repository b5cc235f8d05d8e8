/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * From a file to struct config: libyaml reads it into a tree of nodes (source.c), and the schema
 * says which node goes where. Start reading at config_load(), at the end.
 *
 * The tree stays until validation is done, so that each error, also one that is found late, can
 * look up the line of its key.
 */
#include <ctype.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "config/loader.h"
#include "config/schema.h"
#include "sip/base/arena.h"

#define MEMORY_MAX (64u << 20) /* of a configuration in memory */

/* What config_load() returns is the first member of one of these, in its own arena. */
struct loaded {
	struct config config;
	struct arena *arena;
};

/* --- values ------------------------------------------------------------------------------- */

/* Steps into a key or an element of a list; the return value is what leave() takes. */
static size_t enter(struct config_loader *l, const char *format, ...)
	__attribute__((format(printf, 2, 3)));
static size_t enter(struct config_loader *l, const char *format, ...)
{
	size_t before = l->path_used;
	va_list args;

	va_start(args, format);
	/* The schema's depth bounds it, keys of the file do not come in here. */
	l->path_used += (size_t)vsnprintf(l->path + before, sizeof(l->path) - before, format, args);
	va_end(args);
	return before;
}

static void leave(struct config_loader *l, size_t before)
{
	l->path_used = before;
	l->path[before] = 0;
}

#define FAIL(l, ...) config_fail(l, (l)->path, __VA_ARGS__)

static int out_of_memory(struct config_loader *l)
{
	FAIL(l, "no memory for so large a configuration");
	return -ENOMEM;
}

static int load_number(struct config_loader *l, const struct schema_key *key, const char *text,
		       uint32_t *value)
{
	size_t n = strlen(text);
	unsigned long long number = strtoull(text, NULL, 10);

	if (n == 0 || n > 10 || strspn(text, "0123456789") != n || number < key->min ||
	    number > key->max)
		return FAIL(l, "\"%.40s\" is not a number from %u to %u", text, key->min, key->max);
	*value = (uint32_t)number;
	return 0;
}

static int load_string(struct config_loader *l, const struct schema_key *key, const char *text,
		       const char **value)
{
	size_t n = strlen(text);
	const char *wanted;

	for (const char *c = text; *c; c++)
		if ((unsigned char)*c < 0x20 || *c == 0x7f)
			return FAIL(l, "has a control character in it");
	if (n < key->min || n > key->max)
		return FAIL(l, "has %zu characters, must have %u to %u", n, key->min, key->max);
	wanted = n > 0 && key->form ? key->form(text) : NULL;
	if (wanted)
		return FAIL(l, "\"%.80s\" is not %s", text, wanted);
	*value = arena_slice(l->arena, (struct slice){ text, n }).p;
	return *value || n == 0 ? 0 : out_of_memory(l);
}

/* Is text one of the words in "a | b | c"? */
static bool is_choice(const char *choices, const char *text)
{
	size_t n = strlen(text);

	for (const char *c = choices; *c; c += strspn(c, " |")) {
		size_t word = strcspn(c, " ");
		if (word == n && memcmp(c, text, n) == 0)
			return true;
		c += word;
	}
	return false;
}

static int load_choice(struct config_loader *l, const struct schema_key *key, const char *text,
		       const char **value)
{
	if (!is_choice(key->choices, text))
		return FAIL(l, "\"%.40s\" is none of: %s", text, key->choices);
	*value = arena_slice(l->arena, slice_of(text)).p;
	return *value ? 0 : out_of_memory(l);
}

static int load_bool(struct config_loader *l, const char *text, bool *value)
{
	*value = strcmp(text, "true") == 0;
	return *value || strcmp(text, "false") == 0
		       ? 0
		       : FAIL(l, "\"%.40s\" is neither true nor false", text);
}

static void store_number(void *field, uint8_t width, uint32_t value)
{
	switch (width) {
	case 1:
		*(uint8_t *)field = (uint8_t)value;
		break;
	case 2:
		*(uint16_t *)field = (uint16_t)value;
		break;
	default:
		*(uint32_t *)field = value;
		break;
	}
}

/* One value into its place: a field of a struct, or an element of a list. */
static int load_scalar(struct config_loader *l, const struct schema_key *key, const char *text,
		       void *place)
{
	uint32_t number = 0;
	int error;

	switch (key->type) {
	case SCHEMA_NUMBER:
	case SCHEMA_NUMBERS:
		error = load_number(l, key, text, &number);
		if (!error)
			store_number(place,
				     key->type == SCHEMA_NUMBERS ? sizeof(unsigned) : key->width,
				     number);
		return error;
	case SCHEMA_BOOL:
		return load_bool(l, text, place);
	case SCHEMA_CHOICE:
	case SCHEMA_CHOICES:
		return load_choice(l, key, text, place);
	default:
		return load_string(l, key, text, place);
	}
}

static bool is_list(const struct schema_key *key)
{
	return key->type == SCHEMA_STRINGS || key->type == SCHEMA_NUMBERS ||
	       key->type == SCHEMA_CHOICES || key->type == SCHEMA_SECTIONS;
}

static const char *scalar_text(struct config_loader *l, const yaml_node_t *node)
{
	if (node->type != YAML_SCALAR_NODE) {
		FAIL(l, "must be one value, not a %s",
		     node->type == YAML_SEQUENCE_NODE ? "list" : "section");
		return NULL;
	}
	if (config_is_null(node)) {
		FAIL(l, "has no value: give one or leave the key out");
		return NULL;
	}
	if (strlen((char *)node->data.scalar.value) != node->data.scalar.length) {
		FAIL(l, "has a control character in it");
		return NULL;
	}
	return (char *)node->data.scalar.value;
}

/* --- keys, lists, sections ------------------------------------------------------------------ */

static int load_section(struct config_loader *l, const struct schema_section *section,
			yaml_node_t *node, void *base);

static size_t element_size(const struct schema_key *key)
{
	switch (key->type) {
	case SCHEMA_SECTIONS:
		return key->section->size;
	case SCHEMA_NUMBERS:
		return sizeof(unsigned);
	default:
		return sizeof(const char *);
	}
}

static int load_list(struct config_loader *l, const struct schema_key *key, yaml_node_t *node,
		     void *base)
{
	size_t size = element_size(key), count;
	char *elements;

	if (node->type != YAML_SEQUENCE_NODE)
		return FAIL(l, "must be a list: [a, b], or lines that begin with \"- \"");
	count = (size_t)(node->data.sequence.items.top - node->data.sequence.items.start);
	if (count == 0 && key->fallback != NULL && !*key->fallback)
		return 0;
	if (count == 0)
		return FAIL(l, "needs at least one");
	if (count > key->count_max)
		return FAIL(l, "has %zu, must have %u at most", count, key->count_max);
	elements = arena_calloc(l->arena, count * size);
	if (!elements)
		return out_of_memory(l);
	for (size_t i = 0; i < count; i++) {
		yaml_node_t *item =
			yaml_document_get_node(&l->document, node->data.sequence.items.start[i]);
		size_t before = enter(l, "[%zu]", i);
		const char *text;
		int error;

		if (key->type == SCHEMA_SECTIONS) {
			error = load_section(l, key->section, item, elements + i * size);
		} else {
			text = scalar_text(l, item);
			error = text ? load_scalar(l, key, text, elements + i * size) : -EINVAL;
		}
		if (error)
			return error;
		leave(l, before);
	}
	*(void **)((char *)base + key->offset) = elements;
	*(unsigned *)((char *)base + key->count_offset) = (unsigned)count;
	return 0;
}

/* "a, b" of the schema. */
static int load_list_fallback(struct config_loader *l, const struct schema_key *key, void *base)
{
	struct slice rest = slice_of(key->fallback);
	const char **elements = arena_calloc(l->arena, rest.n * sizeof(*elements));
	unsigned count = 0;

	if (!elements)
		return out_of_memory(l);
	while (rest.n > 0) {
		struct slice one = slice_trim(slice_split(&rest, ','));
		elements[count] = arena_slice(l->arena, one).p;
		if (!elements[count++])
			return out_of_memory(l);
	}
	*(const char ***)((char *)base + key->offset) = elements;
	*(unsigned *)((char *)base + key->count_offset) = count;
	return 0;
}

/* node NULL: the key is not in the file. */
static int load_key(struct config_loader *l, const struct schema_key *key, yaml_node_t *node,
		    void *base)
{
	void *place = (char *)base + key->offset;
	const char *text;

	if (node && config_is_null(node) && (is_list(key) || key->type == SCHEMA_SECTION))
		node = NULL;
	if (!node && !key->fallback)
		return FAIL(l, "is missing");
	if (key->type == SCHEMA_SECTION)
		return load_section(l, key->section, node, place);
	if (node && is_list(key))
		return load_list(l, key, node, base);
	if (!node && !*key->fallback)
		return 0;
	if (is_list(key))
		return load_list_fallback(l, key, base);
	text = node ? scalar_text(l, node) : key->fallback;
	return text ? load_scalar(l, key, text, place) : -EINVAL;
}

static int unknown_key(struct config_loader *l, const struct schema_section *section,
		       const yaml_node_t *key)
{
	char known[200] = "";
	size_t used = 0;

	for (const struct schema_key *k = section->keys; k->name && used < sizeof(known); k++)
		used += (size_t)snprintf(known + used, sizeof(known) - used, "%s%s",
					 used ? ", " : "", k->name);
	if (key->type != YAML_SCALAR_NODE)
		return config_fail_at(l, key->start_mark.line + 1, l->path, "a key must be a word");
	return config_fail_at(l, key->start_mark.line + 1, l->path,
			      "unknown key \"%.40s\"; there are: %s",
			      (char *)key->data.scalar.value, known);
}

/* All keys of the file's mapping must be in the section, each once. */
static int check_keys(struct config_loader *l, const struct schema_section *section,
		      yaml_node_t *node)
{
	size_t lines[64] = { 0 };

	for (yaml_node_pair_t *p = node->data.mapping.pairs.start; p < node->data.mapping.pairs.top;
	     p++) {
		yaml_node_t *key = yaml_document_get_node(&l->document, p->key);
		size_t i = 0;

		if (key->type != YAML_SCALAR_NODE)
			return unknown_key(l, section, key);
		while (section->keys[i].name &&
		       strcmp(section->keys[i].name, (char *)key->data.scalar.value) != 0)
			i++;
		if (!section->keys[i].name)
			return unknown_key(l, section, key);
		if (lines[i]) {
			enter(l, "%s%s", l->path_used ? "." : "", section->keys[i].name);
			return config_fail_at(l, key->start_mark.line + 1, l->path,
					      "is given twice, first in line %zu", lines[i]);
		}
		lines[i] = key->start_mark.line + 1;
	}
	return 0;
}

static int load_section(struct config_loader *l, const struct schema_section *section,
			yaml_node_t *node, void *base)
{
	int error = 0;

	if (node && node->type != YAML_MAPPING_NODE)
		return FAIL(l, "must be a section of \"key: value\" lines");
	if (node)
		error = check_keys(l, section, node);
	for (const struct schema_key *k = section->keys; !error && k->name; k++) {
		size_t line, before = enter(l, "%s%s", l->path_used ? "." : "", k->name);
		yaml_node_t *value =
			node ? config_child(&l->document, node, k->name, strlen(k->name), &line)
			     : NULL;

		error = load_key(l, k, value, base);
		if (!error)
			leave(l, before);
	}
	return error;
}

/* --- defaults that depend on other values ----------------------------------------------------- */

static void lower(const char *text)
{
	/* in our own arena */
	for (char *c = (char *)text; *c; c++)
		*c = (char)tolower((unsigned char)*c);
}

/* There is always a realm, and who names none is in the first. */
static int derive_realms(struct config_loader *l, struct config *c)
{
	struct config_dataplane *d = &c->dataplane;

	if (d->realms_count == 0) {
		d->realms = arena_calloc(l->arena, sizeof(*d->realms));
		if (!d->realms)
			return out_of_memory(l);
		d->realms[0] = (struct config_realm){ .name = "default", .dscp = 46 };
		d->realms_count = 1;
	}
	for (unsigned i = 0; i < d->realms_count; i++) {
		struct config_realm *r = &d->realms[i];
		const struct config_port *port = config_port_find(c, r->port);

		if (!port)
			continue; /* validation says so */
		r->port = port->name;
		if (r->vlan == 0) {
			r->vlan = port->vlan;
			r->outer_vlan = port->outer_vlan;
		}
	}
	for (unsigned i = 0; i < d->media_count; i++)
		if (!d->media[i].realm)
			d->media[i].realm = d->realms[0].name;
	for (unsigned i = 0; i < c->sip.listeners_count; i++)
		if (!c->sip.listeners[i].realm)
			c->sip.listeners[i].realm = d->realms[0].name;
	for (unsigned i = 0; i < c->trunks_count; i++)
		if (!c->trunks[i].realm)
			c->trunks[i].realm = d->realms[0].name;
	return 0;
}

const struct config_port *config_port_find(const struct config *c, const char *name)
{
	for (unsigned i = 0; i < c->dataplane.ports_count; i++)
		if (!name || strcmp(c->dataplane.ports[i].name, name) == 0)
			return &c->dataplane.ports[i];
	return NULL;
}

int config_realm_index(const struct config *c, const char *name)
{
	for (unsigned i = 0; i < c->dataplane.realms_count; i++)
		if (strcmp(c->dataplane.realms[i].name, name) == 0)
			return (int)i;
	return -1;
}

static int derive(struct config_loader *l, struct config *c)
{
	for (unsigned i = 0; i < c->dataplane.ports_count; i++) {
		char tap[24];
		if (c->dataplane.ports[i].tap)
			continue;
		snprintf(tap, sizeof(tap), "tandem%u", i);
		c->dataplane.ports[i].tap = arena_slice(l->arena, slice_of(tap)).p;
		if (!c->dataplane.ports[i].tap)
			return out_of_memory(l);
	}
	for (unsigned i = 0; i < c->sip.domains_count; i++)
		lower(c->sip.domains[i]);
	for (unsigned i = 0; i < c->users_count; i++) {
		if (c->users[i].domain)
			lower(c->users[i].domain);
		else
			c->users[i].domain = c->sip.domains[0];
	}
	for (unsigned i = 0; i < c->trunks_count; i++)
		if (!c->trunks[i].prefix)
			c->trunks[i].prefix = "";
	return derive_realms(l, c);
}

static int override(struct config_loader *l, const char *variable, size_t max, const char **field)
{
	const char *value = getenv(variable);

	if (!value || !*value)
		return 0;
	if (schema_form_path(value) || strlen(value) > max)
		return config_fail_at(l, 0, variable,
				      "(environment) must be an absolute path of at most %zu "
				      "characters",
				      max);
	*field = arena_slice(l->arena, slice_of(value)).p;
	return *field ? 0 : out_of_memory(l);
}

/* --- all of it ------------------------------------------------------------------------------ */

int config_load(const char *path, struct config **config, char error_text[CONFIG_ERROR_TEXT])
{
	struct config_loader l = { .file = path, .error = error_text };
	struct loaded *loaded = NULL;
	int error;

	*config = NULL;
	error_text[0] = 0;
	error = config_read(&l);
	if (error)
		goto done;
	l.arena = arena_create(64 << 10, MEMORY_MAX);
	loaded = l.arena ? arena_calloc(l.arena, sizeof(*loaded)) : NULL;
	if (!loaded) {
		error = out_of_memory(&l);
		goto done;
	}
	loaded->arena = l.arena;
	error = config_parse(&l);
	if (!error)
		error = load_section(&l, &schema_root, yaml_document_get_root_node(&l.document),
				     &loaded->config);
	if (!error)
		error = derive(&l, &loaded->config);
	if (!error)
		error = config_validate(&l, &loaded->config);
	if (!error)
		error = override(&l, "TANDEM_RUN_DIR", 80, &loaded->config.run_dir);
	if (!error)
		error = override(&l, "TANDEM_STATE_DIR", 200,
				 &loaded->config.controlplane.state_dir);
done:
	yaml_document_delete(&l.document);
	free(l.data);
	if (error && l.arena)
		arena_destroy(l.arena);
	else if (!error)
		*config = &loaded->config;
	return error;
}

void config_free(struct config *config)
{
	if (config)
		arena_destroy(((struct loaded *)config)->arena);
}

const char *config_run_dir(void)
{
	const char *dir = getenv("TANDEM_RUN_DIR");

	return dir && *dir ? dir : CONFIG_RUN_DIR_DEFAULT;
}
