#include "on_host.h"

enum { SUCCESS = 0, IN_PROGRESS = 7 };
enum { MAX_RANKS = 16, MAX_CALLS = 4096 };
enum { INT32 = 2, FLOAT32 = 7, BFLOAT16 = 9 };
enum { AVG = 4 };

typedef enum { ALL_REDUCE, BROADCAST, ALL_GATHER } Kind;

// What a rank asks for.
typedef struct {
  Kind kind;
  const void *from;
  void *to;
  size_t count;
  int type, operation, root;
} Call;

// The n-th calls of all ranks.
typedef struct {
  int arrived, done;
  Call calls[MAX_RANKS];
} Meeting;

typedef struct World {
  char id[128];
  int size, connected, ended;
  pthread_mutex_t mutex;
  pthread_cond_t changed;
  Meeting meetings[MAX_CALLS];
  struct World *next;
} World;

typedef struct Comm {
  enum { ALIVE = 1, FINALIZED, ABORTED, ENDED } state;
  World *world;
  int rank;
  long calls;
  int running;
  int polls; // for how many more the last call is in progress
} Comm;

typedef struct {
  Comm *comm;
  long number;
  Call call;
} Kernel;

typedef struct {
  char bytes[128];
} Id;

typedef struct {
  size_t size;
  unsigned magic, version;
  int blocking;
} Config;

static World *worlds;
static long ids;
static pthread_mutex_t worlds_mutex = PTHREAD_MUTEX_INITIALIZER;

API int ncclGetVersion(int *version) { return *version = 23007, SUCCESS; }
API const char *ncclGetErrorString(int error) { return "an error of the stand-in"; }
API const char *ncclGetLastError(void *comm) { return ""; }

API int ncclGetUniqueId(Id *id) {
  memset(id, 0, sizeof(Id));
  pthread_mutex_lock(&worlds_mutex);
  snprintf(id->bytes, sizeof(Id), "id %ld", ++ids);
  pthread_mutex_unlock(&worlds_mutex);
  return SUCCESS;
}

static World *world(Id *id, int size) {
  for (World *found = worlds; found; found = found->next) {
    if (!memcmp(found->id, id->bytes, sizeof(Id))) {
      return found;
    }
  }
  World *made = calloc(1, sizeof(World));
  memcpy(made->id, id->bytes, sizeof(Id));
  made->size = size;
  pthread_mutex_init(&made->mutex, NULL);
  pthread_cond_init(&made->changed, NULL);
  made->next = worlds;
  return worlds = made;
}

API int ncclCommInitRankConfig(Comm **out, int size, Id id, int rank, Config *config) {
  if (config->magic != 0xcafebeef || config->blocking != 0) {
    fatal("a configuration with magic %x, blocking %d", config->magic, config->blocking);
  }
  const char *connect = getenv("NCCL_RUNTIME_CONNECT");
  if (!connect || strcmp(connect, "0")) {
    fatal("calls are to wait for connections");
  }
  pthread_mutex_lock(&worlds_mutex);
  Comm *comm = calloc(1, sizeof(Comm));
  comm->state = ALIVE;
  comm->world = world(&id, size);
  comm->rank = rank;
  comm->polls = 3;
  comm->world->connected++;
  pthread_mutex_unlock(&worlds_mutex);
  *out = comm;
  return IN_PROGRESS;
}

static void check(Comm *comm, const char *call) {
  if (comm->state != ALIVE && comm->state != FINALIZED) {
    fatal("%s with the communicator of rank %d, which has ended", call, comm->rank);
  }
}

API int ncclCommGetAsyncError(Comm *comm, int *error) {
  check(comm, "ncclCommGetAsyncError");
  pthread_mutex_lock(&worlds_mutex);
  int connecting = comm->world->connected < comm->world->size;
  pthread_mutex_unlock(&worlds_mutex);
  *error = connecting || comm->polls-- > 0 ? IN_PROGRESS : SUCCESS;
  return SUCCESS;
}

// ---- collectives

static float element(const void *from, size_t at, int type) {
  if (type == BFLOAT16) {
    uint32_t bits = (uint32_t)((const uint16_t *)from)[at] << 16;
    float value;
    memcpy(&value, &bits, sizeof(value));
    return value;
  }
  return ((const float *)from)[at];
}

static void set(void *to, size_t at, int type, float value) {
  if (type == BFLOAT16) {
    uint32_t bits;
    memcpy(&bits, &value, sizeof(bits));
    ((uint16_t *)to)[at] = (uint16_t)((bits + 0x7fff + (bits >> 16 & 1)) >> 16);
  } else {
    ((float *)to)[at] = value;
  }
}

static void reduce(Meeting *meeting, int size) {
  Call *calls = meeting->calls;
  int type = calls[0].type;
  if (type != FLOAT32 && type != BFLOAT16 && type != INT32) {
    fatal("an all-reduce of type %d", type);
  }
  if (type == INT32) {
    return; // a barrier: the sum is of no interest
  }
  for (size_t i = 0; i < calls[0].count; i++) {
    float sum = 0;
    for (int rank = 0; rank < size; rank++) {
      float value = element(calls[rank].from, i, type);
      sum += calls[0].operation == AVG ? value * (1.0f / size) : value;
    }
    for (int rank = 0; rank < size; rank++) {
      set(calls[rank].to, i, type, sum);
    }
  }
}

static void perform(Meeting *meeting, int size) {
  Call *calls = meeting->calls;
  for (int rank = 1; rank < size; rank++) {
    if (calls[rank].kind != calls[0].kind || calls[rank].count != calls[0].count) {
      fatal("ranks call different things, which NCCL does not notice");
    }
  }
  switch (calls[0].kind) {
  case ALL_REDUCE:
    reduce(meeting, size);
    break;
  case BROADCAST:
    for (int rank = 0; rank < size; rank++) {
      if (rank != calls[0].root) {
        memcpy(calls[rank].to, calls[calls[0].root].from, calls[0].count);
      }
    }
    break;
  case ALL_GATHER:
    for (int rank = 0; rank < size; rank++) {
      for (int other = 0; other < size; other++) {
        memcpy((char *)calls[rank].to + other * calls[0].count, calls[other].from, calls[0].count);
      }
    }
    break;
  }
}

// As a kernel of NCCL: waits for those of the other ranks, or for the abort.
static void run(void *argument) {
  Kernel *kernel = argument;
  Comm *comm = kernel->comm;
  World *world = comm->world;
  Meeting *meeting = &world->meetings[kernel->number];
  pthread_mutex_lock(&world->mutex);
  meeting->calls[comm->rank] = kernel->call;
  if (comm->state != ABORTED && ++meeting->arrived == world->size) {
    perform(meeting, world->size);
    meeting->done = 1;
  }
  pthread_cond_broadcast(&world->changed);
  while (!meeting->done && comm->state != ABORTED) {
    pthread_cond_wait(&world->changed, &world->mutex);
  }
  comm->running--;
  pthread_cond_broadcast(&world->changed);
  pthread_mutex_unlock(&world->mutex);
  free(kernel);
}

static int queue(Comm *comm, Stream *stream, Call call) {
  check(comm, "a collective");
  if (comm->calls == MAX_CALLS) {
    fatal("more than %d calls", MAX_CALLS);
  }
  Kernel *kernel = malloc(sizeof(Kernel));
  *kernel = (Kernel){comm, comm->calls++, call};
  pthread_mutex_lock(&comm->world->mutex);
  comm->running++;
  pthread_mutex_unlock(&comm->world->mutex);
  on_host_queue(stream, run, kernel);
  comm->polls = 2;
  return IN_PROGRESS;
}

API int ncclAllReduce(const void *from, void *to, size_t count, int type, int operation, Comm *comm,
                      Stream *stream) {
  return queue(comm, stream, (Call){ALL_REDUCE, from, to, count, type, operation, 0});
}

API int ncclBroadcast(const void *from, void *to, size_t count, int type, int root, Comm *comm,
                      Stream *stream) {
  return queue(comm, stream, (Call){BROADCAST, from, to, count, type, 0, root});
}

API int ncclAllGather(const void *from, void *to, size_t count, int type, Comm *comm,
                      Stream *stream) {
  return queue(comm, stream, (Call){ALL_GATHER, from, to, count, type, 0, 0});
}

// ---- the end; what is not freed shows a use afterwards

static void await_kernels(Comm *comm) {
  while (comm->running > 0) {
    pthread_cond_wait(&comm->world->changed, &comm->world->mutex);
  }
  comm->state = ENDED;
  comm->world->ended++;
  pthread_cond_broadcast(&comm->world->changed);
}

// Waits for the other ranks' end, as newer releases do: one thread cannot abort one by one.
API int ncclCommAbort(Comm *comm) {
  check(comm, "ncclCommAbort");
  World *world = comm->world;
  pthread_mutex_lock(&world->mutex);
  comm->state = ABORTED;
  pthread_cond_broadcast(&world->changed);
  await_kernels(comm);
  while (world->ended < world->size) {
    pthread_cond_wait(&world->changed, &world->mutex);
  }
  pthread_mutex_unlock(&world->mutex);
  return SUCCESS;
}

API int ncclCommFinalize(Comm *comm) {
  check(comm, "ncclCommFinalize");
  comm->state = FINALIZED;
  comm->polls = 4;
  return IN_PROGRESS;
}

API int ncclCommDestroy(Comm *comm) {
  check(comm, "ncclCommDestroy");
  pthread_mutex_lock(&comm->world->mutex);
  await_kernels(comm);
  pthread_mutex_unlock(&comm->world->mutex);
  return SUCCESS;
}
