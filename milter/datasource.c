#include "datasource.h"

#include <string.h>

/* Known, but only the first is built. */
static const char *const drivers[] = {
	"sqlite:",
	"pgsql:",
	"mysql:",
	"ldap:",
	"ldaps:",
	"odbc:",
};

static int
check_uri(const char *name, const json_t *uri, struct err *err)
{
	const char *text = json_string_value(uri);

	if (text == NULL)
		return err_set(err,
		    "%s: a URI such as \"sqlite:/path\" or an array of them "
		    "expected",
		    name);
	if (strlen(text) != json_string_length(uri))
		return err_set(err, "%s: a URI with a NUL in it", name);
	for (size_t i = 0; i < sizeof drivers / sizeof *drivers; i++) {
		size_t len = strlen(drivers[i]);

		if (strncmp(text, drivers[i], len) == 0 && text[len] != '\0')
			return 0;
	}
	return err_set(err,
	    "%s: \"%s\" is no URI such as \"sqlite:/var/lib/policy.db\"", name,
	    text);
}

int
datasource_check(const json_t *all, struct err *err)
{
	const char *name;
	json_t *value, *uri;
	size_t i;

	if (json_is_array(all) && json_array_size(all) == 0)
		return 0; /* {} */
	if (!json_is_object(all))
		return err_set(err, "a table of names and URIs expected");
	json_object_foreach ((json_t *)all, name, value) {
		if (!json_is_array(value)) {
			if (check_uri(name, value, err) != 0)
				return -1;
			continue;
		}
		if (json_array_size(value) == 0)
			return err_set(err, "%s: no URI", name);
		json_array_foreach (value, i, uri) {
			if (check_uri(name, uri, err) != 0)
				return -1;
		}
	}
	return 0;
}

const char *
datasource_uri(const json_t *all, const char *name, size_t i)
{
	const json_t *value = json_object_get(all, name);

	if (json_is_array(value))
		return json_string_value(json_array_get(value, i));
	return i == 0 ? json_string_value(value) : NULL;
}

const char *
datasource_sqlite(const char *uri)
{
	if (strncmp(uri, "sqlite:", 7) != 0)
		return NULL;
	uri += 7;
	return strncmp(uri, "///", 3) == 0 ? uri + 2 : uri;
}
