#include "test_run.h"

#include "clock.h"
#include "str.h"
#include "xmalloc.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

/* One test under way. */
struct child {
	pid_t pid;
	int fd;
	size_t job;
	int64_t end;
	bool late;
	struct str out;
};

struct pool {
	struct test_job *job;
	size_t n, next, told;
	struct child *child;
	size_t n_children;
	int64_t timeout;
};

static json_t *
failure(const char *fmt, int n)
{
	char text[128];

	snprintf(text, sizeof text, fmt, n);
	return json_pack("{sbss}", "ok", 0, "message", text);
}

/* What a test prints goes where complaints go: standard output is ours. */
static void
be_the_child(const struct test_job *j, int fd)
{
	json_t *result;
	char *text;
	size_t len, at = 0;

	dup2(STDERR_FILENO, STDOUT_FILENO);
	result = test_host_run(j->host, j->index);
	text = json_dumps(result, JSON_COMPACT);
	fflush(NULL);
	len = text != NULL ? strlen(text) : 0;
	while (at < len) {
		ssize_t n = write(fd, text + at, len - at);

		if (n < 0 && errno != EINTR)
			break;
		at += n > 0 ? (size_t)n : 0;
	}
	_exit(0);
}

static void
start(struct pool *p)
{
	size_t i = p->next++;
	struct child *c = &p->child[p->n_children];
	int fds[2];

	fflush(NULL);
	if (pipe(fds) != 0) {
		p->job[i].result = failure("no pipe: errno %d", errno);
		return;
	}
	*c = (struct child){ .pid = fork(),
		.fd = fds[0],
		.job = i,
		.end = clock_mono() + p->timeout };
	if (c->pid == 0) {
		close(fds[0]);
		be_the_child(&p->job[i], fds[1]);
	}
	close(fds[1]);
	if (c->pid > 0) {
		p->n_children++;
		return;
	}
	close(fds[0]);
	p->job[i].result = failure("no process: errno %d", errno);
}

static void
reap(struct pool *p, size_t at)
{
	struct child *c = &p->child[at];
	struct test_job *j = &p->job[c->job];
	int status = 0;

	close(c->fd);
	while (waitpid(c->pid, &status, 0) < 0 && errno == EINTR)
		;
	j->result = json_loadb(str_c(&c->out), c->out.len, 0, NULL);
	if (c->late || j->result == NULL) {
		json_decref(j->result);
		if (c->late)
			j->result = failure("not done in %d s: --timeout",
			    (int)(p->timeout / CLOCK_S));
		else if (WIFSIGNALED(status))
			j->result =
			    failure("the process of the test died of signal %d",
				WTERMSIG(status));
		else
			j->result =
			    failure("the process of the test ended with %d",
				WEXITSTATUS(status));
	}
	str_fini(&c->out);
	p->child[at] = p->child[--p->n_children];
}

/* true: it is over. */
static bool
hear(struct child *c)
{
	char buf[65536];
	ssize_t n = read(c->fd, buf, sizeof buf);

	if (n > 0)
		str_add(&c->out, buf, (size_t)n);
	return n == 0 || (n < 0 && errno != EINTR);
}

static void
wait_for_some(struct pool *p, struct pollfd *fds)
{
	int64_t now;

	for (size_t i = 0; i < p->n_children; i++)
		fds[i] = (struct pollfd){ p->child[i].fd, POLLIN, 0 };
	if (poll(fds, p->n_children, 100) < 0)
		return;
	now = clock_mono();
	for (size_t i = p->n_children; i-- > 0;) {
		struct child *c = &p->child[i];

		if (fds[i].revents != 0) {
			if (hear(c))
				reap(p, i);
		} else if (now > c->end && !c->late) {
			c->late = true;
			kill(c->pid, SIGKILL);
		}
	}
}

void
test_run(struct test_job *job, size_t n, int parallel, int64_t timeout,
    void (*told)(void *arg, const struct test_job *job), void *arg)
{
	size_t room = (size_t)(parallel > 0 ? parallel : 1);
	struct pool p = { .job = job,
		.n = n,
		.timeout = timeout,
		.child = xcalloc(room, sizeof *p.child) };
	struct pollfd *fds = xcalloc(room, sizeof *fds);

	while (p.told < n) {
		while (p.next < n && p.n_children < room)
			if (job[p.next].result == NULL)
				start(&p);
			else
				p.next++;
		if (p.n_children > 0)
			wait_for_some(&p, fds);
		for (; p.told < n && job[p.told].result != NULL; p.told++)
			told(arg, &job[p.told]);
	}
	free(p.child);
	free(fds);
}
