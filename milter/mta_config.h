/*
 * mta_config.h - how an MTA is configured to ask its milters
 *
 * Read from `postconf -c DIR` and its main.cf, or from a sendmail.cf.  Nothing
 * is changed, and no MTA need run.
 */
#ifndef KUMILTER_MTA_CONFIG_H
#define KUMILTER_MTA_CONFIG_H

#include "err.h"

#include <stdbool.h>
#include <stdint.h>

#define MTA_FILTERS_MAX 32

/* One filter that the MTA asks; times in ns. */
struct mta_filter {
	char name[64];    /* Sendmail's; "" with Postfix */
	char socket[512]; /* as written */
	char path[512];   /* of a unix socket where the MTA looks; or "" */
	char action[16];  /* Postfix's default_action, Sendmail's F= */
	int64_t command, content; /* how long it waits for an answer */
	int protocol;             /* Postfix' version of it */
	int line;                 /* of X in sendmail.cf */
};

struct mta_config {
	char file[512]; /* main.cf or sendmail.cf */
	char version[64];
	char user[64]; /* who connects; "" is root */
	char queue[512];
	struct mta_filter filter[MTA_FILTERS_MAX];
	int n;
	char others[512];    /* Postfix: non_smtpd_milters */
	char chrooted[64];   /* Postfix: a service in the chroot, or "" */
	char unfiltered[64]; /* Postfix: a service without milters, or "" */
	int list_line;       /* of smtpd_milters or InputMailFilters; 0: none */
};

int mta_config_postfix(
    struct mta_config *c, const char *folder, struct err *err);
int mta_config_sendmail(
    struct mta_config *c, const char *file, struct err *err);

/* The line on which main.cf sets a parameter, or 0. */
int mta_config_line(const struct mta_config *c, const char *parameter);

#endif
