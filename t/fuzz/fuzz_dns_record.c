#include "fuzz.h"

#include "milter/dns_record.h"
#include "milter/dns_servers.h"
#include "milter/xmalloc.h"

#include <stdlib.h>
#include <string.h>

static const enum dns_type types[] = { DNS_A, DNS_NS, DNS_CNAME, DNS_PTR,
	DNS_MX, DNS_TXT, DNS_AAAA };

/* What may stand in a line, without blanks. */
static void
is_plain(const char *text, size_t len)
{
	must(strlen(text) == len && len <= 4 * 255);
	for (size_t i = 0; i < len; i++)
		must(text[i] > ' ' && text[i] < 0x7f);
}

static void
read_record(enum dns_type type, const uint8_t *data, size_t size)
{
	struct dns_record r;

	if (dns_record_read(&r, type, data, size) != 0)
		return;
	must(r.text[r.len] == '\0');
	if (type == DNS_TXT)
		must(r.len < size);
	else
		is_plain(r.text, r.len);
	must(r.preference >= 0 && r.preference <= 65535);
	dns_record_fini(&r);
}

/* A name that was taken is one; asked for as it is written, it is the same. */
static void
make_name(const uint8_t *data, size_t size)
{
	struct str name = { 0 }, again = { 0 };

	if (dns_name(&name, (const char *)data, size, NULL) == 0) {
		is_plain(name.data, name.len);
		must(dns_name(&again, name.data, name.len, NULL) == 0);
		must(strcmp(name.data, again.data) == 0);
	}
	str_fini(&name);
	str_fini(&again);
}

static void
make_list(const uint8_t *data, size_t size)
{
	struct str list = { 0 }, again = { 0 };
	char *text = xmemdup0(data, size);

	if (dns_servers_parse(&list, text, NULL) == 0) {
		must(dns_servers_parse(&again, list.data, NULL) == 0);
		must(strcmp(list.data, again.data) == 0);
	}
	str_fini(&list);
	str_fini(&again);
	free(text);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	for (size_t i = 0; i < sizeof types / sizeof *types; i++)
		read_record(types[i], data, size);
	make_name(data, size);
	make_list(data, size);
	return 0;
}
