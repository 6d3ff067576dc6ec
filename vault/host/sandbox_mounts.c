// SPDX-License-Identifier: ISC
// A root of our own: an empty tmpfs into which the allowed paths are bound, read-only unless they
// are to be written. What isn't there can't be named: that covers unix sockets, which Landlock
// doesn't. Root only needs a mount namespace; others get one inside a user namespace, where the
// distribution allows it.
#include "vault/host/sandbox_internal.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>
#include <unistd.h>

#define OLD_ROOT "/old"

enum { PLACE_BYTES = 1024 };

static bool write_text(const char *path, const char *text)
{
    int fd = open(path, O_WRONLY | O_CLOEXEC);
    if (fd < 0) {
        return false;
    }
    size_t len = strlen(text);
    bool written = write(fd, text, len) == (ssize_t)len;
    close(fd);
    return written;
}

// Maps nobody but ourselves.
static bool enter_namespaces(void)
{
    char map[64];
    uid_t uid = geteuid();
    gid_t gid = getegid();
    if (uid == 0) {
        return unshare(CLONE_NEWNS) == 0;
    }
    if (unshare(CLONE_NEWUSER | CLONE_NEWNS) != 0 || !write_text("/proc/self/setgroups", "deny")) {
        return false;
    }
    snprintf(map, sizeof map, "%u %u 1", gid, gid);
    if (!write_text("/proc/self/gid_map", map)) {
        return false;
    }
    snprintf(map, sizeof map, "%u %u 1", uid, uid);
    return write_text("/proc/self/uid_map", map);
}

// Every folder above `path`, and `path` itself as a folder or an empty file.
static bool make_place(const char *path, bool folder)
{
    char partial[PLACE_BYTES];
    if (access(path, F_OK) == 0) {
        return true;
    }
    snprintf(partial, sizeof partial, "%s", path);
    for (char *slash = strchr(partial + 1, '/'); slash != NULL; slash = strchr(slash + 1, '/')) {
        *slash = '\0';
        if (mkdir(partial, 0755) != 0 && errno != EEXIST) {
            return false;
        }
        *slash = '/';
    }
    if (folder) {
        return mkdir(path, 0755) == 0 || errno == EEXIST;
    }
    int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0444);
    if (fd >= 0) {
        close(fd);
    }
    return fd >= 0;
}

// Flags that the source has stay: taking them away would be refused in a user namespace. One that
// is read-only already, such as the /dev of a systemd unit, stays so; devices in it can be written
// to.
static unsigned long kept_flags(const char *path)
{
    struct statvfs about;
    if (statvfs(path, &about) != 0) {
        return 0;
    }
    unsigned long flags = (about.f_flag & ST_NOEXEC) != 0 ? MS_NOEXEC : 0;
    flags |= (about.f_flag & ST_RDONLY) != 0 ? MS_RDONLY : 0;
    flags |= (about.f_flag & ST_NODEV) != 0 ? MS_NODEV : 0;
    flags |= (about.f_flag & ST_NOATIME) != 0 ? MS_NOATIME : 0;
    flags |= (about.f_flag & ST_NODIRATIME) != 0 ? MS_NODIRATIME : 0;
    return flags | ((about.f_flag & ST_RELATIME) != 0 ? MS_RELATIME : 0);
}

// `real` is where `path` leads once its symbolic links are followed, seen from the old root.
static bool bind_path(const char *real, const char *path, bool writable)
{
    char source[PLACE_BYTES];
    struct stat about;
    int len = snprintf(source, sizeof source, OLD_ROOT "%s", real);
    if (len < 0 || (size_t)len >= sizeof source || stat(source, &about) != 0 ||
        !make_place(path, S_ISDIR(about.st_mode)) ||
        mount(source, path, NULL, MS_BIND | MS_REC, NULL) != 0) {
        return false;
    }
    unsigned long flags = MS_BIND | MS_REMOUNT | MS_NOSUID | (writable ? 0 : MS_RDONLY);
    return mount(NULL, path, NULL, flags | kept_flags(path), NULL) == 0;
}

struct binding {
    const char *path;
    bool writable;
    bool link; // a link of the system (/lib to usr/lib), which is copied as such
    char target[PATH_MAX];
};

// Links are followed while the old root is still the root.
static bool resolve(struct binding *b)
{
    return realpath(b->path, b->target) != NULL;
}

static bool resolve_system(struct binding *b)
{
    struct stat about;
    bool top = strchr(b->path + 1, '/') == NULL;
    if (top && lstat(b->path, &about) == 0 && S_ISLNK(about.st_mode)) {
        ssize_t len = readlink(b->path, b->target, sizeof b->target - 1);
        b->link = len > 0;
        b->target[len > 0 ? len : 0] = '\0';
        return b->link;
    }
    return resolve(b);
}

static bool attach(const struct binding *b)
{
    return b->link ? symlink(b->target, b->path) == 0 : bind_path(b->target, b->path, b->writable);
}

enum { BINDINGS_MAX = 32 };

// PATH_MAX for each is more than a stack should hold; the child that runs this is single-threaded.
static struct binding bindings[BINDINGS_MAX];

// What doesn't exist is left out.
static size_t list_bindings(const struct sandbox_options *options)
{
    size_t count = 0;
    for (const struct sandbox_system_path *p = sandbox_system_paths; p->path != NULL; p++) {
        bindings[count] = (struct binding){.path = p->path, .writable = p->access == SANDBOX_WRITE};
        count += resolve_system(&bindings[count]) ? 1 : 0;
    }
    for (size_t i = 0; i < options->path_count; i++) {
        const struct sandbox_path *p = &options->paths[i];
        bindings[count] = (struct binding){.path = p->path, .writable = p->writable};
        count += resolve(&bindings[count]) ? 1 : 0;
    }
    return count;
}

// False leaves the old root as it was.
static bool replace_root(void)
{
    if (mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) != 0 ||
        mount("tmpfs", "/tmp", "tmpfs", MS_NOSUID | MS_NODEV, "size=1m,mode=0755") != 0) {
        return false;
    }
    // Once it is the root, the tmpfs no longer covers /tmp.
    bool replaced =
        chdir("/tmp") == 0 && mkdir("old", 0755) == 0 && syscall(SYS_pivot_root, ".", "old") == 0;
    if (!replaced) {
        umount2("/tmp", MNT_DETACH);
    }
    return chdir("/") == 0 && replaced;
}

static bool fill_root(size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (!attach(&bindings[i])) {
            return false;
        }
    }
    const unsigned long flags = MS_REMOUNT | MS_BIND | MS_RDONLY | MS_NOSUID | MS_NODEV;
    return umount2(OLD_ROOT, MNT_DETACH) == 0 && rmdir(OLD_ROOT) == 0 &&
           mount(NULL, "/", NULL, flags, NULL) == 0;
}

enum sandbox_outcome sandbox_mounts(const struct sandbox_options *options)
{
    _Static_assert(BINDINGS_MAX >= 20 + SANDBOX_PATHS_MAX, "room for both lists");
    size_t count = list_bindings(options);
    // The vault's own mask would close the folders made here to the user that the host runs as.
    umask(022);
    if (!enter_namespaces() || !replace_root()) {
        return SANDBOX_ABSENT;
    }
    return fill_root(count) ? SANDBOX_PRESENT : SANDBOX_BROKEN;
}
