/*
 * Makes the reads, writes and syncs of a process fail or wait, as a broken or full disk does.
 * Loaded with LD_PRELOAD; io-faults.ts beside this file compiles it and explains its use.
 *
 * Only regular files (and, for syncs, directories) are affected: never sockets, pipes or terminals.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

/* The layout of the control file. io-faults.ts writes the faults and reads the counters. */
struct control {
  volatile uint32_t write_error; /* an errno, 0: writes work */
  volatile uint32_t read_error;
  volatile uint32_t sync_error;
  volatile uint32_t sync_delay_ms;
  uint32_t failed_writes;
  uint32_t failed_reads;
  uint32_t failed_syncs;
  uint32_t delayed_syncs;
  char path[480]; /* only files whose path contains this; empty: all files */
};

static struct control healthy;
static struct control *control = &healthy;

__attribute__((constructor)) static void map_control(void) {
  const char *name = getenv("IO_FAULTS_CONTROL");
  if (name == NULL) return;
  int fd = open(name, O_RDWR | O_CLOEXEC);
  if (fd < 0) {
    perror("IO_FAULTS_CONTROL");
    abort();
  }
  void *mapped = mmap(NULL, sizeof *control, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
  close(fd);
  if (mapped == MAP_FAILED) {
    perror("IO_FAULTS_CONTROL");
    abort();
  }
  control = mapped;
}

static int concerns(int fd, int directories_too) {
  int saved = errno;
  struct stat status;
  int known = fstat(fd, &status) == 0 &&
              (S_ISREG(status.st_mode) || (directories_too && S_ISDIR(status.st_mode)));
  if (known && control->path[0] != '\0') {
    char link[64];
    char target[4096];
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t length = readlink(link, target, sizeof target - 1);
    target[length < 0 ? 0 : length] = '\0';
    known = strstr(target, control->path) != NULL;
  }
  errno = saved;
  return known;
}

static int fails(int fd, uint32_t error, uint32_t *counter, int directories_too) {
  if (error == 0 || !concerns(fd, directories_too)) return 0;
  __atomic_fetch_add(counter, 1, __ATOMIC_RELAXED);
  errno = (int)error;
  return 1;
}

static int write_fails(int fd) {
  return fails(fd, control->write_error, &control->failed_writes, 0);
}

static int read_fails(int fd) {
  return fails(fd, control->read_error, &control->failed_reads, 0);
}

static int64_t now_ms(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return (int64_t)time.tv_sec * 1000 + time.tv_nsec / 1000000;
}

/* Waits in small steps, so that a delay ends as soon as it is switched off. */
static void delay_sync(int fd) {
  if (control->sync_delay_ms == 0 || !concerns(fd, 1)) return;
  int saved = errno;
  __atomic_fetch_add(&control->delayed_syncs, 1, __ATOMIC_RELAXED);
  int64_t start = now_ms();
  struct timespec step = {0, 2000000};
  while (now_ms() - start < (int64_t)control->sync_delay_ms) nanosleep(&step, NULL);
  errno = saved;
}

static int sync_fails(int fd) {
  delay_sync(fd);
  return fails(fd, control->sync_error, &control->failed_syncs, 1);
}

ssize_t write(int fd, const void *data, size_t size) {
  return write_fails(fd) ? -1 : syscall(SYS_write, fd, data, size);
}

ssize_t pwrite(int fd, const void *data, size_t size, off_t offset) {
  return write_fails(fd) ? -1 : syscall(SYS_pwrite64, fd, data, size, offset);
}

ssize_t pwrite64(int fd, const void *data, size_t size, off64_t offset) {
  return write_fails(fd) ? -1 : syscall(SYS_pwrite64, fd, data, size, offset);
}

ssize_t writev(int fd, const struct iovec *parts, int count) {
  return write_fails(fd) ? -1 : syscall(SYS_writev, fd, parts, count);
}

ssize_t pwritev(int fd, const struct iovec *parts, int count, off_t offset) {
  return write_fails(fd) ? -1 : syscall(SYS_pwritev, fd, parts, count, offset, 0);
}

ssize_t pwritev64(int fd, const struct iovec *parts, int count, off64_t offset) {
  return write_fails(fd) ? -1 : syscall(SYS_pwritev, fd, parts, count, offset, 0);
}

ssize_t read(int fd, void *data, size_t size) {
  return read_fails(fd) ? -1 : syscall(SYS_read, fd, data, size);
}

ssize_t pread(int fd, void *data, size_t size, off_t offset) {
  return read_fails(fd) ? -1 : syscall(SYS_pread64, fd, data, size, offset);
}

ssize_t pread64(int fd, void *data, size_t size, off64_t offset) {
  return read_fails(fd) ? -1 : syscall(SYS_pread64, fd, data, size, offset);
}

ssize_t readv(int fd, const struct iovec *parts, int count) {
  return read_fails(fd) ? -1 : syscall(SYS_readv, fd, parts, count);
}

ssize_t preadv(int fd, const struct iovec *parts, int count, off_t offset) {
  return read_fails(fd) ? -1 : syscall(SYS_preadv, fd, parts, count, offset, 0);
}

ssize_t preadv64(int fd, const struct iovec *parts, int count, off64_t offset) {
  return read_fails(fd) ? -1 : syscall(SYS_preadv, fd, parts, count, offset, 0);
}

int fsync(int fd) {
  return sync_fails(fd) ? -1 : (int)syscall(SYS_fsync, fd);
}

int fdatasync(int fd) {
  return sync_fails(fd) ? -1 : (int)syscall(SYS_fdatasync, fd);
}
