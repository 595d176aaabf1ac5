// Formats of the indexer's entries and heads on tcgen05: what a stage and a group of tokens hold, what threads make of it, and how a tile
// is multiplied.
//
//   SCALED        scales are the tensor core's: a warp puts those of entries in its order, and they lie in tensor memory behind the sums
//   scales        columns of tensor memory that scales take beside N of D
//   order         what the warp of the entries does with a stage (SCALED)
//   prepare       what the warp of the heads does with a group, of which the first head lies `before` elements into what was copied
//   begin         what the issuing thread does when the tokens change
//   multiply      D = entries x heads of a tile
//   entry_scale   what an entry's sums are multiplied with (not SCALED)
#pragma once
#include "kernels/common/formats.cuh"
#include "kernels/common/plan.h"
#include "kernels/common/types.h"
#include "kernels/common/umma.cuh"
#include "kernels/ptx/tma.cuh"

namespace umma_scores {

constexpr uint32_t STEP_BYTES = 32;  // of a row that an instruction takes

// An entry's 128 codes are 64 bytes: the span of the 64-byte swizzle, so one box is a tile, eight rows fall into different banks, and a
// step of 64 codes is 32 bytes further inside the span. Rows of 128 bytes would hold two entries each and take two instructions, for the
// even and the odd ones. Its four scales are one word: the two steps take the lower and the upper half of it.
struct Mxfp4 {
  using Rows = plan::Mxfp4Rows;
  static constexpr bool SCALED = true;
  static constexpr uint32_t STEP_SCALES = 2;
  static constexpr uint32_t SWIZZLE_ATOM = 512;

  struct Stage {
    uint8_t codes[128 * Rows::ROW_BYTES];
    uint32_t scale[128];
    uint8_t atom[plan::SCALE_ATOM];
  };
  struct Group {
    uint8_t codes[Rows::MOST_COLUMNS * Rows::ROW_BYTES];
    uint8_t atom[2][plan::SCALE_ATOM];
    uint32_t scale[256];
    bf16_t w[256];
    float weight[256];
  };

  static __device__ __forceinline__ uint32_t atoms(uint32_t N) { return plan::div_up(N, 128); }
  static __device__ __forceinline__ uint32_t scales(uint32_t N) { return (1 + atoms(N)) * umma::SCALE_ATOM_COLUMNS; }

  // Words of 128 rows, a row each, in the order of tcgen05.cp: lane r % 32, column r / 32. Rows from `rows` on are nobody's.
  static __device__ __forceinline__ void transpose(uint8_t* atom, const uint32_t* word, int32_t rows, uint32_t lane) {
    uint32_t of_row[4];
#pragma unroll
    for (int32_t q = 0; q < 4; ++q) of_row[q] = 32 * q + int32_t(lane) < rows ? word[32 * q + lane] : 0;
    reinterpret_cast<uint4*>(atom)[lane] = {of_row[0], of_row[1], of_row[2], of_row[3]};
  }
  static __device__ __forceinline__ void order(Stage& k, uint32_t lane) {
    transpose(k.atom, k.scale, 128, lane);
    ptx::fence_proxy_async();
  }
  static __device__ __forceinline__ void prepare(Group& q, int32_t before, uint32_t N, float scale, uint32_t lane) {
    for (uint32_t a = 0; a < atoms(N); ++a) transpose(q.atom[a], q.scale + before + 128 * a, int32_t(N) - 128 * a, lane);
    for (uint32_t c = lane; c < N; c += 32)
      q.weight[c] = __bfloat162float(__float2bfloat16_rn(__bfloat162float(q.w[before + c]) * scale));
    ptx::fence_proxy_async();
  }

  // Scales of entries come first, those of heads behind them.
  static __device__ __forceinline__ void begin(uint32_t sf, const Group& q, uint32_t N) {
    const uint32_t sf_q = sf + umma::SCALE_ATOM_COLUMNS;
    for (uint32_t a = 0; a < atoms(N); ++a)
      ptx::tmem_copy_32x128b(sf_q + a * umma::SCALE_ATOM_COLUMNS, umma::rows_16b(ptx::shared(q.atom[a])));
  }
  static __device__ __forceinline__ void multiply(uint32_t d, const Stage& k, const Group& q, uint32_t N, uint32_t sf) {
    ptx::tmem_copy_32x128b(sf, umma::rows_16b(ptx::shared(k.atom)));
#pragma unroll
    for (uint32_t step = 0; step < 2; ++step)
      ptx::mma_mxf4(d, umma::k_major_64b(ptx::shared(k.codes) + step * STEP_BYTES),
                    umma::k_major_64b(ptx::shared(q.codes) + step * STEP_BYTES), umma::idesc_mxf4(N, step * STEP_SCALES), sf,
                    sf + umma::SCALE_ATOM_COLUMNS, step > 0);
  }
};

// A row's 128 codes are the span of the 128-byte swizzle. A head's scale goes into its weight, an entry's multiplies the sum over heads,
// so the tensor core knows of none.
struct Fp8 {
  using Rows = plan::Fp8Rows;
  static constexpr bool SCALED = false;
  static constexpr uint32_t SWIZZLE_ATOM = 1024;

  struct alignas(1024) Stage {
    uint8_t codes[128 * Rows::ROW_BYTES];
    float scale[128];
  };
  struct alignas(1024) Group {
    uint8_t codes[Rows::MOST_COLUMNS * Rows::ROW_BYTES];
    float weight[256];
    bf16_t w[256];
    ue8m0_t scale[256];
  };

  static __device__ __forceinline__ uint32_t scales(uint32_t) { return 0; }
  static __device__ __forceinline__ void prepare(Group& q, int32_t before, uint32_t N, float scale, uint32_t lane) {
    for (uint32_t c = lane; c < N; c += 32)
      q.weight[c] = __bfloat162float(q.w[before + c]) * scale * ue8m0_to_f32(q.scale[before + c]);
  }
  static __device__ __forceinline__ void begin(uint32_t, const Group&, uint32_t) {}
  static __device__ __forceinline__ void multiply(uint32_t d, const Stage& k, const Group& q, uint32_t N, uint32_t) {
#pragma unroll
    for (uint32_t step = 0; step < 4; ++step)
      ptx::mma_f8f6f4(d, umma::k_major(ptx::shared(k.codes) + step * STEP_BYTES), umma::k_major(ptx::shared(q.codes) + step * STEP_BYTES),
                      umma::idesc_e4m3(N), step > 0);
  }
  static __device__ __forceinline__ float entry_scale(const Stage& k, uint32_t row) { return k.scale[row]; }
};

}  // namespace umma_scores
