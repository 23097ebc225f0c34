#include "macro_name.h"

#include <string.h>

#define AT(phase) (1U << PHASE_##phase)

static const char *const lists[PHASE_COUNT] = {
	[PHASE_CONNECT] =
	    "j _ v {daemon_name} {daemon_addr} {daemon_port} {client_addr} "
	    "{client_name} {client_port} {client_ptr} {client_resolve} "
	    "{client_connections} {if_name} {if_addr}",
	[PHASE_HELO] = "{tls_version} {cipher} {cipher_bits} {cert_subject} "
		       "{cert_issuer} {verify}",
	[PHASE_MAIL] = "i {auth_type} {auth_authen} {auth_author} {auth_ssf} "
		       "{mail_mailer} {mail_host} {mail_addr}",
	[PHASE_RCPT] = "i {rcpt_mailer} {rcpt_host} {rcpt_addr}",
	[PHASE_DATA] = "i",
	[PHASE_EOM] = "i {msg_id} {msg_size}",
};

/* The same, by name (check_macro_name.c). */
static const struct {
	const char *name;
	unsigned at;
} macros[MACRO_NAMES] = {
	{ "j", AT(CONNECT) },
	{ "_", AT(CONNECT) },
	{ "v", AT(CONNECT) },
	{ "{daemon_name}", AT(CONNECT) },
	{ "{daemon_addr}", AT(CONNECT) },
	{ "{daemon_port}", AT(CONNECT) },
	{ "{client_addr}", AT(CONNECT) },
	{ "{client_name}", AT(CONNECT) },
	{ "{client_port}", AT(CONNECT) },
	{ "{client_ptr}", AT(CONNECT) },
	{ "{client_resolve}", AT(CONNECT) },
	{ "{client_connections}", AT(CONNECT) },
	{ "{if_name}", AT(CONNECT) },
	{ "{if_addr}", AT(CONNECT) },
	{ "{tls_version}", AT(HELO) },
	{ "{cipher}", AT(HELO) },
	{ "{cipher_bits}", AT(HELO) },
	{ "{cert_subject}", AT(HELO) },
	{ "{cert_issuer}", AT(HELO) },
	{ "{verify}", AT(HELO) },
	{ "i", AT(MAIL) | AT(RCPT) | AT(DATA) | AT(EOM) },
	{ "{auth_type}", AT(MAIL) },
	{ "{auth_authen}", AT(MAIL) },
	{ "{auth_author}", AT(MAIL) },
	{ "{auth_ssf}", AT(MAIL) },
	{ "{mail_mailer}", AT(MAIL) },
	{ "{mail_host}", AT(MAIL) },
	{ "{mail_addr}", AT(MAIL) },
	{ "{rcpt_mailer}", AT(RCPT) },
	{ "{rcpt_host}", AT(RCPT) },
	{ "{rcpt_addr}", AT(RCPT) },
	{ "{msg_id}", AT(EOM) },
	{ "{msg_size}", AT(EOM) },
};

const char *
macro_names(enum phase phase)
{
	return lists[phase] != NULL ? lists[phase] : "";
}

const char *
macro_name(int number)
{
	return macros[number].name;
}

int
macro_number(const char *name)
{
	for (int i = 0; i < MACRO_NAMES; i++)
		if (strcmp(macros[i].name, name) == 0)
			return i;
	return -1;
}

bool
macro_is_of(int number, enum phase phase)
{
	return (macros[number].at & 1U << phase) != 0;
}
