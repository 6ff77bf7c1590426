// Copies, fills and conversions; what holds up a stream. Java: MemoryKernels, PlanTimer.
#include "cocoli.cuh"

struct Fill {
  u32* x;
  i64 count;
  u32 pattern;

  __device__ void operator()() const {
    for (i64 i = first_piece(); i < count; i += piece_stride()) {
      x[i] = pattern;
    }
  }
};
KERNEL(fill, Fill, 256)

// Columns of one matrix to columns of another; a unit is what both and their offsets are multiples of
template <typename Unit>
struct CopyColumns {
  const Unit* from;  // at the first column that is read
  Unit* to;          // at the first column that is written
  i64 from_stride;
  i64 to_stride;
  i64 count;  // units in all
  Divider columns;

  __device__ void operator()() const {
    for (i64 i = first_piece(); i < count; i += piece_stride()) {
      u32 row = columns.quotient(static_cast<u32>(i));
      u32 column = static_cast<u32>(i) - row * columns.divisor;
      to[row * to_stride + column] = from[row * from_stride + column];
    }
  }
};
KERNEL(copy_columns_16, CopyColumns<uint4>, 256)
KERNEL(copy_columns_4, CopyColumns<u32>, 256)
KERNEL(copy_columns_2, CopyColumns<u16>, 256)
KERNEL(copy_columns_1, CopyColumns<u8>, 256)

template <typename From, typename To>
struct Cast {
  const From* x;
  To* y;
  i64 count;

  __device__ void operator()() const {
    constexpr int size = 4;
    bool aligned = reinterpret_cast<u64>(x) % (size * sizeof(From)) == 0 && reinterpret_cast<u64>(y) % (size * sizeof(To)) == 0;
    i64 wide = aligned ? count / size : 0;
    for (i64 i = first_piece(); i < wide; i += piece_stride()) {
      Pack<From, size> source = reinterpret_cast<const Pack<From, size>*>(x)[i];
      Pack<To, size> target;
      for (int j = 0; j < size; j++) {
        target.at[j] = from_float<To>(to_float(source.at[j]));
      }
      reinterpret_cast<Pack<To, size>*>(y)[i] = target;
    }
    for (i64 i = wide * size + first_piece(); i < count; i += piece_stride()) {
      y[i] = from_float<To>(to_float(x[i]));
    }
  }
};
#define CAST(name, from, to) \
  struct name##_arguments : Cast<from, to> {}; \
  KERNEL(name, name##_arguments, 256)
CAST(cast_f32_bf16, float, Bf16)
CAST(cast_bf16_f32, Bf16, float)

// Takes so many cycles, and does nothing: for PlanTimer.
struct HoldUp {
  i64 cycles;

  __device__ void operator()() const {
    i64 begin = clock64();
    while (clock64() - begin < cycles) {
    }
  }
};
KERNEL(hold_up, HoldUp, 1)
