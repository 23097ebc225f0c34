/*
 * cli_explain.h - `kumilter explain-reply`
 *
 *	kumilter explain-reply --mta MTA --stage STAGE [options] CODE TEXT
 *
 * Prints what becomes of kumo.reject(CODE, TEXT) or kumo.disconnect(CODE,
 * TEXT, how) in that stage, in front of that MTA; --help has the options.
 * argv[0] is the verb.  Returns the exit code: 0, or EX_USAGE for a question
 * that cannot be asked, a CODE outside 400..599 among them.
 *
 * --json prints one object instead, with these members, always all of them:
 *	mta, stage, mode	as asked
 *	code			that is said (force_disconnect may change it)
 *	given_at		the stage in which the client gets it
 *	lines			what the client reads then, line by line; []
 *				where the MTA hides it: 220 or 250 as usual
 *	at_mail			lines that the MTA says to the MAIL after that
 *				by itself, or null
 *	closes			the MTA closes right after lines
 *	condemned, next		the session is condemned; what the next command
 *				that reaches kumilter reads then, or null
 *	remarks			sentences
 */
#ifndef KUMILTER_CLI_EXPLAIN_H
#define KUMILTER_CLI_EXPLAIN_H

int cli_explain(int argc, char **argv);

#endif
