/* SPDX-License-Identifier: BSD-3-Clause */
/* What source.c, load.c and validate.c share: the file being loaded, and its errors. */
#ifndef CONFIG_LOADER_H
#define CONFIG_LOADER_H

#include <stdbool.h>
#include <stddef.h>
#include <yaml.h>

#include "config/config.h"

#define CONFIG_KEY_PATH_MAX 256

struct config_loader {
	const char *file;
	char *data;
	size_t size;
	yaml_document_t document;
	struct arena *arena;
	char *error;                    /* CONFIG_ERROR_TEXT bytes */
	char path[CONFIG_KEY_PATH_MAX]; /* of what is being loaded */
	size_t path_used;
};

/* Reads loader->file into data, to be freed by the caller also after an error. */
int config_read(struct config_loader *loader);
/* Parses data into document. */
int config_parse(struct config_loader *loader);
/* Checks that need more than one value. */
int config_validate(struct config_loader *loader, const struct config *config);

/* `key:` with nothing behind it, or null. */
bool config_is_null(const yaml_node_t *node);
/* Value of a key of a mapping and the line of the key; NULL: there is none. */
yaml_node_t *config_child(yaml_document_t *document, yaml_node_t *node, const char *name, size_t n,
			  size_t *line);

/* "users[3].name" into path; returns path. */
const char *config_path(char path[CONFIG_KEY_PATH_MAX], const char *format, ...)
	__attribute__((format(printf, 2, 3)));
/* The line of a key in the file, from 1; of the deepest part of the path that is there. */
size_t config_line(const struct config_loader *loader, const char *path);

/* Fill in the error: "FILE:LINE: PATH: …", the line being that of the path, or a given one (0:
 * about the file as a whole). path "": about no key. Return -EINVAL. */
int config_fail(struct config_loader *loader, const char *path, const char *format, ...)
	__attribute__((format(printf, 3, 4)));
int config_fail_at(struct config_loader *loader, size_t line, const char *path, const char *format,
		   ...) __attribute__((format(printf, 4, 5)));

#endif
