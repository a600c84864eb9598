/* SPDX-License-Identifier: ISC */
#ifndef TALLY_LEDGER_DIRECTORY_H
#define TALLY_LEDGER_DIRECTORY_H

#include "ledger/view.h"

/* Directories: chains of pages that list the indexes of entries (rippled: ApplyView.cpp). The owner
 * directory of an account names all that counts against its reserve; each entry remembers the page
 * that names it (OwnerNode and the like), so that removing it costs two pages at most.
 *
 *     root (page 0) ⇄ page 1 ⇄ page 2 ... ⇄ page n ⇄ root         up to 32 indexes each
 *       IndexNext: 1        IndexPrevious: n
 *
 * A link to the root is 0, or absent as long as it never was anything else. New indexes go to the
 * last page, so that numbers grow along the chain; those of pages that were removed before the last
 * are not used again. A page that becomes empty is unlinked, the root only when it is the last. */

#define DIRECTORY_PAGE_ENTRIES 32
/* Pages of one directory without fixDirectoryLimit. */
#define DIRECTORY_PAGES_MAX 262144

enum directory_result {
	DIRECTORY_DONE,
	DIRECTORY_FULL,        /* no page number is left: tecDIR_FULL */
	DIRECTORY_BROKEN,      /* the pages contradict each other, or the index is there already, or
				  is not where it should be: tefBAD_LEDGER */
	DIRECTORY_UNAVAILABLE, /* a page could not be read; the view has failed */
};

/* Adds the index of an entry to the owner directory of `owner` (pages are made with their Owner
 * field), sorted within its page. *page is where it went, for the entry's OwnerNode. */
enum directory_result directory_add_owned(struct view *v, const struct account_id *owner,
					  const struct hash256 *index, uint64_t *page) MUST_USE;
/* Removes it from the page where it is. An empty directory goes with its last entry, unless
 * keep_root says that its root stays; which of both is a rule of each transaction type. */
enum directory_result directory_remove_owned(struct view *v, const struct account_id *owner,
					     uint64_t page, const struct hash256 *index,
					     bool keep_root) MUST_USE;

/* The general form: any root; `describe` fills in what a new page carries beside RootIndex and
 * Indexes (owner, or the sides of a book). in_order: the indexes of a page stay in the order in
 * which they came (books), else they are sorted. */
enum directory_result directory_add(struct view *v, struct keylet root, bool in_order,
				    const struct hash256 *index,
				    void (*describe)(struct st_object *page, const void *ctx),
				    const void *ctx, uint64_t *page) MUST_USE;
/* keep_root: the root stays although it is empty. The change may be half done when the result is
 * not DIRECTORY_DONE: the caller abandons the sandbox. */
enum directory_result directory_remove(struct view *v, struct keylet root, uint64_t page,
				       const struct hash256 *index, bool keep_root) MUST_USE;

/* Removes the root of a directory that has no entries; does nothing when it has some. */
enum directory_result directory_remove_empty(struct view *v, struct keylet root) MUST_USE;

/* Walks the indexes of a directory in order, for reading; `visit` answers false to end the walk,
 * and changes nothing. FOUND, ABSENT when there is no such directory, UNAVAILABLE; a link to a page
 * that is not there, or back, ends the walk like the last page does. */
enum found directory_each(struct view *v, struct keylet root,
			  bool (*visit)(void *ctx, const struct hash256 *index),
			  void *ctx) MUST_USE;
bool directory_is_empty(struct view *v, struct keylet root);

#endif
