// cp.async.bulk and cp.reduce.async.bulk in all their directions, between the CTAs of a cluster too.
#include <cmath>

#include "tma.h"

using namespace sim;
using namespace sim::testing;

namespace {

const std::string STORED = "cp.async.bulk.commit_group; cp.async.bulk.wait_group 0;\n";
const std::string FENCED = "fence.proxy.async.shared::cta; bar.sync 0;\n";

void run_kernel(Module& m, const LaunchConfig& c, const std::vector<uint8_t>& p) { launch(m, *m.entry("k"), c, p); }

LaunchConfig cluster_of(uint32_t n) {
  LaunchConfig c = one_warp();
  c.grid = c.cluster = {n, 1, 1};
  c.explicit_cluster = true;
  return c;
}

}  // namespace

TEST(bulk_loads) {
  std::vector<uint8_t> data = random_bytes(1024, 1);
  Array<uint8_t> in(data);
  const std::vector<std::string> forms = {
      "cp.async.bulk.shared::cta.global.mbarrier::complete_tx::bytes [%r1], [%rd2+64], 512, [bar];",
      "cp.async.bulk.shared::cluster.global.mbarrier::complete_tx::bytes [box], [%rd2+64], 512, [%r2];",
      "cp.async.bulk.shared::cluster.global.mbarrier::complete_tx::bytes.multicast::cluster [%r1], [%rd2+64], 512, [bar+0], 1;",
      "mov.b64 %rd9, 0; cp.async.bulk.shared::cta.global.mbarrier::complete_tx::bytes.L2::cache_hint [%r1], [%rd2+64], 512, [bar], %rd9;"};
  for (const std::string& form : forms) {
    size_t cut = form.find("cp.async");
    auto m = tma_kernel(TMA_INIT + tma_expect(512) + form.substr(0, cut) + "@%p0 " + form.substr(cut) + "\n" + TMA_WAIT +
                            tma_dump(512), 512);
    under_every_policy(one_warp(), [&](const LaunchConfig& c) {
      Array<uint8_t> out(512);
      run_kernel(*m, c, params(out.at, in.at, TensorMap{}));
      for (uint32_t b = 0; b < 512; ++b) CHECK_EQ(int(out[b]), int(data[64 + b]), form);
    });
  }
  // up to 15 bytes at either end may lie outside: they are nobody's
  Array<uint8_t> end(std::vector<uint8_t>(data.begin(), data.begin() + 500));
  auto m = tma_kernel(TMA_INIT + tma_expect(256) +
                          "@%p0 cp.async.bulk.shared::cta.global.mbarrier::complete_tx::bytes.ignore_oob [%r1], [%rd2+256], 256, 4, 12, "
                          "[bar];\n" + TMA_WAIT + "ld.shared.u32 %r5, [%r1+4]; st.global.u32 [%rd1], %r5; ld.shared.u32 %r5, [%r1+240]; "
                          "st.global.u32 [%rd1+4], %r5;", 256);
  under_every_policy(one_warp(), [&](const LaunchConfig& c) {
    Array<uint32_t> out(2);
    run_kernel(*m, c, params(out.at, end.at, TensorMap{}));
    CHECK(!std::memcmp(&out[0], &data[260], 4) && !std::memcmp(&out[1], &data[496], 4));
  });
}

TEST(bulk_stores_and_their_groups) {
  std::vector<uint8_t> data = random_bytes(1024, 2);
  Array<uint8_t> in(data);
  // three groups: what wait_group 2 covers is there, what it does not is there at the end
  auto m = tma_kernel(tma_fill(1024) + FENCED +
                          "@!%p0 bra END; cp.async.bulk.global.shared::cta.bulk_group [%rd1], [%r1], 256; cp.async.bulk.commit_group;\n"
                          "mov.b64 %rd9, 0; cp.async.bulk.global.shared::cta.bulk_group.L2::cache_hint [%rd1+256], [%r1+256], 256, %rd9;\n"
                          "cp.async.bulk.commit_group; cp.async.bulk.global.shared::cta.bulk_group.cp_mask [%rd1+512], [%r1+512], 256, "
                          "0x8421; cp.async.bulk.commit_group; cp.async.bulk.wait_group 2; ld.global.u32 %r5, [%rd1+252];\n"
                          "cp.async.bulk.wait_group.read 0; st.shared.u32 [%r1+256], 7; st.global.u32 [%rd1+1020], %r5; END:\n",
                      1024);
  under_every_policy(one_warp(), [&](const LaunchConfig& c) {
    Array<uint8_t> out(std::vector<uint8_t>(1024, 0));
    run_kernel(*m, c, params(out.at, in.at, TensorMap{}));
    for (uint32_t b = 0; b < 768; ++b)
      CHECK_EQ(int(out[b]), b < 512 || (0x8421 >> b % 16 & 1) ? int(data[b]) : 0, "byte ", b);
    CHECK(!std::memcmp(&out[1020], &data[252], 4), "a group that was waited for is written");
  });
}

// Every reduction into global memory against the element's own arithmetic.
TEST(bulk_reductions_to_global_memory) {
  struct Case {
    const char* op;
    uint32_t size;
    std::function<uint64_t(uint64_t, uint64_t)> f;
  };
  auto bits = [](float v) { uint32_t u; std::memcpy(&u, &v, 4); return u; };
  auto real = [](uint64_t v) { uint32_t u = uint32_t(v); float f; std::memcpy(&f, &u, 4); return f; };
  auto wide = [](uint64_t v) { double f; std::memcpy(&f, &v, 8); return f; };
  auto wide_bits = [](double v) { uint64_t u; std::memcpy(&u, &v, 8); return u; };
  const std::vector<Case> cases = {
      {"add.u32", 4, [](uint64_t a, uint64_t b) { return uint32_t(a + b); }},
      {"add.s32", 4, [](uint64_t a, uint64_t b) { return uint32_t(a + b); }},
      {"add.u64", 8, [](uint64_t a, uint64_t b) { return a + b; }},
      {"min.u32", 4, [](uint64_t a, uint64_t b) { return std::min(a, b); }},
      {"max.u32", 4, [](uint64_t a, uint64_t b) { return std::max(a, b); }},
      {"min.s32", 4, [](uint64_t a, uint64_t b) { return uint32_t(std::min(int32_t(a), int32_t(b))); }},
      {"max.s32", 4, [](uint64_t a, uint64_t b) { return uint32_t(std::max(int32_t(a), int32_t(b))); }},
      {"min.u64", 8, [](uint64_t a, uint64_t b) { return std::min(a, b); }},
      {"max.s64", 8, [](uint64_t a, uint64_t b) { return uint64_t(std::max(int64_t(a), int64_t(b))); }},
      {"inc.u32", 4, [](uint64_t a, uint64_t b) { return a >= b ? 0 : a + 1; }},
      {"dec.u32", 4, [](uint64_t a, uint64_t b) { return a == 0 || a > b ? b : a - 1; }},
      {"and.b32", 4, [](uint64_t a, uint64_t b) { return a & b; }},
      {"or.b64", 8, [](uint64_t a, uint64_t b) { return a | b; }},
      {"xor.b64", 8, [](uint64_t a, uint64_t b) { return a ^ b; }},
      {"add.f32", 4,
       [&](uint64_t a, uint64_t b) {
         float r = real(a) + real(b);
         return uint64_t(std::isnan(r) ? 0x7fffffffu : bits(r));
       }},
      {"add.f64", 8, [&](uint64_t a, uint64_t b) { return wide_bits(wide(a) + wide(b)); }}};
  const uint32_t n = 256;  // bytes
  for (const Case& k : cases) {
    std::vector<uint8_t> a = random_bytes(n, 11), b = random_bytes(n, 12);
    for (uint32_t e = 0; e < 4; ++e) {  // equal, zero, subnormal
      std::memcpy(&a[e * k.size], &b[(e & 1) * k.size], k.size);
      if (e == 2) std::memset(&a[e * k.size], 0, k.size);
      if (e == 3) std::memset(&a[e * k.size + k.size / 2], 0, k.size / 2), std::memset(&b[e * k.size + k.size / 2], 0, k.size / 2);
    }
    for (uint32_t e = 0; e < n / 8 && k.size == 8; ++e) a[e * 8 + 7] &= 0xbf, b[e * 8 + 7] &= 0xbf;  // no NaN among doubles
    Array<uint8_t> in(b);
    auto m = tma_kernel(tma_fill(n) + FENCED + "@%p0 cp.reduce.async.bulk.global.shared::cta.bulk_group." + k.op +
                            " [%rd1], [%r1], " + std::to_string(n) + ";\n" + STORED, n);
    under_every_policy(one_warp(), [&](const LaunchConfig& c) {
      Array<uint8_t> out(a);
      run_kernel(*m, c, params(out.at, in.at, TensorMap{}));
      for (uint32_t e = 0; e < n / k.size; ++e) {
        uint64_t x = 0, y = 0, got = 0;
        std::memcpy(&x, &a[e * k.size], k.size), std::memcpy(&y, &b[e * k.size], k.size), std::memcpy(&got, &out[e * k.size], k.size);
        CHECK_EQ(got, k.f(x, y), k.op, " of ", x, " and ", y);
      }
    });
  }
  // halves: exact sums and extremes, subnormals kept
  struct Half {
    const char* op;
    std::vector<uint16_t> a, b, want;
  };
  const std::vector<Half> halves = {
      {"add.noftz.f16", {0x3c00, 0x0001, 0x7bff, 0xc000}, {0x3c00, 0x0001, 0x7bff, 0x4000}, {0x4000, 0x0002, 0x7c00, 0x0000}},
      {"min.f16", {0x3c00, 0x8001, 0x7e00, 0x4400}, {0x4000, 0x0001, 0x3c00, 0xc400}, {0x3c00, 0x8001, 0x3c00, 0xc400}},
      {"max.f16", {0x3c00, 0x8001, 0x7e00, 0x4400}, {0x4000, 0x0001, 0x3c00, 0xc400}, {0x4000, 0x0001, 0x3c00, 0x4400}},
      {"add.noftz.bf16", {0x3f80, 0x0001, 0x4000, 0xbf80}, {0x3f80, 0x0001, 0x3f80, 0x3f80}, {0x4000, 0x0002, 0x4040, 0x0000}},
      {"max.bf16", {0x3f80, 0x8001, 0x7fc0, 0x4080}, {0x4000, 0x0001, 0x3f80, 0xc080}, {0x4000, 0x0001, 0x3f80, 0x4080}}};
  for (const Half& h : halves) {
    auto four = [](const std::vector<uint16_t>& v) {
      std::vector<uint16_t> all;
      for (int k = 0; k < 8; ++k) all.insert(all.end(), v.begin(), v.end());
      return all;
    };
    Array<uint16_t> in(four(h.b));
    auto m = tma_kernel(tma_fill(64) + FENCED + "@%p0 cp.reduce.async.bulk.global.shared::cta.bulk_group." + h.op +
                            " [%rd1], [%r1], 64;\n" + STORED, 64);
    under_every_policy(one_warp(), [&](const LaunchConfig& c) {
      Array<uint16_t> out(four(h.a));
      run_kernel(*m, c, params(out.at, in.at, TensorMap{}));
      for (uint32_t e = 0; e < 32; ++e) CHECK_EQ(out[e], four(h.want)[e], h.op, " element ", e);
    });
  }
}

// Each CTA of four sends its half to the next one and adds its number into CTA 0's counters.
TEST(bulk_copies_and_reductions_between_ctas) {
  std::string text =
      "mov.u32 %r3, %cluster_ctarank; @%p0 mbarrier.init.shared::cta.b64 [bar], 1; @%p0 mbarrier.init.shared::cta.b64 [bar+8], 1;\n"
      "shl.b32 %r10, %r0, 2; add.u32 %r11, %r1, %r10; mad.lo.u32 %r12, %r3, 100, %r0; st.shared.u32 [%r11], %r12;\n"
      "st.shared.u32 [%r11+128], 0; st.shared.u32 [%r11+256], 0; fence.proxy.async.shared::cta; fence.mbarrier_init.release.cluster;\n"
      "barrier.cluster.arrive.aligned; barrier.cluster.wait.aligned;\n" + tma_expect(128) +
      "setp.eq.u32 %p3, %r3, 0; and.pred %p4, %p3, %p0; @%p4 mbarrier.arrive.expect_tx.shared::cta.b64 _, [bar+8], 512;\n"
      "add.u32 %r4, %r3, 1; and.b32 %r4, %r4, 3; mapa.shared::cluster.u32 %r5, %r1, %r4; mapa.shared::cluster.u32 %r6, %r2, %r4;\n"
      "mapa.shared::cluster.u32 %r7, %r1, 0; mapa.shared::cluster.u32 %r8, %r2, 0;\n"
      "@%p0 cp.async.bulk.shared::cluster.shared::cta.mbarrier::complete_tx::bytes [%r5+128], [%r1], 128, [%r6];\n"
      "@%p0 cp.reduce.async.bulk.shared::cluster.shared::cta.mbarrier::complete_tx::bytes.add.u32 [%r7+256], [%r1], 128, [%r8+8];\n" +
      TMA_WAIT + "@!%p3 bra OVER; W2: mbarrier.try_wait.parity.shared::cta.b64 %p5, [bar+8], 0; @!%p5 bra W2;\n"
      "ld.shared.u32 %r20, [%r11+256]; cvt.u64.u32 %rd20, %r10; add.s64 %rd20, %rd20, %rd1; st.global.u32 [%rd20+512], %r20;\n"
      "OVER: ld.shared.u32 %r21, [%r11+128]; mad.lo.u32 %r22, %r3, 128, %r10; cvt.u64.u32 %rd21, %r22; add.s64 %rd21, %rd21, %rd1;\n"
      "st.global.u32 [%rd21], %r21; barrier.cluster.arrive.aligned; barrier.cluster.wait.aligned;\n";
  auto m = tma_kernel(text, 512);
  under_every_policy(cluster_of(4), [&](const LaunchConfig& c) {
    Array<uint32_t> out(160);
    run_kernel(*m, c, params(out.at, out.at, TensorMap{}));
    for (uint32_t r = 0; r < 4; ++r)
      for (uint32_t t = 0; t < 32; ++t) CHECK_EQ(out[r * 32 + t], (r + 3) % 4 * 100 + t, "CTA ", r);
    for (uint32_t t = 0; t < 32; ++t) CHECK_EQ(out[128 + t], 600 + 4 * t);
  });
}

// CTA 1 of four loads for CTAs 0, 2 and 3: data and signal reach each of them. With .cta_group::2 the even CTA of
// each pair hears of both.
TEST(tma_multicast_signals) {
  Array<uint8_t> in(random_bytes(4096, 8));
  std::vector<uint8_t> data = in.values();
  TensorMap map = tensor_map(in.at, TensorMap::Element::u8, {64, 64}, {64, 8});
  struct Case {
    std::string load;
    uint32_t mask;
    uint32_t expect[4];  // by rank
  };
  const std::vector<Case> cases = {
      {"cp.async.bulk.tensor.2d.shared::cluster.global.tile.mbarrier::complete_tx::bytes.multicast::cluster [%r1], [%rd4, {0, 8}], "
       "[bar], 13;", 13, {512, 0, 512, 512}},
      {"cp.async.bulk.shared::cluster.global.mbarrier::complete_tx::bytes.multicast::cluster [%r1], [%rd2+512], 512, [bar], 13;", 13,
       {512, 0, 512, 512}},
      {"and.b32 %r9, %r2, 0xFEFFFFFF; cp.async.bulk.tensor.2d.cta_group::2.shared::cluster.global.mbarrier::complete_tx::bytes.multicast::cluster"
       " [%r1], [%rd4, {0, 8}], [%r9], 15;", 15, {1024, 0, 1024, 0}}};
  for (const Case& k : cases) {
    size_t cut = k.load.find("cp.async");
    std::string text = "mov.u32 %r3, %cluster_ctarank; @%p0 mbarrier.init.shared::cta.b64 [bar], 1; fence.mbarrier_init.release.cluster;\n";
    for (int r = 0; r < 4; ++r)
      text += "setp.eq.u32 %p3, %r3, " + std::to_string(r) + "; @%p3 mov.u32 %r4, " + std::to_string(k.expect[r]) + ";\n";
    text += "barrier.cluster.arrive.aligned; barrier.cluster.wait.aligned;\nsetp.ne.u32 %p4, %r4, 0; and.pred %p5, %p4, %p0;\n"
            "@%p5 mbarrier.arrive.expect_tx.shared::cta.b64 _, [bar], %r4; setp.eq.u32 %p6, %r3, 1; and.pred %p6, %p6, %p0;\n" +
            k.load.substr(0, cut) + "@%p6 " + k.load.substr(cut) + "\n@!%p4 bra SKIP;\n" + TMA_WAIT +
            "SKIP: barrier.cluster.arrive.aligned; barrier.cluster.wait.aligned;\n";
    for (int r = 0; r < 4; ++r)
      if (!(k.mask >> r & 1)) text += "setp.eq.u32 %p3, %r3, " + std::to_string(r) + "; @%p3 bra DUMPED;\n";
    text += "mul.lo.u32 %r5, %r3, 512; cvt.u64.u32 %rd5, %r5; add.s64 %rd1, %rd1, %rd5;\n" + tma_dump(512);
    auto m = tma_kernel(text, 512);
    under_every_policy(cluster_of(4), [&](const LaunchConfig& c) {
      Array<uint8_t> out(std::vector<uint8_t>(2048, 0));
      run_kernel(*m, c, params(out.at, in.at, map));
      for (uint32_t r = 0; r < 4; ++r)
        for (uint32_t b = 0; b < 512; ++b)
          CHECK_EQ(int(out[r * 512 + b]), k.mask >> r & 1 ? int(data[512 + b]) : 0, "byte ", b, " of CTA ", r, ": ", k.load);
    });
  }
}

TEST(tma_reductions_and_prefetches) {
  TensorMap m = tensor_map(0, TensorMap::Element::s32, {40, 8}, {32, 4});
  m.swizzle = TensorMap::Swizzle::b128;
  for (auto [op, f] : std::vector<std::pair<std::string, std::function<int32_t(int32_t, int32_t)>>>{
           {"add", [](int32_t a, int32_t b) { return int32_t(uint32_t(a) + uint32_t(b)); }},
           {"min", [](int32_t a, int32_t b) { return std::min(a, b); }},
           {"max", [](int32_t a, int32_t b) { return std::max(a, b); }},
           {"xor", [](int32_t a, int32_t b) { return a ^ b; }}}) {
    std::vector<uint8_t> a = random_bytes(40 * 4 * 8, 21), b = random_bytes(512, 22);
    Array<uint8_t> in(b);
    auto k = tma_kernel("cp.async.bulk.prefetch.tensor.2d.L2.global.tile [%rd4, {16, 6}]; prefetch.tensormap [%rd4];\n" + tma_fill(512) + FENCED +
                            "@%p0 cp.reduce.async.bulk.tensor.2d.global.shared::cta." + op + ".tile.bulk_group [%rd4, {16, 6}], [%r1];\n" +
                            STORED, 512);
    under_every_policy(one_warp(), [&](const LaunchConfig& c) {
      Array<uint8_t> to(a);
      m.address = to.at;
      run_kernel(*k, c, params(to.at, in.at, m));
      std::vector<uint8_t> want = a;
      for (uint32_t r = 0; r < 2; ++r)
        for (uint32_t e = 0; e < 24; ++e) {
          int32_t x, y;
          uint8_t* cell = &want[(6 + r) * 160 + (16 + e) * 4];
          std::memcpy(&x, cell, 4), std::memcpy(&y, &b[place_of(m, r * 128 + e * 4)], 4);
          x = f(x, y);
          std::memcpy(cell, &x, 4);
        }
      CHECK(to.values() == want, op);
    });
  }
}

// cp.async under the policies, and an mbarrier that tracks it.
TEST(bulk_free_copies_arrive_on_an_mbarrier) {
  Array<uint32_t> in(std::vector<uint32_t>(64, 5));
  for (uint32_t k = 0; k < 64; ++k) in[k] = k * 3;
  for (bool noinc : {true, false}) {
    std::string arrivals = noinc ? "64" : "65";
    std::string text = "@%p0 mbarrier.init.shared::cta.b64 [bar], " + arrivals + "; bar.sync 0; shl.b32 %r3, %r0, 2; add.u32 %r4, %r1, %r3; cvt.u64.u32 "
                       "%rd5, %r3; add.s64 %rd6, %rd2, %rd5; add.s64 %rd7, %rd1, %rd5;\n"
                       "cp.async.ca.shared.global [%r4], [%rd6], 4;\n" +
                       std::string(noinc ? "cp.async.mbarrier.arrive.noinc.shared::cta.b64 [bar];\n"
                                         : "cp.async.mbarrier.arrive.shared.b64 [%r2]; mbarrier.arrive.shared.b64 _, [bar]; bar.sync 0; @%p0 "
                                           "mbarrier.arrive.shared.b64 _, [bar];\n") +
                       TMA_WAIT + "xor.b32 %r5, %r3, 128; add.u32 %r5, %r5, %r1; ld.shared.u32 %r6, [%r5]; st.global.u32 [%rd7], %r6;";
    LaunchConfig two = one_warp();
    two.block = {64, 1, 1};
    auto m = tma_kernel(text, 256);
    under_every_policy(two, [&](const LaunchConfig& c) {
      Array<uint32_t> out(64);
      run_kernel(*m, c, params(out.at, in.at, TensorMap{}));
      for (uint32_t t = 0; t < 64; ++t) CHECK_EQ(out[t], (t ^ 32) * 3, "thread ", t);
    });
  }
}
