// The indexer's scores on tcgen05: what index_scores and the fusions that begin with it share, in both formats (umma_scores_format.cuh).
//
//   warp 0      TMA: codes and scales of entries and, where the tokens change, of theirs
//   warp 1      MMA: D[entry][head] in tensor memory, two accumulators
//   warp 2      scales of entries into the 32 x 4 x 4 order of tcgen05.cp, where the tensor core takes them
//   warp 3      scales and weights of heads
//   warps 4-11  epilogue: lane = entry, column = head; four warps an accumulator, since a column costs more
//               instructions here than it costs the tensor core cycles
#pragma once
#include "kernels/common/umma_scores_format.cuh"
#include "kernels/ptx/cluster.cuh"
#include "kernels/ptx/float.cuh"

namespace umma_scores {

constexpr uint32_t THREADS = 384, FIRST_EPILOGUE_WARP = 4, N_EPILOGUE_WARP = 8;

// `Cut`: the plan's, of index_scores or of a fusion.
template <class Cut>
struct Barriers {
  uint64_t k_loaded[Cut::STAGES], k_ready[Cut::STAGES], k_empty[Cut::STAGES];
  uint64_t q_loaded[Cut::GROUPS], q_ready[Cut::GROUPS], q_empty[Cut::GROUPS];
  uint64_t acc_full[2], acc_empty[2];
  uint32_t tmem;
};

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

// Scores of the tiles of `walk`. store(token, n, sum) takes each of them; n may lie beyond the last entry. When it returns the CTA's
// threads have met and tensor memory is free.
template <class Format, class Params, class Cut, class Store>
__device__ __forceinline__ void run(const Params& p, const Cut& cut, const Walk& walk, const Store& store) {
  using Stage = typename Format::Stage;
  using Group = typename Format::Group;
  constexpr int32_t STAGES = Cut::STAGES, GROUPS = Cut::GROUPS;
  static_assert(sizeof(Stage) == Cut::STAGE && sizeof(Group) == Cut::GROUP, "as the plan counts them");
  static_assert(sizeof(Stage) % Format::SWIZZLE_ATOM == 0 && sizeof(Group) % Format::SWIZZLE_ATOM == 0, "operands begin with an atom");
  static_assert(sizeof(Barriers<Cut>) + 1024 <= plan::SMEM_RESERVED, "barriers and alignment fit into what the plan reserves");

  extern __shared__ uint8_t dynamic[];
  const uint32_t skip = (1024 - ptx::shared(dynamic) % 1024) % 1024;
  Stage* const stages = reinterpret_cast<Stage*>(dynamic + skip);
  Group* const groups = reinterpret_cast<Group*>(stages + STAGES);
  Barriers<Cut>& bar = *reinterpret_cast<Barriers<Cut>*>(groups + GROUPS);
  const uint32_t warp = threadIdx.x / 32, lane = threadIdx.x % 32, N = cut.columns;
  // accumulators, then scales; a power of two
  const uint32_t sf = 2 * N;
  uint32_t tmem_columns = 32;
  while (tmem_columns < sf + Format::scales(N)) tmem_columns *= 2;

  if (threadIdx.x == 0) {
    for (int32_t i = 0; i < STAGES; ++i) {
      ptx::mbarrier_init(&bar.k_loaded[i], 1);
      ptx::mbarrier_init(&bar.k_ready[i], 1);
      ptx::mbarrier_init(&bar.k_empty[i], Format::SCALED ? 1 : 1 + N_EPILOGUE_WARP / 2);
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
    for (Walk t = walk; t.more(); t.next(), stage.next(STAGES)) {
      if (t.opens) {
        Group& to = groups[slot.stage];
        uint64_t* loaded = &bar.q_loaded[slot.stage];
        const int32_t row = t.group * cut.tokens * p.op.n_head;
        ptx::mbarrier_wait(&bar.q_empty[slot.stage], slot.parity ^ 1);
        ptx::mbarrier_arrive_expect_tx(loaded, N * Cut::ROW_BYTES + cut.beside() * (Cut::HEAD_BYTES + sizeof(bf16_t)));
        ptx::tma_load_2d(ptx::shared(to.codes), &p.q_map, loaded, 0, row);
        ptx::tma_load_1d(ptx::shared(to.scale), &p.q_s_map, loaded, row - row % Cut::RUN);
        ptx::tma_load_1d(ptx::shared(to.w), &p.w_map, loaded, row - row % Cut::RUN);
      }
      Stage& to = stages[stage.stage];
      uint64_t* loaded = &bar.k_loaded[stage.stage];
      ptx::mbarrier_wait(&bar.k_empty[stage.stage], stage.parity ^ 1);
      ptx::mbarrier_arrive_expect_tx(loaded, Cut::ENTRIES * (Cut::ROW_BYTES + Cut::WORD_BYTES));
      ptx::tma_load_2d(ptx::shared(to.codes), &p.k_map, loaded, 0, t.entry * Cut::ENTRIES);
      ptx::tma_load_1d(ptx::shared(to.scale), &p.k_s_map, loaded, t.entry * Cut::ENTRIES);
      if (t.closes()) slot.next(GROUPS);
    }
  } else if (warp == 1 && ptx::elect_one()) {  // mma
    ptx::Ring acc;
    for (Walk t = walk; t.more(); t.next(), stage.next(STAGES), acc.next(2)) {
      const Group& q = groups[slot.stage];
      const Stage& k = stages[stage.stage];
      if (t.opens) {
        ptx::mbarrier_wait(&bar.q_ready[slot.stage], slot.parity);
        ptx::tcgen05_fence_after();
        Format::begin(tmem + sf, q, N);
      }
      ptx::mbarrier_wait(&(Format::SCALED ? bar.k_ready : bar.k_loaded)[stage.stage], stage.parity);
      ptx::mbarrier_wait(&bar.acc_empty[acc.stage], acc.parity ^ 1);
      ptx::tcgen05_fence_after();
      Format::multiply(tmem + acc.stage * N, k, q, N, tmem + sf);
      ptx::tcgen05_commit(&bar.k_empty[stage.stage]);
      ptx::tcgen05_commit(&bar.acc_full[acc.stage]);
      if (t.closes()) {
        ptx::tcgen05_commit(&bar.q_empty[slot.stage]);
        slot.next(GROUPS);
      }
    }
  } else if (warp == 2) {  // scales of entries
    if constexpr (Format::SCALED)
      for (Walk t = walk; t.more(); t.next(), stage.next(STAGES)) {
        Stage& k = stages[stage.stage];
        ptx::mbarrier_wait(&bar.k_loaded[stage.stage], stage.parity);
        Format::order(k, lane);
        __syncwarp();
        if (lane == 0) ptx::mbarrier_arrive(&bar.k_ready[stage.stage]);
      }
  } else if (warp == 3) {  // scales and weights of heads
    for (Walk t = walk; t.more(); t.next()) {
      if (!t.opens) continue;
      Group& q = groups[slot.stage];
      const int32_t before = t.group * cut.tokens * p.op.n_head % Cut::RUN;
      ptx::mbarrier_wait(&bar.q_loaded[slot.stage], slot.parity);
      Format::prepare(q, before, N, p.op.scale, lane);
      __syncwarp();
      if (lane == 0) ptx::mbarrier_arrive(&bar.q_ready[slot.stage]);
      slot.next(GROUPS);
    }
  } else if (warp >= FIRST_EPILOGUE_WARP) {  // epilogue
    const uint32_t mine = (warp - FIRST_EPILOGUE_WARP) / 4, row = warp % 4 * 32 + lane;
    ptx::Ring acc;
    for (Walk t = walk; t.more(); t.next(), stage.next(STAGES), acc.next(2)) {
      const Group& q = groups[slot.stage];
      if (t.opens) ptx::mbarrier_wait(&bar.q_ready[slot.stage], slot.parity);
      if (acc.stage == mine) {
        const uint32_t d = tmem + mine * N + (warp % 4 * 32 << 16);
        const int32_t n = t.entry * Cut::ENTRIES + row, token0 = t.group * cut.tokens;
        const int32_t tokens = min(cut.tokens, p.op.n_tok - token0), columns = tokens * p.op.n_head;
        float entry_scale = 1;
        if constexpr (!Format::SCALED) {
          ptx::mbarrier_wait(&bar.k_loaded[stage.stage], stage.parity);
          entry_scale = Format::entry_scale(stages[stage.stage], row);
          __syncwarp();
          if (lane == 0) ptx::mbarrier_arrive(&bar.k_empty[stage.stage]);
        }
        // columns up to the next sixteen may hold whole tokens of the next group
        const auto of_group = [&](int32_t token, float sum) {
          if (token < tokens) store(token0 + token, n, Format::SCALED ? sum : sum * entry_scale);
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
