#include "header_import.h"

#include "header_text.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

static const char *const matches[] = {
	[IMPORT_LAST] = "last",
	[IMPORT_FIRST] = "first",
	[IMPORT_ALL] = "all",
};

static const char *const styles[] = {
	[IMPORT_SNAKE] = "snake_case",
	[IMPORT_KEBAB] = "kebab_case",
	[IMPORT_CAMEL] = "camel_case",
	[IMPORT_PASCAL] = "pascal_case",
};

int
header_import_match(const char *text, enum import_match *match, struct err *err)
{
	for (size_t i = 0; i < sizeof matches / sizeof *matches; i++)
		if (strcmp(matches[i], text) == 0) {
			*match = (enum import_match)i;
			return 0;
		}
	return err_set(err, "match: \"%s\" is none of first, last, all", text);
}

int
header_import_style(const char *text, enum import_style *style, struct err *err)
{
	for (size_t i = 0; i < sizeof styles / sizeof *styles; i++)
		if (strcmp(styles[i], text) == 0) {
			*style = (enum import_style)i;
			return 0;
		}
	return err_set(err,
	    "transform: \"%s\" is none of snake_case, kebab_case, "
	    "camel_case, pascal_case",
	    text);
}

int
header_import_name(struct header_import *rule, const char *pattern,
    char *storage, size_t size, struct err *err)
{
	size_t len = strlen(pattern);
	const char *star = strchr(pattern, '*');

	if (len == 0 || len >= size)
		return err_set(err, "name: \"%s\" is no header name", pattern);
	if (star != NULL && (star == pattern || star[1] != '\0'))
		return err_set(err,
		    "name: \"%s\": a '*' may only stand at the end, behind a "
		    "prefix",
		    pattern);
	memcpy(storage, pattern, len + 1);
	rule->wildcard = star != NULL;
	if (rule->wildcard)
		storage[len - 1] = '\0';
	rule->name = storage;
	return 0;
}

static bool
names(const struct header_import *rule, const struct header *f)
{
	return rule->wildcard
		   ? strncasecmp(f->name, rule->name, strlen(rule->name)) == 0
		   : strcasecmp(f->name, rule->name) == 0;
}

/* "X-Mailer-Id": x_mailer_id, x-mailer-id, xMailerId, XMailerId */
static void
make_key(struct str *key, const char *name, enum import_style style)
{
	bool begins = style == IMPORT_PASCAL;

	for (; *name != '\0'; name++) {
		char c = (char)tolower((unsigned char)*name);

		if (style == IMPORT_SNAKE || style == IMPORT_KEBAB) {
			str_addc(
			    key, c == '-' && style == IMPORT_SNAKE ? '_' : c);
		} else if (c == '-') {
			begins = key->len > 0 || style == IMPORT_PASCAL;
		} else {
			str_addc(
			    key, begins ? (char)toupper((unsigned char)c) : c);
			begins = false;
		}
	}
}

static void
store(json_t *meta, const struct header_import *rule, const struct header *f)
{
	struct str key = { 0 }, value = { 0 };
	json_t *old, *text;

	if (rule->target != NULL)
		str_adds(&key, rule->target);
	else
		make_key(&key, f->name, rule->style);
	header_text_decode(&value, f->raw, f->raw_len);
	text = json_stringn_nocheck(str_c(&value), value.len);
	old = json_object_get(meta, str_c(&key));
	if (rule->match == IMPORT_ALL && json_is_array(old))
		json_array_append_new(old, text);
	else if (rule->match == IMPORT_ALL)
		json_object_set_new_nocheck(
		    meta, str_c(&key), json_pack("[o]", text));
	else if (rule->match == IMPORT_FIRST && old != NULL)
		json_decref(text);
	else
		json_object_set_new_nocheck(meta, str_c(&key), text);
	str_fini(&key);
	str_fini(&value);
}

void
header_import(struct message *m, const struct header_import *rules, size_t n)
{
	json_t *found = json_object();

	for (size_t i = 0; i < m->headers.n;) {
		const struct header *f = &m->headers.field[i];
		const struct header_import *rule = NULL;

		for (size_t k = 0; k < n && rule == NULL; k++)
			if (names(&rules[k], f))
				rule = &rules[k];
		if (rule != NULL)
			store(found, rule, f);
		if (rule != NULL && rule->remove)
			headers_remove_at(&m->headers, i);
		else
			i++;
	}
	json_object_update(m->meta, found);
	json_decref(found);
}
