// The CUDA runtime's kernels, which run as they were compiled for the host, and NVRTC, which only keeps their sources.
#include <dlfcn.h>

#include <cstdio>
#include <cstdlib>
#include <cstring>

#include "fake_runtime.h"

namespace {
struct Kernel {
  std::string name;
};

std::map<std::string, std::unique_ptr<Kernel>> kernels;
std::string failing_kernel;

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

// The order of threads from here on.
FAKE(void, fake_seed, ()) { host_seed(1); }

// Lets a kernel fail while it runs.
FAKE(void, fake_failing_kernel, (const char* name)) { failing_kernel = name; }

FAKE(void, fake_recover, ()) {
  failing_kernel.clear();
  sticky = SUCCESS;
}

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
