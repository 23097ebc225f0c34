/*
 * submit.h - giving a message to the MTA as new mail
 *
 * The MTA's own submission command does it: a program and its options, words
 * split at blanks ("/usr/sbin/sendmail -i"), to which "-f SENDER -- RCPT ..."
 * is added.  It is started without a shell, with the message as its standard
 * input, no other descriptor than what it says on 1 and 2, no signal ignored
 * or blocked, and an environment of PATH, TZ and MAIL_CONFIG.  It and its
 * children are killed when the deadline comes.
 *
 * Any thread may call anything here.
 */
#ifndef KUMILTER_SUBMIT_H
#define KUMILTER_SUBMIT_H

#include "err.h"
#include "str.h"

#include <stddef.h>
#include <stdint.h>

#define SUBMIT_RCPTS_MAX 1000
#define SUBMIT_WORDS_MAX 32

struct submission {
	const char *command;
	const char *sender; /* "": the null sender */
	const char *const *rcpt;
	size_t n_rcpt;
	const char *data; /* header and body; CRLF becomes LF on the way */
	size_t len;
};

/* Can this be a submission command?  Says nothing of whether it works. */
int submit_check_command(const char *command, struct err *err);

/*
 * An address as the command takes it, in *out: "user@domain", or the name of
 * a user of this host.  Fails on what is neither, begins with '-' or holds a
 * control character.
 */
int submit_address(
    const char *text, size_t len, struct str *out, struct err *err);

/*
 * 0 when the command ended with status 0.  *said is what it wrote, at most
 * 2000 bytes of it.
 */
int submit_run(const struct submission *s, int64_t deadline, struct str *said,
    struct err *err);

#endif
