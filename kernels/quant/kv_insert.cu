// kv_insert: rows into the pages of the packed key/value cache
//   (FlashMLA tests/quant.py quantize_k_cache, MODEL1; DeepSeek-V4 kernel.py act_quant inplace, kv[..., :-rope_dim])
//   x bf16 [n_row, 512], slot i32 [n_row], -1 for none -> cache u8 [n_page, page bytes], updated in place
// Numerics: channels below 448 in blocks of 64 as in kv_fp8_sim, kept as codes and scales; the others are copied.
// Parallel: a warp a row, 8 channels a lane and step. The seven scales are bytes of their own: the eighth stays.
// Bound: memory, 1024 bytes a row read and 583 written.
#include "kv_insert.h"

#include "kernels/common/packed_cache.cuh"

extern "C" __global__ void __launch_bounds__(128) kv_insert(const __grid_constant__ KvInsertParams p) {
  const int64_t row = int64_t(blockIdx.x) * (blockDim.x / 32) + threadIdx.x / 32;
  if (row >= p.n_row) return;
  if ((uintptr_t(p.x) | uintptr_t(p.cache)) % 16 != 0) asm("trap;");
  const int slot = p.slot[row];
  if (slot < 0) return;
  const packed::Pages<uint8_t> pages{p.cache, p.page_size};
#pragma unroll
  for (int c = threadIdx.x % 32 * 8; c < packed::CHANNELS; c += 256)
    packed::insert8(pages, slot, c, load16(p.x + row * packed::CHANNELS + c));
}
