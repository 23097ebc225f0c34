#include "ip.h"

#include "xmalloc.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>

/* longer than any text of an address, so what does not fit is none */
#define TEXT_MAX 80

static int
bits_of(int family)
{
	return family == AF_INET ? 32 : 128;
}

/* Digits only; -1 for anything else and for what is above max. */
static long
whole_number(const char *text, long max)
{
	long n = 0;

	if (*text == '\0')
		return -1;
	for (; *text != '\0'; text++) {
		if (*text < '0' || *text > '9')
			return -1;
		n = n * 10 + (*text - '0');
		if (n > max)
			return -1;
	}
	return n;
}

/* ---- addresses ---------------------------------------------------------- */

static bool
read_scope(struct ip *ip, char *text)
{
	char *percent = strchr(text, '%');
	long scope;

	if (percent == NULL)
		return true;
	*percent = '\0';
	scope = whole_number(percent + 1, UINT32_MAX);
	if (scope < 0)
		return false;
	ip->scope = (uint32_t)scope;
	return true;
}

/* The address itself, without brackets or port.  Cuts text at a '%'. */
static bool
read_bare(struct ip *ip, char *text)
{
	*ip = (struct ip){ 0 };
	if (strchr(text, ':') == NULL) {
		ip->family = AF_INET;
		return inet_pton(AF_INET, text, ip->bytes) == 1;
	}
	ip->family = AF_INET6;
	return read_scope(ip, text) &&
	       inet_pton(AF_INET6, text, ip->bytes) == 1;
}

static bool
read_port(int *port, const char *text)
{
	*port = (int)whole_number(text, 65535);
	return *port >= 0;
}

static bool
read_address(struct ip *ip, int *port, char *text)
{
	char *colon = strchr(text, ':');

	*port = IP_NO_PORT;
	if (text[0] == '[') {
		char *end = strchr(text++, ']');

		if (end == NULL)
			return false;
		*end = '\0';
		if (strncasecmp(text, "IPv6:", 5) == 0 &&
		    strchr(text += 5, ':') == NULL)
			return false;
		return read_bare(ip, text) &&
		       (end[1] == '\0' ||
			   (end[1] == ':' && read_port(port, end + 2)));
	}
	if (colon == NULL || strchr(colon + 1, ':') != NULL)
		return read_bare(ip, text);
	*colon = '\0'; /* one colon: IPv4 and a port */
	return strchr(text, '.') != NULL && read_bare(ip, text) &&
	       read_port(port, colon + 1);
}

int
ip_parse_port(struct ip *ip, int *port, const char *text, struct err *err)
{
	char copy[TEXT_MAX];
	size_t len = strnlen(text, sizeof copy);

	if (len < sizeof copy) {
		memcpy(copy, text, len + 1);
		if (read_address(ip, port, copy))
			return 0;
	}
	*ip = (struct ip){ 0 };
	*port = IP_NO_PORT;
	return err_set(err, "\"%s\" is no IP address", text);
}

int
ip_parse(struct ip *ip, const char *text, struct err *err)
{
	int port;

	if (ip_parse_port(ip, &port, text, err) != 0)
		return -1;
	if (port == IP_NO_PORT)
		return 0;
	*ip = (struct ip){ 0 };
	return err_set(err, "\"%s\" is no IP address: it has a port", text);
}

int
ip_from_sockaddr(struct ip *ip, int *port, const struct sockaddr *sa)
{
	const struct sockaddr_in *in4 = (const void *)sa;
	const struct sockaddr_in6 *in6 = (const void *)sa;

	*ip = (struct ip){ 0 };
	*port = IP_NO_PORT;
	if (sa == NULL)
		return -1;
	if (sa->sa_family == AF_INET) {
		memcpy(ip->bytes, &in4->sin_addr, 4);
		*port = ntohs(in4->sin_port);
	} else if (sa->sa_family == AF_INET6) {
		memcpy(ip->bytes, &in6->sin6_addr, 16);
		ip->scope = in6->sin6_scope_id;
		*port = ntohs(in6->sin6_port);
	} else {
		return -1;
	}
	ip->family = sa->sa_family;
	return 0;
}

bool
ip_equal(const struct ip *a, const struct ip *b)
{
	return a->family == b->family &&
	       memcmp(a->bytes, b->bytes, sizeof a->bytes) == 0;
}

/* The longest run of two or more zero groups, the first of equals. */
static void
longest_zeros(const unsigned group[8], int *start, int *len)
{
	*start = 8;
	*len = 1;
	for (int i = 0, run = 0; i < 8; i++) {
		run = group[i] == 0 ? run + 1 : 0;
		if (run > *len) {
			*start = i - run + 1;
			*len = run;
		}
	}
}

/*
 * Not inet_ntop(): that writes ::102:304 as ::1.2.3.4, which neither RFC 5952
 * nor Rust does.
 */
static void
format_v6(struct str *out, const uint8_t b[16])
{
	static const uint8_t mapped[12] = { [10] = 0xff, [11] = 0xff };
	unsigned group[8];
	int start, len;

	if (memcmp(b, mapped, sizeof mapped) == 0) {
		str_addf(out, "::ffff:%u.%u.%u.%u", b[12], b[13], b[14], b[15]);
		return;
	}
	for (int i = 0; i < 8; i++)
		group[i] = (unsigned)b[2 * i] << 8 | b[2 * i + 1];
	longest_zeros(group, &start, &len);
	for (int i = 0; i < 8; i++) {
		if (i == start) {
			str_adds(out, "::");
			i += len - 1;
			continue;
		}
		if (i != 0 && i != start + len)
			str_addc(out, ':');
		str_addf(out, "%x", group[i]);
	}
}

void
ip_format(struct str *out, const struct ip *ip)
{
	const uint8_t *b = ip->bytes;

	if (ip->family == AF_INET6)
		format_v6(out, b);
	else
		for (int i = 0; i < 4; i++) {
			if (i > 0)
				str_addc(out, '.');
			str_addu(out, b[i]);
		}
}

void
ip_format_port(struct str *out, const struct ip *ip, int port)
{
	if (ip->family == AF_INET6)
		str_addc(out, '[');
	ip_format(out, ip);
	if (ip->family == AF_INET6) {
		if (ip->scope != 0)
			str_addf(out, "%%%u", ip->scope);
		str_addc(out, ']');
	}
	str_addc(out, ':');
	str_addu(out, (unsigned)port);
}

/* ---- networks ----------------------------------------------------------- */

/* Sets the bits past the prefix to 0; true where some were not. */
static bool
clear_host_bits(struct cidr *net)
{
	bool changed = false;

	for (int i = 0; i < bits_of(net->ip.family) / 8; i++) {
		int keep = net->prefix - 8 * i;
		uint8_t mask = keep >= 8   ? 0xff
			       : keep <= 0 ? 0
					   : (uint8_t)(0xff << (8 - keep));

		changed |= (net->ip.bytes[i] & ~mask) != 0;
		net->ip.bytes[i] &= mask;
	}
	return changed;
}

static int
did_you_mean(const struct cidr *net, const char *text, struct err *err)
{
	struct str meant = { 0 };

	cidr_format(&meant, net);
	err_set(err,
	    "%s is not a valid CIDR: bits are set past /%d. Did you "
	    "mean %s?",
	    text, net->prefix, str_c(&meant));
	str_fini(&meant);
	return -1;
}

static int
read_network(struct cidr *net, const char *text, struct err *err)
{
	char copy[TEXT_MAX], *slash;
	size_t len = strnlen(text, sizeof copy);
	long prefix;

	if (len == sizeof copy)
		return err_set(
		    err, "%s is not a valid CIDR: no IP address", text);
	memcpy(copy, text, len + 1);
	slash = strchr(copy, '/');
	if (slash != NULL)
		*slash++ = '\0';
	if (!read_bare(&net->ip, copy) || net->ip.scope != 0)
		return err_set(
		    err, "%s is not a valid CIDR: no IP address", text);
	net->prefix = bits_of(net->ip.family);
	if (slash == NULL)
		return 0;
	prefix = whole_number(slash, net->prefix);
	if (prefix < 0)
		return err_set(err,
		    "%s is not a valid CIDR: after the / goes "
		    "a number from 0 to %d",
		    text, net->prefix);
	net->prefix = (int)prefix;
	return clear_host_bits(net) ? did_you_mean(net, text, err) : 0;
}

int
cidr_parse(struct cidr *net, const char *text, struct err *err)
{
	struct cidr read = { 0 };
	int rc = strcmp(text, "any") != 0 ? read_network(&read, text, err) : 0;

	*net = rc == 0 ? read : (struct cidr){ 0 };
	return rc;
}

bool
cidr_contains(const struct cidr *net, const struct ip *ip)
{
	int whole = net->prefix / 8, bits = net->prefix % 8;

	if (net->ip.family == 0)
		return true;
	if (net->ip.family != ip->family ||
	    memcmp(net->ip.bytes, ip->bytes, (size_t)whole) != 0)
		return false;
	return bits == 0 ||
	       (net->ip.bytes[whole] ^ ip->bytes[whole]) >> (8 - bits) == 0;
}

/* A network of one address is written without its prefix. */
void
cidr_format(struct str *out, const struct cidr *net)
{
	if (net->ip.family == 0) {
		str_adds(out, "any");
		return;
	}
	ip_format(out, &net->ip);
	if (net->prefix != bits_of(net->ip.family))
		str_addf(out, "/%d", net->prefix);
}

int
ip_set_add(struct ip_set *set, const char *text, struct err *err)
{
	struct cidr net;

	if (cidr_parse(&net, text, err) != 0)
		return -1;
	set->nets = xrealloc(set->nets, (set->n + 1) * sizeof *set->nets);
	set->nets[set->n++] = net;
	return 0;
}

bool
ip_set_contains(const struct ip_set *set, const struct ip *ip)
{
	for (size_t i = 0; i < set->n; i++)
		if (cidr_contains(&set->nets[i], ip))
			return true;
	return false;
}

void
ip_set_fini(struct ip_set *set)
{
	free(set->nets);
	*set = (struct ip_set){ 0 };
}
