// D = A * B^T + C on the tensor core, the way sm_100a kernels are built: a TMA warp, an MMA warp, four epilogue warps, two stages.
// A [M][K] bf16, B [N][K] bf16, C and D [M][N] f32; a CTA makes 128 x 64 of D, K is a multiple of 64.
// Tests take lines out of its PTX, so every line that matters is one line of inline PTX with its name behind it.
#include <cstdint>

namespace {

struct alignas(64) Map {
  uint8_t bytes[128];  // a CUtensorMap
};

constexpr uint32_t B_M = 128, B_N = 64, B_K = 64, STAGES = 2;
constexpr uint32_t A_BYTES = B_M * B_K * 2, B_BYTES = B_N * B_K * 2, STAGE_BYTES = A_BYTES + B_BYTES;
constexpr uint32_t EPILOGUE_THREADS = 128;
// D f32, A and B bf16, N / 8, M / 16: PTX ISA #tcgen05-instruction-descriptor
constexpr uint32_t IDESC = 1u << 4 | 1u << 7 | 1u << 10 | (B_N / 8) << 17 | (B_M / 16) << 24;

__device__ uint32_t shared(const void* p) { return static_cast<uint32_t>(__cvta_generic_to_shared(p)); }
// K-major, 128-byte swizzle: 1024 bytes from one group of eight rows to the next
__device__ uint64_t descriptor(uint32_t at) {
  return uint64_t(at >> 4 & 0x3fff) | uint64_t(1024 >> 4) << 32 | uint64_t(1) << 46 | uint64_t(2) << 61;
}
__device__ bool elect() {
  uint32_t one;
  asm volatile("{ .reg .pred p; elect.sync _|p, 0xffffffff; selp.u32 %0, 1, 0, p; }" : "=r"(one));
  return one;
}
__device__ void load(uint32_t to, const Map* map, uint32_t bar, uint32_t x, uint32_t y) {
  asm volatile("cp.async.bulk.tensor.2d.shared::cta.global.tile.mbarrier::complete_tx::bytes [%0], [%1, {%3, %4}], [%2];"
               ::"r"(to), "l"(map), "r"(bar), "r"(x), "r"(y) : "memory");
}

}  // namespace

extern "C" __global__ void __launch_bounds__(192) umma_gemm(const __grid_constant__ Map a, const __grid_constant__ Map b, const __grid_constant__ Map d,
                                                            const float* c, uint32_t N, uint32_t k_tiles) {
  extern __shared__ __align__(1024) uint8_t tiles[];
  float* d_tile = reinterpret_cast<float*>(tiles + STAGES * STAGE_BYTES);
  __shared__ uint64_t full[STAGES], empty[STAGES], finished;
  __shared__ uint32_t tmem_at;
  const uint32_t warp = threadIdx.x / 32, lane = threadIdx.x % 32;
  const uint32_t m0 = blockIdx.x * B_M, n0 = blockIdx.y * B_N;

  if (threadIdx.x == 0) {
    for (uint32_t s = 0; s < STAGES; ++s) {
      asm volatile("mbarrier.init.shared::cta.b64 [%0], 1;" ::"r"(shared(&full[s])) : "memory");
      asm volatile("mbarrier.init.shared::cta.b64 [%0], 1;" ::"r"(shared(&empty[s])) : "memory");
    }
    asm volatile("mbarrier.init.shared::cta.b64 [%0], 1;" ::"r"(shared(&finished)) : "memory");
    asm volatile("fence.mbarrier_init.release.cluster;" ::: "memory");
  }
  if (warp == 1) {
    asm volatile("tcgen05.alloc.cta_group::1.sync.aligned.shared::cta.b32 [%0], 64;" ::"r"(shared(&tmem_at)) : "memory");
    asm volatile("tcgen05.relinquish_alloc_permit.cta_group::1.sync.aligned;" ::: "memory");
  }
  __syncthreads();
  const uint32_t tmem = tmem_at;

  // C into the accumulator: warp w of the epilogue has lanes 32 * (w % 4)
  const uint32_t row = warp % 4 * 32 + lane, tmem_row = tmem + (warp % 4 * 32 << 16);
  if (warp >= 2) {
    for (uint32_t n = 0; n < B_N; n += 8) {
      uint32_t v[8];
      for (uint32_t i = 0; i < 8; ++i) v[i] = __float_as_uint(c[(m0 + row) * N + n0 + n + i]);
      asm volatile("tcgen05.st.sync.aligned.32x32b.x8.b32 [%0], {%1, %2, %3, %4, %5, %6, %7, %8};" ::"r"(tmem_row + n), "r"(v[0]),
                   "r"(v[1]), "r"(v[2]), "r"(v[3]), "r"(v[4]), "r"(v[5]), "r"(v[6]), "r"(v[7]) : "memory");
    }
    asm volatile("tcgen05.wait::st.sync.aligned; // wait st" ::: "memory");
    asm volatile("tcgen05.fence::before_thread_sync;" ::: "memory");
  }
  __syncthreads();

  if (warp == 0 && elect()) {  // load
#pragma unroll 1
    for (uint32_t k = 0; k < k_tiles; ++k) {
      const uint32_t s = k % STAGES, turn = k / STAGES & 1, bar = shared(&full[s]), at = shared(tiles) + s * STAGE_BYTES;
      asm volatile("{ .reg .pred p; W%=: mbarrier.try_wait.parity.shared::cta.b64 p, [%0], %1; @!p bra W%=; } // wait empty"
                   ::"r"(shared(&empty[s])), "r"(turn ^ 1) : "memory");
      asm volatile("mbarrier.arrive.expect_tx.shared::cta.b64 _, [%0], 24576; // expect" ::"r"(bar) : "memory");
      load(at, &a, bar, k * B_K, m0);
      load(at + A_BYTES, &b, bar, k * B_K, n0);
    }
  } else if (warp == 1 && elect()) {  // mma
    asm volatile("tcgen05.fence::after_thread_sync;" ::: "memory");
#pragma unroll 1
    for (uint32_t k = 0; k < k_tiles; ++k) {
      const uint32_t s = k % STAGES, turn = k / STAGES & 1, at = shared(tiles) + s * STAGE_BYTES;
      asm volatile("{ .reg .pred p; W%=: mbarrier.try_wait.parity.shared::cta.b64 p, [%0], %1; @!p bra W%=; } // wait full"
                   ::"r"(shared(&full[s])), "r"(turn) : "memory");
      for (uint32_t kk = 0; kk < B_K; kk += 16)  // 16 elements of K an instruction: 32 bytes further inside the swizzle atom
        asm volatile("{ .reg .pred p; setp.eq.u32 p, 0, 0; tcgen05.mma.cta_group::1.kind::f16 [%0], %1, %2, %3, p; }" ::"r"(tmem),
                     "l"(descriptor(at + 2 * kk)), "l"(descriptor(at + A_BYTES + 2 * kk)), "r"(IDESC) : "memory");
      asm volatile("tcgen05.commit.cta_group::1.mbarrier::arrive::one.shared::cluster.b64 [%0];" ::"r"(shared(&empty[s])) : "memory");
    }
    asm volatile("tcgen05.commit.cta_group::1.mbarrier::arrive::one.shared::cluster.b64 [%0];" ::"r"(shared(&finished)) : "memory");
  } else if (warp >= 2) {  // epilogue
    asm volatile("{ .reg .pred p; W%=: mbarrier.try_wait.parity.shared::cta.b64 p, [%0], 0; @!p bra W%=; } // wait finished"
                 ::"r"(shared(&finished)) : "memory");
    asm volatile("tcgen05.fence::after_thread_sync;" ::: "memory");
    for (uint32_t n = 0; n < B_N; n += 8) {
      uint32_t v[8];
      asm volatile("tcgen05.ld.sync.aligned.32x32b.x8.b32 {%0, %1, %2, %3, %4, %5, %6, %7}, [%8];" : "=r"(v[0]), "=r"(v[1]), "=r"(v[2]),
                   "=r"(v[3]), "=r"(v[4]), "=r"(v[5]), "=r"(v[6]), "=r"(v[7]) : "r"(tmem_row + n));
      asm volatile("tcgen05.wait::ld.sync.aligned;" ::: "memory");
      for (uint32_t i = 0; i < 8; ++i) d_tile[row * B_N + n + i] = __uint_as_float(v[i]);
    }
    asm volatile("fence.proxy.async.shared::cta; // fence store" ::: "memory");
    asm volatile("tcgen05.fence::before_thread_sync;" ::: "memory");
    asm volatile("bar.sync 1, %0;" ::"n"(EPILOGUE_THREADS) : "memory");
    if (threadIdx.x == 64) {
      asm volatile("cp.async.bulk.tensor.2d.global.shared::cta.bulk_group [%0, {%2, %3}], [%1];" ::"l"(&d), "r"(shared(d_tile)), "r"(n0),
                   "r"(m0) : "memory");
      asm volatile("cp.async.bulk.commit_group;" ::: "memory");
      asm volatile("cp.async.bulk.wait_group 0;" ::: "memory");
    }
  }
  __syncthreads();
  if (warp == 1) asm volatile("tcgen05.dealloc.cta_group::1.sync.aligned.b32 %0, 64; // dealloc" ::"r"(tmem));
}
