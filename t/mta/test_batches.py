"""Several recipients, one message: batches, and what becomes of edits that
differ."""
from harness import Smtp, check
from test_messages import CONTENT

B, C, D, E = 'b@one.test', 'c@one.test', 'd@two.test', 'e@Three.test'

# conf: kumo.milter.configure's; split and received: bodies of handlers
POLICY = '''
local kumo = require 'kumo'
local split = function(msg) %(split)s end
local received = function(msg, rcpts) %(received)s end

kumo.on('init', function()
  kumo.milter.configure { %(conf)s }
end)

if %(splits)s then
  kumo.on('smtp_server_split_transaction', function(msg, conn_meta)
    return split(msg)
  end)
end

kumo.on('smtp_server_message_received', function(msg, conn_meta)
  local rcpts = {}
  for _, rcpt in ipairs(msg:recipient_list()) do
    rcpts[#rcpts + 1] = rcpt.email
  end
  kumo.log_info('batch', table.concat(rcpts, ' '))
  received(msg, rcpts)
end)

kumo.on('milter_close', function(conn_meta) kumo.log_info 'session over' end)
'''


def policy(received='', conf='', split=None):
    """The text of one."""
    return POLICY % {'received': received, 'conf': conf,
                     'split': split or '',
                     'splits': 'true' if split else 'false'}


def send(client, rcpts, code):
    """One message to them, and the code of the reply to it."""
    replies = client.message('a@example.org', rcpts, CONTENT)
    check('codes', [250] * (len(rcpts) + 1) + [354, code],
          [reply.code for reply in replies])


def play(t, text, rcpts, code=250):
    """One message under that policy: (Queued or None, the batches that the
    policy saw, the log)."""
    with t.kumilter(text) as daemon:
        since = len(daemon.lines)
        t.mta.forget_messages()
        with Smtp(t.mta.port) as client:
            client.greet()
            send(client, rcpts, code)
            if code != 421:
                client.expect('QUIT', 221)
        daemon.wait_log('session over', since)
        log = list(daemon.lines[since:])
        batches = [line.partition('batch ')[2] for line in log
                   if 'batch ' in line]
        messages = t.mta.messages()
        return (messages[0] if messages else None), batches, log


def warned(log):
    """Was it said that batches differ?"""
    return any('changed the message differently' in line for line in log)


EACH = "msg:append_header('X-For', rcpts[1])"
SAME = "msg:append_header('X-Same', 'yes')"


def test_unequal_edits(t):
    """The first recipient's apply, with a warning; everybody gets mail."""
    queued, batches, log = play(t, policy(EACH), [B, C, D])
    check('batches', [B, C, D], batches)
    check('X-For', [B], queued.values('X-For'))
    check('recipients', [B, C, D], queued.recipients)
    check('warned', True, warned(log))


def test_equal_edits(t):
    """Made once, and nothing is said."""
    queued, batches, log = play(t, policy(SAME), [B, C, D])
    check('batches', [B, C, D], batches)
    check('X-Same', ['yes'], queued.values('X-Same'))
    check('warned', False, warned(log))


def test_all_in_one(t):
    """batch_handling = 'AllInOne': one call for all."""
    queued, batches, log = play(
        t, policy(EACH, "batch_handling = 'AllInOne'"), [B, C, D])
    check('batches', [f'{B} {C} {D}'], batches)
    check('X-For', [B], queued.values('X-For'))
    check('recipients', [B, C, D], queued.recipients)
    check('warned', False, warned(log))


def test_by_domain(t):
    """batch_handling = 'BatchByDomain': one call for each domain."""
    queued, batches, log = play(
        t, policy(EACH, "batch_handling = 'BatchByDomain'"), [B, D, C])
    check('batches', [f'{B} {C}', D], batches)
    check('X-For', [B], queued.values('X-For'))
    check('recipients', [B, C, D], sorted(queued.recipients))
    check('warned', True, warned(log))


def test_by_listener(t):
    """KumoMTA's own place for it, the listener, does as well."""
    text = policy(EACH) + '''
kumo.on('pre_init', function()
  kumo.start_esmtp_listener {
    listen = '0.0.0.0:25', batch_handling = 'BatchByDomain',
  }
end)
'''
    _, batches, _ = play(t, text, [B, D, C])
    check('batches', [f'{B} {C}', D], batches)


def test_split_by_hand(t):
    """smtp_server_split_transaction says who is in which batch."""
    text = policy(SAME, split=f"return {{ {{'{D}'}}, {{'{C}', '{B}'}} }}")
    queued, batches, log = play(t, text, [B, C, D])
    check('batches', [D, f'{C} {B}'], batches)
    check('recipients', [B, C, D], sorted(queued.recipients))
    check('X-Same', ['yes'], queued.values('X-Same'))
    check('warned', False, warned(log))


def test_split_omits(t):
    """A recipient in no batch gets no mail; the others do."""
    text = policy(split=f"return {{ {{'{B}'}}, {{'{D}'}} }}")
    queued, batches, _ = play(t, text, [B, C, D])
    check('batches', [B, D], batches)
    check('recipients', [B, D], queued.recipients)


def test_split_of_nothing(t):
    """No batch at all: KumoMTA's refusal."""
    queued, _, _ = play(t, policy(split='return {}'), [B, C], code=550)
    check('queued', None, queued)


def test_split_of_rubbish(t):
    """What is no list of addresses is the policy's failure."""
    for rubbish in ('return 42', "return { 'b@one.test' }",
                    'return { { {} } }'):
        queued, _, log = play(t, policy(split=rubbish), [B, C], code=421)
        check(f'{rubbish}: queued', None, queued)
        check(f'{rubbish}: logged', True, any(
            'smtp_server_split_transaction' in line for line in log))


def test_dropped_recipient(t):
    """queue = 'null' in a batch: its recipients get nothing, the others
    their mail, and its edits count no more."""
    text = policy(f'''
  if rcpts[1] == '{B}' then
    msg:append_header('X-Lost', 'yes')
    msg:set_meta('queue', 'null')
  else
    {SAME}
  end''')
    queued, batches, log = play(t, text, [B, C, D])
    check('batches', [B, C, D], batches)
    check('recipients', [C, D], queued.recipients)
    check('X-Same', ['yes'], queued.values('X-Same'))
    check('X-Lost', [], queued.values('X-Lost'))
    check('warned', False, warned(log))


def test_dropped_recipient_by_upper_case(t):
    """The MTA is told the address as the client wrote it."""
    text = policy("if rcpts[1]:lower():find 'three' then "
                  "msg:set_meta('queue', 'null') end")
    queued, _, _ = play(t, text, [E, B])
    check('recipients', [B], queued.recipients)


def test_all_dropped(t):
    """Nobody gets it, and the client hears nothing of that."""
    queued, batches, _ = play(
        t, policy("msg:set_meta('queue', 'null')"), [B, C])
    check('batches', [B, C], batches)
    check('queued', None, queued)


def test_dropped_by_smtp_server_data(t):
    """The same in the handler that runs once for all."""
    text = policy() + '''
kumo.on('smtp_server_data', function(msg, conn_meta)
  msg:set_meta('queue', 'null')
end)
'''
    queued, _, _ = play(t, text, [B, C])
    check('queued', None, queued)


def test_second_batch_refuses(t):
    """The first refusal is for all: nothing of the batches before it is
    kept, and the log says that edits were dropped."""
    text = policy(f"{SAME} if rcpts[1] == '{C}' then "
                  "kumo.reject(550, '5.7.1 not to c') end")
    queued, batches, log = play(t, text, [B, C, D], code=550)
    check('batches', [B, C], batches)
    check('queued', None, queued)
    check('said', True, any('changes to it are dropped' in line
                            for line in log))


def test_data_then_batches(t):
    """What smtp_server_data did to content and metadata is in every
    batch."""
    text = policy('''
  msg:append_header('X-Base', msg:get_meta 'base')
  msg:append_header('X-Saw', msg:get_first_named_header_value 'X-Data')
''') + '''
kumo.on('smtp_server_data', function(msg, conn_meta)
  msg:set_meta('base', 'of all')
  msg:prepend_header('X-Data', 'once')
end)
'''
    queued, _, log = play(t, text, [B, C])
    check('X-Data', ['once'], queued.values('X-Data'))
    check('X-Base', ['of all'], queued.values('X-Base'))
    check('X-Saw', ['once'], queued.values('X-Saw'))
    check('warned', False, warned(log))
