/*
 * mta_text.h - an MTA's configuration, from texts
 *
 * A folder with main.cf, master.cf and sendmail.cf, a socket "sock" and a
 * postconf of its own, which says what Postfix' says of the two files; it need
 * not be installed.  @DIR@ in a text is that folder.
 */
#ifndef KUMILTER_T_MTA_TEXT_H
#define KUMILTER_T_MTA_TEXT_H

#include "unit.h"

#include "milter/err.h"
#include "milter/mta_config.h"

#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

static char mta_dir[64];
static int mta_sock;

static inline void
mta_path(char *out, size_t size, const char *name)
{
	snprintf(out, size, "%.60s/%.100s", mta_dir, name);
}

/* Of what is in the folder. */
static inline void
mta_write(const char *name, const char *text)
{
	char path[256];
	FILE *f;

	mta_path(path, sizeof path, name);
	f = fopen(path, "w");
	ck_assert(f != NULL);
	for (const char *at; (at = strstr(text, "@DIR@")) != NULL;
	     text = at + strlen("@DIR@"))
		fprintf(f, "%.*s%s", (int)(at - text), text, mta_dir);
	fputs(text, f);
	fclose(f);
}

/* As Postfix 3.7 has them where main.cf says nothing. */
#define MTA_DEFAULTS                                                           \
	"mail_version = 3.7.11\n"                                              \
	"mail_owner = postfix\n"                                               \
	"queue_directory = /var/spool/postfix\n"                               \
	"smtpd_milters =\n"                                                    \
	"non_smtpd_milters =\n"                                                \
	"milter_default_action = tempfail\n"                                   \
	"milter_protocol = 6\n"                                                \
	"milter_command_timeout = 30s\n"                                       \
	"milter_content_timeout = 300s\n"

/* What is wanted of the two files; what comes first is believed. */
#define MTA_POSTCONF                                                           \
	"#!/bin/sh\n"                                                          \
	"[ \"$1\" = -c ] && cd \"$2\" 2>/dev/null || exit 1\n"                 \
	"case $3 in\n"                                                         \
	"-x) cat main.cf defaults | sed 's/[ \t]*=[ \t]*/ = /' ;;\n"           \
	"-M) grep '^[a-z0-9]' master.cf ;;\n"                                  \
	"-P) awk '/^[a-z0-9]/ { service = $1 \"/\" $2 }\n"                     \
	"	/^ *-o / { sub(/^ *-o /, \"\"); at = index($0, \"=\")\n"             \
	"	print service \"/\" substr($0, 1, at - 1) \" = \"\\\n"               \
	"		substr($0, at + 1) }' master.cf ;;\n"                               \
	"esac\n"

static inline void
mta_setup(void)
{
	struct sockaddr_un un = { .sun_family = AF_UNIX };
	char path[1024];

	snprintf(mta_dir, sizeof mta_dir, "/tmp/kumilter-mta-XXXXXX");
	ck_assert(mkdtemp(mta_dir) != NULL);
	ck_assert_int_eq(chmod(mta_dir, 0755), 0);
	mta_write("defaults", MTA_DEFAULTS);
	mta_write("postconf", MTA_POSTCONF);
	mta_path(path, sizeof path, "postconf");
	ck_assert_int_eq(chmod(path, 0755), 0);
	snprintf(path, sizeof path, "%s:%.900s", mta_dir, getenv("PATH"));
	setenv("PATH", path, 1);
	mta_path(un.sun_path, sizeof un.sun_path, "sock");
	mta_sock = socket(AF_UNIX, SOCK_STREAM, 0);
	ck_assert_int_eq(bind(mta_sock, (struct sockaddr *)&un, sizeof un), 0);
	ck_assert_int_eq(chmod(un.sun_path, 0666), 0);
}

static inline void
mta_teardown(void)
{
	static const char *const names[] = { "defaults", "postconf", "sock",
		"main.cf", "master.cf", "sendmail.cf" };
	char path[256];

	setenv("PATH", strchr(getenv("PATH"), ':') + 1, 1);
	close(mta_sock);
	ck_assert_int_eq(chmod(mta_dir, 0755), 0);
	for (size_t i = 0; i < UNIT_N(names); i++) {
		mta_path(path, sizeof path, names[i]);
		unlink(path);
	}
	ck_assert_int_eq(rmdir(mta_dir), 0);
}

static inline void
mta_postfix(struct mta_config *c, const char *main_cf, const char *master_cf)
{
	struct err err;

	mta_write("main.cf", main_cf);
	mta_write("master.cf", master_cf);
	ck_assert_msg(mta_config_postfix(c, mta_dir, &err) == 0, "%s", err.msg);
}

static inline void
mta_sendmail(struct mta_config *c, const char *text)
{
	char path[256];
	struct err err;

	mta_write("sendmail.cf", text);
	mta_path(path, sizeof path, "sendmail.cf");
	ck_assert_msg(mta_config_sendmail(c, path, &err) == 0, "%s", err.msg);
}

#endif
