#include "listener.h"

#include "xmalloc.h"

#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

static int
fail(struct err *err, const char *spec, const char *what)
{
	return err_set(err, "%s: %s: %s", spec, what, strerror(errno));
}

/* Does somebody answer on this unix socket, or is too busy to (EAGAIN)? */
static bool
is_served(const struct sockaddr_un *un)
{
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	bool served = fd >= 0 && (connect(fd, (const struct sockaddr *)un,
				      sizeof *un) == 0 ||
				     errno == EAGAIN);

	if (fd >= 0)
		close(fd);
	return served;
}

static int
clear_path(const struct sockaddr_un *un, const char *spec, struct err *err)
{
	struct stat sb;

	if (lstat(un->sun_path, &sb) != 0)
		return 0; /* bind() says what is wrong */
	if (!S_ISSOCK(sb.st_mode))
		return err_set(err, "%s: exists and is no socket", spec);
	if (is_served(un))
		return err_set(err,
		    "%s: another process serves on it; stop that first", spec);
	if (unlink(un->sun_path) != 0)
		return fail(err, spec, "cannot remove the old socket");
	return 0;
}

static int
bind_unix(struct listener *l, const struct sockaddr_un *un,
    const struct listen_options *o, struct err *err)
{
	mode_t mask = umask(0177);
	int rc = bind(l->fd, (const struct sockaddr *)un, sizeof *un);
	struct stat sb;

	umask(mask);
	if (rc != 0)
		return fail(err, l->spec, "cannot make the socket");
	l->path = xstrdup(un->sun_path);
	if (stat(l->path, &sb) == 0) {
		l->dev = sb.st_dev;
		l->ino = sb.st_ino;
	}
	if ((o->owner != (uid_t)-1 || o->group != (gid_t)-1) &&
	    chown(l->path, o->owner, o->group) != 0)
		return fail(err, l->spec, "cannot give the socket away");
	if (chmod(l->path, o->mode) != 0)
		return fail(err, l->spec, "cannot set the socket's mode");
	return 0;
}

static int
open_unix(struct listener *l, const char *path, const struct listen_options *o,
    struct err *err)
{
	struct sockaddr_un un = { .sun_family = AF_UNIX };

	if (path[0] != '/')
		return err_set(
		    err, "%s: an absolute path is expected", l->spec);
	if (strlen(path) >= sizeof un.sun_path)
		return err_set(err,
		    "%s: longer than a socket's path can be "
		    "(%zu bytes)",
		    l->spec, sizeof un.sun_path - 1);
	strcpy(un.sun_path, path);
	if (clear_path(&un, l->spec, err) != 0)
		return -1;
	l->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (l->fd < 0)
		return fail(err, l->spec, "socket");
	return bind_unix(l, &un, o, err);
}

static int
bind_inet(struct listener *l, const struct addrinfo *ai, struct err *err)
{
	int on = 1;

	l->fd = socket(ai->ai_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (l->fd < 0)
		return fail(err, l->spec, "socket");
	setsockopt(l->fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
	setsockopt(l->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
	if (ai->ai_family == AF_INET6)
		setsockopt(l->fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof on);
	if (bind(l->fd, ai->ai_addr, ai->ai_addrlen) != 0)
		return fail(err, l->spec, "cannot bind");
	return 0;
}

/* "PORT", "PORT@HOST", "PORT@[ADDRESS]" */
static int
open_inet(struct listener *l, const char *where, int family, struct err *err)
{
	struct addrinfo hints = { .ai_family = family,
		.ai_socktype = SOCK_STREAM,
		.ai_flags = AI_PASSIVE };
	struct addrinfo *found = NULL;
	char port[32], host[256] = "";
	size_t n = strcspn(where, "@");
	const char *h = where[n] == '@' ? where + n + 1 : "";
	size_t hn = strlen(h);
	int rc;

	if (hn >= 2 && h[0] == '[' && h[hn - 1] == ']') {
		h++;
		hn -= 2;
	}
	/* getaddrinfo() takes a larger number and cuts it down */
	if (n == 0 || n >= sizeof port || hn >= sizeof host ||
	    strtol(where, NULL, 10) < 0 || strtol(where, NULL, 10) > 65535)
		return err_set(
		    err, "%s: inet:PORT or inet:PORT@HOST expected", l->spec);
	snprintf(port, sizeof port, "%.*s", (int)n, where);
	snprintf(host, sizeof host, "%.*s", (int)hn, h);
	rc = getaddrinfo(host[0] != '\0' ? host : NULL, port, &hints, &found);
	if (rc != 0)
		return err_set(err, "%s: %s", l->spec, gai_strerror(rc));
	rc = bind_inet(l, found, err);
	freeaddrinfo(found);
	return rc;
}

static int
take_fd(struct listener *l, const char *number, struct err *err)
{
	char *end;
	long fd = strtol(number, &end, 10);
	int listening = 0, type = 0, on = 1;
	socklen_t len = sizeof listening;

	if (end == number || *end != '\0' || fd < 3 || fd > 65535)
		return err_set(err, "%s: fd:N with N from 3 expected", l->spec);
	len = sizeof type;
	if (getsockopt((int)fd, SOL_SOCKET, SO_TYPE, &type, &len) != 0 ||
	    type != SOCK_STREAM)
		return err_set(err, "%s: is no stream socket", l->spec);
	len = sizeof listening;
	getsockopt((int)fd, SOL_SOCKET, SO_ACCEPTCONN, &listening, &len);
	if (!listening)
		return err_set(err, "%s: is not listening", l->spec);
	/* harmless on a unix socket */
	setsockopt((int)fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
	l->fd = (int)fd;
	l->inherited = true;
	return 0;
}

enum scheme { SCHEME_UNIX, SCHEME_INET, SCHEME_INET6, SCHEME_FD };

static const struct {
	const char *name;
	enum scheme scheme;
} schemes[] = {
	{ "unix:", SCHEME_UNIX },
	{ "local:", SCHEME_UNIX },
	{ "inet:", SCHEME_INET },
	{ "inet6:", SCHEME_INET6 },
	{ "fd:", SCHEME_FD },
};

/* What stands behind the scheme, or NULL with *err. */
static const char *
split_scheme(const char *spec, enum scheme *scheme, struct err *err)
{
	for (size_t i = 0; i < sizeof schemes / sizeof *schemes; i++) {
		size_t n = strlen(schemes[i].name);

		if (strncmp(spec, schemes[i].name, n) == 0) {
			*scheme = schemes[i].scheme;
			return spec + n;
		}
	}
	err_set(err,
	    "\"%s\": unix:/PATH, inet:PORT[@HOST], inet6:PORT[@HOST] or fd:N "
	    "expected",
	    spec);
	return NULL;
}

int
listener_check(const char *spec, struct err *err)
{
	enum scheme scheme;

	return split_scheme(spec, &scheme, err) != NULL ? 0 : -1;
}

static int
open_spec(struct listener *l, const struct listen_options *o, struct err *err)
{
	enum scheme scheme;
	const char *rest = split_scheme(l->spec, &scheme, err);

	if (rest == NULL)
		return -1;
	switch (scheme) {
	case SCHEME_UNIX:
		return open_unix(l, rest, o, err);
	case SCHEME_INET:
		return open_inet(l, rest, AF_INET, err);
	case SCHEME_INET6:
		return open_inet(l, rest, AF_INET6, err);
	default:
		return take_fd(l, rest, err);
	}
}

int
listener_open(struct listener *l, const char *spec,
    const struct listen_options *o, struct err *err)
{
	*l = (struct listener){ .fd = -1, .spec = xstrdup(spec) };
	if (open_spec(l, o, err) != 0) {
		listener_close(l);
		return -1;
	}
	/* now, and not when libmilter gets to it: nobody is refused between */
	if (!l->inherited && listen(l->fd, SOMAXCONN) != 0) {
		fail(err, spec, "listen");
		listener_close(l);
		return -1;
	}
	return 0;
}

/* A listening socket that nobody can find. */
static int
dead_socket(void)
{
	struct sockaddr_un un = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	/* only the family: the kernel picks an abstract name */
	if (fd < 0 ||
	    bind(fd, (struct sockaddr *)&un, sizeof un.sun_family) != 0 ||
	    listen(fd, 1) != 0) {
		if (fd >= 0)
			close(fd);
		return -1;
	}
	return fd;
}

/* The socket file, if it is still the one that we made. */
static void
remove_path(struct listener *l)
{
	struct stat sb;

	if (l->path != NULL && lstat(l->path, &sb) == 0 &&
	    sb.st_dev == l->dev && sb.st_ino == l->ino)
		unlink(l->path);
	free(l->path);
	l->path = NULL;
}

int
listener_shut(struct listener *l, struct err *err)
{
	int dead = dead_socket();
	int old = dup(l->fd);

	remove_path(l);
	if (dead < 0 || old < 0 || dup2(dead, l->fd) < 0) {
		fail(err, l->spec, "cannot close the door");
		close(dead);
		close(old);
		return -1;
	}
	/* libmilter's poll() holds the old one until it next wakes: end it,
	 * unless others (systemd) hold it too */
	if (!l->inherited)
		shutdown(old, SHUT_RD);
	close(old);
	close(dead);
	return 0;
}

void
listener_wake(struct listener *l)
{
	shutdown(l->fd, SHUT_RD);
}

void
listener_close(struct listener *l)
{
	remove_path(l);
	if (l->fd >= 0 && !l->inherited)
		close(l->fd);
	free(l->spec);
	*l = (struct listener){ .fd = -1 };
}
