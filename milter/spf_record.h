/*
 * spf_record.h - an SPF record as a list of terms (RFC 7208, 4.6 and 12)
 *
 * The whole record is read before anything of it is looked at: one term that
 * the grammar does not allow makes all of it an error.
 */
#ifndef KUMILTER_SPF_RECORD_H
#define KUMILTER_SPF_RECORD_H

#include "err.h"
#include "ip.h"

#include <stdbool.h>
#include <stddef.h>

/* Bytes of one record; terms of it. */
#define SPF_RECORD_MAX 16384
#define SPF_TERMS_MAX 1024

enum spf_mechanism {
	SPF_ALL,
	SPF_INCLUDE,
	SPF_A,
	SPF_MX,
	SPF_PTR,
	SPF_IP4,
	SPF_IP6,
	SPF_EXISTS
};

enum spf_qualifier {
	SPF_Q_PASS,     /* + */
	SPF_Q_FAIL,     /* - */
	SPF_Q_SOFTFAIL, /* ~ */
	SPF_Q_NEUTRAL   /* ? */
};

/* A piece of the record's text. */
struct spf_text {
	const char *at; /* NULL: not given */
	size_t len;
};

struct spf_term {
	enum spf_mechanism mechanism;
	enum spf_qualifier qualifier;
	struct spf_text whole; /* "-ip4:192.0.2.0/24" */
	struct spf_text domain;
	struct ip ip;         /* of ip4 and ip6 */
	int prefix4, prefix6; /* 32 and 128 where none is given */
};

struct spf_record {
	char *text; /* a copy, without "v=spf1" */
	struct spf_term *term;
	size_t n;
	struct spf_text redirect, exp;
};

/* Does a TXT record begin as one of SPF's? */
bool spf_is_record(const char *text, size_t len);

/* 0, or -1 with *err: the record is an error.  text is one of SPF's. */
int spf_record_read(
    struct spf_record *r, const char *text, size_t len, struct err *err);
void spf_record_fini(struct spf_record *r);

#endif
