// sample: greedy, or an exponential race over the top-p set
//   (DeepSeek-V4 generate.py; Holtzman et al. 2020; Salmon et al. 2011)
//   logits f32 [n_row, vocab]   pos i32 [n_row]   id i32 [n_row]
// Numerics: f32; e = exp((logit - max) / temperature) stands for p throughout, since p / E and the top-p
//   share do not change under a common factor. Sums have a fixed order, so ids repeat. A row without a number
//   gives -1; so does, when sampling, a row with a NaN or an infinite maximum, whose softmax is NaN.
// Parallel: a CTA a row, 4 ids a thread and step (one Philox block).
// Bound: with top_p < 1, 30 passes over the row from L2 to bisect the border of the set; else 3 passes.
#include "sample.h"

#include "kernels/common/reduce.cuh"
#include "kernels/common/vec.cuh"

constexpr int WARPS = 32;  // at most
constexpr uint32_t ONE = 0x3f800000u;  // bits of 1.f, the largest e

// Four logits from id on; ids past the vocabulary read as `pad`.
__device__ inline float4 load4(const float* row, int id, int vocab, bool vectors, float pad) {
  if (vectors) return *reinterpret_cast<const float4*>(row + id);
  return {row[id], id + 1 < vocab ? row[id + 1] : pad, id + 2 < vocab ? row[id + 2] : pad,
          id + 3 < vocab ? row[id + 3] : pad};
}

// Larger value first, then the lower id; 0 stands for no candidate. The sum turns -0 into +0, which must tie.
__device__ inline uint64_t candidate(float value, int id) {
  if (id < 0) return 0;
  const uint32_t bits = __float_as_uint(value + 0.f);
  const uint32_t ordered = bits & 0x80000000u ? ~bits : bits | 0x80000000u;
  return uint64_t(ordered) << 32 | ~uint32_t(id);
}

__device__ inline void consider(float x, int id, float& best, int& best_id) {
  if (x > best || (best_id < 0 && x == x)) best = x, best_id = id;
}

// The CTA's best candidate: its value, and its id or -1.
struct Best {
  float value;
  int id;
};

__device__ inline Best block_best(float value, int id, uint64_t* scratch) {
  const uint64_t best = block_max(candidate(value, id), scratch);
  const uint32_t ordered = uint32_t(best >> 32);
  if (best == 0) return {-INFINITY, -1};
  return {__uint_as_float(ordered & 0x80000000u ? ordered ^ 0x80000000u : ~ordered), int(~uint32_t(best))};
}

// Philox4x32-10 at counter (block, 0, 0, 0)
__device__ inline uint4 philox(uint32_t k0, uint32_t k1, uint32_t block) {
  uint4 c = {block, 0, 0, 0};
#pragma unroll
  for (int round = 0; round < 10; ++round) {
    const uint32_t high0 = __umulhi(0xd2511f53u, c.x), high1 = __umulhi(0xcd9e8d57u, c.z);
    c = {high1 ^ c.y ^ k0, 0xcd9e8d57u * c.z, high0 ^ c.w ^ k1, 0xd2511f53u * c.x};
    k0 += 0x9e3779b9u;
    k1 += 0xbb67ae85u;
  }
  return c;
}

// E = -log(u), u = ((word >> 8) + 0.5) * 2^-24. u has 25 bits, so its upper half is taken as 1 - u, which f32
// holds exactly.
__device__ inline float exponential(uint32_t word) {
  const uint32_t n = word >> 8;
  if (n < 1u << 23) return -logf((float(n) + 0.5f) * 0x1p-24f);
  return -log1pf(-(float(0xffffffu - n) + 0.5f) * 0x1p-24f);
}

extern "C" __global__ void sample(const __grid_constant__ SampleParams p) {
  __shared__ uint64_t best_scratch[WARPS];
  __shared__ float sum_scratch[2][WARPS];
  const float* row = p.logits + int64_t(blockIdx.x) * p.vocab;
  const bool vectors = rows_are_vectors(p.logits, p.vocab);
  const int first = threadIdx.x * 4, step = blockDim.x * 4;

  // greedy: the largest logit, ties to the lowest id, NaN never
  float value = -INFINITY;
  int id = -1;
  for (int i = first; i < p.vocab; i += step) {
    const float4 x = load4(row, i, p.vocab, vectors, NAN);
    consider(x.x, i, value, id);
    consider(x.y, i + 1, value, id);
    consider(x.z, i + 2, value, id);
    consider(x.w, i + 3, value, id);
  }
  const Best top = block_best(value, id, best_scratch);
  if (p.temperature <= 0.f) {
    if (threadIdx.x == 0) p.id[blockIdx.x] = top.id;
    return;
  }

  // e = exp((logit - max) / max(temperature, 1e-5))
  const float inv_t = 1.f / fmaxf(p.temperature, 1e-5f);
  const auto e = [&](float x) { return expf(__fmul_rn(__fsub_rn(x, top.value), inv_t)); };
  // sum of the e whose bits are at least `border`
  const auto mass = [&](uint32_t border, float* scratch) {
    float sum = 0.f;
    for (int i = first; i < p.vocab; i += step) {
      const float4 x = load4(row, i, p.vocab, vectors, -INFINITY);
      const float e0 = e(x.x), e1 = e(x.y), e2 = e(x.z), e3 = e(x.w);
      sum += __float_as_uint(e0) >= border ? e0 : 0.f;
      sum += __float_as_uint(e1) >= border ? e1 : 0.f;
      sum += __float_as_uint(e2) >= border ? e2 : 0.f;
      sum += __float_as_uint(e3) >= border ? e3 : 0.f;
    }
    return block_sum(sum, scratch);
  };
  const float total = mass(0, sum_scratch[0]);

  // keep e >= border: the largest border whose mass reaches top_p, so equal p stay together
  uint32_t border = 0;
  if (p.top_p < 1.f) {
    const float target = p.top_p * total;
    uint32_t above = ONE + 1;  // its set is empty
    for (int k = 1; above - border > 1; k ^= 1) {
      const uint32_t middle = border + (above - border) / 2;
      if (mass(middle, sum_scratch[k]) >= target)
        border = middle;
      else
        above = middle;
    }
  }

  // id = argmax p / E over the kept ids
  value = -INFINITY;
  id = -1;
  for (int i = first; i < p.vocab; i += step) {
    const float4 x = load4(row, i, p.vocab, vectors, -INFINITY);
    const float e0 = e(x.x), e1 = e(x.y), e2 = e(x.z), e3 = e(x.w);
    if (__float_as_uint(fmaxf(fmaxf(e0, e1), fmaxf(e2, e3))) < border) continue;
    const uint4 word = philox(uint32_t(p.seed), uint32_t(p.pos[blockIdx.x]), uint32_t(i) / 4);
    const auto race = [&](float p_k, uint32_t word_k, int k) {
      if (k < p.vocab && __float_as_uint(p_k) >= border) consider(p_k / exponential(word_k), k, value, id);
    };
    race(e0, word.x, i);
    race(e1, word.y, i + 1);
    race(e2, word.z, i + 2);
    race(e3, word.w, i + 3);
  }
  __syncthreads();  // best_scratch is read until here
  const Best winner = block_best(value, id, best_scratch);
  if (threadIdx.x == 0) p.id[blockIdx.x] = total == total ? winner.id : -1;
}
