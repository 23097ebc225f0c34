"""What Momentum's policies share: between sessions and states, across a
reload, and lists of networks in files that change."""

import os

from case import equal, match, policy, scriptlet
from test_limits import all_at_once, crowd

POLICY = '''
local msys = require 'msys'
local dir = debug.getinfo(1, 'S').source:match('@(.*)/')
kumo.on('init', function()
  kumo.milter.configure { states = 4, audit = { '3600,1' },
    datasources = { mem = 'sqlite::memory:' } }
end)
local mod = {}
function mod:init()
  msys.audit_series.define('seen', 'cidr', 3600, 6)
  msys.gauge_cache.define('gauge', 100, 3600)
  msys.cidr.define('list', { type = 'rbldnsd', source = dir .. '/list',
    value = 'txt', interpolate = true, default_value = 'not listed' })
  local sql = "select '192.0.2.0/24' as net, 'from a row' as v"
  msys.cidr.define('rows', { type = 'datasource', cachename = 'mem',
    query = sql, value_column = 'v' })
  msys.cidr.define('member', { type = 'datasource', cachename = 'mem',
    query = sql, cidr_column = 'net', default_value = false })
  return true
end
function mod:validate_mailfrom(str, accept, vctx)
  local name = vctx:get(msys.core.VCTX_MESS, 'mailfrom_localpart')
  local answer
  if name == 'count' then
    msys.counter.inc('/count')
    msys.audit_series.add('seen', accept)
    msys.gauge_cache.inc('gauge', 'k')
    answer = table.concat({ msys.counter.read('/count'),
      msys.audit_series.count('seen', '/24'), msys.gauge_cache.get('gauge',
      'k') }, ' ')
  elseif name == 'open' then
    answer = accept:inbound_session_count() .. ' '
      .. accept:inbound_session_count('/0') .. ' '
      .. msys.audit.connections('3600,1')
  elseif name == 'list' then
    answer = msys.cidr.query('list')
  elseif name == 'rows' then
    answer = msys.cidr.query('rows') .. tostring(msys.cidr.query('member'))
      .. tostring(msys.cidr.query('member', '10.0.0.1'))
  elseif name == 'reload' then
    answer = tostring(msys.cidr.reload('list'))
  elseif name == 'lock' then
    msys.lock('alone')
    local n = msys.shareGet('inside') or 0
    msys.shareSet('inside', n + 1)
    kumo.sleep(0.002)
    msys.shareSet('inside', n)
    answer = 'alone ' .. n
  end
  vctx:set_code(550, 'is ' .. answer)
  return msys.core.VALIDATE_DONE
end
msys.registerModule('shared', mod)
'''

LIST = {'list': '# networks\n192.0.2.0/24 local $\n0.0.0.0/0 all $\nnonsense\n'}


@policy(POLICY, files=LIST)
def test_counts_are_one(d):
    for n in range(1, 9):
        s = crowd(d, 1)[0]
        equal(s.mail('<count@example.com>'), '550 is %d %d %d' % (n, n, n))
    equal(d.verb('reload').returncode, 0)
    equal(crowd(d, 1)[0].mail('<count@example.com>'), '550 is 9 9 9')


@policy(POLICY, files=LIST)
def test_open_sessions(d):
    sessions = crowd(d, 5)
    equal(sessions[0].mail('<open@example.com>'), '550 is 5 5 5')


@policy(POLICY, files=LIST)
def test_networks_of_a_file(d):
    s = crowd(d, 1)[0]
    equal(s.mail('<list@example.com>'), '550 is local 192.0.2.1')
    match(d.log(), r'networks list: \S+/list:4: ')
    with open(os.path.join(d.dir, 'list'), 'w') as f:
        f.write('192.0.2.1 one\n')
    equal(s.mail('<reload@example.com>'), '550 is true')
    equal(crowd(d, 1)[0].mail('<list@example.com>'), '550 is one')
    os.remove(os.path.join(d.dir, 'list'))
    equal(s.mail('<reload@example.com>'), '550 is nil')
    equal(s.mail('<list@example.com>'), '550 is one')


@policy(POLICY, files=LIST)
def test_networks_of_a_database(d):
    equal(crowd(d, 1)[0].mail('<rows@example.com>'),
          '550 is from a rowtruefalse')


@policy(POLICY, files=LIST)
def test_one_holds_the_lock(d):
    answers = all_at_once(crowd(d, 12), '<lock@example.com>')[0]
    equal(len(answers), 12)
    for answer in answers:
        equal(answer, '550 is alone 0')
    match(d.log(), 'ended with 1 lock')


@scriptlet('''
require("msys.core");
require("msys.counter");
require("msys.audit");
require("msys.audit_series");
require("thread");

local mod = {};
local ct = msys.counter.open("/lua/test");
local counter_lock = thread.mutex();

function mod:init()
  msys.audit_series.define("myseries", "cidr", 300, 6);
  return true;
end

function mod:validate_connect(ac, vctx)
  local n = ac:inbound_session_count("localhost/32")
    + ac:inbound_session_count(nil, "Control");
  if (ac:inbound_session_count("/32", "SMTP") > 1 or n != 0) then
    vctx:disconnect(421, "too many");
  end
  return msys.core.VALIDATE_CONT;
end

function mod:validate_mailfrom(str, accept, vctx)
  str = tostring(str);
  if (string.find(str, "count@test.example.com") != nil) then
    msys.counter.inc(ct);
  end
  counter_lock:lock();
  msys.audit_series.add("myseries", accept);
  counter_lock:unlock();
  vctx:set_code(550, msys.audit.connections("60,1") .. " "
    .. msys.audit.receptions("60,1") .. " " .. msys.audit.rejections("60,1",
    { endv = 1 }) .. " " .. msys.audit_series.count("myseries",
    { key = "/24", startv = 0, endv = 5 }) .. " " .. msys.counter.read(ct));
  return msys.core.VALIDATE_DONE;
end

msys.registerModule("counter", mod);
''')
def test_as_the_manual_of_momentum_has_it(d):
    s = crowd(d, 1)[0]
    equal(s.mail('<count@test.example.com>'), '550 5.0.0 0 0 0 1 1')
    equal(s.mail('<ann@example.com>'), '550 5.0.0 0 0 1 2 1')
    equal(d.session().banner, '421 too many')
