#include "message.h"

#include "address_set.h"
#include "clock.h"
#include "err.h"
#include "signatures.h"
#include "xmalloc.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#define REASON_MAX 900

/* 100 ns intervals between 1582-10-15 and 1970-01-01 (RFC 4122 4.1.4) */
#define UUID_EPOCH UINT64_C(0x01b21dd213814000)

struct uuid_node {
	uint8_t clock_seq[2], node[6];
};

static struct uuid_node node;

static void
make_node(void)
{
	if (getrandom(&node, sizeof node, 0) != (ssize_t)sizeof node)
		must_failed("getrandom", __FILE__, __LINE__);
	node.node[0] |= 1; /* multicast bit: not a real interface */
	node.clock_seq[0] = (node.clock_seq[0] & 0x3f) | 0x80;
}

/* A version 1 UUID without dashes, as KumoMTA's message ids are. */
static void
make_id(char id[33])
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;
	static atomic_uint_least64_t last; /* each id one tick after the last */
	uint64_t now = (uint64_t)clock_wall() / 100 + UUID_EPOCH;
	uint64_t seen = atomic_load(&last);

	pthread_once(&once, make_node);
	do {
		if (now <= seen)
			now = seen + 1;
	} while (!atomic_compare_exchange_weak(&last, &seen, now));
	snprintf(id, 33, "%08x%04x%04x%02x%02x%02x%02x%02x%02x%02x%02x",
	    (unsigned)(now & 0xffffffff), (unsigned)(now >> 32 & 0xffff),
	    (unsigned)(now >> 48 & 0x0fff) | 0x1000, node.clock_seq[0],
	    node.clock_seq[1], node.node[0], node.node[1], node.node[2],
	    node.node[3], node.node[4], node.node[5]);
}

static void
content_unref(struct content *c)
{
	if (atomic_fetch_sub(&c->refs, 1) != 1)
		return;
	headers_fini(&c->headers);
	body_unref(c->body);
	address_fini(&c->sender);
	free(c->sender_raw);
	free(c->queue_id);
	for (size_t i = 0; i < c->n_rcpt; i++) {
		address_fini(&c->rcpt[i]);
		free(c->rcpt_raw[i]);
	}
	free(c->rcpt);
	free(c->rcpt_raw);
	free(c);
}

struct message *
message_new(const struct address *sender, const char *raw)
{
	struct message *m = xcalloc(1, sizeof *m);

	make_id(m->id);
	m->handle_ref = -2; /* LUA_NOREF */
	address_copy(&m->sender, sender);
	m->meta = json_object();
	m->content = xcalloc(1, sizeof *m->content);
	atomic_init(&m->content->refs, 1);
	m->content->body = body_new();
	address_copy(&m->content->sender, sender);
	m->content->sender_raw = xstrdup(raw);
	return m;
}

static void
free_rcpts(struct message *m)
{
	for (size_t i = 0; i < m->n_rcpt; i++)
		address_fini(&m->rcpt[i]);
	free(m->rcpt);
	m->rcpt = NULL;
	m->n_rcpt = 0;
}

void
message_free(struct message *m)
{
	if (m == NULL)
		return;
	if (m->handle != NULL)
		*m->handle = NULL;
	address_fini(&m->sender);
	free_rcpts(m);
	json_decref(m->meta);
	headers_fini(&m->headers);
	body_unref(m->body);
	content_unref(m->content);
	free(m->quarantine_reason);
	signatures_free(m->signatures);
	free(m);
}

struct message *
message_copy(const struct message *m)
{
	struct message *copy = xcalloc(1, sizeof *copy);

	make_id(copy->id);
	copy->handle_ref = -2; /* LUA_NOREF */
	/* KumoMTA: a batch has the sender of MAIL FROM, not of set_sender */
	address_copy(&copy->sender, &m->content->sender);
	copy->meta = json_deep_copy(m->meta);
	copy->content = m->content;
	atomic_fetch_add(&copy->content->refs, 1);
	headers_copy(&copy->headers, &m->headers);
	copy->body = m->body != NULL ? body_ref(m->body) : NULL;
	copy->quarantined = m->quarantined;
	copy->discarded = m->discarded;
	copy->quarantine_reason = xstrdup(m->quarantine_reason);
	copy->signatures = signatures_copy(m->signatures);
	return copy;
}

void
message_add_rcpt(struct message *m, const struct address *a)
{
	m->rcpt = xrealloc(m->rcpt, (m->n_rcpt + 1) * sizeof *m->rcpt);
	address_copy(&m->rcpt[m->n_rcpt++], a);
}

void
message_accept_rcpt(struct message *m, const struct address *a, const char *raw)
{
	struct content *c = m->content;

	c->rcpt = xrealloc(c->rcpt, (c->n_rcpt + 1) * sizeof *c->rcpt);
	c->rcpt_raw =
	    xrealloc(c->rcpt_raw, (c->n_rcpt + 1) * sizeof *c->rcpt_raw);
	address_copy(&c->rcpt[c->n_rcpt], a);
	c->rcpt_raw[c->n_rcpt++] = xstrdup(raw);
	message_add_rcpt(m, a);
}

bool
message_has_rcpt(const struct message *m, const struct address *a)
{
	for (size_t i = 0; i < m->n_rcpt; i++)
		if (strcmp(m->rcpt[i].email, a->email) == 0)
			return true;
	return false;
}

bool
message_has_its_rcpts(const struct message *m)
{
	const struct content *c = m->content;

	if (m->n_rcpt != c->n_rcpt)
		return false;
	for (size_t i = 0; i < c->n_rcpt; i++)
		if (strcmp(m->rcpt[i].email, c->rcpt[i].email) != 0)
			return false;
	return true;
}

/* Others than those accepted, or another number of them? */
static bool
other_rcpts(const struct message *m)
{
	const struct content *c = m->content;
	struct address_set now;
	bool other = m->n_rcpt != c->n_rcpt;

	address_set_of(&now, m->rcpt, m->n_rcpt);
	for (size_t i = 0; i < c->n_rcpt && !other; i++)
		other = !address_set_has(&now, &c->rcpt[i]);
	address_set_fini(&now);
	return other;
}

bool
message_is_edited(const struct message *m)
{
	if (m->quarantined || m->discarded || m->body != m->content->body ||
	    strcmp(m->sender.email, m->content->sender.email) != 0 ||
	    !headers_equal(&m->headers, &m->content->headers))
		return true;
	return !message_has_its_rcpts(m) && other_rcpts(m);
}

void
message_take_rcpts(struct message *m, struct address *rcpt, size_t n)
{
	free_rcpts(m);
	m->rcpt = rcpt;
	m->n_rcpt = n;
}

static void
give_up(struct content *c, enum content_trouble trouble)
{
	c->trouble = trouble;
	headers_fini(&c->headers);
	body_unref(c->body);
	c->body = body_new();
}

/* Count n more octets; false when they are not to be kept. */
static bool
fits(struct content *c, size_t n, const struct message_limits *limits)
{
	if (c->trouble != CONTENT_FINE)
		return false;
	if (n > limits->size || c->size > limits->size - n) {
		give_up(c, CONTENT_TOO_BIG);
		return false;
	}
	c->size += n;
	return true;
}

void
message_add_header(struct message *m, const char *name, const char *raw,
    const struct message_limits *limits)
{
	struct content *c = m->content;

	if (!fits(c, strlen(name) + strlen(raw) + 3, limits))
		return;
	if (c->headers.n >= limits->headers || c->size > limits->header_bytes)
		give_up(c, CONTENT_TOO_MANY_HEADERS);
	else
		headers_received(&c->headers, name, raw);
}

void
message_add_body(struct message *m, const void *data, size_t len,
    const struct message_limits *limits)
{
	struct content *c = m->content;

	if (fits(c, len, limits) &&
	    body_add(c->body, data, len, &limits->body, &c->why) != 0)
		give_up(c, CONTENT_NO_ROOM);
}

void
message_complete(struct message *m)
{
	headers_fini(&m->headers);
	headers_copy(&m->headers, &m->content->headers);
	body_unref(m->body);
	m->body = body_ref(m->content->body);
}

int
message_write(struct str *out, const struct message *m, struct err *err)
{
	headers_write(out, &m->headers);
	str_adds(out, "\r\n");
	return body_read(m->body, out, err);
}

size_t
message_size(const struct message *m)
{
	return headers_size(&m->headers) + 2 + body_size(m->body);
}

static const char *
meta_text(const struct message *m, const char *key)
{
	return json_string_value(json_object_get(m->meta, key));
}

void
message_queue_name(struct str *out, const struct message *m)
{
	const char *queue = meta_text(m, "queue");
	const char *campaign = meta_text(m, "campaign");
	const char *tenant = meta_text(m, "tenant");
	const char *routing = meta_text(m, "routing_domain");

	if (queue != NULL) {
		str_adds(out, queue);
		return;
	}
	if (campaign != NULL)
		str_addf(out, "%s:", campaign);
	if (tenant != NULL)
		str_adds(out, tenant);
	if (campaign != NULL || tenant != NULL)
		str_addc(out, '@');
	if (m->n_rcpt > 0)
		str_adds(out, m->rcpt[0].domain);
	if (routing != NULL)
		str_addf(out, "!%s", routing);
}

int
message_set_data(struct message *m, const char *data, size_t len,
    const struct body_limits *limits, struct err *err)
{
	struct headers fresh = { 0 };
	struct body *body;
	size_t at;

	headers_copy(&fresh, &m->headers);
	at = headers_replace(&fresh, &m->content->headers, data, len);
	if (body_equals(m->content->body, data + at, len - at))
		body = body_ref(m->content->body);
	else
		body = body_from(data + at, len - at, limits, err);
	if (body == NULL) {
		headers_fini(&fresh);
		return -1;
	}
	headers_fini(&m->headers);
	m->headers = fresh;
	body_unref(m->body);
	m->body = body;
	return 0;
}

void
message_set_sender(struct message *m, const struct address *a)
{
	struct address copy;

	address_copy(&copy, a); /* a may be m's own */
	address_fini(&m->sender);
	m->sender = copy;
}

void
message_remove_rcpt(struct message *m, const struct address *a)
{
	size_t kept = 0;

	for (size_t i = 0; i < m->n_rcpt; i++)
		if (strcmp(m->rcpt[i].email, a->email) == 0)
			address_fini(&m->rcpt[i]);
		else
			m->rcpt[kept++] = m->rcpt[i];
	m->n_rcpt = kept;
}

void
message_quarantine(struct message *m, const char *reason, size_t len)
{
	struct str clean = { 0 };

	str_add_printable(&clean, reason, len < REASON_MAX ? len : REASON_MAX);
	if (clean.len == 0)
		str_adds(&clean, "held by policy");
	free(m->quarantine_reason);
	m->quarantine_reason = str_take(&clean);
	m->quarantined = true;
}
