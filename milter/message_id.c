#include "message_id.h"

#include <string.h>

bool
message_id_is(const char *id, size_t len)
{
	if (len == 0)
		return false;
	for (size_t i = 0; i < len; i++)
		if ((unsigned char)id[i] <= ' ' || id[i] == 0x7f ||
		    id[i] == '<' || id[i] == '>')
			return false;
	return true;
}

const char *
message_id_next(const char **p, const char *end, size_t *len)
{
	while (*p < end) {
		const char *open = memchr(*p, '<', (size_t)(end - *p));
		const char *id = open != NULL ? open + 1 : NULL, *close;

		if (id == NULL)
			break;
		for (close = id; close < end && *close != '>' && *close != '<';)
			close++;
		*p = close < end && *close == '>' ? close + 1 : close;
		*len = (size_t)(close - id);
		if (close < end && *close == '>' && message_id_is(id, *len))
			return id;
	}
	*p = end;
	return NULL;
}
