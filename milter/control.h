/*
 * control.h - the socket by which an operator speaks to the daemon
 *
 * A unix socket, mode 0600.  One request a connection: a line.
 * The answer begins with a line that holds an exit code (sysexits.h) and goes
 * on with text for a person.
 */
#ifndef KUMILTER_CONTROL_H
#define KUMILTER_CONTROL_H

#include "err.h"
#include "str.h"

#include <stdint.h>

#define CONTROL_DEFAULT "/run/kumilter/control.sock"
#define CONTROL_PATIENCE "30s"

/*
 * Answer a request: text into *out, the exit code as the result.  Or keep the
 * connection, to answer it and close it: CONTROL_KEPT.
 */
#define CONTROL_KEPT (-1)
typedef int control_fn(const char *request, int fd, struct str *out);

/*
 * Serve path in a thread of its own.  The socket is given to uid where that
 * is not -1.  control_stop() removes it; a request that is being answered is
 * left to itself, for the process to end over.
 */
int control_start(
    const char *path, unsigned uid, control_fn *answer, struct err *err);
void control_stop(void);

/*
 * The other side: ask, give what comes; its exit code, or -1 with *err, also
 * where the whole answer is not there within CONTROL_PATIENCE, or within
 * patience (ns).
 */
int control_ask(
    const char *path, const char *request, struct str *out, struct err *err);
/*
 * Ask for what goes on: the connection, to be read to its end, first the line
 * with the exit code; -1 with *err.
 */
int control_open(const char *path, const char *request, struct err *err);
int control_ask_within(int64_t patience, const char *path, const char *request,
    struct str *out, struct err *err);

#endif
