// Divergence again, structured: random nests of if, loop with break, switch and early exit. Each program is run by
// the machine and by an interpreter that walks the nest with a set of lanes, one lane's arithmetic at a time. The two
// agree on every value, and on who is together: programs mix the active mask, and sums over it, into their results
// behind every construct, so lanes that do not meet again where they should give a wrong answer.
#include <random>

#include "gpu.h"

using namespace sim;
using namespace sim::testing;

namespace {

struct Node {
  enum Kind { assign, meet, sum, branch, loop, choose, leave } kind;
  uint32_t mul = 1, add = 0;
  unsigned bit = 0;
  bool breaks = false;
  std::vector<std::vector<Node>> parts;  // branch: then, else; loop: body; choose: four cases
};
using Block = std::vector<Node>;

Block random_block(std::mt19937& rng, unsigned depth, unsigned loops) {
  Block b;
  for (unsigned n = 1 + rng() % 3; n--;) {
    Node node;
    node.mul = uint32_t(rng()) | 1, node.add = uint32_t(rng()), node.bit = rng() % 29;
    const unsigned pick = rng() % 12;
    if (depth == 0 || pick < 3)
      node.kind = Node::assign;
    else if (pick < 5)
      node.kind = Node::branch;
    else if (pick < 7 && loops < 3)
      node.kind = Node::loop, node.breaks = rng() % 2;
    else if (pick < 8)
      node.kind = Node::choose;
    else if (pick < 9)
      node.kind = Node::leave;
    else
      node.kind = pick < 11 ? Node::meet : Node::sum;
    const unsigned parts = node.kind == Node::branch ? 2 : node.kind == Node::loop ? 1 : node.kind == Node::choose ? 4 : 0;
    for (unsigned k = 0; k < parts; ++k) node.parts.push_back(random_block(rng, depth - 1, loops + (node.kind == Node::loop)));
    const bool construct = parts || node.kind == Node::leave;
    b.push_back(node);
    if (construct) b.push_back({Node::meet, 1, 0, 0, false, {}});
  }
  return b;
}

// ---- as PTX: %r0 state, %r1 what the masks left, %r10 + depth the counters of loops
struct Writer {
  std::ostringstream s;
  unsigned labels = 0, depth = 0;
  void bit_of(const Node& n, unsigned bits) {
    s << "bfe.u32 %r2, %r0, " << n.bit << ", " << bits << ";\n";
  }
  void block(const Block& b) {
    for (const Node& n : b) node(n);
  }
  void node(const Node& n) {
    const unsigned id = labels++;
    switch (n.kind) {
      case Node::assign: s << "mad.lo.s32 %r0, %r0, " << n.mul << ", " << n.add << ";\n"; break;
      case Node::meet: s << "activemask.b32 %r2; mad.lo.s32 %r1, %r1, 31, %r2;\n"; break;
      case Node::sum: s << "activemask.b32 %r2; redux.sync.add.u32 %r3, %r0, %r2; xor.b32 %r0, %r0, %r3;\n"; break;
      case Node::branch:
        bit_of(n, 1);
        s << "setp.eq.u32 %p1, %r2, 0; @%p1 bra ELSE" << id << ";\n";
        block(n.parts[0]);
        s << "bra END" << id << ";\nELSE" << id << ":\n";
        block(n.parts[1]);
        s << "END" << id << ":\n";
        break;
      case Node::loop: {
        const std::string c = "%r" + std::to_string(10 + depth++);
        bit_of(n, 2);
        s << "mov.b32 " << c << ", %r2;\nTOP" << id << ": setp.eq.u32 %p1, " << c << ", 0; @%p1 bra END" << id
          << "; sub.u32 " << c << ", " << c << ", 1;\n";
        block(n.parts[0]);
        if (n.breaks) {
          bit_of(n, 2);
          s << "setp.eq.u32 %p1, %r2, 3; @%p1 bra END" << id << ";\n";
        }
        s << "bra TOP" << id << ";\nEND" << id << ":\n";
        --depth;
        break;
      }
      case Node::choose:
        bit_of(n, 2);
        s << "TS" << id << ": .branchtargets CASE" << id << "_0, CASE" << id << "_1, CASE" << id << "_2, CASE" << id
          << "_3;\nbrx.idx %r2, TS" << id << ";\n";
        for (unsigned k = 0; k < 4; ++k) {
          s << "CASE" << id << "_" << k << ":\n";
          block(n.parts[k]);
          s << "bra END" << id << ";\n";
        }
        s << "END" << id << ":\n";
        break;
      case Node::leave:
        bit_of(n, 4);
        s << "setp.eq.u32 %p1, %r2, 5; @%p1 bra OUT" << id << "; bra STAY" << id << ";\nOUT" << id
          << ": st.global.u32 [%rd2], %r1; exit;\nSTAY" << id << ":\n";
        break;
    }
  }
};
std::string text_of(const Block& b) {
  Writer w;
  w.block(b);
  return ".version 9.0\n.target sm_100a\n.address_size 64\n.entry k(.param .u64 in, .param .u64 out) {\n"
         ".reg .b32 %r<20>; .reg .b64 %rd<5>; .reg .pred %p<4>;\n"
         "ld.param.u64 %rd1, [in]; ld.param.u64 %rd2, [out]; mov.u32 %r9, %tid.x; mul.wide.u32 %rd3, %r9, 4; add.s64 "
         "%rd1, %rd1, %rd3; mul.wide.u32 %rd3, %r9, 8; add.s64 %rd2, %rd2, %rd3; ld.global.u32 %r0, [%rd1]; mov.b32 "
         "%r1, 7; st.global.u32 [%rd2+4], 0;\n" +
         w.s.str() + "xor.b32 %r1, %r1, %r0; st.global.u32 [%rd2], %r1; st.global.u32 [%rd2+4], 1; ret;\n}\n";
}

// ---- lane by lane, with the set of lanes that are together
struct Warp32 {
  uint32_t state[32], seen[32];
  uint32_t gone = 0;
};
void walk(const Block& b, uint32_t lanes, Warp32& w);
void each(uint32_t lanes, auto f) {
  for (uint32_t m = lanes; m; m &= m - 1) f(unsigned(__builtin_ctz(m)));
}
void walk(const Node& n, uint32_t lanes, Warp32& w) {
  auto lanes_where = [&](uint32_t among, unsigned bits, uint32_t value) {
    uint32_t r = 0;
    each(among, [&](unsigned l) { r |= uint32_t((w.state[l] >> n.bit & ((1u << bits) - 1)) == value) << l; });
    return r;
  };
  switch (n.kind) {
    case Node::assign: each(lanes, [&](unsigned l) { w.state[l] = w.state[l] * n.mul + n.add; }); break;
    case Node::meet: each(lanes, [&](unsigned l) { w.seen[l] = w.seen[l] * 31 + lanes; }); break;
    case Node::sum: {
      uint32_t total = 0;
      each(lanes, [&](unsigned l) { total += w.state[l]; });
      each(lanes, [&](unsigned l) { w.state[l] ^= total; });
      break;
    }
    case Node::branch: {
      const uint32_t set = lanes_where(lanes, 1, 1);
      walk(n.parts[0], set, w), walk(n.parts[1], lanes & ~set, w);
      break;
    }
    case Node::loop: {
      uint32_t left[32];
      each(lanes, [&](unsigned l) { left[l] = w.state[l] >> n.bit & 3; });
      for (uint32_t in = lanes;;) {
        uint32_t on = 0;
        each(in, [&](unsigned l) { on |= uint32_t(left[l] != 0) << l; });
        if (!on) break;
        each(on, [&](unsigned l) { --left[l]; });
        walk(n.parts[0], on, w);
        on &= ~w.gone;
        if (n.breaks) on &= ~lanes_where(on, 2, 3);
        in = on;
      }
      break;
    }
    case Node::choose: {
      uint32_t cases[4];
      for (unsigned k = 0; k < 4; ++k) cases[k] = lanes_where(lanes, 2, k);
      for (unsigned k = 0; k < 4; ++k) walk(n.parts[k], cases[k], w);
      break;
    }
    case Node::leave: w.gone |= lanes_where(lanes, 4, 5); break;
  }
}
void walk(const Block& b, uint32_t lanes, Warp32& w) {
  for (const Node& n : b)
    if (lanes &= ~w.gone) walk(n, lanes, w);
}

}  // namespace

TEST(flow_structured_nests) {
  size_t left = 0, stayed = 0;
  for (unsigned seed = 0; seed < 400; ++seed) {
    std::mt19937 rng(seed);
    const Block b = random_block(rng, 1 + seed % 4, 0);
    const uint32_t threads = seed % 3 ? 32 : 1 + uint32_t(rng() % 32);
    std::vector<uint32_t> in(threads);
    for (uint32_t& v : in) v = uint32_t(rng());
    auto m = Module::load(text_of(b));
    Array<uint32_t> a(in), out(2 * threads);
    run(*m, "k", {1}, {threads}, params(a.at, out.at), 0, 10000000);
    Warp32 w{};
    for (unsigned l = 0; l < threads; ++l) w.state[l] = in[l], w.seen[l] = 7;
    walk(b, threads == 32 ? ~0u : (1u << threads) - 1, w);
    for (unsigned l = 0; l < threads; ++l) {
      const bool gone = w.gone >> l & 1;
      CHECK_EQ(out[2 * l + 1], gone ? 0u : 1u, "seed ", seed, " lane ", l, ": did it leave?");
      CHECK_EQ(out[2 * l], gone ? w.seen[l] : w.seen[l] ^ w.state[l], "seed ", seed, " lane ", l);
      ++(gone ? left : stayed);
    }
  }
  CHECK(left > 200 && stayed > 2000, left, " lanes left early, ", stayed, " ran to the end");
}
