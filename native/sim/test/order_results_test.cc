// Operands of the tensor core that race: no fault by themselves, but one once something is made of what was computed
// from them (machine/results.h). Rows 64 to 127 of A are warp 1's; lanes from 64 on of D hang on them.
#include "multiply_kernel.h"
#include "order_twins.h"

using namespace sim;
using namespace sim::testing;

namespace {

LaunchConfig threads() {
  LaunchConfig c;
  c.grid = {1}, c.block = {128}, c.max_instructions = 2000000;
  return c;
}
// [[ ]] is what the faulty one lacks.
void twin(const std::string& body, std::vector<std::string> words) {
  Array<uint32_t> global(std::vector<uint32_t>(1024, 7));
  words.insert(words.end(), {"and nothing orders the two: missing", "PTX line"});
  twins(multiply(body), threads(), params(global.at, global.at), words);
}
// The same with every check on, and for faults that are not a race.
void each(const std::string& right, const std::string& wrong, Trap::Cause cause, const std::vector<std::string>& words) {
  Array<uint32_t> global(std::vector<uint32_t>(1024, 7));
  auto run = [&](const std::string& text) {
    return [&, m = Module::load(text)](const LaunchConfig& c) { launch(*m, *m->entry("k"), c, params(global.at, global.at)); };
  };
  under_every_policy(threads(), run(right));
  trap_under_every_policy(threads(), run(wrong), cause, words);
}
std::string replaced(std::string text, const std::string& from, const std::string& to) {
  for (size_t at = 0; (at = text.find(from, at)) != std::string::npos; at += to.size()) text.replace(at, from.size(), to);
  return text;
}

const std::string PREDICATES = ".reg .pred %low, %last; setp.lt.u32 %low, %tid32, 64; setp.eq.u32 %last, %tid32, 127;\n";
// Warp 1 writes into its rows whenever it gets there: words of rows 64, 68, 72 ...
const std::string WRITES = "@%w1 st.shared.u32 [%r2+-64], %tid32;\n";
const std::string MULTIPLY = MMA + COMMIT, TAKE = WAIT + AFTER + LOAD;
const std::string LOW_ONLY = "[[@!%low bra REST;]]\n" + RESULT + "REST:\n";
// The write has happened before anything is taken: from then on values are followed.
const std::string WRITTEN = "bar.sync 0;\n";

}  // namespace

// DeepGEMM's BLOCK_M 64: an MMA of 128 rows of which 64 were loaded and are used.
TEST(order_results_half_a_tile) {
  const std::string start = PREDICATES + FENCE + ADDRESS;
  const std::string last = replaced(MULTIPLY, "@%one", "@%last");
  // the write comes before the read, or the other way round, as the warps take turns
  for (const std::string& multiplies : {MULTIPLY, last}) {
    const std::vector<std::string> words{"shared memory at offset", "tcgen05.mma.cta_group::1.kind::f16", "st.shared.u32"};
    twin(start + WRITES + multiplies + WAIT + AFTER + "[[@!%low bra REST;]]\n" + LOAD + RESULT + "REST:\n", words);
    twin(start + WRITES + multiplies + WRITTEN + TAKE + LOW_ONLY, words);
  }
  // a bulk copy in flight while the rows are read
  const std::string copy =
      "@%two mbarrier.arrive.expect_tx.shared.b64 _, [bar+8], 2048; add.u32 %r8, %r0, 2048; add.s64 %rd2, %rd1, 2048;\n"
      "@%two cp.async.bulk.shared::cluster.global.mbarrier::complete_tx::bytes [%r8], [%rd2], 2048, [bar+8];\n";
  const std::string landed = "W1: mbarrier.try_wait.parity.shared.b64 %q, [bar+8], 0; @!%q bra W1;\n";
  for (const std::string& multiplies : {MULTIPLY, last})
    twin(start + copy + multiplies + WRITTEN + TAKE + LOW_ONLY + landed,
         {"cp.async.bulk.shared::cluster", "tcgen05.mma.cta_group::1.kind::f16", "stored to global memory"});
}

TEST(order_results_never_written) {
  const std::string text = multiply(PREDICATES + FENCE + ADDRESS + MULTIPLY + TAKE + LOW_ONLY, "%others");
  each(with(text, true), with(text, false), Trap::uninitialised,
       {"undefined value stored to global memory", "tcgen05.ld", "tcgen05.mma.cta_group::1.kind::f16 at PTX line",
        "made of memory that nobody has written, at lane "});
}

// Columns of B, which make columns of D: rows 32 to 63 of B are written by half of warp 2.
TEST(order_results_columns) {
  const std::string write = ".reg .pred %half; .reg .b32 %at; setp.ge.u32 %half, %tid32, 80; @%half setp.lt.u32 %half, %tid32, 96;\n";
  twin(PREDICATES + write + FENCE + ADDRESS + "@%half st.shared.u32 [%r2+-64], %tid32;\n" + MULTIPLY + WRITTEN + WAIT + AFTER +
           "add.u32 %at, %t, 40;\n[[mov.u32 %at, %t;]]\ntcgen05.ld.sync.aligned.32x32b.x1.b32 {%r5}, [%at];\n" + RESULT,
       {"tcgen05.mma.cta_group::1.kind::f16", "st.shared.u32", " column 40"});
}

// What was tainted is multiplied once more, into an accumulator that starts afresh.
TEST(order_results_overwritten_before_use) {
  const std::string again = "bar.sync 0;\n@%one tcgen05.mma.cta_group::1.kind::f16 [%t], %da, %db, %idesc, %no;\n"
      "@%one tcgen05.commit.cta_group::1.mbarrier::arrive::one.shared::cluster.b64 [bar+8];\n"
      "W1: mbarrier.try_wait.parity.shared.b64 %q, [bar+8], 0; @!%q bra W1;\n";
  const std::string keeps = replaced(again, "%idesc, %no", "%idesc, %yes");
  const std::string race = PREDICATES + FENCE + ADDRESS + WRITES + MULTIPLY + WAIT + AFTER + FENCE;
  each(multiply(race + again + AFTER + LOAD + RESULT), multiply(race + keeps + AFTER + LOAD + RESULT), Trap::race,
       {"tcgen05.mma", "st.shared.u32", "stored to global memory"});
}

// From D to a second product, as its A in tensor memory: by tcgen05.mma itself, and through the registers of the warps.
TEST(order_results_as_operand) {
  const std::string race = PREDICATES + FENCE + ADDRESS + WRITES + MULTIPLY + WRITTEN;
  const std::string commit = "@%one tcgen05.commit.cta_group::1.mbarrier::arrive::one.shared::cluster.b64 [bar+8];\n"
      "W1: mbarrier.try_wait.parity.shared.b64 %q, [bar+8], 0; @!%q bra W1;\n" + AFTER;
  const std::string result = "tcgen05.ld.sync.aligned.32x32b.x1.b32 {%r5}, [%r9];\n" + LOW_ONLY;
  twin(race + WAIT + AFTER + ".reg .b32 %tf32; mov.u32 %tf32, 0x8100910; add.u32 %r9, %t, 64;\n"
           "@%one tcgen05.mma.cta_group::1.kind::tf32 [%r9], [%t], %db, %tf32, %no;\n" + commit + result,
       {"tcgen05.mma.cta_group::1.kind::f16", "st.shared.u32", "stored to global memory"});
  twin(race + TAKE + "add.u32 %r9, %t, 64; add.u32 %r10, %t, 128; add.u32 %r11, %r5, 1;\n"
           "tcgen05.st.sync.aligned.32x32b.x8.b32 [%r10], {%r11, %r11, %r11, %r11, %r11, %r11, %r11, %r11};\n"
           "tcgen05.wait::st.sync.aligned; tcgen05.fence::before_thread_sync; bar.sync 0;\n" + AFTER +
           "@%one tcgen05.mma.cta_group::1.kind::f16 [%r9], [%r10], %db, %idesc, %no;\n" + commit + result,
       {"tcgen05.mma.cta_group::1.kind::f16", "st.shared.u32", "stored to global memory"});
}

// Through shared memory, by ordinary stores and by stmatrix, with every check on: the sentence is still the race's.
TEST(order_results_through_shared_memory) {
  const std::string race = PREDICATES + FENCE + ADDRESS + WRITES + MULTIPLY + WRITTEN + TAKE;
  const std::string back = "bar.sync 0;\nld.shared.u32 %r5, [%r12];\n";
  const std::string matrix =
      "and.b32 %r13, %tid32, 7; and.b32 %r14, %tid32, -32; mad.lo.u32 %r13, %r13, 4, %r14; mad.lo.u32 %r13, %r13, 4, %r0;\n"
      "add.u32 %r13, %r13, 6144; stmatrix.sync.aligned.m8n8.x1.shared.b16 [%r13], {%r5};\n";
  for (const std::string& store : {std::string("st.shared.u32 [%r12], %r5;\n"), matrix}) {
    const std::string text =
        multiply(race + "mad.lo.u32 %r12, %tid32, 4, %r0; add.u32 %r12, %r12, 6144;\n" + store + back + LOW_ONLY);
    each(with(text, true), with(text, false), Trap::race,
         {"tcgen05.mma.cta_group::1.kind::f16", "nothing orders the two", "undefined value stored to global memory: ld.shared.u32",
          "holds an undefined value", "tcgen05.ld"});
  }
}

// Scale factors and other rows that tcgen05.cp brings: the words are tainted as those of D are.
TEST(order_results_of_a_copy) {
  const std::string copy = "@%one tcgen05.cp.cta_group::1.128x128b [%t], %da;\n" + COMMIT;
  twin(PREDICATES + FENCE + ADDRESS + WRITES + replaced(copy, "@%one", "@%last") + WRITTEN + TAKE + LOW_ONLY,
       {"shared memory at offset", "tcgen05.cp.cta_group::1.128x128b", "st.shared.u32", "stored to global memory"});
}

// The rows are overwritten by a warp that did not wait, when others have long used the product.
TEST(order_results_changed_after_use) {
  const std::string late = "@%others bra USES;\nmov.u32 %r15, 0;\nSPIN: add.u32 %r15, %r15, 1; setp.lt.u32 %p, %r15, 3000; @%p bra SPIN;\n"
      "[[" + replaced(WAIT, "W0", "W2") + "]]st.shared.u32 [%r0], 1;\nbra DONE;\nUSES:\n";
  twin(PREDICATES + FENCE + ADDRESS + MULTIPLY + late + TAKE + RESULT + "DONE:\n",
       {"st.shared.u32 writes shared memory at offset", "reads through the tensor core (tcgen05.mma.cta_group::1.kind::f16"});
}
