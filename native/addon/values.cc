#include "values.h"

namespace addon {

Napi::ArrayBuffer array_buffer(Napi::Env env, std::vector<uint8_t> bytes) {
  if (bytes.empty()) return Napi::ArrayBuffer::New(env, 0);
  auto* own = new std::vector<uint8_t>(std::move(bytes));
  return Napi::ArrayBuffer::New(
      env, own->data(), own->size(), [](Napi::Env, void*, std::vector<uint8_t>* v) { delete v; }, own);
}

Napi::Value typed_array(Napi::Env env, const std::string& dtype, std::vector<uint8_t> bytes) {
  const size_t n = bytes.size();
  const Napi::ArrayBuffer b = array_buffer(env, std::move(bytes));
  if (dtype == "f64") return Napi::Float64Array::New(env, n / 8, b, 0);
  if (dtype == "f32") return Napi::Float32Array::New(env, n / 4, b, 0);
  if (dtype == "i32") return Napi::Int32Array::New(env, n / 4, b, 0);
  if (dtype == "i64") return Napi::BigInt64Array::New(env, n / 8, b, 0);
  if (dtype == "bf16") return Napi::Uint16Array::New(env, n / 2, b, 0);
  return Napi::Uint8Array::New(env, n, b, 0);
}

Napi::Array strings(Napi::Env env, const std::vector<std::string>& all) {
  auto a = Napi::Array::New(env, all.size());
  for (size_t i = 0; i < all.size(); ++i) a.Set(uint32_t(i), all[i]);
  return a;
}

}  // namespace addon
