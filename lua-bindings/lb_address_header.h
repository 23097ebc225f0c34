/*
 * lb_address_header.h - methods of Message that give an AddressHeader
 *
 * lb_message.c has them in its table of methods; lb_address_header.c says how
 * they are called.
 */
#ifndef KUMILTER_LB_ADDRESS_HEADER_H
#define KUMILTER_LB_ADDRESS_HEADER_H

struct lua_State;

int lb_message_get_address_header(struct lua_State *L);
int lb_message_from_header(struct lua_State *L);
int lb_message_to_header(struct lua_State *L);

#endif
