/*
 * arc_message.h - messages as text, and keys as a DNS that is none, for the
 * suites of ARC
 */
#ifndef KUMILTER_UNIT_ARC_MESSAGE_H
#define KUMILTER_UNIT_ARC_MESSAGE_H

#include "milter/arc.h"
#include "milter/xmalloc.h"
#include "unit.h"

#include <string.h>

struct arc_message {
	struct headers headers;
	struct body *body;
};

/* Lines that end in "\n", or CR LF; what is no header block is body. */
static inline void
arc_message_read(struct arc_message *m, const char *text)
{
	static const struct body_limits limits = { 1 << 20, 1 << 20, "/tmp" };
	const char *at = text, *end;
	struct str body = { 0 };
	struct err err;

	*m = (struct arc_message){ 0 };
	while (*at != '\0' && *at != '\n') {
		const char *colon = strchr(at, ':');
		char *name, *raw;

		for (end = strchr(at, '\n');
		     end != NULL && (end[1] == '\t' || end[1] == ' ');)
			end = strchr(end + 1, '\n');
		if (end == NULL)
			end = at + strlen(at);
		ck_assert_msg(colon != NULL && colon < end, "%.60s", at);
		name = xmemdup0(at, (size_t)(colon - at));
		raw = xmemdup0(colon + 1, (size_t)(end - colon - 1));
		headers_received(&m->headers, name, raw);
		free(name);
		free(raw);
		at = *end != '\0' ? end + 1 : end;
	}
	if (*at == '\n')
		at++;
	for (; *at != '\0'; at++)
		if (*at == '\n')
			str_adds(&body, "\r\n");
		else
			str_addc(&body, *at);
	m->body = body_from(str_c(&body), body.len, &limits, &err);
	ck_assert_msg(m->body != NULL, "%s", err.msg);
	str_fini(&body);
}

static inline void
arc_message_fini(struct arc_message *m)
{
	headers_fini(&m->headers);
	body_unref(m->body);
}

/* An answer that has this TXT, too. */
static inline void
arc_answer_txt(struct dns_answer *out, const char *text)
{
	out->status = DNS_FOUND;
	out->record = xrealloc(out->record, (out->n + 1) * sizeof *out->record);
	out->record[out->n++] =
	    (struct dns_record){ 0, xstrdup(text), strlen(text) };
}

#endif
