#include "test_files.h"

#include "xmalloc.h"

#include <dirent.h>
#include <errno.h>
#include <ftw.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define DEPTH_MAX 16
#define SUFFIX "_test.lua"

static void
add(struct test_files *f, char *path)
{
	for (size_t i = 0; i < f->n; i++)
		if (strcmp(f->path[i], path) == 0) {
			free(path);
			return;
		}
	f->path = xrealloc(f->path, (f->n + 1) * sizeof *f->path);
	f->path[f->n++] = path;
}

static bool
is_test(const char *name)
{
	size_t n = strlen(name), end = strlen(SUFFIX);

	return n > end && strcmp(name + n - end, SUFFIX) == 0;
}

static void
walk(struct test_files *f, const char *folder, int depth)
{
	struct dirent **list;
	int n = depth < DEPTH_MAX ? scandir(folder, &list, NULL, alphasort) : 0;

	for (int i = 0; i < n; i++) {
		const char *name = list[i]->d_name;
		char *path = strcmp(folder, ".") == 0
				 ? xstrdup(name)
				 : xasprintf("%s/%s", folder, name);
		struct stat st;

		if (name[0] == '.' || lstat(path, &st) != 0) {
			free(path);
		} else if (S_ISDIR(st.st_mode)) {
			walk(f, path, depth + 1);
			free(path);
		} else if (is_test(name)) {
			add(f, path);
		} else {
			free(path);
		}
		free(list[i]);
	}
	if (n > 0)
		free(list);
}

static char *
without_slash(const char *name)
{
	size_t n = strlen(name);

	while (n > 1 && name[n - 1] == '/')
		n--;
	return xmemdup0(name, n);
}

int
test_files_find(
    struct test_files *f, char *const *names, size_t n, struct err *err)
{
	*f = (struct test_files){ 0 };
	for (size_t i = 0; i < n; i++) {
		char *name = without_slash(names[i]);
		struct stat st;

		if (stat(name, &st) != 0) {
			err_set(err, "%s: %s", name, strerror(errno));
			free(name);
			test_files_fini(f);
			return -1;
		}
		if (S_ISDIR(st.st_mode)) {
			walk(f, name, 0);
			free(name);
		} else {
			add(f, name);
		}
	}
	return 0;
}

void
test_files_fini(struct test_files *f)
{
	for (size_t i = 0; i < f->n; i++)
		free(f->path[i]);
	free(f->path);
	*f = (struct test_files){ 0 };
}

char *
test_files_scratch(struct err *err)
{
	const char *tmp = getenv("TMPDIR");
	char *path = xasprintf("%s/kumilter-test-XXXXXX",
	    tmp != NULL && tmp[0] == '/' ? tmp : "/tmp");

	if (mkdtemp(path) != NULL)
		return path;
	err_set(err, "%s: %s", path, strerror(errno));
	free(path);
	return NULL;
}

static int
remove_one(const char *path, const struct stat *st, int type, struct FTW *where)
{
	(void)st;
	(void)type;
	(void)where;
	return remove(path);
}

void
test_files_remove(const char *folder)
{
	nftw(folder, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}
