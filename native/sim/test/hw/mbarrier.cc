// PTX ISA 9.7.13: mbarrier objects, driven by one thread through scripts; and named barriers.
#include "block.h"

namespace hw {
namespace {
// A script of operations on one mbarrier, chosen by a small account of its state, so that nothing undefined is asked for. After each
// operation the answers to test_wait.parity 0 and 1, test_wait of the last token and its pending count come out.
Case script(uint64_t seed) {
  unsigned turn = 0;
  auto pick = [&](unsigned n) { return unsigned(word(seed, turn++) % n); };
  const unsigned count = 1 + pick(5);
  unsigned expected = count, pending = count;
  int tx = 0;
  bool open = false;  // transactions may be expected by other than the last arrival
  Case c;
  c.form = "mbarrier.arrive.shared.b64", c.name = "script " + str(seed);
  Block b(32, 64);
  b.init(count).one();
  b(".reg .b64 %token;\n.reg .pred %t0, %t1, %t2;\nmov.b64 %token, 0;");
  unsigned step = 0;
  bool token = false, fresh = false;
  auto answer = [&] {
    b("mbarrier.test_wait.parity.shared.b64 %t0, [%mbar], 0;\nmbarrier.test_wait.parity.shared.b64 %t1, [%mbar], 1;");
    b("selp.u32 %v, 1, 0, %t0;\nselp.u32 %w0, 2, 0, %t1;\nor.b32 %v, %v, %w0;");
    if (token) {
      if (fresh) b("mbarrier.test_wait.shared.b64 %t2, [%mbar], %token;\nselp.u32 %w0, 4, 0, %t2;\nor.b32 %v, %v, %w0;");
      b("mbarrier.pending_count.b64 %w1, %token;\nshl.b32 %w1, %w1, 8;\nor.b32 %v, %v, %w1;");
    }
    b("st.global.b32 [%out+" + str(4 * step++) + "], %v;");
  };
  auto complete = [&] {
    if (pending == 0 && tx == 0) pending = expected;
  };
  answer();
  for (unsigned k = 0; k < 40; ++k) {
    unsigned op = pick(10);
    if (expected == 1 && op == 3) op = 0;  // dropping the last one would leave a barrier nobody can pass
    const bool last = pending == 1;
    if (pending == 0) op = 6;  // only transactions can end this phase
    const unsigned bytes = 16 * (1 + pick(4));
    switch (op) {
      case 0: case 1: case 2:
        b("mbarrier.arrive.shared.b64 %token, [%mbar];"), token = true, --pending, fresh = true;
        break;
      case 3:
        b("mbarrier.arrive_drop.shared.b64 %token, [%mbar];"), token = true, --pending, --expected, fresh = true;
        break;
      case 4: {
        const unsigned n = 1 + pick(pending);
        b("mbarrier.arrive.shared.b64 %token, [%mbar], " + str(n) + ";"), token = true, pending -= n, fresh = true;
        break;
      }
      case 5:
        b("mbarrier.arrive.expect_tx.shared.b64 %token, [%mbar], " + str(bytes) + ";"), token = true, --pending, tx += int(bytes), fresh = true;
        break;
      case 6:
        if (tx > 0)
          b("mbarrier.complete_tx.shared::cta.b64 [%mbar], " + str(tx) + ";"), tx = 0;
        else
          b("mbarrier.expect_tx.shared::cta.b64 [%mbar], " + str(bytes) + ";"), tx += int(bytes);
        break;
      case 7:
        if (tx > 16)
          b("mbarrier.complete_tx.shared::cta.b64 [%mbar], 16;"), tx -= 16;
        else
          b("mbarrier.expect_tx.shared::cta.b64 [%mbar], " + str(bytes) + ";"), tx += int(bytes);
        break;
      case 8:
        if (last)
          b("mbarrier.arrive.shared.b64 %token, [%mbar];");
        else
          b("mbarrier.arrive.noComplete.shared.b64 %token, [%mbar], 1;");
        token = true, --pending, fresh = true;
        break;
      default:
        b("mbarrier.arrive.release.cta.shared.b64 %token, [%mbar];"), token = true, --pending, fresh = true;
    }
    (void)open;
    complete();
    answer();
  }
  if (tx > 0) b("mbarrier.complete_tx.shared::cta.b64 [%mbar], " + str(tx) + ";"), answer();  // no CTA may end with bytes outstanding
  b.all();
  c.body = b.text(), c.block = 32, c.out_bytes = 4 * step, c.raw_lanes = step;
  return c;
}
}  // namespace

HW_CHAPTER(mbarrier) {
  for (uint64_t seed = 0; seed < 48; ++seed) chapter.add(script(seed));
}

HW_CHAPTER(barrier) {
  // named barriers with reductions: 128 threads, a predicate a thread and round
  for (const auto& op : any("popc.u32|and.pred|or.pred"))
    for (const auto& name : any("bar.red|barrier.red|barrier.cta.red"))
      for (unsigned threads : {128u, 64u}) {
        Case c;
        const std::string aligned = name == "bar.red" ? "" : ".aligned";
        c.form = name + "." + op.substr(0, op.find('.')) + aligned + op.substr(op.find('.')), c.name = c.form + " of " + str(threads);
        Block b(128, 64);
        b("shr.u32 %w0, %thread, 6;\nadd.u32 %w0, %w0, 1;");  // 64 threads: halves meet at barriers 1 and 2
        for (unsigned k = 0; k < 8; ++k) {
          b("mad.lo.u32 %j, %thread, 8, " + str(k) + ";\ncvt.u64.u32 %at, %j;\nadd.u64 %q0, %at, %in0;\nld.global.u8 %v, [%q0];\nsetp.ne.u32 %p0, %v, 0;");
          const std::string who = threads == 128 ? "3, 128" : "%w0, 64";
          if (op[0] == 'p')
            b(c.form + " %v, " + who + ", %p0;");
          else
            b(c.form + " %p1, " + who + ", %p0;\nselp.u32 %v, 1, 0, %p1;");
          b("shl.b64 %at, %at, 2;\nadd.u64 %at, %at, %out;\nst.global.b32 [%at], %v;");
        }
        c.body = b.text(), c.block = 128, c.n_inputs = 1, c.out_bytes = 128 * 8 * 4, c.out_stride = 32;
        c.inputs = [seed = seed_of(c.name)] {
          Input in{Bytes(1024), 8};
          for (unsigned t = 0; t < 128; ++t)
            for (unsigned k = 0; k < 8; ++k)  // rounds of all true, all false, and mixed
              in.bytes[t * 8 + k] = k == 0 ? 1 : k == 1 ? 0 : k == 2 ? t % 64 != 17 : k == 3 ? t % 64 == 40 : uint8_t(word(seed, t * 8 + k) & 1);
          return std::vector<Input>{in};
        };
        chapter.add(c);
      }
  // a producer arrives, a consumer syncs: what the consumer reads
  Case c;
  c.form = "bar.arrive", c.name = "bar.arrive, bar.sync";
  Block b(64, 256);
  b("setp.lt.u32 %p0, %thread, 32;\n@!%p0 bra consumer;\nmul.lo.u32 %v, %thread, 3;\nshl.b32 %j, %thread, 2;\nadd.u32 %j, %j, %smem;\nst.shared.b32 "
    "[%j], %v;\nmembar.cta;\nbar.arrive 5, 64;\nbra end;\nconsumer:\nbar.sync 5, 64;\nshl.b32 %j, %thread, 2;\nadd.u32 %w0, %j, %smem;\nld.shared.b32 %v, "
    "[%w0+-128];\ncvt.u64.u32 %at, %j;\nadd.u64 %at, %at, %out;\nst.global.b32 [%at+-128], %v;\nend:");
  c.body = b.text(), c.block = 64, c.out_bytes = 128;
  chapter.add(c);
}

}  // namespace hw
