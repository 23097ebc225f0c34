#include "fuzz.h"

#include "milter/auth_results_forged.h"
#include "milter/auth_results_parse.h"

#include <string.h>
#include <strings.h>

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char ours[] = "mx.example.com";
	const char *text = (const char *)data;
	json_t *parsed = auth_results_parse(text, size, NULL);
	const char *name =
	    json_string_value(json_object_get(parsed, "serv_id"));

	/* what our own reader takes for ours is removed */
	if (name != NULL && strcasecmp(name, ours) == 0)
		must(auth_results_claims(text, size, ours));
	else
		auth_results_claims(text, size, ours);
	json_decref(parsed);
	return 0;
}
