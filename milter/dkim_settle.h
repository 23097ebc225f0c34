/*
 * dkim_settle.h - headers that an MTA will not change behind the signature
 *
 * MTAs break lines that are longer than SMTP allows, within a word if it
 * comes so, and Sendmail writes lists of addresses anew (sendmail_list.h).
 * What is signed is brought into a form before that they leave alone, and
 * that means the same.  A word of that length is nobody's to help.
 *
 * Linear.  Any thread.
 */
#ifndef KUMILTER_DKIM_SETTLE_H
#define KUMILTER_DKIM_SETTLE_H

#include "dkim_signer.h"
#include "header.h"

#define DKIM_SETTLE_LINE 980 /* bytes of a line; Sendmail breaks at 990 */

/* sendmail: the message is on its way through one. */
void dkim_settle(
    struct headers *h, const struct dkim_signer *signer, bool sendmail);

#endif
