/*
 * lb_message.h - what the files of the Message class share
 *
 * lb_message.c has the class and what reads; each other file exports its
 * methods here, for the one table of methods in lb_message.c.
 */
#ifndef KUMILTER_LB_MESSAGE_H
#define KUMILTER_LB_MESSAGE_H

#include <stddef.h>

struct lua_State;
struct message;

/* The message at 1; raises when it is none, or used after its transaction. */
struct message *lb_message_check(struct lua_State *L);

/* lb_message_edit.c: headers, content, envelope */
int lb_message_append_header(struct lua_State *L);
int lb_message_prepend_header(struct lua_State *L);
int lb_message_remove_all_named(struct lua_State *L);
int lb_message_remove_x_headers(struct lua_State *L);
/* Raises where the body's file cannot be written. */
void lb_message_replace(
    struct lua_State *L, struct message *m, const char *text, size_t len);
int lb_message_set_data(struct lua_State *L);
int lb_message_set_sender(struct lua_State *L);
int lb_message_set_recipient(struct lua_State *L);
int lb_message_add_recipient(struct lua_State *L);
int lb_message_remove_recipient(struct lua_State *L);
int lb_message_quarantine(struct lua_State *L);
int lb_message_discard(struct lua_State *L);

/* lb_message_import.c: headers into metadata */
int lb_message_import_x_headers(struct lua_State *L);
int lb_message_import_headers(struct lua_State *L);
int lb_message_import_scheduling(struct lua_State *L);

/* lb_message_auth.c: Authentication-Results */
int lb_message_add_auth_results(struct lua_State *L);
int lb_message_remove_auth_results(struct lua_State *L);

/* lb_arc.c */
int lb_message_arc_verify(struct lua_State *L);

/* lb_message_mime.c: content as a tree of parts */
int lb_message_parse_mime(struct lua_State *L);
int lb_message_append_text_plain(struct lua_State *L);
int lb_message_append_text_html(struct lua_State *L);

/* lb_message_queue.c: what only a queue has */
int lb_message_no_effect(struct lua_State *L);
int lb_message_no_effect_true(struct lua_State *L);

/* lb_message_conform.c: does it keep to the standards, and mending it */
int lb_message_check_fix_conformance(struct lua_State *L);
int lb_message_queue_name(struct lua_State *L);

/* lb_message_report.c: delivery reports and abuse reports */
int lb_message_parse_rfc3464(struct lua_State *L);
int lb_message_parse_rfc5965(struct lua_State *L);

#endif
