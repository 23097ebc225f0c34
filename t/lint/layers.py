#!/usr/bin/env python3
"""The borders between the rooms: who may include whom.

A file of milter/ includes its own layer and those below it.  A room that is
in no layer is an error: give it one here, and a line in CONTRIBUTING.md.
"""
import fnmatch
import os
import re

from common import Complaints, code_only, files, line_of, read

# From the bottom.  A pattern stands for a .c, a .h or both.
LAYERS = (
    ('base', 'err xmalloc clock str'),
    ('leaf', 'macro_name redaction recording_text recording_read '
             'redis_url redis_options redis_command redis_reply redis_slots '
             'phase event_name verdict address address_set header header_text '
             'header_diff header_replace header_fold encoded_word charset '
             'transfer message_id mailbox mailbox_* mime mime_* '
             'line_diff text encoding charset_strict hash cipher aws_sign json_text json_line moment moment_format glob_walk '
             'json_read toml toml_* yaml_* '
             'auth_results* body duration ip dialect lua_token pattern '
             'pattern_item regex regex_code regex_search regex_replace '
             'regex_rust regex_set packed atoms domain_map cidr_recent '
             'reply reply_text reply_seen standing explain '
             'record record_options record_template record_file '
             'conformance conformance_fix trace_filter '
             'media_types '
             'submit source_edit datasource plain_file '
             'histogram lru windows ip_count cidr_map cidr_build cidr_table rbldnsd '
             'api_* msys_* settings draft esmtp_listener date report report_field '
             'dkim_private dkim_signer dkim_sign dkim_settle sendmail_list '
             'sqlite_db dns_record dns_servers dns_zone spf_macro spf_record '
             'dkim_tags dkim_canon dkim_body dkim_fields dkim_key dkim_signature '
             'dmarc_record dmarc_from arc_chain arc_seal '
             'http_url clamd'),
    ('process', 'recording '
                'throttle_shared host_lookup redis redis_stream redis_conn redis_pool redis_cluster '
                'map_shared map_file log metric uuid glob_cache public_suffix lmem regex_cache '
                'counter series gauge share mutual throttle memo count_series audit cidr_named cidr_query fs_space '
                'file_magic halt mpsc config_epoch config_watch '
                'watchdog listener privilege nudge control trace '
                'dkim_signers '
                'signals sqlite_pool sqlite_conn seldom dns dns_resolver dns_spec spf spf_lookup dmarc dkim_lookup dkim_verify arc tick '
                'http http_transfer http_easy http_multi record_log rate'),
    ('model', 'observe message signatures edits header_import batch session session_learn'),
    ('lua', 'state co failure timer timer_*'),
    ('policy', 'recorder recorder_* '
               'epoch epoch_load epoch_work task event event_call event_seen event_message '
               'event_stand event_rewrite event_record event_msys event_dry event_decision relay'),
    ('sim', 'replay_play replay_world replay_pool replay_diff replay_tally replay_text '
            'sim sim_* transcript transcript_text transcript_item trace_item trace_session pretend test_*'),
    ('door', 'mta_config doctor glue glue_guard status prometheus exporter exporter_page'),
    ('top', 'replay_options '
            'main serve serve_options serve_record cli cli_* status_view try_options'),
)
# Of milter/ these, and no others, touch a Lua state.
LUA_USERS = {f'milter/{name}.c' for name in (
    'state', 'co', 'failure', 'timer', 'timer_run', 'task', 'epoch_load', 'event', 'event_call', 'event_seen', 'event_message',
    'event_rewrite', 'event_msys', 'event_record', 'relay', 'pretend', 'test_json',
    'test_cover', 'test_host', 'test_native', 'test_fake', 'replay_world')}
LUA_HEADERS = {'lua.h', 'lauxlib.h', 'lualib.h', 'luajit.h', 'luaconf.h'}
GLUE = 'milter/glue.c'
DOOR = 'lua-bindings/bindings.h'    # the one header that milter/ may include
# What a binding may include of its own kind, besides its own header.
SHARED = {'lb.h', 'lb_open.h', 'lb_limits.h', 'bindings.h', 'embed.h'}
# A class in several files: what its own header is for, and for whom else.
FAMILIES = {'lb_dkim_sign.h': 'lb_dkim_sign* lb_arc_seal',
            'lb_resolver.h': 'lb_dns lb_spf lb_dkim_verify lb_dmarc lb_arc lb_arc_seal lb_msys_dkim',
            'lb_map.h': 'lb_map_build lb_map_kept lb_map_file',
            'lb_message.h': 'lb_message_* lb_address_header lb_trace lb_mime* lb_clamd lb_dkim_verify lb_dmarc lb_arc lb_arc_seal lb_milter lb_dkim_sign lb_msys_dkim',
            'lb_address_header.h': 'lb_message',
            'lb_mime.h': 'lb_mime* lb_msys_mime lb_header_map lb_message_mime '
                         'lb_message_report lb_message_conform'}
INCLUDE = re.compile(r'^[ \t]*#[ \t]*include[ \t]*["<]([^">]+)[">]', re.M)

complaints = Complaints()


def among(name, patterns):
    """Does one of these patterns, a string of them or None, fit?"""
    return any(fnmatch.fnmatchcase(name, one)
               for one in (patterns or '').split())


def layer(name):
    """The index of the layer of milter/name.[ch], or None."""
    for index, (_, rooms) in enumerate(LAYERS):
        if among(name, rooms):
            return index
    return None


def stem(path):
    """reply_text of milter/reply_text.h"""
    return os.path.splitext(os.path.basename(path))[0]


def resolve(path, header):
    """The path of an included header of ours, or None for another's."""
    for candidate in (f'{os.path.dirname(path)}/{header}', header):
        if candidate in OURS:
            return candidate
    return None


def check_foreign(path, line, header):
    """Headers of the libraries that few may see."""
    if os.path.basename(header) in ('mfapi.h', 'mfdef.h') and path != GLUE:
        complaints.error(path, line, f'{header} belongs into {GLUE} alone')
    if header in LUA_HEADERS and path.startswith('milter/') \
            and path not in LUA_USERS:
        complaints.error(path, line, f'{header}: this file is to do without '
                         'Lua (t/lint/layers.py lists those that may)')


def check_from_milter(path, line, target):
    """An include of ours in a file of milter/."""
    if target.startswith('lua-bindings/'):
        if target != DOOR:
            complaints.error(path, line, f'{target}: {DOOR} is the only '
                             'header of the bindings that milter/ includes')
        elif layer(stem(path)) < layer('state'):
            complaints.error(path, line, f'{target} below the layer "lua"')
        return
    mine, theirs = layer(stem(path)), layer(stem(target))
    if theirs is not None and theirs > mine:
        complaints.error(path, line, f'{target} is of layer '
                         f'"{LAYERS[theirs][0]}", this file of '
                         f'"{LAYERS[mine][0]}" below it')


def check_from_bindings(path, line, target):
    """An include of ours in a file of lua-bindings/."""
    if target.startswith('milter/'):
        theirs = layer(stem(target))
        if theirs is not None and theirs > layer('state'):
            complaints.error(path, line, f'{target} is of layer '
                             f'"{LAYERS[theirs][0]}": bindings sit below it')
    elif stem(path) != 'bindings' and stem(target) != stem(path) \
            and os.path.basename(target) not in SHARED \
            and not among(stem(path), FAMILIES.get(os.path.basename(target))):
        complaints.error(path, line, f'{target}: bindings do not include '
                         'each other; what they share is a leaf of milter/')


def check_file(path):
    """All includes of one file, and calls into libmilter."""
    text = code_only(read(path))
    for match in INCLUDE.finditer(text):
        line = line_of(text, match.start(1))
        target = resolve(path, match.group(1))
        if target is None:
            check_foreign(path, line, match.group(1))
        elif path.startswith('milter/'):
            check_from_milter(path, line, target)
        else:
            check_from_bindings(path, line, target)
    if path != GLUE:
        for match in re.finditer(r'\bsmfi_\w+\s*\(', text):
            complaints.error(path, line_of(text, match.start()),
                             f'{match.group()}...) belongs into {GLUE}')


OURS = files('milter/*.[ch]', 'lua-bindings/*.[ch]')
for one in OURS:
    if one.startswith('milter/') and layer(stem(one)) is None:
        complaints.error(one, 1, 'in no layer of t/lint/layers.py')
    else:
        check_file(one)
for one in LUA_USERS - set(OURS):
    complaints.error('t/lint/layers.py', 1, f'LUA_USERS names {one}, which '
                     'is not there')
complaints.done()
