// Pool rows of a key list's slots: raw rows first, compressed entries behind them; -1 where there is none.
#pragma once
#include <cstdint>

// Slot j of the window of the token at `pos`; row 0 of the pool is token raw0.
__device__ inline int32_t window_row(int pos, int window, int j, int raw0) {
  const int t = pos - window + 1 + j;
  return t < 0 ? -1 : t - raw0;
}

// Entry n, negative for none.
__device__ inline int32_t entry_row(int n, int n_raw) { return n < 0 ? -1 : n_raw + n; }
