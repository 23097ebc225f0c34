#include "fuzz.h"

#include "milter/report.h"

#include <stdlib.h>

/* Every report has what a policy may walk through without asking. */
static void
check_delivery(const json_t *report)
{
	const json_t *list = json_object_get(report, "per_recipient");
	const json_t *one;
	size_t i;

	must(json_is_object(json_object_get(
	    json_object_get(report, "per_message"), "extensions")));
	must(json_is_array(list));
	json_array_foreach (list, i, one)
		must(json_is_object(json_object_get(one, "extensions")));
}

static void
check_feedback(const json_t *report)
{
	static const char *const lists[] = { "authentication_results",
		"original_rcpto_to", "reported_domain", "reported_uri" };

	must(json_is_object(json_object_get(report, "extensions")));
	for (size_t i = 0; i < sizeof lists / sizeof *lists; i++)
		must(json_is_array(json_object_get(report, lists[i])));
}

/* All texts but the original message are UTF-8. */
static void
check_text(json_t *report)
{
	char *text;

	json_object_del(report, "original_message");
	text = json_dumps(report, JSON_COMPACT);
	must(text != NULL);
	free(text);
	json_decref(report);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct mime_tree *tree = mime_parse((const char *)data, size);
	json_t *delivery = report_parse_delivery(tree->root);
	json_t *feedback = report_parse_feedback(tree->root);

	mime_free(tree);
	if (delivery != NULL) {
		check_delivery(delivery);
		check_text(delivery);
	}
	if (feedback != NULL) {
		check_feedback(feedback);
		check_text(feedback);
	}
	return 0;
}
