/*
 * Many sessions, several threads, few Lua states: sessions sleep, fail, are
 * cut off and change hands while the policy is loaded anew again and again.
 * What each session is told must be its own.  For TSan and ASan as well.
 */
#include "policy.h"

#include <pthread.h>

#define THREADS 4
#define SESSIONS 64
#define ROUNDS 16 /* of each session */

static const char policy[] =
    "local kumo = require 'kumo'\n"
    "kumo.on('init', function() kumo.milter.configure{ states = 2,\n"
    "  on_error = 'tempfail', memory_limit = '32MB' } end)\n"
    "kumo.on('smtp_server_connection_accepted', function(cm)\n"
    "  cm:set_meta('list', {}) end)\n"
    "kumo.on('smtp_server_ehlo', function(name, cm)\n"
    "  cm:set_meta('me', name) end)\n"
    "local function check(cm, user)\n"
    "  assert(cm:get_meta('me') == user, user) end\n"
    "kumo.on('smtp_server_mail_from', function(a, cm)\n"
    "  local user, what = a.user, a.domain\n"
    "  check(cm, user)\n"
    "  local list = cm:get_meta('list') list[#list + 1] = what\n"
    "  cm:set_meta('list', list)\n"
    "  if what == 'sleep.example' then kumo.sleep(0.002) check(cm, user)\n"
    "  elseif what == 'fail.example' then error('x')\n"
    "  elseif what == 'pcall.example' then\n"
    "    pcall(function() kumo.sleep(0.001) error 'y' end)\n"
    "    check(cm, user)\n"
    "  elseif what == 'coroutine.example' then\n"
    "    coroutine.wrap(function() kumo.sleep(0.001) check(cm, user)\n"
    "    end)()\n"
    "  elseif what == 'sort.example' then\n"
    "    table.sort({3, 2, 1}, function(x, y) kumo.sleep(0.0005)\n"
    "      return x < y end)\n"
    "  elseif what == 'no.example' then\n"
    "    kumo.reject(550, user .. ' ' .. #list) end end)\n"
    "kumo.on('smtp_server_message_received', function(m, cm)\n"
    "  check(cm, m:sender().user)\n"
    "  if m:recipient().user == 'a' then kumo.sleep(0.001) end\n"
    "  m:append_header('X-Sender', m:sender().user) end)\n";

static struct client {
	struct play p;
	char name[16];
	int round, mails;
	bool busy;
} clients[SESSIONS];

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static int left;
static struct epoch_options options;

static void
say(struct client *c, const char *format, const char *expected)
{
	char *words = xasprintf(format, c->name, c->name);

	str_clear(&c->p.out);
	play_on(&c->p, words);
	if (strcmp(str_c(&c->p.out), expected) != 0) {
		fprintf(stderr, "%s: %s: expected %s, got %s\n", c->name, words,
		    expected, str_c(&c->p.out));
		abort(); /* Check's assertions are for its own thread */
	}
	free(words);
}

static void
mail(struct client *c, const char *kind, bool passes)
{
	char *words = xasprintf("M:<%%s@%s.example>", kind);

	c->mails++;
	say(c, words,
	    passes ? "M -"
		   : "M 451 4.3.0 mx.example.test technical "
		     "difficulties");
	free(words);
}

static void
whole_message(struct client *c)
{
	char *edits = xasprintf("R -; R -; D -; E "
				"-{+X-Sender: %s}",
	    c->name);

	mail(c, "message", true);
	say(c, "R:<a@b.example> R:<c@d.example> D h:A=b b:xyz E", edits);
	free(edits);
}

static void
one_round(struct client *c)
{
	char *no;

	if (c->p.s[0] == NULL) {
		c->mails = 0;
		say(c, "C H:%s", "C -; H -");
	}
	switch ((c->round + (int)(c - clients)) % 8) {
	case 0:
		mail(c, "sleep", true);
		break;
	case 1:
		mail(c, "fail", false);
		break;
	case 2:
		whole_message(c);
		break;
	case 3:
		c->mails++;
		no = xasprintf("M 550 %s %d", c->name, c->mails);
		say(c, "M:<%s@no.example>", no);
		free(no);
		break;
	case 4:
		mail(c, "pcall", true);
		say(c, "R:<a@b.example> D h:A=b A", "R -; D -");
		break;
	case 5:
		mail(c, "coroutine", true);
		break;
	case 6:
		mail(c, "sort", true);
		whole_message(c);
		break;
	default: /* cut off in mid-message */
		mail(c, "message", true);
		say(c, "R:<a@b.example> D h:A=b Q", "R -; D -");
	}
	c->round++;
}

/* A session goes from thread to thread, as libmilter's do. */
static void *
work(void *arg)
{
	unsigned at = (unsigned)(size_t)arg * 17;

	for (;;) {
		struct client *c = NULL;

		pthread_mutex_lock(&lock);
		if (left == 0) {
			pthread_mutex_unlock(&lock);
			return NULL;
		}
		for (int i = 0; i < SESSIONS && c == NULL; i++) {
			c = &clients[at++ % SESSIONS];
			if (c->busy || c->round == ROUNDS)
				c = NULL;
		}
		if (c != NULL)
			c->busy = true;
		pthread_mutex_unlock(&lock);
		if (c == NULL) {
			usleep(100);
			continue;
		}
		one_round(c);
		pthread_mutex_lock(&lock);
		c->busy = false;
		if (c->round == ROUNDS)
			left--;
		pthread_mutex_unlock(&lock);
	}
}

static void *
reload(void *arg)
{
	atomic_bool *over = arg;

	while (!atomic_load(over)) {
		struct err err;
		struct epoch *e = epoch_load(&options, &err);

		must(e != NULL);
		epoch_set_current(e);
		usleep(2000);
	}
	return NULL;
}

START_TEST(each_session_is_its_own)
{
	char *folder = policy_folder();
	char *path = policy_file(folder, "init.lua", policy);
	pthread_t thread[THREADS], reloader;
	atomic_bool over = false;
	struct err err;

	log_set_level(LOG_LEVEL_ERROR);
	options = (struct epoch_options){ .policy = path };
	left = SESSIONS;
	for (int i = 0; i < SESSIONS; i++)
		snprintf(clients[i].name, sizeof clients[i].name, "user%d", i);
	epoch_set_current(epoch_load(&options, &err));
	pthread_create(&reloader, NULL, reload, &over);
	for (size_t i = 0; i < THREADS; i++)
		pthread_create(&thread[i], NULL, work, (void *)i);
	for (int i = 0; i < THREADS; i++)
		pthread_join(thread[i], NULL);
	atomic_store(&over, true);
	pthread_join(reloader, NULL);
	for (int i = 0; i < SESSIONS; i++)
		play_over(&clients[i].p);
	ck_assert_int_eq(event_sessions(), 0);
	policy_done();
	unlink(path);
	rmdir(folder);
	free(path);
	free(folder);
}
END_TEST

static Suite *
suite(void)
{
	TCase *t;
	Suite *s = unit_suite("event_threads", &t);

	tcase_set_timeout(t, 120);
	tcase_add_test(t, each_session_is_its_own);
	return s;
}

UNIT_MAIN(suite)
