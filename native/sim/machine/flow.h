// Control flow of one function: basic blocks, immediate post-dominators, and liveness of registers a thread.
#pragma once
#include <vector>

#include "../parse/ptx.h"

namespace sim {

struct Block {
  uint32_t begin, end;         // instructions of Function::body
  std::vector<uint32_t> next;  // successors
  int post = -1;               // immediate post-dominator, -1 none
  bool exits = false;          // ends in exit, trap or the kernel's ret
};

struct Flow {
  std::vector<Block> blocks;
  std::vector<uint32_t> block_of;  // instruction -> block
};

// Throws ptx::ParseError for a branch to an unknown label.
Flow flow_of(const ptx::Function& f);

// Registers an instruction reads and writes, given how many leading operands its row writes.
struct Touch {
  std::vector<uint32_t> reads, writes;
  bool keeps = false;  // guarded: lanes that are off keep the old value
};
Touch touch_of(const ptx::Instruction& in, unsigned n_dst, bool updates = false);  // updates: reads them as well

// First and last position at which a register holds a value somebody still reads: positions are 2*i (read)
// and 2*i+1 (write).
struct Interval {
  uint32_t first = ~0u, last = 0;
  bool used() const { return first != ~0u; }
};
std::vector<Interval> liveness(const ptx::Function& f, const Flow& flow, const std::vector<Touch>& touch);

}  // namespace sim
