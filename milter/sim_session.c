/*
 * sim_session.c - the simulated MTA's side of a session: who is who, macros
 */
#include "observe.h"
#include "sim_inside.h"
#include "xmalloc.h"

#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* Of body bytes in one packet, as the MTAs do it. */
#define PIECE 65535

void
sim_client_init(struct sim_client *c)
{
	*c = (struct sim_client){ .mta = MTA_POSTFIX,
		.mta_host = "mx.example.test",
		.port = 40000,
		.local_port = 25 };
	must(ip_parse(&c->ip, "192.0.2.1", NULL) == 0);
	must(ip_parse(&c->local, "192.0.2.25", NULL) == 0);
}

/* ---- macros -------------------------------------------------------------- */

static const char *
ask_macro(void *source, const char *name)
{
	const struct sim *sim = source;

	for (size_t i = 0; i < sim->c.n_macros; i++)
		if (strcmp(sim->c.macro[i].name, name) == 0)
			return sim->c.macro[i].value;
	return NULL;
}

/* A stage's macros replace those of all later stages, too. */
static void
begin_stage(struct sim *sim, enum phase stage)
{
	for (int i = stage; i <= PHASE_EOM; i++)
		session_macros_begin(sim->s, (enum phase)i);
}

static void
set(struct sim *sim, enum phase stage, const char *name, const char *value)
{
	if (value != NULL && value[0] != '\0' && !sim->c.macros_only)
		session_set_macro(sim->s, stage, name, value);
}

static void
set_ip(struct sim *sim, enum phase stage, const char *name, const struct ip *ip)
{
	struct str text = { 0 };

	if (ip->family == 0)
		return;
	if (ip->family == AF_INET6 && sim->c.mta == MTA_SENDMAIL)
		str_adds(&text, "IPv6:");
	ip_format(&text, ip);
	set(sim, stage, name, str_c(&text));
	str_fini(&text);
}

static void
set_number(struct sim *sim, enum phase stage, const char *name, int n)
{
	char text[16];

	snprintf(text, sizeof text, "%d", n);
	set(sim, stage, name, text);
}

static void
macros_client(struct sim *sim)
{
	const struct sim_client *c = &sim->c;

	set_ip(sim, PHASE_CONNECT, "{client_addr}", &c->ip);
	set_number(sim, PHASE_CONNECT, "{client_port}", c->port);
	set(sim, PHASE_CONNECT, "{client_name}",
	    c->name != NULL ? c->name : "unknown");
	set(sim, PHASE_CONNECT, "{client_ptr}",
	    c->ptr != NULL ? c->ptr : "unknown");
	set(sim, PHASE_CONNECT, "{client_resolve}",
	    c->name != NULL  ? "OK"
	    : c->ptr != NULL ? "FORGED"
			     : "FAIL");
	set(sim, PHASE_CONNECT, "{client_connections}", "1");
}

void
sim_macros_connect(struct sim *sim)
{
	const struct sim_client *c = &sim->c;
	bool postfix = c->mta == MTA_POSTFIX;

	begin_stage(sim, PHASE_CONNECT);
	set(sim, PHASE_CONNECT, "j", c->mta_host);
	set(sim, PHASE_CONNECT, "_", sim->client);
	set(sim, PHASE_CONNECT, "v", postfix ? "Postfix 3.7.11" : "8.17.1.9");
	set(sim, PHASE_CONNECT, "{daemon_name}", postfix ? c->mta_host : "MTA");
	set_ip(sim, PHASE_CONNECT, "{daemon_addr}", &c->local);
	set_number(sim, PHASE_CONNECT, "{daemon_port}", c->local_port);
	macros_client(sim);
	if (!postfix) {
		set(sim, PHASE_CONNECT, "{if_name}", c->mta_host);
		set_ip(sim, PHASE_CONNECT, "{if_addr}", &c->local);
	}
}

void
sim_macros_helo(struct sim *sim)
{
	begin_stage(sim, PHASE_HELO);
	if (sim->c.tls_version == NULL)
		return;
	set(sim, PHASE_HELO, "{tls_version}", sim->c.tls_version);
	set(sim, PHASE_HELO, "{cipher}", sim->c.tls_cipher);
	set(sim, PHASE_HELO, "{cipher_bits}", "256");
}

static void
macros_mail(struct sim *sim)
{
	begin_stage(sim, PHASE_MAIL);
	if (sim->c.mta == MTA_SENDMAIL)
		set(sim, PHASE_MAIL, "i", sim->queue_id);
	if (sim->c.user == NULL)
		return;
	set(sim, PHASE_MAIL, "{auth_type}", "PLAIN");
	set(sim, PHASE_MAIL, "{auth_authen}", sim->c.user);
}

/* Postfix has a queue file from the first accepted recipient on. */
void
sim_macros_rcpt(struct sim *sim)
{
	begin_stage(sim, PHASE_RCPT);
	if (sim->c.mta == MTA_SENDMAIL || sim->now.n_rcpts > 0)
		set(sim, PHASE_RCPT, "i", sim->queue_id);
}

void
sim_macros_data(struct sim *sim)
{
	begin_stage(sim, PHASE_DATA);
	set(sim, PHASE_DATA, "i", sim->queue_id);
}

/* ---- begin and end ------------------------------------------------------- */

static void
set_peer(struct sim *sim)
{
	const struct ip *ip = &sim->c.ip;
	struct sockaddr_in in = { .sin_family = AF_INET,
		.sin_port = htons((uint16_t)sim->c.port) };
	struct sockaddr_in6 in6 = { .sin6_family = AF_INET6,
		.sin6_port = htons((uint16_t)sim->c.port),
		.sin6_scope_id = ip->scope };

	if (ip->family == AF_INET) {
		memcpy(&in.sin_addr, ip->bytes, sizeof in.sin_addr);
		memcpy(&sim->s->peer, &in, sizeof in);
	} else if (ip->family == AF_INET6) {
		memcpy(&in6.sin6_addr, ip->bytes, sizeof in6.sin6_addr);
		memcpy(&sim->s->peer, &in6, sizeof in6);
	}
}

static char *
client_text(const struct sim_client *c)
{
	struct str text = { 0 };

	str_addf(&text, "%s [", c->name != NULL ? c->name : "unknown");
	if (c->ip.family != 0)
		ip_format(&text, &c->ip);
	str_addc(&text, ']');
	return str_take(&text);
}

/* What the MTA gives as the client's name with CONNECT. */
static char *
name_given(const struct sim_client *c)
{
	struct str text = { 0 };

	if (c->name_given != NULL || c->name != NULL)
		return xstrdup(c->name_given != NULL ? c->name_given : c->name);
	str_addc(&text, '[');
	if (c->ip.family != 0)
		ip_format(&text, &c->ip);
	str_addc(&text, ']');
	return str_take(&text);
}

struct sim *
sim_open(const struct sim_client *c, const struct sim_watch *w)
{
	struct sim *sim = xcalloc(1, sizeof *sim);

	sim->c = *c;
	if (w != NULL)
		sim->watch = *w;
	sim->client = client_text(c);
	sim->s = session_new();
	if (c->id != NULL)
		snprintf(sim->s->id, sizeof sim->s->id, "%s", c->id);
	if (sim->watch.observer != NULL)
		observe_join(sim->s, sim->watch.observer);
	sim->s->ask_macro = ask_macro;
	sim->s->macro_source = sim;
	sim->s->client_name = name_given(c);
	set_peer(sim);
	event_open(sim->s);
	sim->needs = event_needs(sim->s);
	sim->asks = sim->needs.any;
	sim->stuck.action = REPLY_CONTINUE;
	sim_macros_connect(sim);
	return sim;
}

void
sim_end(struct sim *sim)
{
	if (sim->s == NULL)
		return;
	sim->meta = json_deep_copy(sim->s->meta);
	event_close(sim->s);
	sim->s = NULL;
}

void
sim_result_clear(struct sim *sim)
{
	sim_mail_fini(&sim->result.before);
	sim_mail_fini(&sim->result.after);
	json_decref(sim->result.meta);
	sim->result = (struct sim_result){ 0 };
	sim->has_result = false;
}

void
sim_free(struct sim *sim)
{
	if (sim == NULL)
		return;
	if (sim->s != NULL && sim->in_mail && sim->asks && sim->message_asks)
		event_abort(sim->s);
	sim_end(sim);
	sim_result_clear(sim);
	sim_mail_fini(&sim->now);
	reply_fini(&sim->stuck);
	json_decref(sim->meta);
	free(sim->client);
	free(sim);
}

bool
sim_is_open(const struct sim *sim)
{
	return sim->s != NULL;
}

const json_t *
sim_meta(const struct sim *sim)
{
	return sim->s != NULL ? sim->s->meta : sim->meta;
}

const struct sim_result *
sim_result(const struct sim *sim)
{
	return sim->has_result ? &sim->result : NULL;
}

/* ---- a transaction ------------------------------------------------------- */

void
sim_begin_mail(struct sim *sim, const char *address)
{
	sim_mail_fini(&sim->now);
	sim_mail_sender(&sim->now, address);
	sim->message_asks = true;
	sim->discards = sim->data_refused = false;
	sim->between = false;
	snprintf(sim->queue_id, sizeof sim->queue_id, "SIM%05u",
	    ++sim->n_messages % 100000);
	if (sim->asks)
		macros_mail(sim);
}

void
sim_feed(struct sim *sim)
{
	const struct sim_mail *m = &sim->now;

	for (size_t i = 0; i < m->n_fields; i++)
		event_header(sim->s, m->field[i].name, m->field[i].raw);
	for (size_t at = 0; at < m->body.len; at += PIECE)
		event_body(sim->s, m->body.data + at,
		    m->body.len - at < PIECE ? m->body.len - at : PIECE);
}

static char *
take_address(const char *p, const char **rest)
{
	size_t n = strcspn(p, " \t");
	char *bare, *address;

	if (p[0] == '<') { /* a quoted local part may hold spaces */
		bool quoted = false;

		for (n = 1; p[n] != '\0' && (quoted || p[n] != '>'); n++)
			if (p[n] == '\\' && p[n + 1] != '\0')
				n++;
			else if (p[n] == '"')
				quoted = !quoted;
		n += p[n] == '>';
	}
	*rest = p + n;
	bare = xmemdup0(p, n);
	if (bare[0] == '<')
		return bare;
	address = xasprintf("<%s>", bare);
	free(bare);
	return address;
}

bool
sim_path_parse(struct sim_path *p, const char *prefix, const char *arg)
{
	size_t n = strlen(prefix), count = 0;
	const char *rest;
	char *at, *word;

	*p = (struct sim_path){ 0 };
	if (strncasecmp(arg, prefix, n) != 0)
		return false;
	arg += n + strspn(arg + n, " \t");
	if (arg[0] == '\0')
		return false;
	p->address = take_address(arg, &rest);
	p->text = xstrdup(rest);
	p->params = xcalloc(strlen(rest) / 2 + 2, sizeof *p->params);
	for (word = strtok_r(p->text, " \t", &at); word != NULL;
	     word = strtok_r(NULL, " \t", &at))
		p->params[count++] = word;
	return true;
}

void
sim_path_fini(struct sim_path *p)
{
	free(p->address);
	free(p->params);
	free(p->text);
}
