// A tensor on the device: a format, a shape of logical elements, and a share in a buffer.
#pragma once
#include <cstdint>
#include <memory>
#include <string>
#include <type_traits>
#include <vector>

#include "kernels/common/types.h"
#include "native/device/device.h"

namespace engine {

enum class DType { f32, bf16, e4m3, e2m1, ue8m0, i32, u8 };

const char* name_of(DType t);
// Bytes that `n` elements occupy; e2m1 packs two a byte.
size_t storage_bytes(DType t, int64_t n);

using Shape = std::vector<int64_t>;

struct Tensor {
  DType dtype = DType::f32;
  Shape shape;
  std::shared_ptr<device::Buffer> buffer;  // null: an absent optional input

  explicit operator bool() const { return buffer != nullptr; }
  int64_t numel() const;
  size_t bytes() const { return storage_bytes(dtype, numel()); }
  int rows() const { return int(shape[0]); }
  int dim(int i) const { return int(shape[i]); }

  // The same elements under another shape.
  Tensor view(Shape s) const;

  // Address for a kernel parameter, whose type says which format the kernel takes: converting throws when it is another one.
  // Null when absent.
  struct Arg {
    const Tensor& t;
    template <class T>
    operator T*() const {
      if (!t.buffer) return nullptr;
      t.check_type(sizeof(T), std::is_same_v<std::remove_const_t<T>, int32_t>);
      return reinterpret_cast<T*>(t.buffer->ptr());
    }
  };
  Arg arg() const { return {*this}; }

 private:
  void check_type(size_t element, bool integer) const;
};

}  // namespace engine
