// PTX ISA 9.7.20: video instructions on words, halves and bytes.
#include "values.h"

namespace hw {
namespace {

// Three operands and a destination, of which a form without c uses two.
void video(Chapter& chapter, const std::string& op, const std::string& operands) {
  lanes(chapter, op + " " + operands + ";", std::string("d:r a:i32 b:i32") + (operands.find("$c") == std::string::npos ? "" : " c:i32"),
        {.n = 1024, .raw_lanes = 32, .hash_lanes = 128});
}
const std::string ABC = "$d, $a, $b, $c";
const std::vector<std::string> SIGNS = split("u32 s32");

template <class F>
void each_type(F f) {
  for (const auto& d : SIGNS)
    for (const auto& a : SIGNS)
      for (const auto& b : SIGNS) f("." + d + "." + a + "." + b);
}

}  // namespace

HW_CHAPTER(video) {
  for (const auto& op : any("vadd|vsub|vabsdiff|vmin|vmax")) {
    each_type([&](const std::string& types) {
      for (const auto& sat : any("|.sat")) {
        video(chapter, op + types + sat, "$d, $a, $b");
        for (const auto& second : any(".add|.min|.max")) video(chapter, op + types + sat + second, ABC);
        video(chapter, op + types + sat, "$d.h1, $a, $b, $c");
        video(chapter, op + types + sat, "$d.b2, $a.h0, $b.b1, $c");
      }
    });
    for (const auto& part : any(".b0|.b1|.b2|.b3|.h0|.h1")) {
      video(chapter, op + ".s32.s32.u32", "$d, $a" + part + ", $b");
      video(chapter, op + ".u32.u32.s32", "$d, $a, $b" + part);
      if (part != ".h1") video(chapter, op + ".s32.s32.s32", "$d" + part + ", $a, $b, $c");
    }
  }
  for (const auto& op : any("vshl|vshr"))
    for (const auto& d : SIGNS)
      for (const auto& a : SIGNS)
        for (const auto& sat : any("|.sat"))
          for (const auto& mode : any(".clamp|.wrap")) {
            const std::string form = op + "." + d + "." + a + ".u32" + sat + mode;
            lanes(chapter, form + " $d, $a, $b;", "d:r a:i32 b:n32", {.n = 1024, .raw_lanes = 32, .hash_lanes = 128});
            lanes(chapter, form + " $d, $a.h1, $b.b0;", "d:r a:i32 b:n32", {.n = 1024, .raw_lanes = 32, .hash_lanes = 128});
            lanes(chapter, form + ".add $d, $a, $b, $c;", "d:r a:i32 b:n32 c:i32", {.n = 1024, .raw_lanes = 32, .hash_lanes = 128});
          }
  for (const auto& d : SIGNS)
    for (const auto& a : SIGNS)
      for (const auto& b : SIGNS) {
        const std::string types = "vmad." + d + "." + a + "." + b;
        for (const auto& sat : any("|.sat"))
          for (const auto& scale : any("|.shr7|.shr15")) {
            video(chapter, types + sat + scale, ABC);
            video(chapter, types + ".po" + sat + scale, ABC);
            if (d == "u32") continue;
            for (const auto& minus : any("$d, -$a, $b, $c|$d, $a, -$b, $c|$d, $a, $b, -$c")) video(chapter, types + sat + scale, minus);
          }
        video(chapter, types, "$d, $a.h1, $b.b2, $c");
      }
  for (const auto& a : SIGNS)
    for (const auto& b : SIGNS)
      for (const auto& compare : any("eq|ne|lt|le|gt|ge")) {
        const std::string form = "vset." + a + "." + b + "." + compare;
        video(chapter, form, "$d, $a, $b");
        video(chapter, form, "$d, $a.b1, $b.h0");
        video(chapter, form, "$d.h1, $a, $b, $c");
        for (const auto& second : any(".add|.min|.max")) video(chapter, form + second, ABC);
      }
}

HW_CHAPTER(video_simd) {
  for (const auto& n : any("2|4")) {
    const std::vector<std::string> parts = n == "2" ? any("$d, $a.h01, $b.h21, $c|$d.h1, $a, $b, $c|$d.h0, $a.h33, $b.h00, $c")
                                                    : any("$d, $a.b0123, $b.b7531, $c|$d.b2, $a, $b, $c|$d.b310, $a.b4040, $b.b3217, $c");
    for (const auto& op : any("vadd|vsub|vavrg|vabsdiff|vmin|vmax")) {
      each_type([&](const std::string& types) {
        for (const auto& after : any("|.sat|.add")) video(chapter, op + n + types + after, ABC);
      });
      for (const auto& operands : parts)
        for (const auto& after : any("|.sat|.add")) video(chapter, op + n + ".s32.s32.u32" + after, operands);
    }
    for (const auto& a : SIGNS)
      for (const auto& b : SIGNS)
        for (const auto& compare : any("eq|ne|lt|le|gt|ge"))
          for (const auto& after : any("|.add")) video(chapter, "vset" + n + "." + a + "." + b + "." + compare + after, ABC);
    for (const auto& operands : parts)
      for (const auto& after : any("|.add")) video(chapter, "vset" + n + ".s32.s32.lt" + after, operands);
  }
}

}  // namespace hw
