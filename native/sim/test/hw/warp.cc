// PTX ISA 9.7.9, 9.7.13: instructions whose lanes see each other.
#include "values.h"

namespace hw {
namespace {
// Only the lanes of a mask, read from one input bit a lane, run the instruction; $m is the mask.
std::string among(const std::string& text) {
  return ".reg .b32 %m, %i, %j;\nvote.sync.ballot.b32 %m, $f, 0xffffffff;\nmov.b32 $d, 0x5a5a5a5a;\n@!$f bra skip;\n" + text +
         "\nskip:\nbar.warp.sync 0xffffffff;";
}
}  // namespace

HW_CHAPTER(warp) {
  for (const auto& mode : any("up|down|bfly|idx")) {
    const std::string op = "shfl.sync." + mode + ".b32 ";
    lanes(chapter, op + "$d|$e, $a, $b, $c, 0xffffffff;", "d:r e:p a:any32 b:n32 c:any32");
    for (const char* c : {"0x1f", "0", "0x181f", "0x1c1f", "0x1e07"})
      lanes(chapter, op + "$d|$e, $a, $b, " + c + ", 0xffffffff;", "d:r e:p a:any32 b:n32",
            {.n = 1024, .form = "shfl.sync." + mode + ".b32", .name = op + "c=" + c});
  }
  lanes(chapter, among("bfind.u32 %i, %m;\nshfl.sync.idx.b32 $d|$e, $a, %i, 31, %m;") + "\nand.pred $e, $e, $f;",
        "d:r e:p a:any32 f:pred", {.form = "shfl.sync.idx.b32", .name = "shfl.sync.idx.b32 among some"});
  for (const auto& mode : any("all|any|uni")) {
    const std::string op = "vote.sync." + mode + ".pred";
    lanes(chapter, op + " $d, $a, 0xffffffff;", "d:p a:pred");
    lanes(chapter, "shr.u32 $b, $b, 27;\nmov.u32 $c, %laneid;\nsetp.ne.u32 $a, $b, $c;\n" + op + " $d, $a, 0xffffffff;",
          "d:p a:pred b:any32 c:any32", {.form = op, .name = op + " mostly true"});
    lanes(chapter, ".reg .pred %r;\n" + among("setp.lt.s32 %r, $a, 0;\nvote.sync." + mode + ".pred %r, %r, %m;\nselp.b32 $d, 1, 0, %r;"),
          "d:r a:few32 f:pred", {.form = op, .name = op + " among some"});
  }
  lanes(chapter, "vote.sync.ballot.b32 $d, $a, 0xffffffff;", "d:r a:pred");
  lanes(chapter, ".reg .pred %r;\n" + among("setp.lt.s32 %r, $a, 0;\nvote.sync.ballot.b32 $d, %r, %m;"), "d:r a:any32 f:pred",
        {.form = "vote.sync.ballot.b32", .name = "vote.sync.ballot.b32 among some"});
  for (const auto& t : any("b32|b64")) {
    const std::string k = t == "b32" ? "few32" : "few64";
    lanes(chapter, "match.any.sync." + t + " $d, $a, 0xffffffff;", "d:r a:" + k);
    lanes(chapter, "match.all.sync." + t + " $d|$e, $a, 0xffffffff;", "d:r e:p a:" + k);
    lanes(chapter, "and.b" + t.substr(1) + " $a, $a, 0;\nmatch.all.sync." + t + " $d|$e, $a, 0xffffffff;", "d:r e:p a:" + k,
          {.n = 256, .form = "match.all.sync." + t, .name = "match.all.sync." + t + " all equal"});
    lanes(chapter, among("match.any.sync." + t + " $d, $a, %m;"), "d:r a:" + k + " f:pred",
          {.form = "match.any.sync." + t, .name = "match.any.sync." + t + " among some"});
  }
  for (const auto& op : any("add.u32|add.s32|min.u32|min.s32|max.u32|max.s32|and.b32|or.b32|xor.b32")) {
    lanes(chapter, "redux.sync." + op + " $d, $a, 0xffffffff;", "d:r a:i32");
    lanes(chapter, among("redux.sync." + op + " $d, $a, %m;"), "d:r a:any32 f:pred",
          {.form = "redux.sync." + op, .name = "redux.sync." + op + " among some"});
  }
  lanes(chapter, "activemask.b32 $d;", "d:r", {.n = 256});
  lanes(chapter, "elect.sync $d|$e, 0xffffffff;", "d:r e:p", {.n = 256});
  lanes(chapter, ".reg .pred %r;\nmov.b32 $e, 2;\n" + among("elect.sync $d|%r, %m;\nselp.b32 $e, 1, 0, %r;"), "d:r e:r f:pred",
        {.form = "elect.sync", .name = "elect.sync among some"});
  for (const auto& r : any("laneid|warpid|nwarpid|lanemask_eq|lanemask_le|lanemask_lt|lanemask_ge|lanemask_gt|tid.x|tid.y|tid.z|ntid.x|ntid.y|ctaid.x|"
                           "ctaid.y|nctaid.x|nctaid.z|total_smem_size|dynamic_smem_size|aggr_smem_size")) {
    if (r == "warpid" || r == "nwarpid" || r == "total_smem_size" || r == "aggr_smem_size") continue;  // not promised
    lanes(chapter, "mov.u32 $d, %" + r + ";", "d:r", {.n = 1024, .form = "mov.u32 %" + r});
  }
}

// Instructions that add, compare or exchange in memory; every lane has a cell of its own, so that the order does not matter.
HW_CHAPTER(atomic) {
  auto cell = [&](const std::string& space, const std::string& op, const std::string& t, const std::string& k, bool cas) {
    const std::string w = std::to_string(8 * bytes_of(k)), n = std::to_string(bytes_of(k)),
                      ld = "ld." + space + ".b" + w + " $e, [%at];", b = cas ? "$b, $c" : "$b";
    std::string at = "mad.wide.u32 %at, %t0, " + n + ", %in0;\n";
    if (space == "shared")
      at = ".shared .align 8 .b8 cells[2048];\n.reg .b32 %s;\nmov.u32 %t1, %tid.x;\nmov.u32 %s, cells;\nmad.lo.u32 %s, %t1, " + n +
           ", %s;\ncvt.u64.u32 %at, %s;\nst.shared.b" + w + " [%at], $a;\n";
    const std::string regs = " a:" + k + " b:" + k + (cas ? " c:" + k : ""), form = "." + space + "." + op + "." + t,
                      // a compare that is equal in half of the lanes
        same = cas ? "and.b32 %t1, %t0, 1;\nsetp.ne.u32 %q, %t1, 0;\nselp.b" + w + " $b, $a, $b, %q;\n" : "",
                      reg = cas ? ".reg .pred %q;\n" : "";
    const Lanes o{.n = 2048, .form = "atom" + form};
    lanes(chapter, reg + same + at + "atom" + form + " $d, [%at], " + b + ";\n" + ld, "d:" + k + " e:" + k + regs, o);
    if (!cas && op != "exch")
      lanes(chapter, at + "red" + form + " [%at], " + b + ";\n" + ld, "e:" + k + regs, {.n = 2048, .form = "red" + form});
  };
  for (const auto& s : any("global|shared")) {
    for (const auto& op : any("and|or|xor|exch"))
      for (const auto& t : any("b32|b64")) cell(s, op, t, t == "b32" ? "i32" : "i64", false);
    for (const auto& t : any("b16|b32|b64")) cell(s, "cas", t, "i" + t.substr(1), true);
    for (const auto& t : any("u32|s32|u64")) cell(s, "add", t, "i" + t.substr(1), false);
    for (const auto& op : any("inc|dec")) cell(s, op, "u32", "i32", false);
    for (const auto& op : any("min|max"))
      for (const auto& t : any("u32|s32|u64|s64")) cell(s, op, t, "i" + t.substr(1), false);
    for (const auto& t : any("f32|f64")) cell(s, "add", t, t, false);
    for (const auto& t : any("f16|bf16|f16x2|bf16x2")) cell(s, "add.noftz", t, t, false);
  }
  // vectors: two or four cells a lane
  for (const auto& v : any("v2|v4"))
    for (const auto& t : any("f32|f16|bf16|f16x2|bf16x2"))
      for (const auto& op : t == "f32" ? any("add") : any("add|min|max")) {
        const unsigned n = unsigned(v[1] - '0'), bytes = bytes_of(t);
        const std::string z = t == "f32" ? "" : ".noftz", form = ".global." + v + "." + t + "." + op + z;
        const char* reg = bytes == 2 ? ".b16" : ".b32";
        for (const bool red : {false, true}) {
          Case c;
          c.name = c.form = (red ? "red" : "atom") + form;
          const std::string nb = std::to_string(n * bytes);
          std::string regs[3], list[3];
          for (unsigned k = 0; k < 3; ++k)
            for (unsigned i = 0; i < n; ++i) {
              const std::string r = "%" + std::string(1, "old"[k]) + std::to_string(i);
              regs[k] += (i ? ", " : "") + r;
            }
          for (auto k : {0, 1, 2}) list[k] = "{" + regs[k] + "}";
          c.body = ".reg .b32 %t0, %t1;\n.reg .b64 %a0, %a1, %a2;\nmov.u32 %t0, %tid.x;\nmov.u32 %t1, %ctaid.x;\nmad.lo.u32 %t0, %t1, 256, %t0;\n";
          c.body += std::string(".reg ") + reg + " " + regs[0] + ", " + regs[1] + ", " + regs[2] + ";\n";
          c.body += "mad.wide.u32 %a0, %t0, " + nb + ", %in0;\nmad.wide.u32 %a1, %t0, " + nb + ", %in1;\nmad.wide.u32 %a2, %t0, " +
                    std::to_string(2 * n * bytes) + ", %out;\n";
          c.body += "ld.global." + v + reg + " " + list[1] + ", [%a1];\n";
          if (red)
            c.body += c.form + " [%a0], " + list[1] + ";\nld.global." + v + reg + " " + list[0] + ", [%a1];\n";
          else
            c.body += c.form + " " + list[0] + ", [%a0], " + list[1] + ";\n";
          c.body += "ld.global." + v + reg + " " + list[2] + ", [%a0];\nst.global." + v + reg + " [%a2], " + list[0] + ";\nst.global." + v +
                    reg + " [%a2+" + nb + "], " + list[2] + ";";
          c.n_inputs = 2, c.grid = 8, c.out_stride = 2 * n * bytes, c.out_bytes = 2048 * c.out_stride;
          c.inputs = [t, n, seed = seed_of(form)] {
            std::vector<Input> in;
            for (unsigned k = 0; k < 2; ++k) {
              in.push_back(lanes_of(t, word(seed, k), 2048 * n, k, 2));
              in.back().stride *= n;
            }
            return in;
          };
          chapter.add(c);
        }
      }
  // one cell for all lanes: the total
  for (const auto& op : any("add.u32|min.s32|max.u32|and.b32|or.b32|xor.b32")) {
    Case c;
    c.form = "red.global." + op, c.name = c.form + " on one cell";
    c.body = ".reg .b32 %t, %v;\n.reg .b64 %at;\nmov.u32 %t, %tid.x;\nmad.wide.u32 %at, %t, 4, %in0;\nld.global.b32 %v, [%at];\nred.global." +
             op + " [%out], %v;";
    c.n_inputs = 1, c.out_bytes = 4;
    c.inputs = [] { return std::vector<Input>{lanes_of("any32", 77, 256, 0, 1)}; };
    chapter.add(c);
  }
}

// What `atomic` leaves out: 128 bits, eight cells a lane, the shared memory of a cluster.
HW_CHAPTER(atomic_more) {
  for (const auto& space : any("global|shared"))
    for (const auto& op : any("exch|cas")) {
      const std::string form = "atom." + space + "." + op + ".b128";
      std::string at = "mad.wide.u32 %at, %t0, 16, %in2;\n";
      if (space == "shared")
        at = ".shared .align 16 .b8 cells[4096];\nmov.u32 %t1, %tid.x;\nmov.u64 %at, cells;\nmad.wide.u32 %at, %t1, 16, %at;\nst.shared.b64 [%at], $a;\nst.shared.b64 [%at+8], $b;\n";
      // the comparison is equal in half of the lanes
      const std::string compare = "ld." + space + ".b128 %x, [%at];\nmov.b128 {%y0, %y1}, %x;\nand.b32 %t1, %t0, 1;\nsetp.ne.u32 %q, %t1, 0;\n@%q add.u64 %y1, %y1, 1;\nmov.b128 %x, {%y0, %y1};\n";
      lanes(chapter, ".reg .b128 %x, %z, %old;\n.reg .b64 %y<2>;\n.reg .pred %q;\n" + at + compare + "mov.b128 %z, {$b, $a};\n" + form + " %old, [%at], " + (op == "cas" ? "%x, %z" : "%z") +
                         ";\nmov.b128 {$d, %y0}, %old;\nld." + space + ".b64 %y1, [%at+8];\nadd.u64 $e, %y0, %y1;",
            "d:q e:q a:i64 b:i64 c:i64", {.n = 256, .form = form, .raw_lanes = 32, .hash_lanes = 32, .inputs = [seed = seed_of(form)] {
              std::vector<Input> in = {lanes_of("i64", word(seed, 0), 256, 0, 2), lanes_of("i64", word(seed, 1), 256, 1, 2), lanes_of("any64", word(seed, 2), 512, 0, 1)};
              in[2].stride = 16;
              return in;
            }});
    }
  for (const auto& t : any("f16|bf16"))
    for (const auto& op : any("add|min|max"))
      for (const bool red : {false, true}) {
        const std::string form = (red ? "red.global.v8." : "atom.global.v8.") + t + "." + op + ".noftz";
        std::string regs = ".reg .b16 %v<8>, %w<8>;\n.reg .b32 %x<4>;\n", v = "{", w = "{", load = "", sum = "mov.b64 $d, 0;\n.reg .b64 %y;\n";
        for (unsigned k = 0; k < 8; ++k) {
          v += (k ? ", %v" : "%v") + std::to_string(k), w += (k ? ", %w" : "%w") + std::to_string(k);
          load += "ld.global.b16 %v" + std::to_string(k) + ", [%at+" + std::to_string(2 * k) + "];\n";
          sum += "cvt.u64.u16 %y, %w" + std::to_string(k) + ";\nmad.lo.u64 $d, $d, 31, %y;\n";
        }
        std::string again = "mov.b64 $e, 0;\n";
        for (unsigned k = 0; k < 8; ++k) again += "ld.global.b16 %v0, [%at+" + std::to_string(2 * k) + "];\ncvt.u64.u16 %y, %v0;\nmad.lo.u64 $e, $e, 31, %y;\n";
        std::string none;
        for (unsigned k = 0; k < 8; ++k) none += "mov.b16 %w" + std::to_string(k) + ", 0;\n";
        lanes(chapter, regs + "mad.wide.u32 %at, %t0, 16, %in1;\n" + load + "mad.wide.u32 %at, %t0, 16, %in0;\n" + none + (red ? form + " [%at], " + v + "}" : form + " " + w + "}, [%at], " + v + "}") + ";\n" + sum + again,
              "d:q e:q a:i64 b:i64", {.n = 256, .form = form, .raw_lanes = 32, .hash_lanes = 32, .inputs = [t, seed = seed_of(form)] {
                std::vector<Input> in;
                for (unsigned k = 0; k < 2; ++k) in.push_back(lanes_of(t, word(seed, k), 256 * 8, k, 2)), in.back().stride = 16;
                return in;
              }});
      }
}

}  // namespace hw
