// PTX ISA 9.7.3, 9.7.4: floating point with results that IEEE 754 fixes.
#include "values.h"

namespace hw {

HW_CHAPTER(float_) {
  for (const auto& z : any("|.ftz")) {
    for (const auto& m : any("rn|rz|rm|rp")) {
      for (const auto& s : any("|.sat")) {
        for (const auto& op : any("add|sub|mul"))
          lanes(chapter, op + "." + m + z + s + ".f32 $d, $a, $b;", "d:r a:f32 b:f32");
        for (const auto& op : any("fma|mad"))
          lanes(chapter, op + "." + m + z + s + ".f32 $d, $a, $b, $c;", "d:r a:f32 b:f32 c:f32", {.n = 16384, .hash_lanes = 256});
      }
      lanes(chapter, "div." + m + z + ".f32 $d, $a, $b;", "d:r a:f32 b:f32", {.n = 8192});
      for (const auto& op : any("rcp|sqrt")) lanes(chapter, op + "." + m + z + ".f32 $d, $a;", "d:r a:f32", {.n = 8192});
    }
    for (const auto& op : any("add|sub|mul")) {
      if (op == "mul") lanes(chapter, op + z + ".f32 $d, $a, $b;", "d:r a:f32 b:f32");
    }
    for (const auto& op : any("min|max"))
      for (const auto& nan : any("|.NaN"))
        for (const auto& x : any("|.xorsign.abs"))
          lanes(chapter, op + z + nan + x + ".f32 $d, $a, $b;", "d:r a:f32 b:f32");
    for (const auto& op : any("abs|neg")) lanes(chapter, op + z + ".f32 $d, $a;", "d:r a:f32");
  }
  for (const auto& m : any("rn|rz|rm|rp")) {
    for (const auto& op : any("add|sub|mul|div")) lanes(chapter, op + "." + m + ".f64 $d, $a, $b;", "d:q a:f64 b:f64");
    for (const auto& op : any("fma|mad")) lanes(chapter, op + "." + m + ".f64 $d, $a, $b, $c;", "d:q a:f64 b:f64 c:f64");
    for (const auto& op : any("rcp|sqrt")) lanes(chapter, op + "." + m + ".f64 $d, $a;", "d:q a:f64");
  }
  for (const auto& op : any("min|max")) lanes(chapter, op + ".f64 $d, $a, $b;", "d:q a:f64 b:f64");
  for (const auto& op : any("abs|neg")) lanes(chapter, op + ".f64 $d, $a;", "d:q a:f64");
  for (const auto& t : any("f32|f64")) {
    lanes(chapter, "copysign." + t + " $d, $a, $b;", "d:" + t + " a:" + t + " b:" + t);
    for (const auto& p : any("finite|infinite|number|notanumber|normal|subnormal"))
      lanes(chapter, "testp." + p + "." + t + " $d, $a;", "d:p a:" + t);
  }
}

HW_CHAPTER(half) {
  for (const auto& t : any("f16|bf16"))
    for (const auto& x : any("|x2")) {
      const std::string k = t + x, ab = "d:" + k + " a:" + k + " b:" + k, abc = ab + " c:" + k;
      for (const auto& op : any("add|sub|mul"))
        for (const auto& m : any("|.rn"))
          for (const auto& z : t == "f16" ? any("|.ftz|.sat|.ftz.sat") : any(""))
            lanes(chapter, op + m + z + "." + k + " $d, $a, $b;", ab);
      for (const auto& z : t == "f16" ? any("|.ftz|.sat|.ftz.sat|.relu|.ftz.relu") : any("|.relu"))
        lanes(chapter, "fma.rn" + z + "." + k + " $d, $a, $b, $c;", abc, {.n = 16384, .hash_lanes = 256});
      for (const auto& z : any("|.relu")) lanes(chapter, "fma.rn.oob" + z + "." + k + " $d, $a, $b, $c;", abc);
      for (const auto& op : any("min|max"))
        for (const auto& z : t == "f16" ? any("|.ftz") : any(""))
          for (const auto& nan : any("|.NaN"))
            for (const auto& xs : any("|.xorsign.abs")) lanes(chapter, op + z + nan + xs + "." + k + " $d, $a, $b;", ab);
      for (const auto& op : any("abs|neg"))
        for (const auto& z : t == "f16" ? any("|.ftz") : any("")) lanes(chapter, op + z + "." + k + " $d, $a;", "d:" + k + " a:" + k);
    }
}

}  // namespace hw
