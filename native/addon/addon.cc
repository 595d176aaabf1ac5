// Entry of the addon. Functions throw JavaScript errors with the C++ sentence; what takes time returns a promise (worker.h).
#include "native/device/device.h"
#include "native/device/virtual.h"
#include "op_table.h"
#include "values.h"

#include "native/sim/driver/virtual_driver.h"

namespace addon {
namespace {

using Function = Napi::Value (*)(const Napi::CallbackInfo&);

template <Function f>
Napi::Value guarded(const Napi::CallbackInfo& info) {
  try {
    return f(info);
  } catch (const device::Error& e) {
    throw Napi::Error::New(info.Env(), e.what());
  }
}

Napi::Value configure(const Napi::CallbackInfo& info) {
  set_kernel_dir(text(info[0].As<Napi::Object>(), "kernels"));
  return info.Env().Undefined();
}

const char* kind_name(FieldKind k) {
  switch (k) {
    case FieldKind::in: return "in";
    case FieldKind::out: return "out";
    case FieldKind::counter: return "counter";
    case FieldKind::axis: return "axis";
    default: return "attr";
  }
}

// virtual of harness/native.ts
Napi::Value set_virtual(const Napi::CallbackInfo& info) {
  const auto q = info[0].As<Napi::Object>();
  sim::VirtualOptions& o = sim::virtual_options();
  const std::string async = text(q, "async");
  if (async != "lazy" && async != "random" && async != "eager")
    device::fail("key \"async\": expected lazy, random or eager, got ", async);
  o.async = async == "random"  ? sim::AsyncPolicy::random
            : async == "eager" ? sim::AsyncPolicy::eager
                               : sim::AsyncPolicy::lazy;
  o.seed = uint64_t(integer(q, "seed", 0, int64_t(1) << 53));
  o.check_uninitialised = o.check_order = flag_or(q, "checks", true);
  o.max_instructions = uint64_t(integer(q, "maxInstructions", 0, int64_t(1) << 53));
  o.profile_on = flag_or(q, "profile", false);
  return info.Env().Undefined();
}

Napi::Value take_profiles(const Napi::CallbackInfo& info) {
  return Napi::String::New(info.Env(), sim::take_profiles());
}

Napi::Value list_ops(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  auto ops = Napi::Array::New(env);
  for (const OpRow& row : op_table()) {
    auto op = Napi::Object::New(env);
    auto fields = Napi::Array::New(env);
    for (const OpField& f : row.fields) {
      auto field = Napi::Object::New(env);
      field.Set("name", f.name);
      field.Set("kind", kind_name(f.kind));
      field.Set("dtype", f.dtype);
      fields.Set(fields.Length(), field);
    }
    op.Set("name", row.name);
    op.Set("family", row.family);
    op.Set("fields", fields);
    ops.Set(ops.Length(), op);
  }
  return ops;
}

Napi::Value devices(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  auto all = Napi::Array::New(env);
  for (const device::Info& i : device::Device::list()) {
    auto d = Napi::Object::New(env);
    auto cc = Napi::Array::New(env, 2);
    cc.Set(0u, i.major);
    cc.Set(1u, i.minor);
    d.Set("id", i.id);
    d.Set("name", i.name);
    d.Set("compute_capability", cc);
    d.Set("memory_bytes", double(i.memory));
    all.Set(all.Length(), d);
  }
  return all;
}

Napi::Object init(Napi::Env env, Napi::Object exports) {
  static const device::Driver driver = device::virtual_driver();
  device::virtual_device() = {&driver, [] {
                                const sim::LaunchCount c = sim::all_launches();
                                return std::vector<std::pair<std::string, uint64_t>>{
                                    {"launches", c.launches},
                                    {"warp_instructions", c.warp_instructions},
                                    {"thread_instructions", c.thread_instructions}};
                              },
                              &sim::parameter_bytes,
                              &sim::take_lints,
                              &sim::take_profiles};
  exports.Set("configure", Napi::Function::New<guarded<configure>>(env));
  exports.Set("listOps", Napi::Function::New<guarded<list_ops>>(env));
  exports.Set("virtual", Napi::Function::New<guarded<set_virtual>>(env));
  exports.Set("takeProfiles", Napi::Function::New<guarded<take_profiles>>(env));
  exports.Set("devices", Napi::Function::New<guarded<devices>>(env));
  exports.Set("runOp", Napi::Function::New<guarded<run_op>>(env));
  exports.Set("launch", Napi::Function::New<guarded<launch_entry>>(env));
  exports.Set("openEngine", Napi::Function::New<guarded<open_engine>>(env));
  return exports;
}

}  // namespace
}  // namespace addon

static Napi::Object init_addon(Napi::Env env, Napi::Object exports) { return addon::init(env, exports); }
NODE_API_MODULE(dsv4, init_addon)
