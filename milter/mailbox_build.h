/*
 * mailbox_build.h - a mailbox_list while it is read
 *
 * Its strings are collected in one text that moves as it grows, so they are
 * known by their places in it until mailbox_build_list() makes one block of
 * all.  All zero is an empty one; mailbox_build_fini() frees it.
 */
#ifndef KUMILTER_MAILBOX_BUILD_H
#define KUMILTER_MAILBOX_BUILD_H

#include "mailbox.h"
#include "str.h"

#define MAILBOX_NOWHERE ((size_t)-1)

struct mailbox_place {
	size_t name, name_len, local, domain, email;
};

struct mailbox_build {
	struct str text;
	struct mailbox_place *box;
	struct mailbox_entry *entry;
	size_t *entry_name; /* where the name of each entry is */
	size_t n_boxes, cap_boxes, n_entries, cap_entries;
};

/* A new one at the end; it is valid until the next.  Nowhere at all. */
struct mailbox_place *mailbox_build_box(struct mailbox_build *b);

/* A new entry, whose first box will be the next one. */
struct mailbox_entry *mailbox_build_entry(
    struct mailbox_build *b, bool is_group, size_t name, size_t name_len);

/* Its email, of its local part and its domain, which are in the text. */
void mailbox_build_email(struct mailbox_build *b, struct mailbox_place *m);

struct mailbox_list *mailbox_build_list(const struct mailbox_build *b);
void mailbox_build_fini(struct mailbox_build *b);

#endif
