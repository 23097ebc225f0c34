-- pcre.lua - msys.pcre: regular expressions

local msys, native, host = ...

local pcre, text_of = native.pcre, host.text
local concat, error, ipairs, sub = table.concat, error, ipairs, string.sub
local tostring, type = tostring, type

msys.pcre = {}

-- msys.pcre.match(subject, pattern) -> table | nil | nil, errstr, errnum
--   [0] is the whole match, [1] and on its groups, named ones by their names,
--   too.  A group without a part in the match is "", or absent behind the last
--   one that has a part.  nil: no match; with errstr and errnum (PCRE2's) the
--   pattern is none.  Patterns are Perl's, on bytes; a leading (*UTF8) makes
--   them UTF-8's.  Raises when a search needs too many steps,
--   too long or too much memory.
--   Events: any.  Waits: no.  From: Momentum msys.pcre.match.
function msys.pcre.match(subject, pattern)
  subject = text_of(subject, 'msys.pcre.match')
  return pcre.match(subject, text_of(pattern, 'msys.pcre.match'))
end

-- Every match given to a function, and what it returns instead of it.
local function replace_by(f, subject, pattern, limit)
  local all, why, number = pcre.matches(subject, pattern, limit)
  if not all then
    return nil, why, number
  end
  local out, from = {}, 1
  for _, match in ipairs(all) do
    local new = f(match[3])
    local kind = type(new)
    if new and kind ~= 'string' and kind ~= 'number' then
      error(('msys.pcre.replace: invalid replacement value (a %s)'):format(
        kind), 2) -- of a tail call
    elseif new then
      out[#out + 1] = sub(subject, from, match[1] - 1)
      out[#out + 1] = new
      from = match[2] + 1
    end
  end
  out[#out + 1] = sub(subject, from)
  return concat(out)
end

-- msys.pcre.replace(subject, pattern, replacement [, limit]) -> string |
--   nil, errstr, errnum
--   Every match is replaced, or the first of them, as many as limit.  In
--   replacement $1 or \1, ${12} and ${name} are groups, $0 the match; \$ and
--   \\ are a dollar and a backslash.  A function is called with what
--   msys.pcre.match gives and returns the text; nil or false: as it was.
--   Raises as match does, and when the result has more than 128 MB.
--   Events: any.  Waits: a function may.  From: Momentum msys.pcre.replace;
--   function and limit as in its interpreter.
function msys.pcre.replace(subject, pattern, replacement, limit)
  local what = 'msys.pcre.replace'
  subject, pattern = text_of(subject, what), text_of(pattern, what)
  if type(replacement) == 'function' then
    return replace_by(replacement, tostring(subject), pattern, limit)
  end
  local text, n, number = pcre.replace(subject, pattern,
    text_of(replacement, what), limit)
  if text then
    return text
  end
  return nil, n, number
end

-- msys.pcre.split(subject, pattern [, limit]) -> array | nil, errstr, errnum
--   What is between the matches, from 1, without empty strings; all of the
--   subject if there is no match.  limit: of elements, the last has the rest.
--   Raises as match does.
--   Events: any.  Waits: no.  From: Momentum msys.pcre.split; limit and no
--   empty strings as in its interpreter.
function msys.pcre.split(subject, pattern, limit)
  subject = text_of(subject, 'msys.pcre.split')
  return pcre.split(subject, text_of(pattern, 'msys.pcre.split'), limit)
end
