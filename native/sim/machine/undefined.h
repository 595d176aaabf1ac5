// Values that nobody has defined. A right kernel may read memory that nobody has written, as long as nothing comes of
// it: DeepGEMM's scale-factor transposer copies 128 words of which TMA brought 96, its tf32 GEMM loads 32 lanes of
// tensor memory and uses 16, FlashMLA loads a struct with its padding. So ld and tcgen05.ld hand the register on as
// undefined; what makes a fault is its use: an address, a branch, a store to global memory. Between, a result is undefined where a source was.
// What the tensor core makes of operands that raced is undefined in the same way: its use is that race (results.h).
#pragma once
#include <cstdint>
#include <map>
#include <string>
#include <unordered_map>

#include "../parse/ptx.h"
#include "warp.h"

namespace sim {

// Why a value is undefined.
struct Origin {
  std::string read;  // "ld.shared.b32 at PTX line 12: read of shared memory that nobody has written, at 0x400"
  std::string race;  // the whole sentence of the race it comes from; empty: nobody has written it
  bool operator<(const Origin& o) const { return race != o.race ? race < o.race : read < o.read; }
  Trap::Cause cause() const { return race.empty() ? Trap::uninitialised : Trap::race; }
  std::string before() const { return race.empty() ? "" : race + "; "; }
};

class Undefined {
 public:
  bool any() const { return !of_.empty(); }
  uint32_t lanes(Slot s) const {
    auto it = of_.find(s.bits);
    return it == of_.end() ? 0 : it->second.lanes;
  }
  const Origin& origin(Slot s) const { return of_.at(s.bits).origin; }
  void add(Slot s, uint32_t lanes, const Origin& origin);
  void remove(Slot s, uint32_t lanes);

  // Thrown by the first load of such a value: the warp goes on from this very instruction, carefully.
  struct Found {
    const Instr* at;
  };
  bool careful = false;  // what undefined values become is being followed

 private:
  struct Mark {
    uint32_t lanes;
    Origin origin;  // of the first
  };
  std::unordered_map<uint32_t, Mark> of_;
};

// Bytes of shared and local memory that are as good as never written because an undefined value was stored there:
// why. Only what the shadow calls unwritten is looked up, so what is written again need not be taken out.
class UndefinedBytes {
 public:
  bool any() const { return !from_.empty(); }
  void clear() { from_.clear(); }
  void add(uint64_t place, uint32_t bytes, const Origin& origin) { from_[place] = {bytes, origin}; }
  void remove(uint64_t place, uint32_t bytes);
  const Origin* find(uint64_t place) const;  // null: nobody wrote there
  // Shared memory by its window address, local memory by the thread it belongs to.
  static uint64_t place(const Warp& w, unsigned lane, ptx::Space space, uint64_t address);

 private:
  std::map<uint64_t, std::pair<uint32_t, Origin>> from_;  // by the first byte's place: how many bytes
};

// A load's result of this lane is undefined: flat operand k of the instruction. `what` says which memory, `race` the
// race that made what lies there.
void undefined_result(Warp& w, const Instr& in, unsigned lane, unsigned k, const std::string& what,
                      const std::string& race = "");

// A lane has stored an undefined register: the bytes are as good as never written, or that was the use of it.
void stored_undefined(Warp& w, const Instr& in, unsigned lane, Slot from, ptx::Space space, uint64_t address,
                      unsigned bytes);

// A straight run with every value's origin followed.
void run_carefully(WarpState& s, const Instr* from, const Instr* to);

}  // namespace sim
