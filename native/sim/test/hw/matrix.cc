// PTX ISA 9.7.14: ldmatrix, stmatrix, movmatrix, and the fragments of mma.sync.
#include "matrix.h"

namespace hw {
namespace {

const std::string LANE = ".reg .b32 %t, %w, %s, %i;\n.reg .b64 %at, %to;\nmov.u32 %t, %tid.x;\nmov.u32 %w, %ctaid.x;\nmad.lo.u32 %w, %w, 32, %t;\n";
std::string list(const std::string& name, unsigned n) {
  std::string s;
  for (unsigned k = 0; k < n; ++k) s += (k ? ", %" : "%") + name + std::to_string(k);
  return s;
}
std::string move(const std::string& what, const std::string& type, const std::string& name, unsigned n, unsigned bytes) {
  std::string s;
  for (unsigned k = 0; k < n; ++k) {
    const std::string reg = "%" + name + std::to_string(k), at = "[%at+" + std::to_string(k * bytes) + "]";
    s += what + ".global." + type + " " + (what == "ld" ? reg + ", " + at : at + ", " + reg) + ";\n";
  }
  return s;
}

void ldmatrix_cases(Chapter& chapter) {
  for (unsigned n : {1u, 2u, 4u})
    for (const auto& trans : any("|.trans"))
      for (const bool store : {false, true}) {
        const std::string x = "x" + std::to_string(n), nb = std::to_string(4 * n);
        Case c;
        c.form = (store ? "stmatrix" : "ldmatrix") + std::string(".sync.aligned.m8n8.") + x + trans + ".shared.b16";
        c.name = c.form;
        // 2 KB of shared memory a CTA; each lane's row address comes from the input, in any order
        c.body = ".shared .align 128 .b8 tile[2048];\n" + LANE + ".reg .b32 " + list("r", n) + ", %row, %v;\n";
        c.body += "mov.u32 %s, tile;\nmad.wide.u32 %at, %w, 4, %in0;\nld.global.b32 %row, [%at];\nadd.u32 %row, %row, %s;\n";
        c.body += "mad.lo.u32 %s, %t, 4, %s;\nmov.u32 %i, %ctaid.x;\nmad.wide.u32 %at, %i, 2048, %in1;\nmad.wide.u32 %at, %t, 4, %at;\n";
        for (unsigned k = 0; k < 16; ++k)
          c.body += "ld.global.b32 %v, [%at+" + std::to_string(k * 128) + "];\nst.shared.b32 [%s+" + std::to_string(k * 128) + "], %v;\n";
        c.body += "bar.sync 0;\n";
        if (!store) {
          c.body += c.form + " {" + list("r", n) + "}, [%row];\nmad.wide.u32 %at, %w, " + nb + ", %out;\n" + move("st", "b32", "r", n, 4);
        } else {
          c.body += "mad.wide.u32 %at, %w, " + nb + ", %in2;\n" + move("ld", "b32", "r", n, 4);
          c.body += c.form + " [%row], {" + list("r", n) + "};\nbar.sync 0;\nmad.wide.u32 %to, %i, 2048, %out;\nmad.wide.u32 %to, %t, 4, %to;\n";
          for (unsigned k = 0; k < 16; ++k)
            c.body += "ld.shared.b32 %v, [%s+" + std::to_string(k * 128) + "];\nst.global.b32 [%to+" + std::to_string(k * 128) + "], %v;\n";
        }
        c.grid = 4, c.block = 32, c.n_inputs = store ? 3 : 2;
        c.out_stride = store ? 16 : 4 * n, c.out_bytes = store ? 4 * 2048 : 4 * 32 * 4 * n, c.raw_lanes = 512;
        c.inputs = [n, store, seed = seed_of(c.name)] {
          Input rows{Bytes(4 * 32 * 4), 4};
          for (unsigned b = 0; b < 4; ++b)
            for (unsigned t = 0; t < 32; ++t)  // block 0: in order; the others: a permutation of the 128 rows of 16 bytes
              store ? hw::store(rows.bytes, (b * 32 + t) * 4, 16 * (b ? (t * (2 * b + 37) + 11 * b) % 128 : t), 4)
                    : hw::store(rows.bytes, (b * 32 + t) * 4, 16 * (b ? (t * 37 * b + 5 * b) % 128 : t), 4);
          std::vector<Input> in = {rows, lanes_of("any32", seed, 4 * 512, 0, 1)};
          if (store) in.push_back(lanes_of("any32", seed + 1, 4 * 32 * n, 0, 1)), in.back().stride = 4 * n;
          in[1].stride = 0;
          return in;
        };
        chapter.add(c);
      }
  lanes(chapter, "movmatrix.sync.aligned.m8n8.trans.b16 $d, $a;", "d:r a:any32", {.n = 512, .raw_lanes = 512});
}

// One mma.sync form: the kinds in the registers of A, B and C, and how many registers of each.
struct Mma {
  std::string form, a, b, c;  // element kinds
  unsigned n_a, n_b, n_c;
  std::string d;  // type of the output, for bounds
  std::string metadata = "";  // kind of a sparse form's, which `selector` chooses lanes of
  unsigned selector = 0;
};
}  // namespace

uint64_t matrix_element(const std::string& kind, const std::string& how, uint64_t seed, uint64_t k) {
  const uint64_t r = word(seed, k);
  auto floating = [&](unsigned eb, unsigned mb, bool has_inf) -> uint64_t {
    const uint64_t bias = (uint64_t(1) << (eb - 1)) - 1, sign = (r >> 60 & 1) << (eb + mb), m = (r >> 8) & ((uint64_t(1) << mb) - 1);
    if (how == "exact") {  // -8 .. 8 in halves where they exist
      const unsigned v = unsigned(r % 4);
      return v == 3 ? 0 : sign | (bias + v) << mb | (mb ? (r >> 20 & 1) << (mb - 1) : 0);
    }
    if (how == "one") return bias << mb;
    uint64_t span = how == "near" ? 2 : how == "mid" ? 8 : bias, e = bias - span / 2 + (r >> 32) % (span + 1);
    if (how == "hard") {
      static const unsigned few = 16;
      if (r % few == 0) return sign | m;                                      // subnormal
      if (r % (few * 8) == 1) return sign | ((uint64_t(2) << eb >> 1) - 1) << mb | (has_inf ? 0 : m);  // inf (or large)
      if (r % (few * 16) == 2) return sign | ((uint64_t(1) << eb) - 1) << mb | m;                       // NaN (or large)
      e = (r >> 32) % ((uint64_t(1) << eb) - 1);
    }
    return sign | e << mb | m;
  };
  if (kind == "f16") return floating(5, 10, true);
  if (kind == "bf16") return floating(8, 7, true);
  if (kind == "tf32") return floating(8, 23, true);
  if (kind == "f32") return floating(8, 23, true);
  if (kind == "f64") return floating(11, 52, true);
  if (kind == "e4m3") return floating(4, 3, false);
  if (kind == "e5m2") return floating(5, 2, true);
  return r;
}

uint32_t sparse_metadata(const std::string& kind, uint64_t seed, uint64_t k) {
  const std::vector<uint32_t> codes = kind == "tf32"      ? std::vector<uint32_t>{4, 14}
                                      : kind == "ordered" ? std::vector<uint32_t>{4, 8, 9, 12, 13, 14}
                                                          : std::vector<uint32_t>{1, 2, 3, 4, 6, 7, 8, 9, 11, 12, 13, 14};
  uint32_t v = 0;
  for (unsigned e = 0; e < 8; ++e) v |= codes[word(seed, 8 * k + e) % codes.size()] << 4 * e;
  return v;
}

namespace {
Input registers(const std::string& kind, const std::string& how, uint64_t seed, size_t lanes, unsigned n) {
  const unsigned bytes = kind == "f64" ? 8 : 4, es = kind == "f64" ? 64 : kind == "tf32" || kind == "f32" || kind == "s32" ? 32
                         : kind == "f16" || kind == "bf16" ? 16 : kind == "e4m3" || kind == "e5m2" ? 8 : 32;
  Input in{Bytes(lanes * n * bytes), n * bytes};
  for (size_t k = 0; k < lanes * n; ++k) {
    uint64_t v = 0;
    for (unsigned e = 0; e < 8 * bytes / es; ++e) v |= matrix_element(kind, how, seed, k * 8 + e) << (e * es);
    if (kind == "s32" && how == "exact") v = uint64_t(int64_t(v % 2001) - 1000) & 0xffffffff;
    store(in.bytes, k * bytes, v, bytes);
  }
  return in;
}

void mma_cases(Chapter& chapter, const std::vector<Mma>& forms, const std::vector<std::string>& hows, unsigned warps) {
  for (const Mma& m : forms)
    for (const std::string& how : hows) {
      const bool f64 = m.a == "f64";
      const std::string reg = f64 ? ".b64 " : ".b32 ", type = f64 ? "b64" : "b32";
      const unsigned bytes = f64 ? 8 : 4;
      Case c;
      const bool sparse = !m.metadata.empty();
      c.form = m.form, c.name = m.form + " " + how + (sparse ? " selector " + std::to_string(m.selector) : "");
      c.body = LANE + ".reg " + reg + list("a", m.n_a) + ", " + list("b", m.n_b) + ", " + list("c", m.n_c) + ";\n";
      const std::pair<const char*, unsigned> sets[] = {{"a", m.n_a}, {"b", m.n_b}, {"c", m.n_c}};
      for (unsigned k = 0; k < 3; ++k)
        c.body += "mad.wide.u32 %at, %w, " + std::to_string(sets[k].second * bytes) + ", %in" + std::to_string(k) + ";\n" +
                  move("ld", type, sets[k].first, sets[k].second, bytes);
      const std::string d = "{" + list("c", m.n_c) + "}";
      if (sparse) c.body += ".reg .b32 %e;\nmad.wide.u32 %at, %w, 4, %in3;\nld.global.b32 %e, [%at];\n";
      c.body += m.form + " " + d + ", {" + list("a", m.n_a) + "}, {" + list("b", m.n_b) + "}, " + d +
                (sparse ? ", %e, " + std::to_string(m.selector) : "") + ";\n";
      c.body += "mad.wide.u32 %at, %w, " + std::to_string(m.n_c * bytes) + ", %out;\n" + move("st", type, "c", m.n_c, bytes);
      c.block = 32, c.grid = warps, c.n_inputs = sparse ? 4 : 3;
      c.out_stride = m.n_c * bytes, c.out_bytes = size_t(warps) * 32 * c.out_stride;
      c.raw_lanes = sparse ? 32 : 128, c.hash_lanes = 32;
      c.inputs = [m, how, warps, seed = seed_of(c.name)] {
        std::vector<Input> in = {registers(m.a, how, seed, 32 * warps, m.n_a), registers(m.b, how, seed + 1, 32 * warps, m.n_b),
                                 registers(m.c, how, seed + 2, 32 * warps, m.n_c)};
        if (m.metadata.empty()) return in;
        in.push_back({Bytes(32 * warps * 4), 4});
        for (unsigned k = 0; k < 32 * warps; ++k) store(in[3].bytes, 4 * k, sparse_metadata(m.metadata, seed + 3, k), 4);
        return in;
      };
      chapter.add(c);
    }
}
}  // namespace

HW_CHAPTER(matrix) { ldmatrix_cases(chapter); }

HW_CHAPTER(mma) {
  std::vector<Mma> fp, ints;
  for (const auto& t : any("f16|bf16"))
    for (const auto& d : t == "f16" ? any("f32|f16") : any("f32"))
      for (unsigned k : {8u, 16u})
        fp.push_back({"mma.sync.aligned.m16n8k" + std::to_string(k) + ".row.col." + d + "." + t + "." + t + "." + d, t, t, d, k / 4, k / 8,
                      d == "f32" ? 4u : 2u, d});
  for (unsigned k : {4u, 8u})
    fp.push_back({"mma.sync.aligned.m16n8k" + std::to_string(k) + ".row.col.f32.tf32.tf32.f32", "tf32", "tf32", "f32", k / 2, k / 4, 4, "f32"});
  for (const auto& a : any("e4m3|e5m2"))
    for (const auto& b : any("e4m3|e5m2"))
      for (const auto& d : any("f32|f16"))
        for (unsigned k : {16u, 32u})
          fp.push_back({"mma.sync.aligned.m16n8k" + std::to_string(k) + ".row.col." + d + "." + a + "." + b + "." + d, a, b, d, k / 8, k / 16,
                        d == "f32" ? 4u : 2u, d});
  for (const auto& s : any("m8n8k4|m16n8k4|m16n8k8|m16n8k16")) {
    const unsigned k = unsigned(std::stoi(s.substr(s.find('k') + 1))), m = s[1] == '8' ? 1 : 2;
    fp.push_back({"mma.sync.aligned." + s + ".row.col.f64.f64.f64.f64", "f64", "f64", "f64", m * k / 4, k / 4, 2 * m, "f64"});
  }
  mma_cases(chapter, fp, {"exact", "near", "mid", "wide", "hard"}, 32);
  for (const auto& sat : any("|.satfinite"))
    for (const auto& a : any("u|s"))
      for (const auto& b : any("u|s")) {
        auto form = [&](const std::string& shape, const std::string& w, unsigned na, unsigned nb, unsigned nc) {
          ints.push_back({"mma.sync.aligned." + shape + ".row.col" + sat + ".s32." + a + w + "." + b + w + ".s32", "any", "any", "s32", na, nb, nc, ""});
        };
        form("m8n8k16", "8", 1, 1, 2), form("m16n8k16", "8", 2, 1, 4), form("m16n8k32", "8", 4, 2, 4);
        form("m8n8k32", "4", 1, 1, 2), form("m16n8k32", "4", 2, 1, 4), form("m16n8k64", "4", 4, 2, 4);
      }
  for (const auto& op : any("xor|and")) {
    const std::string tail = ".row.col.s32.b1.b1.s32." + op + ".popc";
    ints.push_back({"mma.sync.aligned.m8n8k128" + tail, "any", "any", "s32", 1, 1, 2, ""});
    ints.push_back({"mma.sync.aligned.m16n8k128" + tail, "any", "any", "s32", 2, 1, 4, ""});
    ints.push_back({"mma.sync.aligned.m16n8k256" + tail, "any", "any", "s32", 4, 2, 4, ""});
  }
  mma_cases(chapter, ints, {"exact", "any"}, 8);
}

HW_CHAPTER(mma_sp) {
  for (const bool ordered : {true, false}) {
    const std::string name = std::string("mma.sp") + (ordered ? "::ordered_metadata" : "") + ".sync.aligned.m16n8k", codes = ordered ? "ordered" : "any";
    // `lanes` of each four give metadata
    auto add = [&](unsigned k, const std::string& types, const std::string& a, const std::string& b, const std::string& c, unsigned n_a, unsigned lanes,
                   const std::vector<std::string>& hows) {
      for (unsigned selector = 0; selector < 4 / lanes; ++selector)
        mma_cases(chapter, {{name + std::to_string(k) + ".row.col." + types, a, b, c, n_a, n_a, c == "f16" ? 2u : 4u, c, a == "tf32" ? a : codes, selector}},
                  selector ? std::vector<std::string>{hows[0]} : hows, 8);
    };
    const std::vector<std::string> all = {"exact", "near", "mid", "wide", "hard"};
    for (const auto& t : any("f16|bf16|tf32"))
      for (const auto& d : t == "f16" ? any("f32|f16") : any("f32"))
        for (unsigned lanes : {1u, 2u}) add((t == "tf32" ? 8 : 16) * lanes, d + "." + t + "." + t + "." + d, t, t, d, 2 * lanes, lanes, all);
    for (const auto& a : any("e4m3|e5m2"))
      for (const auto& b : any("e4m3|e5m2"))
        add(64, "f32." + a + "." + b + ".f32", a, b, "f32", 4, 4, all);
    for (const auto& sat : any("|satfinite."))
      for (const auto& a : any("u|s"))
        for (const auto& b : any("u|s"))
          for (unsigned bits : {8u, 4u})
            for (unsigned lanes : {2u, 4u})
              add(128 * lanes / bits, sat + "s32." + a + std::to_string(bits) + "." + b + std::to_string(bits) + ".s32", "any", "any", "s32", lanes, lanes,
                  {"any"});
  }
}

}  // namespace hw
