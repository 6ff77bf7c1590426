#include "on_host.h"

enum { SUCCESS = 0, INVALID_DEVICE = 101, NOT_READY = 600 };

typedef struct Event {
  int alive;
  pthread_mutex_t mutex;
  pthread_cond_t changed;
  long recorded, reached; // generations
  double seconds;
} Event;

// One generation of an event, in a stream's work.
typedef struct {
  Event *event;
  long generation;
} Mark;

typedef struct {
  void *to;
  const void *from; // null: set bytes
  size_t byte_size;
  int value;
} Copy;

static void *serve(void *argument) {
  Stream *stream = argument;
  pthread_mutex_lock(&stream->mutex);
  while (stream->alive || stream->first) {
    Work *work = stream->first;
    if (!work) {
      pthread_cond_wait(&stream->changed, &stream->mutex);
      continue;
    }
    stream->first = work->next;
    pthread_mutex_unlock(&stream->mutex);
    work->run(work->argument);
    free(work);
    pthread_mutex_lock(&stream->mutex);
    stream->done++;
    pthread_cond_broadcast(&stream->changed);
  }
  pthread_mutex_unlock(&stream->mutex);
  return NULL;
}

API void on_host_queue(Stream *stream, void (*run)(void *), void *argument) {
  Work *work = malloc(sizeof(Work));
  *work = (Work){run, argument, NULL};
  pthread_mutex_lock(&stream->mutex);
  if (!stream->alive) {
    fatal("work for a stream that was destroyed");
  }
  if (stream->first) {
    stream->last->next = work;
  } else {
    stream->first = work;
  }
  stream->last = work;
  stream->queued++;
  pthread_cond_broadcast(&stream->changed);
  pthread_mutex_unlock(&stream->mutex);
}

// ---- devices: one, on which several ranks may be

API int cudaGetDeviceCount(int *count) { return *count = 1, SUCCESS; }
API int cudaSetDevice(int device) { return device == 0 ? SUCCESS : INVALID_DEVICE; }
API int cudaRuntimeGetVersion(int *version) { return *version = 13000, SUCCESS; }
API int cudaDriverGetVersion(int *version) { return *version = 13000, SUCCESS; }
API const char *cudaGetErrorName(int error) { return "cudaErrorOfStandIn"; }
API const char *cudaGetErrorString(int error) { return "an error of the stand-in"; }
API int cudaDeviceGetStreamPriorityRange(int *least, int *greatest) {
  *least = 0;
  *greatest = -5;
  return SUCCESS;
}

// ---- streams

API int cudaStreamCreateWithPriority(Stream **out, unsigned flags, int priority) {
  Stream *stream = calloc(1, sizeof(Stream));
  stream->alive = 1;
  pthread_mutex_init(&stream->mutex, NULL);
  pthread_cond_init(&stream->changed, NULL);
  pthread_create(&stream->thread, NULL, serve, stream);
  pthread_detach(stream->thread);
  *out = stream;
  return SUCCESS;
}

API int cudaStreamCreateWithFlags(Stream **out, unsigned flags) {
  return cudaStreamCreateWithPriority(out, flags, 0);
}

// Never freed, so that a use afterwards is seen.
API int cudaStreamDestroy(Stream *stream) {
  pthread_mutex_lock(&stream->mutex);
  if (!stream->alive) {
    fatal("a stream is destroyed twice");
  }
  stream->alive = 0;
  pthread_cond_broadcast(&stream->changed);
  pthread_mutex_unlock(&stream->mutex);
  return SUCCESS;
}

API int cudaStreamSynchronize(Stream *stream) {
  pthread_mutex_lock(&stream->mutex);
  for (long queued = stream->queued; stream->done < queued;) {
    pthread_cond_wait(&stream->changed, &stream->mutex);
  }
  pthread_mutex_unlock(&stream->mutex);
  return SUCCESS;
}

// ---- events

static void check(Event *event) {
  if (event->alive != 1) {
    fatal("an event that was destroyed");
  }
}

API int cudaEventCreateWithFlags(Event **out, unsigned flags) {
  Event *event = calloc(1, sizeof(Event));
  event->alive = 1;
  pthread_mutex_init(&event->mutex, NULL);
  pthread_cond_init(&event->changed, NULL);
  *out = event;
  return SUCCESS;
}

API int cudaEventDestroy(Event *event) {
  check(event);
  event->alive = 0;
  return SUCCESS;
}

static Mark *mark(Event *event, long generation) {
  Mark *made = malloc(sizeof(Mark));
  *made = (Mark){event, generation};
  return made;
}

static void reach(void *argument) {
  Mark *mark = argument;
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  pthread_mutex_lock(&mark->event->mutex);
  mark->event->reached = mark->generation;
  mark->event->seconds = now.tv_sec + 1e-9 * now.tv_nsec;
  pthread_cond_broadcast(&mark->event->changed);
  pthread_mutex_unlock(&mark->event->mutex);
  free(mark);
}

static void wait_for(void *argument) {
  Mark *mark = argument;
  pthread_mutex_lock(&mark->event->mutex);
  while (mark->event->reached < mark->generation) {
    pthread_cond_wait(&mark->event->changed, &mark->event->mutex);
  }
  pthread_mutex_unlock(&mark->event->mutex);
  free(mark);
}

API int cudaEventRecord(Event *event, Stream *stream) {
  check(event);
  pthread_mutex_lock(&event->mutex);
  long generation = ++event->recorded;
  pthread_mutex_unlock(&event->mutex);
  on_host_queue(stream, reach, mark(event, generation));
  return SUCCESS;
}

API int cudaStreamWaitEvent(Stream *stream, Event *event, unsigned flags) {
  check(event);
  pthread_mutex_lock(&event->mutex);
  long generation = event->recorded;
  pthread_mutex_unlock(&event->mutex);
  on_host_queue(stream, wait_for, mark(event, generation));
  return SUCCESS;
}

API int cudaEventQuery(Event *event) {
  check(event);
  pthread_mutex_lock(&event->mutex);
  int result = event->reached < event->recorded ? NOT_READY : SUCCESS;
  pthread_mutex_unlock(&event->mutex);
  return result;
}

API int cudaEventElapsedTime(float *milliseconds, Event *begin, Event *end) {
  *milliseconds = (float)((end->seconds - begin->seconds) * 1e3);
  return SUCCESS;
}

// ---- memory

API int cudaMalloc(void **out, size_t byte_size) { return *out = malloc(byte_size), SUCCESS; }
API int cudaMallocHost(void **out, size_t byte_size) { return *out = malloc(byte_size), SUCCESS; }
API int cudaFree(void *memory) { return free(memory), SUCCESS; }
API int cudaFreeHost(void *memory) { return free(memory), SUCCESS; }

static void copy(void *argument) {
  Copy *copy = argument;
  if (copy->from) {
    memcpy(copy->to, copy->from, copy->byte_size);
  } else {
    memset(copy->to, copy->value, copy->byte_size);
  }
  free(copy);
}

static int queue_copy(Copy what, Stream *stream) {
  Copy *argument = malloc(sizeof(Copy));
  *argument = what;
  on_host_queue(stream, copy, argument);
  return SUCCESS;
}

API int cudaMemcpyAsync(void *to, const void *from, size_t byte_size, int kind, Stream *stream) {
  return byte_size == 0 ? SUCCESS : queue_copy((Copy){to, from, byte_size, 0}, stream);
}

API int cudaMemsetAsync(void *to, int value, size_t byte_size, Stream *stream) {
  return byte_size == 0 ? SUCCESS : queue_copy((Copy){to, NULL, byte_size, value}, stream);
}
