#include "spf_lookup.h"

#include "xmalloc.h"

#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* ::ffff:192.0.2.1 is 192.0.2.1 */
static struct ip
plain_ip(const struct ip *ip)
{
	static const uint8_t mapped[12] = { [10] = 0xff, [11] = 0xff };
	struct ip v4 = { .family = AF_INET };

	if (ip->family != AF_INET6 ||
	    memcmp(ip->bytes, mapped, sizeof mapped) != 0)
		return *ip;
	memcpy(v4.bytes, ip->bytes + sizeof mapped, 4);
	return v4;
}

void
spf_lookup_init(
    struct spf_lookup *l, const struct ip *ip, spf_ask *ask, void *arg)
{
	*l = (struct spf_lookup){ .ask = ask, .arg = arg, .ip = plain_ip(ip) };
}

void
spf_lookup_fini(struct spf_lookup *l)
{
	for (size_t i = 0; i < l->n_names; i++)
		free(l->name[i]);
	*l = (struct spf_lookup){ 0 };
}

enum spf_found
spf_lookup_ask(struct spf_lookup *l, const char *name, enum dns_type type,
    struct dns_answer *out)
{
	struct str wire = { 0 };

	*out = (struct dns_answer){ .status = DNS_NO_NAME };
	if (dns_name(&wire, name, strlen(name), NULL) == 0)
		l->ask(l->arg, str_c(&wire), type, out);
	str_fini(&wire);
	switch (out->status) {
	case DNS_FOUND:
		return SPF_FOUND;
	case DNS_NO_DATA:
	case DNS_NO_NAME:
		return SPF_NOTHING;
	default:
		return SPF_UNKNOWN;
	}
}

bool
spf_in_prefix(const struct ip *a, const struct ip *b, int prefix)
{
	int whole = prefix / 8, rest = prefix % 8;

	return a->family == b->family &&
	       memcmp(a->bytes, b->bytes, (size_t)whole) == 0 &&
	       (rest == 0 ||
		   (a->bytes[whole] ^ b->bytes[whole]) >> (8 - rest) == 0);
}

bool
spf_is_within(const char *name, const char *domain)
{
	size_t n = strlen(name), d = strlen(domain);

	return n >= d && strcasecmp(name + n - d, domain) == 0 &&
	       (n == d || name[n - d - 1] == '.');
}

enum dns_type
spf_lookup_type(const struct spf_lookup *l)
{
	return l->ip.family == AF_INET ? DNS_A : DNS_AAAA;
}

enum spf_found
spf_lookup_address(struct spf_lookup *l, const char *name, int prefix,
    struct dns_answer *a, bool *match)
{
	enum spf_found found = spf_lookup_ask(l, name, spf_lookup_type(l), a);
	struct ip ip;

	*match = false;
	for (size_t i = 0; found == SPF_FOUND && i < a->n && !*match; i++)
		*match = ip_parse(&ip, a->record[i].text, NULL) == 0 &&
			 spf_in_prefix(&l->ip, &ip, prefix);
	return found;
}

enum spf_found
spf_lookup_names(struct spf_lookup *l)
{
	int prefix = l->ip.family == AF_INET ? 32 : 128;
	struct str reversed = { 0 };
	struct dns_answer ptr, a;
	enum spf_found found;
	bool match;

	if (l->has_names)
		return SPF_FOUND;
	l->has_names = true;
	dns_reverse(&reversed, &l->ip);
	found = spf_lookup_ask(l, str_c(&reversed), DNS_PTR, &ptr);
	for (size_t i = 0; i < ptr.n && i < SPF_HOSTS_MAX; i++) {
		const char *name = ptr.record[i].text;

		spf_lookup_address(l, name, prefix, &a, &match);
		if (match)
			l->name[l->n_names++] = xstrdup(name);
		dns_answer_fini(&a);
	}
	dns_answer_fini(&ptr);
	str_fini(&reversed);
	return found;
}

const char *
spf_lookup_validated(struct spf_lookup *l, const char *domain)
{
	spf_lookup_names(l);
	for (size_t i = 0; i < l->n_names; i++)
		if (strcasecmp(l->name[i], domain) == 0)
			return l->name[i];
	for (size_t i = 0; i < l->n_names; i++)
		if (spf_is_within(l->name[i], domain))
			return l->name[i];
	return l->n_names != 0 ? l->name[0] : NULL;
}
