// Runs the kernels that were compiled with cuda_on_host.h: cocoli_launch is what the tests call.
#include "cuda_on_host.h"

#include <setjmp.h>
#include <sys/mman.h>
#include <ucontext.h>

#include <cstdlib>
#include <map>
#include <memory>
#include <string>
#include <vector>

#if defined(__SANITIZE_ADDRESS__)
#include <sanitizer/common_interface_defs.h>
#define FIBER_START(save, bottom, size) __sanitizer_start_switch_fiber(save, bottom, size)
#define FIBER_FINISH(save, bottom, size) __sanitizer_finish_switch_fiber(save, bottom, size)
#else
#define FIBER_START(save, bottom, size) (void)(save), (void)(bottom), (void)(size)
#define FIBER_FINISH(save, bottom, size) (void)(save), (void)(bottom), (void)(size)
#endif

// Under the address sanitizer a longjmp costs system calls, because it may leave frames for good; here it only changes stacks.
#if defined(__SANITIZE_ADDRESS__) && defined(__GNUC__) && !defined(__clang__)
#define SWITCHES_STACKS __attribute__((noinline, no_sanitize("address")))
using Jump = void*[5];
#define SET_JUMP(context) __builtin_setjmp(context)
#define JUMP(context) __builtin_longjmp(context, 1)
#else
#define SWITCHES_STACKS
using Jump = jmp_buf;
#define SET_JUMP(context) _setjmp(context)
#define JUMP(context) _longjmp(context, 1)
#endif

namespace on_host {

Place place;

namespace {

constexpr unsigned WARP = 32;
constexpr size_t STACK_BYTES = 320 << 10;
// The stacks begin at different places of their pages: otherwise all would compete for the same few lines of the cache.
constexpr size_t LINE_BYTES = 64;
constexpr unsigned MAX_THREADS = 1024;

enum class State : unsigned char { READY, AT_BLOCK_BARRIER, AT_WARP_BARRIER, GONE };

struct Fiber {
  void* stack = nullptr;
  Jump context;
  bool started = false;
  void* fake_stack = nullptr;
};

// What the lanes of a warp offer, and what they got at the last barrier: each reads it before the next is passed.
struct Warp {
  unsigned waiting = 0;      // the lanes at a warp barrier
  unsigned masks[WARP];      // of the barriers that they wait at
  uint64_t offered[WARP];    // to the other lanes
  uint64_t received[WARP];
};

struct Entry {
  Kernel kernel;
  size_t argument_bytes;
};

std::map<std::string, Entry>& entries() {
  static std::map<std::string, Entry> all;
  return all;
}

std::vector<Fiber> fibers(MAX_THREADS);
// Beside the fibers, because the scheduler looks at all of them again and again.
State states[MAX_THREADS];
Warp warps[MAX_THREADS / WARP];
unsigned positions[MAX_THREADS];         // of the threads in the order of their block
uint64_t ready[MAX_THREADS / 64];        // a bit for each position
std::unique_ptr<unsigned char[]> shared;
std::string error;
Kernel kernel;
const void* arguments;
unsigned running;
unsigned threads;
Jump scheduler;
void* scheduler_fake_stack = nullptr;
const void* scheduler_bottom = nullptr;
size_t scheduler_size = 0;
int block_votes;
int block_result;
uint64_t random_state = 0x9E3779B97F4A7C15ull;

unsigned draw(unsigned below) {
  random_state ^= random_state << 13;
  random_state ^= random_state >> 7;
  random_state ^= random_state << 17;
  return unsigned((random_state >> 32) * below >> 32);
}

// Makes a permutation of the numbers below.
void shuffle(std::vector<unsigned>& order, unsigned below) {
  order.resize(below);
  for (unsigned i = 0; i < below; i++) {
    order[i] = i;
  }
  for (unsigned i = below; i > 1; i--) {
    std::swap(order[i - 1], order[draw(i)]);
  }
}

void set_ready(unsigned thread) {
  states[thread] = State::READY;
  ready[positions[thread] / 64] |= uint64_t(1) << positions[thread] % 64;
}

void set_place(unsigned thread) {
  place.thread = {thread, 0, 0};
  place.lane = thread % WARP;
}

// Leaves the running fiber for the scheduler; returns when the fiber is resumed.
SWITCHES_STACKS void leave(State state) {
  Fiber& fiber = fibers[running];
  states[running] = state;
  if (SET_JUMP(fiber.context) == 0) {
    FIBER_START(&fiber.fake_stack, scheduler_bottom, scheduler_size);
    JUMP(scheduler);
  }
  FIBER_FINISH(fiber.fake_stack, &scheduler_bottom, &scheduler_size);
}

// A fiber is used for one thread after the other.
SWITCHES_STACKS void run_threads() {
  FIBER_FINISH(nullptr, &scheduler_bottom, &scheduler_size);
  while (true) {
    kernel(arguments);
    leave(State::GONE);
  }
}

SWITCHES_STACKS void resume(unsigned thread) {
  running = thread;
  set_place(thread);
  Fiber& fiber = fibers[thread];
  if (SET_JUMP(scheduler) == 0) {
    FIBER_START(&scheduler_fake_stack, fiber.stack, STACK_BYTES);
    if (!fiber.started) {
      fiber.started = true;
      ucontext_t context;
      getcontext(&context);
      context.uc_stack.ss_sp = fiber.stack;
      context.uc_stack.ss_size = STACK_BYTES - thread * LINE_BYTES;
      context.uc_link = nullptr;
      makecontext(&context, run_threads, 0);
      setcontext(&context);
    } else {
      JUMP(fiber.context);
    }
  }
  FIBER_FINISH(scheduler_fake_stack, nullptr, nullptr);
}

// Lets the lanes of a warp go on when all that a mask names have come.
bool release_warp(unsigned number) {
  Warp& warp = warps[number];
  for (unsigned rest = warp.waiting; rest != 0; rest &= rest - 1) {
    unsigned mask = warp.masks[__builtin_ctz(rest)];
    if ((mask & ~warp.waiting) != 0) {
      continue;
    }
    bool all = true;
    for (unsigned lanes = mask; lanes != 0 && all; lanes &= lanes - 1) {
      all = warp.masks[__builtin_ctz(lanes)] == mask;
    }
    if (all) {
      warp.waiting &= ~mask;
      for (unsigned lanes = mask; lanes != 0; lanes &= lanes - 1) {
        unsigned lane = unsigned(__builtin_ctz(lanes));
        warp.received[lane] = warp.offered[lane];
        set_ready(number * WARP + lane);
      }
      return true;
    }
  }
  return false;
}

std::string stuck() {
  unsigned counts[4] = {};
  for (unsigned thread = 0; thread < threads; thread++) {
    counts[static_cast<int>(states[thread])]++;
  }
  return "threads wait for each other: " + std::to_string(counts[1]) + " at __syncthreads, " + std::to_string(counts[2]) +
         " at a warp's shuffle or vote, " + std::to_string(counts[3]) + " have returned";
}

void run_block() {
  block_votes = 0;
  static std::vector<unsigned> order;
  shuffle(order, threads);
  for (unsigned i = 0; i < threads; i++) {
    positions[order[i]] = i;
    set_ready(order[i]);
  }
  while (error.empty()) {
    bool ran = false;
    for (unsigned word = 0; word * 64 < threads && error.empty(); word++) {
      // none becomes ready before all of these have run
      while (ready[word] != 0 && error.empty()) {
        unsigned position = word * 64 + unsigned(__builtin_ctzll(ready[word]));
        ready[word] &= ready[word] - 1;
        ran = true;
        resume(order[position]);
      }
    }
    for (unsigned warp = 0; warp * WARP < threads; warp++) {
      while (release_warp(warp)) {
        ran = true;
      }
    }
    if (ran) {
      continue;
    }
    unsigned gone = 0;
    unsigned waiting = 0;
    for (unsigned thread = 0; thread < threads; thread++) {
      gone += states[thread] == State::GONE;
      waiting += states[thread] == State::AT_BLOCK_BARRIER;
    }
    if (gone == threads) {
      return;
    }
    if (gone > 0 || waiting != threads) {
      error = stuck();
      break;
    }
    block_result = block_votes;
    block_votes = 0;
    for (unsigned thread = 0; thread < threads; thread++) {
      set_ready(thread);
    }
  }
  // what waits for ever is left where it is: its fiber begins anew
  for (unsigned thread = 0; thread < threads; thread++) {
    if (states[thread] != State::GONE) {
      fibers[thread].started = false;
      states[thread] = State::GONE;
    }
    warps[thread / WARP].waiting = 0;
  }
  std::fill(std::begin(ready), std::end(ready), 0);
}

Warp& warp_of_running() { return warps[running / WARP]; }

bool takes_part(unsigned mask) {
  if ((mask >> place.lane & 1) != 0) {
    return true;
  }
  error = "a lane takes part in a shuffle or vote whose mask leaves it out";
  leave(State::AT_WARP_BARRIER);
  return false;
}

}  // namespace

Registration::Registration(const char* name, Kernel kernel, size_t argument_bytes) {
  entries()[name] = Entry{kernel, argument_bytes};
}

void sync_block() { leave(State::AT_BLOCK_BARRIER); }

int sync_block_count(int predicate) {
  block_votes += predicate != 0;
  leave(State::AT_BLOCK_BARRIER);
  return block_result;
}

int sync_block_or(int predicate) { return sync_block_count(predicate) != 0; }

void sync_warp(unsigned mask) {
  if (takes_part(mask)) {
    warp_of_running().masks[place.lane] = mask;
    warp_of_running().waiting |= 1u << place.lane;
    leave(State::AT_WARP_BARRIER);
  }
}

uint64_t exchange(unsigned mask, uint64_t value, unsigned source) {
  warp_of_running().offered[place.lane] = value;
  sync_warp(mask);
  if (source >= WARP || (mask >> source & 1) == 0) {
    error = "a shuffle reads a lane that does not take part";
    return value;
  }
  return warp_of_running().received[source];
}

unsigned ballot(unsigned mask, bool predicate) {
  warp_of_running().offered[place.lane] = predicate;
  sync_warp(mask);
  unsigned votes = 0;
  for (unsigned lanes = mask; lanes != 0; lanes &= lanes - 1) {
    unsigned lane = unsigned(__builtin_ctz(lanes));
    votes |= unsigned(warp_of_running().received[lane]) << lane;
  }
  return votes;
}

unsigned largest(unsigned mask, unsigned value) {
  warp_of_running().offered[place.lane] = value;
  sync_warp(mask);
  unsigned most = 0;
  for (unsigned lanes = mask; lanes != 0; lanes &= lanes - 1) {
    most = std::max(most, unsigned(warp_of_running().received[__builtin_ctz(lanes)]));
  }
  return most;
}

void* dynamic_shared() { return shared.get(); }

}  // namespace on_host

using namespace on_host;

// Runs a kernel to its end; returns what went wrong, or null. Not for two threads at once.
extern "C" const char* cocoli_launch(const char* name, unsigned grid_x, unsigned grid_y, unsigned grid_z, unsigned block,
                                     unsigned shared_bytes, const void* bytes, size_t argument_bytes) {
  error.clear();
  auto found = entries().find(name);
  if (found == entries().end()) {
    error = "there is no such kernel";
    return error.c_str();
  }
  if (found->second.argument_bytes != argument_bytes) {
    error = "its arguments have " + std::to_string(found->second.argument_bytes) + " bytes, not " + std::to_string(argument_bytes);
    return error.c_str();
  }
  for (unsigned thread = 0; thread < block; thread++) {
    if (fibers[thread].stack == nullptr) {
      fibers[thread].stack = mmap(nullptr, STACK_BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
      if (fibers[thread].stack == MAP_FAILED) {
        fibers[thread].stack = nullptr;
        error = "no memory for stacks";
        return error.c_str();
      }
    }
  }
  kernel = found->second.kernel;
  arguments = bytes;
  threads = block;
  place.block_size = {block, 1, 1};
  place.grid_size = {grid_x, grid_y, grid_z};
  static std::vector<unsigned> blocks;
  shuffle(blocks, grid_x * grid_y * grid_z);
  for (unsigned number : blocks) {
    place.block = {number % grid_x, number / grid_x % grid_y, number / grid_x / grid_y};
    shared.reset(new unsigned char[shared_bytes]);
    std::memset(shared.get(), 0x7A, shared_bytes);
    run_block();
    if (!error.empty()) {
      break;
    }
  }
  shared.reset();
  return error.empty() ? nullptr : error.c_str();
}

// Decides the order in which threads run from now on.
extern "C" void cocoli_seed(unsigned long long seed) { random_state = seed * 2 + 1; }

// How many kernels there are, and their names.
extern "C" unsigned cocoli_kernel_count() { return unsigned(entries().size()); }

extern "C" const char* cocoli_kernel_name(unsigned index) {
  auto entry = entries().begin();
  std::advance(entry, index);
  return entry->first.c_str();
}

// Memory that kernels see: zeroed, and from this library's allocator, so that the address sanitizer knows where it ends.
extern "C" void* cocoli_allocate(size_t bytes) {
  void* memory = nullptr;
  if (posix_memalign(&memory, 64, bytes == 0 ? 1 : bytes) != 0) {
    return nullptr;
  }
  std::memset(memory, 0, bytes);
  return memory;
}

extern "C" void cocoli_free(void* memory) { free(memory); }
