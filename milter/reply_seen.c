/*
 * What a client of Postfix 3.7 to 3.12 and Sendmail 8.17 reads for a reply;
 * measured, for the tests and for `kumilter explain-reply`.
 */
#include "reply.h"

#include <string.h>

static bool
has_text(const struct reply *r)
{
	return r->action == REPLY_TEMPFAIL || r->action == REPLY_REJECT;
}

/* Sendmail names the address in front of the text of these. */
static bool
takes_address(const char *code)
{
	return strcmp(code, "450") == 0 || strcmp(code, "550") == 0 ||
	       strcmp(code, "553") == 0;
}

/* Both MTAs take the text for a format: "%%" becomes "%". */
static void
add_text(struct str *out, const char *line)
{
	for (; *line != '\0'; line++) {
		str_addc(out, *line);
		if (line[0] == '%' && line[1] == '%')
			line++;
	}
}

/* address: goes in front of the first line's text, or NULL. */
static void
add_lines(
    struct str *out, const struct reply *r, enum mta mta, const char *address)
{
	for (int i = 0; i < r->nlines; i++) {
		str_addf(out, "%s%s%c", i == 0 ? "" : "\n", r->code,
		    i == r->nlines - 1 ? ' ' : '-');
		if (r->xcode[0] != '\0')
			str_addf(out, "%s ", r->xcode);
		else if (mta == MTA_SENDMAIL)
			str_addf(out, "%c.0.0 ", r->code[0]);
		if (i == 0 && address != NULL)
			str_addf(out, "%s... ", address);
		add_text(out, r->line[i]);
	}
}

/* The greeting: no text of ours is in it.  After a 4xx it is the usual 220. */
static void
add_greeting(
    struct str *out, const struct reply *r, enum mta mta, const char *host)
{
	static const struct {
		const char *code_421, *code_5xx;
	} forms[] = {
		[MTA_POSTFIX] = {
			"421 %s Service unavailable - try again later",
			"554 %s ESMTP not accepting connections",
		},
		[MTA_SENDMAIL] = {
			"421 4.7.0 %s closing connection",
			"554 %s ESMTP not accepting messages",
		},
	};

	if (r->code[0] == '5')
		str_addf(out, forms[mta].code_5xx, host);
	else if (strcmp(r->code, "421") == 0)
		str_addf(out, forms[mta].code_421, host);
}

void
reply_as_seen(struct str *out, const struct reply *r, enum phase phase,
    enum mta mta, const char *mta_host, const char *address)
{
	bool named = mta == MTA_SENDMAIL && takes_address(r->code) &&
		     (phase == PHASE_MAIL || phase == PHASE_RCPT);

	if (!has_text(r))
		return;
	switch (phase) {
	case PHASE_CONNECT:
		add_greeting(out, r, mta, mta_host);
		break;
	case PHASE_HELO:
		if (strcmp(r->code, "421") == 0)
			add_lines(out, r, mta, NULL);
		break;
	case PHASE_ABORT:
	case PHASE_CLOSE:
		break;
	default:
		add_lines(out, r, mta, named ? address : NULL);
	}
}

void
reply_as_seen_at_mail(
    struct str *out, const struct reply *r, enum phase phase, enum mta mta)
{
	if (!has_text(r) || strcmp(r->code, "421") == 0)
		return;
	if (mta == MTA_POSTFIX || phase == PHASE_HELO)
		add_lines(out, r, mta, NULL);
	else if (r->code[0] == '4')
		str_adds(out, "451 4.3.2 Please try again later");
	else
		str_adds(out, "550 5.0.0 Command rejected");
}
