// The CUDA runtime's streams, events and graphs: what is queued runs late, in a random order between streams.
#include <random>

#include "fake_runtime.h"

namespace fake_runtime {
std::set<Stream*> streams;
}  // namespace fake_runtime

namespace {
struct Event {
  Point point;
};

std::set<void*> events;
std::set<void*> graphs;
std::set<void*> executables;
std::mt19937 randomness(42);

void step(Stream* stream) {
  Work work = std::move(stream->queue.front());
  stream->queue.pop_front();
  while (work.after.stream != nullptr && streams.count(work.after.stream) != 0 && work.after.stream->done < work.after.number) {
    if (work.after.stream->queue.empty()) fail("a stream waits for what never comes");
    step(work.after.stream);
  }
  if (work.run) work.run();
  stream->done++;
}
}  // namespace

namespace fake_runtime {
Stream* known(void* stream) {
  auto* known = static_cast<Stream*>(stream);
  if (streams.count(known) == 0) fail("no such stream");
  return known;
}

int forbid(Stream* stream) {
  int result = SUCCESS;
  for (Stream* each : streams) {
    if (each->capture && (each == stream || (stream == nullptr && each->capture_mode != RELAXED))) {
      each->capture_invalid = true;
      result = last_error = CAPTURE_UNSUPPORTED;
    }
  }
  return result;
}

void push(void* stream, std::function<void()> work, Point after) {
  Stream* to = known(stream);
  if (to->capture) fail("an event, or memory in a stream's order, while the stream is captured");
  if (counting) {
    if (work) work();
    to->done = ++to->queued;
    return;
  }
  to->queue.push_back(Work{std::move(work), after});
  to->queued++;
  // now and then some of it gets done
  while (randomness() % 4 == 0) {
    auto any = streams.begin();
    std::advance(any, randomness() % streams.size());
    if (!(*any)->queue.empty()) step(*any);
  }
}
}  // namespace fake_runtime

int enqueue(void* stream, std::function<void()> work) {
  Stream* to = known(stream);
  graph_counts["calls"]++;
  if (counting && to->capture) fail("graphs are not counted");
  if (counting) return sticky;
  if (!to->capture) {
    push(stream, std::move(work), Point{});
    return sticky;
  }
  if (to->capture_invalid) return last_error = CAPTURE_INVALIDATED;
  to->capture->nodes.push_back(std::move(work));
  return sticky;
}

void drain(void* stream) {
  Stream* from = known(stream);
  while (!from->queue.empty()) step(from);
}

// ---- streams and events

FAKE(int, cudaStreamCreateWithFlags, (void** out, unsigned)) {
  *out = *streams.insert(new Stream()).first;
  live["streams"]++;
  return SUCCESS;
}
FAKE(int, cudaStreamDestroy, (void* stream)) {
  if (known(stream)->capture) fail("cudaStreamDestroy: the stream is captured");
  drain(stream);
  streams.erase(static_cast<Stream*>(stream));
  delete static_cast<Stream*>(stream);
  live["streams"]--;
  return SUCCESS;
}
FAKE(int, cudaStreamSynchronize, (void* stream)) {
  if (int status = forbid(known(stream))) return status;
  count("wait");
  drain(stream);
  return sticky;
}
FAKE(int, cudaEventCreateWithFlags, (void** out, unsigned)) {
  *out = new Event();
  events.insert(*out);
  live["events"]++;
  return SUCCESS;
}
FAKE(int, cudaEventDestroy, (void* event)) {
  if (events.erase(event) == 0) fail("no such event");
  delete static_cast<Event*>(event);
  live["events"]--;
  return SUCCESS;
}
FAKE(int, cudaEventRecord, (void* event, void* stream)) {
  if (events.count(event) == 0) fail("no such event");
  push(stream, nullptr, Point{});
  static_cast<Event*>(event)->point = Point{known(stream), known(stream)->queued};
  return sticky;
}
FAKE(int, cudaStreamWaitEvent, (void* stream, void* event, unsigned)) {
  if (events.count(event) == 0) fail("no such event");
  push(stream, nullptr, static_cast<Event*>(event)->point);
  return sticky;
}
FAKE(int, cudaEventQuery, (void* event)) {
  Point point = static_cast<Event*>(event)->point;
  return point.stream == nullptr || point.stream->done >= point.number ? sticky : NOT_READY;
}
FAKE(int, cudaEventSynchronize, (void* event)) {
  Point point = static_cast<Event*>(event)->point;
  count("wait");
  while (point.stream != nullptr && point.stream->done < point.number) step(point.stream);
  return sticky;
}
FAKE(int, cudaEventElapsedTime, (float* milliseconds, void* start, void* end)) {
  if (cudaEventQuery(start) != SUCCESS || cudaEventQuery(end) != SUCCESS) return NOT_READY;
  *milliseconds = counting ? 1.0f : float(1 + randomness() % 100);
  return SUCCESS;
}

// ---- graphs: the captured calls of one stream, in their order

FAKE(int, cudaStreamBeginCapture, (void* stream, int mode)) {
  Stream* from = known(stream);
  if (from->capture) return CAPTURE_UNMATCHED;
  from->capture = std::make_unique<Graph>();
  from->capture_mode = mode;
  from->capture_invalid = false;
  graph_counts["captures"]++;
  return sticky;
}
FAKE(int, cudaStreamEndCapture, (void* stream, void** out)) {
  Stream* from = known(stream);
  if (!from->capture) return CAPTURE_UNMATCHED;
  std::unique_ptr<Graph> graph = std::move(from->capture);
  if (from->capture_invalid) {
    *out = nullptr;
    return last_error = CAPTURE_INVALIDATED;
  }
  *out = graph.release();
  graphs.insert(*out);
  live["graphs"]++;
  return sticky;
}
FAKE(int, cudaGraphDestroy, (void* graph)) {
  if (graphs.erase(graph) == 0) fail("cudaGraphDestroy: no such graph");
  delete static_cast<Graph*>(graph);
  live["graphs"]--;
  return SUCCESS;
}
FAKE(int, cudaGraphInstantiate, (void** out, void* graph, unsigned long long flags)) {
  if (graphs.count(graph) == 0 || flags != 0) fail("cudaGraphInstantiate: no such graph");
  *out = new Graph(*static_cast<Graph*>(graph));
  executables.insert(*out);
  live["executable graphs"]++;
  graph_counts["instantiations"]++;
  return sticky;
}
FAKE(int, cudaGraphExecDestroy, (void* executable)) {
  if (executables.erase(executable) == 0) fail("cudaGraphExecDestroy: no such graph");
  delete static_cast<Graph*>(executable);
  live["executable graphs"]--;
  return SUCCESS;
}
FAKE(int, cudaGraphLaunch, (void* executable, void* stream)) {
  if (executables.count(executable) == 0) fail("cudaGraphLaunch: no such graph");
  if (known(stream)->capture) fail("cudaGraphLaunch: the stream is captured");
  graph_counts["launches"]++;
  for (auto& node : static_cast<Graph*>(executable)->nodes) push(stream, node, Point{});
  return sticky;
}

// How often something was done: captures, instantiations, launches of graphs; calls outside of graphs or into them; or a kernel was
// launched so.
FAKE(long, fake_graph_count, (const char* name)) { return graph_counts[name]; }
