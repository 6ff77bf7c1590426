// Picks rows and puts them back. Java: RegionKernels.
#include "cocoli.cuh"

// y[n, m] = x[n, indices[n, m]]; a unit is what a row is a multiple of
template <typename Unit>
struct GatherRows {
  const Unit* x;
  const int* indices;
  Unit* y;
  i64 rows;        // of an image in x
  i64 count;       // units in all
  Divider columns;  // units of a row
  Divider picked;   // rows of an image in y
  u32 missing;      // what a row that is none is filled with

  __device__ static void set(u32& unit, u32 value) { unit = value; }

  __device__ static void set(uint4& unit, u32 value) { unit = make_uint4(value, value, value, value); }

  __device__ void operator()() const {
    for (i64 i = first_piece(); i < count; i += piece_stride()) {
      u32 at = static_cast<u32>(i);
      u32 row = columns.quotient(at);
      u32 column = at - row * columns.divisor;
      int from = indices[row];
      if (from < 0) {
        set(y[i], missing);
      } else {
        y[i] = x[(picked.quotient(row) * rows + from) * columns.divisor + column];
      }
    }
  }
};
KERNEL(gather_rows_16, GatherRows<uint4>, 256)
KERNEL(gather_rows_4, GatherRows<u32>, 256)

// dx[n, indices[n, m]] = dy[n, m], where no two indices of an image are equal
template <typename Unit>
struct ScatterRows {
  const Unit* dy;
  const int* indices;
  Unit* dx;
  i64 rows;         // of an image in dx
  i64 count;        // units in all
  Divider columns;  // units of a row
  Divider picked;   // rows of an image in dy

  __device__ void operator()() const {
    for (i64 i = first_piece(); i < count; i += piece_stride()) {
      u32 at = static_cast<u32>(i);
      u32 row = columns.quotient(at);
      u32 column = at - row * columns.divisor;
      int into = indices[row];
      if (into >= 0) {
        dx[(picked.quotient(row) * rows + into) * columns.divisor + column] = dy[i];
      }
    }
  }
};
KERNEL(scatter_rows_16, ScatterRows<uint4>, 256)
KERNEL(scatter_rows_4, ScatterRows<u32>, 256)
