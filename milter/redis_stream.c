#include "redis_stream.h"

#include "clock.h"
#include "host_lookup.h"
#include "xmalloc.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/un.h>
#include <unistd.h>

#ifdef HAVE_LIBSSL
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <pthread.h>
#endif

struct redis_stream {
	int fd;
#ifdef HAVE_LIBSSL
	SSL *ssl; /* NULL: no TLS */
#endif
};

/* Until it is ready for these events: 0, or -1 at the deadline. */
static int
wait_for(int fd, short events, int64_t deadline, struct err *err)
{
	struct pollfd p = { .fd = fd, .events = events };

	for (;;) {
		int64_t left = deadline - clock_mono();
		int rc, ms;

		if (left < 0)
			left = 0;
		ms = left > 3600 * CLOCK_S
			 ? 3600000
			 : (int)((left + CLOCK_MS - 1) / CLOCK_MS);
		rc = poll(&p, 1, ms);
		if (rc > 0)
			return 0;
		if (rc == 0 && left == 0)
			return err_set(err, "no answer in time");
		if (rc < 0 && errno != EINTR)
			return err_set(err, "poll: %s", strerror(errno));
	}
}

/* ---- sockets ------------------------------------------------------------ */

static int
connect_to(const struct sockaddr *addr, socklen_t len, int64_t deadline,
    struct err *err)
{
	int fd = socket(
	    addr->sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	int on = 1, failed = 0;
	socklen_t size = sizeof failed;

	if (fd < 0)
		return err_set(err, "socket: %s", strerror(errno));
	if (addr->sa_family != AF_UNIX)
		setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
	if (connect(fd, addr, len) == 0)
		return fd;
	/* EAGAIN: a unix socket whose server accepts nobody just now */
	if (errno != EINPROGRESS) {
		err_set(err, "%s", strerror(errno));
	} else if (wait_for(fd, POLLOUT, deadline, err) == 0) {
		getsockopt(fd, SOL_SOCKET, SO_ERROR, &failed, &size);
		if (failed == 0)
			return fd;
		err_set(err, "%s", strerror(failed));
	}
	close(fd);
	return -1;
}

static int
connect_path(const char *path, int64_t deadline, struct err *err)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };

	must(strlen(path) < sizeof addr.sun_path);
	strcpy(addr.sun_path, path);
	return connect_to(
	    (const struct sockaddr *)&addr, sizeof addr, deadline, err);
}

/* One address after the other; each has its part of the time. */
static int
connect_host(const struct redis_node *node, int64_t deadline, struct err *err)
{
	struct host_addresses found;
	int fd = -1;

	if (host_lookup(node->host, node->port, deadline, &found, err) != 0)
		return -1;
	for (size_t i = 0; i < found.n && fd < 0; i++) {
		int64_t now = clock_mono(), left = deadline - now;

		if (left < 0)
			left = 0;
		fd = connect_to((const struct sockaddr *)&found.at[i].addr,
		    found.at[i].len, now + left / (int64_t)(found.n - i), err);
	}
	return fd;
}

/* ---- TLS ---------------------------------------------------------------- */

#ifdef HAVE_LIBSSL

static pthread_once_t once = PTHREAD_ONCE_INIT;
static SSL_CTX *context;

static void
make_context(void)
{
	context = SSL_CTX_new(TLS_client_method());
	if (context == NULL)
		return;
	SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION);
	SSL_CTX_set_default_verify_paths(context);
	SSL_CTX_set_mode(context, SSL_MODE_ENABLE_PARTIAL_WRITE |
				      SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
}

/* What OpenSSL's call came to: 0 to call again, or -1 with *err. */
static int
tls_wait(struct redis_stream *s, int rc, int64_t deadline, struct err *err)
{
	char text[256];
	long verified;

	switch (SSL_get_error(s->ssl, rc)) {
	case SSL_ERROR_WANT_READ:
		return wait_for(s->fd, POLLIN, deadline, err);
	case SSL_ERROR_WANT_WRITE:
		return wait_for(s->fd, POLLOUT, deadline, err);
	case SSL_ERROR_ZERO_RETURN:
	case SSL_ERROR_SYSCALL:
		return err_set(err, "the server closed the connection");
	default:
		verified = SSL_get_verify_result(s->ssl);
		if (verified != X509_V_OK)
			return err_set(err, "TLS: its certificate: %s",
			    X509_verify_cert_error_string(verified));
		ERR_error_string_n(ERR_peek_error(), text, sizeof text);
		return err_set(err, "TLS: %s", text);
	}
}

/* Whom the certificate must be of. */
static int
expect_host(SSL *ssl, const char *host)
{
	unsigned char numeric[16];

	if (inet_pton(AF_INET, host, numeric) == 1 ||
	    inet_pton(AF_INET6, host, numeric) == 1)
		return X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(ssl), host);
	return SSL_set_tlsext_host_name(ssl, host) == 1 &&
	       SSL_set1_host(ssl, host) == 1;
}

static int
begin_tls(struct redis_stream *s, const struct redis_node *node,
    int64_t deadline, struct err *err)
{
	int rc;

	pthread_once(&once, make_context);
	s->ssl = context != NULL ? SSL_new(context) : NULL;
	if (s->ssl == NULL || SSL_set_fd(s->ssl, s->fd) != 1 ||
	    !expect_host(s->ssl, node->host))
		return err_set(err, "TLS: cannot begin");
	SSL_set_verify(
	    s->ssl, node->insecure ? SSL_VERIFY_NONE : SSL_VERIFY_PEER, NULL);
	for (;;) {
		ERR_clear_error();
		rc = SSL_connect(s->ssl);
		if (rc == 1)
			return 0;
		if (tls_wait(s, rc, deadline, err) != 0)
			return -1;
	}
}

static int
tls_write(struct redis_stream *s, const char *p, size_t len, int64_t deadline,
    struct err *err)
{
	while (len > 0) {
		size_t n = len < 65536 ? len : 65536;
		int rc;

		ERR_clear_error();
		rc = SSL_write(s->ssl, p, (int)n);
		if (rc > 0) {
			p += rc;
			len -= (size_t)rc;
		} else if (tls_wait(s, rc, deadline, err) != 0) {
			return -1;
		}
	}
	return 0;
}

static int
tls_read(struct redis_stream *s, char *p, size_t size, int64_t deadline,
    struct err *err)
{
	for (;;) {
		int rc;

		ERR_clear_error();
		rc = SSL_read(s->ssl, p, (int)size);
		if (rc > 0)
			return rc;
		if (tls_wait(s, rc, deadline, err) != 0)
			return -1;
	}
}

#endif

/* ---- both --------------------------------------------------------------- */

struct redis_stream *
redis_stream_open(
    const struct redis_node *node, int64_t deadline, struct err *err)
{
	struct redis_stream *s = xcalloc(1, sizeof *s);
	int rc = 0;

	s->fd = node->host[0] != '\0' ? connect_host(node, deadline, err)
				      : connect_path(node->path, deadline, err);
	if (s->fd < 0)
		rc = -1;
#ifdef HAVE_LIBSSL
	if (rc == 0 && node->tls)
		rc = begin_tls(s, node, deadline, err);
#else
	if (rc == 0 && node->tls)
		rc = err_set(err, "rediss://: built without libssl");
#endif
	if (rc == 0)
		return s;
	redis_stream_close(s);
	return NULL;
}

void
redis_stream_close(struct redis_stream *s)
{
	if (s == NULL)
		return;
#ifdef HAVE_LIBSSL
	SSL_free(s->ssl);
#endif
	if (s->fd >= 0)
		close(s->fd);
	free(s);
}

int
redis_stream_write(struct redis_stream *s, const char *p, size_t len,
    int64_t deadline, struct err *err)
{
#ifdef HAVE_LIBSSL
	if (s->ssl != NULL)
		return tls_write(s, p, len, deadline, err);
#endif
	while (len > 0) {
		ssize_t n = send(s->fd, p, len, MSG_NOSIGNAL);

		if (n > 0) {
			p += n;
			len -= (size_t)n;
		} else if (errno == EAGAIN) {
			if (wait_for(s->fd, POLLOUT, deadline, err) != 0)
				return -1;
		} else if (errno != EINTR) {
			return err_set(err, "%s", strerror(errno));
		}
	}
	return 0;
}

int
redis_stream_read(struct redis_stream *s, char *p, size_t size,
    int64_t deadline, struct err *err)
{
#ifdef HAVE_LIBSSL
	if (s->ssl != NULL)
		return tls_read(s, p, size, deadline, err);
#endif
	for (;;) {
		ssize_t n = recv(s->fd, p, size, 0);

		if (n > 0)
			return (int)n;
		if (n == 0)
			return err_set(err, "the server closed the connection");
		if (errno == EAGAIN) {
			if (wait_for(s->fd, POLLIN, deadline, err) != 0)
				return -1;
		} else if (errno != EINTR) {
			return err_set(err, "%s", strerror(errno));
		}
	}
}

bool
redis_stream_is_readable(struct redis_stream *s)
{
	struct pollfd p = { .fd = s->fd, .events = POLLIN };

#ifdef HAVE_LIBSSL
	/* session tickets come by themselves: the bytes of a reply count */
	if (s->ssl != NULL) {
		char byte;
		int rc;

		ERR_clear_error();
		rc = SSL_peek(s->ssl, &byte, 1);
		return rc > 0 ||
		       SSL_get_error(s->ssl, rc) != SSL_ERROR_WANT_READ;
	}
#endif
	return poll(&p, 1, 0) != 0;
}
