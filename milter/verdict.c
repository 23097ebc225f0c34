#include "verdict.h"

#include "xmalloc.h"

#include <stdlib.h>
#include <string.h>

static const char *const how_names[] = {
	[DISCONNECT_IF421] = "If421",
	[DISCONNECT_FOLLOW421] = "FollowWith421",
	[DISCONNECT_FORCE] = "ForceDisconnect",
};

void
verdict_clear(struct verdict *v)
{
	free(v->text);
	*v = (struct verdict){ .kind = VERDICT_CONTINUE };
}

void
verdict_set(struct verdict *v, enum verdict_kind kind)
{
	must(kind != VERDICT_REFUSE);
	verdict_clear(v);
	v->kind = kind;
}

void
verdict_refuse(struct verdict *v, int code, enum disconnect how,
    const char *text, size_t len)
{
	char *copy = xmemdup0(text, len);

	must(code >= 400 && code <= 599);
	verdict_clear(v);
	*v = (struct verdict){ .kind = VERDICT_REFUSE,
		.code = code,
		.how = how,
		.text = copy,
		.len = len };
}

void
verdict_move(struct verdict *to, struct verdict *from)
{
	verdict_clear(to);
	*to = *from;
	*from = (struct verdict){ .kind = VERDICT_CONTINUE };
}

const char *
disconnect_name(enum disconnect how)
{
	return how_names[how];
}

int
disconnect_parse(const char *text, enum disconnect *how, struct err *err)
{
	for (size_t i = 0; i < sizeof how_names / sizeof *how_names; i++)
		if (strcmp(text, how_names[i]) == 0) {
			*how = (enum disconnect)i;
			return 0;
		}
	return err_set(err,
	    "expected one of 'If421', 'FollowWith421' or 'ForceDisconnect', "
	    "but got '%s'",
	    text);
}
