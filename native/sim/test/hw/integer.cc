// PTX ISA 9.7.1, 9.7.2: integer arithmetic, extended precision, bits.
#include "values.h"

namespace hw::integer {
namespace {
std::string kind(const std::string& t) { return t.find("16x2") != std::string::npos ? "i16x2" : "i" + t.substr(1); }
std::string wide(const std::string& t) { return "i" + std::to_string(2 * std::stoi(t.substr(1))); }
}  // namespace

HW_CHAPTER(integer) {
  for (const auto& t : any("u16|u32|u64|s16|s32|s64")) {
    const std::string k = kind(t), ab = "d:" + k + " a:" + k + " b:" + k, abc = ab + " c:" + k;
    for (const auto& op : any("add|sub|mul.lo|mul.hi|min|max|div|rem"))
      lanes(chapter, op + "." + t + " $d, $a, $b;", ab,  // x/0 and x%0 are unspecified, and every GPU answers something
            {.inputs = {}});
    for (const auto& op : any("mad.lo|mad.hi")) lanes(chapter, op + "." + t + " $d, $a, $b, $c;", abc);
    lanes(chapter, "sad." + t + " $d, $a, $b, $c;", abc);
    if (t[0] == 's')
      for (const auto& op : any("abs|neg")) lanes(chapter, op + "." + t + " $d, $a;", "d:" + k + " a:" + k);
    if (t != "u64" && t != "s64") {
      const std::string w = wide(t);
      lanes(chapter, "mul.wide." + t + " $d, $a, $b;", "d:" + w + " a:" + k + " b:" + k);
      lanes(chapter, "mad.wide." + t + " $d, $a, $b, $c;", "d:" + w + " a:" + k + " b:" + k + " c:" + w);
    }
  }
  for (const auto& op : any("add.sat|sub.sat")) lanes(chapter, op + ".s32 $d, $a, $b;", "d:i32 a:i32 b:i32");
  lanes(chapter, "mad.hi.sat.s32 $d, $a, $b, $c;", "d:i32 a:i32 b:i32 c:i32");
  for (const auto& t : any("u32|s32"))
    for (const auto& half : any("hi|lo")) {
      lanes(chapter, "mul24." + half + "." + t + " $d, $a, $b;", "d:i32 a:i32 b:i32");
      lanes(chapter, "mad24." + half + "." + t + " $d, $a, $b, $c;", "d:i32 a:i32 b:i32 c:i32");
    }
  lanes(chapter, "mad24.hi.sat.s32 $d, $a, $b, $c;", "d:i32 a:i32 b:i32 c:i32");
  for (const auto& t : any("u16x2|s16x2"))
    for (const auto& op : any("add|min|max")) lanes(chapter, op + "." + t + " $d, $a, $b;", "d:r a:i16x2 b:i16x2");
  for (const auto& op : any("min.relu|max.relu")) {
    lanes(chapter, op + ".s16x2 $d, $a, $b;", "d:r a:i16x2 b:i16x2");
    lanes(chapter, op + ".s32 $d, $a, $b;", "d:r a:i32 b:i32");
  }
}

HW_CHAPTER(integer_bits) {
  for (const auto& t : any("b32|b64")) {
    const std::string k = kind(t);
    lanes(chapter, "popc." + t + " $d, $a;", "d:r a:" + k);
    lanes(chapter, "clz." + t + " $d, $a;", "d:r a:" + k);
    lanes(chapter, "brev." + t + " $d, $a;", "d:" + k + " a:" + k);
    lanes(chapter, "bfi." + t + " $d, $a, $b, $c, $f;", "d:" + k + " a:" + k + " b:" + k + " c:n64 f:n64");
  }
  for (const auto& t : any("u32|s32|u64|s64")) {
    const std::string k = kind(t);
    lanes(chapter, "bfind." + t + " $d, $a;", "d:r a:" + k);
    lanes(chapter, "bfind.shiftamt." + t + " $d, $a;", "d:r a:" + k);
    lanes(chapter, "bfe." + t + " $d, $a, $b, $c;", "d:" + k + " a:" + k + " b:n64 c:n64");
  }
  lanes(chapter, "fns.b32 $d, $a, $b, $c;", "d:r a:any32 b:n32 c:i32", {.inputs = [] {
          std::vector<Input> in(3, Input{Bytes(4096 * 4), 4});
          for (size_t k = 0; k < 4096; ++k) {
            store(in[0].bytes, k * 4, value("i32", 1, k), 4), store(in[1].bytes, k * 4, word(2, k) % 32, 4);
            store(in[2].bytes, k * 4, uint64_t(int64_t(word(3, k) % 41) - 20) & 0xffffffff, 4);
          }
          return in;
        }});
  for (const auto& m : any("wrap|clamp")) {
    lanes(chapter, "bmsk." + m + ".b32 $d, $a, $b;", "d:r a:n32 b:n32");
    for (const auto& t : any("u32|s32")) lanes(chapter, "szext." + m + "." + t + " $d, $a, $b;", "d:r a:i32 b:n32");
  }
  for (const auto& ta : any("u32|s32"))
    for (const auto& tb : any("u32|s32")) {
      lanes(chapter, "dp4a." + ta + "." + tb + " $d, $a, $b, $c;", "d:r a:any32 b:any32 c:i32");
      for (const auto& half : any("lo|hi"))
        lanes(chapter, "dp2a." + half + "." + ta + "." + tb + " $d, $a, $b, $c;", "d:r a:any32 b:any32 c:i32");
    }
}

// The carry leaves through an addc of zeros behind the instruction.
HW_CHAPTER(carry) {
  for (const auto& t : any("u32|s32|b32|u64|s64|b64")) {
    const std::string k = kind(t), w = t.substr(1), out = "addc.u" + w + " $e, 0, 0;";
    for (const auto& op : any("add|sub")) {
      const std::string carry = op == "sub" ? "subc.u" + w + " $e, 0, 0;" : out;
      if (t[0] != 'b') {
        lanes(chapter, op + ".cc." + t + " $d, $a, $b;\n" + carry, "d:" + k + " e:" + k + " a:" + k + " b:" + k);
        lanes(chapter, op + ".cc." + t + " $d, $c, $c;\n" + op + "c.cc." + t + " $d, $a, $b;\n" + carry,
              "d:" + k + " e:" + k + " a:" + k + " b:" + k + " c:" + k, {.form = op + "c.cc." + t});
        lanes(chapter, op + ".cc." + t + " $d, $c, $f;\n" + op + "c." + t + " $d, $a, $b;",
              "d:" + k + " a:" + k + " b:" + k + " c:" + k + " f:" + k, {.form = op + "c." + t});
      }
    }
    if (t[0] == 'b') continue;
    for (const auto& half : any("lo|hi")) {
      const std::string abc = "d:" + k + " e:" + k + " a:" + k + " b:" + k + " c:" + k;
      lanes(chapter, "mad." + half + ".cc." + t + " $d, $a, $b, $c;\n" + out, abc);
      lanes(chapter, "add.cc." + t + " $d, $f, $f;\nmadc." + half + ".cc." + t + " $d, $a, $b, $c;\n" + out, abc + " f:" + k,
            {.form = "madc." + half + ".cc." + t});
      lanes(chapter, "add.cc." + t + " $d, $f, $f;\nmadc." + half + "." + t + " $d, $a, $b, $c;",
            "d:" + k + " a:" + k + " b:" + k + " c:" + k + " f:" + k, {.form = "madc." + half + "." + t});
    }
  }
}

}  // namespace hw::integer
