#include "event_name.h"

static const char *const names[] = {
#define X(id, name) [EVENT_##id] = name,
	EVENTS(X)
#undef X
};

const char *
event_name(enum event_name e)
{
	return names[e];
}

bool
event_is_msys(enum event_name e)
{
	return e >= EVENT_MODULE_DEINIT;
}
