#include "glob_walk.h"

#include "clock.h"
#include "xmalloc.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <fnmatch.h>
#include <limits.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define NAMES_MAX 100000
#define PATTERNS_MAX 256
#define DEPTH_MAX 64

struct walk {
	struct str *out;
	const char *dir;
	int64_t deadline;
	struct err *err;
	size_t names, patterns;
	struct str path; /* relative to dir */
};

/* ---- directories -------------------------------------------------------- */

static DIR *
open_dir(const struct walk *w)
{
	struct str whole = { 0 };
	DIR *d;

	if (str_c(&w->path)[0] != '/')
		str_addf(&whole, "%s/", w->dir);
	str_adds(&whole, str_c(&w->path));
	d = opendir(str_c(&whole));
	str_fini(&whole);
	return d;
}

static bool
is_there(const struct walk *w)
{
	struct str whole = { 0 };
	struct stat sb;
	bool there;

	if (str_c(&w->path)[0] != '/')
		str_addf(&whole, "%s/", w->dir);
	str_adds(&whole, str_c(&w->path));
	there = lstat(str_c(&whole), &sb) == 0;
	str_fini(&whole);
	return there;
}

/* A directory itself, no link to one. */
static bool
is_dir(DIR *d, const struct dirent *e)
{
	struct stat sb;

	if (e->d_type != DT_UNKNOWN)
		return e->d_type == DT_DIR;
	return fstatat(dirfd(d), e->d_name, &sb, AT_SYMLINK_NOFOLLOW) == 0 &&
	       S_ISDIR(sb.st_mode);
}

static void
cut(struct str *path, size_t len)
{
	if (path->data != NULL)
		path->data[path->len = len] = '\0';
}

static size_t
push(struct str *path, const char *name, size_t len)
{
	size_t before = path->len;

	if (before > 0 && path->data[before - 1] != '/')
		str_addc(path, '/');
	str_add(path, name, len);
	return before;
}

/* ---- patterns ----------------------------------------------------------- */

static bool
has_meta(const char *part, size_t len)
{
	for (size_t i = 0; i < len; i++)
		if (strchr("*?[\\", part[i]) != NULL)
			return true;
	return false;
}

static int walk(struct walk *w, const char *pattern, int depth);

/* All names here against the part; `rest` is what is below those. */
static int
walk_names(struct walk *w, const char *part, const char *rest, int depth,
    bool any_depth)
{
	DIR *d = open_dir(w);
	struct dirent *e;
	int rc = 0;

	while (d != NULL && rc == 0 && (e = readdir(d)) != NULL) {
		size_t before;

		if (++w->names > NAMES_MAX)
			rc = err_set(w->err, "more than %d names", NAMES_MAX);
		else if (w->names % 256 == 0 && clock_mono() > w->deadline)
			rc = err_set(w->err, "out of time");
		if (rc != 0 || strcmp(e->d_name, ".") == 0 ||
		    strcmp(e->d_name, "..") == 0)
			continue;
		if (any_depth ? e->d_name[0] == '.' || !is_dir(d, e)
			      : fnmatch(part, e->d_name, FNM_PERIOD) != 0)
			continue;
		before = push(&w->path, e->d_name, strlen(e->d_name));
		rc = walk(w, any_depth ? part : rest, depth + 1);
		cut(&w->path, before);
	}
	if (d != NULL)
		closedir(d);
	return rc;
}

/* "**", and what is behind it: here, and below each directory. */
static int
walk_deep(struct walk *w, const char *pattern, const char *rest, int depth)
{
	int rc = walk(w, *rest == '\0' ? "*" : rest, depth + 1);

	return rc != 0 ? rc : walk_names(w, pattern, rest, depth, true);
}

static int
walk_part(struct walk *w, const char *pattern, size_t len, const char *rest,
    int depth)
{
	char part[NAME_MAX + 1];
	size_t before;
	int rc;

	if (len == 2 && memcmp(pattern, "**", 2) == 0)
		return walk_deep(w, pattern, rest, depth);
	if (len > NAME_MAX)
		return 0; /* no name is that long */
	memcpy(part, pattern, len);
	part[len] = '\0';
	if (has_meta(pattern, len))
		return walk_names(w, part, rest, depth, false);
	before = push(&w->path, part, len);
	rc = walk(w, rest, depth + 1);
	cut(&w->path, before);
	return rc;
}

static int
walk(struct walk *w, const char *pattern, int depth)
{
	size_t len;

	if (depth > DEPTH_MAX || w->path.len > PATH_MAX)
		return 0;
	while (*pattern == '/')
		pattern++;
	if (*pattern == '\0') {
		if (w->path.len > 0 && is_there(w))
			str_add(w->out, str_c(&w->path), w->path.len + 1);
		return 0;
	}
	len = strcspn(pattern, "/");
	return walk_part(w, pattern, len, pattern + len, depth);
}

/* ---- braces ------------------------------------------------------------- */

/* The brace that closes the one before p; NULL: there is none. */
static const char *
closing(const char *p)
{
	for (int depth = 1; *p != '\0'; p++) {
		if (*p == '\\' && p[1] != '\0')
			p++;
		else if (*p == '{')
			depth++;
		else if (*p == '}' && --depth == 0)
			return p;
	}
	return NULL;
}

static const char *
opening(const char *p)
{
	for (; *p != '\0' && *p != '{'; p++)
		if (*p == '\\' && p[1] != '\0')
			p++;
	return p;
}

/* The end of the alternative at p. */
static const char *
alternative(const char *p, const char *end)
{
	for (int depth = 0; p < end; p++) {
		if (*p == '\\' && p + 1 < end)
			p++;
		else if (*p == '{')
			depth++;
		else if (*p == '}')
			depth--;
		else if (*p == ',' && depth == 0)
			return p;
	}
	return end;
}

static int
expand(struct walk *w, const char *pattern, int depth)
{
	const char *open = opening(pattern), *end, *to;
	int rc = 0;

	if (*open == '\0') {
		if (++w->patterns > PATTERNS_MAX)
			return err_set(
			    w->err, "more than %d alternatives", PATTERNS_MAX);
		cut(&w->path, 0);
		if (*pattern == '/')
			str_addc(&w->path, '/');
		return walk(w, pattern, 0);
	}
	end = closing(open + 1);
	if (end == NULL || depth > DEPTH_MAX)
		return err_set(w->err, "a brace without its end");
	for (const char *p = open + 1; rc == 0 && p <= end; p = to + 1) {
		struct str one = { 0 };

		to = alternative(p, end);
		str_add(&one, pattern, (size_t)(open - pattern));
		str_add(&one, p, (size_t)(to - p));
		str_adds(&one, end + 1);
		rc = expand(w, str_c(&one), depth + 1);
		str_fini(&one);
	}
	return rc;
}

/* ---- answers ------------------------------------------------------------ */

static int
by_bytes(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* Append them in order, each once. */
static void
add_sorted(struct str *out, const struct str *found)
{
	const char **list, *end = found->data + found->len;
	size_t n = 0;

	if (found->len == 0)
		return;
	list = xcalloc(found->len, sizeof *list);
	for (const char *p = found->data; p < end; p += strlen(p) + 1)
		list[n++] = p;
	qsort(list, n, sizeof *list, by_bytes);
	for (size_t i = 0; i < n; i++)
		if (i == 0 || strcmp(list[i], list[i - 1]) != 0)
			str_add(out, list[i], strlen(list[i]) + 1);
	free(list);
}

int
glob_walk(struct str *out, const char *pattern, const char *dir,
    int64_t deadline, struct err *err)
{
	struct str found = { 0 };
	struct walk w = { &found, dir, deadline, err, 0, 0, { 0 } };
	int rc = strlen(pattern) > PATH_MAX ? err_set(err, "too long")
					    : expand(&w, pattern, 0);

	if (rc == 0)
		add_sorted(out, &found);
	str_fini(&found);
	str_fini(&w.path);
	return rc;
}

int
glob_list(struct str *out, const char *dir, struct err *err)
{
	DIR *d = opendir(dir);
	size_t len = strlen(dir), names = 0;
	struct dirent *e;

	if (d == NULL)
		return err_set(err, "%s: %s", dir, strerror(errno));
	while ((e = readdir(d)) != NULL && names <= NAMES_MAX) {
		if (strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0)
			continue;
		names++;
		str_adds(out, dir);
		if (len > 0 && dir[len - 1] != '/')
			str_addc(out, '/');
		str_add(out, e->d_name, strlen(e->d_name) + 1);
	}
	closedir(d);
	return names > NAMES_MAX
		   ? err_set(err, "%s: more than %d names", dir, NAMES_MAX)
		   : 0;
}
