// PTX ISA 9.7.9: ld and st of every type into and from registers of every width, vectors, and the spaces.
#include "values.h"

namespace hw::memory {
namespace {

unsigned bits_of(const std::string& t) { return unsigned(std::stoi(t.substr(1))); }
const std::vector<std::string> SPACES = split("global shared local");

// A cell of 16 bytes a lane at [%cell], which holds a and b. The space is .global, .shared or .local.
std::string cell(const std::string& space) {
  if (space == "global") return ".reg .b64 %cell;\nmad.wide.u32 %cell, %t0, 16, %in2;\n";
  const std::string at = space == "shared" ? ".shared .align 16 .b8 cells[4096];\n.reg .b64 %cell;\nmov.u32 %t1, %tid.x;\nmov.u64 %cell, "
                                             "cells;\nmad.wide.u32 %cell, %t1, 16, %cell;\n"
                                           : ".local .align 16 .b8 cell[16];\n.reg .b64 %cell;\nmov.u64 %cell, cell;\n";
  return at + "st." + space + ".b64 [%cell], $a;\nst." + space + ".b64 [%cell+8], $b;\n";
}
void add(Chapter& chapter, const std::string& form, const std::string& name, const std::string& text, const std::string& d, bool global) {
  Lanes o{.n = 256, .form = form, .name = name, .raw_lanes = 32, .hash_lanes = 32};
  // cells in global memory are the third input, two words a lane
  if (global)
    o.inputs = [seed = seed_of(form)] {
      std::vector<Input> in = {lanes_of("i64", word(seed, 0), 256, 0, 2), lanes_of("i64", word(seed, 1), 256, 1, 2),
                               lanes_of("any64", word(seed, 2), 512, 0, 1)};
      in[2].stride = 16;
      return in;
    };
  lanes(chapter, text, "d:" + d + " a:i64 b:i64" + (global ? " c:i64" : ""), o);
}
// One word of what the registers r0.. hold.
std::string mix(const std::string& type, const std::string& reg, unsigned n) {
  std::string s = ".reg ." + type + " %mix;\nmov." + type + " %mix, 0;\n";
  for (unsigned k = 0; k < n; ++k) s += "mad.lo.u" + type.substr(1) + " %mix, %mix, 31, %" + reg + std::to_string(k) + ";\n";
  return s + "mov." + type + " $d, %mix;";
}
std::string list(const std::string& reg, unsigned n) {
  std::string s;
  for (unsigned k = 0; k < n; ++k) s += (k ? ", %" : "{%") + reg + std::to_string(k);
  return s + "}";
}

}  // namespace

HW_CHAPTER(memory) {
  for (const auto& space : SPACES) {
    const bool global = space == "global";
    const std::string ld = "ld." + space + ".", st = "st." + space + ".";
    for (const auto& t : any("b8|u8|s8|b16|u16|s16|b32|u32|s32|f32|b64|u64|s64|f64")) {
      for (unsigned bits : {16u, 32u, 64u}) {
        if (bits < bits_of(t) || (t[0] == 'f' && bits != bits_of(t))) continue;
        const std::string d = bits == 16 ? "h" : bits == 32 ? "r" : "q", to = " into " + std::to_string(bits) + " bits";
        add(chapter, ld + t, ld + t + to,
            cell(space) + ld + t + " $d, [%cell+" + std::to_string(bits_of(t) == 8 ? 3 : bits_of(t) / 8) + "];", d, global);
      }
      // a store leaves the bytes beside it alone; of an f32 the register is one
      const std::string reg = bits_of(t) == 64 ? "$b" : "%low",
                        low = ".reg ." + std::string(t == "f32" ? "f32" : "b32") + " %low;\n" +
                              (t == "f32" ? "cvt.u32.u64 %t1, $b;\nmov.b32 %low, %t1;\n" : "cvt.u32.u64 %low, $b;\n");
      add(chapter, st + t, st + t,
          cell(space) + (bits_of(t) == 64 ? "" : low) + st + t + " [%cell+" +
              std::to_string(bits_of(t) == 8    ? 5
                             : bits_of(t) == 64 ? 8
                                                : bits_of(t) / 8) +
              "], " + reg + ";\n.reg .b64 %x0, %x1;\n" + ld + "b64 %x0, [%cell];\n" + ld + "b64 %x1, [%cell+8];\n" + mix("b64", "x", 2),
          "q", global);
      for (unsigned n : {2u, 4u}) {
        if (n * bits_of(t) > 128) continue;
        const std::string v = ".v" + std::to_string(n), word = bits_of(t) == 64 ? "b64" : "b32",
                          regs = ".reg ." +
                                 (t == "f32"   ? "f32"
                                  : t == "f64" ? "f64"
                                               : word) +
                                 " %y<" + std::to_string(n) + ">;\n";
        std::string as_bits = ".reg ." + word + " %x<" + std::to_string(n) + ">;\n";
        for (unsigned k = 0; k < n; ++k) as_bits += "mov." + word + " %x" + std::to_string(k) + ", %y" + std::to_string(k) + ";\n";
        const std::string form = "ld." + space + v + "." + t;
        add(chapter, form, form, cell(space) + regs + form + " " + list("y", n) + ", [%cell];\n" + as_bits + mix(word, "x", n),
            word == "b64" ? "q" : "r", global);
      }
    }
    add(chapter, ld + "b128", ld + "b128",
        cell(space) + ".reg .b128 %w;\n.reg .b64 %x0, %x1;\n" + ld + "b128 %w, [%cell];\nmov.b128 {%x0, %x1}, %w;\n" + mix("b64", "x", 2),
        "q", global);
    add(chapter, st + "b128", st + "b128",
        cell(space) + ".reg .b128 %w;\n.reg .b64 %x0, %x1;\nmov.b128 %w, {$b, $a};\n" + st + "b128 [%cell], %w;\n" + ld +
            "b64 %x0, [%cell];\n" + ld + "b64 %x1, [%cell+8];\n" + mix("b64", "x", 2),
        "q", global);
  }
  // generic addresses of the three, and what they are
  for (const auto& space : SPACES) {
    const std::string generic = cell(space) + "cvta." + space + ".u64 %cell, %cell;\n", form = "cvta." + space + ".u64";
    add(chapter, form, form, generic + "ld.b64 $d, [%cell+8];", "q", space == "global");
    for (const auto& asked : any("global|shared|local|const|shared::cta|shared::cluster|param"))
      add(chapter, "isspacep." + asked, "isspacep." + asked + " of " + space,
          generic + ".reg .pred %is;\nisspacep." + asked + " %is, %cell;\nselp.b64 $d, 1, 0, %is;", "q", space == "global");
  }
  for (const auto& t : any("u16|s16|u8|s8|u4|s4|u2|s2"))
    lanes(chapter, "cvt.pack.sat." + t + ".s32" + (bits_of(t) < 16 ? ".b32 $d, $a, $b, $c;" : " $d, $a, $b;"),
          std::string("d:r a:i32 b:i32") + (bits_of(t) < 16 ? " c:i32" : ""), {.n = 1024, .raw_lanes = 64});
}

// What `compare` leaves out.
HW_CHAPTER(compare_more) {
  const auto relations = any("eq|ne|lt|le|gt|ge|equ|neu|ltu|leu|gtu|geu|num|nan");
  const Lanes few{.n = 1024, .raw_lanes = 32, .hash_lanes = 128};
  for (const auto& t : any("f16|bf16"))
    for (const auto& r : relations)
      for (const auto& z : t == "f16" ? any("|.ftz") : any("")) {
        lanes(chapter, "set." + r + z + ".s16." + t + " $d, $a, $b;", "d:h a:" + t + " b:" + t, few);
        for (const auto& dt : any("u32|s32"))
          lanes(chapter, "set." + r + z + "." + dt + "." + t + "x2 $d, $a, $b;", "d:r a:" + t + "x2 b:" + t + "x2", few);
      }
  for (const auto& r : any("eq|gtu|lt"))
    for (const auto& b : any("and|or|xor")) {
      lanes(chapter, "set." + r + "." + b + ".f16x2.f16x2 $d, $a, $b, $c;", "d:r a:f16x2 b:f16x2 c:pred", few);
      lanes(chapter, "setp." + r + "." + b + ".f16x2 $d|$e, $a, $b, $c;", "d:p e:p a:f16x2 b:f16x2 c:pred", few);
      for (const auto& t : any("f16|bf16"))
        lanes(chapter, "setp." + r + "." + b + "." + t + " $d, $a, $b, $c;", "d:p a:" + t + " b:" + t + " c:pred", few);
    }
  for (const auto& r : any("eq|ne"))
    for (const auto& b : any("and|or|xor"))
      for (const auto& d : any("u32|s32|f32"))
        for (const auto& t : any("b32|u32|s32|f32")) {
          const std::string k = t == "f32" ? t : "i32";
          lanes(chapter, "set." + r + "." + b + "." + d + "." + t + " $d, $a, $b, $c;", "d:r a:" + k + " b:" + k + " c:pred", few);
        }
  for (const auto& r : any("ne|le|gt|ge"))
    for (const auto& b : any("and|or|xor"))
      for (const auto& t : any("u32|s32|f32"))
        lanes(chapter, "setp." + r + "." + b + "." + t + " $d|$e, $a, $b, !$c;",
              std::string("d:p e:p a:") + (t == "f32" ? t : "i32") + " b:" + (t == "f32" ? t : "i32") + " c:pred", few);
}

}  // namespace hw::memory
