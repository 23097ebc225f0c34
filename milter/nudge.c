#include "nudge.h"

#include "clock.h"
#include "signals.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <stdbool.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

/* All under the lock. */
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct sockaddr_storage where;
static socklen_t where_len;
static int conn = -1;
static unsigned waiting; /* handlers */
static bool runs;        /* the thread that changes the connection */
static pthread_t thread;
static pthread_cond_t changed;

/* SMFIC_OPTNEG, version 6, the actions NUDGE_ACTIONS, no steps */
static const unsigned char hello[] = { 0, 0, 0, 13, 'O', 0, 0, 0, 6, 0, 0,
	NUDGE_ACTIONS >> 8, NUDGE_ACTIONS & 0xff, 0, 0, 0, 0 };
/* SMFIC_MACRO for CONNECT, empty: no reply, no callback */
static const unsigned char tap[] = { 0, 0, 0, 2, 'D', 'C' };

/* A wildcard listener is reached over loopback. */
static void
make_reachable(struct sockaddr_storage *ss)
{
	struct sockaddr_in *in = (struct sockaddr_in *)ss;
	struct sockaddr_in6 *in6 = (struct sockaddr_in6 *)ss;

	if (ss->ss_family == AF_INET && in->sin_addr.s_addr == INADDR_ANY)
		in->sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	if (ss->ss_family == AF_INET6 &&
	    memcmp(&in6->sin6_addr, &in6addr_any, sizeof in6addr_any) == 0)
		in6->sin6_addr = in6addr_loopback;
}

static void
drop(void)
{
	if (conn >= 0)
		close(conn);
	conn = -1;
}

static void
dial(void)
{
	conn = socket(
	    where.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (conn < 0)
		return;
	/* Nagle would hold a tap back until the last one is acknowledged */
	if (where.ss_family != AF_UNIX)
		setsockopt(
		    conn, IPPROTO_TCP, TCP_NODELAY, &(int){ 1 }, sizeof(int));
	/* loopback and unix sockets connect at once or not at all */
	if (connect(conn, (struct sockaddr *)&where, where_len) != 0 &&
	    errno != EINPROGRESS)
		drop();
	else if (send(conn, hello, sizeof hello, MSG_NOSIGNAL) !=
		 (ssize_t)sizeof hello)
		drop();
}

/* Read what libmilter answered; 0 once it hung up (its idle sweep does). */
static bool
alive(void)
{
	char sink[256];
	ssize_t n;

	while ((n = recv(conn, sink, sizeof sink, MSG_DONTWAIT)) > 0)
		;
	return n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK);
}

/* Until the time has come, or the thread is to end; the lock is held. */
static bool
nap(int64_t until)
{
	struct timespec t = clock_timespec(until);

	while (runs && clock_mono() < until)
		pthread_cond_timedwait(&changed, &lock, &t);
	return runs;
}

static void *
change(void *arg)
{
	(void)arg;
	signals_leave();
	pthread_mutex_lock(&lock);
	while (runs) {
		if (waiting == 0)
			pthread_cond_wait(&changed, &lock);
		else if (nap(clock_mono() + NUDGE_AGAIN * CLOCK_MS) &&
			 waiting > 0 && where_len != 0) {
			drop();
			dial();
		}
	}
	pthread_mutex_unlock(&lock);
	return NULL;
}

/* The lock is held. */
static void
start_thread(void)
{
	pthread_condattr_t attr;

	if (runs)
		return;
	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_cond_init(&changed, &attr);
	pthread_condattr_destroy(&attr);
	runs = pthread_create(&thread, NULL, change, NULL) == 0;
}

void
nudge_start(int listen_fd)
{
	pthread_mutex_lock(&lock);
	drop();
	where_len = sizeof where;
	if (getsockname(listen_fd, (struct sockaddr *)&where, &where_len) != 0)
		where_len = 0;
	else
		make_reachable(&where);
	if (where_len != 0) {
		dial();
		start_thread();
	}
	pthread_mutex_unlock(&lock);
}

void
nudge_stop(void)
{
	bool ran;

	pthread_mutex_lock(&lock);
	drop();
	where_len = 0;
	ran = runs;
	runs = false;
	if (ran)
		pthread_cond_signal(&changed);
	pthread_mutex_unlock(&lock);
	if (ran)
		pthread_join(thread, NULL);
}

/* The lock is held. */
static void
tap_once(void)
{
	ssize_t n;

	if (conn >= 0 && !alive())
		drop();
	if (conn < 0 && where_len != 0)
		dial();
	if (conn < 0)
		return;
	n = send(conn, tap, sizeof tap, MSG_DONTWAIT | MSG_NOSIGNAL);
	/* a full buffer means taps enough are waiting; a part of one would
	 * put the stream out of step */
	if (n != (ssize_t)sizeof tap &&
	    !(n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)))
		drop();
}

void
nudge_begin(void)
{
	pthread_mutex_lock(&lock);
	if (waiting++ == 0 && runs)
		pthread_cond_signal(&changed);
	tap_once();
	pthread_mutex_unlock(&lock);
}

void
nudge_end(void)
{
	pthread_mutex_lock(&lock);
	waiting--;
	pthread_mutex_unlock(&lock);
}
