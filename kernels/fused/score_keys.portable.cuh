// score_keys with the scores of scores.cuh, in any of its formats.
#pragma once
#include "kernels/common/scores.cuh"
#include "kernels/fused/score_keys.cuh"

namespace indexer {

template <class Format, class Params>
__device__ __forceinline__ void run_portable(const Params& p) {
  extern __shared__ uint4 dynamic[];
  __shared__ Shared shared;
  __shared__ scores::Smem smem;
  const Share<Params> share(p, shared, dynamic, 1);
  share.begin();

  const int tok = share.token0, n_tile = share.tiles(gemm::B_N), begin = share.begin_of(n_tile), end = share.end_of(n_tile);
  const int first = begin * gemm::B_N;
  const bool paired = p.n_entry % 2 == 0 && mma::aligned(p.s, 8);
  for (int t = begin; t < end; ++t)
    scores::run<Format>(p, smem, tok, t * gemm::B_N, [&](int n, float s0, float s1) {
      if (p.s) gemm::store_pair(p.s + int64_t(tok) * p.n_entry, n, p.n_entry, paired, s0, s1);
      share.keep(0, n, n - first, s0);
      share.keep(0, n + 1, n + 1 - first, s1);
    });
  __syncthreads();
  share.finish(first, (end - begin) * gemm::B_N);
}

}  // namespace indexer
