/*
 * loadgen.c - plays a busy MTA before one filter, and measures it
 *
 *	loadgen -S unix:PATH | inet:PORT@HOST [options]
 *
 *	--concurrent N  sessions at a time (1)
 *	--sessions N    sessions in all (1000), or
 *	--seconds S     as many as fit in that time
 *	--messages M    messages in each session (1)
 *	--rcpts R       recipients of each message (1)
 *	--headers H     header fields (6), --header-bytes B of each (40)
 *	--body B        bytes of body (0); headers and body travel only to a
 *	                filter that did not decline them
 *	--idle N        first open N sessions that stay at HELO to the end
 *	--hold          open the idle sessions, say "ready", wait for end of
 *	                input, do nothing else
 *	--in-body       the idle sessions stay in their first message instead,
 *	                where only its end is missing
 *	--own-address   each session from an address of its own, by its number;
 *	--first N       the first one has this number (0)
 *	--sendmail      macros as Sendmail has them, not as Postfix
 *	--timeout S     a reply that takes longer is an error (60)
 *	--json          one JSON object instead of a table
 *
 * TERM ends it early: sessions end after the message they are in.
 *
 * A refusal is a reply like another and is counted by its letter; errors are
 * broken connections, broken packets and replies that do not come.  Exits 1
 * when there was one.
 */
#include "lg.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

static struct {
	union {
		struct sockaddr sa;
		struct sockaddr_un un;
		struct sockaddr_in in;
	} peer;
	socklen_t peer_len;
	unsigned concurrent, idle;
	uint64_t sessions;
	double seconds, timeout;
	bool json, hold;
} opt = { .concurrent = 1, .sessions = 1000, .timeout = 60 };

static struct plan plan = { .messages = 1,
	.rcpts = 1,
	.headers = 6,
	.header_bytes = 40,
	.idle_at = STEP_HELO };
static struct tally tally;
static struct conn *conns;
static unsigned nconns, serial;
static uint64_t started;
static int poller;
static const struct deal *last_deal;
static volatile sig_atomic_t told_to_end;

static void
die(const char *what, const char *which)
{
	fprintf(stderr, "loadgen: %s: %s\n", what, which);
	exit(64);
}

static void
parse_socket(const char *spec)
{
	const char *at = strchr(spec, '@');

	memset(&opt.peer, 0, sizeof opt.peer);
	if (strncmp(spec, "unix:", 5) == 0) {
		opt.peer.un.sun_family = AF_UNIX;
		if (strlen(spec + 5) >= sizeof opt.peer.un.sun_path)
			die("path too long", spec);
		strcpy(opt.peer.un.sun_path, spec + 5);
		opt.peer_len = sizeof opt.peer.un;
	} else if (strncmp(spec, "inet:", 5) == 0) {
		opt.peer.in.sin_family = AF_INET;
		opt.peer.in.sin_port = htons((uint16_t)atoi(spec + 5));
		if (inet_pton(AF_INET, at != NULL ? at + 1 : "127.0.0.1",
			&opt.peer.in.sin_addr) != 1)
			die("not an IPv4 address", spec);
		opt.peer_len = sizeof opt.peer.in;
	} else {
		die("not unix:PATH or inet:PORT@HOST", spec);
	}
}

static int
open_fd(void)
{
	int on = 1, fd = socket(opt.peer.sa.sa_family, SOCK_STREAM, 0);

	if (fd < 0)
		return -1;
	if (connect(fd, &opt.peer.sa, opt.peer_len) != 0) {
		close(fd);
		return -1;
	}
	if (opt.peer.sa.sa_family == AF_INET)
		setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
	fcntl(fd, F_SETFL, O_NONBLOCK);
	return fd;
}

static void
watch(struct conn *c, int how)
{
	struct epoll_event e = {
		.events = EPOLLIN | (c->writing ? EPOLLOUT : 0),
		.data.ptr = c,
	};

	epoll_ctl(poller, how, c->fd, &e);
}

static void
start(struct conn *c, bool idle)
{
	int fd = open_fd();

	memset(c, 0, sizeof *c);
	c->fd = -1;
	c->state = CONN_DONE;
	if (fd < 0) {
		conn_fail(c, &tally, strerror(errno));
		return;
	}
	conn_start(c, fd, serial++, idle, &plan, &tally);
	watch(c, EPOLL_CTL_ADD);
}

static void
on_term(int signo)
{
	told_to_end = signo;
}

static bool
more_to_start(int64_t deadline)
{
	if (told_to_end || tally.errors > 1000)
		return false;
	if (opt.seconds > 0)
		return now_ns() < deadline;
	return started < opt.sessions;
}

/* Look for sessions whose answer is overdue. */
static void
check_timeouts(void)
{
	static int64_t last;
	int64_t now = now_ns();
	int64_t oldest = now - (int64_t)(opt.timeout * 1e9);

	if (now - last < 500000000)
		return;
	last = now;
	for (unsigned i = 0; i < nconns; i++) {
		struct conn *c = &conns[i];

		if (c->fd < 0 || c->state != CONN_BUSY || c->sent_at > oldest)
			continue;
		conn_fail(c, &tally, "no answer in time");
		/* not freed here: an event for it may be waiting */
		shutdown(c->fd, SHUT_RDWR);
	}
}

/* Close what has ended and begin another in its place. */
static bool
renew(struct conn *c, int64_t deadline)
{
	if (c->deal != NULL)
		last_deal = c->deal;
	conn_quit(c);
	c->fd = -1;
	if (c->idle || !more_to_start(deadline))
		return false;
	started++;
	start(c, false);
	return c->fd >= 0;
}

/* One round of the poller; returns how many busy sessions ended for good. */
static unsigned
turn(int64_t deadline)
{
	struct epoll_event ev[256];
	int n = epoll_wait(poller, ev, 256, 1000);
	unsigned ended = 0;

	for (int i = 0; i < n; i++) {
		struct conn *c = ev[i].data.ptr;
		bool was_writing = c->writing;

		if (c->state != CONN_FAILED)
			conn_run(c, &plan, &tally);
		if (c->state == CONN_DONE || c->state == CONN_FAILED)
			ended += !renew(c, deadline) && !c->idle;
		else if (c->writing != was_writing)
			watch(c, EPOLL_CTL_MOD);
	}
	check_timeouts();
	return ended;
}

/* Go on until these are where they stay. */
static void
settle(const struct conn *first, unsigned n)
{
	for (const struct conn *c = first; c < first + n; c++)
		while (c->state == CONN_BUSY || (c->fd >= 0 && c->writing))
			turn(0);
	if (tally.errors > 0)
		die("an idle session failed", tally.first_error);
}

static void
open_idle(void)
{
	for (unsigned i = 0; i < opt.idle; i++) {
		start(&conns[i], true);
		/* one after the other: this is not what is measured */
		if (plan.idle_at == STEP_HELO)
			settle(&conns[i], 1);
	}
	settle(conns, opt.idle);
	if (opt.hold) {
		puts("ready");
		fflush(stdout);
		while (getchar() != EOF)
			continue;
	}
	memset(tally.lat, 0, sizeof tally.lat);
}

static double
run_load(void)
{
	int64_t begin = now_ns();
	int64_t deadline = begin + (int64_t)(opt.seconds * 1e9);
	unsigned busy = 0;

	for (unsigned i = 0; i < opt.concurrent; i++) {
		if (!more_to_start(deadline))
			break;
		started++;
		start(&conns[opt.idle + i], false);
		busy += conns[opt.idle + i].fd >= 0;
	}
	while (busy > 0) {
		if (told_to_end || (opt.seconds > 0 && now_ns() >= deadline))
			plan.stop = true;
		busy -= turn(deadline);
	}
	return (double)(now_ns() - begin) / 1e9;
}

static const struct option options[] = {
	{ "socket", required_argument, NULL, 'S' },
	{ "concurrent", required_argument, NULL, 'c' },
	{ "sessions", required_argument, NULL, 'n' },
	{ "seconds", required_argument, NULL, 't' },
	{ "messages", required_argument, NULL, 'm' },
	{ "rcpts", required_argument, NULL, 'r' },
	{ "headers", required_argument, NULL, 'H' },
	{ "header-bytes", required_argument, NULL, 'B' },
	{ "body", required_argument, NULL, 'b' },
	{ "idle", required_argument, NULL, 'i' },
	{ "timeout", required_argument, NULL, 'T' },
	{ "hold", no_argument, NULL, 'h' },
	{ "in-body", no_argument, NULL, 'I' },
	{ "own-address", no_argument, NULL, 'o' },
	{ "first", required_argument, NULL, 'f' },
	{ "sendmail", no_argument, NULL, 's' },
	{ "json", no_argument, NULL, 'j' },
	{ NULL, 0, NULL, 0 },
};

static bool
take_number(int o, const char *arg)
{
	unsigned n = (unsigned)strtoul(arg, NULL, 10);

	switch (o) {
	case 'c':
		opt.concurrent = n;
		return true;
	case 'm':
		plan.messages = n;
		return true;
	case 'r':
		plan.rcpts = n;
		return true;
	case 'H':
		plan.headers = n;
		return true;
	case 'B':
		plan.header_bytes = n;
		return true;
	case 'b':
		plan.body_bytes = n;
		return true;
	case 'i':
		opt.idle = n;
		return true;
	case 'f':
		serial = n;
		return true;
	default:
		return false;
	}
}

static void
take_options(int argc, char **argv)
{
	int o;

	while ((o = getopt_long(argc, argv, "S:c:n:t:m:r:H:B:b:i:T:f:hIosj",
		    options, NULL)) != -1) {
		if (optarg != NULL && take_number(o, optarg))
			continue;
		if (o == 'S')
			parse_socket(optarg);
		else if (o == 'n')
			opt.sessions = strtoull(optarg, NULL, 10);
		else if (o == 't')
			opt.seconds = atof(optarg);
		else if (o == 'T')
			opt.timeout = atof(optarg);
		else if (o == 'h')
			opt.hold = true;
		else if (o == 'I')
			plan.idle_at = STEP_BODY;
		else if (o == 'o')
			plan.own_address = true;
		else if (o == 's')
			plan.sendmail = true;
		else if (o == 'j')
			opt.json = true;
		else
			die("usage", "see the head of loadgen.c");
	}
	if (opt.peer_len == 0)
		die("usage", "-S unix:PATH or -S inet:PORT@HOST is missing");
	if (opt.concurrent == 0 || plan.messages == 0 || plan.rcpts == 0)
		die("usage", "that number may not be 0");
}

int
main(int argc, char **argv)
{
	struct rlimit r;
	double took = 1e-9;

	take_options(argc, argv);
	if (getrlimit(RLIMIT_NOFILE, &r) == 0) {
		r.rlim_cur = r.rlim_max;
		setrlimit(RLIMIT_NOFILE, &r);
	}
	signal(SIGTERM, on_term);
	poller = epoll_create1(EPOLL_CLOEXEC);
	nconns = opt.idle + opt.concurrent;
	conns = calloc(nconns, sizeof *conns);
	if (poller < 0 || conns == NULL)
		die("cannot start", strerror(errno));
	for (unsigned i = 0; i < nconns; i++)
		conns[i].fd = -1;
	open_idle();
	if (!opt.hold) {
		took = run_load();
		(opt.json ? report_json : report_table)(
		    &tally, last_deal, took);
	}
	for (unsigned i = 0; i < opt.idle; i++)
		if (conns[i].fd >= 0)
			conn_quit(&conns[i]);
	return tally.errors > 0;
}
