// PTX ISA 9.7.15: wgmma.mma_async, dense and sparse. Shared memory holds values wherever one looks, so a descriptor that is read differently shows.
#include "block.h"
#include "matrix.h"

namespace hw::wgmma {
namespace {

constexpr unsigned SMEM = 40960, B_AT = 8192;

struct Matrix {
  unsigned start, lbo, sbo, swizzle, base = 0;  // swizzle: 0 none, 1 32B, 2 64B, 3 128B, as in a tensor map
  bool mn = false;
};
uint64_t descriptor(const Matrix& m) {
  static constexpr uint64_t MODE[] = {0, 3, 2, 1};
  return uint64_t(m.lbo >> 4) << 16 | uint64_t(m.sbo >> 4) << 32 | uint64_t(m.base) << 49 | MODE[m.swizzle] << 62;  // + start >> 4, at run time
}

struct Wgmma {
  std::string name, types, a_kind, b_kind, how = "exact";  // types: "f32.f16.f16"
  unsigned n = 64, k = 16;
  Matrix a, b;
  bool a_regs = false, accumulate = true;
  int scale_a = 1, scale_b = 1;
  unsigned times = 1;
  std::string words = "";  // .satfinite, before the types
  bool sparse = false;
  unsigned selector = 0;
};

unsigned bits_of(const std::string& kind) {
  return kind == "tf32" ? 32 : kind == "f16" || kind == "bf16" ? 16 : kind == "b1" ? 1 : 8;
}
Input elements(const std::string& kind, const std::string& how, uint64_t seed, size_t bytes) {
  Input in{Bytes(bytes), 0};
  const unsigned w = std::max(1u, bits_of(kind) / 8);
  for (size_t k = 0; k * w < bytes; ++k) store(in.bytes, k * w, matrix_element(kind, how, seed, k), w);
  return in;
}

void wgmma(Chapter& chapter, const Wgmma& g) {
  const auto t = split(g.types, '.');
  const bool half = t[0] == "f16", integer = t[0] == "s32", transposable = t[1] == "f16" || t[1] == "bf16";
  const unsigned regs = g.n / (half ? 4 : 2);
  Case c;
  c.specific = true;
  c.form = "wgmma.mma_async." + std::string(g.sparse ? "sp." : "") + "sync.aligned.m64n" + str(g.n) + "k" + str(g.k) + g.words + "." + g.types;
  c.name = c.form + " " + g.name;
  if (t[1] == "b1") c.form += ".and.popc";
  Block b(128, SMEM);
  std::string d;
  for (unsigned k = 0; k < regs; ++k) d += (k ? ", %d" : "%d") + str(k);
  b(".reg .b32 %d<" + str(regs) + ">, %a<4>;");
  b.fill(0, B_AT).fill(1, SMEM - B_AT, B_AT).to_async();
  b("mul.wide.u32 %at, %thread, " + str(4 * regs) + ";\nadd.u64 %q1, %at, %out;\nadd.u64 %q2, %at, %in2;");
  for (unsigned k = 0; k < regs; ++k) b("ld.global.b32 %d" + str(k) + ", [%q2+" + str(4 * k) + "];");
  b("mul.wide.u32 %at, %thread, 16;\nadd.u64 %at, %at, %in0;\nld.global.v4.b32 {%a0, %a1, %a2, %a3}, [%at];");
  if (g.sparse) b(".reg .b32 %e;\nmul.wide.u32 %at, %thread, 4;\nadd.u64 %at, %at, %in3;\nld.global.b32 %e, [%at];");
  auto describe = [&](const std::string& reg, const Matrix& m, unsigned at) {
    b("add.u32 %j, %smem, " + str(at + m.start) + ";\nshr.u32 %j, %j, 4;\nand.b32 %j, %j, 0x3fff;\ncvt.u64.u32 " + reg + ", %j;\nor.b64 " + reg + ", " + reg +
      ", " + str(descriptor(m)) + ";");
  };
  describe("%q3", g.a, 0), describe("%q4", g.b, B_AT);
  b("setp.eq.u32 %p0, " + str(g.accumulate ? 0 : 1) + ", 0;\nwgmma.fence.sync.aligned;");
  for (unsigned k = 0; k < g.times; ++k) {
    std::string text = c.form + " {" + d + "}, " + (g.a_regs ? "{%a0, %a1, %a2, %a3}" : "%q3") + ", %q4, " + (g.sparse ? "%e, " + str(g.selector) + ", " : "") + "%p0";
    if (!integer) text += ", " + std::to_string(g.scale_a) + ", " + std::to_string(g.scale_b);
    if (transposable) text += (g.a_regs ? "" : ", " + str(g.a.mn)) + ", " + str(g.b.mn);
    b(text + ";");
  }
  b("wgmma.commit_group.sync.aligned;\nwgmma.wait_group.sync.aligned 0;");
  for (unsigned k = 0; k < regs; ++k) b("st.global.b32 [%q1+" + str(4 * k) + "], %d" + str(k) + ";");
  c.body = b.text(), c.block = 128, c.n_inputs = g.sparse ? 4 : 3, c.out_bytes = 128 * 4 * regs, c.out_stride = 4;
  c.raw_lanes = g.how == "exact" ? 64 : g.sparse ? 256 : 2048, c.hash_lanes = 256;
  c.inputs = [g, t, regs, half, integer, seed = seed_of(g.types + g.how)] {
    Input d{Bytes(128 * 4 * regs), 0};
    for (size_t k = 0; k < 128 * regs; ++k)
      if (integer)
        store(d.bytes, 4 * k, uint64_t(int64_t(word(seed, k) % 2001) - 1000) & 0xffffffff, 4);
      else if (half)
        store(d.bytes, 4 * k, matrix_element("f16", g.how, seed + 5, 2 * k) | matrix_element("f16", g.how, seed + 5, 2 * k + 1) << 16, 4);
      else
        store(d.bytes, 4 * k, matrix_element("f32", g.how, seed + 5, k), 4);
    std::vector<Input> in = {elements(g.a_kind, g.how, seed, B_AT), elements(g.b_kind, g.how, seed + 1, SMEM - B_AT), d};
    if (!g.sparse) return in;
    in.push_back({Bytes(128 * 4), 4});
    for (size_t k = 0; k < 128; ++k) store(in[3].bytes, 4 * k, sparse_metadata(t[1] == "tf32" ? "tf32" : "ordered", seed + 7, k), 4);
    return in;
  };
  chapter.add(c);
}

// Layouts that put the tiles one behind the other, as a TMA box leaves them.
Matrix layout(unsigned swizzle, bool mn, unsigned es, unsigned start = 0) {
  const unsigned w = 16u << swizzle;  // bytes of a row of the atom
  if (!mn) return swizzle ? Matrix{start, 16, 8 * w, swizzle} : Matrix{start, 128, 256, swizzle};
  (void)es;
  return swizzle ? Matrix{start, 16 * w, 8 * w, swizzle, 0, true} : Matrix{start, 128, 256, swizzle, 0, true};
}
std::string words(const char* who, const Matrix& m) {
  static const char* S[] = {"none", "32B", "64B", "128B"};
  return std::string(who) + (m.mn ? " MN " : " K ") + S[m.swizzle] + " start " + str(m.start) + " lbo " + str(m.lbo) + " sbo " + str(m.sbo) +
         (m.base ? " base " + str(m.base) : "");
}
void layouts(Chapter& chapter, Wgmma g, const Matrix& a, const Matrix& b, const std::string& more = "") {
  g.a = a, g.b = b, g.name = words("A", a) + ", " + words("B", b) + more;
  wgmma(chapter, g);
}
}  // namespace

HW_CHAPTER(wgmma) {
  const Wgmma f16{"", "f32.f16.f16", "f16", "f16"};
  for (unsigned sa = 0; sa < 4; ++sa)
    for (unsigned sb = 0; sb < 4; ++sb)
      for (const bool ta : {false, true})
        for (const bool tb : {false, true})
          if (sa == sb || (sa == 3 && sb != 3)) layouts(chapter, f16, layout(sa, ta, 2), layout(sb, tb, 2));
  // strides that are nobody's, starts inside an atom, bases off the pattern
  for (unsigned s = 0; s < 4; ++s) {
    const unsigned w = 16u << s;
    for (const bool mn : {false, true}) {
      layouts(chapter, f16, layout(s, mn, 2), Matrix{0, 2048 + 128, 1024 + 256, s, 0, mn});
      layouts(chapter, f16, layout(s, mn, 2), Matrix{1024, 512, 2048, s, 0, mn});
      layouts(chapter, f16, Matrix{0, 1024, 512, s, 0, mn}, Matrix{0, 1024, 2048, s, 0, mn});
      layouts(chapter, f16, layout(s, mn, 2), Matrix{0, 0, 1024, s, 0, mn});
    }
    for (unsigned start : {16u, 32u, 48u, 64u, 96u})
      if (start < w) layouts(chapter, f16, layout(s, false, 2), layout(s, false, 2, start));
    for (unsigned start : {128u, 256u, 512u, 896u})
      for (unsigned base : {0u, start / 128})
        layouts(chapter, f16, layout(s, false, 2), [&] {
          Matrix m = layout(s, false, 2, start);
          m.base = base;
          return m;
        }());
  }
  for (unsigned n : {8u, 16u, 24u, 40u, 96u, 128u, 192u, 256u})
    for (unsigned s : {0u, 3u}) {
      Wgmma g = f16;
      g.n = n;
      layouts(chapter, g, layout(s, false, 2), layout(s, false, 2));
      layouts(chapter, g, layout(s, true, 2), layout(s, n == 256 && s == 3 ? false : true, 2));
    }
  struct Types {
    const char *types, *a, *b;
    unsigned k;
  };
  std::vector<Types> all = {{"f16.f16.f16", "f16", "f16", 16}, {"f32.bf16.bf16", "bf16", "bf16", 16}, {"f32.tf32.tf32", "tf32", "tf32", 8},
                            {"s32.s8.s8", "any", "any", 32},   {"s32.u8.u8", "any", "any", 32},       {"s32.s8.u8", "any", "any", 32},
                            {"s32.u8.s8", "any", "any", 32},   {"s32.b1.b1", "b1", "b1", 256}};
  static const char* FP8[] = {"e4m3", "e5m2"};
  for (const char* d : {"f32", "f16"})
    for (const char* a : FP8)
      for (const char* b : FP8) {
        static std::vector<std::string> keep;
        keep.reserve(64);
        keep.push_back(std::string(d) + "." + a + "." + b);
        all.push_back({keep.back().c_str(), a, b, 32});
      }
  for (const Types& t : all) {
    Wgmma g{"", t.types, t.a, t.b};
    g.k = t.k;
    const std::string types = t.types;
    const bool integer = types[0] == 's', transposable = types.find("f16.f16") != std::string::npos || types.find("bf16") != std::string::npos;
    for (unsigned s = 0; s < 4; ++s) {
      layouts(chapter, g, layout(s, false, 1), layout(s, false, 1));
      if (transposable) layouts(chapter, g, layout(s, true, 2), layout(s, true, 2));
    }
    g.a_regs = true;
    layouts(chapter, g, layout(0, false, 1), layout(3, false, 1), ", A in registers");
    g.a_regs = false, g.accumulate = false;
    layouts(chapter, g, layout(2, false, 1), layout(2, false, 1), ", scale-d 0");
    g.accumulate = true;
    if (integer) continue;
    g.scale_a = -1;
    layouts(chapter, g, layout(2, false, 1), layout(2, false, 1), ", -A");
    g.scale_b = -1;
    layouts(chapter, g, layout(2, false, 1), layout(2, false, 1), ", -A, -B");
    g.scale_a = g.scale_b = 1;
    for (const auto& how : any("near|mid|wide|hard")) {
      g.how = how;
      layouts(chapter, g, layout(3, false, 1), layout(3, false, 1), ", " + how);
      g.accumulate = false;
      layouts(chapter, g, layout(3, false, 1), layout(3, false, 1), ", scale-d 0, " + how);
      g.accumulate = true, g.times = 4;
      if (how == "near") layouts(chapter, g, layout(3, false, 1), layout(3, false, 1), ", four times, " + how);
      g.times = 1;
    }
  }
}

// Every type in the narrowest, an odd and the widest N, and .satfinite.
HW_CHAPTER(wgmma_n) {
  auto add = [&](const std::string& types, const std::string& a, const std::string& b, unsigned n, unsigned k, const std::string& words) {
    Wgmma g{"", types, a, b, "exact", n, k};
    g.words = words;
    for (const bool regs : {false, true}) {
      g.a_regs = regs;
      layouts(chapter, g, layout(3, false, 1), layout(3, false, 1), regs ? ", A in registers" : "");
    }
  };
  for (unsigned n : {8u, 24u, 256u}) {
    add("f32.bf16.bf16", "bf16", "bf16", n, 16, "");
    add("f32.tf32.tf32", "tf32", "tf32", n, 8, "");
    add("f16.f16.f16", "f16", "f16", n, 16, "");
    add("s32.b1.b1", "b1", "b1", n, 256, "");
    for (const auto& d : any("f32|f16"))
      for (const auto& a : any("e4m3|e5m2"))
        for (const auto& b : any("e4m3|e5m2")) add(d + "." + a + "." + b, a, b, n, 32, "");
    for (const auto& sat : any("|.satfinite"))
      for (const auto& a : any("s8|u8"))
        for (const auto& b : any("s8|u8")) add("s32." + a + "." + b, "any", "any", n, 32, sat);
  }
}

// Columns of B have 64 bytes of K, twice what a row of A stores.
HW_CHAPTER(wgmma_sp) {
  auto wide = [](unsigned swizzle, bool mn) {
    Matrix m = layout(swizzle, mn, 2);
    if (swizzle == 0) m.sbo = 512;
    return m;
  };
  Wgmma g{"", "f32.f16.f16", "f16", "f16"};
  g.sparse = true, g.k = 32;
  for (unsigned s = 0; s < 4; ++s)
    for (const bool ta : {false, true})
      for (const bool tb : {false, true}) layouts(chapter, g, layout(s, ta, 2), wide(s, tb));
  // a swizzled span of 32 bytes holds half of B's K: which stride steps to the other half?
  for (unsigned lbo : {16u, 256u, 1024u, 4096u})
    for (unsigned sbo : {256u, 512u, 2048u}) layouts(chapter, g, layout(3, false, 2), Matrix{0, lbo, sbo, 1});
  for (unsigned start : {16u, 32u, 64u, 96u}) layouts(chapter, g, layout(3, false, 2), [&] {
      Matrix m = wide(3, false);
      m.start = start;
      return m;
    }());
  for (unsigned n : {8u, 24u, 128u, 256u}) {
    Wgmma of_n = g;
    of_n.n = n;
    layouts(chapter, of_n, layout(3, false, 2), wide(3, false));
  }
  struct Types {
    std::string types, a, b;
    unsigned k, selectors;
  };
  std::vector<Types> all = {{"f32.f16.f16", "f16", "f16", 32, 2}, {"f16.f16.f16", "f16", "f16", 32, 2}, {"f32.bf16.bf16", "bf16", "bf16", 32, 2}, {"f32.tf32.tf32", "tf32", "tf32", 16, 2}};
  for (const auto& a : any("s8|u8"))
    for (const auto& b : any("s8|u8")) all.push_back({"s32." + a + "." + b, "any", "any", 64, 1});
  for (const auto& d : any("f32|f16"))
    for (const auto& a : any("e4m3|e5m2"))
      for (const auto& b : any("e4m3|e5m2")) all.push_back({d + "." + a + "." + b, a, b, 64, 1});
  for (const Types& t : all)
    for (unsigned selector = 0; selector < t.selectors; ++selector) {
      Wgmma one{"", t.types, t.a, t.b};
      one.k = t.k, one.sparse = true, one.selector = selector, one.n = 32;
      const std::string more = ", selector " + str(selector);
      one.a_regs = true;
      layouts(chapter, one, layout(0, false, 1), wide(3, false), ", A in registers" + more);
      one.a_regs = false, one.accumulate = false;
      layouts(chapter, one, layout(2, false, 1), wide(2, false), ", scale-d 0" + more);
      one.accumulate = true;
      if (selector || t.types[0] == 's') continue;
      one.scale_a = -1;
      layouts(chapter, one, layout(2, false, 1), wide(2, false), ", -A");
      one.scale_a = 1;
      for (const auto& how : any("near|mid|wide|hard")) {
        one.how = how;
        layouts(chapter, one, layout(3, false, 1), wide(3, false), ", " + how);
      }
    }
}

}  // namespace hw::wgmma
