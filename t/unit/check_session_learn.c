#include "unit.h"

#include "milter/session_learn.h"
#include "milter/xmalloc.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <string.h>
#include <unistd.h>

static struct session *s;

static void
setup(void)
{
	s = session_new();
}

static void
teardown(void)
{
	session_free(s);
}

static void
peer(const char *address, int port)
{
	struct sockaddr_in *in = (struct sockaddr_in *)&s->peer;
	struct sockaddr_in6 *in6 = (struct sockaddr_in6 *)&s->peer;

	memset(&s->peer, 0, sizeof s->peer);
	if (inet_pton(AF_INET, address, &in->sin_addr) == 1) {
		in->sin_family = AF_INET;
		in->sin_port = htons((uint16_t)port);
	} else if (inet_pton(AF_INET6, address, &in6->sin6_addr) == 1) {
		in6->sin6_family = AF_INET6;
		in6->sin6_port = htons((uint16_t)port);
	}
}

static void
learn_security(void)
{
	session_learn_tls(s);
	session_learn_auth(s);
}

static void
expect(const char *key, const char *value)
{
	const char *is = session_meta_text(s, key);

	if (value == NULL)
		ck_assert_msg(json_object_get(s->meta, key) == NULL, "%s", key);
	else
		ck_assert_msg(is != NULL && strcmp(is, value) == 0,
		    "%s: expected %s, got %s", key, value,
		    is != NULL ? is : "nothing");
}

static const struct {
	const char *peer;
	int port;
	const char *addr, *daemon_port, *if_addr, *v; /* macros, or NULL */
	const char *from, *via, *client;
	enum mta mta;
} connects[] = {
	{ "192.0.2.7", 40000, "192.0.2.1", "25", NULL, "Postfix 3.7.11",
	    "192.0.2.7:40000", "192.0.2.1:25", "192.0.2.7:40000", MTA_POSTFIX },
	{ "2001:db8::7", 40000, "2001:db8::1", "587", NULL, "8.17.1.9",
	    "[2001:db8::7]:40000", "[2001:db8::1]:587", "[2001:db8::7]:40000",
	    MTA_SENDMAIL },
	{ "192.0.2.7", 0, NULL, NULL, "192.0.2.3", NULL, "192.0.2.7:0",
	    "192.0.2.3:25", "192.0.2.7:0", MTA_SENDMAIL },
	{ "192.0.2.7", 1, "", "2525", "IPv6:2001:db8::3", "Postfix",
	    "192.0.2.7:1", "[2001:db8::3]:2525", "192.0.2.7:1", MTA_POSTFIX },
	{ "192.0.2.7", 1, "0.0.0.0", "587", "192.0.2.3", "8.17.1",
	    "192.0.2.7:1", "192.0.2.3:587", "192.0.2.7:1", MTA_SENDMAIL },
	{ "2001:db8::7", 1, "IPv6:::", "25", "IPv6:2001:db8::3", "8.17.1",
	    "[2001:db8::7]:1", "[2001:db8::3]:25", "[2001:db8::7]:1",
	    MTA_SENDMAIL },
	{ "127.0.0.1", 1, "0.0.0.0", "25", NULL, "8.17.1", "127.0.0.1:1",
	    "0.0.0.0:25", "127.0.0.1:1", MTA_SENDMAIL },
	{ "192.0.2.7", 1, "192.0.2.1", "0", NULL, NULL, "192.0.2.7:1",
	    "192.0.2.1:25", "192.0.2.7:1", MTA_SENDMAIL },
	{ "192.0.2.7", 1, "192.0.2.1", "99999", NULL, NULL, "192.0.2.7:1",
	    "192.0.2.1:25", "192.0.2.7:1", MTA_SENDMAIL },
	{ "192.0.2.7", 1, "192.0.2.1", "x", NULL, NULL, "192.0.2.7:1",
	    "192.0.2.1:25", "192.0.2.7:1", MTA_SENDMAIL },
	/* a local client: nothing is known, nothing made up */
	{ "", 0, NULL, NULL, NULL, "Postfix 3.9.0", NULL, NULL, NULL,
	    MTA_POSTFIX },
	{ "", 0, "somewhere", "25", NULL, NULL, NULL, NULL, NULL,
	    MTA_SENDMAIL },
};

START_TEST(connection)
{
	session_macros_begin(s, PHASE_CONNECT);
	if (connects[_i].addr != NULL)
		session_set_macro(
		    s, PHASE_CONNECT, "{daemon_addr}", connects[_i].addr);
	if (connects[_i].daemon_port != NULL)
		session_set_macro(s, PHASE_CONNECT, "{daemon_port}",
		    connects[_i].daemon_port);
	if (connects[_i].if_addr != NULL)
		session_set_macro(
		    s, PHASE_CONNECT, "{if_addr}", connects[_i].if_addr);
	if (connects[_i].v != NULL)
		session_set_macro(s, PHASE_CONNECT, "v", connects[_i].v);
	peer(connects[_i].peer, connects[_i].port);
	session_learn_connection(s);
	expect("reception_protocol", "ESMTP");
	expect("received_from", connects[_i].from);
	expect("received_via", connects[_i].via);
	expect("ehlo_domain", NULL);
	ck_assert_pstr_eq(s->client, connects[_i].client);
	ck_assert_int_eq(s->mta, connects[_i].mta);
	session_learn_connection(s); /* once more changes nothing */
	expect("received_from", connects[_i].from);
}
END_TEST

START_TEST(hostname)
{
	char name[256] = "";

	session_apply_params(s); /* no parameters at all */
	gethostname(name, sizeof name - 1);
	expect("hostname", name);
	session_set_macro(s, PHASE_CONNECT, "j", "mx.example.test");
	session_apply_params(s);
	expect("hostname", "mx.example.test");
	s->params = json_pack("{s:s, s:{s:i, s:s}}", "hostname",
	    "listener.example", "meta", "a", 1, "hostname", "meta's own");
	session_apply_params(s);
	expect("hostname", "listener.example");
	ck_assert_str_eq(s->hostname, "listener.example");
	ck_assert_int_eq(json_integer_value(json_object_get(s->meta, "a")), 1);
	json_object_set_new(s->params, "hostname", json_string(""));
	session_apply_params(s);
	expect("hostname", "mx.example.test");
}
END_TEST

static const struct {
	const char *version, *cipher, *is_version, *is_cipher;
} tls[] = {
	{ "TLSv1.3", "TLS_AES_256_GCM_SHA384", "TLSv1_3",
	    "TLS13_AES_256_GCM_SHA384" },
	{ "TLSv1.2", "ECDHE-RSA-AES128-GCM-SHA256", "TLSv1_2",
	    "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256" },
	{ "TLSv1.2", "AES256-SHA", "TLSv1_2", "AES256-SHA" },
	{ "TLSv1.3", NULL, "TLSv1_3", NULL },
	{ "", "AES256-SHA", NULL, NULL }, /* Sendmail without TLS */
	{ NULL, NULL, NULL, NULL },
};

START_TEST(security)
{
	if (tls[_i].version != NULL)
		session_set_macro(
		    s, PHASE_HELO, "{tls_version}", tls[_i].version);
	if (tls[_i].cipher != NULL)
		session_set_macro(s, PHASE_HELO, "{cipher}", tls[_i].cipher);
	learn_security();
	expect("tls_protocol_version", tls[_i].is_version);
	expect("tls_cipher", tls[_i].is_cipher);
	expect("tls_peer_subject_name", NULL);
	expect("authn_id", NULL);
}
END_TEST

static const struct {
	const char *subject, *name;
} subjects[] = {
	{ "client.example", "CN=client.example" },
	{ "/C=DE/O=Example/CN=client.example", "CN=client.example" },
	{ "/CN=client.example/OU=x", "CN=client.example" },
	{ "a/b", "CN=a/b" },
};

START_TEST(subject)
{
	json_t *names;

	session_set_macro(s, PHASE_HELO, "{tls_version}", "TLSv1.3");
	session_set_macro(
	    s, PHASE_HELO, "{cert_subject}", subjects[_i].subject);
	learn_security();
	names = json_object_get(s->meta, "tls_peer_subject_name");
	ck_assert_uint_eq(json_array_size(names), 1);
	ck_assert_str_eq(
	    json_string_value(json_array_get(names, 0)), subjects[_i].name);
}
END_TEST

START_TEST(authentication)
{
	session_set_macro(s, PHASE_MAIL, "{auth_authen}", "alice");
	learn_security();
	expect("authn_id", "alice");
	expect("authz_id", "alice");
	session_set_macro(s, PHASE_MAIL, "{auth_author}", "bob");
	learn_security();
	expect("authn_id", "alice");
	expect("authz_id", "bob");
}
END_TEST

/* What a stage brings replaces what it brought before, and nothing else. */
START_TEST(macros)
{
	static const char *const names[] = { "{a}", "{b}", "{c}", "{d}" };
	char *large = xcalloc(1, 10000);

	session_set_macro(s, PHASE_CONNECT, "j", "one");
	session_set_macro(s, PHASE_MAIL, "i", "queue1");
	ck_assert_str_eq(session_macro(s, "i"), "queue1");
	session_macros_begin(s, PHASE_MAIL);
	ck_assert_ptr_null(session_macro(s, "i"));
	ck_assert_str_eq(session_macro(s, "j"), "one");
	session_set_macro(s, PHASE_RCPT, "j", "two"); /* the latest wins */
	ck_assert_str_eq(session_macro(s, "j"), "two");
	session_macros_begin(s, PHASE_RCPT);
	ck_assert_str_eq(session_macro(s, "j"), "one");
	/* the MTA cannot make us keep more than this */
	memset(large, 'x', 9999);
	session_set_macro(s, PHASE_RCPT, "large", large);
	ck_assert_uint_eq(strlen(session_macro(s, "large")), SESSION_MACRO_MAX);
	for (int i = 0; i < SESSION_MACROS; i++)
		session_set_macro(s, PHASE_EOM, names[i % 3], "x");
	session_set_macro(s, PHASE_EOM, names[3], "x");
	ck_assert_str_eq(session_macro(s, names[2]), "x");
	ck_assert_ptr_null(session_macro(s, names[3]));
	free(large);
}
END_TEST

START_TEST(ids_are_unique)
{
	struct session *other = session_new();

	ck_assert_uint_eq(strlen(s->id), 16);
	ck_assert_str_ne(s->id, other->id);
	session_free(other);
	session_free(NULL);
}
END_TEST

static Suite *
suite(void)
{
	TCase *t;
	Suite *suite = unit_suite("session_learn", &t);

	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_loop_test(t, connection, 0, UNIT_N(connects));
	tcase_add_test(t, hostname);
	tcase_add_loop_test(t, security, 0, UNIT_N(tls));
	tcase_add_loop_test(t, subject, 0, UNIT_N(subjects));
	tcase_add_test(t, authentication);
	tcase_add_test(t, macros);
	tcase_add_test(t, ids_are_unique);
	return suite;
}

UNIT_MAIN(suite)
