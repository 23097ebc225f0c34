/*
 * lb_mpsc.c - what mpsc.lua needs: queues of the process, by name
 *
 * A value on its way in or out stands in a box, so that pushing it can fail
 * without harm and a wait for room need not convert it again.
 */
#include "lb.h"
#include "lb_open.h"

#include "milter/clock.h"
#include "milter/co.h"
#include "milter/halt.h"
#include "milter/mpsc.h"

#define CLASS "kumo.Mpsc"
#define BOX "kumo.Mpsc value"
#define LIMIT_MAX 2147483647LL
#define SECONDS_MAX 1e9
#define MANY_MAX 65536 /* values taken at once */

struct queue {
	struct mpsc *q;
};

struct box {
	struct mpsc_value v;
};

static struct mpsc *
check(lua_State *L)
{
	return ((struct queue *)lb_check(L, 1, CLASS))->q;
}

/* native.define(name, limit or nil) -> queue */
static int
define(lua_State *L)
{
	size_t len;
	const char *name = lb_text(L, 1, &len);
	long long limit =
	    lua_isnoneornil(L, 2) ? 0 : lb_integer(L, 2, 1, LIMIT_MAX);
	struct queue *queue;
	struct err err;

	luaL_argcheck(L, len <= MPSC_NAME_MAX, 1,
	    "a name of at most 1024 bytes expected");
	queue = lb_new(L, CLASS, sizeof *queue);
	queue->q = mpsc_define(name, len, (size_t)limit, &err);
	if (queue->q == NULL)
		return luaL_error(L, "kumo.mpsc.define: %s", err.msg);
	return 1;
}

/* ---- boxes -------------------------------------------------------------- */

static void
free_kept(void *kept)
{
	lb_kept_free(kept);
}

/* native.box(value) -> box */
static int
box(lua_State *L)
{
	struct lb_kept *kept = NULL;
	struct box *b;
	struct err err;

	lua_settop(L, 1);
	b = lb_new(L, BOX, sizeof *b);
	b->v.free_objects = free_kept;
	b->v.json = lb_tojson_kept(L, 1, &b->v.cost, &kept, &err);
	b->v.cost += lb_kept_size(kept);
	b->v.objects = kept;
	if (b->v.json == NULL)
		return luaL_error(L, "kumo.mpsc: %s", err.msg);
	return 1;
}

static int
box_gc(lua_State *L)
{
	struct box *b = lua_touserdata(L, 1);

	mpsc_value_fini(&b->v);
	return 0;
}

static int
push_answer(lua_State *L, enum mpsc_answer a)
{
	static const char *const texts[] = {
		[MPSC_OK] = "ok",
		[MPSC_FULL] = "full",
		[MPSC_EMPTY] = "empty",
		[MPSC_CLOSED] = "closed",
	};

	lua_pushstring(L, texts[a]);
	return 1;
}

/* native.put(queue, box) -> "ok", "full" or "closed" */
static int
put(lua_State *L)
{
	struct mpsc *q = check(L);
	struct box *b = lb_check(L, 2, BOX);

	return push_answer(L, mpsc_put(q, &b->v));
}

/* native.take(queue) -> "ok" and the value, "empty" or "closed" */
static int
take(lua_State *L)
{
	struct mpsc *q = check(L);
	struct box *b = lb_new(L, BOX, sizeof *b);
	enum mpsc_answer a = mpsc_take(q, &b->v);

	push_answer(L, a);
	if (a != MPSC_OK)
		return 1;
	lb_pushjson_kept(L, b->v.json, b->v.objects);
	mpsc_value_fini(&b->v);
	return 2;
}

/* native.take_many(queue, n) -> "ok" and an array, or "empty" or "closed" */
static int
take_many(lua_State *L)
{
	struct mpsc *q = check(L);
	int most = (int)lb_integer(L, 2, 0, LIMIT_MAX), n = 0;
	struct box *b = lb_new(L, BOX, sizeof *b);
	enum mpsc_answer a = MPSC_OK;

	lua_newtable(L);
	lb_mark_array(L);
	if (most > MANY_MAX)
		most = MANY_MAX;
	while (n < most && (a = mpsc_take(q, &b->v)) == MPSC_OK) {
		lb_pushjson_kept(L, b->v.json, b->v.objects);
		lua_rawseti(L, -2, ++n);
		mpsc_value_fini(&b->v);
	}
	push_answer(L, n > 0 ? MPSC_OK : a);
	lua_insert(L, -2);
	return 2;
}

/* ---- waiting ------------------------------------------------------------ */

/* The queue, and the box, stand below it on the stack. */
struct pause {
	struct wait wait;
	struct mpsc *q;
	const struct box *box; /* NULL: for a value */
	int64_t until;
};

static void
pause_block(struct wait *w, int64_t deadline)
{
	struct pause *p = (struct pause *)w;

	deadline = halt_patience(deadline);
	if (p->until < deadline)
		deadline = p->until;
	if (p->box != NULL)
		mpsc_wait_room(p->q, p->box->v.cost, deadline);
	else
		mpsc_wait_value(p->q, deadline);
}

static int
pause_finish(struct wait *w, lua_State *L)
{
	const struct pause *p = (struct pause *)w;

	lua_pushboolean(L, clock_mono() < p->until);
	return 1;
}

/* native.wait_value(queue) */
static int
wait_value(lua_State *L)
{
	struct mpsc *q = check(L);
	struct pause *p;

	lua_settop(L, 1);
	p = lua_newuserdata(L, sizeof *p);
	*p = (struct pause){ { pause_block, pause_finish, "mpsc:recv" }, q,
		NULL, HALT_NEVER };
	return co_wait(L);
}

/* native.wait_room(queue, box, when from native.after(), or nil) -> in time? */
static int
wait_room(lua_State *L)
{
	struct mpsc *q = check(L);
	const struct box *b = lb_check(L, 2, BOX);
	int64_t until = lua_isnoneornil(L, 3)
			    ? HALT_NEVER
			    : (int64_t)(lua_tonumber(L, 3) * (double)CLOCK_S);
	struct pause *p;

	lua_settop(L, 2);
	p = lua_newuserdata(L, sizeof *p);
	*p = (struct pause){ { pause_block, pause_finish, "mpsc:send" }, q, b,
		until };
	return co_wait(L);
}

/* native.after(seconds) -> that time, for native.wait_room() */
static int
after(lua_State *L)
{
	double seconds = luaL_checknumber(L, 1);

	luaL_argcheck(L, seconds >= 0 && seconds <= SECONDS_MAX, 1,
	    "seconds from 0 to 1e9 expected");
	lua_pushnumber(
	    L, (lua_Number)clock_mono() / (lua_Number)CLOCK_S + seconds);
	return 1;
}

/* ---- the rest ----------------------------------------------------------- */

/* native.close(queue) */
static int
close_queue(lua_State *L)
{
	mpsc_close(check(L));
	return 0;
}

/* native.is_closed(queue) -> boolean */
static int
is_closed(lua_State *L)
{
	lua_pushboolean(L, mpsc_is_closed(check(L)));
	return 1;
}

/* native.len(queue) -> how many are in it */
static int
len(lua_State *L)
{
	lua_pushnumber(L, (lua_Number)mpsc_len(check(L)));
	return 1;
}

/* native.set_index(function(queue, key)) */
static int
set_index(lua_State *L)
{
	luaL_getmetatable(L, CLASS);
	lua_pushvalue(L, 1);
	lua_setfield(L, -2, "__index");
	return 0;
}

static const luaL_Reg functions[] = {
	{ "define", define },
	{ "box", box },
	{ "put", put },
	{ "take", take },
	{ "take_many", take_many },
	{ "wait_value", wait_value },
	{ "wait_room", wait_room },
	{ "after", after },
	{ "close", close_queue },
	{ "is_closed", is_closed },
	{ "len", len },
	{ "set_index", set_index },
	{ NULL, NULL },
};

void
lb_mpsc_open(lua_State *L)
{
	static const luaL_Reg meta[] = { { "__gc", box_gc }, { NULL, NULL } };
	static const struct lb_class queue_class = { CLASS, NULL, NULL, NULL },
				     box_class = { BOX, NULL, NULL, meta };

	lb_class_open(L, &queue_class);
	lb_class_open(L, &box_class);
	lb_load_part(L, "mpsc.lua");
	lua_pushvalue(L, -2);
	lua_newtable(L);
	luaL_register(L, NULL, functions);
	lua_call(L, 2, 0);
}
