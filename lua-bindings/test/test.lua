-- test.lua - require 'kumilter.test'
--
-- Called in the state of one *_test.lua file with the functions of
-- test_native.c, the file's path and its folder.  Gives what test_host.c calls:
-- names, run(i), answer(question), lines(path).  kumilter-test(8) has what a
-- test may say.

local native, path, folder = ...

local t = {}
local expect = native.part 'test/expect.lua' (t, path)
local open_session = native.part 'test/session.lua' (native, expect)
local fail, show = expect.fail, expect.show
local tests = {}  -- { name, act } in their order
local host = { names = {} }
local world       -- of the test that runs

package.loaded['kumilter.test'] = t
package.path = folder .. '?.lua;' .. folder .. '?/init.lua;' .. package.path
if not table.unpack then
  table.unpack, table.pack = unpack, function(...)
    return { n = select('#', ...), ... }
  end
end

-- tests ----------------------------------------------------------------------

local function register(name, act)
  if type(name) ~= 'string' or type(act) ~= 'function' then
    error('t.test: a name and a function expected', 3)
  end
  tests[#tests + 1] = { name = name, act = act }
  host.names[#tests] = name
end

function t.test(name, act)
  register(name, act)
end

-- t.cases(name, rows, act): a test for each row, in order; a row's name is its
-- key, its field name, or what it begins with.
function t.cases(name, rows, act)
  local keys = {}
  for key in pairs(rows) do
    keys[#keys + 1] = key
  end
  table.sort(keys, function(a, b)
    if type(a) == type(b) then
      return a < b
    end
    return type(a) == 'number'
  end)
  for _, key in ipairs(keys) do
    local row, label = rows[key], key
    if type(key) == 'number' and type(row) == 'table' then
      label = row.name or row[1]
    elseif type(key) == 'number' then
      label = row
    end
    register(('%s [%s]'):format(name, tostring(label)), function()
      act(row, key)
    end)
  end
end

-- the world ------------------------------------------------------------------

local file_world = {}  -- what the file says outside of its tests

local function here()
  return world or file_world
end

local function before_policy(what)
  if world and world.started then
    error(('t.%s: comes before the first session of the test, which '
      .. 'loads the policy'):format(what), 3)
  end
end

-- Beside the test's file; "a/" and "../b" is "b", so that a file has one name.
local function beside(name)
  local base = folder
  if name:sub(1, 1) == '/' then
    return name
  end
  while name:sub(1, 3) == '../' and base:find '[^/]+/$'
    and base:match '([^/]+)/$' ~= '..' do
    base, name = base:gsub('[^/]+/$', ''), name:sub(4)
  end
  return base .. name
end

-- t.policy(file): beside the test's; without it a_test.lua tests a.lua.
function t.policy(name)
  before_policy 'policy'
  here().policy = beside(name)
end

-- t.scriptlet(file): one of Momentum's; again for more.
function t.scriptlet(name)
  before_policy 'scriptlet'
  local w = here()
  w.scriptlets = w.scriptlets or {}
  w.scriptlets[#w.scriptlets + 1] = beside(name)
end

-- t.path(folder): where the policy's modules are, too; again for more.
function t.path(name)
  before_policy 'path'
  local w = here()
  w.path = w.path or {}
  w.path[#w.path + 1] = beside(name)
end

-- t.json(value) -> text
t.json = native.json

-- { ['a.example'] = { A = '192.0.2.1', MX = { '10 mx.a.example.' } } }
local function zone_of(records)
  local lines, names = { '$ORIGIN .', '$TTL 60' }, {}
  for name in pairs(records) do
    names[#names + 1] = name
  end
  table.sort(names)
  for _, name in ipairs(names) do
    local owner = name:gsub('%.?$', '.')
    local kinds = {}
    for kind in pairs(records[name]) do
      kinds[#kinds + 1] = kind
    end
    table.sort(kinds)
    for _, kind in ipairs(kinds) do
      local values = records[name][kind]
      if type(values) ~= 'table' then
        values = { values }
      end
      for _, value in ipairs(values) do
        if kind == 'TXT' and value:sub(1, 1) ~= '"' then
          value = '"' .. value:gsub('["\\]', '\\%0') .. '"'
        end
        lines[#lines + 1] = ('%s IN %s %s'):format(owner, kind, value)
      end
    end
  end
  return table.concat(lines, '\n') .. '\n'
end

-- t.dns(zones): an array of zones as text, as kumo.dns.configure_test_resolver
-- has it, or names with their records.
function t.dns(zones)
  before_policy 'dns'
  if type(zones) == 'string' then
    zones = { zones }
  elseif #zones == 0 and not zones.zones then
    zones = next(zones) and { zone_of(zones) } or nil
  end
  here().dns = zones
end

-- t.http(answers): a function of a request, or "GET http://a.example/" -> an
-- answer or such a function; "*" for all others.
function t.http(answers)
  here().http = answers
end

-- t.redis(answers): a function of a command's words, or keys and their values.
function t.redis(answers)
  here().redis = answers
end

-- t.time(when): the clock stands there; t.skip(seconds) moves it.
function t.time(when)
  native.time(type(when) == 'number' and ('%d'):format(when) or when)
end
t.now, t.skip = native.now, native.skip

-- t.seed(n): where the policy's math.random() begins; 1 where nobody says.
function t.seed(n)
  before_policy 'seed'
  native.seed(n)
end

-- t.requests() -> what the policy has asked by HTTP; t.commands() -> by redis
function t.requests()
  return world.requests
end
function t.commands()
  return world.commands
end

host.answer = native.part 'test/answer.lua' (function()
  return world
end)

-- sessions -------------------------------------------------------------------

local function exists(name)
  local f = io.open(name)
  if f then
    f:close()
  end
  return f ~= nil
end

-- The policy that the file's name tells: mx_test.lua has mx.lua.
local function default_policy()
  local name = path:gsub('_test%.lua$', '.lua')
  if name ~= path and exists(name) then
    return name
  end
  return nil
end

local function begin()
  if world.started then
    return
  end
  world.started = true
  world.policy = world.policy
    or (not world.scriptlets and default_policy() or nil)
  if not (world.policy or world.scriptlets or native.is_given) then
    fail('there is no policy beside %s: t.policy(file)', path)
  end
  local ok, why = native.start {
    policy = world.policy, scriptlets = world.scriptlets,
    dns = world.dns or { '$ORIGIN nothing.invalid.\n' },
    path = world.path, scratch = native.scratch(),
  }
  if not ok then
    fail('the policy does not load: %s', why)
  end
end

-- t.load(): the policy, where no session follows.
function t.load()
  begin()
end

local options = {
  client = 1, name = 1, ptr = 1, listener = 1, mta = 1, host = 1, auth = 1,
  tls = 1, cipher = 1, macros = 1, helo = 1,
}

-- t.session{ client =, helo =, ... }: connects, and says EHLO.
function t.session(given)
  given = given or {}
  local spec = { macros = {} }
  for key, value in pairs(given) do
    if not options[key] then
      error(("t.session: no option is called '%s'"):format(
        tostring(key)), 2)
    end
    spec[key] = value
  end
  for name, value in pairs(given.macros or {}) do
    if #name > 1 and name:sub(1, 1) ~= '{' then
      name = '{' .. name .. '}'
    end
    spec.macros[name] = tostring(value)
  end
  begin()
  local s = open_session(spec)
  world.sessions[#world.sessions + 1] = s
  if given.helo ~= false and s.sim:is_open() then
    s:ehlo(given.helo or 'client.example')
  end
  return s
end

-- the log --------------------------------------------------------------------

-- t.log() -> array of { level =, text = } so far
function t.log()
  local lines = {}
  for _, item in ipairs(native.items()) do
    if item.type == 'log' then
      lines[#lines + 1] = { level = item.level, text = item.text }
    end
  end
  return lines
end

local function logged(pattern, level)
  for _, line in ipairs(t.log()) do
    if line.text:find(pattern) and (not level or line.level == level) then
      return line
    end
  end
  return nil
end

-- t.expect_log(pattern[, level])
function t.expect_log(pattern, level)
  if not logged(pattern, level) then
    fail('log: expected a line that fits %s, got %s', (show(pattern)),
      (show(t.log())))
  end
end

function t.expect_no_log(pattern, level)
  local line = logged(pattern, level)
  if line then
    fail('log: expected no line that fits %s, got %s', (show(pattern)),
      (show(line.text)))
  end
end

-- running --------------------------------------------------------------------

local function copy_world()
  local w = { sessions = {}, requests = {}, commands = {} }
  for key, value in pairs(file_world) do
    w[key] = value
  end
  return w
end

-- An error of the test itself: its own line, the rest as a traceback.
local function explain(why)
  if getmetatable(why) == expect.Failure then
    return why
  end
  local text = debug.traceback(tostring(why), 2)
    :gsub('\n%s*%[C%]: at 0x%x+', '')
  local file, line = tostring(why):match '^(.-):(%d+): '
  return {
    where = file and file .. ':' .. line or path, message = text,
  }
end

function host.run(i)
  world = copy_world()
  native.seed(1)
  local ok, why = xpcall(tests[i].act, explain)
  if ok and world.failure then
    ok, why = false, explain(world.failure)
  end
  for _, s in ipairs(world.sessions) do
    s.sim:close()
  end
  if ok then
    return { ok = true }
  end
  return { ok = false, message = why.message, where = why.where }
end

-- lines with code ------------------------------------------------------------

local function add_lines(found, f, jutil)
  local info = jutil.funcinfo(f)
  for pc = 1, (info.bytecodes or 0) - 1 do
    local at = jutil.funcinfo(f, pc).currentline
    if at and at > 0 then
      found[at] = true
    end
  end
  if info.children then
    for n = -1, -1000000000, -1 do
      local child = jutil.funck(f, n)
      if not child then
        break
      end
      if type(child) == 'proto' then
        add_lines(found, child, jutil)
      end
    end
  end
end

function host.lines(file)
  local f = loadfile(file)
  if not f then
    return nil
  end
  local found, list = {}, {}
  add_lines(found, f, require 'jit.util')
  for line in pairs(found) do
    list[#list + 1] = line
  end
  table.sort(list)
  return list
end

return host
