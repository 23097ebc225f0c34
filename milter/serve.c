#include "serve.h"

#include "clock.h"
#include "config_epoch.h"
#include "control.h"
#include "epoch.h"
#include "event.h"
#include "exporter.h"
#include "glue.h"
#include "log.h"
#include "metric.h"
#include "nudge.h"
#include "privilege.h"
#include "record_log.h"
#include "recorder_start.h"
#include "serve_options.h"
#include "serve_record.h"
#include "signals.h"
#include "status.h"
#include "test_gate.h"
#include "timer.h"
#include "trace.h"
#include "trace_session.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sysexits.h>
#include <unistd.h>

#ifdef HAVE_SYSTEMD
#include <systemd/sd-daemon.h>
#endif

/* How long what is queued may take to be written at the end. */
#define RECORDS_STOP (5 * CLOCK_S)
#define TRACE_STOP (1 * CLOCK_S)

/* One daemon a process.  Written while it starts; reload_lock's is noted. */
static struct {
	struct serve_options o;
	struct privilege who;
	struct listener door;
	pthread_mutex_t reload_lock; /* one load at a time */
	pthread_t milter;
	atomic_bool milter_ended;
	atomic_bool reload_waits; /* a reload that did not begin yet */
} d = { .door = { .fd = -1 }, .reload_lock = PTHREAD_MUTEX_INITIALIZER };

static void
tell_systemd(const char *fmt, ...)
{
#ifdef HAVE_SYSTEMD
	char text[512];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof text, fmt, ap);
	va_end(ap);
	sd_notify(0, text);
#else
	(void)fmt;
#endif
}

static int
give_up(int code, const struct err *err)
{
	log_error(NULL, "%s", err->msg);
	return code;
}

/* ---- start -------------------------------------------------------------- */

static void
raise_limits(void)
{
	struct rlimit r;

	/* one descriptor for each session, and poll() has no FD_SETSIZE */
	if (getrlimit(RLIMIT_NOFILE, &r) == 0 && r.rlim_cur < r.rlim_max) {
		r.rlim_cur = r.rlim_max;
		setrlimit(RLIMIT_NOFILE, &r);
	}
}

static int
open_door(const char *spec, struct err *err)
{
	struct listen_options o = {
		.mode = d.o.socket_mode, .owner = d.who.uid, .group = (gid_t)-1
	};

	if (geteuid() != 0)
		o.owner = (uid_t)-1;
	if (d.o.socket_group != NULL &&
	    privilege_group(d.o.socket_group, &o.group, err) != 0)
		return -1;
	return listener_open(&d.door, spec, &o, err);
}

/* The socket that systemd opened for us, if any. */
static const char *
activated(void)
{
#ifdef HAVE_SYSTEMD
	if (sd_listen_fds(1) >= 1)
		return "fd:3";
#endif
	return NULL;
}

static int
write_pidfile(struct err *err)
{
	FILE *f;

	if (d.o.pidfile == NULL)
		return 0;
	f = fopen(d.o.pidfile, "we");
	if (f == NULL || fprintf(f, "%ld\n", (long)getpid()) < 0 ||
	    fclose(f) != 0)
		return err_set(
		    err, "--pidfile %s: %s", d.o.pidfile, strerror(errno));
	if (d.who.uid != (uid_t)-1 &&
	    chown(d.o.pidfile, d.who.uid, d.who.gid) != 0)
		return err_set(err, "--pidfile %s: chown: %s", d.o.pidfile,
		    strerror(errno));
	return 0;
}

/* What is served, in words. */
static const char *
policy_name(void)
{
	return d.o.policy != NULL ? d.o.policy : d.o.scriptlets[0];
}

static struct epoch *
load(struct err *err)
{
	struct epoch_options o = { .policy = d.o.policy,
		.scriptlets = d.o.scriptlets,
		.n_scriptlets = d.o.n_scriptlets,
		.states = d.o.states,
		.records = true,
		.timeout = d.o.load_timeout };

	if (d.o.n_tests > 0 &&
	    test_gate(d.o.tests, d.o.n_tests, d.o.load_timeout, err) != 0)
		return NULL;
	return epoch_load(&o, err);
}

/* A request on the control socket, answered in its thread. */
static int answer(const char *request, int fd, struct str *out);

static int
open_control(struct err *err)
{
	if (d.o.control == NULL ||
	    control_start(d.o.control,
		geteuid() == 0 ? (unsigned)d.who.uid : (unsigned)-1, answer,
		err) == 0)
		return 0;
	if (d.o.control_given)
		return -1;
	log_warn(NULL,
	    "no control socket: %s; `kumilter reload` and `status` cannot "
	    "reach this process (--control PATH, or --control none)",
	    err->msg);
	return 0;
}

static int
start_recording(struct err *err)
{
	struct recording_options o = { .path = d.o.record,
		.max = d.o.record_max,
		.body = d.o.record_bodies,
		.redact = d.o.record_redact };
	struct err why;

	if (o.path == NULL)
		return 0;
	if (recorder_start(
		&o, geteuid() == 0 ? d.who.uid : (unsigned)-1, &why) != 0)
		return err_set(err, "--record: %s", why.msg);
	log_info(NULL, "sessions are recorded to %s", o.path);
	return 0;
}

/* What needs root, if we are it: sockets, pidfile, and then no more. */
static int
open_everything(struct err *err)
{
	const char *spec = d.o.listen != NULL ? d.o.listen : activated();

	if (privilege_find(&d.who, d.o.user, err) != 0)
		return EX_NOPERM;
	if (spec != NULL && open_door(spec, err) != 0)
		return EX_UNAVAILABLE;
	if (d.o.metrics != NULL &&
	    exporter_serve(d.o.metrics, d.o.metrics_public, err) != 0)
		return EX_UNAVAILABLE;
	if (write_pidfile(err) != 0)
		return EX_OSERR;
	if (start_recording(err) != 0)
		return EX_CANTCREAT;
	if (open_control(err) != 0)
		return EX_UNAVAILABLE;
	if (privilege_drop(&d.who, err) != 0)
		return EX_NOPERM;
	return 0;
}

/*
 * The command line's, which was opened before privileges went, or the
 * policy's.  The epoch is in use, so it stays while reload_lock is held.
 */
static int
serve_metrics(const struct epoch *e, struct err *err)
{
	if (d.o.metrics != NULL)
		return 0;
	return exporter_serve(
	    e->settings.metrics_listen, d.o.metrics_public, err);
}

static int
take_policy(struct err *err)
{
	struct epoch *e;
	const char *spec;

	pthread_mutex_lock(&d.reload_lock);
	e = load(err);
	if (e != NULL)
		epoch_set_current(e);
	if (e != NULL && serve_metrics(e, err) != 0) {
		pthread_mutex_unlock(&d.reload_lock);
		return EX_UNAVAILABLE;
	}
	pthread_mutex_unlock(&d.reload_lock);
	if (e == NULL)
		return EX_DATAERR;
	if (d.door.fd >= 0)
		return 0;
	spec = e->listen != NULL ? e->listen : SOCKET_DEFAULT;
	return open_door(spec, err) == 0 ? 0 : EX_UNAVAILABLE;
}

static void *
run_milter(void *arg)
{
	(void)arg;
	signals_leave();
	if (glue_run() != 0)
		log_error(NULL, "libmilter gave up; see its own log lines");
	atomic_store(&d.milter_ended, true);
	signals_raise(SIGTERM);
	return NULL;
}

static int
start_milter(struct err *err)
{
	if (glue_setup(d.door.fd, err) != 0)
		return EX_UNAVAILABLE;
	nudge_start(d.door.fd);
	if (pthread_create(&d.milter, NULL, run_milter, NULL) != 0) {
		err_set(err, "cannot start a thread");
		return EX_OSERR;
	}
	return 0;
}

/* ---- reload ------------------------------------------------------------- */

static int
reload(struct str *out)
{
	struct epoch *e;
	struct err err;
	int64_t begin = clock_mono();

	tell_systemd(
	    "RELOADING=1\nMONOTONIC_USEC=%lld", (long long)(begin / 1000));
	pthread_mutex_lock(&d.reload_lock);
	atomic_store(&d.reload_waits, false);
	e = load(&err);
	if (e == NULL) {
		metric_count(METRIC_RELOADS_REFUSED);
		log_error(NULL, "reload refused, the old policy serves on: %s",
		    err.msg);
		str_addf(out, "%s\nreload refused; the old policy serves on\n",
		    err.msg);
	} else {
		unsigned number = e->number;

		epoch_set_current(e);
		metric_count(METRIC_RELOADS);
		if (serve_metrics(e, &err) != 0)
			log_error(
			    NULL, "metrics stay where they are: %s", err.msg);
		log_info(NULL, "reloaded %s: epoch %u, in %lld ms",
		    policy_name(), number,
		    (long long)((clock_mono() - begin) / CLOCK_MS));
		str_addf(out, "reloaded %s: epoch %u\n", policy_name(), number);
	}
	pthread_mutex_unlock(&d.reload_lock);
	tell_systemd("READY=1");
	return e != NULL ? EX_OK : EX_DATAERR;
}

static int
answer(const char *request, int fd, struct str *out)
{
	if (strcmp(request, "reload") == 0)
		return reload(out);
	if (strcmp(request, "status") == 0) {
		status_print(out);
		return EX_OK;
	}
	if (strncmp(request, "record ", 7) == 0)
		return serve_record(request + 7, out);
	if (strncmp(request, "trace ", 6) == 0)
		return trace_watch(request + 6, fd, out);
	str_addf(out, "unknown request \"%.64s\"\n", request);
	return EX_USAGE;
}

/* ---- stop --------------------------------------------------------------- */

/* Open sessions go on to their end, a second signal or the deadline. */
static void
drain(void)
{
	int64_t deadline = clock_mono() + d.o.drain;
	struct err err;
	int sig = 0;

	tell_systemd(
	    "STOPPING=1\nSTATUS=draining %ld sessions", event_sessions());
	if (listener_shut(&d.door, &err) != 0)
		log_error(NULL, "%s", err.msg);
	control_stop(); /* a successor may want its place */
	exporter_stop();
	if (event_sessions() > 0)
		log_info(NULL, "stopping when %ld open sessions have ended",
		    event_sessions());
	while (event_sessions() + timer_jobs() > 0 && clock_mono() < deadline &&
	       sig != SIGTERM && sig != SIGINT)
		sig = signals_wait(20);
	if (event_sessions() > 0)
		log_warn(NULL,
		    "stopping with %ld sessions open: the MTA answers them by "
		    "its default action",
		    event_sessions());
}

/*
 * libmilter is not stopped but left: its smfi_stop() waits up to 5 s for its
 * listener, and no session is open any more (or time is up).
 */
static void
stop(void)
{
	if (!atomic_load(&d.milter_ended))
		drain();
	nudge_stop();
	control_stop();
	exporter_stop();
	if (d.o.pidfile != NULL && unlink(d.o.pidfile) != 0)
		log_debug(
		    NULL, "pidfile %s stays: %s", d.o.pidfile, strerror(errno));
	trace_stop(clock_mono() + TRACE_STOP);
	epoch_end();
	if (!record_log_stop(clock_mono() + RECORDS_STOP))
		log_error(NULL, "records of kumo.configure_local_logs are "
				"lost: they could not be written in time");
	if (!recording_stop(clock_mono() + RECORDS_STOP))
		log_error(NULL, "the recording's end is lost: it could not be "
				"written in time");
	log_info(NULL, "stopped");
}

/* A reload by signal, beside the main thread: a policy may load slowly. */
static void *
reload_aside(void *arg)
{
	struct str unused = { 0 };

	(void)arg;
	signals_leave();
	reload(&unused);
	str_fini(&unused);
	return NULL;
}

static void
start_reload(void)
{
	pthread_t thread;

	/* one more is enough, however many ask for it */
	if (atomic_exchange(&d.reload_waits, true))
		return;
	if (pthread_create(&thread, NULL, reload_aside, NULL) != 0)
		log_error(NULL, "reload: cannot start a thread");
	else
		pthread_detach(thread);
}

/*
 * libmilter's threads go on to the very end: no exit handlers may run beside
 * them (but for the leak check, which is one).
 */
static void
leave(int code)
{
#ifdef __SANITIZE_ADDRESS__
	exit(code);
#else
	_exit(code);
#endif
}

/* Of what changes all the time, or bumps as it loads, not more than that. */
#define BUMP_PAUSE (10 * CLOCK_S)

static void
on_bump(void)
{
	log_info(NULL, "the configuration has changed: reloading");
	start_reload();
}

static void
run_until_stopped(void)
{
	bool gave_up;

	while (signals_wait(-1) == SIGHUP)
		start_reload();
	gave_up = atomic_load(&d.milter_ended);
	stop();
	leave(gave_up ? EX_SOFTWARE : EX_OK);
}

int
cli_serve(int argc, char **argv)
{
	struct err err = { "" };
	int rc = serve_options_parse(&d.o, argc, argv);

	if (rc != 0)
		return rc == SERVE_OPTIONS_DONE ? EX_OK : rc;
	log_open(d.o.log, d.o.level);
	raise_limits();
	signals_take();
	config_epoch_on_bump(on_bump, BUMP_PAUSE);
	status_start();
	trace_sessions();
	rc = open_everything(&err);
	if (rc == 0)
		rc = take_policy(&err);
	if (rc == 0)
		rc = start_milter(&err);
	if (rc != 0) {
		give_up(rc, &err);
		control_stop();
		exporter_stop();
		listener_close(&d.door);
		if (d.o.pidfile != NULL)
			unlink(d.o.pidfile);
		return rc;
	}
	log_info(NULL, "kumilter %s serves %s on %s", KUMILTER_VERSION,
	    policy_name(), d.door.spec);
	tell_systemd("READY=1\nSTATUS=serving %s", policy_name());
	run_until_stopped();
	return EX_OK;
}
