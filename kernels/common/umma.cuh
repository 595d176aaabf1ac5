// What tcgen05.mma is told about its operands: shared-memory descriptors and instruction descriptors.
#pragma once
#include "kernels/ptx/tcgen05.cuh"

namespace umma {

constexpr uint32_t SWIZZLE_BYTES = 128;                // of K a row of an operand tile has, so a tile is one swizzle atom wide
constexpr uint32_t GROUP_BYTES = 8 * SWIZZLE_BYTES;    // eight rows, the atom's height
constexpr uint32_t SCALE_ATOM_BYTES = 512, SCALE_ATOM_COLUMNS = 4;  // 128 rows x 4 scales, as tcgen05.cp.32x128b takes and leaves them

// K-major, 128-byte swizzle (PTX ISA #tcgen05-shared-memory-descriptor). `at` may point 32, 64 or 96 bytes into the atom.
__device__ __forceinline__ uint64_t k_major(uint32_t at) {
  return uint64_t(at >> 4 & 0x3fff) | uint64_t(GROUP_BYTES >> 4) << 32 | uint64_t(1) << 46 | uint64_t(2) << 61;
}
// The same for rows of 64 bytes: 64-byte swizzle, atoms of 8 x 64 bytes. `at` may point 32 bytes into the atom.
__device__ __forceinline__ uint64_t k_major_64b(uint32_t at) {
  return uint64_t(at >> 4 & 0x3fff) | uint64_t(8 * 64 >> 4) << 32 | uint64_t(1) << 46 | uint64_t(4) << 61;
}
// MN-major, 128-byte swizzle: 64 values of 16 bits of M or N side by side, rows of K below each other. `next` is the way to the
// next 64; `at` may point to any eighth row.
__device__ __forceinline__ uint64_t mn_major(uint32_t at, uint32_t next) {
  return uint64_t(at >> 4 & 0x3fff) | uint64_t(next >> 4) << 16 | uint64_t(GROUP_BYTES >> 4) << 32 | uint64_t(1) << 46 | uint64_t(2) << 61;
}
// Rows of 16 bytes without swizzle: what tcgen05.cp copies.
__device__ __forceinline__ uint64_t rows_16b(uint32_t at) {
  return uint64_t(at >> 4 & 0x3fff) | uint64_t(128 >> 4) << 32 | uint64_t(1) << 46;
}

// Instruction descriptors (PTX ISA #tcgen05-instruction-descriptor): D is f32; M is 128 and both operands K-major where nothing is said.
constexpr uint32_t TYPE_E4M3 = 0, TYPE_BF16 = 1, TYPE_TF32 = 2, TYPE_E2M1_8BIT = 5, TYPE_E2M1_4BIT = 1;

constexpr uint32_t B_MN_MAJOR = 1u << 16;

constexpr __host__ __device__ uint32_t idesc_bf16(uint32_t N, uint32_t M = 128) {
  return 1u << 4 | TYPE_BF16 << 7 | TYPE_BF16 << 10 | (N >> 3) << 17 | (M >> 4) << 24;
}
constexpr __host__ __device__ uint32_t idesc_tf32(uint32_t M, uint32_t N) {
  return 1u << 4 | TYPE_TF32 << 7 | TYPE_TF32 << 10 | (N >> 3) << 17 | (M >> 4) << 24;
}
// kind::f8f6f4, without scales.
constexpr __host__ __device__ uint32_t idesc_e4m3(uint32_t N) {
  return 1u << 4 | TYPE_E4M3 << 7 | TYPE_E4M3 << 10 | (N >> 3) << 17 | (128u >> 4) << 24;
}
// ue8m0 scales; `k` is the byte of the scale words that this instruction takes.
constexpr __host__ __device__ uint32_t idesc_mxf8f6f4(uint32_t a, uint32_t b, uint32_t N, uint32_t k, uint32_t M = 128) {
  return k << 4 | a << 7 | b << 10 | (N >> 3) << 17 | 1u << 23 | (M >> 7) << 27 | k << 29;
}
// ue8m0 scales, two a step of 64; `k` is the first of the two bytes of the scale words that this instruction takes, 0 or 2.
constexpr __host__ __device__ uint32_t idesc_mxf4(uint32_t N, uint32_t k) {
  return k << 4 | TYPE_E2M1_4BIT << 7 | TYPE_E2M1_4BIT << 10 | (N >> 3) << 17 | 1u << 23 | (128u >> 7) << 27 | k << 29;
}
// ue4m3 scales, all four bytes of a word.
constexpr __host__ __device__ uint32_t idesc_nvf4(uint32_t N, uint32_t M = 128) {
  return TYPE_E2M1_4BIT << 7 | TYPE_E2M1_4BIT << 10 | (N >> 3) << 17 | (M >> 7) << 27;
}

}  // namespace umma
