// What the warps of umma_attention.cuh share: the layout of operands in shared memory and of results in tensor memory, and the barriers.
#pragma once
#include "kernels/common/plan.h"
#include "kernels/common/umma.cuh"
#include "kernels/ptx/mbarrier.cuh"

namespace umma_attention {

using Plan = plan::Attention;
constexpr uint32_t N_SOFTMAX = 4, SCORE = 4, VALUE = 5, GATHER = 6;
template <class Keys>
constexpr uint32_t threads = 32 * (GATHER + Keys::WARPS);
constexpr uint32_t STAGES = Plan::STAGES, HEADS = Plan::HEADS, KEYS = Plan::KEYS;
static_assert(HEADS == 64 && KEYS == 64, "lanes 0-63 and 64-127 hold halves of a tile's keys, of the same heads");
static_assert(STAGES == 2, "the tile before is in the other stage");
static_assert(STAGES * Plan::ROWS_BYTES == HEADS * Plan::CHANNELS * sizeof(float), "in the end O of a cluster's CTA fills the stages");
constexpr uint32_t ATOM = 64;  // channels side by side in an operand: 128 bytes
constexpr uint32_t N_ATOM = Plan::CHANNELS / ATOM;
constexpr uint32_t ATOM_BYTES = 64 * umma::SWIZZLE_BYTES;  // these channels of 64 heads or keys

// Tensor memory: O, 256 channels in 128 columns of all lanes, twice; then S, 64 keys in 32 columns, one a stage.
constexpr uint32_t O_COLUMNS = Plan::CHANNELS / 2, O_STEP = 256, S_COLUMNS = KEYS / 2, COLUMNS = 512;
static_assert(O_COLUMNS + STAGES * S_COLUMNS <= COLUMNS, "O and the scores of all stages fit into tensor memory");

// The keys of a stage. One CTA reads the same rows as keys and, transposed, as values. Of a pair each gives half of N: of the scores its
// own 32 keys with all channels, of O its own half of every O_STEP channels of all 64 keys. One descriptor says for both CTAs where an
// operand lies, and the first half of the keys cannot lie at one place where they are a CTA's own and where they are not: so what is both,
// own keys and own channels, is there twice, and a stage takes as much as it does in one CTA.
template <int32_t CTAS>
struct Stage {
  static constexpr uint32_t OWN_KEYS = KEYS / CTAS;
  static constexpr uint32_t KEY_ATOM_BYTES = OWN_KEYS * umma::SWIZZLE_BYTES;
  static constexpr uint32_t VALUES = CTAS > 1 ? N_ATOM * KEY_ATOM_BYTES : 0;  // where they begin
  static constexpr uint32_t OWN_CHANNELS = O_STEP / CTAS;  // of an instruction's
  static constexpr uint32_t VALUE_BYTES = N_ATOM / CTAS * ATOM_BYTES;
  static_assert(VALUES + VALUE_BYTES == Plan::ROWS_BYTES, "keys and values fill a stage");
  // Of values from channel c on: the CTA that multiplies them, and their atom there.
  static __device__ __forceinline__ uint32_t owner(uint32_t c) { return c / OWN_CHANNELS % CTAS; }
  static __device__ __forceinline__ uint32_t atom(uint32_t c) { return (c / O_STEP * OWN_CHANNELS + c % OWN_CHANNELS) / ATOM; }
  static_assert(OWN_KEYS % 8 == 0, "a row has one place in the swizzle's pattern, as a key and as a value");
};

struct Shared {
  // `done`: O of the stage's tile is complete, so its keys and P may be overwritten
  uint64_t q_full, k_full[STAGES], s_full[STAGES], p_full[STAGES], done[STAGES];
  uint64_t gathered[STAGES], v_full[STAGES];  // of pairs that copy values: own keys, and all values
  uint32_t tmem;
  float halves[2][128];      // what the threads of a head tell each other
  float m[HEADS], L[HEADS];  // of this CTA's keys
  float factor[plan::MAX_SPLIT][HEADS], inverse[HEADS];
};
static_assert(sizeof(Shared) + Plan::SMEM_BYTES <= plan::SMEM, "one CTA fits into a multiprocessor");

// 16-byte unit `u` of a row of 64 bf16, as TMA and the tensor core swizzle it, from the operand's beginning on, which is on 1024 bytes.
__device__ __forceinline__ uint32_t unit(uint32_t row, uint32_t u) { return row * umma::SWIZZLE_BYTES + (u ^ row % 8) * 16; }
__device__ __forceinline__ uint4* swizzled(uint8_t* at, uint32_t row, uint32_t u) { return reinterpret_cast<uint4*>(at + unit(row, u)); }
// Four channels from 4 u on of a row of 512 f32; threads of neighbouring rows meet in different banks.
__device__ __forceinline__ float4* partial(uint8_t* at, uint32_t row, uint32_t u) {
  return reinterpret_cast<float4*>(at) + row * (Plan::CHANNELS / 4) + (u ^ row % 8);
}

}  // namespace umma_attention
