// Values that nobody has defined. A right kernel may read memory that nobody has written, as long as nothing comes of
// it: DeepGEMM's scale-factor transposer copies 128 words of which TMA brought 96, its tf32 GEMM loads 32 lanes of
// tensor memory and uses 16, FlashMLA loads a struct with its padding. So ld and tcgen05.ld hand the register on as
// undefined; what makes a fault is its use: an address, a branch, a store to global memory. Between, a result is undefined where a source was.
#pragma once
#include <cstdint>
#include <string>
#include <unordered_map>

#include "instr.h"

namespace sim {

struct WarpState;

class Undefined {
 public:
  bool any() const { return !of_.empty(); }
  uint32_t lanes(Slot s) const {
    auto it = of_.find(s.bits);
    return it == of_.end() ? 0 : it->second.lanes;
  }
  const std::string& origin(Slot s) const { return of_.at(s.bits).origin; }
  void add(Slot s, uint32_t lanes, const std::string& origin);
  void remove(Slot s, uint32_t lanes);

  // Thrown by the first load of such a value: the warp goes on from this very instruction, carefully.
  struct Found {
    const Instr* at;
  };
  bool careful = false;  // what undefined values become is being followed

 private:
  struct Mark {
    uint32_t lanes;
    std::string origin;  // of the first: "ld.shared.b32 at PTX line 12: read of shared memory ..."
  };
  std::unordered_map<uint32_t, Mark> of_;
};

// A load's result of this lane is undefined: flat operand k of the instruction. `what` says which memory.
void undefined_result(Warp& w, const Instr& in, unsigned lane, unsigned k, const std::string& what);

// A straight run with every value's origin followed.
void run_carefully(WarpState& s, const Instr* from, const Instr* to);

}  // namespace sim
