/* SPDX-License-Identifier: BSD-3-Clause */
/* The file as text and as a tree of nodes that know their lines; errors that name them. */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "config/loader.h"

#define FILE_MAX (32u << 20)

/* --- errors ------------------------------------------------------------------------------- */

const char *config_path(char path[CONFIG_KEY_PATH_MAX], const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(path, CONFIG_KEY_PATH_MAX, format, args);
	va_end(args);
	return path;
}

/* line 0: about the file as a whole. path "": about no key. */
static int vfail(struct config_loader *l, size_t line, const char *path, const char *format,
		 va_list args)
{
	char what[CONFIG_ERROR_TEXT], where[32] = "";

	vsnprintf(what, sizeof(what), format, args);
	/* The file's own words may be in it. One line, whatever they are. */
	for (char *c = what; *c; c++)
		if ((unsigned char)*c < 0x20 || *c == 0x7f)
			*c = '?';
	if (line)
		snprintf(where, sizeof(where), "%zu: ", line);
	snprintf(l->error, CONFIG_ERROR_TEXT, "%.150s:%s%.100s%s%.225s", l->file,
		 line ? where : " ", path, *path ? ": " : "", what);
	return -EINVAL;
}

int config_fail_at(struct config_loader *loader, size_t line, const char *path, const char *format,
		   ...)
{
	va_list args;

	va_start(args, format);
	vfail(loader, line, path, format, args);
	va_end(args);
	return -EINVAL;
}

int config_fail(struct config_loader *loader, const char *path, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vfail(loader, config_line(loader, path), path, format, args);
	va_end(args);
	return -EINVAL;
}

yaml_node_t *config_child(yaml_document_t *document, yaml_node_t *node, const char *name, size_t n,
			  size_t *line)
{
	if (node->type != YAML_MAPPING_NODE)
		return NULL;
	for (yaml_node_pair_t *p = node->data.mapping.pairs.start; p < node->data.mapping.pairs.top;
	     p++) {
		yaml_node_t *key = yaml_document_get_node(document, p->key);
		if (key->type != YAML_SCALAR_NODE || key->data.scalar.length != n ||
		    memcmp(key->data.scalar.value, name, n) != 0)
			continue;
		*line = key->start_mark.line + 1;
		return yaml_document_get_node(document, p->value);
	}
	return NULL;
}

static yaml_node_t *child_of_sequence(yaml_document_t *document, yaml_node_t *node, size_t i,
				      size_t *line)
{
	if (node->type != YAML_SEQUENCE_NODE ||
	    i >= (size_t)(node->data.sequence.items.top - node->data.sequence.items.start))
		return NULL;
	node = yaml_document_get_node(document, node->data.sequence.items.start[i]);
	*line = node->start_mark.line + 1;
	return node;
}

size_t config_line(const struct config_loader *loader, const char *path)
{
	yaml_document_t *document = (yaml_document_t *)&loader->document; /* it is only read */
	yaml_node_t *node = yaml_document_get_root_node(document);
	size_t line = node ? node->start_mark.line + 1 : 1;

	while (node && *path) {
		if (*path == '[') {
			char *end;
			size_t i = strtoul(path + 1, &end, 10);
			node = child_of_sequence(document, node, i, &line);
			path = *end == ']' ? end + 1 : end;
		} else {
			size_t n = strcspn(path, ".[");
			node = config_child(document, node, path, n, &line);
			path += n;
		}
		path += *path == '.';
	}
	return line;
}

bool config_is_null(const yaml_node_t *node)
{
	const char *text = node->type == YAML_SCALAR_NODE ? (char *)node->data.scalar.value : NULL;

	return text && node->data.scalar.style == YAML_PLAIN_SCALAR_STYLE &&
	       (!*text || strcmp(text, "~") == 0 || strcasecmp(text, "null") == 0);
}

/* --- the file ------------------------------------------------------------------------------- */

/* It may be a pipe, so its size is not asked for. */
static int read_all(struct config_loader *l, FILE *file)
{
	size_t room = 0;

	do {
		if (l->size == room) {
			char *data = realloc(l->data, room = room ? room * 2 : 64 << 10);
			if (!data)
				return -ENOMEM;
			l->data = data;
		}
		errno = 0;
		l->size += fread(l->data + l->size, 1, room - l->size, file);
		if (ferror(file))
			return errno ? -errno : -EIO;
		if (l->size > FILE_MAX)
			return -EFBIG;
	} while (!feof(file));
	return 0;
}

int config_read(struct config_loader *l)
{
	FILE *file = fopen(l->file, "r");
	int error = -errno;

	if (file) {
		error = read_all(l, file);
		fclose(file);
	}
	if (error)
		config_fail_at(l, 0, "", "cannot be read: %s", strerror(-error));
	return error;
}

static size_t line_of_offset(const struct config_loader *l, size_t offset)
{
	size_t line = 1;

	for (size_t i = 0; i < offset && i < l->size; i++)
		line += l->data[i] == '\n';
	return line;
}

/* Does this line (from 1) have a tab in its indentation? libyaml's words for it help nobody. */
static bool tab_indented(const struct config_loader *l, size_t line)
{
	const char *p = l->data, *end = l->data + l->size;

	while (--line > 0 && p < end) {
		const char *newline = memchr(p, '\n', (size_t)(end - p));
		p = newline ? newline + 1 : end;
	}
	while (p < end && *p == ' ')
		p++;
	return p < end && *p == '\t';
}

static int syntax_error(struct config_loader *l, const yaml_parser_t *parser)
{
	size_t line = parser->problem_mark.line + 1;
	const char *problem = parser->problem ? parser->problem : "cannot be parsed";

	if (parser->error == YAML_MEMORY_ERROR) {
		config_fail_at(l, 0, "", "no memory to parse it");
		return -ENOMEM;
	}
	if (parser->error == YAML_READER_ERROR)
		return config_fail_at(l, line_of_offset(l, parser->problem_offset), "",
				      "not UTF-8 text: %s", problem);
	if (tab_indented(l, line))
		return config_fail_at(l, line, "", "a tab in the indentation: YAML wants spaces");
	if (parser->context)
		return config_fail_at(l, line, "", "not valid YAML: %s, %s that begins in line %zu",
				      problem, parser->context, parser->context_mark.line + 1);
	return config_fail_at(l, line, "", "not valid YAML: %s", problem);
}

/* The file is one document; it may be followed by "..." or a "---" with nothing behind. */
int config_parse(struct config_loader *l)
{
	yaml_parser_t parser;
	yaml_document_t more;
	yaml_node_t *root;
	int error = 0;

	if (!yaml_parser_initialize(&parser))
		return -ENOMEM;
	yaml_parser_set_input_string(&parser, (unsigned char *)l->data, l->size);
	if (!yaml_parser_load(&parser, &l->document)) {
		error = syntax_error(l, &parser);
		goto done;
	}
	root = yaml_document_get_root_node(&l->document);
	if (!root || config_is_null(root)) {
		error = config_fail_at(l, 1, "",
				       "the configuration is empty; config/tandem.yaml is an "
				       "example");
		goto done;
	}
	if (!yaml_parser_load(&parser, &more)) {
		error = syntax_error(l, &parser);
		goto done;
	}
	root = yaml_document_get_root_node(&more);
	if (root)
		error = config_fail_at(l, root->start_mark.line + 1, "",
				       "a second document; a configuration is one");
	yaml_document_delete(&more);
done:
	yaml_parser_delete(&parser);
	return error;
}
