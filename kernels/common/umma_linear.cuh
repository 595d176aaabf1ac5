// The linear that all formats share on tcgen05: y[m][n] = sum over k of x[m][k] w[n][k], for the matrices and tokens of a schedule's tiles.
//
//   warp 0      TMA: 128 rows of w and up to T rows of x, of a pair half as many each, 128 bytes of K a stage
//   warp 1      MMA: D[n][m] in tensor memory, two accumulators where they fit, so that the next tile begins while one is stored
//   warps 2, 3  what threads write into a stage (formats that have it): scales in the 32 x 4 x 4 order of tcgen05.cp, widened weights
//   warps 4-7   epilogue: lane = n, column = m; by token (Finished) sums go through shared memory, from where a warp takes a token's 128
//               rows of w, four a lane
//
// CTAs are persistent over tiles. Where tiles are fewer than multiprocessors a cluster shares one tile's K; its partial sums are added
// through distributed shared memory in the order of the ranks, so results repeat bit for bit. Where tiles and tokens are many an
// instruction takes a pair of CTAs (CTAS = 2): both run all warps, but the leader alone issues mma.
//
// A stage may hold the same rows of several matrices of w (Finished): their sums meet in the warp that finishes a token.
#pragma once
#include "kernels/common/umma_format.cuh"
#include "kernels/common/umma_tiles.cuh"
#include "kernels/ptx/barrier.cuh"

namespace umma_linear {

constexpr uint32_t THREADS = 256, N_WARP = THREADS / 32, FIRST_FILL_WARP = 2, FIRST_EPILOGUE_WARP = 4, N_EPILOGUE_WARP = 4;
constexpr uint32_t W_BYTES = plan::W_ROWS * plan::ROW_BYTES;
constexpr uint32_t EPILOGUE_BARRIER = 1;

struct Barriers {
  uint64_t full[plan::MAX_STAGES], empty[plan::MAX_STAGES];
  uint64_t copied[plan::MAX_STAGES];  // w that is still to be widened
  uint64_t acc_full[2], acc_empty[2];
  uint32_t tmem;
};
static_assert(sizeof(Barriers) + 1024 <= plan::SMEM_RESERVED, "barriers and alignment fit into what the plan reserves");

// The clusters of the grid that take a product's tiles.
struct Clusters {
  uint32_t first, n;
  static __device__ __forceinline__ Clusters all() { return {0, gridDim.x / ptx::cluster_nctarank()}; }
};

// `store(tile)` gives what takes (token of the tile, row of w, sum); of a format that is finished by token, what takes (token, first of
// four rows of w, their Sums) by a whole warp, all 128 rows of a token at once. When a thread returns, all of its cluster have stored.
template <class Format, int32_t CTAS, class Fill, class Schedule, class Store>
__device__ __forceinline__ void run(const plan::Linear& l, Schedule schedule, const Fill& fill, const Store& store,
                                    const Clusters& clusters = Clusters::all()) {
  constexpr plan::Format STAGE = Format::STAGE;
  constexpr int32_t N_ATOM = STAGE.atoms(CTAS), MATRICES = STAGE.matrices, AT_ONCE = plan::EPILOGUE_TOKENS;
  constexpr uint32_t ALL_W_BYTES = MATRICES * W_BYTES;
  using Cta = Ctas<CTAS>;
  static_assert(STAGE.bytes(16, CTAS) % 1024 == 0, "swizzled tiles begin at multiples of 1024 bytes");
  static_assert(FIRST_FILL_WARP + Fill::WARPS <= FIRST_EPILOGUE_WARP, "warps that fill lie between mma and epilogue");
  static_assert(!STAGE.widened || (N_ATOM == 0 && MATRICES == 1), "either scales or a matrix as copied lie behind x");
  static_assert(MATRICES == 1 || STAGE.by_token, "sums of several matrices meet in the warp that finishes a token");
  extern __shared__ uint8_t dynamic[];
  const uint32_t skip = (1024 - ptx::shared(dynamic) % 1024) % 1024;
  uint8_t* const tiles = dynamic + skip;
  const uint32_t warp = threadIdx.x / 32, lane = threadIdx.x % 32;
  const uint32_t rank = CTAS > 1 ? 0 : ptx::cluster_ctarank(), split = CTAS > 1 ? 1 : ptx::cluster_nctarank();  // of those that share K
  const uint32_t n_stage = l.stages(split), T = l.tokens, X_BYTES = l.x_rows() * plan::ROW_BYTES;
  const int32_t kept_tokens = l.kept_tokens(split);
  float* const kept = reinterpret_cast<float*>(tiles + n_stage * l.stage);  // sums [MATRICES][kept_tokens][128]
  uint32_t* const table = reinterpret_cast<uint32_t*>(tiles + n_stage * l.stage + l.kept_bytes(split));
  Barriers& bar = *reinterpret_cast<Barriers*>(reinterpret_cast<uint8_t*>(table) + l.table);
  const uint32_t first = blockIdx.x / (CTAS * split) - clusters.first, n_cluster = clusters.n;
  const int32_t k_begin = l.k_stages * rank / split, k_end = l.k_stages * (rank + 1) / split;
  // accumulators, then scales; a power of two
  const uint32_t n_acc = STAGE.accumulators(T, CTAS), sf_w = n_acc * MATRICES * T;
  const uint32_t sf_x = sf_w + MATRICES * STAGE.w_atoms * umma::SCALE_ATOM_COLUMNS;
  uint32_t columns = 32;
  while (columns < sf_w + N_ATOM * umma::SCALE_ATOM_COLUMNS) columns *= 2;

  if (threadIdx.x == 0) {
    for (uint32_t s = 0; s < n_stage; ++s) {
      ptx::mbarrier_init(&bar.full[s], 1 + CTAS * Fill::WARPS);
      ptx::mbarrier_init(&bar.empty[s], 1);
      if (STAGE.widened) ptx::mbarrier_init(&bar.copied[s], 1);
    }
    for (uint32_t i = 0; i < n_acc; ++i) {
      ptx::mbarrier_init(&bar.acc_full[i], 1);
      ptx::mbarrier_init(&bar.acc_empty[i], CTAS * N_EPILOGUE_WARP);
    }
    ptx::fence_mbarrier_init();
    schedule.prefetch();
  }
  if (warp == 1) ptx::tmem_alloc<CTAS>(&bar.tmem, columns);
  schedule.setup(table);
  ptx::tcgen05_fence_before();
  Cta::sync();
  ptx::tcgen05_fence_after();
  const uint32_t tmem = bar.tmem, n_tile = schedule.n_tile();
  const bool leads = Cta::side() == 0;

  // Epilogue warps: the sums of tokens c .. c + AT_ONCE - 1 of the accumulators at `d`, of row `row` of w; and into shared memory.
  const uint32_t row = warp % 4 * 32 + lane;
  const auto load_sums = [&](uint32_t (&v)[MATRICES][AT_ONCE], uint32_t d, int32_t c) {
#pragma unroll
    for (int32_t a = 0; a < MATRICES; ++a) ptx::tmem_load_32x32b_x16(v[a], d + a * T + c + (warp % 4 * 32 << 16));
    ptx::tmem_load_wait();
  };
  const auto keep_sums = [&](const uint32_t (&v)[MATRICES][AT_ONCE], int32_t token) {
#pragma unroll
    for (int32_t a = 0; a < MATRICES; ++a)
#pragma unroll
      for (int32_t j = 0; j < AT_ONCE; ++j) kept[(a * kept_tokens + token + j) * plan::W_ROWS + row] = __uint_as_float(v[a][j]);
  };
  const auto kept_at = [&](int32_t a, int32_t token) { return &kept[(a * kept_tokens + token) * plan::W_ROWS + 4 * lane]; };

  if (warp == 0) {  // load
    const bool one = ptx::elect_one();
    ptx::Ring ring;
    for (uint32_t i = first; i < n_tile; i += n_cluster) {
      const Tile tile = schedule.at(i);
      const auto rows = schedule.rows(tile, lane);
      const uint32_t x_bytes = schedule.x_rows(tile) * plan::ROW_BYTES;
      for (int32_t k = k_begin; k < k_end; ++k, ring.next(n_stage)) {
        uint64_t* full = &bar.full[ring.stage];
        const uint32_t at = ptx::shared(tiles + ring.stage * l.stage);
        Cta::wait(&bar.empty[ring.stage], ring.parity ^ 1);
        if (one) {
          if (leads) ptx::mbarrier_arrive_expect_tx(full, CTAS * ((STAGE.widened ? 0 : STAGE.w_copied()) + x_bytes));
          if (STAGE.widened) {
            ptx::mbarrier_arrive_expect_tx(&bar.copied[ring.stage], STAGE.w_copied());
            schedule.load_w(Ctas<1>{}, 0, at + W_BYTES + X_BYTES, &bar.copied[ring.stage], tile, k * STAGE.k_map);
          } else {
#pragma unroll
            for (int32_t a = 0; a < MATRICES; ++a) schedule.load_w(Cta{}, a, at + a * W_BYTES, full, tile, k * STAGE.k_map);
          }
        }
        schedule.load_x(at + ALL_W_BYTES, full, tile, rows, k * STAGE.k_map);
        __syncwarp();  // no lane falls a phase behind
      }
    }
  } else if (warp == 1 && leads && ptx::elect_one()) {  // mma
    ptx::Ring ring, acc;
    for (uint32_t i = first; i < n_tile; i += n_cluster, acc.next(n_acc)) {
      const uint32_t d = tmem + acc.stage * MATRICES * T, width = l.width(schedule.at(i).rows);
      Cta::wait(&bar.acc_empty[acc.stage], acc.parity ^ 1);
      ptx::tcgen05_fence_after();
      for (int32_t k = k_begin; k < k_end; ++k, ring.next(n_stage)) {
        const uint32_t at = ptx::shared(tiles + ring.stage * l.stage), x = at + ALL_W_BYTES, at_sf = x + X_BYTES;
        Cta::wait(&bar.full[ring.stage], ring.parity);
        ptx::tcgen05_fence_after();
#pragma unroll
        for (int32_t a = 0; a < N_ATOM; ++a)
          ptx::tmem_copy_32x128b<CTAS>(tmem + sf_w + a * umma::SCALE_ATOM_COLUMNS, umma::rows_16b(at_sf + a * umma::SCALE_ATOM_BYTES));
#pragma unroll
        for (uint32_t step = 0; step < 4; ++step)
#pragma unroll
          for (uint32_t a = 0; a < MATRICES; ++a)
            Format::template mma<CTAS>(d + a * T, umma::k_major(at + a * W_BYTES + 32 * step), umma::k_major(x + 32 * step), width, step,
                                       tmem + sf_w + a * STAGE.w_atoms * umma::SCALE_ATOM_COLUMNS, tmem + sf_x, k > k_begin || step > 0);
        Cta::commit(&bar.empty[ring.stage]);
      }
      Cta::commit(&bar.acc_full[acc.stage]);
    }
  } else if (warp >= FIRST_FILL_WARP && warp < FIRST_FILL_WARP + Fill::WARPS) {  // fill
    if constexpr (Fill::WARPS > 0) {
      const uint32_t thread = threadIdx.x - 32 * FIRST_FILL_WARP;
      const int32_t n_step = first < n_tile ? plan::div_up(n_tile - first, n_cluster) * (k_end - k_begin) : 0;
      uint32_t i = first;  // tile and stage of K of the next load
      int32_t k = k_begin;
      typename Fill::Rows rows;
      typename Fill::Words words[Fill::AHEAD];
      ptx::Ring ring;
      for (int32_t step = -Fill::AHEAD; step < n_step; step += Fill::AHEAD)
#pragma unroll
        for (int32_t u = 0; u < Fill::AHEAD; ++u) {
          if (step >= 0 && step + u < n_step) {
            uint8_t* const at = tiles + ring.stage * l.stage;
            if (STAGE.widened)
              ptx::mbarrier_wait(&bar.copied[ring.stage], ring.parity);
            else
              Cta::wait(&bar.empty[ring.stage], ring.parity ^ 1);
            fill.put(words[u], at, at + ALL_W_BYTES + X_BYTES, thread);
            ptx::fence_proxy_async();
            __syncwarp();
            if (lane == 0) Cta::arrive(&bar.full[ring.stage]);
            ring.next(n_stage);
          }
          if (step + u + Fill::AHEAD < n_step) {
            if (k == k_begin) rows = fill.begin(schedule.at(i), thread);
            words[u] = fill.load(rows, k);
            if (++k == k_end) k = k_begin, i += n_cluster;
          }
        }
    }
  } else if (warp >= FIRST_EPILOGUE_WARP && split == 1) {  // epilogue
    ptx::Ring acc;
    for (uint32_t i = first; i < n_tile; i += n_cluster, acc.next(n_acc)) {
      const Tile tile = schedule.at(i);
      const auto to = store(tile);
      Cta::wait(&bar.acc_full[acc.stage], acc.parity);
      ptx::tcgen05_fence_after();
      for (int32_t c = 0; c < tile.rows; c += AT_ONCE) {
        uint32_t v[MATRICES][AT_ONCE];
        load_sums(v, tmem + acc.stage * MATRICES * T, c);
        if (c + AT_ONCE >= tile.rows) {  // all sums are read
          ptx::tcgen05_fence_before();
          __syncwarp();
          if (lane == 0) Cta::arrive(&bar.acc_empty[acc.stage]);
        }
        if constexpr (STAGE.by_token) {
          keep_sums(v, 0);
          ptx::named_barrier(EPILOGUE_BARRIER, 32 * N_EPILOGUE_WARP);
          for (int32_t j = warp % 4; j < AT_ONCE && c + j < tile.rows && tile.w_rows > 0; j += N_EPILOGUE_WARP) {
            Sums<MATRICES> sums;
#pragma unroll
            for (int32_t a = 0; a < MATRICES; ++a) sums.of[a] = *reinterpret_cast<const float4*>(kept_at(a, j));
            to(c + j, tile.n0 + 4 * lane, sums);
          }
          ptx::named_barrier(EPILOGUE_BARRIER, 32 * N_EPILOGUE_WARP);  // sums are there until all are stored
        } else {
#pragma unroll
          for (int32_t j = 0; j < AT_ONCE; ++j)
            if (c + j < tile.rows && int32_t(row) < tile.w_rows) to(c + j, tile.n0 + row, __uint_as_float(v[0][j]));
        }
      }
    }
  }
  __syncwarp();

  if (split > 1 && first < n_tile) {  // y = partial of rank 0 + rank 1 + ...; a cluster that splits K has one tile
    const Tile tile = schedule.at(first);
    const auto to = store(tile);
    if (warp >= FIRST_EPILOGUE_WARP) {
      ptx::mbarrier_wait(&bar.acc_full[0], 0);
      ptx::tcgen05_fence_after();
    }
    for (int32_t c = 0; c < tile.rows; c += kept_tokens) {
      const int32_t n = min(kept_tokens, tile.rows - c);
      if (warp >= FIRST_EPILOGUE_WARP)
        for (int32_t j = 0; j < n; j += AT_ONCE) {
          uint32_t v[MATRICES][AT_ONCE];
          load_sums(v, tmem, c + j);
          keep_sums(v, j);
        }
      ptx::cluster_sync();
      for (int32_t j = rank * N_WARP + warp; j < n; j += split * N_WARP) {
        Sums<MATRICES> sums;
#pragma unroll
        for (int32_t a = 0; a < MATRICES; ++a) {
          const uint32_t at = ptx::shared(kept_at(a, j));
          float4 sum = {0, 0, 0, 0};
          for (uint32_t r = 0; r < split; ++r) {
            const float4 v = ptx::load_cluster_f32x4(ptx::mapa(at, r));
            sum.x += v.x, sum.y += v.y, sum.z += v.z, sum.w += v.w;
          }
          sums.of[a] = sum;
        }
        if constexpr (STAGE.by_token) {
          to(c + j, tile.n0 + 4 * lane, sums);
        } else {
          const float y[4] = {sums.of[0].x, sums.of[0].y, sums.of[0].z, sums.of[0].w};
#pragma unroll
          for (int32_t q = 0; q < 4; ++q)
            if (int32_t(4 * lane + q) < tile.w_rows) to(c + j, tile.n0 + 4 * lane + q, y[q]);
        }
      }
      ptx::cluster_sync();  // a CTA's partial sums are there until all have read them
    }
    if (warp >= FIRST_EPILOGUE_WARP) ptx::tcgen05_fence_before();
  }
  Cta::sync();
  if (warp == 1) ptx::tmem_dealloc<CTAS>(tmem, columns);
}

}  // namespace umma_linear
