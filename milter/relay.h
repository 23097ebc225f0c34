/*
 * relay.h - get_listener_domain and the relay rule (kumo-api 4.2)
 *
 * The MTA decides relaying; the handler is called as KumoMTA would, once for
 * each domain and session, and what it says is enforced only with
 * kumo.milter.configure{ enforce_relay = true }.
 */
#ifndef KUMILTER_RELAY_H
#define KUMILTER_RELAY_H

#include "session.h"

/* *v stays CONTINUE, or becomes the refusal of this recipient. */
void relay_check(
    struct session *s, const struct address *rcpt, struct verdict *v);

#endif
