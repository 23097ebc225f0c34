/*
 * sendmail_shim.c - preloaded into the private Sendmail of the tests
 *
 * Sendmail sleeps a minute when the machine's name has no domain, logs nowhere
 * but to syslog, and asks DNS for the name of every client.  Here the machine's
 * name is $SHIM_HOST, the log goes to the file $SHIM_LOG, and the only names
 * there are, are that one and "localhost": nothing is asked of the machine or
 * of the network.  SASL is configured in $SASL_CONF_PATH.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <dlfcn.h>
#include <fcntl.h>
#include <netdb.h>
#include <resolv.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <syslog.h>
#include <unistd.h>

static char log_path[4096], sasl_path[4096];
static char host[256] = "mx.example.test";

/* at load: Sendmail clears its environment later */
__attribute__((constructor)) static void
shim_init(void)
{
	const char *path = getenv("SHIM_LOG"), *name = getenv("SHIM_HOST");
	const char *sasl = getenv("SASL_CONF_PATH");

	if (path)
		snprintf(log_path, sizeof(log_path), "%s", path);
	if (name)
		snprintf(host, sizeof(host), "%s", name);
	if (sasl)
		snprintf(sasl_path, sizeof(sasl_path), "%s", sasl);
}

int
sasl_server_init(const void *callbacks, const char *name)
{
	int (*real)(const void *, const char *);

	*(void **)&real = dlsym(RTLD_NEXT, "sasl_server_init");
	if (sasl_path[0])
		setenv("SASL_CONF_PATH", sasl_path, 1);
	return real(callbacks, name);
}

int
gethostname(char *buf, size_t size)
{
	snprintf(buf, size, "%s", host);
	return 0;
}

static struct hostent *
loopback(char *name)
{
	static unsigned char ip[4] = { 127, 0, 0, 1 };
	static char *ips[] = { (char *)ip, NULL }, *aliases[] = { NULL };
	static struct hostent entry;

	entry = (struct hostent){ .h_name = name,
		.h_aliases = aliases,
		.h_addrtype = AF_INET,
		.h_length = 4,
		.h_addr_list = ips };
	return &entry;
}

struct hostent *
gethostbyname2(const char *name, int family)
{
	if (family == AF_INET && strcasecmp(name, "localhost") == 0)
		return loopback("localhost");
	if (family == AF_INET && strcmp(name, "127.0.0.1") == 0)
		return loopback("127.0.0.1");
	if (family == AF_INET && strcasecmp(name, host) == 0)
		return loopback(host);
	h_errno = HOST_NOT_FOUND;
	return NULL;
}

struct hostent *
gethostbyaddr(const void *address, socklen_t size, int family)
{
	if (family == AF_INET && size == 4 &&
	    memcmp(address, "\x7f\0\0\1", 4) == 0)
		return loopback("localhost");
	h_errno = HOST_NOT_FOUND;
	return NULL;
}

static int
no_dns(void)
{
	h_errno = HOST_NOT_FOUND;
	return -1;
}

int
res_query(const char *name, int class, int type, unsigned char *answer, int n)
{
	(void)name, (void)class, (void)type, (void)answer, (void)n;
	return no_dns();
}

int
res_search(const char *name, int class, int type, unsigned char *answer, int n)
{
	(void)name, (void)class, (void)type, (void)answer, (void)n;
	return no_dns();
}

int
res_querydomain(const char *name, const char *domain, int class, int type,
    unsigned char *answer, int n)
{
	(void)name, (void)domain, (void)class, (void)type, (void)answer;
	(void)n;
	return no_dns();
}

/* opened for each line: Sendmail closes descriptors that it does not know */
static void
log_line(const char *format, va_list args)
{
	char line[4096];
	int fd, n = vsnprintf(line, sizeof(line) - 1, format, args);

	if (n < 0)
		return;
	if (n > (int)sizeof(line) - 2)
		n = sizeof(line) - 2;
	line[n++] = '\n';
	fd = open(log_path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
	if (fd < 0)
		return;
	if (write(fd, line, n) < n)
		fprintf(stderr, "sendmail_shim: log is full\n");
	close(fd);
}

void
openlog(const char *ident, int option, int facility)
{
	(void)ident, (void)option, (void)facility;
}

void
syslog(int priority, const char *format, ...)
{
	va_list args;

	(void)priority;
	va_start(args, format);
	log_line(format, args);
	va_end(args);
}

/* what syslog() becomes in a fortified program */
void __syslog_chk(int priority, int flag, const char *format, ...);

void
__syslog_chk(int priority, int flag, const char *format, ...)
{
	va_list args;

	(void)priority, (void)flag;
	va_start(args, format);
	log_line(format, args);
	va_end(args);
}
