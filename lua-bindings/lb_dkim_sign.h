/*
 * lb_dkim_sign.h - signers of kumo.dkim, for who else signs
 */
#ifndef KUMILTER_LB_DKIM_SIGN_H
#define KUMILTER_LB_DKIM_SIGN_H

#include <stdbool.h>
#include <stdint.h>

struct content;
struct dkim_signer;
struct lua_State;

/* The signer at i, which the object owns; raises where it is none. */
struct dkim_signer *lb_dkim_signer_check(struct lua_State *L, int i);

/* t= of all signatures of one message: its batches get equal ones. */
int64_t lb_dkim_sign_time(struct content *c);

/* Is the message on its way through Sendmail?  For dkim_settle(). */
bool lb_dkim_sign_sendmail(struct lua_State *L);

#endif
