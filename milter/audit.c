#include "audit.h"

#include "clock.h"
#include "ip_count.h"
#include "metric.h"

#include <netinet/in.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/socket.h>

#define INTERVAL_MAX 31536000 /* a year */
#define WINDOWS_MAX 1000

struct monitor {
	int64_t interval; /* seconds */
	int windows;
	struct ip_count count[AUDIT_KINDS];
};

atomic_bool audit_on;

static struct {
	pthread_mutex_t lock;
	struct ip_count open;
	struct monitor monitor[AUDIT_MONITORS_MAX];
	int n;
} all = { .lock = PTHREAD_MUTEX_INITIALIZER };

void
audit_begin(void)
{
	if (audit_is_on())
		return;
	pthread_mutex_lock(&all.lock);
	if (all.open.max == 0)
		ip_count_init(&all.open, 1, AUDIT_SESSIONS_MAX);
	pthread_mutex_unlock(&all.lock);
	atomic_store(&audit_on, true);
}

static void
add(struct ip_count *c, const struct ip *ip, int64_t window, int64_t delta)
{
	unsigned long before = c->evicted;

	ip_count_add(c, ip, window, delta);
	metric_add(METRIC_KEYS_DROPPED, (long)(c->evicted - before));
}

static void
count(enum audit_kind kind, const struct ip *ip, int64_t now)
{
	for (int i = 0; i < all.n; i++) {
		struct monitor *m = &all.monitor[i];

		add(&m->count[kind], ip, now / (m->interval * CLOCK_S), 1);
	}
}

void
audit_count(enum audit_kind kind, const struct ip *ip, int64_t now)
{
	struct ip plain = *ip;

	ip_count_unmap(&plain);
	pthread_mutex_lock(&all.lock);
	count(kind, &plain, now);
	pthread_mutex_unlock(&all.lock);
}

bool
audit_opened(const struct ip *ip, int64_t now)
{
	struct ip plain = *ip;

	ip_count_unmap(&plain);
	pthread_mutex_lock(&all.lock);
	add(&all.open, &plain, 0, 1);
	count(AUDIT_CONNECTIONS, &plain, now);
	pthread_mutex_unlock(&all.lock);
	return true;
}

void
audit_closed(const struct ip *ip)
{
	struct cidr net = { .ip = *ip };
	int64_t open;

	ip_count_unmap(&net.ip);
	net.prefix = net.ip.family == AF_INET ? 32 : 128;
	pthread_mutex_lock(&all.lock);
	open = ip_count_sum(&all.open, &net, 0, 0, 0);
	if (open > 1)
		ip_count_add(&all.open, &net.ip, 0, -1);
	else if (open == 1) /* 0: it was pushed out */
		ip_count_remove(&all.open, &net.ip);
	pthread_mutex_unlock(&all.lock);
}

int64_t
audit_sessions(const struct cidr *net)
{
	int64_t n;

	pthread_mutex_lock(&all.lock);
	n = all.open.max != 0 ? ip_count_sum(&all.open, net, 0, 0, 0) : 0;
	pthread_mutex_unlock(&all.lock);
	return n;
}

/* "60,1" */
static int
read_terms(const char *text, int64_t *interval, int *windows, struct err *err)
{
	char *comma, *end;
	long a = strtol(text, &comma, 10), b = 0;
	bool ok = text[0] >= '0' && text[0] <= '9' && *comma == ',' &&
		  comma[1] >= '0' && comma[1] <= '9';

	if (ok) {
		b = strtol(comma + 1, &end, 10);
		ok = *end == '\0' && a >= 1 && a <= INTERVAL_MAX && b >= 1 &&
		     b <= WINDOWS_MAX;
	}
	if (!ok)
		return err_set(err,
		    "a monitor such as \"60,1\" expected: seconds of a window "
		    "and number of windows (to %d)",
		    WINDOWS_MAX);
	*interval = a;
	*windows = (int)b;
	return 0;
}

static void
add_monitor(int64_t interval, int windows)
{
	struct monitor *m = &all.monitor[all.n++];

	*m = (struct monitor){ .interval = interval, .windows = windows };
	for (int i = 0; i < AUDIT_KINDS; i++)
		ip_count_init(&m->count[i], windows + 1,
		    ip_count_fits(windows + 1, AUDIT_BYTES));
}

int
audit_monitor(const char *text, bool *new, struct err *err)
{
	int64_t interval = 0;
	int windows = 0, i = 0;

	if (read_terms(text, &interval, &windows, err) != 0)
		return -1;
	audit_begin();
	pthread_mutex_lock(&all.lock);
	while (i < all.n && (all.monitor[i].interval != interval ||
				all.monitor[i].windows != windows))
		i++;
	*new = i == all.n &&i < AUDIT_MONITORS_MAX;
	if (*new)
		add_monitor(interval, windows);
	else if (i == all.n)
		i = err_set(
		    err, "there are %d monitors already", AUDIT_MONITORS_MAX);
	pthread_mutex_unlock(&all.lock);
	return i;
}

int64_t
audit_sum(int monitor, enum audit_kind kind, const struct cidr *net,
    int64_t first, int64_t last, int64_t now)
{
	const struct monitor *m = &all.monitor[monitor];
	int64_t sum;

	pthread_mutex_lock(&all.lock);
	sum = ip_count_sum(
	    &m->count[kind], net, now / (m->interval * CLOCK_S), first, last);
	pthread_mutex_unlock(&all.lock);
	return sum;
}
