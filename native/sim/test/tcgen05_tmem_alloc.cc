// Who owns which columns: places, waiting, pairs of CTAs, and what a kernel may not do.
#include "policies.h"
#include "tcgen05.h"

using namespace sim;

namespace tcgen05_tmem_alloc {
using namespace sim::testing;

namespace {

// Columns of the allocations land in slot[0..]; the body may use %lane0 (first thread of the CTA), %r, %rank.
std::shared_ptr<Module> kernel(const std::string& body, const std::string& attributes = "") {
  return Module::load(tcgen05_module(
      ".entry k(.param .u64 out) " + attributes + "{\n.shared .align 16 .b8 slot[64];\n"
      ".reg .b32 %tid32, %warp, %rank, %lane, %r<9>; .reg .b64 %rd<6>; .reg .pred %p, %q, %w0, %w1, %lane0;\n"
      "ld.param.u64 %rd1, [out]; mov.u32 %tid32, %tid.x; shr.u32 %warp, %tid32, 5; and.b32 %lane, %tid32, 31;\n"
      "setp.eq.u32 %w0, %warp, 0; setp.eq.u32 %w1, %warp, 1; setp.eq.u32 %lane0, %tid32, 0; mov.u32 %rank, %cluster_ctarank;\n"
      "mul.wide.u32 %rd2, %rank, 64; add.s64 %rd1, %rd1, %rd2;\n" +
      body + "\nret;\n}\n"));
}
std::string alloc(const std::string& slot, unsigned n, unsigned group = 1) {
  return "tcgen05.alloc.cta_group::" + std::to_string(group) + ".sync.aligned.shared::cta.b32 [" + slot + "], " +
         std::to_string(n) + ";\n";
}
std::string dealloc(const std::string& address, unsigned n, unsigned group = 1) {
  return "tcgen05.dealloc.cta_group::" + std::to_string(group) + ".sync.aligned.b32 " + address + ", " +
         std::to_string(n) + ";\n";
}
LaunchConfig shape(unsigned threads, unsigned cluster = 1) {
  LaunchConfig c;
  c.grid = {cluster}, c.cluster = {cluster}, c.block = {threads};
  return c;
}
std::string report(unsigned slots) {
  std::string s;
  for (unsigned k = 0; k < slots; ++k)
    s += "ld.shared.u32 %r8, [slot+" + std::to_string(4 * k) + "]; @%lane0 st.global.u32 [%rd1+" + std::to_string(4 * k) +
         "], %r8;\n";
  return s;
}

}  // namespace

TEST(tcgen05_tmem_alloc_first_fit) {
  auto m = kernel(alloc("slot", 128) + alloc("slot+4", 64) + alloc("slot+8", 64) + alloc("slot+12", 32) +
                  dealloc("64", 64) + report(4) + dealloc("0", 128) + dealloc("192", 64) +
                  dealloc("256", 32));
  // 64 lies inside the first piece: no allocation starts there
  Array<uint32_t> out(16);
  Trap t = trap_of([&] { launch(*m, *m->entry("k"), shape(32), params(out.at)); });
  CHECK(std::string(t.what()).find("tcgen05.dealloc of columns 64 to 127 of tensor memory, which no tcgen05.alloc gave") == 0,
        t.what());
  m = kernel(alloc("slot", 128) + alloc("slot+4", 64) + alloc("slot+8", 64) + dealloc("128", 64) + alloc("slot+12", 64) +
             dealloc("0", 128) + alloc("slot+16", 64) + alloc("slot+20", 32) + alloc("slot+24", 32) +
             alloc("slot+28", 32) + report(8) + dealloc("0", 64) + dealloc("64", 32) + dealloc("96", 32) +
             dealloc("256", 32) + dealloc("128", 64) + dealloc("192", 64));
  under_every_policy(shape(32), [&](const LaunchConfig& c) {
    LaunchResult r = launch(*m, *m->entry("k"), c, params(out.at));
    const uint32_t want[] = {0, 128, 192, 128, 0, 64, 96, 256};
    for (unsigned k = 0; k < 8; ++k) CHECK_EQ(out[k], want[k], "allocation ", k);
    CHECK_EQ(r.lints.size(), 0u);
  });
}

// Sizes "should not increase": worth a word, no fault.
TEST(tcgen05_tmem_alloc_growing) {
  auto m = kernel(alloc("slot", 32) + alloc("slot+4", 64) + dealloc("0", 32) + dealloc("32", 64));
  LaunchResult r = launch(*m, *m->entry("k"), shape(32), params(uint64_t(0)));
  CHECK_EQ(r.lints.size(), 1u);
  CHECK(r.lints[0].find("asks for 64 columns after one for 32") != std::string::npos, r.lints[0]);
}

// The second allocation waits until the first is freed.
TEST(tcgen05_tmem_alloc_waits) {
  auto m = kernel("@!%w0 bra OTHER;\n" + alloc("slot", 512) + "bar.arrive 1, 64;\nbar.sync 2, 64;\n" +
                  "ld.shared.u32 %r0, [slot];\n" + dealloc("%r0", 512) + "bra END;\nOTHER: bar.sync 1, 64;\nbar.arrive 2, 64;\n" +
                  alloc("slot+4", 32) + "ld.shared.u32 %r1, [slot+4]; setp.eq.u32 %q, %lane, 0;\n@%q st.global.u32 [%rd1], %r1;\n" +
                  dealloc("%r1", 32) + "END:");
  Array<uint32_t> out(16);
  under_every_policy(shape(64), [&](const LaunchConfig& c) {
    out[0] = 99;
    launch(*m, *m->entry("k"), c, params(out.at));
    CHECK_EQ(out[0], 0u);
  });
  auto stuck = kernel(alloc("slot", 512) + alloc("slot+4", 32));
  trap_under_every_policy(shape(32), [&](const LaunchConfig& c) { launch(*stuck, *stuck->entry("k"), c, params(uint64_t(0))); },
                          Trap::deadlock, {"PTX line 11", "tensor memory of CTA rank 0", "512 of 512 columns are allocated"});
}

// Both CTAs of a pair take part, whichever of their warps; pairs are ranks that differ in bit 0.
TEST(tcgen05_tmem_alloc_pairs) {
  std::string spin = "mul.lo.u32 %r7, %rank, 40;\nL: setp.eq.u32 %q, %r7, 0; @%q bra GO; sub.u32 %r7, %r7, 1; bra L;\nGO:\n";
  auto m = kernel(spin + "and.b32 %r6, %rank, 1; setp.eq.u32 %p, %warp, %r6; @!%p bra END;\n" + alloc("slot", 256, 2) +
                  alloc("slot+4", 64, 2) + "setp.eq.u32 %lane0, %lane, 0;\n" + report(2) + "ld.shared.u32 %r0, [slot]; ld.shared.u32 %r1, [slot+4];\n" +
                  dealloc("%r0", 256, 2) + dealloc("%r1", 64, 2) + "tcgen05.relinquish_alloc_permit.cta_group::2.sync.aligned;\nEND:");
  Array<uint32_t> out(64);
  under_every_policy(shape(64, 4), [&](const LaunchConfig& c) {
    for (unsigned k = 0; k < 64; ++k) out[k] = 99;
    launch(*m, *m->entry("k"), c, params(out.at));
    for (unsigned rank = 0; rank < 4; ++rank)
      CHECK(out[16 * rank] == 0 && out[16 * rank + 1] == 256, "rank ", rank, ": ", out[16 * rank], " ", out[16 * rank + 1]);
  });
  auto fault = [&](const std::string& body, unsigned cluster, Trap::Cause cause, const std::vector<std::string>& words) {
    auto f = kernel(body);
    trap_under_every_policy(shape(32, cluster), [&](const LaunchConfig& c) { launch(*f, *f->entry("k"), c, params(uint64_t(0))); },
                            cause, words);
  };
  fault(alloc("slot", 32, 2) + dealloc("0", 32, 2), 1, Trap::illegal_instruction, {"cta_group::2 needs CTAs in pairs", "found 1"});
  fault("setp.eq.u32 %p, %rank, 1; @%p exit;\n" + alloc("slot", 32, 2), 2, Trap::deadlock,
        {"tcgen05.alloc.cta_group::2", "the warp of the other CTA of its pair"});
  fault(alloc("slot", 32, 2) + "setp.eq.u32 %p, %rank, 1; @%p bra END;\n" + dealloc("0", 32, 2) + "END:", 2,
        Trap::illegal_instruction, {"columns 0 to 31 of tensor memory are still allocated when the CTA ends", "PTX line 10"});
  fault("mad.lo.u32 %r0, %rank, 32, 32;\ntcgen05.alloc.cta_group::2.sync.aligned.shared::cta.b32 [slot], %r0;", 2,
        Trap::illegal_instruction, {"allocate the same number of columns together", "64", "32"});
}

TEST(tcgen05_tmem_alloc_faults) {
  struct {
    std::string body;
    Trap::Cause cause;
    std::vector<std::string> words;
  } cases[] = {
      {alloc("slot", 64) + alloc("slot+4", 32) + dealloc("0", 64), Trap::illegal_instruction,
       {"columns 64 to 95 of tensor memory are still allocated when the CTA ends: expected a tcgen05.dealloc", "PTX line 11"}},
      {alloc("slot", 64) + dealloc("0", 64) + dealloc("0", 64), Trap::illegal_address,
       {"tcgen05.dealloc of columns 0 to 63", "no tcgen05.alloc gave as one piece", "PTX line 12"}},
      {alloc("slot", 64) + dealloc("0", 32), Trap::illegal_address, {"tcgen05.dealloc of columns 0 to 31", "as one piece"}},
      {alloc("slot", 48), Trap::illegal_instruction, {"a power of two from 32 to 512, found 48"}},
      {alloc("slot", 16), Trap::illegal_instruction, {"a power of two from 32 to 512, found 16"}},
      {alloc("slot", 1024), Trap::illegal_instruction, {"a power of two from 32 to 512, found 1024"}},
      {"tcgen05.relinquish_alloc_permit.cta_group::1.sync.aligned;\n" + alloc("slot", 32), Trap::illegal_instruction,
       {"gave up its right to allocate, at PTX line 10"}},
      {alloc("slot", 32) + dealloc("0", 32, 2), Trap::illegal_instruction,
       {"name the same cta_group", "tcgen05.alloc.cta_group::1", "PTX line 10 names the other one"}},
      {"add.u32 %r0, %tid32, 32;\ntcgen05.alloc.cta_group::1.sync.aligned.shared::cta.b32 [slot], %r0;",
       Trap::illegal_instruction, {"expected one number of columns for all lanes", "32 and 33"}},
      {"setp.lt.u32 %p, %lane, 16;\n@%p " + alloc("slot", 32), Trap::illegal_instruction, {"all lanes of a warp together"}},
      {"setp.lt.u32 %p, %lane, 16;\n@!%p bra END;\n" + alloc("slot", 32) + "END:", Trap::illegal_instruction,
       {"needs all 32 threads of its warp", "has exited"}},
      {"mov.u32 %r0, 0;\ntcgen05.alloc.cta_group::1.sync.aligned.shared::cta.b32 [%r0], 32;", Trap::illegal_address,
       {"the first 1024 bytes, which are reserved"}},
      {"tcgen05.alloc.cta_group::1.sync.aligned.b32 [%rd1], 32;", Trap::illegal_address,
       {"tcgen05.alloc writes the address to shared memory of its own CTA"}},
      {alloc("slot", 32) + "tcgen05.st.sync.aligned.32x32b.x1.b32 [32], {%r0};", Trap::illegal_address,
       {"columns 32 to 32 of tensor memory, which tcgen05.alloc did not give to this CTA"}},
      {alloc("slot", 32) + dealloc("0", 32) + "tcgen05.st.sync.aligned.32x32b.x1.b32 [0], {%r0};", Trap::illegal_address,
       {"which tcgen05.alloc did not give to this CTA"}},
  };
  for (const auto& c : cases) {
    auto m = kernel(c.body);
    Array<uint32_t> out(16);
    trap_under_every_policy(shape(32), [&](const LaunchConfig& k) { launch(*m, *m->entry("k"), k, params(out.at)); }, c.cause,
                            c.words);
  }
}

// The address is an ordinary write to shared memory: other warps read it behind a barrier.
TEST(tcgen05_tmem_alloc_address_is_written) {
  auto body = [](const char* between) {
    return "@%w0 " + alloc("slot", 32) + between + "ld.shared.u32 %r0, [slot];\nbar.sync 0;\n@%w0 " + dealloc("0", 32);
  };
  auto right = kernel(body("bar.sync 0;\n")), wrong = kernel(body(""));
  under_every_policy(shape(64), [&](const LaunchConfig& c) { launch(*right, *right->entry("k"), c, params(uint64_t(0))); });
  LaunchConfig c = shape(64);
  c.check_uninitialised = false;
  trap_under_every_policy(c, [&](const LaunchConfig& k) { launch(*wrong, *wrong->entry("k"), k, params(uint64_t(0))); },
                          Trap::race, {"shared memory", "tcgen05.alloc", "ld.shared"});
}

}  // namespace tcgen05_tmem_alloc
