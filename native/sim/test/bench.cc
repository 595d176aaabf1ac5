// Thread-instructions a second of converged code, and multiply-adds a second of tcgen05.mma: sim_bench [kernel
// [repetitions]]
#include <sys/resource.h>

#include <cstdio>
#include <sstream>

#include "gpu.h"

using namespace sim;
using namespace sim::testing;

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

}  // namespace

// A tile loop as mma.sync kernels have it: 256 threads store a tile of shared memory, meet, load it through ldmatrix and
// ld.shared, multiply, meet again.
static const char* TILE_LOOP = R"(.version 9.0
.target sm_100a
.address_size 64
.entry tile_loop(.param .u32 times) {
.shared .align 128 .b8 s[8192];
.reg .b32 %r<40>; .reg .f32 %f<12>; .reg .pred %p;
ld.param.u32 %r0, [times]; mov.u32 %r1, %tid.x; mov.u32 %r2, s; mad.lo.u32 %r3, %r1, 16, %r2;
and.b32 %r4, %r1, 31; mad.lo.u32 %r5, %r4, 16, %r2; add.u32 %r6, %r5, 512; xor.b32 %r7, %r1, 64; mad.lo.u32 %r7, %r7, 16, %r2;
mov.f32 %f0, 0f00000000; mov.f32 %f1, %f0; mov.f32 %f2, %f0; mov.f32 %f3, %f0;
L:
st.shared.v4.b32 [%r3], {%r1, %r1, %r1, %r1};
st.shared.v4.b32 [%r3+4096], {%r1, %r1, %r1, %r1};
bar.sync 0;
ldmatrix.sync.aligned.m8n8.x4.shared.b16 {%r10, %r11, %r12, %r13}, [%r5];
ldmatrix.sync.aligned.m8n8.x4.shared.b16 {%r14, %r15, %r16, %r17}, [%r6];
ld.shared.v4.b32 {%r18, %r19, %r20, %r21}, [%r7];
ld.shared.b32 %r22, [%r7+4096];
mma.sync.aligned.m16n8k16.row.col.f32.f16.f16.f32 {%f0, %f1, %f2, %f3}, {%r10, %r11, %r12, %r13}, {%r14, %r15}, {%f0, %f1, %f2, %f3};
mma.sync.aligned.m16n8k16.row.col.f32.f16.f16.f32 {%f0, %f1, %f2, %f3}, {%r10, %r11, %r12, %r13}, {%r16, %r17}, {%f0, %f1, %f2, %f3};
add.u32 %r1, %r1, %r18; add.u32 %r1, %r1, %r22;
bar.sync 0;
sub.u32 %r0, %r0, 1; setp.ne.u32 %p, %r0, 0; @%p bra L;
ret;
})";

int main(int argc, char** argv) {
  int repeat = argc > 2 ? std::atoi(argv[2]) : 2;
  auto wanted = [&](const char* name) { return argc < 2 || !std::strcmp(argv[1], name); };
  auto m = kernels("norm");
  const int d = 4096, rows = 256;
  Array<float> x(std::vector<float>(d * rows, 1.5f)), w(std::vector<float>(d, 2.0f)), y(d * rows);
  double busy = 0;
  auto cpu = [] {
    rusage u;
    getrusage(RUSAGE_SELF, &u);
    return double(u.ru_utime.tv_sec + u.ru_stime.tv_sec) +
           1e-6 * double(u.ru_utime.tv_usec + u.ru_stime.tv_usec);
  };
  // The rate a core is over processor time, so that a busy machine does not change it much.
  auto report = [&](const char* name, const LaunchResult& r) {
    double used = cpu() - busy;
    std::printf("%-24s %9.3f ms  %6.2f G thread-instr/s, %6.2f a core  %6.2f ns a warp-instr on a core\n",
                name, 1e3 * r.seconds, double(r.thread_instructions) / r.seconds / 1e9,
                double(r.thread_instructions) / used / 1e9, 1e9 * used / double(r.warp_instructions));
  };
  for (bool check : {true, false}) {
    LaunchConfig c;
    c.check_uninitialised = check;
    std::printf("%s\n", check ? "uninitialised reads checked" : "not checked");
    for (uint32_t grid : {1u, 256u}) {
      c.grid = {grid, 1, 1}, c.block = {256, 1, 1};
      std::string suffix = grid == 1 ? " (1 CTA)" : " (256 CTAs)";
      for (int k = 0; k < repeat; ++k) {
        if (wanted("fma_chain")) {
          busy = cpu();
          auto a =
              launch(*m, *m->entry("fma_chain"), c, params(y.at, grid == 1 ? 200000 : 2000, 0.99f, 0.5f));
          if (k == repeat - 1) report(("fma_chain" + suffix).c_str(), a);
        }
        if (wanted("rmsnorm")) {
          busy = cpu();
          auto r = launch(*m, *m->entry("rmsnorm"), c, params(x.at, w.at, y.at, d, 1e-6f));
          if (k == repeat - 1) report(("rmsnorm" + suffix).c_str(), r);
        }
        if (wanted("rmsnorm_v4")) {
          busy = cpu();
          auto v = launch(*m, *m->entry("rmsnorm_v4"), c, params(x.at, w.at, y.at, d / 4, 1e-6f));
          if (k == repeat - 1) report(("rmsnorm_v4" + suffix).c_str(), v);
        }
      }
    }
  }
  for (bool check : {true, false}) {
    LaunchConfig c;
    c.check_uninitialised = c.check_order = check;
    c.block = {128, 1, 1}, c.dynamic_shared = 64 * 1024;
    std::printf("tcgen05.mma 128 x 256, %s\n", check ? "faults checked" : "not checked");
    for (const Tensor& t : TENSOR) {
      if (!wanted("tcgen05.mma") && !wanted(t.kind)) continue;
      auto tensor = Module::load(tensor_kernel(t));
      const uint32_t rounds = 4096 / t.k;
      for (int k = 0; k < repeat; ++k) {
        busy = cpu();
        auto r = launch(*tensor, *tensor->entry("k"), c, params(rounds));
        const double macs = 128.0 * 256 * t.k * 4 * rounds, used = cpu() - busy;
        if (k == repeat - 1)
          std::printf("%-24s %9.3f ms  %6.2f GMAC/s, %6.2f a core\n", t.kind, 1e3 * r.seconds, macs / r.seconds / 1e9,
                      macs / used / 1e9);
      }
    }
  }
  auto tiles = Module::load(TILE_LOOP);
  for (bool check : {true, false}) {
    if (!wanted("tile_loop")) break;
    LaunchConfig c;
    c.check_order = check, c.grid = {4}, c.block = {256};
    busy = cpu();
    auto r = launch(*tiles, *tiles->entry("tile_loop"), c, params(2000u));
    report(check ? "tile_loop, order checked" : "tile_loop", r);
  }
}
