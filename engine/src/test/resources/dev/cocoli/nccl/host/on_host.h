// What stands in for the CUDA runtime and for NCCL in tests: streams are threads, device memory is
// the host's, ranks are of one process. Misuse that the real libraries answer with a crash or a
// hang ends the process with a message.
#pragma once
#include <pthread.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define API __attribute__((visibility("default")))

typedef struct Work {
  void (*run)(void *);
  void *argument;
  struct Work *next;
} Work;

typedef struct Stream {
  int alive;
  pthread_mutex_t mutex;
  pthread_cond_t changed;
  Work *first, *last;
  long queued, done;
  pthread_t thread;
} Stream;

// Queues work on a stream.
void on_host_queue(Stream *stream, void (*run)(void *), void *argument);

static inline void fatal(const char *format, ...) {
  va_list arguments;
  va_start(arguments, format);
  fprintf(stderr, "stand-in: ");
  vfprintf(stderr, format, arguments);
  fprintf(stderr, "\n");
  va_end(arguments);
  abort();
}
