#include "umma_operand.h"

namespace sim::umma {

DecodeLine decoder(Kind kind, Number n, bool in_tensor_memory) {
  const bool containers = in_tensor_memory && !packed_fp4(kind);
  switch (n) {
    case Number::f16: return decode_line<Number::f16, 32>;
    case Number::bf16: return decode_line<Number::bf16, 32>;
    case Number::tf32: return decode_line<Number::tf32, 64>;
    case Number::e4m3: return decode_line<Number::e4m3, 16>;
    case Number::e5m2: return decode_line<Number::e5m2, 16>;
    case Number::u8: return decode_line<Number::u8, 16>;
    case Number::s8: return decode_line<Number::s8, 16>;
    case Number::e2m3: return containers ? decode_containers<E2M3, 0> : decode_line<Number::e2m3, 16>;
    case Number::e3m2: return containers ? decode_containers<E3M2, 0> : decode_line<Number::e3m2, 16>;
    case Number::e2m1:
      return packed_fp4(kind) ? decode_line<Number::e2m1, 8>
             : containers     ? decode_containers<E2M1, 2>
                              : decode_line<Number::e2m1, 16>;
  }
  return nullptr;
}

}  // namespace sim::umma
