#include "unit.h"

#include "dns_server.h"
#include "milter/clock.h"
#include "milter/dns.h"

#define AGES (30 * CLOCK_S)

static const struct dns_row zone[] = {
	{ "a.example.com", { "A 192.0.2.1", "A 192.0.2.2", "AAAA ::1" } },
	{ "txt.example.com", { "TXT v=spf1_,-all", "TXT other" } },
	{ "mx.example.com", { "MX 20 b.example.com", "MX 10 a.example.com",
				"MX 20 a.example.com", "MX 0 z.example.com" } },
	{ "null.example.com", { "MX 0 " } },
	{ "ns.example.com", { "NS ns1.example.com" } },
	{ "7.2.0.192.in-addr.arpa", { "PTR host.example.com" } },
	{ "4.3.2.10.in-addr.arpa", { "PTR inside.example.com" } },
	{ "alias.example.com",
	    { "CNAME two.example.com", "CNAME a.example.com", "A 192.0.2.1" } },
	{ "two.example.com", { "CNAME a.example.com" } },
	{ "half.example.com", { "CNAME a.example.com" } },
	{ "void.example.com", { "CNAME none.example.com" } },
	{ "loop.example.com", { "CNAME loop.example.com" } },
	{ "nodata.example.com", { "NODATA" } },
	{ "servfail.example.com", { "SERVFAIL" } },
	{ "refused.example.com", { "REFUSED" } },
	{ "silent.example.com", { "SILENT" } },
	{ "garbage.example.com", { "GARBAGE", "A 192.0.2.1" } },
	{ "short.example.com", { "SHORT", "A 192.0.2.1" } },
	{ "liar.example.com", { "LIAR", "A 192.0.2.1" } },
	{ "tc.example.com", { "TC", "A 192.0.2.1" } },
	{ "many.example.com", { "MANY 300" } },
	{ "toomany.example.com", { "MANY 1500" } },
	{ "host.test", { "A 192.0.2.9" } },
	{ "raw.example.com", { "RAW 12 046100622800" } },
	{ "badtxt.example.com", { "RAW 16 09616263" } },
	{ "badmx.example.com", { "RAW 15 00", "MX 5 a.example.com" } },
	{ "held", { "HOLD 200", "A 192.0.2.3" } },
};

static struct dns_server *server;

static void
begin(void)
{
	server = dns_server_start(zone, UNIT_N(zone));
}

static void
end(void)
{
	dns_server_stop(server);
}

/* "status text text..." */
static char *
look(struct dns_resolver *r, const char *name, enum dns_type type,
    int64_t deadline)
{
	static const char *const statuses[] = { "found", "nodata", "noname",
		"servfail", "timeout", "failed" };
	struct dns_answer a;
	struct str out = { 0 };

	dns_lookup(r, name, type, deadline, &a);
	str_adds(&out, statuses[a.status]);
	for (size_t i = 0; i < a.n && i < 8; i++) {
		if (type == DNS_MX)
			str_addf(&out, " %d", a.record[i].preference);
		str_addf(&out, " %s", a.record[i].text);
	}
	if (a.n > 8)
		str_addf(&out, " (%zu)", a.n);
	dns_answer_fini(&a);
	return str_take(&out);
}

static const struct {
	const char *name;
	enum dns_type type;
	const char *answer;
} rows[] = {
	{ "a.example.com", DNS_A, "found 192.0.2.1 192.0.2.2" },
	{ "A.Example.COM", DNS_A, "found 192.0.2.1 192.0.2.2" },
	{ "a.example.com", DNS_AAAA, "found ::1" },
	{ "a.example.com", DNS_TXT, "nodata" },
	{ "txt.example.com", DNS_TXT, "found v=spf1 -all other" },
	{ "mx.example.com", DNS_MX,
	    "found 0 z.example.com 10 a.example.com 20 b.example.com 20 "
	    "a.example.com" },
	{ "null.example.com", DNS_MX, "found 0 ." },
	{ "ns.example.com", DNS_NS, "found ns1.example.com" },
	{ "7.2.0.192.in-addr.arpa", DNS_PTR, "found host.example.com" },
	{ "4.3.2.10.in-addr.arpa", DNS_PTR, "found inside.example.com" },
	{ "alias.example.com", DNS_A, "found 192.0.2.1 192.0.2.2" },
	{ "alias.example.com", DNS_CNAME, "found two.example.com" },
	{ "half.example.com", DNS_A, "found 192.0.2.1 192.0.2.2" },
	{ "void.example.com", DNS_A, "noname" },
	{ "loop.example.com", DNS_A, "servfail" },
	{ "nodata.example.com", DNS_A, "nodata" },
	{ "none.example.com", DNS_A, "noname" },
	{ "servfail.example.com", DNS_A, "servfail" },
	{ "refused.example.com", DNS_A, "servfail" },
	{ "tc.example.com", DNS_A, "found 192.0.2.1" },
	{ "many.example.com", DNS_A, NULL },
	{ "toomany.example.com", DNS_A, NULL },
	{ "host.test", DNS_A, "found 192.0.2.9" },
	{ "raw.example.com", DNS_PTR, "found a\\000b(" },
	{ "badtxt.example.com", DNS_TXT, "servfail" },
	{ "badmx.example.com", DNS_MX, "servfail" },
	{ "localhost", DNS_A, "found 127.0.0.1" },
};

START_TEST(looks_up)
{
	struct err err;
	struct dns_resolver *r = dns_resolver_get(server->address, &err);
	char *answer;

	ck_assert_msg(r != NULL, "%s", err.msg);
	answer = look(r, rows[_i].name, rows[_i].type, clock_mono() + AGES);
	if (rows[_i].answer != NULL)
		ck_assert_str_eq(answer, rows[_i].answer);
	else
		ck_assert_msg(strncmp(answer, "found 10.", 9) == 0 &&
				  strstr(answer, rows[_i].name[0] == 'm'
						     ? "(300)"
						     : "(512)") != NULL,
		    "%s", answer);
	free(answer);
	dns_resolver_unref(r);
}
END_TEST

/* What is no answer is as good as none: the deadline holds. */
START_TEST(deadline_holds)
{
	static const char *const names[] = { "silent.example.com",
		"garbage.example.com", "liar.example.com",
		"short.example.com" };
	struct err err;
	struct dns_resolver *r = dns_resolver_get(server->address, &err);
	int64_t begun = clock_mono();
	char *answer = look(r, names[_i], DNS_A, begun + 200 * CLOCK_MS);

	if (_i == 0) {
		ck_assert_str_eq(answer, "timeout");
		ck_assert_int_ge(clock_mono() - begun, 200 * CLOCK_MS);
	}
	ck_assert_msg(
	    strcmp(answer, "timeout") == 0 || strcmp(answer, "servfail") == 0,
	    "%s: %s", names[_i], answer);
	ck_assert_int_lt(clock_mono() - begun, 10 * CLOCK_S);
	free(answer);
	dns_resolver_unref(r);
}
END_TEST

START_TEST(answers_are_kept)
{
	struct err err;
	struct dns_resolver *r = dns_resolver_get(server->address, &err);
	struct dns_resolver *same;
	int asked;

	free(look(r, "a.example.com", DNS_A, clock_mono() + AGES));
	asked = atomic_load(&server->questions);
	for (int i = 0; i < 20; i++) {
		same = dns_resolver_get(server->address, &err);
		ck_assert_ptr_eq(same, r);
		free(look(same, "a.example.com", DNS_A, clock_mono() + AGES));
		dns_resolver_unref(same);
	}
	ck_assert_int_eq(atomic_load(&server->questions), asked);
	dns_resolver_unref(r);
}
END_TEST

#define CROWD 200

struct one {
	struct dns_resolver *r;
	int number;
	char *answer;
};

static void *
look_aside(void *arg)
{
	struct one *one = arg;
	char name[64];

	snprintf(name, sizeof name, "held%d.example.com", one->number);
	one->answer = look(one->r, name, DNS_A, clock_mono() + AGES);
	return NULL;
}

/* The server answers nobody before all have asked. */
START_TEST(many_wait_at_once)
{
	static struct one crowd[CROWD];
	pthread_t thread[CROWD];
	struct err err;
	struct dns_resolver *r = dns_resolver_get(server->address, &err);

	for (int i = 0; i < CROWD; i++) {
		crowd[i] = (struct one){ r, i, NULL };
		ck_assert_int_eq(
		    pthread_create(&thread[i], NULL, look_aside, &crowd[i]), 0);
	}
	for (int i = 0; i < CROWD; i++) {
		pthread_join(thread[i], NULL);
		ck_assert_str_eq(crowd[i].answer, "found 192.0.2.3");
		free(crowd[i].answer);
	}
	dns_resolver_unref(r);
}
END_TEST

/* More servers than are kept; each is asked, and asked again. */
START_TEST(resolvers_come_and_go)
{
	static const char *const inside[] = { "x.example. 60 IN A 192.0.2.77",
		NULL };
	struct dns_zone z = { "example.", inside };
	struct dns_config c = { .zones = &z, .n_zones = 1 };
	struct err err;

	for (int i = 0; i < 60; i++) {
		char list[64];
		struct dns_resolver *r;
		char *answer;

		snprintf(list, sizeof list, "%s 192.0.2.%d", server->address,
		    i % 20);
		r = i % 2 ? dns_resolver_get(list, &err)
			  : dns_resolver_new(&c, &err);
		ck_assert_msg(r != NULL, "%s", err.msg);
		if (i % 2 == 0) {
			answer =
			    look(r, "x.example", DNS_A, clock_mono() + AGES);
			ck_assert_str_eq(answer, "found 192.0.2.77");
			free(answer);
		}
		dns_resolver_unref(r);
	}
}
END_TEST

START_TEST(zones_in_memory)
{
	static const char *const records[] = {
		"example.com. 60 IN MX 10 mx.example.com.",
		"mx.example.com. 60 IN A 192.0.2.5",
		"example.com. 60 IN TXT \"v=spf1 \" \"-all\"",
		"alias.example.com. 60 IN CNAME mx.example.com.",
		"astray.example.com. 60 IN CNAME none.example.com.",
		"ring.example.com. 60 IN CNAME ring.example.com.",
		NULL,
	};
	static const struct {
		const char *name;
		enum dns_type type;
		const char *answer;
	} asks[] = {
		{ "example.com", DNS_MX, "found 10 mx.example.com" },
		{ "mx.example.com", DNS_A, "found 192.0.2.5" },
		{ "example.com", DNS_TXT, "found v=spf1 -all" },
		{ "example.com", DNS_A, "nodata" },
		{ "none.example.com", DNS_A, "noname" },
		{ "alias.example.com", DNS_A, "found 192.0.2.5" },
		{ "alias.example.com", DNS_CNAME, "found mx.example.com" },
		{ "alias.example.com", DNS_MX, "nodata" },
		{ "astray.example.com", DNS_A, "noname" },
		{ "ring.example.com", DNS_A, "servfail" },
		{ "example.net", DNS_A, "noname" },
	};
	struct dns_zone z = { "example.com", records };
	struct dns_config c = { .zones = &z, .n_zones = 1 };
	struct err err;
	struct dns_resolver *r = dns_resolver_new(&c, &err);

	ck_assert_msg(r != NULL, "%s", err.msg);
	for (size_t i = 0; i < UNIT_N(asks); i++) {
		char *answer =
		    look(r, asks[i].name, asks[i].type, clock_mono() + AGES);

		ck_assert_msg(strcmp(answer, asks[i].answer) == 0, "%s: %s",
		    asks[i].name, answer);
		free(answer);
	}
	dns_resolver_unref(r);
}
END_TEST

START_TEST(wrong_servers)
{
	static const char *const lists[] = { "", "ns.example.com",
		"192.0.2.1:0" };
	struct err err;

	for (size_t i = 0; i < UNIT_N(lists); i++)
		ck_assert_ptr_null(dns_resolver_get(lists[i], &err));
}
END_TEST

START_TEST(explains)
{
	struct dns_answer a = { .status = DNS_NO_NAME };
	struct str out = { 0 };

	dns_explain(&out, &a, "example.com", DNS_MX);
	ck_assert_str_eq(str_c(&out), "MX of example.com: no such name");
	str_fini(&out);
}
END_TEST

static Suite *
suite(void)
{
	TCase *t;
	Suite *s = unit_suite("dns", &t);

	tcase_add_test(t, explains);
	if (!dns_is_built())
		return s;
	tcase_set_timeout(t, 60);
	tcase_add_checked_fixture(t, begin, end);
	tcase_add_loop_test(t, looks_up, 0, UNIT_N(rows));
	tcase_add_loop_test(t, deadline_holds, 0, 4);
	tcase_add_test(t, answers_are_kept);
	tcase_add_test(t, many_wait_at_once);
	tcase_add_test(t, resolvers_come_and_go);
	tcase_add_test(t, zones_in_memory);
	tcase_add_test(t, wrong_servers);
	return s;
}

UNIT_MAIN(suite)
