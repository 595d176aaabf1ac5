// Kernels of tcgen05 tests: warp 0 allocates all of tensor memory, the body runs, warp 0 frees it.
//   %tid32 thread; %t address of column 0; %rd1, %rd2 two pointers of the caller; %rd3 to %rd5, %p, %q for the body
#pragma once
#include <string>

namespace sim::testing {

inline std::string tcgen05_module(const std::string& kernel) {
  return ".version 9.0\n.target sm_100a\n.address_size 64\n" + kernel;
}

// {%x0, %x1, ...}
inline std::string registers(const std::string& prefix, unsigned n) {
  std::string s = "{";
  for (unsigned i = 0; i < n; ++i) s += (i ? ", " : "") + prefix + std::to_string(i);
  return s + "}";
}

inline std::string tcgen05_kernel(const std::string& body) {
  return tcgen05_module(
      ".entry k(.param .u64 first, .param .u64 second) {\n.shared .align 16 .b8 place[16];\n"
      ".reg .b32 %tid32, %t, %warp; .reg .b64 %rd<6>; .reg .pred %p, %q, %own;\n"
      "ld.param.u64 %rd1, [first]; ld.param.u64 %rd2, [second]; mov.u32 %tid32, %tid.x; shr.u32 %warp, %tid32, 5;\n"
      "setp.eq.u32 %own, %warp, 0;\n"
      "@%own tcgen05.alloc.cta_group::1.sync.aligned.shared::cta.b32 [place], 512;\n"
      "bar.sync 0; ld.shared.u32 %t, [place];\n" +
      body +
      "\nbar.sync 0;\n@%own tcgen05.dealloc.cta_group::1.sync.aligned.b32 %t, 512;\n"
      "@%own tcgen05.relinquish_alloc_permit.cta_group::1.sync.aligned;\nret;\n}\n");
}

}  // namespace sim::testing
