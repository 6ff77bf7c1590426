// The CUDA runtime's devices and errors, the driver's calls, and what the test asks for.
#include <unistd.h>

#include <cstdio>

#include "fake_runtime.h"

namespace fake_runtime {
uint64_t total_bytes = 2ull << 30;
int sticky = SUCCESS;
int last_error = SUCCESS;
std::map<std::string, long> graph_counts;
}  // namespace fake_runtime

namespace {
int multiprocessors = 4;
std::string calls;  // a line for each, if they are counted
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

// ---- for the test

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

// A profiler would look from here to there.
FAKE(int, cudaProfilerStart, ()) { return SUCCESS; }
FAKE(int, cudaProfilerStop, ()) { return SUCCESS; }
