// Divergence: random structured and unstructured control flow, against one thread at a time; and lanes that
// exchange data.
#include <random>

#include "gpu.h"

using namespace sim;
using namespace sim::testing;

namespace {

// A program of blocks over r0 (state), r1 (steps left). Block k: state = state * M + C; then goes to one of
// two blocks by a bit of the state. Forward edges and back edges are both drawn; a step budget makes every
// run end.
struct Graph {
  struct Node {
    uint32_t mul, add;
    unsigned bit, to_set, to_clear;
    bool exits;  // when (state & 15) == 3
  };
  std::vector<Node> nodes;

  explicit Graph(unsigned seed, unsigned n) {
    std::mt19937 rng(seed);
    for (unsigned k = 0; k < n; ++k) {
      auto target = [&] {
        return rng() % 4 == 0 ? unsigned(rng() % n) : std::min(n, k + 1 + unsigned(rng() % 4));
      };
      nodes.push_back(
          {uint32_t(rng()) | 1, uint32_t(rng()), unsigned(rng() % 32), target(), target(), rng() % 9 == 0});
    }
  }

  // Path of one thread; out gets what the kernel stores.
  uint32_t thread(uint32_t state, uint32_t steps) const {
    unsigned at = 0;
    while (at < nodes.size() && steps) {
      const Node& n = nodes[at];
      --steps;
      state = state * n.mul + n.add;
      if (n.exits && (state & 15) == 3) return 0xdead0000u | at;
      at = state >> n.bit & 1 ? n.to_set : n.to_clear;
    }
    return state ^ steps;
  }

  std::string ptx() const {
    std::ostringstream s;
    s << ".version 9.0\n.target sm_100a\n.address_size 64\n"
         ".entry walk(.param .u64 in, .param .u64 out, .param .u32 steps) {\n"
         ".reg .b32 %r<9>; .reg .b64 %rd<5>; .reg .pred %p<4>;\n"
         "ld.param.u64 %rd1, [in]; ld.param.u64 %rd2, [out]; ld.param.u32 %r1, [steps];\n"
         "mov.u32 %r2, %tid.x; mul.wide.u32 %rd3, %r2, 4; add.s64 %rd1, %rd1, %rd3; add.s64 %rd2, %rd2, "
         "%rd3;\n"
         "ld.global.u32 %r0, [%rd1];\n";
    for (size_t k = 0; k < nodes.size(); ++k) {
      const Node& n = nodes[k];
      s << "B" << k << ": setp.eq.u32 %p1, %r1, 0; @%p1 bra END; sub.s32 %r1, %r1, 1;\n"
        << "mad.lo.s32 %r0, %r0, " << n.mul << ", " << n.add << ";\n";
      if (n.exits)
        s << "and.b32 %r3, %r0, 15; setp.eq.s32 %p2, %r3, 3;\n@%p2 st.global.u32 [%rd2], "
          << (0xdead0000u | k) << ";\n@%p2 exit;\n";
      s << "bfe.u32 %r4, %r0, " << n.bit << ", 1; setp.ne.s32 %p3, %r4, 0;\n@%p3 bra " << name(n.to_set)
        << ";\nbra " << name(n.to_clear) << ";\n";
    }
    s << "END: xor.b32 %r0, %r0, %r1; st.global.u32 [%rd2], %r0; ret;\n}\n";
    return s.str();
  }
  std::string name(unsigned k) const { return k >= nodes.size() ? "END" : "B" + std::to_string(k); }
};

std::shared_ptr<Module> body(const std::string& text) {
  return Module::load(
      ".version 9.0\n.target sm_100a\n.address_size 64\n.entry k(.param .u64 out) {\n"
      ".reg .b32 %r<20>; .reg .b64 %rd<8>; .reg .pred %p<8>; .shared .align 8 .b8 s[256];\n"
      "ld.param.u64 %rd1, [out]; mov.u32 %r0, %tid.x; mul.wide.u32 %rd2, %r0, 4; add.s64 %rd2, %rd1, "
      "%rd2;\n" +
      text + "\nret;\n}\n");
}

}  // namespace

TEST(flow_random_graphs) {
  for (unsigned seed = 0; seed < 300; ++seed) {
    Graph g(seed, 3 + seed % 20);
    auto m = Module::load(g.ptx());
    std::mt19937 rng(seed + 1000);
    uint32_t threads = 1 + uint32_t(rng() % 70), steps = uint32_t(rng() % 200);
    std::vector<uint32_t> in(threads);
    for (uint32_t& v : in) v = uint32_t(rng());
    Array<uint32_t> a(in), out(threads);
    run(*m, "walk", {1}, {threads}, params(a.at, out.at, steps), 0, 1000000);
    for (uint32_t t = 0; t < threads; ++t)
      CHECK_EQ(out[t], g.thread(in[t], steps), "seed ", seed, " thread ", t);
  }
}

// Lanes that part at a branch are together again behind it: a shuffle there sees all of them.
TEST(flow_meets_before_shuffle) {
  auto m = body(
      "and.b32 %r1, %r0, 3; setp.eq.s32 %p1, %r1, 0; @%p1 bra A; setp.eq.s32 %p2, %r1, 1; @%p2 bra B; "
      "mov.b32 %r2, 30; bra C;\n"
      "A: mov.b32 %r2, 10; bra C;\nB: mov.b32 %r2, 20;\nC: add.s32 %r2, %r2, %r0; shfl.sync.bfly.b32 %r3, "
      "%r2, 1, 31, -1;\n"
      "st.global.u32 [%rd2], %r3;");
  Array<uint32_t> out(32);
  auto r = run(*m, "k", {1}, {32}, params(out.at));
  for (uint32_t l = 0; l < 32; ++l) {
    uint32_t o = l ^ 1;
    CHECK_EQ(out[l], o + (o % 4 == 0 ? 10 : o % 4 == 1 ? 20 : 30), "lane ", l);
  }
  CHECK(r.warp_instructions < 25, r.warp_instructions, " warp instructions: each side of a branch ran once");
}

// Two halves of a warp each exchange among themselves, from different places of the program.
TEST(flow_halves_shuffle_apart) {
  auto m = body(
      "setp.lt.u32 %p1, %r0, 16; mov.b32 %r1, %r0; @%p1 bra A;\n"
      "shfl.sync.idx.b32 %r1, %r0, 20, 31, 0xffff0000; bra C;\n"
      "A: shfl.sync.idx.b32 %r1, %r0, 5, 31, 0x0000ffff;\nC: st.global.u32 [%rd2], %r1;");
  Array<uint32_t> out(32);
  run(*m, "k", {1}, {32}, params(out.at));
  for (uint32_t l = 0; l < 32; ++l) CHECK_EQ(out[l], l < 16 ? 5u : 20u, "lane ", l);
}

// One instruction reached by lanes with different masks, and by a guard.
TEST(flow_masks_of_one_instruction) {
  auto m = body(
      "setp.lt.u32 %p1, %r0, 8; selp.b32 %r1, 0x000000ff, 0xffffff00, %p1; vote.sync.ballot.b32 %r2, %p1, "
      "%r1;\n"
      "mov.b32 %r3, 0; @%p1 vote.sync.ballot.b32 %r3, %p1, 0xff; add.s32 %r2, %r2, %r3; st.global.u32 "
      "[%rd2], %r2;");
  Array<uint32_t> out(32);
  run(*m, "k", {1}, {32}, params(out.at));
  for (uint32_t l = 0; l < 32; ++l) CHECK_EQ(out[l], l < 8 ? 0x1feu : 0u, "lane ", l);
}

TEST(flow_indexed_branch) {
  auto m = body(
      "and.b32 %r1, %r0, 3; ts: .branchtargets A, B, C, A;\nmov.b32 %r2, 0; brx.idx %r1, ts;\n"
      "A: mov.b32 %r2, 1; bra D;\nB: mov.b32 %r2, 2; bra D;\nC: mov.b32 %r2, 3;\nD: activemask.b32 %r3; "
      "st.global.u32 [%rd2], %r2;\n"
      "add.s64 %rd2, %rd2, 128; st.global.u32 [%rd2], %r3;");
  Array<uint32_t> out(64);
  run(*m, "k", {1}, {32}, params(out.at));
  const uint32_t want[4] = {1, 2, 3, 1};
  for (uint32_t l = 0; l < 32; ++l) {
    CHECK_EQ(out[l], want[l % 4], "lane ", l);
    CHECK_EQ(out[32 + l], ~0u, "lane ", l);
  }
  auto far = body("ts: .branchtargets A;\nbrx.idx %r0, ts;\nA: ");
  CHECK(std::string(trap_of([&] { run(*far, "k", {1}, {2}, params(out.at)); }).what()).find("below 1") !=
        std::string::npos);
}

// A barrier does not wait for threads that have left, and one without enough threads says who waits where.
TEST(flow_barriers_and_exits) {
  auto m =
      body("setp.gt.u32 %p1, %r0, 40; @%p1 exit; bar.sync 0; barrier.cta.sync 1; st.global.u32 [%rd2], 9;");
  Array<uint32_t> out(128);
  run(*m, "k", {1}, {128}, params(out.at));
  for (uint32_t t = 0; t <= 40; ++t) CHECK_EQ(out[t], 9u);
  auto start = body(
      "st.shared.u32 [s], 0; bar.sync 0; setp.gt.u32 %p1, %r0, 31; @!%p1 bra W; L: ld.volatile.shared.u32 "
      "%r5, [s];\n"
      "setp.eq.u32 %p2, %r5, 0; @%p2 bra L; exit;\nW: st.volatile.shared.u32 [s], 1; bar.sync 0; "
      "st.global.u32 [%rd2], 4;");
  run(*start, "k", {1}, {96}, params(out.at));
  CHECK_EQ(out[31], 4u);
  auto stuck = body("setp.lt.u32 %p1, %r0, 32; @%p1 bar.sync 1, 96; @!%p1 bar.sync 2, 64;");
  Trap t = trap_of([&] { run(*stuck, "k", {1}, {64}, params(out.at)); });
  CHECK_EQ(int(t.cause), int(Trap::deadlock), t.what());
  for (const char* words :
       {"warp 0", "warp 1", "barrier 1 for 96 threads", "barrier 2 for 64 threads", "PTX line 7"})
    CHECK(std::string(t.what()).find(words) != std::string::npos, words, " in: ", t.what());
  auto twice = body("bar.arrive 1, 64; bar.arrive 1, 64;");
  CHECK(std::string(trap_of([&] { run(*twice, "k", {1}, {32}, params(out.at)); }).what()).find("twice") !=
        std::string::npos);
}

// A lane that waits for a value of another lane of its warp, which stands behind the join.
TEST(flow_lane_waits_for_lane) {
  auto m = body(
      "st.shared.u32 [s], 0; bar.warp.sync -1; setp.eq.u32 %p1, %r0, 0; @%p1 bra W;\n"
      "L: ld.volatile.shared.u32 %r5, [s]; setp.eq.u32 %p2, %r5, 0; @%p2 bra L;\n"
      "W: @%p1 st.volatile.shared.u32 [s], 1; st.global.u32 [%rd2], 6;");
  Array<uint32_t> out(32);
  run(*m, "k", {1}, {32}, params(out.at), 0, 10000000);
  for (uint32_t l = 0; l < 32; ++l) CHECK_EQ(out[l], 6u);
}

TEST(flow_no_semantics_only_when_reached) {
  auto dead = body(
      "setp.gt.u32 %p1, %r0, 99; @!%p1 bra OK; frobnicate.b32.fast %r1, %r2;\nOK: st.global.u32 [%rd2], 1;");
  Array<uint32_t> out(32);
  run(*dead, "k", {1}, {32}, params(out.at));
  CHECK_EQ(out[3], 1u);
  auto live = body("frobnicate.b32.fast %r1, %r2;");
  Trap t = trap_of([&] { run(*live, "k", {1}, {32}, params(out.at)); });
  CHECK_EQ(int(t.cause), int(Trap::illegal_instruction));
  CHECK(std::string(t.what()).find("no semantics for frobnicate.b32.fast") == 0, t.what());
  CHECK(std::string(t.what()).find("PTX line 7: frobnicate.b32.fast %r1, %r2;") != std::string::npos,
        t.what());
}
