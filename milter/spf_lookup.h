/*
 * spf_lookup.h - what SPF asks the DNS about one client
 *
 * For spf.c alone.  Names are whatever records and clients say; they are made
 * fit to be asked for here.
 */
#ifndef KUMILTER_SPF_LOOKUP_H
#define KUMILTER_SPF_LOOKUP_H

#include "spf.h"

#define SPF_HOSTS_MAX 10 /* of one MX or PTR */

struct spf_lookup {
	spf_ask *ask;
	void *arg;
	struct ip ip; /* never an IPv4 address mapped into IPv6 */
	/* names that lead back to the client, found when first asked for */
	bool has_names;
	char *name[SPF_HOSTS_MAX];
	size_t n_names;
};

enum spf_found { SPF_FOUND, SPF_NOTHING, SPF_UNKNOWN };

void spf_lookup_init(
    struct spf_lookup *l, const struct ip *ip, spf_ask *ask, void *arg);
void spf_lookup_fini(struct spf_lookup *l);

/* *out goes to dns_answer_fini(), whatever was found. */
enum spf_found spf_lookup_ask(struct spf_lookup *l, const char *name,
    enum dns_type type, struct dns_answer *out);

/* Do the first bits of both agree? */
bool spf_in_prefix(const struct ip *a, const struct ip *b, int prefix);
/* Is name the domain itself, or below it? */
bool spf_is_within(const char *name, const char *domain);

/* A or AAAA: what the client's kind of address is asked for by. */
enum dns_type spf_lookup_type(const struct spf_lookup *l);
/* Is the client, but for its last bits, one of the name's addresses? */
enum spf_found spf_lookup_address(struct spf_lookup *l, const char *name,
    int prefix, struct dns_answer *a, bool *match);

/* Fill name[].  SPF_FOUND where that was done before. */
enum spf_found spf_lookup_names(struct spf_lookup *l);
/* %{p}: the domain itself, else one below it, else any; NULL: none. */
const char *spf_lookup_validated(struct spf_lookup *l, const char *domain);

#endif
