// Listed forms of what concerns addresses (isspacep, cvta, getctarank) and of what changes no value (prefetch, hints, pmevent,
// bra, ret), as they stand in fixtures/isa/forms.txt; st.async and cp.async in every type and size.
#include "forms_kernel.h"

using namespace sim;
using namespace sim::testing;

namespace {

const std::string LIST = std::string(FIXTURES) + "/isa/forms.txt";
bool names(const PtxForm& f, const std::string& name) { return f.opcode().rfind(name, 0) == 0; }

// One warp; `out` is %out, of 32 words. The addresses of a variable in each space are in %global, %shared, %local, %const, %param:
// of their own windows.
std::vector<uint32_t> answer(const PtxForm& f, const std::string& body) {
  auto m = Module::load(
      ".version " + f.version + "\n.target " + f.target +
      "\n.address_size 64\n.const .align 128 .b32 c[32] = {5, 6, 7, 8};\n.global .align 128 .b32 g[64] = {1, 2, 3, 4};\n"
      ".entry k(.param .u64 out, .param .align 64 .b8 p[128]) {\n.reg .pred %p<8>; .reg .b16 %h<8>; .reg .b32 %r<24>; .reg .b64 %q<24>;\n"
      ".reg .b64 %out, %global, %shared, %local, %const, %param; .reg .b32 %t, %w, %v;\n"
      ".shared .align 128 .b32 s[256]; .shared .align 8 .b64 bar; .local .align 16 .b32 l[4];\n"
      "ld.param.u64 %out, [out]; mov.u32 %t, %tid.x; mad.wide.u32 %out, %t, 4, %out;\n"
      "mov.u64 %global, g; mov.u64 %shared, s; mov.u64 %local, l; mov.u64 %const, c; mov.u64 %param, p;\n" +
      body + "ret;\n}\n");
  Array<uint32_t> out(std::vector<uint32_t>(LANES, 0xeeeeeeee));
  struct alignas(64) Block {
    uint8_t bytes[128] = {};
  };
  run(*m, "k", {1}, {LANES}, params(out.at, Block{}));
  return out.values();
}
void expect_all(const PtxForm& f, const std::string& body, uint32_t want) {
  const auto got = answer(f, body);
  for (unsigned l = 0; l < LANES; ++l) CHECK_EQ(got[l], want, f.instruction, ", lane ", l);
}
const std::vector<std::string> SPACES = {"global", "shared", "local", "const", "param"};
// "shared::cta" -> "shared"
std::string window(const std::string& space) { return space.substr(0, space.find("::")); }

}  // namespace

TEST(isa_address_forms_of_spaces) {
  size_t n = 0;
  for (const PtxForm& f : forms_in(LIST)) {
    const std::string op = f.opcode();
    if (names(f, "isspacep.")) {
      ++n;
      for (const std::string& s : SPACES) {
        if (op == "isspacep.global" && s == "const") continue;  // constants may lie in global memory
        expect_all(f, "cvta." + s + ".u64 %q1, %" + s + ";\n" + f.instruction + ";\nselp.u32 %w, 1, 0, %p0; st.global.u32 [%out], %w;\n",
                   window(op.substr(9)) == s);
      }
    }
    if (names(f, "cvta.")) {  // there and back is where it was, and generic loads find the variable
      ++n;
      const bool back = names(f, "cvta.to.");
      const std::string space = op.substr(back ? 8 : 5, op.rfind('.') - (back ? 8 : 5)), s = window(space);
      const std::string there = back ? "cvta." + space + ".u64 %q1, %" + s + ";\n" + f.instruction + ";\n"
                                     : "mov.b64 %q1, %" + s + ";\n" + f.instruction + ";\ncvta.to." + space + ".u64 %q0, %q0;\n";
      expect_all(f, there + "setp.eq.u64 %p0, %q0, %" + s + "; selp.u32 %w, 1, 0, %p0; st.global.u32 [%out], %w;\n", 1);
    }
    if (names(f, "getctarank")) {
      ++n;
      const bool wide = op.back() == '4' && op.find(".u64") != std::string::npos, generic = op.find("shared") == std::string::npos;
      expect_all(f,
                 std::string(wide ? "mov.b64 %q1, %shared;\n" : "cvt.u32.u64 %r1, %shared;\n") +
                     (generic ? "cvta.shared.u64 %q1, %q1;\n" : "") + f.instruction + ";\nst.global.u32 [%out], %r0;\n",
                 0);
    }
  }
  CHECK(n > 20, n, " forms");
}

// Hints leave memory as it is; discard may lose what was there, so its line is written again.
TEST(isa_address_forms_of_hints) {
  size_t n = 0;
  for (const PtxForm& f : forms_in(LIST)) {
    const std::string op = f.opcode();
    const bool jumps = names(f, "bra") || f.instruction[0] == '@' || names(f, "ret");
    if (jumps) {
      ++n;
      const std::string before = "mov.u32 %w, 3; st.global.u32 [%out], %w; setp.eq.u32 %p0, %w, 3;\n";
      expect_all(f, before + f.instruction + ";\nst.global.u32 [%out], %t;\nL:\n", 3);
      continue;
    }
    if (!names(f, "prefetch") && !names(f, "applypriority") && !names(f, "discard") && !names(f, "pmevent") &&
        !names(f, "cp.async.bulk.prefetch.L2"))
      continue;
    ++n;
    const auto operands = operands_of(f.instruction);
    const std::string reg = names(f, "pmevent") ? "q1" : registers_of(operands[0])[0],
                      space = op.find(".local") != std::string::npos   ? "local"
                              : op.find(".const") != std::string::npos ? "const"
                              : op.find(".param") != std::string::npos ? "param"
                                                                       : "global";
    std::string after = "ld.global.u32 %w, [%global+8];\n";
    if (names(f, "discard")) after = "mov.u32 %w, 3; st.global.u32 [%global+8], %w; ld.global.u32 %w, [%global+8];\n";
    expect_all(
        f, "mov.u32 %r1, 16; mov.b64 %" + reg + ", %" + space + ";\n" + f.instruction + ";\n" + after + "st.global.u32 [%out], %w;\n", 3);
  }
  CHECK(n > 15, n, " forms");
}

// Thread 0 sends what its registers hold to the shared memory of its own CTA; the mbarrier counts the bytes.
TEST(isa_address_forms_of_st_async) {
  size_t n = 0;
  for (const PtxForm& f : forms_in(LIST)) {
    if (!names(f, "st.async")) continue;
    ++n;
    const auto registers = registers_of(operands_of(f.instruction)[1]);
    const unsigned bytes = bytes_of_register(registers[0]);
    std::string body =
        "setp.ne.u32 %p7, %t, 0; @%p7 bra W; mbarrier.init.shared.b64 [bar], 1; mbarrier.arrive.expect_tx.shared.b64 _, [bar], " +
        std::to_string(bytes * registers.size()) + ";\n";
    for (size_t k = 0; k < registers.size(); ++k)
      body += "mov.b" + std::to_string(8 * bytes) + " %" + registers[k] + ", " + std::to_string(100 + k) + ";\n";
    body += "mov.b64 %q1, %shared; mov.u64 %q2, bar;\n" + f.instruction +
            ";\nW: bar.warp.sync 0xffffffff;\nL: mbarrier.try_wait.parity.shared.b64 %p1, [bar], 0; @!%p1 bra L;\n"
            "mov.u32 %w, 0;\n";
    for (size_t k = 0; k < registers.size(); ++k)
      body += "ld.shared.u32 %v, [s+" + std::to_string(bytes * k) + "]; mad.lo.u32 %w, %w, 7, %v;\n";
    uint32_t want = 0;
    for (size_t k = 0; k < registers.size(); ++k) want = want * 7 + uint32_t(100 + k);
    expect_all(f, body + "st.global.u32 [%out], %w;\n", want);
  }
  CHECK(n > 25, n, " forms");
}

// Each thread copies its own bytes; of a source that is ignored zeros come.
TEST(isa_address_forms_of_cp_async) {
  size_t n = 0;
  for (const PtxForm& f : forms_in(LIST)) {
    if (!names(f, "cp.async.ca") && !names(f, "cp.async.cg")) continue;
    ++n;
    const auto operands = operands_of(f.instruction);
    const unsigned bytes = unsigned(std::stoi(operands[2]));
    std::string prepare = "mad.wide.u32 %q0, %t, 16, %shared; mov.b64 %q1, %global; setp.ne.u32 %p2, %t, %t; mov.u32 %r2, " +
                          std::to_string(bytes) + "; mov.b64 %q3, 0;\n";
    std::string sum = "mov.u32 %w, 0;\n";
    uint32_t want = 0;
    for (unsigned k = 0; k < bytes / 4; ++k) {
      sum += "ld.shared.u32 %v, [%q0+" + std::to_string(4 * k) + "]; mad.lo.u32 %w, %w, 7, %v;\n";
      want = want * 7 + k + 1;
    }
    expect_all(f, prepare + f.instruction + ";\ncp.async.wait_all;\n" + sum + "st.global.u32 [%out], %w;\n", want);
    if (operands.size() > 3 && registers_of(operands[3])[0] == "p2")
      expect_all(f, prepare + "not.pred %p2, %p2;\n" + f.instruction + ";\ncp.async.wait_all;\n" + sum + "st.global.u32 [%out], %w;\n", 0);
    if (operands.size() > 3 && registers_of(operands[3])[0] == "r2")
      expect_all(f,
                 prepare + "mov.u32 %r2, 4;\n" + f.instruction +
                     ";\ncp.async.wait_all;\nld.shared.v2.u32 {%v, %w}, [%q0]; mad.lo.u32 %w, %w, 7, %v; st.global.u32 [%out], %w;\n",
                 1);
  }
  CHECK(n > 25, n, " forms");
}
