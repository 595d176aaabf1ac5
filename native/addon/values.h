// JavaScript values in and out, with the key's name in every complaint.
#pragma once
#include <napi.h>

#include <cstdint>
#include <string>
#include <vector>

#include "native/device/error.h"
#include "worker.h"

namespace addon {

// Bytes of a typed array, read in place.
struct View {
  const uint8_t* data = nullptr;
  size_t bytes = 0;
};

inline bool has(const Napi::Object& o, const char* key) {
  const Napi::Value v = o.Get(key);
  return !v.IsUndefined() && !v.IsNull();
}

inline std::string text(const Napi::Object& o, const char* key) {
  const Napi::Value v = o.Get(key);
  if (!v.IsString()) device::fail("key \"", key, "\": expected a string, got ", v.ToString().Utf8Value());
  return v.As<Napi::String>();
}
inline std::string text_or(const Napi::Object& o, const char* key, const std::string& otherwise) {
  return has(o, key) ? text(o, key) : otherwise;
}

inline double number(const Napi::Object& o, const char* key) {
  const Napi::Value v = o.Get(key);
  if (!v.IsNumber()) device::fail("key \"", key, "\": expected a number, got ", v.ToString().Utf8Value());
  return v.As<Napi::Number>().DoubleValue();
}

inline int64_t integer(const Napi::Object& o, const char* key, int64_t lo, int64_t hi) {
  const double v = number(o, key);
  if (!(v >= double(lo) && v <= double(hi)) || v != double(int64_t(v)))
    device::fail("key \"", key, "\": expected an integer in ", lo, "..", hi, ", got ", v);
  return int64_t(v);
}
inline int64_t integer_or(const Napi::Object& o, const char* key, int64_t lo, int64_t hi, int64_t otherwise) {
  return has(o, key) ? integer(o, key, lo, hi) : otherwise;
}

inline bool flag_or(const Napi::Object& o, const char* key, bool otherwise) {
  if (!has(o, key)) return otherwise;
  if (!o.Get(key).IsBoolean()) device::fail("key \"", key, "\": expected true or false");
  return o.Get(key).As<Napi::Boolean>();
}

// The typed array's memory, kept alive through `kept`.
inline View bytes_of(const Napi::Value& v, const std::string& name, Kept& kept) {
  if (!v.IsTypedArray()) device::fail("\"", name, "\": expected a typed array, got ", v.ToString().Utf8Value());
  const auto a = v.As<Napi::TypedArray>();
  kept.push_back(Napi::Persistent(v.As<Napi::Object>()));
  return {static_cast<const uint8_t*>(a.ArrayBuffer().Data()) + a.ByteOffset(), a.ByteLength()};
}

// The word that an AbortSignal sets (harness/native.ts).
inline const volatile int32_t* cancel_word(const Napi::Object& o, Kept& kept) {
  if (!has(o, "cancel")) return nullptr;
  return reinterpret_cast<const volatile int32_t*>(bytes_of(o.Get("cancel"), "cancel", kept).data);
}

// Which kernels to run (kernels/schema.ts VARIANTS); "": the device's own.
inline std::string variant_of(const Napi::Object& o) {
  const std::string v = text_or(o, "variant", "");
  if (!v.empty() && v != "sm100" && v != "portable") device::fail("key \"variant\": expected sm100 or portable, got ", v);
  return v;
}

// Moves the bytes under an ArrayBuffer that frees them: no copy.
Napi::ArrayBuffer array_buffer(Napi::Env env, std::vector<uint8_t> bytes);

// The typed array that oracle/tensor.ts stores `dtype` in.
Napi::Value typed_array(Napi::Env env, const std::string& dtype, std::vector<uint8_t> bytes);

Napi::Array strings(Napi::Env env, const std::vector<std::string>& all);

// Declared properties that addon.cc exports.
Napi::Value run_op(const Napi::CallbackInfo& info);
Napi::Value launch_entry(const Napi::CallbackInfo& info);
Napi::Value open_engine(const Napi::CallbackInfo& info);

}  // namespace addon
