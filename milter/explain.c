#include "explain.h"

#include <string.h>

/* What there is to remark on: one bit for each row of remarks[]. */
enum fact {
	FACT_HELD = 1 << 0,
	FACT_HELO_STAYS = 1 << 1,
	FACT_HELD_DATA = 1 << 2,
	FACT_LOST = 1 << 3,
	FACT_MTA_KEEPS = 1 << 4,
	FACT_CLOSES_LATER = 1 << 5,
	FACT_DATA_NOW = 1 << 6,
	FACT_CODE_CHANGED = 1 << 7,
	FACT_CANNOT_CLOSE = 1 << 8,
	FACT_REACH = 1 << 9,
	FACT_SILENT_HELO = 1 << 10,
	FACT_RCPT = 1 << 11,
	FACT_UNKNOWN_5XX = 1 << 12,
	FACT_521 = 1 << 13,
	FACT_ADDRESS = 1 << 14,
	FACT_XCODE = 1 << 15,
	FACT_PERCENT = 1 << 16,
};

struct remark {
	unsigned bit;
	const char *text;
};

static const struct remark facts[] = {
	{ FACT_HELD, "held back: at connect and HELO the MTA would hide the "
		     "text of any code but 421 and never ask kumilter again" },
	{ FACT_HELO_STAYS, "every MAIL gets this reply until the client sends "
			   "a HELO that is accepted" },
	{ FACT_HELD_DATA, "held back: after a refusal at DATA a further RCPT "
			  "or DATA would make the MTA hang until its milter "
			  "timeout; the content is read and thrown away" },
	{ FACT_LOST, "the text is lost: at connect the MTA says its own "
		     "words" },
	{ FACT_MTA_KEEPS, "from here on the MTA answers by itself and asks "
			  "kumilter no more in this session" },
	{ FACT_CLOSES_LATER, "Postfix closes once it has said this 521" },
	{ FACT_DATA_NOW, "the transaction stays open: a further RCPT or DATA "
			 "in it makes the MTA hang until its milter timeout" },
	{ FACT_CODE_CHANGED, "force_disconnect 'drop' changed the code so "
			     "that the MTA closes" },
	{ FACT_CANNOT_CLOSE, "a milter cannot make the MTA close after this "
			     "code, so the disconnect waits for the next "
			     "command" },
	{ FACT_REACH, "NOOP, RSET, VRFY, AUTH, STARTTLS and QUIT do not reach "
		      "a milter: they are answered as usual" },
	{ FACT_SILENT_HELO, "at a second HELO or EHLO of a session Sendmail "
			    "closes without any reply line" },
	{ FACT_RCPT, "the transaction cannot be completed, whatever its other "
		     "recipients are" },
	{ FACT_UNKNOWN_5XX, "Postfix 3.12 and later ignores a 5xx here and "
			    "says 500 5.5.2; 3.7 says this, and closes on "
			    "521" },
	{ FACT_521, "Sendmail does not close on 521" },
	{ FACT_ADDRESS, "Sendmail puts the address in front of the text of "
			"450, 550 and 553" },
	{ FACT_XCODE, "Sendmail puts an enhanced code of its own where there "
		      "is none" },
	{ FACT_PERCENT, "'%' is doubled for libmilter; the client reads one" },
};

static const struct remark notes[] = {
	{ REPLY_NOTE_CONTROL, "control characters became spaces" },
	{ REPLY_NOTE_NOT_UTF8, "bytes that are not UTF-8 became '?'" },
	{ REPLY_NOTE_NOT_ASCII, "characters that are not ASCII became '?': "
				"Sendmail strips their eighth bit" },
	{ REPLY_NOTE_LINE_CUT, "a line was cut at 900 bytes ('%' counts "
			       "two)" },
	{ REPLY_NOTE_LINES_CUT, "lines were cut: at most 32 (one for a 421 at "
				"connect), less than 16000 bytes in all" },
	{ REPLY_NOTE_NO_TEXT, "there was no text: kumilter's own is said" },
	{ REPLY_NOTE_CLASS, "the enhanced code's class was made that of the "
			    "code, or Postfix would call the reply "
			    "malformed" },
	{ REPLY_NOTE_XCODE_ADDED, "an enhanced code was added: the text has "
				  "several lines, where libmilter puts one on "
				  "each, or begins with a digit, which Postfix "
				  "would call malformed" },
};

/* A reply that the MTA takes at connect or HELO and tells later, or never. */
static bool
mta_keeps(const struct explain *e)
{
	return e->plan.until <= PHASE_HELO && !e->plan.closes;
}

static unsigned
facts_of_time(const struct explain *e)
{
	bool held = e->plan.until != e->stage;
	bool reject = e->verdict->how == DISCONNECT_IF421;
	unsigned f = 0;

	if (held)
		f |= e->stage == PHASE_DATA ? FACT_HELD_DATA : FACT_HELD;
	if (held && e->stage == PHASE_HELO && reject && !e->plan.closes)
		f |= FACT_HELO_STAYS;
	if (e->plan.until == PHASE_CONNECT &&
	    (e->plan.closes || e->rules.mta == MTA_SENDMAIL))
		f |= FACT_LOST;
	if (mta_keeps(e))
		f |= FACT_MTA_KEEPS;
	if (mta_keeps(e) && e->rules.mta == MTA_POSTFIX && e->plan.code == 521)
		f |= FACT_CLOSES_LATER;
	if (e->plan.until == PHASE_DATA && !e->plan.closes)
		f |= FACT_DATA_NOW;
	return f;
}

static unsigned
facts_of_close(const struct explain *e)
{
	bool sendmail = e->rules.mta == MTA_SENDMAIL;
	unsigned f = 0;

	if (e->plan.code != e->verdict->code)
		f |= FACT_CODE_CHANGED;
	if (e->condemned && e->verdict->how == DISCONNECT_FORCE)
		f |= FACT_CANNOT_CLOSE;
	if (e->condemned)
		f |= FACT_REACH;
	if (sendmail &&
	    (e->condemned || (e->plan.until == PHASE_HELO && e->plan.closes)))
		f |= FACT_SILENT_HELO;
	if (e->condemned && e->plan.until == PHASE_RCPT)
		f |= FACT_RCPT;
	if (!sendmail && e->plan.until == PHASE_UNKNOWN && e->plan.code >= 500)
		f |= FACT_UNKNOWN_5XX;
	if (sendmail && e->plan.code == 521)
		f |= FACT_521;
	return f;
}

/* Does what the client reads depend on the address? */
static bool
shows_address(const struct explain *e)
{
	struct str bare = { 0 };
	bool shows;

	reply_as_seen(
	    &bare, &e->reply, e->plan.until, e->rules.mta, e->host, NULL);
	shows = bare.len != e->seen.len;
	str_fini(&bare);
	return shows;
}

static unsigned
facts_of_text(const struct explain *e)
{
	bool said = e->plan.until != PHASE_CONNECT && e->seen.len != 0;
	unsigned f = 0;

	if (shows_address(e))
		f |= FACT_ADDRESS;
	if (e->rules.mta == MTA_SENDMAIL && said && e->reply.xcode[0] == '\0')
		f |= FACT_XCODE;
	for (int i = 0; i < e->reply.nlines; i++)
		if (strchr(e->reply.line[i], '%') != NULL)
			f |= FACT_PERCENT;
	return f;
}

static void
remark(struct explain *e, const struct remark *rows, size_t n, unsigned bits)
{
	for (size_t i = 0; i < n; i++)
		if ((bits & rows[i].bit) != 0) {
			must(e->nremarks < EXPLAIN_REMARKS);
			e->remark[e->nremarks++] = rows[i].text;
		}
}

void
explain(struct explain *e)
{
	enum mta mta = e->rules.mta;
	struct reply condemned;

	e->plan = reply_plan(e->verdict, e->stage, &e->rules);
	reply_for(&e->reply, e->verdict, e->plan.until, &e->rules);
	reply_as_seen(
	    &e->seen, &e->reply, e->plan.until, mta, e->host, e->address);
	if (mta_keeps(e))
		reply_as_seen_at_mail(
		    &e->at_mail, &e->reply, e->plan.until, mta);
	e->condemned = e->plan.condemns && !mta_keeps(e);
	if (e->condemned) {
		reply_condemned(&condemned, e->host, &e->rules);
		reply_as_seen(
		    &e->next, &condemned, PHASE_MAIL, mta, e->host, e->address);
		reply_fini(&condemned);
	}
	remark(e, facts, sizeof facts / sizeof *facts,
	    facts_of_time(e) | facts_of_close(e) | facts_of_text(e));
	remark(e, notes, sizeof notes / sizeof *notes, e->reply.notes);
}

void
explain_fini(struct explain *e)
{
	reply_fini(&e->reply);
	str_fini(&e->seen);
	str_fini(&e->at_mail);
	str_fini(&e->next);
	e->nremarks = 0;
}
