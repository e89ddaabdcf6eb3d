/* SPDX-License-Identifier: Apache-2.0
 *
 * Mounts and copies of a run: option values, and the mapping of paths. Textual but for the default of GUEST, which a
 * relative HOST gets from realpath(3).
 */
#include "runner/shares.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "runner/rootfs.h"
#include "runner/units.h"

/* Copies value up to an unescaped `:` to out; returns the rest, behind the `:`, or NULL when there is none. */
static const char *split(const char *value, char *out)
{
	for (; *value && *value != ':'; value++) {
		if (*value == '\\' && (value[1] == ':' || value[1] == '\\'))
			value++;
		*out++ = *value;
	}
	*out = 0;
	return *value ? value + 1 : NULL;
}

/* A path that means the same without looking at the file system. */
static bool is_plain(const char *path)
{
	if (*path != '/')
		return false;
	while (*path) {
		path += strspn(path, "/");
		size_t length = strcspn(path, "/");
		if ((length == 1 && path[0] == '.') || (length == 2 && path[0] == '.' && path[1] == '.'))
			return false;
		path += length;
	}
	return true;
}

/* Drops double and trailing slashes of a plain path, in place. */
static void tidy(char *path)
{
	char *to = path;
	for (const char *from = path; *from;) {
		from += strspn(from, "/");
		size_t length = strcspn(from, "/");
		if (!length)
			break;
		*to++ = '/';
		memmove(to, from, length);
		to += length;
		from += length;
	}
	if (to == path)
		*to++ = '/';
	*to = 0;
}

static unsigned depth(const char *path)
{
	unsigned components = 0;
	for (; *path; path++)
		components += path[0] == '/' && path[1];
	return components;
}

/* Whether `path` is `top` or lies in it; both plain and tidy. *rest: what comes behind top, beginning with a slash or
 * empty. */
static bool within(const char *path, const char *top, const char **rest)
{
	size_t length = strlen(top);
	if (length == 1)
		length = 0; /* "/" */
	if (strncmp(path, top, length) || (path[length] && path[length] != '/'))
		return false;
	*rest = path[length] == '/' && !path[length + 1] ? path + length + 1 : path + length;
	return true;
}

/* What of the guest's own stays when its root is a share. */
static bool guests_own(const char *path)
{
	static const char *const own[] = {"/dev", "/proc", "/sys", "/tmp", "/run"};
	const char *rest;
	for (size_t i = 0; i < sizeof(own) / sizeof(own[0]); i++)
		if (within(path, own[i], &rest))
			return true;
	return false;
}

static void free_mount(struct spec_mount *mount)
{
	free((char *)(uintptr_t)mount->guest);
	free((char *)(uintptr_t)mount->host);
}

/* A mount of an earlier source makes room for one of this source at the same place. */
static void remove_overridden(struct run_spec *spec, const char *guest)
{
	for (unsigned i = 0; i < spec->mount_count; i++)
		if (!strcmp(spec->mount[i].guest, guest) && spec->mount[i].source < spec->source) {
			free_mount(&spec->mount[i]);
			spec->mount_count--;
			memmove(&spec->mount[i], &spec->mount[i + 1], (spec->mount_count - i) * sizeof(spec->mount[i]));
			if (!guest[1])
				spec->rootfs = false;
			return;
		}
}

static const char *check_guest(const struct run_spec *spec, const char *guest)
{
	static const char *const kernel[] = {"/dev", "/proc", "/sys"};
	const char *rest;
	if (strlen(guest) >= WIRE_PATH_MAX)
		return "is longer than 4095 bytes";
	for (size_t i = 0; i < sizeof(kernel) / sizeof(kernel[0]); i++)
		if (within(guest, kernel[i], &rest))
			return "would hide the guest's own /dev, /proc or /sys; give another place in the guest: "
			       "HOST:GUEST";
	for (unsigned i = 0; i < spec->mount_count; i++)
		if (!strcmp(spec->mount[i].guest, guest) && spec->mount[i].source == spec->source)
			return "has a place in the guest that was given before";
	return NULL;
}

/* Parents first, else in the order given. */
static void insert(struct run_spec *spec, struct spec_mount mount)
{
	unsigned at = spec->mount_count++;
	while (at && depth(spec->mount[at - 1].guest) > depth(mount.guest)) {
		spec->mount[at] = spec->mount[at - 1];
		at--;
	}
	spec->mount[at] = mount;
}

/* The place of HOST in the guest when none is given; malloc'ed. */
static char *default_guest(const char *host)
{
	return is_plain(host) ? strdup(host) : realpath(host, NULL);
}

static const char *fill(struct run_spec *spec, struct spec_mount *mount, char *first, const char *rest)
{
	char *guest;
	if (!*first)
		return "names no path";
	if (mount->kind == SPEC_TMPFS) {
		if (rest && (units_size(rest, &mount->size) || mount->size < SPEC_TMPFS_MIN))
			return "is not PATH or PATH:SIZE with a size such as 64M";
		guest = strdup(first);
	} else {
		mount->host = first;
		guest = rest ? malloc(strlen(rest) + 1) : default_guest(first);
		if (!guest)
			return rest ? "needs more memory than there is" : "cannot be found on this host";
		if (rest && split(rest, guest)) {
			free(guest);
			return "has more than one `:`; write one that belongs to a name as `\\:`";
		}
	}
	if (!guest)
		return "needs more memory than there is";
	mount->guest = guest;
	if (!is_plain(guest))
		return "has a place in the guest that is not absolute, or has a `.` or `..` component";
	tidy(guest);
	if (mount->kind == SPEC_TMPFS && !guest[1])
		return "cannot be the guest's root";
	return check_guest(spec, guest);
}

static bool full(const struct run_spec *spec)
{
	return spec->mount_count + spec->copy_count == SPEC_MOUNTS_MAX;
}

static const char too_many[] =
    "is one too many: at most 16 of --ro, --rw, --tmpfs, --overlay, --rootfs, --copy-in and --copy-out";

const char *shares_add(struct run_spec *spec, enum spec_mount_kind kind, const char *value)
{
	struct spec_mount mount = {.kind = kind, .value = value, .source = spec->source};
	char *first = malloc(strlen(value) + 1);
	if (!first)
		return "needs more memory than there is";
	const char *wrong = fill(spec, &mount, first, split(value, first));
	if (mount.host != first)
		free(first);
	if (!wrong)
		remove_overridden(spec, mount.guest);
	if (!wrong && full(spec))
		wrong = too_many;
	if (!wrong) {
		insert(spec, mount);
		return NULL;
	}
	free_mount(&mount);
	return wrong;
}

bool shares_holds(const struct run_spec *spec, const char *value)
{
	for (unsigned i = 0; i < spec->mount_count; i++)
		if (spec->mount[i].value == value)
			return true;
	return false;
}

const char *shares_add_rootfs(struct run_spec *spec, const char *value)
{
	struct spec_mount mount = {.kind = SPEC_OVERLAY, .value = value, .source = spec->source};
	const char *wrong = check_guest(spec, "/");
	enum rootfs_kind kind;
	if (!wrong)
		wrong = rootfs_detect(value, &kind);
	if (!wrong)
		remove_overridden(spec, "/");
	if (!wrong && full(spec))
		wrong = too_many;
	if (wrong)
		return wrong;
	if (kind != ROOTFS_DIRECTORY)
		mount.kind = kind == ROOTFS_TAR ? SPEC_TAR : SPEC_IMAGE;
	mount.host = strdup(value);
	mount.guest = strdup("/");
	if (!mount.host || !mount.guest) {
		free((char *)(uintptr_t)mount.host);
		free((char *)(uintptr_t)mount.guest);
		return "needs more memory than there is";
	}
	insert(spec, mount);
	spec->rootfs = true;
	return NULL;
}

/* The halves of FROM:TO, both needed. */
static const char *fill_copy(struct spec_copy *copy, char *from, char *to, const char *rest)
{
	char *guest = copy->out ? from : to, *host = copy->out ? to : from;
	if (!rest || split(rest, to))
		return copy->out ? "is not GUEST:HOST, a path in the guest and one of this host"
				 : "is not HOST:GUEST, a path of this host and one in the guest";
	if (!*host)
		return "names no path of this host";
	if (!is_plain(guest))
		return "has a path in the guest that is not absolute, or has a `.` or `..` component";
	tidy(guest);
	if (strlen(guest) >= WIRE_PATH_MAX)
		return "is longer than 4095 bytes";
	copy->into = host[strlen(host) - 1] == '/';
	copy->host = host;
	copy->guest = guest;
	return NULL;
}

const char *shares_add_copy(struct run_spec *spec, bool out, const char *value)
{
	struct spec_copy copy = {.out = out};
	if (full(spec))
		return too_many;
	char *from = malloc(strlen(value) + 1), *to = malloc(strlen(value) + 1);
	const char *wrong =
	    from && to ? fill_copy(&copy, from, to, split(value, from)) : "needs more memory than there is";
	if (!wrong) {
		spec->copy[spec->copy_count++] = copy;
		return NULL;
	}
	free(from);
	free(to);
	return wrong;
}

void shares_free(struct run_spec *spec)
{
	for (unsigned i = 0; i < spec->copy_count; i++) {
		free((char *)(uintptr_t)spec->copy[i].guest);
		free((char *)(uintptr_t)spec->copy[i].host);
	}
	spec->copy_count = 0;
	for (unsigned i = 0; i < spec->mount_count; i++)
		free_mount(&spec->mount[i]);
	spec->mount_count = 0;
}

const struct spec_mount *shares_covering(const struct run_spec *spec, const char *guest)
{
	const char *rest;
	/* The deepest come last. */
	for (unsigned i = spec->mount_count; i-- > 0;) {
		const struct spec_mount *mount = &spec->mount[i];
		if (within(guest, mount->guest, &rest))
			return !mount->guest[1] && guests_own(guest) ? NULL : mount;
	}
	return NULL;
}

unsigned shares_index(const struct run_spec *spec, const struct spec_mount *mount)
{
	unsigned index = 0;
	for (const struct spec_mount *m = spec->mount; m < mount; m++)
		index += m->kind != SPEC_TMPFS;
	return index;
}

unsigned shares_copy_index(const struct run_spec *spec, const struct spec_copy *copy)
{
	unsigned index = copy->out ? 0 : shares_index(spec, spec->mount + spec->mount_count);
	for (const struct spec_copy *c = spec->copy; c < copy; c++)
		index += c->out == copy->out;
	return index;
}

bool shares_workdir(const struct run_spec *spec, char *path)
{
	char *cwd = spec->mount_count ? getcwd(NULL, 0) : NULL;
	bool found = false;
	for (unsigned i = spec->mount_count; cwd && i-- > 0 && !found;) {
		const struct spec_mount *mount = &spec->mount[i];
		bool tree = mount->host && mount->kind != SPEC_TAR && mount->kind != SPEC_IMAGE;
		char *host = tree ? realpath(mount->host, NULL) : NULL;
		const char *rest;
		if (host && within(cwd, host, &rest) && strlen(mount->guest) + strlen(rest) < WIRE_PATH_MAX) {
			stpcpy(stpcpy(path, mount->guest[1] || !*rest ? mount->guest : ""), rest);
			found = shares_covering(spec, path) == mount;
		}
		free(host);
	}
	free(cwd);
	return found;
}

void shares_drop(const struct run_spec *spec, struct closure *closure)
{
	size_t kept = 0;
	for (size_t i = 0; i < closure->count; i++) {
		struct closure_entry entry = closure->entries[i];
		const struct spec_mount *mount = shares_covering(spec, entry.path);
		if (!mount || mount->kind == SPEC_TMPFS) {
			closure->entries[i] = closure->entries[kept];
			closure->entries[kept++] = entry;
			continue;
		}
		if (entry.fd >= 0)
			close(entry.fd);
		closure->entries[i].fd = -1;
		closure->bytes -= entry.kind == WIRE_FILE_REGULAR ? entry.size : 0;
	}
	closure->shared = closure->count - kept;
	closure->count = kept;
}
