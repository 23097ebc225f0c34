#include "replay_tally.h"

#include "replay_diff.h"
#include "xmalloc.h"

#include <stdlib.h>
#include <string.h>

#define KINDS_MAX 2000
#define EVENTS_MAX 64
#define SAMPLES_MAX 65536

/* Times of one event on one side; beyond SAMPLES_MAX a part that is drawn. */
struct times {
	uint64_t n;
	int64_t *sample;
	size_t cap;
};

struct event {
	char *name;
	struct times side[2];
};

struct kind {
	uint64_t n;
	json_t *what; /* of a change: do, kind, was, now */
};

struct replay_tally {
	uint64_t sessions, changed, without_body, bad, lost;
	struct kind *kind;
	size_t n_kinds;
	json_t *by_key; /* of a kind: its number */
	uint64_t others;
	struct event event[EVENTS_MAX];
	size_t n_events;
	uint64_t random;
};

struct replay_tally *
replay_tally_new(void)
{
	struct replay_tally *t = xcalloc(1, sizeof *t);

	t->by_key = json_object();
	t->random = 1;
	return t;
}

void
replay_tally_free(struct replay_tally *t)
{
	for (size_t i = 0; i < t->n_kinds; i++)
		json_decref(t->kind[i].what);
	for (size_t i = 0; i < t->n_events; i++) {
		free(t->event[i].name);
		free(t->event[i].side[0].sample);
		free(t->event[i].side[1].sample);
	}
	json_decref(t->by_key);
	free(t->kind);
	free(t);
}

/* ---- times --------------------------------------------------------------- */

static uint64_t
draw(struct replay_tally *t, uint64_t below)
{
	t->random = t->random * UINT64_C(6364136223846793005) + 1;
	return (t->random >> 33) % below;
}

static void
add_sample(struct replay_tally *t, struct times *s, int64_t ns)
{
	uint64_t at = s->n++;

	if (at >= SAMPLES_MAX) {
		at = draw(t, s->n);
		if (at >= SAMPLES_MAX)
			return;
	} else if (at >= s->cap) {
		s->cap = s->cap > 0 ? 2 * s->cap : 64;
		s->sample = xrealloc(s->sample, s->cap * sizeof *s->sample);
	}
	s->sample[at] = ns;
}

struct adder {
	struct replay_tally *t;
	int side;
};

static void
add_time(void *arg, const char *event, int64_t ns)
{
	struct adder *a = arg;
	struct replay_tally *t = a->t;
	size_t i = 0;

	while (i < t->n_events && strcmp(t->event[i].name, event) != 0)
		i++;
	if (i == EVENTS_MAX)
		return;
	if (i == t->n_events)
		t->event[t->n_events++].name = xstrdup(event);
	add_sample(t, &t->event[i].side[a->side], ns);
}

static int
by_value(const void *a, const void *b)
{
	int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;

	return x < y ? -1 : x > y;
}

static json_t *
times_json(const struct times *s)
{
	size_t n = s->n < SAMPLES_MAX ? (size_t)s->n : SAMPLES_MAX;
	int64_t *sorted;
	json_t *j;

	if (n == 0)
		return NULL;
	sorted = xmalloc(n * sizeof *sorted);
	memcpy(sorted, s->sample, n * sizeof *sorted);
	qsort(sorted, n, sizeof *sorted, by_value);
	j = json_pack("{sIsfsf}", "n", (json_int_t)s->n, "median_ms",
	    (double)sorted[(n - 1) / 2] / 1e6, "p95_ms",
	    (double)sorted[(n - 1) * 95 / 100] / 1e6);
	free(sorted);
	return j;
}

/* ---- kinds --------------------------------------------------------------- */

/* What changes that count as one have in common. */
static json_t *
what_of(const json_t *change)
{
	static const char *const keys[] = { "do", "kind", "was", "now" };
	json_t *what = json_object();

	for (size_t i = 0; i < sizeof keys / sizeof *keys; i++) {
		json_t *value = json_object_get(change, keys[i]);

		if (value != NULL)
			json_object_set(what, keys[i], value);
	}
	return what;
}

static void
add_change(struct replay_tally *t, const json_t *change)
{
	json_t *what = what_of(change), *number;
	char *key = json_dumps(what, JSON_COMPACT | JSON_SORT_KEYS);

	number = json_object_get(t->by_key, key);
	if (number != NULL) {
		t->kind[json_integer_value(number)].n++;
	} else if (t->n_kinds == KINDS_MAX) {
		t->others++;
	} else {
		t->kind = xrealloc(t->kind, (t->n_kinds + 1) * sizeof *t->kind);
		t->kind[t->n_kinds] = (struct kind){ 1, json_incref(what) };
		json_object_set_new(
		    t->by_key, key, json_integer((json_int_t)t->n_kinds));
		t->n_kinds++;
	}
	free(key);
	json_decref(what);
}

static int
most_first(const void *a, const void *b)
{
	const struct kind *x = *(const struct kind *const *)a,
			  *y = *(const struct kind *const *)b;

	if (x->n != y->n)
		return x->n > y->n ? -1 : 1;
	return x < y ? -1 : x > y; /* the first one came first */
}

static json_t *
kinds_json(const struct replay_tally *t)
{
	const struct kind **list = xcalloc(t->n_kinds + 1, sizeof *list);
	json_t *out = json_array();

	for (size_t i = 0; i < t->n_kinds; i++)
		list[i] = &t->kind[i];
	qsort(list, t->n_kinds, sizeof *list, most_first);
	for (size_t i = 0; i < t->n_kinds; i++) {
		json_t *one = json_pack("{sI}", "n", (json_int_t)list[i]->n);

		json_object_update(one, list[i]->what);
		json_array_append_new(out, one);
	}
	if (t->others > 0)
		json_array_append_new(
		    out, json_pack("{sIss}", "n", (json_int_t)t->others, "kind",
			     "others"));
	free(list);
	return out;
}

/* ---- all of it ----------------------------------------------------------- */

static bool
lacks_body(const json_t *diff)
{
	json_t *word;
	size_t i;

	json_array_foreach (json_object_get(diff, "lacks"), i, word)
		if (strcmp(json_string_value(word), "body") == 0)
			return true;
	return false;
}

void
replay_tally_add(struct replay_tally *t, const json_t *diff,
    const json_t *session, const json_t *was, const json_t *now)
{
	const json_t *changes = json_object_get(diff, "changes");
	struct adder before = { t, 0 }, after = { t, 1 };
	json_t *change;
	size_t i;
	bool at_end = false;

	t->sessions++;
	t->changed += json_array_size(changes) > 0;
	json_array_foreach ((json_t *)changes, i, change) {
		const json_t *what = json_object_get(change, "do");

		at_end = at_end || strcmp(json_string_value(what), "eom") == 0;
		add_change(t, change);
	}
	t->without_body += at_end && lacks_body(diff);
	replay_times(was != NULL ? was : session, add_time, &before);
	replay_times(now, add_time, &after);
}

void
replay_tally_bad(struct replay_tally *t)
{
	t->bad++;
}

void
replay_tally_lost(struct replay_tally *t)
{
	t->lost++;
}

bool
replay_tally_has_changes(const struct replay_tally *t)
{
	return t->changed > 0;
}

bool
replay_tally_is_empty(const struct replay_tally *t)
{
	return t->sessions == 0;
}

json_t *
replay_tally_json(const struct replay_tally *t)
{
	json_t *times = json_array();

	for (size_t i = 0; i < t->n_events; i++) {
		const struct event *e = &t->event[i];

		json_array_append_new(
		    times, json_pack("{ssso*so*}", "event", e->name, "was",
			       times_json(&e->side[0]), "now",
			       times_json(&e->side[1])));
	}
	return json_pack("{sIsIsIsIsIsIsoso}", "sessions",
	    (json_int_t)t->sessions, "same",
	    (json_int_t)(t->sessions - t->changed), "changed",
	    (json_int_t)t->changed, "without_body", (json_int_t)t->without_body,
	    "bad", (json_int_t)t->bad, "lost", (json_int_t)t->lost, "changes",
	    kinds_json(t), "times", times);
}
