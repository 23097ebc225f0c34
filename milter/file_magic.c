#include "file_magic.h"

#include "xmalloc.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#ifdef HAVE_MAGIC

#include <magic.h>
#include <pthread.h>

struct handle {
	struct handle *next;
	magic_t magic;
};

/* Those that nobody uses just now. */
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct handle *idle;

bool
file_magic_is_built_in(void)
{
	return true;
}

static struct handle *
open_handle(struct err *err)
{
	struct handle *h = xcalloc(1, sizeof *h);

	h->magic = magic_open(MAGIC_NONE);
	if (h->magic != NULL && magic_load(h->magic, NULL) == 0)
		return h;
	err_set(err, "libmagic: %s",
	    h->magic != NULL ? magic_error(h->magic) : "out of memory");
	if (h->magic != NULL)
		magic_close(h->magic);
	free(h);
	return NULL;
}

static struct handle *
take(struct err *err)
{
	struct handle *h;

	pthread_mutex_lock(&lock);
	h = idle;
	if (h != NULL)
		idle = h->next;
	pthread_mutex_unlock(&lock);
	return h != NULL ? h : open_handle(err);
}

static void
give_back(struct handle *h)
{
	pthread_mutex_lock(&lock);
	h->next = idle;
	idle = h;
	pthread_mutex_unlock(&lock);
}

/* One answer, to the first of these characters. */
static int
ask(struct handle *h, int flags, const char *end, const void *p, size_t len,
    char *out, size_t size, struct err *err)
{
	const char *text;

	magic_setflags(h->magic, flags);
	text = magic_buffer(h->magic, p, len);
	if (text == NULL)
		return err_set(err, "libmagic: %s", magic_error(h->magic));
	snprintf(out, size, "%.*s", (int)strcspn(text, end), text);
	return 0;
}

int
file_magic_look(
    struct file_magic *f, const void *p, size_t len, struct err *err)
{
	struct handle *h = take(err);
	int rc;

	if (h == NULL)
		return -1;
	if (len > FILE_MAGIC_BYTES)
		len = FILE_MAGIC_BYTES;
	/* behind a comma stands what the file says of itself */
	rc = ask(h, MAGIC_NONE, ",\n", p, len, f->name, sizeof f->name, err);
	if (rc == 0)
		rc = ask(h, MAGIC_MIME_TYPE, "; \n", p, len, f->type,
		    sizeof f->type, err);
	if (rc == 0)
		rc = ask(h, MAGIC_EXTENSION, " \n", p, len, f->extensions,
		    sizeof f->extensions, err);
	give_back(h);
	if (rc == 0 && strchr(f->extensions, '?') != NULL)
		f->extensions[0] = '\0';
	if (rc == 0 && (strncmp(f->type, "inode/", 6) == 0 ||
			   strcmp(f->type, "application/x-empty") == 0))
		strcpy(f->type, "application/octet-stream");
	return rc;
}

#else

bool
file_magic_is_built_in(void)
{
	return false;
}

int
file_magic_look(
    struct file_magic *f, const void *p, size_t len, struct err *err)
{
	(void)f;
	(void)p;
	(void)len;
	return err_set(err, "built without libmagic");
}

#endif
