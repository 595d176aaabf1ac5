// sim_bench [name [repetitions]]: thread-instructions a second of converged code, multiply-adds of the tensor cores
// (matrix_bench.cc), bytes of tensor copies (copy_bench.cc).
#include "bench.h"

#include <cstdio>

using namespace sim;
using namespace sim::testing;

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
  auto wanted = [&](const char* name) { return argc < 2 || !std::strcmp(argv[1], name); };
  const Bench bench{wanted, argc > 2 ? std::atoi(argv[2]) : 5};
  auto m = kernels("norm");
  const int d = 4096, rows = 256;
  Array<float> x(std::vector<float>(d * rows, 1.5f)), w(std::vector<float>(d, 2.0f)), y(d * rows);
  for (bool check : {true, false}) {
    LaunchConfig c;
    c.check_uninitialised = check;
    std::printf("%s\n", check ? "uninitialised reads checked" : "not checked");
    for (uint32_t grid : {1u, 256u}) {
      c.grid = {grid, 1, 1}, c.block = {256, 1, 1};
      const std::string suffix = grid == 1 ? " (1 CTA)" : " (256 CTAs)";
      const auto report = [&](const char* name, const auto& arguments) {
        if (wanted(name)) report_instructions(bench, (name + suffix).c_str(), [&] { return launch(*m, *m->entry(name), c, arguments); });
      };
      report("fma_chain", params(y.at, grid == 1 ? 200000 : 2000, 0.99f, 0.5f));
      report("rmsnorm", params(x.at, w.at, y.at, d, 1e-6f));
      report("rmsnorm_v4", params(x.at, w.at, y.at, d / 4, 1e-6f));
    }
  }
  bench_matrix(bench);
  bench_copies(bench);
  auto tiles = Module::load(TILE_LOOP);
  for (bool check : {true, false}) {
    if (!wanted("tile_loop")) break;
    LaunchConfig c;
    c.check_order = check, c.grid = {4}, c.block = {256};
    report_instructions(bench, check ? "tile_loop, order checked" : "tile_loop",
                        [&] { return launch(*tiles, *tiles->entry("tile_loop"), c, params(2000u)); });
  }
}
