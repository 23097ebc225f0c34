#include "mta_config.h"

#include "clock.h"
#include "str.h"

#include <ctype.h>
#include <errno.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;

#define OUTPUT_MAX ((size_t)4 << 20)

/* Text of at most size - 1 bytes, without blanks around it. */
static void
copy(char *out, size_t size, const char *text, size_t len)
{
	while (len > 0 && isspace((unsigned char)*text)) {
		text++;
		len--;
	}
	while (len > 0 && isspace((unsigned char)text[len - 1]))
		len--;
	if (len >= size)
		len = size - 1;
	memcpy(out, text, len);
	out[len] = '\0';
}

/* ---- postconf ----------------------------------------------------------- */

static int
run(const char *folder, const char *flag, struct str *out, struct err *err)
{
	char *const argv[] = { (char *)"postconf", (char *)"-c", (char *)folder,
		(char *)flag, NULL };
	posix_spawn_file_actions_t actions;
	char buf[4096];
	int tube[2], status = 0;
	pid_t pid;
	ssize_t n;

	if (pipe(tube) != 0)
		return err_set(err, "pipe: %s", strerror(errno));
	posix_spawn_file_actions_init(&actions);
	posix_spawn_file_actions_adddup2(&actions, tube[1], STDOUT_FILENO);
	posix_spawn_file_actions_addclose(&actions, tube[0]);
	posix_spawn_file_actions_addclose(&actions, tube[1]);
	errno = posix_spawnp(&pid, argv[0], &actions, NULL, argv, environ);
	posix_spawn_file_actions_destroy(&actions);
	close(tube[1]);
	if (errno != 0) {
		close(tube[0]);
		return err_set(err, "%s: %s", argv[0], strerror(errno));
	}
	while ((n = read(tube[0], buf, sizeof buf)) > 0)
		if (out->len < OUTPUT_MAX)
			str_add(out, buf, (size_t)n);
	close(tube[0]);
	if (waitpid(pid, &status, 0) < 0 || status != 0)
		return err_set(err, "%s -c %s failed", argv[0], argv[2]);
	return 0;
}

/* "name = value" in postconf's output; false: it is not there. */
static bool
value_of(const struct str *out, const char *name, char *value, size_t size)
{
	size_t len = strlen(name);

	value[0] = '\0';
	for (const char *p = str_c(out); *p != '\0';) {
		size_t n = strcspn(p, "\n");

		if (n > len && strncmp(p, name, len) == 0 &&
		    strncmp(p + len, " =", 2) == 0) {
			copy(value, size, p + len + 2, n - len - 2);
			return true;
		}
		p += n + (p[n] == '\n');
	}
	return false;
}

/* Postfix's "30s", "5m", "1h": seconds without a unit. */
static int64_t
postfix_time(const char *text)
{
	char *end;
	long n = strtol(text, &end, 10);
	static const struct {
		char unit;
		long seconds;
	} units[] = { { 'm', 60 }, { 'h', 3600 }, { 'd', 86400 },
		{ 'w', 604800 } };

	for (size_t i = 0; i < sizeof units / sizeof *units; i++)
		if (*end == units[i].unit)
			n *= units[i].seconds;
	return n * CLOCK_S;
}

static int64_t
parameter_time(const struct str *out, const char *name)
{
	char value[64];

	value_of(out, name, value, sizeof value);
	return postfix_time(value);
}

int
mta_config_line(const struct mta_config *c, const char *parameter)
{
	size_t len = strlen(parameter);
	FILE *f = fopen(c->file, "re");
	char line[4096];
	int found = 0;

	if (f == NULL)
		return 0;
	for (int n = 1; fgets(line, sizeof line, f) != NULL; n++)
		if (strncmp(line, parameter, len) == 0 &&
		    line[len + strspn(line + len, " \t")] == '=')
			found = n;
	fclose(f);
	return found;
}

/* Where Postfix looks: a path of its own counts from the queue. */
static void
postfix_path(const struct mta_config *c, struct mta_filter *f)
{
	const char *path;

	if (strncmp(f->socket, "unix:", 5) != 0 &&
	    strncmp(f->socket, "local:", 6) != 0)
		return;
	path = strchr(f->socket, ':') + 1;
	if (path[0] == '/')
		snprintf(f->path, sizeof f->path, "%.500s", path);
	else
		snprintf(
		    f->path, sizeof f->path, "%.250s/%.250s", c->queue, path);
}

/* One of the list: "socket" or "{ socket, name=value, ... }". */
static void
add_postfix_filter(struct mta_config *c, const struct mta_filter *preset,
    const char *text, size_t len)
{
	struct mta_filter *f = &c->filter[c->n];
	char word[512];
	size_t at = 0;

	*f = *preset;
	for (bool first = true; at < len; first = false) {
		size_t n = strcspn(text + at, ",}");

		if (at + n > len)
			n = len - at;
		copy(word, sizeof word, text + at, n);
		at += n + 1;
		if (first)
			strcpy(f->socket, word);
		else if (strncmp(word, "default_action", 14) == 0)
			copy(f->action, sizeof f->action,
			    word + strcspn(word, "=") + 1,
			    strlen(word) - strcspn(word, "=") - 1);
		else if (strncmp(word, "command_timeout", 15) == 0)
			f->command =
			    postfix_time(word + strcspn(word, "0123456789"));
		else if (strncmp(word, "content_timeout", 15) == 0)
			f->content =
			    postfix_time(word + strcspn(word, "0123456789"));
		else if (strncmp(word, "protocol", 8) == 0)
			f->protocol = atoi(word + strcspn(word, "0123456789"));
	}
	if (f->socket[0] == '\0')
		return;
	postfix_path(c, f);
	c->n++;
}

static void
split_filters(
    struct mta_config *c, const struct mta_filter *preset, const char *p)
{
	while (*p != '\0' && c->n < MTA_FILTERS_MAX) {
		size_t n;

		p += strspn(p, ", \t\n");
		if (*p == '{') {
			p++;
			n = strcspn(p, "}");
			add_postfix_filter(c, preset, p, n);
			p += n + (p[n] == '}');
		} else {
			n = strcspn(p, ", \t\n");
			if (n > 0)
				add_postfix_filter(c, preset, p, n);
			p += n;
		}
	}
}

/* Services of smtpd: "name type private unpriv chroot wakeup maxproc cmd". */
static void
read_services(struct mta_config *c, const struct str *out)
{
	char name[64], chroot[8], command[64];

	for (const char *p = str_c(out); *p != '\0';
	     p += strcspn(p, "\n"), p += *p == '\n')
		if (sscanf(p, "%63s %*s %*s %*s %7s %*s %*s %63s", name, chroot,
			command) == 3 &&
		    strcmp(command, "smtpd") == 0 && chroot[0] == 'y' &&
		    c->chrooted[0] == '\0')
			strcpy(c->chrooted, name);
}

/* "smtp/inet/smtpd_milters = " with nothing behind it. */
static void
read_overrides(struct mta_config *c, const struct str *out)
{
	for (const char *p = str_c(out); *p != '\0';
	     p += strcspn(p, "\n"), p += *p == '\n') {
		const char *at = strstr(p, "/smtpd_milters =");
		size_t n = strcspn(p, "\n");

		if (at == NULL || at > p + n)
			continue;
		at += strlen("/smtpd_milters =");
		at += strspn(at, " ");
		if (*at == '\n' || *at == '\0')
			copy(c->unfiltered, sizeof c->unfiltered, p,
			    strcspn(p, "/"));
	}
}

int
mta_config_postfix(struct mta_config *c, const char *folder, struct err *err)
{
	struct mta_filter preset = { .name = "" };
	struct str out = { 0 };
	char list[8192], protocol[16];
	int rc = -1;

	*c = (struct mta_config){ .n = 0 };
	snprintf(c->file, sizeof c->file, "%.500s/main.cf", folder);
	if (run(folder, "-x", &out, err) != 0)
		goto out;
	value_of(&out, "mail_version", c->version, sizeof c->version);
	value_of(&out, "mail_owner", c->user, sizeof c->user);
	value_of(&out, "queue_directory", c->queue, sizeof c->queue);
	value_of(&out, "non_smtpd_milters", c->others, sizeof c->others);
	value_of(&out, "milter_protocol", protocol, sizeof protocol);
	preset.protocol = atoi(protocol);
	value_of(
	    &out, "milter_default_action", preset.action, sizeof preset.action);
	preset.command = parameter_time(&out, "milter_command_timeout");
	preset.content = parameter_time(&out, "milter_content_timeout");
	value_of(&out, "smtpd_milters", list, sizeof list);
	split_filters(c, &preset, list);
	c->list_line = mta_config_line(c, "smtpd_milters");
	str_clear(&out);
	if (run(folder, "-M", &out, err) != 0)
		goto out;
	read_services(c, &out);
	str_clear(&out);
	if (run(folder, "-P", &out, err) != 0)
		goto out;
	read_overrides(c, &out);
	rc = 0;
out:
	str_fini(&out);
	return rc;
}

/* ---- sendmail.cf -------------------------------------------------------- */

/* "C:30s;S:30s;R:90s;E:5m": the time of one of its letters. */
static int64_t
sendmail_time(const char *text, char letter, int64_t preset)
{
	for (const char *p = text; *p != '\0' && *p != ',';
	     p += strcspn(p, ";,"), p += *p == ';')
		if (p[0] == letter && p[1] == ':')
			return postfix_time(p + 2);
	return preset;
}

/* Xname, S=socket, F=T, T=... */
static void
add_sendmail_filter(struct mta_config *c, const char *line, int number)
{
	struct mta_filter *f = &c->filter[c->n];
	const char *s, *flag, *times;

	if (c->n == MTA_FILTERS_MAX)
		return;
	*f = (struct mta_filter){
		.line = number, .command = 10 * CLOCK_S, .content = 10 * CLOCK_S
	};
	copy(f->name, sizeof f->name, line + 1, strcspn(line + 1, ", \t\n"));
	s = strstr(line, "S=");
	flag = strstr(line, "F=");
	times = strstr(line, "T=");
	if (s != NULL)
		copy(f->socket, sizeof f->socket, s + 2, strcspn(s + 2, ",\n"));
	if (flag != NULL)
		copy(f->action, sizeof f->action, flag + 2,
		    strcspn(flag + 2, ",\n"));
	if (times != NULL) {
		f->command = sendmail_time(times + 2, 'R', f->command);
		/* each answer within R, the end of a message within E, too */
		f->content = sendmail_time(times + 2, 'E', 300 * CLOCK_S);
		if (f->command < f->content)
			f->content = f->command;
	}
	if (strncmp(f->socket, "unix:", 5) == 0 ||
	    strncmp(f->socket, "local:", 6) == 0)
		strcpy(f->path, strchr(f->socket, ':') + 1);
	else if (f->socket[0] == '/')
		strcpy(f->path, f->socket);
	c->n++;
}

/* Only the filters of the list are asked, in its order. */
static void
choose(struct mta_config *c, const char *list)
{
	struct mta_filter chosen[MTA_FILTERS_MAX];
	char name[64];
	int n = 0;

	for (const char *p = list; *p != '\0'; p += *p == ',') {
		size_t len = strcspn(p, ",\n");

		copy(name, sizeof name, p, len);
		for (int i = 0; i < c->n && n < MTA_FILTERS_MAX; i++)
			if (strcmp(c->filter[i].name, name) == 0)
				chosen[n++] = c->filter[i];
		p += len;
		if (*p == '\n')
			break;
	}
	memcpy(c->filter, chosen, (size_t)n * sizeof *chosen);
	c->n = n;
}

int
mta_config_sendmail(struct mta_config *c, const char *file, struct err *err)
{
	FILE *f = fopen(file, "re");
	char line[4096], list[4096] = "";

	*c = (struct mta_config){ .n = 0 };
	snprintf(c->file, sizeof c->file, "%.500s", file);
	if (f == NULL)
		return err_set(err, "%s: %s", file, strerror(errno));
	for (int n = 1; fgets(line, sizeof line, f) != NULL; n++) {
		if (line[0] == 'X')
			add_sendmail_filter(c, line, n);
		else if (strncmp(line, "DZ", 2) == 0)
			copy(c->version, sizeof c->version, line + 2,
			    strcspn(line + 2, "/\n"));
		else if (strncmp(line, "O InputMailFilters=", 19) == 0) {
			strcpy(list, line + 19);
			c->list_line = n;
		} else if (strncmp(line, "O RunAsUser=", 12) == 0) {
			copy(c->user, sizeof c->user, line + 12,
			    strcspn(line + 12, ":\n"));
		}
	}
	fclose(f);
	choose(c, list);
	return 0;
}
