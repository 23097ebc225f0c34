/*
 * dkim_signing.h - signers and messages for the suites that sign
 */
#ifndef KUMILTER_DKIM_SIGNING_H
#define KUMILTER_DKIM_SIGNING_H

#include "milter/dkim_sign.h"
#include "unit.h"

#include <string.h>

/* The keys of RFC 8463, A.2: PKCS #8, and what the DNS has of it. */
static const unsigned char signing_key[] = "\x30\x2e\x02\x01\x00\x30\x05\x06"
					   "\x03\x2b\x65\x70\x04\x22\x04\x20"
					   "\x9d\x61\xb1\x9d\xef\xfd\x5a\x60"
					   "\xba\x84\x4a\xf4\x92\xec\x2c\xc4"
					   "\x44\x49\xc5\x69\x7b\x32\x69\x19"
					   "\x70\x3b\xac\x03\x1c\xae\x7f\x60";
#define SIGNING_RECORD                                                         \
	"v=DKIM1; k=ed25519; p=11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo="

/* names: "From:To" */
static inline struct dkim_signer *
signing_signer(const char *names, bool over_sign)
{
	struct dkim_signer *s = dkim_signer_new();
	struct err err;

	ck_assert_int_eq(dkim_signer_domain(s, "example.org", 11, NULL), 0);
	ck_assert_int_eq(dkim_signer_selector(s, "sel", 3, NULL), 0);
	while (*names != '\0') {
		size_t n = strcspn(names, ":");

		ck_assert_int_eq(dkim_signer_sign(s, names, n, NULL), 0);
		names += n + (names[n] == ':');
	}
	s->over_sign = over_sign;
	ck_assert_msg(dkim_signer_complete(
			  s, signing_key, sizeof signing_key - 1, &err) == 0,
	    "%s", err.msg);
	return s;
}

static const struct body_limits signing_limits = { 1 << 20, 1 << 24, "/tmp" };

#endif
