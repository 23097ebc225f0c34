/*
 * ip.h - IP addresses, networks, and sets of networks
 *
 * Text is that of Rust, which policies parse and compare: "192.0.2.1",
 * "2001:db8::1" (RFC 5952, lower case), with a port "192.0.2.1:25",
 * "[2001:db8::1]:25", with a scope "[fe80::1%2]:25".  An IPv4 address and the
 * same one mapped into IPv6 are two addresses.
 *
 * Everything here is a value or owned by its caller; a struct ip_set is built
 * and then only read, which threads may do without a lock.
 */
#ifndef KUMILTER_IP_H
#define KUMILTER_IP_H

#include "err.h"
#include "str.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct sockaddr;

struct ip {
	int family;        /* AF_INET, AF_INET6; 0 in a struct all zero */
	uint8_t bytes[16]; /* 4 of them for AF_INET, the rest 0 */
	uint32_t scope;    /* of a link-local IPv6 address, or 0 */
};

#define IP_NO_PORT (-1)

/* "192.0.2.1", "::1", either in brackets, "[IPv6:::1]"; no port. */
int ip_parse(struct ip *ip, const char *text, struct err *err);

/* Also "192.0.2.1:25" and "[::1]:25"; *port is IP_NO_PORT without one. */
int ip_parse_port(struct ip *ip, int *port, const char *text, struct err *err);

/* 0, or -1 for a family that is neither IPv4 nor IPv6. */
int ip_from_sockaddr(struct ip *ip, int *port, const struct sockaddr *sa);

bool ip_equal(const struct ip *a, const struct ip *b); /* but for scope */
void ip_format(struct str *out, const struct ip *ip);
void ip_format_port(struct str *out, const struct ip *ip, int port);

/*
 * A network.  "192.0.2.0/24", "2001:db8::/32", one address, or "any", which
 * both families are in (family 0).  Bits past the prefix must be 0.
 */
struct cidr {
	struct ip ip;
	int prefix;
};

int cidr_parse(struct cidr *net, const char *text, struct err *err);
bool cidr_contains(const struct cidr *net, const struct ip *ip);
void cidr_format(struct str *out, const struct cidr *net);

/* All zero is the empty set. */
struct ip_set {
	struct cidr *nets;
	size_t n;
};

int ip_set_add(struct ip_set *set, const char *text, struct err *err);
bool ip_set_contains(const struct ip_set *set, const struct ip *ip);
void ip_set_fini(struct ip_set *set);

#endif
