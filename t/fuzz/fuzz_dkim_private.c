#include "fuzz.h"

#include "milter/dkim_private.h"

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct err err = { "" };
	struct dkim_private *key = dkim_private_read(data, size, &err);
	struct str out = { 0 };

	must(key != NULL || err.msg[0] != '\0');
	if (key != NULL)
		(void)dkim_private_sign(&out, key, "x", 1, &err);
	must(out.len <= DKIM_PRIVATE_MAX_BITS / 8);
	str_fini(&out);
	dkim_private_free(key);
	return 0;
}
