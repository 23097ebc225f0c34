#include "sim_word.h"

/* $h: the MTA's name; $a: an address, a client, a command, a queue id. */
static const char *const words[SIM_WORDS][2] = {
	[SIM_GREETING] = { "220 $h ESMTP Postfix", "220 $h ESMTP Sendmail" },
	[SIM_HELO] = { "250 $h", "250 $h Hello $a, pleased to meet you" },
	[SIM_EHLO] = { "250-$h\n250-PIPELINING\n250-SIZE 10240000\n250-VRFY\n"
		       "250-ETRN\n250-ENHANCEDSTATUSCODES\n250-8BITMIME\n"
		       "250-DSN\n250-SMTPUTF8\n250 CHUNKING",
	    "250-$h Hello $a, pleased to meet you\n250-ENHANCEDSTATUSCODES\n"
	    "250-PIPELINING\n250-EXPN\n250-VERB\n250-8BITMIME\n250-SIZE\n"
	    "250-DSN\n250-ETRN\n250-DELIVERBY\n250 HELP" },
	[SIM_MAIL] = { "250 2.1.0 Ok", "250 2.1.0 $a... Sender ok" },
	[SIM_RCPT] = { "250 2.1.5 Ok", "250 2.1.5 $a... Recipient ok" },
	[SIM_DATA] = { "354 End data with <CR><LF>.<CR><LF>",
	    "354 End data with <CR><LF>.<CR><LF>" },
	[SIM_QUEUED] = { "250 2.0.0 Ok: queued as $a",
	    "250 2.0.0 $a Message accepted for delivery" },
	[SIM_RSET] = { "250 2.0.0 Ok", "250 2.0.0 Reset state" },
	[SIM_NOOP] = { "250 2.0.0 Ok", "250 2.0.0 OK" },
	[SIM_QUIT] = { "221 2.0.0 Bye", "221 2.0.0 $h closing connection" },
	[SIM_VRFY] = { "252 2.0.0 $a", "252 2.1.5 $a" },
	[SIM_ETRN] = { "500 Syntax: ETRN domain",
	    "500 5.5.2 Parameter required" },
	[SIM_EXPN] = { "500 5.5.2 Error: command not recognized",
	    "250 2.1.5 <$a@$h>" },
	[SIM_HELP] = { "500 5.5.2 Error: command not recognized",
	    "502 5.3.0 Sendmail 8.17.1.9 -- HELP not implemented" },
	[SIM_NO_TLS] = { "502 5.5.1 Error: command not implemented",
	    "454 4.3.3 TLS not available after start" },
	[SIM_NO_AUTH] = { "503 5.5.1 Error: authentication not enabled",
	    "504 5.3.3 AUTH mechanism $a not available" },
	[SIM_RSET_ARG] = { "501 5.5.4 Syntax: RSET", "250 2.0.0 Reset state" },
	[SIM_UNKNOWN] = { "500 5.5.2 Error: command not recognized",
	    "500 5.5.1 Command unrecognized: \"$a\"" },
	[SIM_NO_NAME] = { "501 Syntax: $a hostname",
	    "501 5.0.0 $a requires domain address" },
	[SIM_NO_FROM] = { "501 5.5.4 Syntax: MAIL FROM:<address>",
	    "501 5.5.2 Syntax error in parameters scanning \"$a\"" },
	[SIM_NO_TO] = { "501 5.5.4 Syntax: RCPT TO:<address>",
	    "501 5.5.2 Syntax error in parameters scanning \"$a\"" },
	[SIM_NESTED] = { "503 5.5.1 Error: nested MAIL command",
	    "503 5.5.0 Sender already specified" },
	[SIM_RCPT_NO_MAIL] = { "503 5.5.1 Error: need MAIL command",
	    "503 5.0.0 Need MAIL before RCPT" },
	[SIM_DATA_NO_MAIL] = { "503 5.5.1 Error: need RCPT command",
	    "503 5.0.0 Need MAIL command" },
	[SIM_DATA_NO_RCPT] = { "554 5.5.1 Error: no valid recipients",
	    "503 5.0.0 Need RCPT (recipient)" },
	[SIM_TIMEOUT] = { "451 4.7.1 Service unavailable - try again later",
	    "451 4.3.2 Please try again later" },
};

void
sim_say(struct str *out, enum mta mta, enum sim_word word, const char *host,
    const char *arg)
{
	for (const char *p = words[word][mta]; *p != '\0'; p++) {
		if (p[0] != '$') {
			str_addc(out, *p);
			continue;
		}
		p++;
		str_adds(out, *p == 'h' ? host : arg);
	}
}
