// Storage types and launch shapes shared by kernels (device code) and by the host code that launches them.
#pragma once
#include <cstddef>
#include <cstdint>

#ifdef __CUDACC__
#include <cuda_bf16.h>
using bf16_t = __nv_bfloat16;
#else
struct bf16_t {
  uint16_t bits;
};
#endif
using e4m3_t = uint8_t;    // e4m3fn code
using e2m1x2_t = uint8_t;  // two e2m1 codes, element 2i in the low nibble
using ue8m0_t = uint8_t;   // 2^(code - 127)

struct LaunchShape {
  uint32_t grid[3];
  uint32_t block;
  uint32_t smem;         // dynamic shared memory, bytes
  uint32_t cluster = 0;  // CTAs along x; 0: none named
};

struct alignas(64) TensorMap {
  uint8_t bytes[128];  // a CUtensorMap
};

// The arguments of cuTensorMapEncodeTiled, enumerations by number.
struct MapShape {
  size_t map, pointer;  // bytes into the variant's parameters: where the map goes, where the tensor's address lies
  int32_t type, rank, swizzle;
  uint64_t dims[5], strides[4];
  uint32_t box[5];
};

namespace launch_math {
constexpr int64_t ceil_div(int64_t a, int64_t b) { return (a + b - 1) / b; }
constexpr int64_t min(int64_t a, int64_t b) { return a < b ? a : b; }
constexpr int64_t max(int64_t a, int64_t b) { return a > b ? a : b; }
}  // namespace launch_math
