// Tensor memory of a CTA: 128 lanes of 512 columns of 32 bits. PTX 9.1 #tensor-memory
#pragma once
#include <cstdint>
#include <vector>

#include "warp.h"

namespace sim {

struct Cta;

struct Tmem {
  static constexpr unsigned ROWS = 128, COLUMNS = 512;

  uint32_t word[ROWS][COLUMNS];
  uint16_t written[ROWS / 16][COLUMNS];  // bit r: lane 16h + r of this column holds something
  struct Allocation {
    uint32_t column, n;
    uint64_t serial;
  };
  std::vector<Allocation> allocations;

  Tmem();
  bool allocated(uint32_t column, uint32_t n) const;  // all of them, in whatever allocations
  void mark(uint32_t row, uint32_t column, uint32_t n);
  bool is_written(uint32_t row, uint32_t column, uint32_t n) const;
};

// The CTA's tensor memory; made at first use.
Tmem& tmem_of(Cta& c);
// An address as instructions hold it: lane in bits 16-22, column in bits 0-8.
inline uint32_t tmem_row(uint32_t address) { return address >> 16 & 127; }
inline uint32_t tmem_column(uint32_t address) { return address & 511; }
// Traps unless every column is allocated in `where` and lies in tensor memory.
void check_columns(Warp& w, const Instr& in, unsigned lane, Cta& where, uint32_t column, uint32_t n);

}  // namespace sim
