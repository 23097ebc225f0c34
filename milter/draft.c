#include "draft.h"

#include <stdlib.h>

void
draft_init(struct draft *d)
{
	*d = (struct draft){ .listeners = json_array() };
	settings_init(&d->settings);
}

void
draft_fini(struct draft *d)
{
	json_decref(d->listeners);
	free(d->listen);
}
