/* SPDX-License-Identifier: Apache-2.0
 *
 * Which libraries the dynamic linker in the guest will look for, and where: breadth first over DT_NEEDED, with the
 * search orders of glibc (ld.so(8)) and of musl (ldso/dynlink.c). Must agree with the linker, not improve on it.
 *
 * Libraries for CPUs with certain features (glibc-hwcaps) are sent beside the plain ones: the linker in the guest
 * chooses by the guest's CPU.
 */
#include "runner/closure_builder.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>

#include "runner/ldcache.h"

#define LDSO_CACHE "/etc/ld.so.cache"

/* One loaded file, as the linker's link map. */
struct object {
	struct object *next;
	const struct object *loader; /* who asked for it first; NULL: the program */
	const char *name;	     /* as asked for */
	const char *origin;	     /* $ORIGIN */
	size_t origin_length;
	const struct walk_node *node;
	const struct elf_info *info;
};

struct linker {
	struct builder *builder;
	bool musl;
	const char *program; /* for messages */
	const char *interp;  /* PT_INTERP */
	struct object *main;
	struct object **tail;  /* where the next object goes */
	char system[PATH_MAX]; /* glibc: its library directory without /usr, such as /lib/x86_64-linux-gnu */
	struct ldcache cache;
	void *cache_map;
	size_t cache_bytes;
	bool cache_tried, cache_wanted;
	char musl_path[PATH_MAX]; /* musl: system directories */
};

static int out_of_memory(struct linker *linker)
{
	return builder_fail_exhausted(linker->builder, ENOMEM);
}

/* Appends an object for a kept file unless the same file is loaded already. */
static int load(struct linker *linker, struct walk_node *node, const char *path, const char *name,
		const struct object *loader)
{
	for (const struct object *object = linker->main; object; object = object->next)
		if (object->node == node)
			return 0;
	const struct elf_info *info = builder_parse(linker->builder, node);
	struct arena *arena = &linker->builder->closure->arena;
	struct object *object = info ? arena_alloc(arena, sizeof(*object)) : NULL;
	if (!object)
		return info ? out_of_memory(linker) : -1;
	/* The program's origin is its real directory (/proc/self/exe); a library's is that of the path it was found by.
	 */
	const char *at = loader ? arena_copy(arena, path, strlen(path)) : node->path;
	if (!at)
		return out_of_memory(linker);
	*object = (struct object){.loader = loader, .name = name, .node = node, .info = info, .origin = at};
	object->origin_length = (size_t)(strrchr(at, '/') - at);
	*linker->tail = object;
	linker->tail = &object->next;
	return 0;
}

/* Tries one absolute path: 1 loaded, 0 not there or for another machine (the linker goes on then), -1 error. */
static int try_file(struct linker *linker, const char *path, const char *name, const struct object *loader)
{
	struct walk_node *node;
	const char *what;
	if (builder_open(linker->builder, path, &node))
		return builder_exhausted(errno) ? builder_fail_exhausted(linker->builder, errno) : 0;
	if (!node->info && elf_identify(&linker->builder->window, &what) != ELF_NATIVE)
		return 0;
	if (builder_keep(linker->builder, node) || load(linker, node, path, name, loader)) {
		if (linker->builder->error && linker->builder->error->status == STATUS_CANNOT_EXEC)
			linker->builder->error->status = STATUS_RUNNER;
		return -1;
	}
	return 1;
}

/* Tries `directory` "/" [subdirectory] name. */
static int try_in(struct linker *linker, const char *directory, const char *subdirectory, const char *name,
		  const struct object *loader)
{
	char path[PATH_MAX];
	int n = snprintf(path, sizeof(path), "%s/%s%s", directory, subdirectory, name);
	return n < 0 || (size_t)n >= sizeof(path) ? 0 : try_file(linker, path, name, loader);
}

/* One directory of a search path, with the variants below it. 1: the plain library was found. */
static int try_directory(struct linker *linker, const char *directory, const char *name, const struct object *loader)
{
	static const char *const variants[] = {"glibc-hwcaps/x86-64-v4/", "glibc-hwcaps/x86-64-v3/",
					       "glibc-hwcaps/x86-64-v2/"};
	struct walk_node *node;
	char path[PATH_MAX];
	if (!linker->musl && snprintf(path, sizeof(path), "%s/glibc-hwcaps", directory) < (int)sizeof(path) &&
	    !walk_resolve(&linker->builder->walk, path, &node)) {
		for (size_t i = 0; i < sizeof(variants) / sizeof(*variants); i++)
			if (try_in(linker, directory, variants[i], name, loader) < 0)
				return -1;
	}
	return try_in(linker, directory, "", name, loader);
}

/* The length of the token NAME or {NAME} at `text` (behind the `$`), or 0. */
static size_t token(const char *text, const char *name)
{
	size_t length = strlen(name);
	if (*text == '{')
		return !strncmp(text + 1, name, length) && text[1 + length] == '}' ? length + 2 : 0;
	return strncmp(text, name, length) ? 0 : length;
}

/* Expands $ORIGIN, $LIB and $PLATFORM in text[0..length). Returns 0, or -1 when the result is too long or a token
 * is unknown. */
static int expand(const struct linker *linker, const struct object *object, const char *text, size_t length,
		  const char *platform, char *out)
{
	size_t used = 0;
	for (size_t i = 0; i < length;) {
		const char *value = text + i;
		size_t n, value_length = 1, skip = 1;
		if (text[i] == '$' && (n = token(text + i + 1, "ORIGIN"))) {
			value = object->origin;
			value_length = object->origin_length;
			skip = n + 1;
		} else if (text[i] == '$' && (n = token(text + i + 1, "LIB")) && !linker->musl) {
			value = linker->system + 1;
			value_length = strlen(value);
			skip = n + 1;
		} else if (text[i] == '$' && (n = token(text + i + 1, "PLATFORM")) && !linker->musl) {
			value = platform;
			value_length = strlen(value);
			skip = n + 1;
		}
		if (used + value_length >= PATH_MAX)
			return -1;
		memcpy(out + used, value, value_length);
		used += value_length;
		i += skip;
	}
	out[used] = 0;
	return 0;
}

/* Tries each directory of a list. Relative ones count from the program's working directory in the guest, where no
 * library of the host stands: they find nothing. */
static int search(struct linker *linker, const char *list, const char *separators, const struct object *origin,
		  const char *name, const struct object *loader)
{
	static const char *const platforms[] = {"haswell", "x86_64"};
	for (; list && *list; list += strspn(list, separators)) {
		size_t length = strcspn(list, separators);
		char directory[PATH_MAX];
		bool by_platform = memmem(list, length, "PLATFORM", 8);
		for (size_t i = by_platform ? 0 : 1; i < 2; i++) {
			if (expand(linker, origin, list, length, platforms[i], directory) || directory[0] != '/')
				continue;
			int found = try_directory(linker, directory, name, loader);
			if (found)
				return found;
		}
		list += length;
	}
	return 0;
}

/* Opens the cache at its first use. A map and not a copy: a look-up touches few of its pages. */
static void open_cache(struct linker *linker)
{
	struct walk_node *node;
	linker->cache_tried = true;
	if (builder_open(linker->builder, LDSO_CACHE, &node) || node->stat.st_size <= 0 ||
	    node->stat.st_size > LDCACHE_BYTES_MAX)
		return;
	void *map = mmap(NULL, (size_t)node->stat.st_size, PROT_READ, MAP_PRIVATE, node->fd, 0);
	if (map == MAP_FAILED)
		return;
	linker->cache_map = map;
	linker->cache_bytes = (size_t)node->stat.st_size;
	if (ldcache_open(map, linker->cache_bytes, &linker->cache))
		linker->cache.count = 0;
}

/* Whether the linker finds a library in this directory without the cache. */
static bool is_system(const struct linker *linker, const char *path)
{
	size_t length = (size_t)(strrchr(path, '/') - path), system = strlen(linker->system);
	if (length == system + 4 && !strncmp(path, "/usr", 4)) {
		path += 4;
		length -= 4;
	}
	return length == system && !strncmp(path, linker->system, system);
}

static int search_cache(struct linker *linker, const char *name, const struct object *loader)
{
	struct ldcache_hit hits[16];
	if (!linker->cache_tried)
		open_cache(linker);
	size_t count = linker->cache.count ? ldcache_find(&linker->cache, name, hits, 16) : 0;
	bool plain = false;
	for (size_t i = 0; i < count; i++) {
		bool system = is_system(linker, hits[i].path);
		if ((plain && !hits[i].variant) || (system && loader->info->no_default_lib))
			continue;
		int found = try_file(linker, hits[i].path, name, loader);
		if (found < 0)
			return -1;
		plain |= found && !hits[i].variant;
		linker->cache_wanted |= found && !system;
	}
	return plain;
}

static int search_system(struct linker *linker, const char *name, const struct object *loader)
{
	char list[2 * PATH_MAX + 64];
	if (loader->info->no_default_lib)
		return 0;
	snprintf(list, sizeof(list), "%s:/usr%s:/lib:/usr/lib", linker->system, linker->system);
	return search(linker, list, ":", loader, name, loader);
}

/* ld.so(8): RPATH of the loading chain unless the loader has a RUNPATH; LD_LIBRARY_PATH; the loader's RUNPATH; the
 * cache; the system's directories. An object's RUNPATH voids its own RPATH. */
static int search_glibc(struct linker *linker, const char *name, const struct object *loader)
{
	int found = 0;
	for (const struct object *o = loader->info->runpath ? NULL : loader; o && !found; o = o->loader)
		if (!o->info->runpath)
			found = search(linker, o->info->rpath, ":", o, name, loader);
	if (!found)
		found = search(linker, environment_get(linker->builder->environment, "LD_LIBRARY_PATH"), ":;",
			       linker->main, name, loader);
	if (!found)
		found = search(linker, loader->info->runpath, ":", loader, name, loader);
	if (!found)
		found = search_cache(linker, name, loader);
	return found ? found : search_system(linker, name, loader);
}

/* musl: LD_LIBRARY_PATH; RUNPATH (or else RPATH) of the loading chain; the system's directories. */
static int search_musl(struct linker *linker, const char *name, const struct object *loader)
{
	int found = search(linker, environment_get(linker->builder->environment, "LD_LIBRARY_PATH"), ":\n",
			   linker->main, name, loader);
	for (const struct object *o = loader; o && !found; o = o->loader)
		found = search(linker, o->info->runpath ? o->info->runpath : o->info->rpath, ":\n", o, name, loader);
	return found ? found : search(linker, linker->musl_path, ":\n", linker->main, name, loader);
}

/* musl's libc, linker and all their old names are one file. */
static bool musl_itself(const char *name)
{
	static const char *const names[] = {"libc.",  "libpthread.", "librt.",	"libm.",
					    "libdl.", "libutil.",    "libxnet."};
	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++)
		if (!strncmp(name, names[i], strlen(names[i])))
			return true;
	return false;
}

static bool is_loaded(const struct linker *linker, const char *name)
{
	const char *interp = strrchr(linker->interp, '/') + 1;
	if (!strcmp(name, interp) || !strcmp(name, linker->interp) || (linker->musl && musl_itself(name)))
		return true;
	for (const struct object *o = linker->main; o; o = o->next)
		if (!strcmp(o->name, name) || (o->info->soname && !strcmp(o->info->soname, name)))
			return true;
	return false;
}

/* A name with a slash is a path. */
static int find_path(struct linker *linker, const char *name, const struct object *loader)
{
	char path[PATH_MAX];
	const char *workdir = linker->builder->spec->workdir;
	if (expand(linker, loader, name, strlen(name), "x86_64", path))
		return 0;
	if (path[0] == '/')
		return try_file(linker, path, name, loader);
	return workdir ? try_in(linker, workdir, "", path, loader) : 0;
}

static int need(struct linker *linker, const char *name, const struct object *loader)
{
	if (is_loaded(linker, name))
		return 0;
	int found = strchr(name, '/') ? find_path(linker, name, loader)
		    : linker->musl    ? search_musl(linker, name, loader)
				      : search_glibc(linker, name, loader);
	if (found)
		return found < 0 ? -1 : 0;
	return error_set(linker->builder->error, STATUS_CANNOT_EXEC,
			 "%s: missing library %s, needed by %s; install its package, or name its directory with "
			 "-e LD_LIBRARY_PATH=DIR",
			 linker->program, name, loader->node->path);
}

/* LD_PRELOAD, when the caller passes it on. */
static int preload(struct linker *linker)
{
	const char *list = environment_get(linker->builder->environment, "LD_PRELOAD");
	for (; list && *list; list += strspn(list, " :")) {
		size_t length = strcspn(list, " :");
		char *name = arena_copy(&linker->builder->closure->arena, list, length);
		if (!name)
			return out_of_memory(linker);
		if (length && need(linker, name, linker->main))
			return -1;
		list += length;
	}
	return 0;
}

/* glibc's library directory, from where its linker really stands: it is compiled in and the same on the host. */
static void set_system(struct linker *linker, const char *interp_real)
{
	const char *path = strncmp(interp_real, "/usr/", 5) ? interp_real : interp_real + 4;
	snprintf(linker->system, sizeof(linker->system), "%.*s", (int)(strrchr(path, '/') - path), path);
}

/* A list of absolute directories and nothing else. The program chooses the interpreter and with it the file that is
 * taken for this list: it must not be a way to have any file of the host sent. */
static bool is_path_list(const char *text, size_t size)
{
	for (const char *at = text; at < text + size; at++) {
		if ((unsigned char)*at < ' ' && *at != '\n')
			return false;
		if (*at != '/' && *at != '\n' && (at == text || at[-1] == '\n' || at[-1] == ':'))
			return false;
	}
	return true;
}

/* musl's directories: PREFIX/etc/ld-musl-x86_64.path when PT_INTERP is PREFIX/lib/ld-musl-x86_64.so.1. */
static int set_musl_path(struct linker *linker)
{
	struct builder *builder = linker->builder;
	const char *end = strrchr(linker->interp, '/');
	char path[PATH_MAX], text[PATH_MAX];
	struct walk_node *node;
	while (end > linker->interp && *--end != '/')
		;
	snprintf(linker->musl_path, sizeof(linker->musl_path), "/lib:/usr/local/lib:/usr/lib");
	int n =
	    snprintf(path, sizeof(path), "%.*s/etc/ld-musl-x86_64.path", (int)(end - linker->interp), linker->interp);
	if ((size_t)n >= sizeof(path))
		return 0;
	if (builder_open(builder, path, &node))
		return builder_exhausted(errno) ? builder_fail_exhausted(builder, errno) : 0;
	size_t size = (size_t)node->stat.st_size;
	if (size >= sizeof(text) || file_window_read(&builder->window, 0, text, size) || !is_path_list(text, size))
		return error_set(builder->error, STATUS_RUNNER,
				 "%s: is not a list of at most %zu bytes of absolute directories", path,
				 sizeof(text) - 1);
	memcpy(linker->musl_path, text, size);
	linker->musl_path[size] = 0;
	return builder_keep(builder, node);
}

static int add_interp(struct linker *linker)
{
	struct walk_node *node;
	const char *what = "";
	struct error *error = linker->builder->error;
	if (linker->interp[0] != '/')
		return error_set(error, STATUS_CANNOT_EXEC, "%s: its interpreter is not an absolute path: %.200s",
				 linker->program, linker->interp);
	int taken = builder_take(linker->builder, linker->interp, &node);
	if (taken < 0)
		return -1;
	if (!taken)
		return error_set(error, STATUS_CANNOT_EXEC,
				 "%s: needs the dynamic linker %s, which this host does not have", linker->program,
				 linker->interp);
	if (elf_identify(&linker->builder->window, &what) != ELF_NATIVE)
		return error_set(error, STATUS_CANNOT_EXEC, "%s: its dynamic linker %s is not an x86-64 ELF file%s%s",
				 linker->program, linker->interp, *what ? " but for " : "", what);
	const char *base = strrchr(linker->interp, '/') + 1;
	linker->musl = !strncmp(base, "ld-musl-", 8);
	set_system(linker, node->path);
	return 0;
}

static int link_all(struct linker *linker, struct walk_node *program, const struct elf_info *info)
{
	struct walk_node *node;
	linker->tail = &linker->main;
	if (add_interp(linker) || load(linker, program, program->path, program->path, NULL))
		return -1;
	bool any = info->needed_count || environment_get(linker->builder->environment, "LD_PRELOAD");
	if ((any && linker->musl && set_musl_path(linker)) || preload(linker))
		return -1;
	for (const struct object *object = linker->main; object; object = object->next)
		for (uint32_t i = 0; i < object->info->needed_count; i++)
			if (need(linker, object->info->needed[i], object))
				return -1;
	return linker->cache_wanted && builder_take(linker->builder, LDSO_CACHE, &node) < 0 ? -1 : 0;
}

int libraries_add(struct builder *builder, struct walk_node *program, const char *path)
{
	const struct elf_info *info = builder_parse(builder, program);
	if (!info)
		return -1;
	if (!info->interp)
		return 0; /* static, or static-PIE: it relocates itself */
	struct linker linker = {.builder = builder, .program = path, .interp = info->interp};
	int result = link_all(&linker, program, info);
	if (linker.cache_map)
		munmap(linker.cache_map, linker.cache_bytes);
	return result;
}
