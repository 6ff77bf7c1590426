// cuDNN's graph API: descriptors that keep what they are given, and an interpreter for convolutions with additions, products, an
// activation and sums after them, which goes by the tensors' dims and strides.
#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <random>
#include <set>

#include "fake_gpu.h"

namespace {
constexpr int SUCCESS = 0;
constexpr int BAD_PARAM = 2000;
constexpr int NOT_SUPPORTED = 3000;
constexpr int EXECUTION_FAILED = 5000;

// numbers of cudnn_graph.h
enum Type { POINTWISE = 0, WINDOW = 1, ENGINE = 2, CONFIG = 3, HEURISTICS = 4, PLAN = 5, FORWARD = 10, BACKWARD_FILTER = 11,
            BACKWARD_DATA = 12, POINTWISE_OPERATION = 13, GRAPH = 15, PACK = 16, TENSOR = 17, REDUCTION = 21, REDUCTION_OPERATION = 22 };
constexpr int BF16 = 9;
constexpr int ADD = 0;
constexpr int MULTIPLY = 1;
constexpr int SUBTRACT = 9;
constexpr int RELU_FORWARD = 100;
constexpr int RELU_BACKWARD = 200;
constexpr int NOTE_TENSOR_CORE = 0;
constexpr int NOTE_DOWN_CONVERT = 1;
constexpr int NOTE_NONDETERMINISTIC = 4;
constexpr size_t WORKSPACE_BYTES = 8192;
constexpr int BEHAVIOUR_RUNTIME_COMPILATION = 0;
constexpr uintptr_t WORKSPACE_ALIGNMENT = 256;

struct Descriptor {
  int type = -1;
  bool finished = false;
  int engine = -1;
  std::map<int, std::vector<char>> attributes;
};

std::set<Descriptor*> descriptors;
void* handle_stream = nullptr;

Descriptor* known(void* descriptor) {
  auto* known = static_cast<Descriptor*>(descriptor);
  if (descriptors.count(known) == 0) fail("cuDNN: a descriptor that is none, or is gone");
  return known;
}

template <typename T>
std::vector<T> values(Descriptor* descriptor, int attribute) {
  auto found = descriptor->attributes.find(attribute);
  if (found == descriptor->attributes.end()) fail("cuDNN: attribute " + std::to_string(attribute) + " is not set");
  std::vector<T> all(found->second.size() / sizeof(T));
  memcpy(all.data(), found->second.data(), all.size() * sizeof(T));
  return all;
}

template <typename T>
T value(Descriptor* descriptor, int attribute) {
  return values<T>(descriptor, attribute).at(0);
}

Descriptor* part(Descriptor* descriptor, int attribute, int type) {
  Descriptor* found = known(value<void*>(descriptor, attribute));
  if (found->type != type || !found->finished) fail("cuDNN: attribute " + std::to_string(attribute) + " is of another type");
  return found;
}

struct Tensor {
  int64_t number;
  std::vector<int64_t> dims;
  std::vector<int64_t> strides;
  bool bf16;
  bool is_virtual;
  int64_t alignment;

  explicit Tensor(Descriptor* descriptor)
      : number(value<int64_t>(descriptor, 906)),
        dims(values<int64_t>(descriptor, 902)),
        strides(values<int64_t>(descriptor, 903)),
        bf16(value<int>(descriptor, 901) == BF16),
        is_virtual(descriptor->attributes.count(907) != 0),
        alignment(value<int64_t>(descriptor, 900)) {
    if (dims.size() != 4 || strides.size() != 4) fail("cuDNN: a tensor has four axes here");
  }

  int64_t elements() const { return dims[0] * dims[1] * dims[2] * dims[3]; }
  int64_t at(int64_t a, int64_t b, int64_t c, int64_t d) const {
    return a * strides[0] + b * strides[1] + c * strides[2] + d * strides[3];
  }
};

struct Window {
  int64_t padding[2];
  int64_t stride[2];
  int64_t dilation[2];

  explicit Window(Descriptor* descriptor) {
    if (value<int>(descriptor, 101) != 1) fail("cuDNN: not a cross-correlation");
    if (value<int>(descriptor, 100) != 0 || value<int64_t>(descriptor, 106) != 2) fail("cuDNN: not fp32, or not two axes");
    auto before = values<int64_t>(descriptor, 105);
    if (before != values<int64_t>(descriptor, 104)) fail("cuDNN: uneven padding");
    auto dilations = values<int64_t>(descriptor, 102);
    auto strides = values<int64_t>(descriptor, 103);
    for (size_t i = 0; i < 2; i++) {
      padding[i] = before.at(i);
      stride[i] = strides.at(i);
      dilation[i] = dilations.at(i);
    }
  }
};

// What stands for tensors while a graph runs: virtual ones have values, others have memory.
struct Memory {
  std::map<int64_t, void*> pointers;
  std::map<int64_t, std::vector<double>> values;

  double get(const Tensor& tensor, int64_t index) {
    return tensor.is_virtual ? values.at(tensor.number).at(size_t(index)) : load(pointers.at(tensor.number), tensor.bf16, index);
  }
  void set(const Tensor& tensor, int64_t index, double x) {
    if (tensor.is_virtual) {
      auto& all = values[tensor.number];
      if (all.empty()) all.resize(size_t(tensor.elements()));
      all.at(size_t(index)) = x;
    } else {
      store(pointers.at(tensor.number), tensor.bf16, index, x);
    }
  }
};

// Calls for each pair of an input's and an output's pixel that a tap of the window joins.
template <typename F>
void taps(const Tensor& x, const Tensor& w, const Tensor& y, const Window& window, F&& f) {
  for (int64_t n = 0; n < y.dims[0]; n++) {
    for (int64_t oh = 0; oh < y.dims[2]; oh++) {
      for (int64_t ow = 0; ow < y.dims[3]; ow++) {
        for (int64_t kh = 0; kh < w.dims[2]; kh++) {
          int64_t h = oh * window.stride[0] - window.padding[0] + kh * window.dilation[0];
          if (h < 0 || h >= x.dims[2]) continue;
          for (int64_t kw = 0; kw < w.dims[3]; kw++) {
            int64_t v = ow * window.stride[1] - window.padding[1] + kw * window.dilation[1];
            if (v < 0 || v >= x.dims[3]) continue;
            f(n, h, v, oh, ow, kh, kw);
          }
        }
      }
    }
  }
}

// Whether engines that are marked as not deterministic are so: then the last bits of their results change from run to run.
bool has_chance() {
  static const bool wanted = getenv("FAKE_CHANCE") != nullptr;
  return wanted;
}

// The attributes of x, w and y, and of the window, behind which alpha and beta stand two and one places.
const std::map<int, std::vector<int>> OPERANDS = {
    {FORWARD, {704, 703, 705, 702}}, {BACKWARD_DATA, {710, 709, 711, 708}}, {BACKWARD_FILTER, {716, 715, 717, 714}}};

void convolve(Descriptor* operation, Memory& memory, bool by_chance) {
  const std::vector<int>& place = OPERANDS.at(operation->type);
  int base = place[3];
  Tensor x(part(operation, place[0], TENSOR));
  Tensor w(part(operation, place[1], TENSOR));
  Tensor y(part(operation, place[2], TENSOR));
  Window window(part(operation, base, WINDOW));
  if (value<float>(operation, base - 2) != 1 || value<float>(operation, base - 1) != 0) fail("cuDNN: alpha is not 1 or beta not 0");
  if (w.dims[0] != y.dims[1] || w.dims[1] != x.dims[1] || x.dims[0] != y.dims[0]) fail("cuDNN: the tensors do not fit");
  for (size_t i = 0; i < 2; i++) {
    int64_t extent = (x.dims[2 + i] + 2 * window.padding[i] - window.dilation[i] * (w.dims[2 + i] - 1) - 1) / window.stride[i] + 1;
    if (extent != y.dims[2 + i]) fail("cuDNN: the extents do not fit");
  }
  const Tensor& out = operation->type == FORWARD ? y : operation->type == BACKWARD_DATA ? x : w;
  std::vector<double> sums(size_t(out.elements()));
  std::vector<double> xs(size_t(x.elements()));
  std::vector<double> ws(size_t(w.elements()));
  std::vector<double> ys(size_t(y.elements()));
  auto fetch = [&](const Tensor& tensor, std::vector<double>& all) {
    if (&tensor != &out) {
      for (size_t i = 0; i < all.size(); i++) all[i] = memory.get(tensor, int64_t(i));
    }
  };
  fetch(x, xs);
  fetch(w, ws);
  fetch(y, ys);
  taps(x, w, y, window, [&](int64_t n, int64_t h, int64_t v, int64_t oh, int64_t ow, int64_t kh, int64_t kw) {
    for (int64_t o = 0; o < w.dims[0]; o++) {
      for (int64_t i = 0; i < w.dims[1]; i++) {
        auto ix = size_t(x.at(n, i, h, v));
        auto iw = size_t(w.at(o, i, kh, kw));
        auto iy = size_t(y.at(n, o, oh, ow));
        if (operation->type == FORWARD) {
          sums[iy] += xs[ix] * ws[iw];
        } else if (operation->type == BACKWARD_DATA) {
          sums[ix] += ys[iy] * ws[iw];
        } else {
          sums[iw] += ys[iy] * xs[ix];
        }
      }
    }
  });
  static std::mt19937 luck(7);
  for (size_t i = 0; i < sums.size(); i++) {
    // what fp32 holds exactly is the same in any order
    bool rounded = double(float(sums[i])) != sums[i];
    double order = by_chance && rounded && operation->type != FORWARD ? 1 + 1e-7 * (int(luck() % 5) - 2) : 1;
    memory.set(out, int64_t(i), sums[i] * order);
  }
}

// Multiplications and additions, also those with padding.
int64_t arithmetic(Descriptor* operation) {
  auto place = OPERANDS.find(operation->type);
  if (place == OPERANDS.end()) return 0;
  Tensor w(part(operation, place->second[1], TENSOR));
  Tensor y(part(operation, place->second[2], TENSOR));
  return 2 * y.elements() * w.dims[1] * w.dims[2] * w.dims[3];
}

// Passes dy on where x is positive.
void mask(Descriptor* operation, Memory& memory) {
  Tensor x(part(operation, 751, TENSOR));
  Tensor dx(part(operation, 756, TENSOR));
  Tensor dy(part(operation, 757, TENSOR));
  if (x.dims != dx.dims || dy.dims != dx.dims || x.strides != dx.strides || dy.strides != dx.strides) fail("cuDNN: a mask of another shape");
  for (int64_t i = 0; i < dx.elements(); i++) {
    memory.set(dx, i, memory.get(x, i) > 0 ? memory.get(dy, i) : 0);
  }
}

void pointwise(Descriptor* operation, Memory& memory) {
  int mode = value<int>(part(operation, 750, POINTWISE), 0);
  if (mode == RELU_BACKWARD) {
    mask(operation, memory);
    return;
  }
  Tensor x(part(operation, 751, TENSOR));
  Tensor y(part(operation, 753, TENSOR));
  std::unique_ptr<Tensor> b;
  if (mode != RELU_FORWARD) b = std::make_unique<Tensor>(part(operation, 752, TENSOR));
  if (mode != RELU_FORWARD && mode != ADD && mode != SUBTRACT && mode != MULTIPLY) fail("cuDNN: an operation of another mode");
  for (int64_t n = 0; n < y.dims[0]; n++) {
    for (int64_t c = 0; c < y.dims[1]; c++) {
      for (int64_t h = 0; h < y.dims[2]; h++) {
        for (int64_t v = 0; v < y.dims[3]; v++) {
          double result = memory.get(x, x.at(n, c, h, v));
          if (b) {
            auto& dims = b->dims;
            double other = memory.get(*b, b->at(dims[0] == 1 ? 0 : n, c, dims[2] == 1 ? 0 : h, dims[3] == 1 ? 0 : v));
            result = mode == ADD ? result + other : mode == SUBTRACT ? result - other : result * other;
          } else if (result < 0) {
            result = 0;
          }
          memory.set(y, y.at(n, c, h, v), result);
        }
      }
    }
  }
}

// Adds sums by channel to what is there: cuDNN's documents do not say that it begins with 0.
void reduce(Descriptor* operation, Memory& memory) {
  Descriptor* reduction = part(operation, 1612, REDUCTION);
  Tensor x(part(operation, 1610, TENSOR));
  Tensor y(part(operation, 1611, TENSOR));
  if (value<int>(reduction, 1600) != 0 || value<int>(reduction, 1601) != 0) fail("cuDNN: not a sum in fp32");
  if (y.bf16 || y.dims[1] != x.dims[1] || y.elements() != y.dims[1]) fail("cuDNN: not a sum by channel");
  for (int64_t c = 0; c < x.dims[1]; c++) {
    double sum = memory.get(y, y.at(0, c, 0, 0));
    for (int64_t n = 0; n < x.dims[0]; n++) {
      for (int64_t h = 0; h < x.dims[2]; h++) {
        for (int64_t v = 0; v < x.dims[3]; v++) sum += memory.get(x, x.at(n, c, h, v));
      }
    }
    memory.set(y, y.at(0, c, 0, 0), sum);
  }
}

std::vector<Descriptor*> operations(Descriptor* graph) {
  std::vector<Descriptor*> all;
  for (void* operation : values<void*>(graph, 801)) all.push_back(known(operation));
  return all;
}

// What cuDNN has kernels for: one type for all that is stored, and a shift behind a convolution that has anything. Behind a gradient
// by the input, and for sums, it compiles them at run time; there, what has one value for each channel may have another type.
enum class Support { NONE, READY, COMPILED };

Support support(Descriptor* graph) {
  int additions_of_channels = 0;
  int behind = 0;
  bool is_gradient = false;
  bool is_summed = false;
  std::set<bool> types;
  std::set<bool> types_of_channels;
  for (Descriptor* operation : operations(graph)) {
    for (auto& attribute : operation->attributes) {
      if (attribute.second.size() != sizeof(void*)) continue;
      void* pointer = value<void*>(operation, attribute.first);
      auto* descriptor = static_cast<Descriptor*>(pointer);
      if (descriptors.count(descriptor) == 0 || descriptor->type != TENSOR) continue;
      Tensor tensor(descriptor);
      if (!tensor.is_virtual) (tensor.elements() == tensor.dims[1] ? types_of_channels : types).insert(tensor.bf16);
    }
    if (operation->type == BACKWARD_DATA) is_gradient = true;
    if (operation->type == REDUCTION_OPERATION) is_summed = true;
    if (operation->type == POINTWISE_OPERATION) {
      behind++;
      if (operation->attributes.count(752) != 0) {
        Tensor b(part(operation, 752, TENSOR));
        if (b.dims[0] * b.dims[2] * b.dims[3] == 1) additions_of_channels++;
      }
    }
  }
  bool compiled = is_summed || (behind > 0 && is_gradient);
  if (!compiled) types.insert(types_of_channels.begin(), types_of_channels.end());
  if (types.size() != 1) return Support::NONE;
  if (compiled) return getenv("FAKE_NO_FUSION") == nullptr ? Support::COMPILED : Support::NONE;
  return behind == 0 || additions_of_channels >= 1 ? Support::READY : Support::NONE;
}
}  // namespace

FAKE(size_t, cudnnGetVersion, ()) { return 92400; }
FAKE(size_t, cudnnGetCudartVersion, ()) { return 13000; }
FAKE(const char*, cudnnGetErrorString, (int)) { return "CUDNN_STATUS_FAKE"; }
FAKE(void, cudnnGetLastErrorString, (char* text, size_t)) { *text = 0; }
FAKE(int, cudnnCreate, (void** out)) {
  *out = &handle_stream;
  live["cuDNN handles"]++;
  return SUCCESS;
}
FAKE(int, cudnnDestroy, (void*)) {
  live["cuDNN handles"]--;
  return SUCCESS;
}
FAKE(int, cudnnSetStream, (void* handle, void* stream)) {
  if (handle != &handle_stream) return BAD_PARAM;
  handle_stream = stream;
  return SUCCESS;
}

FAKE(int, cudnnBackendCreateDescriptor, (int type, void** out)) {
  auto* descriptor = new Descriptor();
  descriptor->type = type;
  descriptors.insert(descriptor);
  *out = descriptor;
  live["cuDNN descriptors"]++;
  return SUCCESS;
}
FAKE(int, cudnnBackendDestroyDescriptor, (void* descriptor)) {
  descriptors.erase(known(descriptor));
  delete static_cast<Descriptor*>(descriptor);
  live["cuDNN descriptors"]--;
  return SUCCESS;
}
FAKE(int, cudnnBackendSetAttribute, (void* where, int attribute, int type, int64_t count, const void* elements)) {
  // bytes of an element, by the numbers of cudnnBackendAttributeType_t
  static const std::map<int, size_t> sizes = {{0, 8}, {1, 4}, {2, 1}, {3, 8}, {4, 4}, {5, 8}, {6, 8}, {7, 4},
                                              {8, 4}, {10, 4}, {11, 4}, {14, 4}, {15, 8}, {18, 4}, {23, 4}, {24, 1}};
  Descriptor* descriptor = known(where);
  if (descriptor->finished || sizes.count(type) == 0) return BAD_PARAM;
  auto* bytes = static_cast<const char*>(elements);
  descriptor->attributes[attribute] = std::vector<char>(bytes, bytes + size_t(count) * sizes.at(type));
  return SUCCESS;
}

// Engines 0 to 3: on tensor cores, with rounded inputs, left to chance, and plain. 4 is on tensor cores and compiled at run time, as 1 is,
// which refuses when its plan is made.
constexpr int COMPILED_ENGINE = 4;

FAKE(int, cudnnBackendGetAttribute, (void* where, int attribute, int, int64_t asked, int64_t* count, void* elements)) {
  Descriptor* descriptor = known(where);
  if (!descriptor->finished && descriptor->type != CONFIG && descriptor->type != ENGINE) return BAD_PARAM;
  int64_t ignored;
  if (count == nullptr) count = &ignored;
  auto** out = static_cast<Descriptor**>(elements);
  switch (attribute) {
    case 202: {
      bool fallback = value<int>(descriptor, 200) == 2;
      Support kernels = support(part(descriptor, 201, GRAPH));
      bool compiled = kernels == Support::COMPILED;
      *count = kernels == Support::NONE ? 0 : compiled ? (fallback ? 0 : 2) : fallback ? 1 : 4;
      for (int64_t i = 0; i < std::min(asked, *count); i++) {
        Descriptor* config = known(out[i]);
        if (config->type != CONFIG) return BAD_PARAM;
        config->engine = compiled ? (i == 0 ? 1 : COMPILED_ENGINE) : fallback ? 3 : int(i);
        config->attributes[-1] = descriptor->attributes.at(201);
        config->finished = true;
      }
      return SUCCESS;
    }
    case 300: {  // the engine of a configuration
      *count = 1;
      known(out[0])->engine = descriptor->engine;
      return SUCCESS;
    }
    case 1303: {  // its notes
      auto* notes = static_cast<int*>(elements);
      int engine = descriptor->engine;
      *count = engine != 3 ? 1 : 0;
      notes[0] = engine == 0 || engine == COMPILED_ENGINE ? NOTE_TENSOR_CORE : engine == 1 ? NOTE_DOWN_CONVERT : NOTE_NONDETERMINISTIC;
      return SUCCESS;
    }
    case 1301:  // its number
      *count = 1;
      *static_cast<int64_t*>(elements) = descriptor->engine;
      return SUCCESS;
    case 1305:  // its behaviour
      *count = descriptor->engine == 1 || descriptor->engine == COMPILED_ENGINE ? 1 : 0;
      if (*count == 1) *static_cast<int*>(elements) = BEHAVIOUR_RUNTIME_COMPILATION;
      return SUCCESS;
    case 402:
      *count = 1;
      *static_cast<int64_t*>(elements) = known(value<void*>(descriptor, 401))->engine == 3 ? 0 : WORKSPACE_BYTES;
      return SUCCESS;
    default: return NOT_SUPPORTED;
  }
}
FAKE(int, cudnnBackendFinalize, (void* where)) {
  Descriptor* descriptor = known(where);
  if (descriptor->finished) return BAD_PARAM;
  if (descriptor->type == GRAPH && value<void*>(descriptor, 800) != &handle_stream) fail("cuDNN: a graph without a handle");
  if (descriptor->type == PLAN && known(value<void*>(descriptor, 401))->engine == 1) return NOT_SUPPORTED;
  descriptor->finished = true;
  return SUCCESS;
}

FAKE(int, cudnnBackendExecute, (void* handle, void* plan_pointer, void* pack_pointer)) {
  Descriptor* plan = known(plan_pointer);
  Descriptor* pack = known(pack_pointer);
  if (handle != &handle_stream || !plan->finished || !pack->finished) return BAD_PARAM;
  Descriptor* config = known(value<void*>(plan, 401));
  Descriptor* graph = known(value<void*>(config, -1));
  void* workspace = value<void*>(pack, 1003);
  if ((workspace != nullptr) != (config->engine != 3)) fail("cuDNN: scratch memory is missing, or not wanted");
  if (reinterpret_cast<uintptr_t>(workspace) % WORKSPACE_ALIGNMENT != 0) return BAD_PARAM;
  auto memory = std::make_shared<Memory>();
  auto numbers = values<int64_t>(pack, 1000);
  auto pointers = values<void*>(pack, 1001);
  for (size_t i = 0; i < numbers.size(); i++) memory->pointers[numbers[i]] = pointers.at(i);
  std::set<int64_t> wanted;
  int64_t operations_done = 0;
  int64_t bytes = 0;
  for (Descriptor* operation : operations(graph)) {
    operations_done += arithmetic(operation);
    for (int attribute : {703, 704, 705, 709, 710, 711, 715, 716, 717, 751, 752, 753, 756, 757, 1610, 1611}) {
      if (operation->attributes.count(attribute) == 0) continue;
      Tensor tensor(part(operation, attribute, TENSOR));
      if (tensor.is_virtual) continue;
      if (wanted.insert(tensor.number).second) bytes += tensor.elements() * (tensor.bf16 ? 2 : 4);
      if (memory->pointers.count(tensor.number) == 0) fail("cuDNN: no memory for tensor " + std::to_string(tensor.number));
      if (reinterpret_cast<intptr_t>(memory->pointers[tensor.number]) % tensor.alignment != 0) {
        fail("cuDNN: tensor " + std::to_string(tensor.number) + " is less aligned than was said");
      }
    }
  }
  if (wanted.size() != numbers.size()) fail("cuDNN: memory for tensors that the graph has not");
  count("convolution " + std::to_string(operations_done) + " " + std::to_string(bytes));
  int status = enqueue(handle_stream, [=] {
    if (workspace != nullptr) memset(workspace, 0xee, WORKSPACE_BYTES);
    for (Descriptor* operation : operations(graph)) {
      if (operation->type == POINTWISE_OPERATION) {
        pointwise(operation, *memory);
      } else if (operation->type == REDUCTION_OPERATION) {
        reduce(operation, *memory);
      } else {
        convolve(operation, *memory, has_chance() && config->engine == 2);
      }
    }
  });
  return status == SUCCESS ? SUCCESS : EXECUTION_FAILED;
}
