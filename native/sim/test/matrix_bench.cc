// Multiply-adds a second of the tensor cores: tcgen05.mma of every kind, mma.sync of every width.
#include "bench.h"

#include <cstdio>
#include <sstream>

namespace sim::testing {

namespace {

struct Tensor {
  const char *kind, *modifiers;
  uint32_t k, types;  // A and B type fields of the instruction descriptor
  bool scaled;
};
constexpr Tensor TENSOR[] = {{"f16", "", 16, 0, false},
                             {"tf32", "", 8, 2u << 7 | 2u << 10, false},
                             {"f8f6f4", "", 32, 0, false},
                             {"i8", "", 32, 0, false},
                             {"mxf8f6f4", "", 32, 0, true},
                             {"mxf4", "", 64, 1u << 7 | 1u << 10, true},
                             {"mxf4nvf4", ".scale_vec::4X", 64, 1u << 7 | 1u << 10, true}};

// One CTA: D[128][256] += A * B over `rounds` tiles of 128 bytes of K, four instructions each, as a GEMM's main loop
// issues them: A and B K-major with 128-byte swizzle, a commit and a wait a tile.
std::string tensor_kernel(const Tensor& t) {
  const uint32_t d = t.scaled ? 1u << 23 : !std::strcmp(t.kind, "i8") ? 2u << 4 : 1u << 4;
  const uint64_t desc = 64ull << 32 | 1ull << 46 | 2ull << 61;
  std::ostringstream s;
  s << ".version 9.0\n.target sm_100a\n.address_size 64\n.extern .shared .align 1024 .b8 memory[];\n"
       ".entry k(.param .u32 rounds) {\n.reg .b32 %r<40>; .reg .b64 %rd<20>; .reg .pred %p<8>;\n"
       "mov.u32 %r1, %tid.x; setp.eq.u32 %p0, %r1, 0; mov.u32 %r30, memory; add.u32 %r29, %r30, 8;\n"
       "ld.param.u32 %r9, [rounds]; @%p0 mbarrier.init.shared.b64 [%r29], 1;\n"
       "setp.lt.u32 %p3, %r1, 32; @!%p3 bra ALLOCATED;\n"
       "tcgen05.alloc.cta_group::1.sync.aligned.shared::cta.b32 [%r30], 512;\n"
       // fill 48 KB with small numbers
       "ALLOCATED: bar.sync 0; ld.shared.u32 %r2, [%r30]; mov.u32 %r5, 0x31323334;\n"
       "mad.lo.u32 %r11, %r1, 4, %r30; add.u32 %r11, %r11, 1024; add.u32 %r12, %r11, 49152;\n"
       "FILL: st.shared.u32 [%r11], %r5; add.u32 %r11, %r11, 512; setp.lt.u32 %p2, %r11, %r12; @%p2 bra FILL;\n"
       "mov.u32 %r6, 0x7f7f7f7f; add.u32 %r7, %r2, 256; add.u32 %r8, %r2, 272;\n"
       "tcgen05.st.sync.aligned.32x32b.x8.b32 [%r7], {%r6, %r6, %r6, %r6, %r6, %r6, %r6, %r6};\n"
       "tcgen05.st.sync.aligned.32x32b.x8.b32 [%r8], {%r6, %r6, %r6, %r6, %r6, %r6, %r6, %r6};\n"
       "tcgen05.wait::st.sync.aligned; fence.proxy.async.shared::cta; tcgen05.fence::before_thread_sync; bar.sync 0;\n"
       "tcgen05.fence::after_thread_sync; @!%p0 bra END;\n"
       "add.u32 %r10, %r30, 1024; bfe.u32 %r10, %r10, 4, 14; cvt.u64.u32 %rd1, %r10; or.b64 %rd1, %rd1, "
    << desc << ";\nadd.s64 %rd2, %rd1, 1024;\nmov.u32 %r3, " << (d | t.types | 256 / 8 << 17 | 128 / 16 << 24)
    << "; mov.u32 %r13, 0; setp.ne.u32 %p1, 0, 0;\nLOOP: and.b32 %r14, %r13, 1;\n";
  for (unsigned k = 0; k < 4; ++k) {
    s << "add.s64 %rd3, %rd1, " << 2 * k << "; add.s64 %rd4, %rd2, " << 2 * k << ";\ntcgen05.mma.cta_group::1.kind::" << t.kind
      << (t.scaled ? ".block_scale" : "") << t.modifiers << " [%r2], %rd3, %rd4, %r3, "
      << (t.scaled ? "[%r7], [%r8], " : "") << "%p1;\n";
    if (!k) s << "setp.eq.u32 %p1, 0, 0;\n";
  }
  s << "tcgen05.commit.cta_group::1.mbarrier::arrive::one.shared::cluster.b64 [%r29];\n"
       "WAIT: mbarrier.try_wait.parity.shared.b64 %p4, [%r29], %r14; @!%p4 bra WAIT;\n"
       "add.u32 %r13, %r13, 1; setp.lt.u32 %p5, %r13, %r9; @%p5 bra LOOP;\n"
       "END: bar.sync 0; @!%p3 bra FREED;\n"
       "tcgen05.dealloc.cta_group::1.sync.aligned.b32 %r2, 512;\nFREED: ret;\n}\n";
  return s.str();
}

struct Warp16x8 {
  const char *name, *types;
  uint32_t k;
  uint32_t keep, exponent;  // of random bits: sign, mantissa and the lower two bits of the exponent, for numbers of 1/8 to 2
};
constexpr Warp16x8 WARP[] = {{"bf16", "bf16.bf16", 16, 0x81ff81ff, 0x3e003e00},
                             {"f16", "f16.f16", 16, 0x8fff8fff, 0x30003000},
                             {"tf32", "tf32.tf32", 8, 0x81ffffff, 0x3e000000},
                             {"e4m3", "e4m3.e4m3", 32, 0x9f9f9f9f, 0x20202020}};

// Four sums a warp, operands that stay in registers.
std::string warp_kernel(const Warp16x8& t) {
  std::ostringstream s;
  s << ".version 9.0\n.target sm_100a\n.address_size 64\n.entry k(.param .u32 rounds) {\n"
       ".reg .b32 %r<20>; .reg .f32 %f<20>; .reg .pred %p;\nld.param.u32 %r0, [rounds]; mov.u32 %r1, %tid.x; mad.lo.u32 %r1, %r1, "
       "0x9e3779b9, 0x7f4a7c15;\n";
  for (unsigned k = 2; k < 8; ++k)
    s << "mad.lo.u32 %r1, %r1, 1664525, 1013904223; shf.l.wrap.b32 %r" << k << ", %r1, %r1, " << 5 * k << "; and.b32 %r" << k << ", %r" << k
      << ", " << t.keep << "; or.b32 %r" << k << ", %r" << k << ", " << t.exponent << ";\n";
  for (unsigned k = 0; k < 16; ++k) s << "mov.f32 %f" << k << ", 0f00000000;\n";
  s << "LOOP:\n";
  for (unsigned k = 0; k < 16; k += 4) {
    std::ostringstream d;
    d << "{%f" << k << ", %f" << k + 1 << ", %f" << k + 2 << ", %f" << k + 3 << "}";
    s << "mma.sync.aligned.m16n8k" << t.k << ".row.col.f32." << t.types << ".f32 " << d.str() << ", {%r2, %r3, %r4, %r5}, {%r6, %r7}, "
      << d.str() << ";\n";
  }
  s << "sub.u32 %r0, %r0, 1; setp.ne.u32 %p, %r0, 0; @%p bra LOOP;\nret;\n}\n";
  return s.str();
}

}  // namespace

void bench_matrix(const Bench& b) {
  for (bool check : {true, false}) {
    LaunchConfig c;
    c.check_uninitialised = c.check_order = check;
    c.block = {128, 1, 1}, c.dynamic_shared = 64 * 1024;
    std::printf("tcgen05.mma 128 x 256, %s\n", check ? "faults checked" : "not checked");
    for (const Tensor& t : TENSOR) {
      if (!b.wanted("tcgen05.mma") && !b.wanted(t.kind)) continue;
      auto tensor = Module::load(tensor_kernel(t));
      const uint32_t rounds = 4096 / t.k;
      report_rate(b, t.kind, 128.0 * 256 * t.k * 4 * rounds / 1e9, "GMAC/s",
                  [&] { return launch(*tensor, *tensor->entry("k"), c, params(rounds)); });
    }
  }
  for (bool check : {true, false}) {
    LaunchConfig c;
    c.check_uninitialised = c.check_order = check;
    c.block = {128, 1, 1};
    std::printf("mma.sync 16 x 8, %s\n", check ? "faults checked" : "not checked");
    for (const Warp16x8& t : WARP) {
      if (!b.wanted("mma.sync") && !b.wanted(t.name)) continue;
      auto warp = Module::load(warp_kernel(t));
      const uint32_t rounds = 65536 / t.k;
      report_rate(b, t.name, 16.0 * 8 * t.k * 4 * 4 * rounds / 1e9, "GMAC/s",
                  [&] { return launch(*warp, *warp->entry("k"), c, params(rounds)); });
    }
  }
}

}  // namespace sim::testing
