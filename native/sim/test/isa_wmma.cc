// wmma: matrices in memory of any layout and pitch go through load, mma and store. How a fragment lies is nobody's business;
// that the product is right is.
#include "gpu.h"
#include "isa_elements.h"

using namespace sim;

namespace isa_wmma {

using namespace sim::isa_test;
using namespace sim::testing;

namespace {

struct Shape {
  unsigned m, n, k;
  std::string name() const { return "m" + std::to_string(m) + "n" + std::to_string(n) + "k" + std::to_string(k); }
};
const MatrixElement F32{"f32", 32, [](uint32_t c) { return double(__builtin_bit_cast(float, c)); }},
    S32{"s32", 32, [](uint32_t c) { return double(int32_t(c)); }};

struct Matrix {
  const MatrixElement& e;
  unsigned rows, columns, pitch;
  bool by_column;
  std::vector<uint8_t> bytes;
  Matrix(const MatrixElement& type, unsigned r, unsigned c, bool col) : e(type), rows(r), columns(c), by_column(col) {
    pitch = (col ? r : c) + (e.bits < 8 ? 0 : 128 / e.bits);  // rows apart, where the ISA lets them
    bytes.resize((col ? c : r) * pitch * e.bits / 8);
  }
  size_t bit(unsigned r, unsigned c) const { return (by_column ? size_t(c) * pitch + r : size_t(r) * pitch + c) * e.bits; }
  uint32_t get(unsigned r, unsigned c) const {
    uint32_t v = 0;
    std::memcpy(&v, &bytes[bit(r, c) / 8], std::max(1u, e.bits / 8));
    return e.bits < 8 ? v >> bit(r, c) % 8 & ((1u << e.bits) - 1) : v;
  }
  void set(unsigned r, unsigned c, uint32_t code) {
    uint8_t* at = &bytes[bit(r, c) / 8];
    if (e.bits >= 8)
      std::memcpy(at, &code, e.bits / 8);
    else
      *at = uint8_t(*at | code << bit(r, c) % 8);
  }
  std::string layout() const { return by_column ? "col" : "row"; }
};
std::string fragment(const char* reg, const MatrixElement& e, unsigned elements, bool factor) {
  const unsigned n = factor && e.name == std::string("f16") ? 8 : std::max(1u, elements * e.bits / 1024);
  std::string s = "{";
  for (unsigned k = 0; k < n; ++k) s += (k ? ", %" : "%") + std::string(reg) + std::to_string(k);
  return s + "}";
}

void check(const MatrixElement& a_type, const MatrixElement& b_type, const MatrixElement& c_type, const MatrixElement& d_type, const Shape& shape, unsigned layouts,
           const std::string& space, const std::string& op = "", const std::string& after = "") {
  std::mt19937_64 rng(layouts);
  Matrix a(a_type, shape.m, shape.k, layouts & 1), b(b_type, shape.k, shape.n, layouts & 2), c(c_type, shape.m, shape.n, layouts & 4),
      d(d_type, shape.m, shape.n, layouts & 8);
  for (Matrix* x : {&a, &b})
    for (unsigned r = 0; r < x->rows; ++r)
      for (unsigned q = 0; q < x->columns; ++q) x->set(r, q, small_code(x->e, rng));
  for (unsigned r = 0; r < c.rows; ++r)
    for (unsigned q = 0; q < c.columns; ++q) {
      const int v = after.empty() ? int(rng() % 65) - 32 : INT32_MAX - int(rng() % 99);
      c.set(r, q,
            c_type.bits == 16  ? nearest_code<double>(f16_grid(), v, 'n', false)
            : c_type.integer() ? uint32_t(v)
                               : __builtin_bit_cast(uint32_t, float(v)));
    }
  const std::string name = shape.name(), types = a_type.name == std::string("f16")
                                                     ? std::string(d_type.name) + "." + c_type.name
                                                     : std::string(d_type.name) + "." + a_type.name + "." + b_type.name + "." + c_type.name;
  const std::string fa = fragment("a", a_type, shape.m * shape.k, true), fb = fragment("b", b_type, shape.k * shape.n, true),
                    fc = fragment("c", c_type, shape.m * shape.n, false), fd = fragment("d", d_type, shape.m * shape.n, false);
  // in shared memory each of the four has 4 KB, and is copied there and back with its padding
  const bool shared = space == ".shared";
  unsigned copies = 0;
  auto copy = [&](const Matrix& m, const std::string& global, unsigned at, bool there) {
    const std::string n = std::to_string(copies++), in_shared = "[%y+" + std::to_string(at) + "]";
    return "mov.u32 %t, %tid.x;\nL" + n + ": setp.ge.u32 %p, %t, " + std::to_string(m.bytes.size() / 4) + "; @%p bra M" + n +
           ";\nmad.wide.u32 %x, %t, 4, " + global + "; mad.wide.u32 %y, %t, 4, %s;\n" +
           (there ? "ld.global.u32 %w, [%x]; st.shared.u32 " + in_shared + ", %w;"
                  : "ld.shared.u32 %w, " + in_shared + "; st.global.u32 [%x], %w;") +
           " add.u32 %t, %t, 32; bra L" + n + ";\nM" + n + ":\n";
  };
  std::string fill;
  auto load = [&](const char* which, const Matrix& m, const std::string& list, const std::string& global, unsigned at) {
    fill += copy(m, global, at, true);
    return std::string("wmma.load.") + which + ".sync.aligned." + m.layout() + "." + name + space + "." + m.e.name + " " + list + ", [" +
           (shared ? "%s+" + std::to_string(at) : global) + "], " + std::to_string(m.pitch) + ";\n";
  };
  const std::string loads = load("a", a, fa, "%pa", 0) + load("b", b, fb, "%pb", 4096) + load("c", c, fc, "%pc", 8192);
  fill += copy(d, "%pd", 12288, true);
  const std::string back = copy(d, "%pd", 12288, false);
  auto m = Module::load(
      ".version 9.0\n.target sm_100a\n.address_size 64\n.entry k(.param .u64 a, .param .u64 b, .param .u64 c, .param .u64 d) {\n"
      ".reg .b32 %a<8>, %b<8>, %c<8>, %d<8>, %t, %w; .reg .b64 %pa, %pb, %pc, %pd, %s, %x, %y; .reg .pred %p;\n.shared .align 32 .b8 "
      "s[16384];\n"
      "ld.param.u64 %pa, [a]; ld.param.u64 %pb, [b]; ld.param.u64 %pc, [c]; ld.param.u64 %pd, [d]; mov.u64 %s, s;\n" +
      (shared ? fill : "") + "bar.warp.sync 0xffffffff;\n" + loads + "wmma.mma" + op + ".sync.aligned." + a.layout() + "." + b.layout() +
      "." + name + "." + types + after + " " + fd + ", " + fa + ", " + fb + ", " + fc + ";\nwmma.store.d.sync.aligned." + d.layout() + "." +
      name + space + "." + d_type.name + " [" + (shared ? "%s+12288" : "%pd") + "], " + fd + ", " + std::to_string(d.pitch) +
      ";\nbar.warp.sync 0xffffffff;\n" + (shared ? back : "") + "ret;\n}\n");
  Array<uint8_t> ma(a.bytes), mb(b.bytes), mc(c.bytes), md(d.bytes);
  run(*m, "k", {1}, {32}, params(ma.at, mb.at, mc.at, md.at));
  d.bytes = md.values();
  for (unsigned r = 0; r < shape.m; ++r)
    for (unsigned q = 0; q < shape.n; ++q) {
      double want = c_type.value(c.get(r, q));
      for (unsigned k = 0; k < shape.k; ++k)
        want +=
            op.find("xor") != std::string::npos ? double(a.get(r, k) ^ b.get(k, q)) : a_type.value(a.get(r, k)) * b_type.value(b.get(k, q));
      if (!after.empty()) want = std::min(want, 2147483647.0);
      if (d_type.bits == 16) want = value_of(f16_grid(), nearest_code<double>(f16_grid(), want, 'n', false));
      CHECK_EQ(d_type.value(d.get(r, q)), want, name, " ", types, " layouts ", layouts, ": row ", r, " column ", q);
    }
}

}  // namespace

TEST(isa_wmma_floats) {
  for (unsigned layouts = 0; layouts < 16; ++layouts)
    for (const char* space : {"", ".global", ".shared"}) {
      for (const Shape& s : {Shape{16, 16, 16}, Shape{8, 32, 16}, Shape{32, 8, 16}}) {
        for (const MatrixElement* c : {&F32, &F16})
          for (const MatrixElement* d : {&F32, &F16}) check(F16, F16, *c, *d, s, layouts, space);
        check(BF16, BF16, F32, F32, s, layouts, space);
      }
      check(TF32, TF32, F32, F32, {16, 16, 8}, layouts, space);
    }
}
TEST(isa_wmma_integers) {
  for (unsigned layouts = 0; layouts < 16; ++layouts)
    for (const char* after : {"", ".satfinite"}) {
      for (const Shape& s : {Shape{16, 16, 16}, Shape{8, 32, 16}, Shape{32, 8, 16}}) {
        check(S8, S8, S32, S32, s, layouts, ".global", "", after);
        check(U8, U8, S32, S32, s, layouts, ".shared", "", after);
      }
      const unsigned sub_byte = (layouts & ~3u) | 2;  // A by rows, B by columns
      check(S4, S4, S32, S32, {8, 8, 32}, sub_byte, "", "", after), check(U4, U4, S32, S32, {8, 8, 32}, sub_byte, ".global", "", after);
    }
  for (const char* op : {".xor.popc", ".and.popc"}) check(B1, B1, S32, S32, {8, 8, 128}, 2, "", op);
}
TEST(isa_wmma_doubles) {
  auto m = Module::load(
      ".version 9.0\n.target sm_100a\n.address_size 64\n.entry k(.param .u64 a, .param .u64 b, .param .u64 c) {\n.reg .f64 %a, %b, %c<2>, "
      "%d<2>; .reg .b64 "
      "%pa, %pb, %pc;\nld.param.u64 %pa, [a]; ld.param.u64 %pb, [b]; ld.param.u64 %pc, "
      "[c];\nwmma.load.a.sync.aligned.row.m8n8k4.global.f64 {%a}, [%pa];\n"
      "wmma.load.b.sync.aligned.col.m8n8k4.global.f64 {%b}, [%pb];\nwmma.load.c.sync.aligned.row.m8n8k4.global.f64 {%c0, %c1}, [%pc];\n"
      "wmma.mma.sync.aligned.row.col.m8n8k4.rn.f64.f64.f64.f64 {%d0, %d1}, {%a}, {%b}, {%c0, %c1};\n"
      "wmma.store.d.sync.aligned.row.m8n8k4.global.f64 [%pc], {%d0, %d1};\nret;\n}\n");
  std::mt19937_64 rng(3);
  std::vector<double> a(32), b(32), c(64);
  for (auto* v : {&a, &b, &c})
    for (double& x : *v) x = double(int64_t(rng() % 2001) - 1000) / 8;
  Array<double> ma(a), mb(b), mc(c);
  run(*m, "k", {1}, {32}, params(ma.at, mb.at, mc.at));
  for (unsigned r = 0; r < 8; ++r)
    for (unsigned q = 0; q < 8; ++q) {
      double want = c[8 * r + q];
      for (unsigned k = 0; k < 4; ++k) want += a[4 * r + k] * b[4 * q + k];
      CHECK_EQ(mc[8 * r + q], want, "row ", r, " column ", q);
    }
}

}  // namespace isa_wmma
