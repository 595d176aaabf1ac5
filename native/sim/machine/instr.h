// The decoded instruction: one handler call does it for all lanes of a warp.
//
// Contract between the machine and the ISA rows
//  * Registers are 32 lanes wide, struct of arrays. A register of up to 32 bits (b8, b16, f16, b32, f32 ...)
//    takes a 32-bit slot (uint32_t[32]); of 64 bits uint64_t[32]; of 128 bits 16 bytes x 32. A predicate is
//    one uint32_t, bit l for lane l. The upper bits of an 8- or 16-bit register in its 32-bit slot are ZERO:
//    whoever writes it keeps that.
//  * Immediates, symbols and special registers (%tid.x, %laneid ...) are slots too, broadcast beforehand: a
//    handler has one form. Negated predicates (!p) are resolved before the handler. A sink `_` is a slot
//    nobody reads.
//  * Operands are flat and in the order of the text: vectors {a,b} and pairs d|p give one operand an element;
//    an address [r+8] gives its base register, its constant in Instr::offset (first and second address of the
//    instruction).
//  * A handler acts on the lanes of Warp::exec and leaves the other lanes of its destinations alone.
//  Computing
//    lanes that are off is fine (and fast) as long as nothing of it is seen: so no division by zero, no
//    memory access, no trap for a lane that is off.
//  * A destination may be the very slot of a source of the same width, never a partial overlap: lane l may be
//    written once lane l was read; handlers that read across lanes copy their source first. An instruction
//    with several destinations shares none of them with a source.
//  * A handler throws through trap() and writes nothing then.
#pragma once
#include <cstdint>

namespace sim {

struct Warp;
struct Instr;
using Handler = void (*)(Warp&, const Instr&);

// Byte offset into one of the warp's banks; bit 0 is the bank (0 registers, 1 the function's constants),
// offsets are multiples of 4.
struct Slot {
  uint32_t bits = 0;
};

struct InstrInfo;  // what only traps and rare paths want: text, line, parsed operands (see program.h)

struct alignas(64) Instr {
  Handler fn = nullptr;
  Slot op[6];                  // the first six operands
  const Slot* more = nullptr;  // all of them (mma, v8, tcgen05.ld)
  int32_t offset[2] = {0, 0};  // constants of the first and second address operand
  uint64_t aux = 0;            // the row's own: a lookup table, a comparison, a shape
  const InstrInfo* info = nullptr;
};
static_assert(sizeof(Instr) == 64, "one cache line an instruction");

}  // namespace sim
