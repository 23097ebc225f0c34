#include "ip_count.h"

#include "windows.h"
#include "xmalloc.h"

#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

struct ip_count_node {
	struct ip_count_node *parent, *child[2];
	struct ip_count_node *newer, *older; /* of leaves */
	uint8_t key[16];
	int bits; /* of key that all below share; all of them: a leaf */
	int64_t w[];
};

static int
bits_of(int family)
{
	return family == AF_INET ? 32 : 128;
}

static struct ip_count_node **
root_of(const struct ip_count *c, int family)
{
	return (struct ip_count_node **)&c->root[family == AF_INET6];
}

static int
bit(const uint8_t *key, int i)
{
	return key[i / 8] >> (7 - i % 8) & 1;
}

/* How many bits a and b have in common at their beginning, up to max. */
static int
common(const uint8_t *a, const uint8_t *b, int max)
{
	for (int i = 0; i < max; i += 8) {
		unsigned differ = a[i / 8] ^ b[i / 8];

		if (differ != 0) {
			int n = i + __builtin_clz(differ) - 24;

			return n < max ? n : max;
		}
	}
	return max;
}

static size_t
node_size(int windows)
{
	return sizeof(struct ip_count_node) +
	       WINDOWS_LEN(windows) * sizeof(int64_t);
}

void
ip_count_init(struct ip_count *c, int windows, size_t max)
{
	must(windows > 0 && max > 0);
	*c = (struct ip_count){ .windows = windows, .max = max };
}

/* Each address but the first brings an inner node with it. */
size_t
ip_count_fits(int windows, size_t bytes)
{
	size_t n = bytes / (2 * (node_size(windows) + 16));

	return n > 0 ? n : 1;
}

static struct ip_count_node *
new_node(const struct ip_count *c, const uint8_t *key, int bits)
{
	struct ip_count_node *node = xcalloc(1, node_size(c->windows));

	memcpy(node->key, key, sizeof node->key);
	node->bits = bits;
	return node;
}

static void
unlink_age(struct ip_count *c, struct ip_count_node *leaf)
{
	if (leaf->newer != NULL)
		leaf->newer->older = leaf->older;
	else
		c->newest = leaf->older;
	if (leaf->older != NULL)
		leaf->older->newer = leaf->newer;
	else
		c->oldest = leaf->newer;
}

static void
make_newest(struct ip_count *c, struct ip_count_node *leaf)
{
	leaf->newer = NULL;
	leaf->older = c->newest;
	if (c->newest != NULL)
		c->newest->newer = leaf;
	else
		c->oldest = leaf;
	c->newest = leaf;
}

static void
remove_leaf(struct ip_count *c, struct ip_count_node *leaf)
{
	struct ip_count_node *inner = leaf->parent, *other, **link;

	for (struct ip_count_node *n = inner; n != NULL; n = n->parent)
		windows_subtract(n->w, leaf->w, c->windows);
	if (inner == NULL) {
		*root_of(c, leaf->bits == 32 ? AF_INET : AF_INET6) = NULL;
	} else {
		other = inner->child[inner->child[0] == leaf];
		if (inner->parent == NULL)
			link =
			    root_of(c, leaf->bits == 32 ? AF_INET : AF_INET6);
		else
			link = &inner->parent
				    ->child[inner->parent->child[1] == inner];
		*link = other;
		other->parent = inner->parent;
		free(inner);
	}
	unlink_age(c, leaf);
	free(leaf);
	c->n--;
}

void
ip_count_fini(struct ip_count *c)
{
	while (c->oldest != NULL)
		remove_leaf(c, c->oldest);
	*c = (struct ip_count){ 0 };
}

/* Put an inner node where key leaves the way to node after bits. */
static struct ip_count_node *
split(struct ip_count *c, struct ip_count_node **link, const uint8_t *key,
    int bits)
{
	struct ip_count_node *node = *link, *inner = new_node(c, key, bits);

	inner->parent = node->parent;
	inner->child[bit(node->key, bits)] = node;
	memcpy(inner->w, node->w, WINDOWS_LEN(c->windows) * sizeof *inner->w);
	node->parent = inner;
	*link = inner;
	return inner;
}

static struct ip_count_node *
find_or_make(struct ip_count *c, const struct ip *ip)
{
	int max = bits_of(ip->family);
	struct ip_count_node **link = root_of(c, ip->family), *parent = NULL;
	struct ip_count_node *leaf;

	while (*link != NULL) {
		int shared = common((*link)->key, ip->bytes, (*link)->bits);

		if (shared < (*link)->bits)
			parent = split(c, link, ip->bytes, shared);
		else if (shared == max)
			return *link;
		else
			parent = *link;
		link = &parent->child[bit(ip->bytes, parent->bits)];
	}
	leaf = new_node(c, ip->bytes, max);
	leaf->parent = parent;
	*link = leaf;
	c->n++;
	make_newest(c, leaf);
	return leaf;
}

/* The topmost node that lies in the network, or NULL. */
static struct ip_count_node *
find(const struct ip_count *c, const struct cidr *net)
{
	struct ip_count_node *n = *root_of(c, net->ip.family);

	while (n != NULL) {
		int bits = n->bits < net->prefix ? n->bits : net->prefix;

		if (common(n->key, net->ip.bytes, bits) < bits)
			return NULL;
		if (n->bits >= net->prefix)
			return n;
		n = n->child[bit(net->ip.bytes, n->bits)];
	}
	return NULL;
}

void
ip_count_add(
    struct ip_count *c, const struct ip *ip, int64_t now, int64_t delta)
{
	struct ip_count_node *leaf = find_or_make(c, ip);

	unlink_age(c, leaf);
	make_newest(c, leaf);
	for (struct ip_count_node *n = leaf; n != NULL; n = n->parent)
		windows_add(n->w, c->windows, now, delta);
	while (c->n > c->max) {
		remove_leaf(c, c->oldest);
		c->evicted++;
	}
}

int64_t
ip_count_sum(const struct ip_count *c, const struct cidr *net, int64_t now,
    int64_t first, int64_t last)
{
	const struct ip_count_node *n = find(c, net);

	return n != NULL ? windows_sum(n->w, c->windows, now, first, last) : 0;
}

bool
ip_count_remove(struct ip_count *c, const struct ip *ip)
{
	struct cidr net = { *ip, bits_of(ip->family) };
	struct ip_count_node *leaf = find(c, &net);

	if (leaf == NULL)
		return false;
	remove_leaf(c, leaf);
	return true;
}

void
ip_count_unmap(struct ip *ip)
{
	static const uint8_t mapped[12] = { [10] = 0xff, [11] = 0xff };

	if (ip->family != AF_INET6 ||
	    memcmp(ip->bytes, mapped, sizeof mapped) != 0)
		return;
	ip->family = AF_INET;
	memmove(ip->bytes, ip->bytes + 12, 4);
	memset(ip->bytes + 4, 0, 12);
}

/* "localhost" stands in an example of Momentum's manual. */
static int
read_address(struct ip *ip, const char *text, struct err *err)
{
	int port;

	if (strcmp(text, "localhost") == 0)
		text = "127.0.0.1";
	return ip_parse_port(ip, &port, text, err);
}

static int
read_mask(const char *text, int max)
{
	char *end;
	long n = strtol(text, &end, 10);

	if (text[0] < '0' || text[0] > '9' || *end != '\0' || n > max)
		return -1;
	return (int)n;
}

int
ip_count_net(
    struct cidr *net, const char *text, const struct ip *peer, struct err *err)
{
	const char *slash = text != NULL ? strchr(text, '/') : NULL;
	char address[80];
	size_t len;

	*net = (struct cidr){ 0 };
	if (text == NULL || slash == text) {
		if (peer == NULL)
			return err_set(err, "no client is connected whose "
					    "address could be meant");
		net->ip = *peer;
	} else {
		len = slash != NULL ? (size_t)(slash - text) : strlen(text);
		if (len >= sizeof address)
			return err_set(err, "an address or network expected");
		memcpy(address, text, len);
		address[len] = '\0';
		if (read_address(&net->ip, address, err) != 0)
			return -1;
	}
	net->prefix = bits_of(net->ip.family);
	if (slash != NULL)
		net->prefix = read_mask(slash + 1, net->prefix);
	if (net->prefix < 0)
		return err_set(err,
		    "\"%s\": after the / goes a number from 0 "
		    "to %d",
		    text, bits_of(net->ip.family));
	if (net->ip.family == AF_INET6 && net->prefix >= 96) {
		ip_count_unmap(&net->ip);
		if (net->ip.family == AF_INET)
			net->prefix -= 96;
	}
	return 0;
}
