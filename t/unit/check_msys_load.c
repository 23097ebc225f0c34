/*
 * Scriptlets as files: Momentum's Lua in them and in what they load, and in
 * nothing that a policy in KumoMTA's API loads.
 */
#include "policy.h"

#define MOD "require 'msys.core' local mod = {} "
#define REGISTER " msys.registerModule('s', mod)"
#define SAY(x) "error('<' .. tostring(" x ") .. '>', 0)"

/* The files of a row; lib.lua is what it may load. */
static const struct {
	const char *name, *policy, *scriptlet, *lib;
	const char *error; /* in the error, or NULL: it loads */
} rows[] = {
	{ "operators in a scriptlet", NULL,
	    MOD "if 1 != 2 then " SAY("6 & 3 | 010") " end", "", "<10>" },
	{ "in its init", NULL,
	    MOD "function mod:init() " SAY("~5 .. '\\@'") " end" REGISTER, "",
	    "<-6@>" },
	{ "lines", NULL, "local x = 1 | 2\n\nlocal y = nil & 1", "",
	    "s.lua:3: attempt to perform bitwise operation on a nil value" },
	{ "a mistake", NULL, "local x = 1 != 2\nlocal y = = 2", "",
	    "s.lua:2: unexpected symbol near '='" },
	{ "require", NULL, SAY("require 'lib'"), "return 010 | 1", "<9>" },
	{ "of what is not there", NULL, "require 'no.such'", "",
	    "s.lua:1: module 'no.such' not found" },
	{ "of what is wrong", NULL, "require 'lib'", "local x = 1 != 2\n= 1",
	    "lib.lua:2: " },
	{ "in a tail call", NULL,
	    "local function f() return require 'lib' end " SAY("f()"),
	    "return 010 | 1", "<9>" },
	{ "by way of pcall", NULL,
	    "local _, x = pcall(require, 'lib') " SAY("x"), "return 010",
	    "<8>" },
	{ "from a coroutine", NULL,
	    SAY("coroutine.wrap(function() return (require 'lib') end)()"),
	    "return 010", "<8>" },
	{ "loadstring", NULL, SAY("loadstring('return ... & 010')(12)"), "",
	    "<8>" },
	{ "of one that loads another", NULL,
	    SAY("loadstring(\"return loadstring('return 010')()\")()"), "",
	    "<8>" },
	{ "its name", NULL,
	    SAY("select(2, pcall(loadstring('local x = nil & 1')))"), "",
	    "<[string \"local x = nil & 1\"]:1: attempt" },
	{ "load with a reader", NULL,
	    "local t = { 'return 0', '10', ' | 1' } local n = 0 " SAY(
		"load(function() n = n + 1 return t[n] end)()"),
	    "", "<9>" },
	{ "that fails", NULL,
	    "local ok, why = load(function() return {} end) " SAY("why"), "",
	    "<reader function must return a string>" },
	{ "load with a text", NULL, SAY("load('return 010 | 1')()"), "",
	    "<9>" },
	{ "and an environment", NULL,
	    SAY("load('return x', 'y', 't', { x = 5 })()"), "", "<5>" },
	{ "loadfile and dofile", NULL,
	    "local p = package.searchpath('lib', package.path) " SAY(
		"loadfile(p)() .. ' ' .. dofile(p)"),
	    "return 010 | 1", "<9 9>" },
	{ "of what is not there", NULL, SAY("select(2, loadfile '/no/such')"),
	    "", "<cannot open /no/such: " },
	{ "bytecode", NULL, SAY("select(2, loadstring '\\27LJ')"), "",
	    "<attempt to load bytecode" },
	{ "packages in C are globals", NULL,
	    "require 'json' require 'pcre' require 'strict' " SAY(
		"tostring(json.decode('[1]')) .. #pcre.match('ab', '(a)(b)') "
		".. type(thread.mutex)"),
	    "", "<[ 1 ]2function>" },
	{ "but not those of the policy", NULL,
	    "json = 5 local j = require 'json' " SAY("json .. type(j)"), "",
	    "<5table>" },
	/* a policy has LuaJIT's Lua, also beside scriptlets */
	{ "require by a policy", "assert(require 'lib' == 10)",
	    SAY("require 'lib'"), "return 010", "<10>" },
	{ "by one that has asked for Momentum's API",
	    "require 'msys.core' assert(require 'lib' == 10)",
	    SAY("loadstring('return 010')()"), "return 010", "<8>" },
	{ "loadstring by a policy",
	    "require 'msys.core' assert(loadstring('return 010')() == 10) "
	    "assert(load('return 010')() == 10) "
	    "assert(not loadstring('return 1 & 1')) "
	    "function f(s) local g = loadstring(s) return g() end",
	    SAY("f('return 010') .. loadstring('return 010')()"), "", "<108>" },
	{ "all is well", "",
	    MOD "function mod:init() return 1 & 1 == 1 end" REGISTER, "",
	    NULL },
};

START_TEST(scriptlet_loads)
{
	char *folder = policy_folder();
	char *lib = policy_file(folder, "lib.lua", rows[_i].lib);
	char *scriptlet = policy_file(folder, "s.lua", rows[_i].scriptlet);
	char *text = xasprintf("package.path = '%s/?.lua;' .. package.path %s",
	    folder, rows[_i].policy != NULL ? rows[_i].policy : "");
	char *policy = policy_file(folder, "init.lua", text);
	const char *const scriptlets[] = { scriptlet };
	struct epoch_options o = { .policy = policy,
		.states = 1,
		.scriptlets = scriptlets,
		.n_scriptlets = 1 };
	struct epoch *e;
	struct err err;

	log_set_level(LOG_LEVEL_ERROR);
	e = epoch_load(&o, &err);
	if (rows[_i].error == NULL)
		ck_assert_msg(e != NULL, "%s: %s", rows[_i].name, err.msg);
	else
		ck_assert_msg(
		    e == NULL && strstr(err.msg, rows[_i].error) != NULL,
		    "%s: expected %s, got %s", rows[_i].name, rows[_i].error,
		    e != NULL ? "nothing" : err.msg);
	if (e != NULL)
		epoch_unref(e);
	unlink(lib);
	unlink(scriptlet);
	unlink(policy);
	rmdir(folder);
	free(lib);
	free(scriptlet);
	free(policy);
	free(text);
	free(folder);
}
END_TEST

static Suite *
suite(void)
{
	TCase *tcase;
	Suite *s = unit_suite("msys_load", &tcase);

	tcase_add_loop_test(tcase, scriptlet_loads, 0, UNIT_N(rows));
	return s;
}

UNIT_MAIN(suite)
