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
	s->handle_ref = s->record_ref = -2; /* LUA_NOREF */
	s->mta = MTA_SENDMAIL;
	s->meta = json_object();
	standing_init(&s->standing);
	return s;
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
	for (int i = 0; i <= PHASE_EOM; i++) {
		if (s->macros[i] != NULL)
			str_fini(&s->macros[i]->text);
		free(s->macros[i]);
	}
	address_fini(&s->sender);
	address_fini(&s->last_rcpt);
	json_decref(s->meta);
	json_decref(s->params);
	json_decref(s->esmtp);
	free(s->client_name);
	free(s->client);
	free(s->helo);
	free(s->mail);
	free(s->rcpt);
	free(s->hostname);
	free(s);
}

void
session_macros_begin(struct session *s, enum phase stage)
{
	if (s->macros[stage] == NULL)
		return;
	str_clear(&s->macros[stage]->text);
	s->macros[stage]->n = 0;
}

void
session_set_macro(
    struct session *s, enum phase stage, const char *name, const char *value)
{
	struct session_macros *m = s->macros[stage];

	if (m == NULL)
		m = s->macros[stage] = xcalloc(1, sizeof *m);
	if (m->n == SESSION_MACROS)
		return;
	m->name[m->n] = name;
	m->value[m->n++] = m->text.len;
	str_add(&m->text, value, strnlen(value, SESSION_MACRO_MAX));
	str_addc(&m->text, '\0');
}

void
session_set_esmtp(struct session *s, char *const *params)
{
	json_decref(s->esmtp);
	s->esmtp = *params != NULL ? json_object() : NULL;
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

/* A later stage's word counts more: "i" comes with several. */
const char *
session_macro(const struct session *s, const char *name)
{
	const char *value =
	    s->ask_macro != NULL ? s->ask_macro(s->macro_source, name) : NULL;

	if (value != NULL)
		return value;
	for (int stage = PHASE_EOM; stage >= 0; stage--) {
		const struct session_macros *m = s->macros[stage];

		for (size_t i = 0; m != NULL && i < m->n; i++)
			if (strcmp(m->name[i], name) == 0)
				return m->text.data + m->value[i];
	}
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
		json_object_set_new_nocheck(
		    s->meta, key, json_stringn_nocheck(value, strlen(value)));
}

char *
session_command_line(const struct session *s, const char *address)
{
	struct str line = { 0 };
	const char *name;
	json_t *value;

	str_adds(&line, address);
	json_object_foreach (s->esmtp, name, value) {
		str_addf(&line, " %s", name);
		if (json_is_string(value))
			str_addf(&line, "=%s", json_string_value(value));
	}
	return str_take(&line);
}
