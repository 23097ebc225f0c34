#include "fuzz.h"

#include "milter/header_text.h"
#include "milter/mailbox.h"

#include <stdlib.h>
#include <string.h>

static void
check_text(const char *s)
{
	must(header_text_is_utf8(s, strlen(s)));
	for (; *s != '\0'; s++)
		must((unsigned char)*s >= ' ' && *s != 0x7f);
}

/* What was read of an address is read again from its email. */
static void
check_address(const struct mailbox *m)
{
	struct err err;
	struct mailbox_list *l;

	check_text(m->local);
	check_text(m->domain);
	check_text(m->email);
	/* quoted, an address near the limit is above it */
	if (strlen(m->email) > MAILBOX_TEXT_MAX)
		return;
	l = mailbox_list_parse(m->email, strlen(m->email), &err);
	must(l != NULL && l->n_entries == 1 && l->n_boxes == 1);
	must(l->box[0].name == NULL);
	must(strcmp(l->box[0].local, m->local) == 0);
	must(strcmp(l->box[0].domain, m->domain) == 0);
	must(strcmp(l->box[0].email, m->email) == 0);
	free(l);
}

static void
check_list(const struct mailbox_list *l)
{
	size_t boxes = 0;

	for (size_t i = 0; i < l->n_entries; i++) {
		must(l->entry[i].first == boxes);
		must(l->entry[i].is_group
			 ? l->entry[i].name[l->entry[i].name_len] == '\0'
			 : l->entry[i].n == 1);
		boxes += l->entry[i].n;
	}
	must(boxes == l->n_boxes);
	for (size_t i = 0; i < l->n_boxes; i++) {
		const struct mailbox *m = &l->box[i];

		must(m->name == NULL || m->name[m->name_len] == '\0');
		if (m->email != NULL)
			check_address(m);
		else
			must(m->local == NULL && m->domain == NULL);
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct err err = { "" };
	struct mailbox_list *l = mailbox_list_parse(
				(const char *)data, size, &err),
			    *copy;

	must((l == NULL) == (err.msg[0] != '\0'));
	if (l == NULL) {
		check_text(err.msg);
		return 0;
	}
	check_list(l);
	copy = malloc(l->size);
	must(copy != NULL);
	mailbox_list_copy(copy, l);
	memset(l, 0xa5, l->size);
	free(l);
	check_list(copy);
	free(copy);
	return 0;
}
