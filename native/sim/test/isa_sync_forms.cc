// Every listed form of mbarrier, bar, barrier, fence and membar, as it stands in fixtures/isa/forms.txt: mbarriers against
// counts that the test keeps itself, barriers by what a thread of another warp finds behind them.
#include "forms_kernel.h"

using namespace sim;

namespace isa_sync_forms {
using namespace sim::testing;

namespace {

const std::string LIST = std::string(FIXTURES) + "/isa/forms.txt";
bool names(const PtxForm& f, const char* name) { return f.opcode().rfind(name, 0) == 0; }
bool has(const PtxForm& f, const char* word) { return f.opcode().find(word) != std::string::npos; }
// Where a form without a space wants a generic address.
bool generic(const PtxForm& f) { return !has(f, "shared"); }

std::vector<uint32_t> answer(const PtxForm& f, const std::string& body, unsigned threads, unsigned words) {
  auto m = Module::load(
      ".version " + f.version + "\n.target " + f.target +
      "\n.address_size 64\n.entry k(.param .u64 out) {\n.reg .pred %p<8>; .reg .b32 %r<24>; .reg .b64 %q<24>;\n.reg .pred %ok; "
      ".reg .b32 %t, %w, %at; .reg .b64 %to;\n.shared .align 16 .b64 bar[2]; .shared .align 256 .b32 cells[64];\n"
      "mov.u32 %t, %tid.x; ld.param.u64 %to, [out]; mov.u64 %q1, bar;\n" +
      (generic(f) ? "cvta.shared.u64 %q1, %q1;\n" : "") + body + "ret;\n}\n");
  Array<uint32_t> out(std::vector<uint32_t>(words, 0xeeeeeeee));
  run(*m, "k", {1}, {threads}, params(out.at));
  return out.values();
}

// The counts of an mbarrier as PTX #parallel-synchronization-and-communication-instructions-mbarrier-contents tells them.
struct Counts {
  int expected, pending, bytes = 0, phase = 0;
  explicit Counts(int n) : expected(n), pending(n) {}
  void arrive(int n, bool drop = false) {
    pending -= n;
    if (drop) expected -= n;
    settle();
  }
  void expect(int n) { bytes += n; }
  void complete(int n) { bytes -= n, settle(); }
  void settle() {
    if (pending == 0 && bytes == 0) phase ^= 1, pending = expected;
  }
};
// A kernel of one thread as it grows, with the words it stores and what they should be.
struct Script {
  std::string text;
  std::vector<uint32_t> want;
  void store(const std::string& reg, uint32_t expected) {
    text += "st.global.u32 [%to+" + std::to_string(4 * want.size()) + "], " + reg + ";\n";
    want.push_back(expected);
  }
  void store_predicate(const std::string& p, bool expected) {
    text += "selp.u32 %w, 1, 0, " + p + ";\n";
    store("%w", expected);
  }
  void waited(int phase, bool expected) {
    text += "mbarrier.test_wait.parity.shared::cta.b64 %ok, [bar], " + std::to_string(phase) + ";\n";
    store_predicate("%ok", expected);
  }
  // Arrives until the barrier's phase is over, and looks before and after the last.
  void finish(Counts& c) {
    const int phase = c.phase;
    while (c.pending > 0 && c.phase == phase) {
      if (c.pending == 1) waited(phase, false);
      text += "mbarrier.arrive.shared::cta.b64 _, [bar];\n";
      c.arrive(1);
    }
    if (c.bytes) {
      waited(phase, false);
      text += "mbarrier.complete_tx.relaxed.cta.shared::cta.b64 [bar], " + std::to_string(c.bytes) + ";\n";
      c.complete(c.bytes);
    }
    waited(phase, true);
  }
};

Script mbarrier_script(const PtxForm& f) {
  constexpr int COUNT = 5, PART = 2, BYTES = 48;
  Script s;
  Counts c(COUNT);
  const std::string form = f.instruction + ";\n";
  const bool init = names(f, "mbarrier.init"), tx = has(f, "_tx");
  const bool counted = registers_of(operands_of(f.instruction).back())[0] == "r2";
  s.text = "mov.u32 %r2, " + std::to_string(init ? COUNT : tx ? BYTES : PART) + "; mov.u32 %r3, 1000;\n";
  if (!init) s.text += "mbarrier.init.shared::cta.b64 [bar], " + std::to_string(COUNT) + ";\n";
  if (names(f, "mbarrier.inval")) {  // its memory is free for others then
    s.text += form + "mov.u32 %w, 7; st.shared.u32 [bar], %w; ld.shared.u32 %w, [bar];\n";
    s.store("%w", 7);
    return s;
  }
  if (has(f, "_wait")) {
    const bool parity = has(f, ".parity");
    s.text += "mov.u32 %r2, 0; mbarrier.arrive.shared::cta.b64 %q2, [bar];\n";
    c.arrive(1);
    if (names(f, "mbarrier.test_wait")) s.text += form, s.store_predicate("%p0", false);
    s.finish(c);
    s.text += form;
    s.store_predicate("%p0", true);
    if (parity) s.text += "mov.u32 %r2, 1;\n" + (names(f, "mbarrier.test_wait") ? form : "");
    if (parity && names(f, "mbarrier.test_wait")) s.store_predicate("%p0", false);
    return s;
  }
  if (names(f, "mbarrier.complete_tx")) s.text += "mbarrier.expect_tx.relaxed.cta.shared::cta.b64 [bar], 64;\n", c.expect(64);
  const int before = c.pending;
  s.text += form;
  if (names(f, "mbarrier.complete_tx")) c.complete(BYTES);
  if (has(f, "expect_tx")) c.expect(BYTES);
  if (has(f, "arrive")) c.arrive(counted && !tx ? PART : 1, has(f, "_drop"));
  if (has(f, "arrive") && form.find("%q0") != std::string::npos) {
    s.text += "mbarrier.pending_count.b64 %w, %q0;\n";
    s.store("%w", uint32_t(before));
  }
  s.finish(c), s.finish(c);
  return s;
}

}  // namespace

TEST(isa_sync_forms_of_mbarrier) {
  size_t n = 0;
  for (const PtxForm& f : forms_in(LIST)) {
    if (!names(f, "mbarrier.") || names(f, "mbarrier.pending_count")) continue;
    ++n;
    const Script s = mbarrier_script(f);
    const auto got = answer(f, s.text, 1, unsigned(s.want.size()));
    for (size_t k = 0; k < s.want.size(); ++k) CHECK_EQ(got[k], s.want[k], f.instruction, ", word ", k);
  }
  CHECK(n > 100, n, " forms");
}

TEST(isa_sync_forms_of_barriers) {
  size_t n = 0;
  for (const PtxForm& f : forms_in(LIST)) {
    if ((!names(f, "bar.") && !names(f, "barrier.")) || names(f, "bar.warp") || names(f, "barrier.cluster")) continue;
    ++n;
    const bool arrives = has(f, ".arrive"), reduces = has(f, ".red");
    std::string text =
        "mov.u32 %at, cells; mad.lo.u32 %at, %t, 4, %at; mad.lo.u32 %w, %t, 3, 1; st.shared.u32 [%at], %w;\nsetp.lt.u32 %p1, %t, 37;\n";
    if (arrives)
      text += "setp.ge.u32 %ok, %t, 32; @%ok bra W;\n" + f.instruction + ";\nexit;\nW: bar.sync 1, 64;\n";
    else
      text += f.instruction + ";\n";
    // the cell of the thread 32 before or after
    text += "xor.b32 %at, %at, 128; ld.shared.u32 %w, [%at]; mad.wide.u32 %to, %t, 8, %to; st.global.u32 [%to], %w;\n";
    if (reduces) text += has(f, ".popc") ? "st.global.u32 [%to+4], %r0;\n" : "selp.u32 %w, 1, 0, %p0; st.global.u32 [%to+4], %w;\n";
    const auto got = answer(f, text, 64, 128);
    for (unsigned t = arrives ? 32 : 0; t < 64; ++t) {
      CHECK_EQ(got[2 * t], (t ^ 32) * 3 + 1, f.instruction, ", thread ", t);
      if (reduces) CHECK_EQ(got[2 * t + 1], has(f, ".popc") ? 37u : has(f, ".or") ? 1u : 0u, f.instruction, ", thread ", t);
    }
  }
  CHECK(n > 25, n, " forms");
}

// What a thread wrote before a fence it reads behind it; the order that fences make is order_*_test's.
TEST(isa_sync_forms_of_fences) {
  size_t n = 0;
  for (const PtxForm& f : forms_in(LIST)) {
    if (!names(f, "fence") && !names(f, "membar")) continue;
    ++n;
    const std::string text =
        "mov.u32 %at, cells; mad.lo.u32 %at, %t, 4, %at; mov.b64 %q1, %to; mad.wide.u32 %to, %t, 4, %to; mad.lo.u32 %w, %t, 3, 1; "
        "st.shared.u32 [%at], %w;\n" +
        f.instruction + ";\nld.shared.u32 %w, [%at]; st.global.u32 [%to], %w;\n";
    const auto got = answer(f, text, 32, 32);
    for (unsigned t = 0; t < 32; ++t) CHECK_EQ(got[t], 3 * t + 1, f.instruction, ", thread ", t);
  }
  CHECK(n > 35, n, " forms");
}

}  // namespace isa_sync_forms
