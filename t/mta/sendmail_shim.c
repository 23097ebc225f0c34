/*
 * sendmail_shim.c - preloaded into the private Sendmail of the tests
 *
 * Sendmail sleeps a minute when the machine's name has no domain, and logs
 * nowhere but to syslog.  Here the name is that of $SHIM_HOST, and the log
 * goes to the file $SHIM_LOG; so no right over the machine is needed.
 */
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <syslog.h>
#include <unistd.h>

static char log_path[4096];
static char host[256] = "mx.example.test";

/* at load: Sendmail clears its environment later */
__attribute__((constructor)) static void
shim_init(void)
{
	const char *path = getenv("SHIM_LOG"), *name = getenv("SHIM_HOST");

	if (path)
		snprintf(log_path, sizeof(log_path), "%s", path);
	if (name)
		snprintf(host, sizeof(host), "%s", name);
}

int
gethostname(char *buf, size_t size)
{
	snprintf(buf, size, "%s", host);
	return 0;
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
