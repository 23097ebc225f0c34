#include "fuzz.h"

#include "milter/date.h"

#include <string.h>

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char out[DATE_SIZE];
	int64_t at;

	if (date_parse((const char *)data, size, &at) == 0 &&
	    date_write(out, at) == 0)
		must(strlen(out) == DATE_SIZE - 1);
	return 0;
}
