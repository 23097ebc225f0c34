-- pcre.lua - msys.pcre: regular expressions

local msys, native, host = ...

local pcre, text_of = native.pcre, host.text

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

-- msys.pcre.replace(subject, pattern, replacement) -> string |
--   nil, errstr, errnum
--   Every match is replaced.  In replacement $1 or \1, ${12} and ${name} are
--   groups, $0 the match; \$ and \\ are a dollar and a backslash.
--   Raises as match does, and when the result has more than 128 MB.
--   Events: any.  Waits: no.  From: Momentum msys.pcre.replace.
function msys.pcre.replace(subject, pattern, replacement)
  local what = 'msys.pcre.replace'
  subject, pattern = text_of(subject, what), text_of(pattern, what)
  local text, n, number = pcre.replace(subject, pattern,
    text_of(replacement, what))
  if text then
    return text
  end
  return nil, n, number
end

-- msys.pcre.split(subject, pattern) -> array | nil, errstr, errnum
--   What is between the matches, from 1, empty fields included; all of the
--   subject if there is no match.  Raises as match does.
--   Events: any.  Waits: no.  From: Momentum msys.pcre.split.
function msys.pcre.split(subject, pattern)
  subject = text_of(subject, 'msys.pcre.split')
  return pcre.split(subject, text_of(pattern, 'msys.pcre.split'))
end
