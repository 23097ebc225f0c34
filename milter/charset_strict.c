#include "charset_strict.h"

#include "charset.h"

#include <errno.h>
#include <iconv.h>

#define NO_ICONV ((iconv_t)-1)
#define UTF8 "UTF-8"

/* What is converted, and what became of it. */
struct work {
	iconv_t cd;
	char *p, *begin;
	size_t n;
	bool skips; /* over a character of UTF-8 */
	struct str *out;
};

static void
skip_character(struct work *w)
{
	do {
		w->p++;
		w->n--;
	} while (w->n > 0 && (w->p[0] & 0xc0) == 0x80);
}

static int
convert(struct work *w, struct err *err)
{
	char buf[4096], *to;
	size_t room, rc;
	int why;

	while (w->n > 0) {
		to = buf;
		room = sizeof buf;
		rc = iconv(w->cd, &w->p, &w->n, &to, &room);
		why = rc == (size_t)-1 ? errno : 0;
		str_add(w->out, buf, sizeof buf - room);
		if (why == EILSEQ || why == EINVAL) {
			if (!w->skips)
				return err_set(err,
				    "byte %zu begins no character of it",
				    (size_t)(w->p - w->begin) + 1);
			skip_character(w);
		}
	}
	/* what is held back, and the way back to the first shift state */
	to = buf;
	room = sizeof buf;
	iconv(w->cd, NULL, NULL, &to, &room);
	str_add(w->out, buf, sizeof buf - room);
	return 0;
}

static int
run(struct work *w, const char *to, const char *from, struct err *err)
{
	size_t begin = w->out->len;
	int rc;

	w->cd = iconv_open(to, from);
	if (w->cd == NO_ICONV)
		return err_set(
		    err, "this system does not know %s and %s", to, from);
	rc = convert(w, err);
	iconv_close(w->cd);
	if (rc != 0 && w->out->data != NULL) {
		w->out->len = begin;
		w->out->data[begin] = '\0';
	}
	return rc;
}

int
charset_decode(struct str *out, const char *name, size_t len, const char *p,
    size_t n, struct err *err)
{
	const char *how = charset_iconv_name(name, len);
	struct work w = { NULL, (char *)p, (char *)p, n, false, out };

	if (how == NULL)
		return err_set(err, "unknown charset");
	return run(&w, UTF8, how, err);
}

int
charset_encode(struct str *out, const char *name, size_t len, const char *p,
    size_t n, bool leave_out, struct err *err)
{
	const char *how = charset_iconv_name(name, len);
	struct work w = { NULL, (char *)p, (char *)p, n, leave_out, out };

	if (how == NULL)
		return err_set(err, "unknown charset");
	return run(&w, how, UTF8, err);
}
