#include "test_cover.h"

#include "state.h"
#include "xmalloc.h"

#include <lua.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LINES_MAX 1000000

/* Found again by the address of its name: a chunk keeps that. */
struct file {
	const char *source;
	char *name; /* NULL: not to be counted */
	unsigned *count;
	int n;
};

static struct {
	char *folder;
	struct file *file;
	size_t n, last;
} cover;

static struct file *
add_file(const char *source)
{
	size_t len = strlen(cover.folder);
	struct file *f;

	cover.file = xrealloc(cover.file, (cover.n + 1) * sizeof *cover.file);
	f = &cover.file[cover.n];
	*f = (struct file){ .source = source };
	/* below the current folder: not what is elsewhere, by its whole path */
	if (source[0] == '@' && (len > 0 || source[1] != '/') &&
	    strncmp(source + 1, cover.folder, len) == 0)
		f->name = xstrdup(source + 1);
	cover.last = cover.n++;
	return f;
}

static struct file *
file_of(const char *source)
{
	if (cover.n > 0 && cover.file[cover.last].source == source)
		return &cover.file[cover.last];
	for (size_t i = 0; i < cover.n; i++)
		if (cover.file[i].source == source) {
			cover.last = i;
			return &cover.file[i];
		}
	return add_file(source);
}

static void
on_line(lua_State *L, lua_Debug *ar)
{
	struct file *f;

	lua_getinfo(L, "Sl", ar);
	f = file_of(ar->source);
	if (f->name == NULL || ar->currentline < 1 ||
	    ar->currentline > LINES_MAX)
		return;
	if (ar->currentline >= f->n) {
		int n = ar->currentline + 256;

		f->count = xrealloc(f->count, (size_t)n * sizeof *f->count);
		memset(
		    f->count + f->n, 0, (size_t)(n - f->n) * sizeof *f->count);
		f->n = n;
	}
	f->count[ar->currentline]++;
}

void
test_cover_begin(const char *folder)
{
	free(cover.folder);
	cover.folder = xstrdup(folder);
	state_on_line(on_line);
}

json_t *
test_cover_result(void)
{
	json_t *all = json_object();

	for (size_t i = 0; i < cover.n; i++) {
		const struct file *f = &cover.file[i];
		json_t *lines;

		if (f->name == NULL)
			continue;
		lines = json_object_get(all, f->name);
		if (lines == NULL) {
			lines = json_object();
			json_object_set_new_nocheck(all, f->name, lines);
		}
		for (int k = 1; k < f->n; k++) {
			char key[16];
			json_t *old;

			if (f->count[k] == 0)
				continue;
			snprintf(key, sizeof key, "%d", k);
			old = json_object_get(lines, key);
			json_object_set_new(lines, key,
			    json_integer((json_int_t)f->count[k] +
					 json_integer_value(old)));
		}
	}
	return all;
}
