#include "sendmail_list.h"

#include <string.h>
#include <strings.h>

#define COLUMNS 78

static const char *const names[] = {
	"From",
	"Sender",
	"Reply-To",
	"To",
	"Cc",
	"Bcc",
	"Apparently-To",
	"Errors-To",
	"Disposition-Notification-To",
	"Resent-From",
	"Resent-Sender",
	"Resent-Reply-To",
	"Resent-To",
	"Resent-Cc",
	"Resent-Bcc",
};

bool
sendmail_list_is(const char *name)
{
	for (size_t i = 0; i < sizeof names / sizeof *names; i++)
		if (strcasecmp(name, names[i]) == 0)
			return true;
	return false;
}

static bool
is_space(char c)
{
	return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

/* Where in a text one is. */
struct place {
	int comments; /* how deep */
	bool quoted, bracket, escaped;
};

/* One byte further; true for a comma between two addresses. */
static bool
step(struct place *at, char c)
{
	if (at->escaped) {
		at->escaped = false;
	} else if (c == '\\') {
		at->escaped = true;
	} else if (at->quoted) {
		at->quoted = c != '"';
	} else if (at->comments > 0 || c == '(') {
		at->comments += (c == '(') - (c == ')');
	} else if (c == '"') {
		at->quoted = true;
	} else if (c == '<') {
		at->bracket = true;
	} else if (c == '>') {
		at->bracket = false;
	} else {
		return c == ',' && !at->bracket;
	}
	return false;
}

static bool
is_outside(const struct place *at)
{
	return at->comments == 0 && !at->quoted && !at->bracket && !at->escaped;
}

struct list {
	struct str *out;
	size_t column;
	bool more; /* there was an address */
};

static void
put(struct list *l, const char *text, size_t len)
{
	while (len > 0 && is_space(text[0])) {
		text++;
		len--;
	}
	while (len > 0 && is_space(text[len - 1]))
		len--;
	if (len == 0)
		return;
	l->column += len + (l->more ? 2 : 0);
	if (l->more && l->column > COLUMNS) {
		str_adds(l->out, ",\n        ");
		l->column = 8 + len;
	} else if (l->more) {
		str_adds(l->out, ", ");
	}
	str_add(l->out, text, len);
	l->more = true;
}

void
sendmail_list_write(
    struct str *out, const char *name, const char *raw, size_t len)
{
	struct list l = { .out = out, .column = strlen(name) + 1 };
	struct place at = { 0 };
	size_t begin = out->len, from = 0, i = 0;

	for (; i < len && is_space(raw[i]); i++, l.column++)
		str_addc(out, ' ');
	for (from = i; i < len; i++)
		if (step(&at, raw[i])) {
			put(&l, raw + from, i - from);
			from = i + 1;
		}
	put(&l, raw + from, len - from);
	if (is_outside(&at))
		return;
	out->len = begin;
	str_add(out, raw, len);
}
