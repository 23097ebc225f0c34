/*
 * doctor.h - what is wrong or risky about how an MTA asks this policy
 *
 * Pure but for looks at the socket's path: from an MTA's configuration and
 * what the policy needs to findings, each with the line to paste.
 */
#ifndef KUMILTER_DOCTOR_H
#define KUMILTER_DOCTOR_H

#include "mta_config.h"
#include "reply.h"
#include "str.h"

struct doctor_needs {
	const char *listen; /* the daemon's socket, as --listen; or NULL */
	int64_t event_timeout, message_timeout; /* ns */
};

enum doctor_kind { DOCTOR_WRONG, DOCTOR_RISKY };

/* Strings are for the length of the call. */
struct doctor_finding {
	enum doctor_kind kind;
	const char *what;
	const char *file; /* where; line 0 is none of its lines */
	int line;
	const char *parameter; /* or "" */
	const char *why;
	const char *paste;
};

typedef void doctor_found(void *arg, const struct doctor_finding *f);

/* How many were found. */
int doctor_look(enum mta mta, const struct mta_config *c,
    const struct doctor_needs *needs, doctor_found *found, void *arg);

/* The lines for main.cf or sendmail.mc. */
void doctor_print_config(
    struct str *out, enum mta mta, const struct doctor_needs *needs);

#endif
