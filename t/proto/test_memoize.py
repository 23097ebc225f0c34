"""kumo.memoize in the daemon: what its log and its status say."""

from case import equal, match, policy

SHARED = '''
kumo.on('init', function() kumo.milter.configure { states = 2 } end)
local known = kumo.memoize(function(x)
  if x == 'bad' then error('no such thing') end
  if x == 'no' then kumo.reject(550, 'not you') end
  return x .. '!'
end, { name = 'user.known', ttl = '1h', capacity = 100 })
kumo.on('smtp_server_mail_from', function(sender)
  local ok, got = pcall(known, sender.user)
  kumo.reject(550, ok and got or 'caught')
end)
'''


def asked(d, user):
    s = d.session()
    s.helo()
    answer = str(s.mail('<%s@example.com>' % user))
    s.quit()
    return answer


@policy(SHARED)
def test_failures_are_logged_and_counted(d):
    """Also where the policy catches them; each try is a line."""
    for user, answer in (('a', 'a!'), ('a', 'a!'), ('bad', 'caught'),
                         ('bad', 'caught'), ('no', 'caught')):
        equal(asked(d, user), '550 ' + answer)
    equal(d.log().count('error'), 3)
    d.wait_log(r'error: \S+: kumo.memoize user.known: .*policy.lua:4: '
               'no such thing', 2)
    d.wait_log(r'error: \S+: kumo.memoize user.known: 550 not you')
    match(d.verb('status').stdout,
          r'\ncache user.known hits 1 misses 4 waits 0 failures 3 evicted 0 '
          r'entries 1 bytes \d+\n')
