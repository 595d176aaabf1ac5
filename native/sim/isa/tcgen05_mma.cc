// PTX ISA 9.7.16.10 tcgen05.mma: operands as written, and issue. The operation itself is tcgen05_multiply.cc's.
#include "../machine/cluster.h"
#include "../machine/program.h"
#include "chapters.h"
#include "select.h"
#include "tcgen05_multiply.h"

namespace sim {
namespace {

using umma::Kind;

// Unpacked from Instr::aux. Flat operands: d, a, b[, metadata], idesc[, scale a, scale b][, lanes ...],
// enable-input-d[, zero-column mask]
struct Shape {
  uint8_t kind, cta_group, scale_vec;
  uint8_t scale_d;  // 2^-scale_d
  uint8_t lanes;    // 0, 4 or 8 registers of disable-output-lane
  uint8_t ws : 1, sparse : 1, ashift : 1, a_in_tmem : 1, mask : 1;
  uint8_t pad[2];
};
static_assert(sizeof(Shape) == 8);

uint32_t address(Warp& w, const Instr& in, unsigned lane, unsigned flat, unsigned written) {
  return w.op_any<uint32_t>(in, flat)[lane] + uint32_t(in.info->text->operands[written].offset);
}

void issue_one(Warp& w, const Instr& in, unsigned lane) {
  const Shape s = __builtin_bit_cast(Shape, in.aux);
  auto op = std::make_unique<TensorMultiply>(w, in, lane);
  const umma::Modifiers by{Kind(s.kind), s.cta_group, bool(s.ws), bool(s.sparse), bool(s.ashift), s.scale_vec};
  auto must = [&](const std::string& wrong) {
    if (!wrong.empty()) trap(w, in, lane, Trap::illegal_instruction, wrong);
  };
  op->a_in_tmem = s.a_in_tmem;
  op->d = address(w, in, lane, 0, 0);
  unsigned at = 3;  // written operands and flat ones run together up to the lanes
  if (s.sparse) op->metadata = address(w, in, lane, at, at), ++at;
  must(umma::decode(by, w.op_any<uint32_t>(in, at)[lane], op->i)), ++at;
  if (s.a_in_tmem) {
    op->a_tmem = address(w, in, lane, 1, 1);
    if (op->i.a_mn_major)
      must("transposition of A (bit 15) of the instruction descriptor: expected 0 for A in tensor memory, got 1");
  } else {
    must(umma::decode(w.op_any<uint64_t>(in, 1)[lane], op->a));
    must(umma::check_layout(op->i, true, op->a));
  }
  must(umma::decode(w.op_any<uint64_t>(in, 2)[lane], op->b));
  must(umma::check_layout(op->i, false, op->b));
  if (s.scale_vec) {
    op->sfa = address(w, in, lane, at, at), ++at;
    op->sfb = address(w, in, lane, at, at), ++at;
  }
  for (unsigned k = 0; k < s.lanes; ++k) op->disabled[k] = w.op_any<uint32_t>(in, at++)[lane];
  op->accumulate = *w.op_any<uint32_t>(in, at) >> lane & 1, ++at;
  op->scale_d = f32((127u - s.scale_d) << 23);
  if (s.mask) {
    op->mask = std::make_shared<umma::ColumnMask>();
    must(umma::decode(op->i, w.op_any<uint64_t>(in, at)[lane], *op->mask));
  }
  op->group = cta_group_of(w, in, lane, s.cta_group);
  op->check();
  w.cta->cluster->async.issue(std::move(op), queue_of(w, QUEUE_TENSOR));
}

// A single thread issues the operation; each lane that is on issues one (PTX 9.1 #tcgen05-issue-granularity).
void issue(Warp& w, const Instr& in) {
  for (uint32_t m = w.exec; m; m &= m - 1) issue_one(w, in, unsigned(__builtin_ctz(m)));
}

bool kind_of(const Form& f, Kind& out) {
  for (const char* name : {"f16", "tf32", "f8f6f4", "i8", "mxf8f6f4", "mxf4", "mxf4nvf4"})
    if (f.has(std::string("kind::") + name)) {
      for (unsigned k = 0; k <= unsigned(Kind::mxf4nvf4); ++k)
        if (!std::strcmp(umma::name_of(Kind(k)), name)) out = Kind(k);
      return true;
    }
  return false;
}
// Table 54 of #tcgen05-mma-scale-valid-vec-size; 0: no such combination.
uint8_t scale_vec_of(const Form& f, Kind kind) {
  const bool one = f.has("scale_vec::1X"), two = f.has("scale_vec::2X"), four = f.has("scale_vec::4X") || f.has("block16");
  if (kind == Kind::mxf8f6f4) return two || four ? 0 : 1;
  if (one) return 0;
  if (kind == Kind::mxf4) return four ? 0 : 2;
  return four ? 4 : two || f.has("block32") ? 2 : 0;
}
bool collector_fits(const Form& f, bool ws, bool ashift) {
  unsigned n = 0;
  for (const std::string& t : f.op.tokens) {
    if (t.rfind("collector::", 0)) continue;
    if (++n > 1) return false;
    const std::string rest = t.substr(11), buffer = rest.substr(0, rest.find(':'));
    if (ws ? buffer.size() != 2 || buffer[0] != 'b' || buffer[1] < '0' || buffer[1] > '3' : buffer != "a") return false;
    const std::string use = rest.substr(buffer.size());
    if (use != "::fill" && use != "::use" && use != "::lastuse" && use != "::discard") return false;
    if (ashift && (use == "::fill" || use == "::use")) return false;
  }
  return true;
}

Handler mma(Form& f) {
  Shape s{};
  Kind kind;
  if (!kind_of(f, kind)) return nullptr;
  const bool ws = f.has("ws"), scaled = f.has("block_scale");
  if (f.has("cta_group::1") == f.has("cta_group::2")) return nullptr;
  s.kind = uint8_t(kind), s.cta_group = f.has("cta_group::2") ? 2 : 1;
  s.ws = ws, s.sparse = f.has("sp"), s.ashift = f.has("ashift");
  if (scaled != umma::block_scaled(kind) || (ws && (scaled || s.cta_group == 2))) return nullptr;
  if (!collector_fits(f, ws, s.ashift)) return nullptr;
  if (scaled && !(s.scale_vec = scale_vec_of(f, kind))) return nullptr;

  const auto& written = f.text.operands;
  s.a_in_tmem = written[1].kind == ptx::Operand::address;
  if (s.ashift && (!s.a_in_tmem || ws || scaled)) return nullptr;
  size_t at = 3 + s.sparse;  // idesc, in both counts: what comes before has one register an operand
  if (written.size() < at + 2 || written[0].kind != ptx::Operand::address) return nullptr;
  if (s.sparse && written[3].kind != ptx::Operand::address) return nullptr;
  ++at;
  if (scaled) {
    if (written.size() != at + 3) return nullptr;
    for (unsigned k = 0; k < 2; ++k, ++at)
      if (written[at].kind != ptx::Operand::address) return nullptr;
  }
  size_t flat = at;
  if (at < written.size() && written[at].kind == ptx::Operand::vector) {
    s.lanes = uint8_t(written[at].parts.size());
    if (scaled || ws || s.lanes != 4 * s.cta_group) return nullptr;
    flat += s.lanes, ++at;
  }
  if (flat >= f.operand.size() || f.operand[flat].bits != 1) return nullptr;
  ++flat, ++at;
  if (at < written.size()) {
    if (at + 1 != written.size()) return nullptr;
    if (ws) {
      s.mask = 1;
      f.operand[flat].imm_bits = 64;
    } else {
      // scale-input-d
      if ((kind != Kind::f16 && kind != Kind::tf32) || f.operand[flat].kind != Flat::imm || f.operand[flat].value > 15)
        return nullptr;
      s.scale_d = uint8_t(f.operand[flat].value);
    }
  }
  if (!s.a_in_tmem) f.operand[1].imm_bits = 64;
  f.operand[2].imm_bits = 64;
  for (Flat& o : f.operand)
    if (o.kind == Flat::imm && o.address) o.imm_bits = 32;
  f.aux = __builtin_bit_cast(uint64_t, s);
  return issue;
}

}  // namespace

void tcgen05_mma_rows(Rows& rows) {
  rows.add({"tcgen05.mma", NO_TYPE,
            "ws|sp|cta_group::1|cta_group::2|kind::*|block_scale|scale_vec::*|block16|block32|collector::*|ashift",
            Pattern{5, 8, 0}, Scope::ASYNC, mma, "#tcgen05-mma-instructions-mma"});
}

}  // namespace sim
