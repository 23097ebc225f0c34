/*
 * dmarc_record.h - a DMARC record as its domain published it (RFC 7489, 6.3)
 *
 * Unknown tags are no mistake; a value that does not fit its tag stands as if
 * its tag were not there.  Without a policy that can be read a record asks for
 * nothing if it wants reports, and else is none.
 */
#ifndef KUMILTER_DMARC_RECORD_H
#define KUMILTER_DMARC_RECORD_H

#include "err.h"

#include <stdbool.h>
#include <stddef.h>

/* The stricter, the higher. */
enum dmarc_policy { DMARC_P_NONE, DMARC_P_QUARANTINE, DMARC_P_REJECT };

/* "none", "quarantine", "reject" */
const char *dmarc_policy_text(enum dmarc_policy policy);

enum dmarc_tag {
	DMARC_TAG_P,
	DMARC_TAG_SP,
	DMARC_TAG_NP,
	DMARC_TAG_ADKIM,
	DMARC_TAG_ASPF,
	DMARC_TAG_PCT,
	DMARC_TAG_T,
	DMARC_TAG_FO,
	DMARC_TAG_RF,
	DMARC_TAG_RI,
	DMARC_TAG_RUA,
	DMARC_TAG_RUF,
	DMARC_TAGS
};

const char *dmarc_tag_text(enum dmarc_tag tag);

struct dmarc_record {
	enum dmarc_policy p;
	enum dmarc_policy sp; /* of subdomains */
	enum dmarc_policy np; /* of those that do not exist (RFC 9091) */
	bool adkim_strict, aspf_strict;
	unsigned pct;
	bool testing; /* t=y (RFC 9989): one step weaker than it says */
	/* As written, one line of printable ASCII; NULL where the tag is not
	 * there or its value does not fit. */
	char *value[DMARC_TAGS];
};

/* Does it begin as one?  Other TXT records of the name are no business. */
bool dmarc_is_record(const char *text, size_t len);

/*
 * 0, or -1 with *err: no DMARC can be done with it.  *out is for
 * dmarc_record_fini() where that was 0.  kumomta_quirks: every mistake and
 * every unknown tag spoils a record, letters have their case, and of tags that
 * are there twice the last counts.
 */
int dmarc_record_read(struct dmarc_record *out, const char *text, size_t len,
    bool kumomta_quirks, struct err *err);
void dmarc_record_fini(struct dmarc_record *r);

#endif
