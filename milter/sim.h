/*
 * sim.h - an MTA that is none: one client, one session, the policy in force
 *
 * Takes what an SMTP client says, line by line, drives event.h as libmilter
 * and the glue would for Postfix or Sendmail, and gives what that client
 * would read: which command reaches the filter, what of its answer is seen
 * and when the MTA hangs up, as it was measured.  No network, no MTA.  Not
 * here: limits on clients, PIPELINING, STARTTLS and AUTH as dialogues (who
 * is who is said beforehand), recipients that an MTA refuses by itself.
 *
 * One thread at a time.  Whatever is handed out is good until the next call.
 */
#ifndef KUMILTER_SIM_H
#define KUMILTER_SIM_H

#include "ip.h"
#include "session.h"
#include "sim_mail.h"

struct sim_macro {
	const char *name; /* "{daemon_name}", "i" */
	const char *value;
};

/* Who connects to whom; all is borrowed and outlives the session. */
struct sim_client {
	enum mta mta;
	const char *mta_host; /* the MTA's own name */
	struct ip ip;         /* family 0: a unix socket, or nobody knows */
	int port;
	const char *name; /* that its address has and that has it; or NULL */
	const char *ptr;  /* the name of its address, verified or not; NULL */
	struct ip local;
	int local_port;
	const char *user;        /* logged in as; NULL */
	const char *tls_version; /* "TLSv1.3"; NULL: no TLS */
	const char *tls_cipher;
	const struct sim_macro *macro; /* instead of the MTA's own */
	size_t n_macros;
	/* For a session that was a real one; NULL: as it comes. */
	bool macros_only;       /* macro has all; a value may be NULL */
	const char *name_given; /* with CONNECT */
	const char *id;         /* the session's */
};

/* Postfix as mx.example.test on 192.0.2.25:25, 192.0.2.1:40000 connects. */
void sim_client_init(struct sim_client *c);

/* What came of one line of the client's. */
struct sim_answer {
	struct str text;    /* the reply's lines, '\n' between; "": none came */
	int code;           /* of it; 0 where none came */
	bool closed;        /* and the MTA hung up */
	bool by_policy;     /* it is the policy's, not the MTA's own */
	bool wants_content; /* 354: sim_content() comes next */
	bool stalls;        /* the MTA waits for the filter until its timeout */
};
void sim_answer_fini(struct sim_answer *a);

/* The fate of the last message whose end was reached. */
struct sim_result {
	struct sim_mail before, after;
	struct edits edits; /* of the policy's message: while told only */
	bool taken;         /* a 250 */
	bool discarded;
	json_t *meta; /* the message's, or NULL where no policy saw it */
};

struct sim;

/*
 * The policy in force serves.  observer: joins, or NULL.
 * told: called at each end of a message while its edits can be read, or NULL.
 */
struct sim_watch {
	struct observer *observer;
	void (*message)(void *arg, const struct sim_result *r);
	void *arg;
};
struct sim *sim_open(const struct sim_client *c, const struct sim_watch *w);
void sim_free(struct sim *sim); /* the client is gone, if it still was there */

/* Each fills *a, which sim_answer_fini() ends; call them while it is open. */
void sim_greet(struct sim *sim, struct sim_answer *a);
void sim_command(struct sim *sim, const char *line, struct sim_answer *a);
/* All behind a 354, any line ends, no dots stuffed and none at the end. */
void sim_content(
    struct sim *sim, const char *data, size_t len, struct sim_answer *a);

/* The same of a message that was read already: its fields and body. */
void sim_message(
    struct sim *sim, const struct sim_mail *mail, struct sim_answer *a);

bool sim_is_open(const struct sim *sim);
/* conn_meta, also when the session is over. */
const json_t *sim_meta(const struct sim *sim);
const struct sim_result *sim_result(const struct sim *sim); /* or NULL */

#endif
