#include "dns_resolver.h"

#ifdef HAVE_UNBOUND

#include "clock.h"
#include "dns_servers.h"
#include "str.h"
#include "xmalloc.h"

#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <unbound.h>
#include <unistd.h>

#define RESOLVERS_MAX 64
/* Resolvers that nobody has just now, for the next who wants them. */
#define IDLE_MAX 8
#define RESOLV_CONF "/etc/resolv.conf"
#define CLASS_IN 1

struct dns_resolver {
	struct ub_ctx *ctx;
	char *servers;    /* NULL: not for others */
	int refs;         /* who has it, and each question without an answer */
	int asked;        /* those questions */
	struct str zones; /* "example.com example.net", or empty */
	struct str fails; /* names in the same way */
	bool has_servers;
	bool broken;  /* libunbound's thread has gone */
	int64_t last; /* clock_mono() of its last use */
	struct dns_resolver *next;
};

/* All resolvers, and the thread that hears their answers. */
static struct {
	pthread_mutex_t lock;
	struct dns_resolver *list;
	int n;
	int bell; /* an eventfd: the list has changed */
	bool started;
} all = { .lock = PTHREAD_MUTEX_INITIALIZER, .bell = -1 };

/* libunbound has locks of its own that each context makes and takes away. */
static pthread_mutex_t context_lock = PTHREAD_MUTEX_INITIALIZER;

/* ---- the thread --------------------------------------------------------- */

static void
ring(void)
{
	uint64_t one = 1;

	if (all.bell >= 0 && write(all.bell, &one, sizeof one) < 0)
		return; /* it rings already */
}

/* Is nobody going to want this one again?  The lock is held. */
static bool
is_over(const struct dns_resolver *r)
{
	int idle = 0;

	if (r->refs > 0)
		return false;
	if (r->servers == NULL || r->broken)
		return true;
	for (const struct dns_resolver *o = all.list; o != NULL; o = o->next)
		idle += o->refs == 0 && o->last > r->last;
	return idle >= IDLE_MAX;
}

/* Take one that is over out of the list, or NULL.  The lock is held. */
static struct dns_resolver *
take_over(void)
{
	for (struct dns_resolver **link = &all.list; *link != NULL;
	     link = &(*link)->next) {
		struct dns_resolver *r = *link;

		if (is_over(r)) {
			*link = r->next;
			all.n--;
			return r;
		}
	}
	return NULL;
}

/* It waits for libunbound's thread, so not under all.lock. */
static void
delete_context(struct ub_ctx *ctx)
{
	pthread_mutex_lock(&context_lock);
	ub_ctx_delete(ctx);
	pthread_mutex_unlock(&context_lock);
}

static struct ub_ctx *
create_context(void)
{
	struct ub_ctx *ctx;

	pthread_mutex_lock(&context_lock);
	ctx = ub_ctx_create();
	pthread_mutex_unlock(&context_lock);
	return ctx;
}

static void
bury_all(void)
{
	struct dns_resolver *r;

	for (;;) {
		pthread_mutex_lock(&all.lock);
		r = take_over();
		pthread_mutex_unlock(&all.lock);
		if (r == NULL)
			return;
		delete_context(r->ctx);
		free(r->servers);
		str_fini(&r->zones);
		str_fini(&r->fails);
		free(r);
	}
}

static void
hear(struct dns_resolver *r)
{
	if (ub_process(r->ctx) == UB_NOERROR)
		return;
	/* its questions end at their deadlines; the next get a new one */
	pthread_mutex_lock(&all.lock);
	r->broken = true;
	pthread_mutex_unlock(&all.lock);
}

/* Only this thread deletes, so what it found in the list stays until then. */
static void
hear_all(void)
{
	struct pollfd fds[RESOLVERS_MAX + 1];
	struct dns_resolver *who[RESOLVERS_MAX + 1];
	uint64_t rung;
	nfds_t n = 0;

	fds[n++] = (struct pollfd){ .fd = all.bell, .events = POLLIN };
	pthread_mutex_lock(&all.lock);
	for (struct dns_resolver *r = all.list; r != NULL; r = r->next) {
		who[n] = r;
		fds[n++] =
		    (struct pollfd){ .fd = r->broken ? -1 : ub_fd(r->ctx),
			    .events = POLLIN };
	}
	pthread_mutex_unlock(&all.lock);
	if (poll(fds, n, -1) <= 0)
		return;
	if (fds[0].revents != 0 && read(all.bell, &rung, sizeof rung) < 0)
		return;
	for (nfds_t i = 1; i < n; i++)
		if (fds[i].revents != 0)
			hear(who[i]);
}

static void *
run(void *arg)
{
	(void)arg;
	for (;;) {
		hear_all();
		bury_all();
	}
	return NULL;
}

/* The lock is held, signals are blocked. */
static int
start(struct err *err)
{
	pthread_t thread;

	if (all.started)
		return 0;
	if (all.bell < 0)
		all.bell = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (all.bell < 0 || pthread_create(&thread, NULL, run, NULL) != 0)
		return err_set(err, "cannot start a thread");
	pthread_detach(thread);
	all.started = true;
	return 0;
}

/* ---- contexts ----------------------------------------------------------- */

static void
set(struct ub_ctx *ctx, const char *option, const char *value)
{
	must(ub_ctx_set_option(ctx, option, value) == UB_NOERROR);
}

/* One socket for each question under way, within what descriptors allow. */
static void
set_range(struct ub_ctx *ctx)
{
	struct rlimit r = { .rlim_cur = 1024 };
	char text[24];
	unsigned long n;

	getrlimit(RLIMIT_NOFILE, &r);
	n = r.rlim_cur == RLIM_INFINITY || r.rlim_cur > DNS_ASKED_MAX * 4
		? DNS_ASKED_MAX
		: (unsigned long)r.rlim_cur / 4;
	snprintf(text, sizeof text, "%lu", n);
	set(ctx, "outgoing-range:", text);
}

/*
 * libunbound is made for recursion with DNSSEC; here it is to be what a
 * resolver of the C library is, with a memory.
 */
static void
set_all(struct ub_ctx *ctx)
{
	char asked[16];

	snprintf(asked, sizeof asked, "%d", DNS_ASKED_MAX);
	ub_ctx_debugout(ctx, NULL);
	ub_ctx_async(ctx, 1);
	set(ctx, "module-config:", "iterator"); /* no validation */
	set(ctx, "do-not-query-localhost:", "no");
	set(ctx, "unblock-lan-zones:", "yes"); /* PTR of 10.0.0.1 is a name */
	set(ctx, "rrset-roundrobin:", "no");
	set(ctx, "num-queries-per-thread:", asked);
	set(ctx, "outgoing-num-tcp:", "64");
	set(ctx, "msg-cache-size:", "4m");
	set(ctx, "rrset-cache-size:", "8m");
	set_range(ctx);
}

struct forward {
	struct ub_ctx *ctx;
	int rc;
};

static void
add_forward(void *arg, const char *ip, int port)
{
	struct forward *f = arg;
	char text[96];

	snprintf(text, sizeof text, "%s@%d", ip, port);
	if (f->rc == 0)
		f->rc = ub_ctx_set_fwd(f->ctx, text);
}

static int
add_zone(struct ub_ctx *ctx, const struct dns_zone *z)
{
	int rc = ub_ctx_zone_add(ctx, z->name, "static");

	for (const char *const *r = z->records; rc == 0 && *r != NULL; r++)
		rc = ub_ctx_data_add(ctx, *r);
	return rc;
}

static int
fill(struct ub_ctx *ctx, const struct dns_config *c, struct err *err)
{
	struct forward f = { .ctx = ctx };

	set_all(ctx);
	if (c->servers != NULL)
		dns_servers_each(c->servers, add_forward, &f);
	/* from here the context takes no more options */
	if (f.rc == 0)
		f.rc = ub_ctx_zone_remove(ctx, "test.");
	for (size_t i = 0; f.rc == 0 && i < c->n_zones; i++)
		f.rc = add_zone(ctx, &c->zones[i]);
	return f.rc == 0 ? 0 : err_set(err, "resolver: %s", ub_strerror(f.rc));
}

/* The lock is held; servers as dns_servers_parse() writes them. */
static struct dns_resolver *
make(const struct dns_config *c, struct err *err)
{
	struct dns_resolver *r;
	struct ub_ctx *ctx;

	if (all.n >= RESOLVERS_MAX) {
		err_set(err, "%d resolvers are in use", all.n);
		return NULL;
	}
	ctx = create_context();
	if (ctx == NULL) {
		err_set(err, "cannot start a resolver");
		return NULL;
	}
	if (fill(ctx, c, err) != 0) {
		delete_context(ctx);
		return NULL;
	}
	r = xcalloc(1, sizeof *r);
	r->ctx = ctx;
	r->has_servers = c->servers != NULL;
	for (size_t i = 0; i < c->n_zones; i++)
		str_addf(&r->zones, "%s ", c->zones[i].name);
	for (size_t i = 0; c->servfail != NULL && c->servfail[i] != NULL; i++)
		str_addf(&r->fails, "%s ", c->servfail[i]);
	r->next = all.list;
	all.list = r;
	all.n++;
	ring();
	return r;
}

static struct dns_resolver *
find(const char *servers)
{
	for (struct dns_resolver *r = all.list; r != NULL; r = r->next)
		if (r->servers != NULL && !r->broken &&
		    strcmp(r->servers, servers) == 0)
			return r;
	return NULL;
}

static int
list_servers(struct str *out, const char *servers, struct err *err)
{
	if (dns_servers_parse(out, servers, err) != 0)
		return -1;
	if (strcmp(str_c(out), DNS_SERVERS_SYSTEM) == 0) {
		str_clear(out);
		dns_servers_read(out, RESOLV_CONF);
	}
	return 0;
}

struct dns_resolver *
dns_resolver_get(const char *servers, struct err *err)
{
	struct str list = { 0 };
	struct dns_config c = { 0 };
	struct dns_resolver *r;

	if (list_servers(&list, servers, err) != 0) {
		str_fini(&list);
		return NULL;
	}
	c.servers = str_c(&list);
	pthread_mutex_lock(&all.lock);
	r = find(c.servers);
	if (r == NULL && (r = make(&c, err)) != NULL)
		r->servers = xstrdup(c.servers);
	if (r != NULL)
		r->refs++;
	pthread_mutex_unlock(&all.lock);
	str_fini(&list);
	return r;
}

struct dns_resolver *
dns_resolver_new(const struct dns_config *c, struct err *err)
{
	struct str list = { 0 };
	struct dns_config own = *c;
	struct dns_resolver *r;

	if (c->servers != NULL && list_servers(&list, c->servers, err) != 0) {
		str_fini(&list);
		return NULL;
	}
	own.servers = c->servers != NULL ? str_c(&list) : NULL;
	pthread_mutex_lock(&all.lock);
	r = make(&own, err);
	if (r != NULL)
		r->refs++;
	pthread_mutex_unlock(&all.lock);
	str_fini(&list);
	return r;
}

/* The lock is held. */
static void
leave(struct dns_resolver *r)
{
	r->last = clock_mono();
	if (--r->refs > 0)
		return;
	if (r->servers == NULL || r->broken || all.n > IDLE_MAX)
		ring();
}

bool
dns_resolver_has_zones(const struct dns_resolver *r)
{
	return r->zones.len != 0;
}

static size_t
without_dot(const char *name, size_t n)
{
	return n > 0 && name[n - 1] == '.' ? n - 1 : n;
}

bool
dns_resolver_can_tell(const struct dns_resolver *r, const char *name)
{
	size_t len = without_dot(name, strlen(name));

	if (r->has_servers)
		return true;
	for (const char *z = str_c(&r->zones); *z != '\0'; z++) {
		size_t whole = strcspn(z, " "), n = without_dot(z, whole);

		if (n <= len && strncasecmp(name + len - n, z, n) == 0 &&
		    (n == 0 || n == len || name[len - n - 1] == '.'))
			return true;
		z += whole;
	}
	return false;
}

bool
dns_resolver_fails(const struct dns_resolver *r, const char *name)
{
	size_t len = without_dot(name, strlen(name));

	for (const char *f = str_c(&r->fails); *f != '\0'; f++) {
		size_t whole = strcspn(f, " ");

		if (without_dot(f, whole) == len &&
		    strncasecmp(name, f, len) == 0)
			return true;
		f += whole;
	}
	return false;
}

struct dns_resolver *
dns_resolver_ref(struct dns_resolver *r)
{
	pthread_mutex_lock(&all.lock);
	r->refs++;
	pthread_mutex_unlock(&all.lock);
	return r;
}

void
dns_resolver_unref(struct dns_resolver *r)
{
	if (r == NULL)
		return;
	pthread_mutex_lock(&all.lock);
	leave(r);
	pthread_mutex_unlock(&all.lock);
}

/* ---- questions ---------------------------------------------------------- */

struct asked {
	struct dns_resolver *r;
	dns_told *told;
	void *arg;
};

static void
on_answer(void *arg, int rc, struct ub_result *result)
{
	struct asked *a = arg;
	struct dns_resolver *r = a->r;

	a->told(a->arg, rc == UB_NOERROR ? result : NULL, ub_strerror(rc));
	ub_resolve_free(result);
	free(a);
	pthread_mutex_lock(&all.lock);
	r->asked--;
	leave(r);
	pthread_mutex_unlock(&all.lock);
}

static int
admit(struct dns_resolver *r, struct err *err)
{
	int rc = 0;

	pthread_mutex_lock(&all.lock);
	if (r->asked >= DNS_ASKED_MAX)
		rc = err_set(
		    err, "%d questions are without an answer", r->asked);
	else
		rc = start(err);
	if (rc == 0) {
		r->asked++;
		r->refs++;
	}
	pthread_mutex_unlock(&all.lock);
	return rc;
}

int
dns_resolver_ask(struct dns_resolver *r, const char *name, enum dns_type type,
    dns_told *told, void *arg, struct err *err)
{
	struct asked *a;
	sigset_t every, old;
	int rc;

	/* libunbound's thread is made here, too: signals are main's alone */
	sigfillset(&every);
	pthread_sigmask(SIG_SETMASK, &every, &old);
	rc = admit(r, err);
	if (rc == 0) {
		a = xmalloc(sizeof *a);
		*a = (struct asked){ r, told, arg };
		rc = ub_resolve_async(
		    r->ctx, name, (int)type, CLASS_IN, a, on_answer, NULL);
		if (rc != UB_NOERROR) {
			err_set(err, "%s", ub_strerror(rc));
			free(a);
			pthread_mutex_lock(&all.lock);
			r->asked--;
			leave(r);
			pthread_mutex_unlock(&all.lock);
			rc = -1;
		}
	}
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	return rc;
}

#endif
