// compress_pool: v[i] = sum over slots of softmax(gate + ape) * kv, per channel
//   (DeepSeek-V4 model.py Compressor.forward)
//   kv, gate f32 [n_tok, n_coff * width], row 0 is token tok0
//   ape f32 [ratio, n_coff * width]   v bf16 [n_entry, width]
// Numerics: f32, maximum first and sums second, precise expf, one rounding to bf16.
// Parallel: a warp covers 128 channels of an entry, 4 a lane; slots in sequence, each load a full line.
// Bound: memory, 8 bytes a slot and channel (the second pass hits L1/L2), 12 read.
#include "compress_pool.h"

#include "kernels/common/pool.cuh"

constexpr int SPAN = 128;  // channels of a CTA, as many as the launch's grid assumes

extern "C" __global__ void compress_pool(const __grid_constant__ CompressPoolParams p) {
  const int begin = blockIdx.y * SPAN, end = min(p.width, begin + SPAN);
  const pooling::Rows rows{p.kv, p.gate, p.ape, p.n_tok, p.ratio, p.n_coff, p.width, p.tok0, p.entry0};
  bf16_t* v = p.v + int64_t(blockIdx.x) * p.width;
  if (rows.are_vectors() && reinterpret_cast<uintptr_t>(p.v) % 8 == 0) {
    const int channel = begin + threadIdx.x * 4;
    if (channel < end) pooling::channels<4>(rows, blockIdx.x, channel, v + channel);
  } else {
    for (int channel = begin + threadIdx.x; channel < end; channel += blockDim.x)
      pooling::channels<1>(rows, blockIdx.x, channel, v + channel);
  }
}
