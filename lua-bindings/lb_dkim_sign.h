/*
 * lb_dkim_sign.h - signers of kumo.dkim, for who else signs
 */
#ifndef KUMILTER_LB_DKIM_SIGN_H
#define KUMILTER_LB_DKIM_SIGN_H

struct lua_State;
struct dkim_signer;

/* The signer at i, which the object owns; raises where it is none. */
struct dkim_signer *lb_dkim_signer_check(struct lua_State *L, int i);

#endif
