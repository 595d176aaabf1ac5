#include "tensor.h"

#include "native/device/error.h"

namespace engine {

const char* name_of(DType t) {
  switch (t) {
    case DType::f32: return "f32";
    case DType::bf16: return "bf16";
    case DType::e4m3: return "e4m3";
    case DType::e2m1: return "e2m1";
    case DType::ue8m0: return "ue8m0";
    case DType::u8: return "u8";
    default: return "i32";
  }
}

size_t storage_bytes(DType t, int64_t n) {
  switch (t) {
    case DType::f32:
    case DType::i32: return size_t(4 * n);
    case DType::bf16: return size_t(2 * n);
    case DType::e2m1: return size_t((n + 1) / 2);
    default: return size_t(n);
  }
}

int64_t Tensor::numel() const {
  int64_t n = 1;
  for (int64_t d : shape) n *= d;
  return n;
}

Tensor Tensor::view(Shape s) const {
  Tensor t = *this;
  t.shape = std::move(s);
  if (t.numel() != numel()) device::fail(buffer->name(), ": expected a view of ", numel(), " elements, got ", t.numel());
  return t;
}

void Tensor::check_type(size_t element, bool integer) const {
  const size_t mine = storage_bytes(dtype, dtype == DType::e2m1 ? 2 : 1);
  if (mine != element || integer != (dtype == DType::i32))
    device::fail(buffer->name(), ": expected elements of ", element, " bytes", integer ? " (int32)" : "", ", got ", name_of(dtype));
}

}  // namespace engine
