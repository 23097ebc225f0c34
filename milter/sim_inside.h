/*
 * sim_inside.h - for sim.c and sim_session.c alone
 */
#ifndef KUMILTER_SIM_INSIDE_H
#define KUMILTER_SIM_INSIDE_H

#include "event.h"
#include "sim.h"
#include "sim_word.h"

struct sim {
	struct sim_client c;
	struct sim_watch watch;
	struct session *s; /* NULL: over */
	struct event_needs needs;
	json_t *meta; /* what is left of conn_meta */
	char *client; /* "name [192.0.2.1]" */

	bool greeted; /* after a HELO */
	bool asks;    /* the filter, in this session */
	struct reply stuck;
	enum phase stuck_at;

	/* the transaction */
	bool in_mail, message_asks, discards, data_refused;
	bool between; /* a message ended, no MAIL since */
	struct sim_mail now;
	char queue_id[16];
	unsigned n_messages;

	bool has_result;
	struct sim_result result;
};

void sim_end(struct sim *sim);
void sim_result_clear(struct sim *sim);
void sim_begin_mail(struct sim *sim, const char *address);
/* Headers and body, to the filter. */
void sim_feed(struct sim *sim);

void sim_macros_connect(struct sim *sim);
void sim_macros_helo(struct sim *sim);
void sim_macros_rcpt(struct sim *sim);
void sim_macros_data(struct sim *sim);

/* "FROM:<a@b> SIZE=1": the address as it was written, the parameters. */
struct sim_path {
	char *address;
	char **params; /* with NULL behind the last */
	char *text;
};
bool sim_path_parse(struct sim_path *p, const char *prefix, const char *arg);
void sim_path_fini(struct sim_path *p);

#endif
