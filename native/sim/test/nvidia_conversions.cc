// Our cvt rows against NVIDIA's own host code (cuda_fp8.hpp, cuda_fp6.hpp, cuda_fp4.hpp, cuda_fp16.hpp,
// cuda_bf16.hpp), for every format, rounding and saturation that these implement: all 16-bit inputs, f32 inputs of
// every exponent with every pattern that a rounding can turn on, 2^24 random ones, and all codes back.
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wunused-parameter"
#include <cuda_bf16.h>
#include <cuda_fp16.h>
#include <cuda_fp4.h>
#include <cuda_fp6.h>
#include <cuda_fp8.h>
#pragma GCC diagnostic pop

#include "isa_row.h"

namespace sim::isa_test {
namespace {

float F(uint32_t u) { return __builtin_bit_cast(float, u); }
__half_raw H(uint32_t c) {
  __half_raw r;
  r.x = uint16_t(c);
  return r;
}
__nv_bfloat16_raw B(uint32_t c) {
  __nv_bfloat16_raw r;
  r.x = uint16_t(c);
  return r;
}

const std::vector<uint32_t>& f32_inputs() {
  static const std::vector<uint32_t> all = [] {
    std::vector<uint32_t> v;
    std::vector<uint32_t> mantissas;
    for (uint32_t top = 0; top < 4096; ++top)  // what an f16 keeps, and the bit that decides, with what lies below
      for (uint32_t rest : {0u, 1u, 0x3ffu, 0x400u, 0x401u, 0x7ffu})
        if (top % 16 == 0 || top % 16 == 8 || top % 16 == 15 || top % 37 == 0 || rest == 0)
          mantissas.push_back(top << 11 | rest);
    for (uint32_t high : {0u, 0xffffffffu})
      for (uint32_t e = 0; e < 256; ++e)
        for (uint32_t m : mantissas) v.push_back((high & 0x80000000u) | e << 23 | m);
    std::mt19937 rng(24);
    for (uint32_t k = 0; k < 1u << 24; ++k) v.push_back(uint32_t(rng()));
    v.resize((v.size() + 63) / 64 * 64, 0);
    return v;
  }();
  return all;
}

// A row of two results, the first operand's above the second's, against a function of one input.
template <class WANT>
void check_pairs(const std::string& op, const char* dst, unsigned step, const std::vector<uint32_t>& in, WANT want) {
  EXPECT(in.size() > (1u << 24));
  Prepared row(op + " %" + dst + ", %r1, %r2");
  if (!row.found()) fail("expected a row for " + op);
  Registers regs;
  const uint32_t mask = (1u << step) - 1;
  uint32_t* d = *dst == 'b' ? reinterpret_cast<uint32_t*>(regs.data() + Registers::offset('b', 0))
                : *dst == 'h' ? regs.h(0)
                              : regs.r(0);
  for (size_t base = 0; base < in.size(); base += 2 * LANES) {
    std::memcpy(regs.r(1), &in[base], 4 * LANES), std::memcpy(regs.r(2), &in[base + LANES], 4 * LANES);
    row.run(regs);
    for (unsigned l = 0; l < LANES; ++l)
      for (unsigned half = 0; half < 2; ++half) {
        const uint32_t x = in[base + l + (half ? 0 : LANES)], got = d[l] >> (half ? step : 0) & mask;
        if (const uint32_t w = want(x); got != w)
          fail(op + " of " + hex(x) + ": NVIDIA's header gives " + hex(w) + ", the row " + hex(got));
      }
  }
}
// All 16-bit codes as both halves of one operand.
template <class WANT>
void check_halves(const std::string& op, const char* dst, unsigned step, WANT want) {
  Prepared row(op + " %" + dst + ", %r1");
  if (!row.found()) fail("expected a row for " + op);
  Registers regs;
  for (uint32_t base = 0; base < 65536; base += LANES) {
    for (unsigned l = 0; l < LANES; ++l) regs.r(1)[l] = (base + l) | ((base + l) * 0x9e35u & 0xffff) << 16;
    row.run(regs);
    for (unsigned l = 0; l < LANES; ++l) {
      const uint32_t a = regs.r(1)[l], w = want(a >> 16) << step | want(a & 0xffff);
      if (regs.get(dst, l) != w)
        fail(op + " of " + hex(a) + ": NVIDIA's header gives " + hex(w) + ", the row " + hex(regs.get(dst, l)));
    }
  }
}
template <class WANT>
void check_codes(const std::string& op, const char* src, unsigned step, uint32_t codes, WANT want) {
  Prepared row(op + " %r0, %" + src);
  if (!row.found()) fail("expected a row for " + op);
  Registers regs;
  for (uint32_t base = 0; base < codes * codes; base += LANES) {
    for (unsigned l = 0; l < LANES; ++l) regs.set(src, l, (base + l) / codes << step | (base + l) % codes);
    row.run(regs);
    for (unsigned l = 0; l < LANES; ++l) {
      auto quiet = [](uint32_t h, uint32_t inf) { return (h & 0x7fff) > inf ? 0x7fffu : h; };
      const uint32_t inf = op.find("bf16") == std::string::npos ? 0x7c00 : 0x7f80;
      const uint32_t w = quiet(want((base + l) / codes), inf) << 16 | quiet(want((base + l) % codes), inf);
      if (regs.r(0)[l] != w)
        fail(op + " of " + hex(regs.get(src, l)) + ": NVIDIA's header gives " + hex(w) + ", the row " +
             hex(regs.r(0)[l]));
    }
  }
}

template <__nv_fp8_interpretation_t KIND>
void fp8(const std::string& name) {
  const std::string op = "cvt.rn.satfinite." + name + "x2.";
  check_pairs(op + "f32", "h0", 8, f32_inputs(),
              [](uint32_t u) { return uint32_t(__nv_cvt_float_to_fp8(F(u), __NV_SATFINITE, KIND)); });
  check_halves(op + "f16x2", "h0", 8,
               [](uint32_t c) { return uint32_t(__nv_cvt_halfraw_to_fp8(H(c), __NV_SATFINITE, KIND)); });
  check_halves(op + "bf16x2", "h0", 8,
               [](uint32_t c) { return uint32_t(__nv_cvt_bfloat16raw_to_fp8(B(c), __NV_SATFINITE, KIND)); });
  check_codes("cvt.rn.f16x2." + name + "x2", "h1", 8, 256,
              [](uint32_t c) { return uint32_t(__nv_cvt_fp8_to_halfraw(__nv_fp8_storage_t(c), KIND).x); });
}
SIM_TEST(nvidia_fp8) { fp8<__NV_E4M3>("e4m3"), fp8<__NV_E5M2>("e5m2"); }

template <__nv_fp6_interpretation_t KIND>
void fp6(const std::string& name) {
  const std::string op = "cvt.rn.satfinite." + name + "x2.";
  check_pairs(op + "f32", "h0", 8, f32_inputs(),
              [](uint32_t u) { return uint32_t(__nv_cvt_float_to_fp6(F(u), KIND, cudaRoundNearest)); });
  check_halves(op + "f16x2", "h0", 8,
               [](uint32_t c) { return uint32_t(__nv_cvt_halfraw_to_fp6(H(c), KIND, cudaRoundNearest)); });
  check_halves(op + "bf16x2", "h0", 8,
               [](uint32_t c) { return uint32_t(__nv_cvt_bfloat16raw_to_fp6(B(c), KIND, cudaRoundNearest)); });
  check_codes("cvt.rn.f16x2." + name + "x2", "h1", 8, 64,
              [](uint32_t c) { return uint32_t(__nv_cvt_fp6_to_halfraw(__nv_fp6_storage_t(c), KIND).x); });
}
SIM_TEST(nvidia_fp6) { fp6<__NV_E2M3>("e2m3"), fp6<__NV_E3M2>("e3m2"); }

SIM_TEST(nvidia_fp4) {
  const std::string op = "cvt.rn.satfinite.e2m1x2.";
  check_pairs(op + "f32", "b0", 4, f32_inputs(),
              [](uint32_t u) { return uint32_t(__nv_cvt_float_to_fp4(F(u), __NV_E2M1, cudaRoundNearest)); });
  check_halves(op + "f16x2", "b0", 4,
               [](uint32_t c) { return uint32_t(__nv_cvt_halfraw_to_fp4(H(c), __NV_E2M1, cudaRoundNearest)); });
  check_halves(op + "bf16x2", "b0", 4,
               [](uint32_t c) { return uint32_t(__nv_cvt_bfloat16raw_to_fp4(B(c), __NV_E2M1, cudaRoundNearest)); });
  check_codes("cvt.rn.f16x2.e2m1x2", "b1", 4, 16,
              [](uint32_t c) { return uint32_t(__nv_cvt_fp4_to_halfraw(__nv_fp4_storage_t(c), __NV_E2M1).x); });
}

template <__nv_saturation_t SAT, cudaRoundMode ROUND>
void e8m0(const std::string& op) {
  check_pairs(op + ".ue8m0x2.f32", "h0", 8, f32_inputs(),
              [](uint32_t u) { return uint32_t(__nv_cvt_float_to_e8m0(F(u), SAT, ROUND)); });
  check_halves(op + ".ue8m0x2.bf16x2", "h0", 8,
               [](uint32_t c) { return uint32_t(__nv_cvt_bfloat16raw_to_e8m0(B(c), SAT, ROUND)); });
}
SIM_TEST(nvidia_e8m0) {
  e8m0<__NV_SATFINITE, cudaRoundZero>("cvt.rz.satfinite"), e8m0<__NV_NOSAT, cudaRoundZero>("cvt.rz");
  e8m0<__NV_SATFINITE, cudaRoundPosInf>("cvt.rp.satfinite"), e8m0<__NV_NOSAT, cudaRoundPosInf>("cvt.rp");
  check_codes("cvt.rn.bf16x2.ue8m0x2", "h1", 8, 256,
              [](uint32_t c) { return uint32_t(__nv_cvt_e8m0_to_bf16raw(__nv_fp8_storage_t(c)).x); });
}

// One result from one operand: %h0 from %r1.
template <class WANT>
void check_scalar(const std::string& op, const std::vector<uint32_t>& in, WANT want) {
  Prepared row(op + " %h0, %r1");
  if (!row.found()) fail("expected a row for " + op);
  Registers regs;
  for (size_t base = 0; base < in.size(); base += LANES) {
    std::memcpy(regs.r(1), &in[base], 4 * LANES);
    row.run(regs);
    for (unsigned l = 0; l < LANES; ++l)
      if (const uint32_t w = want(in[base + l]); regs.h(0)[l] != w)
        fail(op + " of " + hex(in[base + l]) + ": NVIDIA's header gives " + hex(w) + ", the row " +
             hex(regs.h(0)[l]));
  }
}
SIM_TEST(nvidia_f16) {
  auto code = [](__half h) { return uint32_t(__half_raw(h).x); };
  check_pairs("cvt.rn.f16x2.f32", "r0", 16, f32_inputs(), [&](uint32_t u) { return code(__float2half_rn(F(u))); });
  check_pairs("cvt.rz.f16x2.f32", "r0", 16, f32_inputs(), [&](uint32_t u) { return code(__float2half_rz(F(u))); });
  check_scalar("cvt.rm.f16.f32", f32_inputs(), [&](uint32_t u) { return code(__float2half_rd(F(u))); });
  check_scalar("cvt.rp.f16.f32", f32_inputs(), [&](uint32_t u) { return code(__float2half_ru(F(u))); });
}
SIM_TEST(nvidia_bf16) {
  auto code = [](__nv_bfloat16 h) { return uint32_t(__nv_bfloat16_raw(h).x); };
  check_pairs("cvt.rn.bf16x2.f32", "r0", 16, f32_inputs(), [&](uint32_t u) { return code(__float2bfloat16_rn(F(u))); });
  check_pairs("cvt.rz.bf16x2.f32", "r0", 16, f32_inputs(), [&](uint32_t u) { return code(__float2bfloat16_rz(F(u))); });
  check_scalar("cvt.rm.bf16.f32", f32_inputs(), [&](uint32_t u) { return code(__float2bfloat16_rd(F(u))); });
  check_scalar("cvt.rp.bf16.f32", f32_inputs(), [&](uint32_t u) { return code(__float2bfloat16_ru(F(u))); });
}
SIM_TEST(nvidia_f16_from_integers_and_doubles) {
  std::mt19937_64 rng(11);
  std::vector<uint32_t> ints;
  for (unsigned k = 0; k < 1u << 20; ++k) ints.push_back(uint32_t(hard_bits(rng, 32)));
  auto code = [](__half h) { return uint32_t(__half_raw(h).x); };
  check_scalar("cvt.rn.f16.s32", ints, [&](uint32_t u) { return code(__int2half_rn(int(u))); });
  check_scalar("cvt.rz.f16.s32", ints, [&](uint32_t u) { return code(__int2half_rz(int(u))); });
  check_scalar("cvt.rm.f16.s32", ints, [&](uint32_t u) { return code(__int2half_rd(int(u))); });
  check_scalar("cvt.rp.f16.s32", ints, [&](uint32_t u) { return code(__int2half_ru(int(u))); });
  for (bool bf16 : {false, true}) {
    const std::string op = std::string("cvt.rn.") + (bf16 ? "bf16" : "f16") + ".f64";
    check_row(op + " %h0, %q1", "h0", {"q1"}, 20000, [&](unsigned, unsigned, unsigned) { return hard_f64(rng); },
              [&](const uint64_t* v) -> uint64_t {
                const double x = __builtin_bit_cast(double, v[0]);
                return bf16 ? uint32_t(__nv_bfloat16_raw(__double2bfloat16(x)).x) : code(__double2half(x));
              });
  }
}

}  // namespace
}  // namespace sim::isa_test
