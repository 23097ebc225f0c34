/*
 * spf_macro.h - macros of SPF: "%{ir}.%{v}._spf.%{d2}" (RFC 7208, 7)
 *
 * Texts come from the DNS, so anything may stand there; what they are expanded
 * with comes from the client.  Pure: where %{p} is asked for, the caller has
 * found the validated name before.
 */
#ifndef KUMILTER_SPF_MACRO_H
#define KUMILTER_SPF_MACRO_H

#include "err.h"
#include "ip.h"
#include "str.h"

#include <stdbool.h>
#include <stdint.h>

/* Of one expansion; more is cut off. */
#define SPF_EXPANSION_MAX 2048

struct spf_names {
	struct ip ip;          /* never an IPv4 address mapped into IPv6 */
	const char *local;     /* of the sender; never empty */
	const char *origin;    /* the sender's domain */
	const char *domain;    /* whose record is looked at */
	const char *helo;      /* "" where none was said */
	const char *validated; /* %{p}; NULL: "unknown" */
	const char *receiver;  /* %{r}; NULL: "unknown" */
	int64_t now;           /* seconds since 1970 */
};

enum spf_text_kind {
	SPF_MACRO_STRING, /* what an unknown modifier has */
	SPF_DOMAIN_SPEC,  /* ends in a top label or a macro */
	SPF_EXPLANATION,  /* may hold blanks, %{c}, %{r} and %{t} */
};

/* Is it what the grammar allows?  -1 with *err. */
int spf_text_check(
    const char *text, size_t len, enum spf_text_kind kind, struct err *err);
/* Does the text, which was checked, ask for the letter, small or capital? */
bool spf_text_uses(const char *text, size_t len, char letter);
/* Add the text, which was checked, with its macros expanded. */
void spf_text_expand(struct str *out, const char *text, size_t len,
    const struct spf_names *names);

/*
 * From an expanded domain-spec to a name that can be asked for: labels are
 * dropped from the left until it has at most 253 bytes, a final dot goes.
 * -1: it is none.
 */
int spf_target(struct str *expanded);

#endif
