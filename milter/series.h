/*
 * series.h - counts by key and window of time, named by policies
 *
 * A series counts for addresses of one family (and can sum them for a network)
 * or for strings.  It stays as long as the process lives, so a policy that is
 * loaded again goes on with the counts of the last one; defined otherwise than
 * before it begins anew.  A series keeps SERIES_BYTES, then a new key pushes
 * out the one that was counted longest ago.
 *
 * now is clock_mono(), which tests make up.  Any thread may call anything.
 */
#ifndef KUMILTER_SERIES_H
#define KUMILTER_SERIES_H

#include "ip.h"

#define SERIES_MAX 64
#define SERIES_NAME_MAX 255
#define SERIES_KEY_MAX 1024
#define SERIES_WINDOWS_MAX 10000
#define SERIES_BYTES ((size_t)16 << 20)

enum series_kind { SERIES_STRING, SERIES_CIDR, SERIES_CIDR_IPV6 };

struct series;

/*
 * 0: as it was; 1: new, or with other terms than before, and so empty.
 * interval is in seconds.  -1: a value out of range, or SERIES_MAX names.
 */
int series_define(const char *name, enum series_kind kind, int64_t interval,
    int64_t windows, struct err *err);
struct series *series_find(const char *name); /* or NULL; stays for good */
enum series_kind series_kind(struct series *s);

/* What a key is: len bytes for strings, an address for the others. */
struct series_key {
	const char *text;
	size_t len; /* at most SERIES_KEY_MAX */
	struct cidr net;
};

/* An address of the other family is not counted. */
void series_add(
    struct series *s, const struct series_key *key, int64_t delta, int64_t now);
/* The sum of the windows first to last back from now, for key or network. */
int64_t series_count(struct series *s, const struct series_key *key,
    int64_t first, int64_t last, int64_t now);
bool series_remove(struct series *s, const struct series_key *key);

#endif
