/*
 * dns.h - looking something up in the DNS, and waiting for it
 *
 * A resolver is a list of nameservers, or zones in memory, behind one context
 * of libunbound: it follows CNAMEs, asks again over TCP, keeps answers for
 * their TTL and lets equal questions share one query.  dns_lookup() blocks its
 * thread, so call it where no Lua state is held; any number of threads may,
 * each with a deadline of its own.
 *
 * Nothing is there before the first lookup: no thread, no descriptor, no
 * memory.  Then there are one thread here for all answers and one of
 * libunbound's for each resolver in use.  They have no end but the
 * process's, and hold nothing that would need one.
 *
 * Without libunbound dns_is_built() is false and no resolver can be had.
 */
#ifndef KUMILTER_DNS_H
#define KUMILTER_DNS_H

#include "dns_record.h"
#include "err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Of one answer; further records are left off. */
#define DNS_RECORDS_MAX 512
/* Questions of one resolver that have no answer yet; a further one fails. */
#define DNS_ASKED_MAX 4096

struct dns_resolver;

struct dns_zone {
	const char *name; /* "example.com"; "." is everything */
	/* "www.example.com. 300 IN A 192.0.2.1", ..., NULL */
	const char *const *records;
};

struct dns_config {
	const char *servers; /* as dns_servers.h has it; NULL: none at all */
	const struct dns_zone *zones; /* answered from memory */
	size_t n_zones;
	const char *const *servfail; /* NULL, or names ..., NULL: not told */
};

bool dns_is_built(void);

/*
 * The resolver that asks these servers (dns_servers.h): the same for all who
 * want the same.  NULL with *err.  Give it back with dns_resolver_unref();
 * a few that nobody has are kept for the next.
 */
struct dns_resolver *dns_resolver_get(const char *servers, struct err *err);
/* One of its own, for who needs more than servers. */
struct dns_resolver *dns_resolver_new(
    const struct dns_config *c, struct err *err);
struct dns_resolver *dns_resolver_ref(struct dns_resolver *r);
void dns_resolver_unref(struct dns_resolver *r); /* NULL allowed */

enum dns_status {
	DNS_FOUND,
	DNS_NO_DATA, /* the name is there, with other records */
	DNS_NO_NAME,
	DNS_SERVFAIL, /* the servers cannot tell, or none of them answered */
	DNS_TIMEOUT,  /* no answer before the deadline */
	DNS_FAILED    /* not asked: why says what is wrong here */
};

/* All zero is an answer; dns_answer_fini() for any. */
struct dns_answer {
	enum dns_status status;
	struct dns_record *record; /* MX by preference, others as they came */
	size_t n;
	char *canonical; /* where CNAMEs led to, or NULL */
	char why[128];
};

/*
 * name as dns_name() makes it.  deadline is a clock_mono() time.  An answer
 * that comes later is kept for who asks again.
 */
void dns_lookup(struct dns_resolver *r, const char *name, enum dns_type type,
    int64_t deadline, struct dns_answer *out);
void dns_answer_fini(struct dns_answer *a);

/* "MX of example.com: no such name" */
void dns_explain(struct str *out, const struct dns_answer *a, const char *name,
    enum dns_type type);

#endif
