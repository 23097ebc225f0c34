#include "replay_pool.h"

#include "clock.h"
#include "log.h"
#include "xmalloc.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

struct worker {
	pid_t pid; /* 0: there is none */
	int fd;
};

struct replay_pool {
	const struct replay_policy *policy;
	struct worker *worker;
	int n;
};

/* ---- bytes --------------------------------------------------------------- */

/* false: nobody is there any more. */
static bool
write_all(int fd, const void *data, size_t len)
{
	const char *p = data;

	while (len > 0) {
		ssize_t n = send(fd, p, len, MSG_NOSIGNAL);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return false;
		p += n;
		len -= (size_t)n;
	}
	return true;
}

static bool
write_block(int fd, const char *data, size_t len)
{
	uint64_t head = len;

	return write_all(fd, &head, sizeof head) && write_all(fd, data, len);
}

/* stop is looked at where it is given: then a signal ends the wait. */
static bool
read_all(int fd, void *data, size_t len, const volatile int *stop)
{
	char *p = data;

	while (len > 0) {
		struct pollfd ready = { fd, POLLIN, 0 };
		ssize_t n;

		if (stop != NULL && *stop)
			return false;
		if (stop != NULL && poll(&ready, 1, 100) <= 0)
			continue;
		n = read(fd, p, len);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return false;
		p += n;
		len -= (size_t)n;
	}
	return true;
}

static bool
read_block(int fd, struct str *out, const volatile int *stop)
{
	uint64_t len;

	str_clear(out);
	if (!read_all(fd, &len, sizeof len, stop))
		return false;
	str_reserve(out, len + 1);
	if (!read_all(fd, out->data, len, stop))
		return false;
	out->len = len;
	out->data[len] = '\0';
	return true;
}

/* ---- in the process ------------------------------------------------------ */

/* Databases of its own: the other policy has some, too. */
static char *
own_scratch(const char *folder)
{
	char *path =
	    folder != NULL ? xasprintf("%s/%ld", folder, (long)getpid()) : NULL;

	if (path != NULL)
		mkdir(path, 0700);
	return path;
}

/* With the first session: a policy may look at the clock as it loads. */
static json_t *
load(const struct replay_policy *p, const json_t *session)
{
	struct replay_world world = p->world;
	char *scratch = own_scratch(world.scratch);
	struct epoch *e;
	struct err err;
	int rc;

	clock_pretend(replay_begin(session));
	world.scratch = scratch;
	rc = replay_world_set(&world, &err);
	free(scratch);
	if (rc != 0)
		return json_pack("{ss}", "error", err.msg);
	e = epoch_load(&p->epoch, &err);
	if (e == NULL)
		return json_pack("{ss}", "error", err.msg);
	replay_world_loaded(e);
	epoch_set_current(e);
	return NULL;
}

static bool
answer(int fd, json_t *result)
{
	char *text =
	    result != NULL
		? json_dumps(result, JSON_COMPACT)
		: xstrdup("{\"error\":\"it cannot be played\",\"died\":true}");
	bool well = write_block(fd, text, strlen(text));

	free(text);
	json_decref(result);
	return well;
}

static void
be_the_worker(const struct replay_policy *p, int fd)
{
	struct str line = { 0 };
	bool loaded = false;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	signal(SIGINT, SIG_IGN);
	signal(SIGTERM, SIG_DFL);
	log_set_level(LOG_LEVEL_ERROR);
	while (read_block(fd, &line, NULL)) {
		json_t *session = json_loadb(line.data, line.len, 0, NULL);
		json_t *result = loaded ? NULL : load(p, session);

		if (result == NULL) {
			loaded = true;
			result = replay_play(session, &p->how);
		}
		json_decref(session);
		if (!answer(fd, result))
			break;
	}
	if (loaded) {
		epoch_end();
		epoch_set_current(NULL);
	}
	str_fini(&line);
	_exit(0);
}

/* ---- from outside -------------------------------------------------------- */

static int
start(struct replay_pool *pool, int i, struct err *err)
{
	struct worker *w = &pool->worker[i];
	int fds[2];

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds) != 0)
		return err_set(err, "no socket: %s", strerror(errno));
	w->pid = fork();
	if (w->pid == 0) {
		for (int k = 0; k < pool->n; k++)
			if (k != i && pool->worker[k].pid > 0)
				close(pool->worker[k].fd);
		close(fds[0]);
		be_the_worker(pool->policy, fds[1]);
	}
	close(fds[1]);
	w->fd = fds[0];
	if (w->pid > 0)
		return 0;
	w->pid = 0;
	close(fds[0]);
	return err_set(err, "no process: %s", strerror(errno));
}

/* How it ended, in words. */
static void
end(struct worker *w, struct str *how)
{
	int status = 0;

	if (w->pid == 0)
		return;
	close(w->fd);
	while (waitpid(w->pid, &status, 0) < 0 && errno == EINTR)
		;
	w->pid = 0;
	if (how != NULL && WIFSIGNALED(status))
		str_addf(how, "the process that played it died of signal %d",
		    WTERMSIG(status));
	else if (how != NULL)
		str_addf(how, "the process that played it ended with %d",
		    WEXITSTATUS(status));
}

struct replay_pool *
replay_pool_new(const struct replay_policy *p, int n, struct err *err)
{
	struct replay_pool *pool = xcalloc(1, sizeof *pool);

	pool->policy = p;
	pool->n = n;
	pool->worker = xcalloc((size_t)n, sizeof *pool->worker);
	for (int i = 0; i < n; i++)
		if (start(pool, i, err) != 0) {
			replay_pool_free(pool);
			return NULL;
		}
	return pool;
}

void
replay_pool_free(struct replay_pool *pool)
{
	if (pool == NULL)
		return;
	for (int i = 0; i < pool->n; i++)
		if (pool->worker[i].pid > 0) {
			/* it may be in the middle of a session */
			kill(pool->worker[i].pid, SIGKILL);
			end(&pool->worker[i], NULL);
		}
	free(pool->worker);
	free(pool);
}

void
replay_pool_send(struct replay_pool *pool, int i, const char *line, size_t len)
{
	struct worker *w = &pool->worker[i];
	struct err err;

	if (w->pid == 0 && start(pool, i, &err) != 0)
		return;
	write_block(w->fd, line, len); /* replay_pool_take() sees if not */
}

json_t *
replay_pool_take(struct replay_pool *pool, int i, const volatile int *stop)
{
	struct worker *w = &pool->worker[i];
	struct str text = { 0 };
	json_t *result = NULL;

	if (w->pid > 0 && read_block(w->fd, &text, stop))
		result = json_loadb(text.data, text.len, 0, NULL);
	if (result == NULL && !*stop) {
		str_clear(&text);
		end(w, &text);
		result = json_pack("{ssso*}", "error",
		    text.len > 0 ? str_c(&text) : "no process to play it",
		    "died", json_true());
	}
	str_fini(&text);
	return result;
}
