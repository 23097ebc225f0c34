-- What a policy finds: LuaJIT's library and what the prelude adds of 5.4's.
std = 'luajit+lua54'
-- and what the prelude takes away
not_globals = { 'ffi', 'jit', 'newproxy' }
max_line_length = 80
codes = true
-- Handlers name the arguments that they are given, used or not.
unused_args = false

-- The prelude is what defines and removes all that.
for _, file in ipairs { 'prelude', 'utf8', 'coroutine', 'kumo' } do
  files['lua-bindings/' .. file .. '.lua'] = {
    std = 'luajit+lua54',
    not_globals = {},
    globals = {
      'ffi', 'jit', 'newproxy', 'debug', 'utf8', 'warn', 'string', 'table',
      'math', 'os', 'package', 'coroutine',
    },
    ignore = { '121', '122', '142', '143' },
  }
end

-- What a simulated policy gets instead of the real thing.
files['lua-bindings/test/'] = { not_globals = {}, ignore = { '122' } }

-- Tests of the prelude: they ask for what is refused, and t/unit gives them
-- functions of the driver.
files['t/lua/'] = {
  not_globals = {},
  globals = { 'newproxy', 'ffi', 'jit' },
  read_globals = { 'ask', 'can_wait', 'limit', 'rounds', 'stock', 'warned' },
  ignore = { '122', '142', '143', '512' },
  max_line_length = 100,
}
files['t/'] = { max_line_length = 100 }
files['t/mta/policy_msys.lua'] = { read_globals = { 'msys' } }
-- the last are in Momentum's language
exclude_files = { 'build', 'debian', 't/lua/msys' }
