/*
 * test_inside.h - for test_host.c, test_native.c and test_fake.c alone
 */
#ifndef KUMILTER_TEST_INSIDE_H
#define KUMILTER_TEST_INSIDE_H

#include "test_host.h"
#include "transcript.h"

struct lua_State;

struct test_host {
	struct lua_State *L;
	struct test_host_options o;
	char *path, *folder;
	size_t n;
	char **name;
	/* of the one test that runs in this process */
	struct transcript t;
	json_t *items;
	bool loaded; /* a policy */
};

/* "a/b.lua" -> "a/", to be freed. */
char *test_host_folder(const char *path);
/* Push the table of what test.lua calls. */
void test_native_push(struct test_host *h);
/* The prepare of struct epoch_options: fakes, and who answers for them. */
void test_fake_begin(struct test_host *h, const json_t *settings);
int test_fake_prepare(struct lua_State *L);

#endif
