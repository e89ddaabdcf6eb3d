/* SPDX-License-Identifier: Apache-2.0
 *
 * The pages of a file that are kept while memory lasts, because they can be had again: they stand in the file's radix
 * tree, and files that have some in a list, the one that got a page longest ago first.
 */
#ifndef GUESTKERNEL_FS_PAGE_CACHE_H
#define GUESTKERNEL_FS_PAGE_CACHE_H

#include "guestkernel/fs/radix.h"
#include "guestkernel/fs/vfs.h"
#include "guestkernel/mm/page.h"

/* Puts the page in its place, which is free, and takes over the reference, also on failure; the file (`link`) becomes
 * the last of `files`. -ENOMEM. The caller sees to it that what this allocates does not reclaim from the same tree. */
int page_cache_insert(struct radix *pages, struct list *link, struct list *files, struct inode *inode, u64 index,
		      struct page *page);
/* Gives up the page, if there is one; with the last one the file leaves the list. */
void page_cache_drop(struct radix *pages, struct list *link, u64 index);

#endif
