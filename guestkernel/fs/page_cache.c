/* SPDX-License-Identifier: Apache-2.0
 *
 * Owns how pages enter and leave a file's cache.
 */
#include "guestkernel/fs/page_cache.h"
#include "guestkernel/lib.h"

int page_cache_insert(struct radix *pages, struct list *link, struct list *files, struct inode *inode, u64 index,
		      struct page *page)
{
	int r = radix_set(pages, index, page);
	if (r) {
		page_put(page);
		return r;
	}
	page_set_cache(page, inode, index);
	list_remove(link);
	list_append(files, link);
	return 0;
}

void page_cache_drop(struct radix *pages, struct list *link, u64 index)
{
	struct page *page = radix_remove(pages, index);
	if (!page)
		return;
	page_clear_cache(page);
	page_put(page);
	if (!pages->count)
		list_remove(link);
}
