// A GPU that is none, for tests: the calls of NVIDIA's libraries that Cocoli makes, done on the host. What is queued on a stream
// runs late and in a random order between streams, as far as events allow it; so what is read too early, written too late or
// freed too soon shows. A stream that is captured runs nothing, and what CUDA forbids meanwhile makes the capture invalid. Numbers are computed from what the descriptors say, not from what Cocoli means.
//
// Each function is written as FAKE(return type, name, arguments): by this the test finds out which of the functions that the
// bindings want it has to add, as ones that must not be called.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <vector>

#define FAKE(type, name, arguments) extern "C" __attribute__((visibility("default"))) type name arguments

// Says what is wrong, and ends the process: the caller cannot go on from here.
[[noreturn]] void fail(const std::string& what);

// Queues work on a stream, or writes it down where the stream is recorded; returns the runtime's status.
int enqueue(void* stream, std::function<void()> work);

// Runs all that a stream has, and all that it waits for.
void drain(void* stream);

// Counts what was made and not destroyed, by kind.
extern std::map<std::string, long> live;

// Whether calls are counted, and nothing that is queued is done: the device's memory is addresses without bytes.
extern bool counting;

// Writes down a call, as a word with what belongs to it, if calls are counted.
void count(const std::string& call);

inline float from_bf16(uint16_t bits) {
  uint32_t wide = uint32_t(bits) << 16;
  float value;
  __builtin_memcpy(&value, &wide, 4);
  return value;
}

inline uint16_t to_bf16(float value) {
  uint32_t bits;
  __builtin_memcpy(&bits, &value, 4);
  return uint16_t((bits + 0x7fff + ((bits >> 16) & 1)) >> 16);
}

// Elements by number, fp32 or bf16.
inline double load(const void* memory, bool bf16, int64_t index) {
  return bf16 ? from_bf16(static_cast<const uint16_t*>(memory)[index]) : static_cast<const float*>(memory)[index];
}

inline void store(void* memory, bool bf16, int64_t index, double value) {
  if (bf16) {
    static_cast<uint16_t*>(memory)[index] = to_bf16(float(value));
  } else {
    static_cast<float*>(memory)[index] = float(value);
  }
}
