// The product of a router, a tile a CTA, for the portable kernels of router_dispatch and router_hash_dispatch.
#pragma once
#include "kernels/common/arrival.cuh"
#include "kernels/common/dispatch.cuh"
#include "kernels/common/gate.cuh"
#include "kernels/common/gemm_bf16.cuh"

namespace router {

// True in the last CTA, which sees all logits.
template <class P>
__device__ __forceinline__ bool logits_are_made(const P& p) {
  __shared__ gemm::bf16::Smem smem;
  gemm::bf16::run<float>({p.y, p.w, p.logits, p.n_tok, p.n_expert, p.d_model}, {int(blockIdx.x), int(blockIdx.y)}, smem);
  return arrival::last_cta(p.arrived, gridDim.x * gridDim.y);
}

}  // namespace router
