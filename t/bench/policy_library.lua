-- policy_library.lua - what "make bench-library" measures: one function of
-- the library, called so often as the recipient's domain says
local kumo = require 'kumo'

local ENTRIES, KEYS = 1000000, 65536 -- as library.c has them

kumo.on('init', function()
  kumo.milter.configure {
    states = 2, cpu_limit = '600s', event_timeout = '600s',
    memory_limit = 4e9,
  }
end)

-- library.c looks for the same ones in the same order
local function each_key(make)
  local keys = {}
  for i = 1, KEYS do
    keys[i] = make((i - 1) * 7919 % ENTRIES)
  end
  return keys
end

local function domain(n)
  return ('mail%d.example%d.net'):format(n % 7, n)
end

local function network(n)
  local a, b = math.floor(n / 65536), math.floor(n / 256) % 256
  return ('%d.%d.%d.'):format(a + 16, b, n % 256)
end

local function big_map(make, key)
  local entries = {}
  for n = 0, ENTRIES - 1 do
    entries[key(n)] = n % 1000
  end
  return make(entries)
end

local domains = big_map(kumo.domain_map.new, domain)
local networks = big_map(kumo.cidr.make_map, function(n)
  return network(n) .. '0/24'
end)

local hosts = each_key(function(n)
  return 'x.' .. domain(n)
end)
local addresses = each_key(function(n)
  return network(n) .. n % 250
end)

local remember = kumo.memoize(function(key)
  return key == 'table' and { ok = true, list = { 'a', 'b', 'c' } } or 42
end, { name = 'bench', ttl = '1 hour', capacity = 1000 })

local bucket = kumo.make_throttle('bench', '1000000/s')
local regex = kumo.regex.compile [[^(?:mail|smtp)\d+-[a-z]+\.(?:dyn|pool)\.]]
local SUBJECT = 'smtp1234-customer.pool.example.net'
local json_parse = kumo.serde.json_parse
local JSON = assert(io.open('t/bench/sample.json')):read('*a')

local function nothing() end

-- what is called with the i-th key
local rows = {
  nothing = { nothing, hosts },
  memoize = { function() return remember('key') end },
  ['memoize-table'] = { function() return remember('table') end },
  throttle = { function() return bucket:throttle() end },
  ['make-throttle'] = { function(host)
    return kumo.make_throttle(host, '1000/m'):throttle()
  end, hosts },
  domain = { function(host) return domains[host] end, hosts },
  cidr = { function(address) return networks[address] end, addresses },
  regex = { function() return regex:is_match(SUBJECT) end },
  captures = { function() return regex:captures(SUBJECT) end },
  json = { function() return json_parse(JSON) end },
}

kumo.on('smtp_server_rcpt_to', function(rcpt)
  local row = rows[rcpt.user]
  local call, keys, n = row[1], row[2] or hosts, tonumber(rcpt.domain)
  for i = 1, n do
    call(keys[i % KEYS + 1])
  end
end)
