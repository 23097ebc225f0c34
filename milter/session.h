/*
 * session.h - one SMTP connection, as the MTA tells us of it
 *
 * Made when the MTA opens its milter connection, freed when that closes.  It
 * holds what every later event may ask for: who the client is, what it said,
 * the connection's metadata, the transaction under way and how the session
 * stands with the policy.  libmilter runs the callbacks of one session on
 * changing threads but never two at once, so nothing here is locked.
 *
 * Which Lua state and which epoch serve it is event.h's business: see lua.
 */
#ifndef KUMILTER_SESSION_H
#define KUMILTER_SESSION_H

#include "message.h"
#include "standing.h"

#include <jansson.h>
#include <stdint.h>
#include <sys/socket.h>

#define SESSION_MACROS 16      /* of one stage */
#define SESSION_MACRO_MAX 2048 /* bytes of one value that are kept */

/* The macros that one stage brought; values stand in text, NUL-terminated. */
struct session_macros {
	struct str text;
	const char *name[SESSION_MACROS];
	size_t value[SESSION_MACROS]; /* offset in text */
	size_t n;
};

struct observer;

struct session {
	char id[17];
	enum mta mta;
	bool connected; /* CONNECT was seen: a session, not a probe */
	bool audited;   /* audit.h counts it as open */
	bool dry;       /* event_dry.h: nothing of the policy is obeyed */

	char *client_name;
	char *client; /* "192.0.2.1:25", "[2001:db8::1]:25", "unix" or "" */
	struct sockaddr_storage peer; /* ss_family AF_UNSPEC: unknown */
	char *helo; /* as in the last HELO or EHLO, accepted or not */
	char *hostname;
	json_t *meta;   /* conn_meta: object */
	json_t *params; /* start_esmtp_listener's, in force for this session */

	/* ESMTP parameters of the command under way: object name -> value */
	json_t *esmtp;
	/* The transaction under way.  The message is collected only where the
	 * policy can read it; else NULL. */
	bool in_transaction;
	struct address sender;
	size_t n_rcpts;           /* accepted, of this transaction */
	struct address last_rcpt; /* of them, if there are */
	unsigned n_transactions;  /* MAILs of this session */
	char *mail, *rcpt; /* arguments of the last MAIL and RCPT, or NULL */
	struct message *message;
	size_t n_rcpts_asked; /* in all of the session */
	struct standing standing;

	/* Who is asked for macros, if anybody; before those that were set. */
	const char *(*ask_macro)(void *source, const char *name);
	void *macro_source;
	struct session_macros *macros[PHASE_EOM + 1]; /* set, by stage */

	struct observer *observer; /* observe.h: the first, or NULL */
	unsigned told; /* observe.h's needs when its connection opened */

	/* event.h's: */
	struct session_lua *lua;
	/* The Lua object that is conn_meta, if any: cleared when this ends. */
	void **handle;
	int handle_ref; /* its registry reference; released by state.h */
	int record_ref; /* what Momentum's modules keep for it, likewise */
};

struct session *session_new(void);
void session_free(struct session *s);

/* Everything that a macro stage brings replaces what it brought before. */
void session_macros_begin(struct session *s, enum phase stage);
/* name: a constant, it is kept as it is. */
void session_set_macro(
    struct session *s, enum phase stage, const char *name, const char *value);
/* "SIZE=1000", "SMTPUTF8", ...: kept for the next MAIL or RCPT; NULL ends. */
void session_set_esmtp(struct session *s, char *const *params);

/*
 * "j", "{daemon_name}": good until the event that asked is over; NULL where the
 * MTA gave none.
 */
const char *session_macro(const struct session *s, const char *name);

/*
 * A command's address with its ESMTP parameters, as the client wrote them:
 * "<ann@example.com> SIZE=1000 SMTPUTF8".
 */
char *session_command_line(const struct session *s, const char *address);

/* conn_meta as text, or NULL where it is not a string. */
const char *session_meta_text(const struct session *s, const char *key);
void session_set_meta_text(
    struct session *s, const char *key, const char *value); /* NULL removes */

#endif
