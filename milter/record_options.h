/*
 * record_options.h - what kumo.configure_local_logs is told
 *
 * Checked once, when the policy is loaded; texts stand in the JSON that they
 * came in, which is kept.  A leaf.
 */
#ifndef KUMILTER_RECORD_OPTIONS_H
#define KUMILTER_RECORD_OPTIONS_H

#include "err.h"

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Of KumoMTA's types of records these are a milter's. */
enum record_type { RECORD_RECEPTION, RECORD_REJECTION, RECORD_TYPES };

const char *record_type_name(enum record_type type); /* "Reception" */

/* How one type is written. */
struct record_kind {
	bool enable;
	const char *log_dir, *suffix, *segment_header; /* never NULL */
	const char *template; /* record_template.h's, or NULL: JSON */
};

/* What is to stay free: bytes or objects, or percent of all. */
struct record_free {
	uint64_t least;
	bool percent;
};

struct record_options {
	json_t *given;
	size_t max_file_size, back_pressure;
	int compression_level;
	int64_t max_segment_duration; /* ns; 0: no limit */
	const json_t *meta, *headers; /* arrays of names, or NULL */
	const char *filter_event;     /* or NULL */
	struct record_free space, inodes;
	struct record_kind kind[RECORD_TYPES];
};

/* 0, or -1 with *err, which names the key.  Keeps a reference to given. */
int record_options_read(
    struct record_options *o, const json_t *given, struct err *err);
void record_options_fini(struct record_options *o);

#endif
