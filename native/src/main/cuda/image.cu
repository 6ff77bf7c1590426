// Images as bytes or floats to slots of a batch. Java: ImageKernels.
#include "cocoli.cuh"

constexpr int COLOURS = 3;
constexpr int BYTES = 256;

// Which two pixels a pixel of the result lies between along one axis: torch's area_pixel_compute_source_index with
// align_corners=False, and one rounding, as in torch's build.
struct LinearAxis {
  int from;
  int to;
  float scale;  // from / to

  __device__ void place(int i, int& low, int& high, float& share) const {
    float at = fmaxf(0.0f, fmaf(scale, static_cast<float>(i) + 0.5f, -0.5f));
    low = static_cast<int>(at);
    low = low < from - 1 ? low : from - 1;
    high = low + 1 < from - 1 ? low + 1 : from - 1;
    share = fminf(fmaxf(at - static_cast<float>(low), 0.0f), 1.0f);
  }
};

// A value of each kind of image, normalised. Bytes are looked up: a block computes what each becomes once.
struct FloatPixels {
  const float* image;

  __device__ void prepare(const float*, const float*) const {}

  __device__ float at(i64 i, u32 colour, const float* mean, const float* std) const {
    return (image[i] - mean[colour]) / std[colour];
  }
};

struct BytePixels {
  const u8* image;

  __device__ static float* table() {
    __shared__ float values[COLOURS * BYTES];
    return values;
  }

  __device__ void prepare(const float* mean, const float* std) const {
    for (u32 i = threadIdx.x; i < COLOURS * BYTES; i += blockDim.x) {
      u32 colour = i / BYTES;
      table()[i] = (static_cast<float>(i % BYTES) / 255.0f - mean[colour]) / std[colour];
    }
    __syncthreads();
  }

  __device__ float at(i64 i, u32 colour, const float*, const float*) const { return table()[colour * BYTES + image[i]]; }
};

// The order of operations is that of the CPU, so that the results are the same: along x first, then along y.
template <typename Pixels, typename T>
struct ResizeNormalize {
  Pixels pixels;
  T* slot;
  i64 count;  // elements of the slot
  Divider row_elements;
  LinearAxis down;
  LinearAxis along;
  float mean[COLOURS];
  float std[COLOURS];

  __device__ float mixed(i64 row, int low, int high, float share, u32 colour) const {
    float left = pixels.at((row * along.from + low) * COLOURS + colour, colour, mean, std);
    float right = pixels.at((row * along.from + high) * COLOURS + colour, colour, mean, std);
    return (1 - share) * left + share * right;
  }

  __device__ void operator()() const {
    pixels.prepare(mean, std);
    for (i64 i = first_piece(); i < count; i += piece_stride()) {
      u32 row = row_elements.quotient(static_cast<u32>(i));
      u32 element = static_cast<u32>(i) - row * row_elements.divisor;
      u32 column = element / COLOURS;
      u32 colour = element - column * COLOURS;
      if (row >= static_cast<u32>(down.to) || column >= static_cast<u32>(along.to)) {
        slot[i] = T{};
        continue;
      }
      int left;
      int right;
      float across;
      along.place(static_cast<int>(column), left, right, across);
      int top;
      int bottom;
      float share;
      down.place(static_cast<int>(row), top, bottom, share);
      float upper = mixed(top, left, right, across, colour);
      float lower = mixed(bottom, left, right, across, colour);
      slot[i] = from_float<T>((1 - share) * upper + share * lower);
    }
  }
};

template <typename T>
using ResizeNormalizeFloats = ResizeNormalize<FloatPixels, T>;
template <typename T>
using ResizeNormalizeBytes = ResizeNormalize<BytePixels, T>;
KERNEL_FLOATS(resize_normalize_f32, ResizeNormalizeFloats, 256)
KERNEL_FLOATS(resize_normalize_u8, ResizeNormalizeBytes, 256)
