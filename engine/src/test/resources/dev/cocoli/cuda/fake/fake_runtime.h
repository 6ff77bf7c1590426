// What the parts of the stand-in for the CUDA runtime share; fake_gpu.h has what the other libraries use, too.
#pragma once

#include <deque>
#include <memory>
#include <set>

#include "fake_gpu.h"

namespace fake_runtime {
constexpr int SUCCESS = 0;
constexpr int INVALID_VALUE = 1;
constexpr int MEMORY_ALLOCATION = 2;
constexpr int LAUNCH_FAILURE = 719;
constexpr int SYMBOL_NOT_FOUND = 500;
constexpr int NOT_READY = 600;
constexpr int CAPTURE_UNSUPPORTED = 900;
constexpr int CAPTURE_INVALIDATED = 901;
constexpr int CAPTURE_UNMATCHED = 903;
constexpr int RELAXED = 2;

struct Stream;

// A place in a stream: after the work of that number.
struct Point {
  Stream* stream = nullptr;
  uint64_t number = 0;
};

struct Work {
  std::function<void()> run;
  Point after;
};

struct Graph {
  std::vector<std::function<void()>> nodes;
};

struct Stream {
  std::unique_ptr<Graph> capture;
  int capture_mode = 0;
  bool capture_invalid = false;
  std::deque<Work> queue;
  uint64_t done = 0;
  uint64_t queued = 0;
};

extern std::set<Stream*> streams;
extern uint64_t total_bytes;
extern int sticky;
extern int last_error;

// What was done with graphs, and the launches of each kernel, for the test: by name.
extern std::map<std::string, long> graph_counts;

// The stream at an address; fails if none is there.
Stream* known(void* stream);

// What a stream that is captured does not allow; without one, any that is captured in a mode that minds all of the process.
int forbid(Stream* stream);

// Queues work on a stream that is not captured.
void push(void* stream, std::function<void()> work, Point after);
}  // namespace fake_runtime

using namespace fake_runtime;
