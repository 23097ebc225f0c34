"""kumo.milter.domain_map_file and its like: files that several states use."""

from case import equal, policy, true

POLICY = '''
local folder = debug.getinfo(1, 'S').source:match('^@(.*)/')
local senders = kumo.milter.domain_map_file(folder .. '/senders')
kumo.on('init', function() kumo.milter.configure { states = 3 } end)
kumo.on('smtp_server_mail_from', function(sender)
  local why = senders[sender.domain]
  if why then kumo.reject(550, tostring(why)) end
end)
kumo.on('smtp_server_rcpt_to', function(rcpt, cm)
  local clients = kumo.milter.cidr_map_file(folder .. '/clients')
  kumo.reject(550, clients['192.0.2.9'])
end)
'''
FILES = {'senders': '# who may not\nexample.com  not you, ever\r\n'
                    '*.example.net\n',
         'clients': '192.0.2.0/24 a whole network\n'}


def asked(d, sender):
    s = d.session()
    s.helo()
    answer = str(s.mail(sender))
    if answer == 'continue':
        answer = str(s.rcpt())
    s.quit()
    return answer


@policy(POLICY, files=FILES)
def test_reload_reads_what_is_new(d):
    for _ in range(4):
        equal(asked(d, '<a@example.com>'), '550 not you, ever')
        equal(asked(d, '<a@b.example.net>'), '550 true')
        equal(asked(d, '<a@example.org>'), '550 a whole network')
    d.write_file('senders', 'example.org no more\n')
    equal(asked(d, '<a@example.com>'), '550 not you, ever', 'no reload yet')
    equal(d.verb('reload').returncode, 0)
    equal(asked(d, '<a@example.org>'), '550 no more')
    d.write_file('clients', '192.0.2.0/24 as it is now\n')
    equal(asked(d, '<a@example.com>'), '550 as it is now',
          'read in a handler')


@policy(POLICY, files=FILES)
def test_file_that_is_wrong(d):
    equal(asked(d, '<a@example.com>'), '550 not you, ever')
    d.write_file('senders', 'example.com x\na\0b\n')
    true(d.verb('reload').returncode != 0, 'a reload is refused')
    d.wait_log(r'error: .*/senders:2: a NUL')
    equal(asked(d, '<a@example.com>'), '550 not you, ever')
    d.write_file('clients', '192.0.2.0/33 x\n')
    true(asked(d, '<a@example.org>').startswith('4'), 'a temporary failure')
    d.wait_log(r'error: .*/clients:1: ')
