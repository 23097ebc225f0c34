#include "session_learn.h"

#include "xmalloc.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#define SMTP_PORT 25

bool
session_peer(const struct session *s, struct ip *ip, int *port)
{
	return ip_from_sockaddr(ip, port, (const struct sockaddr *)&s->peer) ==
	       0;
}

/* Sendmail writes "IPv6:2001:db8::1" (op.me, 5.2) */
static bool
address_macro(const struct session *s, const char *name, struct ip *ip)
{
	const char *text = session_macro(s, name);

	if (text != NULL && strncasecmp(text, "IPv6:", 5) == 0)
		text += 5;
	return text != NULL && ip_parse(ip, text, NULL) == 0;
}

static bool
is_any(const struct ip *ip)
{
	static const struct ip zero;

	return memcmp(ip->bytes, zero.bytes, sizeof zero.bytes) == 0;
}

/*
 * Postfix's {daemon_addr} is the address that the client came to; Sendmail's
 * is what the daemon listens on, often any address, and {if_addr} the one.
 */
bool
session_local(const struct session *s, struct ip *ip, int *port)
{
	const char *text = session_macro(s, "{daemon_port}");
	bool known = address_macro(s, "{daemon_addr}", ip);
	struct ip interface;

	if ((!known || is_any(ip)) &&
	    address_macro(s, "{if_addr}", &interface)) {
		*ip = interface;
		known = true;
	}
	if (!known)
		return false;
	*port = text != NULL ? atoi(text) : SMTP_PORT;
	if (*port <= 0 || *port > 65535)
		*port = SMTP_PORT;
	return true;
}

static void
set_address(struct session *s, const char *key, const struct ip *ip, int port)
{
	struct str text = { 0 };

	ip_format_port(&text, ip, port > 0 ? port : 0);
	session_set_meta_text(s, key, str_c(&text));
	if (strcmp(key, "received_from") == 0) {
		free(s->client);
		s->client = str_take(&text);
	}
	str_fini(&text);
}

void
session_learn_connection(struct session *s)
{
	const char *v = session_macro(s, "v");
	struct ip ip;
	int port;

	/* mta-truth 4: only Postfix says its name in v, and always at connect
	 */
	s->mta = v != NULL && strncmp(v, "Postfix", 7) == 0 ? MTA_POSTFIX
							    : MTA_SENDMAIL;
	session_set_meta_text(s, "reception_protocol", "ESMTP");
	if (session_peer(s, &ip, &port))
		set_address(s, "received_from", &ip, port);
	if (session_local(s, &ip, &port))
		set_address(s, "received_via", &ip, port);
}

static char *
own_hostname(const struct session *s)
{
	const char *given =
	    json_string_value(json_object_get(s->params, "hostname"));
	const char *j = session_macro(s, "j");
	char name[256] = "localhost";

	if (given != NULL && given[0] != '\0')
		return xstrdup(given);
	if (j != NULL && j[0] != '\0')
		return xstrdup(j);
	gethostname(name, sizeof name - 1);
	return xstrdup(name);
}

void
session_apply_params(struct session *s)
{
	json_object_update(s->meta, json_object_get(s->params, "meta"));
	free(s->hostname);
	s->hostname = own_hostname(s);
	session_set_meta_text(s, "hostname", s->hostname);
}

/* OpenSSL's names of the suites that rustls has too. */
static const struct {
	const char *openssl, *rustls;
} suites[] = {
	{ "TLS_AES_256_GCM_SHA384", "TLS13_AES_256_GCM_SHA384" },
	{ "TLS_AES_128_GCM_SHA256", "TLS13_AES_128_GCM_SHA256" },
	{ "TLS_CHACHA20_POLY1305_SHA256", "TLS13_CHACHA20_POLY1305_SHA256" },
	{ "ECDHE-ECDSA-AES256-GCM-SHA384",
	    "TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384" },
	{ "ECDHE-ECDSA-AES128-GCM-SHA256",
	    "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256" },
	{ "ECDHE-ECDSA-CHACHA20-POLY1305",
	    "TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256" },
	{ "ECDHE-RSA-AES256-GCM-SHA384",
	    "TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384" },
	{ "ECDHE-RSA-AES128-GCM-SHA256",
	    "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256" },
	{ "ECDHE-RSA-CHACHA20-POLY1305",
	    "TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256" },
};

static void
learn_tls(struct session *s, const char *version)
{
	const char *cipher = session_macro(s, "{cipher}");
	char *name = xstrdup(version);

	/* "TLSv1.3" is TLSv1_3 in rustls */
	for (char *p = name; *p != '\0'; p++)
		if (*p == '.')
			*p = '_';
	session_set_meta_text(s, "tls_protocol_version", name);
	free(name);
	for (size_t i = 0; cipher != NULL && i < sizeof suites / sizeof *suites;
	     i++)
		if (strcmp(suites[i].openssl, cipher) == 0)
			cipher = suites[i].rustls;
	session_set_meta_text(s, "tls_cipher", cipher);
}

/* Postfix gives the common name alone, Sendmail "/C=../CN=name". */
static void
learn_subject(struct session *s, const char *subject)
{
	const char *cn = strstr(subject, "/CN=");
	size_t len;
	char *text;

	cn = cn != NULL ? cn + 4 : subject;
	len = cn != subject ? strcspn(cn, "/") : strlen(cn);
	text = xasprintf("CN=%.*s", (int)len, cn);
	json_object_set_new(s->meta, "tls_peer_subject_name",
	    json_pack("[o]", json_stringn_nocheck(text, strlen(text))));
	free(text);
}

void
session_learn_tls(struct session *s)
{
	const char *version = session_macro(s, "{tls_version}");
	const char *subject;

	if (version == NULL || version[0] == '\0')
		return;
	learn_tls(s, version);
	subject = session_macro(s, "{cert_subject}");
	if (subject != NULL && subject[0] != '\0')
		learn_subject(s, subject);
}

void
session_learn_auth(struct session *s)
{
	const char *authn = session_macro(s, "{auth_authen}");
	const char *authz;

	if (authn == NULL || authn[0] == '\0')
		return;
	authz = session_macro(s, "{auth_author}");
	session_set_meta_text(s, "authn_id", authn);
	session_set_meta_text(
	    s, "authz_id", authz != NULL && authz[0] != '\0' ? authz : authn);
}
