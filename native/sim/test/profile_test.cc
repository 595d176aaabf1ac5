// Counts of a launch: instructions, bytes, conflicts, sectors, waits.
#include "gpu.h"
#include "native/sim/machine/profile.h"

using namespace sim;
using namespace sim::testing;

namespace {
std::shared_ptr<Profile> profiled(const std::string& text, uint32_t ctas = 1, uint32_t threads = 32) {
  auto m = Module::load(
      ".version 9.0\n.target sm_100a\n.address_size 64\n.entry k(.param .u64 p) {\n"
      ".reg .b32 %r<40>; .reg .b64 %rd<9>; .reg .pred %p<9>; .reg .f32 %f<40>; .shared .align 16 .b8 s[8192]; .shared .align 8 .b64 bar;\n"
      "ld.param.u64 %rd1, [p]; mov.u32 %r0, %tid.x; mul.wide.u32 %rd2, %r0, 4; add.s64 %rd2, %rd1, %rd2; mov.u32 %r9, s;\n" +
      text + "\nret;\n}\n");
  Array<uint32_t> a(std::vector<uint32_t>(4096, 1));
  LaunchConfig c;
  c.grid = {ctas, 1, 1}, c.block = {threads, 1, 1}, c.profile = true;
  auto p = launch(*m, *m->entry("k"), c, params(a.at)).profile;
  CHECK(p != nullptr);
  return p;
}
}  // namespace

TEST(profile_counts_instructions_and_bytes) {
  auto p = profiled("ld.global.u32 %r1, [%rd2]; add.u32 %r1, %r1, 1; setp.lt.u32 %p1, %r0, 8; @%p1 bra A; mul.lo.u32 %r1, %r1, 3;\n"
                    "A: st.global.u32 [%rd2+4096], %r1; fma.rn.f32 %f1, %f2, %f3, %f4; bar.sync 0;", 3, 64);
  CHECK_EQ(p->instructions["load_store"].warp, uint64_t(3 * 2 * 3), "ld.param, ld, st");
  CHECK_EQ(p->instructions["float"].thread, uint64_t(3 * 64));
  // mul.wide, add, add and mul for the lanes that are at it
  CHECK_EQ(p->instructions["integer"].thread, uint64_t(3 * (3 * 64 + 56)));
  CHECK_EQ(p->instructions["integer"].warp, uint64_t(3 * 2 * 4));
  uint64_t all = 0;
  for (const auto& [name, c] : p->instructions) all += c.thread;
  CHECK_EQ(all, p->thread_instructions, "every instruction has one class");
  CHECK_EQ(p->counts.bytes[Counters::global_load], uint64_t(3 * 64 * 4));
  CHECK_EQ(p->counts.bytes[Counters::global_store], uint64_t(3 * 64 * 4));
  CHECK_EQ(p->counts.read.count(), uint64_t(64 * 4), "three CTAs read the same bytes");
  CHECK_EQ(p->counts.written.count(), uint64_t(64 * 4));
  CHECK_EQ(p->counts.sectors.issued, uint64_t(3 * 2 * 2 * 4));
  CHECK_EQ(p->counts.sectors.ideal, p->counts.sectors.issued);
  CHECK(p->counts.barrier_waits >= 3, "a warp waited in each CTA");
  std::string j = p->json();
  for (const char* words : {"\"kernel\": \"k\"", "\"grid\": [3,1,1]", "\"load_store\": {\"warp\": 18", "\"global_read_unique\": 256", "\"ideal\": "})
    CHECK(j.find(words) != std::string::npos, words, " in ", j);
}

TEST(profile_bank_conflicts_and_sectors) {
  auto stride = [&](uint32_t bytes, const std::string& op) {
    auto m = "mad.lo.u32 %r1, %r0, " + std::to_string(bytes) + ", %r9; " + op;
    auto p = profiled("st.shared.u32 [%r9], 0; " + m);
    return std::pair{p->counts.wavefronts.issued - 1, p->counts.wavefronts.ideal - 1};
  };
  using Two = std::pair<uint64_t, uint64_t>;
  const std::string word = "st.shared.u32 [%r1], %r0;", four = "st.shared.v4.u32 [%r1], {%r0, %r0, %r0, %r0};";
  CHECK(stride(4, word) == Two(1, 1));
  CHECK(stride(8, word) == Two(2, 1));
  CHECK(stride(128, word) == Two(32, 1));
  CHECK(stride(132, word) == Two(1, 1), "padding");
  CHECK(stride(16, four) == Two(4, 4));
  CHECK(stride(64, four) == Two(16, 4));
  CHECK(stride(0, "st.shared.u32 [%r1], 7; ld.shared.u32 %r2, [%r1];") == Two(2, 2), "a broadcast");
  auto global = [](uint32_t bytes) {
    auto p = profiled("mul.wide.u32 %rd3, %r0, " + std::to_string(bytes) + "; add.s64 %rd3, %rd1, %rd3; ld.global.u32 %r1, [%rd3];");
    return Two(p->counts.sectors.issued, p->counts.sectors.ideal);
  };
  CHECK(global(4) == Two(4, 4));
  CHECK(global(32) == Two(32, 4));
  CHECK(global(8) == Two(8, 4));
  CHECK(global(0) == Two(1, 1));
}

TEST(profile_off_and_waits) {
  auto m = Module::load(".version 9.0\n.target sm_100a\n.address_size 64\n.entry k() { ret; }\n");
  LaunchConfig c;
  c.block = {32, 1, 1};
  CHECK(launch(*m, *m->entry("k"), c, {}).profile == nullptr);
  auto p = profiled("setp.eq.u32 %p0, %r0, 0; @%p0 mbarrier.init.shared.b64 [bar], 64; bar.sync 0; mbarrier.arrive.shared.b64 _, [bar];\n"
                    "W: mbarrier.try_wait.parity.shared.b64 %p1, [bar], 0; @!%p1 bra W;", 2, 64);
  CHECK(p->counts.mbarrier_waits >= 2 && p->counts.barrier_waits >= 2);
  CHECK_EQ(p->counts.cluster_waits, uint64_t(0));
}
