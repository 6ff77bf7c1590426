// The CUDA runtime's memory, of the device and of the host.
#include <sys/mman.h>

#include <algorithm>
#include <cstdlib>
#include <cstring>

#include "fake_runtime.h"

namespace {
std::map<char*, size_t> device;
std::map<void*, size_t> pinned;
std::set<void*> ordinary;  // memory that is not of a pool
uint64_t used_bytes = 0;
uint64_t kept_bytes = 0;  // by the pool, of what it was given back
long refused_allocations = 0;

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
}  // namespace

FAKE(long, fake_refused_allocations, ()) { return refused_allocations; }
// The size of the allocation that begins there; 0 if none does.
FAKE(long, fake_allocation_bytes, (void* memory)) {
  auto piece = device.find(static_cast<char*>(memory));
  return piece == device.end() ? 0 : long(piece->second);
}

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
