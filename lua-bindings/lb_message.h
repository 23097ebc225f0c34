/*
 * lb_message.h - what the files of the Message class share
 *
 * lb_message.c has the class and what reads; each other file exports its
 * methods here, for the one table of methods in lb_message.c.
 */
#ifndef KUMILTER_LB_MESSAGE_H
#define KUMILTER_LB_MESSAGE_H

struct lua_State;
struct message;

/* The message at 1; raises when it is none, or used after its transaction. */
struct message *lb_message_check(struct lua_State *L);

#endif
