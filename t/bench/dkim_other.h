/*
 * dkim_other.h - libopendkim, for the bench of DKIM
 *
 * It exports names that are ours, too (dkim_verify), so it is loaded by itself,
 * from a shared object that has one name: dkim_other.
 */
#ifndef KUMILTER_BENCH_DKIM_OTHER_H
#define KUMILTER_BENCH_DKIM_OTHER_H

#include <stddef.h>

struct dkim_other_mail {
	char **field; /* "Name: value", folds with CR LF; NULL at the end */
	const char *body;
	size_t len;
	int relaxed, ed25519;
};

struct dkim_other {
	/* the private key as PEM, and the record of the public one */
	void (*keys)(const char *pem, const char *record);
	/* 0: passed; signed */
	int (*verify)(const struct dkim_other_mail *mail);
	int (*sign)(const struct dkim_other_mail *mail);
};

#endif
