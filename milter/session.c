#include "session.h"

#include "clock.h"
#include "err.h"
#include "xmalloc.h"

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Unique in the process and, by its start time, nearly so on the machine. */
static void
make_id(char id[17])
{
	static atomic_uint_least64_t count;
	uint64_t n = atomic_fetch_add(&count, 1);
	uint64_t now = (uint64_t)(clock_wall() / CLOCK_MS);

	snprintf(id, 17, "%011llx%05llx",
	    (unsigned long long)(now & UINT64_C(0xfffffffffff)),
	    (unsigned long long)(n & 0xfffff));
}

struct session *
session_new(void)
{
	struct session *s = xcalloc(1, sizeof *s);

	make_id(s->id);
	s->handle_ref = -2; /* LUA_NOREF */
	s->mta = MTA_SENDMAIL;
	s->meta = json_object();
	standing_init(&s->standing);
	return s;
}

static void
macro_fini(struct session_macro *m)
{
	free(m->name);
	free(m->value);
}

void
session_free(struct session *s)
{
	if (s == NULL)
		return;
	if (s->handle != NULL)
		*s->handle = NULL;
	message_free(s->message);
	standing_fini(&s->standing);
	for (size_t i = 0; i < s->n_macros; i++)
		macro_fini(&s->macro[i]);
	json_decref(s->meta);
	json_decref(s->params);
	json_decref(s->esmtp);
	free(s->client_name);
	free(s->client);
	free(s->helo);
	free(s->hostname);
	free(s);
}

void
session_macros_begin(struct session *s, enum phase stage)
{
	size_t kept = 0;

	for (size_t i = 0; i < s->n_macros; i++)
		if (s->macro[i].stage == stage)
			macro_fini(&s->macro[i]);
		else
			s->macro[kept++] = s->macro[i];
	s->n_macros = kept;
}

void
session_set_macro(struct session *s, enum phase stage, const char *name,
    const char *value)
{
	if (s->n_macros == SESSION_MACROS)
		return;
	s->macro[s->n_macros++] = (struct session_macro){ xstrdup(name),
		xmemdup0(value, strnlen(value, SESSION_MACRO_MAX)), stage };
}

void
session_set_esmtp(struct session *s, char *const *params)
{
	json_decref(s->esmtp);
	s->esmtp = json_object();
	for (; *params != NULL; params++) {
		size_t n = strcspn(*params, "=");
		char *name = xmemdup0(*params, n);
		const char *value = *params + n;

		for (char *p = name; *p != '\0'; p++)
			if (*p >= 'a' && *p <= 'z')
				*p -= 'a' - 'A';
		json_object_set_new_nocheck(s->esmtp, name,
		    *value == '='
			? json_stringn_nocheck(value + 1, strlen(value + 1))
			: json_true());
		free(name);
	}
}

const char *
session_macro(const struct session *s, const char *name)
{
	for (size_t i = s->n_macros; i > 0; i--)
		if (strcmp(s->macro[i - 1].name, name) == 0)
			return s->macro[i - 1].value;
	return NULL;
}

const char *
session_meta_text(const struct session *s, const char *key)
{
	return json_string_value(json_object_get(s->meta, key));
}

void
session_set_meta_text(struct session *s, const char *key, const char *value)
{
	if (value == NULL)
		json_object_del(s->meta, key);
	else
		json_object_set_new_nocheck(s->meta, key,
		    json_stringn_nocheck(value, strlen(value)));
}
