/* Fails, or ends the process at, the n-th call that changes something below a folder.
 *
 * Preloaded before the C library, so that it sees what SQLite, tantivy and Python itself do.
 * Nothing happens until `arm` is called. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <unistd.h>

enum { WRITE = 1, FSYNC = 2, RENAME = 4, CREATE = 8 };

static char root[4096];
static int kinds, error, lasting;
static atomic_int left, seen;

void arm(const char *folder, int of_kinds, int nth, int with_error, int for_good) {
    strncpy(root, folder, sizeof root - 1);
    error = with_error;
    lasting = for_good;
    atomic_store(&left, nth);
    atomic_store(&seen, 0);
    kinds = of_kinds;
}

int calls(void) { return atomic_load(&seen); }

static int below(const char *path) { return strncmp(path, root, strlen(root)) == 0; }

static int fails(int kind) {
    atomic_fetch_add(&seen, 1);
    int now = atomic_fetch_sub(&left, 1);
    if (now > 1 || (now < 1 && !lasting)) return 0;
    if (error == 0) kill(getpid(), SIGKILL);
    errno = error;
    return 1;
}

static int fails_at(int kind, const char *path) {
    return (kinds & kind) && path && below(path) && fails(kind);
}

static int fails_on(int kind, int fd) {
    char link[64], path[4096];
    if (!(kinds & kind)) return 0;
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t length = readlink(link, path, sizeof path - 1);
    if (length < 0) return 0;
    path[length] = 0;
    return below(path) && fails(kind);
}

#define REAL(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))
#define ON(kind, type, name, declared, ...)                         \
    type name declared { return fails_on(kind, fd) ? -1 : REAL(name)(__VA_ARGS__); }
#define AT(kind, name, declared, path, ...)                         \
    int name declared { return fails_at(kind, path) ? -1 : REAL(name)(__VA_ARGS__); }
#define OPEN(name, declared, ...)                                   \
    int name declared {                                             \
        va_list rest;                                               \
        va_start(rest, flags);                                      \
        mode_t mode = (flags & (O_CREAT | O_TMPFILE)) ? va_arg(rest, mode_t) : 0; \
        va_end(rest);                                               \
        if ((flags & O_CREAT) && fails_at(CREATE, path)) return -1; \
        return REAL(name)(__VA_ARGS__, flags, mode);                \
    }

ON(WRITE, ssize_t, write, (int fd, const void *data, size_t n), fd, data, n)
ON(WRITE, ssize_t, pwrite, (int fd, const void *data, size_t n, off_t at), fd, data, n, at)
ON(WRITE, ssize_t, pwrite64, (int fd, const void *data, size_t n, off64_t at), fd, data, n, at)
ON(WRITE, ssize_t, writev, (int fd, const struct iovec *parts, int n), fd, parts, n)
ON(FSYNC, int, fsync, (int fd), fd)
ON(FSYNC, int, fdatasync, (int fd), fd)
AT(RENAME, rename, (const char *from, const char *to), to, from, to)
AT(RENAME, renameat, (int a, const char *from, int b, const char *to), to, a, from, b, to)
AT(RENAME, link, (const char *from, const char *to), to, from, to)
AT(RENAME, linkat, (int a, const char *from, int b, const char *to, int how), to, a, from, b, to, how)
AT(CREATE, mkdir, (const char *path, mode_t mode), path, path, mode)
OPEN(open, (const char *path, int flags, ...), path)
OPEN(open64, (const char *path, int flags, ...), path)
OPEN(openat, (int folder, const char *path, int flags, ...), folder, path)
OPEN(openat64, (int folder, const char *path, int flags, ...), folder, path)
