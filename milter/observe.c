#include "observe.h"

#include "err.h"
#include "session.h"

#include <pthread.h>
#include <stdatomic.h>

static struct {
	pthread_mutex_t lock; /* of who adds one */
	observe_session_fn *begins[OBSERVE_SESSIONS];
	atomic_int n; /* those before it are there */
} sessions = { .lock = PTHREAD_MUTEX_INITIALIZER };

void
observe_sessions(observe_session_fn *begins)
{
	int i = 0, n;

	pthread_mutex_lock(&sessions.lock);
	n = atomic_load(&sessions.n);
	while (i < n && sessions.begins[i] != begins)
		i++;
	if (i == n) {
		must(n < OBSERVE_SESSIONS);
		sessions.begins[n] = begins;
		atomic_store(&sessions.n, n + 1);
	}
	pthread_mutex_unlock(&sessions.lock);
}

static atomic_int needed[3]; /* by bit */

static void
count_needs(unsigned needs, int by)
{
	for (int i = 0; i < 3; i++)
		if (needs & 1U << i)
			atomic_fetch_add(&needed[i], by);
}

void
observe_need(unsigned needs)
{
	count_needs(needs, 1);
}

void
observe_need_no_more(unsigned needs)
{
	count_needs(needs, -1);
}

unsigned
observe_needs(void)
{
	unsigned needs = 0;

	for (int i = 0; i < 3; i++)
		if (atomic_load(&needed[i]) > 0)
			needs |= 1U << i;
	return needs;
}

void
observe_begin(struct session *s)
{
	int n = atomic_load(&sessions.n);

	for (int i = 0; i < n; i++)
		sessions.begins[i](s);
}

void
observe_join(struct session *s, struct observer *o)
{
	struct observer **at = &s->observer;

	while (*at != NULL)
		at = &(*at)->next;
	o->next = NULL;
	*at = o;
}

bool
observe_details(const struct session *s)
{
	for (const struct observer *o = s->observer; o != NULL; o = o->next)
		if (o->details)
			return true;
	return false;
}

/* Each observer's hook of that name, where it has one. */
#define TELL(s, hook, ...)                                                     \
	do {                                                                   \
		for (const struct observer *o_ = (s)->observer; o_ != NULL;    \
		     o_ = o_->next)                                            \
			if (o_->hooks->hook != NULL)                           \
				o_->hooks->hook(o_->arg, __VA_ARGS__);         \
	} while (0)

void
observe_command(const struct session *s, enum phase phase,
    const struct event_command *command)
{
	TELL(s, command, s, phase, command);
}

void
observe_header(const struct session *s, const char *name, const char *raw)
{
	TELL(s, header, s, name, raw);
}

void
observe_body(const struct session *s, const void *data, size_t len)
{
	TELL(s, body, s, data, len);
}

void
observe_handler(const struct session *s, const struct observed *o)
{
	TELL(s, handler, s, o);
}

void
observe_would(const struct session *s, const char *who, const char *what)
{
	TELL(s, would, s, who, what);
}

void
observe_reply(const struct session *s, enum phase phase,
    const struct event_command *command, const struct reply *reply)
{
	TELL(s, reply, s, phase, command, reply);
}

void
observe_message(const struct session *s, const struct message *m)
{
	TELL(s, message, s, m);
}

void
observe_over(const struct session *s)
{
	TELL(s, over, s);
}

void
observe_close(struct session *s)
{
	struct observer *o = s->observer, *next;

	s->observer = NULL;
	for (; o != NULL; o = next) {
		next = o->next; /* it may be gone then */
		if (o->hooks->close != NULL)
			o->hooks->close(o->arg, s);
	}
}
