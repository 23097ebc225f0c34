/*
 * regex_rust.h - patterns and replacements as Rust's regex and fancy-regex
 * crates write them, for PCRE2
 *
 * Most of both is the same.  What is written in another way is translated:
 * \u{e9} and \U000000e9, \h and \H (a hexadecimal digit, or not), \v (U+000B),
 * \< \> \b{start} \b{end}, long names of \p{Letter}, [[:alpha:]] (ASCII),
 * {,5}, and of classes [a-z&&[^x]], [a-z--[x]] and [a[bc]].
 *
 * What PCRE2 would take for something else, or what is not there, is an
 * error: (*VERB), \Q, (?R), (?-u), (?C), [a~~b], [[:^alpha:]].
 *
 * Differences that stay: a \w is a letter, a number of any kind or _, but no
 * mark that stands behind a letter; searches have limits (regex.h).
 *
 * Any bytes, any thread.
 */
#ifndef KUMILTER_REGEX_RUST_H
#define KUMILTER_REGEX_RUST_H

#include "regex_replace.h"

/* Appends the pattern for regex_new() with REGEX_RUST; 0, or -1 with *err. */
int regex_rust_pattern(
    struct str *out, const char *pattern, size_t len, struct err *err);

/* Appends the text as a pattern that matches it alone. */
void regex_rust_escape(struct str *out, const char *text, size_t len);

/*
 * For regex_replace_as(): $name, ${name}, $1, ${1}, nothing for a group that
 * is not there; $$ is a dollar, as is one before anything else.  A name is as
 * long as can be: $1a is a group "1a".
 */
regex_expand regex_rust_expand;

#endif
