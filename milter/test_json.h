/*
 * test_json.h - JSON and the values of a plain Lua state
 *
 * For the state that tests of policies run in, which has no bindings.  An
 * empty table is an object; null is nil.  Strings are any bytes.
 */
#ifndef KUMILTER_TEST_JSON_H
#define KUMILTER_TEST_JSON_H

#include <jansson.h>

struct lua_State;

void test_json_push(struct lua_State *L, const json_t *value);
/* The value at i; raises on functions and tables within tables past 64. */
json_t *test_json_at(struct lua_State *L, int i);

#endif
