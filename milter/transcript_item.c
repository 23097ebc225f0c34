#include "transcript_item.h"

#include <string.h>

json_t *
item_text(const char *text, size_t len)
{
	json_t *j = json_stringn(text, len);
	struct str safe = { 0 };

	if (j != NULL)
		return j;
	for (size_t i = 0; i < len; i++)
		if ((unsigned char)text[i] < 128)
			str_addc(&safe, text[i]);
		else
			str_addf(&safe, "\\x%02x", (unsigned char)text[i]);
	j = json_stringn(str_c(&safe), safe.len);
	str_fini(&safe);
	return j;
}

json_t *
item_ms(int64_t ns)
{
	return json_real((double)(ns / 1000) / 1000.0);
}

json_t *
item_new(const char *type)
{
	json_t *item = json_object();

	json_object_set_new(item, "type", json_string(type));
	return item;
}

void
item_set_text(json_t *item, const char *key, const char *text)
{
	if (text != NULL && text[0] != '\0')
		json_object_set_new(item, key, item_text(text, strlen(text)));
}

void
item_set_some(json_t *item, const char *key, json_t *value)
{
	if (json_object_size(value) > 0 || json_array_size(value) > 0)
		json_object_set(item, key, value);
	json_decref(value);
}

json_t *
item_lines(const struct str *text)
{
	json_t *list = json_array();
	const char *p = str_c(text);

	while (*p != '\0') {
		size_t n = strcspn(p, "\n");

		json_array_append_new(list, item_text(p, n));
		p += n + (p[n] == '\n');
	}
	return list;
}

/* ---- handlers ------------------------------------------------------------ */

static json_t *
decided(const struct verdict *v)
{
	static const char *const kinds[] = { [VERDICT_CONTINUE] = "continue",
		[VERDICT_ACCEPT] = "accept",
		[VERDICT_DISCARD] = "discard" };
	json_t *d = json_object();
	size_t n = strlen(v->where);

	if (v->kind != VERDICT_REFUSE) {
		item_set_text(d, "how", kinds[v->kind]);
		return d;
	}
	json_object_set_new(d, "code", json_integer(v->code));
	json_object_set_new(d, "text", item_text(v->text, v->len));
	item_set_text(d, "how", disconnect_name(v->how));
	while (n > 0 && (v->where[n - 1] == ' ' || v->where[n - 1] == ':'))
		n--;
	if (n > 0)
		json_object_set_new(d, "where", item_text(v->where, n));
	return d;
}

json_t *
item_changes(const json_t *before, json_t *after)
{
	json_t *out = json_object(), *value;
	const char *key;

	json_object_foreach (after, key, value)
		if (!json_equal(value, json_object_get(before, key)))
			json_object_set(out, key, value);
	json_object_foreach ((json_t *)before, key, value)
		if (json_object_get(after, key) == NULL)
			json_object_set_new(out, key, json_null());
	return out;
}

json_t *
item_handler(const struct session *s, const struct observed *o)
{
	json_t *item = item_new("handler");

	item_set_text(item, "event", o->event);
	item_set_text(item, "where", o->where);
	item_set_text(item, "args", o->args);
	json_object_set_new(item, "ms", item_ms(o->took));
	if (o->waited > 0)
		json_object_set_new(item, "waited_ms", item_ms(o->waited));
	if (o->failed)
		json_object_set_new(item, "failed", json_true());
	if (o->verdict != NULL && o->verdict->kind != VERDICT_CONTINUE)
		json_object_set_new(item, "decided", decided(o->verdict));
	if (o->dry)
		json_object_set_new(item, "dry_run", json_true());
	item_set_some(item, "meta", item_changes(o->meta_before, s->meta));
	return item;
}

/* ---- edits --------------------------------------------------------------- */

static json_t *
edit_json(const struct edit *e)
{
	struct str text = { 0 };
	json_t *j;

	str_addf(&text, "%s %s", edit_text(e->kind), e->name);
	if (e->index > 1)
		str_addf(&text, " (number %d)", e->index);
	if (e->raw != NULL)
		str_addf(&text, ":%s", e->raw);
	j = item_text(str_c(&text), text.len);
	str_fini(&text);
	return j;
}

json_t *
item_edits(const struct edits *list)
{
	json_t *all = json_array();

	for (size_t i = 0; i < list->n; i++)
		json_array_append_new(all, edit_json(&list->edit[i]));
	return all;
}
