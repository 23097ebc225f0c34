#include "record_options.h"

#include "clock.h"
#include "duration.h"
#include "record_template.h"

#include <stdlib.h>
#include <string.h>

#define PRESSURE_MAX 10000000

static const char *const type_names[] = {
	[RECORD_RECEPTION] = "Reception",
	[RECORD_REJECTION] = "Rejection",
};

/* KumoMTA's others: a milter has no such records, but may be told of them. */
static const char *const other_types[] = { "Delivery", "Bounce",
	"TransientFailure", "Expiration", "AdminBounce", "OOB", "Feedback",
	"AdminRebind", "DeferredInjectionRebind", "Delayed", "XferOut",
	"XferIn", "Any" };

const char *
record_type_name(enum record_type type)
{
	return type_names[type];
}

static bool
is_ours(const char *name)
{
	for (size_t i = 0; i < RECORD_TYPES; i++)
		if (strcmp(name, type_names[i]) == 0)
			return true;
	return false;
}

static bool
is_type(const char *name)
{
	if (is_ours(name))
		return true;
	for (size_t i = 0; i < sizeof other_types / sizeof *other_types; i++)
		if (strcmp(name, other_types[i]) == 0)
			return true;
	return false;
}

/* ---- values ------------------------------------------------------------- */

typedef int take_fn(
    struct record_options *o, const json_t *value, struct err *err);

static int
take_text(const json_t *value, const char **out, struct err *err)
{
	const char *text = json_string_value(value);

	if (text == NULL || strlen(text) != json_string_length(value))
		return err_set(err, "a string expected");
	*out = text;
	return 0;
}

static int
take_number(
    const json_t *value, long long least, long long most, long long *out)
{
	double d = json_number_value(value);

	if (!json_is_number(value) || !(d >= (double)least) ||
	    !(d <= (double)most) || d != (double)(long long)d)
		return -1;
	*out = (long long)d;
	return 0;
}

static int
take_folder(const json_t *value, const char **out, struct err *err)
{
	if (take_text(value, out, err) != 0)
		return -1;
	if ((*out)[0] != '/')
		return err_set(
		    err, "\"%s\" is no absolute path of a folder", *out);
	return 0;
}

static int
take_log_dir(struct record_options *o, const json_t *value, struct err *err)
{
	return take_folder(value, &o->kind[0].log_dir, err);
}

static int
take_size(struct record_options *o, const json_t *value, struct err *err)
{
	long long n;

	if (take_number(value, 1, INT64_C(1) << 50, &n) != 0)
		return err_set(err, "a number of bytes expected");
	o->max_file_size = (size_t)n;
	return 0;
}

static int
take_pressure(struct record_options *o, const json_t *value, struct err *err)
{
	long long n;

	if (take_number(value, 1, PRESSURE_MAX, &n) != 0)
		return err_set(
		    err, "a number from 1 to %d expected", PRESSURE_MAX);
	o->back_pressure = (size_t)n;
	return 0;
}

static int
take_level(struct record_options *o, const json_t *value, struct err *err)
{
	long long n;

	if (take_number(value, 0, 21, &n) != 0)
		return err_set(err, "a number from 0 to 21 expected");
	o->compression_level = (int)n;
	return 0;
}

static int
take_duration(struct record_options *o, const json_t *value, struct err *err)
{
	double s = json_number_value(value);

	if (json_is_string(value))
		return duration_parse(
		    json_string_value(value), &o->max_segment_duration, err);
	if (!json_is_number(value) || !(s >= 0 && s <= 1e9))
		return err_set(err, "a duration expected");
	o->max_segment_duration = (int64_t)(s * (double)CLOCK_S);
	return 0;
}

/* Of Lua's empty table nobody knows which it is. */
static bool
is_empty(const json_t *value)
{
	return (json_is_array(value) && json_array_size(value) == 0) ||
	       (json_is_object(value) && json_object_size(value) == 0);
}

static int
take_names(const json_t *value, const json_t **out, struct err *err)
{
	json_t *name;
	size_t i;

	if (!json_is_array(value) && !is_empty(value))
		return err_set(err, "an array of names expected");
	json_array_foreach ((json_t *)value, i, name) {
		if (!json_is_string(name))
			return err_set(err, "an array of names expected");
	}
	*out = value;
	return 0;
}

static int
take_meta(struct record_options *o, const json_t *value, struct err *err)
{
	return take_names(value, &o->meta, err);
}

static int
take_headers(struct record_options *o, const json_t *value, struct err *err)
{
	return take_names(value, &o->headers, err);
}

static int
take_filter(struct record_options *o, const json_t *value, struct err *err)
{
	return take_text(value, &o->filter_event, err);
}

/* "10%", "1000000" or 1000000 */
static int
take_least(const json_t *value, struct record_free *out, struct err *err)
{
	const char *text = json_string_value(value);
	char *end = NULL;
	long long n;

	if (text != NULL && text[0] >= '0' && text[0] <= '9') {
		out->least = strtoull(text, &end, 10);
		out->percent = strcmp(end, "%") == 0;
		if (out->percent ? out->least <= 100 : *end == '\0')
			return 0;
	} else if (take_number(value, 0, INT64_C(1) << 60, &n) == 0) {
		out->least = (uint64_t)n;
		return 0;
	}
	return err_set(err, "a number or a percentage such as '10%%' expected");
}

static int
take_space(struct record_options *o, const json_t *value, struct err *err)
{
	return take_least(value, &o->space, err);
}

static int
take_inodes(struct record_options *o, const json_t *value, struct err *err)
{
	return take_least(value, &o->inodes, err);
}

/* ---- per_record --------------------------------------------------------- */

/* Of records that a milter never has, any will do. */
static int
check_template(const char *type, const json_t *value, struct err *err)
{
	const char *text = "";

	if (take_text(value, &text, err) != 0)
		return -1;
	return is_ours(type) || strcmp(type, "Any") == 0
		   ? record_template_check(text, err)
		   : 0;
}

static int
check_kind(const char *type, const json_t *given, struct err *err)
{
	const char *key, *unused = "";
	struct err why;
	json_t *value;
	int rc;

	if (!json_is_object(given) && !is_empty(given))
		return err_set(err, "a table expected");
	json_object_foreach ((json_t *)given, key, value) {
		if (strcmp(key, "enable") == 0)
			rc = json_is_boolean(value)
				 ? 0
				 : err_set(&why, "true or false expected");
		else if (strcmp(key, "log_dir") == 0)
			rc = take_folder(value, &unused, &why);
		else if (strcmp(key, "suffix") == 0 ||
			 strcmp(key, "segment_header") == 0)
			rc = take_text(value, &unused, &why);
		else if (strcmp(key, "template") == 0)
			rc = check_template(type, value, &why);
		else
			return err_set(err, "unknown key \"%s\"", key);
		if (rc != 0)
			return err_set(err, "%s: %s", key, why.msg);
	}
	return 0;
}

static int
take_kinds(struct record_options *o, const json_t *value, struct err *err)
{
	struct err why;
	const char *key;
	json_t *kind;

	(void)o;
	if (!json_is_object(value) && !is_empty(value))
		return err_set(err, "a table expected");
	json_object_foreach ((json_t *)value, key, kind) {
		if (!is_type(key))
			return err_set(err, "unknown type \"%s\"", key);
		if (check_kind(key, kind, &why) != 0)
			return err_set(err, "%s: %s", key, why.msg);
	}
	return 0;
}

static const char *
text_or(const json_t *kind, const char *key, const char *otherwise)
{
	const char *text = json_string_value(json_object_get(kind, key));

	return text != NULL ? text : otherwise;
}

/* Of a type that is not named "Any" counts. */
static void
set_kinds(struct record_options *o)
{
	const json_t *all = json_object_get(o->given, "per_record");
	const char *log_dir = o->kind[0].log_dir;

	for (int i = 0; i < RECORD_TYPES; i++) {
		const json_t *kind = json_object_get(all, type_names[i]);

		if (kind == NULL)
			kind = json_object_get(all, "Any");
		o->kind[i] = (struct record_kind){
			.enable =
			    !json_is_false(json_object_get(kind, "enable")),
			.log_dir = text_or(kind, "log_dir", log_dir),
			.suffix = text_or(kind, "suffix", ""),
			.segment_header = text_or(kind, "segment_header", ""),
			.template = text_or(kind, "template", NULL),
		};
	}
}

/* ---- all ---------------------------------------------------------------- */

static const struct {
	const char *key;
	take_fn *take;
} keys[] = {
	{ "log_dir", take_log_dir },
	{ "max_file_size", take_size },
	{ "back_pressure", take_pressure },
	{ "compression_level", take_level },
	{ "max_segment_duration", take_duration },
	{ "meta", take_meta },
	{ "headers", take_headers },
	{ "per_record", take_kinds },
	{ "filter_event", take_filter },
	{ "min_free_space", take_space },
	{ "min_free_inodes", take_inodes },
};

static take_fn *
find(const char *key)
{
	for (size_t i = 0; i < sizeof keys / sizeof *keys; i++)
		if (strcmp(keys[i].key, key) == 0)
			return keys[i].take;
	return NULL;
}

int
record_options_read(
    struct record_options *o, const json_t *given, struct err *err)
{
	const char *key;
	struct err why;
	json_t *value;

	*o = (struct record_options){ .max_file_size = 1000000000,
		.back_pressure = 128000 };
	json_object_foreach ((json_t *)given, key, value) {
		take_fn *take = find(key);

		if (take == NULL)
			return err_set(err, "unknown key \"%s\"", key);
		if (take(o, value, &why) != 0)
			return err_set(err, "%s: %s", key, why.msg);
	}
	if (o->kind[0].log_dir == NULL)
		return err_set(err, "missing key \"log_dir\"");
	o->given = json_incref((json_t *)given);
	set_kinds(o);
	return 0;
}

void
record_options_fini(struct record_options *o)
{
	json_decref(o->given);
	*o = (struct record_options){ 0 };
}
