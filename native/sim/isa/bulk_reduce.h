// Element-wise reductions of bulk and tensor copies.
// PTX ISA 9.7.9.25.4.2 #data-movement-and-conversion-instructions-cp-reduce-async-bulk
#pragma once
#include <cstdint>

#include "../machine/tensor_map.h"
#include "../parse/ptx.h"

namespace sim {

enum class ReduceOp : uint8_t { none, add, min, max, inc, dec, and_, or_, xor_ };
ReduceOp reduce_op_of(const ptx::Opcode& op);

// to[k] = op(to[k], from[k]) for `bytes` of elements, each at once for other threads of the host too.
using Reduce = void (*)(uint8_t* to, const uint8_t* from, uint32_t bytes);
// nullptr: PTX has no such reduction.
Reduce reduce_of(ReduceOp op, ptx::Type type, bool to_shared);
Reduce tensor_reduce_of(ReduceOp op, TensorMap::Element element);

}  // namespace sim
