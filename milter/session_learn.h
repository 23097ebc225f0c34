/*
 * session_learn.h - from what the MTA tells to conn_meta's predefined keys
 *
 * The names and forms are KumoMTA's (kumo-api 1.4), the source is the milter
 * protocol: the connect arguments and macros.  Pure but for the session.
 */
#ifndef KUMILTER_SESSION_LEARN_H
#define KUMILTER_SESSION_LEARN_H

#include "ip.h"
#include "session.h"

/*
 * At connect, once macros and peer are in place: which MTA this is, client,
 * reception_protocol, received_from, received_via.
 */
void session_learn_connection(struct session *s);
/* The MTA's address that the client connected to; false: not told. */
bool session_local(const struct session *s, struct ip *ip, int *port);
bool session_peer(const struct session *s, struct ip *ip, int *port);

/* Take the hostname and meta of s->params into force. */
void session_apply_params(struct session *s);

/* At HELO and at MAIL, when their macros have come. */
void session_learn_tls(struct session *s);
void session_learn_auth(struct session *s);

#endif
