// PTX ISA 9.7.9: copies without a tensor map: cp.async, cp.async.bulk, cp.reduce.async.bulk.
#include "block.h"

namespace hw {

HW_CHAPTER(cp_async) {
  for (const auto& cache : any("ca|cg"))
    for (unsigned size : {4u, 8u, 16u}) {
      if (cache == "cg" && size != 16) continue;
      for (const auto& how : any("|src|ignore")) {
        Case c;
        c.form = "cp.async." + cache + ".shared.global";
        c.name = c.form + " " + str(size) + " " + how;
        Block b(64, 2048);
        b.fill_word(0xa5a5a5a5, 2048).sync();
        // each thread copies two pieces; the source's size, or whether it is ignored, comes from the input
        b("mul.lo.u32 %j, %thread, 32;\nadd.u32 %j, %j, %smem;\nmul.wide.u32 %at, %thread, 32;\nadd.u64 %q1, %at, %in0;\nmul.wide.u32 %at, "
          "%thread, 4;\nadd.u64 %at, %at, %in1;\nld.global.b32 %v, [%at];");
        std::string tail;
        if (how == "src") b("min.u32 %v, %v, " + str(size) + ";"), tail = ", %v";
        if (how == "ignore") b("and.b32 %v, %v, 1;\nsetp.ne.u32 %p0, %v, 0;"), tail = ", %p0";
        b(c.form + " [%j], [%q1], " + str(size) + tail + ";");
        b(c.form + " [%j+16], [%q1+16], " + str(size) + tail + ";");
        b("cp.async.commit_group;\ncp.async.wait_group 0;").sync().dump(2048, 0, "0");
        c.body = b.text(), c.block = 64, c.n_inputs = 2, c.out_bytes = 2048, c.out_stride = 16;
        c.inputs = [seed = seed_of(c.name)] {
          Input sizes{Bytes(256), 0};
          for (unsigned t = 0; t < 64; ++t) store(sizes.bytes, 4 * t, word(seed, t) % 18, 4);
          return std::vector<Input>{buffer("any32", seed + 1, 2048), sizes};
        };
        chapter.add(c);
      }
    }
  // groups, wait_all, and the arrival on an mbarrier
  for (const auto& how : any("groups|wait_all|arrive|arrive.noinc")) {
    Case c;
    c.form = how == "groups" ? "cp.async.wait_group" : how == "wait_all" ? "cp.async.wait_all" : "cp.async.mbarrier." + how + ".shared.b64";
    c.name = c.form + " four copies";
    Block b(64, 4096);
    b.fill_word(0xa5a5a5a5, 4096).init(64);
    b("mul.lo.u32 %j, %thread, 16;\nadd.u32 %j, %j, %smem;\nmul.wide.u32 %at, %thread, 16;\nadd.u64 %q1, %at, %in0;");
    for (unsigned k = 0; k < 4; ++k) {
      b("cp.async.cg.shared.global [%j+" + str(1024 * k) + "], [%q1+" + str(1024 * k) + "], 16;");
      if (how == "groups") b("cp.async.commit_group;");
    }
    if (how == "groups") b("cp.async.wait_group 2;\ncp.async.wait_group 0;");
    if (how == "wait_all") b("cp.async.wait_all;");
    if (how == "arrive") b(c.form + " [%mbar];\nmbarrier.arrive.shared.b64 _, [%mbar];").wait(0);
    if (how == "arrive.noinc") b(c.form + " [%mbar];").wait(0);
    b.sync().dump(4096, 0, "0");
    c.body = b.text(), c.block = 64, c.n_inputs = 1, c.out_bytes = 4096, c.out_stride = 16;
    c.inputs = [seed = seed_of(c.name)] { return std::vector<Input>{buffer("any32", seed, 4096)}; };
    chapter.add(c);
  }
}

HW_CHAPTER(bulk) {
  for (unsigned size : {16u, 32u, 48u, 128u, 1008u, 4096u})
    for (unsigned offset : {0u, 16u, 112u}) {
      const std::string name = str(size) + " bytes at " + str(offset);
      Case in;
      in.form = "cp.async.bulk.shared::cluster.global.mbarrier::complete_tx::bytes", in.name = in.form + " " + name;
      Block b(128, 6144);
      b.fill_word(0xa5a5a5a5, 6144).init(1).one();
      b("mbarrier.arrive.expect_tx.shared.b64 _, [%mbar], " + str(size) + ";\nadd.u32 %j, %smem, " + str(offset) + ";\nadd.u64 %q1, %in0, " +
        str(2 * offset) + ";\n" + in.form + " [%j], [%q1], " + str(size) + ", [%mbar];");
      b.all().wait(0).dump(6144, 0, "0");
      in.body = b.text(), in.block = 128, in.n_inputs = 1, in.out_bytes = 6144, in.out_stride = 16;
      in.raw_lanes = 16;
      in.inputs = [seed = seed_of(in.name)] { return std::vector<Input>{buffer("any32", seed, 8192)}; };
      chapter.add(in);
      Case out;
      out.form = "cp.async.bulk.global.shared::cta.bulk_group", out.name = out.form + " " + name;
      Block o(128, 6144);
      o.fill(1, 6144).to_async().one();
      o("add.u32 %j, %smem, " + str(2 * offset) + ";\nadd.u64 %q1, %in0, " + str(offset) + ";\n" + out.form + " [%q1], [%j], " + str(size) +
        ";\ncp.async.bulk.commit_group;\ncp.async.bulk.wait_group 0;\nfence.proxy.async;");
      o.all().sync().copy_out(0, 6144);
      out.body = o.text(), out.block = 128, out.n_inputs = 2, out.out_bytes = 6144, out.out_stride = 16;
      out.raw_lanes = 16;
      out.inputs = [seed = seed_of(out.name)] {
        return std::vector<Input>{buffer("any32", seed, 6144), buffer("any32", seed + 1, 6144)};
      };
      chapter.add(out);
    }
  struct Op {
    const char *op, *types;
  };
  for (const Op& o : {Op{"add", "u32|s32|u64|f32|f64|f16|bf16|noftz.f16|noftz.bf16"}, Op{"min", "u32|s32|u64|s64|f16|bf16"},
                      Op{"max", "u32|s32|u64|s64|f16|bf16"}, Op{"inc", "u32"}, Op{"dec", "u32"}, Op{"and", "b32|b64"}, Op{"or", "b32|b64"},
                      Op{"xor", "b32|b64"}})
    for (const auto& t : any(o.types))
      for (const bool cluster : {false, true}) {
        const std::string op = o.op, bare = t.substr(t.find('.') == std::string::npos ? 0 : 6);
        if (op == "add" && (t == "f16" || t == "bf16")) continue;  // only with .noftz
        if (cluster && (bare[0] == 'f' || bare[0] == 'b' || bare == "s64" || (op != "add" && (bare == "u64")))) {
          if (bare != "b32") continue;
        }
        Case c;
        c.form = cluster ? "cp.reduce.async.bulk.shared::cluster.shared::cta.mbarrier::complete_tx::bytes." + op + "." + t
                         : "cp.reduce.async.bulk.global.shared::cta.bulk_group." + op + "." + t;
        c.name = c.form;
        Block b(128, 4096);
        if (cluster) {  // the second CTA of a pair adds to the first one's memory
          c.cluster = c.grid = 2;
          b.fill(0, 2048, 2048).fill(1, 2048);
          b.one()("mbarrier.init.shared.b64 [%mbar], 1;\nfence.mbarrier_init.release.cluster;").all()("fence.proxy.async;");
          b("mov.u32 %w0, %cluster_ctarank;").one();
          b("setp.eq.u32 %p3, %w0, 0;\n@%p3 mbarrier.arrive.expect_tx.shared.b64 _, [%mbar], 2048;").all();
          b("barrier.cluster.arrive.release.aligned;\nbarrier.cluster.wait.acquire.aligned;\nmov.u32 %w0, %cluster_ctarank;\nsetp.eq.u32 %p1, %w0, 1;");
          b("setp.eq.and.u32 %p2, %thread, 0, %p1;\nmapa.shared::cluster.u32 %w1, %smem, 0;\nadd.u32 %w1, %w1, 2048;\nmapa.shared::cluster.u32 %w2, %mbar, 0;");
          b("@%p2 " + c.form + " [%w1], [%smem], 2048, [%w2];\n@%p1 bra done;").wait(0).dump(2048, 2048, "0");
          b("done:\nbarrier.cluster.arrive.release.aligned;\nbarrier.cluster.wait.acquire.aligned;");
        } else {
          b.fill(1, 2048).to_async().one();
          b(c.form + " [%in0], [%smem], 2048;\ncp.async.bulk.commit_group;\ncp.async.bulk.wait_group 0;\nfence.proxy.async;");
          b.all().sync().copy_out(0, 2048);
        }
        const std::string kind = bare[0] == 'f' || bare.substr(0, 2) == "bf" ? bare : "i" + bare.substr(1);
        c.body = b.text(), c.block = 128, c.n_inputs = 2, c.out_bytes = 2048, c.out_stride = bytes_of(kind);
        c.inputs = [kind, seed = seed_of(c.name)] {
          return std::vector<Input>{lanes_of(kind, seed, 2048 / bytes_of(kind), 0, 2), lanes_of(kind, seed + 1, 2048 / bytes_of(kind), 1, 2)};
        };
        chapter.add(c);
      }
}

}  // namespace hw
