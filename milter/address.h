/*
 * address.h - the address of a MAIL or RCPT command
 *
 * Three strings, as a policy sees them:
 *   user    the local part with quotes and backslashes removed
 *   domain  lower case, U-labels as A-labels, without a final dot; a domain
 *           literal as written: "[192.0.2.1]"
 *   email   the local part as written, "@", and domain as above
 * The null sender is "" in all three.  <Postmaster> without a domain is
 * user "postmaster", domain "", email "Postmaster".  Bytes above 0x7f in a
 * local part (SMTPUTF8) are kept.  A source route ("@a,@b:") is dropped.
 *
 * Ownership: address_fini() frees what address_parse(), _lenient() and
 * _copy() put into *a.  Copies share one text, with counted references, so
 * they may be freed by any thread.  An address that is all zero may be given
 * to address_fini().  No globals: any thread may call anything here.
 *
 * Without libidn2 (HAVE_IDN2) U-labels stay as they are.
 */
#ifndef KUMILTER_ADDRESS_H
#define KUMILTER_ADDRESS_H

#include "err.h"

#include <stdbool.h>
#include <stddef.h>

#define ADDRESS_MAX 4096
#define ADDRESS_LOCAL_MAX 1024
#define ADDRESS_DOMAIN_MAX 1024

struct address {
	const char *user;
	const char *domain;
	const char *email;
	struct address_text *text; /* what they point into, shared by copies */
};

/*
 * For what a policy writes: "a@b", "<a@b>", with white space around it; ""
 * and "<>" are the null sender.  RFC 5321 decides; the text takes no ESMTP
 * parameters.  0, or -1 with *err and *a all zero.
 */
int address_parse(
    struct address *a, const char *text, size_t len, struct err *err);

/*
 * For what the MTA passed on and so has accepted: never fails.  Where the
 * strict reading fails, the text is split at its last '@' and a local name
 * without a domain gets domain "".  A NUL ends the text, and so does
 * ADDRESS_MAX.
 */
void address_parse_lenient(struct address *a, const char *text, size_t len);

void address_copy(struct address *to, const struct address *from);
void address_fini(struct address *a);
bool address_is_null(const struct address *a);

/*
 * A domain as in .domain above, for names that arrive elsewhere (HELO):
 * malloc'd, or NULL with *err where it is none.
 */
char *address_domain(const char *text, size_t len, struct err *err);

/*
 * The other way: a domain with its A-labels as U-labels, malloc'd; as it is
 * where one of them is none.  NULL with *err for what is no domain.  Without
 * libidn2 both only check: address_knows_idn() says so.
 */
char *address_domain_utf8(const char *text, size_t len, struct err *err);
bool address_knows_idn(void);

#endif
