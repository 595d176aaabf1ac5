#include "choose.h"

#include <bit>

#include "specials.h"
#include "warp.h"

namespace sim {

using ptx::Function;
using ptx::Instruction;
using ptx::Operand;
using ptx::ParseError;

void no_semantics(Warp& w, const Instr& in) { trap(w, in, "no semantics for " + in.info->text->op.text); }

bool is_flow(const Instruction& in) {
  const std::string& m = in.op.tokens[0];
  return m == "bra" || m == "brx" || m == "call" || m == "ret" || m == "exit";
}
std::string at(const Instruction& in) { return "PTX line " + std::to_string(in.line) + ": "; }

namespace {

// Immediates in the opcode's last type.
uint64_t literal(const Instruction& in, const Operand& o) {
  Type t = in.op.types.empty() ? Type::b32 : in.op.types.back();
  if (o.kind == Operand::f64_bits && (t == Type::f32 || t == Type::f32x2))
    return std::bit_cast<uint32_t>(float(std::bit_cast<double>(o.value)));
  if (o.kind == Operand::f32_bits && t == Type::f64)
    return std::bit_cast<uint64_t>(double(std::bit_cast<float>(uint32_t(o.value))));
  // a negative 16-bit constant: the upper half of its slot is zero like any 16-bit register's
  if (ptx::bits_of(t) == 16 && int64_t(o.value) < 0 && int64_t(o.value) >= -32768) return uint16_t(o.value);
  return o.value;
}

void flatten(const Function& f, const Instruction& in, const Operand& o, uint8_t written, bool address,
             std::vector<Flat>& out) {
  Flat flat;
  flat.written = written, flat.address = address;
  bool wide = !in.op.types.empty() && ptx::bits_of(in.op.types.back()) >= 64;
  switch (o.kind) {
    case Operand::vector:
    case Operand::pair:
      for (const Operand& part : o.parts) flatten(f, in, part, written, false, out);
      return;
    case Operand::address:
      for (size_t k = 0; k < o.parts.size(); ++k) flatten(f, in, o.parts[k], written, k == 0, out);
      return;
    case Operand::reg: {
      Type t = f.registers[o.value];
      flat.kind = t == Type::pred ? Flat::pred : Flat::reg;
      flat.bits = uint8_t(ptx::bits_of(t));
      break;
    }
    case Operand::special: {
      const Special* s = special_of(o.name);
      if (!s)
        throw ParseError(at(in) + "expected a register of this function or a special register, found '" +
                         o.name + "'");
      flat.bits = s->bits;
      if (s->bits == 1) flat.kind = Flat::pred;
      break;
    }
    case Operand::symbol: flat.bits = address || wide || in.op.types.empty() ? 64 : 32; break;
    case Operand::sink: flat.kind = Flat::sink; break;
    default:
      flat.kind = Flat::imm;
      flat.imm_bits = wide || address ? 64 : 32;
      flat.value = literal(in, o);
  }
  out.push_back(flat);
}

}  // namespace

Choice Chooser::choose(const Function& f, const Instruction& in) {
  Choice c;
  Form form{in, in.op, {}, 0, false, true};
  form.entry = f.entry;
  for (size_t k = 0; k < in.operands.size(); ++k) {
    const Operand& o = in.operands[k];
    bool code = is_flow(in) && (o.kind != Operand::reg);  // labels, function names, argument lists
    if (!code) flatten(f, in, o, uint8_t(k), false, form.operand);
  }
  std::string key = in.op.text + "/" + std::to_string(in.operands.size());
  auto it = found_.find(key);
  if (it == found_.end()) it = found_.emplace(key, Rows::get().find(in)).first;
  for (const Row* row : it->second) {
    Form tried = form;
    Handler fn = row->select(tried);
    if (!fn) continue;
    c = {fn, row, std::move(tried.operand), tried.aux, tried.may_block};
    return c;
  }
  c.operands = std::move(form.operand);
  return c;
}

}  // namespace sim
