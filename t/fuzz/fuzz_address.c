#include "fuzz.h"

#include "milter/address.h"

#include <stdlib.h>
#include <string.h>

/* No control character may come through to an SMTP command. */
static void
check_text(const char *s)
{
	for (; *s != '\0'; s++)
		must((unsigned char)*s >= ' ' && *s != 0x7f);
}

/* What was parsed is parsed again from its email. */
static void
check_parsed(const struct address *a)
{
	struct address again;
	struct err err;

	check_text(a->user);
	check_text(a->domain);
	check_text(a->email);
	/* its A-labels may be longer than its U-labels were */
	if (address_parse(&again, a->email, strlen(a->email), &err) != 0) {
		must(strstr(err.msg, "the limit is") != NULL);
		return;
	}
	must(strcmp(again.user, a->user) == 0);
	must(strcmp(again.domain, a->domain) == 0);
	must(strcmp(again.email, a->email) == 0);
	must(address_is_null(&again) == (a->email[0] == '\0'));
	address_fini(&again);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const char *text = (const char *)data;
	struct address a, copy;
	struct err err = { "" };
	char *domain;

	if (address_parse(&a, text, size, &err) == 0)
		check_parsed(&a);
	else
		must(a.user == NULL && a.domain == NULL && a.email == NULL &&
		     err.msg[0] != '\0');
	address_fini(&a);

	address_parse_lenient(&a, text, size);
	must(a.user != NULL && a.domain != NULL && a.email != NULL);
	address_copy(&copy, &a);
	address_fini(&a);
	must(copy.email != NULL);
	address_fini(&copy);

	err.msg[0] = '\0';
	domain = address_domain(text, size, &err);
	must((domain == NULL) == (err.msg[0] != '\0'));
	if (domain != NULL)
		check_text(domain);
	free(domain);
	return 0;
}
