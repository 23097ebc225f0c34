#include "unit.h"

#include "milter/redis_command.h"
#include "milter/xmalloc.h"

#include <string.h>

START_TEST(is_written)
{
	struct redis_command c = { 0 };
	struct str wire = { 0 };
	size_t len;

	redis_command_words(&c, "SET a");
	ck_assert_int_eq(redis_command_add(&c, "x\r\n\0y", 5, NULL), 0);
	ck_assert_int_eq(redis_command_add(&c, "", 0, NULL), 0);
	redis_command_write(&c, &wire);
	ck_assert_uint_eq(wire.len, 37);
	ck_assert_mem_eq(wire.data,
	    "*4\r\n$3\r\nSET\r\n$1\r\na\r\n$5\r\nx\r\n\0y\r\n$0\r\n\r\n",
	    wire.len);
	ck_assert(redis_command_is(&c, 0, "set"));
	ck_assert(!redis_command_is(&c, 0, "se"));
	ck_assert(!redis_command_is(&c, 4, "set"));
	ck_assert_mem_eq(redis_command_word(&c, 2, &len), "x\r\n\0y", 5);
	ck_assert_uint_eq(len, 5);
	str_fini(&wire);
	redis_command_fini(&c);
}
END_TEST

START_TEST(is_bounded)
{
	struct redis_command c = { 0 };
	char *large = xcalloc(1, REDIS_COMMAND_MAX);
	struct err err;

	ck_assert_int_eq(
	    redis_command_add(&c, large, REDIS_COMMAND_MAX, &err), 0);
	ck_assert_int_eq(redis_command_add(&c, "x", 1, &err), -1);
	ck_assert_str_eq(err.msg, "a command of more than 16 MiB");
	redis_command_fini(&c);
	for (int i = 0; i < REDIS_WORDS_MAX; i++)
		ck_assert_int_eq(redis_command_add(&c, "", 0, &err), 0);
	ck_assert_int_eq(redis_command_add(&c, "", 0, &err), -1);
	ck_assert_str_eq(err.msg, "a command of more than 65536 arguments");
	redis_command_fini(&c);
	free(large);
}
END_TEST

/* 12182 is foo's slot, 5061 bar's: those of redis-cli */
static const struct {
	const char *words;
	int slot;
	bool reads, refused;
} rows[] = {
	{ "GET foo", 12182, true, false },
	{ "get bar", 5061, true, false },
	{ "SET foo 1", 12182, false, false },
	{ "INCR {foo}bar", 12182, false, false },
	{ "INCR x{foo}", 12182, false, false },
	{ "GET", -1, true, false },
	{ "PING", -1, false, false },
	{ "KEYS *", -1, true, false },
	{ "SCRIPT LOAD x", -1, false, false },
	{ "EVAL script 1 foo bar", 12182, false, false },
	{ "EVALSHA sha 2 bar foo", 5061, false, false },
	{ "EVALSHA_RO sha 1 foo", 12182, true, false },
	{ "EVAL script 0 foo", -1, false, false },
	{ "EVAL script", -1, false, false },
	{ "ZUNION 2 foo bar", 12182, true, false },
	{ "BITOP AND foo bar", 12182, false, false },
	{ "OBJECT ENCODING foo", 12182, false, false },
	{ "XREAD COUNT 2 STREAMS foo 0", 12182, true, false },
	{ "XREADGROUP GROUP g c STREAMS bar 0", 5061, false, false },
	{ "XREAD COUNT 2", -1, true, false },
	{ "CL.THROTTLE foo 1 2 3", 12182, false, false },
	{ "SELECT 1", 0, false, true },
	{ "select 1", 0, false, true },
	{ "MULTI", -1, false, true },
	{ "SUBSCRIBE c", 0, false, true },
	{ "HELLO 3", 0, false, true },
	{ "CLIENT REPLY OFF", -1, false, true },
	{ "client no-evict on", -1, false, true },
	{ "CLIENT LIST", -1, false, false },
	{ "", -1, false, true },
};

START_TEST(command_row)
{
	struct redis_command c = { 0 };
	struct err err;
	int rc;

	redis_command_words(&c, rows[_i].words);
	rc = redis_command_check(&c, &err);
	ck_assert_msg(rc == (rows[_i].refused ? -1 : 0), "%s", rows[_i].words);
	if (rc == 0)
		ck_assert_msg(redis_command_slot(&c) == rows[_i].slot, "%s: %d",
		    rows[_i].words, redis_command_slot(&c));
	ck_assert_msg(
	    redis_command_reads(&c) == rows[_i].reads, "%s", rows[_i].words);
	redis_command_fini(&c);
}
END_TEST

/* of the specification of Redis Cluster: the checksum is 0x31c3 */
START_TEST(slots)
{
	ck_assert_int_eq(redis_slot("123456789", 9), 0x31c3);
	ck_assert_int_eq(redis_slot("", 0), 0);
	ck_assert_int_eq(
	    redis_slot("{user1000}.following", 20), redis_slot("user1000", 8));
	ck_assert_int_ne(redis_slot("foo{}{bar}", 10), redis_slot("bar", 3));
	ck_assert_int_eq(
	    redis_slot("foo{{bar}}zap", 13), redis_slot("{bar", 4));
	ck_assert_int_eq(redis_slot("foo{bar}{zap}", 13), redis_slot("bar", 3));
	ck_assert_int_ne(redis_slot("foo{bar", 7), redis_slot("bar", 3));
}
END_TEST

static Suite *
suite(void)
{
	TCase *t;
	Suite *s = unit_suite("redis_command", &t);

	tcase_add_test(t, is_written);
	tcase_add_test(t, is_bounded);
	tcase_add_test(t, slots);
	tcase_add_loop_test(t, command_row, 0, UNIT_N(rows));
	return s;
}

UNIT_MAIN(suite)
