/* SPDX-License-Identifier: Apache-2.0
 *
 * The VMA index: an AVL tree by start address, each node of which knows the longest free range that ends at a VMA of
 * its subtree, beside a list in order of address.
 */
#include "guestkernel/mm/vma.h"
#include "guestkernel/lib.h"

struct vma *vma_next(const struct vma *vma)
{
	return vma->link.next == &vma->mm->vmas ? NULL : list_entry(vma->link.next, struct vma, link);
}
struct vma *vma_prev(const struct vma *vma)
{
	return vma->link.prev == &vma->mm->vmas ? NULL : list_entry(vma->link.prev, struct vma, link);
}

static u64 end_before(const struct vma *vma)
{
	const struct vma *prev = vma_prev(vma);

	return prev ? prev->end : 0;
}

static int height(const struct vma *v)
{
	return v ? v->height : 0;
}
static u64 max_gap(const struct vma *v)
{
	return v ? v->max_gap : 0;
}
static void update(struct vma *v)
{
	v->height = 1 + MAX(height(v->left), height(v->right));
	v->max_gap = MAX(v->start - end_before(v), MAX(max_gap(v->left), max_gap(v->right)));
}

static struct vma *rotate_right(struct vma *v)
{
	struct vma *top = v->left;

	v->left = top->right;
	top->right = v;
	update(v);
	update(top);
	return top;
}
static struct vma *rotate_left(struct vma *v)
{
	struct vma *top = v->right;

	v->right = top->left;
	top->left = v;
	update(v);
	update(top);
	return top;
}

/* Restores the balance of v, whose subtrees are balanced and differ by at most 2. */
static struct vma *balance(struct vma *v)
{
	int lean = height(v->left) - height(v->right);

	if (lean > 1) {
		if (height(v->left->left) < height(v->left->right))
			v->left = rotate_left(v->left);
		return rotate_right(v);
	}
	if (lean < -1) {
		if (height(v->right->right) < height(v->right->left))
			v->right = rotate_right(v->right);
		return rotate_left(v);
	}
	update(v);
	return v;
}

static struct vma *tree_insert(struct vma *v, struct vma *new)
{
	if (!v) {
		new->left = new->right = NULL;
		update(new);
		return new;
	}
	if (new->start < v->start)
		v->left = tree_insert(v->left, new);
	else
		v->right = tree_insert(v->right, new);
	return balance(v);
}

static struct vma *take_first(struct vma *v, struct vma **first)
{
	if (!v->left) {
		*first = v;
		return v->right;
	}
	v->left = take_first(v->left, first);
	return balance(v);
}

static struct vma *tree_remove(struct vma *v, struct vma *old)
{
	if (v == old) {
		struct vma *next;

		if (!old->right)
			return old->left;
		old->right = take_first(old->right, &next);
		next->left = old->left;
		next->right = old->right;
		return balance(next);
	}
	if (old->start < v->start)
		v->left = tree_remove(v->left, old);
	else
		v->right = tree_remove(v->right, old);
	return balance(v);
}

/* Brings max_gap up to date on the way from the root to v, whose gap has changed. */
static void refresh(struct vma *root, struct vma *v)
{
	if (root != v)
		refresh(v->start < root->start ? root->left : root->right, v);
	update(root);
}

struct vma *vma_find(const struct mm *mm, u64 addr)
{
	struct vma *best = NULL;

	for (struct vma *v = mm->root; v;) {
		if (v->end > addr) {
			best = v;
			v = v->left;
		} else {
			v = v->right;
		}
	}
	return best;
}

void vma_insert(struct mm *mm, struct vma *vma)
{
	struct vma *next = vma_find(mm, vma->start);

	vma->mm = mm;
	list_append(next ? &next->link : &mm->vmas, &vma->link);
	mm->root = tree_insert(mm->root, vma); /* passes by the next VMA, whose gap has changed */
	mm->count++;
	mm->total_pages += (vma->end - vma->start) >> PAGE_SHIFT;
	mm->total_peak_pages = MAX(mm->total_peak_pages, mm->total_pages);
}

void vma_remove(struct vma *vma)
{
	struct mm *mm = vma->mm;

	list_remove(&vma->link);
	mm->root = tree_remove(mm->root, vma); /* passes by the next VMA too */
	mm->count--;
	mm->total_pages -= (vma->end - vma->start) >> PAGE_SHIFT;
}

void vma_resize(struct vma *vma, u64 start, u64 end)
{
	struct vma *next = vma_next(vma);
	struct mm *mm = vma->mm;

	mm->total_pages += ((end - start) >> PAGE_SHIFT) - ((vma->end - vma->start) >> PAGE_SHIFT);
	mm->total_peak_pages = MAX(mm->total_peak_pages, mm->total_pages);
	vma->start = start;
	vma->end = end;
	refresh(mm->root, vma);
	if (next)
		refresh(mm->root, next);
}

/* Where the range that new mappings may use below v ends. */
static u64 gap_end(const struct vma *v)
{
	if (!(v->flags & VMA_GROWSDOWN))
		return v->start;
	return v->start > STACK_GUARD ? v->start - STACK_GUARD : 0;
}

bool vma_range_free(const struct mm *mm, u64 start, u64 end)
{
	struct vma *v = vma_find(mm, start);

	return !v || end <= gap_end(v);
}

/* The highest fit within [from, to), or 0. */
static u64 fit(u64 from, u64 to, u64 length)
{
	return to > from && to - from >= length ? to - length : 0;
}

static u64 find_below(const struct vma *v, u64 length, u64 low, u64 high)
{
	u64 found = 0;

	if (!v || v->max_gap < length)
		return 0;
	if (v->end < high)
		found = find_below(v->right, length, low, high);
	if (!found)
		found = fit(MAX(end_before(v), low), MIN(gap_end(v), high), length);
	if (!found && v->start > low)
		found = find_below(v->left, length, low, high);
	return found;
}

u64 vma_find_gap(const struct mm *mm, u64 length, u64 low, u64 high)
{
	u64 last = list_empty(&mm->vmas) ? 0 : list_last(&mm->vmas, struct vma, link)->end;
	u64 found = fit(MAX(last, low), high, length);

	return found ? found : find_below(mm->root, length, low, high);
}
