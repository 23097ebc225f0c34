#include "draft.h"

#include "ip.h"
#include "record_options.h"

#include <stdlib.h>
#include <string.h>

void
draft_init(struct draft *d)
{
	*d = (struct draft){ .listeners = json_array(),
		.scriptlets = json_array(),
		.local_logs = json_array(),
		.contexts = json_array(),
		.tasks = json_array() };
	settings_init(&d->settings);
}

void
draft_fini(struct draft *d)
{
	json_decref(d->listeners);
	json_decref(d->local_logs);
	json_decref(d->decision_log);
	json_decref(d->settings.datasources);
	json_decref(d->settings.resolvers);
	json_decref(d->scriptlets);
	json_decref(d->contexts);
	json_decref(d->tasks);
	json_decref(d->monitor);
	free(d->listen);
}

static const char *
text_of(const json_t *entry, const char *key)
{
	const char *text = json_string_value(json_object_get(entry, key));

	return text != NULL && text[0] != '\0' ? text : NULL;
}

/* One entry: an object with these two keys and no other, the first a text. */
static int
check_entry(json_t *entry, const char *one, const char *two, struct err *err)
{
	const char *key;
	json_t *value;

	if (!json_is_object(entry))
		return err_set(err, "it is no table");
	json_object_foreach (entry, key, value) {
		if (strcmp(key, one) != 0 && strcmp(key, two) != 0)
			return err_set(err, "unknown key \"%s\"", key);
	}
	if (text_of(entry, one) == NULL)
		return err_set(err, "%s is missing", one);
	return 0;
}

static int
scriptlet(json_t *entry, struct err *err)
{
	if (check_entry(entry, "name", "source", err) != 0)
		return -1;
	if (text_of(entry, "source") == NULL)
		return err_set(err, "source is missing");
	return 0;
}

static int
context(json_t *entry, struct err *err)
{
	struct cidr net;
	struct err why;

	if (check_entry(entry, "peer", "set", err) != 0)
		return -1;
	if (cidr_parse(&net, text_of(entry, "peer"), &why) != 0)
		return err_set(err, "peer: %s", why.msg);
	if (!json_is_object(json_object_get(entry, "set")))
		return err_set(err, "set is missing");
	return 0;
}

static int
check_list(const json_t *list, const char *form,
    int (*check)(json_t *entry, struct err *err), struct err *err)
{
	json_t *entry;
	struct err why;
	size_t i;

	/* an empty table of Lua may be either */
	if (!json_is_array(list) && json_object_size(list) != 0)
		return err_set(err, "an array of %s expected", form);
	json_array_foreach (list, i, entry) {
		if (check(entry, &why) != 0)
			return err_set(err, "entry %zu: %s; %s expected", i + 1,
			    why.msg, form);
	}
	return 0;
}

int
draft_check_scriptlets(const json_t *list, struct err *err)
{
	return check_list(
	    list, "{ name = 'NAME', source = 'dir.file' }", scriptlet, err);
}

int
draft_check_contexts(const json_t *list, struct err *err)
{
	return check_list(list, "{ peer = 'NETWORK', set = { key = 'value' } }",
	    context, err);
}

int
draft_check_decision_log(const json_t *options, struct err *err)
{
	static const char *const keys[] = { "log_dir", "max_file_size",
		"max_segment_duration", "back_pressure", "compression_level",
		"min_free_space", "min_free_inodes" };
	struct record_options o;
	const char *key;
	json_t *value;
	size_t i;

	json_object_foreach ((json_t *)options, key, value) {
		for (i = 0; i < sizeof keys / sizeof *keys; i++)
			if (strcmp(keys[i], key) == 0)
				break;
		if (i == sizeof keys / sizeof *keys)
			return err_set(err, "unknown key \"%s\"", key);
	}
	if (record_options_read(&o, options, err) != 0)
		return -1;
	record_options_fini(&o);
	return 0;
}
