-- coroutine.lua - coroutine.resume and wrap that let requests through
--
-- Run once in each new Lua state, by lb_coroutine.c, with:
--   tag     what a request for the driver yields first
--   enter   enter() -> outside, inside: one level deeper; nil: too deep
--   level   level(n): this many levels deep
--   most    how deep it may get
--
-- A request that a coroutine yields is yielded again by who resumed it, and
-- so on until the handler's own thread yields it to the driver; the answer
-- goes the same way in.  What the stock functions return and raise, these do,
-- with the same position in front: calls that only pass on are tail calls.

local tag, enter, level, most = ...

local create, resume, wrap = coroutine.create, coroutine.resume, coroutine.wrap
local status, yield = coroutine.status, coroutine.yield
local error, type = error, type

local too_deep = ('coroutines nested too deeply (%d levels)'):format(most)
local is_dead = 'cannot resume dead coroutine'

-- What coroutine.close closed: LuaJIT itself cannot end a coroutine.
local closed = setmetatable({}, { __mode = 'k' })

local function back_in(inside, ...)
	level(inside)
	return ...
end

-- What a resume gave goes to who called it, or, a request, to the driver.
local function pump(co, outside, inside, ok, first, ...)
	if ok and first == tag then
		return pump(co, outside, inside,
			resume(co, back_in(inside, yield(first, ...))))
	end
	level(outside)
	return ok, first, ...
end

local function enter_and_resume(co, ...)
	if closed[co] then
		return false, is_dead
	end
	local outside, inside = enter()
	if not outside then
		return false, too_deep
	end
	return pump(co, outside, inside, resume(co, ...))
end

-- coroutine.resume(co, ...) -> true, values... | false, error
function coroutine.resume(co, ...)
	if type(co) ~= 'thread' then
		return resume(co) -- raises
	end
	return enter_and_resume(co, ...)
end

local function unwrap(ok, first, ...)
	if ok then
		return first, ...
	end
	-- as stock: the caller's position before the coroutine's own
	error(first, type(first) == 'string' and 2 or 0)
end

-- coroutine.wrap(f) -> function that resumes, and raises what went wrong
function coroutine.wrap(...)
	if type((...)) ~= 'function' then
		return wrap(...) -- raises
	end
	local co = create((...))

	return function(...)
		return unwrap(enter_and_resume(co, ...))
	end
end

-- coroutine.status(co): as stock, and 'dead' for what is closed
function coroutine.status(co)
	if closed[co] then
		return 'dead'
	end
	return status(co)
end

-- coroutine.close(co) -> true                                      (Lua 5.4)
--   A suspended coroutine becomes a dead one.  There are no variables to
--   close in LuaJIT, so there is nothing that could fail.
function coroutine.close(co)
	local now = status(co)

	if now ~= 'suspended' and now ~= 'dead' then
		error('cannot close a ' .. now .. ' coroutine', 2)
	end
	closed[co] = true
	return true
end
