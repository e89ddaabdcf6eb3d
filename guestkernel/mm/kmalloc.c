/* SPDX-License-Identifier: Apache-2.0
 *
 * Kernel objects: size classes carved out of single frames, larger ones as blocks of frames. What a frame holds stands
 * in its struct page, so an object has no header and a slab no waste.
 */
#include "guestkernel/lib.h"
#include "guestkernel/mm/page.h"
#include "guestkernel/mm/poison.h"

/* `order` of a slab's struct page is its class. */
static const u16 class_bytes[] = {32, 64, 96, 128, 192, 256, 384, 512, 768, 1024, 2048};
#define CLASSES	  ARRAY_SIZE(class_bytes)
#define CLASS_MAX 2048

#define KMALLOC_MAX (1ul << 20)

/* Slabs with a free object, by class. */
static struct list partial[CLASSES];

void kmalloc_init(void)
{
	for (unsigned class = 0; class < CLASSES; class ++)
		list_init(&partial[class]);
}

static unsigned class_of(size_t bytes)
{
	unsigned class = 0;

	while (class_bytes[class] < bytes)
		class ++;
	return class;
}

static unsigned order_of(size_t bytes)
{
	unsigned order = 0;

	while ((PAGE_SIZE << order) < bytes)
		order++;
	return order;
}

/* The free objects of a slab are linked through their first word. */
static void object_push(struct page *slab, void *object)
{
	*(void **)object = slab->free;
	slab->free = object;
	mm_poison(object, class_bytes[slab->order]);
}

static void *object_pop(struct page *slab)
{
	void *object = slab->free;

	mm_unpoison(object, class_bytes[slab->order]);
	slab->free =
	    *(void **)object; /* NOLINT(clang-analyzer-core.NullDereference): only of slabs with a free object */
	return object;
}

static struct page *slab_create(unsigned class)
{
	struct page *slab = page_alloc(0, 0);

	if (!slab)
		return NULL;
	slab->flags |= PAGE_F_SLAB;
	slab->order = (u8) class;
	slab->used = 0;
	slab->free = NULL;
	u8 *base = page_virt(slab);

	/* Backwards, so that objects are handed out in address order. */
	for (unsigned i = (unsigned)(PAGE_SIZE / class_bytes[class]); i-- > 0;)
		object_push(slab, base + (size_t)i * class_bytes[class]);
	list_push(&partial[class], &slab->link);
	return slab;
}

static void *slab_alloc(unsigned class)
{
	struct list *slabs = &partial[class];
	struct page *slab = list_empty(slabs) ? slab_create(class) : list_first(slabs, struct page, link);

	if (!slab)
		return NULL;
	slab->used++;
	void *object = object_pop(slab);

	if (!slab->free)
		list_remove(&slab->link);
	return object;
}

static void slab_free(struct page *slab, void *object)
{
	struct list *slabs = &partial[slab->order];

	kassert(slab->used > 0);
	if (!slab->free)
		list_push(slabs, &slab->link);
	object_push(slab, object);
	/* The last partial slab of a class stays, so that one object going back and forth costs no frame each time. */
	if (--slab->used || slabs->next == slabs->prev)
		return;
	list_remove(&slab->link);
	slab->flags = 0;
	slab->order = 0;
	page_put(slab);
}

void *kmalloc(size_t bytes)
{
	if (!bytes || bytes > KMALLOC_MAX)
		return NULL;
	if (bytes <= CLASS_MAX)
		return slab_alloc(class_of(bytes));
	struct page *p = page_alloc(order_of(bytes), 0);

	return p ? page_virt(p) : NULL;
}

static size_t size_of(const void *object)
{
	struct page *p = page_of(virt_to_phys(object));

	return p->flags & PAGE_F_SLAB ? class_bytes[p->order] : PAGE_SIZE << p->order;
}

void kfree(void *object)
{
	if (!object)
		return;
	struct page *p = page_of(virt_to_phys(object));

	if (p->flags & PAGE_F_SLAB)
		slab_free(p, object);
	else
		page_put(p);
}

void *kzalloc(size_t bytes)
{
	if (bytes > CLASS_MAX && bytes <= KMALLOC_MAX) { /* never-used frames need no zeroing */
		struct page *p = page_alloc(order_of(bytes), ALLOC_ZERO);

		return p ? page_virt(p) : NULL;
	}
	void *object = kmalloc(bytes);

	if (object)
		memset(object, 0, bytes);
	return object;
}

void *kcalloc(size_t n, size_t size)
{
	size_t bytes;

	if (__builtin_mul_overflow(n, size, &bytes))
		return NULL;
	return kzalloc(bytes);
}

void *krealloc(void *object, size_t bytes)
{
	if (!object)
		return kmalloc(bytes);
	size_t old = size_of(object);

	if (bytes && bytes <= old && (bytes > old / 4 || old <= 64))
		return object;
	void *new = kmalloc(bytes);

	if (!new)
		return NULL;
	memcpy(new, object, MIN(old, bytes));
	kfree(object);
	return new;
}

char *kstrdup(const char *s)
{
	size_t bytes = strlen(s) + 1;
	char *copy = kmalloc(bytes);

	if (copy)
		memcpy(copy, s, bytes);
	return copy;
}
