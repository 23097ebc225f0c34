#include "host_lookup.h"

#include "clock.h"
#include "xmalloc.h"

#include <netdb.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct asking {
	struct asking *next;
	char *host;
	int port;
	int users; /* who waits, and the thread */
	bool done;
	int failed; /* an EAI_* or 0 */
	struct host_addresses found;
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t changed;
static pthread_once_t once = PTHREAD_ONCE_INIT;
/* by lock; those whose thread has not ended */
static struct asking *under_way;
static int n_under_way;

static void
begin(void)
{
	pthread_condattr_t attr;

	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_cond_init(&changed, &attr);
	pthread_condattr_destroy(&attr);
}

static int
ask_system(const char *host, int port, int flags, struct host_addresses *out)
{
	const struct addrinfo hints = { .ai_family = AF_UNSPEC,
		.ai_socktype = SOCK_STREAM,
		.ai_flags = flags | AI_NUMERICSERV };
	struct addrinfo *list;
	char service[16];
	int rc;

	out->n = 0;
	snprintf(service, sizeof service, "%d", port);
	rc = getaddrinfo(host, service, &hints, &list);
	if (rc != 0)
		return rc;
	for (struct addrinfo *a = list;
	     a != NULL && out->n < HOST_ADDRESSES_MAX; a = a->ai_next) {
		if (a->ai_addrlen > sizeof out->at[0].addr)
			continue;
		memcpy(&out->at[out->n].addr, a->ai_addr, a->ai_addrlen);
		out->at[out->n++].len = a->ai_addrlen;
	}
	freeaddrinfo(list);
	return out->n > 0 ? 0 : EAI_NONAME;
}

/* The lock is held. */
static void
leave(struct asking *a)
{
	if (--a->users > 0)
		return;
	free(a->host);
	free(a);
}

static void *
ask(void *arg)
{
	struct asking *a = arg;
	struct host_addresses found;
	int rc = ask_system(a->host, a->port, 0, &found);

	pthread_mutex_lock(&lock);
	a->failed = rc;
	a->found = found;
	a->done = true;
	for (struct asking **p = &under_way; *p != NULL; p = &(*p)->next)
		if (*p == a) {
			*p = a->next;
			break;
		}
	n_under_way--;
	pthread_cond_broadcast(&changed);
	leave(a);
	pthread_mutex_unlock(&lock);
	return NULL;
}

/* No signal of the process is for such a thread. */
static int
start(struct asking *a)
{
	pthread_attr_t attr;
	pthread_t thread;
	sigset_t all, old;
	int rc;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &old);
	pthread_attr_init(&attr);
	pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
	rc = pthread_create(&thread, &attr, ask, a);
	pthread_attr_destroy(&attr);
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	return rc;
}

/* One under way, or a new one; NULL: there are too many.  The lock is held. */
static struct asking *
join(const char *host, int port)
{
	struct asking *a;

	for (a = under_way; a != NULL; a = a->next)
		if (a->port == port && strcmp(a->host, host) == 0) {
			a->users++;
			return a;
		}
	if (n_under_way >= HOST_LOOKUPS_MAX)
		return NULL;
	a = xcalloc(1, sizeof *a);
	a->host = xstrdup(host);
	a->port = port;
	a->users = 2;
	if (start(a) != 0) {
		free(a->host);
		free(a);
		return NULL;
	}
	a->next = under_way;
	under_way = a;
	n_under_way++;
	return a;
}

int
host_lookup(const char *host, int port, int64_t deadline,
    struct host_addresses *out, struct err *err)
{
	struct timespec until = clock_timespec(deadline);
	struct asking *a;
	int rc = 0;

	if (ask_system(host, port, AI_NUMERICHOST, out) == 0)
		return 0;
	pthread_once(&once, begin);
	pthread_mutex_lock(&lock);
	a = join(host, port);
	if (a == NULL) {
		pthread_mutex_unlock(&lock);
		return err_set(
		    err, "%.200s: too many names are looked up", host);
	}
	while (!a->done && clock_mono() < deadline)
		pthread_cond_timedwait(&changed, &lock, &until);
	if (!a->done)
		rc = err_set(
		    err, "%.200s: no answer in time for this name", host);
	else if (a->failed != 0)
		rc = err_set(err, "%.200s: %s", host, gai_strerror(a->failed));
	else
		*out = a->found;
	leave(a);
	pthread_mutex_unlock(&lock);
	return rc;
}
