#include "milter/dkim_signers.h"
#include "unit.h"

#include <pthread.h>
#include <stdio.h>

#define TTL (5 * CLOCK_S)

START_TEST(kept_for_its_time)
{
	struct dkim_signer *s = dkim_signer_new(), *found;

	ck_assert_ptr_null(dkim_signers_find("a", 1, 0));
	dkim_signers_put("a", 1, s, TTL, 0);
	dkim_signer_unref(s);
	found = dkim_signers_find("a", 1, TTL - 1);
	ck_assert_ptr_eq(found, s);
	dkim_signer_unref(found);
	ck_assert_ptr_null(dkim_signers_find("b", 1, 0));
}
END_TEST

/* One is to make it anew, the others have the old one for a while. */
START_TEST(made_anew_once)
{
	struct dkim_signer *old = dkim_signer_new(), *s = dkim_signer_new();
	struct dkim_signer *found;

	dkim_signers_put("c", 1, old, TTL, 0);
	ck_assert_ptr_null(dkim_signers_find("c", 1, TTL));
	found = dkim_signers_find("c", 1, TTL + 1);
	ck_assert_ptr_eq(found, old);
	dkim_signer_unref(found);
	/* whoever was to make it did not come back */
	ck_assert_ptr_null(dkim_signers_find("c", 1, TTL + DKIM_SIGNERS_GRACE));
	dkim_signers_put("c", 1, s, TTL, TTL + DKIM_SIGNERS_GRACE);
	found = dkim_signers_find("c", 1, 2 * TTL + DKIM_SIGNERS_GRACE - 1);
	ck_assert_ptr_eq(found, s);
	dkim_signer_unref(found);
	dkim_signer_unref(s);
	dkim_signer_unref(old);
}
END_TEST

START_TEST(forgotten)
{
	struct dkim_signer *s = dkim_signer_new();

	dkim_signers_put("d", 1, s, INT64_MAX, CLOCK_S);
	dkim_signer_unref(s);
	s = dkim_signers_find("d", 1, INT64_MAX - 1);
	ck_assert_ptr_nonnull(s);
	dkim_signer_unref(s);
	dkim_signers_forget("d", 1);
	dkim_signers_forget("d", 1);
	ck_assert_ptr_null(dkim_signers_find("d", 1, 2));
}
END_TEST

static void *
use(void *arg)
{
	char key = 'k';

	for (int i = 0; i < 2000; i++) {
		struct dkim_signer *s = dkim_signers_find(&key, 1, i);

		if (s == NULL) {
			s = dkim_signer_new();
			dkim_signers_put(&key, 1, s, 3, i);
		}
		dkim_signer_unref(s);
		if (i % 50 == 0)
			dkim_signers_forget(&key, 1);
	}
	return arg;
}

START_TEST(threads)
{
	pthread_t id[4];

	for (int i = 0; i < 4; i++)
		ck_assert_int_eq(pthread_create(&id[i], NULL, use, NULL), 0);
	for (int i = 0; i < 4; i++)
		pthread_join(id[i], NULL);
	dkim_signers_forget("k", 1);
}
END_TEST

/* The least recently used ones go. */
START_TEST(bounded)
{
	char key[32];

	for (int i = 0; i < DKIM_SIGNERS_MAX + 10; i++) {
		struct dkim_signer *s = dkim_signer_new();
		int n = snprintf(key, sizeof key, "key %d", i);

		dkim_signers_put(key, (size_t)n, s, TTL, 0);
		dkim_signer_unref(s);
	}
	ck_assert_ptr_null(dkim_signers_find("key 5", 5, 0));
}
END_TEST

static Suite *
suite(void)
{
	TCase *t;
	Suite *s = unit_suite("dkim_signers", &t);

	tcase_add_test(t, kept_for_its_time);
	tcase_add_test(t, made_anew_once);
	tcase_add_test(t, forgotten);
	tcase_add_test(t, threads);
	tcase_add_test(t, bounded);
	return s;
}

UNIT_MAIN(suite)
