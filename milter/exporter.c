#include "exporter.h"

#ifdef HAVE_MICROHTTPD

#include "exporter_page.h"
#include "listener.h"
#include "log.h"
#include "prometheus.h"
#include "signals.h"
#include "status.h"
#include "xmalloc.h"

#include <microhttpd.h>
#include <netinet/in.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/random.h>
#include <sys/socket.h>

#define CONNECTIONS_MAX 32
#define CONNECTION_MEMORY ((size_t)16 << 10)
#define CONNECTION_SECONDS 10U

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
/* Changed with the lock, and while no request can come. */
static struct {
	struct listener door;
	struct MHD_Daemon *http;
	bool anywhere;
	bool local; /* a unix socket: no browser comes by name */
} all = { .door = { .fd = -1 } };

/* ---- answers ------------------------------------------------------------ */

struct answer {
	struct str body;
	const char *type;
	char policy[256]; /* Content-Security-Policy, or "" */
};

static void
page(struct answer *a)
{
	unsigned char random[16] = { 0 };
	char nonce[2 * sizeof random + 1];

	if (getrandom(random, sizeof random, 0) < 0)
		log_debug(NULL, "metrics: no random bytes");
	for (size_t i = 0; i < sizeof random; i++)
		snprintf(nonce + 2 * i, 3, "%02x", random[i]);
	exporter_page(&a->body, nonce);
	a->type = "text/html; charset=utf-8";
	snprintf(a->policy, sizeof a->policy,
	    "default-src 'none'; script-src 'nonce-%s'; style-src 'nonce-%s'; "
	    "connect-src 'self'; img-src data:; base-uri 'none'; "
	    "form-action 'none'; frame-ancestors 'none'",
	    nonce, nonce);
}

static void
metrics(struct answer *a)
{
	json_t *status = status_json();

	prometheus_print(&a->body, status);
	json_decref(status);
	a->type = PROMETHEUS_TYPE;
}

static void
status(struct answer *a)
{
	status_print(&a->body);
	a->type = "application/json";
}

static const struct {
	const char *path;
	void (*make)(struct answer *a);
} places[] = {
	{ "/", page },
	{ "/metrics", metrics },
	{ "/status.json", status },
};

static enum MHD_Result
give(struct MHD_Connection *c, unsigned code, struct answer *a)
{
	size_t len = a->body.len;
	struct MHD_Response *r = MHD_create_response_from_buffer(
	    len, str_take(&a->body), MHD_RESPMEM_MUST_FREE);
	enum MHD_Result rc;

	if (r == NULL)
		return MHD_NO;
	MHD_add_response_header(r, "Content-Type", a->type);
	MHD_add_response_header(r, "Cache-Control", "no-store");
	MHD_add_response_header(r, "X-Content-Type-Options", "nosniff");
	MHD_add_response_header(r, "Referrer-Policy", "no-referrer");
	MHD_add_response_header(
	    r, "Cross-Origin-Resource-Policy", "same-origin");
	if (a->policy[0] != '\0')
		MHD_add_response_header(
		    r, "Content-Security-Policy", a->policy);
	if (code == MHD_HTTP_METHOD_NOT_ALLOWED)
		MHD_add_response_header(r, "Allow", "GET, HEAD");
	rc = MHD_queue_response(c, code, r);
	MHD_destroy_response(r);
	return rc;
}

static enum MHD_Result
refuse(struct MHD_Connection *c, unsigned code, const char *why)
{
	struct answer a = { .type = "text/plain; charset=utf-8" };

	str_addf(&a.body, "%s\n", why);
	return give(c, code, &a);
}

/* ---- requests ----------------------------------------------------------- */

/*
 * A name that an attacker's DNS points here is none of ours: only addresses
 * and localhost are believed where the listener is for this machine.
 */
static bool
is_our_name(const char *host)
{
	size_t n = strspn(host, "0123456789.");

	if (host[0] == '[' || (n > 0 && (host[n] == '\0' || host[n] == ':')))
		return true;
	n = strlen("localhost");
	return strncasecmp(host, "localhost", n) == 0 &&
	       (host[n] == '\0' || host[n] == ':');
}

static enum MHD_Result
on_request(void *unused, struct MHD_Connection *c, const char *url,
    const char *method, const char *version, const char *upload,
    size_t *upload_size, void **seen)
{
	const char *host =
	    MHD_lookup_connection_value(c, MHD_HEADER_KIND, "Host");
	struct answer a = { 0 };

	(void)unused;
	(void)version;
	(void)upload;
	if (*upload_size > 0) { /* unread: it goes with the connection */
		*upload_size = 0;
		return MHD_NO;
	}
	(void)seen;
	if (strcmp(method, "GET") != 0 && strcmp(method, "HEAD") != 0)
		return refuse(c, MHD_HTTP_METHOD_NOT_ALLOWED, "GET or HEAD");
	if (host != NULL && !all.anywhere && !all.local && !is_our_name(host))
		return refuse(c, MHD_HTTP_FORBIDDEN,
		    "ask by the address or as localhost");
	for (size_t i = 0; i < sizeof places / sizeof *places; i++)
		if (strcmp(url, places[i].path) == 0) {
			places[i].make(&a);
			return give(c, MHD_HTTP_OK, &a);
		}
	return refuse(c, MHD_HTTP_NOT_FOUND, "/, /metrics or /status.json");
}

/* ---- life --------------------------------------------------------------- */

static bool
is_loopback(int fd, bool *local)
{
	struct sockaddr_storage ss = { 0 };
	socklen_t len = sizeof ss;

	if (getsockname(fd, (struct sockaddr *)&ss, &len) != 0)
		return false;
	*local = ss.ss_family == AF_UNIX;
	if (ss.ss_family == AF_INET) {
		const struct sockaddr_in *in = (struct sockaddr_in *)&ss;

		return ntohl(in->sin_addr.s_addr) >> 24 == 127;
	}
	return *local || (ss.ss_family == AF_INET6 &&
			     IN6_IS_ADDR_LOOPBACK(
				 &((struct sockaddr_in6 *)&ss)->sin6_addr));
}

static int
open_door(
    struct listener *door, const char *spec, bool anywhere, struct err *err)
{
	/* as open as a port of this machine; its folder may be less so */
	struct listen_options o = {
		.mode = 0666, .owner = (uid_t)-1, .group = (gid_t)-1
	};
	bool local;

	if (strncmp(spec, "fd:", 3) == 0)
		return err_set(err,
		    "%s: unix:/PATH or inet:PORT@127.0.0.1 "
		    "expected",
		    spec);
	if (listener_open(door, spec, &o, err) != 0)
		return -1;
	if (is_loopback(door->fd, &local) || anywhere)
		return 0;
	listener_close(door);
	return err_set(err,
	    "%s: others than this machine could read it; say "
	    "inet:PORT@127.0.0.1, or --metrics-public if that is meant",
	    spec);
}

/* libmicrohttpd's thread inherits which signals are not for it. */
static struct MHD_Daemon *
start(int fd)
{
	struct MHD_Daemon *http;
	sigset_t before;

	pthread_sigmask(SIG_SETMASK, NULL, &before);
	signals_leave();
	http = MHD_start_daemon(
	    MHD_USE_INTERNAL_POLLING_THREAD | MHD_USE_ITC | MHD_USE_POLL, 0,
	    NULL, NULL, on_request, NULL, MHD_OPTION_LISTEN_SOCKET, fd,
	    MHD_OPTION_CONNECTION_LIMIT, CONNECTIONS_MAX,
	    MHD_OPTION_CONNECTION_TIMEOUT, CONNECTION_SECONDS,
	    MHD_OPTION_CONNECTION_MEMORY_LIMIT, CONNECTION_MEMORY,
	    MHD_OPTION_END);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	return http;
}

static void
stop(void)
{
	if (all.http == NULL)
		return;
	MHD_quiesce_daemon(all.http); /* the socket is ours to close */
	MHD_stop_daemon(all.http);
	all.http = NULL;
	listener_close(&all.door);
}

static int
serve(const char *spec, bool anywhere, struct err *err)
{
	struct listener door;
	bool none = spec == NULL || strcmp(spec, "none") == 0;

	if (!none && all.http != NULL && strcmp(spec, all.door.spec) == 0 &&
	    anywhere == all.anywhere)
		return 0;
	if (!none && open_door(&door, spec, anywhere, err) != 0)
		return -1;
	stop();
	if (none)
		return 0;
	all.door = door;
	all.anywhere = anywhere;
	is_loopback(door.fd, &all.local);
	all.http = start(door.fd);
	if (all.http != NULL)
		return 0;
	listener_close(&all.door);
	return err_set(err, "%s: cannot serve metrics there", spec);
}

int
exporter_serve(const char *spec, bool anywhere, struct err *err)
{
	int rc;

	pthread_mutex_lock(&lock);
	rc = serve(spec, anywhere, err);
	pthread_mutex_unlock(&lock);
	return rc;
}

void
exporter_stop(void)
{
	pthread_mutex_lock(&lock);
	stop();
	pthread_mutex_unlock(&lock);
}

#else /* HAVE_MICROHTTPD */

#include <string.h>

int
exporter_serve(const char *spec, bool anywhere, struct err *err)
{
	(void)anywhere;
	if (spec == NULL || strcmp(spec, "none") == 0)
		return 0;
	return err_set(err, "%s: metrics: built without libmicrohttpd", spec);
}

void
exporter_stop(void)
{
}

#endif
