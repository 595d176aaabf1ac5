// PTX ISA 9.7.5, 9.7.6, 9.7.7: comparison and selection, logic and shifts; prmt.
#include "values.h"

namespace hw::logic {
namespace {
std::string kind(const std::string& t) {
  if (t[0] == 'f' || t.substr(0, 2) == "bf") return t;
  return t == "pred" ? t : "i" + t.substr(1);
}
}  // namespace

HW_CHAPTER(logic) {
  for (const auto& t : any("b16|b32|b64")) {
    const std::string k = kind(t), ab = "d:" + k + " a:" + k + " b:" + k;
    for (const auto& op : any("and|or|xor")) lanes(chapter, op + "." + t + " $d, $a, $b;", ab);
    for (const auto& op : any("not|cnot")) lanes(chapter, op + "." + t + " $d, $a;", "d:" + k + " a:" + k);
    lanes(chapter, "shl." + t + " $d, $a, $b;", "d:" + k + " a:" + k + " b:n64");
  }
  for (const auto& t : any("b16|b32|b64|u16|u32|u64|s16|s32|s64"))
    lanes(chapter, "shr." + t + " $d, $a, $b;", "d:" + kind(t) + " a:" + kind(t) + " b:n64");
  for (const auto& op : any("and|or|xor")) lanes(chapter, op + ".pred $d, $a, $b;", "d:p a:pred b:pred", {.n = 256});
  lanes(chapter, "not.pred $d, $a;", "d:p a:pred", {.n = 256});
  for (unsigned table : {0x00u, 0x96u, 0xe8u, 0xcau, 0x80u, 0xfeu, 0x1bu, 0x3cu, 0xffu, 0x6au})
    lanes(chapter, "lop3.b32 $d, $a, $b, $c, " + std::to_string(table) + ";", "d:r a:any32 b:any32 c:any32",
          {.n = 512, .form = "lop3.b32", .name = "lop3.b32 table " + std::to_string(table)});
  for (const auto& op : any("or|and"))
    for (unsigned table : {0x96u, 0x01u, 0x80u})
      lanes(chapter, "lop3." + op + ".b32 $d|$e, $a, $b, $c, " + std::to_string(table) + ", $f;",
            "d:r e:p a:i32 b:i32 c:i32 f:pred",
            {.form = "lop3." + op + ".b32", .name = "lop3." + op + ".b32 table " + std::to_string(table)});
  for (const auto& dir : any("l|r"))
    for (const auto& m : any("clamp|wrap"))
      lanes(chapter, "shf." + dir + "." + m + ".b32 $d, $a, $b, $c;", "d:r a:any32 b:any32 c:n64");
  for (const auto& m : any("|.f4e|.b4e|.rc8|.ecl|.ecr|.rc16"))
    lanes(chapter, "prmt.b32" + m + " $d, $a, $b, $c;", "d:r a:any32 b:any32 c:any32");
}

HW_CHAPTER(compare) {
  auto relations = [](const std::string& t) {
    if (t[0] == 'f' || t.substr(0, 2) == "bf") return any("eq|ne|lt|le|gt|ge|equ|neu|ltu|leu|gtu|geu|num|nan");
    if (t[0] == 'u') return any("eq|ne|lt|le|gt|ge|lo|ls|hi|hs");
    return t[0] == 'b' ? any("eq|ne") : any("eq|ne|lt|le|gt|ge");
  };
  for (const auto& t : any("b16|b32|b64|u16|u32|u64|s16|s32|s64|f32|f64|f16|bf16"))
    for (const auto& r : relations(t)) {
      const std::string k = kind(t), ab = " a:" + k + " b:" + k;
      const bool ftz = t == "f32" || t == "f16";
      for (const auto& z : ftz ? any("|.ftz") : any("")) {
        const bool half = t == "f16" || t == "bf16";  // one predicate only
        const std::string to = half ? " $d" : " $d|$e", out = half ? "d:p" : "d:p e:p";
        lanes(chapter, "setp." + r + z + "." + t + to + ", $a, $b;", out + ab, {.n = 2048});
        if (r == "lt" || r == "eq" || r == "geu")
          for (const auto& b : any("and|or|xor"))
            lanes(chapter, "setp." + r + "." + b + z + "." + t + to + ", $a, $b, $c;", out + ab + " c:pred", {.n = 2048});
        if (t != "f16" && t != "bf16")
          for (const auto& dt : any("u32|s32|f32")) lanes(chapter, "set." + r + z + "." + dt + "." + t + " $d, $a, $b;", "d:r" + ab, {.n = 2048});
        if (r == "lt" && t != "f16" && t != "bf16")
          for (const auto& b : any("and|or|xor"))
            lanes(chapter, "set." + r + "." + b + z + ".u32." + t + " $d, $a, $b, $c;", "d:r" + ab + " c:pred", {.n = 2048});
      }
    }
  for (const auto& t : any("f16|bf16"))
    for (const auto& r : any("eq|ne|lt|le|gt|ge|equ|neu|ltu|leu|gtu|geu|num|nan"))
      for (const auto& z : t == "f16" ? any("|.ftz") : any("")) {
        lanes(chapter, "setp." + r + z + "." + t + "x2 $d|$e, $a, $b;", "d:p e:p a:" + t + "x2 b:" + t + "x2", {.n = 2048});
        lanes(chapter, "set." + r + z + "." + t + "." + t + " $d, $a, $b;", "d:h a:" + t + " b:" + t, {.n = 2048});
        lanes(chapter, "set." + r + z + "." + t + "x2." + t + "x2 $d, $a, $b;", "d:r a:" + t + "x2 b:" + t + "x2", {.n = 2048});
        for (const auto& dt : any("u16|u32|s32"))
          lanes(chapter, "set." + r + z + "." + dt + "." + t + " $d, $a, $b;", std::string(dt == "u16" ? "d:h" : "d:r") + " a:" + t + " b:" + t, {.n = 2048});
      }
  for (const auto& t : any("b16|b32|b64|u16|u32|u64|s16|s32|s64|f32|f64"))
    lanes(chapter, "selp." + t + " $d, $a, $b, $c;", "d:" + kind(t) + " a:" + kind(t) + " b:" + kind(t) + " c:pred", {.n = 512});
  for (const auto& t : any("b16|b32|b64|u16|u32|u64|s16|s32|s64|f32|f64"))
    for (const auto& s : any(".s32|.f32|.ftz.f32"))
      lanes(chapter, "slct" + (s == ".ftz.f32" ? std::string(".ftz.") + t + ".f32" : "." + t + s) + " $d, $a, $b, $c;",
            "d:" + kind(t) + " a:" + kind(t) + " b:" + kind(t) + (s == ".s32" ? " c:i32" : " c:f32"), {.n = 1024});
}

}  // namespace hw::logic
