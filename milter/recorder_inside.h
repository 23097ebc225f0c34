/*
 * recorder_inside.h - for recorder.c and recorder_result.c alone
 */
#ifndef KUMILTER_RECORDER_INSIDE_H
#define KUMILTER_RECORDER_INSIDE_H

#include "macro_name.h"
#include "recorder.h"
#include "str.h"

struct recorder {
	struct observer observer;
	struct recorder_options o;
	struct str line, step, handlers;
	/* of the message under way */
	struct str headers, body;
	size_t body_size;
	bool has_content;

	char *macro[MACRO_NAMES]; /* as they were told last */
	int64_t begin;            /* clock_mono() */
	bool begun, in_step, cut;
	size_t held; /* of all_held */
};

/* After anything has grown: past the bounds it is cut. */
void recorder_weigh(struct recorder *r);
/* A member with its addresses made unknown; nothing for "" and NULL. */
void recorder_add_text(
    struct recorder *r, struct str *out, const char *key, const char *text);
/* The value of a field of this name. */
void recorder_add_field(
    struct recorder *r, struct str *out, const char *name, const char *raw);

/* recorder_result.c: hooks of observe.h */
void recorder_take_handler(
    void *arg, const struct session *s, const struct observed *o);
void recorder_take_reply(void *arg, const struct session *s, enum phase phase,
    const struct event_command *command, const struct reply *reply);
void recorder_take_message(
    void *arg, const struct session *s, const struct message *m);

#endif
