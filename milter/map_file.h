/*
 * map_file.h - maps from files, read once for the process
 *
 * A line is an entry: a key, and behind blanks or tabs its value, which is the
 * rest of the line as a string without blanks at its end; where there is none
 * the value is true.  Lines of nothing, and those that begin with "#", are
 * passed over; so are blanks before a key and a CR at the end of a line.
 *
 * Who asks for a file that has not changed since a map was made of it, and
 * somebody still has that map, gets it: no state or epoch has its own.  One
 * file is read at a time, others wait for that.
 *
 * Any thread.
 */
#ifndef KUMILTER_MAP_FILE_H
#define KUMILTER_MAP_FILE_H

#include "err.h"
#include "map_shared.h"

#define MAP_FILE_BYTES ((size_t)1 << 30)
#define MAP_FILE_LINE ((size_t)64 << 10)
#define MAP_FILE_ENTRIES ((size_t)16 << 20)

/* How one kind of maps is made; keys have a NUL behind them, values
 * are packed (packed.h). */
struct map_file_kind {
	const char *name; /* no other kind's */
	void *(*begin)(void);
	int (*add)(void *build, const char *key, size_t key_len,
	    const char *value, size_t len, struct err *err);
	void *(*done)(void *build);
	void (*cancel)(void *build);
	void (*free_map)(void *map);
};

/*
 * A reference, or NULL: the file cannot be read, is not regular, is too large
 * or changed meanwhile; a line, which is then named as "file:line: reason",
 * cannot be understood; the deadline has passed, or the thread is to stop.
 */
struct map_shared *map_file_get(const char *path,
    const struct map_file_kind *kind, int64_t deadline, struct err *err);

unsigned long map_file_readings(void); /* for tests */

#endif
