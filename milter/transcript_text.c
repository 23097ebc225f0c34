/*
 * transcript_text.c - a transcript's items for a person
 */
#include "json_line.h"
#include "transcript.h"

#include <stdlib.h>
#include <string.h>

enum colour { PLAIN, BOLD, DIM, RED, GREEN, YELLOW, CYAN };

static const char *const codes[] = { "", "\033[1m", "\033[2m", "\033[31m",
	"\033[32m", "\033[33m", "\033[36m" };

struct pen {
	struct str *out;
	bool colour;
};

/* One line; text that might hold anything is made printable. */
static void
line(const struct pen *p, enum colour c, const char *indent, const char *text,
    size_t len)
{
	str_adds(p->out, indent);
	if (p->colour)
		str_adds(p->out, codes[c]);
	str_add_printable(p->out, text, len);
	if (p->colour && c != PLAIN)
		str_adds(p->out, "\033[0m");
	str_addc(p->out, '\n');
}

static void
words(const struct pen *p, enum colour c, const char *indent, const char *text)
{
	line(p, c, indent, text, strlen(text));
}

static void
line_str(const struct pen *p, enum colour c, const char *indent, struct str *s)
{
	line(p, c, indent, str_c(s), s->len);
	str_fini(s);
}

static const char *
text_of(const json_t *item, const char *key)
{
	const char *text = json_string_value(json_object_get(item, key));

	return text != NULL ? text : "";
}

/* "   (about text)"; nothing where there is no text. */
static void
words_about(const struct pen *p, const char *about, const char *text)
{
	struct str s = { 0 };

	if (text[0] == '\0')
		return;
	str_addf(&s, "(%s%s)", about, text);
	line_str(p, DIM, "   ", &s);
}

static void
client(const struct pen *p, const json_t *item)
{
	const json_t *content = json_object_get(item, "content");
	struct str s = { 0 };

	if (content != NULL)
		str_addf(&s, "(the message, %lld bytes, and the final dot)",
		    (long long)json_integer_value(content));
	else
		str_adds(&s, text_of(item, "line"));
	line_str(p, BOLD, "C: ", &s);
	words_about(p, "queue id ", text_of(item, "queue_id"));
	words_about(p, "logged in as ", text_of(item, "auth"));
	words_about(p, "by ", text_of(item, "tls"));
}

/* What the MTA says by itself. */
static void
own(const struct pen *p, const char *action)
{
	struct str s = { 0 };

	if (action[0] == '\0')
		return;
	str_adds(&s, "(the MTA's own");
	if (strcmp(action, "accept") == 0)
		str_adds(&s, "; the policy is asked no more");
	else if (strcmp(action, "discard") == 0)
		str_adds(&s, "; the message is dropped");
	str_addc(&s, ')');
	line_str(p, DIM, "S: ", &s);
}

static void
server(const struct pen *p, const json_t *item)
{
	json_int_t code = json_integer_value(json_object_get(item, "code"));
	enum colour c = code >= 500 ? RED : code >= 400 ? YELLOW : GREEN;
	size_t i;
	json_t *one;

	json_array_foreach (json_object_get(item, "lines"), i, one)
		line(p, c, "S: ", json_string_value(one),
		    json_string_length(one));
	json_array_foreach (json_object_get(item, "held"), i, one)
		words_about(p, "at MAIL: ", json_string_value(one));
	own(p, text_of(item, "action"));
	if (json_object_get(item, "stalls") != NULL)
		words(p, DIM, "   ",
		    "(after its milter timeout: libmilter does not answer "
		    "here)");
	if (json_object_get(item, "closes") != NULL)
		words(p, BOLD, "   ", "(the connection closes)");
}

static void
add_decision(struct str *s, const json_t *d)
{
	const char *how = text_of(d, "how"), *where = text_of(d, "where");

	if (json_object_get(d, "code") == NULL) {
		str_adds(s, how);
		return;
	}
	str_addf(s, "%s %lld %s",
	    strcmp(how, "If421") == 0 ? "refuses with" : "disconnects with",
	    (long long)json_integer_value(json_object_get(d, "code")),
	    text_of(d, "text"));
	if (strcmp(how, "If421") != 0)
		str_addf(s, " (%s)", how);
	if (where[0] != '\0')
		str_addf(s, ", at %s", where);
}

static void
meta(const struct pen *p, const char *whose, json_t *set)
{
	struct str s = { 0 };
	const char *key;
	json_t *value;

	json_object_foreach (set, key, value) {
		char *text = json_dumps(value, JSON_ENCODE_ANY | JSON_COMPACT);

		str_addf(&s, "%s %s = ", whose, key);
		if (text != NULL)
			str_adds(&s, text);
		else /* policies can make text that is not UTF-8 */
			json_line_add(&s, value);
		free(text);
		line_str(p, DIM, "     ", &s);
	}
}

static void
handler(const struct pen *p, const json_t *item)
{
	const json_t *decided = json_object_get(item, "decided"), *waited;
	struct str s = { 0 };

	str_addf(&s, "%s(%s)  %s  %.3f ms", text_of(item, "event"),
	    text_of(item, "args"), text_of(item, "where"),
	    json_real_value(json_object_get(item, "ms")));
	waited = json_object_get(item, "waited_ms");
	if (waited != NULL)
		str_addf(&s, ", waits %.3f ms of it", json_real_value(waited));
	line_str(p, CYAN, "   ", &s);
	meta(p, "conn_meta", json_object_get(item, "meta"));
	if (json_object_get(item, "failed") != NULL)
		words(p, RED, "     ", "fails");
	if (decided != NULL) {
		if (json_object_get(item, "dry_run") != NULL)
			str_adds(&s, "dry run, not obeyed: ");
		add_decision(&s, decided);
		line_str(p, YELLOW, "     ", &s);
	}
}

static void
log_item(const struct pen *p, const json_t *item)
{
	const char *level = text_of(item, "level");
	struct str s = { 0 };

	str_addf(&s, "%s: %s", level, text_of(item, "text"));
	line_str(p, strcmp(level, "error") == 0 ? RED : DIM, "     log ", &s);
}

static void
diff(const struct pen *p, const char *text)
{
	while (*text != '\0') {
		size_t n = strcspn(text, "\n");
		enum colour c = text[0] == '+'   ? GREEN
				: text[0] == '-' ? RED
				: text[0] == '@' ? CYAN
						 : PLAIN;

		line(p, c, "     ", text, n);
		text += n + (text[n] == '\n');
	}
}

static void
message(const struct pen *p, const json_t *item)
{
	struct str s = { 0 };
	const char *quarantine = text_of(item, "quarantine");
	size_t i;
	json_t *one;

	json_array_foreach (json_object_get(item, "edits"), i, one)
		line(p, DIM, "   edit ", json_string_value(one),
		    json_string_length(one));
	diff(p, text_of(item, "diff"));
	meta(p, "message", json_object_get(item, "meta"));
	if (quarantine[0] != '\0') {
		str_addf(&s, "held in quarantine: %s", quarantine);
		line_str(p, YELLOW, "   ", &s);
	}
	if (json_object_get(item, "discarded") != NULL)
		line(p, YELLOW, "   ",
		    "dropped: taken, and delivered to nobody", 39);
}

/* ---- what a trace has besides -------------------------------------------- */

static void
connects(const struct pen *p, const json_t *item)
{
	const char *name = text_of(item, "name"), *host = text_of(item, "host");
	const char *client_at = text_of(item, "client");
	struct str s = { 0 };

	str_addf(&s, "-- %s  %s", text_of(item, "time"),
	    client_at[0] != '\0' ? client_at : "a client without address");
	if (name[0] != '\0')
		str_addf(&s, " (%s)", name);
	str_addf(&s, " connects to %s, %s; epoch %lld",
	    host[0] != '\0' ? host : "the MTA", text_of(item, "mta"),
	    (long long)json_integer_value(json_object_get(item, "epoch")));
	if (json_object_get(item, "dry_run") != NULL)
		str_adds(&s, "; a dry run");
	line_str(p, BOLD, "", &s);
}

static void
aborts(const struct pen *p, const json_t *item)
{
	(void)item;
	words(p, DIM, "   ", "(the transaction is given up)");
}

static void
closes(const struct pen *p, const json_t *item)
{
	struct str s = { 0 };

	str_addf(&s, "-- over, after %.3f ms",
	    json_real_value(json_object_get(item, "at")));
	if (json_object_get(item, "cut") != NULL)
		str_adds(&s, "; not all of it is shown");
	line_str(p, BOLD, "", &s);
}

static void
lost(const struct pen *p, const json_t *item)
{
	struct str s = { 0 };

	str_addf(&s,
	    "... %lld sessions not shown, and the rest of %lld: this is read "
	    "too slowly",
	    (long long)json_integer_value(json_object_get(item, "sessions")),
	    (long long)json_integer_value(json_object_get(item, "cut")));
	line_str(p, YELLOW, "", &s);
}

static void
skipped(const struct pen *p, const json_t *item)
{
	struct str s = { 0 };

	str_addf(&s, "... and %lld items more",
	    (long long)json_integer_value(json_object_get(item, "items")));
	line_str(p, YELLOW, "   ", &s);
}

static void
ends(const struct pen *p, const json_t *item)
{
	(void)item;
	words(p, YELLOW, "", "the daemon stops");
}

static void
too_long(const struct pen *p, const json_t *item)
{
	struct str s = { 0 };

	str_addf(&s, "(%s: %lld bytes are not shown)", text_of(item, "type"),
	    (long long)json_integer_value(json_object_get(item, "too_long")));
	line_str(p, YELLOW, "   ", &s);
}

void
transcript_text(struct str *out, const json_t *item, bool colour)
{
	static const struct {
		const char *type;
		void (*show)(const struct pen *p, const json_t *item);
	} shows[] = {
		{ "client", client },
		{ "server", server },
		{ "handler", handler },
		{ "log", log_item },
		{ "message", message },
		{ "connect", connects },
		{ "abort", aborts },
		{ "close", closes },
		{ "lost", lost },
		{ "skipped", skipped },
		{ "end", ends },
	};
	struct pen pen = { out, colour };

	if (json_object_get(item, "too_long") != NULL) {
		too_long(&pen, item);
		return;
	}
	for (size_t i = 0; i < sizeof shows / sizeof *shows; i++)
		if (strcmp(text_of(item, "type"), shows[i].type) == 0)
			shows[i].show(&pen, item);
}
