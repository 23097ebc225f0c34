/*
 * test_files.h - where the tests of policies are
 */
#ifndef KUMILTER_TEST_FILES_H
#define KUMILTER_TEST_FILES_H

#include "err.h"

#include <stddef.h>

struct test_files {
	char **path; /* in their order, each once */
	size_t n;
};

/* Files as they are named, and all *_test.lua below folders.  -1: *err. */
int test_files_find(
    struct test_files *f, char *const *names, size_t n, struct err *err);
/*
 * A new folder for what tests write: the caller frees its name and ends it,
 * with all that is in it, by test_files_remove().  NULL with *err.
 */
char *test_files_scratch(struct err *err);
void test_files_remove(const char *folder);

void test_files_fini(struct test_files *f);

#endif
