// PTX ISA 9.7.9.28 tensormap.replace and 9.7.13.16 tensormap.cp_fenceproxy. A tensor map that a kernel changes is seen
// by its tensor copies once fence.proxy.tensormap::generic.acquire of it lies between.
#include "tensor_map.h"

#include "../machine/cluster.h"
#include "chapters.h"
#include "select.h"

namespace sim {

namespace {

void changed(Launch& l, uint64_t address) {
  std::lock_guard hold(l.map_lock);
  ++l.map_changes[address];
  l.maps_changed = true;
}
uint32_t changes(Launch& l, uint64_t address) {
  if (!l.maps_changed) return 0;
  std::lock_guard hold(l.map_lock);
  auto it = l.map_changes.find(address);
  return it == l.map_changes.end() ? 0 : it->second;
}

}  // namespace

TensorMap read_tensor_map(Warp& w, const Instr& in, unsigned lane, uint64_t address) {
  if (address % 64)
    trap(w, in, lane, Trap::misaligned, "a tensor map lies at a multiple of 64, found " + hex(address));
  const Space space = space_of_generic(address);
  if (space != Space::global && space != Space::param)
    trap(w, in, lane, Trap::illegal_address,
         "a tensor map lies in parameter, constant or global memory, found " + hex(address));
  Launch& l = *w.cta->launch;
  if (const uint32_t n = changes(l, address); n && l.config.check_order) {
    auto it = w.cta->maps_acquired.find(address);
    if (it == w.cta->maps_acquired.end() || it->second < n)
      trap(w, in, lane, Trap::race,
           "the tensor map at " + hex(address) +
               " was changed by this launch, and no fence.proxy.tensormap::generic.acquire of it lies between");
  }
  TensorMap m;
  load(w, in, lane, Space::generic, address, sizeof m, &m);
  return m;
}

void acquire_tensor_map(Warp& w, uint64_t address) {
  if (const uint32_t n = changes(*w.cta->launch, address)) w.cta->maps_acquired[address] = n;
}

namespace tensor_map_chapter {
namespace {

enum Field : uint8_t {
  global_address,
  rank,
  box_dim,
  global_dim,
  global_stride,
  element_stride,
  elemtype,
  interleave_layout,
  swizzle_mode,
  swizzle_atomicity,
  fill_mode,
  fields
};
constexpr const char* FIELD_NAMES[fields] = {
    "global_address", "rank",     "box_dim",           "global_dim",   "global_stride",     "element_stride",
    "elemtype",       "interleave_layout", "swizzle_mode", "swizzle_atomicity", "fill_mode"};
// How many values a field has: of the table "tensormap new_val validity", and of ordinals.
constexpr uint8_t VALUES[fields] = {0, 5, 0, 0, 0, 0, 16, 3, 5, 4, 2};
constexpr uint8_t ORDINALS[fields] = {0, 0, 5, 5, 4, 5, 0, 0, 0, 0, 0};

// Unpacked from Instr::aux. Flat operands: address[, ordinal], value
struct Shape {
  uint8_t field, space, wide_address, wide_value, value, ordinal, pad[2];
};

void set(TensorMap& m, Field f, uint8_t ordinal, uint64_t v) {
  switch (f) {
    case global_address: m.address = v; break;
    case rank: m.rank = uint8_t(v + 1); break;  // zero-based
    case box_dim: m.box[ordinal] = uint16_t(v); break;
    case global_dim: m.dim[ordinal] = v; break;
    case global_stride: m.stride[ordinal] = v; break;
    case element_stride: m.element_stride[ordinal] = uint8_t(v); break;
    case elemtype: m.element = TensorMap::Element(v); break;
    case interleave_layout: m.interleave = TensorMap::Interleave(v); break;
    case swizzle_mode: m.swizzle = TensorMap::Swizzle(v); break;
    case swizzle_atomicity: m.atom = TensorMap::Atom(v); break;
    case fill_mode: m.fill = TensorMap::Fill(v); break;
    default: break;
  }
}

void replace_run(Warp& w, const Instr& in) {
  const Shape s = __builtin_bit_cast(Shape, in.aux);
  uint64_t at[LANES];
  addresses(w, in, 0, 0, s.wide_address, at);
  for (uint32_t k = w.exec; k; k &= k - 1) {
    const unsigned l = unsigned(__builtin_ctz(k));
    Space space = Space(s.space);
    uint64_t a = at[l];
    if (space == Space::generic) {
      space = space_of_generic(a);
      if (space == Space::shared) a &= 0xffffffff;
    }
    if (space != Space::global && space != Space::shared)
      trap(w, in, l, Trap::illegal_address,
           "tensormap.replace is for maps in global or shared memory, found " + hex(at[l]));
    if (space == Space::shared && w.cta->cluster->owner(a) != w.cta)
      trap(w, in, l, Trap::illegal_address, "tensormap.replace reaches the executing CTA's shared memory only, found " + hex(a));
    TensorMap m;
    std::memcpy(&m, resolve(w, in, l, space, a, sizeof m, 64, Access::read), sizeof m);
    // a map may be made of zeros, field by field
    if (m.magic == 0) m.magic = TensorMap::MAGIC, m.kind = TensorMap::Kind::tiled, m.rank = 1;
    if (m.magic != TensorMap::MAGIC)
      trap(w, in, l, "tensormap.replace found 128 bytes that are no tensor map: cuTensorMapEncode did not make them");
    if (m.kind != TensorMap::Kind::tiled) trap(w, in, l, "tensormap.replace.tile found a map that is not tiled");
    const uint64_t v = s.wide_value ? w.op_any<uint64_t>(in, s.value)[l] : w.op_any<uint32_t>(in, s.value)[l];
    const unsigned limit = VALUES[s.field];
    if (limit && v >= limit)
      trap(w, in, l, std::string("tensormap.replace of ") + FIELD_NAMES[s.field] + " takes 0 to " +
                         std::to_string(limit - 1) + ", found " + std::to_string(v));
    if ((s.field == box_dim && v > 256) || (s.field == element_stride && v > 8))
      trap(w, in, l, std::string("tensormap.replace of ") + FIELD_NAMES[s.field] + " found " + std::to_string(v));
    set(m, Field(s.field), s.ordinal, v);
    std::memcpy(resolve(w, in, l, space, a, sizeof m, 64, Access::write), &m, sizeof m);
    if (space == Space::global) changed(*w.cta->launch, a);
  }
}

Handler replace(Form& f) {
  Shape s{};
  s.field = fields;
  for (uint8_t k = 0; k < fields; ++k)
    if (f.has(FIELD_NAMES[k])) {
      if (s.field != fields) return nullptr;
      s.field = k;
    }
  if (s.field == fields || !f.has("tile") || !f.has("b1024") || f.n_types() != 1) return nullptr;
  const bool ordinal = ORDINALS[s.field] != 0;
  const Type type = s.field == global_address || s.field == global_stride ? Type::b64 : Type::b32;
  if (f.type() != type || f.operand.size() != 2u + ordinal) return nullptr;
  if (ordinal) {
    if (f.operand[1].kind != Flat::imm || f.operand[1].value >= ORDINALS[s.field]) return nullptr;
    s.ordinal = uint8_t(f.operand[1].value);
  }
  Flat& value = f.operand[1 + ordinal];
  if (s.field >= elemtype && value.kind != Flat::imm) return nullptr;
  const Flat& a = f.operand[0];
  s.wide_address = (a.kind == Flat::imm ? a.imm_bits : a.bits) == 64;
  s.wide_value = type == Type::b64;
  if (value.kind == Flat::imm) value.imm_bits = type == Type::b64 ? 64 : 32;
  s.value = uint8_t(1 + ordinal), s.space = uint8_t(space_of(f.op));
  f.aux = __builtin_bit_cast(uint64_t, s);
  return replace_run;
}

// One copy by the whole warp, then a release towards the tensormap proxy.
void cp_fenceproxy(Warp& w, const Instr& in) {
  const unsigned l = unsigned(__builtin_ctz(w.exec));
  uint64_t to[LANES], from[LANES];
  addresses(w, in, 0, 0, in.aux & 1, to), addresses(w, in, 1, 1, in.aux & 2, from);
  uint8_t bytes[128];
  std::memcpy(bytes, resolve(w, in, l, Space::shared, from[l], 128, 64, Access::read), 128);
  std::memcpy(resolve(w, in, l, Space::global, to[l], 128, 64, Access::write), bytes, 128);
  changed(*w.cta->launch, to[l]);
  w.cta->cluster->order.fence(w, false, true);
}
Handler select_cp(Form& f) {
  if (!f.has("global") || !f.has("shared::cta") || !f.has("tensormap::generic") || !f.has("release")) return nullptr;
  if (!f.has("sync") || !f.has("aligned") || f.operand.size() != 3) return nullptr;
  if (f.operand[2].kind != Flat::imm || f.operand[2].value != 128) return nullptr;
  auto wide = [](const Flat& o) { return (o.kind == Flat::imm ? o.imm_bits : o.bits) == 64; };
  f.aux = uint64_t(wide(f.operand[0])) | uint64_t(wide(f.operand[1])) << 1;
  return cp_fenceproxy;
}

}  // namespace

void add_rows(Rows& rows) {
  constexpr const char* words =
      "tile|global_address|rank|box_dim|global_dim|global_stride|element_stride|elemtype|interleave_layout|"
      "swizzle_mode|swizzle_atomicity|fill_mode|global|shared::cta|b1024";
  // clang-format off
  //        name                       types       modifiers operands         scope        select     anchor
  rows.add({"tensormap.replace",       B32_64,     words,    Pattern{2, 3, 0}, Scope::LANE, replace,   "#data-movement-and-conversion-instructions-tensormap-replace"});
  rows.add({"tensormap.cp_fenceproxy", NO_TYPE,    "global|shared::cta|tensormap::generic|release|cta|cluster|gpu|sys|sync|aligned",
                                                             Pattern{3, 3, 0}, Scope::WARP, select_cp, "#parallel-synchronization-and-communication-instructions-tensormap-cp-fenceproxy"});
  // clang-format on
}

}  // namespace tensor_map_chapter
}  // namespace sim
