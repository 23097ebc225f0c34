#ifdef HAVE_CURL
#include "http_multi.h"

#include "clock.h"

#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

/* Of the pool; more are closed when they have served. */
#define CONNECTIONS_MAX 256L
/* Without a request for so long, all connections are closed. */
#define IDLE_MS (120 * 1000)
#define POLL_MS 1000

/* On the stack of who waits for it. */
struct job {
	CURL *easy;
	CURLcode rc;
	bool done, leaves;
	pthread_cond_t told;
	struct job *next; /* of those to begin, or of those to leave off */
};

static struct {
	pthread_mutex_t lock;
	CURLM *multi; /* taken away and made anew under the lock */
	struct job *begin, *leave;
	bool started, stopping;
	pid_t pid;
	pthread_t thread;
} all = { .lock = PTHREAD_MUTEX_INITIALIZER };

/* ---- the thread --------------------------------------------------------- */

static CURLM *
make_multi(void)
{
	CURLM *multi = curl_multi_init();

	must(multi != NULL);
	curl_multi_setopt(multi, CURLMOPT_MAXCONNECTS, CONNECTIONS_MAX);
	return multi;
}

static struct job *
take(struct job **list)
{
	struct job *j;

	pthread_mutex_lock(&all.lock);
	j = *list;
	if (j != NULL)
		*list = j->next;
	pthread_mutex_unlock(&all.lock);
	return j;
}

static struct job *
first(struct job **list)
{
	struct job *j;

	pthread_mutex_lock(&all.lock);
	j = *list;
	pthread_mutex_unlock(&all.lock);
	return j;
}

/* Is it there, and off it now?  The lock is held. */
static bool
take_off(struct job **list, const struct job *j)
{
	for (; *list != NULL; list = &(*list)->next)
		if (*list == j) {
			*list = j->next;
			return true;
		}
	return false;
}

/* Whoever waited may be gone when the lock is given back. */
static void
end(struct job *j, CURLcode rc)
{
	curl_multi_remove_handle(all.multi, j->easy);
	pthread_mutex_lock(&all.lock);
	if (j->leaves)
		take_off(&all.leave, j);
	j->rc = rc;
	j->done = true;
	pthread_cond_signal(&j->told);
	pthread_mutex_unlock(&all.lock);
}

/* Was there any? */
static bool
begin_all(void)
{
	bool any = false;
	struct job *j;

	while ((j = take(&all.begin)) != NULL) {
		any = true;
		if (curl_multi_add_handle(all.multi, j->easy) != CURLM_OK)
			end(j, CURLE_FAILED_INIT);
	}
	return any;
}

/* Those that are done, and those whose time is up. */
static void
end_all(void)
{
	struct job *j;
	CURLMsg *m;
	int left;

	while ((m = curl_multi_info_read(all.multi, &left)) != NULL) {
		CURLcode rc = m->data.result;

		if (m->msg != CURLMSG_DONE)
			continue;
		curl_easy_getinfo(m->easy_handle, CURLINFO_PRIVATE, &j);
		end(j, rc);
	}
	while ((j = first(&all.leave)) != NULL)
		end(j, CURLE_OPERATION_TIMEDOUT);
}

/* The pool forgets its connections: libcurl does so only in use. */
static void
close_connections(void)
{
	pthread_mutex_lock(&all.lock);
	curl_multi_cleanup(all.multi);
	all.multi = make_multi();
	pthread_mutex_unlock(&all.lock);
}

static bool
is_stopping(void)
{
	bool stopping;

	pthread_mutex_lock(&all.lock);
	stopping = all.stopping;
	pthread_mutex_unlock(&all.lock);
	return stopping;
}

static void *
run(void *arg)
{
	bool used = false;
	int running = 0;

	(void)arg;
	while (!is_stopping()) {
		int64_t begin = clock_mono();

		used = begin_all() || used;
		curl_multi_perform(all.multi, &running);
		end_all();
		if (running > 0) {
			curl_multi_poll(all.multi, NULL, 0, POLL_MS, NULL);
			continue;
		}
		curl_multi_poll(all.multi, NULL, 0, IDLE_MS, NULL);
		if (used && clock_mono() - begin >= IDLE_MS * CLOCK_MS) {
			close_connections();
			used = false;
		}
	}
	return NULL;
}

/* Before OpenSSL takes itself down at exit. */
static void
stop(void)
{
	pthread_mutex_lock(&all.lock);
	all.stopping = true;
	if (all.multi != NULL)
		curl_multi_wakeup(all.multi);
	pthread_mutex_unlock(&all.lock);
	if (all.pid == getpid())
		pthread_join(all.thread, NULL);
}

/* The lock is held. */
static int
start(struct err *err)
{
	sigset_t every, old;
	int rc;

	if (all.stopping)
		return err_set(err, "the process is about to end");
	if (all.started)
		return 0;
	if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK)
		return err_set(err, "libcurl cannot be used");
	all.multi = make_multi();
	sigfillset(&every); /* signals are main's alone */
	pthread_sigmask(SIG_SETMASK, &every, &old);
	rc = pthread_create(&all.thread, NULL, run, NULL);
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	if (rc != 0) {
		curl_multi_cleanup(all.multi);
		all.multi = NULL;
		return err_set(err, "cannot start a thread");
	}
	all.pid = getpid();
	all.started = true;
	atexit(stop);
	return 0;
}

/* ---- who waits ---------------------------------------------------------- */

static void
job_init(struct job *j, CURL *easy)
{
	pthread_condattr_t attr;

	*j = (struct job){ .easy = easy };
	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_cond_init(&j->told, &attr);
	pthread_condattr_destroy(&attr);
	curl_easy_setopt(easy, CURLOPT_PRIVATE, j);
}

/* The lock is held. */
static void
put(struct job **list, struct job *j)
{
	j->next = *list;
	*list = j;
	curl_multi_wakeup(all.multi);
}

/* The lock is held. */
static void
wait_for(struct job *j, int64_t deadline)
{
	struct timespec until = clock_timespec(deadline);

	while (!j->done && clock_mono() < deadline)
		pthread_cond_timedwait(&j->told, &all.lock, &until);
	if (j->done)
		return;
	if (take_off(&all.begin, j)) {
		j->rc = CURLE_OPERATION_TIMEDOUT;
		return;
	}
	j->leaves = true;
	put(&all.leave, j);
	while (!j->done)
		pthread_cond_wait(&j->told, &all.lock);
}

CURLcode
http_multi_run(CURL *easy, int64_t deadline, struct err *err)
{
	struct job j;

	job_init(&j, easy);
	j.rc = CURLE_FAILED_INIT;
	pthread_mutex_lock(&all.lock);
	if (start(err) == 0) {
		put(&all.begin, &j);
		wait_for(&j, deadline);
	}
	pthread_mutex_unlock(&all.lock);
	pthread_cond_destroy(&j.told);
	return j.rc;
}

#else
typedef int http_multi_is_empty;
#endif
