#include "phase.h"

#include <stddef.h>
#include <string.h>

static const char *const names[] = {
#define X(id, name) [PHASE_##id] = name,
	PHASES(X)
#undef X
};

const char *
phase_name(enum phase phase)
{
	return names[phase];
}

int
phase_parse(const char *text, enum phase *phase, struct err *err)
{
	for (size_t i = 0; i < PHASE_COUNT; i++)
		if (strcmp(text, names[i]) == 0) {
			*phase = (enum phase)i;
			return 0;
		}
	return err_set(err,
	    "\"%s\" is no stage: connect, helo, mail, rcpt, data, eom or "
	    "unknown",
	    text);
}
