/* Preloaded into a process, kills it at its n-th call of a kind that changes a folder.

   COCOLI_KILL_FOLDER  only calls that concern files in this folder are counted
   COCOLI_KILL_LOG     a file to which the kind of each counted call is added
   COCOLI_KILL_KIND    the kind: open (that creates), write, sync, truncate, rename or unlink
   COCOLI_KILL_AT      n, from 1; without it nothing is killed
   COCOLI_KILL_WHEN    before or after the call, or half, which writes half of the bytes */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>
#include <unistd.h>

#define REAL(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))

static int count;

static int inside(const char *path) {
  const char *folder = getenv("COCOLI_KILL_FOLDER");
  return folder && path && strncmp(path, folder, strlen(folder)) == 0;
}

static int opened_inside(int fd) {
  char link[64], path[PATH_MAX + 1];
  snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
  ssize_t length = readlink(link, path, PATH_MAX);
  if (length < 0) return 0;
  path[length] = 0;
  return inside(path);
}

/* Whether the process is to be killed at this call. */
static int is_fatal(const char *kind) {
  const char *log = getenv("COCOLI_KILL_LOG");
  if (log) {
    int fd = REAL(open)(log, O_WRONLY | O_CREAT | O_APPEND, 0644);
    char line[32];
    int length = snprintf(line, sizeof line, "%s\n", kind);
    ssize_t ignored = REAL(write)(fd, line, length);
    (void)ignored;
    REAL(close)(fd);
  }
  const char *fatal = getenv("COCOLI_KILL_KIND"), *at = getenv("COCOLI_KILL_AT");
  return fatal && at && strcmp(fatal, kind) == 0 && __sync_add_and_fetch(&count, 1) == atoi(at);
}

static int when(const char *word) {
  const char *value = getenv("COCOLI_KILL_WHEN");
  return value && strcmp(value, word) == 0;
}

static void die(void) {
  kill(getpid(), SIGKILL);
  pause();
}

#define AROUND(type, concerns, kind, call) \
  int fatal = (concerns) && is_fatal(kind); \
  if (fatal && !when("after")) die(); \
  type result = call; \
  if (fatal) die(); \
  return result

#define WRITER(name, parameters, half, all) \
  ssize_t name parameters { \
    if (opened_inside(fd) && is_fatal("write")) { \
      ssize_t written = when("half") ? half : when("after") ? all : 0; \
      (void)written; \
      die(); \
    } \
    return all; \
  }

WRITER(write, (int fd, const void *data, size_t size), REAL(write)(fd, data, size / 2),
       REAL(write)(fd, data, size))
WRITER(pwrite64, (int fd, const void *data, size_t size, off64_t at),
       REAL(pwrite64)(fd, data, size / 2, at), REAL(pwrite64)(fd, data, size, at))

int fsync(int fd) { AROUND(int, opened_inside(fd), "sync", REAL(fsync)(fd)); }
int fdatasync(int fd) { AROUND(int, opened_inside(fd), "sync", REAL(fdatasync)(fd)); }
int ftruncate64(int fd, off64_t size) {
  AROUND(int, opened_inside(fd), "truncate", REAL(ftruncate64)(fd, size));
}
int rename(const char *from, const char *to) {
  AROUND(int, inside(to), "rename", REAL(rename)(from, to));
}
int unlink(const char *path) { AROUND(int, inside(path), "unlink", REAL(unlink)(path)); }

int open64(const char *path, int flags, ...) {
  va_list arguments;
  va_start(arguments, flags);
  int mode = flags & O_CREAT ? va_arg(arguments, int) : 0;
  va_end(arguments);
  AROUND(int, (flags & O_CREAT) && inside(path), "open", REAL(open64)(path, flags, mode));
}
int open(const char *path, int flags, ...) {
  va_list arguments;
  va_start(arguments, flags);
  int mode = flags & O_CREAT ? va_arg(arguments, int) : 0;
  va_end(arguments);
  AROUND(int, (flags & O_CREAT) && inside(path), "open", REAL(open)(path, flags, mode));
}
