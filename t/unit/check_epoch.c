/*
 * What a loaded policy is: its states, its settings, what KumoMTA has and a
 * milter does not.  check_epoch_load.c has the policies that do not load.
 */
#include "policy.h"

#include <fcntl.h>
#include <sys/stat.h>

#include "milter/api_names.h"

#include <lauxlib.h>

#define KUMO "local kumo = require 'kumo'\n"
#define INIT(x) KUMO "kumo.on('init', function() " x " end)\n"

/* The command line, then the policy, then the CPUs say how many. */
START_TEST(states)
{
	static const char three[] = INIT("kumo.milter.configure{ states = 3 }");
	struct err err;
	struct epoch *e;

	e = policy_load(three, 0, &err);
	ck_assert_int_eq(e->n_states, 3);
	epoch_unref(e);
	e = policy_load(three, 5, &err);
	ck_assert_int_eq(e->n_states, 5);
	epoch_unref(e);
	e = policy_load("", 0, &err);
	ck_assert_int_ge(e->n_states, 2);
	epoch_unref(e);
}
END_TEST

START_TEST(what_init_says_is_kept)
{
	struct err err;
	struct epoch *e =
	    policy_load(INIT("kumo.milter.configure{ on_error = 'reject', "
			     "event_timeout = 3 } kumo.milter.configure{ "
			     "event_timeout = '4s' } "
			     "kumo.start_milter_listener{ listen = 'unix:/x' } "
			     "kumo.start_esmtp_listener{ hostname = 'a' } "
			     "kumo.start_esmtp_listener{ hostname = 'b' }"),
		2, &err);

	ck_assert_msg(e != NULL, "%s", err.msg);
	ck_assert_int_eq(e->settings.on_error, ON_ERROR_REJECT);
	ck_assert_int_eq(e->settings.event_timeout, INT64_C(4000000000));
	ck_assert_str_eq(e->listen, "unix:/x");
	ck_assert_uint_eq(json_array_size(e->listeners), 2);
	ck_assert(!e->has_handler[EVENT_EHLO]);
	ck_assert(e->has_handler[EVENT_INIT]);
	epoch_unref(e);
}
END_TEST

/* A state as handlers have it, to run text in; the text must return nothing. */
static void
run_in(struct epoch *e, const char *text)
{
	struct state *st = e->state[0];
	int rc;

	ck_assert(state_lock(st, INT64_MAX));
	rc = luaL_loadbuffer(st->L, text, strlen(text), "=test") ||
	     lua_pcall(st->L, 0, 0, 0);
	ck_assert_msg(rc == 0, "%s", lua_tostring(st->L, -1));
	state_unlock(st);
}

/* init runs once, the top level in each state. */
START_TEST(init_runs_once)
{
	struct err err;
	struct epoch *e = policy_load(
	    "local kumo = require 'kumo'\n"
	    "order = {}\n"
	    "for _, n in ipairs{'a', 'b'} do\n"
	    "  kumo.on('pre_init', function()\n"
	    "    order[#order + 1] = n end)\n"
	    "end\n"
	    "kumo.on('init', function() order[#order + 1] = 'init' end)\n"
	    "kumo.on('validate_config', function()\n"
	    "  order[#order + 1] = 'validate' end)",
	    2, &err);

	ck_assert_msg(e != NULL, "%s", err.msg);
	run_in(e, "assert(table.concat(order, ' ') == 'a b init')");
	lua_getglobal(e->state[1]->L, "order");
	ck_assert_uint_eq(lua_objlen(e->state[1]->L, -1), 0);
	lua_pop(e->state[1]->L, 1);
	epoch_unref(e);
}
END_TEST

/* KumoMTA runs Multiple events until a handler returns a value. */
START_TEST(a_value_ends_multiple_events)
{
	struct err err;
	struct epoch *e =
	    policy_load("local kumo = require 'kumo'\n"
			"order = {}\n"
			"for _, n in ipairs{'a', 'b', 'c'} do\n"
			"  kumo.on('pre_init', function()\n"
			"    order[#order + 1] = n\n"
			"    if n == 'b' then return nil end end)\n"
			"end",
		1, &err);

	ck_assert_msg(e != NULL, "%s", err.msg);
	run_in(e, "assert(table.concat(order) == 'ab', table.concat(order))");
	epoch_unref(e);
}
END_TEST

START_TEST(validate)
{
	static const char text[] =
	    KUMO "kumo.on('validate_config', function()\n"
		 "  assert(_VALIDATING_CONFIG)\n"
		 "  if bad then kumo.validation_failed() end end)\n";
	char *folder = policy_folder();
	char *good = policy_file(folder, "good.lua", text);
	char *bad_text = xasprintf("bad = true\n%s", text);
	char *bad = policy_file(folder, "bad.lua", bad_text);
	struct epoch_options o = { .policy = good, .validate = true };
	struct epoch *e;
	struct err err;

	e = epoch_load(&o, &err);
	ck_assert_msg(e != NULL, "%s", err.msg);
	epoch_unref(e);
	o.policy = bad;
	ck_assert_ptr_null(epoch_load(&o, &err));
	ck_assert_ptr_nonnull(strstr(err.msg, "validate_config"));
	o.validate = false;
	e = epoch_load(&o, &err);
	ck_assert_ptr_nonnull(e);
	epoch_unref(e);
	unlink(good);
	unlink(bad);
	rmdir(folder);
	free(good);
	free(bad);
	free(bad_text);
	free(folder);
}
END_TEST

/* ---- what KumoMTA has and a milter does not ------------------------------ */

static struct epoch *
load_or_fail(const char *text)
{
	struct err err;
	struct epoch *e = policy_load(text, 1, &err);

	ck_assert_msg(e != NULL, "%s", err.msg);
	return e;
}

/* Every function is there; those without an effect take anything. */
START_TEST(stubs_can_be_called)
{
	static const char *const arguments[] = { "", "nil",
		"'name', { a = 1 }, 3", "{ listen = 'x', a = { 1 } }" };
	static const char *const results[] = {
		[API_STUB_NOTHING] = "assert(n == 0)",
		[API_STUB_NIL] = "assert(v == nil)",
		[API_STUB_TRUE] = "assert(v == true)",
		[API_STUB_ARGUMENT] = "assert(true)",
		[API_STUB_OBJECT] = "v:any_method(1) v.other() tostring(v)",
	};
	struct epoch *e = load_or_fail("");
	size_t n;
	const struct api_stub *row = api_stubs(&n);

	for (size_t i = 0; i < n; i++) {
		const char *dot = strchr(row[i].name, '.');
		int len = (int)(dot - row[i].name);

		for (size_t k = 0; k < UNIT_N(arguments); k++) {
			bool missing = row[i].result == API_STUB_MISSING;
			char *text =
			    xasprintf("local f = require '%.*s'%s "
				      "local n, v "
				      "local function take(...) "
				      "n, v = select('#', ...), ... end "
				      "%s take(f(%s)) %s %s",
				len, row[i].name, dot,
				missing ? "if not pcall(function()" : "",
				arguments[k],
				missing ? "end) then n = 'raised' end"
					: results[row[i].result],
				missing ? "" : "");

			run_in(e, text);
			free(text);
		}
	}
	epoch_unref(e);
}
END_TEST

START_TEST(missing_functions_say_so)
{
	struct epoch *e = load_or_fail("");

	run_in(e, "local kumo = require 'kumo'\n"
		  "local ok, why = pcall(kumo.uuid.new_v4)\n"
		  "assert(ok or why:find('kumo.uuid.new_v4: not in this '\n"
		  "  .. 'version of kumilter'), why)");
	epoch_unref(e);
}
END_TEST

/* A policy for KumoMTA with all that it has beyond reception. */
static const char kumomta_policy[] =
    "local kumo = require 'kumo'\n"
    "local queues = require 'policy-extras.queue'\n"
    "local shaping = require 'policy-extras.shaping'\n"
    "local egress = require 'policy-extras.sources'\n"
    "local hooks = require 'policy-extras.log_hooks'\n"
    "local domains = require 'policy-extras.listener_domains'\n"
    "\n"
    "local shaper = shaping:setup_with_automation {\n"
    "  publish = { 'http://127.0.0.1:8008' },\n"
    "  extra_files = { '/etc/shaping.toml' },\n"
    "}\n"
    "hooks:new_json { name = 'web', url = 'http://127.0.0.1/hook',\n"
    "  log_parameters = { headers = { 'Subject' } } }\n"
    "egress:setup { '/etc/sources.toml' }\n"
    "local queue_helper = queues:setup { '/etc/queues.toml' }\n"
    "\n"
    "kumo.on('pre_init', function()\n"
    "  kumo.set_config_monitor_globs = kumo.set_config_monitor_globs\n"
    "end)\n"
    "kumo.on('init', function()\n"
    "  kumo.define_spool { name = 'data', path = '/var/spool/d' }\n"
    "  kumo.define_spool { name = 'meta', path = '/var/spool/m',\n"
    "    kind = 'RocksDB' }\n"
    "  kumo.configure_local_logs { log_dir = '/var/log/x',\n"
    "    max_segment_duration = '1 min' }\n"
    "  kumo.configure_accounting_db_path '/var/db'\n"
    "  kumo.start_http_listener { listen = '127.0.0.1:8000',\n"
    "    trusted_hosts = { '127.0.0.1' } }\n"
    "  kumo.start_esmtp_listener { listen = '0.0.0.0:25',\n"
    "    hostname = 'mx.example', relay_hosts = { '10.0.0.0/8' } }\n"
    "  kumo.start_esmtp_listener { listen = '0.0.0.0:587',\n"
    "    banner = 'hello', trace_headers = { received_header = false } }\n"
    "end)\n"
    "kumo.on('get_listener_domain',\n"
    "  domains:setup { '/etc/domains.toml' })\n"
    "kumo.on('get_queue_config', function(domain, tenant, campaign)\n"
    "  return kumo.make_queue_config { egress_pool = 'pool',\n"
    "    retry_interval = '5 mins' } end)\n"
    "kumo.on('get_egress_pool', function(name)\n"
    "  return kumo.make_egress_pool { name = name, entries = {\n"
    "    { name = 'a', weight = 1 } } } end)\n"
    "kumo.on('get_egress_source', function(name)\n"
    "  return kumo.make_egress_source { name = name,\n"
    "    source_address = '192.0.2.1' } end)\n"
    "kumo.on('get_egress_path_config', shaper.get_egress_path_config)\n"
    "kumo.on('should_enqueue_log_record', shaper.should_enqueue_log_record)\n"
    "kumo.on('smtp_server_mail_from', function(sender)\n"
    "  if sender.domain == 'bad.example' then\n"
    "    kumo.reject(550, '5.7.1 ' .. sender.email) end end)\n"
    "kumo.on('smtp_server_message_received', function(msg, meta)\n"
    "  msg:set_meta('tenant', 'one')\n"
    "  queue_helper:apply(msg)\n"
    "end)\n"
    "kumo.on('http_message_generated', function(msg) end)\n";

START_TEST(policy_of_kumomta)
{
	struct err err;
	struct epoch *e = policy_load(kumomta_policy, 2, &err);

	ck_assert_msg(e != NULL, "%s", err.msg);
	ck_assert_uint_eq(json_array_size(e->listeners), 2);
	epoch_set_current(e);
	play_expect("C H:a M:<x@bad.example> M:<x@good.example> "
		    "R:<y@b.example> D h:A=b b:x E",
	    "C -; H -; M 550 5.7.1 x@bad.example; M -; R -; D -; E -",
	    "KumoMTA's");
	policy_done();
}
END_TEST

/* strict: what has no effect is an error, once the policy is loaded. */
START_TEST(strict)
{
	policy_use("strict = true",
	    "kumo.on('smtp_server_ehlo', function()\n"
	    "  local ok, e = pcall(kumo.inject_message, nil)\n"
	    "  kumo.reject(421, tostring(e)) end)");
	play_expect("C H:a",
	    "C -; H 421 kumo.inject_message has no effect in a milter: "
	    "queueing is the MTA's job!",
	    "strict");
	policy_done();
}
END_TEST

/* ---- replacing states ---------------------------------------------------- */

/* The text that was loaded is what counts, not what the file says later. */
START_TEST(later_states_run_the_same_text)
{
	char *folder = policy_folder();
	char *path = policy_file(folder, "init.lua",
	    KUMO "kumo.on('smtp_server_mail_from', function()\n"
		 "  kumo.reject(450, 'old') end)");
	struct epoch_options o = { .policy = path, .states = 1 };
	struct epoch *e;
	struct state *first;
	long replaced = metric_get(METRIC_STATES_REPLACED);
	struct err err;

	e = epoch_load(&o, &err);
	ck_assert_msg(e != NULL, "%s", err.msg);
	epoch_set_current(epoch_ref(e));
	first = e->state[0];
	free(policy_file(folder, "init.lua", "this is no Lua"));
	atomic_store(&first->spoiled, true);
	play_expect("C H:a M:<>", "C -; H -; M 450 old", "replaced");
	ck_assert_ptr_ne(e->state[0], first);
	ck_assert_int_eq(metric_get(METRIC_STATES_REPLACED), replaced + 1);
	policy_done();
	epoch_unref(e);
	unlink(path);
	rmdir(folder);
	free(path);
	free(folder);
}
END_TEST

/* Sessions spread over the states; a state that is replaced keeps its own. */
START_TEST(sessions_and_states)
{
	struct err err;
	struct epoch *e = policy_load("", 3, &err);
	struct state *st[7], *old;

	for (int i = 0; i < 6; i++)
		st[i] = epoch_take_state(e);
	for (int i = 0; i < 3; i++)
		ck_assert_int_eq(atomic_load(&e->state[i]->n_sessions), 2);
	old = e->state[1];
	atomic_store(&old->spoiled, true);
	st[6] = epoch_take_state(e);
	ck_assert_ptr_eq(st[6], e->state[1]);
	ck_assert_ptr_ne(st[6], old);
	ck_assert_int_eq(e->n_retired, 1);
	ck_assert(atomic_load(&old->retired));
	ck_assert_int_eq(atomic_load(&old->n_sessions), 2);
	for (int i = 0; i < 7; i++)
		epoch_leave_state(e, st[i]);
	epoch_leave_state(e, epoch_take_state(e));
	ck_assert_int_eq(e->n_retired, 0); /* its last session is gone */
	epoch_unref(e);
}
END_TEST

static void *
take_in_thread(void *arg)
{
	return epoch_take_state(arg);
}

/* While a replacement loads, sessions begin in the states that are well. */
START_TEST(nobody_waits_for_a_replacement)
{
	char *folder = policy_folder(), *fifo = xasprintf("%s/fifo", folder);
	char *text = xasprintf("local f = io.open('%s') if f then f:read() "
			       "f:close() end",
	    fifo);
	struct epoch *e;
	struct state *old, *taken;
	struct err err;
	pthread_t thread;
	void *fresh;
	int fd;

	e = policy_load(text, 2, &err);
	ck_assert_msg(e != NULL, "%s", err.msg);
	ck_assert_int_eq(mkfifo(fifo, 0600), 0);
	old = e->state[0];
	atomic_store(&old->spoiled, true);
	pthread_create(&thread, NULL, take_in_thread, e);
	fd = open(fifo, O_WRONLY | O_CLOEXEC); /* when the policy reads it */
	ck_assert_int_ge(fd, 0);
	taken = epoch_take_state(e);
	ck_assert_ptr_eq(taken, e->state[1]);
	pthread_mutex_lock(&e->lock);
	ck_assert_ptr_eq(e->state[0], old);
	pthread_mutex_unlock(&e->lock);
	close(fd);
	pthread_join(thread, &fresh);
	ck_assert_ptr_ne(e->state[0], old);
	ck_assert_ptr_eq(fresh, e->state[0]);
	epoch_leave_state(e, taken);
	epoch_leave_state(e, fresh);
	epoch_unref(e);
	unlink(fifo);
	rmdir(folder);
	free(text);
	free(fifo);
	free(folder);
}
END_TEST

static void
count(void *arg, const char *event)
{
	int *n = arg;

	ck_assert(strcmp(event, "smtp_server_ehlo") == 0 ||
		  strcmp(event, "my_own") == 0);
	++*n;
}

START_TEST(handlers_are_listed)
{
	struct epoch *e = load_or_fail(
	    KUMO "kumo.on('smtp_server_ehlo', print) "
		 "kumo.on('my_own', print) "
		 "local r = kumo.get_event_registrars('my_own') "
		 "assert(#r == 1 and r[1][1]:find('init.lua:2')) "
		 "assert(kumo.get_event_registrars('none') == nil)");
	int n = 0;

	epoch_each_handler(e, count, &n);
	ck_assert_int_eq(n, 2);
	epoch_unref(e);
}
END_TEST

START_TEST(current)
{
	struct epoch *a = load_or_fail(""), *b = load_or_fail("");
	struct epoch *seen;

	ck_assert_ptr_null(epoch_current());
	ck_assert_uint_lt(a->number, b->number);
	epoch_set_current(a);
	seen = epoch_current();
	ck_assert_ptr_eq(seen, a);
	epoch_set_current(b); /* seen is still good */
	ck_assert_int_eq(atomic_load(&seen->refs), 1);
	epoch_unref(seen);
	epoch_unref(NULL);
	policy_done();
	ck_assert_ptr_null(epoch_current());
}
END_TEST

static Suite *
suite(void)
{
	TCase *t;
	Suite *s = unit_suite("epoch", &t);

	tcase_set_timeout(t, 30);
	tcase_add_test(t, states);
	tcase_add_test(t, what_init_says_is_kept);
	tcase_add_test(t, init_runs_once);
	tcase_add_test(t, a_value_ends_multiple_events);
	tcase_add_test(t, validate);
	tcase_add_test(t, stubs_can_be_called);
	tcase_add_test(t, missing_functions_say_so);
	tcase_add_test(t, policy_of_kumomta);
	tcase_add_test(t, strict);
	tcase_add_test(t, later_states_run_the_same_text);
	tcase_add_test(t, sessions_and_states);
	tcase_add_test(t, nobody_waits_for_a_replacement);
	tcase_add_test(t, handlers_are_listed);
	tcase_add_test(t, current);
	return s;
}

UNIT_MAIN(suite)
