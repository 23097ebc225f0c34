#include "sim_mail.h"

#include "xmalloc.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

void
sim_mail_fini(struct sim_mail *m)
{
	free(m->sender);
	for (size_t i = 0; i < m->n_rcpts; i++)
		free(m->rcpt[i]);
	free(m->rcpt);
	for (size_t i = 0; i < m->n_fields; i++) {
		free(m->field[i].name);
		free(m->field[i].raw);
	}
	free(m->field);
	str_fini(&m->body);
	free(m->quarantine);
	*m = (struct sim_mail){ 0 };
}

void
sim_mail_sender(struct sim_mail *m, const char *address)
{
	char *copy = xstrdup(address);

	free(m->sender);
	m->sender = copy;
}

void
sim_mail_add_rcpt(struct sim_mail *m, const char *address)
{
	m->rcpt = xrealloc(m->rcpt, (m->n_rcpts + 1) * sizeof *m->rcpt);
	m->rcpt[m->n_rcpts++] = xstrdup(address);
}

static void
insert_field(struct sim_mail *m, size_t at, char *name, char *raw)
{
	m->field = xrealloc(m->field, (m->n_fields + 1) * sizeof *m->field);
	memmove(m->field + at + 1, m->field + at,
	    (m->n_fields - at) * sizeof *m->field);
	m->field[at] = (struct sim_field){ name, raw };
	m->n_fields++;
}

void
sim_mail_add_field(struct sim_mail *m, const char *name, const char *raw)
{
	insert_field(m, m->n_fields, xstrdup(name), xstrdup(raw));
}

void
sim_mail_copy(struct sim_mail *to, const struct sim_mail *from)
{
	*to = (struct sim_mail){ 0 };
	if (from->sender != NULL)
		to->sender = xstrdup(from->sender);
	for (size_t i = 0; i < from->n_rcpts; i++)
		sim_mail_add_rcpt(to, from->rcpt[i]);
	for (size_t i = 0; i < from->n_fields; i++)
		insert_field(to, i, xstrdup(from->field[i].name),
		    xstrdup(from->field[i].raw));
	str_add(&to->body, str_c(&from->body), from->body.len);
	if (from->quarantine != NULL)
		to->quarantine = xstrdup(from->quarantine);
}

/* ---- reading ------------------------------------------------------------- */

/* A line without its end; *next is behind that. */
static size_t
line_at(const char *data, size_t len, size_t *next)
{
	const char *nl = memchr(data, '\n', len);
	size_t n = nl != NULL ? (size_t)(nl - data) : len;

	*next = nl != NULL ? n + 1 : len;
	if (nl != NULL && n > 0 && data[n - 1] == '\r')
		n--;
	return n;
}

/* The length of a field's name, or 0: this line is none. */
static size_t
name_length(const char *line, size_t n)
{
	size_t i = 0;

	while (i < n && line[i] > ' ' && line[i] < 127 && line[i] != ':')
		i++;
	return i < n && line[i] == ':' ? i : 0;
}

/* One field with its folds; how many bytes it was. */
static size_t
read_field(struct sim_mail *m, const char *data, size_t len, size_t name)
{
	struct str raw = { 0 };
	size_t at, n = line_at(data, len, &at);

	str_add(&raw, data + name + 1, n - name - 1);
	while (at < len && (data[at] == ' ' || data[at] == '\t')) {
		size_t next;

		n = line_at(data + at, len - at, &next);
		str_addc(&raw, '\n');
		str_add(&raw, data + at, n);
		at += next;
	}
	str_add(&raw, "", 0);
	insert_field(m, m->n_fields, xmemdup0(data, name),
	    raw.data != NULL ? str_take(&raw) : xstrdup(""));
	return at;
}

static void
read_body(struct sim_mail *m, const char *data, size_t len)
{
	while (len > 0) {
		size_t next, n = line_at(data, len, &next);

		str_add(&m->body, data, n);
		str_adds(&m->body, "\r\n");
		data += next;
		len -= next;
	}
}

void
sim_mail_read(struct sim_mail *m, const char *data, size_t len)
{
	size_t at = 0, next, n, name;

	while (at < len) {
		n = line_at(data + at, len - at, &next);
		name = name_length(data + at, n);
		if (name == 0) {
			if (n == 0) /* the empty line is nobody's */
				at += next;
			break;
		}
		at += read_field(m, data + at, len - at, name);
	}
	read_body(m, data + at, len - at);
}

void
sim_mail_write(struct str *out, const struct sim_mail *m)
{
	for (size_t i = 0; i < m->n_fields; i++) {
		str_addf(out, "%s:", m->field[i].name);
		for (const char *p = m->field[i].raw; *p != '\0'; p++) {
			if (*p == '\n')
				str_addc(out, '\r');
			str_addc(out, *p);
		}
		str_adds(out, "\r\n");
	}
	str_adds(out, "\r\n");
	str_add(out, str_c(&m->body), m->body.len);
}

/* ---- edits --------------------------------------------------------------- */

/* Where instance number index of this name stands, or n_fields. */
static size_t
find_field(const struct sim_mail *m, const char *name, int index)
{
	size_t i = 0;

	for (; i < m->n_fields; i++)
		if (strcasecmp(m->field[i].name, name) == 0 && --index == 0)
			break;
	return i;
}

static void
change_field(struct sim_mail *m, const struct edit *e)
{
	size_t at = find_field(m, e->name, e->index);

	if (at == m->n_fields) { /* both MTAs add it then */
		insert_field(m, at, xstrdup(e->name), xstrdup(e->raw));
		return;
	}
	free(m->field[at].raw);
	m->field[at].raw = xstrdup(e->raw);
}

static void
delete_field(struct sim_mail *m, const struct edit *e)
{
	size_t at = find_field(m, e->name, e->index);

	if (at == m->n_fields)
		return;
	free(m->field[at].name);
	free(m->field[at].raw);
	memmove(m->field + at, m->field + at + 1,
	    (--m->n_fields - at) * sizeof *m->field);
}

/* 0 is above the MTA's own Received:, which is not here, and 1 below it. */
static size_t
place_of(const struct sim_mail *m, int index)
{
	size_t at = index > 0 ? (size_t)index - 1 : 0;

	return at < m->n_fields ? at : m->n_fields;
}

static void
delete_rcpt(struct sim_mail *m, const char *address)
{
	size_t kept = 0;

	for (size_t i = 0; i < m->n_rcpts; i++)
		if (strcmp(m->rcpt[i], address) == 0)
			free(m->rcpt[i]);
		else
			m->rcpt[kept++] = m->rcpt[i];
	m->n_rcpts = kept;
}

static void
replace_body(struct sim_mail *m, const struct body *body)
{
	struct err err;

	str_clear(&m->body);
	must(body_read(body, &m->body, &err) == 0);
}

void
sim_mail_edit(struct sim_mail *m, const struct edit *e, const struct body *body)
{
	switch (e->kind) {
	case EDIT_DELETE_HEADER:
		delete_field(m, e);
		break;
	case EDIT_CHANGE_HEADER:
		change_field(m, e);
		break;
	case EDIT_INSERT_HEADER:
		insert_field(m, place_of(m, e->index), xstrdup(e->name),
		    xstrdup(e->raw));
		break;
	case EDIT_ADD_HEADER:
		insert_field(m, m->n_fields, xstrdup(e->name), xstrdup(e->raw));
		break;
	case EDIT_SENDER:
		sim_mail_sender(m, e->name);
		break;
	case EDIT_DELETE_RCPT:
		delete_rcpt(m, e->name);
		break;
	case EDIT_ADD_RCPT:
		sim_mail_add_rcpt(m, e->name);
		break;
	case EDIT_BODY:
		replace_body(m, body);
		break;
	case EDIT_QUARANTINE:
		free(m->quarantine);
		m->quarantine = xstrdup(e->name);
		break;
	}
}
