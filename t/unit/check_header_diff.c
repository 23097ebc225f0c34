/*
 * An MTA's header list in small: the edits of headers_diff() are carried out
 * on it one by one, as Postfix and Sendmail do, and must give what the policy
 * made of its own list.
 */
#include "unit.h"

#include "milter/header.h"
#include "milter/xmalloc.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

/* ---- an MTA ------------------------------------------------------------- */

#define OWN "Received"

enum deleted {
	GONE,             /* Postfix */
	COUNT_PLACE,      /* still a place for an insertion index */
	COUNT_PLACE_NAME, /* and still an instance */
	HIDDEN,           /* Sendmail: so are fields that no filter sees */
	MODELS,
};

struct mta {
	struct field {
		char *name, *raw; /* raw NULL: deleted */
		bool own;         /* the Received: of the MTA itself */
		bool hidden;      /* defaults of sendmail.cf */
	} field[4000];
	size_t n;
	enum deleted deleted;
};

static void
place(struct mta *mta, size_t at, const char *name, const char *raw)
{
	ck_assert_uint_lt(mta->n, UNIT_N(mta->field));
	at = at < mta->n ? at : mta->n;
	memmove(mta->field + at + 1, mta->field + at,
	    (mta->n - at) * sizeof *mta->field);
	mta->field[at] =
	    (struct field){ .name = xstrdup(name), .raw = xstrdup(raw) };
	mta->n++;
}

static struct mta *
mta_new(const struct headers *received, enum deleted deleted)
{
	struct mta *mta = xcalloc(1, sizeof *mta);

	mta->deleted = deleted;
	place(mta, 0, OWN, " by this host");
	mta->field[0].own = true;
	for (int i = 0; deleted == HIDDEN && i < 5; i++) {
		place(mta, i > 0 ? mta->n : 0, "X-A", " hidden");
		mta->field[i > 0 ? mta->n - 1 : 0].hidden = true;
	}
	for (size_t i = 0; i < received->n; i++)
		place(mta, mta->n, received->field[i].name,
		    received->field[i].raw);
	return mta;
}

static void
mta_free(struct mta *mta)
{
	for (size_t i = 0; i < mta->n; i++) {
		free(mta->field[i].name);
		free(mta->field[i].raw);
	}
	free(mta);
}

/* smfi_insheader(): the index counts in the list as it is now. */
static void
insert(struct mta *mta, int index, const char *name, const char *raw)
{
	size_t at = 0;

	for (int left = index; at < mta->n; at++) {
		if (mta->field[at].raw == NULL && mta->deleted == GONE)
			continue;
		if (left-- == 0)
			break;
	}
	place(mta, at, name, raw);
}

/* smfi_chgheader(): the instance counts below the MTA's own field. */
static void
change(struct mta *mta, int instance, const char *name, const char *raw)
{
	for (size_t i = 0; i < mta->n; i++) {
		struct field *f = &mta->field[i];

		if (f->own || f->hidden || strcasecmp(f->name, name) != 0 ||
		    (f->raw == NULL && mta->deleted != COUNT_PLACE_NAME) ||
		    --instance > 0)
			continue;
		ck_assert_ptr_nonnull(f->raw);
		free(f->raw);
		f->raw = xstrdup(raw);
		return;
	}
	ck_abort_msg("no such instance of %s", name);
}

static void
carry_out(struct mta *mta, const struct header_edit *e)
{
	switch (e->kind) {
	case HEADER_EDIT_INSERT:
		insert(mta, e->index, e->name, e->raw);
		break;
	case HEADER_EDIT_APPEND:
		place(mta, mta->n, e->name, e->raw);
		break;
	case HEADER_EDIT_CHANGE:
		ck_assert_ptr_nonnull(e->raw);
		change(mta, e->index, e->name, e->raw);
		break;
	case HEADER_EDIT_DELETE:
		change(mta, e->index, e->name, NULL);
		break;
	}
}

static struct str
text_of(const struct headers *h)
{
	struct str s = { 0 };

	for (size_t i = 0; i < h->n; i++)
		str_addf(&s, "%s:%s%s\n", h->field[i].name, h->field[i].raw,
		    h->field[i].changed ? " (changed)" : "");
	return s;
}

/* Without its own field: does the MTA have these now? */
static bool
has_become(const struct mta *mta, const struct headers *after)
{
	size_t k = 0;

	for (size_t i = 0; i < mta->n; i++) {
		const struct field *f = &mta->field[i];

		if (f->own || f->hidden || f->raw == NULL)
			continue;
		if (k == after->n ||
		    strcmp(f->name, after->field[k].name) != 0 ||
		    strcmp(f->raw, after->field[k].raw) != 0)
			return false;
		k++;
	}
	return k == after->n;
}

/* Where its own field stands: below what was prepended, above the rest. */
static bool
own_field_is_in_place(const struct mta *mta, const struct headers *after)
{
	size_t at = 0, prepended = 0;

	if (mta->deleted == HIDDEN)
		return true; /* only the top and the end are sure */
	while (!mta->field[at].own)
		at++;
	for (size_t i = 0; i < after->n; i++)
		prepended += after->field[i].origin == HEADER_PREPENDED;
	return at == prepended;
}

static size_t
check_diff(const struct headers *before, const struct headers *after, int row)
{
	size_t n;
	struct header_edit *edits = headers_diff(before, after, &n);

	for (int model = GONE; model < MODELS; model++) {
		struct mta *mta = mta_new(before, (enum deleted)model);

		for (size_t i = 0; i < n; i++)
			carry_out(mta, &edits[i]);
		if (!has_become(mta, after) ||
		    !own_field_is_in_place(mta, after)) {
			struct str was = text_of(before), is = text_of(after);

			ck_abort_msg("row %d, model %d:\n%sbecame\n%s", row,
			    model, was.data, str_c(&is));
		}
		mta_free(mta);
	}
	free(edits);
	return n;
}

/* ---- tables ------------------------------------------------------------- */

/* "A=1 B=2": fields A and B; the values get their space. */
static struct headers
headers_of(const char *text)
{
	struct headers h = { 0 };
	char *copy = xstrdup(text), *save = NULL;

	for (char *w = strtok_r(copy, " ", &save); w != NULL;
	     w = strtok_r(NULL, " ", &save)) {
		char *value = strchr(w, '=');
		char *raw = xasprintf(" %s", value + 1);

		*value = '\0';
		headers_received(&h, w, raw);
		free(raw);
	}
	free(copy);
	return h;
}

static const char *
edits_text(struct str *out, const struct header_edit *e, size_t n)
{
	static const char *const kinds[] = {
		[HEADER_EDIT_INSERT] = "ins",
		[HEADER_EDIT_APPEND] = "add",
		[HEADER_EDIT_CHANGE] = "chg",
		[HEADER_EDIT_DELETE] = "del",
	};

	for (size_t i = 0; i < n; i++) {
		str_addf(out, "%s%s", i > 0 ? ", " : "", kinds[e[i].kind]);
		if (e[i].kind != HEADER_EDIT_APPEND)
			str_addf(out, " %d", e[i].index);
		str_addf(out, " %s", e[i].name);
		if (e[i].raw != NULL)
			str_addf(out, "=%s", e[i].raw + (e[i].raw[0] == ' '));
	}
	return str_c(out);
}

/*
 * What was received, what the policy does, the edits.
 *   +A=1 appends, ^A=1 prepends, -A removes all, -N removes field N (from 0),
 *   !A=1\nB=2 replaces the whole block.
 */
static const struct row {
	const char *received, *policy[6], *edits;
} rows[] = {
	{ "", { NULL }, "" },
	{ "A=1 B=2", { NULL }, "" },
	{ "A=1", { "+B=2", "+C=3" }, "add B=2, add C=3" },
	{ "A=1", { "^B=2", "^C=3" }, "ins 0 B=2, ins 0 C=3" },
	{ "A=1", { "+B=2", "-B" }, "" },
	{ "A=1 B=2 A=3", { "-a" }, "del 2 A, del 1 A" },
	{ "A=1 B=2 A=3", { "-2" }, "del 2 A" },
	{ "A=1 B=2 A=3", { "-0" }, "del 1 A" },
	{ "A=1 A=2 A=3", { "-1" }, "del 2 A" },
	{ "A=1", { "-A", "+A=1" }, "del 1 A, add A=1" },
	{ "A=1", { "-A", "^A=1" }, "del 1 A, ins 0 A=1" },
	{ "Received=x A=1", { "-Received" }, "del 1 Received" },
	{ "Received=x Received=y", { "-1" }, "del 2 Received" },

	{ "A=1 B=2", { "!A: 1\nB: 2\n" }, "" },
	{ "A=1 B=2", { "!A: 1\nB: 3\n" }, "chg 1 B=3" },
	{ "A=1 B=2 A=3", { "!A: 1\nB: 2\nA: 4\n" }, "chg 2 A=4" },
	{ "A=1 B=2", { "!B: 2\n" }, "del 1 A" },
	{ "A=1 B=2", { "!" }, "del 1 B, del 1 A" },
	{ "A=1 B=2", { "!A: 1\nC: 3\nB: 2\n" }, "del 1 B, add C=3, add B=2" },
	{ "A=1 B=2", { "!A: 1\nC: 3\nD: 4\nB: 2\n" },
	    "del 1 B, add C=3, add D=4, add B=2" },
	{ "A=1 B=2", { "!C: 3\nA: 1\nB: 2\nD: 4\n" }, "ins 0 C=3, add D=4" },
	{ "A=1 B=2 C=3", { "!A: 1\nX: 0\nC: 3\n" },
	    "del 1 C, del 1 B, add X=0, add C=3" },
	{ "A=1 B=2 C=3 D=4", { "!B: 2\nX: 0\nD: 4\n" },
	    "del 1 D, del 1 C, del 1 A, add X=0, add D=4" },
	{ "A=1 B=2 A=3", { "!A: 1\nA: 9\nB: 2\nA: 4\n" },
	    "del 2 A, del 1 B, add A=9, add B=2, add A=4" },
	{ "A=1 B=2 A=3", { "!A: 1\nA: 9\nB: 2\n" },
	    "del 2 A, del 1 B, add A=9, add B=2" },
	{ "A=1 B=2 C=3", { "!A: 1\nB: 2\nX: 0\nC: 3\n", "-A", "-B", "-C" },
	    "del 1 C, del 1 B, del 1 A, ins 1 X=0" },
	{ "A=1 B=2", { "!A: 1\nX: 0\nB: 2\n", "-A", "^Y=1", "+Z=2" },
	    "del 1 A, ins 1 X=0, ins 0 Y=1, add Z=2" },
	/* a value that is empty is still a field */
	{ "A=1", { "!A:\n" }, "chg 1 A=" },
	{ "A=1 B=2", { "!A: 1\nX:\nB: 2\n" }, "del 1 B, add X=, add B=2" },
	/* changed and changed back */
	{ "A=1 B=2", { "!A: 7\nB: 2\n", "!A: 1\nB: 2\n" }, "" },
	{ "A=1 B=2", { "!B: 2\n", "!A: 1\nB: 2\n" }, "" },
	/* a name in other letters is another field: MTAs keep theirs */
	{ "Subject=x", { "!SUBJECT: x\n" }, "del 1 Subject, add SUBJECT=x" },
	{ "Subject=x", { "!SUBJECT: y\n" }, "del 1 Subject, add SUBJECT=y" },
};

static void
apply(struct headers *h, const struct headers *received, const char *op)
{
	const char *arg = op + 1, *value = strchr(op, '=');
	size_t n = value != NULL ? (size_t)(value - arg) : 0;

	if (op[0] == '+')
		headers_append(h, arg, n, value + 1, strlen(value + 1));
	else if (op[0] == '^')
		headers_prepend(h, arg, n, value + 1, strlen(value + 1));
	else if (op[0] == '!')
		headers_replace(h, received, arg, strlen(arg));
	else if (arg[0] >= '0' && arg[0] <= '9')
		headers_remove_at(h, (size_t)atoi(arg));
	else
		headers_remove(h, arg);
}

START_TEST(edits_are_few_and_in_order)
{
	const struct row *r = &rows[_i];
	struct headers before = headers_of(r->received), after;
	struct str text = { 0 };
	struct header_edit *edits;
	size_t n;

	headers_copy(&after, &before);
	for (size_t i = 0; i < UNIT_N(r->policy) && r->policy[i] != NULL; i++)
		apply(&after, &before, r->policy[i]);
	edits = headers_diff(&before, &after, &n);
	ck_assert_msg(strcmp(edits_text(&text, edits, n), r->edits) == 0,
	    "row %d: %s", _i, str_c(&text));
	check_diff(&before, &after, _i);
	free(edits);
	str_fini(&text);
	headers_fini(&before);
	headers_fini(&after);
}
END_TEST

/* ---- at random ---------------------------------------------------------- */

#define ROUNDS 250
#define BLOCKS 16

static const char *const names[] = { "A", "B", "a", "Received", "X-A", "X-B",
	"x-b" };

static unsigned
pick(unsigned *seed, unsigned n)
{
	return (unsigned)rand_r(seed) / 7 % n;
}

static const char *
some_name(unsigned *seed)
{
	return names[pick(seed, UNIT_N(names))];
}

static void
random_received(struct headers *h, unsigned *seed)
{
	unsigned n = pick(seed, 12);

	for (unsigned i = 0; i < n; i++) {
		char raw[] = " 0";

		raw[1] = (char)('0' + pick(seed, 3));
		headers_received(h, some_name(seed), raw);
	}
}

static void
add_line(struct str *text, unsigned *seed)
{
	str_addf(text, "%s:%s%u\r\n", some_name(seed),
	    pick(seed, 4) != 0 ? " " : "", pick(seed, 4));
}

/* The block as text, with lines lost, changed, doubled, moved and added. */
static struct str
random_text(const struct headers *h, unsigned *seed)
{
	struct str text = { 0 };
	unsigned calm = 2 + pick(seed, 8);

	for (size_t i = 0; i < h->n; i++) {
		const struct header *f = &h->field[i];
		unsigned what = pick(seed, calm * 2);

		if (what == 0)
			continue;
		if (what == 1)
			add_line(&text, seed);
		if (what == 2 && i + 1 < h->n)
			f = &h->field[i + 1];
		if (what == 3)
			str_addf(&text, "%s: %u\r\n", f->name, pick(seed, 9));
		else
			str_addf(&text, "%s:%s\r\n", f->name, f->raw);
	}
	if (pick(seed, 4) == 0)
		add_line(&text, seed);
	str_adds(&text, "\r\nbody");
	return text;
}

static void
random_edit(struct headers *h, const struct headers *received, unsigned *seed)
{
	const char *name = some_name(seed);
	char value[2] = { (char)('0' + pick(seed, 3)), '\0' };
	struct str text;
	size_t body;

	switch (pick(seed, 7)) {
	case 0:
		headers_append(h, name, strlen(name), value, 1);
		break;
	case 1:
		headers_prepend(h, name, strlen(name), value, 1);
		break;
	case 2:
		headers_remove(h, name);
		break;
	case 3:
		if (pick(seed, 3) == 0)
			headers_remove_prefix(h, "X-");
		break;
	case 4:
		if (h->n > 0)
			headers_remove_at(h, pick(seed, (unsigned)h->n));
		break;
	default:
		text = random_text(h, seed);
		body = headers_replace(h, received, text.data, text.len);
		ck_assert_str_eq(text.data + body, "body");
		str_fini(&text);
	}
}

START_TEST(random_edits_arrive)
{
	unsigned seed = (unsigned)_i * 104729 + 17;

	for (int round = 0; round < ROUNDS; round++) {
		struct headers before = { 0 }, after;
		unsigned n = 1 + pick(&seed, 6);

		random_received(&before, &seed);
		headers_copy(&after, &before);
		while (n-- > 0)
			random_edit(&after, &before, &seed);
		check_diff(&before, &after, round);
		headers_fini(&before);
		headers_fini(&after);
	}
}
END_TEST

/* Whatever order the text has: one replacement, other values throughout. */
START_TEST(random_replacements_arrive)
{
	unsigned seed = (unsigned)_i * 15485863 + 3;

	for (int round = 0; round < ROUNDS; round++) {
		struct headers before = { 0 }, after = { 0 };
		struct str text = { 0 };

		random_received(&before, &seed);
		for (unsigned n = pick(&seed, 12); n > 0; n--)
			add_line(&text, &seed);
		headers_replace(&after, &before, str_c(&text), text.len);
		check_diff(&before, &after, round);
		str_fini(&text);
		headers_fini(&before);
		headers_fini(&after);
	}
}
END_TEST

START_TEST(untouched_list_has_no_edits)
{
	unsigned seed = 5;

	for (int round = 0; round < ROUNDS; round++) {
		struct headers before = { 0 }, after;
		struct str text = { 0 };

		random_received(&before, &seed);
		headers_copy(&after, &before);
		headers_write(&text, &after);
		headers_replace(&after, &before, str_c(&text), text.len);
		ck_assert(headers_equal(&before, &after));
		ck_assert_uint_eq(check_diff(&before, &after, round), 0);
		str_fini(&text);
		headers_fini(&before);
		headers_fini(&after);
	}
}
END_TEST

/* More than the table of header_replace.c takes. */
START_TEST(thousands_of_fields)
{
	struct headers before = { 0 }, after;
	struct str text = { 0 };
	size_t edits;

	for (int i = 0; i < 2100; i++) {
		char raw[16];

		snprintf(raw, sizeof raw, " %d", i);
		headers_received(&before, i % 3 ? "X-A" : "X-B", raw);
	}
	headers_copy(&after, &before);
	str_adds(&text, "X-A: first\r\n");
	for (size_t i = _i == 0 ? 1 : 0; i < before.n; i++)
		str_addf(&text, "%s:%s%s\r\n", before.field[i].name,
		    before.field[i].raw, _i == 2 ? "x" : "");
	str_adds(&text, "X-B: last\r\n");
	headers_replace(&after, &before, text.data, text.len);
	edits = check_diff(&before, &after, _i);
	ck_assert_uint_le(edits, 2 * before.n);
	str_fini(&text);
	headers_fini(&before);
	headers_fini(&after);
}
END_TEST

static Suite *
suite(void)
{
	TCase *t;
	Suite *s = unit_suite("header_diff", &t);

	tcase_add_loop_test(t, edits_are_few_and_in_order, 0, UNIT_N(rows));
	tcase_add_loop_test(t, random_edits_arrive, 0, BLOCKS);
	tcase_add_loop_test(t, random_replacements_arrive, 0, BLOCKS);
	tcase_add_test(t, untouched_list_has_no_edits);
	tcase_add_loop_test(t, thousands_of_fields, 0, 3);
	return s;
}

UNIT_MAIN(suite)
