#include "mime_param.h"

#include "xmalloc.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

bool
mime_is_token(char c)
{
	return c > ' ' && c < 0x7f && strchr("()<>@,;:\\\"/[]?=", c) == NULL;
}

static void
param_fini(struct mime_param *p)
{
	free(p->name);
	free(p->value);
}

void
mime_value_fini(struct mime_value *v)
{
	for (size_t i = 0; i < v->n; i++)
		param_fini(&v->param[i]);
	free(v->param);
	free(v->value);
	*v = (struct mime_value){ 0 };
}

bool
mime_value_is(const struct mime_value *v, const char *value)
{
	return v->value != NULL && strcasecmp(v->value, value) == 0;
}

bool
mime_value_begins(const struct mime_value *v, const char *prefix)
{
	return v->value != NULL &&
	       strncasecmp(v->value, prefix, strlen(prefix)) == 0;
}

const struct mime_param *
mime_value_get(const struct mime_value *v, const char *name)
{
	for (size_t i = 0; i < v->n; i++)
		if (strcasecmp(v->param[i].name, name) == 0)
			return &v->param[i];
	return NULL;
}

void
mime_value_set(
    struct mime_value *v, const char *name, const char *value, size_t len)
{
	struct mime_param *p = (struct mime_param *)mime_value_get(v, name);

	if (p != NULL) {
		free(p->value);
	} else {
		v->param = xrealloc(v->param, (v->n + 1) * sizeof *v->param);
		p = &v->param[v->n++];
		p->name = xstrdup(name);
	}
	p->value = xmemdup0(value, len);
	p->len = len;
}

void
mime_value_remove(struct mime_value *v, const char *name)
{
	size_t kept = 0;

	for (size_t i = 0; i < v->n; i++)
		if (strcasecmp(v->param[i].name, name) == 0)
			param_fini(&v->param[i]);
		else
			v->param[kept++] = v->param[i];
	v->n = kept;
}
