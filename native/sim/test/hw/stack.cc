// PTX ISA 9.7.18: alloca, stacksave, stackrestore. Addresses are the machine's own; that they are aligned, apart, and the
// same again after a stackrestore is not.
#include "block.h"

namespace hw {

HW_CHAPTER(stack) {
  for (unsigned align : {8u, 16u, 64u})
    for (unsigned bytes : {16u, 48u, 200u}) {
      Case c;
      c.form = "alloca.u64", c.name = "alloca of " + str(bytes) + " bytes aligned to " + str(align),
      c.also = {"stacksave.u64", "stackrestore.u64"};
      c.body = ".reg .b64 %save, %a, %b, %c, %at, %x<4>;\n.reg .b32 %t, %v, %w, %sum;\n.reg .pred %p, %q;\nmov.u32 %t, %tid.x;\n";
      c.body += "stacksave.u64 %save;\nalloca.u64 %a, " + str(bytes) + ", " + str(align) + ";\nalloca.u64 %b, " + str(bytes) + ", " +
                str(align) + ";\n";
      c.body += "st.local.u32 [%a], %t;\nadd.u32 %v, %t, 1000;\nst.local.u32 [%a+" + str(bytes - 4) +
                "], %v;\nadd.u32 %v, %t, 2000;\nst.local.u32 [%b], %v;\n";
      c.body +=
          "add.u32 %v, %t, 3000;\nst.local.u32 [%b+" + str(bytes - 4) + "], %v;\nmul.wide.u32 %at, %t, 32;\nadd.u64 %at, %at, %out;\n";
      unsigned to = 0;
      for (const char* base : {"%a", "%b"})
        for (unsigned at : {0u, bytes - 4}) {
          c.body += "ld.local.u32 %w, [" + std::string(base) + "+" + str(at) + "];\nst.global.u32 [%at+" + str(to) + "], %w;\n", to += 4;
        }
      c.body += "or.b64 %x0, %a, %b;\nand.b64 %x0, %x0, " + str(align - 1) + ";\nst.global.u32 [%at+16], %x0;\n";
      c.body += "stackrestore.u64 %save;\nalloca.u64 %c, " + str(bytes) + ", " + str(align) +
                ";\nsetp.eq.u64 %p, %a, %c;\nselp.u32 %w, 1, 0, %p;\nst.global.u32 [%at+20], %w;\n";
      c.body += "sub.s64 %x1, %a, %b;\nabs.s64 %x1, %x1;\nsetp.ge.u64 %q, %x1, " + str(bytes) +
                ";\nselp.u32 %w, 1, 0, %q;\nst.global.u32 [%at+24], %w;\n";
      c.block = 64, c.out_bytes = 64 * 32, c.out_stride = 32, c.raw_lanes = 64;
      chapter.add(c);
    }
}

}  // namespace hw
