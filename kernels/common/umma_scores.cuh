// The indexer's scores on tcgen05, both operands in FP4: what index_scores and the fusions that begin with it share.
//
//   warp 0      TMA: codes and scales of entries and, where the tokens change, of theirs
//   warp 1      MMA: D[entry][head] in tensor memory, two accumulators
//   warp 2      scales of entries into the 32 x 4 x 4 order of tcgen05.cp
//   warp 3      scales of heads likewise, and their weights
//   warps 4-11  epilogue: lane = entry, column = head; four warps an accumulator, since a column costs more
//               instructions here than it costs the tensor core cycles
//
// An entry's 128 codes are 64 bytes: the span of the 64-byte swizzle, so one box is a tile, eight rows fall into
// different banks, and a step of 64 codes is 32 bytes further inside the span. Rows of 128 bytes would hold two
// entries each and take two instructions, for the even and the odd ones. Its four scales are one word: the two steps
// take the lower and the upper half of it.
#pragma once
#include "kernels/common/plan.h"
#include "kernels/common/umma.cuh"
#include "kernels/ptx/cluster.cuh"
#include "kernels/ptx/float.cuh"
#include "kernels/ptx/tma.cuh"

namespace umma_scores {

using plan::Scores;
constexpr uint32_t THREADS = 384, FIRST_EPILOGUE_WARP = 4, N_EPILOGUE_WARP = 8;
constexpr uint32_t STEP_BYTES = 32, STEP_SCALES = 2;  // of K an instruction takes

struct Stage {
  uint8_t codes[Scores::ENTRIES * Scores::ROW_BYTES];
  uint32_t scale[Scores::ENTRIES];
  uint8_t atom[plan::SCALE_ATOM];
};
struct Group {
  uint8_t codes[Scores::MOST_COLUMNS * Scores::ROW_BYTES];
  uint8_t atom[2][plan::SCALE_ATOM];
  uint32_t scale[256];
  bf16_t w[256];
  float weight[256];
};
static_assert(sizeof(Stage) == Scores::STAGE && sizeof(Group) == Scores::GROUP, "as the plan counts them");
static_assert(sizeof(Stage) % 512 == 0 && sizeof(Group) % 512 == 0, "every operand begins with a swizzle atom");

struct Barriers {
  uint64_t k_loaded[Scores::STAGES], k_ready[Scores::STAGES], k_empty[Scores::STAGES];
  uint64_t q_loaded[Scores::GROUPS], q_ready[Scores::GROUPS], q_empty[Scores::GROUPS];
  uint64_t acc_full[2], acc_empty[2];
  uint32_t tmem;
};
static_assert(sizeof(Barriers) + 1024 <= plan::SMEM_RESERVED, "barriers and alignment fit into what the plan reserves");

// The tiles of this CTA: from `first` to before `end`, numbered entries first.
struct Walk {
  int32_t n_entry_tile, tile, end, group, entry;
  bool opens = true;  // the first tile of its tokens here
  __device__ __forceinline__ Walk(int32_t n_entry_tile, int32_t first, int32_t end)
      : n_entry_tile(n_entry_tile), tile(first), end(end), group(tile / n_entry_tile), entry(tile % n_entry_tile) {}
  __device__ __forceinline__ bool more() const { return tile < end; }
  __device__ __forceinline__ bool closes() const { return tile + 1 == end || entry + 1 == n_entry_tile; }
  __device__ __forceinline__ void next() {
    opens = closes();
    ++tile;
    if (++entry == n_entry_tile) entry = 0, ++group;
  }
};

// Words of 128 rows, a row each, in the order of tcgen05.cp: lane r % 32, column r / 32. Rows from `rows` on are nobody's.
__device__ __forceinline__ void transpose(uint8_t* atom, const uint32_t* word, int32_t rows, uint32_t lane) {
  uint32_t of_row[4];
#pragma unroll
  for (int32_t q = 0; q < 4; ++q) of_row[q] = 32 * q + int32_t(lane) < rows ? word[32 * q + lane] : 0;
  reinterpret_cast<uint4*>(atom)[lane] = {of_row[0], of_row[1], of_row[2], of_row[3]};
}

__device__ __forceinline__ float relu(uint32_t dot) { return ptx::max_nan(__uint_as_float(dot), 0.f); }

// Sums of this lane's row of D, token by token. PAIRS: heads come in sixteens.
template <bool PAIRS, class Store>
__device__ __forceinline__ void sum_heads(uint32_t d, const float* weight, int32_t n_head, int32_t columns, const Store& store) {
  float2 sum = {0, 0};
  int32_t token = 0, left = n_head;
  for (int32_t c = 0; c < columns; c += 16) {
    uint32_t dot[16];
    ptx::tmem_load_32x32b_x16(dot, d + c);
    ptx::tmem_load_wait();
#pragma unroll
    for (int32_t j = 0; j < 16; j += 4) {
      const float4 w = *reinterpret_cast<const float4*>(weight + c + j);
      if constexpr (PAIRS) {
        sum = ptx::fma_f32x2({relu(dot[j]), relu(dot[j + 1])}, {w.x, w.y}, sum);
        sum = ptx::fma_f32x2({relu(dot[j + 2]), relu(dot[j + 3])}, {w.z, w.w}, sum);
      } else {
        const float of_column[4] = {w.x, w.y, w.z, w.w};
#pragma unroll
        for (int32_t i = 0; i < 4; ++i) {
          sum.x = fmaf(relu(dot[j + i]), of_column[i], sum.x);
          if (--left == 0) store(token++, sum.x), sum.x = 0, left = n_head;
        }
      }
    }
    if constexpr (PAIRS)
      if ((left -= 16) == 0) store(token++, sum.x + sum.y), sum = {0, 0}, left = n_head;
  }
}

// Scores of the tiles of `walk`, for tokens of which dynamic shared memory holds GROUPS groups at once. store(token, n, sum) takes each of
// them; n may lie beyond the last entry. When it returns the CTA's threads have met and tensor memory is free.
template <int32_t GROUPS, class Params, class Store>
__device__ __forceinline__ void run(const Params& p, const Scores& cut, const Walk& walk, const Store& store) {
  extern __shared__ uint8_t dynamic[];
  const uint32_t skip = (1024 - ptx::shared(dynamic) % 1024) % 1024;
  Stage* const stages = reinterpret_cast<Stage*>(dynamic + skip);
  Group* const groups = reinterpret_cast<Group*>(stages + Scores::STAGES);
  Barriers& bar = *reinterpret_cast<Barriers*>(groups + GROUPS);
  const uint32_t warp = threadIdx.x / 32, lane = threadIdx.x % 32, N = cut.columns;
  // accumulators, scales of entries, scales of heads; a power of two
  const uint32_t n_atom = plan::div_up(N, 128);
  const uint32_t sf_k = 2 * N, sf_q = sf_k + umma::SCALE_ATOM_COLUMNS;
  uint32_t tmem_columns = 32;
  while (tmem_columns < sf_q + n_atom * umma::SCALE_ATOM_COLUMNS) tmem_columns *= 2;

  if (threadIdx.x == 0) {
    for (int32_t i = 0; i < Scores::STAGES; ++i) {
      ptx::mbarrier_init(&bar.k_loaded[i], 1);
      ptx::mbarrier_init(&bar.k_ready[i], 1);
      ptx::mbarrier_init(&bar.k_empty[i], 1);
    }
    for (int32_t i = 0; i < GROUPS; ++i) {
      ptx::mbarrier_init(&bar.q_loaded[i], 1);
      ptx::mbarrier_init(&bar.q_ready[i], 1);
      ptx::mbarrier_init(&bar.q_empty[i], 1 + N_EPILOGUE_WARP);
    }
    for (int32_t i = 0; i < 2; ++i) {
      ptx::mbarrier_init(&bar.acc_full[i], 1);
      ptx::mbarrier_init(&bar.acc_empty[i], N_EPILOGUE_WARP / 2);
    }
    ptx::fence_mbarrier_init();
    for (const TensorMap* map : {&p.q_map, &p.q_s_map, &p.w_map, &p.k_map, &p.k_s_map}) ptx::prefetch_map(map);
  }
  if (warp == 1) ptx::tmem_alloc(&bar.tmem, tmem_columns);
  ptx::tcgen05_fence_before();
  __syncthreads();
  ptx::tcgen05_fence_after();
  const uint32_t tmem = bar.tmem;

  ptx::Ring stage, slot;
  if (warp == 0 && ptx::elect_one()) {  // load
    for (Walk t = walk; t.more(); t.next(), stage.next(Scores::STAGES)) {
      if (t.opens) {
        Group& to = groups[slot.stage];
        uint64_t* loaded = &bar.q_loaded[slot.stage];
        const int32_t row = t.group * cut.tokens * p.op.n_head;
        ptx::mbarrier_wait(&bar.q_empty[slot.stage], slot.parity ^ 1);
        ptx::mbarrier_arrive_expect_tx(loaded, N * Scores::ROW_BYTES + cut.beside() * (Scores::WORD_BYTES + sizeof(bf16_t)));
        ptx::tma_load_2d(ptx::shared(to.codes), &p.q_map, loaded, 0, row);
        ptx::tma_load_1d(ptx::shared(to.scale), &p.q_s_map, loaded, row - row % Scores::RUN);
        ptx::tma_load_1d(ptx::shared(to.w), &p.w_map, loaded, row - row % Scores::RUN);
      }
      Stage& to = stages[stage.stage];
      uint64_t* loaded = &bar.k_loaded[stage.stage];
      ptx::mbarrier_wait(&bar.k_empty[stage.stage], stage.parity ^ 1);
      ptx::mbarrier_arrive_expect_tx(loaded, Scores::ENTRIES * (Scores::ROW_BYTES + Scores::WORD_BYTES));
      ptx::tma_load_2d(ptx::shared(to.codes), &p.k_map, loaded, 0, t.entry * Scores::ENTRIES);
      ptx::tma_load_1d(ptx::shared(to.scale), &p.k_s_map, loaded, t.entry * Scores::ENTRIES);
      if (t.closes()) slot.next(GROUPS);
    }
  } else if (warp == 1 && ptx::elect_one()) {  // mma
    ptx::Ring acc;
    for (Walk t = walk; t.more(); t.next(), stage.next(Scores::STAGES), acc.next(2)) {
      const Group& q = groups[slot.stage];
      const Stage& k = stages[stage.stage];
      if (t.opens) {
        ptx::mbarrier_wait(&bar.q_ready[slot.stage], slot.parity);
        ptx::tcgen05_fence_after();
        for (uint32_t a = 0; a < n_atom; ++a)
          ptx::tmem_copy_32x128b(tmem + sf_q + a * umma::SCALE_ATOM_COLUMNS, umma::rows_16b(ptx::shared(q.atom[a])));
      }
      ptx::mbarrier_wait(&bar.k_ready[stage.stage], stage.parity);
      ptx::mbarrier_wait(&bar.acc_empty[acc.stage], acc.parity ^ 1);
      ptx::tcgen05_fence_after();
      ptx::tmem_copy_32x128b(tmem + sf_k, umma::rows_16b(ptx::shared(k.atom)));
#pragma unroll
      for (uint32_t step = 0; step < 2; ++step)
        ptx::mma_mxf4(tmem + acc.stage * N, umma::k_major_64b(ptx::shared(k.codes) + step * STEP_BYTES),
                      umma::k_major_64b(ptx::shared(q.codes) + step * STEP_BYTES), umma::idesc_mxf4(N, step * STEP_SCALES), tmem + sf_k,
                      tmem + sf_q, step > 0);
      ptx::tcgen05_commit(&bar.k_empty[stage.stage]);
      ptx::tcgen05_commit(&bar.acc_full[acc.stage]);
      if (t.closes()) {
        ptx::tcgen05_commit(&bar.q_empty[slot.stage]);
        slot.next(GROUPS);
      }
    }
  } else if (warp == 2) {  // scales of entries
    for (Walk t = walk; t.more(); t.next(), stage.next(Scores::STAGES)) {
      Stage& k = stages[stage.stage];
      ptx::mbarrier_wait(&bar.k_loaded[stage.stage], stage.parity);
      transpose(k.atom, k.scale, Scores::ENTRIES, lane);
      ptx::fence_proxy_async();
      __syncwarp();
      if (lane == 0) ptx::mbarrier_arrive(&bar.k_ready[stage.stage]);
    }
  } else if (warp == 3) {  // scales and weights of heads
    for (Walk t = walk; t.more(); t.next()) {
      if (!t.opens) continue;
      Group& q = groups[slot.stage];
      const int32_t before = t.group * cut.tokens * p.op.n_head % Scores::RUN;
      ptx::mbarrier_wait(&bar.q_loaded[slot.stage], slot.parity);
      for (uint32_t a = 0; a < n_atom; ++a) transpose(q.atom[a], q.scale + before + 128 * a, int32_t(N) - 128 * a, lane);
      for (uint32_t c = lane; c < N; c += 32)
        q.weight[c] = __bfloat162float(__float2bfloat16_rn(__bfloat162float(q.w[before + c]) * p.op.scale));
      ptx::fence_proxy_async();
      __syncwarp();
      if (lane == 0) ptx::mbarrier_arrive(&bar.q_ready[slot.stage]);
      slot.next(GROUPS);
    }
  } else if (warp >= FIRST_EPILOGUE_WARP) {  // epilogue
    const uint32_t mine = (warp - FIRST_EPILOGUE_WARP) / 4, row = warp % 4 * 32 + lane;
    ptx::Ring acc;
    for (Walk t = walk; t.more(); t.next(), acc.next(2)) {
      const Group& q = groups[slot.stage];
      if (t.opens) ptx::mbarrier_wait(&bar.q_ready[slot.stage], slot.parity);
      if (acc.stage == mine) {
        const uint32_t d = tmem + mine * N + (warp % 4 * 32 << 16);
        const int32_t n = t.entry * Scores::ENTRIES + row, token0 = t.group * cut.tokens;
        const int32_t tokens = min(cut.tokens, p.op.n_tok - token0), columns = tokens * p.op.n_head;
        // columns up to the next sixteen may hold whole tokens of the next group
        const auto of_group = [&](int32_t token, float sum) {
          if (token < tokens) store(token0 + token, n, sum);
        };
        ptx::mbarrier_wait(&bar.acc_full[mine], acc.parity);
        ptx::tcgen05_fence_after();
        if (p.op.n_head % 16 == 0)
          sum_heads<true>(d, q.weight, p.op.n_head, columns, of_group);
        else
          sum_heads<false>(d, q.weight, p.op.n_head, columns, of_group);
        ptx::tcgen05_fence_before();
        __syncwarp();
        if (lane == 0) ptx::mbarrier_arrive(&bar.acc_empty[mine]);
      }
      if (t.closes()) {
        __syncwarp();
        if (lane == 0) ptx::mbarrier_arrive(&bar.q_empty[slot.stage]);
        slot.next(GROUPS);
      }
    }
  }
  __syncwarp();
  __syncthreads();
  if (warp == 1) ptx::tmem_dealloc(tmem, tmem_columns);
}

}  // namespace umma_scores
