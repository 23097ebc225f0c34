#include "encoding.h"

#include <stdint.h>
#include <string.h>

#define LETTERS "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
#define SMALL "abcdefghijklmnopqrstuvwxyz"

static const struct row {
	const char *name, *alphabet;
	unsigned bits, group; /* of one digit; digits that padding fills */
	bool padded;
} rows[ENCODINGS] = {
	{ "base32", LETTERS "234567", 5, 8, true },
	{ "base32_nopad", LETTERS "234567", 5, 8, false },
	{ "base32hex", "0123456789ABCDEFGHIJKLMNOPQRSTUV", 5, 8, true },
	{ "base32hex_nopad", "0123456789ABCDEFGHIJKLMNOPQRSTUV", 5, 8, false },
	{ "base64", LETTERS SMALL "0123456789+/", 6, 4, true },
	{ "base64_nopad", LETTERS SMALL "0123456789+/", 6, 4, false },
	{ "base64url", LETTERS SMALL "0123456789-_", 6, 4, true },
	{ "base64url_nopad", LETTERS SMALL "0123456789-_", 6, 4, false },
	{ "hex", "0123456789abcdef", 4, 1, false },
};

const char *
encoding_name(enum encoding e)
{
	return rows[e].name;
}

size_t
encoding_size(enum encoding e, size_t n)
{
	const struct row *row = &rows[e];
	size_t digits = (n * 8 + row->bits - 1) / row->bits;

	if (row->padded)
		digits = (digits + row->group - 1) / row->group * row->group;
	return digits;
}

void
encoding_write(struct str *out, enum encoding e, const void *p, size_t n)
{
	const struct row *row = &rows[e];
	const unsigned char *from = p;
	size_t size = encoding_size(e, n);
	unsigned have = 0;
	uint32_t held = 0;
	char *to, *end;

	str_reserve(out, size);
	to = out->data + out->len;
	end = to + size;
	for (size_t i = 0; i < n; i++) {
		held = (held << 8 | from[i]) & 0xffff;
		for (have += 8; have >= row->bits; have -= row->bits)
			*to++ = row->alphabet[held >> (have - row->bits) &
					      ((1u << row->bits) - 1)];
	}
	if (have > 0)
		*to++ = row->alphabet[held << (row->bits - have) &
				      ((1u << row->bits) - 1)];
	while (to < end)
		*to++ = '=';
	out->len += size;
	*to = '\0';
}

int
encoding_read(
    struct str *out, enum encoding e, const char *p, size_t n, struct err *err)
{
	const struct row *row = &rows[e];
	size_t begin = out->len;
	unsigned have = 0;
	uint32_t held = 0;

	while (row->padded && n > 0 && p[n - 1] == '=')
		n--;
	if (n * row->bits % 8 >= row->bits)
		return err_set(err, "invalid length at %zu", n - 1);
	str_reserve(out, n);
	for (size_t i = 0; i < n; i++) {
		const char *digit =
		    p[i] == '\0' ? NULL : strchr(row->alphabet, p[i]);

		if (digit == NULL) {
			out->len = begin;
			out->data[begin] = '\0';
			return err_set(err, "invalid symbol at %zu", i);
		}
		held = (held << row->bits | (uint32_t)(digit - row->alphabet)) &
		       0xffff;
		have += row->bits;
		if (have >= 8) {
			have -= 8;
			out->data[out->len++] = (char)(held >> have & 0xff);
		}
	}
	if ((held & ((1u << have) - 1)) != 0) {
		out->len = begin;
		out->data[begin] = '\0';
		return err_set(err, "non-zero trailing bits at %zu", n - 1);
	}
	out->data[out->len] = '\0';
	return 0;
}
