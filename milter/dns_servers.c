#include "dns_servers.h"

#include "ip.h"

#include <net/if.h>
#include <stdio.h>
#include <string.h>

#define PORT 53
#define BLANKS " \t\r\n,"
/* of a resolv.conf that is read; no real one comes near */
#define LINES_MAX 1000

/* The next word of *text into word: its length, 0 at the end. */
static size_t
next_word(const char **text, char *word, size_t size)
{
	size_t n;

	*text += strspn(*text, BLANKS);
	n = strcspn(*text, BLANKS);
	snprintf(word, size, "%.*s", n < size ? (int)n : (int)size, *text);
	*text += n;
	return n;
}

static int
add_server(struct str *out, const char *text, struct err *err)
{
	struct ip ip;
	int port;

	if (ip_parse_port(&ip, &port, text, err) != 0)
		return -1;
	if (port == 0)
		return err_set(err, "\"%s\": port 0", text);
	if (out->len != 0)
		str_addc(out, ' ');
	ip_format_port(out, &ip, port == IP_NO_PORT ? PORT : port);
	return 0;
}

int
dns_servers_parse(struct str *out, const char *text, struct err *err)
{
	struct str list = { 0 };
	char word[80];
	int rc = 0, n = 0;

	if (strcmp(text, DNS_SERVERS_SYSTEM) == 0) {
		str_adds(out, text);
		return 0;
	}
	while (rc == 0 && next_word(&text, word, sizeof word) != 0)
		rc = ++n > DNS_SERVERS_MAX
			 ? err_set(
			       err, "more than %d DNS servers", DNS_SERVERS_MAX)
			 : add_server(&list, word, err);
	if (rc == 0 && n == 0)
		rc = err_set(err, "no DNS server in the list");
	if (rc == 0)
		str_add(out, list.data, list.len);
	str_fini(&list);
	return rc;
}

/* fe80::1%eth0, as resolv.conf has it, to fe80::1%2. */
static void
number_scope(char *word, size_t size)
{
	char *scope = strchr(word, '%');
	unsigned index = scope != NULL ? if_nametoindex(scope + 1) : 0;

	if (index != 0)
		snprintf(
		    scope + 1, size - (size_t)(scope + 1 - word), "%u", index);
}

void
dns_servers_read(struct str *out, const char *path)
{
	struct str list = { 0 };
	FILE *f = fopen(path, "re");
	char line[256], word[80];
	int n = 0;

	for (int i = 0; f != NULL && i < LINES_MAX && n < DNS_SERVERS_MAX &&
			fgets(line, sizeof line, f) != NULL;
	     i++) {
		const char *p = line;

		next_word(&p, word, sizeof word);
		if (strcmp(word, "nameserver") != 0)
			continue;
		next_word(&p, word, sizeof word);
		number_scope(word, sizeof word);
		n += add_server(&list, word, NULL) == 0;
	}
	if (f != NULL)
		fclose(f);
	if (n == 0)
		str_addf(&list, "127.0.0.1:%d", PORT);
	str_add(out, list.data, list.len);
	str_fini(&list);
}

void
dns_servers_each(const char *list,
    void (*each)(void *arg, const char *ip, int port), void *arg)
{
	char word[80];

	while (next_word(&list, word, sizeof word) != 0) {
		struct str text = { 0 };
		struct ip ip;
		int port;

		must(ip_parse_port(&ip, &port, word, NULL) == 0);
		ip_format(&text, &ip);
		if (ip.scope != 0)
			str_addf(&text, "%%%u", ip.scope);
		each(arg, str_c(&text), port);
		str_fini(&text);
	}
}
