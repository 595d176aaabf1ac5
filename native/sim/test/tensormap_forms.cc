// Every listed form of tensormap.replace, as it stands in fixtures/isa/forms.txt: the named field changes, the others stay.
#include "forms_kernel.h"
#include "native/sim/machine/tensor_map.h"

using namespace sim;
using namespace sim::testing;

TEST(tensormap_replace_forms) {
  constexpr uint32_t WORD = 3;
  constexpr uint64_t LONG = 0x1200;
  size_t n = 0;
  for (const PtxForm& f : forms_in(std::string(FIXTURES) + "/isa/forms.txt")) {
    const std::string op = f.opcode(), name = "tensormap.replace.tile.";
    if (op.rfind(name, 0) != 0) continue;
    ++n;
    const std::string field = op.substr(name.size(), op.find('.', name.size()) - name.size());
    const bool global = op.find(".global.") != std::string::npos;
    TensorMap map{};
    map.magic = TensorMap::MAGIC, map.kind = TensorMap::Kind::tiled, map.element = TensorMap::Element::f32, map.rank = 3,
    map.address = 0x70000000;
    for (unsigned k = 0; k < 5; ++k) map.dim[k] = 100 + k, map.box[k] = uint16_t(8 + k), map.element_stride[k] = 1;
    for (unsigned k = 0; k < 4; ++k) map.stride[k] = 1024 << k;
    TensorMap want = map;
    // the second of what there are several, and the value 1 where the form has a constant; ranks count from zero
    if (field == "global_address") want.address = LONG;
    if (field == "rank") want.rank = WORD + 1;
    if (field == "box_dim") want.box[1] = WORD;
    if (field == "global_dim") want.dim[1] = WORD;
    if (field == "element_stride") want.element_stride[1] = WORD;
    if (field == "global_stride") want.stride[1] = LONG;
    if (field == "elemtype") want.element = TensorMap::Element::u16;
    if (field == "interleave_layout") want.interleave = TensorMap::Interleave::b16;
    if (field == "swizzle_mode") want.swizzle = TensorMap::Swizzle::b32;
    if (field == "swizzle_atomicity") want.atom = TensorMap::Atom::b32;
    if (field == "fill_mode") want.fill = TensorMap::Fill::nan_zero_fma;
    CHECK(std::memcmp(&map, &want, sizeof map), f.instruction, ": the test knows no such field");
    std::string copy[2];  // there and back, 8 bytes at a time
    for (unsigned k = 0; k < sizeof map; k += 8) {
      const std::string at = "+" + std::to_string(k) + "]";
      copy[0] += "ld.global.b64 %q5, [%q4" + at + "; st.shared.b64 [%q1" + at + ", %q5;\n",
          copy[1] += "ld.shared.b64 %q5, [%q1" + at + "; st.global.b64 [%q4" + at + ", %q5;\n";
    }
    auto m = Module::load(".version " + f.version + "\n.target " + f.target +
                          "\n.address_size 64\n.entry k(.param .u64 map) {\n.reg .b32 %r<4>; .reg .b64 %q<8>;\n.shared .align 128 .b8 "
                          "s[128];\nld.param.u64 %q4, [map];\n" +
                          (global ? "mov.b64 %q1, %q4;\n" : "mov.u64 %q1, s;\n" + copy[0]) + "mov.b32 %r2, " + std::to_string(WORD) +
                          "; mov.b64 %q2, " + std::to_string(LONG) + ";\n" + f.instruction + ";\n" + (global ? "" : copy[1]) + "ret;\n}\n");
    Array<TensorMap> memory(std::vector<TensorMap>{map});
    run(*m, "k", {1}, {1}, params(memory.at));
    CHECK(!std::memcmp(&memory[0], &want, sizeof want), f.instruction);
  }
  CHECK(n > 20, n, " forms");
}
