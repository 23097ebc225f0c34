#include "edits.h"

#include "address_set.h"
#include "xmalloc.h"

#include <stdlib.h>
#include <string.h>

static const char *const texts[] = {
	[EDIT_DELETE_HEADER] = "delete header",
	[EDIT_CHANGE_HEADER] = "change header",
	[EDIT_INSERT_HEADER] = "insert header",
	[EDIT_ADD_HEADER] = "add header",
	[EDIT_SENDER] = "change sender",
	[EDIT_DELETE_RCPT] = "delete recipient",
	[EDIT_ADD_RCPT] = "add recipient",
	[EDIT_BODY] = "replace body",
	[EDIT_QUARANTINE] = "quarantine",
};

const char *
edit_text(enum edit_kind kind)
{
	return texts[kind];
}

static struct edit *
add(struct edits *list, enum edit_kind kind, const char *name)
{
	struct edit *e;

	if (list->n == list->cap) {
		list->cap = list->cap != 0 ? list->cap * 2 : 8;
		list->edit =
		    xrealloc(list->edit, list->cap * sizeof *list->edit);
	}
	e = &list->edit[list->n++];
	*e = (struct edit){ .kind = kind, .name = name };
	return e;
}

static void
add_address(
    struct edits *list, enum edit_kind kind, const struct address *address)
{
	struct edit *e = add(list, kind, NULL);

	e->name = e->made = xasprintf("<%s>", address->email);
}

static void
add_headers(struct edits *list, const struct message *m)
{
	static const enum edit_kind kinds[] = {
		[HEADER_EDIT_INSERT] = EDIT_INSERT_HEADER,
		[HEADER_EDIT_APPEND] = EDIT_ADD_HEADER,
		[HEADER_EDIT_CHANGE] = EDIT_CHANGE_HEADER,
		[HEADER_EDIT_DELETE] = EDIT_DELETE_HEADER,
	};
	size_t n;
	struct header_edit *h =
	    headers_diff(&m->content->headers, &m->headers, &n);

	for (size_t i = 0; i < n; i++) {
		struct edit *e = add(list, kinds[h[i].kind], h[i].name);

		e->index = h[i].index;
		e->raw = h[i].raw;
	}
	free(h);
}

static void
add_rcpts(struct edits *list, const struct message *m)
{
	const struct content *was = m->content;
	struct address_set before, after;

	if (message_has_its_rcpts(m))
		return;
	address_set_of(&before, was->rcpt, was->n_rcpt);
	address_set_of(&after, m->rcpt, m->n_rcpt);
	for (size_t i = 0; i < was->n_rcpt; i++)
		if (!address_set_has(&after, &was->rcpt[i]))
			add(list, EDIT_DELETE_RCPT, was->rcpt_raw[i]);
	for (size_t i = 0; i < m->n_rcpt; i++)
		if (!address_set_has(&before, &m->rcpt[i]))
			add_address(list, EDIT_ADD_RCPT, &m->rcpt[i]);
	address_set_fini(&before);
	address_set_fini(&after);
}

void
edits_of(struct edits *list, const struct message *m)
{
	*list = (struct edits){ 0 };
	add_headers(list, m);
	if (strcmp(m->sender.email, m->content->sender.email) != 0)
		add_address(list, EDIT_SENDER, &m->sender);
	add_rcpts(list, m);
	if (m->body != m->content->body)
		add(list, EDIT_BODY, "");
	if (m->quarantined)
		add(list, EDIT_QUARANTINE, m->quarantine_reason);
}

void
edits_fini(struct edits *list)
{
	for (size_t i = 0; i < list->n; i++)
		free(list->edit[i].made);
	free(list->edit);
	*list = (struct edits){ 0 };
}
