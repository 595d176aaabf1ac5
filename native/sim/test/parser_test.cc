// The parser: what it reads it can print and read again, and text that is not PTX is refused with a sentence.
#include <random>

#include "gpu.h"

using namespace sim;

namespace parser_test {
using namespace sim::testing;

namespace {

const char* HEAD = ".version 9.0\n.target sm_100a\n.address_size 64\n";

std::string file(const std::string& name) {
  std::ifstream in(std::string(KERNEL_DIR) + "/" + name + ".ptx");
  std::string s(std::istreambuf_iterator<char>(in), {});
  CHECK(!s.empty(), name, ".ptx was not built: nvcc was not found");
  return s;
}

const char* HAND_WRITTEN = R"(
.version 9.0
.target sm_100a
.address_size 64
# 1 "left by a preprocessor"
.global .align 8 .u64 where[2] = {generic(table)+4, table};
.const .align 4 .b8 table[12] = {1, 0x2, 03, 0b100};
.global .f32 numbers[2][2] = {{0f3F800000, 1.5}, {-2.25, 3e2}};
.extern .shared .align 16 .b8 pool[];
.func (.param .b32 r) twice(.param .b32 x)
{
  .reg .b32 %a<3>;
  ld.param.b32 %a1, [x]; add.s32 %a2, %a1, %a1;
  st.param.b32 [r+0], %a2;
  ret;
}
.visible .entry odd(.param .u64 .ptr .global .align 16 out, .param .align 8 .b8 s[24]) .maxntid 128, 1, 1 .minnctapersm 2
{
  .reg .pred %p<4>, q; .reg .b64 %rd<9>; .reg .b32 %r<20>; .reg .f32 f;
  /* a comment
     of two lines */ mov.u32 %r1, %tid.x; // and another
  { .reg .b32 %r<2>; mov.b32 %r1, 7; inner: @!%p1 bra inner; }
  setp.lt.and.s32 %p1|%p2, %r1, -5, !%p3;
  @%p1 bra.uni done;
  mov.b64 {%r2, _}, %rd1;
  ld.global.nc.L1::no_allocate.L2::128B.v4.u32 {%r2, %r3, %r4, %r5}, [%rd2+-16];
  { .param .b32 p0; .param .b32 r0; st.param.b32 [p0], %r1; call.uni (r0), twice, (p0); ld.param.b32 %r6, [r0]; }
  targets: .branchtargets done, more;
  brx.idx %r1, targets;
more:
  shfl.sync.bfly.b32 %r7|q, %r1, 1, 31, -1;
done:
  ret;
}
)";

}  // namespace

TEST(parser_round_trip) {
  for (const std::string& text : {std::string(HAND_WRITTEN), file("basic"), file("norm")}) {
    std::string once = ptx::print(ptx::parse(text)), twice = ptx::print(ptx::parse(once));
    CHECK(once == twice, "printing twice gives the same text");
    ptx::Module a = ptx::parse(text), b = ptx::parse(once);
    CHECK_EQ(a.functions.size(), b.functions.size());
    for (size_t f = 0; f < a.functions.size(); ++f) {
      CHECK_EQ(a.functions[f].body.size(), b.functions[f].body.size(), a.functions[f].name);
      CHECK_EQ(a.functions[f].registers.size(), b.functions[f].registers.size(), a.functions[f].name);
      for (size_t i = 0; i < a.functions[f].body.size(); ++i)
        CHECK_EQ(a.functions[f].body[i].op.text, b.functions[f].body[i].op.text, "line ",
                 a.functions[f].body[i].line);
    }
    CHECK_EQ(a.globals.size(), b.globals.size());
    for (size_t g = 0; g < a.globals.size(); ++g)
      CHECK(a.globals[g].init == b.globals[g].init, a.globals[g].name);
  }
}

TEST(parser_details) {
  ptx::Module m = ptx::parse(HAND_WRITTEN);
  const ptx::Function& f = *m.function("odd");
  CHECK_EQ(f.directives.at("maxntid").size(), size_t(3));
  CHECK_EQ(f.params[1].bytes, uint64_t(24));
  const auto& setp = f.body[3];
  CHECK_EQ(setp.op.text, "setp.lt.and.s32");
  CHECK(setp.op.has("and") && setp.op.types.size() == 1 && setp.operands[0].kind == ptx::Operand::pair);
  CHECK_EQ(int64_t(setp.operands[2].value), int64_t(-5));
  CHECK(setp.operands[3].negated);
  CHECK(f.body[1].operands[0].value != f.body[0].operands[0].value,
        "the inner scope's %r1 is another register");
  const auto& ld = f.body[6];
  CHECK_EQ(ld.operands[1].offset, int64_t(-16));
  const ptx::Variable& numbers = m.globals[2];
  float values[4];
  std::memcpy(values, numbers.init.data(), 16);
  CHECK(values[0] == 1.0f && values[1] == 1.5f && values[2] == -2.25f && values[3] == 300.0f);
  CHECK_EQ(m.globals[0].relocs.size(), size_t(2));
}

TEST(parser_refuses) {
  for (auto [text, words] : {std::pair{".reg .b32 %r<3>; add.s32 %r1, %r2", "line 4"},
                             {"mov.b32 %r1, 0xg;", "digits"},
                             {"@p bra x;", "predicate"},
                             {"ld.global.u32 r, [x+;", "number"},
                             {".reg .b33 x;", "type"},
                             {".local .b8 a[99999999999999];", "smaller"},
                             {"a: a: ret;", "label"},
                             {"mov.b32 a b;", "','|';'"}}) {
    try {
      ptx::parse(std::string(HEAD) + ".entry k() {" + text + "}");
    } catch (const ptx::ParseError& e) {
      CHECK(std::string(e.what()).rfind("PTX line 4: expected", 0) == 0, e.what());
      continue;
    }
    fail(__FILE__, __LINE__, "expected a ParseError about ", words, " for: ", text);
  }
}

// Text with pieces removed, doubled, swapped or overwritten either loads or is refused; nothing else happens.
TEST(parser_mutations) {
  std::mt19937 rng(7);
  std::string base = HAND_WRITTEN;
  unsigned refused = 0, loaded = 0;
  for (int round = 0; round < 3000; ++round) {
    std::string t = base;
    for (unsigned k = 0; k < 1 + rng() % 3; ++k) {
      size_t at = rng() % t.size(), n = 1 + rng() % 12;
      switch (rng() % 5) {
        case 0: t.erase(at, n); break;
        case 1: t.insert(at, t.substr(rng() % t.size(), n)); break;
        case 2: t[at] = char(rng() % 256); break;
        case 3: t.insert(at, 1, "{}[]();,.%@|+-0x_$\"/*"[rng() % 21]); break;
        default: t.resize(at + 1);
      }
      if (t.empty()) t = " ";
    }
    try {
      auto m = Module::load(t);
      for (const std::string& e : m->entries()) m->program(*m->entry(e));
      ++loaded;
    } catch (const ptx::ParseError& e) {
      CHECK(std::string(e.what()).find("PTX line ") == 0, e.what());
      ++refused;
    }
  }
  CHECK(refused > 500 && loaded > 50, refused, " refused, ", loaded, " loaded");
}

}  // namespace parser_test
