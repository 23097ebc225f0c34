/*
 * lb_msys_operator.c - native.operator: Momentum's operators on numbers
 *
 * An operand is a number or a string that is one.  What it is becomes an
 * integer of 64 bits by leaving out its fraction; the result is a number
 * again, exact up to 2^53.  Where Momentum's C leaves open what happens, this
 * is what its machines, x86-64, do: NaN and what needs more than 64 bits are
 * -2^63, a shift counts by the lower six bits of its right side, and >> keeps
 * the sign.  None of these raises or waits.
 */
#include "lb_open.h"

#include <lauxlib.h>
#include <lua.h>
#include <stdbool.h>
#include <stdint.h>

static int64_t
integer(lua_Number n)
{
	if (n >= -0x1p63 && n < 0x1p63)
		return (int64_t)n;
	return INT64_MIN;
}

static bool
operands(lua_State *L, int64_t *a, int64_t *b)
{
	if (!lua_isnumber(L, 1) || !lua_isnumber(L, 2))
		return false;
	*a = integer(lua_tonumber(L, 1));
	*b = integer(lua_tonumber(L, 2));
	return true;
}

static int
give(lua_State *L, int64_t n)
{
	lua_pushnumber(L, (lua_Number)n);
	return 1;
}

/* operator.band(a, b) -> number; nothing where one is no number */
static int
band(lua_State *L)
{
	int64_t a, b;

	return operands(L, &a, &b) ? give(L, a & b) : 0;
}

/* operator.bor(a, b) -> number, or nothing */
static int
bor(lua_State *L)
{
	int64_t a, b;

	return operands(L, &a, &b) ? give(L, a | b) : 0;
}

/* operator.bxor(a, b) -> number, or nothing */
static int
bxor(lua_State *L)
{
	int64_t a, b;

	return operands(L, &a, &b) ? give(L, a ^ b) : 0;
}

/* operator.shl(a, b) -> number, or nothing */
static int
shl(lua_State *L)
{
	int64_t a, b;

	if (!operands(L, &a, &b))
		return 0;
	return give(L, (int64_t)((uint64_t)a << (b & 63)));
}

/* operator.shr(a, b) -> number, or nothing */
static int
shr(lua_State *L)
{
	int64_t a, b;

	return operands(L, &a, &b) ? give(L, a >> (b & 63)) : 0;
}

/* operator.bnot(a) -> number, or nothing */
static int
bnot(lua_State *L)
{
	if (!lua_isnumber(L, 1))
		return 0;
	return give(L, ~integer(lua_tonumber(L, 1)));
}

/*
 * operator.handler(event, a, b) -> the metamethod of a, or else of b
 *   event: "__and".  Looks behind __metatable.  Nothing where neither has it.
 */
static int
handler(lua_State *L)
{
	const char *event = luaL_checkstring(L, 1);

	lua_settop(L, 3);
	return luaL_getmetafield(L, 2, event) != 0 ||
	       luaL_getmetafield(L, 3, event) != 0;
}

static const luaL_Reg functions[] = {
	{ "band", band },
	{ "bnot", bnot },
	{ "bor", bor },
	{ "bxor", bxor },
	{ "handler", handler },
	{ "shl", shl },
	{ "shr", shr },
	{ NULL, NULL },
};

void
lb_msys_operator_open(lua_State *L)
{
	lua_newtable(L);
	luaL_register(L, NULL, functions);
	lua_setfield(L, -2, "operator");
}
