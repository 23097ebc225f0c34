#include "mailbox_build.h"

#include "mailbox_token.h"
#include "xmalloc.h"

#include <stdlib.h>
#include <string.h>

struct mailbox_place *
mailbox_build_box(struct mailbox_build *b)
{
	if (b->n_boxes == b->cap_boxes) {
		b->cap_boxes = b->cap_boxes != 0 ? b->cap_boxes * 2 : 4;
		b->box = xrealloc(b->box, b->cap_boxes * sizeof *b->box);
	}
	b->box[b->n_boxes] = (struct mailbox_place){ MAILBOX_NOWHERE, 0,
		MAILBOX_NOWHERE, MAILBOX_NOWHERE, MAILBOX_NOWHERE };
	return &b->box[b->n_boxes++];
}

struct mailbox_entry *
mailbox_build_entry(
    struct mailbox_build *b, bool is_group, size_t name, size_t name_len)
{
	if (b->n_entries == b->cap_entries) {
		b->cap_entries = b->cap_entries != 0 ? b->cap_entries * 2 : 4;
		b->entry =
		    xrealloc(b->entry, b->cap_entries * sizeof *b->entry);
		b->entry_name = xrealloc(
		    b->entry_name, b->cap_entries * sizeof *b->entry_name);
	}
	b->entry_name[b->n_entries] = name;
	b->entry[b->n_entries] = (struct mailbox_entry){
		.is_group = is_group,
		.name_len = name_len,
		.first = b->n_boxes,
	};
	return &b->entry[b->n_entries++];
}

/* ---- email -------------------------------------------------------------- */

static bool
must_be_quoted(const char *local)
{
	size_t n = strlen(local);

	/* not to be taken for an encoded word by whoever reads it again */
	if (strstr(local, "=?") != NULL)
		return true;
	if (n == 0 || local[0] == '.' || local[n - 1] == '.')
		return true;
	for (size_t i = 0; i < n; i++)
		if (local[i] == '.' ? local[i + 1] == '.'
				    : !mailbox_is_atext(local[i]))
			return true;
	return false;
}

/* Reads from the text and adds to it: by index, for it moves. */
void
mailbox_build_email(struct mailbox_build *b, struct mailbox_place *m)
{
	struct str *text = &b->text;
	bool quote = must_be_quoted(text->data + m->local);
	size_t local_len = strlen(text->data + m->local);
	size_t domain_len = strlen(text->data + m->domain);

	str_reserve(text, 2 * local_len + domain_len + 4);
	m->email = text->len;
	if (quote)
		str_addc(text, '"');
	for (size_t i = m->local; i < m->local + local_len; i++) {
		if (text->data[i] == '"' || text->data[i] == '\\')
			str_addc(text, '\\');
		str_addc(text, text->data[i]);
	}
	if (quote)
		str_addc(text, '"');
	str_addc(text, '@');
	str_add(text, text->data + m->domain, domain_len + 1);
}

/* ---- one block ---------------------------------------------------------- */

static const char *
in(const char *text, size_t place)
{
	return place != MAILBOX_NOWHERE ? text + place : NULL;
}

struct mailbox_list *
mailbox_build_list(const struct mailbox_build *b)
{
	size_t boxes = b->n_boxes * sizeof(struct mailbox);
	size_t entries = b->n_entries * sizeof(struct mailbox_entry);
	size_t size =
	    sizeof(struct mailbox_list) + boxes + entries + b->text.len;
	struct mailbox_list *l = xmalloc(size);
	char *text;

	*l = (struct mailbox_list){ size, b->n_boxes, b->n_entries,
		(struct mailbox *)(l + 1),
		(struct mailbox_entry *)((char *)(l + 1) + boxes) };
	text = (char *)l->entry + entries;
	memcpy(text, str_c(&b->text), b->text.len);
	for (size_t i = 0; i < b->n_boxes; i++) {
		const struct mailbox_place *p = &b->box[i];

		l->box[i] = (struct mailbox){ in(text, p->name), p->name_len,
			in(text, p->local), in(text, p->domain),
			in(text, p->email) };
	}
	for (size_t i = 0; i < b->n_entries; i++) {
		l->entry[i] = b->entry[i];
		l->entry[i].name = in(text, b->entry_name[i]);
	}
	return l;
}

void
mailbox_build_fini(struct mailbox_build *b)
{
	str_fini(&b->text);
	free(b->box);
	free(b->entry);
	free(b->entry_name);
	*b = (struct mailbox_build){ 0 };
}

/* ---- a copy of it ------------------------------------------------------- */

/* What p points to in the block from, in the block to. */
static void *
moved(char *to, const void *from, const void *p)
{
	return p != NULL ? to + ((const char *)p - (const char *)from) : NULL;
}

struct mailbox_list *
mailbox_list_copy(void *mem, const struct mailbox_list *list)
{
	struct mailbox_list *l = mem;

	memcpy(mem, list, list->size);
	l->box = moved(mem, list, list->box);
	l->entry = moved(mem, list, list->entry);
	for (size_t i = 0; i < l->n_boxes; i++) {
		struct mailbox *m = &l->box[i];

		m->name = moved(mem, list, m->name);
		m->local = moved(mem, list, m->local);
		m->domain = moved(mem, list, m->domain);
		m->email = moved(mem, list, m->email);
	}
	for (size_t i = 0; i < l->n_entries; i++)
		l->entry[i].name = moved(mem, list, l->entry[i].name);
	return l;
}
