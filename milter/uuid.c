#include "uuid.h"

#include "clock.h"

#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>

/* 100 ns from 1582-10-15, when the Gregorian calendar begins, to 1970 */
#define GREGORIAN INT64_C(0x01b21dd213814000)

/* Of the process, made when first needed. */
static struct {
	pthread_mutex_t lock;
	bool is_made;
	unsigned char sequence[2], node[6];
	uint64_t gregorian, fine; /* the last time given */
} own = { .lock = PTHREAD_MUTEX_INITIALIZER };

static void
randomize(void *p, size_t n)
{
	if (getrandom(p, n, 0) != (ssize_t)n)
		must_failed("getrandom", __FILE__, __LINE__);
}

/* After a fork the child would go on with its parent's: it is not done. */
static void
make_own(void)
{
	randomize(own.sequence, sizeof own.sequence);
	randomize(own.node, sizeof own.node);
	own.node[0] |= 1; /* no network card's */
	own.is_made = true;
}

/* now, or the next behind the last one. */
static uint64_t
later(uint64_t *last, uint64_t now)
{
	*last = now > *last ? now : *last + 1;
	return *last;
}

static void
put(unsigned char *p, uint64_t value, int n)
{
	for (int i = n - 1; i >= 0; i--, value >>= 8)
		p[i] = (unsigned char)value;
}

static void
mark(struct uuid *id, int version)
{
	id->bytes[6] = (unsigned char)((id->bytes[6] & 0x0f) | version << 4);
	id->bytes[8] = (unsigned char)((id->bytes[8] & 0x3f) | 0x80);
}

/* Versions 1 and 6 have the same, the time in another order. */
static void
by_clock(struct uuid *id, int version)
{
	unsigned char *b = id->bytes;
	uint64_t at;

	pthread_mutex_lock(&own.lock);
	if (!own.is_made)
		make_own();
	at = later(&own.gregorian, (uint64_t)(clock_wall() / 100 + GREGORIAN));
	memcpy(b + 8, own.sequence, 2);
	memcpy(b + 10, own.node, 6);
	pthread_mutex_unlock(&own.lock);
	if (version == 1) {
		put(b, at & 0xffffffff, 4);
		put(b + 4, at >> 32 & 0xffff, 2);
		put(b + 6, at >> 48 & 0x0fff, 2);
	} else {
		put(b, at >> 28, 4);
		put(b + 4, at >> 12 & 0xffff, 2);
		put(b + 6, at & 0x0fff, 2);
	}
}

/* Milliseconds, and behind them 12 bits of fraction (RFC 9562 6.2). */
static void
by_fine_clock(struct uuid *id)
{
	int64_t now = clock_wall();
	uint64_t ms = (uint64_t)(now / CLOCK_MS);
	uint64_t at = ms << 12 | (uint64_t)(now % CLOCK_MS * 4096 / CLOCK_MS);

	pthread_mutex_lock(&own.lock);
	at = later(&own.fine, at);
	pthread_mutex_unlock(&own.lock);
	randomize(id->bytes + 8, 8);
	put(id->bytes, at >> 12, 6);
	put(id->bytes + 6, at & 0x0fff, 2);
}

void
uuid_new(struct uuid *id, int version)
{
	if (version == 4)
		randomize(id->bytes, sizeof id->bytes);
	else if (version == 7)
		by_fine_clock(id);
	else
		by_clock(id, version);
	mark(id, version);
}

/* ---- as text ------------------------------------------------------------ */

static int
hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static bool
has_hyphen(size_t byte)
{
	return byte == 4 || byte == 6 || byte == 8 || byte == 10;
}

static bool
read_digits(struct uuid *id, const char *p, bool hyphens)
{
	for (size_t i = 0; i < sizeof id->bytes; i++) {
		int high, low;

		if (hyphens && has_hyphen(i) && *p++ != '-')
			return false;
		high = hex_digit(p[0]);
		low = high < 0 ? -1 : hex_digit(p[1]);
		if (low < 0)
			return false;
		id->bytes[i] = (unsigned char)(high << 4 | low);
		p += 2;
	}
	return true;
}

int
uuid_parse(struct uuid *id, const char *text, size_t len, struct err *err)
{
	bool fine = false;

	if (len == 32)
		fine = read_digits(id, text, false);
	else if (len == 36)
		fine = read_digits(id, text, true);
	else if (len == 38 && text[0] == '{' && text[37] == '}')
		fine = read_digits(id, text + 1, true);
	else if (len == 45 && memcmp(text, "urn:uuid:", 9) == 0)
		fine = read_digits(id, text + 9, true);
	return fine ? 0 : err_set(err, "invalid UUID");
}

void
uuid_write(char out[UUID_TEXT], const struct uuid *id, enum uuid_form form)
{
	static const char *const before[] = { "", "", "{", "urn:uuid:" };
	size_t at = (size_t)snprintf(out, UUID_TEXT, "%s", before[form]);

	for (size_t i = 0; i < sizeof id->bytes; i++) {
		if (form != UUID_SIMPLE && has_hyphen(i))
			out[at++] = '-';
		at += (size_t)snprintf(
		    out + at, UUID_TEXT - at, "%02x", id->bytes[i]);
	}
	if (form == UUID_BRACED)
		out[at++] = '}';
	out[at] = '\0';
}
