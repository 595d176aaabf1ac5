// Registers that an instruction writes late: the destinations of tcgen05.ld until tcgen05.wait::ld, the accumulators
// of wgmma.mma_async until wgmma.wait_group. Instructions that may read such a register early are found when a kernel
// is lowered and get a handler in front of theirs; all others cost nothing.
//
// Reading the result of a tcgen05.ld is legal at any time, the hardware waits for it (PTX 9.1
// #tcgen05-memory-consistency-model-canonical-sync-patterns-reg-dependency-same-thread): the warp then knows that the
// load is done. Copies do not count: nvcc writes a mov behind every inline asm, which ptxas drops.
// An accumulator of wgmma that is touched early is undefined (#asynchronous-warpgroup-level-matrix-instructions-wgmma-mma-async).
#pragma once
#include <vector>

#include "../parse/ptx.h"
#include "order.h"

namespace sim {

struct Flow;
struct Touch;

// Of a warp: operations whose results it has not waited for.
struct LateResult {
  const Instr* by;
  Event done;      // tcgen05.ld
  uint64_t group;  // wgmma
};

// For each instruction of the function, the producers (indices into its body) whose results it may touch early.
std::vector<std::vector<uint32_t>> late_uses(const ptx::Function& f, const Flow& flow, const std::vector<Touch>& touch);
// In front of an instruction for which that list is not empty (InstrInfo::late).
void uses_late_result(Warp& w, const Instr& in);

// For the handlers of producers, and of what waits for them.
void late_result(Warp& w, const Instr& in, Event done, uint64_t group = 0);
void waited_for_loads(Warp& w);
void waited_for_groups(Warp& w, uint64_t below);  // wgmma groups with a smaller number are done

}  // namespace sim
