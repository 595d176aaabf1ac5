// PTX ISA 9.7.9.26 to 28: tensor maps in memory.
#include "tensor_map.h"

#include "chapters.h"
#include "select.h"

namespace sim {

namespace {
std::string hex(uint64_t v) {
  char s[24];
  std::snprintf(s, sizeof s, "0x%llx", static_cast<unsigned long long>(v));
  return s;
}
}  // namespace

TensorMap read_tensor_map(Warp& w, const Instr& in, unsigned lane, uint64_t address) {
  if (address % 64)
    trap(w, in, lane, Trap::misaligned, "a tensor map lies at a multiple of 64, found " + hex(address));
  const Space space = space_of_generic(address);
  if (space != Space::global && space != Space::param)
    trap(w, in, lane, Trap::illegal_address,
         "a tensor map lies in parameter, constant or global memory, found " + hex(address));
  TensorMap m;
  load(w, in, lane, Space::generic, address, sizeof m, &m);
  return m;
}

}  // namespace sim
