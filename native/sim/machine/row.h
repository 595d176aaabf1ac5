// The registry of instruction semantics. A chapter of the PTX ISA is a file in isa/ that adds rows;
// chapters.h lists the files.
//
//   void integer_rows(Rows& rows) {
//     //        name    types     modifiers  operands  scope        select      anchor
//     rows.add({"add",  I16_64,   "sat",     D_A_B,    Scope::LANE, pick<Add>,  "#integer-..-add"});
//   }
//
// A row matches an instruction when its name is a prefix of the opcode's tokens ("bar.warp.sync" may be a
// name), every type of the opcode is in `types`, every other token is in `modifiers` ('|'-separated words; a
// word ending in '*' matches by prefix: "L1::*"), and the number of operands fits. Longer names are tried
// first, then rows in order of addition. select() then returns the handler for this exact form, or nullptr:
// then later rows are tried. No row: "no semantics for <opcode>" when the instruction is executed.
#pragma once
#include <initializer_list>
#include <map>
#include <string>
#include <vector>

#include "../parse/ptx.h"
#include "instr.h"

namespace sim {

using ptx::Type;
using TypeSet = uint64_t;
constexpr TypeSet types(std::initializer_list<Type> list) {
  TypeSet s = 0;
  for (Type t : list) s |= TypeSet(1) << unsigned(t);
  return s;
}
inline constexpr TypeSet NO_TYPE = 0, ANY_TYPE = ~TypeSet(0);

// Who takes part. LANE: each lane alone. WARP: lanes exchange data: the machine gathers the lanes named by
// the member mask (see Pattern::member_mask; `.aligned` without a mask means all lanes) before the handler
// runs once for them together (WARPGROUP: for each of its warps). CTA and CLUSTER rows may park the warp; ASYNC
// rows enqueue on a proxy.
enum class Scope : uint8_t { LANE, WARP, WARPGROUP, CTA, CLUSTER, ASYNC, CONTROL };

struct Pattern {
  uint8_t min = 0, max = 0;  // operands as written (a vector or d|p counts one)
  uint8_t dst = 1;           // how many leading ones are written: 0 or 1
  int8_t member_mask = -1;   // WARP: which operand as written (negative counts from the end: -2 is the last)
                             // is the member mask; -1 none
  bool updates = false;      // the leading operand is read as well (wgmma's accumulator)
};
inline constexpr Pattern D_A{2, 2}, D_A_B{3, 3}, D_A_B_C{4, 4}, D_A_B_C_D{5, 5}, D{1, 1};

// One flat operand as the selector sees it.
struct Flat {
  enum Kind : uint8_t { reg, pred, imm, sink } kind = reg;  // symbols and special registers are reg
  uint8_t bits = 32;  // declared width of the register (8..128, 1 for predicates): ld, st and cvt allow wider
                      // than the type
  uint8_t written = 0;    // index of the operand as written
  uint8_t imm_bits = 32;  // immediates: width of the broadcast slot, 32 or 64. Preset: 64 when the opcode's
                          // last type has 64 bits; the selector corrects it (shift amounts, mad.wide's c)
  bool address = false;   // base of [base+offset]
  uint64_t value = 0;     // immediates: bits, floats already in the opcode's last type
};

struct Form {
  const ptx::Instruction& text;
  const ptx::Opcode& op;
  std::vector<Flat> operand;
  uint64_t aux = 0;        // copied to Instr::aux
  bool may_block = false;  // the handler may park the warp or change Warp::next: it ends a straight run (WARP
                           // rows: set by the machine)
  bool entry = true;       // in a kernel, not in a device function
  bool has(std::string_view m) const { return op.has(m); }
  Type type(size_t k = 0) const { return op.type(k); }
  size_t n_types() const { return op.types.size(); }
};
using Select = Handler (*)(Form&);

struct Row {
  const char* name;
  TypeSet types;
  const char* modifiers;
  Pattern operands;
  Scope scope;
  Select select;
  const char* anchor;
};

class Rows {
 public:
  void add(const Row& row);
  // Rows that fit by name, types, modifiers and operand count, most specific name first.
  std::vector<const Row*> find(const ptx::Instruction& in) const;
  const std::vector<Row>& all() const { return rows_; }
  static const Rows& get();  // every chapter, built once

 private:
  std::vector<Row> rows_;
};

}  // namespace sim
