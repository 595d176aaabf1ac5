// Bytes a second of tensor copies: boxes of 16 KB, 128 rows of 128 bytes, one at a time.
#include "bench.h"

#include <cstdio>

#include "tma.h"

namespace sim::testing {

namespace {

constexpr uint32_t BOX = 16384;

std::shared_ptr<Module> load_kernel() {
  return tma_kernel(TMA_INIT +
                        "mov.u32 %r20, 0; mov.u32 %r21, 0;\n"
                        "LOOP: shl.b32 %r22, %r20, 7; and.b32 %r22, %r22, 1023; and.b32 %r23, %r20, 1;\n" +
                        tma_expect(BOX) +
                        "@%p0 cp.async.bulk.tensor.2d.shared::cta.global.tile.mbarrier::complete_tx::bytes [%r1], [%rd4, {%r21, "
                        "%r22}], [bar];\nWAIT: mbarrier.try_wait.parity.shared::cta.b64 %p1, [bar], %r23; @!%p1 bra WAIT;\nbar.sync 0;\n"
                        "add.u32 %r20, %r20, 1; cvt.u32.u64 %r24, %rd1; setp.lt.u32 %p2, %r20, %r24; @%p2 bra LOOP;\n",
                    BOX);
}
std::shared_ptr<Module> store_kernel() {
  return tma_kernel("shl.b32 %r20, %r0, 2; add.u32 %r20, %r20, %r1; mov.u32 %r21, 0;\n"
                    "FILL: st.shared.u32 [%r20], %r0; add.u32 %r20, %r20, 128; add.u32 %r21, %r21, 128; setp.lt.u32 %p1, %r21, " +
                        std::to_string(BOX) +
                        "; @%p1 bra FILL;\nfence.proxy.async.shared::cta; bar.sync 0;\nmov.u32 %r20, 0; mov.u32 %r21, 0;\n"
                        "LOOP: shl.b32 %r22, %r20, 7; and.b32 %r22, %r22, 1023;\n"
                        "@%p0 cp.async.bulk.tensor.2d.global.shared::cta.tile.bulk_group [%rd4, {%r21, %r22}], [%r1];\n"
                        "cp.async.bulk.commit_group; cp.async.bulk.wait_group 0;\n"
                        "add.u32 %r20, %r20, 1; cvt.u32.u64 %r24, %rd1; setp.lt.u32 %p2, %r20, %r24; @%p2 bra LOOP;\n",
                    BOX);
}

}  // namespace

void bench_copies(const Bench& b) {
  constexpr uint64_t TIMES = 4000;
  Array<uint8_t> tensor(std::vector<uint8_t>(8 * BOX, 1));
  TensorMap map = tensor_map(tensor.at, TensorMap::Element::bf16, {64, 1024}, {64, 128});
  for (bool check : {true, false}) {
    LaunchConfig c = one_warp();
    c.check_uninitialised = c.check_order = check;
    std::printf("tensor copy of 16 KB, %s\n", check ? "faults checked" : "not checked");
    for (bool swizzled : {true, false})
      for (bool load : {true, false}) {
        map.swizzle = swizzled ? TensorMap::Swizzle::b128 : TensorMap::Swizzle::none;
        const std::string name = std::string(load ? "load" : "store") + (swizzled ? ", 128B swizzle" : ", no swizzle");
        if (!b.wanted("tensor copy") && !b.wanted(name.c_str())) continue;
        auto m = load ? load_kernel() : store_kernel();
        report_rate(b, name.c_str(), double(BOX * TIMES) / 1e9, "GB/s",
                    [&] { return launch(*m, *m->entry("k"), c, params(TIMES, tensor.at, map)); });
      }
  }
}

}  // namespace sim::testing
