// Memory as the rows reach it (atomics, cp.async, ldmatrix and the machine's own ld/st): every access is
// checked for space, bounds, alignment and, when the check is on, for bytes that nobody has written.
#pragma once
#include "undefined.h"

namespace sim {

using ptx::Space;

enum class Access : uint8_t { read, write, update };  // update: read and write in place (atomics)

// Base register of flat operand k plus Instr::offset[which], per lane; lanes that are off hold garbage.
// `wide`: the base is a 64-bit slot.
void addresses(Warp& w, const Instr& in, unsigned k, unsigned which, bool wide, uint64_t* out);

// Who reaches memory: the warp itself, whose accesses to shared memory must be ordered; or an operation that it
// issued, whose order Order::async_read and async_write check.
enum class Proxy : uint8_t { generic, async };

// Host bytes behind [address, address+bytes) of one lane: naturally aligned to `align` or trap. For
// Access::write the caller then writes all the bytes (they count as written from here on). Not for local
// memory, whose bytes are interleaved over lanes: use load / store.
uint8_t* resolve(Warp& w, const Instr& in, unsigned lane, Space space, uint64_t address, unsigned bytes,
                 unsigned align, Access access, Proxy proxy = Proxy::generic);

// Any space, one lane.
void load(Warp& w, const Instr& in, unsigned lane, Space space, uint64_t address, unsigned bytes, void* out);
void store(Warp& w, const Instr& in, unsigned lane, Space space, uint64_t address, unsigned bytes,
           const void* from);

// As if these bytes of shared or local memory had never been written.
void unwrite(Warp& w, const Instr& in, Space space, unsigned lane, uint64_t address, unsigned bytes);
// The same because what was stored there is undefined.
void undefine(Warp& w, const Instr& in, Space space, unsigned lane, uint64_t address, unsigned bytes, const Origin& why);

// Space of an opcode from its tokens: global, shared[::cta|::cluster], local, const, param; generic when none
// is named.
Space space_of(const ptx::Opcode& op);
// Which space a generic address lies in, and its address there.
Space space_of_generic(uint64_t address);

}  // namespace sim
