// The CUDA runtime, the driver's one call, and NVRTC.
#include <dlfcn.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <deque>
#include <memory>
#include <random>
#include <set>

#include "fake_gpu.h"

namespace {
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

struct Event {
  Point point;
};

struct Kernel {
  std::string name;
};

std::set<Stream*> streams;
std::set<void*> events;
std::map<char*, size_t> device;
std::map<void*, size_t> pinned;
std::set<void*> ordinary;  // memory that is not of a pool
std::map<std::string, std::unique_ptr<Kernel>> kernels;
std::mt19937 randomness(42);
uint64_t used_bytes = 0;
uint64_t kept_bytes = 0;  // by the pool, of what it was given back
uint64_t total_bytes = 2ull << 30;
int multiprocessors = 4;
std::string calls;  // a line for each, if they are counted
int sticky = SUCCESS;
int last_error = SUCCESS;
std::string failing_kernel;
long refused_allocations = 0;

// What was done with graphs, and the launches of each kernel, for the test: by name.
std::map<std::string, long> graph_counts;
std::set<void*> graphs;
std::set<void*> executables;

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

Stream* known(void* stream) {
  auto* known = static_cast<Stream*>(stream);
  if (streams.count(known) == 0) fail("no such stream");
  return known;
}

// What a stream that is captured does not allow; without one, any that is captured in a mode that minds all of the process.
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

// Fails unless so many bytes are of the device.
void check_device(const void* memory, size_t bytes, const char* call) {
  auto* at = static_cast<char*>(const_cast<void*>(memory));
  auto next = device.upper_bound(at);
  if (next == device.begin()) fail(std::string(call) + ": not the device's memory");
  auto piece = std::prev(next);
  if (at + bytes > piece->first + piece->second) fail(std::string(call) + ": beyond the end of the device's memory");
}

int give(void** out, size_t bytes, bool of_pool) {
  if (used_bytes + bytes + (of_pool ? 0 : kept_bytes) > total_bytes) {
    refused_allocations++;
    last_error = MEMORY_ALLOCATION;
    return MEMORY_ALLOCATION;
  }
  char* memory;
  if (counting) {
    void* addresses = mmap(nullptr, bytes, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (addresses == MAP_FAILED) fail("no addresses are left");
    memory = static_cast<char*>(addresses);
  } else {
    memory = static_cast<char*>(aligned_alloc(256, (bytes + 255) / 256 * 256));
    memset(memory, 0xcd, bytes);
  }
  device[memory] = bytes;
  used_bytes += bytes;
  if (of_pool) kept_bytes -= std::min<uint64_t>(kept_bytes, bytes);
  live["memory"]++;
  *out = memory;
  return SUCCESS;
}

void take_back(void* memory) {
  auto piece = device.find(static_cast<char*>(memory));
  if (piece == device.end()) fail("cudaFree: no such memory");
  if (counting) {
    munmap(memory, piece->second);
  } else {
    memset(memory, 0xdd, piece->second);
    free(memory);
  }
  used_bytes -= piece->second;
  device.erase(piece);
  live["memory"]--;
}

std::set<std::string> host_names;
void (*host_seed)(unsigned long long) = nullptr;
const char* (*host_launch)(const char*, unsigned, unsigned, unsigned, unsigned, unsigned, const void*, size_t) = nullptr;

// The host's kernels know how many bytes of arguments they take, and tell when the number is wrong.
void launch_on_host(const std::string& name, unsigned x, unsigned y, unsigned z, unsigned threads, unsigned shared,
                    const std::vector<char>& arguments) {
  size_t bytes = 0;
  const char* error = host_launch(name.c_str(), x, y, z, threads, shared, arguments.data(), bytes);
  if (error != nullptr && sscanf(error, "its arguments have %zu bytes", &bytes) == 1) {
    error = host_launch(name.c_str(), x, y, z, threads, shared, arguments.data(), bytes);
  }
  if (error != nullptr && *error != 0) fail(name + ": " + error);
}
}  // namespace

std::map<std::string, long> live;
bool counting = false;

void count(const std::string& call) {
  if (counting) calls += call + "\n";
}

void fail(const std::string& what) {
  fprintf(stderr, "fake GPU: %s\n", what.c_str());
  fflush(stderr);
  _exit(70);
}

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

// ---- for the test

// Where the kernels are that were compiled for the host.
FAKE(void, fake_kernels, (const char* library)) {
  void* handle = dlopen(library, RTLD_NOW);
  if (handle == nullptr) fail(dlerror());
  host_launch = reinterpret_cast<decltype(host_launch)>(dlsym(handle, "cocoli_launch"));
  host_seed = reinterpret_cast<decltype(host_seed)>(dlsym(handle, "cocoli_seed"));
  auto count = reinterpret_cast<unsigned (*)()>(dlsym(handle, "cocoli_kernel_count"));
  auto name = reinterpret_cast<const char* (*)(unsigned)>(dlsym(handle, "cocoli_kernel_name"));
  for (unsigned i = 0; i < count(); i++) host_names.insert(name(i));
}

// From here on calls are counted for a device with so many multiprocessors and bytes, and nothing that is queued is done; before any
// device is opened.
FAKE(void, fake_count, (int processors, uint64_t bytes)) {
  counting = true;
  multiprocessors = processors;
  total_bytes = bytes;
}

// The calls since the last time that this was asked.
FAKE(const char*, fake_counted, ()) {
  static std::string text;
  text.swap(calls);
  calls.clear();
  return text.c_str();
}

// The order of threads from here on.
FAKE(void, fake_seed, ()) { host_seed(1); }

// Lets a kernel fail while it runs.
FAKE(void, fake_failing_kernel, (const char* name)) { failing_kernel = name; }

FAKE(void, fake_recover, ()) {
  failing_kernel.clear();
  sticky = SUCCESS;
}

FAKE(long, fake_refused_allocations, ()) { return refused_allocations; }
// The size of the allocation that begins there; 0 if none does.
FAKE(long, fake_allocation_bytes, (void* memory)) {
  auto piece = device.find(static_cast<char*>(memory));
  return piece == device.end() ? 0 : long(piece->second);
}

// What was made and not destroyed, as text; empty if nothing.
FAKE(const char*, fake_live, ()) {
  static std::string text;
  text.clear();
  for (auto& kind : live) {
    if (kind.second != 0) text += (text.empty() ? "" : ", ") + std::to_string(kind.second) + " " + kind.first;
  }
  return text.c_str();
}

// ---- driver

FAKE(int, cuDriverGetVersion, (int* version)) {
  *version = 13000;
  return SUCCESS;
}

// ---- devices

FAKE(int, cudaRuntimeGetVersion, (int* version)) {
  *version = 13000;
  return SUCCESS;
}
FAKE(int, cudaDriverGetVersion, (int* version)) { return cuDriverGetVersion(version); }
FAKE(int, cudaGetDeviceCount, (int* count)) {
  *count = 1;
  return SUCCESS;
}
FAKE(int, cudaSetDevice, (int index)) { return index == 0 ? sticky : 101; }
FAKE(int, cudaInitDevice, (int index, unsigned, unsigned)) { return index == 0 ? SUCCESS : 101; }
FAKE(int, cudaDeviceGetAttribute, (int* value, int attribute, int)) {
  switch (attribute) {
    case 16: *value = multiprocessors; return SUCCESS;
    case 75: *value = 9; return SUCCESS;     // compute capability, major
    case 76: *value = 0; return SUCCESS;     // and minor
    case 115: *value = 1; return SUCCESS;    // memory pools
    default: fail("cudaDeviceGetAttribute " + std::to_string(attribute));
  }
}
// What the doctor asks for.
FAKE(int, cudaDeviceGetPCIBusId, (char* text, int length, int)) {
  snprintf(text, size_t(length), "0000:00:00.0");
  return SUCCESS;
}
FAKE(int, cuDeviceGetName, (char* text, int length, int)) {
  snprintf(text, size_t(length), "stand-in");
  return SUCCESS;
}
FAKE(int, cuDeviceTotalMem, (size_t* bytes, int)) {
  *bytes = total_bytes;
  return SUCCESS;
}
FAKE(int, cudaGetDriverEntryPointByVersion, (const char* name, void** function, unsigned, unsigned long long, int*)) {
  std::string wanted = name;
  if (wanted == "cuDeviceGetName") {
    *function = reinterpret_cast<void*>(cuDeviceGetName);
  } else if (wanted == "cuDeviceTotalMem") {
    *function = reinterpret_cast<void*>(cuDeviceTotalMem);
  } else {
    fail("cudaGetDriverEntryPointByVersion of " + wanted);
  }
  return SUCCESS;
}
FAKE(const char*, cudaGetErrorName, (int error)) {
  return error == LAUNCH_FAILURE ? "cudaErrorLaunchFailure" : error == MEMORY_ALLOCATION ? "cudaErrorMemoryAllocation" : "cudaError";
}
FAKE(const char*, cudaGetErrorString, (int)) { return "what the fake says"; }
FAKE(int, cudaGetLastError, ()) {
  int error = sticky != SUCCESS ? sticky : last_error;
  last_error = SUCCESS;
  return error;
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

// ---- memory

FAKE(int, cudaDeviceGetDefaultMemPool, (void** pool, int)) {
  *pool = &used_bytes;
  return SUCCESS;
}
FAKE(int, cudaMemPoolSetAttribute, (void* pool, int attribute, void* value)) {
  if (pool != &used_bytes || attribute != 4 || *static_cast<uint64_t*>(value) != UINT64_MAX) fail("cudaMemPoolSetAttribute");
  return SUCCESS;
}
FAKE(int, cudaMemPoolTrimTo, (void* pool, size_t least)) {
  if (pool != &used_bytes || least != 0) return INVALID_VALUE;
  kept_bytes = 0;
  return SUCCESS;
}
FAKE(int, cudaMallocAsync, (void** out, size_t bytes, void* stream)) {
  if (known(stream)->capture) fail("cudaMallocAsync: the stream is captured, and its graph would own the memory");
  return sticky != SUCCESS ? sticky : give(out, bytes, true);
}
FAKE(int, cudaFreeAsync, (void* memory, void* stream)) {
  check_device(memory, 1, "cudaFreeAsync");
  if (ordinary.count(memory) != 0) fail("cudaFreeAsync: the memory is of cudaMalloc");
  push(
      stream,
      [=] {
        kept_bytes += device[static_cast<char*>(memory)];
        take_back(memory);
      },
      Point{});
  return sticky;
}
FAKE(int, cudaMalloc, (void** out, size_t bytes)) {
  if (int status = forbid(nullptr)) return status;
  if (sticky != SUCCESS) return sticky;
  int status = give(out, bytes, false);
  if (status == SUCCESS) ordinary.insert(*out);
  return status;
}
FAKE(int, cudaFree, (void* memory)) {
  check_device(memory, 1, "cudaFree");
  if (int status = forbid(nullptr)) return status;
  for (Stream* stream : streams) drain(stream);
  ordinary.erase(memory);
  take_back(memory);
  return sticky;
}
FAKE(int, cudaMemGetInfo, (size_t* free_bytes, size_t* total)) {
  *free_bytes = total_bytes - used_bytes - kept_bytes;
  *total = total_bytes;
  return SUCCESS;
}
FAKE(int, cudaHostAlloc, (void** out, size_t bytes, unsigned)) {
  *out = malloc(bytes);
  pinned[*out] = bytes;
  live["pinned memory"]++;
  return SUCCESS;
}
FAKE(int, cudaFreeHost, (void* memory)) {
  if (pinned.erase(memory) == 0) fail("cudaFreeHost: no such memory");
  free(memory);
  live["pinned memory"]--;
  return SUCCESS;
}
FAKE(int, cudaMemsetAsync, (void* memory, int value, size_t bytes, void* stream)) {
  check_device(memory, bytes, "cudaMemsetAsync");
  count("memset " + std::to_string(bytes));
  return enqueue(stream, [=] { memset(memory, value, bytes); });
}
FAKE(int, cudaMemcpyAsync, (void* to, const void* from, size_t bytes, int kind, void* stream)) {
  if (kind == 1 || kind == 3) check_device(to, bytes, "cudaMemcpyAsync to");
  if (kind == 2 || kind == 3) check_device(from, bytes, "cudaMemcpyAsync from");
  const void* host = kind == 1 ? from : kind == 2 ? to : nullptr;
  if (host != nullptr) {
    auto next = pinned.upper_bound(const_cast<void*>(host));
    if (next == pinned.begin()) fail("cudaMemcpyAsync: the host's memory is not pinned");
    auto piece = std::prev(next);
    if (static_cast<const char*>(host) + bytes > static_cast<char*>(piece->first) + piece->second) {
      fail("cudaMemcpyAsync: the host's memory is not pinned to its end");
    }
  }
  count("copy " + std::to_string(kind) + " " + std::to_string(bytes));
  if (counting && kind == 2) memset(to, 0, bytes);  // what nobody has computed
  return enqueue(stream, [=] {
    if (kind == 1 || kind == 3) check_device(to, bytes, "a copy to");
    if (kind == 2 || kind == 3) check_device(from, bytes, "a copy from");
    memcpy(to, from, bytes);
  });
}

// A profiler would look from here to there.
FAKE(int, cudaProfilerStart, ()) { return SUCCESS; }
FAKE(int, cudaProfilerStop, ()) { return SUCCESS; }

// ---- kernels

FAKE(int, cudaLibraryLoadData, (void** out, const void* code, void*, void*, unsigned, void*, void*, unsigned)) {
  *out = new std::string(static_cast<const char*>(code));
  live["kernel libraries"]++;
  return SUCCESS;
}
FAKE(int, cudaLibraryUnload, (void* library)) {
  delete static_cast<std::string*>(library);
  live["kernel libraries"]--;
  return SUCCESS;
}
FAKE(int, cudaLibraryGetKernel, (void** out, void* library, const char* name)) {
  // a process that does not know of the stand-in says by its environment where the kernels are
  if (host_launch == nullptr && getenv("COCOLI_FAKE_KERNELS") != nullptr) fake_kernels(getenv("COCOLI_FAKE_KERNELS"));
  if (library == nullptr || (!counting && host_names.count(name) == 0)) return SYMBOL_NOT_FOUND;
  auto& kernel = kernels[name];
  if (!kernel) kernel = std::make_unique<Kernel>(Kernel{name});
  *out = kernel.get();
  return SUCCESS;
}
FAKE(int, cudaKernelSetAttributeForDevice, (void*, int attribute, int, int)) {
  return attribute == 8 ? SUCCESS : INVALID_VALUE;  // the most dynamic shared memory
}

struct Extent {
  unsigned x;
  unsigned y;
  unsigned z;
};

FAKE(int, cudaLaunchKernel, (const void* function, Extent grid, Extent block, void** parameters, size_t shared, void* stream)) {
  std::string name = static_cast<const Kernel*>(function)->name;
  if (block.y != 1 || block.z != 1) fail("a block of more than one axis");
  std::vector<char> arguments(static_cast<char*>(parameters[0]), static_cast<char*>(parameters[0]) + 4096);
  if (counting) {
    std::string hex;
    for (char byte : arguments) {
      hex += "0123456789abcdef"[byte >> 4 & 15];
      hex += "0123456789abcdef"[byte & 15];
    }
    count("kernel " + name + " " + std::to_string(grid.x) + " " + std::to_string(grid.y) + " " + hex);
    return enqueue(stream, nullptr);
  }
  if (host_launch == nullptr) fail("no kernels were compiled for the host");
  graph_counts[name]++;
  return enqueue(stream, [=] {
    if (name == failing_kernel) {
      sticky = LAUNCH_FAILURE;
    } else {
      launch_on_host(name, grid.x, grid.y, grid.z, block.x, unsigned(shared), arguments);
    }
  });
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

// ---- NVRTC: what it compiles is the source with its headers

FAKE(int, nvrtcVersion, (int* major, int* minor)) {
  *major = 13;
  *minor = 0;
  return SUCCESS;
}
FAKE(const char*, nvrtcGetErrorString, (int)) { return "an error of the fake"; }
FAKE(int, nvrtcGetNumSupportedArchs, (int* count)) {
  *count = 2;
  return SUCCESS;
}
FAKE(int, nvrtcGetSupportedArchs, (int* numbers)) {
  numbers[0] = 80;
  numbers[1] = 90;
  return SUCCESS;
}
FAKE(int, nvrtcCreateProgram, (void** out, const char* source, const char*, int count, const char* const*, const char* const*)) {
  if (strstr(source, "#include") != nullptr && count == 0) fail("nvrtcCreateProgram: no headers");
  *out = new std::string(source);
  live["programs"]++;
  return SUCCESS;
}
FAKE(int, nvrtcDestroyProgram, (void** program)) {
  delete static_cast<std::string*>(*program);
  *program = nullptr;
  live["programs"]--;
  return SUCCESS;
}
FAKE(int, nvrtcCompileProgram, (void*, int count, const char* const* options)) {
  for (int i = 0; i < count; i++) {
    if (strcmp(options[i], "--gpu-architecture=sm_90") == 0) return SUCCESS;
  }
  return 5;  // NVRTC_ERROR_INVALID_OPTION
}
FAKE(int, nvrtcGetProgramLogSize, (void*, size_t* size)) {
  *size = 1;
  return SUCCESS;
}
FAKE(int, nvrtcGetProgramLog, (void*, char* log)) {
  *log = 0;
  return SUCCESS;
}
FAKE(int, nvrtcGetCUBINSize, (void* program, size_t* size)) {
  *size = static_cast<std::string*>(program)->size() + 1;
  return SUCCESS;
}
FAKE(int, nvrtcGetCUBIN, (void* program, char* cubin)) {
  strcpy(cubin, static_cast<std::string*>(program)->c_str());
  return SUCCESS;
}
