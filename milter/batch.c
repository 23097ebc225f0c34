#include "batch.h"

#include "address_set.h"
#include "xmalloc.h"

#include <stdlib.h>
#include <string.h>

void
batches_add(struct batches *b, const struct message *base, int i,
    const struct address *rcpt)
{
	while (b->n <= (size_t)i) {
		struct message *copy = message_copy(base);

		if (b->n == b->cap) {
			b->cap = b->cap != 0 ? b->cap * 2 : 4;
			b->m = xrealloc(b->m, b->cap * sizeof *b->m);
		}
		b->m[b->n++] = copy;
	}
	if (rcpt != NULL)
		message_add_rcpt(b->m[i], rcpt);
}

/* The batch whose first recipient has this domain, or a new one. */
static int
batch_of_domain(const struct batches *b, const char *domain)
{
	for (size_t i = 0; i < b->n; i++)
		if (strcmp(b->m[i]->rcpt[0].domain, domain) == 0)
			return (int)i;
	return (int)b->n;
}

void
batches_make(
    struct batches *b, const struct message *base, enum batch_handling how)
{
	for (size_t i = 0; i < base->n_rcpt; i++) {
		const struct address *a = &base->rcpt[i];

		batches_add(b, base,
		    how == BATCH_ALL_IN_ONE  ? 0
		    : how == BATCH_BIFURCATE ? (int)i
					     : batch_of_domain(b, a->domain),
		    a);
	}
}

bool
batch_is_dropped(const struct message *m)
{
	const char *queue =
	    json_string_value(json_object_get(m->meta, "queue"));

	return m->discarded || (queue != NULL && strcmp(queue, "null") == 0);
}

static bool
same_body(const struct message *a, const struct message *b)
{
	struct str text = { 0 };
	bool same = a->body == b->body;

	if (!same && body_size(a->body) == body_size(b->body) &&
	    body_read(b->body, &text, NULL) == 0)
		same = body_equals(a->body, str_c(&text), text.len);
	str_fini(&text);
	return same;
}

static bool
same_content(const struct message *a, const struct message *b)
{
	return strcmp(a->sender.email, b->sender.email) == 0 &&
	       headers_equal(&a->headers, &b->headers) && same_body(a, b);
}

static void
join(struct message *into, const struct message *m, struct address_set *rcpts)
{
	for (size_t i = 0; i < m->n_rcpt; i++)
		if (address_set_add(rcpts, &m->rcpt[i]))
			message_add_rcpt(into, &m->rcpt[i]);
	if (m->quarantined && !into->quarantined)
		message_quarantine(
		    into, m->quarantine_reason, strlen(m->quarantine_reason));
}

struct message *
batches_merge(struct batches *b, bool *unequal)
{
	struct message *first = NULL;
	struct address_set rcpts = { 0 };

	*unequal = false;
	for (size_t i = 0; i < b->n; i++) {
		if (batch_is_dropped(b->m[i]))
			continue;
		if (first == NULL) {
			first = b->m[i];
			b->m[i] = NULL;
			address_set_of(&rcpts, first->rcpt, first->n_rcpt);
			continue;
		}
		*unequal = *unequal || !same_content(first, b->m[i]);
		join(first, b->m[i], &rcpts);
	}
	address_set_fini(&rcpts);
	return first;
}

bool
batches_quarantined(const struct batches *b)
{
	for (size_t i = 0; i < b->n; i++)
		if (b->m[i] != NULL && b->m[i]->quarantined)
			return true;
	return false;
}
