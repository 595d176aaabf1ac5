// PTX ISA 9.7.9: cp.async.bulk.tensor, cp.reduce.async.bulk.tensor.
#include "tma.h"

#include <stdexcept>

namespace hw {

const Element& element(const std::string& name) {
  for (const Element& e : ELEMENTS)
    if (name == e.name) return e;
  throw std::runtime_error("expected an element type, got " + name);
}
TensorMap tensor(const Element& e, std::vector<uint64_t> dim, std::vector<uint32_t> box, unsigned swizzle, unsigned interleave, bool nan,
                 std::vector<uint32_t> element_stride) {
  TensorMap m;
  m.type = e.type, m.rank = unsigned(dim.size()), m.dim = dim, m.box = box;
  m.element_stride = element_stride.empty() ? std::vector<uint32_t>(dim.size(), 1) : element_stride;
  m.swizzle = CUtensorMapSwizzle(swizzle), m.interleave = CUtensorMapInterleave(interleave);
  m.fill = nan ? CU_TENSOR_MAP_FLOAT_OOB_FILL_NAN_REQUEST_ZERO_FMA : CU_TENSOR_MAP_FLOAT_OOB_FILL_NONE;
  const uint64_t align = interleave == 2 ? 32 : 16;
  uint64_t pitch = dim[0] * (interleave ? 16 * interleave : e.bytes);  // interleaved: dimension 0 counts slices of 16 or 32 bytes of channels
  for (size_t k = 1; k < dim.size(); ++k) {
    pitch = (pitch + align - 1) / align * align;
    m.stride.push_back(pitch);
    pitch *= dim[k];
  }
  if (m.stride.empty()) m.stride.push_back(pitch);
  return m;
}
size_t tensor_bytes(const TensorMap& m) {
  size_t end = m.rank == 1 ? m.stride[0] : m.stride.back() * m.dim.back();
  return (end + 127) / 128 * 128;
}
unsigned box_bytes(const Element& e, const TensorMap& m) {
  unsigned n = e.bytes;
  for (size_t k = 0; k < m.box.size(); ++k) n *= (m.box[k] + m.element_stride[k] - 1) / m.element_stride[k];
  return n;
}
namespace {
std::string coordinates(Block& b, const std::vector<int>& at) {
  std::string s;
  for (size_t k = 0; k < at.size(); ++k) {
    b("mov.b32 %w" + str(k) + ", " + std::to_string(at[k]) + ";");
    s += (k ? ", %w" : "%w") + str(k);
  }
  return "{" + s + "}";
}
}  // namespace

Case load_case(const std::string& name, const Element& e, const TensorMap& m, const std::vector<Copy>& copies, unsigned bytes, unsigned smem,
               const std::string& extra) {
  Case c;
  const std::string mode = m.channels ? "im2col" : "tile";
  c.form = "cp.async.bulk.tensor." + str(m.rank) + "d.shared::cluster.global." + mode + ".mbarrier::complete_tx::bytes";
  c.name = name;
  Block b(128, smem);
  b("mov.b64 %q0, map0;\ncvta.param.u64 %q0, %q0;").fill_word(0xa5a5a5a5, smem).init(1);
  unsigned parity = 0;
  for (const Copy& copy : copies) {
    b.one()("mbarrier.arrive.expect_tx.shared.b64 _, [%mbar], " + str(bytes) + ";");
    const std::string at = coordinates(b, copy.at);
    b("add.u32 %j, %smem, " + str(copy.smem) + ";");
    b(c.form + " [%j], [%q0, " + at + "], [%mbar]" + extra + ";").all().wait(parity).sync();
    parity ^= 1;
  }
  b.dump(smem, 0, "0");
  c.body = b.text(), c.block = b.threads(), c.n_inputs = 1, c.maps = {m};
  c.out_bytes = smem, c.out_stride = 16, c.raw_lanes = 24, c.hash_lanes = 16;
  c.inputs = [kind = std::string(e.kind), bytes = tensor_bytes(m), seed = seed_of(name)] {
    return std::vector<Input>{buffer(kind, seed, bytes)};
  };
  return c;
}

Case store_case(const std::string& name, const Element& e, const TensorMap& m, const std::vector<Copy>& copies, unsigned smem, const std::string& op,
                const std::string& mode) {
  Case c;
  c.form = (op.empty() ? "cp.async.bulk.tensor." : "cp.reduce.async.bulk.tensor.") + str(m.rank) + "d.global.shared::cta" + op + "." + mode + ".bulk_group";
  c.name = name;
  Block b(128, smem);
  const unsigned bytes = unsigned(tensor_bytes(m));
  b("mov.b64 %q0, map0;\ncvta.param.u64 %q0, %q0;").fill(1, smem).to_async();
  b.one();
  for (const Copy& copy : copies) {
    const std::string at = coordinates(b, copy.at);
    b("add.u32 %j, %smem, " + str(copy.smem) + ";");
    b(c.form + " [%q0, " + at + "], [%j];\ncp.async.bulk.commit_group;\ncp.async.bulk.wait_group 0;");
  }
  b("fence.proxy.async;").all().sync().copy_out(0, bytes);
  c.body = b.text(), c.block = b.threads(), c.n_inputs = 2, c.maps = {m};
  c.out_bytes = bytes, c.out_stride = 16, c.raw_lanes = 24, c.hash_lanes = 16;
  c.inputs = [kind = std::string(e.kind), bytes, smem, seed = seed_of(name)] {
    return std::vector<Input>{buffer(kind, seed, bytes), buffer(kind, seed + 1, smem)};
  };
  return c;
}

namespace {
// Stores of a list of corners: what lies inside and over the upper edges, and what lies beyond them.
void add_stores(Chapter& chapter, const std::string& name, const Element& e, const TensorMap& m, std::vector<Copy> copies, unsigned smem, const std::string& op) {
  const Copy beyond = copies.size() > 3 ? copies[3] : Copy{};
  const bool four = copies.size() > 3;
  copies.erase(copies.begin() + 1);  // negative coordinates are refused: see tma_unaligned
  if (four) copies.pop_back();
  chapter.add(store_case(name, e, m, copies, smem, op));
  if (four) chapter.add(store_case(name + " outside", e, m, {beyond}, smem, op));
}
// A box that fills the swizzle's span, 64 bytes without one, and coordinates inside, over each edge, and outside.
std::vector<Copy> corners(const std::vector<int>& inside, const std::vector<int>& negative, const std::vector<int>& over, const std::vector<int>& outside,
                          unsigned step) {
  return {{inside, 0}, {negative, step}, {over, 2 * step}, {outside, 3 * step}};
}
unsigned span(unsigned swizzle) { return swizzle ? 16u << swizzle : 64; }
unsigned aligned(unsigned n) { return (n + 1023) / 1024 * 1024; }
// Shared memory for a box: rows of the swizzle's span even when the box is narrower.
unsigned room(const Element& e, const TensorMap& m) {
  const unsigned inner = m.channels ? m.channels * e.bytes : m.box[0] * e.bytes, all = m.channels ? inner * m.pixels : box_bytes(e, m);
  return aligned(all / inner * std::max(inner, span(m.swizzle)));
}
}  // namespace

HW_CHAPTER(tma_types) {
  for (const Element& e : ELEMENTS)
    for (unsigned swizzle = 0; swizzle < 4; ++swizzle)
      for (int nan = 0; nan < (e.floating ? 2 : 1); ++nan) {
        const unsigned inner = span(swizzle) / e.bytes;
        const TensorMap m = tensor(e, {2 * inner + 16 / e.bytes - (e.bytes < 16 ? 1 : 0), 21}, {inner, 12}, swizzle, 0, nan);
        const int k = int(inner), q = int(16 / e.bytes);
        const unsigned bytes = box_bytes(e, m), step = room(e, m);
        const std::string name = std::string(e.name) + " swizzle " + SWIZZLES[swizzle] + (nan ? " nan" : "");
        chapter.add(load_case("load 2d " + name, e, m, corners({q, 2}, {-q, -3}, {k + q, 15}, {5 * k, 40}, step), bytes, 4 * step));
        if (!nan) add_stores(chapter, "store 2d " + name, e, m, corners({q, 2}, {-q, -3}, {k + q, 15}, {5 * k, 40}, step), 4 * step, "");
      }
}

HW_CHAPTER(tma_shapes) {
  for (const auto& t : any("u8|f16|f32|f64")) {
    const Element& e = element(t);
    const unsigned q = 16 / e.bytes;
    for (unsigned swizzle : {0u, 1u, 3u}) {
      const std::string name = t + " swizzle " + SWIZZLES[swizzle];
      const int k = int(span(swizzle) / e.bytes);
      const std::vector<uint64_t> dim = {uint64_t(k) + q - 1, 9, 5, 4, 3};
      const std::vector<uint32_t> box = {uint32_t(k), 4, 3, 2, 2};
      for (unsigned rank = 1; rank <= 5; ++rank) {
        if (rank == 1 && swizzle == 3 && e.bytes == 8) continue;
        std::vector<int> inside = {int(q), 2, 1, 1, 0}, negative = {-2 * int(q), -1, -2, -1, -1}, over = {k - int(q), 7, 3, 3, 2}, outside = {0, 9, 0, 0, 0};
        for (auto* v : {&inside, &negative, &over, &outside}) v->resize(rank);
        const TensorMap m = tensor(e, {dim.begin(), dim.begin() + rank}, {box.begin(), box.begin() + rank}, swizzle);
        const unsigned bytes = box_bytes(e, m), step = room(e, m);
        chapter.add(load_case("load " + str(rank) + "d " + name, e, m, corners(inside, negative, over, outside, step), bytes, 4 * step));
        add_stores(chapter, "store " + str(rank) + "d " + name, e, m, corners(inside, negative, over, outside, step), 4 * step, "");
      }
    }
    // boxes narrower than the swizzle's span
    for (unsigned swizzle = 1; swizzle < 4; ++swizzle)
      for (unsigned inner : {16u, 32u, 48u, 64u, 96u, 112u}) {
        if (inner >= span(swizzle)) continue;
        const TensorMap m = tensor(e, {64 * q, 40}, {inner / e.bytes, 20}, swizzle);
        const unsigned bytes = box_bytes(e, m), step = room(e, m);
        const std::string name = "narrow " + str(inner) + " bytes " + t + " swizzle " + SWIZZLES[swizzle];
        chapter.add(load_case("load " + name, e, m, {{{int(q), 3}, 0}, {{-int(q), 30}, step}}, bytes, 2 * step));
        add_stores(chapter, "store " + name, e, m, {{{int(q), 3}, 0}, {{-int(q), 30}, step}}, 2 * step, "");
      }
    // element strides
    for (unsigned swizzle : {0u, 3u})
      for (const std::vector<uint32_t>& es : std::vector<std::vector<uint32_t>>{{1, 2}, {1, 3}, {2, 1}, {2, 3}, {1, 8}, {3, 2}, {4, 4}}) {
        const TensorMap m = tensor(e, {16 * q - 1, 40}, {8 * q, 16}, swizzle, 0, false, es);
        // a stride of dimension 0 counts only with an interleave: the driver says 0 is ignored there, so take what comes
        TensorMap whole = m;
        whole.element_stride[0] = 1;
        const unsigned bytes = box_bytes(e, whole), step = 4 * room(e, whole);
        const std::string name = "stride " + str(es[0]) + "," + str(es[1]) + " " + t + " swizzle " + SWIZZLES[swizzle];
        chapter.add(load_case("load " + name, e, m, {{{int(q), 3}, 0}, {{-int(q), -2}, step}, {{int(9 * q), 30}, 2 * step}}, bytes, 3 * step));
        add_stores(chapter, "store " + name, e, m, {{{int(q), 3}, 0}, {{-int(q), -2}, step}, {{int(9 * q), 30}, 2 * step}}, 3 * step, "");
      }
  }
  // boxes at the limits
  const Element& h = element("f16");
  for (const std::vector<uint32_t>& box : std::vector<std::vector<uint32_t>>{{8, 1}, {256, 1}, {8, 256}, {64, 1}, {256, 32}, {16, 3}}) {
    const TensorMap m = tensor(h, {300, 300}, box);
    const unsigned bytes = box_bytes(h, m);
    chapter.add(load_case("load box " + str(box[0]) + "x" + str(box[1]), h, m, {{{8, 11}, 0}}, bytes, aligned(bytes)));
  }
}

// The innermost coordinate counts elements, and must be a multiple of 16 bytes: here it is not.
HW_CHAPTER(tma_unaligned) {
  for (const auto& t : any("u8|f16|f32")) {
    const Element& e = element(t);
    const TensorMap m = tensor(e, {256 / e.bytes, 32}, {64 / e.bytes, 8});
    chapter.add(load_case("load at 1 " + t, e, m, {{{1, 2}, 0}}, box_bytes(e, m), 1024));
    chapter.add(load_case("load at -1 " + t, e, m, {{{-1, 2}, 0}}, box_bytes(e, m), 1024));
    chapter.add(store_case("store at 1 " + t, e, m, {{{1, 2}, 0}}, 1024, ""));
    const int q = int(16 / e.bytes);
    for (const auto& at : std::vector<std::vector<int>>{{-q, 2}, {q, -1}, {-5 * q, 2}, {q, -20}, {20 * q, 2}, {q, 40}, {13 * q, 30}})
      for (const auto& op : any("|.add")) {
        if (t == "u8" && op == ".add") continue;
        chapter.add(store_case("store" + op + " at " + std::to_string(at[0] / q) + " pieces, " + std::to_string(at[1]) + " " + t, e, m, {{at, 0}}, 1024, op));
      }
    const TensorMap odd = tensor(e, {240 / e.bytes + 1, 32}, {64 / e.bytes, 8});
    chapter.add(load_case("load of an odd row " + t, e, odd, {{{int(192 / e.bytes), 2}, 0}}, box_bytes(e, m), 1024));
    chapter.add(store_case("store to an odd row " + t, e, odd, {{{int(192 / e.bytes), 2}, 0}}, 1024, ""));
  }
}

// The pattern of a swizzle is anchored at absolute addresses: boxes that begin at any 128 bytes.
HW_CHAPTER(tma_bases) {
  for (const auto& t : any("u8|f32")) {
    const Element& e = element(t);
    for (unsigned swizzle = 0; swizzle < 4; ++swizzle)
      for (unsigned base = 0; base < 1024; base += 128) {
        const TensorMap m = tensor(e, {256 / e.bytes, 32}, {span(swizzle) / e.bytes, 9}, swizzle);
        const unsigned bytes = box_bytes(e, m);
        const std::string name = t + " swizzle " + SWIZZLES[swizzle] + " base " + str(base);
        chapter.add(load_case("load " + name, e, m, {{{16 / int(e.bytes), 2}, base}}, bytes, 4096));
        if (t == "u8") chapter.add(store_case("store " + name, e, m, {{{16 / int(e.bytes), 2}, base}}, 4096, ""));
      }
  }
}

HW_CHAPTER(tma_reduce) {
  struct Op {
    const char *op, *types;
  };
  for (const Op& o : {Op{".add", "u32|s32|u64|f16|f32|f64|bf16|f32_ftz"}, Op{".min", "u32|s32|u64|s64|f16|bf16"}, Op{".max", "u32|s32|u64|s64|f16|bf16"},
                      Op{".inc", "u32"}, Op{".dec", "u32"}, Op{".and", "u32|s32|u64|s64"}, Op{".or", "u32|s32|u64|s64"}, Op{".xor", "u32|s32|u64|s64"}})
    for (const auto& t : any(o.types)) {
      const Element& e = element(t);
      const int k = int(64 / e.bytes);
      for (unsigned swizzle : {0u, 2u}) {
        const TensorMap m = tensor(e, {uint64_t(2 * k + 1), 21}, {uint32_t(k), 8}, swizzle);
        const unsigned step = room(e, m);
        add_stores(chapter, "reduce" + std::string(o.op) + " " + t + " swizzle " + SWIZZLES[swizzle], e, m, corners({k / 4, 2}, {-k / 4, -3}, {k + k / 4, 15}, {k / 4, 3}, step),
                               4 * step, o.op);
      }
    }
}

// Dimensions W, H, D, slices of channels, N. A box takes one slice, whatever it names.
HW_CHAPTER(tma_interleave) {
  for (const auto& t : any("u8|f32"))
    for (unsigned interleave : {1u, 2u})
      for (unsigned swizzle = 0; swizzle < 4; ++swizzle)
        for (unsigned rank = 3; rank <= 5; ++rank)
          for (unsigned step : {1u, 2u}) {
            if (step == 2 && (t == "u8" || rank == 5)) continue;
            const Element& e = element(t);
            const uint32_t width = 16 / e.bytes;  // of the box; the driver wants 16 bytes of elements there
            std::vector<uint64_t> dim = {width + 5, 6, 5, 4, 3};
            std::vector<uint32_t> box = {width, 3, 2, 2, 2}, stride(rank, 1);
            if (rank < 5) dim.erase(dim.begin() + 2), box.erase(box.begin() + 2);
            if (rank < 4) dim.erase(dim.begin() + 1), box.erase(box.begin() + 1);
            stride[0] = step;
            const TensorMap m = tensor(e, dim, box, swizzle, interleave, t == "f32", stride);
            unsigned bytes = 16 * interleave * (width / step);
            for (unsigned d = 1; d < rank; ++d) bytes *= d + 2 == rank ? 1 : box[d];
            const unsigned room = aligned(bytes);
            std::vector<int> inside = {2, 1, 1, 1, 0}, negative = {-3, -1, -1, 0, 1}, over = {int(width), 4, 4, 3, 2}, outside = {0, 7, 0, 0, 0};
            if (rank == 3) outside[3] = 5;
            for (auto* v : {&inside, &negative, &over, &outside}) {
              if (rank < 5) v->erase(v->begin() + 2);
              if (rank < 4) v->erase(v->begin() + 1);
            }
            const std::string name = str(rank) + "d " + t + " interleave " + INTERLEAVES[interleave] + " swizzle " + SWIZZLES[swizzle] + " stride " + str(step);
            chapter.add(load_case("load " + name, e, m, corners(inside, negative, over, outside, room), bytes, 4 * room));
            add_stores(chapter, "store " + name, e, m, corners(inside, negative, over, outside, room), 4 * room, "");
            if (t == "f32" && swizzle < 2) add_stores(chapter, "reduce.add " + name, e, m, corners(inside, negative, over, outside, room), 4 * room, ".add");
          }
}

HW_CHAPTER(tma_im2col) {
  for (const auto& t : any("f16|u8"))
    for (unsigned rank = 3; rank <= 5; ++rank)
      for (unsigned swizzle : {0u, 3u})
        for (unsigned variant = 0; variant < 4; ++variant) {
          const Element& e = element(t);
          const uint32_t channels = 64 / e.bytes, pixels = variant == 3 ? 5 : 16;
          std::vector<uint64_t> dim = {channels + 16 / e.bytes, 7, 5, 4, 3};
          if (rank == 3) dim = {channels + 16 / e.bytes, 7, 4};
          if (rank == 4) dim = {channels + 16 / e.bytes, 7, 5, 4};
          TensorMap m = tensor(e, dim, {}, swizzle);
          m.channels = channels, m.pixels = pixels;
          m.element_stride.assign(rank, 1);
          if (variant == 2)
            for (unsigned k = 1; k + 1 < rank; ++k) m.element_stride[k] = 2;
          m.lower.assign(rank - 2, variant == 1 ? -1 : 0), m.upper.assign(rank - 2, variant == 1 ? -1 : variant == 2 ? 0 : -2);
          const unsigned bytes = channels * pixels * e.bytes, step = room(e, m);
          std::string offsets;
          for (unsigned k = 0; k + 2 < rank; ++k) offsets += std::string(k ? ", " : ", {") + (variant == 3 ? "2" : "1");
          offsets += "}";
          std::vector<int> first = {0, 0, 0, 0, 0}, mid = {int(16 / e.bytes), 2, 1, 1, 1}, last = {0, 3, 2, 1, 2};
          if (variant == 1) first = {0, -1, -1, -1, 0};
          first[rank - 1] = 0, last[rank - 1] = 2;
          for (auto* v : {&first, &mid, &last}) v->resize(rank);
          // offsets are 16-bit registers
          Case c = load_case("load " + str(rank) + "d im2col " + t + " swizzle " + SWIZZLES[swizzle] + " variant " + str(variant), e, m,
                             {{first, 0}, {mid, step}, {last, 2 * step}}, bytes, 3 * step, offsets);
          chapter.add(c);
        }
}

}  // namespace hw
