// Formats of a product on tcgen05: what a stage holds, how a step of 32 bytes of K is multiplied, what threads write into a stage for it,
// and how results are stored.
#pragma once
#include "kernels/common/plan.h"
#include "kernels/common/types.h"
#include "kernels/common/umma.cuh"

namespace umma_linear {

// CTAS of one instruction have W_ROWS of w each. sf_w and sf_x are the columns of the stage's scales.
struct Bf16 {
  static constexpr plan::Format STAGE = plan::BF16;
  template <int32_t CTAS>
  static __device__ __forceinline__ void mma(uint32_t d, uint64_t w, uint64_t x, uint32_t N, uint32_t, uint32_t, uint32_t,
                                             bool accumulate) {
    ptx::mma_f16<CTAS>(d, w, x, umma::idesc_bf16(N, CTAS * plan::W_ROWS), accumulate);
  }
};
struct Fp8w : Bf16 {
  static constexpr plan::Format STAGE = plan::FP8W;
};

// A scale per 32 of K: one atom a stage, a byte of its words a step.
template <uint32_t W_TYPE>
struct MxByE4m3 {
  template <int32_t CTAS>
  static __device__ __forceinline__ void mma(uint32_t d, uint64_t w, uint64_t x, uint32_t N, uint32_t step, uint32_t sf_w, uint32_t sf_x,
                                             bool accumulate) {
    const uint32_t idesc = umma::idesc_mxf8f6f4(W_TYPE, umma::TYPE_E4M3, N, step, CTAS * plan::W_ROWS);
    ptx::mma_mxf8f6f4<CTAS>(d, w, x, idesc, sf_w, sf_x, accumulate);
  }
};
struct Fp8 : MxByE4m3<umma::TYPE_E4M3> {
  static constexpr plan::Format STAGE = plan::FP8;
};
struct Mxfp4 : MxByE4m3<umma::TYPE_E2M1_8BIT> {
  static constexpr plan::Format STAGE = plan::MXFP4;
};

// A scale per 16 of K: an atom a step.
struct Nvfp4 {
  static constexpr plan::Format STAGE = plan::NVFP4;
  template <int32_t CTAS>
  static __device__ __forceinline__ void mma(uint32_t d, uint64_t w, uint64_t x, uint32_t N, uint32_t step, uint32_t sf_w, uint32_t sf_x,
                                             bool accumulate) {
    const uint32_t column = step * umma::SCALE_ATOM_COLUMNS;
    ptx::mma_mxf4nvf4<CTAS>(d, w, x, umma::idesc_nvf4(N, CTAS * plan::W_ROWS), sf_w + column, sf_x + CTAS * column, accumulate);
  }
};

// A format of which a stage holds tiles of MATRICES matrices, and whose sums are finished by token.
template <class Of, int32_t MATRICES>
struct Finished : Of {
  static constexpr plan::Format STAGE = Of::STAGE.finished(MATRICES);
};

// What threads write into a stage:
//
//   WARPS, AHEAD  how many take part; how many stages their loads run before their stores, since memory is farther away than a stage lasts
//   Rows, begin   what a thread keeps of a tile
//   Words, load   what it loads for stage k of the tile
//   put           how that goes into the stage, of which `w` is the operand and `behind` what lies behind x: the scale atoms of every
//                 matrix of w and of x, or w as copied
struct NoFill {
  static constexpr int32_t WARPS = 0;
};

// Scales are filled by one warp, in a pair's CTAs by two: each has an atom of the tokens', the first one that of the rows of w too.
template <int32_t CTAS>
struct ScaleWarp {
  static __device__ __forceinline__ uint32_t atom(uint32_t thread) { return CTAS > 1 ? thread / 32 : 0; }
  static __device__ __forceinline__ bool has_w(uint32_t thread) { return atom(thread) == 0; }
  static __device__ __forceinline__ uint32_t lane(uint32_t thread) { return CTAS > 1 ? thread % 32 : thread; }
  static __device__ __forceinline__ int32_t first_row(uint32_t thread) { return 128 * atom(thread) + lane(thread); }
};

// A lane of a scale warp has rows lane, lane + 32, lane + 64 and lane + 96 of its atom, 16 bytes side by side.
struct ScaleWords {
  uint32_t of_row[4];
  __device__ __forceinline__ void put(uint8_t* atom, uint32_t lane) const {
    reinterpret_cast<uint4*>(atom)[lane] = {of_row[0], of_row[1], of_row[2], of_row[3]};
  }
};

// Where the scales of the lane's rows begin. A row that the tile lacks has none: its results are not stored, any number does but NaN's.
template <class T>
struct ScaleRows {
  const T* row[4];

  // `at(r)` says where the scales of the tile's row r are; null: nowhere.
  template <class At>
  static __device__ __forceinline__ ScaleRows of(int32_t first, const At& at) {
    ScaleRows rows;
#pragma unroll
    for (int32_t q = 0; q < 4; ++q) rows.row[q] = at(32 * q + first);
    return rows;
  }
  __device__ __forceinline__ ScaleWords load(int32_t k) const {
    ScaleWords v;
#pragma unroll
    for (int32_t q = 0; q < 4; ++q) v.of_row[q] = row[q] ? row[q][k] : 0;
    return v;
  }
  // One scale a stage, for all its steps.
  __device__ __forceinline__ ScaleWords load_repeated(int32_t k) const {
    ScaleWords v = load(k);
#pragma unroll
    for (int32_t q = 0; q < 4; ++q) v.of_row[q] *= 0x01010101u;
    return v;
  }
};

// Sums of a token: four neighbouring rows of every matrix of w.
template <int32_t MATRICES>
struct Sums {
  float4 of[MATRICES];
};

// Rows of a tile's result, one rounding.
struct StoreBf16 {
  bf16_t* y;
  int64_t stride;
  __device__ __forceinline__ void operator()(int32_t m, int32_t n, float v) const { y[m * stride + n] = __float2bfloat16_rn(v); }
};

}  // namespace umma_linear
