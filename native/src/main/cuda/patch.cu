// Patches of maps around sampled anchors, and their gradient. Java: PatchKernels.
#include "cocoli.cuh"

constexpr int PATCH_MAPS = 8;

struct PatchMap {
  void* pixels;  // [N,H,W,C]
  int height;
  int width;
  int first;  // the first of its anchors
  int unused;
};

// The number of an anchor among those of its location; -1 for none.
struct AnchorSlots {
  const int* anchors;  // [N,S]
  int* slots;
  i64 count;
  int per_location;

  __device__ void operator()() const {
    for (i64 i = first_piece(); i < count; i += piece_stride()) {
      slots[i] = anchors[i] < 0 ? -1 : anchors[i] % per_location;
    }
  }
};
KERNEL(anchor_slots, AnchorSlots, 256)

// For each anchor of an image the row of its patch plus 1. Cleared before: 0 for an anchor without one.
struct AnchorRows {
  const int* anchors;  // [N,S]
  int* rows;           // [N, per_image]
  i64 count;
  i64 per_image;
  Divider samples;  // of an image

  __device__ void operator()() const {
    for (i64 i = first_piece(); i < count; i += piece_stride()) {
      if (anchors[i] >= 0) {
        rows[samples.quotient(static_cast<u32>(i)) * per_image + anchors[i]] = static_cast<int>(i) + 1;
      }
    }
  }
};
KERNEL(anchor_rows, AnchorRows, 256)

// What both ways share. A thread has neighbouring channels of one pixel of one patch.
struct Patches {
  PatchMap maps[PATCH_MAPS];
  const int* anchors;  // [N,S]
  i64 count;           // N * S * window * window * packs
  Divider packs;       // of a pixel
  Divider taps;        // window * window
  Divider samples;     // of an image
  Divider per_location;
  int map_count;
  int window;
};

// The pixel under a tap of the window around an anchor.
struct PatchPixel {
  u32 pack;
  u32 tap;
  u32 patch;  // its number among those of all images
  u32 image;
  const PatchMap* map;
  int row;
  int column;
  bool exists;

  __device__ PatchPixel(const Patches& patches, i64 piece) {
    u32 at = patches.packs.quotient(static_cast<u32>(piece));
    pack = static_cast<u32>(piece) - at * patches.packs.divisor;
    patch = patches.taps.quotient(at);
    tap = at - patch * patches.taps.divisor;
    image = patches.samples.quotient(patch);
    int anchor = patches.anchors[patch];
    exists = anchor >= 0;
    if (!exists) {
      return;
    }
    int level = 0;
    while (level + 1 < patches.map_count && anchor >= patches.maps[level + 1].first) {
      level++;
    }
    map = &patches.maps[level];
    int pixel = static_cast<int>(patches.per_location.quotient(static_cast<u32>(anchor - map->first)));
    row = pixel / map->width + static_cast<int>(tap) / patches.window - patches.window / 2;
    column = pixel % map->width + static_cast<int>(tap) % patches.window - patches.window / 2;
    exists = contains(row, column);
  }

  __device__ bool contains(int y, int x) const { return y >= 0 && y < map->height && x >= 0 && x < map->width; }

  // In packs of channels.
  __device__ i64 offset(const Patches& patches) const {
    return ((static_cast<i64>(image) * map->height + row) * map->width + column) * patches.packs.divisor + pack;
  }
};

template <typename T, int Width>
struct GatherPatches {
  Patches patches;
  T* y;

  __device__ void operator()() const {
    for (i64 i = first_piece(); i < patches.count; i += piece_stride()) {
      PatchPixel pixel(patches, i);
      Pack<T, Width> values = {};
      if (pixel.exists) {
        values = static_cast<const Pack<T, Width>*>(pixel.map->pixels)[pixel.offset(patches)];
      }
      reinterpret_cast<Pack<T, Width>*>(y)[i] = values;
    }
  }
};

// Adds to the gradients of the maps. A pixel belongs to the first of the patches that hold it, whose thread adds all of them up:
// so the order of the sum is fixed, and it is rounded once.
template <typename T, int Width>
struct GatherPatchesBackward {
  Patches patches;
  const T* dy;
  const int* rows;  // [N, per_image]
  i64 per_image;

  __device__ void operator()() const {
    for (i64 i = first_piece(); i < patches.count; i += piece_stride()) {
      PatchPixel pixel(patches, i);
      float sums[Width] = {};
      if (pixel.exists && add_up(pixel, sums)) {
        Pack<T, Width>& target = static_cast<Pack<T, Width>*>(pixel.map->pixels)[pixel.offset(patches)];
        Pack<T, Width> values = target;
        for (int c = 0; c < Width; c++) {
          values.at[c] = from_float<T>(to_float(values.at[c]) + sums[c]);
        }
        target = values;
      }
    }
  }

  // Returns whether the thread's patch is the first that holds the pixel; only then are the sums complete.
  __device__ bool add_up(const PatchPixel& pixel, float (&sums)[Width]) const {
    int half = patches.window / 2;
    bool begun = false;
    for (int y = 0; y < patches.window; y++) {
      for (int x = 0; x < patches.window; x++) {
        int row = pixel.row - (y - half);
        int column = pixel.column - (x - half);
        if (!pixel.contains(row, column)) {
          continue;
        }
        u32 tap = static_cast<u32>(y * patches.window + x);
        i64 anchor = pixel.map->first + (static_cast<i64>(row) * pixel.map->width + column) * patches.per_location.divisor;
        for (u32 slot = 0; slot < patches.per_location.divisor; slot++) {
          int found = rows[pixel.image * per_image + anchor + slot];
          if (found == 0) {
            continue;
          }
          u32 patch = static_cast<u32>(found - 1);
          if (!begun && (patch != pixel.patch || tap != pixel.tap)) {
            return false;
          }
          begun = true;
          i64 at = (static_cast<i64>(patch) * patches.taps.divisor + tap) * patches.packs.divisor + pixel.pack;
          Pack<T, Width> values = reinterpret_cast<const Pack<T, Width>*>(dy)[at];
          for (int c = 0; c < Width; c++) {
            sums[c] += to_float(values.at[c]);
          }
        }
      }
    }
    return begun;
  }
};

template <typename T>
using GatherPatchesNarrow = GatherPatches<T, 1>;
template <typename T>
using GatherPatchesWide = GatherPatches<T, Wide<T>::size>;
template <typename T>
using GatherPatchesBackwardNarrow = GatherPatchesBackward<T, 1>;
template <typename T>
using GatherPatchesBackwardWide = GatherPatchesBackward<T, Wide<T>::size>;
KERNEL_FLOATS(gather_patches, GatherPatchesNarrow, 256)
KERNEL_FLOATS(gather_patches_wide, GatherPatchesWide, 256)
KERNEL_FLOATS(gather_patches_backward, GatherPatchesBackwardNarrow, 256)
KERNEL_FLOATS(gather_patches_backward_wide, GatherPatchesBackwardWide, 256)
