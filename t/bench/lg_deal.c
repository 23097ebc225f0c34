/*
 * lg_deal.c - what a filter asked for, and what it will therefore be sent
 */
#include "lg.h"

#include <arpa/inet.h>
#include <libmilter/mfdef.h>
#include <stdlib.h>
#include <string.h>

const char *const step_names[STEP_COUNT] = { "negotiate", "connect", "helo",
	"mail", "rcpt", "data", "header", "eoh", "body", "eom" };
const char step_letters[] = "OCHMRTLNBE";

/*
 * symlist: the stage's number in the filter's list of macros, -1 for none;
 * postfix, sendmail: what the MTA sends when the filter did not ask.
 */
static const struct stage {
	unsigned long no, nr;
	int symlist;
	const char *postfix, *sendmail;
} stages[STEP_COUNT] = {
	[STEP_NEGOTIATE] = { 0, 0, -1, "", "" },
	[STEP_CONNECT] = { SMFIP_NOCONNECT, SMFIP_NR_CONN, 0,
	    "j {daemon_name} {daemon_addr} v _",
	    "j _ {daemon_name} {if_name} {if_addr}" },
	[STEP_HELO] = { SMFIP_NOHELO, SMFIP_NR_HELO, 1,
	    "{tls_version} {cipher} {cipher_bits}",
	    "{tls_version} {cipher} {cipher_bits}" },
	[STEP_MAIL] = { SMFIP_NOMAIL, SMFIP_NR_MAIL, 2,
	    "i {mail_addr} {mail_host} {mail_mailer}",
	    "i {mail_addr} {mail_host} {mail_mailer}" },
	[STEP_RCPT] = { SMFIP_NORCPT, SMFIP_NR_RCPT, 3,
	    "i {rcpt_addr} {rcpt_host} {rcpt_mailer}",
	    "{rcpt_addr} {rcpt_host} {rcpt_mailer}" },
	[STEP_DATA] = { SMFIP_NODATA, SMFIP_NR_DATA, 4, "i", "" },
	[STEP_HEADER] = { SMFIP_NOHDRS, SMFIP_NR_HDR, -1, "", "" },
	[STEP_EOH] = { SMFIP_NOEOH, SMFIP_NR_EOH, 6, "i", "" },
	[STEP_BODY] = { SMFIP_NOBODY, SMFIP_NR_BODY, -1, "", "" },
	[STEP_EOM] = { 0, 0, 5, "i", "{msg_id}" },
};

static const struct {
	const char *name, *value;
} values[] = {
	{ "j", "mx.example.test" },
	{ "_", "client.example.net [192.0.2.1]" },
	{ "{daemon_name}", "mx.example.test" },
	{ "{daemon_addr}", "127.0.0.1" },
	{ "{daemon_port}", "25" },
	{ "{client_addr}", "192.0.2.1" },
	{ "{client_name}", "client.example.net" },
	{ "{client_port}", "40001" },
	{ "{client_ptr}", "client.example.net" },
	{ "{client_resolve}", "OK" },
	{ "{client_connections}", "1" },
	{ "i", "4XyZ0123456789" },
	{ "{mail_addr}", "user@sender.example" },
	{ "{mail_host}", "sender.example" },
	{ "{mail_mailer}", "smtp" },
	{ "{rcpt_addr}", "rcpt@example.org" },
	{ "{rcpt_host}", "example.org" },
	{ "{rcpt_mailer}", "local" },
	{ "{msg_id}", "<1@sender.example>" },
};

static struct deal *deals;

bool
deal_sends(const struct deal *d, enum step s)
{
	return d == NULL || !(d->steps & stages[s].no);
}

bool
deal_waits(const struct deal *d, enum step s)
{
	return d == NULL || !(d->steps & stages[s].nr);
}

static const char *
value_of(const char *name, size_t n, bool sendmail)
{
	if (n == 1 && *name == 'v')
		return sendmail ? "8.17.1.9" : "Postfix 3.7.11";
	for (size_t i = 0; i < sizeof values / sizeof *values; i++)
		if (strlen(values[i].name) == n &&
		    memcmp(values[i].name, name, n) == 0)
			return values[i].value;
	return NULL;
}

/* Build the 'D' packet for one stage from a list of names. */
static void
add_macros(struct deal *d, enum step s, const char *list, bool sendmail)
{
	struct buf *b = &d->macros[s];
	uint32_t length;

	b->len = b->off = 0;
	buf_add(b, "\0\0\0\0D", 5);
	buf_add(b, &step_letters[s], 1);
	while (*(list += strspn(list, " ,")) != '\0') {
		size_t n = strcspn(list, " ,");
		const char *value = value_of(list, n, sendmail);

		if (value != NULL) {
			buf_add(b, list, n);
			buf_add(b, "", 1);
			buf_add(b, value, strlen(value) + 1);
		}
		list += n;
	}
	length = htonl((uint32_t)b->len - 4);
	memcpy(b->p, &length, 4);
	if (b->len == 6)
		b->len = 0;
}

static uint32_t
word(const unsigned char *p)
{
	uint32_t w;

	memcpy(&w, p, 4);
	return ntohl(w);
}

/* The lists of macros behind the three words: number, text, NUL. */
static void
take_symlists(struct deal *d, bool sendmail)
{
	const unsigned char *p = d->answer + 13, *end = d->answer + d->len;

	while (end - p > 4) {
		uint32_t number = word(p);
		const unsigned char *nul =
		    memchr(p + 4, 0, (size_t)(end - p) - 4);

		if (nul == NULL)
			return;
		for (int s = 0; s < STEP_COUNT; s++)
			if (stages[s].symlist == (int)number)
				add_macros(d, s, (const char *)p + 4, sendmail);
		p = nul + 1;
	}
}

static struct deal *
deal_new(const unsigned char *p, size_t n, bool sendmail)
{
	struct deal *d = calloc(1, sizeof *d);

	if (d == NULL)
		abort();
	d->answer = malloc(n);
	if (d->answer == NULL)
		abort();
	memcpy(d->answer, p, n);
	d->len = n;
	d->version = word(p + 1);
	d->actions = word(p + 5);
	d->steps = word(p + 9);
	for (int s = 0; s < STEP_COUNT; s++)
		add_macros(d, s,
		    sendmail ? stages[s].sendmail : stages[s].postfix,
		    sendmail);
	take_symlists(d, sendmail);
	d->next = deals;
	return deals = d;
}

const struct deal *
deal_for(const unsigned char *p, size_t n, bool sendmail)
{
	if (n < 13 || p[0] != 'O')
		return NULL;
	for (struct deal *d = deals; d != NULL; d = d->next)
		if (d->len == n && memcmp(d->answer, p, n) == 0)
			return d;
	return deal_new(p, n, sendmail);
}
