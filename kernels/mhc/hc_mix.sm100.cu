// hc_mix on tcgen05: mix = (fn . x) / sqrt(mean(x^2) + eps)
//   (DeepSeek-V4 model.py hc_pre: flatten, rsqrt, F.linear(x, hc_fn) * rsqrt)
//   x bf16 [n_tok, hc * d_model]   fn f32 [n_mix, hc * d_model]   mix f32 [n_tok, n_mix]; up to 32 rows of fn
// Numerics: kind::tf32. A bf16 is a tf32; fn is the sum of two (what the first leaves is exact in f32, and the
//   second keeps 2^-22 of it), so fn is not rounded to tf32, which would move the streams' mixing. f32
//   accumulation, scaled after the dot product.
// Parallel: a cluster of up to 8 CTAs shares K for a tile of T tokens. Warps 0-7 widen x and split fn into the
//   swizzled operands and sum the squares; warp 8 multiplies. D has 64 rows: fn's first parts, then its second.
//   Sums of the CTAs are added through distributed shared memory in the order of the ranks.
#include "hc_mix.h"
#include "kernels/common/umma.cuh"
#include "kernels/common/vec.cuh"
#include "kernels/ptx/cluster.cuh"
#include "kernels/ptx/tma.cuh"

namespace {

constexpr uint32_t N_FILL_WARP = 8, FILL_THREADS = 32 * N_FILL_WARP, THREADS = FILL_THREADS + 32;
constexpr uint32_t MIX_ROWS = 32, D_ROWS = 2 * MIX_ROWS;
constexpr uint32_t ATOM_K = 32, ATOMS = plan::Mix::K_STAGE / ATOM_K, K_STAGE = plan::Mix::K_STAGE;
constexpr uint32_t FN_ATOM_BYTES = D_ROWS * umma::SWIZZLE_BYTES, FN_BYTES = ATOMS * FN_ATOM_BYTES;
constexpr uint32_t N_STAGE = plan::Mix::N_STAGE;
constexpr uint32_t FN_LOADS = MIX_ROWS * K_STAGE / 4 / FILL_THREADS;              // of 16 bytes, a thread and stage
constexpr uint32_t ROW_THREADS = K_STAGE / 8, ROWS_AT_ONCE = FILL_THREADS / ROW_THREADS;  // of x: 16 bytes a thread
constexpr uint32_t X_LOADS = plan::Mix::MOST_TOKENS / ROWS_AT_ONCE;

struct Barriers {
  uint64_t full[N_STAGE], empty[N_STAGE], done;
  uint32_t tmem;
};

// Byte of row `row`, channel `k` of the stage in a K-major tile of `atom_bytes` a 32 channels; k is a multiple of 4.
__device__ __forceinline__ uint32_t place(uint32_t row, uint32_t k, uint32_t atom_bytes) {
  const uint32_t chunk = k % ATOM_K / 4;
  return k / ATOM_K * atom_bytes + row * umma::SWIZZLE_BYTES + (chunk ^ row % 8) * 16;
}

__device__ __forceinline__ float round_tf32(float x) {
  uint32_t y;
  asm("cvt.rna.tf32.f32 %0, %1;" : "=r"(y) : "f"(x));
  return __uint_as_float(y);
}

// fn = first + second; an infinity or NaN is all in the first.
__device__ __forceinline__ void split(const float4& v, float4& first, float4& second) {
  first = {round_tf32(v.x), round_tf32(v.y), round_tf32(v.z), round_tf32(v.w)};
  const auto rest = [](float x, float y) { return isfinite(y) ? round_tf32(x - y) : 0.f; };
  second = {rest(v.x, first.x), rest(v.y, first.y), rest(v.z, first.z), rest(v.w, first.w)};
}

// The stage's channels k0 .. of fn and of the tile's tokens, as operands. Rows and channels that are not there are zeros.
__device__ __forceinline__ void fill(const HcMixParams& p, uint8_t* fn_tile, uint8_t* x_tile, int32_t K, int32_t k0, int32_t tok0,
                                     uint32_t T, float (&squares)[X_LOADS]) {
#pragma unroll
  for (uint32_t i = 0; i < FN_LOADS; ++i) {
    const uint32_t at = i * FILL_THREADS + threadIdx.x, row = at / (K_STAGE / 4), k = at % (K_STAGE / 4) * 4;
    float4 v = {0, 0, 0, 0}, first, second;
    if (row < uint32_t(p.n_mix) && k0 + int32_t(k) < K) v = *reinterpret_cast<const float4*>(p.fn + int64_t(row) * K + k0 + k);
    split(v, first, second);
    *reinterpret_cast<float4*>(fn_tile + place(row, k, FN_ATOM_BYTES)) = first;
    *reinterpret_cast<float4*>(fn_tile + place(MIX_ROWS + row, k, FN_ATOM_BYTES)) = second;
  }
  const uint32_t k = threadIdx.x % ROW_THREADS * 8;
#pragma unroll
  for (uint32_t i = 0; i < X_LOADS; ++i) {
    const uint32_t row = i * ROWS_AT_ONCE + threadIdx.x / ROW_THREADS;
    if (row >= T) break;
    float v[8] = {};
    if (tok0 + int32_t(row) < p.n_tok && k0 + int32_t(k) < K) widen8(load16(p.x + int64_t(tok0 + row) * K + k0 + k), v);
#pragma unroll
    for (uint32_t j = 0; j < 8; ++j) squares[i] = fmaf(v[j], v[j], squares[i]);
    *reinterpret_cast<float4*>(x_tile + place(row, k, T * umma::SWIZZLE_BYTES)) = {v[0], v[1], v[2], v[3]};
    *reinterpret_cast<float4*>(x_tile + place(row, k + 4, T * umma::SWIZZLE_BYTES)) = {v[4], v[5], v[6], v[7]};
  }
}

}  // namespace

extern "C" __global__ void __launch_bounds__(THREADS, 1) hc_mix(const __grid_constant__ HcMixSm100Params q) {
  const HcMixParams& p = q.op;
  extern __shared__ uint8_t dynamic[];
  uint8_t* const tiles = dynamic + (1024 - ptx::shared(dynamic) % 1024) % 1024;
  __shared__ Barriers bar;
  const plan::Mix l(p.n_tok, p.hc * p.d_model);
  const uint32_t warp = threadIdx.x / 32, lane = threadIdx.x % 32, T = l.tokens;
  const uint32_t rank = ptx::cluster_ctarank(), n_rank = ptx::cluster_nctarank();
  const int32_t K = p.hc * p.d_model, tok0 = blockIdx.x / n_rank * T;
  const int32_t begin = l.k_stages * rank / n_rank, end = l.k_stages * (rank + 1) / n_rank;
  const uint32_t stage_bytes = FN_BYTES + ATOMS * T * umma::SWIZZLE_BYTES;
  // sums of this CTA: [MIX_ROWS * 2 + 1][T], the squares last; over the stages when they are done with
  float* const sums = reinterpret_cast<float*>(tiles);
  const uint32_t columns = T < 32 ? 32 : T;

  if (threadIdx.x == 0) {
    for (uint32_t s = 0; s < N_STAGE; ++s) {
      ptx::mbarrier_init(&bar.full[s], N_FILL_WARP);
      ptx::mbarrier_init(&bar.empty[s], 1);
    }
    ptx::mbarrier_init(&bar.done, 1);
    ptx::fence_mbarrier_init();
  }
  if (warp == N_FILL_WARP) ptx::tmem_alloc(&bar.tmem, columns);
  ptx::tcgen05_fence_before();
  __syncthreads();
  ptx::tcgen05_fence_after();
  const uint32_t tmem = bar.tmem;

  ptx::Ring ring;
  float squares[X_LOADS] = {};
  if (warp < N_FILL_WARP) {  // load
    for (int32_t s = begin; s < end; ++s, ring.next(N_STAGE)) {
      uint8_t* at = tiles + ring.stage * stage_bytes;
      ptx::mbarrier_wait(&bar.empty[ring.stage], ring.parity ^ 1);
      fill(p, at, at + FN_BYTES, K, s * K_STAGE, tok0, T, squares);
      ptx::fence_proxy_async();
      __syncwarp();
      if (lane == 0) ptx::mbarrier_arrive(&bar.full[ring.stage]);
    }
  } else if (ptx::elect_one()) {  // mma
    for (int32_t s = begin; s < end; ++s, ring.next(N_STAGE)) {
      const uint32_t at = ptx::shared(tiles + ring.stage * stage_bytes);
      ptx::mbarrier_wait(&bar.full[ring.stage], ring.parity);
      ptx::tcgen05_fence_after();
#pragma unroll
      for (uint32_t step = 0; step < K_STAGE / 8; ++step) {
        const uint32_t atom = step / 4, inside = step % 4 * 32;
        ptx::mma_tf32(tmem, umma::k_major(at + atom * FN_ATOM_BYTES + inside),
                      umma::k_major(at + FN_BYTES + atom * T * umma::SWIZZLE_BYTES + inside), umma::idesc_tf32(D_ROWS, T),
                      s > begin || step > 0);
      }
      ptx::tcgen05_commit(&bar.empty[ring.stage]);
    }
    ptx::tcgen05_commit(&bar.done);
  }
  __syncwarp();
  ptx::mbarrier_wait(&bar.done, 0);  // the operands have been read: their memory takes the sums
  ptx::tcgen05_fence_after();

  if (warp < 4)  // D's 64 rows lie in the lower half of each warp's lanes (PTX ISA #tcgen05-data-path-layout-f)
    for (uint32_t c = 0; c < T; c += 16) {
      uint32_t v[16];
      ptx::tmem_load_32x32b_x16(v, tmem + (warp * 32 << 16) + c);
      ptx::tmem_load_wait();
#pragma unroll
      for (uint32_t j = 0; j < 16; ++j)
        if (lane < 16) sums[(16 * warp + lane) * T + c + j] = __uint_as_float(v[j]);
    }
  if (warp < N_FILL_WARP)
#pragma unroll
    for (uint32_t i = 0; i < X_LOADS; ++i) {
      const uint32_t row = i * ROWS_AT_ONCE + threadIdx.x / ROW_THREADS;
      float s = squares[i];
#pragma unroll
      for (uint32_t d = ROW_THREADS / 2; d > 0; d /= 2) s += __shfl_xor_sync(0xffffffffu, s, d);
      if (row < T && threadIdx.x % ROW_THREADS == 0) sums[D_ROWS * T + row] = s;
    }
  ptx::tcgen05_fence_before();
  ptx::cluster_sync();
  ptx::tcgen05_fence_after();
  if (warp == N_FILL_WARP) ptx::tmem_dealloc(tmem, columns);

  // mix = (fn . x) / sqrt(mean(x^2) + eps), sums of rank 0 + rank 1 + ...
  for (uint32_t e = rank * THREADS + threadIdx.x; e < uint32_t(p.n_mix) * T; e += n_rank * THREADS) {
    const uint32_t tok = e / p.n_mix, row = e % p.n_mix;
    if (tok0 + int32_t(tok) >= p.n_tok) break;
    float first = 0, second = 0, square = 0;
    for (uint32_t r = 0; r < n_rank; ++r) {
      first += ptx::load_cluster_f32(ptx::mapa(ptx::shared(&sums[row * T + tok]), r));
      second += ptx::load_cluster_f32(ptx::mapa(ptx::shared(&sums[(MIX_ROWS + row) * T + tok]), r));
      square += ptx::load_cluster_f32(ptx::mapa(ptx::shared(&sums[D_ROWS * T + tok]), r));
    }
    p.mix[int64_t(tok0 + tok) * p.n_mix + row] = (first + second) * (1.f / sqrtf(square / float(K) + p.eps));
  }
  ptx::cluster_sync();  // a CTA's sums are there until all have read them
}
