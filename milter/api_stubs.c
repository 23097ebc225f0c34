#include "api_names.h"

#include <string.h>

#define QUEUES "queueing is the MTA's job"
#define DELIVERY "delivery is the MTA's job"
#define HTTP "there is no HTTP API"
#define ACCOUNTING "accounting is the MTA's job"
#define LOGS "records of deliveries are the MTA's"
#define METRICS "these are numbers of KumoMTA's own"
#define THREADS "threads come from libmilter"
#define STATES "see states in kumo.milter.configure"
#define CACHES "KumoMTA's built-in caches do not exist"
#define MEMORY "see memory_limit in kumo.milter.configure"
#define DAEMON "that is a daemon of its own"

#define MISSING(name)                                                          \
	{                                                                      \
		name, API_STUB_MISSING, NULL                                   \
	}

static const struct api_stub stubs[] = {
	/* queues, spool and delivery */
	{ "kumo.define_spool", API_STUB_NOTHING, QUEUES },
	{ "kumo.suspend_delivery_when_spool_unhealthy", API_STUB_NOTHING,
	    QUEUES },
	{ "kumo.inject_message", API_STUB_NOTHING, QUEUES },
	{ "kumo.generate_rfc3464_message", API_STUB_NIL, QUEUES },
	{ "kumo.configure_bounce_classifier", API_STUB_NOTHING, DELIVERY },
	{ "kumo.make_egress_path", API_STUB_OBJECT, DELIVERY },
	{ "kumo.invoke_get_queue_config", API_STUB_OBJECT, DELIVERY },
	{ "kumo.invoke_get_egress_source", API_STUB_OBJECT, DELIVERY },
	{ "kumo.invoke_get_egress_pool", API_STUB_OBJECT, DELIVERY },
	{ "kumo.invoke_get_egress_path_config", API_STUB_OBJECT, DELIVERY },
	{ "kumo.compute_queue_config_constraints", API_STUB_OBJECT, DELIVERY },
	{ "kumo.compute_egress_path_config_constraints", API_STUB_OBJECT,
	    DELIVERY },
	{ "kumo.format_queue_config_toml", API_STUB_NIL, DELIVERY },
	{ "kumo.format_egress_path_config_toml", API_STUB_NIL, DELIVERY },
	{ "kumo.format_egress_path_config_constraints", API_STUB_NIL,
	    DELIVERY },
	{ "kumo.shaping.load", API_STUB_OBJECT, DELIVERY },
	{ "kumo.dns.set_mx_concurrency_limit", API_STUB_NOTHING, DELIVERY },
	{ "kumo.dns.set_mx_timeout", API_STUB_NOTHING, DELIVERY },
	{ "kumo.dns.set_mx_negative_cache_ttl", API_STUB_NOTHING, DELIVERY },
	{ "kumo.dns.set_mta_sts_enabled", API_STUB_NOTHING, DELIVERY },
	{ "kumo.dns.configure_test_mta_sts", API_STUB_NOTHING, DELIVERY },
	{ "kumo.xfer.xfer", API_STUB_NOTHING, DELIVERY },
	{ "kumo.xfer.xfer_in_requeue", API_STUB_NOTHING, DELIVERY },
	{ "kumo.xfer.cancel_xfer", API_STUB_NOTHING, DELIVERY },
	{ "kumo.xfer.get_xfer_target", API_STUB_NIL, DELIVERY },
	{ "kumo.string.normalize_smtp_response", API_STUB_ARGUMENT, DELIVERY },

	/* HTTP, accounting, access control */
	{ "kumo.start_http_listener", API_STUB_NOTHING, HTTP },
	{ "kumo.set_httpinject_threads", API_STUB_NOTHING, HTTP },
	{ "kumo.set_httpinject_recipient_rate_limit", API_STUB_NOTHING, HTTP },
	{ "kumo.api.inject.inject_v1", API_STUB_OBJECT, HTTP },
	{ "kumo.api.admin.bounce.bounce", API_STUB_NOTHING, HTTP },
	{ "kumo.api.admin.bounce.delete", API_STUB_NOTHING, HTTP },
	{ "kumo.api.admin.suspend.suspend", API_STUB_NOTHING, HTTP },
	{ "kumo.api.admin.suspend.delete", API_STUB_NOTHING, HTTP },
	{ "kumo.api.admin.suspend_ready_q.suspend", API_STUB_NOTHING, HTTP },
	{ "kumo.api.admin.suspend_ready_q.delete", API_STUB_NOTHING, HTTP },
	{ "kumo.api.admin.bounce.list", API_STUB_OBJECT, HTTP },
	{ "kumo.api.admin.suspend.list", API_STUB_OBJECT, HTTP },
	{ "kumo.api.admin.suspend_ready_q.list", API_STUB_OBJECT, HTTP },
	{ "kumo.configure_accounting_db_path", API_STUB_NOTHING, ACCOUNTING },
	{ "kumo.aaa.configure_acct_log", API_STUB_NOTHING, ACCOUNTING },
	{ "kumo.aaa.set_acl_cache_ttl", API_STUB_NOTHING, HTTP },
	{ "kumo.aaa.set_check_cache_ttl", API_STUB_NOTHING, HTTP },
	{ "kumo.aaa.set_fall_back_to_acl_map", API_STUB_NOTHING, HTTP },
	{ "kumo.aaa.make_access_control_list", API_STUB_OBJECT, HTTP },
	{ "kumo.aaa.load_acl_map", API_STUB_OBJECT, HTTP },
	{ "kumo.aaa.query_resource_access", API_STUB_OBJECT, HTTP },
	{ "kumo.aaa.make_http_url_resource", API_STUB_OBJECT, HTTP },

	/* logs */
	{ "kumo.configure_log_hook", API_STUB_NOTHING, LOGS },
	{ "kumo.configure_log_disposition_hook", API_STUB_NOTHING, LOGS },
	{ "kumo.jsonl.new_tailer", API_STUB_OBJECT, LOGS },
	{ "kumo.jsonl.new_multi_tailer", API_STUB_OBJECT, LOGS },
	{ "kumo.jsonl.new_writer", API_STUB_OBJECT, LOGS },
	{ "kumo.prometheus_metrics", API_STUB_OBJECT, METRICS },

	/* tuning */
	{ "kumo.spawn_thread_pool", API_STUB_NOTHING, THREADS },
	{ "kumo.set_smtpsrv_threads", API_STUB_NOTHING, THREADS },
	{ "kumo.set_qmaint_threads", API_STUB_NOTHING, THREADS },
	{ "kumo.set_ready_qmaint_threads", API_STUB_NOTHING, THREADS },
	{ "kumo.set_readyq_threads", API_STUB_NOTHING, THREADS },
	{ "kumo.set_spoolin_threads", API_STUB_NOTHING, THREADS },
	{ "kumo.set_logging_threads", API_STUB_NOTHING, THREADS },
	{ "kumo.set_timeq_spawn_reinsertion", API_STUB_NOTHING, THREADS },
	{ "kumo.set_max_lua_context_use_count", API_STUB_NOTHING, STATES },
	{ "kumo.set_max_lua_context_age", API_STUB_NOTHING, STATES },
	{ "kumo.set_max_spare_lua_contexts", API_STUB_NOTHING, STATES },
	{ "kumo.set_lua_gc_on_put", API_STUB_NOTHING, STATES },
	{ "kumo.set_lruttl_cache_capacity", API_STUB_NOTHING, CACHES },
	{ "kumo.set_memory_hard_limit", API_STUB_NOTHING, MEMORY },
	{ "kumo.set_memory_soft_limit", API_STUB_NOTHING, MEMORY },
	{ "kumo.set_memory_low_thresh", API_STUB_NOTHING, MEMORY },
	{ "kumo.enable_memory_callstack_tracking", API_STUB_NOTHING, MEMORY },
	{ "kumo.get_memory_hard_limit", API_STUB_NIL, MEMORY },
	{ "kumo.get_memory_soft_limit", API_STUB_NIL, MEMORY },
	{ "kumo.get_memory_low_thresh", API_STUB_NIL, MEMORY },

	/* daemons of their own */
	{ "tsa.configure_tsa_db_path", API_STUB_NOTHING, DAEMON },
	{ "tsa.start_http_listener", API_STUB_NOTHING, DAEMON },
	{ "proxy.start_proxy_listener", API_STUB_NOTHING, DAEMON },
	{ "proxy.start_http_listener", API_STUB_NOTHING, DAEMON },

	/* not in this version */
	MISSING("kumo.string.eval_template"),
	MISSING("kumo.amqp.build_client"),
	MISSING("kumo.amqp.basic_publish"),
	MISSING("kumo.kafka.build_producer"),
	MISSING("kumo.nats.connect"),
};

#define N_STUBS (sizeof stubs / sizeof stubs[0])

const struct api_stub *
api_stubs(size_t *n)
{
	*n = N_STUBS;
	return stubs;
}

const struct api_stub *
api_stub_find(const char *name)
{
	for (size_t i = 0; i < N_STUBS; i++)
		if (strcmp(stubs[i].name, name) == 0)
			return &stubs[i];
	return NULL;
}
