#include "mma_fragment.h"

#include "../machine/warp.h"

namespace sim {

using ptx::Type;

namespace {
struct Float {
  Type type;
  Element element;
  Expand expand;
};
constexpr Float FLOATS[] = {
    {Type::f16, Element::f16, expand<Element::f16>},    {Type::bf16, Element::bf16, expand<Element::bf16>},
    {Type::tf32, Element::tf32, expand<Element::tf32>}, {Type::e4m3, Element::e4m3, expand<Element::e4m3>},
    {Type::e5m2, Element::e5m2, expand<Element::e5m2>}, {Type::e2m3, Element::e2m3, expand<Element::e2m3>},
    {Type::e3m2, Element::e3m2, expand<Element::e3m2>}, {Type::e2m1, Element::e2m1, expand<Element::e2m1>},
};
const Float* float_of(Type t) {
  for (const Float& f : FLOATS)
    if (f.type == t) return &f;
  return nullptr;
}
}  // namespace

Expand expand_of(Type t) {
  const Float* f = float_of(t);
  return f ? f->expand : nullptr;
}
Element element_of(Type t) { return float_of(t)->element; }

void read_tile(Warp& w, const Instr& in, unsigned first, bool half, Lanes32* c) {
  for (unsigned r = 0; r < 4; ++r) {
    if (!half) {
      std::memcpy(c[r], w.op_any<float>(in, first + r), sizeof c[r]);
    } else {
      const uint32_t* x = w.op_any<uint32_t>(in, first + r / 2);
      SIM_EACH_LANE(l) c[r][l] = f16_to_f32(x[l] >> (16 * (r % 2)) & 0xffff);
    }
  }
}
void write_tile(Warp& w, const Instr& in, unsigned first, bool half, const Lanes32* d) {
  if (half) {
    for (unsigned r = 0; r < 4; r += 2) {
      uint32_t* x = w.op_any<uint32_t>(in, first + r / 2);
      SIM_EACH_LANE(l) x[l] = f32_to_f16_rn(bits(d[r][l])) | f32_to_f16_rn(bits(d[r + 1][l])) << 16;
    }
  } else {
    // one loop over all 128 numbers first: four short ones gcc would unroll into scalar code
    alignas(64) uint32_t out[4 * LANES];
    const float* v = d[0];
    for (unsigned i = 0; i < 4 * LANES; ++i) out[i] = canonical(v[i]);
    for (unsigned r = 0; r < 4; ++r) std::memcpy(w.op_any<uint32_t>(in, first + r), out + LANES * r, sizeof d[r]);
  }
}

}  // namespace sim
