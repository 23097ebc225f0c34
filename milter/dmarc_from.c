#include "dmarc_from.h"

#include "address.h"
#include "mailbox.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* "From", also where it was written "From :" (RFC 5322, 4.5) */
static bool
is_from(const struct header *f)
{
	size_t len = f->name_len;

	while (len > 0 && (f->name[len - 1] == ' ' || f->name[len - 1] == '\t'))
		len--;
	return len == strlen("From") && strncasecmp(f->name, "From", len) == 0;
}

static const struct header *
find(const struct headers *h, bool *several)
{
	const struct header *first = NULL;

	*several = false;
	for (size_t i = 0; i < h->n; i++) {
		if (!is_from(&h->field[i]))
			continue;
		*several = first != NULL;
		if (*several)
			break;
		first = &h->field[i];
	}
	return first;
}

static void
none(struct dmarc_from *f, bool broken, const char *why)
{
	dmarc_from_fini(f);
	f->broken = broken;
	f->why = why;
}

/* true, but where there are too many. */
static bool
add(struct dmarc_from *f, char *domain)
{
	for (size_t i = 0; i < f->n; i++)
		if (strcmp(f->domain[i], domain) == 0) {
			free(domain);
			return true;
		}
	if (f->n == DMARC_FROM_MAX) {
		free(domain);
		return false;
	}
	f->domain[f->n++] = domain;
	return true;
}

static void
take(struct dmarc_from *f, const struct mailbox_list *list)
{
	const char *last = NULL;

	for (size_t i = 0; i < list->n_boxes; i++) {
		const char *written = list->box[i].domain;
		char *domain;

		/* a crowd has mostly one */
		if (written == NULL || written[0] == '[' ||
		    (last != NULL && strcmp(written, last) == 0))
			continue;
		last = written;
		domain = address_domain(written, strlen(written), NULL);
		if (domain == NULL) {
			none(f, true, "From: has a domain that is none");
			return;
		}
		if (!add(f, domain)) {
			none(f, true, "From: has too many domains");
			return;
		}
	}
	if (f->n == 0)
		f->why = "From: has no domain";
}

/* As KumoMTA, which wants one address and no group. */
static bool
is_simple(const struct mailbox_list *list)
{
	return list->n_entries == 1 && !list->entry[0].is_group &&
	       list->box[0].domain != NULL;
}

void
dmarc_from_read(
    struct dmarc_from *out, const struct headers *h, bool kumomta_quirks)
{
	bool several;
	const struct header *field = find(h, &several);
	struct mailbox_list *list = NULL;

	*out = (struct dmarc_from){ 0 };
	if (several && !kumomta_quirks) {
		none(out, true, "several From: fields");
		return;
	}
	if (field != NULL)
		list = mailbox_list_parse(field->raw, field->raw_len, NULL);
	if (list == NULL && kumomta_quirks)
		none(out, false, "Only single 'From:' header supported");
	else if (list == NULL)
		none(out, true,
		    field == NULL ? "no From: field" : "From: is no address");
	else if (kumomta_quirks && !is_simple(list))
		none(out, false, "'From:' header missing domain");
	else
		take(out, list);
	free(list);
}

void
dmarc_from_fini(struct dmarc_from *f)
{
	for (size_t i = 0; i < f->n; i++)
		free(f->domain[i]);
	*f = (struct dmarc_from){ 0 };
}
