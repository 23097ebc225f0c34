/*
 * settings.h - what kumo.milter.configure{} can set
 *
 * One struct for each epoch (loaded policy), filled while the policy's init
 * runs and constant afterwards.  The table in settings.c names every option
 * with its form, default and meaning; the manual and the error for an unknown
 * key are made from it.
 */
#ifndef KUMILTER_SETTINGS_H
#define KUMILTER_SETTINGS_H

#include "err.h"
#include "reply.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum on_error {
	ON_ERROR_DISCONNECT,
	ON_ERROR_TEMPFAIL,
	ON_ERROR_ACCEPT,
	ON_ERROR_REJECT
};

#define DRY_RUN_ALL UINT32_MAX

struct settings {
	int64_t event_timeout;   /* ns, waits included */
	int64_t message_timeout; /* ns, the same at the end of a message */
	int64_t cpu_limit;       /* ns between two waits */
	size_t memory_limit;     /* bytes for each Lua state */
	size_t message_limit;    /* bytes of one message kept for handlers */
	size_t message_memory;   /* of its body in memory, not in a file */
	size_t messages_memory;  /* of all bodies in memory together */
	char spool_directory[256];
	char submit_command[1024];
	/* datasource.h; counted for the draft and the epoch alone */
	struct json_t *datasources;
	struct throttle_shared *throttles; /* or NULL; stays for good */
	struct json_t *resolvers;          /* dns_spec.h; the same */
	int64_t dns_timeout;               /* ns, of one lookup */
	int64_t monitor_interval; /* ns between two looks of config_watch.h */
	size_t http_body_limit;   /* bytes of one response */
	char dns_servers[512];    /* a list of dns_servers.h */
	char metrics_listen[128]; /* a socket, or "none" */
	int header_count_limit;
	size_t header_size_limit;
	int recipient_limit;
	int on_error;
	int force_disconnect;
	int stage_reject;
	int data_reject;
	int batch_handling;
	bool jit;
	bool strict;
	bool enforce_relay;
	uint32_t dry_run;  /* a bit for each event, or DRY_RUN_ALL */
	int dry_run_share; /* percent of the clients */
	bool kumomta_quirks;
	bool compress_records;
	int states; /* 0 = by the number of CPUs */
};

enum batch_handling { BATCH_BIFURCATE, BATCH_BY_DOMAIN, BATCH_ALL_IN_ONE };
int batch_handling_parse(const char *text, int *out, struct err *err);

void settings_init(struct settings *s);

/*
 * Set one option from text; true and false for switches, durations such as
 * "10s", sizes such as "64MB".  A number from Lua comes as its digits with
 * is_number set: seconds or bytes.  The error names the key and what fits it.
 */
int settings_set(struct settings *s, const char *key, const char *value,
    bool is_number, struct err *err);

/* An option's value as text, as settings_set() would take it. */
void settings_get(
    const struct settings *s, const char *key, char *out, size_t size);

/* Walk the options: for the manual and for `kumilter check -v`. */
struct settings_row {
	const char *name, *form, *preset, *help;
};
const struct settings_row *settings_rows(size_t *n);

#endif
