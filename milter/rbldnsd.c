#include "rbldnsd.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

struct reader {
	struct cidr_build *build;
	enum rbldnsd_value value;
	const char *path;
	struct str *complaints;
	unsigned long line, bad;
	char preset[2][RBLDNSD_LINE_MAX]; /* A, TXT */
	char a[RBLDNSD_LINE_MAX];
};

static const char *
skip_blanks(const char *p)
{
	while (*p == ' ' || *p == '\t')
		p++;
	return p;
}

/* ---- what stands behind the address ------------------------------------- */

/* "3" is 127.0.0.3.  Reads up to a ':' or the end; NULL if it is neither. */
static const char *
read_a(const char *p, char *out, size_t size)
{
	size_t len = strcspn(p, ": \t");
	char text[16];
	struct ip ip;

	if (len == 0 || len >= sizeof text)
		return NULL;
	memcpy(text, p, len);
	text[len] = '\0';
	if (strspn(text, "0123456789") == len && atoi(text) <= 255)
		snprintf(out, size, "127.0.0.%d", atoi(text));
	else if (ip_parse(&ip, text, NULL) == 0 && ip.family == AF_INET)
		snprintf(out, size, "%s", text);
	else
		return NULL;
	return skip_blanks(p + len);
}

/* ":A:TXT", "::TXT", ":A" or "TXT"; what is not there is the preset. */
static int
read_value(struct reader *r, const char *p, const char **a, const char **txt)
{
	*a = r->preset[0];
	*txt = r->preset[1];
	p = skip_blanks(p);
	if (*p != ':') {
		if (*p != '\0')
			*txt = p;
		return 0;
	}
	if (*++p != ':') {
		p = read_a(p, r->a, sizeof r->a);
		if (p == NULL)
			return -1;
		*a = r->a;
	}
	if (*p == ':')
		*txt = skip_blanks(p + 1);
	else if (*p != '\0')
		return -1;
	return 0;
}

/* ---- addresses ---------------------------------------------------------- */

/* "192.0.2" up to len: its octets, and how many; 0 for what is none. */
static int
read_octets(uint8_t out[4], const char *p, size_t len)
{
	const char *end = p + len;
	int n = 0;

	while (n < 4) {
		unsigned octet = 0;
		int digits = 0;

		for (; p < end && isdigit((unsigned char)*p); p++, digits++)
			octet = octet * 10 + (unsigned)(*p - '0');
		if (digits == 0 || digits > 3 || octet > 255)
			return 0;
		out[n++] = (uint8_t)octet;
		if (p == end)
			return n;
		if (*p++ != '.')
			return 0;
	}
	return 0;
}

/* The octets that the end of a range leaves out are those of its beginning. */
static int
read_range_v4(const char *p, size_t len, struct ip *first, struct ip *last)
{
	const char *dash = memchr(p, '-', len);
	size_t len1 = (size_t)(dash - p);
	uint8_t end[4];
	int n1 = read_octets(first->bytes, p, len1);
	int n2 = read_octets(end, dash + 1, len - len1 - 1);

	if (n1 == 0 || n2 == 0 || n2 > n1)
		return -1;
	memcpy(last->bytes, first->bytes, (size_t)(n1 - n2));
	memcpy(last->bytes + n1 - n2, end, (size_t)n2);
	memset(first->bytes + n1, 0, (size_t)(4 - n1));
	memset(last->bytes + n1, 255, (size_t)(4 - n1));
	return 0;
}

static int
read_prefix(const char *p, size_t len, int max)
{
	int n = 0;

	if (len == 0 || len > 3)
		return -1;
	for (size_t i = 0; i < len; i++) {
		if (!isdigit((unsigned char)p[i]))
			return -1;
		n = n * 10 + (p[i] - '0');
	}
	return n <= max ? n : -1;
}

static int
add_v4(struct reader *r, const char *p, size_t len, const char *value,
    struct err *err)
{
	struct ip first = { .family = AF_INET }, last = first;
	struct cidr net = { first, 0 };
	const char *slash = memchr(p, '/', len);
	int n;

	if (memchr(p, '-', len) != NULL) {
		if (read_range_v4(p, len, &first, &last) != 0)
			return err_set(err, "no range of IPv4 addresses");
		return cidr_build_add_range(r->build, &first, &last, value,
		    value != NULL ? strlen(value) : 0, err);
	}
	n = read_octets(
	    net.ip.bytes, p, slash != NULL ? (size_t)(slash - p) : len);
	net.prefix = 8 * n;
	if (slash != NULL)
		net.prefix =
		    read_prefix(slash + 1, len - (size_t)(slash + 1 - p), 32);
	if (n == 0 || net.prefix < 0)
		return err_set(err, "no IPv4 address or network");
	memset(net.ip.bytes + n, 0, (size_t)(4 - n));
	return cidr_build_add(
	    r->build, &net, value, value != NULL ? strlen(value) : 0, err);
}

static int
add_v6(struct reader *r, const char *p, size_t len, const char *value,
    struct err *err)
{
	const char *slash = memchr(p, '/', len);
	size_t address = slash != NULL ? (size_t)(slash - p) : len;
	struct cidr net = { .prefix = 128 };
	char text[64];

	if (slash != NULL)
		net.prefix =
		    read_prefix(slash + 1, len - (size_t)(slash + 1 - p), 128);
	if (address >= sizeof text || net.prefix < 0)
		return err_set(err, "no address or network");
	memcpy(text, p, address);
	text[address] = '\0';
	if (ip_parse(&net.ip, text, NULL) != 0 || net.ip.family != AF_INET6)
		return err_set(err, "no address or network (IPv6 needs a "
				    "blank before the ':')");
	return cidr_build_add(
	    r->build, &net, value, value != NULL ? strlen(value) : 0, err);
}

/* ---- lines -------------------------------------------------------------- */

static int
read_entry(struct reader *r, const char *p, struct err *err)
{
	bool without = *p == '!';
	const char *a, *txt, *value;
	size_t len, v4;

	p = skip_blanks(p + without);
	len = strcspn(p, " \t");
	v4 = strspn(p, "0123456789./-");
	if (v4 > len || (p[v4] != ':' && v4 != len) ||
	    (p[v4] == ':' && memchr(p, '.', v4) == NULL))
		v4 = 0;
	if (v4 != 0)
		len = v4;
	if (read_value(r, p + len, &a, &txt) != 0)
		return err_set(err, "\":address:text\" expected behind the "
				    "address");
	value = without ? NULL : r->value == RBLDNSD_TXT ? txt : a;
	return v4 != 0 ? add_v4(r, p, len, value, err)
		       : add_v6(r, p, len, value, err);
}

static int
read_preset(struct reader *r, const char *p, struct err *err)
{
	const char *a, *txt;

	r->preset[1][0] = '\0';
	if (read_value(r, p, &a, &txt) != 0)
		return err_set(err, "\":address:text\" expected");
	memmove(r->preset[0], a, strlen(a) + 1);
	memmove(r->preset[1], txt, strlen(txt) + 1);
	return 0;
}

static int
read_line(struct reader *r, char *line, struct err *err)
{
	const char *p = skip_blanks(line);

	for (size_t n = strlen(line);
	     n > 0 && isspace((unsigned char)line[n - 1]);)
		line[--n] = '\0';
	for (char *c = line; *c != '\0'; c++)
		if (iscntrl((unsigned char)*c) && *c != '\t')
			return err_set(err, "a control character");
	if (*p == '\0' || *p == '#' || *p == ';' || *p == '$')
		return 0;
	return *p == ':' ? read_preset(r, p, err) : read_entry(r, p, err);
}

static void
complain(struct reader *r, const struct err *why)
{
	if (r->bad++ < RBLDNSD_COMPLAINTS)
		str_addf(
		    r->complaints, "%s:%lu: %s\n", r->path, r->line, why->msg);
}

/* The rest of a line that did not fit. */
static void
skip_line(FILE *f)
{
	int c;

	while ((c = getc_unlocked(f)) != EOF && c != '\n')
		;
}

static int
read_lines(struct reader *r, FILE *f, size_t max, struct err *err)
{
	char line[RBLDNSD_LINE_MAX];
	struct err why;

	while (fgets(line, sizeof line, f) != NULL) {
		size_t len = strlen(line);

		r->line++;
		if (len == sizeof line - 1 && line[len - 1] != '\n') {
			skip_line(f);
			err_set(&why, "a line longer than %d bytes",
			    RBLDNSD_LINE_MAX - 1);
			complain(r, &why);
		} else if (read_line(r, line, &why) != 0) {
			if (cidr_build_n(r->build) >= max)
				return err_set(err, "%s:%lu: %s", r->path,
				    r->line, why.msg);
			complain(r, &why);
		}
	}
	if (ferror(f))
		return err_set(err, "%s: %s", r->path, strerror(errno));
	if (r->bad > RBLDNSD_COMPLAINTS)
		str_addf(r->complaints,
		    "%s: %lu more lines that cannot be read\n", r->path,
		    r->bad - RBLDNSD_COMPLAINTS);
	return 0;
}

/* Neither a pipe that never says anything nor a device without an end. */
static FILE *
open_plain(const char *path, struct err *err)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	struct stat st;
	FILE *f;

	if (fd < 0 || fstat(fd, &st) != 0) {
		err_set(err, "%s: %s", path, strerror(errno));
	} else if (!S_ISREG(st.st_mode)) {
		err_set(err, "%s: not a plain file", path);
	} else if ((f = fdopen(fd, "r")) != NULL) {
		return f;
	} else {
		err_set(err, "%s: %s", path, strerror(errno));
	}
	if (fd >= 0)
		close(fd);
	return NULL;
}

int
rbldnsd_load(struct cidr_build *b, const char *path, enum rbldnsd_value value,
    struct str *complaints, struct err *err)
{
	struct reader r = { .build = b,
		.value = value,
		.path = path,
		.complaints = complaints,
		.preset = { "127.0.0.2", "" } };
	FILE *f = open_plain(path, err);
	int rc;

	if (f == NULL)
		return -1;
	rc = read_lines(&r, f, cidr_build_max(b), err);
	fclose(f);
	return rc;
}

void
rbldnsd_interpolate(
    struct str *out, const char *text, size_t len, const struct ip *ip)
{
	for (size_t i = 0; i < len; i++) {
		if (text[i] != '$') {
			str_addc(out, text[i]);
		} else if (i + 1 < len && text[i + 1] == '$') {
			str_addc(out, '$');
			i++;
		} else {
			ip_format(out, ip);
		}
	}
}
