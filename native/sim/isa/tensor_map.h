// Tensor maps as instructions find them in memory.
#pragma once
#include "../machine/access.h"
#include "../machine/tensor_map.h"

namespace sim {

// The map at a generic address, which lies in parameter, constant or global memory. Whether it is one is for its user
// to check.
TensorMap read_tensor_map(Warp& w, const Instr& in, unsigned lane, uint64_t address);
// fence.proxy.tensormap::generic.acquire: the CTA's tensor copies see the map as it is now.
void acquire_tensor_map(Warp& w, uint64_t address);

}  // namespace sim
