/*
 * transcript_text.c - a transcript's items for a person
 */
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
handler(const struct pen *p, const json_t *item)
{
	const json_t *decided = json_object_get(item, "decided"), *waited;
	struct str s = { 0 };
	const char *key;
	json_t *value;

	str_addf(&s, "%s(%s)  %s  %.3f ms", text_of(item, "event"),
	    text_of(item, "args"), text_of(item, "where"),
	    json_real_value(json_object_get(item, "ms")));
	waited = json_object_get(item, "waited_ms");
	if (waited != NULL)
		str_addf(&s, ", waits %.3f ms of it", json_real_value(waited));
	line_str(p, CYAN, "   ", &s);
	json_object_foreach (json_object_get(item, "meta"), key, value) {
		char *text = json_dumps(value, JSON_ENCODE_ANY | JSON_COMPACT);

		str_addf(&s, "conn_meta %s = %s", key, text);
		free(text);
		line_str(p, DIM, "     ", &s);
	}
	if (json_object_get(item, "failed") != NULL)
		words(p, RED, "     ", "fails");
	if (decided != NULL) {
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
	if (quarantine[0] != '\0') {
		str_addf(&s, "held in quarantine: %s", quarantine);
		line_str(p, YELLOW, "   ", &s);
	}
	if (json_object_get(item, "discarded") != NULL)
		line(p, YELLOW, "   ",
		    "dropped: taken, and delivered to nobody", 39);
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
	};
	struct pen pen = { out, colour };

	for (size_t i = 0; i < sizeof shows / sizeof *shows; i++)
		if (strcmp(text_of(item, "type"), shows[i].type) == 0)
			shows[i].show(&pen, item);
}
