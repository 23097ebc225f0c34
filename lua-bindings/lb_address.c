/*
 * lb_address.c - EnvelopeAddress: the address of a MAIL or RCPT command
 *
 *   address.user    string: local part without quotes; "" for the null sender
 *   address.domain  string: lower case, A-labels; "" for the null sender
 *   address.email   string: local part as written, "@", domain
 *   address.params  table: ESMTP parameters of its MAIL or RCPT command, name
 *                   in upper case -> value, or true      [kumilter's own]
 *   tostring(address) is address.email
 * Other fields raise.  Two addresses are equal only if they are one object.
 * Valid for ever: an address is a copy.
 *
 * All: events any; waits no; from KumoMTA EnvelopeAddress.
 */
#include "lb.h"
#include "lb_open.h"

#define ADDRESS "kumo.EnvelopeAddress"

/* Begins with the address: that is all that most of the code looks at. */
struct box {
	struct address address;
	json_t *esmtp;
};

static int
address_user(lua_State *L)
{
	lua_pushstring(L, ((struct address *)lb_check(L, 1, ADDRESS))->user);
	return 1;
}

static int
address_domain_(lua_State *L)
{
	lua_pushstring(L, ((struct address *)lb_check(L, 1, ADDRESS))->domain);
	return 1;
}

static int
address_email(lua_State *L)
{
	lua_pushstring(L, ((struct address *)lb_check(L, 1, ADDRESS))->email);
	return 1;
}

static int
address_params(lua_State *L)
{
	struct box *box = lb_check(L, 1, ADDRESS);

	if (box->esmtp != NULL)
		lb_pushjson(L, box->esmtp);
	else
		lua_newtable(L);
	return 1;
}

static int
address_gc(lua_State *L)
{
	struct box *box = lb_check(L, 1, ADDRESS);

	address_fini(&box->address);
	json_decref(box->esmtp);
	return 0;
}

static const luaL_Reg fields[] = {
	{ "user", address_user },
	{ "domain", address_domain_ },
	{ "email", address_email },
	{ "params", address_params },
	{ NULL, NULL },
};

static const luaL_Reg meta[] = {
	{ "__tostring", address_email },
	{ "__gc", address_gc },
	{ NULL, NULL },
};

static const struct lb_class class = { ADDRESS, fields, NULL, meta };

void
lb_address_open(lua_State *L)
{
	lb_class_open(L, &class);
}

void
lb_push_address(lua_State *L, const struct address *a)
{
	lb_push_command_address(L, a, NULL);
}

void
lb_push_command_address(
    lua_State *L, const struct address *a, const json_t *esmtp)
{
	struct box *box = lb_new(L, ADDRESS, sizeof *box);

	address_copy(&box->address, a);
	/* its own: the object may be freed under another thread's hands */
	if (json_object_size(esmtp) != 0)
		box->esmtp = json_deep_copy(esmtp);
}

const struct address *
lb_to_address(lua_State *L, int i)
{
	struct address *a = lb_test(L, i, ADDRESS);
	const char *text;
	size_t len;
	struct err err;

	if (a != NULL) {
		lua_pushvalue(L, i);
		return a;
	}
	text = lb_text(L, i, &len);
	a = lb_new(L, ADDRESS, sizeof(struct box));
	if (address_parse(a, text, len, &err) != 0)
		luaL_argerror(L, i, lua_pushfstring(L, "%s", err.msg));
	return a;
}
