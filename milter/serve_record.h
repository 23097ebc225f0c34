/*
 * serve_record.h - the daemon's recording, as its control socket is asked
 */
#ifndef KUMILTER_SERVE_RECORD_H
#define KUMILTER_SERVE_RECORD_H

#include "str.h"

/*
 * "start {JSON}", "stop" or "status": what `kumilter record` asks for.  Text
 * into *out, an exit code as the result.
 */
int serve_record(const char *request, struct str *out);

#endif
