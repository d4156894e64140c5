/* Writes down what a process asks of the files below a folder, in its order, for tests that cut the power afterwards.
 *
 * Preloaded (LD_PRELOAD); it stands before the C library's calls that change files, their names or their durability.
 * Each call that succeeds becomes one record of the journal, its data with it. Environment:
 *
 *   POWER_ROOT     absolute folder; what happens elsewhere is none of our business
 *   POWER_JOURNAL  file outside of it that records are appended to
 *   POWER_ACKS     path outside of it; what is written there becomes a record: "this much was acknowledged"
 *
 *   POWER_FAULTS   file outside of it that says which calls fail from now on, if it is there: "wf 28 3 1" lets the
 *                  first three writes and fsyncs pass, then one of them fails with error 28 (no room), then none does.
 *                  Letters: w write, f fsync, o open, r rename, m mkdir; -1 times: for ever. Read anew at each call.
 *
 * A record: operation (1 byte), flags (1), length of the first path (2), of the second (2), of the data (4), inode (8),
 * offset (8), all little-endian and packed, then both paths (relative to the root) and the data. One process writes at
 * a time; its threads may be many. What a shared memory map writes is not seen: SQLite's -shm is rebuilt at opening
 * and may be mapped, any other file that is mapped for writing ends the process.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

enum { CREATE = 'c', WRITE = 'w', TRUNCATE = 't', GROW = 'g', RENAME = 'r', UNLINK = 'u', MKDIR = 'm', RMDIR = 'd',
       LINK = 'l', SYMLINK = 's', SYNC = 'f', SYNC_FOLDER = 'F', SYNC_ALL = 'S', ACK = 'a' };
enum { NOTHING, A_FILE, A_FOLDER, THE_ACKS };
#define MOST_FILES 65536

struct open_file { unsigned char kind; unsigned char synced; uint64_t inode; char *path; };
struct __attribute__((packed)) head {
    uint8_t operation, flags; uint16_t first, second; uint32_t data; uint64_t inode, offset;
};

static struct open_file files[MOST_FILES];
static pthread_mutex_t turn = PTHREAD_RECURSIVE_MUTEX_INITIALIZER_NP;
static char root[PATH_MAX], acks[PATH_MAX], faults[PATH_MAX];
static size_t root_length;
static int journal = -1;

#define NEXT(name) \
    static __typeof__(name) *next; \
    if (!next) next = (__typeof__(name) *)dlsym(RTLD_NEXT, #name)

static void give_up(const char *why, const char *what) {
    dprintf(2, "recorder: %s: %s\n", why, what);
    _exit(97);
}

__attribute__((constructor)) static void begin(void) {
    const char *folder = getenv("POWER_ROOT"), *file = getenv("POWER_JOURNAL"), *told = getenv("POWER_ACKS");
    if (!folder || !file) return;
    snprintf(root, sizeof root, "%s", folder);
    root_length = strlen(root);
    snprintf(acks, sizeof acks, "%s", told ? told : "");
    snprintf(faults, sizeof faults, "%s", getenv("POWER_FAULTS") ? getenv("POWER_FAULTS") : "");
    journal = (int)syscall(SYS_openat, AT_FDCWD, file, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0600);
    if (journal < 0) give_up("the journal cannot be written", file);
}

/* The path below the root, or NULL for one that is elsewhere. `full` has PATH_MAX bytes. */
static const char *below(int folder, const char *path, char *full) {
    if (!root_length || !path) return NULL;
    if (path[0] == '/') snprintf(full, PATH_MAX, "%s", path);
    else {
        char at[PATH_MAX - NAME_MAX - 2] = "", link[64];
        if (folder == AT_FDCWD) { if (!getcwd(at, sizeof at)) return NULL; }
        else {
            snprintf(link, sizeof link, "/proc/self/fd/%d", folder);
            ssize_t n = readlink(link, at, sizeof at - 1);
            if (n < 0) return NULL;
            at[n] = 0;
        }
        if (!strcmp(path, ".")) path = "";
        snprintf(full, PATH_MAX, "%s%s%s", at, *path ? "/" : "", path);
    }
    size_t length = strlen(full);
    while (length > 1 && full[length - 1] == '/') full[--length] = 0;
    if (strncmp(full, root, root_length) || (full[root_length] && full[root_length] != '/')) return NULL;
    const char *rest = full + root_length + (full[root_length] == '/');
    if (strstr(full, "/../") || strstr(full, "/./") || strstr(full, "//")) give_up("a path that is not plain", full);
    return rest;
}

static int is_shared_memory(const char *path) {
    size_t length = strlen(path);
    return length > 4 && !strcmp(path + length - 4, "-shm");
}

static void record(uint8_t operation, uint8_t flags, const char *first, const char *second, uint64_t inode,
                   uint64_t offset, const void *data, size_t length) {
    int before = errno;
    struct head head = { operation, flags, (uint16_t)strlen(first), (uint16_t)strlen(second), (uint32_t)length, inode,
                         offset };
    struct iovec parts[4] = { { &head, sizeof head }, { (void *)first, head.first }, { (void *)second, head.second },
                              { (void *)data, length } };
    ssize_t whole = (ssize_t)(sizeof head + head.first + head.second + length);
    if (syscall(SYS_writev, journal, parts, 4) != whole) give_up("the journal is full", strerror(errno));
    errno = before;
}

static void lock(void) { pthread_mutex_lock(&turn); }
static void unlock(void) { int before = errno; pthread_mutex_unlock(&turn); errno = before; }
static struct open_file *file_of(int fd) { return fd >= 0 && fd < MOST_FILES && files[fd].kind ? &files[fd] : NULL; }

/* Whether this call is to fail; errno says how then. In turn. */
static int fails(char letter) {
    static char before[128], letters[16];
    static int error, passing, failing;
    char now[128] = "";
    if (!faults[0]) return 0;
    int keep = errno, file = (int)syscall(SYS_openat, AT_FDCWD, faults, O_RDONLY | O_CLOEXEC, 0);
    if (file >= 0) {
        if (syscall(SYS_read, file, now, sizeof now - 1) < 0) now[0] = 0;
        syscall(SYS_close, file);
    }
    errno = keep;
    if (strcmp(now, before)) {
        strcpy(before, now);
        letters[0] = 0;
        sscanf(now, "%15s %d %d %d", letters, &error, &passing, &failing);
    }
    if (!letters[0] || !strchr(letters, letter) || !failing) return 0;
    if (passing > 0) { passing--; return 0; }
    if (failing > 0) failing--;
    errno = error;
    return 1;
}

static void forget(int fd) {
    struct open_file *file = file_of(fd);
    if (file) { free(file->path); memset(file, 0, sizeof *file); }
}

static void remember(int fd, const char *path, int flags, int existed, int is_acks) {
    struct stat about;
    int before = errno;
    if (fd >= MOST_FILES) give_up("too many files", path);
    forget(fd);
    if (fstat(fd, &about)) return;
    struct open_file *file = &files[fd];
    file->kind = is_acks ? THE_ACKS : S_ISDIR(about.st_mode) ? A_FOLDER : A_FILE;
    file->synced = (flags & O_DSYNC) != 0;
    file->inode = about.st_ino;
    file->path = strdup(path);
    if (file->kind == A_FILE && !existed) record(CREATE, 0, path, "", about.st_ino, 0, "", 0);
    else if (file->kind == A_FILE && (flags & O_TRUNC)) record(TRUNCATE, 0, path, "", about.st_ino, 0, "", 0);
    errno = before;
}

static int opened(int (*next)(int, const char *, int, ...), int folder, const char *path, int flags, mode_t mode) {
    char full[PATH_MAX];
    const char *rest = below(folder, path, full);
    int is_acks = acks[0] && path && !strcmp(path, acks);
    if ((!rest && !is_acks) || (flags & O_PATH)) return next(folder, path, flags, mode);
    if ((flags & O_TMPFILE) == O_TMPFILE) { errno = EOPNOTSUPP; return -1; }
    if (rest && is_shared_memory(rest)) return next(folder, path, flags, mode);
    lock();
    struct stat about;
    int existed = !fstatat(folder, path, &about, 0);
    if (rest && fails('o')) { unlock(); return -1; }
    int fd = next(folder, path, flags, mode);
    if (fd >= 0) remember(fd, rest ? rest : "", flags, existed, is_acks);
    unlock();
    return fd;
}

#define MODE(flags) \
    mode_t mode = 0; \
    if ((flags) & (O_CREAT | O_TMPFILE)) { va_list more; va_start(more, flags); mode = va_arg(more, mode_t); va_end(more); }

int openat(int folder, const char *path, int flags, ...) { NEXT(openat); MODE(flags) return opened(next, folder, path, flags, mode); }
int openat64(int folder, const char *path, int flags, ...) { NEXT(openat64); MODE(flags) return opened(next, folder, path, flags, mode); }
static int (*plain_openat(void))(int, const char *, int, ...) { NEXT(openat); return next; }
int open(const char *path, int flags, ...) { MODE(flags) return opened(plain_openat(), AT_FDCWD, path, flags, mode); }
int open64(const char *path, int flags, ...) { MODE(flags) return opened(plain_openat(), AT_FDCWD, path, flags, mode); }
int __open_2(const char *path, int flags) { return opened(plain_openat(), AT_FDCWD, path, flags, 0); }
int __open64_2(const char *path, int flags) { return opened(plain_openat(), AT_FDCWD, path, flags, 0); }
int __openat_2(int folder, const char *path, int flags) { return opened(plain_openat(), folder, path, flags, 0); }
int __openat64_2(int folder, const char *path, int flags) { return opened(plain_openat(), folder, path, flags, 0); }
int creat(const char *path, mode_t mode) { return open(path, O_CREAT | O_WRONLY | O_TRUNC, mode); }
int creat64(const char *path, mode_t mode) { return open(path, O_CREAT | O_WRONLY | O_TRUNC, mode); }

int close(int fd) { NEXT(close); lock(); forget(fd); int code = next(fd); unlock(); return code; }

static int copied(int from, int to) {
    struct open_file *file = file_of(from);
    if (to >= 0 && to != from) {
        forget(to);
        if (file && to < MOST_FILES) { files[to] = *file; files[to].path = strdup(file->path); }
    }
    return to;
}
int dup(int fd) { NEXT(dup); lock(); int to = copied(fd, next(fd)); unlock(); return to; }
int dup2(int fd, int to) { NEXT(dup2); lock(); to = copied(fd, next(fd, to)); unlock(); return to; }
int dup3(int fd, int to, int flags) { NEXT(dup3); lock(); to = copied(fd, next(fd, to, flags)); unlock(); return to; }

static int controlled(int (*next)(int, int, ...), int fd, int command, void *argument) {
    if (command != F_DUPFD && command != F_DUPFD_CLOEXEC) return next(fd, command, argument);
    lock();
    int to = copied(fd, next(fd, command, argument));
    unlock();
    return to;
}
#define ARGUMENT void *argument; va_list more; va_start(more, command); argument = va_arg(more, void *); va_end(more)
int fcntl(int fd, int command, ...) { NEXT(fcntl); ARGUMENT; return controlled(next, fd, command, argument); }
int fcntl64(int fd, int command, ...) { NEXT(fcntl64); ARGUMENT; return controlled(next, fd, command, argument); }

/* Where the next write() of this file begins. */
static off_t next_byte(int fd) {
    struct stat about;
    return fcntl(fd, F_GETFL) & O_APPEND ? (fstat(fd, &about) ? 0 : about.st_size) : lseek(fd, 0, SEEK_CUR);
}
static void wrote(int fd, off_t offset, const void *data, ssize_t length) {
    struct open_file *file = file_of(fd);
    if (!file || length <= 0) return;
    if (file->kind == THE_ACKS) record(ACK, 0, "", "", 0, 0, data, (size_t)length);
    else record(WRITE, file->synced, file->path, "", file->inode, (uint64_t)offset, data, (size_t)length);
}

ssize_t write(int fd, const void *data, size_t length) {
    NEXT(write);
    if (!file_of(fd)) return next(fd, data, length);
    lock();
    off_t offset = next_byte(fd);
    ssize_t done = fails('w') ? -1 : next(fd, data, length);
    wrote(fd, offset, data, done);
    unlock();
    return done;
}

static ssize_t written_at(ssize_t (*next)(int, const void *, size_t, off_t), int fd, const void *data, size_t length,
                          off_t offset) {
    if (!file_of(fd)) return next(fd, data, length, offset);
    lock();
    ssize_t done = fails('w') ? -1 : next(fd, data, length, offset);
    wrote(fd, offset, data, done);
    unlock();
    return done;
}
ssize_t pwrite(int fd, const void *data, size_t length, off_t offset) { NEXT(pwrite); return written_at(next, fd, data, length, offset); }
ssize_t pwrite64(int fd, const void *data, size_t length, off64_t offset) { NEXT(pwrite64); return written_at(next, fd, data, length, offset); }

/* Several parts are written one after the other: fewer calls to keep in step, the same bytes. */
ssize_t writev(int fd, const struct iovec *parts, int count) {
    NEXT(writev);
    if (!file_of(fd)) return next(fd, parts, count);
    ssize_t whole = 0;
    for (int at = 0; at < count; at++) {
        ssize_t done = write(fd, parts[at].iov_base, parts[at].iov_len);
        if (done < 0) return whole ? whole : done;
        whole += done;
        if ((size_t)done < parts[at].iov_len) break;
    }
    return whole;
}
ssize_t pwritev(int fd, const struct iovec *parts, int count, off_t offset) {
    NEXT(pwritev);
    if (!file_of(fd)) return next(fd, parts, count, offset);
    ssize_t whole = 0;
    for (int at = 0; at < count; at++) {
        ssize_t done = pwrite(fd, parts[at].iov_base, parts[at].iov_len, offset + whole);
        if (done < 0) return whole ? whole : done;
        whole += done;
        if ((size_t)done < parts[at].iov_len) break;
    }
    return whole;
}
ssize_t pwritev64(int fd, const struct iovec *parts, int count, off64_t offset) { return pwritev(fd, parts, count, offset); }

/* Copies inside of the kernel are refused: callers go on with reading and writing, which we see. */
ssize_t sendfile(int to, int from, off_t *offset, size_t count) {
    NEXT(sendfile);
    if (file_of(to)) { errno = EINVAL; return -1; }
    return next(to, from, offset, count);
}
ssize_t sendfile64(int to, int from, off64_t *offset, size_t count) {
    NEXT(sendfile);
    if (file_of(to)) { errno = EINVAL; return -1; }
    return next(to, from, offset, count);
}
ssize_t copy_file_range(int from, off64_t *in, int to, off64_t *out, size_t length, unsigned flags) {
    NEXT(copy_file_range);
    if (file_of(to)) { errno = EXDEV; return -1; }
    return next(from, in, to, out, length, flags);
}

static int resized(int code, int fd, uint8_t operation, off_t length) {
    struct open_file *file = file_of(fd);
    if (!code && file && file->kind == A_FILE) record(operation, 0, file->path, "", file->inode, (uint64_t)length, "", 0);
    return code;
}
int ftruncate(int fd, off_t length) { NEXT(ftruncate); lock(); int code = resized(file_of(fd) && fails('w') ? -1 : next(fd, length), fd, TRUNCATE, length); unlock(); return code; }
int ftruncate64(int fd, off64_t length) { return ftruncate(fd, length); }
int truncate(const char *path, off_t length) {
    int fd = open(path, O_WRONLY | O_CLOEXEC);
    if (fd < 0) return -1;
    int code = ftruncate(fd, length);
    close(fd);
    return code;
}
int truncate64(const char *path, off64_t length) { return truncate(path, length); }
int fallocate(int fd, int mode, off_t offset, off_t length) {
    NEXT(fallocate);
    if (mode && file_of(fd)) { errno = EOPNOTSUPP; return -1; }
    lock();
    int code = resized(file_of(fd) && fails('w') ? -1 : next(fd, mode, offset, length), fd, GROW, offset + length);
    unlock();
    return code;
}
int fallocate64(int fd, int mode, off64_t offset, off64_t length) { return fallocate(fd, mode, offset, length); }
int posix_fallocate(int fd, off_t offset, off_t length) { return fallocate(fd, 0, offset, length) ? errno : 0; }
int posix_fallocate64(int fd, off64_t offset, off64_t length) { return posix_fallocate(fd, offset, length); }

static int renamed(int from_folder, const char *from, int to_folder, const char *to, unsigned flags) {
    char full_from[PATH_MAX], full_to[PATH_MAX];
    const char *old = below(from_folder, from, full_from), *new = below(to_folder, to, full_to);
    lock();
    if (new && fails('r')) { unlock(); return -1; }
    int code = (int)syscall(SYS_renameat2, from_folder, from, to_folder, to, flags);
    if (!code && (old || new)) {
        if (!old || !new || flags & ~1u) give_up("a rename across the root, or an exchange", to);
        record(RENAME, 0, old, new, 0, 0, "", 0);
    }
    unlock();
    return code;
}
int rename(const char *from, const char *to) { return renamed(AT_FDCWD, from, AT_FDCWD, to, 0); }
int renameat(int a, const char *from, int b, const char *to) { return renamed(a, from, b, to, 0); }
int renameat2(int a, const char *from, int b, const char *to, unsigned flags) { return renamed(a, from, b, to, flags); }

static int named(int code, uint8_t operation, int folder, const char *path, const char *text) {
    char full[PATH_MAX];
    const char *rest = code ? NULL : below(folder, path, full);
    if (rest && !is_shared_memory(rest)) {
        struct stat about;
        int before = errno;
        uint64_t inode = (operation == SYMLINK || operation == MKDIR) && !fstatat(folder, path, &about, AT_SYMLINK_NOFOLLOW) ? about.st_ino : 0;
        record(operation, 0, rest, "", inode, 0, text, strlen(text));
        errno = before;
    }
    return code;
}
#define IN_TURN(call) lock(); int code = call; unlock(); return code
int unlink(const char *path) { NEXT(unlink); IN_TURN(named(next(path), UNLINK, AT_FDCWD, path, "")); }
int unlinkat(int folder, const char *path, int flags) { NEXT(unlinkat); IN_TURN(named(next(folder, path, flags), flags & AT_REMOVEDIR ? RMDIR : UNLINK, folder, path, "")); }
int rmdir(const char *path) { NEXT(rmdir); IN_TURN(named(next(path), RMDIR, AT_FDCWD, path, "")); }
static int refused_folder(int folder, const char *path) { char full[PATH_MAX]; return below(folder, path, full) && fails('m'); }
int mkdir(const char *path, mode_t mode) { NEXT(mkdir); IN_TURN(named(refused_folder(AT_FDCWD, path) ? -1 : next(path, mode), MKDIR, AT_FDCWD, path, "")); }
int mkdirat(int folder, const char *path, mode_t mode) { NEXT(mkdirat); IN_TURN(named(refused_folder(folder, path) ? -1 : next(folder, path, mode), MKDIR, folder, path, "")); }
int symlink(const char *text, const char *path) { NEXT(symlink); IN_TURN(named(next(text, path), SYMLINK, AT_FDCWD, path, text)); }
int symlinkat(const char *text, int folder, const char *path) { NEXT(symlinkat); IN_TURN(named(next(text, folder, path), SYMLINK, folder, path, text)); }

static int linked(int a, const char *from, int b, const char *to, int flags) {
    char full_from[PATH_MAX], full_to[PATH_MAX];
    const char *old = below(a, from, full_from), *new = below(b, to, full_to);
    lock();
    int code = (int)syscall(SYS_linkat, a, from, b, to, flags);
    if (!code && (old || new)) {
        if (!old || !new) give_up("a link across the root", to);
        record(LINK, 0, old, new, 0, 0, "", 0);
    }
    unlock();
    return code;
}
int link(const char *from, const char *to) { return linked(AT_FDCWD, from, AT_FDCWD, to, 0); }
int linkat(int a, const char *from, int b, const char *to, int flags) { return linked(a, from, b, to, flags); }

static int synced(int code, int fd) {
    struct open_file *file = file_of(fd);
    if (!code && file && file->kind == A_FILE) record(SYNC, 0, file->path, "", file->inode, 0, "", 0);
    if (!code && file && file->kind == A_FOLDER) record(SYNC_FOLDER, 0, file->path, "", file->inode, 0, "", 0);
    return code;
}
int fsync(int fd) { NEXT(fsync); IN_TURN(synced(file_of(fd) && fails('f') ? -1 : next(fd), fd)); }
int fdatasync(int fd) { NEXT(fdatasync); IN_TURN(synced(file_of(fd) && fails('f') ? -1 : next(fd), fd)); }
/* Promises nothing about a power cut: as if it had not been called. */
int sync_file_range(int fd, off64_t offset, off64_t length, unsigned flags) { NEXT(sync_file_range); return next(fd, offset, length, flags); }
int syncfs(int fd) { NEXT(syncfs); lock(); int code = next(fd); if (!code && root_length) record(SYNC_ALL, 0, "", "", 0, 0, "", 0); unlock(); return code; }
void sync(void) { NEXT(sync); lock(); next(); if (root_length) record(SYNC_ALL, 0, "", "", 0, 0, "", 0); unlock(); }

static void *mapped(void *(*next)(void *, size_t, int, int, int, off_t), void *at, size_t length, int protection,
                    int flags, int fd, off_t offset) {
    struct open_file *file = file_of(fd);
    if (file && file->kind == A_FILE && (protection & PROT_WRITE) && (flags & MAP_SHARED))
        give_up("mapped for writing, which is not recorded", file->path);
    return next(at, length, protection, flags, fd, offset);
}
void *mmap(void *at, size_t length, int protection, int flags, int fd, off_t offset) { NEXT(mmap); return mapped(next, at, length, protection, flags, fd, offset); }
void *mmap64(void *at, size_t length, int protection, int flags, int fd, off64_t offset) { NEXT(mmap); return mapped(next, at, length, protection, flags, fd, offset); }
