// What grouped expert linears share: which rows and weights a CTA works on.
#pragma once
#include "kernels/common/gemm_narrow.cuh"

namespace gemm {

// CTA (x, y, z): columns 64x .. 64x + 63 of expert y, row tiles z, z + gridDim.z, ...
struct ExpertRows {
  int begin, end;  // rows of the expert
  int64_t slot;    // where its weights are

  // A row whose expert has no resident weights is a fault of the caller that must not pass for a number.
  __device__ __forceinline__ ExpertRows(const int32_t* offset, const int32_t* expert_slot, int n_slot)
      : begin(offset[blockIdx.y]), end(offset[blockIdx.y + 1]), slot(0) {
    if (begin < end) {
      slot = expert_slot[blockIdx.y];
      if (slot < 0 || slot >= n_slot) asm volatile("trap;");
    }
  }
};

// Where a tile goes: column n of its row r is y[(row0 + r) stride + n].
struct Out {
  bf16_t* y;
  int64_t row0, stride;
};

}  // namespace gemm
