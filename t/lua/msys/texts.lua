-- What methods.lua asks for; in the language of the scriptlets as well.
module("texts", package.seeall)

code = 0x200 | (0x20 & 0x30) | 6

function of(what)
  return what != "" and "no " .. what or "no"
end
