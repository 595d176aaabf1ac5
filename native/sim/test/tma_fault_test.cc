// Kernels around bulk and tensor copies with exactly one fault each, and their repaired twins.
#include "tma.h"

using namespace sim;

namespace tma_fault_test {
using namespace sim::testing;

namespace {

using E = TensorMap::Element;

struct Scene {
  Array<uint8_t> in{random_bytes(8192, 4)}, out{std::vector<uint8_t>(8192, 0)};
  TensorMap map = tensor_map(0, E::u8, {64, 64}, {64, 8});
  Scene() { map.address = in.at; }
  auto run(Module& m) {
    return [this, &m](const LaunchConfig& c) { launch(m, *m.entry("k"), c, params(out.at, in.at, map)); };
  }
};

void faulty(const std::string& text, Trap::Cause cause, const std::vector<std::string>& words, bool with_eager = true,
            uint32_t threads = 32) {
  Scene s;
  auto m = tma_kernel(text, 2048);
  LaunchConfig c = one_warp();
  c.block.x = threads;
  trap_under_every_policy(c, s.run(*m), cause, words, with_eager);
}
void clean(const std::string& text, uint32_t threads = 32) {
  Scene s;
  auto m = tma_kernel(text, 2048);
  LaunchConfig c = one_warp();
  c.block.x = threads;
  under_every_policy(c, s.run(*m));
}

const std::string LOAD =
    "@%p0 cp.async.bulk.tensor.2d.shared::cta.global.tile.mbarrier::complete_tx::bytes [%r1], [%rd4, {0, 8}], [bar];\n";
const std::string LOAD_BULK = "@%p0 cp.async.bulk.shared::cta.global.mbarrier::complete_tx::bytes [%r1+1024], [%rd2], 512, [bar];\n";
const std::string READ = "ld.shared.u32 %r5, [%r1+4]; st.global.u32 [%rd1], %r5;\n";
const std::string FENCED = "fence.proxy.async.shared::cta; bar.sync 0;\n";
const std::string STORE = "@%p0 cp.async.bulk.tensor.2d.global.shared::cta.bulk_group [%rd4, {0, 0}], [%r1];\n";
const std::string COMMIT = "cp.async.bulk.commit_group;\n", WAIT_READ = "cp.async.bulk.wait_group.read 0;\nbar.sync 0;\n";
const std::string REUSE = "shl.b32 %r6, %r0, 2; add.u32 %r6, %r6, %r1; st.shared.u32 [%r6], 9;\n";

}  // namespace

TEST(tma_fault_read_before_the_wait) {
  faulty(TMA_INIT + tma_expect(512) + LOAD + READ, Trap::race, {"reads shared memory", "cp.async.bulk.tensor", "missing a wait", "mbarrier"});
  clean(TMA_INIT + tma_expect(512) + LOAD + TMA_WAIT + READ);
}

TEST(tma_fault_expected_bytes) {
  faulty(TMA_INIT + tma_expect(1024) + LOAD + TMA_WAIT + READ, Trap::deadlock, {"512 bytes are still to come", "mbarrier at shared"});
  faulty(TMA_INIT + tma_expect(256) + LOAD + TMA_WAIT + READ, Trap::deadlock, {"-256 bytes are still to come"});
  // half of what two copies bring: the phase ends without the second one
  const std::string second = "ld.shared.u32 %r5, [%r1+1024]; st.global.u32 [%rd1], %r5;\n";
  const std::string before = "@%p0 st.shared.u32 [%r1+1024], 1; @%p0 st.shared.u32 [%r1+4], 1; fence.proxy.async.shared::cta;\n";
  faulty(before + TMA_INIT + tma_expect(512) + LOAD + LOAD_BULK + TMA_WAIT + READ + second, Trap::race, {"mbarrier"});
  clean(before + TMA_INIT + tma_expect(1024) + LOAD + LOAD_BULK + TMA_WAIT + READ + second);
}

TEST(tma_fault_stage_overwritten) {
  // by the program while the copy writes it
  faulty(TMA_INIT + tma_expect(512) + LOAD + REUSE + TMA_WAIT, Trap::race, {"writes shared memory", "cp.async.bulk.tensor", "missing a wait"});
  clean(TMA_INIT + tma_expect(512) + LOAD + TMA_WAIT + "bar.sync 0;\n" + REUSE);
  // by a copy while another warp reads it
  const std::string again = "@%p0 mbarrier.arrive.expect_tx.shared::cta.b64 _, [bar], 512;\n" + LOAD +
                            "W1: mbarrier.try_wait.parity.shared::cta.b64 %p1, [bar], 1; @!%p1 bra W1;\n";
  faulty(TMA_INIT + tma_expect(512) + LOAD + TMA_WAIT + "bar.sync 0;\n" + READ + again, Trap::race,
         {"shared memory", "cp.async.bulk.tensor"}, true, 64);
  clean(TMA_INIT + tma_expect(512) + LOAD + TMA_WAIT + READ + "bar.sync 0;\n" + again, 64);
}

TEST(tma_fault_proxy_fence_before_a_store) {
  faulty(REUSE + "bar.sync 0;\n@%p0 cp.async.bulk.global.shared::cta.bulk_group [%rd1], [%r1], 128;\n" + COMMIT + WAIT_READ, Trap::race,
         {"missing fence.proxy.async"});
  faulty(REUSE + "bar.sync 0;\n" + REUSE + "fence.proxy.async.shared::cta;\n@%p0 cp.async.bulk.global.shared::cta.bulk_group [%rd1], [%r1], 256;\n" + COMMIT + WAIT_READ,
         Trap::race, {"shared memory", "cp.async.bulk.global"}, true, 64);
  clean(REUSE + FENCED + "@%p0 cp.async.bulk.global.shared::cta.bulk_group [%rd1], [%r1], 128;\n" + COMMIT + WAIT_READ);
}

TEST(tma_fault_staging_buffer_reused) {
  const std::string full = TMA_INIT + tma_expect(512) + LOAD + TMA_WAIT;  // the box holds what a store may take
  faulty(full + STORE + COMMIT + REUSE, Trap::race, {"a bulk copy", "reads", "wait_group"});
  faulty(full + STORE + WAIT_READ + REUSE, Trap::race, {"a bulk copy", "wait_group"});  // no commit: the wait waits for nothing
  faulty(full + STORE + COMMIT + "cp.async.bulk.wait_group.read 1; bar.sync 0;\n" + REUSE, Trap::race, {"a bulk copy"});
  clean(full + STORE + COMMIT + WAIT_READ + REUSE);
  clean(full + STORE + COMMIT + "cp.async.bulk.wait_group 0; bar.sync 0;\n" + REUSE);
}

// A store that nobody waits for is a remark.
TEST(tma_store_not_waited_for_is_a_lint) {
  Scene s;
  for (bool waits : {false, true}) {
    auto m = tma_kernel(REUSE + FENCED + "@%p0 cp.async.bulk.global.shared::cta.bulk_group [%rd1], [%r1], 128;\n" + COMMIT +
                            (waits ? WAIT_READ : ""), 2048);
    LaunchResult r = launch(*m, *m->entry("k"), one_warp(), params(s.out.at, s.in.at, s.map));
    CHECK_EQ(r.lints.size(), size_t(waits ? 0 : 1));
    CHECK(waits || r.lints[0].find("cp.async.bulk.wait_group.read") != std::string::npos, r.lints[0]);
    CHECK_EQ(int(s.out[0]), 9);
  }
}

TEST(tma_fault_operands) {
  const std::string begin = TMA_INIT + tma_expect(512), form = "@%p0 cp.async.bulk.tensor.2d.shared::cta.global.tile.mbarrier::complete_tx::bytes ";
  faulty(begin + form + "[%r1+64], [%rd4, {0, 8}], [bar];", Trap::misaligned, {"multiple of 128"});
  faulty(begin + form + "[%r1], [%rd4, {8, 8}], [bar];", Trap::illegal_instruction, {"multiple of 16 bytes", "8"});
  faulty(begin + form + "[%r1+1664], [%rd4, {0, 8}], [bar];", Trap::illegal_address, {"write of 512 bytes"});
  faulty(begin + form + "[%r1], [%rd4, {0, 8}], [bar+16];", Trap::illegal_instruction, {"no initialised mbarrier"});
  faulty(begin + "add.s64 %rd5, %rd4, 16; " + form + "[%r1], [%rd5, {0, 8}], [bar];", Trap::misaligned, {"tensor map", "multiple of 64"});
  faulty(begin + "@%p0 cp.async.bulk.tensor.3d.shared::cta.global.mbarrier::complete_tx::bytes [%r1], [%rd4, {0, 0, 0}], [bar];",
         Trap::illegal_instruction, {"3 dimensions", "has 2"});
  faulty(begin + "@%p0 cp.async.bulk.tensor.3d.shared::cta.global.im2col.mbarrier::complete_tx::bytes [%r1], [%rd4, {0, 0, 0}], [bar], {0};",
         Trap::illegal_instruction, {"3 dimensions"});
  faulty(begin + "@%p0 cp.async.bulk.shared::cta.global.mbarrier::complete_tx::bytes [%r1], [%rd2+8], 512, [bar];", Trap::misaligned,
         {"multiples of 16"});
  faulty(begin + "@%p0 cp.async.bulk.shared::cta.global.mbarrier::complete_tx::bytes [%r1], [%rd2], 500, [bar];", Trap::illegal_instruction,
         {"multiple of 16 bytes", "500"});
  faulty(begin + "@%p0 cp.async.bulk.shared::cta.global.mbarrier::complete_tx::bytes [%r1], [%rd2+7936], 512, [bar];" + TMA_WAIT,
         Trap::illegal_address, {"read of 512 bytes"});
  faulty(REUSE + FENCED + "@%p0 cp.async.bulk.tensor.2d.global.shared::cta.bulk_group [%rd4, {0, -1}], [%r1];", Trap::illegal_instruction,
         {"not negative", "-1"});
  faulty(begin + "@%p0 cp.async.bulk.shared::cluster.global.mbarrier::complete_tx::bytes.multicast::cluster [%r1], [%rd2], 512, [bar], 2;",
         Trap::illegal_instruction, {"multicast mask", "0x2"});
  // im2col::w has no semantics, which is said
  faulty(begin + "@%p0 cp.async.bulk.tensor.3d.shared::cta.global.im2col::w.mbarrier::complete_tx::bytes [%r1], [%rd4, {0, 0, 0}], [bar], {0, 0};",
         Trap::illegal_instruction, {"no semantics for cp.async.bulk.tensor.3d"});
}

TEST(tma_fault_memory_that_is_no_tensor_map) {
  Scene s;
  s.map.magic = 7;
  auto m = tma_kernel(TMA_INIT + tma_expect(512) + LOAD + TMA_WAIT, 2048);
  trap_under_every_policy(one_warp(), s.run(*m), Trap::illegal_instruction, {"no tensor map", "cuTensorMapEncode"});
  // a map of a tensor that is larger than its memory
  Scene big;
  big.map.dim[1] = 4096;
  auto far = tma_kernel(TMA_INIT + tma_expect(512) +
                            "@%p0 cp.async.bulk.tensor.2d.shared::cta.global.mbarrier::complete_tx::bytes [%r1], [%rd4, {0, 126}], [bar];\n" +
                            TMA_WAIT, 2048);
  trap_under_every_policy(one_warp(), big.run(*far), Trap::illegal_address, {"offset 8192", "8192 bytes"});
}

// A copy of bytes that nobody wrote is no fault; their use is.
TEST(tma_unwritten_bytes_travel) {
  Array<uint8_t> in(4096), out(std::vector<uint8_t>(4096, 0));
  Memory::device().mark(*Memory::device().find(in.at), in.at, 512 + 64);
  TensorMap map = tensor_map(in.at, E::u8, {64, 64}, {64, 8});
  for (const std::string& load : {LOAD, std::string("@%p0 cp.async.bulk.shared::cta.global.mbarrier::complete_tx::bytes [%r1], [%rd2+512], 512, [bar];\n")}) {
    auto good = tma_kernel(TMA_INIT + tma_expect(512) + load + TMA_WAIT + "ld.shared.u32 %r5, [%r1+60]; st.global.u32 [%rd1], %r5;", 2048);
    under_every_policy(one_warp(), [&](const LaunchConfig& c) { launch(*good, *good->entry("k"), c, params(out.at, in.at, map)); });
    auto bad = tma_kernel(TMA_INIT + tma_expect(512) + load + TMA_WAIT + "ld.shared.u32 %r5, [%r1+64]; st.global.u32 [%rd1], %r5;", 2048);
    trap_under_every_policy(one_warp(), [&](const LaunchConfig& c) { launch(*bad, *bad->entry("k"), c, params(out.at, in.at, map)); },
                            Trap::uninitialised, {"nobody has written"});
  }
}

// A map is copied to shared memory, changed, written back: the copies that follow want the acquire fence.
TEST(tma_tensor_maps_changed_by_a_kernel) {
  const std::string made =
      "mul.wide.u32 %rd8, %r0, 4; add.s64 %rd9, %rd4, %rd8; ld.u32 %r20, [%rd9]; shl.b32 %r21, %r0, 2;\n"
      "add.u32 %r21, %r21, %r1; add.u32 %r22, %r1, 1024; st.shared.u32 [%r21+1024], %r20; bar.warp.sync 0xffffffff;\n"
      "cvt.u64.u32 %rd12, %r22;\n"
      "@%p0 tensormap.replace.tile.global_address.shared::cta.b1024.b64 [%rd12], %rd2;\n"
      "@%p0 tensormap.replace.tile.rank.shared::cta.b1024.b32 [%rd12], 1;\n"
      "@%p0 tensormap.replace.tile.box_dim.shared::cta.b1024.b32 [%rd12], 1, 4;\n"
      "@%p0 tensormap.replace.tile.global_dim.shared::cta.b1024.b32 [%rd12], 1, 10;\n"
      "@%p0 tensormap.replace.tile.global_stride.shared::cta.b1024.b64 [%rd12], 0, 128;\n"
      "@%p0 tensormap.replace.tile.element_stride.shared::cta.b1024.b32 [%rd12], 1, 1;\n"
      "@%p0 tensormap.replace.tile.elemtype.shared::cta.b1024.b32 [%rd12], 1;\n"
      "@%p0 tensormap.replace.tile.box_dim.shared::cta.b1024.b32 [%rd12], 0, 32;\n"
      "@%p0 tensormap.replace.tile.interleave_layout.shared::cta.b1024.b32 [%rd12], 0;\n"
      "@%p0 tensormap.replace.tile.swizzle_mode.shared::cta.b1024.b32 [%rd12], 2;\n"
      "@%p0 tensormap.replace.tile.swizzle_atomicity.shared::cta.b1024.b32 [%rd12], 0;\n"
      "@%p0 tensormap.replace.tile.fill_mode.shared::cta.b1024.b32 [%rd12], 0;\n"
      "bar.warp.sync 0xffffffff; add.s64 %rd13, %rd1, 1024;\n"
      "tensormap.cp_fenceproxy.global.shared::cta.tensormap::generic.release.gpu.sync.aligned [%rd13], [%rd12], 128;\n";
  const std::string fence = "fence.proxy.tensormap::generic.acquire.gpu [%rd13], 128;\n";
  const std::string load = TMA_INIT + tma_expect(256) +
                           "@%p0 cp.async.bulk.tensor.2d.shared::cta.global.mbarrier::complete_tx::bytes [%r1], [%rd13, {0, 8}], [bar];\n" + TMA_WAIT +
                           tma_dump(256);
  Scene s;
  std::vector<uint8_t> data = s.in.values();
  s.map.address = s.in.at + 4096;
  auto good = tma_kernel(made + fence + load, 2048);
  under_every_policy(one_warp(), [&](const LaunchConfig& c) {
    s.run(*good)(c);
    for (uint32_t r = 0; r < 4; ++r)
      for (uint32_t b = 0; b < 64; ++b) {
        uint32_t at = r * 64 + b, cell = at / 16 % 8 ^ at / 128 % 4, place = at / 128 * 128 + cell * 16 + at % 16;
        CHECK_EQ(int(s.out[place]), r < 2 ? int(data[(8 + r) * 128 + b]) : 0, "row ", r, " byte ", b);
      }
  });
  auto bad = tma_kernel(made + load, 2048);
  trap_under_every_policy(one_warp(), s.run(*bad), Trap::race, {"tensor map", "fence.proxy.tensormap::generic.acquire"});
  auto wrong = tma_kernel("cvt.u64.u32 %rd12, %r1; st.shared.u32 [%r1], 5; tensormap.replace.tile.rank.shared::cta.b1024.b32 [%rd12], 1;", 2048);
  CHECK(trap_of([&] { s.run(*wrong)(one_warp()); }).cause == Trap::uninitialised);
}

}  // namespace tma_fault_test
