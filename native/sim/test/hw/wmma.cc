// PTX ISA 9.7.14: wmma. Fragments are nobody's business, so a case loads, multiplies and stores.
#include "block.h"
#include "matrix.h"

namespace hw::wmma {
namespace {

struct Wmma {
  std::string types;       // of wmma.mma, in its order
  std::string a, b, c, d;  // PTX types
  std::string op = "";     // behind wmma.mma, for bits
  std::string after = "";
};
unsigned bits_of(const std::string& type) {
  return type == "b1"                      ? 1
         : type == "s4" || type == "u4"    ? 4
         : type == "s8" || type == "u8"    ? 8
         : type == "f16" || type == "bf16" ? 16
         : type == "f64"                   ? 64
                                           : 32;
}
unsigned registers(const std::string& type, unsigned elements, bool factor) {
  return type == "f16" && factor ? 8 : std::max(1u, elements * bits_of(type) / std::max(32u, bits_of(type)) / 32);
}
// A matrix of a block: rows lie 16 bytes further apart than they are long (sub-byte: not), blocks 256 bytes aligned.
struct Memory {
  unsigned pitch, bytes;
  Memory(const std::string& type, unsigned rows, unsigned columns) {
    const unsigned bits = bits_of(type);
    pitch = columns + (bits < 8 ? 0 : 128 / bits);
    bytes = (rows * pitch * bits / 8 + 255) / 256 * 256;
  }
};
Input elements(const std::string& type, const std::string& how, uint64_t seed, size_t bytes) {
  Input in{Bytes(bytes), 0};
  const unsigned w = std::max(1u, bits_of(type) / 8);
  for (size_t k = 0; k * w < bytes; ++k) store(in.bytes, k * w, matrix_element(type, how, seed, k), w);
  return in;
}

void wmma(Chapter& chapter, const Wmma& g, unsigned m, unsigned n, unsigned k, const std::string& layouts, const std::string& how) {
  constexpr unsigned BLOCKS = 4;
  const std::string shape = "m" + str(m) + "n" + str(n) + "k" + str(k);
  const auto l = split(layouts);  // of a, b, c and d
  auto memory = [&](unsigned which, const std::string& type, unsigned rows, unsigned columns) {
    return l[which] == "row" ? Memory(type, rows, columns) : Memory(type, columns, rows);
  };
  const Memory a = memory(0, g.a, m, k), b = memory(1, g.b, k, n), c = memory(2, g.c, m, n), d = memory(3, g.d, m, n);
  const std::string reg = g.a == "f64" ? ".b64 " : ".b32 ";
  Case out;
  out.form = "wmma.mma" + g.op + ".sync.aligned." + l[0] + "." + l[1] + "." + shape + "." + g.types + g.after;
  out.name = out.form + " c " + l[2] + " d " + l[3] + " " + how;
  std::string body = ".reg .b32 %block;\n.reg .b64 %at;\nmov.u32 %block, %ctaid.x;\n", operands;
  auto fragment = [&](char name, const std::string& type, unsigned elements, bool factor) {
    const unsigned count = registers(type, elements, factor);
    std::string list;
    for (unsigned i = 0; i < count; ++i) list += (i ? ", %" : "%") + std::string(1, name) + str(i);
    body += ".reg " + reg + "%" + name + "<" + str(count) + ">;\n";
    operands += (operands.empty() ? "{" : ", {") + list + "}";
    return "{" + list + "}";
  };
  const std::string fd = fragment('d', g.d, m * n, false), fa = fragment('a', g.a, m * k, true), fb = fragment('b', g.b, k * n, true),
                    fc = fragment('c', g.c, m * n, false);
  auto move = [&](const std::string& form, const Memory& at, const std::string& base, const std::string& list, bool load) {
    body += "mad.wide.u32 %at, %block, " + str(at.bytes) + ", " + base + ";\n" + form + " " + (load ? list + ", " : "") + "[%at], " +
            (load ? "" : list + ", ") + str(at.pitch) + ";\n";
    out.also.push_back(form);
  };
  move("wmma.load.a.sync.aligned." + l[0] + "." + shape + ".global." + g.a, a, "%in0", fa, true);
  move("wmma.load.b.sync.aligned." + l[1] + "." + shape + ".global." + g.b, b, "%in1", fb, true);
  move("wmma.load.c.sync.aligned." + l[2] + "." + shape + ".global." + g.c, c, "%in2", fc, true);
  body += out.form + " " + operands + ";\n";
  move("wmma.store.d.sync.aligned." + l[3] + "." + shape + ".global." + g.d, d, "%out", fd, false);
  out.body = body, out.block = 32, out.grid = BLOCKS, out.n_inputs = 3;
  out.out_bytes = size_t(BLOCKS) * d.bytes, out.out_stride = 16, out.raw_lanes = 16, out.hash_lanes = 16;
  out.inputs = [g, a, b, c, how, seed = seed_of(out.name)] {
    return std::vector<Input>{elements(g.a, how, seed, BLOCKS * a.bytes), elements(g.b, how, seed + 1, BLOCKS * b.bytes),
                              elements(g.c, how, seed + 2, BLOCKS * c.bytes)};
  };
  chapter.add(out);
}

}  // namespace

HW_CHAPTER(wmma) {
  const std::vector<std::string> every = {"row row row row", "row col row col", "col row col row", "col col col col"};
  auto add = [&](const Wmma& g, unsigned m, unsigned n, unsigned k, const std::vector<std::string>& layouts,
                 const std::vector<std::string>& hows) {
    for (const auto& l : layouts)
      for (const auto& how : hows)
        if (how == hows[0] || l == layouts[0]) wmma(chapter, g, m, n, k, l, how);
  };
  const std::vector<std::string> rounding = {"exact", "near", "mid", "wide", "hard"};
  for (const auto& [m, n] : std::vector<std::pair<unsigned, unsigned>>{{16, 16}, {8, 32}, {32, 8}}) {
    for (const auto& d : any("f32|f16"))
      for (const auto& c : any("f32|f16")) add({d + "." + c, "f16", "f16", c, d}, m, n, 16, every, rounding);
    add({"f32.bf16.bf16.f32", "bf16", "bf16", "f32", "f32"}, m, n, 16, every, rounding);
    for (const auto& t : any("s8|u8"))
      for (const auto& sat : any("|.satfinite"))
        add({"s32." + t + "." + t + ".s32", t, t, "s32", "s32", "", sat}, m, n, 16, every, {"any"});
  }
  add({"f32.tf32.tf32.f32", "tf32", "tf32", "f32", "f32"}, 16, 16, 8, every, rounding);
  add({"f64.f64.f64.f64", "f64", "f64", "f64", "f64"}, 8, 8, 4, every, rounding);
  for (const auto& t : any("s4|u4"))
    for (const auto& sat : any("|.satfinite"))
      add({"s32." + t + "." + t + ".s32", t, t, "s32", "s32", "", sat}, 8, 8, 32, {"row col row row", "row col col col"}, {"any"});
  for (const auto& op : any(".xor.popc|.and.popc"))
    add({"s32.b1.b1.s32", "b1", "b1", "s32", "s32", op}, 8, 8, 128, {"row col row row", "row col col col"}, {"any"});
}

}  // namespace hw::wmma
