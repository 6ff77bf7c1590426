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

// Columns of matrices to columns of others, for many at once. A unit is what strides and offsets of a part are multiples of. Blocks
// count through the pieces of all parts.
struct CopyColumns {
  static constexpr int MOST = 16;
  static constexpr u32 PIECE = 2048;

  struct Part {
    const void* from;  // at the first column that is read
    void* to;          // at the first column that is written
    i64 from_stride;   // units of a row of from
    i64 to_stride;     // units of a row of to
    u32 count;         // units in all
    u32 first_block;
    Divider columns;  // units of a row of from that are read
    Divider row;      // units that go to a row of to
    u32 unit;         // bytes
    u32 unused;
  };

  Part all[MOST];
  i64 parts;

  template <typename Unit>
  __device__ static void copy(const Part& part) {
    const Unit* from = static_cast<const Unit*>(part.from);
    Unit* to = static_cast<Unit*>(part.to);
    u32 begin = (blockIdx.x - part.first_block) * PIECE;
    u32 end = begin + min(PIECE, part.count - begin);
    for (u32 i = begin + threadIdx.x; i < end; i += blockDim.x) {
      u32 source = part.columns.quotient(i);
      u32 target = part.row.quotient(i);
      to[target * part.to_stride + (i - target * part.row.divisor)] =
          from[source * part.from_stride + (i - source * part.columns.divisor)];
    }
  }

  __device__ void operator()() const {
    const Part& part = own_part(all, parts);
    switch (part.unit) {
      case 16: copy<uint4>(part); break;
      case 8: copy<uint2>(part); break;
      case 4: copy<u32>(part); break;
      case 2: copy<u16>(part); break;
      default: copy<u8>(part);
    }
  }
};
KERNEL(copy_columns, CopyColumns, 256)

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
