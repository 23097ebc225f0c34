#include "fuzz.h"

#include "milter/auth_results_parse.h"
#include "milter/header_text.h"
#include "milter/mime_param.h"

#include <string.h>

static void
check(const struct mime_value *v)
{
	must(v->value != NULL && v->n <= MIME_PARAM_MAX);
	must(strpbrk(v->value, "\r\n") == NULL);
	for (size_t i = 0; i < v->n; i++) {
		const struct mime_param *p = &v->param[i];

		must(p->name[0] != '\0');
		must(strlen(p->value) == p->len); /* no NUL */
		must(strpbrk(p->value, "\r\n") == NULL);
		must(header_text_is_utf8(p->value, p->len));
		must(mime_value_get(v, p->name) == p);
	}
}

/* One header it is, and what it says is what was said. */
static void
check_written(const struct mime_value *v)
{
	struct mime_value again;
	struct str out = { 0 };

	mime_value_write(&out, v);
	for (size_t i = 0; i < out.len; i++) {
		must(out.data[i] != '\0');
		must(out.data[i] != '\r' || out.data[i + 1] == '\n');
		must(out.data[i] != '\n' || (i > 0 && out.data[i - 1] == '\r' &&
						out.data[i + 1] == '\t'));
	}
	mime_value_parse(&again, str_c(&out), out.len);
	check(&again);
	for (size_t i = 0; i < again.n; i++) {
		const struct mime_param *p =
		    mime_value_get(v, again.param[i].name);

		/* names that cannot be written change */
		if (p == NULL || strstr(p->value, "=?") != NULL)
			continue;
		must(p->len == again.param[i].len);
		must(memcmp(p->value, again.param[i].value, p->len) == 0);
	}
	mime_value_fini(&again);
	str_fini(&out);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const char *text = (const char *)data;
	struct mime_value v;
	struct err err = { "" };
	json_t *results;

	mime_value_parse(&v, text, size);
	check(&v);
	check_written(&v);
	mime_value_fini(&v);
	results = auth_results_parse(text, size, &err);
	if (results == NULL)
		must(err.msg[0] != '\0');
	else
		must(json_is_string(json_object_get(results, "serv_id")) &&
		     json_is_array(json_object_get(results, "results")));
	json_decref(results);
	return 0;
}
