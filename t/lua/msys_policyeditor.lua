-- msys.policyeditor and msys.pbp: what needs no session
local msys = require 'msys'
local editor = msys.policyeditor
assert(require 'msys.policyeditor' == editor)

local vars = {}
assert(editor.get_variable({}, vars, { name = 'x' }) == nil)
assert(editor.set_variable({}, vars, { name = 'x', value = 'y' }) == 'y')
assert(editor.get_variable({}, vars, { name = 'x' }) == 'y' and vars.x == 'y')

assert(editor.pcre_match({}, vars,
  { subject = 'ann@example.com', pattern = '^(.*)@(?P<domain>.*)$' }) == true)
assert(vars['$0'] == 'ann@example.com' and vars['$1'] == 'ann')
assert(vars['$2'] == 'example.com' and vars['$domain'] == 'example.com')
assert(editor.pcre_match({}, vars, { subject = 'a', pattern = 'b' }) == false)

local function fails(why, f, ...)
  local ok, text = pcall(f, ...)
  assert(not ok and text:find(why, 1, true), tostring(text))
end
fails('msys.policyeditor.get_header: ctx.ec_message is missing',
  editor.get_header, {}, {}, { header = 'x' })
fails('msys.policyeditor.pcre_match: pattern is missing', editor.pcre_match,
  {}, {}, { subject = 'x' })
fails('three tables expected, got nil, table and table', editor.pcre_match,
  nil, {}, { subject = 'x' })
fails('there is no session here', editor.vctx_conn_get, {}, {}, { key = 'x' })
