#include "unit.h"

#include "milter/lmem.h"

#include <string.h>

#define KB ((size_t)1024)
#define MB (1024 * KB)

START_TEST(counts_what_is_in_use)
{
	struct lmem m = { 0 };
	char *a = lmem_alloc(&m, NULL, 0, 100);
	char *b = lmem_alloc(&m, NULL, 0, 10 * MB);

	ck_assert_uint_eq(lmem_used(&m), 100 + 10 * MB);
	memset(a, 'a', 100);
	a = lmem_alloc(&m, a, 100, 200);
	ck_assert_int_eq(a[99], 'a');
	ck_assert_uint_eq(lmem_used(&m), 200 + 10 * MB);
	b = lmem_alloc(&m, b, 10 * MB, KB);
	ck_assert_uint_eq(lmem_used(&m), 200 + KB);
	ck_assert_ptr_null(lmem_alloc(&m, a, 200, 0));
	ck_assert_ptr_null(lmem_alloc(&m, b, KB, 0));
	ck_assert_ptr_null(lmem_alloc(&m, NULL, 0, 0));
	ck_assert_uint_eq(lmem_used(&m), 0);
	ck_assert(!m.over);
}
END_TEST

static unsigned refused;

static void
on_refusing(struct lmem *m)
{
	(void)m;
	refused++;
}

/* At a limit of 1 MB of which all but 1 KB is in use. */
static const struct {
	size_t osize, nsize;
	bool fits, over;
} requests[] = {
	{ 0, KB, true, false },    /* the last byte */
	{ 0, KB + 1, true, true }, /* small: given, and noted */
	{ 0, LMEM_LARGE - 1, true, true }, { 0, LMEM_LARGE, false, true },
	{ 0, 1024 * MB, false, true },
	{ KB, 2 * KB, true, false }, /* counted by what it grows */
	{ KB, 2 * KB + 1, true, true },
	{ MB / 2, MB / 4, true, false }, /* smaller is always right */
};

START_TEST(soft_limit)
{
	size_t osize = requests[_i].osize, nsize = requests[_i].nsize;
	struct lmem m = { .soft = MB, .refusing = on_refusing };
	void *filler, *p, *q;

	lmem_arm(&m);
	refused = 0;
	p = osize != 0 ? lmem_alloc(&m, NULL, 0, osize) : NULL;
	filler = lmem_alloc(&m, NULL, 0, MB - KB - osize);
	q = lmem_alloc(&m, p, osize, nsize);
	ck_assert_int_eq(q != NULL, requests[_i].fits);
	ck_assert_int_eq(m.over, requests[_i].over);
	ck_assert_uint_eq(refused, requests[_i].fits ? 0 : 1);
	if (q != NULL)
		lmem_alloc(&m, q, nsize, 0);
	else
		lmem_alloc(&m, p, osize, 0);
	lmem_alloc(&m, filler, MB - KB - osize, 0);
	ck_assert_uint_eq(lmem_used(&m), 0);
	ck_assert_int_eq(m.over, requests[_i].over);
	lmem_arm(&m);
	ck_assert(!m.over);
}
END_TEST

/* Small requests go on far past the limit, but not for ever. */
START_TEST(emergency_cap)
{
	static char *piece[2000];
	struct lmem m = { .soft = MB };
	size_t n = 0, each = 100 * KB;

	lmem_arm(&m);
	while (n < 2000 && (piece[n] = lmem_alloc(&m, NULL, 0, each)) != NULL)
		n++;
	ck_assert_uint_gt(n * each, 2 * MB);
	ck_assert_uint_lt(n * each, 100 * MB);
	ck_assert_uint_eq(lmem_used(&m), n * each);
	while (n > 0)
		lmem_alloc(&m, piece[--n], each, 0);
}
END_TEST

/* Without a protected call to raise to, nothing fails. */
START_TEST(disarmed)
{
	struct lmem m = { .soft = MB };
	void *p;

	lmem_arm(&m);
	ck_assert_ptr_null(lmem_alloc(&m, NULL, 0, 2 * MB));
	lmem_disarm(&m);
	ck_assert(m.over); /* for whoever asks why it ended */
	p = lmem_alloc(&m, NULL, 0, 2 * MB);
	ck_assert_ptr_nonnull(p);
	lmem_arm(&m);
	ck_assert(!m.over);
	lmem_alloc(&m, p, 2 * MB, 0);
}
END_TEST

static Suite *
suite(void)
{
	TCase *t;
	Suite *s = unit_suite("lmem", &t);

	tcase_add_test(t, counts_what_is_in_use);
	tcase_add_loop_test(t, soft_limit, 0, UNIT_N(requests));
	tcase_add_test(t, emergency_cap);
	tcase_add_test(t, disarmed);
	return s;
}

UNIT_MAIN(suite)
