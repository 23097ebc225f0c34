/*
 * share.h - values that all Lua states of the process share, by key
 *
 * A string, a number or a boolean; a policy that is loaded again finds what
 * the last one left.  SHARE_BYTES in all: a new key pushes out the one that
 * was set longest ago.  Any thread may call anything here.
 */
#ifndef KUMILTER_SHARE_H
#define KUMILTER_SHARE_H

#include <stdbool.h>
#include <stddef.h>

#define SHARE_MAX 65536
#define SHARE_KEY_MAX 1024
#define SHARE_VALUE_MAX ((size_t)1 << 20)
#define SHARE_BYTES ((size_t)64 << 20)

enum share_kind { SHARE_NONE, SHARE_BOOLEAN, SHARE_NUMBER, SHARE_STRING };

struct share_value {
	enum share_kind kind;
	bool boolean;
	double number;
	char *text; /* len bytes and a NUL */
	size_t len;
};

/* false: the key or the text is too long, and what was there stays. */
bool share_set(const char *key, size_t len, const struct share_value *value);
/* A copy, SHARE_NONE if there is none; its text goes to free(). */
struct share_value share_get(const char *key, size_t len);
void share_unset(const char *key, size_t len);

#endif
