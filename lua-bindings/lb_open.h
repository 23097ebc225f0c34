/*
 * lb_open.h - the opener of each binding, called in one list by bindings.c
 *
 * An opener finds the table of the kumo module on top of the stack, adds its
 * functions (or sub-tables) to it and leaves the stack as it was.
 */
#ifndef KUMILTER_LB_OPEN_H
#define KUMILTER_LB_OPEN_H

struct lua_State;

void lb_reject_open(struct lua_State *L);
void lb_address_open(struct lua_State *L);
void lb_address_header_open(struct lua_State *L);
void lb_conn_meta_open(struct lua_State *L);
void lb_message_open(struct lua_State *L);
void lb_log_open(struct lua_State *L);
void lb_kumo_open(struct lua_State *L);
void lb_time_open(struct lua_State *L);
void lb_throttle_open(struct lua_State *L);
void lb_memo_open(struct lua_State *L);
void lb_count_series_open(struct lua_State *L);
void lb_task_open(struct lua_State *L);
void lb_mpsc_open(struct lua_State *L);
void lb_monitor_open(struct lua_State *L);
void lb_milter_open(struct lua_State *L);
void lb_listener_open(struct lua_State *L);
void lb_record_open(struct lua_State *L);
void lb_trace_open(struct lua_State *L);
void lb_mime_open(struct lua_State *L);
void lb_mimepart_open(struct lua_State *L);
void lb_mime_builder_open(struct lua_State *L);
void lb_mime_header_open(struct lua_State *L);
void lb_header_map_open(struct lua_State *L);
void lb_text_open(struct lua_State *L);
void lb_encode_open(struct lua_State *L);
void lb_regex_open(struct lua_State *L);
void lb_map_open(struct lua_State *L);
void lb_map_build_open(struct lua_State *L);
void lb_map_file_open(struct lua_State *L);
void lb_binary_open(struct lua_State *L);
void lb_secret_open(struct lua_State *L);
void lb_digest_open(struct lua_State *L);
void lb_crypto_open(struct lua_State *L);
void lb_uuid_open(struct lua_State *L);
void lb_serde_open(struct lua_State *L);
void lb_moment_open(struct lua_State *L);
void lb_sqlite_open(struct lua_State *L);
void lb_redis_open(struct lua_State *L);
void lb_dns_open(struct lua_State *L);
void lb_spf_open(struct lua_State *L);
void lb_dkim_verify_open(struct lua_State *L);
void lb_dmarc_open(struct lua_State *L);
void lb_arc_open(struct lua_State *L);
void lb_arc_seal_open(struct lua_State *L);
void lb_http_open(struct lua_State *L);
void lb_clamd_open(struct lua_State *L);
void lb_vault_open(struct lua_State *L);
void lb_dkim_sign_open(struct lua_State *L);
void lb_fs_open(struct lua_State *L);
void lb_file_open(struct lua_State *L);
void lb_file_type_open(struct lua_State *L);
void lb_stub_open(struct lua_State *L);
void lb_msys_open(struct lua_State *L);

/* Adds its primitives to the table on top, below which kumo is. */
void lb_dkim_signer_open(struct lua_State *L);

/* Momentum's: each adds a table of primitives to that on top of the stack. */
void lb_msys_session_open(struct lua_State *L);
void lb_msys_counter_open(struct lua_State *L);
void lb_msys_series_open(struct lua_State *L);
void lb_msys_cidr_open(struct lua_State *L);
void lb_msys_share_open(struct lua_State *L);
void lb_msys_audit_open(struct lua_State *L);
void lb_msys_pcre_open(struct lua_State *L);
void lb_msys_codec_open(struct lua_State *L);
void lb_msys_text_open(struct lua_State *L);
void lb_msys_dkim_open(struct lua_State *L);
void lb_msys_load_open(struct lua_State *L);
void lb_msys_operator_open(struct lua_State *L);
void lb_msys_db_open(struct lua_State *L);
void lb_msys_file_open(struct lua_State *L);
void lb_msys_dns_open(struct lua_State *L);
void lb_msys_timer_open(struct lua_State *L);
void lb_msys_http_open(struct lua_State *L);
void lb_msys_submit_open(struct lua_State *L);
void lb_msys_mime_open(struct lua_State *L);

/* kumo.log_warn, which the prelude's warn() calls too. */
int lb_log_warn(struct lua_State *L);

#endif
