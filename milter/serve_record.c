#include "serve_record.h"

#include "clock.h"
#include "duration.h"
#include "log.h"
#include "recorder_start.h"

#include <jansson.h>
#include <string.h>
#include <sysexits.h>

#define STOP_WITHIN (10 * CLOCK_S)

/* -1: a value that will not do. */
static int
read_options(struct recording_options *o, const json_t *given, struct err *err)
{
	const char *max = json_string_value(json_object_get(given, "max"));
	const char *bodies =
	    json_string_value(json_object_get(given, "bodies"));

	*o = (struct recording_options){ .path = json_string_value(
					     json_object_get(given, "file")),
		.redact = json_string_value(json_object_get(given, "redact")) };
	if (o->path == NULL || o->path[0] != '/')
		return err_set(err, "a file expected, by its whole path");
	if (max != NULL && size_parse(max, &o->max, err) != 0)
		return -1;
	return bodies != NULL ? recording_body_parse(bodies, &o->body, err) : 0;
}

static int
start(const char *text, struct str *out)
{
	json_t *given = json_loads(text, 0, NULL);
	struct recording_options o;
	struct err err;
	int rc = read_options(&o, given, &err);

	if (rc != 0) {
		str_addf(out, "%s\n", err.msg);
	} else if (recorder_start(&o, (unsigned)-1, &err) != 0) {
		str_addf(out, "%s\n", err.msg);
		rc = 1;
	} else {
		log_info(NULL, "sessions are recorded to %s", o.path);
		str_addf(out, "sessions are recorded to %s\n", o.path);
	}
	json_decref(given);
	return rc == 0 ? EX_OK : rc < 0 ? EX_USAGE : EX_CANTCREAT;
}

static int
stop(struct str *out)
{
	if (!recording_describe(out))
		return EX_UNAVAILABLE;
	if (!recording_stop(clock_mono() + STOP_WITHIN)) {
		str_adds(out, "not all of it could be written in time\n");
		return EX_IOERR;
	}
	log_info(NULL, "sessions are not recorded any more");
	str_adds(out, "stopped\n");
	return EX_OK;
}

int
serve_record(const char *request, struct str *out)
{
	if (strncmp(request, "start ", 6) == 0)
		return start(request + 6, out);
	if (strcmp(request, "stop") == 0)
		return stop(out);
	if (strcmp(request, "status") == 0)
		return recording_describe(out) ? EX_OK : EX_UNAVAILABLE;
	str_addf(out, "unknown request \"record %.100s\"\n", request);
	return EX_USAGE;
}
