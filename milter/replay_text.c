#include "replay_text.h"

#include <string.h>

#define KINDS_SHOWN 30

static const char *
word(const json_t *object, const char *key)
{
	const char *text = json_string_value(json_object_get(object, key));

	return text != NULL ? text : "";
}

static long long
number(const json_t *object, const char *key)
{
	return (long long)json_integer_value(json_object_get(object, key));
}

/* ---- a session ----------------------------------------------------------- */

/* Each line of it, behind that many blanks. */
static void
add_block(struct str *out, const char *text, int indent)
{
	while (*text != '\0') {
		size_t n = strcspn(text, "\n");

		str_addf(out, "%*s%.*s\n", indent, "", (int)n, text);
		text += n + (text[n] == '\n');
	}
}

static size_t
count_lines(const char *text)
{
	size_t n = 0;

	for (; *text != '\0'; text++)
		n += *text == '\n';
	return n;
}

static void
add_change(struct str *out, const json_t *change, bool details)
{
	const char *kind = word(change, "kind"), *what = word(change, "do");

	str_addf(out, "  %s", strcmp(what, "eom") == 0 ? "message" : what);
	if (word(change, "text")[0] != '\0')
		str_addf(out, " %s", word(change, "text"));
	if (strcmp(kind, "edits") == 0) {
		str_adds(out, ": other changes to it");
		if (!details)
			str_addf(out, " (%zu lines of a diff: --details)",
			    count_lines(word(change, "diff")));
	} else if (strcmp(kind, "failed") == 0) {
		str_addf(out, ": %s %s",
		    word(change, "now")[0] != '\0' ? word(change, "now")
						   : word(change, "was"),
		    word(change, "now")[0] != '\0' ? "fails" : "fails no more");
	} else {
		str_addf(out, ": %s -> %s", word(change, "was"),
		    word(change, "now"));
		if (word(change, "by")[0] != '\0')
			str_addf(out, "   [%s]", word(change, "by"));
	}
	str_addc(out, '\n');
	if (details)
		add_block(out, word(change, "diff"), 4);
}

static const struct {
	const char *word, *text;
} lacking[] = {
	{ "body", "not all of the body is in the recording" },
	{ "rest", "the recorded policy did not look at all of it" },
	{ "redacted", "redacted" },
	{ "cut", "the recording has only its begin" },
	{ "dry_run", "the recorded policy ran dry" },
};

static void
add_lacks(struct str *out, const json_t *diff)
{
	const char *between = "  (";
	json_t *one;
	size_t i;

	json_array_foreach (json_object_get(diff, "lacks"), i, one)
		for (size_t k = 0; k < sizeof lacking / sizeof *lacking; k++)
			if (strcmp(json_string_value(one), lacking[k].word) ==
			    0) {
				str_addf(out, "%s%s", between, lacking[k].text);
				between = "; ";
			}
	if (between[0] == ';')
		str_adds(out, ")\n");
}

void
replay_text_session(
    struct str *out, const json_t *diff, unsigned long line, bool details)
{
	json_t *changes = json_object_get(diff, "changes"), *one;
	size_t i;

	str_addf(out, "line %lu: %s %s %s", line, word(diff, "begin"),
	    word(diff, "session"), word(diff, "client"));
	if (json_array_size(changes) == 0) {
		str_adds(out, ": the same\n");
		return;
	}
	str_addc(out, '\n');
	json_array_foreach (changes, i, one)
		add_change(out, one, details);
	if (number(diff, "follows") > 0)
		str_addf(out, "  (and so %lld steps are not reached)\n",
		    number(diff, "follows"));
	add_lacks(out, diff);
	if (!details)
		return;
	json_array_foreach (json_object_get(diff, "log"), i, one)
		str_addf(
		    out, "    %s: %s\n", word(one, "level"), word(one, "text"));
}

/* ---- all of them --------------------------------------------------------- */

static void
add_kind(struct str *out, const json_t *one)
{
	const char *kind = word(one, "kind"), *what = word(one, "do");

	str_addf(out, "%8lld  ", number(one, "n"));
	if (strcmp(kind, "others") == 0) {
		str_adds(out, "others\n");
		return;
	}
	str_addf(out, "%s: ", strcmp(what, "eom") == 0 ? "message" : what);
	if (strcmp(kind, "edits") == 0)
		str_adds(out, "other changes to it\n");
	else if (strcmp(kind, "failed") == 0)
		str_addf(out, "%s %s\n",
		    word(one, "now")[0] != '\0' ? word(one, "now")
						: word(one, "was"),
		    word(one, "now")[0] != '\0' ? "fails" : "fails no more");
	else
		str_addf(out, "%s -> %s\n", word(one, "was"), word(one, "now"));
}

static void
add_time(struct str *out, const json_t *side)
{
	if (side == NULL)
		str_addf(out, "  %9s  %9s", "-", "-");
	else
		str_addf(out, "  %9.3f  %9.3f",
		    json_number_value(json_object_get(side, "median_ms")),
		    json_number_value(json_object_get(side, "p95_ms")));
}

static void
add_times(struct str *out, const json_t *times)
{
	json_t *one;
	size_t i;

	if (json_array_size(times) == 0)
		return;
	str_addf(out, "\n%-36s  %9s  %9s  %9s  %9s\n", "ms of each handler",
	    "was: half", "95 %", "now: half", "95 %");
	json_array_foreach ((json_t *)times, i, one) {
		str_addf(out, "%-36s", word(one, "event"));
		add_time(out, json_object_get(one, "was"));
		add_time(out, json_object_get(one, "now"));
		str_addc(out, '\n');
	}
}

static void
add_count(
    struct str *out, const json_t *summary, const char *key, const char *text)
{
	if (number(summary, key) > 0)
		str_addf(out, "%lld %s\n", number(summary, key), text);
}

void
replay_text_summary(struct str *out, const json_t *summary, bool interrupted)
{
	json_t *changes = json_object_get(summary, "changes"), *one;
	size_t i, n = json_array_size(changes);

	str_addf(out, "%lld sessions%s: %lld the same, %lld changed\n",
	    number(summary, "sessions"),
	    interrupted ? " before the interrupt" : "", number(summary, "same"),
	    number(summary, "changed"));
	json_array_foreach (changes, i, one) {
		if (i == KINDS_SHOWN && n > KINDS_SHOWN + 1)
			break;
		add_kind(out, one);
	}
	if (i < n)
		str_addf(out, "          and %zu other kinds\n", n - i);
	add_count(out, summary, "without_body",
	    "of them at the end of a message whose body is not all in the "
	    "recording");
	add_count(out, summary, "bad", "lines are no sessions");
	add_count(out, summary, "lost", "sessions could not be played");
	add_times(out, json_object_get(summary, "times"));
}
