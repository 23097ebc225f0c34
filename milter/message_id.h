/*
 * message_id.h - "<left@right>" in Message-ID, Content-ID and References
 *
 * Read leniently: what stands between angle brackets is an id, whatever is
 * between those is not looked at (comments, phrases of old In-Reply-To).
 * An id with white space in it is none.  Linear; any thread.
 */
#ifndef KUMILTER_MESSAGE_ID_H
#define KUMILTER_MESSAGE_ID_H

#include <stdbool.h>
#include <stddef.h>

/*
 * The next id at or after *p, which moves behind it: what is between the
 * brackets, borrowed from the text.  NULL where there is none.
 */
const char *message_id_next(const char **p, const char *end, size_t *len);

/* Could this stand between the brackets: printable, no space, < or >? */
bool message_id_is(const char *id, size_t len);

#endif
