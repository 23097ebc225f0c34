#include "dkim_other.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/types.h>

#include <dkim.h>

static const char *key, *published;
static DKIM_LIB *library;

static DKIM_CBSTAT
look_up(DKIM *dkim, DKIM_SIGINFO *sig, u_char *buf, size_t size)
{
	(void)dkim, (void)sig;
	snprintf((char *)buf, size, "%s", published);
	return DKIM_CBSTAT_CONTINUE;
}

static void
keys(const char *pem, const char *record)
{
	key = pem;
	published = record;
	if (library == NULL) {
		library = dkim_init(NULL, NULL);
		dkim_set_key_lookup(library, look_up);
	}
}

/* Ends *dkim, too. */
static int
feed(DKIM *dkim, const struct dkim_other_mail *m, bool signing)
{
	unsigned char field[2048];
	DKIM_STAT rc = DKIM_STAT_OK;

	for (char **f = m->field; rc == DKIM_STAT_OK && *f != NULL; f++)
		rc = dkim_header(dkim, (u_char *)*f, strlen(*f));
	if (rc == DKIM_STAT_OK)
		rc = dkim_eoh(dkim);
	if (rc == DKIM_STAT_OK)
		rc = dkim_body(dkim, (u_char *)m->body, m->len);
	if (rc == DKIM_STAT_OK)
		rc = dkim_eom(dkim, NULL);
	if (rc == DKIM_STAT_OK && signing)
		rc = dkim_getsighdr(dkim, field, sizeof field, 16);
	dkim_free(dkim);
	return rc == DKIM_STAT_OK ? 0 : -1;
}

static int
verify(const struct dkim_other_mail *m)
{
	DKIM_STAT rc;
	DKIM *dkim =
	    dkim_verify(library, (const unsigned char *)"id", NULL, &rc);

	return dkim != NULL ? feed(dkim, m, false) : -1;
}

static int
sign(const struct dkim_other_mail *m)
{
	dkim_canon_t canon =
	    m->relaxed ? DKIM_CANON_RELAXED : DKIM_CANON_SIMPLE;
	dkim_alg_t alg =
	    m->ed25519 ? DKIM_SIGN_ED25519SHA256 : DKIM_SIGN_RSASHA256;
	DKIM_STAT rc;
	DKIM *dkim = dkim_sign(library, (const unsigned char *)"id", NULL,
	    (dkim_sigkey_t)key, (const unsigned char *)"s",
	    (const unsigned char *)"example.com", canon, canon, alg, -1, &rc);

	return dkim != NULL ? feed(dkim, m, true) : -1;
}

const struct dkim_other dkim_other = { keys, verify, sign };
