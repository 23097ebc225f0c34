/* Policies as files: what loads, what does not and with which words. */
#include "policy.h"

#include <sys/stat.h>

#define KUMO "local kumo = require 'kumo'\n"
#define INIT(x) KUMO "kumo.on('init', function() " x " end)\n"

static const struct {
	const char *name, *policy;
	const char *words[3]; /* of the error, NULL: it loads */
} loads[] = {
	{ "an empty policy", "", { NULL } },
	{ "nothing but a comment", "-- nothing", { NULL } },
	{ "a script's first line", "#!/usr/bin/kumilter\nlocal x = 1",
	    { NULL } },
	{ "handlers", KUMO "kumo.on('smtp_server_ehlo', function() end)",
	    { NULL } },

	/* syntax */
	{ "syntax error", "local x = 1\nlocal y = = 2\n",
	    { "init.lua:2: ", "unexpected symbol" } },
	{ "integer division", "local x = 1\nlocal y = 7 // 2\n",
	    { "init.lua:2: ", "(LuaJIT lacks ", "math.floor" } },
	{ "bit operator", "local y = 6 & 2\n",
	    { "init.lua:1: ", "(LuaJIT lacks ", "bit." } },
	{ "attribute", "local y <const> = 6\n",
	    { "init.lua:1: ", "(LuaJIT lacks " } },
	{ "a plain error gets no hint", "x = = 1 -- a // b\n",
	    { "init.lua:1: " } },
	{ "bytecode", "\033LJ\002", { "init.lua", "bytecode" } },

	/* at the top level */
	{ "error at the top level", KUMO "local t\nprint(t.x)",
	    { "init.lua:3: ", "stack traceback" } },
	{ "error object",
	    "error(setmetatable({}, { __tostring = function()\n"
	    "  return 'my own words' end }))",
	    { "my own words" } },
	{ "error without text", "error()", { "error without text" } },
	{ "kumo.reject at the top level", KUMO "kumo.reject(550, 'no')",
	    { "550 no" } },
	{ "module that is not there", "require 'no.such.module'",
	    { "init.lua:1: ", "module 'no.such.module' not found" } },
	{ "endless recursion", "local function f() return 1 + f() end f()",
	    { "stack overflow" } },

	/* kumo.on */
	{ "second handler of a Single event",
	    KUMO "kumo.on('smtp_server_ehlo', function() end)\n"
		 "kumo.on('smtp_server_ehlo', function() end)\n",
	    { "init.lua:3: ", "smtp_server_ehlo event already has a handler",
		"init.lua:2" } },
	{ "second handler of an event of one's own",
	    KUMO "kumo.on('mine', print)\nkumo.on('mine', print)\n",
	    { "mine event already has a handler" } },
	{ "several of a Multiple event",
	    KUMO "kumo.on('pre_init', function() end)\n"
		 "kumo.on('pre_init', function() end)\n"
		 "kumo.on('get_queue_config', function() end)\n"
		 "kumo.on('get_queue_config', function() end)\n",
	    { NULL } },
	{ "no function", KUMO "kumo.on('smtp_server_ehlo', 'x')",
	    { "init.lua:2: ", "function expected" } },
	{ "no name", KUMO "kumo.on(nil, print)", { "bad argument #1" } },
	{ "in init", INIT("kumo.on('smtp_server_ehlo', print)"),
	    { "init.lua:2: ", "from within the event handler 'init'",
		"top level" } },

	/* init */
	{ "error in init", INIT("error 'broken'"), { "init.lua:2: broken" } },
	{ "error in pre_init",
	    KUMO "kumo.on('pre_init', function() error 'broken' end)",
	    { "init.lua:2: broken" } },
	{ "init sleeps", INIT("kumo.sleep(0.001)"), { NULL } },
	{ "init yields", INIT("coroutine.yield()"), { "init.lua:2: " } },

	/* kumo.milter.configure */
	{ "settings",
	    INIT("kumo.milter.configure{ cpu_limit = '100ms', "
		 "memory_limit = 2^24, strict = true, states = 3 }"),
	    { NULL } },
	{ "settings at the top level",
	    KUMO "kumo.milter.configure{ states = 1 }", { NULL } },
	{ "unknown setting", INIT("kumo.milter.configure{ cpulimit = 1 }"),
	    { "init.lua:2: ",
		"\"cpulimit\" is no option of "
		"kumo.milter.configure; there are ",
		"cpu_limit" } },
	{ "setting that does not fit",
	    INIT("kumo.milter.configure{ on_error = 'ignore' }"),
	    { "init.lua:2: ", "on_error: \"ignore\" is not ", "tempfail" } },
	{ "setting out of range", INIT("kumo.milter.configure{ states = 0 }"),
	    { "states: 0 is out of range (1 to 1024)" } },
	{ "setting of the wrong type",
	    INIT("kumo.milter.configure{ cpu_limit = {} }"),
	    { "cpu_limit: \"table\"" } },
	{ "settings without names", INIT("kumo.milter.configure{ 'jit' }"),
	    { "a number is no option" } },
	{ "no table", INIT("kumo.milter.configure()"), { "table expected" } },
	{ "a policy larger than its memory",
	    INIT("kumo.milter.configure{ memory_limit = '1MiB' }") "big = {} "
								   "for i = 1, "
								   "1e5 do "
								   "big[i] = i "
								   "end",
	    { "more than three quarters of memory_limit (1048576)" } },

	/* listeners */
	{ "milter listener",
	    INIT("kumo.start_milter_listener{ listen = 'inet:1@::1' }"),
	    { NULL } },
	{ "two of them",
	    INIT("kumo.start_milter_listener{ listen = 'unix:/a' } "
		 "kumo.start_milter_listener{ listen = 'unix:/b' }"),
	    { "init.lua:2: ", "called twice", "unix:/a" } },
	{ "with another key",
	    INIT("kumo.start_milter_listener{ listn = 'unix:/a' }"),
	    { "the only key is listen" } },
	{ "without any", INIT("kumo.start_milter_listener{}"),
	    { "listen: a string such as" } },
	{ "ESMTP listeners",
	    INIT("kumo.start_esmtp_listener{ listen = '0.0.0.0:25', "
		 "relay_hosts = { '10.0.0.0/8' }, peer = { ['::1'] = "
		 "{ meta = { a = 1 } } } } "
		 "kumo.start_esmtp_listener{ listen = '0.0.0.0:587' }"),
	    { NULL } },
	{ "ESMTP listener with an unknown key",
	    INIT("kumo.start_esmtp_listener{ relayhosts = {} }"),
	    { "init.lua:2: ", "unknown key \"relayhosts\"" } },
	{ "ESMTP listener with a network that is none",
	    INIT(
		"kumo.start_esmtp_listener{ relay_hosts = { '10.0.0.0/64' } }"),
	    { "kumo.start_esmtp_listener: relay_hosts" } },
	{ "ESMTP listener with a function",
	    INIT("kumo.start_esmtp_listener{ meta = { f = print } }"),
	    { "cannot serialize function" } },

	/* what is not to be had */
	{ "ffi", "require 'ffi'", { "module 'ffi' not found" } },
	{ "os.exit", "os.exit(0)", { "a policy cannot end the daemon" } },
	{ "bytecode by load", "assert(load('\\27LJ'))", { "bytecode" } },
	{ "string.dump", "string.dump(function() end)", { "init.lua:1: " } },
	{ "not in this version", KUMO "kumo.nothing()", { "init.lua:2: " } },
};

START_TEST(policy_loads)
{
	struct err err = { "" };
	struct epoch *e = policy_load(loads[_i].policy, 0, &err);

	if (loads[_i].words[0] == NULL) {
		ck_assert_msg(e != NULL, "%s: %s", loads[_i].name, err.msg);
		epoch_unref(e);
		return;
	}
	ck_assert_msg(e == NULL, "%s: loads", loads[_i].name);
	for (int i = 0; i < 3 && loads[_i].words[i] != NULL; i++)
		ck_assert_msg(strstr(err.msg, loads[_i].words[i]) != NULL,
		    "%s: no \"%s\" in: %s", loads[_i].name, loads[_i].words[i],
		    err.msg);
}
END_TEST

START_TEST(hint_only_where_one_belongs)
{
	struct err err;

	ck_assert_ptr_null(policy_load("x = = 1 -- a // b", 0, &err));
	ck_assert_msg(strstr(err.msg, "LuaJIT lacks") == NULL, "%s", err.msg);
}
END_TEST

START_TEST(no_such_file)
{
	struct epoch_options o = { .policy = "/nowhere/init.lua" };
	struct err err;

	ck_assert_ptr_null(epoch_load(&o, &err));
	ck_assert_ptr_nonnull(strstr(err.msg, "cannot open /nowhere/init.lua"));
	o.policy = "/tmp";
	ck_assert_ptr_null(epoch_load(&o, &err));
	ck_assert_msg(
	    strstr(err.msg, "cannot read /tmp: Is a directory") != NULL, "%s",
	    err.msg);
}
END_TEST

/* ---- modules ------------------------------------------------------------ */

static const struct {
	const char *name, *file, *text; /* a module beside the policy */
	const char *policy;
	const char *word; /* of the error; NULL: it loads */
} modules[] = {
	{ "beside the policy", "mine.lua", "return { n = 7 }",
	    "assert(require 'mine'.n == 7) assert(require 'mine' == "
	    "require 'mine')",
	    NULL },
	{ "in a folder", "lib/init.lua", "return { n = 8 }",
	    "assert(require 'lib'.n == 8)", NULL },
	{ "with dots", "lib/part.lua", "return { n = 9 }",
	    "assert(require 'lib.part'.n == 9)", NULL },
	{ "that registers handlers", "mine.lua",
	    "local kumo = require 'kumo'\n"
	    "return { setup = function()\n"
	    "  kumo.on('smtp_server_ehlo', function() end) end }",
	    "require 'mine'.setup()", NULL },
	{ "with a syntax error", "mine.lua", "local x = = 1", "require 'mine'",
	    "mine.lua:1: unexpected symbol" },
	{ "that fails", "mine.lua", "error 'in the module'", "require 'mine'",
	    "mine.lua:1: in the module" },
	{ "of bytecode", "mine.lua", "\033LJ\002\002", "require 'mine'",
	    "wrong mode" },
	{ "one of KumoMTA's, kept beside", "policy-extras/queue.lua",
	    "return 'own'", "assert(require 'policy-extras.queue' == 'own')",
	    NULL },
};

START_TEST(module)
{
	char *folder = policy_folder();
	char *lib = xasprintf("%s/lib", folder);
	char *extras = xasprintf("%s/policy-extras", folder);
	struct epoch_options o = { .states = 2 };
	struct epoch *e;
	struct err err = { "" };
	char *path, *file;

	mkdir(lib, 0700);
	mkdir(extras, 0700);
	file = policy_file(folder, modules[_i].file, modules[_i].text);
	path = policy_file(folder, "init.lua", modules[_i].policy);
	o.policy = path;
	e = epoch_load(&o, &err);
	if (modules[_i].word == NULL) {
		ck_assert_msg(e != NULL, "%s: %s", modules[_i].name, err.msg);
		epoch_unref(e);
	} else {
		ck_assert_msg(
		    e == NULL && strstr(err.msg, modules[_i].word) != NULL,
		    "%s: %s", modules[_i].name, err.msg);
	}
	unlink(file);
	unlink(path);
	rmdir(lib);
	rmdir(extras);
	ck_assert_int_eq(rmdir(folder), 0);
	free(file);
	free(path);
	free(lib);
	free(extras);
	free(folder);
}
END_TEST

static Suite *
suite(void)
{
	TCase *t;
	Suite *s = unit_suite("epoch_load", &t);

	tcase_set_timeout(t, 30);
	tcase_add_loop_test(t, policy_loads, 0, UNIT_N(loads));
	tcase_add_test(t, hint_only_where_one_belongs);
	tcase_add_test(t, no_such_file);
	tcase_add_loop_test(t, module, 0, UNIT_N(modules));
	return s;
}

UNIT_MAIN(suite)
