/*
 * ip_count.h - counts by address, summed for every network above it
 *
 * A tree whose leaves are addresses and whose inner nodes are the networks in
 * which two of them part; each carries the counts of all that is below, so the
 * question for a network takes as long as that for an address.  Counts are by
 * window of time (windows.h).  At most max addresses are kept: a new one
 * pushes out the one that was counted longest ago, and its counts with it.
 *
 * Not locked: the owner's lock is held for every call.
 */
#ifndef KUMILTER_IP_COUNT_H
#define KUMILTER_IP_COUNT_H

#include "ip.h"

struct ip_count_node;

struct ip_count {
	int windows;
	size_t max, n;
	struct ip_count_node *root[2]; /* IPv4, IPv6 */
	struct ip_count_node *newest, *oldest;
	unsigned long evicted;
};

void ip_count_init(struct ip_count *c, int windows, size_t max);
void ip_count_fini(struct ip_count *c);

/* How many addresses fit into so many bytes. */
size_t ip_count_fits(int windows, size_t bytes);

void ip_count_add(
    struct ip_count *c, const struct ip *ip, int64_t now, int64_t delta);
/* All addresses of the network, windows first to last back from now. */
int64_t ip_count_sum(const struct ip_count *c, const struct cidr *net,
    int64_t now, int64_t first, int64_t last);
/* false: there was none. */
bool ip_count_remove(struct ip_count *c, const struct ip *ip);

/*
 * The network that "/24", "192.0.2.7/24", "192.0.2.7" or NULL mean; bits past
 * the prefix may be set, a port is passed over, "localhost" is 127.0.0.1.
 * peer, which may be NULL, is who "/24" and NULL stand for.  IPv4 mapped into
 * IPv6 is IPv4, with a mask from 96 on.
 */
int ip_count_net(
    struct cidr *net, const char *text, const struct ip *peer, struct err *err);
void ip_count_unmap(struct ip *ip);

#endif
