#include "media_types.h"

#include "xmalloc.h"

#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define FILE_MAX ((size_t)1 << 20)
#define SPACE " \t\r\n\f\v"

/* Where the system has no list. */
static const char common[] = "application/gzip gz\n"
			     "application/json json\n"
			     "application/msword doc dot\n"
			     "application/octet-stream bin\n"
			     "application/pdf pdf\n"
			     "application/pgp-signature sig asc\n"
			     "application/pkcs7-signature p7s\n"
			     "application/rtf rtf\n"
			     "application/vnd.ms-excel xls\n"
			     "application/vnd.ms-powerpoint ppt\n"
			     "application/vnd.oasis.opendocument.text odt\n"
			     "application/x-7z-compressed 7z\n"
			     "application/x-msdos-program exe com bat dll\n"
			     "application/x-tar tar\n"
			     "application/xml xml\n"
			     "application/zip zip\n"
			     "audio/mpeg mp3\n"
			     "image/gif gif\n"
			     "image/jpeg jpeg jpg jpe\n"
			     "image/png png\n"
			     "image/svg+xml svg\n"
			     "image/tiff tiff tif\n"
			     "image/webp webp\n"
			     "message/rfc822 eml\n"
			     "text/calendar ics\n"
			     "text/css css\n"
			     "text/csv csv\n"
			     "text/html html htm\n"
			     "text/javascript js mjs\n"
			     "text/plain txt text asc\n"
			     "text/vcard vcf vcard\n"
			     "video/mp4 mp4\n"
			     "video/mpeg mpeg mpg\n";

struct type {
	const char *name;
	const char **extension; /* NULL behind the last */
	size_t n;
};

struct media_types {
	char *text;        /* words, each with a NUL */
	struct type *type; /* sorted by name */
	size_t n, cap;
};

/* ---- reading ------------------------------------------------------------ */

static struct type *
add_type(struct media_types *m, const char *name)
{
	if (m->n == m->cap) {
		m->cap = m->cap * 2 + 64;
		m->type = xrealloc(m->type, m->cap * sizeof *m->type);
	}
	m->type[m->n] = (struct type){ .name = name };
	m->type[m->n].extension = xcalloc(1, sizeof(char *));
	return &m->type[m->n++];
}

static void
add_extension(struct type *t, const char *extension)
{
	for (size_t i = 0; i < t->n; i++)
		if (strcmp(t->extension[i], extension) == 0)
			return;
	t->extension =
	    xrealloc(t->extension, (t->n + 2) * sizeof *t->extension);
	t->extension[t->n++] = extension;
	t->extension[t->n] = NULL;
}

static void
read_line(struct media_types *m, char *line)
{
	char *rest, *word;
	struct type *t;

	line[strcspn(line, "#")] = '\0';
	word = strtok_r(line, SPACE, &rest);
	if (word == NULL || strchr(word, '/') == NULL)
		return;
	t = add_type(m, word);
	while ((word = strtok_r(NULL, SPACE, &rest)) != NULL)
		add_extension(t, word);
}

/* Of equal names the one that stands first in the text is first. */
static int
by_name(const void *a, const void *b)
{
	const struct type *t = a, *u = b;
	int order = strcmp(t->name, u->name);

	if (order != 0)
		return order;
	return t->name < u->name ? -1 : t->name > u->name;
}

static void
join(struct media_types *m)
{
	size_t kept = 0;

	if (m->n > 0)
		qsort(m->type, m->n, sizeof *m->type, by_name);
	for (size_t i = 0; i < m->n; i++) {
		struct type *t = &m->type[i],
			    *last = kept > 0 ? &m->type[kept - 1] : NULL;

		if (last == NULL || strcmp(last->name, t->name) != 0) {
			m->type[kept++] = *t;
			continue;
		}
		for (size_t k = 0; k < t->n; k++)
			add_extension(last, t->extension[k]);
		free(t->extension);
	}
	m->n = kept;
}

struct media_types *
media_types_read(const char *text, size_t len)
{
	struct media_types *m = xcalloc(1, sizeof *m);
	char *rest, *line;

	m->text = xmemdup0(text, len);
	for (size_t i = 0; i < len; i++)
		if (m->text[i] >= 'A' && m->text[i] <= 'Z')
			m->text[i] += 'a' - 'A';
		else if (m->text[i] == '\0')
			m->text[i] = ' ';
	for (line = strtok_r(m->text, "\n", &rest); line != NULL;
	     line = strtok_r(NULL, "\n", &rest))
		read_line(m, line);
	join(m);
	return m;
}

void
media_types_free(struct media_types *m)
{
	if (m == NULL)
		return;
	for (size_t i = 0; i < m->n; i++)
		free(m->type[i].extension);
	free(m->type);
	free(m->text);
	free(m);
}

/* ---- the system's ------------------------------------------------------- */

static struct media_types *ours;

static void
read_system(void)
{
	FILE *f = fopen(MEDIA_TYPES_FILE, "re");
	char *text = f != NULL ? xmalloc(FILE_MAX) : NULL;
	size_t len = f != NULL ? fread(text, 1, FILE_MAX, f) : 0;

	if (f != NULL)
		fclose(f);
	ours = len > 0 ? media_types_read(text, len)
		       : media_types_read(common, sizeof common - 1);
	free(text);
}

const struct media_types *
media_types_system(void)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;

	pthread_once(&once, read_system);
	return ours;
}

/* ---- asking ------------------------------------------------------------- */

size_t
media_types_n(const struct media_types *m)
{
	return m->n;
}

const char *
media_types_name(const struct media_types *m, size_t i)
{
	return m->type[i].name;
}

const char *const *
media_types_extensions(const struct media_types *m, size_t i)
{
	return (const char *const *)m->type[i].extension;
}

long
media_types_find(const struct media_types *m, const char *type)
{
	size_t len, low = 0, high = m->n;

	type += strspn(type, SPACE);
	len = strcspn(type, ";" SPACE);
	while (low < high) {
		size_t at = low + (high - low) / 2;
		const char *name = m->type[at].name;
		int order = strncasecmp(type, name, len);

		if (order == 0 && name[len] != '\0')
			order = -1;
		if (order == 0)
			return (long)at;
		if (order < 0)
			high = at;
		else
			low = at + 1;
	}
	return -1;
}

long
media_types_with(const struct media_types *m, const char *extension, size_t i)
{
	for (; i < m->n; i++)
		for (size_t k = 0; k < m->type[i].n; k++)
			if (strcasecmp(m->type[i].extension[k], extension) == 0)
				return (long)i;
	return -1;
}
