/*
 * verdict.h - what a policy decided
 *
 * A value.  REFUSE carries the SMTP code and text that the policy gave and how
 * the session is to go on; the text may still hold anything, reply.h makes it
 * safe.  Texts are owned by the verdict.
 *
 * A code outside 400..599 cannot be said in SMTP as a refusal; whoever makes a
 * verdict from a policy's number treats that as the policy's error.
 */
#ifndef KUMILTER_VERDICT_H
#define KUMILTER_VERDICT_H

#include "err.h"

#include <stddef.h>

enum verdict_kind {
	VERDICT_CONTINUE, /* nothing decided */
	VERDICT_ACCEPT,   /* message (or, before MAIL, session) unfiltered */
	VERDICT_DISCARD,  /* 250 to the client, the message is dropped */
	VERDICT_REFUSE,   /* code, text and how below */
};

/* kumo.disconnect's third argument, in KumoMTA's words */
enum disconnect {
	DISCONNECT_IF421,     /* "If421": kumo.reject() means this too */
	DISCONNECT_FOLLOW421, /* "FollowWith421" */
	DISCONNECT_FORCE,     /* "ForceDisconnect" */
};

#define VERDICT_WHERE 128

struct verdict {
	enum verdict_kind kind;
	int code;
	enum disconnect how;
	char *text; /* len bytes and a NUL; NULL unless REFUSE */
	size_t len;
	/* "file:line: " of the policy that said so, or "" */
	char where[VERDICT_WHERE];
};

void verdict_clear(struct verdict *v); /* becomes CONTINUE */
void verdict_set(struct verdict *v, enum verdict_kind kind);
void verdict_refuse(struct verdict *v, int code, enum disconnect how,
    const char *text, size_t len);
void verdict_move(struct verdict *to, struct verdict *from);

const char *disconnect_name(enum disconnect how);
int disconnect_parse(const char *text, enum disconnect *how, struct err *err);

#endif
