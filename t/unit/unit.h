/*
 * unit.h - the way into a Check suite
 *
 * UNIT_MAIN(suite) runs the Suite that suite() makes.  The exit code is 1 if
 * a test failed.  CK_FORK=no in the environment keeps all tests in one
 * process, as sanitizers and debuggers like it; CK_VERBOSITY as in Check.
 *
 * All suites are one program, linked once; check_ROOM is a name of it, and
 * main.c runs the suite that it was called by.  The Makefile gives each file
 * the name of its function as UNIT_NAME.
 */
#ifndef KUMILTER_UNIT_H
#define KUMILTER_UNIT_H

#include <check.h>
#include <stdlib.h>

static inline int
unit_run(Suite *suite)
{
	SRunner *runner = srunner_create(suite);
	int failed;

	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}

#define UNIT_MAIN(suite)                                                       \
	int UNIT_NAME(void);                                                   \
	int UNIT_NAME(void)                                                    \
	{                                                                      \
		return unit_run(suite());                                      \
	}

/* Rows of a table. */
#define UNIT_N(table) (sizeof(table) / sizeof *(table))

/* A Suite of one TCase: add tests to *tcase. */
static inline Suite *
unit_suite(const char *name, TCase **tcase)
{
	Suite *suite = suite_create(name);

	*tcase = tcase_create(name);
	suite_add_tcase(suite, *tcase);
	return suite;
}

#endif
