// PTX ISA: clusters. Special registers, mapa, distributed shared memory, st.async, red.async, remote mbarriers, multicast.
#include <set>

#include "tma.h"

namespace hw {
namespace {
const std::string ARRIVE_WAIT = "barrier.cluster.arrive.release.aligned;\nbarrier.cluster.wait.acquire.aligned;";

// Where this CTA's part of the output begins: ctaid * bytes in %q15.
std::string mine(unsigned bytes) { return "mov.u32 %w15, %ctaid.x;\nmul.wide.u32 %q15, %w15, " + str(bytes) + ";"; }

Case registers(unsigned size, unsigned grid) {
  Case c;
  c.form = "mov.u32 %cluster_ctarank", c.name = "special registers, clusters of " + str(size);
  static const char* NAMES[] = {"clusterid.x", "clusterid.y", "nclusterid.x", "nclusterid.z", "cluster_ctaid.x", "cluster_ctaid.y", "cluster_nctaid.x",
                                "cluster_nctaid.z", "cluster_ctarank", "cluster_nctarank", "ctaid.x", "nctaid.x"};
  Block b(32, 64);
  b(mine(64))("add.u64 %q15, %q15, %out;");
  unsigned k = 0;
  for (const char* n : NAMES) b("mov.u32 %v, %" + std::string(n) + ";\nst.global.b32 [%q15+" + str(4 * k++) + "], %v;");
  b("mov.pred %p0, %is_explicit_cluster;\nselp.u32 %v, 1, 0, %p0;\nst.global.b32 [%q15+" + str(4 * k++) + "], %v;");
  // mapa and getctarank: differences of addresses, because where a window lies is not promised
  b("mapa.shared::cluster.u32 %w0, %smem, 0;\nmov.u32 %w1, %cluster_nctarank;\nsub.u32 %w1, %w1, 1;\nmapa.shared::cluster.u32 %w2, %smem, %w1;");
  auto out = [&] { b("st.global.b32 [%q15+" + str(4 * k++) + "], %v;"); };
  b("sub.u32 %v, %w2, %w0;"), out();
  b("getctarank.shared::cluster.u32 %v, %w2;"), out();
  b("cvt.u64.u32 %q0, %smem;\ncvta.shared.u64 %q0, %q0;\nmapa.u64 %q1, %q0, %w1;\ngetctarank.u64 %v, %q1;"), out();
  c.body = b.text(), c.block = 32, c.grid = grid, c.cluster = size, c.out_bytes = grid * 64, c.out_stride = 64;
  return c;
}

// Each CTA fills its shared memory from its part of the input, and rank r works on that of rank r+1.
Case remote(const std::string& form, unsigned size, const std::function<void(Block&)>& work, const std::string& kind) {
  Case c;
  c.form = form, c.name = form + " in a cluster of " + str(size);
  Block b(64, 2048);
  b(mine(1024)).fill(0, 1024, 0, "%q15");
  b.one()("mbarrier.init.shared.b64 [%mbar], 1;\nfence.mbarrier_init.release.cluster;").all()("fence.proxy.async;");
  b(ARRIVE_WAIT);
  b("mov.u32 %w14, %cluster_ctarank;\nmov.u32 %w13, %cluster_nctarank;\nadd.u32 %w14, %w14, 1;\nrem.u32 %w14, %w14, %w13;");
  b("mapa.shared::cluster.u32 %w12, %smem, %w14;\nmapa.shared::cluster.u32 %w11, %mbar, %w14;");
  b("mul.lo.u32 %w10, %thread, 16;\nadd.u32 %w12, %w12, %w10;\nadd.u64 %q14, %q15, %in1;\ncvt.u64.u32 %q13, %w10;\nadd.u64 %q14, %q14, %q13;");
  work(b);
  b(ARRIVE_WAIT).dump(1024, 0, "%q15");
  c.body = b.text(), c.block = 64, c.grid = 2 * size, c.cluster = size, c.n_inputs = 2;
  c.out_bytes = 2 * size * 1024, c.out_stride = 16, c.raw_lanes = 64;
  c.inputs = [kind, bytes = c.out_bytes, seed = seed_of(c.name)] {
    return std::vector<Input>{buffer(kind, seed, bytes), buffer(kind, seed + 1, bytes)};
  };
  return c;
}
}  // namespace

HW_CHAPTER(cluster) {
  for (unsigned size : {2u, 3u, 4u, 6u, 8u, 16u}) chapter.add(registers(size, 2 * size));
  for (unsigned size : {2u, 4u, 8u}) {
    chapter.add(remote("st.shared::cluster.b32", size, [](Block& b) { b("ld.global.b32 %v, [%q14];\nst.shared::cluster.b32 [%w12+4], %v;"); }, "any32"));
    chapter.add(remote("ld.shared::cluster.b32", size, [](Block& b) {
      b("ld.shared::cluster.b32 %v, [%w12+8];\n" + std::string(ARRIVE_WAIT) + "\nadd.u32 %j, %smem, %w10;\nst.shared.b32 [%j], %v;");
    }, "any32"));
    chapter.add(remote("st.shared::cluster.v4.b32", size, [](Block& b) {
      b("ld.global.v4.b32 {%w0, %w1, %w2, %w3}, [%q14];\nst.shared::cluster.v4.b32 [%w12], {%w0, %w1, %w2, %w3};");
    }, "any32"));
  }
  for (const auto& op : any("add.u32|min.s32|max.u32|and.b32|or.b32|xor.b32|exch.b32|inc.u32|dec.u32|add.u64|add.f32")) {
    const bool wide = op == "add.u64", f = op == "add.f32";
    chapter.add(remote("atom.shared::cluster." + op, 2, [=](Block& b) {
      if (wide)
        b("ld.global.b64 %q0, [%q14];\natom.shared::cluster." + op + " %q1, [%w12], %q0;\nadd.u32 %j, %smem, %w10;\nst.shared.b64 [%j+8], %q1;");
      else
        b("ld.global.b32 %v, [%q14];\natom.shared::cluster." + op + " %w0, [%w12], %v;\nadd.u32 %j, %smem, %w10;\nst.shared.b32 [%j+4], %w0;");
    }, f ? "f32" : wide ? "i64" : "i32"));
    if (op != "exch.b32")
      chapter.add(remote("red.shared::cluster." + op, 2, [=](Block& b) {
        b(wide ? "ld.global.b64 %q0, [%q14];\nred.shared::cluster." + op + " [%w12], %q0;"
               : "ld.global.b32 %v, [%q14];\nred.shared::cluster." + op + " [%w12], %v;");
      }, f ? "f32" : wide ? "i64" : "i32"));
  }
}

// Stores and reductions that complete on the receiver's mbarrier.
HW_CHAPTER(st_async) {
  auto async = [&](const std::string& form, unsigned bytes, const std::string& load, const std::string& regs, const std::string& kind) {
    for (unsigned size : {2u, 4u})
      chapter.add(remote(form, size, [=](Block& b) {
        b(load + " " + regs + ", [%q14];");
        b.one()("mbarrier.arrive.expect_tx.shared.b64 _, [%mbar], " + str(64 * bytes) + ";").all();
        b(form + " [%w12], " + regs + ", [%w11];").wait(0);
      }, kind));
  };
  const std::string tail = "mbarrier::complete_tx::bytes.";
  const std::string st = "st.async.weak.shared::cluster." + tail;
  async(st + "b32", 4, "ld.global.b32", "%v", "any32");
  async(st + "b64", 8, "ld.global.b64", "%q0", "any64");
  async(st + "v2.b32", 8, "ld.global.v2.b32", "{%w0, %w1}", "any32");
  async(st + "v4.b32", 16, "ld.global.v4.b32", "{%w0, %w1, %w2, %w3}", "any32");
  async(st + "v2.b64", 16, "ld.global.v2.b64", "{%q0, %q1}", "any64");
  const std::string red = "red.async.relaxed.cluster.global";
  (void)red;
  for (const auto& op : any("inc.u32|dec.u32|min.u32|min.s32|max.u32|max.s32|add.u32|add.s32|and.b32|or.b32|xor.b32"))
    async("red.async.relaxed.cluster.shared::cluster." + tail + op, 4, "ld.global.b32", "%v", "i32");
  async("red.async.relaxed.cluster.shared::cluster." + tail + "add.u64", 8, "ld.global.b64", "%q0", "i64");
  // bulk copy from one CTA's shared memory to the next one's
  chapter.add(remote("cp.async.bulk.shared::cluster.shared::cta.mbarrier::complete_tx::bytes", 4, [](Block& b) {
    b.one()("mbarrier.arrive.expect_tx.shared.b64 _, [%mbar], 512;").all()(ARRIVE_WAIT);
    b.one()("mapa.shared::cluster.u32 %w12, %smem, %w14;\nadd.u32 %w12, %w12, 512;\ncp.async.bulk.shared::cluster.shared::cta.mbarrier::complete_tx::bytes [%w12], "
            "[%smem], 512, [%w11];").all().wait(0);
  }, "any32"));
  // arrivals on another CTA's mbarrier
  chapter.add(remote("mbarrier.arrive.release.cluster.shared::cluster.b64", 4, [](Block& b) {
    b.one()("mbarrier.arrive.release.cluster.shared::cluster.b64 _, [%w11];").all().wait(0)("st.shared.b32 [%smem], 7;");
  }, "any32"));
  chapter.add(remote("mbarrier.arrive.expect_tx.release.cluster.shared::cluster.b64", 2, [](Block& b) {
    b.one()("mbarrier.arrive.expect_tx.release.cluster.shared::cluster.b64 _, [%w11], 4;\nmapa.shared::cluster.u32 %w12, %smem, "
            "%w14;\nst.async.weak.shared::cluster.mbarrier::complete_tx::bytes.b32 [%w12], 99, [%w11];")
        .all()
        .wait(0);
  }, "any32"));
}

// One load that lands in several CTAs, chosen by a mask.
HW_CHAPTER(multicast) {
  const Element& e = element("u8");
  for (unsigned size : {2u, 4u, 8u})
    for (unsigned mask : std::set<unsigned>{1u, 2u, 3u, (1u << size) - 1, 5u, 0x81u})
      for (const bool map : {false, true}) {
        if (mask >> size) continue;
        Case c;
        const std::string tail = ".mbarrier::complete_tx::bytes.multicast::cluster";
        c.form = map ? "cp.async.bulk.tensor.2d.shared::cluster.global.tile" + tail : "cp.async.bulk.shared::cluster.global" + tail;
        c.name = c.form + " to " + str(mask) + " of " + str(size);
        Block b(64, 2048);
        b(mine(2048)).fill_word(0xa5a5a5a5, 2048);
        b.one()("mbarrier.init.shared.b64 [%mbar], 1;\nfence.mbarrier_init.release.cluster;").all()("fence.proxy.async;");
        b("mov.u32 %w0, %cluster_ctarank;\nmov.u32 %w1, 1;\nshl.b32 %w1, %w1, %w0;\nand.b32 %w1, %w1, " + str(mask) + ";\nsetp.ne.u32 %p1, %w1, 0;");
        // every receiver expects the bytes; the last CTA of the cluster issues
        b.one()("@%p1 mbarrier.arrive.expect_tx.shared.b64 _, [%mbar], 1024;").all()(ARRIVE_WAIT);
        b("mov.u32 %w2, %cluster_nctarank;\nsub.u32 %w2, %w2, 1;\nsetp.eq.u32 %p2, %w0, %w2;\nsetp.eq.and.u32 %p2, %thread, 0, %p2;");
        if (map) b("mov.b64 %q0, map0;\ncvta.param.u64 %q0, %q0;\nmov.b32 %w3, 32;\nmov.b32 %w4, 3;");
        b(".reg .b16 %mask;\nmov.b16 %mask, " + str(mask) + ";\nadd.u32 %j, %smem, " + (map ? "1024" : "512") + ";");
        b("@%p2 " + c.form + (map ? " [%j], [%q0, {%w3, %w4}], [%mbar], %mask;" : " [%j], [%in0], 1024, [%mbar], %mask;"));
        b("@!%p1 bra after;").wait(0)("after:");
        b(ARRIVE_WAIT).dump(2048, 0, "%q15");
        c.body = b.text(), c.block = 64, c.grid = size, c.cluster = size, c.n_inputs = 1;
        if (map) c.maps = {tensor(e, {256, 20}, {128, 8}, 3)};
        c.out_bytes = size * 2048, c.out_stride = 16, c.raw_lanes = 64;
        c.inputs = [seed = seed_of(c.name)] { return std::vector<Input>{buffer("any8", seed, 256 * 20)}; };
        chapter.add(c);
      }
}

}  // namespace hw
