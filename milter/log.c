#include "log.h"

#include "clock.h"
#include "str.h"
#include "xmalloc.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <syslog.h>
#include <time.h>
#include <unistd.h>

static const struct {
	const char *name;
	int priority;
} levels[] = {
	[LOG_LEVEL_ERROR] = { "error", LOG_ERR },
	[LOG_LEVEL_WARN] = { "warning", LOG_WARNING },
	[LOG_LEVEL_INFO] = { "info", LOG_INFO },
	[LOG_LEVEL_DEBUG] = { "debug", LOG_DEBUG },
};

static const char *const sinks[] = {
	[LOG_SINK_STDERR] = "stderr",
	[LOG_SINK_SYSLOG] = "syslog",
	[LOG_SINK_JSON] = "json",
};

/* Written by log_open() before the threads start; the level at any time. */
static enum log_sink the_sink = LOG_SINK_STDERR;
static bool is_journal; /* the sink is stderr, and that is systemd's journal */
static atomic_int the_level = LOG_LEVEL_INFO;

/* Who takes lines instead of the sink; no daemon has one or its lock. */
static struct {
	pthread_mutex_t lock;
	log_take_fn *take;
	void *arg;
} diverted = { PTHREAD_MUTEX_INITIALIZER, NULL, NULL };
static atomic_bool is_diverted;
static log_hear_fn *_Atomic listener;

/* systemd says which stream it gave us: another one may be there by now. */
static bool
stderr_is_journal(void)
{
	const char *stream = getenv("JOURNAL_STREAM");
	unsigned long long device, inode;
	struct stat sb;

	return stream != NULL &&
	       sscanf(stream, "%llu:%llu", &device, &inode) == 2 &&
	       fstat(STDERR_FILENO, &sb) == 0 && sb.st_dev == device &&
	       sb.st_ino == inode;
}

void
log_open(enum log_sink sink, enum log_level level)
{
	the_sink = sink;
	is_journal = sink == LOG_SINK_STDERR && stderr_is_journal();
	log_set_level(level);
	openlog("kumilter", LOG_PID | LOG_NDELAY, LOG_MAIL);
}

void
log_set_level(enum log_level level)
{
	atomic_store(&the_level, (int)level);
}

const char *
log_level_name(enum log_level level)
{
	return levels[level].name;
}

void
log_divert(log_take_fn *take, void *arg)
{
	pthread_mutex_lock(&diverted.lock);
	diverted.take = take;
	diverted.arg = arg;
	atomic_store(&is_diverted, take != NULL);
	pthread_mutex_unlock(&diverted.lock);
}

void
log_listen(log_hear_fn *hear)
{
	atomic_store(&listener, hear);
}

/* false: nobody takes it. */
static bool
divert(enum log_level level, const char *sid, const char *text)
{
	bool taken;

	pthread_mutex_lock(&diverted.lock);
	taken = diverted.take != NULL;
	if (taken)
		diverted.take(diverted.arg, level, sid, text);
	pthread_mutex_unlock(&diverted.lock);
	return taken;
}

bool
log_wants(enum log_level level)
{
	return (int)level <=
	       atomic_load_explicit(&the_level, memory_order_relaxed);
}

int
log_sink_parse(const char *text, enum log_sink *sink, struct err *err)
{
	for (size_t i = 0; i < sizeof sinks / sizeof *sinks; i++)
		if (strcmp(text, sinks[i]) == 0) {
			*sink = (enum log_sink)i;
			return 0;
		}
	return err_set(err, "\"%s\" is no log: stderr, syslog or json", text);
}

int
log_level_parse(const char *text, enum log_level *level, struct err *err)
{
	for (size_t i = 0; i < sizeof levels / sizeof *levels; i++)
		if (strcasecmp(text, levels[i].name) == 0 ||
		    (i == LOG_LEVEL_WARN && strcasecmp(text, "warn") == 0)) {
			*level = (enum log_level)i;
			return 0;
		}
	return err_set(
	    err, "\"%s\" is no log level: error, warning, info or debug", text);
}

static void
add_time(struct str *line)
{
	int64_t now = clock_wall();
	time_t secs = (time_t)(now / CLOCK_S);
	struct tm tm;
	char text[32];

	gmtime_r(&secs, &tm);
	strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%S", &tm);
	str_addf(line, "%s.%03dZ", text, (int)(now % CLOCK_S / CLOCK_MS));
}

static void
add_json(struct str *line, const char *key, const char *text, size_t n)
{
	str_addf(line, ",\"%s\":\"", key);
	for (size_t i = 0; i < n; i++) {
		if (text[i] == '"' || text[i] == '\\')
			str_addc(line, '\\');
		str_addc(line, text[i]);
	}
	str_addc(line, '"');
}

static void
format_line(struct str *line, enum log_level level, const char *sid,
    const struct str *text)
{
	if (the_sink == LOG_SINK_JSON) {
		str_adds(line, "{\"time\":\"");
		add_time(line);
		str_adds(line, "\"");
		add_json(line, "level", levels[level].name,
		    strlen(levels[level].name));
		if (sid != NULL)
			add_json(line, "session", sid, strlen(sid));
		add_json(line, "msg", str_c(text), text->len);
		str_adds(line, "}\n");
		return;
	}
	if (is_journal) { /* it has the time, and the level of this */
		str_addf(line, "<%d>", levels[level].priority);
	} else if (the_sink == LOG_SINK_STDERR) {
		add_time(line);
		str_addf(line, " kumilter %s: ", levels[level].name);
	}
	if (sid != NULL)
		str_addf(line, "%s: ", sid);
	str_add(line, str_c(text), text->len);
	if (the_sink == LOG_SINK_STDERR)
		str_addc(line, '\n');
}

void
log_line(enum log_level level, const char *sid, const char *fmt, ...)
{
	struct str line = { 0 }, text = { 0 };
	char *raw;
	va_list ap;
	log_hear_fn *hear = atomic_load(&listener);
	int n;

	if (!log_wants(level))
		return;
	va_start(ap, fmt);
	n = vasprintf(&raw, fmt, ap);
	va_end(ap);
	if (n < 0)
		return;
	str_add_printable(&text, raw, (size_t)n);
	free(raw);
	if (hear != NULL)
		hear(level, sid, str_c(&text));
	if (atomic_load(&is_diverted) && divert(level, sid, str_c(&text))) {
		str_fini(&text);
		return;
	}
	format_line(&line, level, sid, &text);
	if (the_sink == LOG_SINK_SYSLOG) {
		syslog(levels[level].priority, "%s", str_c(&line));
	} else {
		/* one write: lines of several threads do not mix */
		ssize_t done = write(STDERR_FILENO, line.data, line.len);
		(void)done; /* nowhere left to complain */
	}
	str_fini(&line);
	str_fini(&text);
}

bool
log_first_time(const char *key)
{
	static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
	static char **keys; /* one for each notice of the program: few */
	static size_t n;
	bool first = true;

	pthread_mutex_lock(&lock);
	for (size_t i = 0; i < n && first; i++)
		first = strcmp(keys[i], key) != 0;
	if (first && n < 4096) {
		keys = xrealloc(keys, (n + 1) * sizeof *keys);
		keys[n++] = xstrdup(key);
	}
	pthread_mutex_unlock(&lock);
	return first;
}
