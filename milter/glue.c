#include "glue.h"

#include "edits.h"
#include "event.h"
#include "log.h"
#include "macro_name.h"
#include "nudge.h"
#include "xmalloc.h"

#include <libmilter/mfapi.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/un.h>
#include <unistd.h>

/* One milter connection. */
struct conn {
	struct session *s;
	unsigned long steps; /* what was negotiated */
};

/* libmilter's words for the stages that bring macros. */
static const struct {
	int stage;
	enum phase phase;
} macros[] = {
	{ SMFIM_CONNECT, PHASE_CONNECT },
	{ SMFIM_HELO, PHASE_HELO },
	{ SMFIM_ENVFROM, PHASE_MAIL },
	{ SMFIM_ENVRCPT, PHASE_RCPT },
	{ SMFIM_DATA, PHASE_DATA },
	{ SMFIM_EOM, PHASE_EOM },
};

static void
ask_for_macros(SMFICTX *ctx)
{
	for (size_t i = 0; i < sizeof macros / sizeof *macros; i++)
		smfi_setsymlist(
		    ctx, macros[i].stage, (char *)macro_names(macros[i].phase));
}

static const char *
ask_macro(void *ctx, const char *name)
{
	return smfi_getsymval(ctx, (char *)name);
}

/* ---- replies ------------------------------------------------------------ */

static int
set_reply(SMFICTX *ctx, struct reply *r)
{
	char *xcode = r->xcode[0] != '\0' ? r->xcode : NULL;
	char **l = r->line;

	if (r->nlines == 1)
		return smfi_setreply(ctx, r->code, xcode, l[0]);
	return smfi_setmlreply(ctx, r->code, xcode, l[0], l[1], l[2], l[3],
	    l[4], l[5], l[6], l[7], l[8], l[9], l[10], l[11], l[12], l[13],
	    l[14], l[15], l[16], l[17], l[18], l[19], l[20], l[21], l[22],
	    l[23], l[24], l[25], l[26], l[27], l[28], l[29], l[30], l[31],
	    NULL);
}

static sfsistat
give(SMFICTX *ctx, const struct conn *c, struct reply *r)
{
	sfsistat status;

	switch (r->action) {
	case REPLY_ACCEPT:
		status = SMFIS_ACCEPT;
		break;
	case REPLY_DISCARD:
		status = SMFIS_DISCARD;
		break;
	case REPLY_TEMPFAIL:
	case REPLY_REJECT:
		if (set_reply(ctx, r) != MI_SUCCESS)
			log_error(c->s->id,
			    "libmilter refuses the reply %s %s %s; the client "
			    "gets the MTA's own text",
			    r->code, r->xcode, r->line[0]);
		status =
		    r->action == REPLY_TEMPFAIL ? SMFIS_TEMPFAIL : SMFIS_REJECT;
		break;
	default:
		status = SMFIS_CONTINUE;
	}
	reply_fini(r);
	return status;
}

/* ---- callbacks ---------------------------------------------------------- */

/* Without a negotiation (old MTAs) the connection begins here. */
static struct conn *
conn_of(SMFICTX *ctx)
{
	struct conn *c = smfi_getpriv(ctx);

	if (c == NULL) {
		c = xcalloc(1, sizeof *c);
		c->s = session_new();
		c->s->ask_macro = ask_macro;
		c->s->macro_source = ctx;
		smfi_setpriv(ctx, c);
	}
	return c;
}

static sfsistat
on_close(SMFICTX *ctx)
{
	struct conn *c = smfi_getpriv(ctx);

	if (c == NULL)
		return SMFIS_CONTINUE;
	smfi_setpriv(ctx, NULL);
	event_close(c->s);
	free(c);
	return SMFIS_CONTINUE;
}

static unsigned long
steps_for(const struct event_needs *n)
{
	unsigned long steps = SMFIP_NOEOH;

	if (!n->any)
		return SMFIP_NOCONNECT | SMFIP_NOHELO | SMFIP_NOMAIL |
		       SMFIP_NORCPT | SMFIP_NOHDRS | SMFIP_NOEOH |
		       SMFIP_NOBODY | SMFIP_NODATA | SMFIP_NOUNKNOWN;
	if (!n->connect_answers)
		steps |= SMFIP_NR_CONN;
	if (!n->data)
		steps |= SMFIP_NODATA;
	if (!n->unknown)
		steps |= SMFIP_NOUNKNOWN;
	steps |= n->content ? SMFIP_HDR_LEADSPC | SMFIP_NR_HDR : SMFIP_NOHDRS;
	steps |= n->body ? SMFIP_NR_BODY : SMFIP_NOBODY;
	return steps;
}

static sfsistat
on_negotiate(SMFICTX *ctx, unsigned long f0, unsigned long f1, unsigned long f2,
    unsigned long f3, unsigned long *pf0, unsigned long *pf1,
    unsigned long *pf2, unsigned long *pf3)
{
	struct conn *c;
	struct event_needs needs;

	(void)f2;
	(void)f3;
	*pf0 = *pf1 = *pf2 = *pf3 = 0;
	on_close(ctx); /* whoever negotiates twice begins anew */
	c = conn_of(ctx);
	if (f0 == NUDGE_ACTIONS) /* it will never be a session */
		return SMFIS_CONTINUE;
	event_open(c->s);
	needs = event_needs(c->s);
	c->steps = steps_for(&needs) & f1;
	*pf0 = SMFIF_SETSYMLIST;
	if (needs.edits)
		*pf0 |= SMFIF_ADDHDRS | SMFIF_CHGHDRS | SMFIF_CHGBODY |
			SMFIF_QUARANTINE;
	if (needs.envelope)
		*pf0 |= SMFIF_ADDRCPT | SMFIF_DELRCPT | SMFIF_CHGFROM;
	*pf0 &= f0;
	*pf1 = c->steps;
	if (*pf0 & SMFIF_SETSYMLIST)
		ask_for_macros(ctx);
	return SMFIS_CONTINUE;
}

static socklen_t
address_len(const struct sockaddr *sa)
{
	switch (sa->sa_family) {
	case AF_INET:
		return sizeof(struct sockaddr_in);
	case AF_INET6:
		return sizeof(struct sockaddr_in6);
	default:
		return 0;
	}
}

static sfsistat
on_connect(SMFICTX *ctx, char *host, _SOCK_ADDR *addr)
{
	struct conn *c = conn_of(ctx);
	struct reply r = { 0 };
	sfsistat status;

	/* NULL for anything but IPv4, IPv6 and unix sockets */
	if (addr != NULL)
		memcpy(&c->s->peer, addr, address_len(addr));
	free(c->s->client_name);
	c->s->client_name = xstrdup(host != NULL ? host : "");
	event_connect(c->s, &r);
	status = give(ctx, c, &r);
	return c->steps & SMFIP_NR_CONN ? SMFIS_NOREPLY : status;
}

static sfsistat
on_helo(SMFICTX *ctx, char *name)
{
	struct conn *c = conn_of(ctx);
	struct reply r = { 0 };

	event_helo(c->s, name != NULL ? name : "", &r);
	return give(ctx, c, &r);
}

static sfsistat
on_mail(SMFICTX *ctx, char **argv)
{
	struct conn *c = conn_of(ctx);
	struct reply r = { 0 };

	if (argv[0] != NULL)
		session_set_esmtp(c->s, argv + 1);
	event_mail(c->s, argv[0] != NULL ? argv[0] : "", &r);
	return give(ctx, c, &r);
}

static sfsistat
on_rcpt(SMFICTX *ctx, char **argv)
{
	struct conn *c = conn_of(ctx);
	struct reply r = { 0 };

	if (argv[0] != NULL)
		session_set_esmtp(c->s, argv + 1);
	event_rcpt(c->s, argv[0] != NULL ? argv[0] : "", &r);
	return give(ctx, c, &r);
}

static sfsistat
on_data(SMFICTX *ctx)
{
	struct conn *c = conn_of(ctx);
	struct reply r = { 0 };

	event_data(c->s, &r);
	return give(ctx, c, &r);
}

static sfsistat
on_unknown(SMFICTX *ctx, const char *command)
{
	struct conn *c = conn_of(ctx);
	struct reply r = { 0 };

	event_unknown(c->s, command, &r);
	return give(ctx, c, &r);
}

static sfsistat
on_header(SMFICTX *ctx, char *name, char *value)
{
	struct conn *c = conn_of(ctx);
	char *spaced;

	if (c->steps & SMFIP_HDR_LEADSPC) {
		event_header(c->s, name, value);
	} else {
		spaced = xasprintf(" %s", value);
		event_header(c->s, name, spaced);
		free(spaced);
	}
	return c->steps & SMFIP_NR_HDR ? SMFIS_NOREPLY : SMFIS_CONTINUE;
}

static sfsistat
on_body(SMFICTX *ctx, unsigned char *data, size_t len)
{
	struct conn *c = conn_of(ctx);

	event_body(c->s, data, len);
	return c->steps & SMFIP_NR_BODY ? SMFIS_NOREPLY : SMFIS_CONTINUE;
}

/* ---- edits -------------------------------------------------------------- */

/* Without HDR_LEADSPC the MTA puts the space there itself. */
static char *
header_value(const struct conn *c, const char *raw)
{
	if (!(c->steps & SMFIP_HDR_LEADSPC) && raw[0] == ' ')
		raw++;
	return (char *)raw;
}

/* smfi_chgheader() with an empty value deletes the field. */
static char *
changed_value(const struct conn *c, const char *raw)
{
	char *value = header_value(c, raw);

	return value[0] != '\0' ? value : (char *)" ";
}

static int
replace_piece(void *ctx, const void *data, size_t len)
{
	return smfi_replacebody(ctx, (unsigned char *)data, (int)len) ==
		       MI_SUCCESS
		   ? 0
		   : 1;
}

static int
replace_body(SMFICTX *ctx, const struct body *body)
{
	struct err err;

	if (body_size(body) == 0)
		return smfi_replacebody(ctx, NULL, 0);
	return body_walk(body, replace_piece, ctx, &err) == 0 ? MI_SUCCESS
							      : MI_FAILURE;
}

/* An index for smfi_insheader() past any message's last field. */
#define BEHIND_ALL_HEADERS 0x10000000

static int
carry_out(SMFICTX *ctx, const struct conn *c, const struct edit *e,
    const struct message *m)
{
	char *name = (char *)e->name;

	switch (e->kind) {
	case EDIT_DELETE_HEADER:
		return smfi_chgheader(ctx, name, e->index, NULL);
	case EDIT_CHANGE_HEADER:
		return smfi_chgheader(
		    ctx, name, e->index, changed_value(c, e->raw));
	case EDIT_INSERT_HEADER:
		return smfi_insheader(
		    ctx, e->index, name, header_value(c, e->raw));
	case EDIT_ADD_HEADER:
		/* not smfi_addheader(): Sendmail would put it before the first
		 * field of that name, if there is one */
		return smfi_insheader(
		    ctx, BEHIND_ALL_HEADERS, name, header_value(c, e->raw));
	case EDIT_SENDER:
		return smfi_chgfrom(ctx, name, NULL);
	case EDIT_DELETE_RCPT:
		return smfi_delrcpt(ctx, name);
	case EDIT_ADD_RCPT:
		return smfi_addrcpt(ctx, name);
	case EDIT_BODY:
		return replace_body(ctx, m->body);
	case EDIT_QUARANTINE:
		return smfi_quarantine(ctx, name);
	}
	return MI_FAILURE;
}

static void
edit(SMFICTX *ctx, const struct conn *c, const struct message *m)
{
	struct edits list;

	edits_of(&list, m);
	for (size_t i = 0; i < list.n; i++)
		if (carry_out(ctx, c, &list.edit[i], m) != MI_SUCCESS)
			log_error(c->s->id,
			    "the MTA does not take an edit: %s %s",
			    edit_text(list.edit[i].kind), list.edit[i].name);
	edits_fini(&list);
}

static sfsistat
on_eom(SMFICTX *ctx)
{
	struct conn *c = conn_of(ctx);
	struct reply r = { 0 };
	struct message *m;

	event_eom(c->s, &r, &m);
	if (m != NULL)
		edit(ctx, c, m);
	event_message_over(c->s, m);
	return give(ctx, c, &r);
}

static sfsistat
on_abort(SMFICTX *ctx)
{
	event_abort(conn_of(ctx)->s);
	return SMFIS_CONTINUE;
}

/* ---- life --------------------------------------------------------------- */

/*
 * libmilter's signal thread sigwait()s for HUP, TERM and INT and stops all
 * service at any of them.  Blocking does not keep a signal from it: now and
 * then the kernel gives it one that was meant for signals.h.  The program's
 * own sigwait() comes before the C library's for libmilter too, and this one
 * never returns.
 */
int
sigwait(const sigset_t *set, int *sig)
{
	(void)set;
	(void)sig;
	for (;;)
		pause();
}

int
glue_setup(int fd, struct err *err)
{
	static char name[] = "kumilter";
	struct smfiDesc desc = { .xxfi_name = name,
		.xxfi_version = SMFI_VERSION,
		.xxfi_flags = SMFIF_ADDHDRS | SMFIF_CHGHDRS | SMFIF_CHGBODY |
			      SMFIF_ADDRCPT | SMFIF_DELRCPT | SMFIF_QUARANTINE |
			      SMFIF_CHGFROM | SMFIF_SETSYMLIST,
		.xxfi_connect = on_connect,
		.xxfi_helo = on_helo,
		.xxfi_envfrom = on_mail,
		.xxfi_envrcpt = on_rcpt,
		.xxfi_header = on_header,
		.xxfi_body = on_body,
		.xxfi_eom = on_eom,
		.xxfi_abort = on_abort,
		.xxfi_close = on_close,
		.xxfi_unknown = on_unknown,
		.xxfi_data = on_data,
		.xxfi_negotiate = on_negotiate };
	char text[32];

	snprintf(text, sizeof text, "fd:%d", fd);
	if (smfi_setconn(text) != MI_SUCCESS)
		return err_set(
		    err, "this libmilter does not take an open socket (fd:N)");
	if (smfi_register(desc) != MI_SUCCESS)
		return err_set(err, "smfi_register failed");
	return 0;
}

int
glue_run(void)
{
	return smfi_main() == MI_SUCCESS ? 0 : -1;
}

void
glue_stop(void)
{
	smfi_stop();
}
