/*
 * sim_word.h - what an MTA says by itself
 *
 * The replies of Postfix 3.7 and Sendmail 8.17 to what no filter objects to,
 * and to commands in the wrong order; measured (t/mta compares).
 */
#ifndef KUMILTER_SIM_WORD_H
#define KUMILTER_SIM_WORD_H

#include "reply.h"

enum sim_word {
	SIM_GREETING,
	SIM_HELO,
	SIM_EHLO,
	SIM_MAIL,
	SIM_RCPT,
	SIM_DATA,
	SIM_QUEUED, /* the message is taken: by its queue id */
	SIM_RSET,
	SIM_NOOP,
	SIM_QUIT,
	SIM_VRFY,
	SIM_ETRN,
	SIM_EXPN,
	SIM_HELP,
	SIM_NO_TLS,
	SIM_NO_AUTH,
	SIM_RSET_ARG, /* RSET with an argument */
	SIM_UNKNOWN,
	SIM_NO_NAME, /* EHLO, HELO without one */
	SIM_NO_FROM, /* MAIL without an address */
	SIM_NO_TO,
	SIM_NESTED,       /* a second MAIL */
	SIM_RCPT_NO_MAIL, /* RCPT without MAIL */
	SIM_DATA_NO_MAIL, /* DATA without MAIL */
	SIM_DATA_NO_RCPT, /* DATA without a RCPT that was accepted */
	SIM_TIMEOUT,      /* the filter does not answer in time */
	SIM_WORDS
};

/* Add its lines, '\n' between them; host: the MTA's; arg: what it is about. */
void sim_say(struct str *out, enum mta mta, enum sim_word word,
    const char *host, const char *arg);

#endif
