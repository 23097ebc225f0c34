-- answer.lua - what a test answers for the world that its policy asks
--
-- Called with world(), which gives what the test that runs has said.  Gives a
-- function from a question of test/fake.lua to its answer.

local world = ...

-- answers --------------------------------------------------------------------

local ask = {}

local function call(what, ...)
  if type(what) == 'function' then
    return what(...)
  end
  return what
end

function ask.http(request)
  local answers = world().http
  local key = request.method .. ' ' .. request.url
  world().requests[#world().requests + 1] = request
  local given
  if type(answers) == 'function' then
    given = answers(request)
  elseif answers then
    given = call(answers[key] or answers['*'], request)
  end
  if given == nil then
    return { error = ('the test has no answer for %s: t.http'):format(key) }
  end
  return type(given) == 'table' and given or { body = tostring(given) }
end

local redis = {}

function redis.GET(store, key)
  return store[key]
end
function redis.SET(store, key, value)
  store[key] = value
  return true
end
function redis.DEL(store, ...)
  local n = 0
  for i = 1, select('#', ...) do
    local key = select(i, ...)
    n = n + (store[key] ~= nil and 1 or 0)
    store[key] = nil
  end
  return n
end
function redis.EXISTS(store, key)
  return store[key] ~= nil and 1 or 0
end
function redis.INCRBY(store, key, by)
  store[key] = (tonumber(store[key]) or 0) + tonumber(by)
  return store[key]
end
function redis.INCR(store, key)
  return redis.INCRBY(store, key, 1)
end
function redis.EXPIRE(store, key)
  return store[key] ~= nil and 1 or 0
end
function redis.PING()
  return 'PONG'
end

function ask.redis(question)
  local answers, words = world().redis, question.words
  world().commands[#world().commands + 1] = words
  if type(answers) == 'function' then
    return { value = answers(unpack(words)) }
  end
  local act = redis[words[1]:upper()]
  if not answers or not act then
    return { error = ('the test has no answer for %s: t.redis'):format(
      table.concat(words, ' ')) }
  end
  return { value = act(answers, unpack(words, 2)) }
end

return function(question)
  local ok, given = pcall(ask[question.what], question)
  if not ok then
    world().failure = world().failure or given
    return { error = tostring(given) }
  end
  return given
end
