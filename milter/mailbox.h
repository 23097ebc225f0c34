/*
 * mailbox.h - the addresses of a From:, To: or Cc: header
 *
 * Reads the address-list of RFC 5322 with the UTF-8 of RFC 6532, obsolete
 * forms included: comments and white space around every word, dots in names,
 * quoted words in local parts, source routes, empty places between commas.
 *
 *   name    the display name as a reader is shown it: quotes and backslashes
 *           removed, encoded words decoded (between quotes, too: mail programs
 *           put them there), words with one space between them.  Any bytes,
 *           NULs included.  NULL: there is none; a comment is no name.
 *   local   the local part without quotes, backslashes and comments
 *   domain  as written but for comments and white space: neither lower case
 *           nor A-labels.  A literal has its brackets.
 *   email   local, quoted where it must be (also where it looks like an
 *           encoded word), "@" and domain: RFC 5321 reads it
 *   local, domain and email are UTF-8 without control characters.  "<>", which
 *   mail systems write, is a mailbox with none of the three (NULL).
 *
 * Of the names the first MAILBOX_DECODED_MAX with encoded words are decoded,
 * the others left as written: a charset costs more than its bytes.
 *
 * No text but white space, comments and commas is a list of nothing.  What is
 * wrong elsewhere makes the whole fail: half a From: must not pass for one.
 *
 * Any bytes, up to MAILBOX_TEXT_MAX of them; time and memory are linear in
 * them.  Any thread.
 */
#ifndef KUMILTER_MAILBOX_H
#define KUMILTER_MAILBOX_H

#include "err.h"

#include <stdbool.h>
#include <stddef.h>

#define MAILBOX_TEXT_MAX ((size_t)1024 * 1024)
#define MAILBOX_DECODED_MAX 256

struct mailbox {
	const char *name;
	size_t name_len;
	const char *local, *domain, *email;
};

/* One mailbox, or a group ("name: a@b, c@d;") of n of them, possibly none. */
struct mailbox_entry {
	bool is_group;
	const char *name; /* of the group */
	size_t name_len;
	size_t first, n; /* box[first] and on */
};

/* One block of size bytes, all it points to included. */
struct mailbox_list {
	size_t size;
	size_t n_boxes, n_entries;
	struct mailbox *box; /* in their order, those of groups among them */
	struct mailbox_entry *entry;
};

/* To be freed with free().  NULL with *err, which gives the byte, from 1. */
struct mailbox_list *mailbox_list_parse(
    const char *text, size_t len, struct err *err);

/* A copy in mem: list->size bytes, aligned as malloc(3) aligns. */
struct mailbox_list *mailbox_list_copy(
    void *mem, const struct mailbox_list *list);

#endif
