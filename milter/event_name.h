/*
 * event_name.h - the events that a milter session raises
 *
 * KUMO_EVENTS: their order is the order in a session, the names are what
 * policies pass to kumo.on(); api_names.h knows all the others.  MSYS_EVENTS:
 * one for each stage at which Momentum's modules are called; the callouts of
 * all modules for it are one handler, which lua-bindings/msys makes.
 */
#ifndef KUMILTER_EVENT_NAME_H
#define KUMILTER_EVENT_NAME_H

#include <stdbool.h>

#define KUMO_EVENTS(X)                                                         \
	X(PRE_INIT, "pre_init")                                                \
	X(INIT, "init")                                                        \
	X(VALIDATE_CONFIG, "validate_config")                                  \
	X(DYNAMIC_PARAMETERS, "smtp_server_get_dynamic_parameters")            \
	X(CONNECTION_ACCEPTED, "smtp_server_connection_accepted")              \
	X(EHLO, "smtp_server_ehlo")                                            \
	X(MAIL_FROM, "smtp_server_mail_from")                                  \
	X(LISTENER_DOMAIN, "get_listener_domain")                              \
	X(RCPT_TO, "smtp_server_rcpt_to")                                      \
	X(MILTER_DATA, "milter_data")                                          \
	X(SMTP_DATA, "smtp_server_data")                                       \
	X(SPLIT_TRANSACTION, "smtp_server_split_transaction")                  \
	X(MESSAGE_RECEIVED, "smtp_server_message_received")                    \
	X(REWRITE_RESPONSE, "smtp_server_rewrite_response")                    \
	X(UNKNOWN_COMMAND, "milter_unknown_command")                           \
	X(MILTER_ABORT, "milter_abort")                                        \
	X(MILTER_CLOSE, "milter_close")

#define MSYS_EVENTS(X)                                                         \
	X(MODULE_DEINIT, "deinit")                                             \
	X(VALIDATE_CONNECT, "validate_connect")                                \
	X(VALIDATE_EHLO, "validate_ehlo")                                      \
	X(VALIDATE_MAILFROM, "validate_mailfrom")                              \
	X(VALIDATE_RCPTTO, "validate_rcptto")                                  \
	X(VALIDATE_DATA, "validate_data")                                      \
	X(VALIDATE_EACH_RCPT, "validate_data_spool_each_rcpt")                 \
	X(VALIDATE_DEALLOC, "validate_dealloc")

#define EVENTS(X) KUMO_EVENTS(X) MSYS_EVENTS(X)

enum event_name {
#define X(id, name) EVENT_##id,
	EVENTS(X)
#undef X
	    EVENT_COUNT
};

const char *event_name(enum event_name e);
/* Is it one of MSYS_EVENTS? */
bool event_is_msys(enum event_name e);

#endif
