// PTX of kernels that a whole CTA runs: shared memory filled and dumped, mbarriers waited for.
#pragma once
#include "values.h"

namespace hw {

inline std::string str(uint64_t v) { return std::to_string(v); }

// Text of a kernel with `bytes` of shared memory called smem (aligned to 1024, so that swizzles show whole), an mbarrier `mbar`
// behind it, and the registers %thread, %smem, %mbar. Labels are numbered.
class Block {
 public:
  Block(unsigned threads, unsigned smem);
  Block& operator()(const std::string& line) { return text_ += line + "\n", *this; }
  // smem[at..] = input `in` + from, `bytes` of it
  Block& fill(unsigned in, unsigned bytes, unsigned at = 0, const std::string& from = "0");
  Block& fill_word(uint32_t word, unsigned bytes, unsigned at = 0);
  // out[to..] = smem[at..]
  Block& dump(unsigned bytes, unsigned at, const std::string& to);
  // out[to..] = input `in`, which the kernel has changed
  Block& copy_out(unsigned in, unsigned bytes, unsigned to = 0);
  Block& sync() { return (*this)("bar.sync 0;"); }
  // Generic writes of all threads before operations of the async proxy.
  Block& to_async() { return (*this)("fence.proxy.async;").sync(); }
  Block& init(unsigned count);  // by thread 0
  // All threads wait for the phase of this parity; a wait that never ends gives up and dumps 0xdeadbeef at `to`.
  Block& wait(unsigned parity, const std::string& barrier = "%mbar");
  Block& one() { return (*this)("setp.ne.u32 %other, %thread, 0;\n@%other bra L" + str(label_) + ";"); }  // thread 0 only, until all()
  Block& all() { return (*this)("L" + str(label_++) + ":"); }
  std::string text() const { return text_; }
  unsigned threads() const { return threads_; }

 private:
  void loop(unsigned bytes, const std::string& body);
  unsigned threads_, label_ = 0, inner_ = 0;
  std::string text_;
};

// A buffer of n bytes of a kind's values.
Input buffer(const std::string& kind, uint64_t seed, size_t bytes);

}  // namespace hw
