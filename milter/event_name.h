/*
 * event_name.h - the events that a milter session raises
 *
 * Their order is the order in a session.  The names are what policies pass to
 * kumo.on(); api_names.h knows all the others.
 */
#ifndef KUMILTER_EVENT_NAME_H
#define KUMILTER_EVENT_NAME_H

#define EVENTS(X)                                                              \
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

enum event_name {
#define X(id, name) EVENT_##id,
	EVENTS(X)
#undef X
	    EVENT_COUNT
};

const char *event_name(enum event_name e);

#endif
