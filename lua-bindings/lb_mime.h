/*
 * lb_mime.h - what the bindings of MIME share
 *
 * A tree belongs to one userdata that nobody sees; MimePart and HeaderMap
 * objects point into it and keep it, by their environment table, together
 * with the string that it was parsed from.  Lua counts none of the tree's
 * memory, so the table also holds a block of that size that is never used:
 * collector and memory limit see it.
 *
 * lb_mime_tree.c has this; where a function is in another file, it says so.
 */
#ifndef KUMILTER_LB_MIME_H
#define KUMILTER_LB_MIME_H

#include "milter/mime_field.h"
#include "milter/str.h"

struct lua_State;
struct mime_attach;
struct mime_value;

#define LB_MIME_PART "kumo.MimePart"
#define LB_HEADER_MAP "kumo.HeaderMap"
#define LB_HEADER "kumo.Header"
#define LB_MIME_BUILDER "kumo.MimeBuilder"

/* The classes behind it; lb_mime_open() calls these. */
void lb_mime_tree_open(struct lua_State *L);
void lb_mime_value_open(struct lua_State *L);

/* MimePart and HeaderMap */
struct lb_mime {
	struct mime_part *part;
};

/* The part of an object of this class at i; raises when it was removed. */
struct mime_part *lb_mime_check(struct lua_State *L, int i, const char *class);

/* Push an object for a part of the tree that the object at i belongs to. */
void lb_mime_push(
    struct lua_State *L, int i, const char *class, struct mime_part *part);

/* Parse the string at i and push the MimePart of its root. */
void lb_mime_push_parsed(struct lua_State *L, int i);
/* Of a text that is taken. */
void lb_mime_push_taken(struct lua_State *L, struct str *text);

/* The tree of the object at i has grown: have Lua count it. */
void lb_mime_charge(struct lua_State *L, int i);

/* Push something that frees a struct str with itself, and give that. */
struct str *lb_mime_scratch(struct lua_State *L);
/* Put the bytes on the stack in the place of the scratch on top of it. */
void lb_mime_scratch_text(struct lua_State *L, struct str *s);

/* A content type at i, without its parameters; raises on none.  Pushes. */
const char *lb_mime_type(struct lua_State *L, int i);
/* { file_name, inline, content_id } at i, or nil: false. */
bool lb_mime_attach(struct lua_State *L, int i, struct mime_attach *a);

/* lb_header_map.c: the HeaderMap of the MimePart at i */
void lb_header_map_push(struct lua_State *L, int i, struct mime_part *part);
/* lb_mime_header.c */
void lb_mime_header_push(struct lua_State *L, const struct mime_field *f);

/*
 * lb_mime_value.c: the value of a header as what it is.  Reading pushes it, or
 * raises "invalid header NAME: why".  lb_mime_write.c: writing takes the Lua
 * value at i - text that reads as such, or what reading gives - and appends
 * the value for a header, CRLF folds included.
 */
enum lb_mime_kind {
	LB_MIME_TEXT,
	LB_MIME_MAILBOX,
	LB_MIME_MAILBOX_LIST,
	LB_MIME_ADDRESS_LIST,
	LB_MIME_ID,
	LB_MIME_ID_LIST,
	LB_MIME_PARAMS,
	LB_MIME_AUTH_RESULTS,
};
enum lb_mime_kind lb_mime_kind_of(const char *name, size_t len);
void lb_mime_value_push(struct lua_State *L, enum lb_mime_kind kind,
    const char *name, const char *text, size_t len);
void lb_mime_value_write(struct lua_State *L, int i, enum lb_mime_kind kind,
    const char *name, struct str *out);

#endif
