/*
 * redis_command.h - a command of Redis: its words, and what a client must
 * know of it
 *
 * Words are bytes.  A cluster wants to know where the first key stands and
 * whether the command only reads; a connection that is lent for one command
 * cannot take those that change what the connection is.
 */
#ifndef KUMILTER_REDIS_COMMAND_H
#define KUMILTER_REDIS_COMMAND_H

#include "err.h"
#include "str.h"

#include <stdbool.h>
#include <stddef.h>

#define REDIS_WORDS_MAX 65536
#define REDIS_COMMAND_MAX ((size_t)16 << 20) /* bytes of all words */
#define REDIS_SLOTS 16384

/* All zero is a command without words. */
struct redis_command {
	struct str bytes; /* the words, one behind the other */
	size_t *end;      /* where each ends */
	size_t n, cap;
};

int redis_command_add(
    struct redis_command *c, const void *p, size_t len, struct err *err);
/* Words without spaces of ours: "CLUSTER SLOTS". */
void redis_command_words(struct redis_command *c, const char *words);
void redis_command_fini(struct redis_command *c);

/* Word i, and its length; not followed by a NUL. */
const char *redis_command_word(
    const struct redis_command *c, size_t i, size_t *len);
/* Is word i this one, in whatever case? */
bool redis_command_is(
    const struct redis_command *c, size_t i, const char *word);

/* As it is sent. */
void redis_command_write(const struct redis_command *c, struct str *out);

/* May it run on a connection that is lent for it alone? */
int redis_command_check(const struct redis_command *c, struct err *err);

/* Where its first key belongs, 0 to REDIS_SLOTS - 1; -1: it has no key. */
int redis_command_slot(const struct redis_command *c);
int redis_slot(const char *key, size_t len);

/* May a replica answer it? */
bool redis_command_reads(const struct redis_command *c);

#endif
